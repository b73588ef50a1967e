//! Takes the steps of a sweep as they end: into the log of a place, or into memory when nothing is to be left behind.
//!
//! A step is in the log before it counts as finished. When the log cannot be written the sweep ends at once: a step
//! that nobody keeps is time lost.

use crate::exit::Refusal;
use crate::log::frame::frame;
use crate::log::{Entry, Line};
use crate::place::{Pen, Place};
use crate::progress::Bar;
use crate::timings::Timings;
use scenarios::prove::Done;
use scenarios::sweep::{self, InOrder, Plan};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where steps go.
pub enum Keep<'a> {
    /// Folded at once.
    Memory(InOrder<'a>),
    /// Written down, with how long they took beside it.
    Log {
        /// The place of the log.
        place: &'a Place,
        /// What it is written with.
        pen: Box<dyn Pen>,
        /// How long steps took.
        timings: Timings,
    },
}

/// Takes steps.
pub struct Desk<'a> {
    plan: &'a Plan,
    bar: &'a Bar,
    keep: Mutex<Keep<'a>>,
    failed: AtomicBool,
    failure: Mutex<Option<Refusal>>,
}

impl<'a> Desk<'a> {
    /// A desk that shows progress on a bar.
    pub fn new(plan: &'a Plan, bar: &'a Bar, keep: Keep<'a>) -> Desk<'a> {
        Desk { plan, bar, keep: Mutex::new(keep), failed: AtomicBool::new(false), failure: Mutex::new(None) }
    }

    /// Everything is taken: makes sure that it stays, and hands back what steps went into.
    ///
    /// # Errors
    /// The log could not be written, now or earlier.
    pub fn close(self) -> Result<Keep<'a>, Refusal> {
        if let Some(refusal) = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(refusal);
        }
        let mut keep = self.keep.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Keep::Log { place, pen, timings } = &mut keep {
            pen.sync(true)?;
            timings.write(place);
        }
        Ok(keep)
    }

    fn write(&self, index: u64, took_us: u64, done: Done) -> Result<(), Refusal> {
        let name = self.plan.name(index);
        let (scenario, job) = self.plan.step(index);
        let kind = format!("{} {}", self.plan.scenarios()[scenario].name, job.word());
        let line = frame(&Line::Step(Box::new(Entry { index, name: name.clone(), done })));
        let mut keep = lock(&self.keep);
        let Keep::Log { place, pen, timings } = &mut *keep else { return Ok(()) };
        // Whoever waited for this lock while the log failed must not write after the line that is missing.
        if self.failed.load(Ordering::SeqCst) {
            return Ok(());
        }
        let written = pen.write(&line).and_then(|()| pen.sync(false));
        self.failed.fetch_or(written.is_err(), Ordering::SeqCst);
        timings.add(kind, took_us, || name);
        if written? {
            timings.write(place);
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl sweep::Desk for Desk<'_> {
    fn enough(&self) -> bool {
        self.failed.load(Ordering::SeqCst) || self.bar.spent()
    }

    fn begins(&self) -> u64 {
        self.bar.elapsed_ns()
    }

    fn take(&self, index: u64, began: u64, done: Done) {
        let took_us = self.bar.elapsed_ns().saturating_sub(began) / 1_000;
        if let Keep::Memory(folds) = &mut *lock(&self.keep) {
            folds.add(index, done);
        } else if let Err(refusal) = self.write(index, took_us, done) {
            lock(&self.failure).get_or_insert(refusal);
        }
        self.bar.tell(|| self.plan.name(index));
    }
}
