//! `cellproof explore`: runs that are made from what earlier ones showed, in search of what no seed of a sweep meets.

use super::sweep::{SEED_BASE, on_threads, quietly};
use crate::args::Explore;
use crate::corpus;
use crate::exit::{Done, Exit};
use crate::input;
use crate::place::Place;
use crate::terminal::{Paint, Tone, say};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scenarios::catalogue;
use scenarios::explore::{self, Explored, Settings, Watch};
use scenarios::scenario::Scenario;
use std::fmt::Write as _;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// Explores.
pub fn explore(args: &Explore) -> Done {
    let inputs = input::inputs(&args.files)?;
    let scenarios: Vec<&'static Scenario> = match args.scenarios.is_empty() {
        true => catalogue::ALL.iter().copied().filter(|s| !s.canary).collect(),
        false => input::scenarios(&args.scenarios)?,
    };
    // Everything is read before anything runs.
    let mut corpora = Vec::new();
    for scenario in &scenarios {
        corpora.push(corpus::read(&args.corpus, scenario.name)?);
    }
    Place::Disk(args.corpus.clone()).ready()?;
    let settings = Settings {
        inputs,
        seed: args.seed.unwrap_or(SEED_BASE),
        runs_max: args.runs,
        is_guided: !args.random,
        stop_at_first: false,
    };
    let paint = Paint::stdout();
    let mut found = Vec::new();
    let mut runs = 0;
    say(&format!("{:<34} {:>7} {:>9} {:>7}  {}\n", "scenario", "runs", "features", "corpus", "failures"));
    for (scenario, corpus) in scenarios.iter().zip(corpora) {
        let mut bar = Bar::new(scenario.name, args.runs, share(args.time_budget, scenarios.len()));
        let done = on_threads(args.threads, || quietly(|| explore::explore(&settings, scenario, corpus, &mut bar)))?;
        bar.0.finish_and_clear();
        runs += done.runs;
        let kept = corpus::write(&args.corpus, scenario.name, &done.corpus)?;
        say(&row(scenario, &done, kept, paint));
        found.extend(done.found);
    }
    let flags = input::flags(&args.files);
    let mut text = format!("\n{runs} runs. Corpus: {}\n", args.corpus.display());
    for found in &found {
        let record = &found.record;
        let what = record.findings.first().map(|f| format!("{} broken: {}", f.requirement, f.message));
        let what = what.or_else(|| record.pending.first().map(|p| format!("not served after faults stopped: {p}")));
        let _ = writeln!(text, "\n{}, after {} runs: {}", record.scenario, found.after_runs, what.unwrap_or_default());
        for fault in &record.faults {
            let _ = writeln!(
                text,
                "  {} on {} from {} to {} ms",
                fault.fault,
                fault.target,
                fault.from_ns / 1_000_000,
                fault.until_ns / 1_000_000
            );
        }
        let _ = writeln!(text, "cellproof replay {}{flags}", record.token);
    }
    say(&text);
    Ok(match (runs, found.is_empty()) {
        (0, _) => Exit::Inconclusive,
        (_, true) => Exit::Held,
        (_, false) => Exit::Broken,
    })
}

/// Every scenario gets the same part of the time.
fn share(budget: Option<Duration>, scenarios: usize) -> Option<Duration> {
    budget.map(|budget| budget / u32::try_from(scenarios.max(1)).unwrap_or(u32::MAX))
}

fn row(scenario: &Scenario, done: &Explored, kept: usize, paint: Paint) -> String {
    let failures = match done.found.len() {
        0 => paint.tone(Tone::Good, "none"),
        n => paint.tone(Tone::Bad, &n.to_string()),
    };
    format!("{:<34} {:>7} {:>9} {kept:>7}  {failures}\n", scenario.name, done.runs, done.features)
}

/// A bar on a terminal, and the time budget of one scenario.
struct Bar(ProgressBar, Instant, Option<Duration>);

impl Bar {
    fn new(name: &'static str, runs: u64, budget: Option<Duration>) -> Bar {
        let terminal = stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(runs), target);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs  {elapsed}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ "));
        bar.set_message(name);
        Bar(bar, Instant::now(), budget)
    }
}

impl Watch for Bar {
    fn tell(&mut self, runs: u64, _: usize, _: usize) {
        self.0.set_position(runs);
    }
    fn enough(&self) -> bool {
        self.2.is_some_and(|budget| self.1.elapsed() >= budget)
    }
}
