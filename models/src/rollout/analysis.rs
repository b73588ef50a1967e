//! What a canary's own traffic says of it: promote it, wait, or take it back (ROL-02).
//!
//! The rule is that of `[slos.canary]`, and is asked at every look. So one window in which the budget burns takes the
//! canary back, however good the others were, and the time that it has to stand spans no such window.

use crate::control;
use crate::control::{Control, Controls};
use sim::measure::{CanaryRule, CanaryVerdict, Tally};
use sim::{Duration, Instant};
use std::collections::VecDeque;

/// A canary that burns its error budget is taken back.
pub const ANALYSIS: Control = control!("rollout.analysis", upholds: ["ROL-02"],
    off: "steps with pauses and no analysis between them: after its time the canary is promoted, whatever it did");
/// A canary that was hardly asked is not promoted.
pub const MINIMUM_SAMPLES: Control = control!("rollout.minimum-samples", upholds: ["ROL-02"],
    off: "no errors seen is no errors: a window in which nobody asked counts as well, as with a query that has no data \
          and `or vector(0)` behind it");
/// A canary stands for its time before it is promoted.
pub const SOAK: Control = control!("rollout.soak", upholds: ["ROL-01"],
    off: "the first window that is well promotes, as with a step that has an analysis and no pause");

/// How many times faster than in the documents a rollout goes here: ten minutes are a second, and fifteen of them a
/// second and a half. Only ratios matter to a verdict: a burn rate is one, and how many requests a window holds is set
/// by the load and `requests_min`.
pub const FASTER: u64 = 600;

/// How a rollout goes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Of a hundred requests, so many go to the canary.
    pub weight: u8,
    /// How long answers are compared before anybody is sent there.
    pub check: Duration,
    /// So many answers must have been compared by then.
    pub compared_min: u64,
    /// How long the canary stands before it is promoted.
    pub soak: Duration,
    /// Over which span its errors are counted.
    pub window: Duration,
    /// Whoever could not be judged by then is taken back.
    pub patience: Duration,
    /// How often the controller looks, and says what holds.
    pub every: Duration,
    /// When it is taken back.
    pub rule: CanaryRule,
}

impl Settings {
    /// The day-1 document's, by this rule.
    pub fn day_one(rule: CanaryRule) -> Settings {
        let minutes = |n: u64| Duration::secs(60 * n).scale(1, FASTER);
        Settings {
            weight: 5,
            check: minutes(4),
            compared_min: 24,
            soak: minutes(15),
            window: rule.window().scale(1, FASTER),
            patience: minutes(25),
            every: Duration::millis(50),
            rule,
        }
    }
}

/// What is to be done with a canary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing yet.
    Wait,
    /// It is everybody's.
    Promote,
    /// It goes back.
    RollBack,
}

/// The traffic of a canary since it has any.
#[derive(Clone, Debug)]
pub struct Analysis {
    since: Instant,
    total: Tally,
    /// What the total was, as that was looked at.
    looks: VecDeque<(Instant, Tally)>,
}

impl Analysis {
    /// A canary that gets its first requests now.
    pub fn new(now: Instant) -> Analysis {
        Analysis { since: now, total: Tally::default(), looks: VecDeque::new() }
    }

    /// It has answered so many more, well and not.
    pub fn count(&mut self, (good, bad): (u64, u64)) {
        self.total.good += good;
        self.total.bad += bad;
    }

    /// Looks at the last window.
    pub fn look(&mut self, now: Instant, controls: &Controls, settings: &Settings) -> Verdict {
        while self.looks.get(1).is_some_and(|(at, _)| now.since(*at) >= settings.window) {
            self.looks.pop_front();
        }
        let is_whole = |at: Instant| now.since(at) >= settings.window;
        let before = self.looks.front().filter(|(at, _)| is_whole(*at)).map_or(Tally::default(), |(_, total)| *total);
        self.looks.push_back((now, self.total));
        let window = Tally { good: self.total.good - before.good, bad: self.total.bad - before.bad };
        let stood = now.since(self.since);
        let is_due = stood >= settings.soak || !controls.on(&SOAK);
        match settings.rule.judge_events(window) {
            CanaryVerdict::RollBack if controls.on(&ANALYSIS) => Verdict::RollBack,
            CanaryVerdict::RollBack | CanaryVerdict::Clear if is_due => Verdict::Promote,
            CanaryVerdict::RollBack | CanaryVerdict::Clear => Verdict::Wait,
            CanaryVerdict::TooFew if stood < settings.soak => Verdict::Wait,
            CanaryVerdict::TooFew if !controls.on(&MINIMUM_SAMPLES) => Verdict::Promote,
            CanaryVerdict::TooFew if stood >= settings.patience => Verdict::RollBack,
            CanaryVerdict::TooFew => Verdict::Wait,
        }
    }
}
