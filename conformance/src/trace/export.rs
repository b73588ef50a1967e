//! A simulated run as a trace, with the deployment that judges it: the same run gives the same bytes.
//!
//! What only a simulator knows is left out, and so is all content. Audit topics, what was audited of requests, and
//! decisions are chained; other logs of events are numbered with sums; the rest is what a log usually is: lines.

use super::canonical;
use super::event::{Answered, At, EventStored, Id, Row, Time, VERSION, What};
use models::fact::{Answer, Fact, Place};
use models::marker::Scanner;
use models::oracles::Cast;
use models::oracles::delivery::LIST;
use models::oracles::revisions::IN_FORCE;
use models::wire::http::trace::TraceId;
use scenarios::prove::Finished;
use scenarios::stage::Terms;
use serde_json::{Map, Value, json};
use sim::chain::Digest;
use sim::chain::hash_chain::link;
use std::collections::{BTreeMap, BTreeSet};

/// Who writes the traces of simulations.
const RECORDER: &str = "cellproof run";
/// The stream of what was audited of requests.
const AUDITED: &str = "audit/requests";
/// In front of the name of a topic's record in an inspection.
const INSPECT: &str = "INSPECT ";

/// How a stream is sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Chain,
    Sum,
}

struct Stream {
    by: By,
    next: u64,
    head: Digest,
}

/// A trace being written.
struct Writer<'a> {
    cast: &'a Cast,
    out: String,
    streams: BTreeMap<String, Stream>,
    /// Digests of what was received and not answered yet.
    open: BTreeMap<(String, String), Digest>,
    asked: BTreeSet<(String, u64)>,
}

/// The trace of a run whose facts were kept.
pub fn trace(run: &Finished, terms: &Terms) -> String {
    let entries = &run.journal.entries;
    let asked = entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Asked { principal, request, .. } => Some((principal.to_string(), *request)),
        _ => None,
    });
    let mut writer = Writer {
        cast: &terms.cast,
        out: String::new(),
        streams: BTreeMap::new(),
        open: BTreeMap::new(),
        asked: asked.collect(),
    };
    writer.line(0, "", None, &What::Began { version: VERSION, recorder: RECORDER.into() });
    for entry in entries {
        let node = run.roles.get(entry.node.0 as usize).map_or("", String::as_str);
        writer.fact(entry.at.0, node, &entry.fact);
    }
    writer.end(entries.last().map_or(0, |entry| entry.at.0));
    writer.out
}

impl Writer<'_> {
    fn fact(&mut self, at: u64, node: &str, fact: &Fact) {
        let Some(what) = self.what(fact) else { return };
        let stream = match &what {
            What::EventStored(event) => {
                let name = format!("kafka/{}/{}/{}", event.place.cell, event.topic, event.partition);
                Some((name, if event.topic.ends_with(".audit") { By::Chain } else { By::Sum }))
            }
            What::DecisionKept { place, .. } => Some((format!("siem/{}", place.cell), By::Chain)),
            _ => None,
        };
        let digest = self.line(at, node, stream, &what);
        match what {
            What::Received { principal, request, .. } => {
                self.open.insert((principal, request), digest);
            }
            What::Answered(Answered { principal, request: Some(request), .. }) => {
                if let Some(received) = self.open.remove(&(principal.clone(), request.clone())) {
                    self.audited(at, node, principal, request, received, Some(digest));
                }
            }
            _ => {}
        }
    }

    fn audited(
        &mut self,
        at: u64,
        node: &str,
        principal: String,
        request: String,
        came: Digest,
        became: Option<Digest>,
    ) {
        let answered = became.map(|digest| digest.to_string());
        let what = What::AuditRecord { principal, request, received: came.to_string(), answered };
        self.line(at, node, Some((AUDITED.to_owned(), By::Chain)), &what);
    }

    /// States what nobody had answered, and the end of every stream.
    fn end(&mut self, at: u64) {
        for ((principal, request), received) in std::mem::take(&mut self.open) {
            self.audited(at, "", principal, request, received, None);
        }
        let streams: Vec<_> = self.streams.iter().map(|(name, s)| (name.clone(), s.by, s.next, s.head)).collect();
        for (name, by, next, head) in streams {
            let head = (by == By::Chain).then(|| head.to_string());
            let mut members = members(at, "", &What::StreamEnded { head });
            members.extend([("stream".to_owned(), json!(name)), ("seq".to_owned(), json!(next))]);
            self.write(&members);
        }
        self.line(at, "", None, &What::Ended {});
    }

    /// Writes a line, sealed in its stream if it has one; returns its digest.
    fn line(&mut self, at: u64, node: &str, stream: Option<(String, By)>, what: &What) -> Digest {
        let mut members = members(at, node, what);
        if let Some((name, by)) = stream {
            let head = Digest::of(name.as_bytes());
            let stream = self.streams.entry(name.clone()).or_insert(Stream { by, next: 0, head });
            members.extend([("stream".to_owned(), json!(name)), ("seq".to_owned(), json!(stream.next))]);
            stream.next += 1;
            let bytes = canonical::line(&members, &[]);
            let (member, seal) = match by {
                By::Chain => {
                    stream.head = link(stream.head, &bytes);
                    ("link", stream.head)
                }
                By::Sum => ("sum", Digest::of(&bytes)),
            };
            members.insert(member.to_owned(), json!(seal.to_string()));
        }
        self.write(&members);
        canonical::digest(&members)
    }

    fn write(&mut self, members: &Map<String, Value>) {
        self.out.push_str(&String::from_utf8_lossy(&canonical::line(members, &[])));
        self.out.push('\n');
    }

    fn what(&self, fact: &Fact) -> Option<What> {
        Some(match fact {
            Fact::Asked { principal, request, what } => What::Received {
                principal: principal.to_string(),
                request: name(*request),
                operation: what.to_string(),
            },
            Fact::Answered(answer) if self.asked.contains(&(answer.principal.to_string(), answer.request)) => {
                What::Answered(self.answered(answer))
            }
            Fact::Answered(answer) => What::Delivered(self.answered(answer)),
            Fact::RowStored { place, tenant, key, version, body, .. } => What::RowStored {
                place: here(place),
                tenant: tenant.to_string(),
                key: Id::Number(*key),
                version: u64::try_from(*version).unwrap_or_default(),
                content: Some(Digest::of(body).to_string()),
                rows: self.rows(body),
            },
            Fact::EventStored { place, topic, partition, offset, request, body } => What::EventStored(EventStored {
                place: here(place),
                topic: topic.to_string(),
                partition: *partition,
                offset: *offset,
                request: Some(name(*request)),
                content: Digest::of(body).to_string(),
                rows: self.rows(body),
            }),
            Fact::EntryEvicted { place, tenant, by, held } => What::EntryEvicted {
                place: here(place),
                tenant: tenant.to_string(),
                by: by.as_deref().map(str::to_owned),
                held: *held,
            },
            Fact::DecisionKept { place, tenant, trace, allowed, input_sha256 } => What::DecisionKept {
                place: here(place),
                tenant: tenant.to_string(),
                trace: trace.map(story),
                allowed: *allowed,
                input_sha256: Digest(*input_sha256).to_string(),
            },
            Fact::ObjectStored { place, key, version, kept_until, body } => What::ObjectStored {
                place: here(place),
                key: key.to_string(),
                version: *version,
                kept_until: Time(kept_until.0),
                content: Digest::of(body).to_string(),
                rows: self.rows(body),
            },
            Fact::ObjectRemoved { place, key, version } => {
                What::ObjectRemoved { place: here(place), key: key.to_string(), version: *version }
            }
            Fact::Decided { by, allowed, reason, subject } => What::Decided {
                by: (*by).to_owned(),
                allowed: *allowed,
                reason: (*reason).to_owned(),
                subject: subject.to_string(),
            },
            Fact::Reported { by, what, about, value } if (*by, *what) == IN_FORCE => {
                What::ConfigApplied { name: about.to_string(), revision: *value }
            }
            Fact::Reported { by, what, about, value } => What::Security {
                by: (*by).to_owned(),
                what: (*what).to_owned(),
                about: about.to_string(),
                value: *value,
            },
            Fact::EntryStored { .. } | Fact::BundleRestored(_) | Fact::Truth { .. } => return None,
            // What graph databases state has no record yet.
            Fact::GraphOpened { .. } | Fact::NodeStored { .. } | Fact::EdgeStored { .. } => return None,
            // Nor what a logical replica holds.
            Fact::Replicated(_) => return None,
            Fact::AttemptKept { .. } => return None,
        })
    }

    fn answered(&self, answer: &Answer) -> Answered {
        let is_list = *answer.what == *LIST;
        let is_compared = answer.what.starts_with(INSPECT);
        let names = String::from_utf8_lossy(if is_list { &answer.body } else { &[] });
        Answered {
            principal: answer.principal.to_string(),
            request: (answer.request != 0).then(|| name(answer.request)),
            operation: answer.what.to_string(),
            status: answer.status,
            reason: Some(answer.reason.to_owned()).filter(|reason| !reason.is_empty()),
            tenant: answer.tenant.as_deref().map(str::to_owned),
            region: answer.region.as_deref().map(str::to_owned),
            retry_after_s: answer.retry_after_s,
            trace: answer.trace.map(story),
            degraded: answer.degraded,
            took_ns: answer.took.0,
            began: Some(Time(answer.intended.0)),
            rows: self.rows(&answer.body),
            content: is_compared.then(|| Digest::of(&answer.body).to_string()),
            names: names.lines().map(str::to_owned).collect(),
        }
    }

    /// The records that some bytes hold, as their markers say.
    fn rows(&self, body: &[u8]) -> Vec<Row> {
        let mut rows = Vec::new();
        Scanner::shared().scan(body, |hit| {
            let tenant = hit.marker.map(|marker| match self.cast.by_index(marker.tenant) {
                Some(member) => member.id.to_string(),
                None => format!("tenant {}", marker.tenant),
            });
            let (record, version) = hit.marker.map_or((0, 0), |marker| (marker.record, marker.field));
            rows.push(Row { tenant, record: Id::Number(record.into()), version: version.into() });
        });
        rows
    }
}

fn members(at: u64, node: &str, what: &What) -> Map<String, Value> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(what) else { unreachable!("an event is an object") };
    members.insert("at".to_owned(), json!(at));
    if !node.is_empty() {
        members.insert("node".to_owned(), json!(node));
    }
    members
}

fn name(request: u64) -> String {
    format!("{request:016x}")
}

fn story(TraceId(high, low): TraceId) -> String {
    format!("{high:016x}{low:016x}")
}

fn here(place: &Place) -> At {
    At { store: place.store.to_owned(), cell: place.cell.to_string(), region: place.region.to_string() }
}

/// The deployment that has the trace of a run, in `file`, judged by the terms of the run.
pub fn deployment(title: &str, file: &str, terms: &Terms) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let list = |all: &mut dyn Iterator<Item = &str>| format!("[{}]", all.map(text).collect::<Vec<_>>().join(", "));
    let mut out = format!("# Written by {RECORDER}: judge it with `cellproof certify`.\n");
    out.push_str(&format!("version = 1\nname = {}\n\n", text(title)));
    for member in terms.cast.members().iter().take(2) {
        out.push_str(&format!("[[tenant]]\nid = {}\n\n", text(&member.id)));
    }
    let mut holds = vec!["requests", "triples"];
    if terms.keeps_decisions {
        holds.push("decisions");
    }
    out.push_str(&format!("[trace]\nholds = {}\n", list(&mut holds.into_iter())));
    out.push_str(&format!("switches-per-min = {}\n", terms.switches_per_min));
    out.push_str(&format!("cache-floor-bytes = {}\n", terms.cache_floor));
    if let Some(mirrors) = &terms.mirrors {
        let ways: Vec<String> = mirrors.iter().map(|(a, b)| format!("[{}, {}]", text(a), text(b))).collect();
        out.push_str(&format!("mirrors = [{}]\n", ways.join(", ")));
    }
    if !terms.connectors.is_empty() {
        out.push_str(&format!("connectors = {}\n", list(&mut terms.connectors.iter().map(|id| &**id))));
    }
    if !terms.edited.is_empty() {
        out.push_str(&format!("edited = {}\n", list(&mut terms.edited.iter().map(|topic| &**topic))));
    }
    if terms.is_witnessed {
        out.push_str("inspected = true\n");
    }
    out.push_str(&format!("\n[[trace.file]]\npath = {}\nform = \"cellproof\"\n", text(file)));
    out.push_str(&cast(&terms.cast));
    out
}

fn cast(cast: &Cast) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut out = String::new();
    for member in cast.members() {
        let (id, region, cell) = (text(&member.id), text(&member.region), text(&member.cell));
        out.push_str(&format!("\n[[trace.tenant]]\nid = {id}\nregion = {region}\ncell = {cell}\n"));
    }
    for principal in cast.principals() {
        out.push_str(&format!("\n[[trace.principal]]\nname = {}\n", text(&principal.name)));
        let also: Vec<String> = principal.also.iter().map(|id| text(id)).collect();
        principal.tenant.iter().for_each(|tenant| out.push_str(&format!("tenant = {}\n", text(tenant))));
        if !also.is_empty() {
            out.push_str(&format!("also = [{}]\n", also.join(", ")));
        }
        if principal.honest {
            out.push_str("honest = true\n");
        }
        out.push_str(&format!("breach = {}\n", text(principal.breach)));
        if principal.never {
            out.push_str(&format!("entitled-until = {}\n", principal.entitled_until.0));
        }
    }
    for forbidden in cast.all_forbidden() {
        let (tenant, record, from) = (text(&forbidden.tenant), forbidden.record, forbidden.from.0);
        let requirement = text(forbidden.requirement);
        out.push_str(&format!("\n[[trace.forbidden]]\ntenant = {tenant}\nrecord = {record}\nfrom = {from}\n"));
        out.push_str(&format!("requirement = {requirement}\n"));
    }
    for (tenant, at) in cast.deleted() {
        out.push_str(&format!("\n[[trace.deleted]]\ntenant = {}\nat = {}\n", text(tenant), at.0));
    }
    out
}
