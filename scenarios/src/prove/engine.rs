//! What runs a world. The kernel does everywhere; another engine is handed in by who has one.

use models::saas::Saas;
use sim::control::ControlSet;
use sim::seed::Draws;
use sim::world::{Outcome, World, WorldSpec};

/// An engine, by name.
#[derive(Clone, Copy)]
pub struct Engine {
    /// As it stands in records and tokens.
    pub name: &'static str,
    /// Runs a world with these draws and without these controls; the number is what the engine itself may draw from.
    pub run: fn(WorldSpec<Saas>, Draws, ControlSet, u64) -> Outcome<Saas>,
}

/// The reference, and the source of evidence.
pub const KERNEL: Engine = Engine { name: "kernel", run: |spec, draws, off, _| World::new(spec, draws, off).run() };
