//! Words of a rollout: what its controller holds to be so, who keeps to it, and what a checker compares.
//!
//! What holds is said again and again as a whole, with the instant since when it holds, because words get lost,
//! overtake each other, and meet nodes that have just restarted. A word that is older than another one that was heard
//! counts for nothing.

use super::http::Method;
use crate::ids::{Bytes, TenantId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What holds in a cell: which releases run where, who is sent to the canary, and under which configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Since when, in nanoseconds of the controller's clock: no two states have the same.
    pub at: u64,
    /// The release that all instances run but the canary.
    pub stable: u32,
    /// The release that the canary runs, if it runs.
    pub canary: Option<u32>,
    /// How many of a hundred requests go to the canary.
    pub weight: u8,
    /// The release whose configuration is in force in the whole cell.
    pub config: u32,
    /// How often caches were swept: what was kept before the last time is read no more.
    pub swept: u64,
}

/// A request that a gateway has recorded, to be replayed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// For whom it was served.
    pub tenant: TenantId,
    /// What it did.
    pub method: Method,
    /// To what.
    pub path: Arc<str>,
    /// Its content.
    pub body: Bytes,
}

/// How many questions a canary has answered, beside the stable release.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// As the stable release does.
    pub alike: u64,
    /// Otherwise, however often both were asked.
    pub differ: u64,
    /// Otherwise so far: both are being asked again.
    pub in_doubt: u64,
}

/// A word between a rollout's controller, the gateways and instances of its cell, and its checker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rollout {
    /// To gateways and instances: this holds.
    Hold(Held),
    /// From one of them: it is so here since then. A gateway says besides how many requests the canary has answered for
    /// it, in total: well, and with a fault of the platform.
    Kept(u64, (u64, u64)),
    /// To a checker: compare this release.
    Check(u32),
    /// From a checker: how far it is with that release.
    Checked(u32, Compared),
    /// From a gateway to a checker.
    Recorded(Recording),
}
