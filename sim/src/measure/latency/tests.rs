//! Tests of the histogram: against the crate it stands on, and its two ways of keeping samples against each other.

use super::*;
use proptest::prelude::*;

fn of(micros: &[u64]) -> Latency {
    let mut latency = Latency::default();
    micros.iter().for_each(|&us| latency.record(Duration::micros(us)));
    latency
}

/// The same samples, with the bins allocated whether or not they are many.
fn allocated(micros: &[u64]) -> Latency {
    let mut latency = of(micros);
    latency.allocate();
    latency
}

fn json(latency: &Latency) -> String {
    serde_json::to_string(latency).unwrap()
}

#[test]
fn an_empty_histogram_allocates_nothing_and_says_zero() {
    let empty = Latency::default();
    assert!(matches!(&empty.samples, Samples::Few(few) if few.capacity() == 0));
    assert!(empty.is_empty());
    assert_eq!((empty.quantile(9_500), empty.max()), (Duration::ZERO, Duration::ZERO));
    assert_eq!(empty.quantile_interval(9_500, 0.05), None);
    assert_eq!(json(&empty), "[]");
}

#[test]
fn bins_are_those_of_the_histogram_crate() {
    let bins = Histogram::<u64>::new_with_bounds(1, HIGHEST_US, DIGITS).unwrap();
    let mut us = 1_u64;
    while us < HIGHEST_US {
        for value in [us - 1, us, us + 1, us + us / 3, HIGHEST_US] {
            assert_eq!(bin_ceiling(value), bins.highest_equivalent(value), "ceiling of {value}");
            assert_eq!(bin_floor(value), bins.lowest_equivalent(value), "floor of {value}");
        }
        us *= 2;
    }
}

#[test]
fn a_latency_is_never_understated() {
    let mut latency = Latency::default();
    latency.record(Duration::nanos(1));
    assert_eq!(latency.max(), Duration::micros(1));
    latency.record(Duration::nanos(1_001));
    assert_eq!(latency.max(), Duration::micros(2));
    latency.record(Duration::millis(1_500));
    assert!(latency.max() >= Duration::millis(1_500) && latency.max() < Duration::millis(1_502));
    latency.record(Duration::secs(1_000_000));
    assert_eq!(latency.max(), Duration::micros(bin_ceiling(HIGHEST_US)));
    latency.record(Duration::ZERO);
    assert_eq!(latency.quantile(0), Duration::micros(1));
}

#[test]
fn quantiles_are_ranks_rounded_up() {
    let hundred: Vec<u64> = (1..=100).rev().collect();
    for latency in [of(&hundred), allocated(&hundred)] {
        let at = |permyriad| latency.quantile(permyriad).as_micros();
        assert_eq!((at(0), at(5_000), at(9_500), at(9_501), at(10_000)), (1, 50, 95, 96, 100));
    }
}

#[test]
fn an_interval_brackets_the_quantile_and_asks_for_more_when_it_cannot() {
    let needed = Latency::samples_needed(9_500, 0.05).unwrap();
    assert_eq!(needed, 72);
    let enough: Vec<u64> = (1..=needed).collect();
    assert_eq!(of(&enough[1..]).quantile_interval(9_500, 0.05), None);
    let (low, high) = of(&enough).quantile_interval(9_500, 0.05).unwrap();
    assert_eq!(high.as_micros(), 72);
    assert!(low < Duration::micros(69), "{low}");

    let many: Vec<u64> = (1..=10_000).collect();
    let (low, high) = of(&many).quantile_interval(9_900, 0.10).unwrap();
    assert_eq!(high.as_micros(), bin_ceiling(9_917));
    assert!(low.as_micros() < 9_900 && low.as_micros() > 9_870, "{low}");
}

#[test]
fn the_serialised_form_is_a_short_list_and_nonsense_is_refused() {
    let latency = of(&[5, 3, 3_000, 3_001, 5]);
    assert_eq!(json(&latency), "[[3,1],[5,2],[3001,2]]");
    let check = |text: &str, why: &str| {
        let refused = serde_json::from_str::<Latency>(text).expect_err(text).to_string();
        assert!(refused.contains(why), "{text}: {refused}");
    };
    check("[[0,1]]", "does not follow");
    check("[[5,1],[5,1]]", "does not follow");
    check("[[5,1],[3,1]]", "does not follow");
    check("[[3000,1]]", "not the upper end");
    check("[[18446744073709551615,1]]", "not the upper end");
    check("[[5,0]]", "no samples");
    check("[[5,18446744073709551615],[6,1]]", "2^64");
    check("[[5]]", "tuple");
    check("{}", "expected");
}

/// Microseconds of all magnitudes.
fn micros() -> impl Strategy<Value = u64> {
    (0_u32..34, any::<u64>()).prop_map(|(bits, draw)| draw & ((1 << bits) - 1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_recording_everything_in_one(
        a in prop::collection::vec(micros(), 0..900),
        b in prop::collection::vec(micros(), 0..900),
        c in prop::collection::vec(micros(), 0..90),
        dense in any::<[bool; 3]>(),
    ) {
        let make = |samples: &[u64], dense| if dense { allocated(samples) } else { of(samples) };
        let (la, lb, lc) = (make(&a, dense[0]), make(&b, dense[1]), make(&c, dense[2]));
        let merged = |parts: &[&Latency]| {
            let mut all = Latency::default();
            parts.iter().for_each(|part| all.merge(part));
            all
        };
        let one = of(&[a, b, c].concat());
        prop_assert_eq!(merged(&[&la, &lb, &lc]), one.clone());
        prop_assert_eq!(merged(&[&lc, &lb, &la]), one.clone());
        prop_assert_eq!(merged(&[&la, &merged(&[&lb, &lc])]), one.clone());
        prop_assert_eq!(merged(&[&merged(&[&la, &lb]), &lc]).count(), one.count());
    }

    #[test]
    fn a_histogram_survives_its_json(samples in prop::collection::vec(micros(), 0..1_500)) {
        let latency = of(&samples);
        let text = json(&latency);
        let again: Latency = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again, &latency);
        prop_assert_eq!(json(&again), text);
        for permyriad in [0, 5_000, 9_500, 9_999, 10_000] {
            prop_assert_eq!(again.quantile(permyriad), latency.quantile(permyriad));
        }
        prop_assert_eq!(again.quantile_interval(9_500, 0.05), latency.quantile_interval(9_500, 0.05));
    }

    #[test]
    fn few_and_many_samples_answer_alike(samples in prop::collection::vec(micros(), 1..300)) {
        let (few, many) = (of(&samples), allocated(&samples));
        prop_assert_eq!(&few, &many);
        for permyriad in [0, 1, 5_000, 9_500, 10_000] {
            prop_assert_eq!(few.quantile(permyriad), many.quantile(permyriad));
        }
    }
}
