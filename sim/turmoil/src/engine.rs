//! One run on turmoil: what the tasks of its hosts share.

use crate::speech::{Line, Speech};
use sim::control::ControlSet;
use sim::host::{Defect, Departure, Run, Tamper};
use sim::machine::{Input, Platform};
use sim::seed::Draws;
use sim::world::WorldSpec;
use sim::{Instant, Lineage, NodeId};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

/// Where a node listens for words in the clear.
pub(crate) const PLAIN: u16 = 1;
/// Where it listens for TLS.
pub(crate) const TLS: u16 = 2;

/// What is to be run.
pub struct Order<P: Platform> {
    /// The world.
    pub spec: WorldSpec<P>,
    /// Its luck.
    pub draws: Draws,
    /// Controls that are off.
    pub off: ControlSet,
    /// What turmoil draws from; words depend on it no further than in when they arrive.
    pub seed: u64,
    /// A defect of this adapter.
    pub defect: Option<Defect>,
    /// Code of a user, by the role of the node on whose host it runs.
    pub guests: BTreeMap<String, Guest<P>>,
}

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
        let lineage = Lineage::root(u64::from(self.node.0), self.engine.now().0);
        self.engine.arrive(self.node, lineage, Input::Message { from: self.node, message });
    }
}

/// A run in progress.
pub(crate) struct Engine<P: Platform> {
    pub run: Run<P>,
    pub speech: Rc<dyn Speech<P>>,
    pub guests: BTreeMap<String, Guest<P>>,
    pub seed: u64,
    tamper: RefCell<Tamper<P>>,
    pub wakes: Vec<Notify>,
    pub addresses: OnceCell<BTreeMap<NodeId, IpAddr>>,
    /// How often connections from one node to another were broken by something other than their ends.
    breaks: RefCell<BTreeMap<(NodeId, NodeId), u64>>,
    /// How often one of two nodes showed itself to the other.
    shows: RefCell<BTreeMap<(NodeId, NodeId), u64>>,
    pub cuts: RefCell<BTreeSet<(NodeId, NodeId)>>,
    /// Who has lost power.
    pub down: RefCell<BTreeSet<NodeId>>,
}

impl<P: Platform> Engine<P> {
    pub fn new(order: Order<P>, speech: Rc<dyn Speech<P>>) -> Engine<P> {
        let run = Run::open(order.spec, order.draws, order.off);
        Engine {
            speech,
            seed: order.seed,
            guests: order.guests,
            tamper: RefCell::new(Tamper::new(order.defect)),
            wakes: (0..run.nodes()).map(|_| Notify::new()).collect(),
            addresses: OnceCell::new(),
            breaks: RefCell::default(),
            shows: RefCell::default(),
            cuts: RefCell::default(),
            down: RefCell::default(),
            run,
        }
    }

    /// What time it is in the run; on a host only.
    pub fn now(&self) -> Instant {
        instant(turmoil::sim_elapsed().expect("it is asked on a host"))
    }

    pub fn line(&self, from: NodeId, to: NodeId) -> Line<'_, P> {
        Line { run: &self.run, from, to, now: self.now() }
    }

    /// Where a node listens, if it takes part.
    pub fn address(&self, node: NodeId) -> Option<IpAddr> {
        self.addresses.get().and_then(|all| all.get(&node)).copied()
    }

    /// Whose address it is.
    pub fn at_address(&self, address: IpAddr) -> Option<NodeId> {
        let all = self.addresses.get()?;
        all.iter().find(|(_, known)| **known == address).map(|(node, _)| *node)
    }

    /// Which connection from one node to another is the present one; an older one carries nothing any more.
    pub fn breaks(&self, from: NodeId, to: NodeId) -> u64 {
        self.breaks.borrow().get(&(from, to)).copied().unwrap_or(0)
    }

    /// Whether a node takes part and has power. turmoil keeps what is sent to a host without power and delivers it when
    /// the host is back; no network does, so nothing is sent there.
    pub fn is_up(&self, node: NodeId) -> bool {
        self.address(node).is_some() && !self.down.borrow().contains(&node)
    }

    pub fn breaks_now(&self, from: NodeId, to: NodeId) {
        *self.breaks.borrow_mut().entry((from, to)).or_default() += 1;
    }

    /// How often one of two nodes showed itself to the other, whichever it was.
    pub fn shows(&self, a: NodeId, b: NodeId) -> u64 {
        self.shows.borrow().get(&(a.min(b), a.max(b))).copied().unwrap_or(0)
    }

    pub fn shows_now(&self, a: NodeId, b: NodeId) {
        *self.shows.borrow_mut().entry((a.min(b), a.max(b))).or_default() += 1;
    }

    /// Lets a node do what is due, and returns what leaves by that.
    pub fn advance(&self, node: NodeId) -> Vec<Departure<P>> {
        let words = self.run.advance(node, self.now());
        self.tamper.borrow_mut().pass(words)
    }

    /// Gives a node something.
    pub fn arrive(&self, node: NodeId, lineage: Lineage, input: Input<P>) {
        self.run.arrive(node, self.now(), lineage, input);
        self.wakes[node.0 as usize].notify_one();
    }

    /// Ends when the node may have something to do.
    pub async fn woken(&self, node: NodeId) {
        self.wakes[node.0 as usize].notified().await;
    }

    pub fn there(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.run.nodes()).map(NodeId).filter(|node| self.run.is_there(*node))
    }
}

pub(crate) fn instant(elapsed: Duration) -> Instant {
    Instant(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
}
