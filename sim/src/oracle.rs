//! Oracles judge requirements from facts alone. They look and never touch.
//!
//! Each names the vantages it judges by and is shown no others. One that needs no *truth* can be fed by the records of
//! a real deployment.

use crate::journal::Entry;
use crate::machine::Platform;
use crate::record::{Finding, Vantage};
use crate::time::Instant;

/// A fact as an oracle sees it.
pub struct Seen<'a, P: Platform> {
    /// When, on the global clock.
    pub at: Instant,
    /// The node at which it was seen, by role.
    pub role: &'a str,
    /// Causal id of the request that led to it.
    pub cause: u64,
    /// The fact.
    pub fact: &'a P::Fact,
}

/// Which act a run is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Anything may fail; nothing wrong may happen.
    Safety,
    /// Faults have stopped; a healthy core must serve.
    Liveness,
}

/// Judges.
pub trait Oracle<P: Platform> {
    /// Its name in findings.
    fn name(&self) -> &'static str;
    /// What it judges by.
    fn vantages(&self) -> &'static [Vantage];
    /// A fact happened.
    fn observe(&mut self, seen: &Seen<'_, P>, findings: &mut Vec<Finding>);
    /// Whether it is shown what machines say of their state ([`Outbox::gauge`](crate::machine::Outbox::gauge)). For
    /// those who look for rare runs, never for a judge: what cannot be seen from outside convicts nobody.
    fn reads_gauges(&self) -> bool {
        false
    }
    /// What a node said of its state.
    fn gauge(&mut self, _role: &str, _name: &'static str, _value: u64) {}
    /// The run goes over to another act.
    fn act(&mut self, _act: Act, _at: Instant) {}
    /// The run has ended. Liveness promises that are not kept go to `pending`, with the reason.
    fn finish(&mut self, _end: Instant, _findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {}
    /// Marks that facts reached, with how often.
    fn marks(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
    /// What it counted, for a runner that knows its type.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// A place that facts reach: a mark that no machine could set by itself.
pub struct Reached<P: Platform, F> {
    /// The mark.
    pub mark: &'static str,
    /// Whether a fact is the place.
    pub check: F,
    /// How often it was.
    pub times: u64,
    /// Ties the type to its words.
    pub words: std::marker::PhantomData<P>,
}

impl<P: Platform, F: FnMut(&P::Fact) -> bool + 'static> Oracle<P> for Reached<P, F> {
    fn name(&self) -> &'static str {
        "reached"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store, Vantage::Log, Vantage::Truth]
    }
    fn observe(&mut self, seen: &Seen<'_, P>, _findings: &mut Vec<Finding>) {
        self.times += u64::from((self.check)(seen.fact));
    }
    fn marks(&self) -> Vec<(&'static str, u64)> {
        if self.times == 0 { Vec::new() } else { vec![(self.mark, self.times)] }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// A condition that every fact must meet: `check` returns the finding when it does not.
pub struct Always<P: Platform, F> {
    /// Name in findings.
    pub name: &'static str,
    /// What it judges by.
    pub vantages: &'static [Vantage],
    /// The condition.
    pub check: F,
    /// Ties the type to its words.
    pub words: std::marker::PhantomData<P>,
}

impl<P: Platform, F: FnMut(&Seen<'_, P>) -> Option<Finding> + 'static> Oracle<P> for Always<P, F> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn vantages(&self) -> &'static [Vantage] {
        self.vantages
    }
    fn observe(&mut self, seen: &Seen<'_, P>, findings: &mut Vec<Finding>) {
        findings.extend((self.check)(seen));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// A fact that must be seen at least once: the other half of every `always`.
pub struct Sometimes<P: Platform, F> {
    /// Name in findings.
    pub name: &'static str,
    /// What it judges by.
    pub vantages: &'static [Vantage],
    /// Whether this is the fact.
    pub check: F,
    /// What to say when it never was.
    pub otherwise: Finding,
    /// Whether it was seen.
    pub seen: bool,
    /// Ties the type to its words.
    pub words: std::marker::PhantomData<P>,
}

impl<P: Platform, F: FnMut(&Seen<'_, P>) -> bool + 'static> Oracle<P> for Sometimes<P, F> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn vantages(&self) -> &'static [Vantage] {
        self.vantages
    }
    fn observe(&mut self, seen: &Seen<'_, P>, _findings: &mut Vec<Finding>) {
        self.seen |= (self.check)(seen);
    }
    fn finish(&mut self, _end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        if !self.seen {
            findings.push(self.otherwise.clone());
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// A debt that must be paid by the end: `owe` returns what a fact newly owes or pays.
pub struct Eventually<P: Platform, F> {
    /// Name in the pending list.
    pub name: &'static str,
    /// What it judges by.
    pub vantages: &'static [Vantage],
    /// What a fact does to the debts.
    pub owe: F,
    /// Debts by key, with the reason they are owed.
    pub debts: std::collections::BTreeMap<u64, String>,
    /// Ties the type to its words.
    pub words: std::marker::PhantomData<P>,
}

/// What a fact does to a debt.
pub enum Debt {
    /// A new one, with the reason.
    Owed(u64, String),
    /// Paid.
    Paid(u64),
}

impl<P: Platform, F: FnMut(&Seen<'_, P>) -> Option<Debt> + 'static> Oracle<P> for Eventually<P, F> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn vantages(&self) -> &'static [Vantage] {
        self.vantages
    }
    fn observe(&mut self, seen: &Seen<'_, P>, _findings: &mut Vec<Finding>) {
        match (self.owe)(seen) {
            Some(Debt::Owed(key, why)) => drop(self.debts.insert(key, why)),
            Some(Debt::Paid(key)) => drop(self.debts.remove(&key)),
            None => {}
        }
    }
    fn finish(&mut self, _end: Instant, _findings: &mut Vec<Finding>, pending: &mut Vec<String>) {
        pending.extend(self.debts.values().map(|why| format!("{}: {why}", self.name)));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// Replays kept facts to an oracle, as a certifier does with the records of a real deployment.
pub fn replay<P: Platform>(
    oracle: &mut dyn Oracle<P>,
    entries: &[Entry<P>],
    role: impl Fn(&Entry<P>) -> String,
) -> Vec<Finding> {
    use crate::machine::Fact;
    let mut findings = Vec::new();
    for entry in entries.iter().filter(|e| oracle.vantages().contains(&e.fact.vantage())).collect::<Vec<_>>() {
        let role = role(entry);
        oracle.observe(&Seen { at: entry.at, role: &role, cause: entry.cause, fact: &entry.fact }, &mut findings);
    }
    findings
}
