//! The operators' console: statements in SQL that people write, and what has to be true of one before it runs (STO-07).
//!
//! A statement goes through [`sql`]'s analysis, through the policy, which is asked about the tables that it names, and
//! into a sandbox of so many rows; what is refused is in the SIEM before its author hears of it. Cypher has the guard
//! of the graph's driver. Knows nothing of connections: a service is linked with it.

pub mod sql;
