//! The engines, held against each other: `kernel [SCENARIO…]` runs the engine forms on the kernel and prints what each
//! run told, one line of JSON a run; `compare [--defect] [--all-on] FILE FILE…` reads such lines of several engines and
//! prints where they differ from the first. With `--defect` the others' adapters have one, and every run must differ;
//! with `--all-on` runs without a control are left out.
//!
//! `planted` names the defects that can be planted in the models, each with its scenario. `broken FILE CLEAN` prints
//! the runs of FILE that broke a requirement with no control off, where the same runs in CLEAN did not.
//!
//! Exit codes: 0 all alike (with `--defect`, none is), 1 not so, 2 bad usage or input, 3 nothing to compare or print.

use scenarios::catalogue;
use scenarios::compare::runs::Wanted;
use scenarios::compare::{CAPABILITIES, Told, compare};
use scenarios::stage::form;
use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let done = match args.next().as_deref() {
        Some("kernel") => kernel(args),
        Some("compare") => {
            let (flags, files): (Vec<_>, Vec<_>) = args.partition(|arg| ["--defect", "--all-on"].contains(&&**arg));
            table(&files, &flags)
        }
        Some("planted") => {
            models::planted::ALL.iter().for_each(|defect| println!("{}\t{}", defect.name, defect.scenario));
            Ok(ExitCode::SUCCESS)
        }
        Some("broken") => broken(&args.collect::<Vec<_>>()),
        _ => {
            let compare = "`compare [--defect] [--all-on] FILE FILE…`";
            Err(format!("say `kernel [SCENARIO…]`, {compare}, `planted` or `broken FILE CLEAN`"))
        }
    };
    done.unwrap_or_else(|why| {
        eprintln!("engines: {why}");
        ExitCode::from(2)
    })
}

fn kernel(args: impl Iterator<Item = String>) -> Result<ExitCode, String> {
    let wanted = Wanted::parse(args)?;
    if wanted.defect.is_some() {
        return Err("the kernel is what the others are compared with: it has no adapter for a defect".into());
    }
    wanted.each_on_kernel(|told| println!("{}", serde_json::to_string(&told).expect("what is told can be written")))?;
    Ok(ExitCode::SUCCESS)
}

/// What an engine told, by what it was a run of.
type Runs = BTreeMap<String, Told>;

fn read(file: &str) -> Result<Runs, String> {
    let text = std::fs::read_to_string(file).map_err(|why| format!("failed to read {file}: {why}"))?;
    let mut runs = Runs::new();
    for (i, line) in text.lines().enumerate() {
        let place = |why: serde_json::Error| format!("{file}:{}: not a run that was told: {why}", i + 1);
        let told: Told = serde_json::from_str(line).map_err(place)?;
        runs.insert(told.address(), told);
    }
    Ok(runs)
}

/// Prints what only the first file broke, though every control was on.
fn broken(files: &[String]) -> Result<ExitCode, String> {
    let [file, clean] = files else { return Err("`broken` needs two files".into()) };
    let (runs, clean) = (read(file)?, read(clean)?);
    let breaks = |told: &Told| told.off.is_empty() && !told.findings.is_empty();
    let sound = |address: &String| clean.get(address).is_some_and(|told| told.verdict == "held");
    let found: Vec<&Told> =
        runs.iter().filter(|(address, told)| breaks(told) && sound(address)).map(|(_, told)| told).collect();
    for told in &found {
        println!("{}: {}", told.address(), told.findings.iter().next().map_or("", String::as_str));
    }
    Ok(ExitCode::from(if found.is_empty() { 3 } else { 0 }))
}

/// The engine whose runs these are, by the name of their file where there are none.
fn engine<'a>(runs: &'a Runs, file: &'a str) -> &'a str {
    runs.values().next().map_or(file, |told| &told.engine)
}

fn table(files: &[String], flags: &[String]) -> Result<ExitCode, String> {
    let [defect, all_on] = ["--defect", "--all-on"].map(|flag| flags.iter().any(|given| given == flag));
    let mut read: Vec<Runs> = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    if all_on {
        read.iter_mut().for_each(|runs| runs.retain(|_, told| told.off.is_empty()));
    }
    let Some((first, others)) = read.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err("`compare` needs the files of two engines or more".into());
    };
    let reference = engine(first, &files[0]);
    let mut differ = 0;
    for (runs, file) in others.iter().zip(&files[1..]) {
        differ += side_by_side((reference, first), (engine(runs, file), runs))?;
    }
    skips(first);
    capabilities();
    let pairs = first.len() * others.len();
    println!(
        "{} runs of {reference} beside {} other engine(s): {differ} of {pairs} differ.",
        first.len(),
        others.len()
    );
    if defect {
        println!("Their adapters have a defect, and it goes unnoticed in {}.", pairs - differ);
    }
    Ok(ExitCode::from(match (pairs, if defect { pairs - differ } else { differ }) {
        (0, _) => 3,
        (_, wrong) => u8::from(wrong > 0),
    }))
}

/// Prints every run of the reference beside that of another engine, and counts those that differ.
fn side_by_side((reference, first): (&str, &Runs), (engine, runs): (&str, &Runs)) -> Result<usize, String> {
    let mut wrong = 0;
    let mut sums = [0; 5];
    println!("{reference} and {engine}: verdict, marks, requests compared, renumbered, at an edge, unsteady, stray");
    for (address, one) in first {
        // A defect is noticed in what a run says, never in its absence.
        let other = runs.get(address).ok_or_else(|| format!("{engine} did not run {address}"))?;
        let found = compare(one, other)?;
        let alike = if found.is_alike() { "alike" } else { "DIFFER" };
        let counts = [found.compared, found.renumbered, found.at_edge, found.unsteady, found.stray];
        sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        let counts: String = counts.map(|n| format!(" {n:>5}")).concat();
        println!("  {address:<84} {:<8} {}{counts}  {alike}", one.verdict, one.marks.len());
        for difference in found.differences.iter().take(3) {
            println!("      {difference}");
        }
        if found.differences.len() > 3 {
            println!("      and {} more", found.differences.len() - 3);
        }
        wrong += usize::from(!found.is_alike());
    }
    let [requests, renumbered, at_edge, unsteady, stray] = sums;
    println!("  {requests} requests compared, of them {renumbered} under another number; {at_edge} at an edge,");
    println!("  {unsteady} unsteady, {stray} stray");
    println!();
    Ok(wrong)
}

/// What no engine was asked, and why.
fn skips(first: &Runs) {
    println!("Not compared");
    for scenario in catalogue::ALL.iter().filter(|s| first.values().all(|told| told.scenario != s.name)) {
        let why = form::of(scenario).err().unwrap_or("it was not asked for");
        println!("  {:<40} {why}", scenario.name);
    }
    for told in first.values() {
        let form = catalogue::find(&told.scenario).ok().and_then(|scenario| form::of(scenario).ok());
        let is_first = form.is_some_and(|form| form.parts[0].name == told.part) && told.off.is_empty();
        if let (true, Some(form)) = (is_first && told.weather == form::Weather::Calm, form) {
            form.lacks.iter().for_each(|(mark, why)| println!("  {mark:<40} {why}"));
        }
    }
    println!();
}

fn capabilities() {
    println!("{:<20} {:>8} {:>8} {:>8}", "fault", "kernel", "madsim", "turmoil");
    for row in CAPABILITIES.rows() {
        let [kernel, madsim, turmoil] = row.by.map(|(_, means)| means.word());
        println!("{:<20} {kernel:>8} {madsim:>8} {turmoil:>8}", row.kind);
    }
    println!("world: the kernel's world; engine: the engine's own network or scheduler; host: the hosted node.");
    println!();
}
