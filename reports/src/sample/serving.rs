//! The sample's objectives and serving figures: five tenants in two cells, calm, in the swarm and under a flood.

use super::mix;
use sim::Duration;
use sim::measure::{AlertState, BurnPolicy, Latency, Objective, RunTallies, Tally, Windows};
use sim::record::{AlertRecord, BudgetRecord, CALM, SWARM, SeedsRecord, Serving, SloBound, SloRecord, SloVerdict};

const TENANTS: [&str; 5] = ["acme", "globex", "initech", "umbrella", "wayne <script>alert(1)</script>"];
const CELLS: [&str; 2] = ["cell-a", "cell-b"];
const CONDITIONS: [&str; 3] = [CALM, SWARM, "stride/denial-gateway-flood"];
const PROMISED: f64 = 0.999;
const LATENCY_S: f64 = 1.5;

/// Judged objectives, and the figures behind them.
pub fn all() -> (Vec<SloRecord>, Vec<(String, Serving)>) {
    let (mut slos, mut figures) = (Vec::new(), Vec::new());
    for (c, condition) in CONDITIONS.iter().enumerate() {
        for (t, tenant) in TENANTS.iter().enumerate() {
            for (k, cell) in CELLS.iter().enumerate() {
                // One tenant has no placement in the second cell: nothing is measured there.
                let absent = t == 3 && k == 1;
                let s = serving(tenant, cell, c, t, k, absent);
                slos.push(success(&s, condition));
                slos.push(latency(&s, condition));
                if !absent {
                    figures.push((condition.to_string(), s));
                }
            }
        }
    }
    (slos, figures)
}

/// Two and a half hours of one tenant in the calm: a minute of ten bad requests a second after an hour, and two percent
/// of bad ones in the last fifty minutes. promtool takes no more than ten thousand samples of a series.
pub fn hours() -> (Vec<SloRecord>, Vec<(String, Serving)>) {
    let window = |second: u64| {
        let draw = mix(7_000_000 + second);
        let bad = match second {
            3_600..3_660 => 10,
            6_000.. => u32::from(draw.is_multiple_of(2)),
            _ => u32::from(draw.is_multiple_of(997)),
        };
        (20 + (draw % 10) as u32, bad)
    };
    let s = of_windows((TENANTS[0], CELLS[0]), (0, 0, 0), (0..9_000).map(window).collect());
    (vec![success(&s, CALM), latency(&s, CALM)], vec![(CALM.to_string(), s)])
}

fn serving(tenant: &str, cell: &str, c: usize, t: usize, k: usize, absent: bool) -> Serving {
    let windows = (0..60).map(|w| window(c, t, k, w)).take(if absent { 0 } else { 60 }).collect();
    of_windows((tenant, cell), (c, t, k), windows)
}

fn of_windows((tenant, cell): (&str, &str), (c, t, k): (usize, usize, usize), windows: Vec<(u32, u32)>) -> Serving {
    let sum = |pick: fn(&(u32, u32)) -> u32| windows.iter().map(|w| u64::from(pick(w))).sum();
    let (good, bad) = (sum(|w| w.0), sum(|w| w.1));
    let latency = histogram(good, c, t, k);
    let mut serving = Serving {
        tenant: tenant.into(),
        cell: cell.into(),
        good,
        bad,
        excluded: good / 500,
        latency,
        ..Default::default()
    };
    let bins = serving.latency.bins();
    let above = |limit: u64| bins.iter().filter(|(us, _)| *us > limit).map(|(_, n)| n).sum::<u64>();
    let (slow, samples) = (above((LATENCY_S * 1e6) as u64), above(0).max(1));
    let slow_of = |w: &(u32, u32)| (u64::from(w.0) * slow / samples) as u32;
    serving.slow = (0..).zip(windows.iter().map(slow_of)).filter(|(_, n)| *n > 0).collect();
    // As if each run had lasted for as long as it takes for ten seconds of the sum.
    for run in windows.chunks(10) {
        let (sum, slow) = run.iter().fold((Tally::default(), 0), |(sum, slow), w| {
            (sum + (u64::from(w.0), u64::from(w.1)).into(), slow + u64::from(slow_of(w)))
        });
        serving.spread.success.add(sum);
        serving.spread.latency.add(Tally { good: sum.good - slow, bad: slow });
    }
    serving.windows = windows;
    serving
}

/// Calm is nearly spotless; the swarm has a partition between 20 s and 27 s in the first cell; the flood presses on
/// everyone between 30 s and 45 s, and on one tenant too much.
fn window(c: usize, t: usize, k: usize, w: u64) -> (u32, u32) {
    let draw = mix((c * 1_000 + t * 100 + k * 10) as u64 * 97 + w);
    let sent = 380 + (draw % 90) as u32 + t as u32 * 40;
    let bad = match c {
        0 => u32::from(draw.is_multiple_of(97)),
        1 if k == 0 && (20..27).contains(&w) => (draw % 5) as u32,
        1 => u32::from(draw.is_multiple_of(41)),
        _ if t == 1 && (30..45).contains(&w) => 8 + (draw % 19) as u32,
        _ if (30..45).contains(&w) => (draw % 3) as u32,
        _ => u32::from(draw.is_multiple_of(53)),
    };
    (sent - bad, bad)
}

/// A skewed spread around a centre that grows with pressure: most requests near it, a few far above.
fn histogram(good: u64, c: usize, t: usize, k: usize) -> Latency {
    let mut latency = Latency::default();
    let centre_us = [42_000, 75_000, 210_000][c] + t as u64 * 9_000 + k as u64 * 4_000;
    for i in 0..good.min(2_000) {
        let draw = mix((c * 100 + t * 10 + k) as u64 * 65_537 + i) % 1_000;
        // 1000 / (1000 - draw) is a heavy tail; the cap keeps the rarest within seconds.
        let us = centre_us / 2 + centre_us * 500 / (1_000 - draw).max(60 - 20 * c as u64);
        latency.record(Duration::micros(us));
    }
    latency
}

fn judge(low: f64, high: f64, met: impl Fn(f64) -> bool) -> SloVerdict {
    match (met(low), met(high)) {
        (true, true) => SloVerdict::Met,
        (false, false) => SloVerdict::Missed,
        _ => SloVerdict::Inconclusive,
    }
}

fn row(s: &Serving, condition: &str, requirement: &str, objective: &str, bound: SloBound) -> SloRecord {
    SloRecord {
        requirement: requirement.into(),
        objective: objective.into(),
        bound: Some(bound),
        tenant: s.tenant.clone(),
        cell: s.cell.clone(),
        condition: condition.into(),
        total: s.good + s.bad,
        estimate: 0.0,
        low: 0.0,
        high: 0.0,
        verdict: SloVerdict::NoData,
        bad: 0,
        seeds: None,
        budget: None,
        alerts: Vec::new(),
        canary: None,
    }
}

/// What the counts say beside the verdict.
fn watched(row: SloRecord, runs: &RunTallies, objective: Objective, counts: Vec<Tally>) -> SloRecord {
    let all = runs.total();
    let Some(budget) = BudgetRecord::of(all, objective, Duration::secs(2_592_000)) else { return row };
    let alerts = alerts(objective, counts);
    SloRecord { bad: all.bad, seeds: SeedsRecord::of(runs), budget: Some(budget), alerts, ..row }
}

fn alerts(objective: Objective, counts: Vec<Tally>) -> Vec<AlertRecord> {
    let width = Duration::secs(1);
    let timeline = Windows::from_counts(width, counts.into_iter().map(<(u64, u64)>::from)).timeline();
    let policy = BurnPolicy::sre(objective, width, 100).expect("the objective has a budget to burn");
    let states: Vec<AlertState> = policy.states(&timeline, timeline.end()).map(|(_, state)| state).collect();
    let mut fired = vec![None; states.len()];
    for (second, now) in (1_u64..).zip(timeline.ends()) {
        for (at, (_, state)) in policy.states(&timeline, now).enumerate() {
            if state == AlertState::Firing && fired[at].is_none() {
                fired[at] = Some(second);
            }
        }
    }
    let rules = policy.rules().iter().zip(states).zip(fired);
    rules.map(|((rule, state), fired)| AlertRecord::at_end(rule, objective, &timeline, state, fired)).collect()
}

fn success(s: &Serving, condition: &str) -> SloRecord {
    let mut row = row(s, condition, "SLO-01", "API success ≥ 99.9 %", SloBound::RatioAtLeast(PROMISED));
    if row.total > 0 {
        let n = row.total as f64;
        row.estimate = s.good as f64 / n;
        let half = 1.96 * ((s.bad as f64 + 1.0) / n / n).sqrt();
        (row.low, row.high) = (row.estimate - half, (row.estimate + half).min(1.0));
        row.verdict = judge(row.low, row.high, |x| x >= PROMISED);
    }
    let objective = Objective::from_ppm(999_000).expect("a share below one");
    watched(row, &s.spread.success, objective, s.answered())
}

fn latency(s: &Serving, condition: &str) -> SloRecord {
    let mut row = row(s, condition, "SLO-02", "p95 query latency < 1.5 s", SloBound::SecondsAtMost(LATENCY_S));
    if row.total > 0 {
        row.estimate = s.latency.quantile(9_500).as_micros() as f64 / 1e6;
        (row.low, row.high) = (row.estimate * 0.94, row.estimate * 1.07);
        row.verdict = judge(row.low, row.high, |x| x < LATENCY_S);
    }
    let objective = Objective::from_ppm(950_000).expect("a share below one");
    watched(row, &s.spread.latency, objective, s.quick())
}
