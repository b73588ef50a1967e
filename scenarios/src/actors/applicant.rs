//! An applicant: somebody with the certificate of a tenant's connector, who writes resources to its cell's Kubernetes
//! and looks what came of them.

use super::attacker::{Event, Kit, Script};
use models::wire::http::{Headers, Method};
use sim::{Duration, Instant, NodeId};
use std::ops::Range;

/// Something that an applicant does.
#[derive(Clone)]
pub struct Act {
    /// Method.
    pub method: Method,
    /// Path.
    pub path: String,
    /// The object, in JSON.
    pub object: String,
    /// Whether this is what it is all about: then the mark is reached.
    pub is_the_point: bool,
}

/// An applicant.
pub struct Applicant {
    /// The API.
    pub api: NodeId,
    /// What it does in turn, again and again.
    pub acts: Vec<Act>,
    /// The mark of having done what it is about.
    pub mark: &'static str,
    /// When it begins.
    pub wait: Duration,
    /// How often it acts.
    pub tries: usize,
    /// Between two acts.
    pub gap: Duration,
    /// When the point can be made, if not always.
    pub within: Range<Instant>,
    done: usize,
}

const ACT: u64 = 1;

impl Applicant {
    /// An applicant at this API.
    pub fn new(api: NodeId, acts: Vec<Act>, mark: &'static str) -> Applicant {
        let (wait, gap) = (Duration::millis(2_000), Duration::millis(200));
        Applicant { api, acts, mark, wait, tries: 36, gap, within: Instant::ZERO..Instant::NEVER, done: 0 }
    }

    fn act(&mut self, kit: &mut Kit<'_, '_>) {
        if self.done == self.tries || kit.is_over() {
            return;
        }
        let act = self.acts[self.done % self.acts.len()].clone();
        self.done += 1;
        if act.is_the_point && kit.will_ask() && self.within.contains(&kit.ctx.now()) {
            kit.mark(self.mark);
        }
        kit.ask(self.api, act.method, &act.path, Headers::default(), act.object.as_bytes());
        kit.after(self.gap, ACT);
    }
}

impl Script for Applicant {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(kit.wait(self.wait), ACT),
            Event::Tick(ACT) => self.act(kit),
            _ => {}
        }
    }
}
