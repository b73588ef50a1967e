//! The registrar: keeps the log of requests that change something, in the cell's own database, and watches over it.
//!
//! What is not in the log is not done: the service asks before it changes anything. Each row is chained to the one
//! before and signed, with a key that the database has never seen; whoever is master there can edit rows and compute
//! chains, and sign nothing. How far the log went is known to the registrar, who reads all of it again and again.

pub mod chain;
pub mod machine;
