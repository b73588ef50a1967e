//! A defect of an adapter, seeded to see that a comparison of engines notices it.
//!
//! A comparison that has never failed proves nothing about the engines it compares.

use super::Departure;
use crate::machine::Platform;
use std::str::FromStr;

/// What is wrong with an adapter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Defect {
    /// Every n-th word is lost.
    Loses(u64),
    /// Of every n words the last two trade their receivers.
    Swaps(u64),
}

impl FromStr for Defect {
    type Err = String;

    fn from_str(text: &str) -> Result<Defect, String> {
        let wanted = || format!("defect `{text}` is neither `lose:N` nor `swap:N` with N of at least 2");
        let (name, n) = text.split_once(':').ok_or_else(wanted)?;
        let n: u64 = n.parse().ok().filter(|n| *n >= 2).ok_or_else(wanted)?;
        match name {
            "lose" => Ok(Defect::Loses(n)),
            "swap" => Ok(Defect::Swaps(n)),
            _ => Err(wanted()),
        }
    }
}

/// Where words pass on their way from nodes to the engine, with a defect or without.
pub struct Tamper<P: Platform> {
    defect: Option<Defect>,
    passed: u64,
    held: Option<Departure<P>>,
}

impl<P: Platform> Tamper<P> {
    /// Lets words pass, or does with them what the defect says.
    pub fn new(defect: Option<Defect>) -> Tamper<P> {
        Tamper { defect, passed: 0, held: None }
    }

    /// Words that leave one node now.
    pub fn pass(&mut self, words: Vec<Departure<P>>) -> Vec<Departure<P>> {
        let Some(defect) = self.defect else { return words };
        words.into_iter().flat_map(|word| self.one(defect, word)).collect()
    }

    fn one(&mut self, defect: Defect, mut word: Departure<P>) -> Vec<Departure<P>> {
        self.passed += 1;
        match defect {
            Defect::Loses(n) if self.passed.is_multiple_of(n) => Vec::new(),
            Defect::Loses(_) => vec![word],
            Defect::Swaps(n) if (self.passed + 1).is_multiple_of(n) => {
                self.held = Some(word);
                Vec::new()
            }
            Defect::Swaps(_) => match self.held.take() {
                None => vec![word],
                Some(mut other) => {
                    std::mem::swap(&mut word.to, &mut other.to);
                    vec![other, word]
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_named_or_refused() {
        assert_eq!("lose:7".parse(), Ok(Defect::Loses(7)));
        assert_eq!("swap:9".parse(), Ok(Defect::Swaps(9)));
        for wrong in ["lose", "lose:1", "swap:x", "eat:7"] {
            assert!(wrong.parse::<Defect>().is_err(), "{wrong}");
        }
    }
}
