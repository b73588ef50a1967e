//! CEL-01: what the loss of a cell does to the months of its tenants, in both readings, with a bound.
//!
//! Months are drawn by their incidents: each has at least one loss of the tenants' home cell, and how many, when and
//! how long is drawn from stated distributions. What a loss costs is not assumed but measured: every loss is simulated
//! by itself, request by request, from before it until long after it, on the platform as it is deployed. That the costs
//! of single losses add up to the cost of a month is checked on whole months, simulated from end to end.

pub mod draw;
pub mod measure;

use draw::{MONTH, Month};
use measure::{Cost, Reserve};
use models::config::Inputs;
use rayon::prelude::*;
use sim::measure::bounds;

/// Confidence of the one-sided bounds.
pub const CONFIDENCE: f64 = 0.95;
/// What both readings have to stay below.
pub const LIMIT: f64 = 0.05;
/// Months without which the bound cannot be below [`LIMIT`], however good they are.
pub const MONTHS_MIN: u64 = 59;

/// What every figure rests on.
pub const ASSUMPTIONS: [&str; 6] = [
    "A month has 30 days. Losses of one cell come independently, one in six months on average; the months that are \
     drawn have at least one.",
    "A lost cell is dark for 4 minutes in the median, for 20 or less in nine of ten, for an hour or less in 99 of 100, \
     and never for more than two; nothing smaller than the whole cell fails.",
    "Tenants ask evenly, by day and by night. A request fails as the objectives count it (SLO-01), and also when a \
     good token is refused, for want of keys or of a token in time; that of the tenant who lost most counts.",
    "A neighbour is as large as the cell that it takes the tenants of, and is itself up.",
    "How fresh an answer is does not count here: what the neighbour's stores lack of the last seconds is the business \
     of STO-05 and EVT-04.",
    "The bound is one-sided, at 95 %, by Clopper and Pearson over the months, that of the mean by Student's t; both \
     hold over this generator of months, and not over production.",
];

/// What one platform makes of the months.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// What stands beside the lost cell in its region.
    pub reserve: Reserve,
    /// Months that were drawn.
    pub months: u64,
    /// Losses in them.
    pub losses: u64,
    /// Months in which a tenant of the cell missed SLO-01 by losses alone.
    pub missed: u64,
    /// Upper bound on the probability that a month is missed, given a loss in it.
    pub missed_bound: f64,
    /// Share of the monthly error budget that losses spend in a month that has one: the mean.
    pub spent_given_loss: f64,
    /// The same over all months, with and without a loss.
    pub spent: f64,
    /// Upper bound on that.
    pub spent_bound: f64,
    /// Of the requests that failed, those that were told why (503).
    pub refused_aloud: f64,
    /// Failed requests of tenants of other regions.
    pub failed_abroad: u64,
}

/// A month that was simulated from end to end as well.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    /// Its number.
    pub month: u64,
    /// Share of the budget that its losses spend, by the costs of single losses.
    pub by_losses: f64,
    /// The same, as the whole month shows it.
    pub as_whole: f64,
}

/// What became of it all.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// The lost cell.
    pub cell: String,
    /// Its tenants.
    pub tenants: Vec<String>,
    /// What is allowed to fail in a month, in seconds of everything.
    pub budget_s: f64,
    /// One for each kind of reserve.
    pub readings: Vec<Reading>,
    /// Months that were checked.
    pub checked: Vec<Checked>,
}

impl Answer {
    /// What is promised where there is somebody to take over.
    pub fn absorbed(&self) -> Option<&Reading> {
        self.readings.iter().find(|reading| reading.reserve == Reserve::Neighbour)
    }
}

/// Draws so many months and measures what they cost; `whole` of them are simulated from end to end, too.
pub fn answer(inputs: &Inputs, seed: u64, months: u64, whole: u64) -> Answer {
    let drawn: Vec<Month> = (0..months).map(|n| draw::month(seed, n)).collect();
    let place = measure::Place::first(inputs);
    let budget_ms = MONTH.as_millis() as f64 * f64::from(inputs.platform.slos.api_success.budget_ppm()) / 1e6;
    let losses: Vec<(usize, usize)> =
        drawn.iter().enumerate().flat_map(|(m, month)| (0..month.losses.len()).map(move |l| (m, l))).collect();
    let mut readings = Vec::new();
    let mut absorbed: Vec<f64> = Vec::new();
    for reserve in Reserve::ALL {
        let measured = |(m, l): &(usize, usize)| measure::loss(inputs, &place, reserve, &drawn[*m].losses[*l]);
        let costs: Vec<Cost> = losses.par_iter().map(measured).collect();
        let spent: Vec<f64> = (0..drawn.len()).map(|m| spent(&losses, &costs, m, budget_ms)).collect();
        readings.push(reading(reserve, &costs, &spent));
        absorbed = spent;
    }
    // The last kind of reserve is the one that is promised for; its months are the ones that are checked.
    let reserve = Reserve::ALL[Reserve::ALL.len() - 1];
    let checked = drawn[..drawn.len().min(whole as usize)].par_iter().zip(&absorbed).map(|(month, by_losses)| {
        let as_whole = measure::month(inputs, &place, reserve, month).failed_ms as f64 / budget_ms;
        Checked { month: month.number, by_losses: *by_losses, as_whole }
    });
    Answer {
        cell: place.cell.clone(),
        tenants: place.tenants.clone(),
        budget_s: budget_ms / 1e3,
        readings,
        checked: checked.collect(),
    }
}

/// Share of the budget that the losses of a month spend.
fn spent(losses: &[(usize, usize)], costs: &[Cost], month: usize, budget_ms: f64) -> f64 {
    let own = losses.iter().zip(costs).filter(|((m, _), _)| *m == month);
    own.map(|(_, cost)| cost.failed_ms).sum::<u64>() as f64 / budget_ms
}

fn reading(reserve: Reserve, costs: &[Cost], spent: &[f64]) -> Reading {
    let months = spent.len() as u64;
    let missed = spent.iter().filter(|share| **share > 1.0).count() as u64;
    let (mean, upper) = (bounds::mean(spent), bounds::mean_upper_bound(spent, CONFIDENCE));
    let (failed, told) = costs.iter().fold((0, 0), |sums, cost| (sums.0 + cost.failed, sums.1 + cost.told));
    Reading {
        reserve,
        months,
        losses: costs.len() as u64,
        missed,
        missed_bound: bounds::upper_bound(missed, months, CONFIDENCE),
        spent_given_loss: mean,
        spent: mean * draw::SHARE_WITH_LOSS,
        spent_bound: upper * draw::SHARE_WITH_LOSS,
        refused_aloud: if failed == 0 { 1.0 } else { told as f64 / failed as f64 },
        failed_abroad: costs.iter().map(|cost| cost.failed_abroad).sum(),
    }
}
