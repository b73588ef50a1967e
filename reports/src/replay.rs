//! A run as it is shown step by step: who was there, what happened in order, which control decided, and why.
//!
//! It is handed in by who has the run; a report never looks into a journal itself. Everything in it that came from
//! outside (tenants' names, attackers' requests) is text to be shown and never to be obeyed, see
//! [`html::replay`](crate::format::html::replay).

use sim::record::{Requirement, RunRecord};

/// What a replay page is made from.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The program and its version.
    pub tool: String,
    /// What happens in the scenario, in one line.
    pub title: String,
    /// The threat, in sentences.
    pub threat: String,
    /// What has to be typed to see the run again.
    pub command: String,
    /// What was said when the run was compared with its token, if anything has to be said.
    pub warning: Option<String>,
    /// The run.
    pub run: Told,
    /// The same run with other controls.
    pub twin: Option<Told>,
    /// Controls, by the numbers that rows use.
    pub controls: Vec<ControlText>,
    /// Requirements that findings and controls name.
    pub requirements: Vec<Requirement>,
    /// Tenants, by the numbers that rows use.
    pub tenants: Vec<String>,
}

/// A control in words.
#[derive(Clone, Debug)]
pub struct ControlText {
    /// `component.check`.
    pub id: String,
    /// Requirements that it upholds.
    pub upholds: Vec<String>,
    /// What the platform does without it.
    pub off: String,
}

/// One run, told.
#[derive(Clone, Debug)]
pub struct Told {
    /// What it found and reached.
    pub record: RunRecord,
    /// Role of each node, by the numbers that rows use.
    pub nodes: Vec<String>,
    /// What happened, in order.
    pub rows: Vec<Row>,
}

/// What a row is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A word was delivered.
    Message,
    /// Somebody outside asked, or was answered.
    Client,
    /// Something became durable.
    Store,
    /// A component decided or reported.
    Log,
    /// Only the simulator knows.
    Truth,
    /// A requirement was broken here.
    Broken,
    /// A fault began or ended.
    Fault,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// When, in nanoseconds of simulated time.
    pub at_ns: u64,
    /// Causal id of the request that led to it; 0 when there is none.
    pub cause: u64,
    /// Who sent it.
    pub from: Option<u32>,
    /// Where it was seen.
    pub node: Option<u32>,
    /// What it is.
    pub kind: Kind,
    /// What happened, in words.
    pub what: String,
    /// What was decided about it.
    pub decided: Option<Decided>,
    /// Controls that were asked for while it was handled, in order.
    pub asked: Vec<u16>,
    /// The tenant that it concerns.
    pub tenant: Option<u32>,
    /// The finding that it is, by its place in the record.
    pub finding: Option<u32>,
}

/// A decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    /// Whether it was let pass.
    pub allowed: bool,
    /// By whom, and why.
    pub why: String,
    /// The control that said no.
    pub by: Option<u16>,
}

impl Told {
    /// Whether a node is an attacker's.
    pub fn is_attacker(&self, node: Option<u32>) -> bool {
        node.and_then(|n| self.nodes.get(n as usize)).is_some_and(|role| role.starts_with("attacker/"))
    }
}

/// The first row in which two runs differ; `None` when one begins like the other and nothing follows.
pub fn parting(one: &Told, other: &Told) -> Option<usize> {
    let words = |told: &Told, row: &Row| {
        let role = |node: Option<u32>| node.and_then(|n| told.nodes.get(n as usize).cloned());
        let said = row.decided.as_ref().map(|decided| (decided.allowed, decided.why.clone()));
        (row.at_ns, role(row.from), role(row.node), row.what.clone(), said)
    };
    let shorter = one.rows.len().min(other.rows.len());
    let differs = |i: &usize| words(one, &one.rows[*i]) != words(other, &other.rows[*i]);
    let at = (0..shorter).find(differs).unwrap_or(shorter);
    (at < one.rows.len().max(other.rows.len())).then_some(at)
}
