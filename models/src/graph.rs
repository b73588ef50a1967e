//! The graph database of a cell: nodes and relationships of all its tenants in one graph, with shared nodes between
//! them, as Neo4j keeps them.
//!
//! Every node carries its tenant's label (`tenant:acme`) or `Shared`, every relationship belongs to a tenant. A service
//! is linked with [`client`], which binds each pattern of a statement to one tenant by [`guard`]; the store permits a
//! session what its tenant's label permits, and fences paths, index and constraints by it. The language is Cypher, as
//! far as [`cypher`] says; what is not modelled is refused with its place, never ignored. Like the real thing it has
//! its weaknesses: a shared node has neighbours of every tenant, a procedure may run with nobody's permission, and a
//! unique property betrays what exists.

pub mod case;
pub mod client;
pub mod cypher;
pub mod guard;
pub mod log;
pub mod machine;
pub mod matching;
pub mod procedure;
pub mod read;
pub mod replica;
pub mod run;
pub mod store;
pub mod stream;
pub mod sync;
