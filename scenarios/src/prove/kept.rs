//! A run that an exploration kept: what a gate runs again before anything else.
//!
//! It is known by what steers it, its seed and the overrides of its choice map, and not by what it once led to: other
//! code leaves it the same entry, whatever it shows now.

use super::Order;
use crate::scenario::Scenario;
use sim::choice::{self, Choice};
use sim::record::Pass;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// An entry of a corpus.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Kept {
    /// Name of its scenario.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// Overrides of its choice map.
    pub overrides: BTreeMap<Choice, u64>,
}

impl Kept {
    /// The order of the run.
    pub(super) fn order(&self, scenario: &'static Scenario) -> Order {
        Order { overrides: self.overrides.clone(), ..Order::new(scenario, Pass::Swarm, self.seed) }
    }
}

impl fmt::Display for Kept {
    /// `chaos/cell-loss 17 1:a:0=0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.scenario, self.seed, choice::encode(&self.overrides))
    }
}

impl FromStr for Kept {
    type Err = String;

    /// The inverse of its display.
    fn from_str(text: &str) -> Result<Kept, String> {
        let [scenario, seed, overrides] = text.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("corpus entry `{text}` is not of the form `SCENARIO SEED OVERRIDES`"));
        };
        Ok(Kept {
            scenario: scenario.into(),
            seed: seed.parse().map_err(|_| format!("corpus entry `{text}`: `{seed}` is no seed"))?,
            overrides: choice::decode(overrides)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_and_reads_back() {
        let overrides = [(Choice { purpose: 2, cause: 0xabc, n: 1 }, 7)].into();
        let kept = Kept { scenario: "chaos/cell-loss".into(), seed: 17, overrides };
        assert_eq!(kept.to_string(), "chaos/cell-loss 17 2:abc:1=7");
        assert_eq!(kept.to_string().parse(), Ok(kept));
        assert!("chaos/cell-loss -1 -".parse::<Kept>().unwrap_err().ends_with("`-1` is no seed"));
        assert!("chaos/cell-loss 1".parse::<Kept>().unwrap_err().ends_with("`SCENARIO SEED OVERRIDES`"));
    }
}
