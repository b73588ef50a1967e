//! The Postgres of a cell: a SQL engine with row-level security, a pool in transaction mode, a log, two nodes that hand
//! leadership over, and a logical replica in another cell.
//!
//! It behaves like PostgreSQL 15 with its weaknesses: a unique key betrays hidden rows, `TRUNCATE` asks no policy, a
//! `SET` outlives its transaction on a pooled session, and whoever can run SQL can set `app.tenant_id` to any tenant.
//! What is not modelled is refused with `0A000`, never ignored.

pub mod analyze;
pub mod arbiter;
pub mod assign;
pub mod bind;
pub mod case;
pub mod catalog;
pub mod clause;
pub mod coerce;
pub mod create_table;
pub mod ddl;
pub mod doom;
pub mod engine;
pub mod execute;
pub mod expr;
pub mod foreign_key;
pub mod function;
pub mod grants;
pub mod inherit;
pub mod interleave;
pub mod kept;
mod kind;
pub mod lower;
pub mod machine;
pub mod mark;
pub mod materialized;
pub mod name;
pub mod namespace;
pub mod only;
pub mod partition;
pub mod plan;
pub mod plan_cache;
pub mod pool;
pub mod prepare;
pub mod primary;
pub mod publication;
pub mod recover;
pub mod reference;
pub mod referential;
pub mod reign;
pub mod rls;
pub mod rls_predicate;
pub mod schema_ddl;
pub mod session;
pub mod setting;
pub mod slot;
pub mod sqlstate;
pub mod standby;
pub mod store;
pub mod subscriber;
pub mod subscription;
pub mod system;
pub mod transaction;
pub mod versions;
pub mod view;
pub mod wait;
pub mod wal;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
