//! What `gate`, `run` and `merge` share: how many seeds, on how many threads, what is there already, what is left
//! behind.
//!
//! With a place to keep things in, a sweep is three acts: see what the place holds, do what is missing, read everything
//! back. The record is made from what was read back, so it does not matter in how many attempts it came there.

use crate::args::Files;
use crate::desk::{Desk, Keep};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::input::Given;
use crate::log::reading::Reading;
use crate::log::survey::survey;
use crate::log::{Header, VERSION};
use crate::place::Place;
use crate::progress::Bar;
use crate::shard::Ended;
use crate::summary::{self, Around};
use crate::terminal::{Paint, complain, say};
use crate::timings::Timings;
use crate::{claim, input};
use models::config::Inputs;
use reports::text::presentable;
use reports::{Format, GateRecord};
use scenarios::prove::Settings;
use scenarios::sweep::{self, Plan, Shard};
use sim::record::ScenarioRecord;
use sim::seed;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// First seed of every plan without a nonce. Fixed, so that two gates on the same code are the same gate.
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
pub fn settings(inputs: Inputs, size: Size, seeds: Option<u64>, nonce: Option<&str>) -> Settings {
    let times = if size == Size::Full { 8 } else { 1 };
    let quick = size == Size::Quick;
    let swarm_seeds = seeds.unwrap_or(if quick { 4 } else { 128 * times });
    Settings {
        inputs,
        seed_base: nonce.map_or(SEED_BASE, seed::base),
        nonce: nonce.unwrap_or_default().into(),
        calm_seeds: if quick { 1 } else { 8 * times },
        swarm_seeds,
        swarm_floor: swarm_seeds.min(32),
        ablation_seeds: 8 * times as u32,
        interference_pairs: if quick { 0 } else { 2 * times as u32 },
        compare_every: 20,
        ablate: !quick,
        corpus: Vec::new(),
    }
}

/// How a plan is carried out, and where its results go. Changes no result.
pub struct Order<'a> {
    /// What one types for this plan, and nothing else.
    pub command: String,
    /// Begin no step later than this.
    pub budget: Option<Duration>,
    /// Where results go; nowhere when all that is wanted is what is printed.
    pub out: Option<Place>,
    /// Only this part of the plan, to be merged later.
    pub shard: Option<Shard>,
    /// Forget what the place holds.
    pub overwrite: bool,
    /// Input files, to be named again in every replay command.
    pub files: &'a Files,
    /// Print the record instead of the summary.
    pub json: bool,
    /// Worker threads.
    pub threads: Option<u16>,
}

/// Carries out a plan, writes reports, prints, and says how it ended.
pub fn sweep(plan: &Plan, given: &Given, order: &Order<'_>) -> Done {
    let Some(place) = &order.out else { return in_memory(plan, order) };
    let header = header(plan, given, order);
    let claim = claim::sweep(place, &header, order.overwrite)?;
    let shard = order.shard.unwrap_or(Shard::WHOLE);
    let bar = Bar::new(shard.count(plan.len()) - claim.finished.count(), order.budget);
    let timings = Timings::at(place, &header.terms.digest());
    let desk = Desk::new(plan, &bar, Keep::Log { place, pen: claim.pen, timings });
    let gaps = claim.finished.gaps(shard.count(plan.len())).into_iter();
    let steps = gaps.flatten().map(|position| shard.index(position));
    on_threads(order.threads, || quietly(|| sweep::run(plan, steps, &desk)))?;
    let took = bar.finish();
    // The pen is in there, and with it the lock: nobody else writes here until the reports are written.
    let _closed = desk.close().map_err(|refusal| goes_on(refusal, place))?;
    let held = survey(place)?.map(|survey| (place.clone(), survey));
    let mut missing = 0;
    let folds = Reading::of(held.into_iter().collect())?
        .fold(plan, |index| missing += u64::from(shard.position(index).is_some()))?;
    let unsure = folds.unsure();
    let record = record(plan, folds.finish(), &order.command, &header.flags);
    if order.shard.is_some() {
        let (steps, records) = (shard.count(plan.len()), &record.scenarios);
        let ended = Ended { shard, steps, missing, unsure, records, place: place.to_string(), took };
        say(&ended.told(Paint::stdout()));
        return Ok(ended.exit());
    }
    present(record, Some(place), order.json, took).map_err(|refusal| goes_on(refusal, place))
}

/// Proves and prints; leaves nothing behind.
fn in_memory(plan: &Plan, order: &Order<'_>) -> Done {
    let bar = Bar::new(plan.len(), order.budget);
    let desk = Desk::new(plan, &bar, Keep::Memory(sweep::InOrder::new(plan)));
    on_threads(order.threads, || quietly(|| sweep::run(plan, 0..plan.len(), &desk)))?;
    let took = bar.finish();
    let Keep::Memory(folds) = desk.close()? else { unreachable!("it was made for memory") };
    let record = record(plan, folds.finish(), &order.command, &input::flags(order.files));
    present(record, None, order.json, took)
}

fn goes_on(refusal: Refusal, place: &Place) -> Refusal {
    let message =
        format!("{}; what is finished is kept in {place}, and the same command goes on from there", refusal.message);
    Refusal { message, ..refusal }
}

fn header(plan: &Plan, given: &Given, order: &Order<'_>) -> Header {
    Header {
        version: VERSION,
        shard: order.shard.unwrap_or(Shard::WHOLE).to_string(),
        command: order.command.clone(),
        flags: input::flags(order.files),
        platform: given.platform.clone(),
        tenants: given.tenants.clone(),
        terms: plan.terms(),
    }
}

/// The record of a gate. Every command that replays a run names the files it ran with.
pub fn record(plan: &Plan, mut scenarios: Vec<ScenarioRecord>, command: &str, flags: &str) -> GateRecord {
    for replay in scenarios.iter_mut().filter_map(|s| s.replay.as_mut()) {
        replay.push_str(flags);
    }
    plan.record(scenarios, command)
}

/// Writes all reports; returns their names, and the record as people see it.
///
/// # Errors
/// One that cannot be written.
pub fn write(place: &Place, record: GateRecord) -> Result<(Vec<String>, GateRecord), Refusal> {
    let mut names = Vec::new();
    let shown = reports::render_all(record, |format, text| {
        names.push(format.file_name().to_owned());
        place.write(format.file_name(), text.as_bytes())
    })?;
    Ok((names, shown))
}

/// Writes all reports, if there is a place for them, and prints the record as people see it, or its JSON.
///
/// # Errors
/// A report that cannot be written; nothing is printed then.
pub fn present(record: GateRecord, place: Option<&Place>, json: bool, took: Duration) -> Done {
    let json = json.then(|| reports::render(&record, Format::Json));
    let (written, shown) = match place {
        Some(place) => {
            let (names, shown) = write(place, record)?;
            (Some((place.to_string(), names)), shown)
        }
        None => (None, presentable(record)),
    };
    match json {
        Some(json) => say(&json),
        None => say(&summary::summary(&shown, &Around { took, written }, Paint::stdout())),
    }
    Ok(Exit::of(shown.exit))
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
        let of = |size, seeds| settings(Inputs::embedded(), size, seeds, None);
        let normal = of(Size::Normal, None);
        assert_eq!((normal.swarm_seeds, normal.ablation_seeds, normal.interference_pairs), (128, 8, 2));
        let quick = of(Size::Quick, None);
        assert_eq!((quick.calm_seeds, quick.swarm_seeds, quick.ablate, quick.interference_pairs), (1, 4, false, 0));
        assert_eq!(of(Size::Quick, Some(9)).swarm_seeds, 9);
        assert_eq!(of(Size::Full, None).swarm_seeds, 1_024);
        assert_eq!(of(Size::Normal, Some(3)).swarm_floor, 3);
        let asked = settings(Inputs::embedded(), Size::Normal, None, Some("n-17"));
        assert_eq!((asked.nonce.as_str(), asked.seed_base, normal.seed_base), ("n-17", seed::base("n-17"), SEED_BASE));
    }
}
