//! What a service is linked with: a driver that runs nothing as it came, and everything in the name of one tenant.

use super::guard::{Refused, guard, guard_operator};
use super::read::read;
use crate::control::Controls;
use crate::ids::TenantId;
use crate::wire::bolt::{Failure, Properties, Request, Response, Scalar};
use crate::wire::http::Reason;
use serde_json::json;
use sim::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What somebody wants of the graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Errand {
    /// The records that one of them leads to.
    Related {
        /// From which.
        id: i64,
        /// Over so many relations, at most.
        depth: u32,
    },
    /// A statement of the caller's own.
    Statement(String),
    /// A statement of the operators' console.
    Operator(String),
}

/// Relations that a look at one record's surroundings follows, unless it says otherwise, and at most.
pub const DEPTH_DEFAULT: u32 = 1;
/// See [`DEPTH_DEFAULT`].
pub const DEPTH_MAX: u32 = 3;
/// Guarded texts that are kept, at most.
const GUARDED_MAX: usize = 512;

/// A service's way to the graph of its cell.
#[derive(Clone, Debug)]
pub struct Library {
    /// The database.
    pub store: NodeId,
    guarded: BTreeMap<(TenantId, bool, String), Result<Arc<str>, Refused>>,
}

/// Whether a statement would change the graph. What cannot be read changes nothing, because nobody runs it.
pub fn is_write(text: &str) -> bool {
    read(text).is_ok_and(|statement| !statement.writes.is_empty())
}

impl Library {
    /// A driver of a database.
    pub fn new(store: NodeId) -> Library {
        Library { store, guarded: BTreeMap::new() }
    }

    /// The request that an errand of `tenant` comes to.
    ///
    /// # Errors
    /// The guard refuses the statement.
    pub fn prepare(
        &mut self,
        controls: &Controls,
        tenant: &TenantId,
        errand: &Errand,
    ) -> Result<Box<Request>, Refused> {
        let mut params: Properties = vec![("tenant".into(), Scalar::Text(tenant.clone()))];
        let text = match errand {
            Errand::Related { id, depth } => {
                params.push(("id".into(), Scalar::Int(*id)));
                let depth = (*depth).clamp(1, DEPTH_MAX);
                format!(
                    "MATCH p = (a:Record {{id: $id}})-[:RELATES*1..{depth}]->(b:Record) \
                     RETURN b.id AS id, b.name AS name, length(p) AS hops"
                )
            }
            Errand::Statement(text) | Errand::Operator(text) => text.clone(),
        };
        if self.guarded.len() >= GUARDED_MAX {
            self.guarded.clear();
        }
        let key = (tenant.clone(), matches!(errand, Errand::Operator(_)), text);
        let text = self.guarded.entry(key).or_insert_with_key(|(tenant, is_operator, text)| {
            let guard = if *is_operator { guard_operator } else { guard };
            guard(controls, tenant, text).map(Arc::from)
        });
        Ok(Box::new(Request::Run { tenant: tenant.clone(), text: text.clone()?, params }))
    }
}

/// What an answer means for the client: a reason, and the content.
pub fn answer(response: &Response) -> (Reason, Vec<u8>) {
    match response {
        Response::Rows { columns, rows } => {
            let columns: Vec<&str> = columns.iter().map(|column| &**column).collect();
            let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|v| v.to_json()).collect()).collect();
            (Reason::Ok, json!({ "columns": columns, "rows": rows }).to_string().into_bytes())
        }
        Response::Done | Response::Relations(_) => (Reason::Ok, Vec::new()),
        Response::Failed(failure, what) => (reason(*failure), what.as_bytes().to_vec()),
    }
}

fn reason(failure: Failure) -> Reason {
    match failure {
        Failure::Syntax | Failure::Semantics | Failure::NoProcedure => Reason::BadRequest,
        Failure::Forbidden | Failure::TooLong => Reason::QueryRefused,
        Failure::Constraint => Reason::Conflict,
        Failure::ReadOnly => Reason::ReadOnly,
        Failure::Unavailable => Reason::DependencyDown,
    }
}
