//! The engine on a toy: numbered things, of which some are needed, and a time that must not be too early.

use super::*;
use proptest::prelude::*;
use sim::choice::{ABSENT, PRESENT};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// Things `0..things` fail together if `fails` says so of those that are there, and the time is late enough.
struct Toy<F> {
    things: u64,
    time: u64,
    time_min: u64,
    fails: F,
}

const MS: u64 = 1_000_000;

fn thing(n: u64) -> Choice {
    Choice { purpose: 1, cause: n, n: 0 }
}
const WIDE: Choice = Choice { purpose: 1, cause: 0, n: 1 };
const TIME: Choice = Choice { purpose: 2, cause: 0, n: 0 };

impl<F> Toy<F> {
    fn there(&self, overrides: &Overrides) -> BTreeSet<u64> {
        let usual = overrides.get(&WIDE).copied().unwrap_or(PRESENT);
        (0..self.things).filter(|n| *overrides.get(&thing(*n)).unwrap_or(&usual) != ABSENT).collect()
    }
    fn time(&self, overrides: &Overrides) -> u64 {
        overrides.get(&TIME).copied().unwrap_or(self.time)
    }
}

impl<F: Fn(&BTreeSet<u64>) -> bool + Sync> Subject for Toy<F> {
    fn attempt(&self, overrides: &Overrides) -> (Option<Trial>, u64) {
        let (there, time) = (self.there(overrides), self.time(overrides));
        let size = Size { cast: there.len() as u64, events: time / MS, overrides: overrides.len() as u64 };
        let fails = time >= self.time_min && (self.fails)(&there);
        (fails.then(|| Trial { overrides: overrides.clone(), size }), 1)
    }
    fn phases(&self) -> usize {
        3
    }
    fn survey(&self, overrides: &Overrides, phase: usize) -> Vec<Family> {
        let there = self.there(overrides);
        let all =
            (0..self.things).map(|n| Thing { at: thing(n), wide: Some(WIDE), index: n, kept: there.contains(&n) });
        match phase {
            0 => vec![Family::Things(Things { all: all.collect(), range: None })],
            1 => vec![Family::Value(Value::down(TIME, self.time(overrides)))],
            _ => vec![Family::Spare(overrides.keys().copied().collect())],
        }
    }
    fn events_max(&self) -> u64 {
        self.time / MS
    }
}

fn toy<F: Fn(&BTreeSet<u64>) -> bool + Sync>(things: u64, fails: F) -> Toy<F> {
    Toy { things, time: 5_000 * MS, time_min: 0, fails }
}

fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(work)
}

/// What is left of a toy that fails.
fn left<F: Fn(&BTreeSet<u64>) -> bool + Sync>(toy: &Toy<F>) -> (BTreeSet<u64>, u64) {
    let shrunk = shrink(toy, &Overrides::new(), u64::MAX, &()).expect("it fails");
    assert!(shrunk.finished);
    (toy.there(&shrunk.best.overrides), toy.time(&shrunk.best.overrides))
}

/// A predicate without any order to it: a small share of all sets fails, and the whole one does.
fn wild(things: u64, salt: u64) -> impl Fn(&BTreeSet<u64>) -> bool + Sync {
    move |there| {
        let hash = there.iter().fold(salt, |hash, n| sim::seed::mix(hash, *n));
        there.len() as u64 == things || hash.is_multiple_of(5)
    }
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    assert_eq!(shrink(&toy(5, |_| false), &Overrides::new(), 9, &()), None);
}

#[test]
fn a_time_is_lowered_to_where_it_still_fails() {
    let toy = Toy { time_min: 1_234 * MS, ..toy(3, |_| true) };
    let (there, time) = left(&toy);
    assert_eq!(there.len(), 0);
    assert!((1_234 * MS..1_400 * MS).contains(&time), "{time}");
}

#[test]
fn few_things_are_said_in_few_words() {
    let toy = toy(40, |there| there.contains(&7) && there.contains(&31));
    let shrunk = shrink(&toy, &Overrides::new(), u64::MAX, &()).expect("it fails");
    assert_eq!(shrunk.best.overrides.keys().filter(|at| at.purpose == 1).count(), 3);
}

#[test]
fn long_lists_are_narrowed_to_a_range() {
    struct Long;
    let range = Range { first: Choice { n: 2, ..WIDE }, past: Choice { n: 3, ..WIDE }, ends: false };
    impl Subject for Long {
        fn attempt(&self, overrides: &Overrides) -> (Option<Trial>, u64) {
            let first = overrides.get(&Choice { n: 2, ..WIDE }).copied().unwrap_or(0);
            let past = overrides.get(&Choice { n: 3, ..WIDE }).copied().unwrap_or(5_000);
            let size = Size { cast: 0, events: past - first, overrides: overrides.len() as u64 };
            let fails = first <= 1_000 && past >= 2_000;
            (fails.then(|| Trial { overrides: overrides.clone(), size }), 1)
        }
        fn phases(&self) -> usize {
            1
        }
        fn survey(&self, overrides: &Overrides, _: usize) -> Vec<Family> {
            let first = overrides.get(&Choice { n: 2, ..WIDE }).copied().unwrap_or(0);
            let past = overrides.get(&Choice { n: 3, ..WIDE }).copied();
            let range = Range { first: Choice { n: 2, ..WIDE }, past: Choice { n: 3, ..WIDE }, ends: past.is_some() };
            let all =
                (0..past.unwrap_or(5_000)).map(|n| Thing { at: thing(n), wide: None, index: n, kept: n >= first });
            vec![Family::Things(Things { all: all.collect(), range: Some(range) })]
        }
        fn events_max(&self) -> u64 {
            5_000
        }
    }
    let shrunk = shrink(&Long, &Overrides::new(), u64::MAX, &()).expect("it fails");
    let (first, past) = (shrunk.best.overrides[&range.first], shrunk.best.overrides[&range.past]);
    assert_eq!(shrunk.best.overrides.len(), 2);
    assert!((900..=1_000).contains(&first) && (2_000..2_100).contains(&past), "{first}..{past}");
    assert!(shrunk.runs < 400, "{}", shrunk.runs);
}

/// Ends after so many runs, as a clock would.
struct Patience(AtomicU64);

impl Watch for Patience {
    fn enough(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 0
    }
}

#[test]
fn whoever_watches_may_end_it_and_has_a_whole_answer() {
    let toy = toy(30, |there| there.contains(&3));
    let shrunk = on(1, || shrink(&toy, &Overrides::new(), u64::MAX, &Patience(AtomicU64::new(4)))).expect("it fails");
    assert!(!shrunk.finished);
    assert_eq!(toy.attempt(&shrunk.best.overrides).0, Some(shrunk.best));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_needed_is_what_is_left(things in 1u64..60, needed in prop::collection::btree_set(0u64..60, 0..6)) {
        let needed: BTreeSet<u64> = needed.into_iter().filter(|n| *n < things).collect();
        let toy = toy(things, |there| needed.is_subset(there));
        prop_assert_eq!(left(&toy).0, needed);
    }

    #[test]
    fn whatever_fails_is_left_failing_and_nothing_more_can_be_dropped(things in 1u64..24, salt: u64) {
        let toy = toy(things, wild(things, salt));
        let (there, _) = left(&toy);
        prop_assert!((toy.fails)(&there));
        for n in &there {
            let mut less = there.clone();
            less.remove(n);
            prop_assert!(!(toy.fails)(&less), "{:?} fails without {} too", there, n);
        }
    }

    #[test]
    fn threads_change_neither_the_result_nor_the_count_of_runs(things in 1u64..24, salt: u64, runs_max in 1u64..200) {
        let toy = toy(things, wild(things, salt));
        let with = |threads| on(threads, || shrink(&toy, &Overrides::new(), runs_max, &()));
        let one = with(1);
        prop_assert_eq!(&with(2), &one);
        prop_assert_eq!(&with(5), &one);
    }

    #[test]
    fn a_budget_leaves_a_whole_answer_from_which_it_goes_on(things in 1u64..24, salt: u64, runs_max in 1u64..100) {
        let toy = toy(things, wild(things, salt));
        let some = shrink(&toy, &Overrides::new(), runs_max, &()).expect("it fails");
        prop_assert_eq!(toy.attempt(&some.best.overrides).0, Some(some.best.clone()));
        let rest = shrink(&toy, &some.best.overrides, u64::MAX, &()).expect("it fails");
        prop_assert!(rest.finished && rest.best.size <= some.best.size);
        // At the end, going on changes nothing.
        let again = shrink(&toy, &rest.best.overrides, u64::MAX, &()).expect("it fails");
        prop_assert_eq!(again.best, rest.best);
    }
}
