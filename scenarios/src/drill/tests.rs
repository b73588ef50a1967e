//! Drills, drawn and read, run and exported.

use super::document::Document;
use super::export::{Format, plan};
use super::map::{Map, Part};
use super::outcome::Comparison;
use super::toll::{ALL_PPM, tolls};
use super::*;
use models::config::Inputs;
use sim::fault::{FaultSpec, KINDS, Target};
use std::fmt::Write;
use story::at;

fn parsed(text: &str) -> Result<Document, String> {
    let inputs = Inputs::embedded();
    Document::parse("drill.json", text, &inputs, &Map::of(&inputs)).map_err(|problems| problems.to_string())
}

#[test]
fn a_drill_that_was_written_and_read_is_the_same_drill() {
    let inputs = Inputs::embedded();
    for seed in 0..40 {
        let drill = Drill::drawn(&inputs, seed);
        let text = serde_json::to_string_pretty(&document::write(&drill)).expect("JSON");
        let read = Drill::of(&inputs, parsed(&text).expect("what was written is read"));
        assert_eq!((read.seed, &read.story, &read.expectations), (seed, &drill.story, &drill.expectations));
    }
}

#[test]
fn a_drill_that_was_read_runs_as_the_drawn_one_and_nothing_is_worse_than_was_said() {
    let inputs = Inputs::embedded();
    for seed in [1, 7] {
        let drill = Drill::drawn(&inputs, seed);
        let text = document::write(&drill).to_string();
        let (drawn, read) =
            (drill.run(&inputs, &[]), Drill::of(&inputs, parsed(&text).expect("read")).run(&inputs, &[]));
        assert_eq!(drawn.record.digest, read.record.digest);
        assert_eq!((&drawn.record.findings[..], &drawn.record.errors[..]), (&[][..], &[][..]));
        assert!(drawn.outcomes.iter().all(|o| o.comparison < Comparison::Undecided), "{:#?}", drawn.outcomes);
        assert!(drawn.outcomes.iter().any(|o| o.inside.bad > 0), "seed {seed} costs nobody anything");
    }
}

#[test]
fn an_observation_is_held_against_what_was_expected_and_what_is_simulated() {
    let inputs = Inputs::embedded();
    let observed = |verdict| {
        let text = format!(
            r#"{{"version": 1, "seed": "3", "length_ms": 60000, "incidents": [],
                "observed": [{{"tenant": "acme", "objective": "SLO-02", "verdict": "{verdict}"}}]}}"#
        );
        let ran = Drill::of(&inputs, parsed(&text).expect("sound")).run(&inputs, &[]);
        let [beside] = <[Beside; 1]>::try_from(ran.beside).expect("one observation");
        (beside.comparison, beside.is_contradiction)
    };
    assert_eq!(observed("MET"), (Comparison::AsExpected, false));
    assert_eq!(observed("MISSED"), (Comparison::Worse, true));
    assert_eq!(observed("NO_DATA"), (Comparison::Undecided, false));
}

#[test]
fn every_mistake_in_a_file_has_its_place_and_says_what_was_expected() {
    let sound = r#"{"version": 1, "seed": "1", "length_ms": 30000, "incidents": [{"title": "t", "faults": [
{"kind": "crash", "target": {"node": "cell-a/cache"}, "from_ms": 9000, "until_ms": 12000}]}]}"#;
    assert!(parsed(sound).is_ok(), "{:?}", parsed(sound));
    let mut shown = String::new();
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("\"seed\": \"1\"", "\"seed\": \"-1\""),
        ("\"kind\": \"crash\"", "\"kind\": \"crush\""),
        ("\"kind\": \"crash\"", "\"kind\": \"loss\""),
        ("cell-a/cache", "cell-c/cache"),
        ("12000", "9000"),
        ("12000", "99000"),
        ("{\"node\": \"cell-a/cache\"}", "\"cell-a/cache\""),
        ("\"title\": \"t\",", ""),
        ("\"title\"", "\"titel\""),
        ("]}]}", "]}"),
    ] {
        let text = sound.replace(from, to);
        assert_ne!(text, sound);
        writeln!(shown, "{from} -> {to}\n{}", parsed(&text).expect_err("a mistake")).expect("memory");
    }
    insta::assert_snapshot!(shown);
}

fn fault(kind: &str, target: Target, from_s: u64, until_s: u64, strength: u64) -> FaultSpec {
    FaultSpec { kind: kind.into(), target, from: at(from_s * 1_000), until: at(until_s * 1_000), strength }
}

fn node(role: &str) -> Target {
    Target::Node(role.into())
}

/// The cells and shares of tolls on at a second.
fn at_second(faults: &[FaultSpec], second: u64) -> Vec<(String, u64)> {
    let now = at(second * 1_000);
    let on = tolls(faults, &Map::of(&Inputs::embedded())).into_iter().filter(|t| t.from <= now && now < t.until);
    on.map(|t| (t.cell, t.fails_ppm)).collect()
}

#[test]
fn an_instance_that_restarts_waits_for_the_authority_that_is_away() {
    let restart = fault("crash", node("cell-a/app-1"), 10, 11, 0);
    let ca = fault("crash", node("cell-a/mesh-ca"), 9, 30, 0);
    let both = fault("crash", node("cell-a/app-2"), 20, 21, 0);
    assert_eq!(at_second(std::slice::from_ref(&restart), 16), []);
    assert_eq!(at_second(&[restart.clone(), ca.clone()], 31), [("cell-a".to_owned(), 100_000)]);
    let gone = at_second(&[restart, ca, both], 25);
    assert!(gone.contains(&("cell-a".to_owned(), ALL_PPM)), "no instance is left: {gone:?}");
}

#[test]
fn what_no_request_waits_for_costs_nothing_and_another_cell_is_spared() {
    let map = Map::of(&Inputs::embedded());
    for part in [Part::Ca, Part::Idp, Part::Config, Part::Mirror, Part::Controller] {
        let role = map.roles("cell-a", part)[0];
        assert_eq!(tolls(&[fault("crash", node(role), 10, 20, 0)], &map), [], "{role}");
    }
    let apart = Target::link(Target::Group("cell-a".into()), Target::Group("cell-b".into()));
    assert_eq!(tolls(&[fault("partition", apart, 10, 20, 0)], &map), []);
    let cell = tolls(&[fault("crash", Target::Group("cell-a".into()), 10, 20, 0)], &map);
    assert!(!cell.is_empty() && cell.iter().all(|toll| toll.cell == "cell-a"));
}

/// A story with one fault of each kind, on a node or between two cells.
fn one_of_each() -> Drill {
    let inputs = Inputs::embedded();
    let link = Target::link(Target::Group("cell-a".into()), node("cell-b/mirror-in"));
    let each = |(i, (kind, unit)): (usize, &(&str, &str))| {
        let target =
            if unit.contains("messages") || unit.contains("passes") { link.clone() } else { node("cell-a/cache") };
        let from = 10 + 3 * i as u64;
        fault(kind, target, from, from + 2, 2_500)
    };
    let faults: Vec<FaultSpec> = KINDS.iter().enumerate().map(each).collect();
    let incidents = vec![story::Incident { kind: None, title: "everything".into(), faults: faults.len() }];
    let story = Story { incidents, faults, length: at(100_000) };
    Drill::of(&inputs, Document { seed: 5, story, observed: Vec::new() })
}

#[test]
fn every_fault_of_a_story_is_in_the_plan_or_in_a_note() {
    let map = Map::of(&Inputs::embedded());
    for format in [Format::ChaosMesh, Format::Toxiproxy] {
        let plan = plan(format, &one_of_each(), &map);
        let text = plan.value.to_string();
        for (i, (kind, _)) in KINDS.iter().enumerate() {
            let start = format!("\"at_ms\":{},", (10 + 3 * i) * 1_000);
            let planned = text.contains(&format!("\"fault-{}\"", i + 1)) || text.contains(&start);
            let told = plan.notes.iter().any(|note| note.starts_with(&format!("{kind} on ")));
            assert!(planned != told, "{kind}: planned {planned}, told {told}: {:#?}", plan.notes);
        }
        let name = if format == Format::ChaosMesh { "chaos-mesh" } else { "toxiproxy" };
        let shown = serde_json::to_string_pretty(&plan.value).expect("JSON");
        insta::assert_snapshot!(name, format!("{shown}\n\n{}", plan.notes.join("\n")));
    }
}
