//! What a drill expects of each tenant's objectives, said before anything runs.

use super::toll::{ALL_PPM, Toll};
use models::config::Slos;
use serde::{Deserialize, Serialize};
use sim::record::{SERVING_WINDOW_NS, SloVerdict};
use sim::{Duration, Instant};

/// An objective of which a drill speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Objective {
    /// SLO-01: requests that succeed.
    #[serde(rename = "SLO-01")]
    Success,
    /// SLO-02: the 95th percentile of latency.
    #[serde(rename = "SLO-02")]
    Latency,
}

impl Objective {
    /// Both.
    pub const ALL: [Objective; 2] = [Objective::Success, Objective::Latency];

    /// Its row of the catalogue.
    pub const fn requirement(self) -> &'static str {
        match self {
            Objective::Success => "SLO-01",
            Objective::Latency => "SLO-02",
        }
    }
}

/// A stretch of time in which requests may fail, in whole windows of the serving figures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Window {
    /// First second.
    pub from_s: u64,
    /// One past the last.
    pub until_s: u64,
    /// Requests that may fail in it, in parts per million.
    pub fails_ppm: u64,
    /// Why, each reason once, those that cost most first.
    pub because: Vec<String>,
}

/// What a drill expects of one tenant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Expectation {
    /// The tenant.
    pub tenant: String,
    /// Its cell.
    pub cell: String,
    /// When its requests may fail, in order, none touching the next.
    pub windows: Vec<Window>,
    /// `MET`, or `MISSED` when it may be missed.
    pub success: SloVerdict,
    /// `MET`, or `MISSED` when it may be missed.
    pub latency: SloVerdict,
}

impl Expectation {
    /// The verdict that is expected of an objective.
    pub fn verdict(&self, objective: Objective) -> SloVerdict {
        match objective {
            Objective::Success => self.success,
            Objective::Latency => self.latency,
        }
    }
}

/// Share of the traffic's time that may be slow before a 95th percentile may suffer, in parts per million: half of
/// what the percentile leaves, because slow requests come in crowds.
const SLOW_PPM: u64 = 25_000;

/// What is expected of a tenant of `cell`, whose requests are asked in the stretch `traffic`.
pub fn of(tenant: &str, cell: &str, tolls: &[Toll], traffic: (Instant, Instant), slos: &Slos) -> Expectation {
    let own: Vec<&Toll> = tolls.iter().filter(|toll| toll.cell == cell).collect();
    let windows = windows(&own);
    let second = Duration(SERVING_WINDOW_NS);
    let asked = traffic.1.since(traffic.0).0.div_ceil(second.0).max(1);
    // What may fail over all, were traffic even: the worst of each second, over all seconds.
    let may_fail: u64 = windows.iter().map(|w| (w.until_s - w.from_s) * w.fails_ppm).sum::<u64>() / asked;
    let spare = u64::from(slos.api_success.budget_ppm());
    let slow: u64 = windows_of(&own, |toll| toll.is_slow).iter().map(|(from, until)| until - from).sum();
    let verdict = |fine: bool| if fine { SloVerdict::Met } else { SloVerdict::Missed };
    Expectation {
        tenant: tenant.into(),
        cell: cell.into(),
        success: verdict(may_fail <= spare),
        latency: verdict(slow * ALL_PPM / asked <= SLOW_PPM),
        windows,
    }
}

/// The seconds of a toll, rounded outward.
fn seconds(toll: &Toll) -> (u64, u64) {
    (toll.from.0 / SERVING_WINDOW_NS, toll.until.0.div_ceil(SERVING_WINDOW_NS))
}

/// Stretches that the tolls of a kind cover together, in whole seconds.
fn windows_of(tolls: &[&Toll], is_one: impl Fn(&Toll) -> bool) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = tolls.iter().filter(|toll| is_one(toll)).map(|toll| seconds(toll)).collect();
    all.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (from, until) in all {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => merged.push((from, until)),
        }
    }
    merged
}

/// Windows of one price each: tolls that overlap add up, to everything at most.
fn windows(tolls: &[&Toll]) -> Vec<Window> {
    let mut edges: Vec<u64> = tolls.iter().flat_map(|toll| <[u64; 2]>::from(seconds(toll))).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut windows: Vec<Window> = Vec::new();
    for pair in edges.windows(2) {
        let (from_s, until_s) = (pair[0], pair[1]);
        let covers = |toll: &&&Toll| seconds(toll).0 <= from_s && until_s <= seconds(toll).1;
        let mut reasons: Vec<&Toll> = tolls.iter().filter(covers).copied().collect();
        reasons.sort_by(|a, b| (b.fails_ppm, &a.why).cmp(&(a.fails_ppm, &b.why)));
        let mut because: Vec<String> = reasons.into_iter().map(|toll| toll.why.clone()).collect();
        because.dedup();
        let fails_ppm = tolls.iter().filter(covers).map(|toll| toll.fails_ppm).sum::<u64>().min(ALL_PPM);
        if fails_ppm == 0 {
            continue;
        }
        match windows.last_mut() {
            Some(last) if last.until_s == from_s && last.fails_ppm == fails_ppm && last.because == because => {
                last.until_s = until_s;
            }
            _ => windows.push(Window { from_s, until_s, fails_ppm, because }),
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::config::Inputs;

    fn toll(from: u64, until: u64, fails_ppm: u64, is_slow: bool) -> Toll {
        let at = |s| Instant::ZERO + Duration::millis(s);
        Toll { cell: "cell-a".into(), from: at(from), until: at(until), fails_ppm, is_slow, why: format!("{from}") }
    }

    fn expected(tolls: &[Toll]) -> Expectation {
        let traffic = (Instant::ZERO, Instant::ZERO + Duration::secs(100));
        of("acme", "cell-a", tolls, traffic, &Inputs::embedded().platform.slos)
    }

    #[test]
    fn without_tolls_and_with_those_of_another_cell_everything_is_met() {
        let abroad = Toll { cell: "cell-b".into(), ..toll(0, 50_000, ALL_PPM, true) };
        for tolls in [&[][..], &[abroad]] {
            let expected = expected(tolls);
            assert_eq!((expected.success, expected.latency), (SloVerdict::Met, SloVerdict::Met));
            assert_eq!(expected.windows, []);
        }
    }

    #[test]
    fn tolls_that_meet_add_up_in_whole_seconds_and_never_to_more_than_everything() {
        let expected = expected(&[toll(1_500, 9_200, 700_000, false), toll(4_000, 5_000, 600_000, true)]);
        let prices: Vec<(u64, u64, u64)> =
            expected.windows.iter().map(|w| (w.from_s, w.until_s, w.fails_ppm)).collect();
        assert_eq!(prices, [(1, 4, 700_000), (4, 5, ALL_PPM), (5, 10, 700_000)]);
        assert_eq!(expected.windows[1].because, ["1500", "4000"]);
        assert_eq!((expected.success, expected.latency), (SloVerdict::Missed, SloVerdict::Met));
    }

    #[test]
    fn a_little_that_fits_the_budget_is_met() {
        assert_eq!(expected(&[toll(0, 5_000, 20_000, false)]).success, SloVerdict::Met);
        assert_eq!(expected(&[toll(0, 6_000, 20_000, false)]).success, SloVerdict::Missed);
        assert_eq!(expected(&[toll(0, 3_000, 0, true)]).latency, SloVerdict::Missed);
    }
}
