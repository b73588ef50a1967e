//! `cellproof merge`: the shards of a gate, put together.
//!
//! Any split, any order, the same bytes: a step that several shards did must be the same in all of them, and a step
//! that none did is named, because a gate that misses a step is not that gate.

use super::sweep::{present, record};
use crate::args::Merge;
use crate::claim;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::log::Header;
use crate::log::reading::Reading;
use crate::log::survey::{Survey, survey};
use crate::place::{LOG, Place};
use crate::summary::number;
use crate::terminal::complain;
use crate::timings::Timings;
use scenarios::sweep::{Plan, Shard};
use std::collections::BTreeMap;
use std::time::Instant;

/// Steps of one shard that are named when they are missing.
const NAMED_MAX: usize = 6;

/// Shards that are named when steps are missing.
const SHARDS_MAX: usize = 12;

/// Merges.
pub fn merge(args: &Merge) -> Done {
    let began = Instant::now();
    let out = Place::of(args.out.as_os_str())?;
    let places = args.dirs.iter().map(|dir| Place::of(dir.as_os_str())).collect::<Result<Vec<_>, _>>()?;
    let logs = places.iter().map(look).collect::<Result<Vec<(Place, Survey)>, _>>()?;
    let header = of_one_plan(&logs)?.clone();
    let plan = header.plan().map_err(|refusal| {
        let message = format!("{}: {}", logs[0].0.file(LOG), refusal.message);
        Refusal { message, ..refusal }
    })?;
    claim::free(&out, &header, args.overwrite)?;
    let mut missing = Missing::of(logs[0].1.shard);
    let timings = Timings::of_all(&places, &header.terms.digest());
    let folds = Reading::of(logs)?.fold(&plan, |index| missing.add(index))?;
    if missing.count > 0 && !args.allow_missing {
        return Err(Refusal { exit: Exit::Inconclusive, message: missing.told(&plan, &header) });
    }
    if missing.count > 0 {
        complain(&format!(
            "{} of {} steps are missing, and count as left out",
            number(missing.count),
            number(plan.len())
        ));
    }
    let record = record(&plan, folds.finish(), &header.command, &header.flags);
    claim::reports(&out, &header)?;
    timings.write(&out);
    present(record, Some(&out), args.json, began.elapsed())
}

fn look(place: &Place) -> Result<(Place, Survey), Refusal> {
    let Some(found) = survey(place)? else {
        let file = place.file(LOG);
        return Err(usage(format!(
            "{file}: no log of a sweep: expected what `cellproof gate --shard k/n --out` leaves"
        )));
    };
    if found.torn > 0 {
        complain(&format!("{place}: passed over {} bytes of a step that was not finished", number(found.torn)));
    }
    Ok((place.clone(), found))
}

/// The header of all logs. Input files may have been typed differently; the first spelling by alphabet is shown, so
/// that the order of the arguments shows nowhere.
fn of_one_plan(logs: &[(Place, Survey)]) -> Result<&Header, Refusal> {
    let (first, one) = &logs[0];
    for (place, other) in logs {
        let differences = one.header.terms.differences(&other.header.terms);
        if !differences.is_empty() {
            let what = differences
                .join(", ")
                .replace(" there", &format!(" in {place}"))
                .replace(" here", &format!(" in {first}"));
            return Err(usage(format!("{first} and {place} are of two plans ({what}): expected shards of one")));
        }
    }
    let spelling = |header: &&Header| (header.command.clone(), header.flags.clone());
    Ok(logs.iter().map(|(_, survey)| &survey.header).min_by_key(spelling).unwrap_or(&one.header))
}

/// Steps that no log holds, by the shard that should have done them.
struct Missing {
    /// One of the shards that were meant.
    like: Shard,
    count: u64,
    shards: BTreeMap<Shard, (u64, Vec<u64>)>,
}

impl Missing {
    fn of(like: Shard) -> Missing {
        Missing { like, count: 0, shards: BTreeMap::new() }
    }

    fn add(&mut self, index: u64) {
        self.count += 1;
        let (count, named) = self.shards.entry(self.like.owner(index)).or_default();
        *count += 1;
        if named.len() < NAMED_MAX {
            named.push(index);
        }
    }

    fn told(&self, plan: &Plan, header: &Header) -> String {
        let all = number(plan.len());
        let mut lines = vec![format!("{} of {all} steps are missing; nothing was written", number(self.count))];
        for (shard, (count, named)) in self.shards.iter().take(SHARDS_MAX) {
            let names: Vec<String> = named.iter().map(|index| format!("{index} ({})", plan.name(*index))).collect();
            let more = if *count > named.len() as u64 { ", …" } else { "" };
            lines.push(format!("shard {shard}, {} steps: {}{more}", number(*count), names.join(", ")));
        }
        if self.shards.len() > SHARDS_MAX {
            lines.push(format!("and steps of {} more shards", self.shards.len() - SHARDS_MAX));
        }
        lines.push("--allow-missing judges what is there; this does what is not:".into());
        if let Some(shard) = self.shards.keys().next() {
            let part = if *shard == Shard::WHOLE { String::new() } else { format!(" --shard {shard}") };
            lines.push(format!("{}{part} --out DIR", header.command));
        }
        lines.join("\n")
    }
}
