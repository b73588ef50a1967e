//! ROL-01, ROL-02, CEL-07, CAC-03: a canary gets its share and no more, is promoted on what it did, and leaves nothing
//! behind when it is taken back.
//!
//! What a canary did is what clients were told by it; that it was the canary, its own log says, request by request.
//! Where requests are sent is the gateways' word, and under which release and configuration an instance works its own.
//! What the controller has counted, or thinks it has done, is nobody's evidence.

use super::cast::Member;
use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::app::release::{BY, CANARY, CANARY_PARTITION, CONFIG, REVISION, SERVED, SWEPT};
use crate::fact::{Answer, Fact};
use crate::gateway::machine::canary::{BY as GATEWAY, ROUTES, ROUTES_BACK};
use crate::ids::Bytes;
use crate::marker::Scanner;
use crate::rollout::Settings;
use crate::rollout::checker::STORE;
use crate::saas::{MIRROR_MARK, Saas};
use sim::measure::{CanaryVerdict, Tally};
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

const NAME: &str = "rollout";
/// A share of fewer requests says nothing.
const ASKED_MIN: u64 = 20;
/// Of a principal's requests, in percent, more than this went to the canary only because it had a say in it.
const SHARE_MAX: u64 = 30;
/// Of everybody's requests; fewer than so many say nothing.
const ALL_MIN: u64 = 300;

/// What is promised of rollouts.
#[derive(Clone, Debug)]
pub struct RolloutPromise {
    /// How they go.
    pub settings: Settings,
    /// So long after routes went back nothing is served any more that a cache has kept of the release.
    pub bound: Duration,
}

/// What an instance says of itself.
#[derive(Clone, Copy, Default)]
struct Instance {
    revision: Option<u64>,
    config: Option<u64>,
    swept: Option<u64>,
    /// The release whose configuration it left last, while no sweep has come after that.
    unswept: Option<u64>,
}

/// A release as a canary.
#[derive(Default)]
struct Canary {
    /// Since when it gets requests.
    since: Option<Instant>,
    /// When routes went back.
    back: Option<Instant>,
    /// What clients were told by it, and whether that was a fault of the platform.
    told: Vec<(Instant, bool)>,
}

/// What happened in a cell.
#[derive(Default)]
struct Cell {
    instances: BTreeMap<Arc<str>, Instance>,
    /// By gateway, the release that it sends requests to.
    routes: BTreeMap<String, u64>,
    canaries: BTreeMap<u64, Canary>,
    /// Releases that everybody was told to run, the first among them.
    promoted: BTreeSet<u64>,
}

/// Judges rollouts.
pub struct Rollout {
    cast: Rc<Cast>,
    promise: RolloutPromise,
    cells: BTreeMap<Arc<str>, Cell>,
    /// Traces of requests that a canary has taken.
    served: BTreeSet<u64>,
    /// Requests meant for a time at which there was a canary, and those of them that it has taken; by principal.
    shares: BTreeMap<Arc<str>, (u64, u64)>,
    /// Where the event of a request lies: partition, cell, when.
    events: BTreeMap<u64, (u32, Arc<str>, Instant)>,
    /// Whether a request that published an event was the canary's.
    publishers: BTreeMap<u64, bool>,
    found: usize,
}

type Wrong = (&'static str, String);

impl Rollout {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>, promise: RolloutPromise) -> Rollout {
        Rollout {
            cast,
            promise,
            cells: BTreeMap::new(),
            served: BTreeSet::new(),
            shares: BTreeMap::new(),
            events: BTreeMap::new(),
            publishers: BTreeMap::new(),
            found: 0,
        }
    }

    /// Somebody was told something.
    fn told(&mut self, at: Instant, answer: &Answer) -> Option<Wrong> {
        let principal = self.cast.principal(&answer.principal)?;
        let member = self.cast.by_id(principal.tenant.as_ref()?)?;
        let cell = self.cells.entry(member.cell.clone()).or_default();
        let by_canary = answer.trace.is_some_and(|trace| self.served.contains(&trace.1));
        let live = cell.routes.values().max().copied();
        if let Some(release) = live {
            let canary = cell.canaries.entry(release).or_default();
            if canary.since.is_some_and(|since| since <= answer.intended) {
                let share = self.shares.entry(answer.principal.clone()).or_default();
                *share = (share.0 + 1, share.1 + u64::from(by_canary));
            }
            if by_canary {
                canary.told.push((at, answer.status >= 500));
            }
        }
        if answer.what.starts_with("POST /v1/events/") && answer.trace.is_some() {
            self.publishers.insert(answer.request, by_canary);
        }
        let leaks = by_canary && holds_other(&answer.body, Some(member));
        if leaks {
            return Some(("CEL-07", format!("a canary told {} what is another tenant's", answer.principal)));
        }
        let withdrawn = terms(answer).and_then(|release| Some((release, cell.canaries.get(&release)?.back?)));
        let (release, back) = withdrawn?;
        let late = answer.intended > back + self.promise.bound && !cell.promoted.contains(&release);
        late.then(|| {
            let message = format!("{} is told the terms of release {release}, taken back at {back}", answer.principal);
            ("CAC-03", message)
        })
    }

    /// A gateway says where it sends requests.
    fn routed(&mut self, seen: &Seen<'_, Saas>, what: &str, cell: &Arc<str>, release: u64) {
        let cell = self.cells.entry(cell.clone()).or_default();
        let canary = cell.canaries.entry(release).or_default();
        match what {
            ROUTES => {
                canary.since.get_or_insert(seen.at);
                cell.routes.insert(seen.role.into(), release);
            }
            _ => {
                if what == ROUTES_BACK {
                    canary.back.get_or_insert(seen.at);
                }
                cell.routes.remove(seen.role);
            }
        }
    }

    /// An instance says under what it works.
    fn works(&mut self, at: Instant, what: &str, role: &Arc<str>, value: u64) -> Option<Wrong> {
        let (name, _) = role.split_once('/')?;
        let cell = self.cells.entry(name.into()).or_default();
        let stable = cell.stable();
        let routed = cell.routes.iter().find(|(_, release)| **release > value).map(|(gateway, _)| gateway.clone());
        let configured = cell.instances.iter().find(|(_, i)| i.config > stable && stable.is_some());
        let configured = configured.map(|(role, _)| role.clone());
        let instance = cell.instances.entry(role.clone()).or_default();
        match what {
            REVISION => {
                instance.revision = Some(value);
                if role.ends_with(CANARY) {
                    return None;
                }
                let is_first = cell.promoted.is_empty();
                let is_new = cell.promoted.insert(value);
                (is_new && !is_first).then(|| cell.promoted_too_soon(at, value, &self.promise.settings))?
            }
            CONFIG => {
                let before = instance.config.replace(value).filter(|before| *before > value)?;
                instance.unswept = Some(before);
                let gateway = routed?;
                let message =
                    format!("{role} has the configuration of {value} again, and {gateway} still asks {before}");
                Some(("ROL-02", message))
            }
            SWEPT => {
                let before = instance.swept.replace(value).filter(|before| *before < value)?;
                instance.unswept = None;
                let other = configured?;
                let message =
                    format!("{role} has swept for the {}. time, and {other} is still configured anew", before + 1);
                Some(("ROL-02", message))
            }
            _ => None,
        }
    }

    fn stored(&mut self, seen: &Seen<'_, Saas>) -> Option<Wrong> {
        match seen.fact {
            Fact::EventStored { place, topic, partition, request, .. } if !topic.contains(MIRROR_MARK) => {
                self.events.entry(*request).or_insert((*partition, place.cell.clone(), seen.at));
                None
            }
            Fact::ObjectStored { place, key, body, .. } if place.store == STORE && holds_other(body, None) => {
                Some(("CEL-07", format!("{key}, recorded to be replayed, holds what a tenant has written")))
            }
            _ => None,
        }
    }

    /// What is only known at the end.
    fn left(&self) -> Vec<(String, Instant, Wrong)> {
        let mut wrong = Vec::new();
        for (request, (partition, cell, at)) in &self.events {
            let Some(by_canary) = self.publishers.get(request) else { continue };
            if (*partition == CANARY_PARTITION) != *by_canary {
                let by = if *by_canary { "a canary" } else { "a stable instance" };
                let message = format!("what {by} published for request {request:016x} lies in partition {partition}");
                wrong.push((cell.to_string(), *at, ("ROL-01", message)));
            }
        }
        for (principal, (asked, canary)) in &self.shares {
            if *asked >= ASKED_MIN && canary * 100 > asked * SHARE_MAX {
                let message = format!("{canary} of {asked} requests of {principal} went to the canary");
                wrong.push((principal.to_string(), Instant::ZERO, ("ROL-01", message)));
            }
        }
        let (asked, canary) = self.shares.values().fold((0, 0), |sum, share| (sum.0 + share.0, sum.1 + share.1));
        let weight = u64::from(self.promise.settings.weight);
        if asked >= ALL_MIN && canary * 100 > asked * weight * 2 {
            let message = format!("{canary} of all {asked} requests went to a canary whose share is {weight} %");
            wrong.push((NAME.into(), Instant::ZERO, ("ROL-01", message)));
        }
        wrong.extend(self.cells.iter().flat_map(|(name, cell)| {
            let stable = cell.stable();
            cell.instances.iter().filter_map(move |(role, instance)| {
                let message = match (instance.config, instance.unswept) {
                    (config, _) if config != stable => {
                        format!("{role} is left under the configuration of {}", config.unwrap_or(0))
                    }
                    (_, Some(release)) => format!("{role} still reads what was kept under release {release}"),
                    _ => return None,
                };
                Some((name.to_string(), Instant::ZERO, ("ROL-02", message)))
            })
        }));
        wrong
    }
}

impl Cell {
    /// The release that everybody runs but the canary.
    fn stable(&self) -> Option<u64> {
        let others = self.instances.iter().filter(|(role, _)| !role.ends_with(CANARY));
        others.filter_map(|(_, instance)| instance.revision).max()
    }

    /// Why a release should not have been promoted yet, or not at all. Clients hear of what happened by other clocks
    /// than a controller: what lies near a bound proves nothing, so bounds are halved or doubled.
    fn promoted_too_soon(&self, at: Instant, release: u64, settings: &Settings) -> Option<Wrong> {
        let nobody = Canary::default();
        let canary = self.canaries.get(&release).unwrap_or(&nobody);
        let asked = canary.told.len();
        let stood = canary.since.map_or(Duration::ZERO, |since| at.since(since));
        if canary.burned(settings) {
            return Some(("ROL-02", format!("release {release} is promoted, and burned its error budget as a canary")));
        }
        // One request is enough for a rule that asks for none: so many make it speak at all.
        let floor =
            (1..10_000).find(|n| settings.rule.judge_events(Tally { good: *n, bad: 0 }) == CanaryVerdict::Clear);
        if asked as u64 * 2 < floor.unwrap_or(0) {
            return Some(("ROL-02", format!("release {release} is promoted after {asked} requests")));
        }
        let message = format!("release {release} is promoted after {stood} as a canary");
        (stood < settings.soak.scale(9, 10)).then_some(("ROL-01", message))
    }
}

impl Canary {
    /// Whether in some window the canary had twice as many errors as take it back.
    fn burned(&self, settings: &Settings) -> bool {
        self.told.iter().any(|(end, _)| {
            let within = |at: &Instant| *at <= *end && end.since(*at) < settings.window;
            let window = self.told.iter().filter(|(at, _)| within(at));
            let sum = window.fold(Tally::default(), |sum, (_, bad)| match bad {
                true => Tally { bad: sum.bad + 1, ..sum },
                false => Tally { good: sum.good + 1, ..sum },
            });
            let halved = Tally { good: sum.good + sum.bad - sum.bad / 2, bad: sum.bad / 2 };
            settings.rule.judge_events(halved) == CanaryVerdict::RollBack
        })
    }
}

/// Whether bytes hold data of somebody else than this tenant.
fn holds_other(body: &Bytes, own: Option<&Member>) -> bool {
    let mut other = false;
    Scanner::shared().scan(body, |hit| {
        other |= hit.marker.is_some_and(|marker| own.is_none_or(|own| own.index != marker.tenant));
    });
    other
}

/// The release whose terms an answer shows.
fn terms(answer: &Answer) -> Option<u64> {
    let shown = std::str::from_utf8(&answer.body).ok()?.strip_prefix("terms of service, revision ")?;
    shown.parse().ok().filter(|_| answer.status == 200)
}

impl Oracle<Saas> for Rollout {
    fn name(&self) -> &'static str {
        NAME
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store, Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let wrong = match seen.fact {
            Fact::Reported { by: BY, what: SERVED, value, .. } => {
                self.served.insert(*value);
                None
            }
            Fact::Reported { by: BY, what, about, value } => self.works(seen.at, what, about, *value),
            Fact::Reported { by: GATEWAY, what, about, value } => {
                self.routed(seen, what, about, *value);
                None
            }
            Fact::Answered(_) => answer(seen).and_then(|answer| self.told(seen.at, answer)),
            _ => self.stored(seen),
        };
        if let Some((row, message)) = wrong.filter(|_| self.found < FINDINGS_MAX) {
            self.found += 1;
            findings.push(finding(NAME, row, None, seen, message));
        }
    }
    fn finish(&mut self, _end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        for (node, at, (row, message)) in self.left().into_iter().take(FINDINGS_MAX) {
            findings.push(Finding {
                requirement: row.into(),
                oracle: NAME.into(),
                vantage: Vantage::Log,
                tenant: None,
                node,
                at_ns: at.0,
                cause: String::new(),
                message,
            });
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests;
