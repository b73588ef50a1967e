//! How many instances there should be: up at once, for the load that is there or is about to be; down late and slowly.
//!
//! The rules are those of Kubernetes' HorizontalPodAutoscaler (a target per instance, a tolerance, a stabilisation
//! window for going down, so many instances a period) with a forecast in front of them: a straight line through the
//! last readings, looked at as far ahead as an instance takes to start. Integers only.

use crate::control;
use crate::control::{Control, Controls};
use sim::{Duration, Instant};
use std::collections::VecDeque;

/// Scales for the load that will be there when what is ordered now is ready.
pub const PREDICTION: Control = control!("autoscaler.prediction", upholds: ["SRV-05"],
    off: "instances are ordered for the load that is there, and are late by their start for all that it grows by \
          meanwhile, as with a HorizontalPodAutoscaler alone");
/// Takes instances away only once nothing in a while has asked for them.
pub const STABILISATION: Control = control!("autoscaler.stabilisation", upholds: ["SRV-05"],
    off: "every lull takes instances away that the next wave needs, as with stabilizationWindowSeconds: 0");
/// Leaves things as they are while nobody knows the load.
pub const ABSENT_METRICS: Control = control!("autoscaler.absent-metrics", upholds: ["SRV-05"],
    off: "no figure counts as no load, as with a query that ends in `or vector(0)`");

/// How an autoscaler behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// There are never fewer instances.
    pub instances_min: u32,
    /// There are never more.
    pub instances_max: u32,
    /// Requests per second that an instance should have: what it can do, less what unevenness needs.
    pub target_per_s: u32,
    /// How often the load is asked for.
    pub every: Duration,
    /// How long an instance takes at least from its order until it serves: fetching its image, starting, warming up.
    pub start: Duration,
    /// And how much longer at most; each start draws its own.
    pub start_more: Duration,
    /// So long nothing may have asked for an instance before it is taken away.
    pub stabilisation: Duration,
    /// Instances that are ordered at once: so many, or as many as there are.
    pub up_max: u32,
    /// Instances that are taken away at once.
    pub down_max: u32,
}

impl Settings {
    /// The platform's own, in the time of a run that lasts seconds: everything is some seventy times as quick as in
    /// operation, where a scrape takes 15 s, a start a minute, and stabilisation 2 to 5 minutes.
    pub const DEFAULT: Settings = Settings {
        instances_min: 4,
        instances_max: 12,
        target_per_s: 32,
        every: Duration::millis(200),
        start: Duration::millis(850),
        start_more: Duration::millis(100),
        stabilisation: Duration::millis(2_000),
        up_max: 4,
        down_max: 2,
    };

    /// How far ahead a forecast looks: until what is ordered now is ready, and what is ordered next is not yet. A
    /// reading is the mean of the time since the one before, and so half as old as that already.
    pub fn horizon(&self) -> Duration {
        self.start + self.start_more + self.every * 2
    }
}

/// Of a target, so many percent more or less are no reason to do anything.
const TOLERANCE_PERCENT: u64 = 10;
/// A trend is a line through so many readings at most …
const TREND_MAX: usize = 6;
/// … and at least.
const TREND_MIN: usize = 3;
/// The load that is there is the mean of so many readings: of one alone, chance is a large part.
const PRESENT: usize = 2;
/// No forecast believes in more than so many times the load that is there.
const FORECAST_TIMES_MAX: u64 = 2;

/// Requests per second, in thousandths.
type Rate = u64;

/// Decides how many instances there should be.
#[derive(Clone, Debug)]
pub struct Scaler {
    settings: Settings,
    /// The last readings, oldest first.
    readings: VecDeque<(Instant, Rate)>,
    /// What was wanted lately, oldest first.
    wanted: VecDeque<(Instant, u32)>,
}

impl Scaler {
    /// A scaler that has read nothing yet.
    pub fn new(settings: Settings) -> Scaler {
        Scaler { settings, readings: VecDeque::new(), wanted: VecDeque::new() }
    }

    /// How many instances there should be from now on, of `running` that there are or that were ordered; `load` is in
    /// thousandths of a request per second, and `None` when nobody knows it.
    pub fn decide(&mut self, now: Instant, controls: &Controls, running: u32, load: Option<Rate>) -> u32 {
        let Some(load) = load.or_else(|| (!controls.on(&ABSENT_METRICS)).then_some(0)) else {
            // What is kept now was wanted now: the window begins anew when figures come back.
            self.want(now, running);
            return running;
        };
        self.read(now, load);
        let present = self.present();
        let expected = if controls.on(&PREDICTION) { present.max(self.forecast(now)) } else { present };
        let wanted = self.needed(running, expected);
        self.want(now, wanted);
        let up = running + running.max(self.settings.up_max);
        if wanted >= running {
            return wanted.min(up);
        }
        let lately = self.wanted.iter().map(|(_, wanted)| *wanted).max().unwrap_or(wanted);
        let floor = if controls.on(&STABILISATION) { lately } else { wanted };
        floor.max(running.saturating_sub(self.settings.down_max)).min(running)
    }

    /// Instances for this load. What is within the tolerance of the target is left as it is.
    fn needed(&self, running: u32, load: Rate) -> u32 {
        let Settings { instances_min, instances_max, target_per_s, .. } = self.settings;
        let target = u64::from(target_per_s) * 1_000;
        let there = u64::from(running) * target;
        let needed = match load.abs_diff(there) * 100 <= there * TOLERANCE_PERCENT {
            true => running,
            false => load.div_ceil(target).min(u64::from(instances_max)) as u32,
        };
        needed.clamp(instances_min, instances_max)
    }

    fn want(&mut self, now: Instant, wanted: u32) {
        self.wanted.push_back((now, wanted));
        let window = self.settings.stabilisation;
        while self.wanted.front().is_some_and(|(at, _)| now.since(*at) > window) {
            self.wanted.pop_front();
        }
    }

    fn read(&mut self, now: Instant, load: Rate) {
        self.readings.push_back((now, load));
        // What is older than a line may be long is no part of it, and after a gap a line begins anew.
        let long = self.settings.every * (TREND_MAX as u64);
        while self.readings.len() > TREND_MAX || self.readings.front().is_some_and(|(at, _)| now.since(*at) > long) {
            self.readings.pop_front();
        }
    }

    fn present(&self) -> Rate {
        let last = self.readings.iter().rev().take(PRESENT).map(|(_, load)| *load);
        let (sum, count) = last.fold((0, 0), |(sum, count), load| (sum + load, count + 1));
        sum / count.max(1)
    }

    /// Where the line of least squares through the readings is at the horizon; nothing as long as there is no line.
    fn forecast(&self, now: Instant) -> Rate {
        let n = self.readings.len() as i128;
        if self.readings.len() < TREND_MIN {
            return 0;
        }
        let (mut x, mut y, mut xx, mut xy) = (0_i128, 0_i128, 0_i128, 0_i128);
        for (at, load) in &self.readings {
            // Milliseconds before now; loads are far below 2^63.
            let (ago, load) = (-i128::from(now.since(*at).as_millis()), i128::from(*load));
            x += ago;
            y += load;
            xx += ago * ago;
            xy += ago * load;
        }
        let below = n * xx - x * x;
        if below <= 0 {
            return 0;
        }
        let ahead = i128::from(self.settings.horizon().as_millis());
        let at_horizon = (y * below + (n * xy - x * y) * (n * ahead - x)) / (n * below);
        let believed = self.present().saturating_mul(FORECAST_TIMES_MAX);
        u64::try_from(at_horizon).unwrap_or(0).min(believed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    const SETTINGS: Settings = Settings::DEFAULT;

    fn without(control: &Control) -> Controls {
        Controls::with_off(ControlSet::EMPTY.with(control.slot))
    }

    /// Feeds loads in requests per second, one a scrape, and returns how many instances there were after each.
    fn check(controls: &Controls, loads: impl IntoIterator<Item = Option<u64>>) -> Vec<u32> {
        let (mut scaler, mut running) = (Scaler::new(SETTINGS), SETTINGS.instances_min);
        let decided = loads.into_iter().enumerate().map(|(i, load)| {
            let now = Instant::ZERO + SETTINGS.every * (i as u64 + 1);
            running = scaler.decide(now, controls, running, load.map(|load| load * 1_000));
            running
        });
        decided.collect()
    }

    fn steady(load: u64, times: usize) -> Vec<Option<u64>> {
        vec![Some(load); times]
    }

    /// How often it took instances away after it had ordered some.
    fn reversals(counts: &[u32]) -> usize {
        let (mut up, mut reversals) = (false, 0);
        for pair in counts.windows(2) {
            reversals += usize::from(up && pair[1] < pair[0]);
            up = pair[1] > pair[0] || up && pair[1] == pair[0];
        }
        reversals
    }

    #[test]
    fn there_are_as_many_as_the_load_needs_between_the_fewest_and_the_most() {
        let on = Controls::all_on();
        for (load, expected) in [(0, 4), (128, 4), (140, 4), (150, 5), (300, 10), (5_000, 12)] {
            assert_eq!(check(&on, steady(load, 20)).last(), Some(&expected), "{load}/s");
        }
    }

    #[test]
    fn what_is_within_a_tenth_of_the_target_changes_nothing() {
        let on = Controls::all_on();
        let waver = steady(300, 6).into_iter().chain([320, 290, 325, 295, 310, 330].map(Some));
        assert_eq!(check(&on, waver)[5..], [10; 7]);
    }

    #[test]
    fn a_rising_load_is_met_before_it_is_there_and_without_a_forecast_after() {
        // 80/s more every second, 16 a scrape.
        let ramp = || (0..20).map(|i| Some(32 + 16 * i));
        let horizon = (SETTINGS.horizon().as_millis() / SETTINGS.every.as_millis()) as usize;
        let short = |counts: &[u32]| {
            let late = |i: &usize| u64::from(counts[i - horizon]) * 40 < 32 + 16 * (*i as u64);
            (horizon..20).filter(late).count()
        };
        let (with, alone) = (check(&Controls::all_on(), ramp()), check(&without(&PREDICTION), ramp()));
        assert!(short(&with) <= 1, "{with:?}");
        assert!(short(&alone) >= 5, "{alone:?}");
    }

    #[test]
    fn a_forecast_takes_nothing_away_and_believes_in_no_more_than_twice_the_load() {
        let on = Controls::all_on();
        let falling = steady(300, 8).into_iter().chain((1..8).map(|i| Some(300 - 20 * i)));
        assert!(check(&on, falling).iter().skip(8).all(|n| *n >= 10));
        let leap = steady(40, 8).into_iter().chain([Some(160)]);
        assert_eq!(check(&on, leap).last(), Some(&7), "the mean of 40 and 160, twice");
    }

    #[test]
    fn a_wave_finds_the_instances_of_the_last_one_still_there() {
        let wave = || (0..40).map(|i| Some(if i % 8 < 4 { 170 } else { 60 }));
        let (with, alone) = (check(&Controls::all_on(), wave()), check(&without(&STABILISATION), wave()));
        assert_eq!(reversals(&with), 0, "{with:?}");
        assert!(reversals(&alone) >= 3, "{alone:?}");
    }

    #[test]
    fn after_the_window_it_goes_down_a_few_at_a_time() {
        let counts = check(&Controls::all_on(), steady(300, 10).into_iter().chain(steady(40, 20)));
        let window = (SETTINGS.stabilisation.as_millis() / SETTINGS.every.as_millis()) as usize;
        assert_eq!(counts[10..10 + window], vec![10; window][..], "{counts:?}");
        assert!(counts.windows(2).all(|pair| pair[0].saturating_sub(pair[1]) <= SETTINGS.down_max), "{counts:?}");
        assert_eq!(counts.last(), Some(&4));
    }

    #[test]
    fn while_nobody_knows_the_load_everything_stays_as_it_is() {
        let gap = || steady(300, 10).into_iter().chain(vec![None; 30]);
        assert_eq!(check(&Controls::all_on(), gap())[10..], [10; 30]);
        assert_eq!(check(&without(&ABSENT_METRICS), gap()).last(), Some(&4), "no figure counts as no load");
        // Nor does a short gap after a lull count as one.
        let lull = steady(300, 10).into_iter().chain(vec![None; 12]).chain(steady(40, 2));
        assert_eq!(check(&Controls::all_on(), lull).last(), Some(&10));
    }

    #[test]
    fn one_step_orders_no_more_than_there_are() {
        let counts = check(&Controls::all_on(), steady(2_000, 3));
        assert_eq!(counts, [8, 12, 12]);
    }
}
