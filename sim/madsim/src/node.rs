//! The task of a node: it hosts a machine, and sleeps until something is due or arrives.

use crate::engine::{Engine, Seat, address};
use crate::link;
use madsim::net::Endpoint;
use madsim::task::spawn_local;
use sim::NodeId;
use sim::host::Departure;
use sim::machine::Platform;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Hosts a node until it is killed.
pub async fn host<P: Platform>(engine: Rc<Engine<P>>, node: NodeId) {
    let endpoint = match Endpoint::bind(address(node)).await {
        Ok(endpoint) => endpoint,
        Err(why) => return engine.run.error(format!("madsim failed to bind {}: {why}", engine.run.role(node))),
    };
    if let Some(guest) = engine.guests.get(&engine.run.role(node)) {
        spawn_local(guest(Seat::at(engine.clone(), node)));
    }
    let mut links: BTreeMap<NodeId, UnboundedSender<Departure<P>>> = BTreeMap::new();
    for peer in engine.there().filter(|peer| *peer != node) {
        let (sender, words) = unbounded_channel();
        links.insert(peer, sender);
        spawn_local(link::send(engine.clone(), endpoint.clone(), (node, peer), words));
        spawn_local(link::receive(engine.clone(), endpoint.clone(), (peer, node)));
    }
    loop {
        for word in engine.advance(node) {
            if word.to == node {
                engine.run.arrive(node, engine.now(), word.lineage, word.input);
            } else if let Some(link) = links.get(&word.to) {
                // The other end of the channel lives as long as this task does.
                let _ = link.send(word);
            }
        }
        rest(&engine, node).await;
    }
}

/// Sleeps until the node has something to do.
async fn rest<P: Platform>(engine: &Engine<P>, node: NodeId) {
    let mut woken = pin!(engine.woken(node));
    let mut due = engine.run.next_at(node).map(|at| engine.at(at));
    poll_fn(|task| {
        if woken.as_mut().poll(task).is_ready() {
            return Poll::Ready(());
        }
        match &mut due {
            Some(due) => due.as_mut().poll(task),
            None => Poll::Pending,
        }
    })
    .await;
}
