//! The faults of a run at work: which are on the network now, what they do to a message, how often each struck.
//!
//! When each begins and ends is the engine's business. A fault that an engine brings about by its own means (it cuts a
//! connection, it stops a host) is only counted here.

use super::{Fate, Fault, FaultSpec, Passing};
use crate::seed::{Draws, FAULT, Lineage, mix, name_hash};

struct Planned {
    spec: FaultSpec,
    work: Option<Box<dyn Fault>>,
    fired: u64,
    by_engine: bool,
}

/// Planned faults, by number.
#[derive(Default)]
pub struct Plan {
    planned: Vec<Planned>,
    on_network: Vec<usize>,
}

impl Plan {
    /// One more fault. Returns its number. `by_engine` says that the engine brings it about by its own means.
    pub fn add(&mut self, spec: FaultSpec, work: Box<dyn Fault>, by_engine: bool) -> usize {
        self.planned.push(Planned { spec, work: Some(work), fired: 0, by_engine });
        self.planned.len() - 1
    }

    /// How many faults are planned.
    pub fn len(&self) -> usize {
        self.planned.len()
    }

    /// Whether none is planned.
    pub fn is_empty(&self) -> bool {
        self.planned.is_empty()
    }

    /// What a fault is.
    pub fn spec(&self, i: usize) -> &FaultSpec {
        &self.planned[i].spec
    }

    /// Whether no fault is on the network now.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.on_network.is_empty()
    }

    /// Takes a fault out that is about to begin; [`Plan::begun`] puts it back.
    pub fn begins(&mut self, i: usize) -> Option<Box<dyn Fault>> {
        self.planned[i].work.take()
    }

    /// A fault has begun, and struck that often by that.
    pub fn begun(&mut self, i: usize, work: Box<dyn Fault>, fired: u64) {
        if work.on_network() {
            self.on_network.push(i);
        }
        self.planned[i].fired += fired;
        self.planned[i].work = Some(work);
    }

    /// Takes a fault out for good, if it is not over yet.
    pub fn ends(&mut self, i: usize) -> Option<Box<dyn Fault>> {
        self.on_network.retain(|n| *n != i);
        self.planned[i].work.take()
    }

    /// A fault struck.
    pub fn struck(&mut self, i: usize, times: u64) {
        self.planned[i].fired += times;
    }

    /// What the faults on the network do to a message.
    pub fn fate(&mut self, passing: &Passing, lineage: Lineage, draws: &Draws) -> Fate {
        let mut fate = Fate::default();
        for i in &self.on_network {
            let planned = &mut self.planned[*i];
            let mut n = 0;
            let address = mix(lineage.path, name_hash(&planned.spec.kind));
            let mut draw = || {
                n += 1;
                draws.draw(FAULT, lineage.cause, mix(address, n))
            };
            let mut counted = Fate::default();
            let of = if planned.by_engine { &mut counted } else { &mut fate };
            if let Some(work) = &mut planned.work {
                planned.fired += u64::from(work.fate(passing, &mut draw, of));
            }
        }
        fate
    }

    /// Every fault, with how often it struck.
    pub fn into_fired(self) -> Vec<(FaultSpec, u64)> {
        self.planned.into_iter().map(|planned| (planned.spec, planned.fired)).collect()
    }
}
