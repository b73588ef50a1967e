//! The machines of cellproof as tasks on madsim: its scheduler, its clock, its network, its kill and restart.
//!
//! A node of a run is a node of madsim, with one task that hosts its machine ([`sim::host`]) and one task for each
//! direction of each connection. Words travel by value: what madsim's network carries is a ticket, and the words wait
//! for it at the counter. A crash kills the node's tasks and closes its sockets; a partition clogs links of madsim's
//! network; every other fault is the hosted node's business, as in the kernel.
//!
//! madsim sends and receives a datagram no faster than in a millisecond each, whatever its latency is set to, so a word
//! arrives some two milliseconds later than in the kernel. Everything else is exact to what a poll takes.

#![forbid(unsafe_code)]

#[cfg(not(madsim))]
compile_error!("build this package in its own folder, where .cargo/config.toml says `--cfg madsim`");

mod counter;
mod drive;
mod engine;
pub mod guest;
mod link;
mod node;

pub use drive::since_epoch;
pub use engine::{Guest, Seat};

use engine::Engine;
use madsim::Config;
use madsim::runtime::Runtime;
use sim::control::ControlSet;
use sim::host::{Defect, Run};
use sim::machine::Platform;
use sim::seed::Draws;
use sim::world::{Outcome, WorldSpec};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Runs a world on madsim. The draws of the world are its own; `seed` is what madsim schedules by.
///
/// # Panics
/// When a task of the engine outlives its runtime.
pub fn run<P: Platform>(
    spec: WorldSpec<P>,
    (draws, seed): (Draws, u64),
    off: ControlSet,
    defect: Option<Defect>,
) -> Outcome<P> {
    run_with(spec, (draws, seed), off, defect, BTreeMap::new())
}

/// Runs a world on madsim with code of a user in it, by the role of the node on whose host it runs. Otherwise as
/// [`run`].
///
/// # Panics
/// As for [`run`].
pub fn run_with<P: Platform>(
    spec: WorldSpec<P>,
    (draws, seed): (Draws, u64),
    off: ControlSet,
    defect: Option<Defect>,
    guests: BTreeMap<String, Guest<P>>,
) -> Outcome<P> {
    let engine = Rc::new(Engine::new(Run::open(spec, draws, off), defect, guests));
    let mut config = Config::default();
    // Latency is drawn by the hosted node, from the run's own luck.
    config.net.send_latency = Duration::ZERO..Duration::from_nanos(1);
    let runtime = Runtime::with_seed_and_config(seed, config);
    runtime.block_on(drive::drive(engine.clone()));
    drop(runtime);
    drive::leave();
    let engine = Rc::try_unwrap(engine).unwrap_or_else(|_| panic!("a task outlives its runtime"));
    engine.finish()
}
