//! What `gate` and `run` share: how many seeds, on how many threads, watched by whom, and what is left behind.

use super::report;
use crate::args::Files;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::input;
use crate::progress::Bar;
use crate::summary::{self, Around};
use crate::terminal::{Paint, complain, say};
use models::config::Inputs;
use reports::text::presentable;
use scenarios::gate::{self, Demand};
use scenarios::prove::{self, Settings};
use scenarios::scenario::Scenario;
use sim::record::ScenarioRecord;
use std::panic;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// First seed of every plan. Fixed, so that two gates on the same code are the same gate.
pub const SEED_BASE: u64 = 1;

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// Calm and a few swarm seeds.
    Quick,
    /// What gates a release.
    Normal,
    /// What a night is for.
    Full,
}

/// The numbers of a size. 128 clean seeds bound a breach at 2.3 % with 95 % confidence.
pub fn settings(inputs: Inputs, size: Size, seeds: Option<u64>) -> Settings {
    let times = if size == Size::Full { 8 } else { 1 };
    let quick = size == Size::Quick;
    let swarm_seeds = seeds.unwrap_or(if quick { 4 } else { 128 * times });
    Settings {
        inputs,
        seed_base: SEED_BASE,
        calm_seeds: if quick { 1 } else { 8 * times },
        swarm_seeds,
        swarm_floor: swarm_seeds.min(32),
        ablation_seeds: 8 * times as u32,
        interference_pairs: if quick { 0 } else { 2 * times as u32 },
        compare_every: 20,
        ablate: !quick,
    }
}

/// Where a sweep's result goes, and what it must show.
pub struct Order<'a> {
    /// What must be there besides scenarios that held.
    pub demand: Demand,
    /// Begin no run later than this.
    pub budget: Option<Duration>,
    /// Reports go here.
    pub out: Option<&'a Path>,
    /// Input files, to be named again in every replay command.
    pub files: &'a Files,
    /// Print the record instead of the summary.
    pub json: bool,
    /// Worker threads.
    pub threads: Option<u16>,
}

/// Proves the scenarios, writes reports, prints, and says how it ended.
pub fn sweep(settings: &Settings, scenarios: &[&'static Scenario], order: &Order<'_>) -> Done {
    if let Some(dir) = order.out {
        input::writable(dir)?;
    }
    let bar = Bar::new(prove::steps(settings, scenarios), order.budget);
    let mut records = on_threads(order.threads, || quietly(|| prove::prove(settings, scenarios, &bar)))?;
    let took = bar.finish();
    name_files(&mut records, order.files);
    let record = gate::assemble(settings, records, &input::command_line(), order.demand);
    let mut around = Around { took, written: None };
    if let Some(dir) = order.out {
        around.written = Some((dir.display().to_string(), report::write(&record, dir)?));
    }
    if order.json {
        say(&reports::render(&record, reports::Format::Json));
    } else {
        say(&summary::summary(&presentable(&record), &around, Paint::stdout()));
    }
    Ok(Exit::of(record.exit))
}

/// Every command that replays a run names the files it ran with.
fn name_files(records: &mut [ScenarioRecord], files: &Files) {
    let flags = input::flags(files);
    for replay in records.iter_mut().filter_map(|r| r.replay.as_mut()) {
        replay.push_str(&flags);
    }
}

/// Does something on so many worker threads, or on all cores.
///
/// # Errors
/// The threads cannot be started.
pub fn on_threads<T: Send>(threads: Option<u16>, work: impl FnOnce() -> T + Send) -> Result<T, Refusal> {
    let Some(threads) = threads else { return Ok(work()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build();
    Ok(pool.map_err(|e| usage(format!("failed to start {threads} threads: {e}")))?.install(work))
}

/// Runs that panic are told in the record; the first is told at once, with its place, and the others are not repeated.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let before = panic::take_hook();
    panic::set_hook(Box::new(|panic| {
        if !TOLD.swap(true, Ordering::Relaxed) {
            complain(&panic.to_string().replace('\n', " "));
        }
    }));
    let done = work();
    panic::set_hook(before);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_change_numbers_and_nothing_else() {
        let of = |size, seeds| settings(Inputs::embedded(), size, seeds);
        let normal = of(Size::Normal, None);
        assert_eq!((normal.swarm_seeds, normal.ablation_seeds, normal.interference_pairs), (128, 8, 2));
        let quick = of(Size::Quick, None);
        assert_eq!((quick.calm_seeds, quick.swarm_seeds, quick.ablate, quick.interference_pairs), (1, 4, false, 0));
        assert_eq!(of(Size::Quick, Some(9)).swarm_seeds, 9);
        assert_eq!(of(Size::Full, None).swarm_seeds, 1_024);
        assert_eq!(of(Size::Normal, Some(3)).swarm_floor, 3);
    }
}
