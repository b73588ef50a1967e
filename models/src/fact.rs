//! What can be observed of the platform, each with the vantage it is seen from.
//!
//! Isolation is convicted or acquitted on client and store facts. A component's own decision is a log fact: it explains
//! what happened, and never acquits.

use crate::ids::{Bytes, TenantId};
use crate::wire::http::trace::TraceId;
use sim::{Duration, Instant, Vantage};
use std::sync::Arc;

/// Something observable that happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Fact {
    /// A principal sent a request. *client*
    Asked {
        /// Who.
        principal: Arc<str>,
        /// Correlates the answer.
        request: u64,
        /// Method and path.
        what: Arc<str>,
    },
    /// A principal got an answer, or gave up waiting. *client*
    Answered(Box<Answer>),
    /// A row of a tenant became durable. *store*
    RowStored {
        /// Where it lies.
        place: Place,
        /// The slice that holds it; `None` for the one that tenants share.
        slice: Option<Arc<str>>,
        /// The tenant whose row it is, by its tenant column.
        tenant: TenantId,
        /// Primary key within the tenant.
        key: i64,
        /// Version column.
        version: i64,
        /// The body column.
        body: Bytes,
    },
    /// An event became durable in a log. *store*
    EventStored {
        /// Where it lies.
        place: Place,
        /// Topic.
        topic: Arc<str>,
        /// Partition.
        partition: u32,
        /// Offset.
        offset: u64,
        /// The producing request, as the event carries it.
        request: u64,
        /// The event.
        body: Bytes,
    },
    /// An entry of a tenant that is pinned to a slice came into a cache. *store*
    EntryStored {
        /// Where it lies.
        place: Place,
        /// The logical database.
        database: u16,
        /// Whose it is.
        tenant: TenantId,
    },
    /// An entry of a tenant left a cache to make room for another. *store*
    EntryEvicted {
        /// Where it lay.
        place: Place,
        /// Whose it was.
        tenant: TenantId,
        /// Whose entry came; none when it belongs to no tenant.
        by: Option<TenantId>,
        /// Bytes that the tenant held there until then.
        held: u64,
    },
    /// A decision of a policy agent became durable in the SIEM. *store*
    DecisionKept {
        /// Where it lies.
        place: Place,
        /// For whom it was made.
        tenant: TenantId,
        /// In which story.
        trace: Option<TraceId>,
        /// What it was.
        allowed: bool,
        /// SHA-256 of the question's canonical JSON.
        input_sha256: [u8; 32],
    },
    /// A statement that was refused on the operators' console became durable in the SIEM. *store*
    AttemptKept {
        /// Where it lies.
        place: Place,
        /// For whom it was to run.
        tenant: TenantId,
        /// In which story.
        trace: Option<TraceId>,
        /// Why it was refused.
        reason: Arc<str>,
    },
    /// A version of an object became durable, or lies there when its store begins. *store*
    ObjectStored {
        /// Where it lies.
        place: Place,
        /// Its key: tenant, domain, product, name.
        key: Arc<str>,
        /// Counts up from 1.
        version: u32,
        /// Before this nobody may replace or remove it; zero where nothing is kept.
        kept_until: Instant,
        /// Its content.
        body: Bytes,
    },
    /// A version of an object is gone. *store*
    ObjectRemoved {
        /// Where it lay.
        place: Place,
        /// Its key.
        key: Arc<str>,
        /// Which version.
        version: u32,
    },
    /// A graph database begins, and states next what it holds: nothing that it stated before counts any more. *store*
    GraphOpened {
        /// Where.
        place: Place,
    },
    /// A node of a graph became durable, or lies there when its database begins. *store*
    NodeStored {
        /// Where it lies.
        place: Place,
        /// Whose label it carries.
        tenant: TenantId,
        /// Its other label.
        label: Arc<str>,
        /// Every text in it.
        body: Bytes,
    },
    /// So many relations lead from one record to another, or do when the database begins. *store*
    EdgeStored {
        /// Where they lie.
        place: Place,
        /// Whose they are.
        tenant: TenantId,
        /// From which record.
        source: i64,
        /// To which record.
        target: i64,
        /// The change that made it so.
        version: i64,
        /// How many there are.
        copies: u32,
    },
    /// A row of a logical replica became durable, lies there when the replica begins, or is gone. *store*
    Replicated(Box<Replicated>),
    /// A bundle became what an offline cell's stores hold of its tenant. *store*
    BundleRestored(Box<Restored>),
    /// A component decided. *log*
    Decided {
        /// The component's role in the decision: `gateway.token`, `policy`, `mesh`.
        by: &'static str,
        /// Whether it let pass.
        allowed: bool,
        /// Why, as a stable code.
        reason: &'static str,
        /// For which tenant or peer.
        subject: Arc<str>,
    },
    /// A component reported something else that operators see: a failover, a fence, an alarm. *log*
    Reported {
        /// The component.
        by: &'static str,
        /// Stable code.
        what: &'static str,
        /// About whom or what.
        about: Arc<str>,
        /// A number that belongs to it (an offset, a lag in milliseconds, a count).
        value: u64,
    },
    /// What only the simulator knows. *truth*
    Truth {
        /// Stable code.
        what: &'static str,
        /// About whom or what.
        about: Arc<str>,
        /// A number that belongs to it.
        value: u64,
    },
}

/// Where something durable lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// `postgres`, `kafka`, `cache`, `objects`, `graph`, `offline`, `recordings`.
    pub store: &'static str,
    /// The cell.
    pub cell: Arc<str>,
    /// The region of the cell.
    pub region: Arc<str>,
}

/// A row as a logical replica holds it, or held it.
#[derive(Clone, PartialEq, Debug)]
pub struct Replicated {
    /// Where it lies.
    pub place: Place,
    /// Whose it is, by its tenant column.
    pub tenant: TenantId,
    /// Primary key within the tenant.
    pub key: i64,
    /// Version column.
    pub version: i64,
    /// Where it may lie: `any`, or a region.
    pub residency: Arc<str>,
    /// The body column.
    pub body: Bytes,
    /// Whether it is there; else it is gone.
    pub present: bool,
}

/// What an offline cell's stores hold after a bundle was restored.
#[derive(Clone, PartialEq, Debug)]
pub struct Restored {
    /// Where it lies.
    pub place: Place,
    /// Whose it is.
    pub tenant: TenantId,
    /// Which bundle of the tenant's it was.
    pub sequence: u64,
    /// SHA-256 of its manifest, as it is kept beside it.
    pub manifest_sha256: [u8; 32],
    /// What the stores hold, read back, as SHA-256 of the files that would say the same; in order of name.
    pub contents: Vec<(Arc<str>, [u8; 32])>,
    /// In whose custody it came, as it is kept beside it.
    pub custody: Bytes,
}

/// An answer as its principal sees it, or that there was none.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// Who.
    pub principal: Arc<str>,
    /// The request it answers.
    pub request: u64,
    /// What was asked, as method and path.
    pub what: Arc<str>,
    /// Status code; 0 when the principal gave up waiting.
    pub status: u16,
    /// Reason code, as the platform gives it.
    pub reason: &'static str,
    /// The `x-tenant-id` of the answer.
    pub tenant: Option<TenantId>,
    /// The `x-region` of the answer.
    pub region: Option<Arc<str>>,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u32>,
    /// The story that it says the request is part of.
    pub trace: Option<TraceId>,
    /// Whether it says that it is degraded.
    pub degraded: bool,
    /// Every byte of content.
    pub body: Bytes,
    /// From the intended start to the last byte.
    pub took: Duration,
    /// When it was meant to start: an open-loop client never waits for the one before.
    pub intended: Instant,
}

impl sim::Fact for Fact {
    fn vantage(&self) -> Vantage {
        match self {
            Fact::Asked { .. } | Fact::Answered(_) => Vantage::Client,
            Fact::RowStored { .. }
            | Fact::EventStored { .. }
            | Fact::EntryStored { .. }
            | Fact::EntryEvicted { .. }
            | Fact::DecisionKept { .. }
            | Fact::AttemptKept { .. }
            | Fact::ObjectStored { .. }
            | Fact::ObjectRemoved { .. }
            | Fact::GraphOpened { .. }
            | Fact::NodeStored { .. }
            | Fact::EdgeStored { .. }
            | Fact::Replicated(_)
            | Fact::BundleRestored(_) => Vantage::Store,
            Fact::Decided { .. } | Fact::Reported { .. } => Vantage::Log,
            Fact::Truth { .. } => Vantage::Truth,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Fact::Asked { principal, request, what } => {
                out.push(1);
                text(out, principal);
                out.extend_from_slice(&request.to_le_bytes());
                text(out, what);
            }
            Fact::Answered(answer) => {
                out.push(2);
                answer.encode(out);
            }
            Fact::RowStored { place, slice, tenant, key, version, body } => {
                out.push(if slice.is_some() { 17 } else { 3 });
                place.encode(out);
                slice.iter().for_each(|slice| text(out, slice));
                text(out, tenant);
                out.extend_from_slice(&key.to_le_bytes());
                out.extend_from_slice(&version.to_le_bytes());
                bytes(out, body);
            }
            Fact::EventStored { place, topic, partition, offset, request, body } => {
                out.push(4);
                place.encode(out);
                text(out, topic);
                out.extend_from_slice(&partition.to_le_bytes());
                out.extend_from_slice(&offset.to_le_bytes());
                out.extend_from_slice(&request.to_le_bytes());
                bytes(out, body);
            }
            Fact::EntryStored { place, database, tenant } => {
                out.push(18);
                place.encode(out);
                out.extend_from_slice(&database.to_le_bytes());
                text(out, tenant);
            }
            Fact::EntryEvicted { place, tenant, by, held } => {
                out.push(8);
                place.encode(out);
                text(out, tenant);
                text(out, by.as_deref().unwrap_or(""));
                out.extend_from_slice(&held.to_le_bytes());
            }
            Fact::DecisionKept { place, tenant, trace: id, allowed, input_sha256 } => {
                out.push(9);
                place.encode(out);
                text(out, tenant);
                trace(out, *id);
                out.push(u8::from(*allowed));
                out.extend_from_slice(input_sha256);
            }
            Fact::AttemptKept { place, tenant, trace: id, reason } => {
                out.push(16);
                place.encode(out);
                text(out, tenant);
                trace(out, *id);
                text(out, reason);
            }
            Fact::ObjectStored { place, key, version, kept_until, body } => {
                out.push(10);
                place.encode(out);
                text(out, key);
                out.extend_from_slice(&version.to_le_bytes());
                out.extend_from_slice(&kept_until.0.to_le_bytes());
                bytes(out, body);
            }
            Fact::ObjectRemoved { place, key, version } => {
                out.push(11);
                place.encode(out);
                text(out, key);
                out.extend_from_slice(&version.to_le_bytes());
            }
            Fact::GraphOpened { .. } | Fact::NodeStored { .. } | Fact::EdgeStored { .. } => self.encode_graph(out),
            Fact::BundleRestored(restored) => {
                out.push(12);
                restored.encode(out);
            }
            Fact::Replicated(row) => row.encode(out),
            Fact::Decided { by, allowed, reason, subject } => {
                out.extend_from_slice(&[5, u8::from(*allowed)]);
                text(out, by);
                text(out, reason);
                text(out, subject);
            }
            Fact::Reported { by, what, about, value } => {
                out.push(6);
                text(out, by);
                text(out, what);
                text(out, about);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Fact::Truth { what, about, value } => {
                out.push(7);
                text(out, what);
                text(out, about);
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    fn describe(&self) -> String {
        match self {
            Fact::Asked { principal, what, .. } => format!("{principal} asks {what}"),
            Fact::Answered(a) if a.status == 0 => format!("{} gives up on {} after {}", a.principal, a.what, a.took),
            Fact::Answered(a) => {
                let tenant = a.tenant.as_deref().unwrap_or("-");
                let size = a.body.len();
                format!("{} gets {} {} for {} (tenant {tenant}, {size} B)", a.principal, a.status, a.reason, a.what)
            }
            Fact::RowStored { place, slice, tenant, key, version, .. } => {
                let slice = slice.as_deref().map(|slice| format!(", slice {slice},")).unwrap_or_default();
                format!("{} in {}{slice} keeps row {tenant}/{key} version {version}", place.store, place.cell)
            }
            Fact::EntryStored { place, database, tenant } => {
                format!("{} in {} keeps an entry of {tenant} in database {database}", place.store, place.cell)
            }
            Fact::EventStored { place, topic, partition, offset, .. } => {
                format!("{} in {} keeps event {topic}/{partition}@{offset}", place.store, place.cell)
            }
            Fact::EntryEvicted { place, tenant, by, held } => {
                let by = by.as_deref().unwrap_or("the platform");
                format!("{} in {} evicts an entry of {tenant}, which held {held} B, for {by}", place.store, place.cell)
            }
            Fact::DecisionKept { place, tenant, allowed, .. } => {
                let what = if *allowed { "permission" } else { "denial" };
                format!("{} in {} keeps a {what} for {tenant}", place.store, place.cell)
            }
            Fact::AttemptKept { place, tenant, reason, .. } => {
                format!("{} in {} keeps an attempt of {tenant}: {reason}", place.store, place.cell)
            }
            Fact::ObjectStored { place, key, version, .. } => {
                format!("{} in {} keeps object {key} version {version}", place.store, place.cell)
            }
            Fact::ObjectRemoved { place, key, version } => {
                format!("{} in {} has no object {key} version {version} any more", place.store, place.cell)
            }
            Fact::GraphOpened { place } => format!("{} in {} begins", place.store, place.cell),
            Fact::NodeStored { place, tenant, label, .. } => {
                format!("{} in {} keeps a {label} of {tenant}", place.store, place.cell)
            }
            Fact::EdgeStored { place, tenant, source, target, version, copies } => {
                let (store, cell) = (place.store, &place.cell);
                format!("{store} in {cell} keeps {copies} of relation {tenant}/{source}>{target}, version {version}")
            }
            Fact::Replicated(row) => {
                let Replicated { place, tenant, key, version, .. } = &**row;
                let does = if row.present { "keeps" } else { "loses" };
                format!("{} in {} {does} row {tenant}/{key} version {version}", place.store, place.cell)
            }
            Fact::BundleRestored(restored) => {
                let Restored { place, tenant, sequence, .. } = &**restored;
                format!("{} in {} holds bundle {sequence} of {tenant}", place.store, place.cell)
            }
            Fact::Decided { by, allowed, reason, subject } => {
                format!("{by} {} {subject}: {reason}", if *allowed { "allows" } else { "denies" })
            }
            Fact::Reported { by, what, about, value } => format!("{by} reports {what} {about} {value}"),
            Fact::Truth { what, about, value } => format!("truth: {what} {about} {value}"),
        }
    }
}

impl Fact {
    /// What graph databases state.
    fn encode_graph(&self, out: &mut Vec<u8>) {
        match self {
            Fact::GraphOpened { place } => {
                out.push(13);
                place.encode(out);
            }
            Fact::NodeStored { place, tenant, label, body } => {
                out.push(14);
                place.encode(out);
                text(out, tenant);
                text(out, label);
                bytes(out, body);
            }
            Fact::EdgeStored { place, tenant, source, target, version, copies } => {
                out.push(15);
                place.encode(out);
                text(out, tenant);
                for number in [source, target, version] {
                    out.extend_from_slice(&number.to_le_bytes());
                }
                out.extend_from_slice(&copies.to_le_bytes());
            }
            _ => unreachable!("another fact"),
        }
    }
}

impl Place {
    fn encode(&self, out: &mut Vec<u8>) {
        text(out, self.store);
        text(out, &self.cell);
        text(out, &self.region);
    }
}

impl Replicated {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(19);
        self.place.encode(out);
        text(out, &self.tenant);
        out.extend_from_slice(&self.key.to_le_bytes());
        out.extend_from_slice(&self.version.to_le_bytes());
        text(out, &self.residency);
        bytes(out, &self.body);
        out.push(u8::from(self.present));
    }
}

impl Restored {
    fn encode(&self, out: &mut Vec<u8>) {
        self.place.encode(out);
        text(out, &self.tenant);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.manifest_sha256);
        out.extend_from_slice(&(self.contents.len() as u32).to_le_bytes());
        for (name, sha256) in &self.contents {
            text(out, name);
            out.extend_from_slice(sha256);
        }
        bytes(out, &self.custody);
    }
}

impl Answer {
    fn encode(&self, out: &mut Vec<u8>) {
        text(out, &self.principal);
        out.extend_from_slice(&self.request.to_le_bytes());
        text(out, &self.what);
        out.extend_from_slice(&self.status.to_le_bytes());
        text(out, self.reason);
        text(out, self.tenant.as_deref().unwrap_or(""));
        text(out, self.region.as_deref().unwrap_or(""));
        out.extend_from_slice(&self.retry_after_s.unwrap_or(u32::MAX).to_le_bytes());
        trace(out, self.trace);
        out.push(u8::from(self.degraded));
        bytes(out, &self.body);
        out.extend_from_slice(&self.took.0.to_le_bytes());
        out.extend_from_slice(&self.intended.0.to_le_bytes());
    }
}

fn trace(out: &mut Vec<u8>, trace: Option<TraceId>) {
    let TraceId(high, low) = trace.unwrap_or(TraceId(0, 0));
    out.extend_from_slice(&high.to_le_bytes());
    out.extend_from_slice(&low.to_le_bytes());
}

fn text(out: &mut Vec<u8>, s: &str) {
    bytes(out, s.as_bytes());
}

fn bytes(out: &mut Vec<u8>, b: &[u8]) {
    out.extend_from_slice(&(b.len() as u32).to_le_bytes());
    out.extend_from_slice(b);
}
