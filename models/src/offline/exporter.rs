//! The exporter at work: role `cell-a/exporter`. Each day, for each tenant that lives in an offline cell, one bundle.
//!
//! What it has sealed is on its disk before it is staged, so a bundle that somebody may have seen is never made a
//! second time with other content. It is also the desk where bundles are given out, and gives none to one person.

use super::bundle::{
    Bundle, EDGES, File, Keys, Manifest, PEOPLE, POLICIES, POLICY_DATA, RECORDS, staged_key, topic_file,
};
use super::custody::{self, Custody, Trusted};
use super::gather::{Gather, Gathered, Sources};
use super::stores::{FENCES, Person, line_of, people_file};
use crate::crypto::hex;
use crate::fact::Fact;
use crate::ids::{Bytes, TenantId};
use crate::kafka::route::Routes;
use crate::luck::NONCE;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Headers, Method, Peer, Reason, Request, Response};
use crate::wire::kafka::TopicName;
use crate::wire::sql::Row;
use sim::disk::{FileId, Write};
use sim::seed::mix;
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Before cell, tenant and sequence in paths of the desk.
pub const DESK: &str = "/offline/";

/// Somebody who may log in in an offline cell, and until when the exporter says so.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Who.
    pub person: Person,
    /// When it is taken back, if ever.
    pub until: Instant,
}

/// What an exporter is.
#[derive(Clone)]
pub struct ExporterSpec {
    /// Its keys.
    pub keys: Keys,
    /// For which cells it makes bundles of which tenants.
    pub lines: Vec<(Arc<str>, TenantId)>,
    /// Database nodes of its cell.
    pub databases: Vec<NodeId>,
    /// Brokers of its cell.
    pub brokers: Vec<NodeId>,
    /// The object store of its cell.
    pub objects: NodeId,
    /// Domains of a tenant's topics.
    pub topics: fn(&str) -> Vec<TopicName>,
    /// Time between two bundles.
    pub every: Duration,
    /// Who may take bundles out.
    pub custody: Trusted,
    /// Data of each tenant's access policy, in JSON, each version with when it comes into force; in order.
    pub policies: Vec<(Instant, TenantId, Arc<str>)>,
    /// Who may log in.
    pub people: Vec<Enrolment>,
    /// Worker time of a bundle, and of a word at the desk.
    pub cost: (Duration, Duration),
}

/// What is under way for one tenant of one cell.
enum Work {
    Nothing,
    Reading(Gather),
    /// Sealed; staged when the disk has it, and again until the store has said so.
    Staging {
        body: Bytes,
        asked: Option<(u64, Instant)>,
    },
}

struct Line {
    cell: Arc<str>,
    tenant: TenantId,
    manifests: Vec<Manifest>,
    offsets: BTreeMap<TopicName, u64>,
    due: Instant,
    work: Work,
}

/// An exporter at work.
pub struct Exporter {
    spec: ExporterSpec,
    lines: Vec<Line>,
    sources: Sources,
    /// People at the desk, by the number of the question to the store.
    waiting: BTreeMap<u64, (NodeId, u64)>,
    life: u64,
    asked: u64,
    ticks: u64,
}

const SEALED: FileId = 0;
const TICK: u64 = 0;
const TICK_EVERY: Duration = Duration::millis(40);
const RETRY: Duration = Duration::millis(500);

/// A record of the disk: of which line, where its topics go on, and the bundle.
type Sealed = (u32, BTreeMap<TopicName, u64>, Bytes);

impl Exporter {
    /// An exporter that goes on from what it had sealed.
    pub fn boot(spec: &ExporterSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Exporter {
        let line = |(cell, tenant): &(Arc<str>, TenantId)| Line {
            cell: cell.clone(),
            tenant: tenant.clone(),
            manifests: Vec::new(),
            offsets: (spec.topics)(tenant).into_iter().map(|topic| (topic, 0)).collect(),
            due: Instant::ZERO + spec.every,
            work: Work::Nothing,
        };
        let mut lines: Vec<Line> = spec.lines.iter().map(line).collect();
        for record in ctx.disk().read(SEALED) {
            let Ok((at, offsets, body)) = postcard::from_bytes::<Sealed>(record) else { continue };
            let (Some(line), Some(bundle)) = (lines.get_mut(at as usize), Bundle::decode(&body)) else { continue };
            line.due = bundle.manifest.made_at + spec.every;
            (line.offsets, line.work) = (offsets, Work::Staging { body, asked: None });
            line.manifests.push(bundle.manifest);
        }
        let routes = Routes::new(spec.brokers.clone(), RETRY);
        let sources = Sources { databases: spec.databases.clone(), leader: 0, routes };
        let (life, waiting) = (ctx.draw(NONCE), BTreeMap::new());
        let mut exporter = Exporter { spec: spec.clone(), lines, sources, waiting, life, asked: 0, ticks: 0 };
        exporter.tick(ctx, out);
        exporter
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        self.sources.routes.tick(ctx.now());
        for at in 0..self.lines.len() {
            self.work(ctx, out, at);
        }
        out.timer_for(ctx.own(mix(self.life, self.ticks)), TICK_EVERY, TICK);
    }

    fn work(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, at: usize) {
        let now = ctx.now();
        let line = &mut self.lines[at];
        match &mut line.work {
            Work::Nothing if now >= line.due => {
                let topics = line.offsets.iter().map(|(topic, offset)| (topic.clone(), *offset));
                line.work = Work::Reading(Gather::new(&line.tenant, self.sources.leader, topics));
                self.work(ctx, out, at);
            }
            Work::Nothing => {}
            Work::Reading(gather) => {
                let (life, asked) = (self.life, &mut self.asked);
                let number = || {
                    *asked += 1;
                    mix(life, *asked)
                };
                for (to, id, word) in gather.ask(now, &mut self.sources, number) {
                    out.send_for(ctx.own(mix(self.life, id)), to, word);
                }
                if let Some(gathered) = gather.take() {
                    self.seal(ctx, out, at, gathered);
                }
            }
            Work::Staging { asked: Some((_, since)), .. } if now.since(*since) >= RETRY => self.stage(ctx, out, at),
            Work::Staging { asked: None, .. } => self.stage(ctx, out, at),
            Work::Staging { .. } => {}
        }
    }

    /// Makes a bundle of what was read, and keeps it.
    fn seal(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, at: usize, gathered: Gathered) {
        out.busy(self.spec.cost.0);
        let now = ctx.now();
        let line = &mut self.lines[at];
        for (topic, _, next) in &gathered.topics {
            line.offsets.insert(topic.clone(), *next);
        }
        let files = files(&self.spec, now, &line.tenant, &gathered);
        let manifest = Manifest {
            cell: line.cell.clone(),
            tenant: line.tenant.clone(),
            sequence: line.manifests.len() as u64 + 1,
            previous: line.manifests.last().map_or([0; 32], Manifest::digest),
            made_at: now,
            key_id: Arc::from(""),
            files: Vec::new(),
        };
        let (key, certificate) = self.spec.keys.at(ctx.controls(), now);
        let bundle = Bundle::seal(manifest, files, &key, certificate);
        let body: Bytes = bundle.encode().into();
        let sealed: Sealed = (at as u32, line.offsets.clone(), body.clone());
        out.write(SEALED, Write::Append(postcard::to_allocvec(&sealed).expect("a bundle has bytes").into()));
        out.sync(at as u64);
        line.manifests.push(bundle.manifest);
        line.due = now + self.spec.every;
        line.work = Work::Staging { body, asked: Some((0, now)) };
    }

    /// Puts a sealed bundle into its tenant's archive.
    fn stage(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, at: usize) {
        self.asked += 1;
        let id = mix(self.life, self.asked);
        let line = &mut self.lines[at];
        let sequence = line.manifests.len() as u64;
        let path = format!("/{}", staged_key(&line.cell, &line.tenant, sequence));
        let Work::Staging { body, asked } = &mut line.work else { return };
        *asked = Some((id, ctx.now()));
        let (request, to) = (asking(id, Method::Put, &path, &line.tenant, body.clone()), self.spec.objects);
        out.send_for(ctx.own(id), to, Wire::Http(request));
    }

    /// The store has answered: to what was staged, or for somebody at the desk.
    fn stored(&mut self, out: &mut Outbox<Saas>, response: Response) {
        if let Some((to, request)) = self.waiting.remove(&response.id) {
            let mut answer = Response::new(request, response.reason).with_body(response.body);
            (answer.tenant, answer.region) = (response.tenant, response.region);
            return out.send(to, Wire::HttpAnswer(Box::new(answer)));
        }
        let asked =
            |line: &&mut Line| matches!(line.work, Work::Staging { asked: Some((id, _)), .. } if id == response.id);
        let Some(line) = self.lines.iter_mut().find(asked) else { return };
        if (200..300).contains(&response.status) {
            line.work = Work::Nothing;
        } else if response.reason == Reason::Conflict {
            // Something else lies where the bundle should: nothing that time mends.
            let about = line.tenant.clone();
            let value = line.manifests.len() as u64;
            out.fact(Fact::Reported { by: "offline", what: "staging-conflict", about, value });
            line.work = Work::Nothing;
        }
    }

    /// Somebody at the desk.
    fn desk(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: &Request) {
        out.busy(self.spec.cost.1);
        let refuse = |out: &mut Outbox<Saas>, reason| {
            out.send(from, Wire::HttpAnswer(Box::new(Response::new(request.id, reason))));
        };
        let Some((line, sequence)) = self.asked_for(&request.path) else { return refuse(out, Reason::NotFound) };
        let manifest = &line.manifests[sequence as usize - 1];
        let custody = Custody::decode(&request.body);
        let Some(custody) = custody.filter(|_| request.method == Method::Post) else {
            return refuse(out, Reason::BadRequest);
        };
        if let Err(refused) = custody::check(ctx.controls(), &self.spec.custody, manifest, &custody) {
            let (reason, subject) = (refused.code(), manifest.tenant.clone());
            out.fact(Fact::Decided { by: "offline", allowed: false, reason, subject });
            return refuse(out, Reason::PolicyDenied);
        }
        let path = format!("/{}", staged_key(&line.cell, &line.tenant, sequence));
        let tenant = line.tenant.clone();
        self.asked += 1;
        let id = mix(self.life, self.asked);
        self.waiting.insert(id, (from, request.id));
        out.send(self.spec.objects, Wire::Http(asking(id, Method::Get, &path, &tenant, Bytes::default())));
    }

    /// The line and the sequence that a path of the desk names, if there is such a bundle.
    fn asked_for(&self, path: &str) -> Option<(&Line, u64)> {
        let mut parts = path.strip_prefix(DESK)?.split('/');
        let (cell, tenant, sequence) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        let line = self.lines.iter().find(|line| *line.cell == *cell && *line.tenant == *tenant)?;
        (1..=line.manifests.len() as u64).contains(&sequence).then_some((line, sequence))
    }
}

fn asking(id: u64, method: Method, path: &str, tenant: &TenantId, body: Bytes) -> Box<Request> {
    let headers = Headers { tenant_id: Some(tenant.clone()), ..Headers::default() };
    Box::new(Request { id, method, path: path.into(), headers, peer: Peer::default(), body })
}

/// The files of a bundle.
fn files(spec: &ExporterSpec, now: Instant, tenant: &TenantId, gathered: &Gathered) -> Vec<File> {
    let records: String = gathered.rows.iter().map(|row| line_of(row)).collect();
    let edge = |row: &Row| format!("{tenant}\tHOLDS\t{}\n", row[1].as_int().unwrap_or_default());
    let edges: String = gathered.rows.iter().map(edge).collect();
    let policy =
        spec.policies.iter().rev().find(|(at, of, _)| *at <= now && of == tenant).map(|(.., policy)| policy.clone());
    let people = spec.people.iter().filter(|e| e.person.tenant == *tenant && now < e.until);
    let people: Vec<Person> = people.map(|enrolment| enrolment.person.clone()).collect();
    let file = |name: &str, content: &str| (Arc::from(name), content.as_bytes().into());
    let mut files = vec![
        file(RECORDS, &records),
        file(POLICIES, FENCES),
        file(EDGES, &edges),
        file(POLICY_DATA, policy.as_deref().unwrap_or_default()),
        file(PEOPLE, &people_file(&people)),
    ];
    files.extend(gathered.topics.iter().map(|(topic, events, _)| (topic_file(topic), topic_lines(events))));
    files
}

/// Events as lines: offset, and the event in hexadecimal digits.
fn topic_lines(events: &[(u64, Bytes)]) -> Bytes {
    let mut text = String::new();
    for (offset, event) in events {
        writeln!(text, "{offset}\t{}", hex(event)).expect("writing to memory does not fail");
    }
    text.as_bytes().into()
}

impl Machine<Saas> for Exporter {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { .. } => self.tick(ctx, out),
            Input::Message { from, message: Wire::Http(request) } => self.desk(ctx, out, from, &request),
            Input::Message { message: Wire::HttpAnswer(response), .. } => self.stored(out, *response),
            Input::Message { message: Wire::SqlAnswer(id, outcome), .. } => {
                for line in &mut self.lines {
                    if let Work::Reading(gather) = &mut line.work {
                        gather.rows(&mut self.sources, id, outcome.clone());
                    }
                }
            }
            Input::Message { message: Wire::KafkaAnswer(id, response), .. } => {
                self.sources.routes.answered(id, &response);
                for line in &mut self.lines {
                    if let Work::Reading(gather) = &mut line.work {
                        gather.events(id, &response);
                    }
                }
            }
            Input::Synced { token, ok: true } => self.stage(ctx, out, token as usize),
            _ => {}
        }
    }
}
