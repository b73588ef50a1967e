//! Plots as lanes: one row per tenant and cell, words in HTML and only the marks in SVG.
//!
//! The drawing stretches to its column (`preserveAspectRatio="none"`, strokes that do not scale), so a lane reads the
//! same at 1280 and at 390 pixels, and its labels stay text. Lanes of one plot share one scale, which is named.

use super::class;
use crate::slo::{Condition, bucket_width, buckets, budget_spent, quantile_us};
use crate::text::{count, percent, percent_fixed, seconds, simulated};
use crate::verdict::Tone;
use maud::{Markup, html};
use sim::record::{RunRecord, SERVING_WINDOW_NS, Serving};
use std::fmt::Write as _;

/// Buckets of a lane: more would be finer than a pixel on a small screen.
const BUCKETS_MAX: usize = 120;
/// Height of a lane in its own units; the width is in buckets, or 1000 where the axis is continuous.
const HEIGHT: f64 = 24.0;
/// Width of a continuous axis.
const WIDTH: f64 = 1000.0;

/// A row of a plot: label, drawing, value.
struct Lane {
    label: Markup,
    /// What the drawing says, for those who do not see it.
    spoken: String,
    width: f64,
    drawing: Markup,
    value: String,
    tone: Tone,
}

fn figure(title: &str, key: Markup, axis: Markup, lanes: &[Lane], note: &str) -> Markup {
    html! {
        figure.plot {
            figcaption { strong { (title) } span.key { (key) } }
            div.lanes {
                @for lane in lanes {
                    div.label { (lane.label) }
                    svg.lane viewBox={ "0 0 " (number(lane.width)) " " (number(HEIGHT)) } preserveAspectRatio="none"
                        role="img" aria-label=(lane.spoken) { (lane.drawing) }
                    div.value.(class(lane.tone)) { (lane.value) }
                }
                (axis)
            }
            @if !note.is_empty() { p.note { (note) } }
        }
    }
}

/// Tenant and cell of a lane; the tenant is said once for all its cells.
fn place(all: &[&Serving], i: usize) -> Markup {
    let s = all[i];
    let first = i == 0 || all[i - 1].tenant != s.tenant;
    html! {
        span.tenant.repeat[!first] title=(s.tenant) { (s.tenant) }
        span.cell-name { (s.cell) }
    }
}

/// A coordinate with one decimal: finer than a pixel, and the same text on every machine.
fn number(x: f64) -> String {
    let mut s = format!("{x:.1}");
    if s.ends_with(".0") {
        s.truncate(s.len() - 2);
    }
    s
}

fn polyline(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut d = String::new();
    for (x, y) in points {
        let verb = if d.is_empty() { 'M' } else { 'L' };
        let _ = write!(d, "{verb}{} {}", number(x), number(y));
    }
    d
}

/// Labels under the lanes: (share of the width, text).
fn axis(ticks: &[(f64, String)]) -> Markup {
    html! {
        div.axis {
            @for (at, text) in ticks {
                span.first[*at <= 0.02].last[*at >= 0.98] style={ "left:" (number(at * 100.0)) "%" } { (text) }
            }
        }
    }
}

/// The time axis that all lanes of a condition share: the longest run, in buckets of so many one-second windows.
struct Time {
    width: usize,
    buckets: f64,
    windows: usize,
}

impl Time {
    fn of(c: &Condition<'_>) -> Time {
        let width = bucket_width(&c.serving, BUCKETS_MAX);
        let windows = c.serving.iter().map(|s| s.windows.len()).max().unwrap_or(0);
        Time { width, buckets: windows.div_ceil(width).max(1) as f64, windows }
    }

    fn axis(&self) -> Markup {
        let length = simulated(self.windows as u64 * SERVING_WINDOW_NS);
        axis(&[(0.0, "0 s".to_string()), (1.0, length)])
    }
}

/// Success rate over time: what hangs from the top line was not served as promised.
pub(super) fn success(c: &Condition<'_>) -> Markup {
    let time = Time::of(c);
    let folded: Vec<Vec<(u64, u64)>> = c.serving.iter().map(|s| buckets(&s.windows, time.width)).collect();
    let rates = folded.iter().flatten().filter_map(|b| rate(*b));
    let floor = floor_below(rates.fold(c.success_bound().unwrap_or(1.0), f64::min));
    let y = |r: f64| ((1.0 - r) / (1.0 - floor) * (HEIGHT - 3.0) + 1.5).min(HEIGHT);
    let lanes: Vec<Lane> = c
        .serving
        .iter()
        .zip(&folded)
        .enumerate()
        .map(|(i, (s, buckets))| {
            let all = rate((s.good, s.bad)).unwrap_or(1.0);
            let worst = buckets.iter().filter_map(|b| rate(*b)).fold(1.0, f64::min);
            let below = c.success_bound().is_some_and(|bound| all < bound);
            Lane {
                label: place(&c.serving, i),
                spoken: format!("{} in {}: {} served, worst bucket {}", s.tenant, s.cell, percent(all), percent(worst)),
                width: time.buckets,
                drawing: dips(buckets, &y, c.success_bound()),
                value: percent_fixed(all),
                tone: if below { Tone::Bad } else { Tone::Quiet },
            }
        })
        .collect();
    let note = format!("Each lane spans 100 % (top) to {} (bottom), in buckets of {} s.", percent(floor), time.width);
    let key = html! { @if let Some(b) = c.success_bound() { i.key-line {} "promised " (percent(b)) } };
    figure("Success over time", key, time.axis(), &lanes, &note)
}

fn dips(buckets: &[(u64, u64)], y: &dyn Fn(f64) -> f64, bound: Option<f64>) -> Markup {
    let top = number(y(1.0));
    let mut area = String::new();
    let mut line = String::new();
    let mut open = false;
    for (i, r) in buckets.iter().map(|b| rate(*b)).enumerate() {
        // A bucket without a request is a gap: nothing was served well, and nothing badly.
        let Some(r) = r else {
            open = false;
            continue;
        };
        let level = number(y(r));
        let _ = write!(line, "{}{i} {level}H{}", if open { 'L' } else { 'M' }, i + 1);
        if r < 1.0 {
            let _ = write!(area, "M{i} {top}V{level}H{}V{top}z", i + 1);
        }
        open = true;
    }
    html! {
        @if !area.is_empty() { path.dip d=(area) {} }
        path.line d=(line) {}
        @if let Some(b) = bound { path.promise d={ "M0 " (number(y(b))) "H" (buckets.len().max(1)) } {} }
    }
}

fn rate((good, bad): (u64, u64)) -> Option<f64> {
    (good + bad > 0).then(|| good as f64 / (good + bad) as f64)
}

/// A round success rate at or below the lowest one, so that a lane's scale can be said in a word.
fn floor_below(lowest: f64) -> f64 {
    [0.999, 0.998, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5].into_iter().find(|f| *f <= lowest).unwrap_or(0.0)
}

/// Latency percentiles on a common logarithmic axis, with the promised p95.
pub(super) fn latency(c: &Condition<'_>) -> Markup {
    let quantiles: Vec<[f64; 4]> = c
        .serving
        .iter()
        .map(|s| [5_000, 9_000, 9_500, 9_900].map(|q| quantile_us(&s.latency, q).max(1) as f64 / 1e6))
        .collect();
    let bound = c.latency_bound();
    let all = || quantiles.iter().flatten().copied().chain(bound);
    let scale = Scale::around(all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
    let lanes: Vec<Lane> = c
        .serving
        .iter()
        .zip(&quantiles)
        .enumerate()
        .map(|(i, (s, q))| {
            let [p50, p90, p95, p99] = q.map(seconds);
            let above = bound.is_some_and(|b| q[2] > b);
            Lane {
                label: place(&c.serving, i),
                spoken: format!("{} in {}: p50 {p50}, p90 {p90}, p95 {p95}, p99 {p99}", s.tenant, s.cell),
                width: WIDTH,
                drawing: percentiles(q, &scale, bound),
                value: p95,
                tone: if above { Tone::Bad } else { Tone::Quiet },
            }
        })
        .collect();
    let key = html! {
        i.key-ring {} "p50" i.key-tick {} "p90" i.key-dot {} "p95" i.key-tick {} "p99"
        @if let Some(b) = bound { i.key-line {} "promised p95 " (seconds(b)) }
    };
    figure("Latency", key, axis(&scale.ticks()), &lanes, "Logarithmic. The figure on the right is p95.")
}

fn percentiles(q: &[f64; 4], scale: &Scale, bound: Option<f64>) -> Markup {
    let mid = number(HEIGHT / 2.0);
    let x = q.map(|v| number(scale.at(v) * WIDTH));
    // A stroke of no length with a round cap is a round dot at any stretch of the lane.
    let dot = |x: &str| format!("M{x} {mid}h.01");
    let tick = |x: &str| format!("M{x} {}V{}", number(HEIGHT / 2.0 - 4.0), number(HEIGHT / 2.0 + 4.0));
    html! {
        @if let Some(b) = bound { path.promise d={ "M" (number(scale.at(b) * WIDTH)) " 0V" (number(HEIGHT)) } {} }
        path.span d={ "M" (x[0]) " " (mid) "H" (x[3]) } {}
        path.tick d={ (tick(&x[1])) (tick(&x[3])) } {}
        path.ring d=(dot(&x[0])) {}
        path.ring-hole d=(dot(&x[0])) {}
        path.dot d=(dot(&x[2])) {}
    }
}

/// A logarithmic axis between two round numbers of seconds.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn around(low: f64, high: f64) -> Scale {
        let steps: Vec<f64> = (-6..6).flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e))).collect();
        let below = steps.iter().copied().rfind(|s| *s <= low).unwrap_or(1e-6);
        let above = steps.iter().copied().find(|s| *s >= high && *s > below).unwrap_or(1e6);
        Scale { low: below, high: above }
    }

    /// Where a value lies, as a share of the axis.
    fn at(&self, v: f64) -> f64 {
        ((v / self.low).ln() / (self.high / self.low).ln()).clamp(0.0, 1.0)
    }

    /// The ends, and the decades between them that keep clear of the ends and, on a small screen, of each other.
    fn ticks(&self) -> Vec<(f64, String)> {
        let clear: Vec<f64> = (-6..6).map(|e| 10f64.powi(e)).filter(|d| (0.3..0.7).contains(&self.at(*d))).collect();
        let few = if clear.len() > 2 { &clear[1..2] } else { &clear[..] };
        let all = [&[self.low], few, &[self.high]].concat();
        all.into_iter().map(|v| (self.at(v), round_seconds(v))).collect()
    }
}

/// A round time: `50 ms`, `2 s`.
fn round_seconds(s: f64) -> String {
    match s {
        s if s >= 0.999 => format!("{s:.0} s"),
        s if s >= 0.000_999 => format!("{:.0} ms", s * 1e3),
        s => format!("{:.0} µs", s * 1e6),
    }
}

/// Error budget spent over time, as a share of what the promise allows for the requests that were made.
pub(super) fn budget(c: &Condition<'_>) -> Markup {
    let Some(promised) = c.success_bound() else {
        return html! {};
    };
    let time = Time::of(c);
    let fold = |s: &&Serving| budget_spent(&buckets(&s.windows, time.width), promised);
    let spent: Vec<Vec<f64>> = c.serving.iter().map(fold).collect();
    let most = spent.iter().filter_map(|s| s.last()).copied().fold(0.0, f64::max);
    // Above twice the budget the shape says no more than the figure does, and it would flatten every other lane.
    let top = most.clamp(1.0, 2.0) * 1.08;
    let y = |share: f64| HEIGHT - 1.0 - (share / top).min(1.0) * (HEIGHT - 2.0);
    let lanes: Vec<Lane> = c
        .serving
        .iter()
        .zip(&spent)
        .enumerate()
        .map(|(i, (s, spent))| {
            let last = spent.last().copied().unwrap_or(0.0);
            let value = if last > 99.0 { "> 9 900 %".to_string() } else { format!("{:.0} %", last * 100.0) };
            Lane {
                label: place(&c.serving, i),
                spoken: format!("{} in {}: {value} of the error budget spent, {} bad", s.tenant, s.cell, count(s.bad)),
                width: time.buckets,
                drawing: burn(spent, &y),
                value,
                tone: if last > 1.0 { Tone::Bad } else { Tone::Quiet },
            }
        })
        .collect();
    let key = html! { i.key-line {} "the whole budget" };
    let note = format!("The budget is what {} allows of the requests made here.", percent(promised));
    figure("Error budget spent", key, time.axis(), &lanes, &note)
}

fn burn(spent: &[f64], y: &dyn Fn(f64) -> f64) -> Markup {
    let base = number(y(0.0));
    let points = [(0.0, y(0.0))].into_iter().chain(spent.iter().enumerate().map(|(i, s)| ((i + 1) as f64, y(*s))));
    let line = polyline(points);
    let over = spent.last().is_some_and(|s| *s > 1.0);
    let end = spent.len().max(1);
    html! {
        path.area.over[over] d={ (line) "V" (base) "H0z" } {}
        path.line.over[over] d=(line) {}
        path.promise d={ "M0 " (number(y(1.0))) "H" (end) } {}
    }
}

/// The course of one run: when each fault of the plan was on, and when something was found.
pub(super) fn timeline(run: &RunRecord) -> Markup {
    if run.faults.is_empty() && run.findings.is_empty() {
        return html! {};
    }
    let end = run.simulated_ns.max(1);
    let x = |ns: u64| number(ns.min(end) as f64 / end as f64 * WIDTH);
    let found: String = run.findings.iter().map(|f| format!("M{} 0V{}", x(f.at_ns), number(HEIGHT))).collect();
    let lanes: Vec<Lane> = run
        .faults
        .iter()
        .map(|f| Lane {
            label: html! { span.tenant title=(f.target) { (f.fault) } span.cell-name title=(f.target) { (f.target) } },
            spoken: format!("{} on {} from {} to {}", f.fault, f.target, simulated(f.from_ns), simulated(f.until_ns)),
            width: WIDTH,
            drawing: html! {
                path.base d={ "M0 " (number(HEIGHT / 2.0)) "H" (number(WIDTH)) } {}
                path.fault d={ "M" (x(f.from_ns)) " " (number(HEIGHT / 2.0)) "H" (x(f.until_ns)) } {}
                @if !found.is_empty() { path.found d=(found) {} }
            },
            value: format!("× {}", count(f.fired)),
            tone: if f.fired == 0 { Tone::Bad } else { Tone::Quiet },
        })
        .collect();
    let key = html! { i.key-bar {} "fault on" @if !found.is_empty() { i.key-found {} "finding" } };
    figure("Course of the run", key, axis(&[(0.0, "0 s".into()), (1.0, simulated(run.simulated_ns))]), &lanes, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_ends_on_round_numbers_and_clamps_what_lies_outside() {
        let scale = Scale::around(0.0123, 1.5);
        assert_eq!((scale.low, scale.high), (0.01, 2.0));
        assert_eq!(scale.ticks().into_iter().map(|t| t.1).collect::<Vec<_>>(), ["10 ms", "100 ms", "2 s"]);
        assert_eq!(scale.at(1e-9), 0.0);
    }

    #[test]
    fn coordinates_carry_no_noise() {
        assert_eq!(number(3.0), "3");
        assert_eq!(number(2.0 / 3.0), "0.7");
        assert_eq!(polyline([(0.0, 1.5), (1.0, 2.0)].into_iter()), "M0 1.5L1 2");
    }

    #[test]
    fn a_silent_bucket_is_a_gap_and_a_perfect_one_hangs_nothing() {
        let drawing = dips(&[(9, 1), (0, 0), (10, 0)], &|r| (1.0 - r) * 10.0, None).into_string();
        assert_eq!(
            drawing,
            "<path class=\"dip\" d=\"M0 0V1H1V0z\"></path><path class=\"line\" d=\"M0 1H1M2 0H3\"></path>"
        );
    }
}
