//! Load shedding: how many requests may be in flight at once, found by watching latency (SRV-04).
//!
//! The limit follows a gradient, as in Envoy's adaptive concurrency and Netflix's concurrency-limits: while requests
//! take about as long on average as in the calmest window lately, it grows; when they queue, it shrinks. Averages are
//! compared with averages: a write takes many times as long as the fastest read, and is no queue. At the limit the
//! tenants over their equal share are refused first (429), so a flood is shed before its neighbours; a small reserve
//! above the limit is for tenants under their share, and only past it is anyone refused (503). Integers only.

use super::table::Table;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use sim::{Duration, Instant};

/// Refuses what the platform cannot serve in time.
pub const LOAD_SHEDDING: Control = control!(
    "gateway.load-shedding",
    upholds: ["SRV-04", "TEN-05"],
    off: "every request is queued, as behind a proxy without an overload manager, until all clients time out",
);

/// Admits at least as many as the instances work on that are there.
pub const FOLLOWS_INSTANCES: Control = control!("gateway.shed-follows-instances", upholds: ["SRV-05"],
    off: "the limit is what latency alone says, as with adaptive concurrency that learnt on an idle service what is \
          normal: it turns requests away which instances are there for");

/// How a shedder behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The limit never falls below; one slot per worker keeps the platform busy, whatever was measured.
    pub limit_min: u32,
    /// The limit never rises above.
    pub limit_max: u32,
    /// The limit before anything was measured.
    pub limit_start: u32,
    /// How often the limit is adjusted.
    pub window: Duration,
    /// Fewer completions than this in a window say nothing.
    pub samples_min: u32,
    /// No latency above this counts as normal, however long it lasts: a third of the p95 objective of 1.5 s.
    pub latency_normal_max: Duration,
    /// What a refused client is told to wait.
    pub retry_after: Duration,
}

impl Settings {
    /// The platform's own.
    pub const DEFAULT: Settings = Settings {
        limit_min: 8,
        limit_max: 4_096,
        limit_start: 64,
        window: Duration::millis(100),
        samples_min: 10,
        latency_normal_max: Duration::millis(500),
        retry_after: Duration::secs(1),
    };
}

/// Refused by load; come back after the span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shed {
    /// This tenant has more in flight than its share (429).
    OverShare(Duration),
    /// Everybody together has (503).
    Overloaded(Duration),
}

/// Counts what is in flight and decides what may join it. Every admitted request must come back by
/// [`completed`](Shedder::completed) or [`abandoned`](Shedder::abandoned), or it holds its slot for ever.
#[derive(Clone, Debug)]
pub struct Shedder {
    settings: Settings,
    limit: u32,
    /// The limit does not fall below, as many as there are at work.
    floor: u32,
    in_flight: u32,
    tenants: Table<u32>,
    /// Tenants with anything in flight.
    active: u32,
    window: Window,
    /// Lowest average latency of a window lately, in ns; creeps up so that it can follow a change of the platform.
    normal: u64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    ends: Instant,
    count: u32,
    sum: u64,
    in_flight_max: u32,
}

impl Window {
    const fn until(ends: Instant) -> Window {
        Window { ends, count: 0, sum: 0, in_flight_max: 0 }
    }
}

impl Shedder {
    /// A shedder that has measured nothing yet.
    pub fn new(settings: Settings) -> Shedder {
        Shedder {
            settings,
            limit: settings.limit_start,
            floor: settings.limit_min,
            in_flight: 0,
            tenants: Table::new(),
            active: 0,
            window: Window::until(Instant::ZERO + settings.window),
            normal: u64::MAX,
        }
    }

    /// Takes a slot for one request of the tenant.
    ///
    /// # Errors
    /// When the tenant, or the platform, has too much in flight. No slot is taken then.
    pub fn admit(&mut self, now: Instant, controls: &Controls, tenant: &TenantId) -> Result<(), Shed> {
        self.roll(now);
        if controls.on(&LOAD_SHEDDING) {
            self.check(tenant)?;
        }
        let count = self.tenants.entry(tenant, || 0, |count| *count == 0);
        self.active += u32::from(*count == 0);
        *count += 1;
        self.in_flight += 1;
        self.window.in_flight_max = self.window.in_flight_max.max(self.in_flight);
        Ok(())
    }

    /// A request was answered, `latency` after it was admitted: frees its slot and measures.
    pub fn completed(&mut self, now: Instant, tenant: &TenantId, latency: Duration) {
        self.roll(now);
        self.release(tenant);
        let window = &mut self.window;
        window.count += 1;
        window.sum = window.sum.saturating_add(latency.as_nanos());
    }

    /// A request ended without a latency that means anything (the client left, the circuit was open): frees its slot.
    pub fn abandoned(&mut self, now: Instant, tenant: &TenantId) {
        self.roll(now);
        self.release(tenant);
    }

    /// There are instances with so many slots. Latency says that requests queue, and not for whom: behind few requests
    /// at many instances some wait while workers are idle. So no latency takes the limit below what is there.
    pub fn there_are(&mut self, controls: &Controls, slots: u32) {
        if controls.on(&FOLLOWS_INSTANCES) {
            self.floor = slots.clamp(self.settings.limit_min, self.settings.limit_max);
            self.limit = self.limit.max(self.floor);
        }
    }

    /// How many may be in flight at the moment.
    pub fn limit(&self) -> u32 {
        self.limit
    }
    /// How many are in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }
    /// How many of the tenant are in flight.
    pub fn in_flight_of(&self, tenant: &str) -> u32 {
        self.tenants.get(tenant).copied().unwrap_or(0)
    }

    /// Under the limit everybody joins; at the limit those under their share; past the reserve nobody.
    fn check(&self, tenant: &TenantId) -> Result<(), Shed> {
        if self.in_flight < self.limit {
            return Ok(());
        }
        let mine = self.in_flight_of(tenant);
        let sharers = self.active + u32::from(mine == 0);
        if mine >= (self.limit / sharers).max(1) {
            return Err(Shed::OverShare(self.settings.retry_after));
        }
        let reserve = (self.limit / 4).max(1);
        if self.in_flight >= self.limit + reserve { Err(Shed::Overloaded(self.settings.retry_after)) } else { Ok(()) }
    }

    fn release(&mut self, tenant: &TenantId) {
        let Some(count) = self.tenants.get_mut(tenant).filter(|count| **count > 0) else {
            debug_assert!(false, "a slot came back that was never taken");
            return;
        };
        *count -= 1;
        self.active -= u32::from(*count == 0);
        self.in_flight -= 1;
    }

    /// Closes the window when it is over, and adjusts the limit by what it saw.
    fn roll(&mut self, now: Instant) {
        if now < self.window.ends {
            return;
        }
        let seen = self.window;
        self.window = Window::until(now + self.settings.window);
        self.window.in_flight_max = self.in_flight;
        if seen.count < self.settings.samples_min {
            return;
        }
        let mean = (seen.sum / u64::from(seen.count)).max(1);
        // Normal doubles in 18 s after a lasting change of the platform. At the limit requests queue, so what they take
        // is believed eight times more slowly there: a long flood must not become normal.
        let creep = if seen.in_flight_max >= self.limit { self.normal / 2048 } else { self.normal / 256 };
        let crept = self.normal.saturating_add(creep);
        self.normal = crept.min(mean).min(self.settings.latency_normal_max.as_nanos()).max(1);
        // Twice normal is still no queue: requests differ.
        let gradient = (self.normal.saturating_mul(2 * 1024) / mean).clamp(512, 1024);
        // A limit of which less than half is used holds nothing back: what is slow then is slow for another reason, and
        // a limit that shrank for it would turn away the next burst. Nor has such a limit earned headroom to grow into.
        if seen.in_flight_max < self.limit / 2 {
            return;
        }
        let shrunk = u64::from(self.limit) * gradient / 1024;
        let limit =
            (shrunk + u64::from(self.limit).isqrt()).clamp(u64::from(self.floor), u64::from(self.settings.limit_max));
        self.limit = limit as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;
    use std::collections::VecDeque;

    const SERVICE: Duration = Duration::millis(10);
    const WORKERS: usize = 10;

    /// What one tenant experienced.
    #[derive(Default, Debug)]
    struct Seen {
        served: u64,
        refused: u64,
        latency_max: Duration,
    }

    /// Ten workers of 10 ms behind the shedder for ten seconds; `flood` asks `factor` times what they can do, `calm`
    /// asks a tenth of it. Returns what both saw in the last five seconds.
    fn check(controls: &Controls, factor: u64) -> (Seen, Seen) {
        let (flood, calm) = (TenantId::from("flood"), TenantId::from("calm"));
        let mut shedder = Shedder::new(Settings::DEFAULT);
        let mut free = VecDeque::from(vec![Instant::ZERO; WORKERS]);
        let mut pending: VecDeque<(Instant, TenantId, Instant)> = VecDeque::new();
        let (mut flood_seen, mut calm_seen) = (Seen::default(), Seen::default());
        let tick = 1_000_000 / factor;
        for n in 0..10_000 * factor {
            let now = Instant(n * tick);
            while pending.front().is_some_and(|p| p.0 <= now) {
                let (done, tenant, since) = pending.pop_front().expect("just seen");
                shedder.completed(done, &tenant, done.since(since));
                let seen = if tenant == calm { &mut calm_seen } else { &mut flood_seen };
                if now > Instant(5_000_000_000) {
                    seen.served += 1;
                    seen.latency_max = seen.latency_max.max(done.since(since));
                }
            }
            let is_calm = n % (10 * factor) == 0;
            let tenant = if is_calm { &calm } else { &flood };
            match shedder.admit(now, controls, tenant) {
                Ok(()) => {
                    let start = free.pop_front().expect("workers never go").max(now);
                    free.push_back(start + SERVICE);
                    pending.push_back((start + SERVICE, tenant.clone(), now));
                }
                Err(_) if now > Instant(5_000_000_000) => {
                    if is_calm {
                        calm_seen.refused += 1
                    } else {
                        flood_seen.refused += 1
                    }
                }
                Err(_) => {}
            }
        }
        (flood_seen, calm_seen)
    }

    #[test]
    fn under_a_flood_the_calm_tenant_is_served_in_time_and_the_flood_is_shed() {
        let (flood, calm) = check(&Controls::all_on(), 4);
        assert_eq!(calm.refused, 0, "{calm:?}");
        assert!(calm.served >= 499, "{calm:?}");
        assert!(calm.latency_max < Duration::millis(200), "{calm:?}");
        assert!(flood.refused > 10_000 && flood.served > 4_000, "{flood:?}");
    }

    #[test]
    fn without_the_control_the_queue_takes_everybody_down() {
        let off = Controls::with_off(ControlSet::EMPTY.with(LOAD_SHEDDING.slot));
        let (flood, calm) = check(&off, 4);
        assert_eq!((flood.refused, calm.refused), (0, 0));
        assert!(calm.latency_max > Duration::millis(1_500), "{calm:?}");
    }

    #[test]
    fn without_overload_nobody_is_refused() {
        let (flood, calm) = check(&Controls::all_on(), 1);
        assert_eq!((flood.refused, calm.refused), (0, 0), "{flood:?}");
    }

    #[test]
    fn slow_requests_among_fast_ones_are_no_queue() {
        let (mut shedder, on, tenant) = (Shedder::new(Settings::DEFAULT), Controls::all_on(), TenantId::from("t"));
        // Three reads of 2 ms, then a write of 60 ms, one a millisecond: some sixteen are in flight, and none waits.
        let mut ends: std::collections::BTreeMap<(Instant, u64), Duration> = std::collections::BTreeMap::new();
        for n in 0..20_000 {
            let now = Instant(n * 1_000_000);
            while let Some(((at, _), took)) = ends.first_key_value().map(|(k, took)| (*k, *took))
                && at <= now
            {
                ends.pop_first();
                shedder.completed(at, &tenant, took);
            }
            assert_eq!(shedder.admit(now, &on, &tenant), Ok(()), "at {now:?} with a limit of {}", shedder.limit());
            let took = Duration::millis(if n % 4 == 3 { 60 } else { 2 });
            ends.insert((now + took, n), took);
        }
    }

    #[test]
    fn a_slow_dependency_under_light_load_costs_the_next_burst_nothing() {
        let (mut shedder, on, tenant) = (Shedder::new(Settings::DEFAULT), Controls::all_on(), TenantId::from("t"));
        let mut ask = |n: u64, took: u64| {
            assert_eq!(shedder.admit(Instant(n * 1_000_000), &on, &tenant), Ok(()), "request {n}");
            shedder.completed(Instant((n + took) * 1_000_000), &tenant, Duration::millis(took));
            shedder.limit()
        };
        // One at a time: a second of fast answers, then thirty of slow ones.
        (0..1_000).for_each(|n| assert!(ask(n, 1) >= Settings::DEFAULT.limit_start));
        for n in 0..3_000 {
            assert!(ask(1_000 + 10 * n, 9) >= Settings::DEFAULT.limit_start);
        }
    }

    #[test]
    fn no_latency_takes_the_limit_below_the_instances_that_there_are() {
        let tenant = TenantId::from("t");
        // One a millisecond: a quick second, and then everything takes three times as long.
        let refused = |controls: &Controls, slots: Option<u32>| {
            let mut shedder = Shedder::new(Settings { limit_start: 16, ..Settings::DEFAULT });
            slots.iter().for_each(|slots| shedder.there_are(controls, *slots));
            let (mut ends, mut refused) = (VecDeque::new(), 0);
            for n in 0..3_000_u64 {
                let (now, took) = (Instant(n * 1_000_000), Duration::millis(if n < 1_000 { 10 } else { 30 }));
                while ends.front().is_some_and(|(at, _)| *at <= now) {
                    let (at, took) = ends.pop_front().expect("just seen");
                    shedder.completed(at, &tenant, took);
                }
                match shedder.admit(now, controls, &tenant) {
                    Ok(()) => ends.push_back((now + took, took)),
                    Err(_) => refused += 1,
                }
            }
            refused
        };
        let off = Controls::with_off(ControlSet::EMPTY.with(FOLLOWS_INSTANCES.slot));
        assert!(refused(&Controls::all_on(), None) > 500, "by latency alone");
        assert_eq!(refused(&Controls::all_on(), Some(64)), 0);
        assert_eq!(refused(&off, Some(64)), refused(&off, None));
    }

    #[test]
    fn at_the_limit_the_largest_is_refused_first_and_past_the_reserve_everybody() {
        let settings = Settings { limit_start: 8, ..Settings::DEFAULT };
        let (mut shedder, on) = (Shedder::new(settings), Controls::all_on());
        let name = |n: u32| TenantId::from(format!("t{n}"));
        let wait = settings.retry_after;
        for _ in 0..8 {
            shedder.admit(Instant::ZERO, &on, &name(0)).expect("under the limit");
        }
        assert_eq!(shedder.admit(Instant::ZERO, &on, &name(0)), Err(Shed::OverShare(wait)));
        for n in 1..3 {
            shedder.admit(Instant::ZERO, &on, &name(n)).expect("the reserve");
        }
        assert_eq!(shedder.admit(Instant::ZERO, &on, &name(3)), Err(Shed::Overloaded(wait)));
        shedder.abandoned(Instant::ZERO, &name(0));
        assert_eq!(shedder.admit(Instant::ZERO, &on, &name(3)), Ok(()));
        assert_eq!((shedder.in_flight(), shedder.in_flight_of("t0")), (10, 7));
    }
}
