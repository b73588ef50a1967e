//! The reports of a gate of ten thousand seeds for each scenario, made in the memory that a small machine has.

use super::PROVED;
use reports::{Format, GateRecord};
use sim::Duration;
use sim::measure::Latency;
use sim::record::Serving;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

/// Scenarios of a whole gate.
const SCENARIOS: usize = 33;
/// Doublings from the five seeds of the real proof: more than ten thousand.
const DOUBLINGS: u32 = 11;
/// What a report may take.
const KIB_MAX: u64 = 200 << 10;

/// A real record, made as large as that of many seeds and scenarios. Runs are folded as they come, so it grows in its
/// numbers, and in the bins of its histograms, until every bin up to two seconds is in use.
fn grown() -> GateRecord {
    let text = fs::read_to_string(PROVED.path().join("proof/report.json")).expect("a report");
    let mut record = reports::load(&text).expect("own output");
    let mut all = Latency::default();
    let mut us = 100;
    while us < 2_000_000 {
        all.record(Duration::micros(us));
        us += 1 + us / 1_024;
    }
    let grow = |serving: &mut Serving| {
        (0..DOUBLINGS).for_each(|_| serving.merge(&serving.clone()));
        serving.latency.merge(&all);
    };
    let first = &mut record.scenarios[0];
    for pass in &mut first.passes {
        pass.serving.iter_mut().for_each(grow);
        for sum in [&mut pass.runs, &mut pass.events, &mut pass.requests, &mut pass.simulated_ns] {
            *sum <<= DOUBLINGS;
        }
    }
    let first = first.clone();
    record.serving.iter_mut().for_each(|(_, serving)| grow(serving));
    let attacked: Vec<_> = record.serving.iter().filter(|(condition, _)| *condition == first.name).cloned().collect();
    let judged: Vec<_> = record.slos.iter().filter(|slo| slo.condition == first.name).cloned().collect();
    for n in 1..SCENARIOS {
        let name = format!("{}-{n}", first.name);
        record.scenarios.push(sim::record::ScenarioRecord { name: name.clone(), ..first.clone() });
        record.serving.extend(attacked.iter().map(|(_, serving)| (name.clone(), serving.clone())));
        let renamed = |slo: &sim::record::SloRecord| sim::record::SloRecord { condition: name.clone(), ..slo.clone() };
        record.slos.extend(judged.iter().map(renamed));
    }
    record.seeds <<= DOUBLINGS;
    record
}

/// The most memory that a process ever had, in KiB, as long as it is there to be asked.
fn peak_kib(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

fn report(dir: &Path) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    command.args(["report", "."]).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().expect("the binary starts");
    let mut peak = 0;
    loop {
        peak = peak.max(peak_kib(&child).unwrap_or(0));
        if let Some(status) = child.try_wait().expect("a child") {
            assert!(status.success());
            return peak;
        }
        sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn reports_of_ten_thousand_seeds_are_made_in_little_memory() {
    let record = grown();
    assert!(record.scenarios[0].passes.iter().any(|pass| pass.runs >= 8_192), "as many runs as seeds");
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("report.json"), reports::render(&record, Format::Json)).expect("a record");
    drop(record);
    let began = Instant::now();
    let peak = report(dir.path());
    let took = began.elapsed();
    let mut sizes = String::new();
    for format in Format::ALL {
        let size = fs::metadata(dir.path().join(format.file_name())).expect("a report").len();
        sizes += &format!("{} {} KiB, ", format.file_name(), size.div_ceil(1_024));
        assert!(format != Format::Markdown || size <= 1 << 20, "a step summary is thrown away whole");
    }
    eprintln!("{sizes}all in {:.1} s and {} MiB", took.as_secs_f64(), peak.div_ceil(1_024));
    assert!(peak < KIB_MAX, "{peak} KiB");
}
