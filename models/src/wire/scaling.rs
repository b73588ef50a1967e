//! Words of an autoscaler: what it asks gateways and instances, what it has instances do, and whom it says to be ready.
//!
//! Whatever it orders it says again and again with the instant at which it says so, because words get lost, overtake
//! each other, and meet nodes that have just restarted. An order that is older than another one that was heard counts
//! for nothing.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How far an instance of the service has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Standing {
    /// It does not run.
    Off,
    /// It was ordered, and is on its way: it serves nobody yet.
    Starting,
    /// It serves.
    Ready,
    /// It finishes what it has begun, and then stops.
    Draining,
}

/// A word between an autoscaler, the gateways of its cell and the instances behind them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Scaling {
    /// To a gateway: how many requests has it had for the cell? The number comes back with the answer.
    Count(u64),
    /// So many since it began: those that it refused for load, too; not those that are no load, because they are
    /// nobody's or above their tenant's limits.
    Counted(u64, u64),
    /// To an instance, at an instant in nanoseconds: run, or do not; or only say how far you are.
    Order(u64, Option<bool>),
    /// From an instance: so far.
    Stands(Standing),
    /// To a gateway, at an instant in nanoseconds: these instances take requests, by their places in the cell's list.
    Ready(u64, Arc<[u32]>),
}
