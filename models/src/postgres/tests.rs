//! Tests of the component as a whole: SQL in, outcomes out, with crashes and failovers between.

mod against_naive;
mod bypass;
mod failover;
mod foreign_keys;
mod log;
mod pool;
mod rls;
mod schemas;
mod sql;
mod versions;
