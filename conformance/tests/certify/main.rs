//! `cellproof certify` on real servers, by the real binary.
//!
//! Servers are found or started by `conformance::provision`. Where there is none, a test says so and ends, unless the
//! environment demands one.

mod agents;
mod brokers;
mod budgets;
mod bundles;
mod caches;
mod figures;
mod gateways;
mod refusals;
mod rego;
mod schemas;
mod support;
mod tls;
mod traces;
