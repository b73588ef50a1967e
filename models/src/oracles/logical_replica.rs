//! STO-05: a logical replica in another cell holds what its publisher holds and may tell, and nobody reads it for newer
//! than it is.
//!
//! Judged by what a database told those who write to it, by what the replica's disk holds, and by what those read who
//! said how old an answer may be. A row is worth its version: two contents of one version are two histories.

use super::{Cast, FINDINGS_MAX, answer};
use crate::fact::{Answer, Fact, Replicated};
use crate::ids::TenantId;
use crate::marker::{Marker, Scanner};
use crate::platform::replica::{ANYWHERE, MARKED_FROM};
use crate::postgres::machine::publisher::INACTIVE;
use crate::postgres::subscriber::BEHIND;
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// How requests begin that change a device; the key follows.
pub const WRITES: [&str; 4] = ["ADD device ", "PUT device ", "MOVE device ", "ERASE device "];
/// How requests begin that read a replica; the age that is taken follows, in milliseconds.
pub const READS: &str = "READ devices at most ms ";

type Key = (TenantId, i64);

/// A row as somebody was told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The number of the device.
    pub key: i64,
    /// Where it may lie.
    pub residency: Arc<str>,
    /// Its version.
    pub version: i64,
    /// Its content.
    pub marker: Marker,
}

impl Told {
    /// A row as one line: number, residency, version, content.
    pub fn line(&self) -> String {
        format!("{}|{}|{}|{}", self.key, self.residency, self.version, self.marker.encode().as_str())
    }

    /// Reads a line.
    pub fn parse(line: &str) -> Option<Told> {
        let mut parts = line.split('|');
        let (key, residency, version) = (parts.next()?, parts.next()?, parts.next()?);
        let marker = Marker::decode(parts.next()?.as_bytes())?;
        Some(Told { key: key.parse().ok()?, residency: residency.into(), version: version.parse().ok()?, marker })
    }
}

/// A change that its database has acknowledged.
#[derive(Clone, Debug)]
struct Change {
    told: Told,
    is_gone: bool,
    at: Instant,
}

/// Judges a replica.
pub struct LogicalReplica {
    cast: Rc<Cast>,
    /// How long a change may take while nothing keeps the two apart, and how long nobody may be told that it takes
    /// longer.
    bound: Duration,
    unnoticed: Duration,
    /// Until here faults may keep them apart.
    healed: Instant,
    changes: BTreeMap<Key, Vec<Change>>,
    /// Devices of which nobody knows what became of a change.
    uncertain: BTreeSet<Key>,
    held: BTreeMap<Key, Replicated>,
    /// What the replica has ever held, by version.
    shown: BTreeMap<(Key, i64), Marker>,
    /// Changes that have to arrive, in order.
    awaited: VecDeque<(Key, i64, Instant)>,
    alarmed: Option<Instant>,
    is_silent: bool,
    place: Option<(Arc<str>, Arc<str>)>,
    found: BTreeMap<&'static str, usize>,
    /// Rows that were compared with what is known of them: zero means nothing was proved.
    pub compared: u64,
}

impl LogicalReplica {
    /// A judge of a replica that nothing keeps apart from its publisher after `healed`; from then on a change takes at
    /// most `bound`, and whoever is behind for longer than `unnoticed` has said so.
    pub fn new(cast: Rc<Cast>, healed: Instant, (bound, unnoticed): (Duration, Duration)) -> LogicalReplica {
        LogicalReplica {
            cast,
            bound,
            unnoticed,
            healed,
            changes: BTreeMap::new(),
            uncertain: BTreeSet::new(),
            held: BTreeMap::new(),
            shown: BTreeMap::new(),
            awaited: VecDeque::new(),
            alarmed: None,
            is_silent: false,
            place: None,
            found: BTreeMap::new(),
            compared: 0,
        }
    }

    /// A finding of a kind, unless there are many of it already.
    fn find(
        &mut self,
        kind: &'static str,
        tenant: &str,
        (node, at, vantage): (&str, Instant, Vantage),
        what: String,
    ) -> Option<Finding> {
        let found = self.found.entry(kind).or_default();
        *found += 1;
        (*found <= FINDINGS_MAX).then(|| Finding {
            requirement: "STO-05".into(),
            oracle: "logical-replica".into(),
            vantage,
            tenant: Some(tenant.into()),
            node: node.into(),
            at_ns: at.0,
            cause: format!("{:016x}", 0),
            message: what,
        })
    }

    /// Whether a row of this residency may lie at the replica.
    fn permits(&self, residency: &str) -> bool {
        residency == ANYWHERE || self.place.as_ref().is_some_and(|(_, region)| **region == *residency)
    }

    /// The replica's disk says something of a row.
    fn stored(&mut self, seen: &Seen<'_, Saas>, row: &Replicated, findings: &mut Vec<Finding>) {
        let key = (row.tenant.clone(), row.key);
        self.place = Some((seen.role.into(), row.place.region.clone()));
        if !row.present {
            self.held.remove(&key);
            return;
        }
        let at = (seen.role, seen.at, Vantage::Store);
        let name = format!("device {}/{} version {}", row.tenant, row.key, row.version);
        if !self.permits(&row.residency) {
            let what = format!(
                "{name}, bound to {}, lies in {} of region {}",
                row.residency, row.place.cell, row.place.region
            );
            findings.extend(self.find("bound", &row.tenant, at, what));
        }
        let marker = Scanner::shared().first(&row.body).and_then(|hit| hit.marker);
        let owner = self.cast.by_id(&row.tenant).map(|member| member.index);
        let is_own =
            marker.is_some_and(|m| Some(m.tenant) == owner && i64::from(m.record) == i64::from(MARKED_FROM) + row.key);
        if !is_own {
            let what = format!("{name} lies in {}, and nobody gave it to its database", row.place.cell);
            findings.extend(self.find("planted", &row.tenant, at, what));
        }
        if let Some(marker) = marker {
            let other = self.shown.insert((key.clone(), row.version), marker).filter(|other| *other != marker);
            let acknowledged = self.acknowledged(&key, row.version).filter(|told| *told != marker);
            if other.or(acknowledged).is_some() && is_own {
                let what = format!("{name} at the replica is of another history than that of its database");
                findings.extend(self.find("history", &row.tenant, at, what));
            }
        }
        self.held.insert(key, row.clone());
    }

    fn acknowledged(&self, key: &Key, version: i64) -> Option<Marker> {
        let of = self.changes.get(key)?.iter().find(|change| change.told.version == version && !change.is_gone)?;
        Some(of.told.marker)
    }

    /// Somebody heard what became of a change.
    fn written(&mut self, seen: &Seen<'_, Saas>, tenant: &TenantId, answer: &Answer, findings: &mut Vec<Finding>) {
        let named = WRITES.iter().find_map(|verb| answer.what.strip_prefix(verb));
        let Some(key) = named.and_then(|key| key.split(' ').next()?.parse::<i64>().ok()) else { return };
        let key = (tenant.clone(), key);
        let told = std::str::from_utf8(&answer.body).ok().and_then(Told::parse).filter(|_| answer.status == 200);
        let Some(told) = told else {
            // Refused before anything was done, or nobody knows.
            if answer.status == 0 {
                self.uncertain.insert(key);
            }
            return;
        };
        let is_gone = answer.what.starts_with(WRITES[3]);
        if let Some(shown) =
            self.shown.get(&(key.clone(), told.version)).filter(|shown| **shown != told.marker && !is_gone)
        {
            let what = format!(
                "the replica has shown version {} of device {tenant}/{} with content {}, which its database took back",
                told.version, key.1, shown.field
            );
            let node = self.place.as_ref().map_or_else(|| "replica".into(), |(node, _)| node.clone());
            findings.extend(self.find("taken back", tenant, (&node, seen.at, Vantage::Store), what));
        }
        self.awaited.push_back((key.clone(), told.version, seen.at));
        self.changes.entry(key).or_default().push(Change { told, is_gone, at: seen.at });
    }

    /// Whether what the replica holds of a device is what this change made of it, or something later.
    fn has(&self, key: &Key, version: i64) -> bool {
        let changes = self.changes.get(key).map_or(&[][..], Vec::as_slice);
        let is_away = |change: &Change| change.is_gone || !self.permits(&change.told.residency);
        match self.held.get(key) {
            // One that is gone has the version that it had before.
            Some(held) => {
                held.version > version
                    || held.version == version && !changes.iter().any(|c| c.told.version == version && is_away(c))
            }
            None => changes.iter().any(|c| c.told.version >= version && is_away(c)) || self.uncertain.contains(key),
        }
    }

    /// Whoever is behind for too long has said so.
    fn watch(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        while let Some((key, version, at)) = self.awaited.front().cloned() {
            if self.has(&key, version) {
                self.awaited.pop_front();
                continue;
            }
            let (Some((node, _)), true) = (self.place.clone(), seen.at.since(at) > self.unnoticed) else { return };
            if self.alarmed.is_none_or(|alarmed| alarmed < at) && !std::mem::replace(&mut self.is_silent, true) {
                let what = format!(
                    "version {version} of device {}/{} has been missing at the replica since {at}, and nothing says so",
                    key.0, key.1
                );
                findings.extend(self.find("unnoticed", &key.0, (&node, seen.at, Vantage::Log), what));
            }
            self.awaited.pop_front();
        }
    }

    /// Somebody has read who takes rows as old as this.
    fn read(&mut self, seen: &Seen<'_, Saas>, tenant: &TenantId, answer: &Answer, findings: &mut Vec<Finding>) {
        let Some(age) = answer.what.strip_prefix(READS).and_then(|age| age.parse::<u64>().ok()) else { return };
        let since = Instant(answer.intended.0.saturating_sub(Duration::millis(age).0));
        let text = String::from_utf8_lossy(&answer.body);
        let own = self.cast.by_id(tenant).map(|member| member.index);
        // Whose else there is among them is judged elsewhere.
        for told in text.lines().filter_map(Told::parse).filter(|told| Some(told.marker.tenant) == own) {
            let Some(changes) = self.changes.get(&(tenant.clone(), told.key)) else { continue };
            self.compared += 1;
            let Some(last) = changes.iter().rfind(|change| change.at < since) else { continue };
            let is_away = last.is_gone || !self.permits(&last.told.residency);
            let is_stale = told.version < last.told.version || is_away && told.version == last.told.version;
            if is_stale {
                let became = if last.is_gone { "erased" } else { "changed" };
                let what = format!(
                    "{} was shown version {} of device {tenant}/{}, at most {age} ms old; it was {became} at {}",
                    answer.principal, told.version, told.key, last.at
                );
                findings.extend(self.find("stale", tenant, (seen.role, seen.at, Vantage::Client), what));
            }
        }
    }
}

impl Oracle<Saas> for LogicalReplica {
    fn name(&self) -> &'static str {
        "logical-replica"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store, Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::Replicated(row) => self.stored(seen, row, findings),
            Fact::Reported { what: BEHIND | INACTIVE, .. } => self.alarmed = Some(seen.at),
            _ => {}
        }
        if let Some(answer) = answer(seen)
            && let Some(tenant) = self.cast.principal(&answer.principal).and_then(|p| p.tenant.clone())
        {
            self.written(seen, &tenant, answer, findings);
            if answer.status == 200 {
                self.read(seen, &tenant, answer, findings);
            }
        }
        self.watch(seen, findings);
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let Some((node, _)) = self.place.clone() else { return };
        let late = |at: Instant| end > self.healed && end.since(at.max(self.healed)) > self.bound;
        let last = self.changes.iter().filter_map(|(key, changes)| Some((key, changes.last()?)));
        let missing: Vec<(Key, i64)> = last
            .filter(|(key, change)| {
                late(change.at) && !self.uncertain.contains(*key) && !self.has(key, change.told.version)
            })
            .map(|(key, change)| (key.clone(), change.told.version))
            .collect();
        for ((tenant, key), version) in missing {
            let what = format!("version {version} of device {tenant}/{key} never reached the replica");
            findings.extend(self.find("missing", &tenant, (&node, end, Vantage::Store), what));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Place;
    use crate::oracles::Principal;
    use crate::oracles::cast::Member;

    const REPLICA: &str = "cell-b/postgres-replica";

    struct Bench {
        judge: LogicalReplica,
        findings: Vec<Finding>,
        now: Instant,
    }

    fn bench() -> Bench {
        let mut cast = Cast::default();
        cast.add_member(Member { id: "acme".into(), index: 0, region: "EU".into(), cell: "cell-a".into() });
        cast.add(Principal {
            name: "attacker/fleet".into(),
            tenant: Some("acme".into()),
            also: Vec::new(),
            honest: false,
            breach: "STO-05",
            never: false,
            entitled_until: Instant::ZERO,
        });
        let judge = LogicalReplica::new(Rc::new(cast), Instant::ZERO, (Duration::secs(1), Duration::secs(2)));
        Bench { judge, findings: Vec::new(), now: Instant::ZERO }
    }

    impl Bench {
        fn see(&mut self, role: &str, fact: &Fact) -> &mut Bench {
            self.now += Duration::millis(100);
            self.judge.observe(&Seen { at: self.now, role, cause: 0, fact }, &mut self.findings);
            self
        }
        fn heard(&mut self, what: &str, status: u16, body: &str) -> &mut Bench {
            let intended = self.now;
            self.see(
                "attacker/fleet",
                &Fact::Answered(Box::new(Answer {
                    principal: "attacker/fleet".into(),
                    request: 0,
                    what: what.into(),
                    status,
                    reason: "ROWS",
                    tenant: None,
                    region: None,
                    retry_after_s: None,
                    trace: None,
                    degraded: false,
                    body: body.as_bytes().into(),
                    took: Duration::ZERO,
                    intended,
                })),
            )
        }
        fn stored(&mut self, told: &Told, present: bool) -> &mut Bench {
            let place = Place { store: "postgres-replica", cell: "cell-b".into(), region: "US".into() };
            let body = told.marker.encode().as_str().as_bytes().into();
            let (tenant, residency) = ("acme".into(), told.residency.clone());
            let row = Replicated { place, tenant, key: told.key, version: told.version, residency, body, present };
            self.see(REPLICA, &Fact::Replicated(Box::new(row)))
        }
        fn passes(&mut self, ms: u64) -> &mut Bench {
            self.now += Duration::millis(ms);
            let fact = Fact::Truth { what: "time", about: "".into(), value: 0 };
            self.see("nobody", &fact)
        }
        fn found(&mut self) -> Vec<&str> {
            let end = self.now;
            self.judge.finish(end, &mut self.findings, &mut Vec::new());
            let kinds = ["bound to", "nobody gave it", "another history", "took back", "nothing says so", "was shown"];
            let kind = |f: &Finding| kinds.iter().find(|k| f.message.contains(**k)).copied().unwrap_or("never reached");
            self.findings.iter().map(kind).collect()
        }
    }

    /// The `n`-th content of device 1, in a version.
    fn told(version: i64, n: u16, residency: &str) -> Told {
        Told { key: 1, residency: residency.into(), version, marker: Marker::new(0, 1, MARKED_FROM + 1, n, 5) }
    }

    #[test]
    fn what_arrives_in_time_is_right() {
        let mut bench = self::bench();
        let (first, second) = (told(1, 1, "any"), told(2, 2, "any"));
        bench.heard("ADD device 1", 200, &first.line()).stored(&first, true);
        bench.stored(&second, true).heard("PUT device 1", 200, &second.line());
        bench.heard("READ devices at most ms 500", 200, &second.line());
        bench.heard("ERASE device 1", 200, &second.line()).stored(&second, false).passes(5_000);
        assert_eq!(bench.found(), Vec::<&str>::new());
    }

    #[test]
    fn what_never_arrives_is_missing_and_somebody_has_to_say_so() {
        let mut bench = self::bench();
        let (first, second) = (told(1, 1, "any"), told(2, 2, "any"));
        bench.heard("ADD device 1", 200, &first.line()).stored(&first, true);
        bench.heard("PUT device 1", 200, &second.line()).passes(5_000);
        assert_eq!(bench.found(), ["nothing says so", "never reached"]);
        let mut bench = self::bench();
        bench.heard("ADD device 1", 200, &first.line()).stored(&first, true);
        bench.heard("PUT device 1", 200, &second.line());
        let alarm = Fact::Reported { by: "replica", what: BEHIND, about: "cell-b".into(), value: 700 };
        bench.see(REPLICA, &alarm).passes(5_000);
        assert_eq!(bench.found(), ["never reached"]);
        let mut bench = self::bench();
        bench.heard("ADD device 1", 200, &first.line()).stored(&first, true);
        bench.heard("PUT device 1", 0, "").passes(5_000);
        assert_eq!(bench.found(), Vec::<&str>::new(), "nobody knows whether it was done");
    }

    #[test]
    fn what_is_bound_elsewhere_or_came_from_nobody_must_not_lie_there() {
        let bound = told(1, 1, "EU");
        let mut bench = self::bench();
        bench.heard("ADD device 1", 200, &bound.line()).stored(&bound, true);
        assert_eq!(bench.found(), ["bound to"]);
        let mut bench = self::bench();
        let planted = Told { marker: Marker::new(0, 1, 900_000, 0, 5), ..told(1, 1, "any") };
        bench.stored(&planted, true);
        assert_eq!(bench.found(), ["nobody gave it"]);
        // The version before it was bound stays.
        let (free, bound) = (told(1, 1, "any"), told(2, 2, "EU"));
        let mut bench = self::bench();
        bench.heard("ADD device 1", 200, &free.line()).stored(&free, true);
        bench.heard("MOVE device 1 to EU", 200, &bound.line()).passes(1_500);
        assert_eq!(bench.found(), ["never reached"]);
    }

    #[test]
    fn two_contents_of_one_version_are_two_histories() {
        let (lost, kept) = (told(2, 2, "any"), told(2, 3, "any"));
        let mut bench = self::bench();
        bench.stored(&told(1, 1, "any"), true).stored(&lost, true).heard("PUT device 1", 200, &kept.line());
        bench.stored(&kept, true);
        assert_eq!(bench.found(), ["took back", "another history"]);
    }

    #[test]
    fn who_takes_rows_half_a_second_old_is_shown_none_that_was_erased_before() {
        let first = told(1, 1, "any");
        let mut bench = self::bench();
        bench.heard("ADD device 1", 200, &first.line()).stored(&first, true);
        bench.heard("ERASE device 1", 200, &first.line());
        bench.heard("READ devices at most ms 500", 200, &first.line()).passes(400);
        assert_eq!(bench.found(), Vec::<&str>::new());
        bench.heard("READ devices at most ms 500", 200, &first.line());
        assert_eq!(bench.found(), ["was shown"]);
    }
}
