//! Rollouts of a cell's service: a canary first, everybody if it was well, and back if it was not (ROL-01, ROL-02,
//! CEL-07).
//!
//! As Argo Rollouts does it: [`machine`] is the controller, whose [`status`] says how far a rollout has come and is on
//! its disk before anybody hears of it; [`analysis`] judges the canary by its own traffic; [`checker`] replays redacted
//! traffic of all cells at it and compares what comes back with what the stable release says. A canary gets no request
//! of a client's before that comparison was well.
//!
//! What a release does and how it fails is the service's own business (`app::release`), and who is sent to the canary
//! is the gateway's (`gateway::machine::canary`).

pub mod analysis;
pub mod checker;
pub mod machine;
pub mod status;

pub use analysis::Settings;
pub use checker::{Checker, CheckerSpec};
pub use machine::{Controller, ControllerSpec, Planned};

#[cfg(test)]
mod tests;
