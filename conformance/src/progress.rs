//! A bar on a terminal; elsewhere one plain line a minute, so that a CI log shows life and nothing more.
//!
//! Also keeps the time budget: this is the only place that knows what time it is while something runs.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scenarios::shrink;
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a log that is no terminal is told.
const PLAIN_EVERY: Duration = Duration::from_secs(60);

/// Shows how far a sweep is.
pub struct Bar {
    bar: ProgressBar,
    began: Instant,
    budget: Option<Duration>,
    told: Option<Mutex<Instant>>,
}

impl Bar {
    /// A bar of so many steps, which may begin only within the budget.
    pub fn new(steps: u64, budget: Option<Duration>) -> Bar {
        let terminal = stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {elapsed} (about {eta} left)  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ "));
        let began = Instant::now();
        Bar { bar, began, budget, told: (!terminal).then(|| Mutex::new(began)) }
    }

    /// Ends the bar and says how long it took.
    pub fn finish(&self) -> Duration {
        self.bar.finish_and_clear();
        self.began.elapsed()
    }

    /// A step of this name was finished.
    pub fn tell(&self, name: impl FnOnce() -> String) {
        self.bar.inc(1);
        match &self.told {
            None => self.bar.set_message(name()),
            Some(told) => {
                let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if told.elapsed() >= PLAIN_EVERY {
                    *told = Instant::now();
                    let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
                    eprintln!("{done} of {all} steps after {} s", self.began.elapsed().as_secs());
                }
            }
        }
    }

    /// Whether the budget is spent.
    pub fn spent(&self) -> bool {
        self.budget.is_some_and(|budget| self.began.elapsed() >= budget)
    }

    /// Nanoseconds since it began.
    pub fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Watches a run shrink: on a terminal a line that says how far it is, elsewhere nothing, because it is short.
pub struct Gauge {
    line: ProgressBar,
    began: Instant,
    budget: Option<Duration>,
}

impl Gauge {
    /// A line that ends with the budget.
    pub fn new(budget: Option<Duration>) -> Gauge {
        let terminal = stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{pos} runs  {elapsed}  {msg}");
        line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Gauge { line, began: Instant::now(), budget }
    }

    /// Ends the line and says how long it took.
    pub fn finish(&self) -> Duration {
        self.line.finish_and_clear();
        self.began.elapsed()
    }
}

impl shrink::Watch for Gauge {
    fn ran(&self, runs: u64) {
        self.line.set_position(runs);
    }

    fn better(&self, best: &shrink::Trial) {
        self.line.set_message(format!("{} events left", best.size.events));
    }

    fn enough(&self) -> bool {
        self.budget.is_some_and(|budget| self.began.elapsed() >= budget)
    }
}
