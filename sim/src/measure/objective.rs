//! A promised share of good events, in parts per million.
//!
//! `99.9` stands in a file as a decimal and is read digit by digit: a float would make 99.9 % a budget of
//! 0.099999999999994 %. A promise of 100 % is refused, since it leaves no budget to count.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The whole, in parts per million.
pub(super) const MILLION: u32 = 1_000_000;

/// A service level objective on a ratio: at least so many good events of a million.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Objective {
    good_ppm: u32,
}

/// Why a number is no objective.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectiveError {
    /// Nothing is promised.
    Nothing,
    /// 100 % or more: there is no error budget.
    NoBudget,
    /// Not a decimal number of percent with at most four places.
    NotPercent,
}

impl Objective {
    /// At least `good_ppm` good events of a million (`999_000` is 99.9 %).
    pub const fn from_ppm(good_ppm: u32) -> Result<Objective, ObjectiveError> {
        match good_ppm {
            0 => Err(ObjectiveError::Nothing),
            MILLION.. => Err(ObjectiveError::NoBudget),
            _ => Ok(Objective { good_ppm }),
        }
    }

    /// Promised good events of a million.
    pub const fn good_ppm(self) -> u32 {
        self.good_ppm
    }

    /// Bad events of a million that the promise allows: the error budget.
    pub const fn budget_ppm(self) -> u32 {
        MILLION - self.good_ppm
    }
}

impl FromStr for Objective {
    type Err = ObjectiveError;
    /// Reads percent: `99.9`, `99.95%`, `99 %`.
    fn from_str(text: &str) -> Result<Objective, ObjectiveError> {
        let number = text.strip_suffix('%').unwrap_or(text).trim();
        let (whole, places) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(places) || whole.len() > 3 || places.len() > 4 {
            return Err(ObjectiveError::NotPercent);
        }
        let parse = |part: &str| part.parse::<u32>().map_err(|_| ObjectiveError::NotPercent);
        let scale = 10_u32.pow(4 - places.len() as u32);
        Objective::from_ppm(parse(whole)? * 10_000 + parse(places)? * scale)
    }
}

impl TryFrom<u32> for Objective {
    type Error = ObjectiveError;
    fn try_from(good_ppm: u32) -> Result<Objective, ObjectiveError> {
        Objective::from_ppm(good_ppm)
    }
}

impl From<Objective> for u32 {
    fn from(objective: Objective) -> u32 {
        objective.good_ppm
    }
}

impl fmt::Display for Objective {
    /// `99.9 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = format!("{:04}", self.good_ppm % 10_000);
        match places.trim_end_matches('0') {
            "" => write!(f, "{} %", self.good_ppm / 10_000),
            places => write!(f, "{}.{places} %", self.good_ppm / 10_000),
        }
    }
}

impl fmt::Display for ObjectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectiveError::Nothing => "an objective of 0 % promises nothing",
            ObjectiveError::NoBudget => "an objective of 100 % or more leaves no error budget",
            ObjectiveError::NotPercent => "an objective is a number of percent with at most four places, as 99.95",
        })
    }
}

impl std::error::Error for ObjectiveError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_read_exactly() {
        let check = |text: &str, expected: Result<u32, ObjectiveError>| {
            assert_eq!(text.parse::<Objective>().map(Objective::good_ppm), expected, "{text}");
        };
        check("99.9", Ok(999_000));
        check("99.95 %", Ok(999_500));
        check("99%", Ok(990_000));
        check("0.0001", Ok(1));
        check("100", Err(ObjectiveError::NoBudget));
        check("999.9", Err(ObjectiveError::NoBudget));
        check("0", Err(ObjectiveError::Nothing));
        for text in ["", "%", "99.", ".9", "-1", "+1", "9e1", "99.99999", "1000", "٩٩", "99,9"] {
            check(text, Err(ObjectiveError::NotPercent));
        }
    }

    #[test]
    fn an_objective_prints_as_it_is_written() {
        for (ppm, text) in [(999_000, "99.9 %"), (990_000, "99 %"), (999_950, "99.995 %"), (50, "0.005 %")] {
            assert_eq!(Objective::from_ppm(ppm).unwrap().to_string(), text);
        }
        assert!(serde_json::from_str::<Objective>("1000000").is_err());
        assert_eq!(serde_json::from_str::<Objective>("999000").unwrap().budget_ppm(), 1_000);
    }
}
