//! The Redis cache of a cell: the server, and the client library through which services use it.
//!
//! Two layers keep tenants apart (CAC-01): the client library puts the tenant into the key, and the server holds each
//! ACL user to its key patterns. A plain read of another tenant's entry needs both to be off. What the two cannot stop
//! has a control of its own:
//!
//! * a crafted name inside *one* ACL user's pattern: [`keys::KEY_ENCODING`];
//! * entries of a former owner of the same name: [`envelope::EPOCH_FENCE`];
//! * pushing others out of memory: [`memory::TENANT_FLOOR`].
//!
//! Kept from Redis, because attacks use it: a failed `AUTH` leaves the connection authenticated as before, `KEYS` and
//! `SCAN` ignore key patterns, ACLs know nothing of logical databases, and expired entries go when somebody looks.

pub mod acl;
pub mod client;
pub mod envelope;
pub mod keys;
pub mod machine;
pub mod memory;
pub mod server;

#[cfg(test)]
mod tests;

pub use acl::User;
pub use client::{Account, CacheClient, Call, Read};
pub use keys::{Key, Owner};
pub use memory::Memory;
pub use server::CacheServer;
