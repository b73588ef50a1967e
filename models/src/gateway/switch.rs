//! How often a principal may switch between its tenants (TEN-07).
//!
//! A principal with many grants is the cheapest way to walk through many tenants; asking again for the tenant that is
//! active anyway is no switch and costs nothing.

use super::rate_limit::RetryAfter;
use super::table::Table;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::planted::GATEWAY_REFUSED_SWITCH_COUNTS;
use sim::{Duration, Instant};
use std::sync::Arc;

/// Refuses to switch tenants faster than a person would.
pub const SWITCH_LIMIT: Control = control!(
    "gateway.switch-limit",
    upholds: ["TEN-07"],
    off: "a principal may switch tenants with every request, as with the document's picker, which only sets a cookie",
);

/// Span that the limit is stated for, and all that a principal can save up: after a pause it may make a minute's
/// switches at once, as somebody does who compares a few tenants side by side.
const DEPTH: Duration = Duration::secs(60);
/// How long the active tenant is remembered; the first request after that is no switch.
const REMEMBERED: Duration = Duration::secs(3_600);

#[derive(Clone, Debug)]
struct Active {
    tenant: TenantId,
    full_at: Instant,
    seen: Instant,
}

/// The active tenant of each principal, and how many switches it has left.
#[derive(Clone, Debug)]
pub struct SwitchLimiter {
    /// Time after which one more switch is allowed.
    every: Duration,
    principals: Table<Active>,
}

impl SwitchLimiter {
    /// A limiter that allows so many switches a minute; 0 counts as 1: who may never switch has one grant, not a limit.
    pub fn new(switches_per_min: u32) -> SwitchLimiter {
        SwitchLimiter { every: DEPTH.scale(1, u64::from(switches_per_min.max(1))), principals: Table::new() }
    }

    /// Serves the principal (the verified token's subject) for `tenant` from now on; `true` when that is a switch.
    ///
    /// # Errors
    /// When it switches too often: the time until it may (429). The active tenant stays.
    pub fn select(
        &mut self,
        now: Instant,
        controls: &Controls,
        principal: &Arc<str>,
        tenant: &TenantId,
    ) -> Result<bool, RetryAfter> {
        let make = || Active { tenant: tenant.clone(), full_at: now, seen: now };
        let active = self.principals.entry(principal, make, |active| now.since(active.seen) > REMEMBERED);
        active.seen = now;
        if active.tenant == *tenant {
            return Ok(false);
        }
        let full_at = active.full_at.max(now) + self.every;
        let missing = full_at.since(now).as_nanos().saturating_sub(DEPTH.as_nanos());
        if missing > 0 && controls.on(&SWITCH_LIMIT) {
            if GATEWAY_REFUSED_SWITCH_COUNTS.is_planted() {
                active.tenant = tenant.clone();
            }
            return Err(RetryAfter(Duration(missing)));
        }
        active.full_at = full_at.min(now + DEPTH);
        active.tenant = tenant.clone();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    /// How many of `n` requests that change the tenant each time are served.
    fn check(controls: &Controls, n: u32) -> u32 {
        let mut limiter = SwitchLimiter::new(10);
        let principal = Arc::from("ada");
        let tenants = [TenantId::from("acme"), TenantId::from("globex")];
        let ask = |i: u32| limiter.select(Instant::ZERO, controls, &principal, &tenants[i as usize % 2]).is_ok();
        (0..n).map(ask).map(u32::from).sum()
    }

    #[test]
    fn a_walk_through_the_tenants_ends_after_the_burst() {
        // The first request is no switch, ten switches are saved up: the twelfth request is one too many.
        assert_eq!(check(&Controls::all_on(), 11), 11);
        assert_eq!(check(&Controls::all_on(), 12), 11);
        let off = Controls::with_off(ControlSet::EMPTY.with(SWITCH_LIMIT.slot));
        assert_eq!(check(&off, 100), 100);
    }

    #[test]
    fn asking_again_for_the_active_tenant_is_free_and_waiting_helps() {
        let (mut limiter, on) = (SwitchLimiter::new(10), Controls::all_on());
        let principal: Arc<str> = Arc::from("ada");
        let tenants = [TenantId::from("acme"), TenantId::from("globex")];
        for i in 0..=10 {
            assert_eq!(limiter.select(Instant::ZERO, &on, &principal, &tenants[i % 2]), Ok(i > 0));
        }
        assert_eq!(limiter.select(Instant::ZERO, &on, &principal, &tenants[0]), Ok(false));
        let refused = limiter.select(Instant::ZERO, &on, &principal, &tenants[1]);
        let every = Duration::secs(6);
        assert_eq!(refused, Err(RetryAfter(every)));
        assert_eq!(limiter.select(Instant::ZERO + every, &on, &principal, &tenants[1]), Ok(true));
    }
}
