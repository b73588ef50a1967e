//! A run of a scenario as something that is shrunk: what it failed by, and when a smaller run fails in the same way.
//!
//! Two things keep a story from turning into another one. A run that is cut short is not asked what it owed at its end,
//! so nobody is blamed for what there was no time to do. And where a control was off, the same smaller run with that
//! control on must be free of this failure, if the whole run was: what stopped the attack must still be what stops it.

use super::survey::{self, PHASES};
use super::{Family, Overrides, Size, Subject, Trial};
use crate::prove::{Finished, Order, execute};
use models::config::Inputs;
use sim::absence;
use sim::choice::{ABSENT, PRESENT};
use sim::control::Control;
use sim::record::{Finding, Pass, RunRecord};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// By what a run failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// An oracle found a requirement broken.
    Broken {
        /// The requirement.
        requirement: String,
        /// The oracle.
        oracle: String,
        /// The tenant that is harmed, if one is named.
        tenant: Option<String>,
        /// The node at which it was seen, where only that tells it from a failure of another kind.
        node: Option<String>,
    },
    /// Something was still owed to somebody when it ended.
    Owed(String),
}

impl Verdict {
    /// All that this run failed by: first of all what a control that is off upholds.
    fn all(run: &RunRecord, off: &[&'static Control]) -> Vec<Verdict> {
        let upheld = |f: &&Finding| off.iter().any(|control| control.upholds.contains(&f.requirement.as_str()));
        let (first, rest): (Vec<&Finding>, Vec<&Finding>) = run.findings.iter().partition(upheld);
        let broken = |f: &Finding, node: Option<String>| Verdict::Broken {
            requirement: f.requirement.clone(),
            oracle: f.oracle.clone(),
            tenant: f.tenant.clone(),
            node,
        };
        let found = || first.iter().chain(&rest);
        let anywhere = found().map(|f| broken(f, None));
        let somewhere = found().map(|f| broken(f, Some(f.node.clone())));
        let owed = run.pending.iter().map(|pending| Verdict::Owed(creditor(pending).into()));
        anywhere.chain(somewhere).chain(owed).collect()
    }

    /// When this run first failed in this way, in nanoseconds.
    fn seen(&self, run: &RunRecord) -> Option<u64> {
        match self {
            Verdict::Broken { requirement, oracle, tenant, node } => {
                let same = run.findings.iter().filter(|f| f.requirement == *requirement && f.oracle == *oracle);
                let same = same.filter(|f| f.tenant == *tenant && node.as_ref().is_none_or(|node| f.node == *node));
                same.map(|f| f.at_ns).min()
            }
            Verdict::Owed(to) => run.pending.iter().any(|p| creditor(p) == to).then_some(run.simulated_ns),
        }
    }
}

/// To whom something is owed: what stands before the colon.
fn creditor(pending: &str) -> &str {
    pending.split(':').next().unwrap_or(pending)
}

/// Why a run cannot be shrunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It does not fail.
    Held,
    /// It is half of a pair that is compared, and fails by nothing of its own.
    Pair,
    /// It did not finish.
    Fell,
}

/// A run that failed.
pub struct Failure<'a> {
    inputs: &'a Inputs,
    order: Order,
    /// What it failed by.
    pub verdict: Verdict,
    /// Whether that shows only at the end.
    late: bool,
    /// Controls whose absence it failed by: with one of them on, it does not fail in this way.
    guards: Vec<&'static Control>,
    /// Mistakes that it had all along.
    errors: Vec<String>,
    events: u64,
}

impl<'a> Failure<'a> {
    /// Runs the order and sees what it fails by: best by something that needs every control of those to be off.
    ///
    /// # Errors
    /// It does not fail, or not in a way of its own.
    pub fn new(inputs: &'a Inputs, order: &Order) -> Result<Failure<'a>, Refused> {
        if matches!(order.pass, Pass::Value | Pass::Presence) {
            return Err(Refused::Pair);
        }
        let order = Order { keep: false, log_draws: false, ..order.clone() };
        let run = finished(inputs, &order).ok_or(Refused::Fell)?.record;
        let with = |control: &&'static Control| finished(inputs, &back_on(&order, control)).map(|run| run.record);
        let guarded: Vec<Option<RunRecord>> = order.off.iter().map(with).collect();
        let stops = |verdict: &Verdict, run: &Option<RunRecord>| run.as_ref().is_none_or(|r| verdict.seen(r).is_none());
        let verdicts = Verdict::all(&run, &order.off);
        let best = verdicts.iter().find(|verdict| guarded.iter().all(|run| stops(verdict, run)));
        let verdict = best.or(verdicts.first()).ok_or(Refused::Held)?.clone();
        let at = verdict.seen(&run).ok_or(Refused::Held)?;
        let guards = order.off.iter().zip(&guarded).filter(|(_, run)| stops(&verdict, run));
        let guards = guards.map(|(control, _)| *control).collect();
        // What is found when everything is over was owed, and what is found in a run that was cut short was not.
        let is_cut = order.overrides.contains_key(&absence::end());
        let mut cut = order.clone();
        cut.overrides.insert(absence::end(), at);
        let shows = || finished(inputs, &cut).is_some_and(|run| verdict.seen(&run.record).is_some());
        let late = !is_cut && (at >= run.simulated_ns || !shows());
        Ok(Failure { inputs, order, verdict, late, guards, errors: run.errors, events: run.events })
    }

    /// The order of the run with these overrides.
    pub fn order(&self, overrides: &Overrides) -> Order {
        Order { overrides: overrides.clone(), ..self.order.clone() }
    }

    /// Whether it fails in the same way with this control on again.
    fn is_seen_with(&self, control: &Control, overrides: &Overrides) -> bool {
        let run = finished(self.inputs, &back_on(&self.order(overrides), control));
        run.is_some_and(|run| self.verdict.seen(&run.record).is_some())
    }

    /// The overrides without those that nothing asked for, without faults that never struck, and ending when it failed.
    fn trimmed(&self, overrides: &Overrides, run: &Finished, at: u64) -> (Overrides, bool) {
        let mut rest = overrides.clone();
        rest.retain(|address, _| !run.unused.contains(address));
        let needed = rest.clone();
        if !self.late {
            rest.insert(absence::end(), at);
        }
        for fault in run.struck.iter().filter(|fault| fault.fired == 0) {
            let named = absence::fault(&fault.planned);
            // Where no fault strikes but the named, unnamed is absent.
            let is_named = rest.get(&absence::faults()) == Some(&ABSENT) && rest.get(&named) == Some(&PRESENT);
            if is_named {
                rest.remove(&named);
            } else {
                rest.insert(named, ABSENT);
            }
            rest.remove(&absence::fault_from(&fault.planned));
            rest.remove(&absence::fault_length(&fault.planned));
        }
        let changed = rest != needed;
        (rest, changed)
    }

    fn is_sound(&self, run: &RunRecord) -> bool {
        let trimmed = |error: &str| error.ends_with("was never used");
        run.errors.iter().all(|error| trimmed(error) || self.errors.contains(error))
    }
}

impl Subject for Failure<'_> {
    fn attempt(&self, overrides: &Overrides) -> (Option<Trial>, u64) {
        let mut overrides = overrides.clone();
        // Without what made it ready, the same may happen a little later.
        overrides.entry(absence::end()).and_modify(|end| *end = *end + *end / 4 + GRACE_NS);
        if self.late {
            overrides.remove(&absence::end());
        }
        let mut runs = 0;
        // The first run shows where to cut, the second what has not struck by then, the third is what is left.
        for _ in 0..4 {
            runs += 1;
            let Some(run) = finished(self.inputs, &self.order(&overrides)) else { break };
            let Some(at) = self.verdict.seen(&run.record) else { break };
            let (rest, changed) = self.trimmed(&overrides, &run, at);
            overrides = rest;
            if changed {
                continue;
            }
            let stops = |control: &&'static Control| {
                runs += 1;
                !self.is_seen_with(control, &overrides)
            };
            let is_early = self.late || run.cut;
            if !is_early || !self.is_sound(&run.record) || !self.guards.iter().all(stops) {
                break;
            }
            let cast = run.struck.len() + survey::actors(&run, &overrides).count();
            let size = Size { cast: cast as u64, events: run.record.events, overrides: overrides.len() as u64 };
            return (Some(Trial { overrides, size }), runs);
        }
        (None, runs)
    }

    fn phases(&self) -> usize {
        PHASES.len()
    }

    fn survey(&self, overrides: &Overrides, phase: usize) -> Vec<Family> {
        // Whoever lacks a part of the platform cannot be blamed for what it owed: only where a control is what made the
        // difference can that be told.
        let whole = self.late && self.guards.is_empty();
        let logged = Order { log_draws: true, ..self.order(overrides) };
        finished(self.inputs, &logged).map_or(Vec::new(), |run| PHASES[phase](&run, overrides, whole))
    }

    fn events_max(&self) -> u64 {
        self.events
    }
}

/// The same order with this control on.
fn back_on(order: &Order, control: &Control) -> Order {
    let off = order.off.iter().copied().filter(|c| c.slot != control.slot).collect();
    Order { off, ..order.clone() }
}

/// So much later than before, and a quarter, a candidate may fail.
const GRACE_NS: u64 = 200_000_000;

/// Runs it. A candidate may well be a world that no machine was made for: `None` when an invariant broke.
fn finished(inputs: &Inputs, order: &Order) -> Option<Finished> {
    catch_unwind(AssertUnwindSafe(|| execute(inputs, order))).ok()
}
