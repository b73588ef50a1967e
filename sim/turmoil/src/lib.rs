//! The machines of cellproof on turmoil: its hosts, its simulated TCP, and everything on it as bytes.
//!
//! A node of a run is a host of turmoil, with one task that hosts its machine ([`sim::host`]), and one connection for
//! each direction in which it speaks to another. Words travel in frames with a length before them, in the encoding of
//! [`Speech`]; where the platform speaks mutual TLS, rustls carries them, with the certificates that the machines have
//! at that moment and on their own clocks. A crash ends the host's tasks and connections, a partition cuts turmoil's
//! links; every other fault is the hosted node's business, as in the kernel.
//!
//! turmoil moves its clock in ticks of a millisecond, so a word arrives one to two milliseconds later than in the
//! kernel, and a TLS connection takes some eight before its first word. Nothing that a machine computes is late.
//!
//! Keys of TLS sessions are the library's own luck: the bytes on the wire differ from run to run. Their lengths do not,
//! and no decision depends on more.

#![forbid(unsafe_code)]

mod drive;
mod engine;
mod frame;
pub mod guest;
mod link;
pub mod mesh;
mod node;
mod speech;
pub mod tls;

pub use engine::{Guest, Order, Seat};
pub use speech::{Line, Manner, Speech};

use engine::Engine;
use sim::machine::Platform;
use sim::world::Outcome;
use std::rc::Rc;

/// Runs a world on turmoil.
///
/// # Panics
/// When a task of the engine outlives its hosts.
pub fn run<P: Platform>(order: Order<P>, speech: Rc<dyn Speech<P>>) -> Outcome<P> {
    let engine = Rc::new(Engine::new(order, speech.clone()));
    drive::drive(&engine);
    let engine = Rc::try_unwrap(engine).unwrap_or_else(|_| panic!("a task outlives its host"));
    let mut outcome = engine.run.finish();
    speech.judge(&mut outcome);
    outcome
}
