//! `cellproof run`: proves some scenarios like the gate; or, given a seed or a control to switch off, runs and shows
//! what was found, on the kernel or on another engine.
//!
//! With a control off and no seed it tries the gate's seeds and stops at the first breach: a reviewer wants to see the
//! attack succeed, not to guess a seed.

use super::sweep::{self, SEED_BASE, Size, on_threads, quietly};
use crate::args::{Run, Seeds};
use crate::engine;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::input;
use crate::page::Page;
use crate::place::Place;
use crate::terminal::{Paint, Tone, say};
use crate::timeline;
use crate::trace::export;
use models::config::Inputs;
use rayon::prelude::*;
use reports::write::write_atomically;
use scenarios::gate::Demand;
use scenarios::prove::{self, KERNEL, Order};
use scenarios::scenario::Scenario;
use scenarios::sweep::Plan;
use sim::control::Control;
use sim::record::{Pass, RECORD_VERSION, RunRecord};
use std::path::Path;

/// Seeds that are tried when a control is off and no seed is given.
const TRIES: u64 = 8;

/// Runs whose digests are in memory at once.
const BLOCK: u64 = 4_096;

/// Findings are shown for so many runs.
const SHOWN_MAX: usize = 8;

/// Runs.
pub fn run(args: &Run) -> Done {
    let chosen = input::scenarios(&args.scenarios)?;
    let off = input::controls(&args.ablate)?;
    let inputs = input::inputs(&args.files)?;
    let seeds = args.seed.map(|seed| Seeds { from: seed, until: seed.saturating_add(1) }).or(args.seeds);
    if args.digests {
        return digests(args, &inputs, &chosen, &off, seeds);
    }
    let engine = engine::of(args.engine);
    let is_proof = off.is_empty() && seeds.is_none() && engine.name == KERNEL.name;
    if !is_proof && args.nonce.is_some() {
        return Err(usage("--nonce decides the seeds of a proof: leave the seeds, controls and engine to it"));
    }
    if is_proof {
        if args.faults {
            return Err(usage("--faults goes with --seed or --seeds; a proof draws faults anyway"));
        }
        if args.html.is_some() {
            return Err(usage("--html shows single runs: give --seed, --seeds or --ablate"));
        }
        if args.trace.is_some() {
            return Err(usage("--trace writes a single run: give --seed, --seeds or --ablate"));
        }
        return proved(args, &chosen);
    }
    if engine.name != KERNEL.name && args.quick {
        return Err(usage("--quick goes with a proof, and proofs run on the kernel: give --seed or --seeds"));
    }
    singles(args, &inputs, &chosen, &off, seeds)
}

/// All passes, as in a gate.
fn proved(args: &Run, chosen: &[&'static Scenario]) -> Done {
    let given = input::given(&args.files)?;
    let size = if args.quick { Size::Quick } else { Size::Normal };
    let plan =
        Plan::new(sweep::settings(given.inputs.clone(), size, None, args.nonce.as_deref()), chosen, Demand::default());
    let names: Vec<&str> = chosen.iter().map(|s| s.name).collect();
    let quick = if args.quick { " --quick" } else { "" };
    let nonce = args.nonce.as_deref().map_or(String::new(), |nonce| format!(" --nonce {}", input::quoted(nonce)));
    let order = sweep::Order {
        command: format!("cellproof run {}{quick}{nonce}{}", names.join(" "), input::flags(&args.files)),
        budget: None,
        out: args.out.as_ref().map(|out| Place::of(out.as_os_str())).transpose()?,
        shard: None,
        overwrite: args.overwrite,
        files: &args.files,
        json: args.json,
        threads: args.threads,
    };
    sweep::sweep(&plan, &given, &order)
}

fn order(args: &Run, scenario: &'static Scenario, off: &[&'static Control], seed: u64) -> Order {
    let pass = match (off.is_empty(), args.faults) {
        (_, true) => Pass::Swarm,
        (false, false) => Pass::Ablation,
        (true, false) => Pass::Calm,
    };
    Order { off: off.to_vec(), ..Order::new(scenario, pass, seed) }
}

/// One line `SEED DIGEST` a run: what two machines, or two thread counts, compare.
fn digests(
    args: &Run,
    inputs: &Inputs,
    chosen: &[&'static Scenario],
    off: &[&'static Control],
    seeds: Option<Seeds>,
) -> Done {
    let [scenario] = chosen else { return Err(usage("--digests takes one scenario")) };
    let Some(seeds) = seeds else { return Err(usage("--digests needs --seed or --seeds")) };
    let mut from = seeds.from;
    while from < seeds.until {
        let until = seeds.until.min(from.saturating_add(BLOCK));
        let block: Vec<u64> = (from..until).collect();
        let lines = on_threads(args.threads, || {
            let line = |seed: &u64| {
                let run = prove::execute_on(engine::of(args.engine), inputs, &order(args, scenario, off, *seed));
                format!("{seed} {}\n", run.record.digest)
            };
            block.par_iter().map(line).collect::<Vec<String>>()
        })?;
        say(&lines.concat());
        from = until;
    }
    Ok(Exit::Held)
}

/// Single runs, and what they found.
fn singles(
    args: &Run,
    inputs: &Inputs,
    chosen: &[&'static Scenario],
    off: &[&'static Control],
    seeds: Option<Seeds>,
) -> Done {
    if let Some(dir) = &args.out {
        return Err(usage(format!(
            "--out {} goes with a proof; for single runs print --json or use `cellproof replay`",
            input::quoted(&dir.display().to_string())
        )));
    }
    let engine = engine::of(args.engine);
    let searching = seeds.is_none() && !off.is_empty();
    // Without a seed and with all controls on, another engine than the kernel runs the gate's first seed.
    let tries = if searching { TRIES } else { 1 };
    let seeds = seeds.unwrap_or(Seeds { from: SEED_BASE, until: SEED_BASE + tries });
    let mut runs: Vec<RunRecord> = Vec::new();
    for scenario in chosen {
        if searching {
            for seed in seeds.from..seeds.until {
                let run = prove::execute_on(engine, inputs, &order(args, scenario, off, seed)).record;
                let found = !run.findings.is_empty();
                // What found nothing only counts, unless it is the last.
                if found || seed + 1 == seeds.until {
                    runs.push(run);
                    break;
                }
            }
        } else {
            let all: Vec<u64> = (seeds.from..seeds.until).collect();
            let work = || {
                let run = |seed: &u64| prove::execute_on(engine, inputs, &order(args, scenario, off, *seed)).record;
                quietly(|| all.par_iter().map(run).collect::<Vec<_>>())
            };
            runs.extend(on_threads(args.threads, work)?);
        }
    }
    let exit = runs.iter().map(ending).max().unwrap_or(Exit::Inconclusive);
    if let (Some(file), Some(first)) = (&args.html, told(&runs).first()) {
        let scenario = chosen.iter().find(|scenario| scenario.name == first.scenario).expect("it was run");
        page(args, inputs, &order(args, scenario, off, first.seed.parse().expect("ours")), file)?;
    }
    if let (Some(file), Some(first)) = (&args.trace, told(&runs).first()) {
        let scenario = chosen.iter().find(|scenario| scenario.name == first.scenario).expect("it was run");
        traced(args, inputs, &order(args, scenario, off, first.seed.parse().expect("ours")), file)?;
    }
    if args.json {
        let value = serde_json::json!({"version": RECORD_VERSION, "exit": exit.code(), "runs": runs});
        say(&format!("{}\n", serde_json::to_string_pretty(&value).expect("records serialise")));
    } else {
        for file in args.html.iter().chain(&args.trace) {
            say(&format!("Written to {}.\n\n", file.display()));
        }
        say(&shown(&runs, exit, &input::flags(&args.files), Paint::stdout()));
    }
    Ok(exit)
}

/// Runs once more what is to be shown, with everything kept, and writes its page.
fn page(args: &Run, inputs: &Inputs, order: &Order, file: &Path) -> Result<(), Refusal> {
    let order = Order { keep: true, ..order.clone() };
    let engine = engine::of(args.engine);
    let run = prove::execute_on(engine, inputs, &order);
    let command = format!("cellproof replay {}{}", run.record.token, input::flags(&args.files));
    Page { engine, inputs, order: &order, run: &run, command, warning: None, until: None }.write(file)
}

/// Runs once more what is to be told, with everything kept, and writes its trace and the deployment that has it.
fn traced(args: &Run, inputs: &Inputs, order: &Order, file: &Path) -> Result<(), Refusal> {
    let order = Order { keep: true, ..order.clone() };
    let run = prove::execute_on(engine::of(args.engine), inputs, &order);
    let terms = prove::terms(inputs, &order);
    let name = file.file_name().ok_or_else(|| usage(format!("--trace {} names no file", file.display())))?;
    let name = name.to_string_lossy();
    let off = order.off.iter().map(|control| format!(", without {}", control.id)).collect::<String>();
    let title = format!("{}, seed {}{off}", order.scenario.name, order.seed);
    let beside = file.with_file_name(format!("{name}.toml"));
    let failed = |file: &Path| format!("failed to write {}", file.display());
    write_atomically(file, export::trace(&run, &terms).as_bytes())
        .map_err(|e| usage(format!("{}: {e}", failed(file))))?;
    let text = export::deployment(&title, &name, &terms);
    write_atomically(&beside, text.as_bytes()).map_err(|e| usage(format!("{}: {e}", failed(&beside))))
}

/// Runs worth telling: those that went wrong, or else the first.
fn told(runs: &[RunRecord]) -> Vec<&RunRecord> {
    let wrong: Vec<&RunRecord> = runs.iter().filter(|run| ending(run) != Exit::Held).collect();
    if wrong.is_empty() { runs.iter().take(1).collect() } else { wrong }
}

/// How a single run ends.
pub fn ending(run: &RunRecord) -> Exit {
    if !run.findings.is_empty() || !run.pending.is_empty() {
        Exit::Broken
    } else if !run.errors.is_empty() || run.marks.is_empty() {
        Exit::Inconclusive
    } else {
        Exit::Held
    }
}

/// What single runs found. The last line replays the first that went wrong, or the first of all.
fn shown(runs: &[RunRecord], exit: Exit, flags: &str, paint: Paint) -> String {
    let mut out = String::new();
    let told = told(runs);
    for run in told.iter().take(SHOWN_MAX) {
        let off =
            if run.ablations.is_empty() { String::new() } else { format!(", without {}", run.ablations.join(", ")) };
        let head = format!("{}, {}, seed {}{off}", run.scenario, run.pass.as_str(), run.seed);
        out.push_str(&format!("{}\n", paint.tone(Tone::Loud, &head)));
        out.push_str(&timeline::facts(run, paint));
        out.push('\n');
    }
    let broken = runs.iter().filter(|run| ending(run) == Exit::Broken).count();
    out.push_str(&format!(
        "{} run{}, {broken} broken. {}\n",
        runs.len(),
        if runs.len() == 1 { "" } else { "s" },
        exit.words()
    ));
    if let Some(first) = told.first() {
        out.push_str(&format!("cellproof replay {}{flags}\n", first.token));
    }
    out
}
