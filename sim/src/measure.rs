//! Measurements that can be folded: what was counted, what may be claimed from it, and when an alarm is due.
//!
//! Everything here is a commutative fold. A sweep runs its seeds in any order on any number of cores, merges the
//! results, and gets the same bytes; so percentiles are never averaged, histograms are merged, and a period's ratio is
//! Σbad / Σtotal and never the mean of shorter ratios.
//!
//! | question | file | answer |
//! |---|---|---|
//! | how long did requests take? | [`latency`] | [`Latency`], a histogram that rounds up |
//! | how sure are we, after so many? | [`bounds`] | Clopper–Pearson bounds, ranks of order statistics, sample sizes |
//! | what was promised? | [`objective`] | [`Objective`], a share of good events in parts per million |
//! | was it kept? | [`judge`] | [`Judgement`]: MET, MISSED, INCONCLUSIVE or NO_DATA |
//! | do many runs say more than one? | [`runs`] | [`RunTallies`], counts corrected for requests that fail together |
//! | when did it go wrong? | [`windows`] | [`Windows`] of good and bad, [`Timeline`] for sums over any span |
//! | how fast is the budget burning? | [`burn`] | [`BurnRate`], [`BurnPolicy`] (multi-window alerts), [`CanaryRule`] |
//!
//! Two habits hold throughout. A decision is taken on integers (nanoseconds, counts, parts per billion, products in
//! 128 bits); a float only shows a decision that was already taken, or was rounded outward to a whole part per billion
//! before it could take part in one. And *nothing measured* is an answer of its own, which never passes.
//!
//! What a bound says: it holds over the scenario generator that drew the seeds, not over production; and it takes its
//! trials as independent. Seeds are, requests of one run are not. Safety claims count seeds; ratios of requests go
//! through [`RunTallies::effective`] first.

pub mod bounds;
pub mod burn;
pub mod judge;
pub mod latency;
pub mod objective;
pub mod runs;
pub mod windows;

pub use burn::{AlertRule, AlertState, BurnError, BurnPolicy, BurnRate, CanaryRule, CanaryVerdict, Severity};
pub use burn::{budget_remaining_ppm, budget_spent_ppm, burn_rate};
pub use judge::{Judgement, judge_quantile, judge_quantile_runs, judge_ratio, judge_runs};
pub use latency::Latency;
pub use objective::{Objective, ObjectiveError};
pub use runs::RunTallies;
pub use windows::{Tally, Timeline, WidthMismatch, Windows};
