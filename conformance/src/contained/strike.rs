//! Carries faults out on containers, each at its time, and takes each back.

use super::plan::{Blow, Part, Plan, Strike};
use crate::demo::{Demo, Levers};
use sim::Instant as Planned;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether something is due: what is done comes this late at most, and as the engine takes.
const TICK: Duration = Duration::from_millis(10);

/// When traffic began, and whether all is over.
#[derive(Debug, Default)]
pub struct Clock {
    began: Mutex<Option<Instant>>,
    is_over: AtomicBool,
}

impl Clock {
    /// Traffic begins: everything is counted from here.
    pub fn start(&self) -> Instant {
        let now = Instant::now();
        *self.began.lock().unwrap_or_else(|broken| broken.into_inner()) = Some(now);
        now
    }

    /// All is over, whatever was still to happen.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Waits until a moment of the plan; false when all is over before.
    fn wait(&self, until: Planned) -> bool {
        loop {
            let began = *self.began.lock().unwrap_or_else(|broken| broken.into_inner());
            if self.is_over.load(Ordering::Relaxed) {
                return false;
            }
            if began.is_some_and(|began| began.elapsed() >= Duration::from_nanos(until.0)) {
                return true;
            }
            thread::sleep(TICK);
        }
    }

    /// How long traffic has gone on, in seconds.
    fn now_s(&self) -> f64 {
        let began = *self.began.lock().unwrap_or_else(|broken| broken.into_inner());
        began.map_or(0.0, |began| began.elapsed().as_secs_f64())
    }
}

/// What may be done to each part.
pub fn levers(demo: &Demo) -> [(Part, Levers<'_>); 4] {
    [
        (Part::Database, demo.database()),
        (Part::Cache, demo.cache()),
        (Part::Application, demo.application()),
        (Part::Gateway, demo.gateway()),
    ]
}

/// Carries all of it out, and returns what could not be done.
pub fn all(plan: &Plan, levers: &[(Part, Levers<'_>)], clock: &Clock, tell: &impl Fn(&str)) -> Vec<String> {
    let begins = plan.strikes.iter().map(|strike| (strike.from, strike, true));
    let ends = plan.strikes.iter().map(|strike| (strike.until, strike, false));
    let mut due: Vec<(Planned, &Strike, bool)> = begins.chain(ends).collect();
    // What ends when something else begins ends first.
    due.sort_by_key(|(at, strike, begins)| (*at, *begins, *strike));
    let mut failed = Vec::new();
    for (at, strike, begins) in due {
        if !clock.wait(at) {
            break;
        }
        let done = levers.iter().find(|(part, _)| *part == strike.part).map(|(_, levers)| one(strike, levers, begins));
        let words = words(strike, begins);
        match done {
            Some(Ok(())) => tell(&format!("{:>8.3} s  {words}", clock.now_s())),
            Some(Err(why)) => failed.push(format!("{words}: {why}")),
            None => failed.push(format!("{words}: there is no such part")),
        }
    }
    failed
}

fn one(strike: &Strike, levers: &Levers<'_>, begins: bool) -> Result<(), String> {
    let container = levers.container.ok_or("it is in no container");
    let brake = levers.brake.ok_or("nothing stands before it");
    match (strike.blow, begins) {
        (Blow::Dead, _) if strike.part == Part::Application => brake?.away(begins),
        (Blow::Dead, true) => container?.kill()?,
        (Blow::Dead, false) => container?.start()?,
        (Blow::Hung, true) => container?.pause()?,
        (Blow::Hung, false) => container?.unpause()?,
        (Blow::Cut, _) if strike.part == Part::Application => brake?.away(begins),
        (Blow::Cut, true) => container?.cut()?,
        (Blow::Cut, false) => container?.join()?,
        (Blow::Late(by), true) => brake?.slow(Duration::from_nanos(by.0)),
        (Blow::Late(_), false) => brake?.slow(Duration::ZERO),
    }
    Ok(())
}

/// What is done, in words.
pub fn words(strike: &Strike, begins: bool) -> String {
    let done = match (strike.blow, begins) {
        (Blow::Dead, true) => "killed".to_owned(),
        (Blow::Dead, false) => "started again".to_owned(),
        (Blow::Hung, true) => "paused".to_owned(),
        (Blow::Hung, false) => "goes on".to_owned(),
        (Blow::Cut, true) => "cut off the network".to_owned(),
        (Blow::Cut, false) => "back on the network".to_owned(),
        (Blow::Late(by), true) => format!("answers {:.1} ms later", by.0 as f64 / 1e6),
        (Blow::Late(_), false) => "answers in time again".to_owned(),
    };
    format!("{} {done}", strike.part.word())
}
