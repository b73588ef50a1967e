//! From beginning to end: nodes are started, cues are played, and in the end everybody lets go.
//!
//! madsim starts a node's task anew after a kill by a function that must be `Send`, and a run is not. So the run of
//! this thread stands in a thread-local place, where that function finds it.

use crate::engine::{Engine, address};
use crate::node;
use madsim::net::NetSim;
use madsim::runtime::Handle;
use madsim::task::NodeId as MadId;
use madsim::time::{TimeHandle, sleep};
use sim::NodeId;
use sim::host::Power;
use sim::machine::Platform;
use sim::time::EPOCH_UNIX_S;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
    static BEGUN: Cell<Option<std::time::Instant>> = const { Cell::new(None) };
}

/// Clears the place.
pub fn leave() {
    CURRENT.set(None);
    BEGUN.set(None);
}

/// What time it is in the run of this thread, since the Unix epoch: nothing, where there is no run. The system's clock
/// says something else, because madsim draws a date of its own for it.
pub fn since_epoch() -> Option<Duration> {
    let elapsed = TimeHandle::current().now_instant() - BEGUN.get()?;
    Some(Duration::from_secs(EPOCH_UNIX_S) + elapsed)
}

/// The run of this thread.
fn current<P: Platform>() -> Rc<Engine<P>> {
    let engine = CURRENT.with_borrow(Clone::clone).expect("a run is in progress on this thread");
    engine.downcast().unwrap_or_else(|_| panic!("the run of this thread speaks other words"))
}

/// Starts every node, plays every cue, and waits for the end.
pub async fn drive<P: Platform>(engine: Rc<Engine<P>>) {
    CURRENT.set(Some(engine.clone()));
    BEGUN.set(Some(engine.begin()));
    let handle = Handle::current();
    let mut ids = vec![None; engine.run.nodes() as usize];
    for node in engine.there() {
        let start = move || node::host::<P>(current(), node);
        let builder = handle.create_node().name(engine.run.role(node)).ip(address(node).ip());
        ids[node.0 as usize] = Some(builder.init(start).build().id());
    }
    let mut grip = Grip { ids, handle };
    for (at, cue) in engine.run.cues().to_vec() {
        if at > engine.run.end() {
            break;
        }
        engine.at(at).await;
        engine.run.play(cue, at, &mut grip);
        engine.there().for_each(|node| engine.wake(node));
    }
    engine.at(engine.run.end()).await;
    // Tasks hold the run, and the run holds their wakers: who is killed lets go of it when it is next polled.
    grip.ids.iter().flatten().for_each(|id| grip.handle.kill(*id));
    sleep(Duration::ZERO).await;
}

/// madsim's hands, with its name for each node that is there.
struct Grip {
    ids: Vec<Option<MadId>>,
    handle: Handle,
}

impl Grip {
    fn id(&self, node: NodeId) -> Option<MadId> {
        self.ids[node.0 as usize]
    }

    /// Both ends of a link, when both are there.
    fn ends(&self, from: NodeId, to: NodeId) -> Option<(MadId, MadId)> {
        self.id(from).zip(self.id(to))
    }
}

impl Power for Grip {
    fn down(&mut self, node: NodeId) {
        if let Some(id) = self.id(node) {
            self.handle.kill(id);
        }
    }

    fn up(&mut self, node: NodeId) {
        if let Some(id) = self.id(node) {
            self.handle.restart(id);
        }
    }

    fn cut(&mut self, from: NodeId, to: NodeId) {
        if let Some((from, to)) = self.ends(from, to) {
            NetSim::current().clog_link(from, to);
        }
    }

    fn heal(&mut self, from: NodeId, to: NodeId) {
        if let Some((from, to)) = self.ends(from, to) {
            NetSim::current().unclog_link(from, to);
        }
    }
}
