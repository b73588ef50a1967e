//! One direction of a connection: words that wait leave together, in one datagram, and arrive in order.

use crate::engine::{Engine, address};
use madsim::net::Endpoint;
use sim::NodeId;
use sim::host::Departure;
use sim::machine::Platform;
use std::rc::Rc;
use tokio::sync::mpsc::UnboundedReceiver;

/// A datagram: its number on this connection, and the ticket of its words.
const DATAGRAM: usize = 16;

/// Carries words from `from` to `to`, as they come.
pub async fn send<P: Platform>(
    engine: Rc<Engine<P>>,
    endpoint: Endpoint,
    (from, to): (NodeId, NodeId),
    mut words: UnboundedReceiver<Departure<P>>,
) {
    let mut number: u64 = 0;
    while let Some(first) = words.recv().await {
        let mut batch = vec![first];
        while let Ok(word) = words.try_recv() {
            batch.push(word);
        }
        let mut datagram = [0; DATAGRAM];
        datagram[..8].copy_from_slice(&number.to_le_bytes());
        datagram[8..].copy_from_slice(&engine.counter.leave(batch).to_le_bytes());
        number += 1;
        if let Err(why) = endpoint.send_to(address(to), u64::from(from.0), &datagram).await {
            engine.run.error(format!("madsim failed to send to {}: {why}", engine.run.role(to)));
        }
    }
}

/// Hands what arrives from `from` to the node `to`.
pub async fn receive<P: Platform>(engine: Rc<Engine<P>>, endpoint: Endpoint, (from, to): (NodeId, NodeId)) {
    let mut last = None;
    let mut datagram = [0; DATAGRAM];
    while let Ok((DATAGRAM, _)) = endpoint.recv_from(u64::from(from.0), &mut datagram).await {
        let word = |at: usize| u64::from_le_bytes(datagram[at..at + 8].try_into().expect("eight bytes"));
        let (number, ticket) = (word(0), word(8));
        // A peer that has restarted counts anew.
        if number != 0 && last.is_some_and(|last| last >= number) {
            engine.run.error(format!("madsim brought datagram {number} after {last:?}"));
        }
        last = Some(number);
        let now = engine.now();
        for word in engine.counter.take(ticket) {
            engine.run.arrive(to, now, word.lineage, word.input);
        }
        engine.wake(to);
    }
}
