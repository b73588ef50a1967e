//! How fast an error budget burns, the alerts that watch it, and the rule that takes a canary back.
//!
//! A burn rate of 1 spends the whole budget in exactly one period. Which rate is worth a page follows from the share of
//! the budget it may spend before someone looks: share × period / window. All comparisons are products of integers in
//! 128 bits, so a threshold is hit exactly or not, the same everywhere.

use super::objective::{MILLION, Objective};
use super::windows::{Tally, Timeline};
use crate::time::{Duration, Instant};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

const MINUTE: Duration = Duration::secs(60);
const HOUR: Duration = Duration::secs(3_600);
const DAY: Duration = Duration::secs(86_400);

/// A month of thirty days: the period of an error budget where none is stated.
pub const MONTH: Duration = Duration::secs(30 * 86_400);

/// A multiple of the rate that would spend the budget in exactly one period, as a reduced fraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BurnRate {
    numerator: u64,
    denominator: u64,
}

/// Whether an alert wakes someone or opens a ticket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Someone is woken.
    Page,
    /// Someone looks tomorrow.
    Ticket,
}

/// One multi-window condition: fires while both windows burn faster than the share allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AlertRule {
    /// What it asks for.
    pub severity: Severity,
    /// Share of the period's budget that the long window may spend, in parts per million.
    pub share_ppm: u32,
    /// The window that shows the loss is real.
    pub long: Duration,
    /// The window that shows it is still going on.
    pub short: Duration,
}

/// The four conditions of the SRE workbook (chapter 5, table 5-8, with the fourth as Sloth generates it): over thirty
/// days they burn at 14.4, 6, 3 and 1. Most urgent first.
pub const SRE_RULES: [AlertRule; 4] = [
    AlertRule { severity: Severity::Page, share_ppm: 20_000, long: HOUR, short: Duration::secs(300) },
    AlertRule {
        severity: Severity::Page,
        share_ppm: 50_000,
        long: Duration::secs(6 * 3_600),
        short: Duration::secs(1_800),
    },
    AlertRule { severity: Severity::Ticket, share_ppm: 100_000, long: DAY, short: Duration::secs(2 * 3_600) },
    AlertRule {
        severity: Severity::Ticket,
        share_ppm: 100_000,
        long: Duration::secs(3 * 86_400),
        short: Duration::secs(6 * 3_600),
    },
];

/// What an alert says at some instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertState {
    /// Both windows burn faster than the rule allows.
    Firing,
    /// At least one does not.
    Quiet,
    /// Fewer events than the floor in the long window: a ratio of them would be noise.
    TooFew,
}

/// Alert rules for one objective, checked when made: every rule can fire, and its windows can be summed.
#[derive(Clone, Debug)]
pub struct BurnPolicy {
    objective: Objective,
    width: Duration,
    floor: u64,
    rules: Vec<(AlertRule, BurnRate)>,
}

/// The rule that takes a canary back, on the canary's own traffic and its own monthly budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CanaryRule {
    objective: Objective,
    rate: BurnRate,
    window: Duration,
    floor: u64,
}

/// What the canary's own errors say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryVerdict {
    /// The budget burns too fast: take it back.
    RollBack,
    /// It does not.
    Clear,
    /// Too few requests to say. No promotion on this.
    TooFew,
}

/// Why a rule was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BurnError {
    /// Rate × budget exceeds every possible error ratio, so the alert could never fire.
    NeverFires {
        /// The objective that is too low.
        objective: Objective,
        /// The rate that it cannot reach.
        rate: BurnRate,
    },
    /// A span is zero, longer than the one that must hold it, or no multiple of the windows that were counted.
    Span(Duration),
    /// A rate with a zero or unwieldy numerator or denominator.
    Rate,
}

impl BurnRate {
    /// `numerator / denominator`: `new(2, 1)` is twice the sustainable rate, `new(144, 10)` is 14.4. Refuses zero, and
    /// terms past 2⁴⁰ once reduced, beyond which comparisons would not fit in 128 bits.
    pub fn new(numerator: u64, denominator: u64) -> Result<BurnRate, BurnError> {
        BurnRate::reduced(u128::from(numerator), u128::from(denominator))
    }

    /// The rate that spends `share_ppm` of a period's budget within one window: 2 % of 30 days in an hour is 14.4.
    pub fn spending(share_ppm: u32, period: Duration, window: Duration) -> Result<BurnRate, BurnError> {
        if window == Duration::ZERO || window > period {
            return Err(BurnError::Span(window));
        }
        let numerator = u128::from(share_ppm) * u128::from(period.as_nanos());
        BurnRate::reduced(numerator, u128::from(MILLION) * u128::from(window.as_nanos()))
    }

    fn reduced(numerator: u128, denominator: u128) -> Result<BurnRate, BurnError> {
        let (mut divisor, mut rest) = (numerator, denominator);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        let term = |value: u128| match value.checked_div(divisor) {
            Some(term @ 1..=0x100_0000_0000) => Ok(term as u64),
            _ => Err(BurnError::Rate),
        };
        Ok(BurnRate { numerator: term(numerator)?, denominator: term(denominator)? })
    }

    /// How the burn of `events` compares to this rate, exactly; `None` when there are no events.
    pub fn compare(self, events: Tally, objective: Objective) -> Option<Ordering> {
        if events.total() == 0 {
            return None;
        }
        // bad / total against rate × budget, multiplied out. 2⁶⁴ × 10⁶ × 2⁴⁰ stays below 2¹²⁸.
        let burned = u128::from(events.bad) * u128::from(MILLION) * u128::from(self.denominator);
        let allowed = u128::from(events.total()) * u128::from(objective.budget_ppm()) * u128::from(self.numerator);
        Some(burned.cmp(&allowed))
    }

    /// The error ratio at which `objective` burns at this rate, compared to one (every request failing).
    fn against_total_loss(self, objective: Objective) -> Ordering {
        let threshold = u128::from(objective.budget_ppm()) * u128::from(self.numerator);
        threshold.cmp(&(u128::from(MILLION) * u128::from(self.denominator)))
    }
}

impl BurnPolicy {
    /// Rules for an objective over a `period`, on windows of `width`. Refuses a rule that could never fire (rate ×
    /// budget ≥ 1: for the 14.4 of a page, an objective below 93.1 %), and spans that the windows cannot show.
    pub fn new(
        objective: Objective,
        period: Duration,
        width: Duration,
        floor: u64,
        rules: &[AlertRule],
    ) -> Result<BurnPolicy, BurnError> {
        let mut checked = Vec::with_capacity(rules.len());
        for rule in rules {
            if rule.short > rule.long {
                return Err(BurnError::Span(rule.short));
            }
            check_span(rule.short, width)?;
            check_span(rule.long, width)?;
            let rate = BurnRate::spending(rule.share_ppm, period, rule.long)?;
            if rate.against_total_loss(objective) != Ordering::Less {
                return Err(BurnError::NeverFires { objective, rate });
            }
            checked.push((*rule, rate));
        }
        Ok(BurnPolicy { objective, width, floor, rules: checked })
    }

    /// [`SRE_RULES`] over thirty days. `floor`: events that the long window must hold before it may speak.
    pub fn sre(objective: Objective, width: Duration, floor: u64) -> Result<BurnPolicy, BurnError> {
        BurnPolicy::new(objective, MONTH, width, floor, &SRE_RULES)
    }

    /// The rules and the rate that each one fires above.
    pub fn rules(&self) -> &[(AlertRule, BurnRate)] {
        &self.rules
    }

    /// What each rule says at `now`, in the order of the rules. A window longer than the run so far is judged on what
    /// there is, as Prometheus does, so a long rule is as quick as a short one at the start.
    ///
    /// Panics when the timeline has windows of another width than the policy was made for.
    pub fn states<'a>(
        &'a self,
        timeline: &'a Timeline,
        now: Instant,
    ) -> impl Iterator<Item = (&'a AlertRule, AlertState)> {
        assert_eq!(timeline.width(), self.width, "a policy reads windows of the width it was made for");
        self.rules.iter().map(move |(rule, rate)| {
            let long = timeline.before(now, rule.long);
            let burns = |events| rate.compare(events, self.objective) == Some(Ordering::Greater);
            let state = match () {
                () if long.total() < self.floor.max(1) => AlertState::TooFew,
                () if burns(long) && burns(timeline.before(now, rule.short)) => AlertState::Firing,
                () => AlertState::Quiet,
            };
            (rule, state)
        })
    }

    /// The most urgent rule that fires at `now`.
    pub fn firing(&self, timeline: &Timeline, now: Instant) -> Option<AlertRule> {
        self.states(timeline, now).find(|(_, state)| *state == AlertState::Firing).map(|(rule, _)| *rule)
    }

    /// The first instant, at the end of a window, at which any rule fires, and which.
    pub fn first_firing(&self, timeline: &Timeline) -> Option<(Instant, AlertRule)> {
        timeline.ends().find_map(|now| self.firing(timeline, now).map(|rule| (now, rule)))
    }
}

impl CanaryRule {
    /// Rolls back when `share_ppm` of the period's budget burns within `window`. At the threshold itself it trips:
    /// taking back too early costs a retry, too late costs the budget. `floor`: requests without which it says nothing.
    pub fn new(
        objective: Objective,
        share_ppm: u32,
        period: Duration,
        window: Duration,
        floor: u64,
    ) -> Result<CanaryRule, BurnError> {
        let rate = BurnRate::spending(share_ppm, period, window)?;
        if rate.against_total_loss(objective) == Ordering::Greater {
            return Err(BurnError::NeverFires { objective, rate });
        }
        Ok(CanaryRule { objective, rate, window, floor })
    }

    /// The day-1 rule (ROL-02): 2 % of the monthly budget within ten minutes, which is a burn rate of 86.4 and, for
    /// 99.9 %, an error ratio of 8.64 %.
    pub fn day_one(objective: Objective, floor: u64) -> Result<CanaryRule, BurnError> {
        CanaryRule::new(objective, 20_000, MONTH, MINUTE * 10, floor)
    }

    /// The burn rate at which it trips.
    pub fn rate(&self) -> BurnRate {
        self.rate
    }

    /// The window that it looks at.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// The first instant, at the end of a window of the timeline, at which it trips. Panics like [`CanaryRule::judge`].
    pub fn first_trip(&self, timeline: &Timeline) -> Option<Instant> {
        timeline.ends().find(|now| self.judge(timeline, *now) == CanaryVerdict::RollBack)
    }

    /// The verdict on the canary's own traffic in the window before `now`. Panics when the rule's window is no multiple
    /// of the timeline's.
    pub fn judge(&self, timeline: &Timeline, now: Instant) -> CanaryVerdict {
        assert!(check_span(self.window, timeline.width()).is_ok(), "the rule's window is a multiple of those counted");
        self.judge_events(timeline.before(now, self.window))
    }

    /// The verdict on events that were counted over the rule's window.
    pub fn judge_events(&self, events: Tally) -> CanaryVerdict {
        match self.rate.compare(events, self.objective) {
            Some(order) if events.total() >= self.floor => {
                if order == Ordering::Less {
                    CanaryVerdict::Clear
                } else {
                    CanaryVerdict::RollBack
                }
            }
            _ => CanaryVerdict::TooFew,
        }
    }
}

/// The burn rate of `events`, to be shown; `None` when there are none. Decide by [`BurnRate::compare`].
pub fn burn_rate(events: Tally, objective: Objective) -> Option<f64> {
    let total = events.total();
    (total > 0).then(|| events.bad as f64 * f64::from(MILLION) / (total as f64 * f64::from(objective.budget_ppm())))
}

/// Share of a period's budget that `bad` events spend, in parts per million and rounded up, when the period counts
/// `period_total` events; `None` when it counts none. Above a million, the objective is broken.
pub fn budget_spent_ppm(bad: u64, period_total: u64, objective: Objective) -> Option<u64> {
    let budget = u128::from(period_total) * u128::from(objective.budget_ppm());
    let spent = u128::from(bad) * u128::from(MILLION) * u128::from(MILLION);
    (budget > 0).then(|| u64::try_from(spent.div_ceil(budget)).unwrap_or(u64::MAX))
}

/// What is left of the budget for the events counted so far, in parts per million; negative when overspent, `None` when
/// nothing was counted.
pub fn budget_remaining_ppm(events: Tally, objective: Objective) -> Option<i64> {
    let spent = budget_spent_ppm(events.bad, events.total(), objective)?;
    Some(i64::from(MILLION).saturating_sub(i64::try_from(spent).unwrap_or(i64::MAX)))
}

fn check_span(span: Duration, width: Duration) -> Result<(), BurnError> {
    match span.as_nanos().checked_rem(width.as_nanos()) {
        Some(0) if span > Duration::ZERO => Ok(()),
        _ => Err(BurnError::Span(span)),
    }
}

impl fmt::Display for BurnRate {
    /// At most three places, cut off: `14.4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = u128::from(self.numerator) * 1_000 / u128::from(self.denominator);
        let places = format!("{:03}", thousandths % 1_000);
        match places.trim_end_matches('0') {
            "" => write!(f, "{}", thousandths / 1_000),
            places => write!(f, "{}.{places}", thousandths / 1_000),
        }
    }
}

impl fmt::Display for BurnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BurnError::NeverFires { objective, rate } => {
                write!(
                    f,
                    "a burn rate of {rate} against {objective} can never be exceeded, even if every request fails"
                )
            }
            BurnError::Span(span) => write!(f, "a window of {span} does not fit the period or the windows counted"),
            BurnError::Rate => f.write_str("a burn rate is a fraction of positive numbers up to 2^40"),
        }
    }
}

impl std::error::Error for BurnError {}

#[cfg(test)]
mod tests;
