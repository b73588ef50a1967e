//! `cellproof certify`: a real deployment, judged against the requirements that the simulation proves.
//!
//! Start at [`deployment`] (what is judged, and how far a judge may go) and [`report`] (what it says). One component a
//! module; each knows its own protocol and nothing of the others.

pub mod asks;
pub mod assessment;
pub mod deployment;
mod files;
pub mod gateway;
pub mod http;
pub mod kafka;
mod level;
mod metrics;
mod policy;
pub mod postgres;
mod redis;
pub mod report;
pub mod text;
mod tls;
mod trace;

use deployment::Deployment;
use report::Report;

/// Judges every component that the deployment names.
pub fn judge(deployment: &Deployment) -> Report {
    let postgres = deployment.postgres.iter().map(|p| postgres::judge(deployment, p));
    let redis = deployment.redis.iter().map(|r| redis::judge(deployment, r));
    let kafka = deployment.kafka.iter().map(|k| kafka::judge(deployment, k));
    let gateway = deployment.gateway.iter().map(|g| gateway::judge(deployment, g));
    let metrics = deployment.metrics.iter().map(|m| metrics::judge(deployment, m.get_ref()));
    let policy = deployment.policy.iter().map(|p| policy::judge(deployment, p.get_ref()));
    let trace = deployment.trace.iter().map(|t| trace::judge(deployment, t.get_ref()));
    let files = deployment.files.iter().map(|f| files::judge(deployment, f.get_ref()));
    let servers = postgres.chain(redis).chain(kafka).chain(gateway);
    let components = servers.chain(policy).chain(metrics).chain(trace).chain(files).collect();
    let (a, b) = deployment.tenants();
    Report::new(&deployment.name, deployment.mode, [a.id.clone(), b.id.clone()], components)
}
