//! The way to one node of a dependency, closed while that node does not answer (SRV-01).

use crate::breaker::{Breaker, FastFail, Outcome, Permit, Settings};
use crate::control::Controls;
use sim::Instant;
use std::collections::BTreeMap;

/// A breaker, and the calls that it let through and whose outcome it is still owed.
#[derive(Clone, Debug)]
pub struct Circuit {
    breaker: Breaker,
    /// By request: each has one call at a time.
    calls: BTreeMap<u64, Permit>,
}

impl Circuit {
    /// A closed circuit that has seen nothing.
    pub fn new(settings: Settings) -> Circuit {
        Circuit { breaker: Breaker::new(settings), calls: BTreeMap::new() }
    }

    /// Whether the request may call.
    ///
    /// # Errors
    /// When it may not: how soon somebody may try again.
    pub fn ask(&mut self, now: Instant, key: u64) -> Result<(), FastFail> {
        let permit = self.breaker.ask(now)?;
        self.calls.insert(key, permit);
        Ok(())
    }

    /// What became of the request's call. One that was not let through, or is settled already, counts for nothing.
    pub fn settle(&mut self, (now, controls): (Instant, &Controls), key: u64, outcome: Outcome) {
        if let Some(permit) = self.calls.remove(&key) {
            self.breaker.record(now, controls, permit, outcome);
        }
    }

    /// How near it is to its next opening.
    pub fn pressure(&self) -> u64 {
        self.breaker.pressure()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_counts_once_and_only_if_it_was_let_through() {
        let (controls, now) = (Controls::all_on(), Instant::ZERO);
        let mut circuit = Circuit::new(Settings::DEFAULT);
        for key in 0..5 {
            assert_eq!(circuit.ask(now, key), Ok(()));
            circuit.settle((now, &controls), key, Outcome::Failed);
            circuit.settle((now, &controls), key, Outcome::Failed);
            circuit.settle((now, &controls), key + 100, Outcome::Failed);
        }
        assert_eq!(circuit.ask(now, 5), Err(FastFail(Settings::DEFAULT.open_for)));
    }
}
