//! One run on madsim, as its tasks share it: the run itself, its clock, who is to be woken.

use crate::counter::Counter;
use madsim::time::{Sleep, TimeHandle, sleep};
use sim::host::{Defect, Departure, Run, Tamper};
use sim::machine::{Input, Platform};
use sim::world::Outcome;
use sim::{Instant, Lineage, NodeId};
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// Code of a user that runs on the host of a node, beside its machine, and is started anew with it.
pub type Guest<P> = Rc<dyn Fn(Seat<P>) -> Pin<Box<dyn Future<Output = ()>>>>;

/// What a guest has of the run: it can tell the machine beside it something.
pub struct Seat<P: Platform> {
    engine: Rc<Engine<P>>,
    node: NodeId,
}

impl<P: Platform> Seat<P> {
    pub(crate) fn at(engine: Rc<Engine<P>>, node: NodeId) -> Seat<P> {
        Seat { engine, node }
    }

    /// Gives the machine a word, as from its own node.
    pub fn tell(&self, message: P::Message) {
        let now = self.engine.now();
        let lineage = Lineage::root(u64::from(self.node.0), now.0);
        self.engine.run.arrive(self.node, now, lineage, Input::Message { from: self.node, message });
        self.engine.wake(self.node);
    }
}

/// A run in progress.
pub struct Engine<P: Platform> {
    /// The run.
    pub run: Run<P>,
    /// Words under way.
    pub counter: Counter<P>,
    tamper: RefCell<Tamper<P>>,
    wakes: Vec<Notify>,
    /// Code of a user, by the role of the node on whose host it runs.
    pub guests: BTreeMap<String, Guest<P>>,
    begun: OnceCell<std::time::Instant>,
}

impl<P: Platform> Engine<P> {
    /// An engine for a run, with a defect or without, and with a user's code.
    pub fn new(run: Run<P>, defect: Option<Defect>, guests: BTreeMap<String, Guest<P>>) -> Engine<P> {
        Engine {
            guests,
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

    /// The run begins now, which is returned.
    pub fn begin(&self) -> std::time::Instant {
        let now = TimeHandle::current().now_instant();
        self.begun.set(now).expect("a run begins once");
        now
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
