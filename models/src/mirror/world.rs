//! Two cells with real brokers, a mirror between them and a client: what is acknowledged stays, and arrives once,
//! through crashes, cuts and bad disks; and what each control is for.

use super::batch::{BATCH_SIGNATURE, MirrorBatch, MirrorRecord};
use super::sink::DEDUPE;
use super::source::{RESIDENCY_FILTER, RESUME_OFFSET};
use crate::control::{Control, ControlSet};
use crate::fact::Fact;
use crate::kafka::broker::ACKS_ALL;
use crate::kafka::event::event_body;
use crate::kafka::idempotence::IDEMPOTENT_PRODUCER;
use crate::wire::kafka::Record;
use sim::fault::{FaultSpec, Target};
use sim::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

mod cells;

use cells::{AUDIT, FORGED, ORDERS, outcome};

/// What a run showed.
#[derive(Debug, Default)]
struct Shown {
    acknowledged: BTreeSet<(String, u64)>,
    home: BTreeMap<(String, u64), BTreeSet<(u32, u64)>>,
    copies: BTreeMap<(String, u64), BTreeSet<(u32, u64)>>,
    denied: BTreeSet<&'static str>,
    reported: BTreeSet<&'static str>,
}

impl Shown {
    fn lost(&self) -> usize {
        self.acknowledged.iter().filter(|e| !self.home.contains_key(*e)).count()
    }
    fn repeated(&self) -> usize {
        self.home.values().filter(|places| places.len() > 1).count()
    }
    fn repeated_abroad(&self) -> usize {
        self.copies.values().filter(|places| places.len() > 1).count()
    }
    fn missing_abroad(&self) -> usize {
        self.acknowledged.iter().filter(|e| e.0 == ORDERS && !self.copies.contains_key(*e)).count()
    }
    fn bound_abroad(&self) -> usize {
        self.copies.keys().filter(|e| e.0 == AUDIT).count()
    }
    fn is_right(&self) {
        let wrong = [self.lost(), self.repeated(), self.repeated_abroad(), self.missing_abroad(), self.bound_abroad()];
        assert_eq!(wrong, [0; 5], "lost, repeated, repeated abroad, missing abroad, bound abroad");
        assert!(self.acknowledged.len() > 60, "only {} events were acknowledged", self.acknowledged.len());
        assert!(!self.copies.keys().any(|(_, request)| *request == FORGED));
    }
}

fn run(seed: u64, off: &[&Control], faults: &[FaultSpec]) -> Shown {
    let off = off.iter().fold(ControlSet::EMPTY, |set, c| set.with(c.slot));
    let outcome = outcome(seed, off, faults.to_vec());
    assert_eq!(outcome.errors, Vec::<String>::new());
    let mut shown = Shown::default();
    for entry in outcome.journal.entries {
        match entry.fact {
            Fact::Truth { about, value, .. } => drop(shown.acknowledged.insert((about.to_string(), value))),
            Fact::EventStored { topic, partition, offset, request, .. } => {
                let (stored, topic) = match topic.split_once('/') {
                    Some((_, source)) => (&mut shown.copies, source),
                    None => (&mut shown.home, &*topic),
                };
                stored.entry((topic.to_string(), request)).or_default().insert((partition, offset));
            }
            Fact::Decided { reason, .. } => drop(shown.denied.insert(reason)),
            Fact::Reported { what, .. } => drop(shown.reported.insert(what)),
            _ => {}
        }
    }
    shown
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::millis(millis)
}
fn node(role: &str) -> Target {
    Target::Node(role.into())
}
fn fault(kind: &str, target: Target, from: u64, until: u64, strength: u64) -> FaultSpec {
    FaultSpec { kind: kind.into(), target, from: at(from), until: at(until), strength }
}
fn between(a: &str, b: &str) -> Target {
    Target::link(Target::Group(a.into()), Target::Group(b.into()))
}
/// The first broker is cut off from its peers and the controller; the client still reaches it.
fn lonely_leader() -> FaultSpec {
    fault("partition", Target::link(node("cell-a/kafka-1"), Target::Zone("cell-a/rest".into())), 1_000, 3_000, 0)
}

#[test]
fn a_calm_run_keeps_and_mirrors_everything_and_is_the_same_every_time() {
    let shown = run(1, &[], &[]);
    shown.is_right();
    assert!(shown.denied.contains("NOT_AUTHENTIC") && shown.denied.contains("TOPIC_AUTHORIZATION_FAILED"));
    assert!(shown.reported.contains("lag-ms"));
    assert_eq!(outcome(1, ControlSet::EMPTY, vec![]).trail, outcome(1, ControlSet::EMPTY, vec![]).trail);
}

#[test]
fn acknowledged_events_survive_crashes_of_one_broker_after_another() {
    for seed in 0..6 {
        let crash = |role, from| fault("crash", node(role), from, from + 900, 0);
        let all = [crash("cell-a/kafka-1", 800), crash("cell-a/kafka-2", 1_900), crash("cell-b/kafka-1", 1_200)];
        run(seed, &[], &all).is_right();
        let controllers = [crash("cell-a/kafka-controller", 900), crash("cell-a/kafka-3", 1_000)];
        run(seed, &[], &controllers).is_right();
        run(seed, &[], &[lonely_leader()]).is_right();
    }
}

#[test]
fn a_bad_disk_of_one_broker_costs_nothing() {
    for (seed, kind) in ["torn-write", "bit-rot", "lost-sync", "disk-full", "wipe"].into_iter().enumerate() {
        let shown = run(seed as u64, &[], &[fault(kind, node("cell-a/kafka-3"), 1_000, 2_500, 0)]);
        shown.is_right();
        assert!(kind != "bit-rot" || shown.reported.contains("log-damaged"));
    }
}

#[test]
fn the_mirror_converges_after_cuts_crashes_and_a_bad_line() {
    for seed in 0..4 {
        run(seed, &[], &[fault("partition", between("cell-a", "cell-b"), 1_000, 3_000, 0)]).is_right();
        let halves = ["cell-a/mirror-out", "cell-b/mirror-in"];
        run(seed, &[], &halves.map(|role| fault("crash", node(role), 1_000, 2_000, 0))).is_right();
        let line = || between("cell-a", "cell-b");
        let bad = [fault("loss", line(), 500, 3_900, 200_000), fault("duplicate", line(), 500, 3_900, 200_000)];
        run(seed, &[], &bad).is_right();
    }
}

/// How often `wrong` is seen over some seeds with a control off, after it was never seen with the control on.
fn shows(control: &Control, faults: &[FaultSpec], wrong: impl Fn(&Shown) -> usize) {
    let count = |off: &[&Control]| (0..4).map(|seed| wrong(&run(seed, off, faults))).sum::<usize>();
    assert_eq!(count(&[]), 0, "{} on", control.id);
    assert!(count(&[control]) > 0, "{} off", control.id);
}

#[test]
fn without_acks_all_a_lonely_leader_acknowledges_what_is_lost() {
    shows(&ACKS_ALL, &[lonely_leader()], Shown::lost);
}

#[test]
fn without_idempotence_a_lost_answer_stores_an_event_twice() {
    let lossy = Target::link(Target::Group("cell-a".into()), Target::Group("outside".into()));
    shows(&IDEMPOTENT_PRODUCER, &[fault("loss", lossy, 800, 2_000, 400_000)], Shown::repeated);
}

#[test]
fn each_control_of_the_mirror_is_needed() {
    shows(&RESIDENCY_FILTER, &[], Shown::bound_abroad);
    let acks = Target::link(Target::Group("cell-b".into()), Target::Group("cell-a".into()));
    shows(&DEDUPE, &[fault("loss", acks, 800, 2_000, 500_000)], Shown::repeated_abroad);
    shows(&RESUME_OFFSET, &[fault("crash", node("cell-a/mirror-out"), 1_000, 2_000, 0)], Shown::missing_abroad);
    shows(&BATCH_SIGNATURE, &[], |s| s.copies.keys().filter(|(_, request)| *request == FORGED).count());
}

/// A batch that nobody signed.
fn forged() -> MirrorBatch {
    let record = Record::new(event_body("acme", FORGED, "forged"), Instant::ZERO);
    MirrorBatch {
        source_cell: "cell-a".into(),
        topic: ORDERS.into(),
        partition: 0,
        from: 0,
        next: 1,
        start: true,
        records: [MirrorRecord { offset: 0, record }].into(),
        digest: [0; 32],
        signature: [].into(),
    }
}
