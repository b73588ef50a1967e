//! The kernel of cellproof: time, seed, machine, world, faults, journal, record, measure, chain.
//!
//! Start at [`world`]: it runs [`machine`]s, which are sans-IO models, on an event heap ([`queue`]), connects them by a
//! [`network`] that asks the [`fault`]s, and writes what can be observed into the [`journal`], where [`oracle`]s judge
//! it. Luck comes from [`seed`] alone, and [`choice`] can override any single draw. What a run leaves is a [`record`].
//!
//! Knows nothing of runtimes, clocks, sockets, threads, or any word of the platform under test.

#![forbid(unsafe_code)]

pub mod absence;
pub mod chain;
pub mod choice;
pub mod control;
pub mod court;
pub mod disk;
pub mod fault;
pub mod host;
pub mod id;
pub mod journal;
pub mod machine;
pub mod measure;
pub mod network;
pub mod node;
pub mod oracle;
pub mod planted;
pub mod queue;
pub mod record;
pub mod seed;
pub mod swarm;
pub mod time;
pub mod world;

pub use control::{Control, ControlSet, Controls};
pub use id::NodeId;
pub use machine::{Ctx, Fact, Input, Machine, Message, Outbox, Platform};
pub use record::Vantage;
pub use seed::Lineage;
pub use time::{Duration, Instant};
