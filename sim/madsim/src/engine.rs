//! One run on madsim, as its tasks share it: the run itself, its clock, who is to be woken.

use crate::counter::Counter;
use madsim::time::{Sleep, TimeHandle, sleep};
use sim::host::{Defect, Departure, Run, Tamper};
use sim::machine::Platform;
use sim::world::Outcome;
use sim::{Instant, NodeId};
use std::cell::{OnceCell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::Notify;

/// A run in progress.
pub struct Engine<P: Platform> {
    /// The run.
    pub run: Run<P>,
    /// Words under way.
    pub counter: Counter<P>,
    tamper: RefCell<Tamper<P>>,
    wakes: Vec<Notify>,
    begun: OnceCell<std::time::Instant>,
}

impl<P: Platform> Engine<P> {
    /// An engine for a run, with a defect or without.
    pub fn new(run: Run<P>, defect: Option<Defect>) -> Engine<P> {
        Engine {
            wakes: (0..run.nodes()).map(|_| Notify::new()).collect(),
            counter: Counter::new(),
            tamper: RefCell::new(Tamper::new(defect)),
            begun: OnceCell::new(),
            run,
        }
    }

    /// Nodes that are there.
    pub fn there(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.run.nodes()).map(NodeId).filter(|node| self.run.is_there(*node))
    }

    /// The run begins now.
    pub fn begin(&self) {
        self.begun.set(TimeHandle::current().now_instant()).expect("a run begins once");
    }

    fn begun(&self) -> std::time::Instant {
        *self.begun.get().expect("the run has begun")
    }

    /// What time it is in the run.
    pub fn now(&self) -> Instant {
        let since = TimeHandle::current().now_instant() - self.begun();
        Instant(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// A timer that runs out at an instant of the run: exactly, where `sleep` alone waits for a millisecond at least.
    pub fn at(&self, at: Instant) -> Pin<Box<Sleep>> {
        let mut timer = Box::pin(sleep(Duration::ZERO));
        timer.as_mut().reset(self.begun() + Duration::from_nanos(at.0));
        timer
    }

    /// Tells a node's task that it may have something to do.
    pub fn wake(&self, node: NodeId) {
        self.wakes[node.0 as usize].notify_one();
    }

    /// Ends when the node is told that it may have something to do.
    pub async fn woken(&self, node: NodeId) {
        self.wakes[node.0 as usize].notified().await;
    }

    /// Lets a node do what is due, and returns what leaves by that. Nothing is due after the end.
    pub fn advance(&self, node: NodeId) -> Vec<Departure<P>> {
        let words = self.run.advance(node, self.now().min(self.run.end()));
        self.tamper.borrow_mut().pass(words)
    }

    /// What the run left.
    pub fn finish(self) -> Outcome<P> {
        self.run.finish()
    }
}

/// Where a node listens.
pub fn address(node: NodeId) -> SocketAddr {
    let [_, b, c, d] = (node.0 + 1).to_be_bytes();
    (Ipv4Addr::new(10, b, c, d), 1).into()
}
