//! A circuit breaker in front of one external dependency (SRV-01): Closed, Open (fail fast), Half-open (probe).
//!
//! It opens on a failure rate *or* on failures in a row: the rate needs volume to mean anything, the row catches a dead
//! dependency of a quiet tenant. Every call holds a permit, so an answer that arrives after the state has changed (a
//! timeout of ten seconds ago) is not mistaken for news.

use crate::control;
use crate::control::{Control, Controls};
use crate::planted::BREAKER_LOSES_PROBES;
use serde::{Deserialize, Serialize};
use sim::{Duration, Instant};

/// Stops calling a dependency that fails.
pub const OPEN: Control = control!(
    "breaker.open",
    upholds: ["SRV-01", "CAC-04"],
    off: "the circuit never opens, as with outlier detection that is configured but at 0 % enforcement",
);

/// The documented thresholds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The failure rate is taken over this span, in ten parts that expire one by one.
    pub window: Duration,
    /// Fewer calls than this in the window have no rate.
    pub calls_min: u32,
    /// Opens when this share of the calls in the window failed.
    pub failures_percent: u32,
    /// Opens after this many failures in a row.
    pub failures_row: u32,
    /// How long the first opening lasts; doubles with each opening that no closing interrupts.
    pub open_for: Duration,
    /// How long an opening lasts at most: the longest that a recovered dependency stays unused.
    pub open_for_max: Duration,
    /// Half-open lets this many calls through; all must succeed to close, one failure opens again.
    pub probes: u32,
    /// Probes that have not come back after this span are lost, and new ones may go.
    pub probe_timeout: Duration,
}

impl Settings {
    /// Half of at least 20 calls in 10 s, or 5 in a row; 5 s to 60 s open; 3 probes.
    pub const DEFAULT: Settings = Settings {
        window: Duration::secs(10),
        calls_min: 20,
        failures_percent: 50,
        failures_row: 5,
        open_for: Duration::secs(5),
        open_for_max: Duration::secs(60),
        probes: 3,
        probe_timeout: Duration::secs(5),
    };
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::DEFAULT
    }
}

/// The state that a breaker is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Calls pass and are counted.
    Closed,
    /// Calls fail at once.
    Open,
    /// A few calls pass to see whether the dependency is back.
    HalfOpen,
}

/// Leave to make one call; give it back with the outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permit {
    era: u64,
}

/// No call now; the dependency may be tried again after the span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FastFail(pub Duration);

/// What became of a call. The caller judges: a timeout is a failure, a refusal that the request earned is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The dependency did its work.
    Succeeded,
    /// It did not, or not in time.
    Failed,
}

/// The breaker of one dependency, as seen by one caller.
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: Settings,
    state: State,
    /// Counts changes of state; permits of earlier eras are void.
    era: u64,
    /// Open: when probes may go. Half-open: when the probes that are out count as lost.
    until: Instant,
    window: Window,
    failures_row: u32,
    /// Openings since it was last closed.
    openings: u32,
    probes_out: u32,
    /// Places of probes that were never given back: only a planted defect loses any.
    probes_lost: u32,
    probes_passed: u32,
}

impl Breaker {
    /// A closed breaker that has seen nothing.
    pub fn new(settings: Settings) -> Breaker {
        Breaker {
            settings,
            state: State::Closed,
            era: 0,
            until: Instant::ZERO,
            window: Window::default(),
            failures_row: 0,
            openings: 0,
            probes_out: 0,
            probes_lost: 0,
            probes_passed: 0,
        }
    }

    /// Asks for leave to call.
    ///
    /// # Errors
    /// When the circuit is open, or all probes are out.
    #[inline]
    pub fn ask(&mut self, now: Instant) -> Result<Permit, FastFail> {
        if self.state != State::Closed {
            self.probe(now)?;
        }
        Ok(Permit { era: self.era })
    }

    /// Brings back what became of a call.
    pub fn record(&mut self, now: Instant, controls: &Controls, permit: Permit, outcome: Outcome) {
        let failed = outcome == Outcome::Failed;
        if permit.era != self.era {
            if BREAKER_LOSES_PROBES.is_planted() && failed && self.state == State::Open {
                self.probes_lost += 1;
            }
            return;
        }
        match self.state {
            State::Closed => {
                let (calls, failures) = self.window.add(now, self.settings.window, failed);
                self.failures_row = if failed { self.failures_row.saturating_add(1) } else { 0 };
                let rate = u64::from(failures) * 100 >= u64::from(calls) * u64::from(self.settings.failures_percent);
                let by_rate = calls >= self.settings.calls_min && rate;
                if failed && (by_rate || self.failures_row >= self.settings.failures_row) {
                    self.trip(now, controls);
                }
            }
            State::HalfOpen if failed => self.trip(now, controls),
            State::HalfOpen => {
                self.probes_passed += 1;
                if self.probes_passed >= self.settings.probes {
                    self.enter(State::Closed);
                    self.openings = 0;
                    self.failures_row = 0;
                    self.window = Window::default();
                }
            }
            State::Open => {} // No permit of an open era exists.
        }
    }

    /// The state, as of the last question or answer.
    pub fn state(&self) -> State {
        self.state
    }

    /// Openings since it was last closed, or the failures in a row that lead to the first.
    pub fn pressure(&self) -> u64 {
        u64::from(self.openings) * u64::from(self.settings.failures_row) + u64::from(self.failures_row)
    }

    /// Leave to probe, if it is time.
    fn probe(&mut self, now: Instant) -> Result<(), FastFail> {
        let all_out = self.state == State::HalfOpen && self.probes_out >= self.settings.probes;
        if self.state == State::Open || all_out {
            if now < self.until {
                return Err(FastFail(self.until.since(now)));
            }
            self.enter(State::HalfOpen);
            self.until = now + self.settings.probe_timeout;
        }
        self.probes_out += 1;
        Ok(())
    }

    fn trip(&mut self, now: Instant, controls: &Controls) {
        if controls.on(&OPEN) {
            self.enter(State::Open);
            let doubled = self.settings.open_for * (1 << self.openings.min(20));
            self.until = now + doubled.min(self.settings.open_for_max);
            self.openings += 1;
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.era += 1;
        self.probes_out = self.probes_lost;
        self.probes_passed = 0;
    }
}

const PARTS: usize = 10;

/// Calls and failures in the last ten tenths of the window: a ring whose parts know their own number, so that nothing
/// has to happen while time passes.
#[derive(Clone, Debug, Default)]
struct Window {
    parts: [Part; PARTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    number: u64,
    calls: u32,
    failures: u32,
}

impl Window {
    /// Counts one call; returns calls and failures in the window.
    fn add(&mut self, now: Instant, window: Duration, failed: bool) -> (u32, u32) {
        let number = now.as_nanos() / (window.as_nanos() / PARTS as u64).max(1);
        let part = &mut self.parts[(number % PARTS as u64) as usize];
        if part.number != number {
            *part = Part { number, ..Part::default() };
        }
        part.calls = part.calls.saturating_add(1);
        part.failures = part.failures.saturating_add(u32::from(failed));
        let current = self.parts.iter().filter(|part| part.number.saturating_add(PARTS as u64) > number);
        current.fold((0, 0), |sum, part| (part.calls.saturating_add(sum.0), part.failures.saturating_add(sum.1)))
    }
}

/// A case for `cellproof model breaker`: calls in order, each answered at once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    settings: Settings,
    calls: Vec<Call>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    at_ns: u64,
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
struct Answer {
    at_ns: u64,
    called: bool,
    state: State,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

/// Why a call was not made, and what demands that.
#[derive(Debug, Serialize)]
struct Refused {
    reason: &'static str,
    requirements: &'static [&'static str],
    retry_after_ns: u64,
}

/// Answers one JSON line `{"settings":{…},"calls":[{"at_ns":0,"outcome":"failed"},…]}` with one line: for each call
/// whether it was let through, and the state after it.
///
/// # Errors
/// When the line is no such case.
pub fn answer_json(line: &str, controls: &Controls) -> Result<String, serde_json::Error> {
    let case: Case = serde_json::from_str(line)?;
    let mut breaker = Breaker::new(case.settings);
    let answer = |call: &Call| {
        let permit = breaker.ask(Instant(call.at_ns));
        if let Ok(permit) = permit {
            breaker.record(Instant(call.at_ns), controls, permit, call.outcome);
        }
        let refused = permit.err().map(|FastFail(wait)| Refused {
            reason: if breaker.state() == State::Open { "circuit-open" } else { "probes-out" },
            requirements: OPEN.upholds,
            retry_after_ns: wait.as_nanos(),
        });
        Answer { at_ns: call.at_ns, called: permit.is_ok(), state: breaker.state(), refused }
    };
    serde_json::to_string(&case.calls.iter().map(answer).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
