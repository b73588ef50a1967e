//! What the kernel promises to every product, shown on the toy platform.
//!
//! Most important first: one seed is one run, and a run can be rebuilt from its own draws.

mod toy;

use proptest::prelude::*;
use sim::choice::{Choice, Choices};
use sim::journal::{JOURNAL_VERSION, decode, first_difference};
use sim::network::LinkSpec;
use sim::seed::{CORE, NETWORK, PLAN, Quantiles, forced};
use sim::world::WorldSpec;
use sim::{Duration, Input, Instant, NodeId};
use std::rc::Rc;
use toy::{
    Acting, Note, Toy, What, acting, at, cause, fault, node, pair, run, run_with, say, seen, sink, source, world,
};

/// Forty notes over a network that loses, repeats and reorders.
fn stormy() -> WorldSpec<Toy> {
    let all = |kind, ppm| fault(kind, sim::fault::Target::All, ppm);
    WorldSpec { faults: vec![all("loss", 200_000), all("duplicate", 300_000), all("reorder", 300_000)], ..pair(60) }
}

/// The address of the latency draw of the source's k-th note.
fn latency_of(k: u64) -> Choice {
    let logged = run_with(pair(k + 1), 1, Choices::default().logged());
    let is_it = |at: &&Choice| at.purpose == NETWORK.id && at.cause == cause("a", k);
    *logged.drawn.keys().find(is_it).expect("a note that is sent draws its latency")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_seed_is_one_run_and_another_seed_is_another(seed: u64) {
        let (one, again, other) = (run(stormy(), seed), run(stormy(), seed), run(stormy(), seed ^ 1));
        prop_assert_eq!((one.journal.digest, one.trail, one.events), (again.journal.digest, again.trail, again.events));
        prop_assert_eq!(first_difference(&one.journal, &again.journal), None);
        prop_assert_ne!(one.journal.digest, other.journal.digest);
        prop_assert_ne!(one.trail, other.trail);
    }

    #[test]
    fn overriding_every_draw_with_its_own_value_is_the_same_run(seed: u64) {
        let logged = run_with(stormy(), seed, Choices::default().logged());
        prop_assert!(logged.drawn.len() > 60);
        // Under any other seed: nothing but the overrides decides.
        let replayed = run_with(stormy(), !seed, Choices::overriding(logged.drawn.clone()));
        prop_assert_eq!((replayed.journal.digest, replayed.trail), (logged.journal.digest, logged.trail));
        prop_assert_eq!(replayed.errors, logged.errors);
    }

    #[test]
    fn an_overridden_draw_changes_no_other(seed: u64, pick: prop::sample::Index, value: u64) {
        let before = run_with(stormy(), seed, Choices::default().logged()).drawn;
        let at = *before.keys().nth(pick.index(before.len())).expect("an index within");
        let after = run_with(stormy(), seed, Choices::overriding([(at, value)].into()).logged()).drawn;
        let shared = before.iter().filter(|(other, _)| **other != at);
        for (other, value) in shared {
            prop_assert!(after.get(other).is_none_or(|now| now == value), "{:?} drew something else", other);
        }
    }

    #[test]
    fn a_journal_survives_encoding_and_a_cut_one_is_noticed(seed: u64, cut: prop::sample::Index) {
        let journal = run(stormy(), seed).journal;
        let bytes = journal.encode();
        let facts = decode(&bytes).expect("what was encoded is decoded");
        prop_assert_eq!(facts.len() as u64, journal.facts);
        prop_assert_eq!(*blake3::hash(&facts.concat()).as_bytes(), journal.digest);
        let cut = 1 + cut.index(bytes.len() - 1);
        if let Ok(some) = decode(&bytes[..cut]) {
            // Cut between two facts: a shorter journal, which only its digest gives away.
            prop_assert!(some.len() < facts.len());
            prop_assert_eq!(&some[..], &facts[..some.len()]);
        }
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_a_prefix_of_the_rest(seed: u64, from in 50_000_000u64..200_000_000) {
        let mut spec = pair(20);
        spec.nodes[1].sync_ns = Quantiles::new(&[1_000_000, 30_000_000]);
        let mut crash = fault("crash", at("b"), 0);
        (crash.from, crash.until) = (Instant(from), Instant(300_000_000));
        spec.faults.push(crash);
        let outcome = run(spec, seed);
        let [got, kept, recovered] = [What::Got, What::Kept, What::Recovered].map(|what| seen(&outcome, "b", what));
        prop_assert!(got.starts_with(&recovered), "{recovered:?} is no prefix of {got:?}");
        prop_assert!(kept.iter().all(|id| recovered.contains(id)), "{kept:?} were kept, {recovered:?} are there");
    }
}

#[test]
fn a_crash_before_the_service_time_is_over_takes_the_messages_back() {
    let through = |crash_at: Duration| {
        let relay = acting(|_, input, out| {
            if let Input::Message { message, .. } = input {
                out.busy(Duration::millis(10));
                out.send(NodeId(2), message);
            }
        });
        let source = source(NodeId(1), 1, Duration::millis(5));
        let mut spec =
            world(vec![node("a", 0, 0, source), node("relay", 1, 9, relay), node("b", 1, 9, sink(Duration::ZERO))]);
        let mut crash = fault("crash", at("relay"), 0);
        (crash.from, crash.until) = (Instant::ZERO + crash_at, Instant(100_000_000));
        spec.faults.push(crash);
        seen(&run(spec, 1), "b", What::Got)
    };
    // It arrives at the relay after 6 to 8 ms and leaves it after 16 to 18 ms.
    assert_eq!(through(Duration::millis(12)), []);
    assert_eq!(through(Duration::millis(30)), [0]);
}

#[test]
fn a_full_queue_refuses_and_the_sender_is_told() {
    let source = source(NodeId(1), 5, Duration::millis(5));
    let slow = node("b", 1, 2, sink(Duration::millis(400)));
    let outcome = run(WorldSpec { end: Instant(2_000_000_000), ..world(vec![node("a", 0, 0, source), slow]) }, 1);
    assert_eq!(seen(&outcome, "b", What::Got), [0, 1, 2]);
    assert_eq!(seen(&outcome, "a", What::Refused), [3, 4]);
}

#[test]
fn a_connection_keeps_its_order_unless_a_fault_reorders_it() {
    let order = |reorder: bool| {
        let wild = LinkSpec { latency_ns: Quantiles::new(&[1_000_000, 90_000_000]) };
        let faults = if reorder { vec![fault("reorder", at("a"), 1_000_000)] } else { Vec::new() };
        let outcome = run(WorldSpec { remote: wild, faults, ..pair(60) }, 1);
        let got = seen(&outcome, "b", What::Got);
        assert_eq!(got.len(), 60);
        got.is_sorted()
    };
    assert!(order(false));
    assert!(!order(true));
}

#[test]
fn an_override_that_no_draw_asked_for_is_an_error_of_the_run() {
    let choices = Choices::overriding([(Choice { purpose: PLAN.id, cause: 9, n: 10 }, 1)].into());
    assert_eq!(run_with(pair(3), 1, choices).errors, ["override 2:9:a was never used"]);
    assert_eq!(run(pair(3), 1).errors, [""; 0]);
}

#[test]
fn the_first_difference_names_the_fact() {
    let slowed = Choices::overriding([(latency_of(7), u64::MAX)].into());
    let (calm, slow) = (run(pair(20), 1), run_with(pair(20), 1, slowed));
    let difference = first_difference(&calm.journal, &slow.journal).expect("note 7 came later");
    assert!(difference.starts_with("fact 14: 0.04"), "{difference}");
    assert_eq!(difference.matches("Got 7").count(), 2, "{difference}");
    let shorter = run(pair(19), 1);
    let difference = first_difference(&calm.journal, &shorter.journal).expect("one has a note more");
    assert!(difference.contains("only one run has") && difference.contains("Got 19"), "{difference}");
}

#[test]
fn a_journal_of_another_version_is_refused() {
    assert_eq!(decode(&[]), Err("an empty journal has no version".into()));
    assert_eq!(decode(&[JOURNAL_VERSION + 1]), Err("journal of version 2, expected 1".into()));
    assert_eq!(decode(&[JOURNAL_VERSION, 5, 1]), Err("the journal ends within a fact".into()));
    assert_eq!(decode(&[JOURNAL_VERSION, 0x80]), Err("the journal ends within a length".into()));
}

/// A node that speaks as `a` after 50 ms, and passes on what it intercepts as note 1000 and up.
fn mallory() -> sim::node::Boot<Toy> {
    Rc::new(|_, out| {
        out.timer(Duration::millis(50), 0);
        Box::new(Acting(|ctx: &mut sim::Ctx<'_, Toy>, input: Input<Toy>, out: &mut sim::Outbox<Toy>| match input {
            Input::Timer { .. } => out.send_as(NodeId(0), NodeId(1), Note { id: 99, damaged: false }),
            Input::Intercepted { from, to, message } => {
                say(ctx, out, What::Intercepted, message.id);
                out.send_as(from, to, Note { id: message.id + 1000, damaged: false });
            }
            _ => {}
        }))
    })
}

#[test]
fn a_network_position_works_only_where_it_is_held() {
    let attacked = |from: &str, to: &str| {
        let mut spec = pair(3);
        spec.nodes.push(node("mallory", 0, 0, mallory()));
        spec.positions.push((from.into(), to.into(), "mallory".into()));
        run(spec, 1)
    };
    let held = attacked("a", "b");
    assert_eq!(seen(&held, "mallory", What::Intercepted), [0, 1, 2]);
    assert_eq!(seen(&held, "b", What::Got), [1000, 1001, 1002, 99]);
    assert_eq!(held.errors, [""; 0]);
    let elsewhere = attacked("b", "a");
    assert_eq!(seen(&elsewhere, "b", What::Got), [0, 1, 2]);
    assert_eq!(elsewhere.errors, ["mallory holds no network position there"]);
    assert_eq!(attacked("a", "c").errors[0], "network position a → c by mallory: no such node");
}

#[test]
fn a_spare_that_dies_for_the_liveness_act_stays_dead() {
    let after = |pick: u64| {
        let mut crash = fault("crash", at("b"), 0);
        // Ends with the act, and with it comes the restart that a dead spare must not see.
        crash.until = Instant::NEVER;
        let spec = WorldSpec { spares: vec!["b".into()], faults: vec![crash], ..pair(195) };
        let forced = (Choice { purpose: CORE.id, cause: 0, n: 0 }, forced(pick, 2));
        let outcome = run_with(spec, 1, Choices::overriding([forced].into()));
        assert_eq!(outcome.errors, [""; 0]);
        let late = |e: &&sim::journal::Entry<Toy>| e.at > Instant(900_000_000) && e.fact.what == What::Got;
        outcome.journal.entries.iter().filter(late).count()
    };
    assert_eq!(after(0), 0);
    assert!(after(1) > 10);
}
