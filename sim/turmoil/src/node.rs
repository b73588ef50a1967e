//! The tasks of a host: one that hosts a machine and sleeps until something is due or arrives, one that listens.

use crate::engine::{Engine, PLAIN, Seat, TLS};
use crate::frame::{self, Frame};
use crate::link::{self, Parcel};
use crate::speech::Manner;
use crate::tls;
use sim::NodeId;
use sim::machine::{Input, Platform};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::net::Ipv4Addr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::spawn_local;
use tokio::time::sleep;
use turmoil::net::{TcpListener, TcpStream};

/// Hosts a node until its host is crashed.
pub async fn host<P: Platform>(engine: Rc<Engine<P>>, node: NodeId) -> turmoil::Result {
    for port in [PLAIN, TLS] {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        spawn_local(listen(engine.clone(), node, listener, port == TLS));
    }
    if let Some(guest) = engine.guests.get(&engine.run.role(node)) {
        spawn_local(guest(Seat::at(engine.clone(), node)));
    }
    let mut links: BTreeMap<NodeId, UnboundedSender<Parcel<P>>> = BTreeMap::new();
    loop {
        for word in engine.advance(node) {
            if word.to == node {
                engine.arrive(node, word.lineage, word.input);
            } else if engine.is_up(word.to) {
                let link = links.entry(word.to).or_insert_with(|| link::open(engine.clone(), node, word.to));
                // The other end of the channel lives as long as this task does.
                let _ = link.send((engine.breaks(node, word.to), word));
            }
        }
        rest(&engine, node).await;
    }
}

/// Sleeps until the node has something to do.
async fn rest<P: Platform>(engine: &Engine<P>, node: NodeId) {
    let mut woken = pin!(engine.woken(node));
    let until = engine.run.next_at(node).map(|at| Duration::from_nanos(at.since(engine.now()).0));
    let mut due = pin!(until.map(sleep));
    poll_fn(|task| {
        if woken.as_mut().poll(task).is_ready() {
            return Poll::Ready(());
        }
        match due.as_mut().as_pin_mut() {
            Some(due) => due.poll(task),
            None => Poll::Pending,
        }
    })
    .await;
}

async fn listen<P: Platform>(engine: Rc<Engine<P>>, node: NodeId, listener: TcpListener, by_tls: bool) {
    while let Ok((stream, address)) = listener.accept().await {
        // Who speaks is read off the address, as on any network.
        let Some(from) = engine.at_address(address.ip()) else { continue };
        spawn_local(receive(engine.clone(), (from, node), stream, by_tls));
    }
}

async fn receive<P: Platform>(engine: Rc<Engine<P>>, (from, node): (NodeId, NodeId), stream: TcpStream, by_tls: bool) {
    if !by_tls {
        return take_all(&engine, (from, node), stream, false).await;
    }
    let Some(config) = engine.speech.server(&engine.line(from, node)) else { return };
    if let Some(stream) = tls::accept(config, stream).await {
        take_all(&engine, (from, node), stream, true).await;
    }
}

async fn take_all<P: Platform>(
    engine: &Engine<P>,
    (from, node): (NodeId, NodeId),
    mut stream: impl AsyncRead + Unpin,
    by_tls: bool,
) {
    loop {
        match frame::read(&*engine.speech, &mut stream).await {
            Ok(Some(frame)) => take(engine, (from, node), frame, by_tls),
            Ok(None) => return,
            Err(why) => {
                let [from, to] = [from, node].map(|n| engine.run.role(n));
                return engine.run.error(format!("{to} cannot read {from}: {why}"));
            }
        }
    }
}

fn take<P: Platform>(engine: &Engine<P>, (by, node): (NodeId, NodeId), frame: Frame<P>, by_tls: bool) {
    let line = engine.line(by, node);
    let claims = match &frame.input {
        Input::Message { from, .. } => engine.run.may_speak_as(by, *from, node),
        Input::Intercepted { from, .. } => *from == by,
        Input::Refused { to, .. } => *to == by,
        Input::Timer { .. } | Input::Synced { .. } => false,
    };
    let said = frame::word(&frame.input).map(|(.., word)| word);
    let checked = match said {
        Some(word) if claims => {
            if engine.speech.manner(&line, word) == Manner::Shows {
                engine.shows_now(by, node);
            }
            engine.speech.arrived(&line, word, frame.lineage, by_tls)
        }
        _ => Err("it speaks under another's name".to_owned()),
    };
    match checked {
        Ok(()) => engine.arrive(node, frame.lineage, frame.input),
        Err(why) => {
            let [from, to] = [by, node].map(|n| engine.run.role(n));
            engine.run.error(format!("{to} does not listen to {from}: {why}"));
        }
    }
}
