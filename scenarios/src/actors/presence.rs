//! Which steps of an actor take place: all of them, unless the choice map says otherwise.
//!
//! A step that does not take place still counts, so that the addresses of all others stay what they were. Single steps
//! are named by cause; an actor can also be kept quiet but for named steps, or keep to a range of its steps, so that
//! what is left of long traffic is said in a few words.

use models::luck::PRESENCE;
use models::saas::Saas;
use sim::Ctx;
use sim::choice::{ABSENT, Choice, PRESENT};
use sim::seed::Lineage;

/// Whether the request with this cause takes place.
pub fn step(cause: u64) -> Choice {
    Choice { purpose: PRESENCE.id, cause, n: 0 }
}

/// Whether a named step that is no request takes place.
pub fn other_step(name: u64, step: u64) -> Choice {
    Choice { purpose: PRESENCE.id, cause: Lineage::root(name, step).cause, n: 1 }
}

/// Whether steps of this actor take place that are not named.
pub fn unnamed(name: u64) -> Choice {
    Choice { purpose: PRESENCE.id, cause: name, n: 2 }
}

/// The first step of this actor that takes place, unless an earlier one is named.
pub fn first(name: u64) -> Choice {
    Choice { purpose: PRESENCE.id, cause: name, n: 3 }
}

/// One past the last step of this actor that takes place: after it there is none, named or not.
pub fn past(name: u64) -> Choice {
    Choice { purpose: PRESENCE.id, cause: name, n: 4 }
}

/// Which of an actor's requests take place.
#[derive(Clone, Copy, Debug)]
pub struct Presence {
    unnamed: bool,
    first: u64,
    past: u64,
}

impl Presence {
    /// What the choice map says about the actor of this name.
    pub fn of(ctx: &Ctx<'_, Saas>, name: u64) -> Presence {
        let choose = |at: Choice, usual| ctx.choose(PRESENCE, at.cause, at.n, usual);
        Presence {
            unnamed: choose(unnamed(name), PRESENT) != ABSENT,
            first: choose(first(name), 0),
            past: choose(past(name), u64::MAX),
        }
    }
    /// Whether its `index`-th request, which has this cause, takes place.
    pub fn has(self, ctx: &Ctx<'_, Saas>, index: u64, cause: u64) -> bool {
        let usual = if self.unnamed && index >= self.first { PRESENT } else { ABSENT };
        !self.is_over(index) && ctx.choose(PRESENCE, cause, 0, usual) != ABSENT
    }
    /// Whether neither its `index`-th request takes place nor any later one.
    pub fn is_over(self, index: u64) -> bool {
        index >= self.past
    }
}
