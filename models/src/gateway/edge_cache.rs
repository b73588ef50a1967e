//! The cache of a gateway: answers that a service lets it share, while remediation has it switched on (CAC-05).
//!
//! It is asked when everything that the gateway decides is decided, so it opens no door; what the *service* would have
//! decided it has to know by the key. A change goes through it and takes with it what it changes, and what is just
//! being fetched (CAC-03). Knows nothing of principals: what was given to one alone is never put in.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::{Bytes, TenantId};
use crate::wire::http::route::Operation;
use crate::wire::http::surrogate::Surrogate;
use crate::wire::http::{Headers, Method, Reason, Request, Response};
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An answer is kept for the tenant that it was given to.
pub const KEYED_TENANT: Control = control!(
    "gateway.edge-cache-tenant",
    upholds: ["CAC-05", "TEN-02"],
    off: "the key is the path, as a CDN's is by default: `/v1/records/7` is everybody's record 7",
);

/// And for the clearance.
pub const KEYED_CLEARANCE: Control = control!(
    "gateway.edge-cache-clearance",
    upholds: ["CAC-05"],
    off: "the key has the tenant and nothing of the caller's token: who may see less is given what a colleague got",
);

/// And for the region that the tenant is served in.
pub const KEYED_REGION: Control = control!(
    "gateway.edge-cache-region",
    upholds: ["CAC-05", "CAC-03"],
    off: "the key has no region: what was kept before a tenant moved away is served where it no longer lives",
);

/// And for the policy under which it was given.
pub const KEYED_REVISION: Control = control!(
    "gateway.edge-cache-revision",
    upholds: ["CAC-05", "CAC-03"],
    off: "the key has no revision of the policy: what was permitted once is served until it expires",
);

/// What a service does not let be shared is not kept.
pub const PRIVATE_KEPT_OUT: Control = control!(
    "gateway.edge-cache-private",
    upholds: ["CAC-05"],
    off: "every answer to a GET is kept, as with nginx's `proxy_ignore_headers Cache-Control`",
);

/// A request whose answer may be kept takes no header along that is not in the key.
pub const UNKEYED_DROPPED: Control = control!(
    "gateway.edge-cache-unkeyed",
    upholds: ["CAC-05"],
    off: "headers that are not in the key reach the service, which writes them into what everybody gets next",
);

/// Who is switched off forgets, and so does what is being fetched then.
pub const EMPTIED: Control = control!(
    "gateway.edge-cache-emptied",
    upholds: ["CAC-05", "CAC-03"],
    off: "a switched-off cache keeps what it has: what was changed while it looked away comes back when it is on again",
);

/// A change takes with it what it changes.
pub const PURGED: Control = control!(
    "gateway.edge-cache-purge",
    upholds: ["CAC-03"],
    off: "entries go by their age alone: who has just changed a record reads what it was",
);

/// Entries of one tenant, at most: nobody pushes another one out.
const ENTRIES_MAX: usize = 512;

/// For whom, and for what, an answer is kept. A part whose control is off is left out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    tenant: Option<TenantId>,
    clearance: Option<Arc<str>>,
    region: Option<Arc<str>>,
    revision: Option<u64>,
    path: Arc<str>,
}

#[derive(Debug)]
struct Entry {
    /// Whose it is, whatever the key says.
    tenant: TenantId,
    record: Option<i64>,
    body: Bytes,
    until: Instant,
}

/// Who asks for what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The tenant that is served.
    pub tenant: TenantId,
    /// The region that it is served in.
    pub region: Arc<str>,
    /// What the caller's token clears it for.
    pub clearance: Arc<str>,
    /// What is asked for.
    pub path: Arc<str>,
}

/// An answer that is being fetched, and may be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    asked: Asked,
    /// Counts switches and changes: what was asked for before one is not kept after it.
    since: u64,
}

/// The cache.
#[derive(Debug)]
pub struct EdgeCache {
    /// How long an answer lives at most, whatever the service says.
    life_max: Duration,
    on: bool,
    /// Number of the switch that was heard last.
    switched: u64,
    /// Counts everything after which what is under way is no longer news.
    changes: u64,
    /// The last change of a tenant's records.
    changed: BTreeMap<TenantId, u64>,
    emptied: u64,
    /// The newest policy that any answer was given under. In front of two cells, whose policies are counted apart, that
    /// is the higher number: it costs hits, and shares nothing that is out of date.
    revision: u64,
    entries: BTreeMap<Key, Entry>,
}

impl EdgeCache {
    /// A cache that is off, and has yet to hear a switch.
    pub fn new(life_max: Duration) -> EdgeCache {
        EdgeCache {
            life_max,
            on: false,
            switched: 0,
            changes: 0,
            changed: BTreeMap::new(),
            emptied: 0,
            revision: 0,
            entries: BTreeMap::new(),
        }
    }

    /// A switch was said, perhaps not for the first time: whether it is news.
    pub fn switch(&mut self, controls: &Controls, number: u64, on: bool) -> bool {
        if number <= self.switched {
            return false;
        }
        (self.switched, self.on) = (number, on);
        if controls.on(&EMPTIED) {
            self.entries.clear();
            self.changes += 1;
            self.emptied = self.changes;
        }
        true
    }

    /// Answers that it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What it has for a request, if it may answer it.
    pub fn find(&self, now: Instant, controls: &Controls, asked: &Asked) -> Option<Bytes> {
        let entry = self.entries.get(&key(controls, asked, self.revision)).filter(|_| self.on)?;
        (now < entry.until).then(|| entry.body.clone())
    }

    /// A request goes to the service: what its answer may be kept as. Then it takes no header along that another
    /// request for the same could not have.
    pub fn fetch(&self, controls: &Controls, headers: &mut Headers, asked: Asked) -> Option<Fetch> {
        if !self.on {
            return None;
        }
        if controls.on(&UNKEYED_DROPPED) {
            headers.other.clear();
        }
        Some(Fetch { asked, since: self.changes })
    }

    /// Every answer says under which policy it was given; one that was fetched to be kept may be.
    pub fn answered(&mut self, now: Instant, controls: &Controls, fetch: Option<&Fetch>, response: &Response) {
        let Some(said) = response.surrogate else { return };
        self.revision = self.revision.max(said.revision);
        let Some(Fetch { asked, since }) = fetch.filter(|_| self.on && response.reason == Reason::Ok) else { return };
        let changed = self.changed.get(&asked.tenant).copied().unwrap_or(0);
        if *since < self.emptied.max(changed) {
            return;
        }
        let Some(life) = life(controls, said, self.life_max) else { return };
        let key = key(controls, asked, said.revision);
        let full = || self.entries.values().filter(|entry| entry.tenant == asked.tenant).count() >= ENTRIES_MAX;
        if !self.entries.contains_key(&key) && full() {
            self.entries.retain(|_, entry| entry.until > now || entry.tenant != asked.tenant);
            return;
        }
        let (tenant, body, until) = (asked.tenant.clone(), response.body.clone(), now + life);
        self.entries.insert(key, Entry { tenant, record: record_of(&asked.path), body, until });
    }

    /// A request that changes something has ended, well or not: what it may have changed goes. A cache that is off
    /// looks away.
    pub fn changed(&mut self, controls: &Controls, tenant: &TenantId, path: &str) {
        if !self.on || !controls.on(&PURGED) {
            return;
        }
        self.changes += 1;
        self.changed.insert(tenant.clone(), self.changes);
        // What names no record may be about any of them.
        let record = record_of(path);
        let touched = |entry: &Entry| entry.tenant == *tenant && (record.is_none() || entry.record == record);
        self.entries.retain(|_, entry| !touched(entry));
    }
}

fn key(controls: &Controls, asked: &Asked, revision: u64) -> Key {
    Key {
        tenant: controls.on(&KEYED_TENANT).then(|| asked.tenant.clone()),
        clearance: controls.on(&KEYED_CLEARANCE).then(|| asked.clearance.clone()),
        region: controls.on(&KEYED_REGION).then(|| asked.region.clone()),
        revision: controls.on(&KEYED_REVISION).then_some(revision),
        path: asked.path.clone(),
    }
}

/// How long an answer may be kept, if at all.
fn life(controls: &Controls, said: Surrogate, life_max: Duration) -> Option<Duration> {
    let shared = Duration::secs(said.max_age_s.into()).min(life_max);
    match said.max_age_s {
        0 if controls.on(&PRIVATE_KEPT_OUT) => None,
        0 => Some(life_max),
        _ => Some(shared),
    }
}

/// The number of the record that a path names, however it spells it.
fn record_of(path: &str) -> Option<i64> {
    let spelled = path.strip_prefix("/v1/records/")?;
    spelled.rsplit('~').next()?.parse().ok()
}

/// Whether a cache may answer the request: it reads, in one spelling, and does not ask for the newest.
pub fn may_answer(request: &Request) -> bool {
    request.method == Method::Get && !request.headers.ask_for_newest() && request.operation().is_ok()
}

/// Whether the request may change what has been answered: publishing an event does not.
pub fn may_change(request: &Request) -> bool {
    !request.method.is_safe() && !matches!(request.operation(), Ok(Operation::PublishEvent { .. }))
}

#[cfg(test)]
mod tests;
