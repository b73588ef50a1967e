//! The guard in front of the database: what a statement may be, and whose it is (STO-12, STO-07).
//!
//! A service runs no statement as it came, its own included. Each node of each pattern gets the tenant's label, or
//! `Shared` where the pattern names something that is shared; a pattern that names another tenant is refused rather
//! than made to match nothing, so that it is seen. What lies between the ends of a path of several hops has no place
//! where a label could be written: that is for the store's fence.

use super::cypher::{Mistake, Statement};
use super::procedure::SEARCH;
use super::read::read;
use super::store::{SHARED, TENANT_PREFIX};
use crate::control;
use crate::control::{Control, Controls};
use std::fmt;

/// Every node of a pattern is bound to the tenant.
pub const QUERY_GUARD: Control = control!(
    "graph.query-guard",
    upholds: ["STO-12", "STO-11", "STO-07", "TEN-02"],
    off: "the statement is sent as it came, with the tenant as a parameter that it may use or not",
);

/// Only listed procedures are called.
pub const PROCEDURE_ALLOWLIST: Control = control!(
    "graph.procedure-allowlist",
    upholds: ["STO-12", "STO-07"],
    off: "every installed procedure may be called (`dbms.security.procedures.allowlist=*`), those that run without \
          anybody's permissions included",
);

/// A path of several hops has an end.
pub const PATH_BOUND: Control = control!(
    "graph.path-bound",
    upholds: ["STO-07"],
    off: "`-[*]-` is a pattern like every other, and whoever sends it waits for as long as it takes",
);

/// A statement of the operators' console only reads.
pub const OPERATOR_READ_ONLY: Control = control!(
    "graph.operator-read-only",
    upholds: ["STO-07"],
    off: "the console opens its sessions for writing, as drivers do unless they are told otherwise",
);

/// Procedures that may be called.
pub const PROCEDURES: [&str; 1] = [SEARCH];
/// Labels of what is shared.
pub const SHARED_LABELS: [&str; 1] = ["Topic"];
/// Hops of a path, at most.
pub const HOPS_MAX: u64 = 4;

/// Why a statement is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It is no statement, or is not modelled.
    Unread(Mistake),
    /// It names another tenant's label.
    ForeignTenant,
    /// It calls a procedure that is not on the list.
    Procedure(String),
    /// It asks for a path without an end, or for too long a one.
    Unbounded,
    /// It writes, and was sent by somebody who may only read.
    Writes,
    /// It binds a label of another kind beside the shared one, or writes what is shared.
    SharedLabel,
}

impl Refused {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Refused::Unread(_) => "unread",
            Refused::ForeignTenant => "foreign-tenant",
            Refused::Procedure(_) => "procedure",
            Refused::Unbounded => "unbounded-path",
            Refused::SharedLabel => "shared-label",
            Refused::Writes => "writes",
        }
    }
    /// The requirements that demand it.
    pub const fn requirements(&self) -> &'static [&'static str] {
        match self {
            Refused::Procedure(_) => PROCEDURE_ALLOWLIST.upholds,
            Refused::Unbounded => PATH_BOUND.upholds,
            Refused::Writes => OPERATOR_READ_ONLY.upholds,
            Refused::Unread(_) | Refused::ForeignTenant | Refused::SharedLabel => QUERY_GUARD.upholds,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Unread(mistake) => write!(f, "{mistake}"),
            Refused::ForeignTenant => f.write_str("a pattern names another tenant"),
            Refused::Procedure(name) => write!(f, "the procedure {name} is not on the list"),
            Refused::Unbounded => write!(f, "a path of several hops needs an end, and no more than {HOPS_MAX} hops"),
            Refused::Writes => f.write_str("a statement here only reads"),
            Refused::SharedLabel => f.write_str("what is shared has no other label, and nobody writes it"),
        }
    }
}

impl std::error::Error for Refused {}

/// The same for a statement of the operators' console, which only reads.
///
/// # Errors
/// None runs.
pub fn guard_operator(controls: &Controls, tenant: &str, text: &str) -> Result<String, Refused> {
    let writes = !read(text).map_err(Refused::Unread)?.writes.is_empty();
    if writes && controls.on(&OPERATOR_READ_ONLY) {
        return Err(Refused::Writes);
    }
    guard(controls, tenant, text)
}

/// The statement that runs in place of this one in the name of a tenant.
///
/// # Errors
/// None runs.
pub fn guard(controls: &Controls, tenant: &str, text: &str) -> Result<String, Refused> {
    let statement = read(text).map_err(Refused::Unread)?;
    if let Some(call) = statement.calls().find(|call| !PROCEDURES.contains(&&*call.procedure))
        && controls.on(&PROCEDURE_ALLOWLIST)
    {
        return Err(Refused::Procedure(call.procedure.clone()));
    }
    let bounded = |hops: Option<(u64, Option<u64>)>| hops.is_none_or(|(_, to)| to.is_some_and(|to| to <= HOPS_MAX));
    if !statement.paths().flat_map(super::cypher::Path::edges).all(|edge| bounded(edge.hops))
        && controls.on(&PATH_BOUND)
    {
        return Err(Refused::Unbounded);
    }
    if controls.on(&QUERY_GUARD) { bind(&statement, tenant, text) } else { Ok(text.to_owned()) }
}

/// The text with a label more in every node of every pattern.
fn bind(statement: &Statement, tenant: &str, text: &str) -> Result<String, Refused> {
    let mut places = Vec::new();
    for node in statement.paths().flat_map(super::cypher::Path::nodes) {
        let names_tenant = |label: &String| label.strip_prefix(TENANT_PREFIX).is_some_and(|named| named != tenant);
        if node.labels.iter().any(names_tenant) {
            return Err(Refused::ForeignTenant);
        }
        let is_shared = |label: &String| label == SHARED || SHARED_LABELS.contains(&&**label);
        let shared = node.labels.iter().any(is_shared);
        if shared && (!statement.writes.is_empty() || !node.labels.iter().all(is_shared)) {
            return Err(Refused::SharedLabel);
        }
        places.push((node.label_at, if shared { SHARED.to_owned() } else { format!("`{TENANT_PREFIX}{tenant}`") }));
    }
    places.sort();
    let mut bound = String::with_capacity(text.len() + places.len() * 16);
    let mut from = 0;
    for (at, label) in places {
        bound.push_str(&text[from..at]);
        bound.push(':');
        bound.push_str(&label);
        from = at;
    }
    bound.push_str(&text[from..]);
    Ok(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> String {
        guard(&Controls::all_on(), "acme", text).unwrap_or_else(|refused| refused.code().to_owned())
    }

    #[test]
    fn every_node_of_every_pattern_is_bound_and_what_is_shared_to_nobody() {
        for (text, bound) in [
            ("MATCH (n) RETURN n", "MATCH (n:`tenant:acme`) RETURN n"),
            (
                "MATCH (a:Record {id: 1})-->()<-[:MENTIONS]-( /* x */ ) RETURN a",
                "MATCH (a:Record:`tenant:acme` {id: 1})-->(:`tenant:acme`)<-[:MENTIONS]-(:`tenant:acme` /* x */ ) \
                 RETURN a",
            ),
            ("MATCH (a)-->(t:Topic) RETURN t", "MATCH (a:`tenant:acme`)-->(t:Topic:Shared) RETURN t"),
            ("MATCH (a:`tenant:acme`) RETURN a", "MATCH (a:`tenant:acme`:`tenant:acme`) RETURN a"),
            ("MERGE (a:Record {serial: '(b)'})", "MERGE (a:Record:`tenant:acme` {serial: '(b)'})"),
            ("MATCH (a:`tenant:beta`) RETURN a", "foreign-tenant"),
            ("MATCH (a:Topic:Record) RETURN a", "shared-label"),
            ("MERGE (a:Topic {name: 'x'})", "shared-label"),
            ("MATCH (a)-[*]-(b) RETURN b", "unbounded-path"),
            ("MATCH (a)-[*1..5]-(b) RETURN b", "unbounded-path"),
            ("CALL apoc.export.json.all(null) YIELD data RETURN data", "procedure"),
            ("CALL APOC.export.json.all(null) YIELD data RETURN data", "procedure"),
        ] {
            assert_eq!(says(text), bound, "{text}");
        }
    }

    #[test]
    fn what_the_guard_wrote_can_be_read_and_is_bound_already() {
        let text = "MATCH p = (a:Record {id: 1})-[:RELATES*1..3]->(b)<--(:Topic) WHERE b.id > 2 RETURN nodes(p)";
        let once = says(text);
        let statement = read(&once).expect("it can be read");
        let bound = |label: &String| label == SHARED || label == "tenant:acme";
        assert!(statement.paths().flat_map(super::super::cypher::Path::nodes).all(|n| n.labels.iter().any(bound)));
    }
}
