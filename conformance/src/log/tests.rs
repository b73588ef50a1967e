//! Logs on disk, whole and spoiled, read alone and together. Steps are made up: what a step finds is tested elsewhere.

use super::frame::frame;
use super::reading::Reading;
use super::survey::survey;
use super::*;
use crate::place::{LOG, Place};
use scenarios::gate::Demand;
use scenarios::prove::Settings;
use std::fs;
use tempfile::TempDir;

fn plan() -> Plan {
    let settings = Settings {
        inputs: Inputs::embedded(),
        seed_base: 1,
        nonce: String::new(),
        calm_seeds: 2,
        swarm_seeds: 4,
        swarm_floor: 1,
        ablation_seeds: 1,
        interference_pairs: 0,
        compare_every: 20,
        ablate: false,
        corpus: Vec::new(),
    };
    let scenario = scenarios::catalogue::find("stride/disclosure-cache-bleed").expect("it is in the catalogue");
    Plan::new(settings, &[scenario], Demand::default())
}

fn header(shard: &str) -> Vec<u8> {
    frame(&Line::Header(Box::new(Header {
        version: VERSION,
        shard: shard.into(),
        command: "cellproof gate".into(),
        flags: String::new(),
        platform: None,
        tenants: None,
        terms: plan().terms(),
    })))
}

/// A step that says something.
fn step(index: u64, said: &str) -> Vec<u8> {
    let done = Done::Fell { token: format!("cp1.{index}.{said}"), said: said.into() };
    frame(&Line::Step(Box::new(Entry { index, name: plan().name(index), done })))
}

fn log(bytes: &[u8]) -> (TempDir, Place) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join(LOG), bytes).expect("a file");
    let place = Place::Disk(dir.path().to_owned());
    (dir, place)
}

/// Finished steps and torn bytes; none when nothing is whole; or a part of the refusal.
fn check(bytes: &[u8], expected: Result<Option<(u64, u64)>, &str>) {
    let (_dir, place) = log(bytes);
    match (survey(&place), expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found.map(|s| (s.finished.count(), s.torn)), expected),
        (Err(refused), Err(expected)) => {
            assert_eq!(refused.exit.code(), 2);
            assert!(refused.message.contains(expected), "{}", refused.message);
            assert!(refused.message.starts_with(&place.file(LOG)), "{}", refused.message);
        }
        (Ok(_), Err(expected)) => panic!("not refused, expected: {expected}"),
        (Err(refused), Ok(_)) => panic!("{}", refused.message),
    }
}

#[test]
fn a_last_line_that_is_cut_off_is_no_mistake_and_costs_only_itself() {
    let (head, one, two) = (header("0/1"), step(3, "three"), step(0, "none"));
    let whole = [&head[..], &one, &two].concat();
    check(&whole, Ok(Some((2, 0))));
    for cut in 0..two.len() {
        check(&whole[..head.len() + one.len() + cut], Ok(Some((1, cut as u64))));
    }
    for cut in 0..head.len() {
        check(&head[..cut], Ok(None));
    }
}

#[test]
fn what_was_altered_is_refused_and_never_taken_for_an_unfinished_line() {
    let (head, one, two) = (header("0/1"), step(3, "three"), step(0, "none"));
    let whole = [&head[..], &one, &two].concat();
    // Every byte before the last line; a changed line end joins two lines.
    for at in (0..head.len() + one.len() - 1).step_by(7) {
        let mut spoiled = whole.clone();
        spoiled[at] ^= 0x20;
        let (_dir, place) = log(&spoiled);
        let message = survey(&place).err().map(|refused| refused.message).expect("refused");
        assert!(message.contains("is not what was written") || message.contains("no log of a sweep"), "{message}");
        assert_eq!(fs::read(place.file(LOG)).expect("a file"), spoiled, "nothing was changed");
    }
    let line = [&head[..], &one[..one.len() - 1], &two, &one].concat();
    check(&line, Err("line 2, from byte"));
}

#[test]
fn what_is_no_log_of_this_sweep_is_refused_with_what_was_expected() {
    let (head, one) = (header("1/3"), step(4, "four"));
    check(b"", Ok(None));
    check(b"dear diary\n", Err("no log of a sweep: expected a header"));
    check(&one, Err("line 1: a step, expected a header"));
    check(&[&head[..], &head].concat(), Err("line 2: a second header, expected a step"));
    check(&[&head[..], &one, &one].concat(), Err("line 3: step 4 for the second time, expected each once"));
    check(&[&head[..], &step(3, "three")].concat(), Err("line 2: step 3, expected one of shard 1/3"));
    let Ok(Line::Header(known)) = serde_json::from_slice(&super::frame::whole(&head).expect("whole")) else {
        panic!("a header")
    };
    let of = |change: fn(&mut Header)| {
        let mut header = known.clone();
        change(&mut header);
        frame(&Line::Header(header))
    };
    check(&of(|h| h.version = 7), Err("a log of version 7, expected 1"));
    check(&of(|h| h.shard = "3/3".into()), Err("shard `3/3`: k counts from 0"));
    let other = of(|h| h.terms.code = "0123456789abcdef".into());
    let Ok(Line::Header(other)) = serde_json::from_slice(&super::frame::whole(&other).expect("whole")) else {
        panic!("a header")
    };
    let refused = other.plan().err().expect("another version");
    assert!(refused.message.starts_with("made by another version of cellproof (code 0123456789ab there"));
    assert!(known.plan().is_ok());
}

/// Folds logs; the records as JSON, and the steps that are missing.
fn folded(logs: &[Vec<u8>]) -> (String, Vec<u64>) {
    let plan = plan();
    let kept: Vec<(TempDir, Place)> = logs.iter().map(|bytes| log(bytes)).collect();
    let looked = |(_, place): &(TempDir, Place)| {
        (place.clone(), survey(place).map_err(|r| r.message).expect("a log").expect("a header"))
    };
    let mut missing = Vec::new();
    let reading = Reading::of(kept.iter().map(looked).collect()).map_err(|r| r.message).expect("readable");
    let folds = reading.fold(&plan, |index| missing.push(index)).map_err(|r| r.message).expect("of this plan");
    (serde_json::to_string(&folds.finish()).expect("a record is JSON"), missing)
}

/// A log of these steps, in this order.
fn of(shard: &str, steps: impl IntoIterator<Item = u64>) -> Vec<u8> {
    steps.into_iter().fold(header(shard), |log, index| [log, step(index, &format!("said {index}"))].concat())
}

#[test]
fn any_split_any_order_and_any_overlap_fold_to_the_same_record() {
    let all = plan().len();
    assert_eq!(all, 6);
    let (whole, missing) = folded(&[of("0/1", 0..all)]);
    assert!(missing.is_empty());
    for i in 0..all {
        assert!(whole.contains(&format!("said {i}")), "{whole}");
    }
    for logs in [
        vec![of("0/1", (0..all).rev())],
        vec![of("1/2", [1, 3, 5]), of("0/2", [4, 0, 2])],
        vec![of("2/3", [5, 2]), of("0/3", [0, 3]), of("1/3", [1, 4])],
        vec![of("0/1", [3, 1, 2]), of("0/2", [0, 2, 4]), of("2/3", [5])],
        vec![of("0/1", 0..all), of("0/1", (0..all).rev()), of("1/2", [5])],
        vec![of("7/9", []), of("0/1", 0..all)],
    ] {
        assert_eq!(folded(&logs), (whole.clone(), vec![]));
    }
}

#[test]
fn what_no_log_holds_is_named_and_left_out() {
    let (record, missing) = folded(&[of("0/2", [4, 0]), of("1/2", [3])]);
    assert_eq!(missing, [1, 2, 5]);
    assert!(record.contains("1 of 2 steps that a verdict needs were left out"), "{record}");
}

#[test]
fn two_makings_of_one_step_that_differ_are_told_whatever_the_order() {
    let (one, two) = (of("0/1", 0..6), [header("0/3"), step(3, "something else")].concat());
    let (record, missing) = folded(&[one.clone(), two.clone()]);
    assert!(missing.is_empty());
    assert!(record.contains("two shards did stride/disclosure-cache-bleed swarm 2"), "{record}");
    assert!(record.contains("cp1.3.said 3 | cp1.3.something else"), "{record}");
    assert_eq!(folded(&[two, one]), (record, missing));
}
