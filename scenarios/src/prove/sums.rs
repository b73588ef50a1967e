//! What is counted of one run that went well, and how little of it has to be written down.
//!
//! Nine tenths of a run's record are latencies, one bin a request. They are written as steps from bin to bin.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sim::Duration;
use sim::measure::Latency;
use sim::record::{Pass, RunRecord, Serving, Spread};
use std::collections::BTreeMap;

/// The sums of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sums {
    /// Which pass.
    pub pass: Pass,
    /// The line that replays the run; holds the first digits of its digest.
    pub token: String,
    /// Digest of all facts.
    pub digest: String,
    /// Inputs handled by machines.
    pub events: u64,
    /// Requests of honest tenants: sent.
    pub requests_sent: u64,
    /// Simulated time, in nanoseconds.
    pub simulated_ns: u64,
    /// Marks reached, with how often.
    pub marks: BTreeMap<String, u64>,
    /// Faults that struck: name → times.
    pub faults: BTreeMap<String, u64>,
    /// Per tenant and cell.
    #[serde(with = "lean")]
    pub serving: Vec<Serving>,
}

impl Sums {
    /// The sums of a record that is kept.
    pub fn of(run: &RunRecord) -> Sums {
        run.clone().into()
    }
}

impl From<RunRecord> for Sums {
    fn from(run: RunRecord) -> Sums {
        let mut faults = BTreeMap::new();
        for fault in run.faults {
            *faults.entry(fault.fault).or_default() += fault.fired;
        }
        Sums {
            pass: run.pass,
            token: run.token,
            digest: run.digest,
            events: run.events,
            requests_sent: run.requests_sent,
            simulated_ns: run.simulated_ns,
            marks: run.marks,
            faults,
            serving: run.serving,
        }
    }
}

/// Serving figures with lean latencies.
mod lean {
    use super::*;

    /// [`Serving`], written as a row.
    type Row = (String, String, u64, u64, u64, Steps, Vec<(u32, u32)>, Vec<(u32, u32)>, (Steps, u64));

    pub fn serialize<S: Serializer>(serving: &[Serving], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(serving.iter().map(|s| -> Row {
            let (own, mirrored) = (steps(&s.latency.bins()), (steps(&s.mirrored.bins()), s.mirrored_late));
            let (tenant, cell, windows, slow) = (s.tenant.clone(), s.cell.clone(), s.windows.clone(), s.slow.clone());
            (tenant, cell, s.good, s.bad, s.excluded, own, windows, slow, mirrored)
        }))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Serving>, D::Error> {
        let rows = Vec::<Row>::deserialize(deserializer)?;
        let bins = |steps: &Steps| latency(steps).ok_or_else(|| D::Error::custom("latency bins do not ascend"));
        let serving = |(tenant, cell, good, bad, excluded, steps, windows, slow, (lags, mirrored_late)): Row| {
            let (latency, mirrored, spread) = (bins(&steps)?, bins(&lags)?, Spread::default());
            let serving =
                Serving { tenant, cell, good, bad, excluded, latency, windows, slow, mirrored, mirrored_late, spread };
            Ok(serving.of_one_run())
        };
        rows.into_iter().map(serving).collect()
    }
}

/// Microseconds from one bin to the next; a negative number says how many samples the bin before it holds, if not one.
type Steps = Vec<i64>;

fn steps(bins: &[(u64, u64)]) -> Steps {
    let mut steps = Vec::with_capacity(bins.len());
    let mut at = 0;
    for &(us, count) in bins {
        // Bins end at an hour, and a run has no 2^63 requests.
        steps.push((us - at) as i64);
        if count > 1 {
            steps.push(-(count as i64));
        }
        at = us;
    }
    steps
}

fn latency(steps: &[i64]) -> Option<Latency> {
    let mut latency = Latency::default();
    let mut at = 0_u64;
    for (i, step) in steps.iter().enumerate() {
        let more = match (u64::try_from(*step), i) {
            (Ok(0), _) | (Err(_), 0) => return None,
            (Ok(up), _) => {
                at = at.checked_add(up)?;
                1
            }
            (Err(_), _) => step.unsigned_abs() - 1,
        };
        (0..more).for_each(|_| latency.record(Duration::micros(at)));
    }
    Some(latency)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn steps_that_do_not_ascend_are_refused() {
        for steps in [&[0][..], &[-2], &[5, 0]] {
            assert_eq!(latency(steps), None, "{steps:?}");
        }
        assert_eq!(latency(&[]).map(|l| l.count()), Some(0));
        assert_eq!(steps(&[(7, 3), (9, 1)]), [7, -3, 2]);
    }

    proptest! {
        #[test]
        fn latencies_come_back_to_the_last_sample(us in prop::collection::vec(1_u64..3_600_000_000, 0..2_000)) {
            let mut whole = Latency::default();
            us.iter().for_each(|us| whole.record(Duration::micros(*us)));
            prop_assert_eq!(latency(&steps(&whole.bins())), Some(whole));
        }
    }
}
