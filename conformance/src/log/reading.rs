//! One log or many, read in the order of the plan.
//!
//! Lines stand in the order in which steps ended, which is nearly that of the plan: those that came early wait here,
//! and whoever reads a hundred thousand steps holds a handful. A step may stand in several logs; its copies come
//! together.

use super::frame::{Piece, Pieces};
use super::survey::Survey;
use super::{Entry, Line};
use crate::exit::{Refusal, usage};
use crate::place::Place;
use scenarios::sweep::{InOrder, Plan};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::BufRead;

/// Logs that are read together.
pub struct Reading {
    logs: Vec<Log>,
}

struct Log {
    place: Place,
    survey: Survey,
    parts: VecDeque<String>,
    open: Option<Pieces<Box<dyn BufRead>>>,
    waiting: BTreeMap<u64, Vec<u8>>,
    /// Position of the next step that is wanted.
    next: Option<u64>,
}

/// What a step left, once for each way in which it stands in the logs.
type Copies = BTreeSet<Vec<u8>>;

impl Reading {
    /// Logs that were looked through.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn of(logs: Vec<(Place, Survey)>) -> Result<Reading, Refusal> {
        let log = |(place, survey): (Place, Survey)| {
            let parts = place.log_parts()?.into();
            let next = survey.finished.first_from(0);
            Ok(Log { place, survey, parts, open: None, waiting: BTreeMap::new(), next })
        };
        Ok(Reading { logs: logs.into_iter().map(log).collect::<Result<_, Refusal>>()? })
    }

    /// The next step that is in any log, with its copies.
    fn next(&mut self) -> Result<Option<(u64, Copies)>, Refusal> {
        let Some(index) = self.logs.iter().filter_map(Log::index).min() else { return Ok(None) };
        let holders = self.logs.iter_mut().filter(|log| log.index() == Some(index));
        Ok(Some((index, holders.map(Log::take).collect::<Result<_, _>>()?)))
    }

    /// Folds everything. What no log holds is told to `missing`, and counts as left out.
    ///
    /// # Errors
    /// A log cannot be read, or holds a step that the plan does not know.
    pub fn fold<'a>(mut self, plan: &'a Plan, mut missing: impl FnMut(u64)) -> Result<InOrder<'a>, Refusal> {
        let mut folds = InOrder::new(plan);
        let mut expected = 0;
        while let Some((index, copies)) = self.next()? {
            (expected..index).for_each(&mut missing);
            folds.skip_to(index);
            expected = index + 1;
            let mut copies = copies.iter().map(|json| entry(plan, index, json)).collect::<Result<Vec<_>, _>>()?;
            // Whichever is folded, the difference is told; one that shows a breach must not hide behind one that does
            // not.
            copies.sort_by_key(|entry| !entry.done.is_bad());
            let differing = copies.len() > 1;
            let tokens: Vec<String> = copies.iter().filter_map(|e| e.done.token().map(str::to_owned)).collect();
            folds.add(index, copies.swap_remove(0).done);
            if differing {
                let told: BTreeSet<&str> = tokens.iter().map(String::as_str).collect();
                let told = told.into_iter().collect::<Vec<_>>().join(" | ");
                let token = tokens.first().map_or("", String::as_str);
                folds.differ(
                    index,
                    token,
                    format!("two shards did {} and it is not the same: {told}", plan.name(index)),
                );
            }
        }
        (expected..plan.len()).for_each(&mut missing);
        Ok(folds)
    }
}

fn entry(plan: &Plan, index: u64, json: &[u8]) -> Result<Entry, Refusal> {
    let Ok(Line::Step(entry)) = serde_json::from_slice(json) else {
        return Err(usage(format!("step {index} of a log is of another version of cellproof")));
    };
    if index < plan.len() && entry.name == plan.name(index) {
        return Ok(*entry);
    }
    let expected = if index < plan.len() { plan.name(index) } else { format!("one of {} steps", plan.len()) };
    Err(usage(format!("step {index} of a log is `{}`, expected {expected}", entry.name)))
}

impl Log {
    /// Index of the next step.
    fn index(&self) -> Option<u64> {
        self.next.map(|position| self.survey.shard.index(position))
    }

    /// What stands there of the next step.
    fn take(&mut self) -> Result<Vec<u8>, Refusal> {
        let index = self.index().unwrap_or_default();
        while !self.waiting.contains_key(&index) {
            let json = self.line()?;
            if let Ok(super::survey::Glance::Step(step)) = serde_json::from_slice(&json) {
                self.waiting.insert(step.index, json);
            }
        }
        self.next = self.next.and_then(|position| self.survey.finished.first_from(position + 1));
        Ok(self.waiting.remove(&index).unwrap_or_default())
    }

    /// The next whole line. There is one: the survey saw it.
    fn line(&mut self) -> Result<Vec<u8>, Refusal> {
        loop {
            let pieces = match &mut self.open {
                Some(pieces) => pieces,
                None => {
                    let part = self.parts.pop_front();
                    let gone = || usage(format!("{}: the log was changed while it was read", self.place));
                    self.open.insert(Pieces::new(self.place.open(&part.ok_or_else(gone)?)?))
                }
            };
            match pieces.read().map_err(|e| usage(format!("failed to read the log in {}: {e}", self.place)))? {
                Some(Piece::Whole(json)) => return Ok(json),
                Some(Piece::Broken(_)) | None => self.open = None,
            }
        }
    }
}
