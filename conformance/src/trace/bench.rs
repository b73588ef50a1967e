//! The judges of simulations, before the facts of a trace.
//!
//! They are told beforehand who is entitled to what, as in a simulation; what they know of what happened is the trace
//! alone. Each fact carries the number of its line as its cause, so that a finding leads back to it.

use super::event::What;
use super::facts::{Maker, Routes, SESSION, id};
use super::read::{Trace, Where};
use models::oracles::cast::Principal;
use models::oracles::{
    Cast, audit, dead_letters, decisions, delivery, durability, handling, integrity, isolation, mirroring, refusal,
    residency, retention, revisions, switching, working_set,
};
use models::saas::Saas;
use scenarios::stage::Terms;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Fact as _, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What the judges said.
#[derive(Clone, Default, Debug)]
pub struct Verdicts {
    /// What is broken, with the line that shows it, where one does.
    pub findings: Vec<(Finding, Option<Where>)>,
    /// What was owed when the trace ended, each by its judge.
    pub pending: Vec<String>,
    /// Lines whose members no fact can be made of.
    pub mistakes: Vec<String>,
    /// Facts by kind of event.
    pub facts: BTreeMap<&'static str, usize>,
}

/// Judges a trace by these terms.
pub fn judge(trace: &Trace, terms: &Terms, routes: &Routes) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let mut cast = terms.cast.clone();
    sessions(&mut cast);
    let mut judges = judges(trace, terms, Rc::new(cast));
    let maker = Maker { cast: &terms.cast, routes };
    let mut order: Vec<usize> = (0..trace.lines.len()).collect();
    order.sort_by_key(|at| trace.lines[*at].line.at);
    let (mut findings, mut end) = (Vec::new(), Instant::ZERO);
    for at in order {
        let read = &trace.lines[at];
        end = end.max(Instant(read.line.at));
        let fact = match maker.fact(&read.line) {
            Ok(Some(fact)) => fact,
            Ok(None) => continue,
            Err(why) => {
                verdicts.mistakes.push(format!("{}: {why}", read.at));
                continue;
            }
        };
        *verdicts.facts.entry(read.line.what.kind()).or_default() += 1;
        let seen = Seen { at: Instant(read.line.at), role: &read.line.node, cause: at as u64 + 1, fact: &fact };
        let vantage = fact.vantage();
        for judge in judges.iter_mut().filter(|judge| judge.vantages().contains(&vantage)) {
            judge.observe(&seen, &mut findings);
        }
    }
    for judge in &mut judges {
        judge.finish(end, &mut findings, &mut verdicts.pending);
    }
    let lines = Lines::of(trace);
    verdicts.findings =
        findings.into_iter().map(|found| (lines.of_finding(&found), found)).map(|(w, f)| (f, w)).collect();
    verdicts
}

/// A session that acts for a tenant may get what is the tenant's.
fn sessions(cast: &mut Cast) {
    let ids: Vec<_> = cast.members().iter().map(|member| member.id.clone()).collect();
    for id in ids {
        cast.add(Principal {
            name: format!("{SESSION}{id}").into(),
            tenant: Some(id),
            also: Vec::new(),
            honest: false,
            breach: "TEN-02",
            never: false,
            entitled_until: Instant::ZERO,
        });
    }
}

fn judges(trace: &Trace, terms: &Terms, cast: Rc<Cast>) -> Vec<Box<dyn Oracle<Saas>>> {
    let kinds: BTreeSet<&str> = trace.lines.iter().map(|read| read.line.what.kind()).collect();
    let mut judges: Vec<Box<dyn Oracle<Saas>>> = vec![
        Box::new(isolation::Isolation::new(cast.clone())),
        Box::new(refusal::Refusal::new(cast.clone())),
        Box::new(residency::Residency::new(cast.clone())),
        Box::new(switching::Switching::new(cast.clone(), terms.switches_per_min)),
        Box::new(durability::Durability::new(cast.clone())),
        Box::new(working_set::WorkingSet::new(cast.clone(), terms.cache_floor)),
        Box::new(retention::Retention::new(cast.clone())),
        Box::new(handling::Handling::new(cast.clone())),
        Box::new(dead_letters::DeadLetters::new(cast.clone())),
        Box::new(revisions::Revisions::default()),
    ];
    // A log that names no record of any answer says nothing about what was served.
    let names_rows = trace.lines.iter().any(|read| matches!(&read.line.what, What::Answered(a) if !a.rows.is_empty()));
    if names_rows {
        judges.push(Box::new(integrity::Integrity::new(cast.clone())));
    }
    if let Some(ways) = &terms.mirrors
        && kinds.contains("event.stored")
    {
        judges.push(Box::new(mirroring::Mirroring::of_digests(cast.clone(), ways.clone())));
    }
    if !terms.connectors.is_empty() {
        let tenants = terms.connectors.iter().cloned();
        judges.push(Box::new(delivery::Delivery::new(cast.clone(), tenants, terms.edited.clone())));
    }
    if terms.is_witnessed {
        judges.push(Box::new(audit::Audit::new(cast.clone())));
    }
    if terms.keeps_decisions || kinds.contains("decision.kept") {
        judges.push(Box::new(decisions::Decisions::new(cast)));
    }
    judges
}

/// Lines by what a finding says of its cause.
struct Lines<'a> {
    trace: &'a Trace,
    answers: BTreeMap<u64, usize>,
}

impl<'a> Lines<'a> {
    fn of(trace: &'a Trace) -> Lines<'a> {
        let request = |what: &What| match what {
            What::Answered(answer) => answer.request.as_deref().map(id),
            _ => None,
        };
        let lines = trace.lines.iter().enumerate();
        let answers = lines.filter_map(|(at, read)| Some((request(&read.line.what)?, at))).collect();
        Lines { trace, answers }
    }

    /// Judges name the cause of what they saw; the judge of switches, which looks at the end, names the request.
    fn of_finding(&self, finding: &Finding) -> Option<Where> {
        let cause = u64::from_str_radix(&finding.cause, 16).ok()?;
        let line = usize::try_from(cause).ok().and_then(|at| self.trace.lines.get(at.checked_sub(1)?));
        let line = line.or_else(|| self.trace.lines.get(*self.answers.get(&cause)?));
        line.map(|read| read.at.clone())
    }
}
