//! Requests per tenant and second (TEN-05, SRV-04): a token bucket in one integer.
//!
//! The bucket is kept as the instant at which it will be full again (the *theoretical arrival time* of GCRA, ITU-T
//! I.371): admitting costs an addition and a comparison, refilling costs nothing, and a bucket that is full needs no
//! memory at all. In any span of t seconds a tenant gets at most burst + rate × t requests.

use super::table::Table;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use serde::{Deserialize, Serialize};
use sim::{Duration, Instant};
use std::collections::BTreeMap;

/// Refuses what a tenant asks beyond its own rate.
pub const RATE_LIMIT: Control = control!(
    "gateway.rate-limit",
    upholds: ["TEN-05", "SRV-04"],
    off: "no limit per tenant, as when requests are counted per gateway only: load shedding is then the second line",
);

/// How fast a tenant may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Sustained requests per second; 0 counts as 1, because a tenant without access has no rate but a denial.
    pub per_second: u32,
    /// Requests at once after a pause; 0 counts as 1.
    pub burst: u32,
}

impl Rate {
    /// Time between two tokens, rounded up so that rounding never gives a token away.
    const fn interval(self) -> u64 {
        let rate = if self.per_second == 0 { 1 } else { self.per_second };
        1_000_000_000u64.div_ceil(rate as u64)
    }
    const fn depth(self) -> u64 {
        let burst = if self.burst == 0 { 1 } else { self.burst };
        self.interval().saturating_mul(burst as u64)
    }
}

/// Refused; ask again after this span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// For the `retry-after` header: whole seconds, rounded up, at least 1.
    pub fn seconds(self) -> u32 {
        let seconds = self.0.as_nanos().div_ceil(1_000_000_000).max(1);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }
}

/// Whether the buckets are shared by all gateways of the cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Store {
    /// The shared store answers.
    Shared,
    /// It does not. The safe mode (SRV-11): neither open nor closed, each of `gateways` gives out its share only, so
    /// that all of them together stay within the rate.
    Down {
        /// Gateways of the cell that count on their own meanwhile.
        gateways: u32,
    },
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
    interval: u64,
    depth: u64,
}

/// The buckets of all active tenants.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    default: Rate,
    overrides: BTreeMap<TenantId, Rate>,
    buckets: Table<Bucket>,
    share: u64,
}

impl RateLimiter {
    /// A limiter that gives every tenant `default`, except those with a rate of their own.
    pub fn new(default: Rate, overrides: BTreeMap<TenantId, Rate>) -> RateLimiter {
        RateLimiter { default, overrides, buckets: Table::new(), share: 1 }
    }

    /// Takes one token of the tenant.
    ///
    /// # Errors
    /// When it has none: the time until it has one (429).
    #[inline]
    pub fn admit(&mut self, now: Instant, controls: &Controls, tenant: &TenantId) -> Result<(), RetryAfter> {
        self.admit_cost(now, controls, tenant, 1)
    }

    /// Takes `cost` tokens of the tenant, as for an ad hoc query; more than a full bucket counts as a full bucket.
    ///
    /// # Errors
    /// When it has fewer: the time until it has them (429). Nothing is taken then.
    pub fn admit_cost(
        &mut self,
        now: Instant,
        controls: &Controls,
        tenant: &TenantId,
        cost: u32,
    ) -> Result<(), RetryAfter> {
        let (default, overrides) = (self.default, &self.overrides);
        let make = || {
            let rate = overrides.get(tenant).copied().unwrap_or(default);
            Bucket { full_at: now, interval: rate.interval(), depth: rate.depth() }
        };
        let bucket = self.buckets.entry(tenant, make, |bucket| bucket.full_at <= now);
        let taken = bucket.interval.saturating_mul(u64::from(cost).saturating_mul(self.share)).min(bucket.depth);
        // No bucket is emptier than empty: one that seems to be was filled by a clock that has gone back since, and
        // would refuse its tenant until the clock is there again.
        bucket.full_at = bucket.full_at.clamp(now, now + Duration(bucket.depth));
        let full_at = bucket.full_at + Duration(taken);
        let missing = full_at.since(now).as_nanos().saturating_sub(bucket.depth);
        if controls.on(&RATE_LIMIT) && missing > 0 {
            return Err(RetryAfter(Duration(missing)));
        }
        bucket.full_at = full_at.min(now + Duration(bucket.depth));
        Ok(())
    }

    /// Tells the limiter whether the shared store answers.
    pub fn set_store(&mut self, store: Store) {
        self.share = match store {
            Store::Shared => 1,
            Store::Down { gateways } => u64::from(gateways.max(1)),
        };
    }

    /// Buckets in memory: at most twice the tenants that lately asked, or 1024.
    pub fn buckets(&self) -> usize {
        self.buckets.len()
    }
}

/// A case for `cellproof model rate-limit`: one rate, and when a tenant asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rate: Rate,
    /// When each request came, in nanoseconds, never going back.
    at_ns: Vec<u64>,
}

/// Answer to one request of a case.
#[derive(Debug, Serialize)]
struct Answer {
    at_ns: u64,
    admitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ns: Option<u64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

/// Why a request was not admitted, and what demands that.
#[derive(Debug, Serialize)]
struct Refused {
    reason: &'static str,
    requirements: &'static [&'static str],
}

/// Answers one JSON line `{"rate":{"per_second":R,"burst":B},"at_ns":[…]}` with one line, an answer for each request.
///
/// # Errors
/// When the line is no such case.
pub fn answer_json(line: &str, controls: &Controls) -> Result<String, serde_json::Error> {
    let case: Case = serde_json::from_str(line)?;
    let mut limiter = RateLimiter::new(case.rate, BTreeMap::new());
    let tenant = TenantId::from("tenant");
    let answer = |at_ns: &u64| {
        let refused = limiter.admit(Instant(*at_ns), controls, &tenant).err();
        Answer {
            at_ns: *at_ns,
            admitted: refused.is_none(),
            retry_after_ns: refused.map(|r| r.0.as_nanos()),
            refused: refused.map(|_| Refused { reason: "rate-limited", requirements: RATE_LIMIT.upholds }),
        }
    };
    let answers: Vec<Answer> = case.at_ns.iter().map(answer).collect();
    serde_json::to_string(&answers)
}

#[cfg(test)]
mod tests {
    use super::super::table::SWEEP_MIN;
    use super::*;
    use proptest::prelude::*;
    use sim::ControlSet;

    const TEN_A_SECOND: Rate = Rate { per_second: 10, burst: 3 };

    #[test]
    fn a_clock_that_goes_back_costs_a_tenant_one_bucket_and_no_more() {
        let (mut limiter, on, tenant) = (limiter(), Controls::all_on(), TenantId::from("acme"));
        let late = Instant(60_000_000_000);
        assert_eq!(limiter.admit(late, &on, &tenant), Ok(()));
        let early = Instant(1_000_000_000);
        assert_eq!(limiter.admit(early, &on, &tenant), Err(RetryAfter(Duration::millis(100))));
        assert_eq!(limiter.admit(early + Duration::millis(100), &on, &tenant), Ok(()));
    }

    fn limiter() -> RateLimiter {
        let overrides = BTreeMap::from([(TenantId::from("big"), Rate { per_second: 1_000, burst: 100 })]);
        RateLimiter::new(TEN_A_SECOND, overrides)
    }

    /// How many of `n` requests at `now` are admitted.
    fn check(limiter: &mut RateLimiter, now: Instant, controls: &Controls, tenant: &str, n: u32, expected: u32) {
        let tenant = TenantId::from(tenant);
        let admitted = (0..n).filter(|_| limiter.admit(now, controls, &tenant).is_ok()).count();
        assert_eq!(admitted, expected as usize, "{tenant} at {now}");
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds_and_other_tenants_do_not_notice() {
        let (mut limiter, on) = (limiter(), Controls::all_on());
        check(&mut limiter, Instant::ZERO, &on, "acme", 50, 3);
        check(&mut limiter, Instant::ZERO, &on, "globex", 2, 2);
        check(&mut limiter, Instant::ZERO, &on, "big", 200, 100);
        check(&mut limiter, Instant(200_000_000), &on, "acme", 50, 2);
    }

    #[test]
    fn a_refused_tenant_is_served_when_it_comes_back_as_told() {
        let (mut limiter, on) = (limiter(), Controls::all_on());
        let acme = TenantId::from("acme");
        check(&mut limiter, Instant(5), &on, "acme", 3, 3);
        let RetryAfter(wait) = limiter.admit(Instant(5), &on, &acme).expect_err("empty");
        assert_eq!(RetryAfter(wait).seconds(), 1);
        assert!(limiter.admit(Instant(4) + wait, &on, &acme).is_err());
        assert!(limiter.admit(Instant(5) + wait, &on, &acme).is_ok());
    }

    #[test]
    fn without_the_control_a_flood_passes_and_leaves_no_debt_behind() {
        let off = Controls::with_off(ControlSet::EMPTY.with(RATE_LIMIT.slot));
        let mut limiter = limiter();
        check(&mut limiter, Instant::ZERO, &off, "acme", 5_000, 5_000);
        check(&mut limiter, Instant(300_000_000), &Controls::all_on(), "acme", 5_000, 3);
    }

    #[test]
    fn when_the_shared_store_is_down_each_gateway_gives_its_share() {
        let on = Controls::all_on();
        let mut gateways = [limiter(), limiter()];
        for gateway in &mut gateways {
            gateway.set_store(Store::Down { gateways: 2 });
            check(gateway, Instant::ZERO, &on, "big", 200, 50);
        }
        gateways[0].set_store(Store::Shared);
        check(&mut gateways[0], Instant(1_000_000_000), &on, "big", 200, 100);
    }

    #[test]
    fn a_dear_request_takes_more_and_never_more_than_there_is() {
        let (mut limiter, on) = (limiter(), Controls::all_on());
        let acme = TenantId::from("acme");
        assert_eq!(limiter.admit_cost(Instant::ZERO, &on, &acme, 100), Ok(()));
        check(&mut limiter, Instant::ZERO, &on, "acme", 1, 0);
    }

    #[test]
    fn tenants_that_stopped_asking_take_no_memory() {
        let (mut limiter, on) = (limiter(), Controls::all_on());
        for n in 0..20_000u64 {
            let tenant = TenantId::from(format!("t{n}"));
            limiter.admit(Instant(n * 10_000_000), &on, &tenant).expect("its first request");
        }
        assert!(limiter.buckets() <= SWEEP_MIN, "{}", limiter.buckets());
    }

    #[test]
    fn a_case_in_json_is_answered_in_json() {
        let line = r#"{"rate":{"per_second":1,"burst":1},"at_ns":[0,1,1000000000]}"#;
        let refused = concat!(
            r#"{"at_ns":1,"admitted":false,"retry_after_ns":999999999,"#,
            r#""reason":"rate-limited","requirements":["TEN-05","SRV-04"]}"#
        );
        let expected = format!(r#"[{{"at_ns":0,"admitted":true}},{refused},{{"at_ns":1000000000,"admitted":true}}]"#);
        assert_eq!(answer_json(line, &Controls::all_on()).expect("a sound case"), expected);
        assert!(answer_json("{}", &Controls::all_on()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_span_of_time_ever_sees_more_than_burst_plus_rate_times_its_length(
            per_second in 1..2_000u32,
            burst in 1..50u32,
            gaps in proptest::collection::vec(0..5_000_000u64, 1..200),
        ) {
            let (mut limiter, on) = (RateLimiter::new(Rate { per_second, burst }, BTreeMap::new()), Controls::all_on());
            let acme = TenantId::from("acme");
            let (mut now, mut admitted) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                if limiter.admit(Instant(now), &on, &acme).is_ok() {
                    admitted.push(now);
                }
            }
            for (i, from) in admitted.iter().enumerate() {
                for (j, to) in admitted.iter().enumerate().skip(i) {
                    let bound = u64::from(burst) + (to - from) * u64::from(per_second) / 1_000_000_000;
                    prop_assert!((j - i + 1) as u64 <= bound.max(1));
                }
            }
        }
    }
}
