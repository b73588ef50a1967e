//! Which cell serves a tenant: its own, else one of its own region, else nobody (CEL-01, POL-06).
//!
//! A cell that fails is absorbed by its neighbours in the region only. With none left the tenant gets an explicit 503
//! and nothing moves: being down is a promise kept, being served from abroad is one broken.

use crate::control;
use crate::control::{Control, Controls};
use sim::{Duration, Instant};
use std::sync::Arc;

/// Keeps failover inside the tenant's region.
pub const RESIDENCY_FAILOVER: Control = control!(
    "edge.residency-failover",
    upholds: ["CEL-01", "POL-06"],
    off: "with its region down a tenant is served by any healthy cell, as with a global load balancer's failover",
);

/// Index of a cell in the edge's list.
pub type CellIndex = usize;

/// Nobody may serve the tenant (503).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unserved {
    /// No healthy cell in the tenant's region; other regions are healthy and stay out of it.
    RegionDown,
    /// No healthy cell at all.
    EverythingDown,
}

/// When a cell counts as down and up again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HealthPolicy {
    /// Time between two checks of a cell.
    pub every: Duration,
    /// This many failures in a row take a cell down: one lost probe is no outage.
    pub down_after: u32,
    /// This many successes in a row bring it back: more than failures take, so that a flapping cell stays down.
    pub up_after: u32,
    /// A cell without a result for this long counts as down, whatever it was: the checker itself may be cut off.
    pub stale_after: Duration,
}

impl HealthPolicy {
    /// Down in 3 s, back in 5 s; a tenth of the monthly error budget of 99.9 % is 259 s.
    pub const DEFAULT: HealthPolicy =
        HealthPolicy { every: Duration::secs(1), down_after: 3, up_after: 5, stale_after: Duration::secs(10) };
}

#[derive(Clone, Debug)]
struct Cell {
    region: Arc<str>,
    is_up: bool,
    /// Results in a row that contradict `is_up`.
    against: u32,
    /// When the newest check that was answered had been sent.
    checked: Instant,
    /// When the next check is due.
    due: Instant,
}

/// The cells behind the edge, and what is known of their health.
#[derive(Clone, Debug)]
pub struct Edge {
    policy: HealthPolicy,
    cells: Vec<Cell>,
}

impl Edge {
    /// An edge in front of cells in these regions; all count as up until checks say otherwise.
    pub fn new(now: Instant, policy: HealthPolicy, regions: &[Arc<str>]) -> Edge {
        let cell = |region: &Arc<str>| Cell { region: region.clone(), is_up: true, against: 0, checked: now, due: now };
        Edge { policy, cells: regions.iter().map(cell).collect() }
    }

    /// The cell that serves a tenant of `region` whose home is `home`. `spread` (a hash of the tenant) divides the
    /// tenants of a failed cell among its neighbours; a tenant keeps its substitute while that stays up.
    ///
    /// # Errors
    /// When nobody may serve it: answer 503.
    pub fn route(
        &self,
        now: Instant,
        controls: &Controls,
        home: CellIndex,
        region: &str,
        spread: u64,
    ) -> Result<CellIndex, Unserved> {
        if self.is_up(now, home) && *self.cells[home].region == *region {
            return Ok(home);
        }
        if let Some(cell) = self.substitute(now, spread, |cell| *cell.region == *region) {
            return Ok(cell);
        }
        let Some(abroad) = self.substitute(now, spread, |_| true) else { return Err(Unserved::EverythingDown) };
        if controls.on(&RESIDENCY_FAILOVER) {
            return Err(Unserved::RegionDown);
        }
        Ok(abroad)
    }

    /// Whether the cell counts as up.
    pub fn is_up(&self, now: Instant, cell: CellIndex) -> bool {
        let cell = &self.cells[cell];
        cell.is_up && now.since(cell.checked) <= self.policy.stale_after
    }

    /// The next cell to check, and when; sending the check is the caller's business.
    pub fn next_check(&self) -> Option<(CellIndex, Instant)> {
        self.cells.iter().map(|cell| cell.due).enumerate().min_by_key(|(at, due)| (*due, *at))
    }

    /// A check was sent now; the next one is due a period later.
    pub fn check_sent(&mut self, now: Instant, cell: CellIndex) {
        self.cells[cell].due = now + self.policy.every;
    }

    /// The check that was sent at `sent` was answered (or timed out, which is a failure); `true` when the cell went up
    /// or down by it. An answer that was overtaken by a later one says nothing.
    pub fn check_answered(&mut self, cell: CellIndex, sent: Instant, healthy: bool) -> bool {
        let policy = self.policy;
        let cell = &mut self.cells[cell];
        if sent < cell.checked {
            return false;
        }
        cell.checked = sent;
        if healthy == cell.is_up {
            cell.against = 0;
            return false;
        }
        cell.against += 1;
        let needed = if healthy { policy.up_after } else { policy.down_after };
        let turns = cell.against >= needed;
        if turns {
            cell.is_up = healthy;
            cell.against = 0;
        }
        turns
    }

    /// Rendezvous hashing: of the healthy cells that qualify, the one that scores highest for this tenant. When a cell
    /// goes, only its own tenants move.
    fn substitute(&self, now: Instant, spread: u64, qualifies: impl Fn(&Cell) -> bool) -> Option<CellIndex> {
        let healthy = (0..self.cells.len()).filter(|at| qualifies(&self.cells[*at]) && self.is_up(now, *at));
        healthy.max_by_key(|at| (score(spread, *at as u64), *at))
    }
}

/// SplitMix64's finaliser (Steele, Lea, Flood 2014) over tenant and cell.
const fn score(spread: u64, cell: u64) -> u64 {
    let mut z = spread ^ cell.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sim::ControlSet;

    /// `EU EU US`, with the cells in `down` failed.
    fn edge(down: &[CellIndex]) -> Edge {
        let mut edge = Edge::new(Instant::ZERO, HealthPolicy::DEFAULT, &["EU", "EU", "US"].map(Arc::from));
        for cell in down {
            for n in 1..=3 {
                assert_eq!(edge.check_answered(*cell, Instant(n), false), n == 3);
            }
        }
        edge
    }

    fn check(controls: &Controls, down: &[CellIndex], expected: Result<CellIndex, Unserved>) {
        assert_eq!(edge(down).route(Instant(9), controls, 0, "EU", 42), expected, "down: {down:?}");
    }

    #[test]
    fn a_tenant_is_served_at_home_else_in_its_region_else_not_at_all() {
        let on = Controls::all_on();
        check(&on, &[], Ok(0));
        check(&on, &[1, 2], Ok(0));
        check(&on, &[0], Ok(1));
        check(&on, &[0, 1], Err(Unserved::RegionDown));
        check(&on, &[0, 1, 2], Err(Unserved::EverythingDown));
    }

    #[test]
    fn without_the_control_a_tenant_is_served_from_abroad_but_only_when_its_region_is_down() {
        let off = Controls::with_off(ControlSet::EMPTY.with(RESIDENCY_FAILOVER.slot));
        check(&off, &[0], Ok(1));
        check(&off, &[0, 1], Ok(2));
        check(&off, &[0, 1, 2], Err(Unserved::EverythingDown));
    }

    #[test]
    fn the_control_is_asked_only_when_it_decides() {
        let on = Controls::all_on();
        check(&on, &[0], Ok(1));
        assert_eq!(on.consulted(), ControlSet::EMPTY);
        check(&on, &[0, 1], Err(Unserved::RegionDown));
        assert!(on.consulted().contains(RESIDENCY_FAILOVER.slot));
    }

    #[test]
    fn a_home_outside_the_region_is_no_home() {
        assert_eq!(edge(&[]).route(Instant(9), &Controls::all_on(), 2, "EU", 42).map(|cell| cell < 2), Ok(true));
    }

    #[test]
    fn a_cell_goes_down_on_three_failures_and_comes_back_on_five_successes() {
        let mut edge = edge(&[0]);
        let up = |edge: &Edge| edge.is_up(Instant(100), 0);
        for n in 10..14 {
            assert!(!edge.check_answered(0, Instant(n), true));
        }
        assert!(!edge.check_answered(0, Instant(14), false), "one failure starts the count again");
        for n in 15..19 {
            assert!(!edge.check_answered(0, Instant(n), true));
            assert!(!up(&edge));
        }
        assert!(edge.check_answered(0, Instant(19), true));
        assert!(up(&edge));
    }

    #[test]
    fn an_overtaken_answer_says_nothing_and_silence_takes_a_cell_down() {
        let mut edge = edge(&[]);
        edge.check_answered(0, Instant(100), true);
        for n in 0..10 {
            assert!(!edge.check_answered(0, Instant(n), false));
        }
        assert!(edge.is_up(Instant(200), 0));
        assert!(!edge.is_up(Instant(200) + HealthPolicy::DEFAULT.stale_after, 0));
    }

    #[test]
    fn checks_are_due_in_turn() {
        let mut edge = edge(&[]);
        assert_eq!(edge.next_check(), Some((0, Instant::ZERO)));
        edge.check_sent(Instant::ZERO, 0);
        assert_eq!(edge.next_check(), Some((1, Instant::ZERO)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_health_whatsoever_moves_a_tenant_out_of_its_region(
            answers in proptest::collection::vec((0..3usize, any::<bool>()), 0..60),
            spread: u64,
        ) {
            let mut edge = edge(&[]);
            for (n, (cell, healthy)) in answers.into_iter().enumerate() {
                edge.check_answered(cell, Instant(n as u64), healthy);
                for (home, region) in [(0, "EU"), (1, "EU"), (2, "US")] {
                    let served = edge.route(Instant(n as u64), &Controls::all_on(), home, region, spread);
                    prop_assert!(served.is_err() || (served == Ok(2)) == (region == "US"));
                }
            }
        }
    }
}
