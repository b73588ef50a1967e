//! Synthetic checks: replays recorded requests at the canary and at the stable release, and compares the answers
//! (CEL-07).
//!
//! Requests come redacted from the gateways of all cells, and are replayed in the name of every tenant of this one:
//! what one shard was asked must give in another what is that tenant's own, or nothing. Whatever changes something is
//! replayed as the read of what it would change. Of answers a digest is kept and nothing else. Knows nothing of who may
//! see what: a new release that tells anybody more than the old one is a difference, and so is one that tells less.

use crate::crypto::sha256;
use crate::fact::{Fact, Place};
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Method, Request, Response};
use crate::wire::rollout::{Compared, Recording, Rollout};
use sim::disk::{FileId, Write};
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Whose facts these are.
pub const BY: &str = "checker";
/// An answer of the canary is not what the stable release says, however often both are asked; about the tenant in whose
/// name they were. The value is the release.
pub const DIFFERS: &str = "differs";
/// Where recordings lie.
pub const STORE: &str = "recordings";

/// Recordings that are kept: the newest.
const KEPT_MAX: usize = 48;
/// Questions whenever the controller asks for a check, about as many recordings. The next time these are asked about in
/// another name, and not at once: what one tenant was told must have had the time to reach the other.
const QUESTIONS: u64 = 6;
/// Questions without an answer, at most.
const OPEN_MAX: usize = 24;
/// A question without its answers for this long is forgotten.
const PATIENCE: Duration = Duration::millis(800);
/// Data changes between two answers. So often both are asked before what differs counts.
const TRIES: u8 = 4;

/// What a checker is.
#[derive(Clone, Debug)]
pub struct CheckerSpec {
    /// Where it keeps recordings.
    pub place: Place,
    /// Who asks for checks.
    pub controller: NodeId,
    /// Gateways that record, of all cells.
    pub gateways: Vec<NodeId>,
    /// In whose names it asks.
    pub tenants: Vec<TenantId>,
    /// Instances of the stable release, and the canary.
    pub instances: (Vec<NodeId>, NodeId),
}

/// Status and digest of an answer.
type Told = (u16, [u8; 32]);

/// A question to both.
struct Question {
    tenant: TenantId,
    path: Arc<str>,
    tries: u8,
    asked: Instant,
    /// From the stable release, and from the canary.
    told: [Option<Told>; 2],
}

/// A checker at work.
pub struct Checker {
    spec: CheckerSpec,
    name: u64,
    recordings: VecDeque<Recording>,
    /// Recordings on their way to the disk.
    writing: BTreeMap<u64, Recording>,
    recorded: u64,
    release: u32,
    checked: Compared,
    open: BTreeMap<u64, Question>,
    asked: u64,
    turn: u64,
}

const RECORDINGS: FileId = 0;

impl Checker {
    /// A checker with what it had recorded.
    pub fn boot(spec: &CheckerSpec, ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> Checker {
        let kept = ctx.disk().read(RECORDINGS).iter().filter_map(|record| postcard::from_bytes(record).ok());
        Checker {
            name: name_hash(BY) ^ ctx.lineage().cause,
            recordings: kept.collect(),
            writing: BTreeMap::new(),
            recorded: 0,
            release: 0,
            checked: Compared::default(),
            open: BTreeMap::new(),
            // What was asked in another life is another question.
            asked: ctx.now().0,
            turn: 0,
            spec: spec.clone(),
        }
    }

    /// Somebody has recorded a request: it is kept if there is something in it to replay, or to be redacted.
    fn recorded(&mut self, out: &mut Outbox<Saas>, recording: Recording) {
        if record_of(&recording.path).is_none() {
            return;
        }
        self.recorded += 1;
        let record = postcard::to_allocvec(&recording).expect("a recording has bytes");
        out.write(RECORDINGS, Write::Append(record.into()));
        if self.recordings.len() + self.writing.len() >= KEPT_MAX {
            out.write(RECORDINGS, Write::DropFront(1));
        }
        out.sync(self.recorded);
        self.writing.insert(self.recorded, recording);
    }

    fn synced(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some(recording) = self.writing.remove(&token).filter(|_| ok) else { return };
        let Recording { method, path, body, .. } = &recording;
        let mut text = format!("{} {path}\n", method.name()).into_bytes();
        text.extend_from_slice(body);
        let (place, key) = (self.spec.place.clone(), format!("{STORE}/{token}").into());
        out.fact(Fact::ObjectStored { place, key, version: 1, kept_until: Instant::ZERO, body: text.into() });
        self.recordings.push_back(recording);
        if self.recordings.len() > KEPT_MAX {
            self.recordings.pop_front();
        }
    }

    /// The controller asks how far the comparison is, and for more of it.
    fn check(&mut self, now: Instant, out: &mut Outbox<Saas>, release: u32) {
        if release != self.release {
            (self.release, self.checked) = (release, Compared::default());
            self.open.clear();
        }
        self.open.retain(|_, question| now.since(question.asked) < PATIENCE);
        let in_doubt = self.open.values().filter(|question| question.tries > 1).count() as u64;
        let checked = Rollout::Checked(release, Compared { in_doubt, ..self.checked });
        out.send(self.spec.controller, Wire::Rollout(Box::new(checked)));
        for _ in 0..QUESTIONS {
            if self.open.len() < OPEN_MAX {
                self.ask_next(now, out);
            }
        }
    }

    /// The next question: recordings as they were in the name of every tenant, and then as their owners' in theirs.
    fn ask_next(&mut self, now: Instant, out: &mut Outbox<Saas>) {
        let names = self.spec.tenants.len() as u64;
        if self.recordings.is_empty() || names == 0 {
            return;
        }
        let (round, place) = (self.turn / QUESTIONS, self.turn % QUESTIONS);
        let (recording, way) = (round / (2 * names) * QUESTIONS + place, round % (2 * names));
        self.turn += 1;
        let recording = &self.recordings[(recording % self.recordings.len() as u64) as usize];
        let tenant = self.spec.tenants[(way % names) as usize].clone();
        let Some(record) = record_of(&recording.path) else { return };
        let owner = if way < names { String::new() } else { format!("{}~", recording.tenant) };
        let path = format!("{RECORDS}{owner}{record}").into();
        self.ask(out, Question { tenant, path, tries: 1, asked: now, told: [None; 2] });
    }

    fn ask(&mut self, out: &mut Outbox<Saas>, question: Question) {
        self.asked += 1;
        let (stable, canary) = &self.spec.instances;
        let stable = stable[(self.asked % stable.len() as u64) as usize];
        for (side, to) in [stable, *canary].into_iter().enumerate() {
            let id = self.asked * 2 + side as u64;
            let mut request = Request::new(id, Method::Get, question.path.clone());
            request.headers.tenant_id = Some(question.tenant.clone());
            request.headers.region = Some(self.spec.place.region.clone());
            out.send_for(Lineage::root(self.name, id), to, Wire::Http(Box::new(request)));
        }
        self.open.insert(self.asked, question);
    }

    fn answered(&mut self, now: Instant, out: &mut Outbox<Saas>, response: &Response) {
        let (number, side) = (response.id / 2, (response.id % 2) as usize);
        let Some(question) = self.open.get_mut(&number) else { return };
        question.told[side] = Some((response.status, sha256(&response.body)));
        let [Some(stable), Some(canary)] = question.told else { return };
        let Some(question) = self.open.remove(&number) else { return };
        // What failed tells nothing about what would have been told: errors are counted elsewhere.
        if stable.0 >= 500 || canary.0 >= 500 {
            return;
        }
        if stable == canary {
            self.checked.alike += 1;
        } else if question.tries < TRIES {
            self.ask(out, Question { tries: question.tries + 1, asked: now, told: [None; 2], ..question });
        } else {
            self.checked.differ += 1;
            let (about, value) = (question.tenant, self.release.into());
            out.fact(Fact::Reported { by: BY, what: DIFFERS, about, value });
        }
    }
}

const RECORDS: &str = "/v1/records/";

/// The record that a path names, as its owner names it.
fn record_of(path: &str) -> Option<&str> {
    let record = path.strip_prefix(RECORDS)?;
    record.bytes().all(|b| b.is_ascii_digit()).then_some(record)
}

impl Machine<Saas> for Checker {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Rollout(word) } => match *word {
                Rollout::Recorded(recording) if self.spec.gateways.contains(&from) => self.recorded(out, recording),
                Rollout::Check(release) if from == self.spec.controller => self.check(ctx.now(), out, release),
                _ => {}
            },
            Input::Message { message: Wire::HttpAnswer(response), .. } => self.answered(ctx.now(), out, &response),
            Input::Synced { token, ok } => self.synced(out, token, ok),
            _ => {}
        }
    }
}
