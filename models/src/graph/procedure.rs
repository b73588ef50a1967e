//! Procedures that are installed in the database.
//!
//! Neo4j runs a procedure with the permissions of whoever calls it, unless the configuration calls it unrestricted:
//! then with nobody's. Libraries of procedures ask to be installed so.

use super::store::{Graph, SERIAL, Session};
use crate::wire::bolt::{Failure, Scalar};

/// The search of a full-text index.
pub const SEARCH: &str = "db.index.fulltext.queryNodes";
/// Writes out everything that there is. Unrestricted, as its library demands.
pub const EXPORT_ALL: &str = "apoc.export.json.all";
/// Name of the index.
pub const INDEX: &str = "titles";

/// What a field of a procedure's row is.
#[derive(Clone, PartialEq, Debug)]
pub enum Field {
    /// A node.
    Node(super::store::NodeNo),
    /// A plain value.
    Plain(Scalar),
}

/// Rows of a procedure: fields by name.
pub type Fields = Vec<(&'static str, Field)>;

/// Calls a procedure.
///
/// # Errors
/// There is none of that name, or it does not take these arguments.
pub fn call(graph: &Graph, session: Session<'_>, name: &str, arguments: &[Scalar]) -> Result<Vec<Fields>, Failure> {
    match (name, arguments) {
        (SEARCH, [Scalar::Text(index), Scalar::Text(word)]) if **index == *INDEX => {
            let row = |no| vec![("node", Field::Node(no)), ("score", Field::Plain(Scalar::Int(1)))];
            Ok(graph.search(session, word).map(row).collect())
        }
        (SEARCH, _) => Err(Failure::Semantics),
        (EXPORT_ALL, _) => {
            let lines = graph.nodes().filter(|(_, node)| node.property(SERIAL).is_some()).map(|(_, node)| {
                let properties = node.properties.iter().map(|(key, value)| (key.to_string(), value.to_json()));
                serde_json::Value::Object(properties.collect()).to_string()
            });
            let data = lines.collect::<Vec<_>>().join("\n");
            Ok(vec![vec![("data", Field::Plain(Scalar::text(&data)))]])
        }
        _ => Err(Failure::NoProcedure),
    }
}
