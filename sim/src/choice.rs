//! The choice map: overrides over a seed's draws, addressed by what they are for, never by position.
//!
//! Ablation, shrinking and exploring edit only this map. An override that is never used is reported: it belongs to a
//! run that no longer exists.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// The value that takes a thing away, where an address says whether it is there.
pub const ABSENT: u64 = u64::MAX;

/// The value that keeps a thing, where a wider address takes its like away.
pub const PRESENT: u64 = 0;

/// The address of one draw.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Choice {
    /// Number of the purpose.
    pub purpose: u16,
    /// Causal id of what the draw belongs to.
    pub cause: u64,
    /// Which draw of that cause.
    pub n: u64,
}

impl fmt::Display for Choice {
    /// As it stands in a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{:x}:{:x}", self.purpose, self.cause, self.n)
    }
}

/// Overrides of a run, the ones that were used, and (when asked for) everything that was drawn.
#[derive(Debug, Default)]
pub struct Choices {
    overrides: BTreeMap<Choice, u64>,
    used: RefCell<BTreeSet<Choice>>,
    log: Option<RefCell<BTreeMap<Choice, u64>>>,
}

impl Choices {
    /// These overrides, nothing logged.
    pub fn overriding(overrides: BTreeMap<Choice, u64>) -> Choices {
        Choices { overrides, ..Choices::default() }
    }
    /// The same, but every draw is kept.
    #[must_use]
    pub fn logged(mut self) -> Choices {
        self.log = Some(RefCell::default());
        self
    }
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.overrides.is_empty() && self.log.is_none()
    }
    pub(crate) fn resolve(&self, at: Choice, raw: u64) -> u64 {
        let value = match self.overrides.get(&at) {
            Some(value) => {
                self.used.borrow_mut().insert(at);
                *value
            }
            None => raw,
        };
        if let Some(log) = &self.log {
            log.borrow_mut().insert(at, value);
        }
        value
    }
    /// Overrides that no draw asked for.
    pub fn unused(&self) -> Vec<Choice> {
        let used = self.used.borrow();
        self.overrides.keys().filter(|at| !used.contains(at)).copied().collect()
    }
    /// Everything that was drawn, when logged.
    pub fn drawn(&self) -> BTreeMap<Choice, u64> {
        self.log.as_ref().map(|log| log.borrow().clone()).unwrap_or_default()
    }
}

/// Writes overrides as they stand in a token: `purpose:cause:n=value`, hex, joined by `,`; `-` when there are none.
/// [`ABSENT`] stands as `x`.
pub fn encode(overrides: &BTreeMap<Choice, u64>) -> String {
    if overrides.is_empty() {
        return "-".into();
    }
    let mut text = String::new();
    for (at, value) in overrides {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, "{comma}{at}=").expect("a string grows");
        match *value {
            ABSENT => text.push('x'),
            value => write!(text, "{value:x}").expect("a string grows"),
        }
    }
    text
}

/// The inverse of [`encode`].
///
/// # Errors
/// Says which override is malformed.
pub fn decode(text: &str) -> Result<BTreeMap<Choice, u64>, String> {
    if text == "-" {
        return Ok(BTreeMap::new());
    }
    let mut overrides = BTreeMap::new();
    for item in text.split(',') {
        let parsed = (|| {
            let (address, value) = item.split_once('=')?;
            let mut words = address.split(':').map(|w| u64::from_str_radix(w, 16).ok());
            let (purpose, cause, n) = (words.next()??, words.next()??, words.next()??);
            let at = Choice { purpose: u16::try_from(purpose).ok()?, cause, n };
            words.next().is_none().then_some(())?;
            Some((at, if value == "x" { ABSENT } else { u64::from_str_radix(value, 16).ok()? }))
        })();
        let (at, value) = parsed.ok_or_else(|| format!("override `{item}` is not of the form p:cause:n=value"))?;
        overrides.insert(at, value);
    }
    Ok(overrides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Draws, NETWORK, PLAN};
    use proptest::prelude::*;

    #[test]
    fn an_override_replaces_its_draw_and_an_unused_one_is_named() {
        let used = Choice { purpose: NETWORK.id, cause: 1, n: 0 };
        let unused = Choice { purpose: PLAN.id, cause: 9, n: 9 };
        let draws = Draws::new(1, Choices::overriding([(used, 42), (unused, 7)].into()));
        assert_eq!(draws.draw(NETWORK, 1, 0), 42);
        assert_ne!(draws.draw(NETWORK, 1, 1), 42);
        assert_eq!(draws.choices().unused(), [unused]);
    }

    #[test]
    fn a_malformed_override_is_named() {
        assert_eq!(decode("1:2=3").unwrap_err(), "override `1:2=3` is not of the form p:cause:n=value");
    }

    proptest! {
        #[test]
        fn overrides_survive_the_token(map in proptest::collection::btree_map(
            (any::<u16>(), any::<u64>(), any::<u64>()).prop_map(|(purpose, cause, n)| Choice { purpose, cause, n }),
            prop_oneof![any::<u64>(), Just(ABSENT), Just(PRESENT)], 0..8)) {
            prop_assert_eq!(decode(&encode(&map)), Ok(map));
        }
    }
}
