//! The application service (orchestrator API): authorises by policy, reads through the cache, writes to the database,
//! publishes events.
//!
//! It trusts the tenant that the gateway set, because only the gateway's identity may call it; it does not trust the
//! record that a path names. A reference `{tenant}~{id}` may name another tenant's record: the policy decides on the
//! record's owner, the database decides again.

pub mod caller;
pub mod circuit;
pub mod class;
pub mod connection;
pub mod customers;
pub mod databases;
pub mod derived;
pub mod edge;
pub mod filter;
pub mod flights;
pub mod graphql;
pub mod insights;
pub mod instance;
pub mod labelled;
pub mod machine;
pub mod masking;
pub mod operation;
pub mod reader;
pub mod reason;
pub mod refused;
pub mod release;
pub mod slices;
pub mod store;
pub mod upstream;

pub use machine::{App, AppSpec};
