//! Reference models of the whole platform: one component, one folder.
//!
//! Components are sans-IO, speak the neutral words of [`wire`], and do not import each other, apart from a few client
//! libraries that the plan of the house names; only [`platform`] knows them all. A check that can be switched off is a
//! [`control`], declared in the file that enforces it. [`oracles`] judge the promises of the [`catalogue`] from
//! [`fact`]s alone.

#![forbid(unsafe_code)]

pub mod app;
pub mod autoscaler;
pub mod breaker;
pub mod cache;
pub mod catalogue;
pub mod config;
pub mod console;
pub mod control;
pub mod crypto;
pub mod fact;
pub mod gateway;
pub mod gitops;
pub mod graph;
pub mod idp;
pub mod ids;
pub mod kafka;
pub mod kube;
pub mod luck;
pub mod marker;
pub mod mesh;
pub mod mirror;
pub mod objects;
pub mod offline;
pub mod oracles;
pub mod planted;
pub mod platform;
pub mod policy;
pub mod portal;
pub mod postgres;
pub mod registrar;
pub mod registry;
pub mod remediation;
pub mod retry;
pub mod rollout;
pub mod saas;
pub mod sentinel;
pub mod siem;
pub mod wire;
pub mod witness;
