//! Part k of n of a plan: the steps whose index leaves k when it is divided by n. k counts from 0.

use std::fmt;
use std::str::FromStr;

/// Shards that a plan may be cut into.
const SHARDS_MAX: u64 = 100_000;

/// A part of a plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Shard {
    k: u64,
    n: u64,
}

impl Shard {
    /// The whole plan as one shard.
    pub const WHOLE: Shard = Shard { k: 0, n: 1 };

    /// How many steps of a plan of so many are its own.
    pub fn count(self, len: u64) -> u64 {
        len.saturating_sub(self.k).div_ceil(self.n)
    }

    /// The index of its own step at this position.
    pub fn index(self, position: u64) -> u64 {
        position * self.n + self.k
    }

    /// The position of this index among its own steps, if it is one of them.
    pub fn position(self, index: u64) -> Option<u64> {
        (index % self.n == self.k).then_some(index / self.n)
    }

    /// The shard of this index, when a plan is cut into as many as this one is of.
    pub fn owner(self, index: u64) -> Shard {
        Shard { k: index % self.n, n: self.n }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.k, self.n)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// Reads `k/n`.
    fn from_str(text: &str) -> Result<Shard, String> {
        let parsed = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match parsed {
            Some((k, n)) if k < n && n <= SHARDS_MAX => Ok(Shard { k, n }),
            Some((_, 0)) | None => Err("expected k/n, two whole numbers: 0/4 is the first of four shards".into()),
            Some((_, n)) if n > SHARDS_MAX => Err(format!("{n} shards are too many: at most {SHARDS_MAX}")),
            Some((_, n)) => Err(format!("k counts from 0: expected 0/{n} up to {}/{n}", n - 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_part_a_plan_without_gap_or_overlap() {
        for (len, n) in [(0, 1), (1, 4), (10, 3), (12, 4), (7, 7), (5, 9)] {
            let mut owners = vec![0; len as usize];
            for k in 0..n {
                let shard: Shard = format!("{k}/{n}").parse().expect("a shard");
                for position in 0..shard.count(len) {
                    assert_eq!(shard.position(shard.index(position)), Some(position));
                    owners[shard.index(position) as usize] += 1;
                }
            }
            assert!(owners.iter().all(|owners| *owners == 1), "{len} {n}");
        }
    }

    #[test]
    fn what_is_no_shard_is_refused_with_what_was_expected() {
        let refused = |text: &str| text.parse::<Shard>().unwrap_err();
        assert_eq!(refused("4/4"), "k counts from 0: expected 0/4 up to 3/4");
        for text in ["", "4", "0/0", "1/0", "-1/4", "a/b", "0/4/4"] {
            assert_eq!(refused(text), "expected k/n, two whole numbers: 0/4 is the first of four shards", "{text}");
        }
        assert!(refused("0/100001").contains("too many"));
        assert_eq!("3/4".parse::<Shard>().map(|s| s.to_string()), Ok("3/4".into()));
    }
}
