//! Runs, their traces, and what the judges say of them.

use conformance::trace::bench::{self, Verdicts};
use conformance::trace::export;
use conformance::trace::read::Trace;
use conformance::trace::seal::{self, Sealed};
use models::config::Inputs;
use scenarios::prove::{self, Order};
use scenarios::stage::Terms;
use sim::record::{Pass, RunRecord};

/// A run, told.
pub struct Told {
    /// What the simulation found by itself.
    pub record: RunRecord,
    /// What judges are told beforehand.
    pub terms: Terms,
    /// Its trace.
    pub text: String,
}

/// Runs, and tells.
pub fn told(inputs: &Inputs, order: &Order) -> Told {
    told_if(inputs, order, |_| true).expect("every run is wanted")
}

/// Runs, and tells of a run that is wanted: to write a trace takes longer than to run.
pub fn told_if(inputs: &Inputs, order: &Order, wanted: impl FnOnce(&RunRecord) -> bool) -> Option<Told> {
    let run = prove::execute(inputs, &Order { keep: true, ..order.clone() });
    if !wanted(&run.record) {
        return None;
    }
    let terms = prove::terms(inputs, order);
    let text = export::trace(&run, &terms);
    Some(Told { record: run.record, terms, text })
}

/// A scenario's order of a pass and seed, without some controls.
pub fn order(name: &str, pass: Pass, seed: u64, off: &[&str]) -> Order {
    let scenario = scenarios::catalogue::find(name).expect("a scenario");
    let control = |id: &&str| scenarios::catalogue::control(id).expect("a control");
    off.iter().map(control).fold(Order::new(scenario, pass, seed), Order::without)
}

/// What is said of a text as the trace of a run.
pub struct Judged {
    /// What could not be read.
    pub mistakes: Vec<String>,
    /// What lines say of each other.
    pub sealed: Sealed,
    /// What the oracles say.
    pub verdicts: Verdicts,
}

/// Judges.
pub fn judge(text: &str, terms: &Terms) -> Judged {
    let mut trace = Trace::default();
    trace.own("run.ndjson", text);
    let sealed = seal::examine(&trace);
    let verdicts = bench::judge(&trace, terms, &Vec::new());
    Judged { mistakes: trace.mistakes, sealed, verdicts }
}

/// Judges without the oracles.
pub fn examine(text: &str) -> (Vec<String>, Sealed) {
    let mut trace = Trace::default();
    trace.own("run.ndjson", text);
    let sealed = seal::examine(&trace);
    (trace.mistakes, sealed)
}

impl Judged {
    /// What is not green, as a list; `holds_decisions` as the deployment says.
    pub fn open(&self, terms: &Terms) -> Vec<String> {
        let mut open = self.mistakes.clone();
        open.extend(self.verdicts.mistakes.iter().cloned());
        open.extend(self.sealed.faults.iter().map(|fault| format!("{}: {}", fault.at, fault.what)));
        open.extend(self.sealed.open.iter().map(|name| format!("{name} has no end")));
        open.extend(self.verdicts.pending.iter().cloned());
        let is_empty = terms.keeps_decisions && !self.verdicts.facts.contains_key("decision.kept");
        open.extend(is_empty.then(|| "no decisions".to_owned()));
        let found = |(f, at): &(sim::record::Finding, Option<_>)| {
            format!("{} {}: {} ({at:?})", f.requirement, f.oracle, f.message)
        };
        open.extend(self.verdicts.findings.iter().map(found));
        open
    }
}
