//! The words of the reference platform on turmoil: their codec, and mutual TLS with the SVIDs of its mesh.
//!
//! The handshake words of the model decide as on every engine; beside them the word with which a client shows itself
//! opens a real TLS connection, on which everything that follows travels. What rustls did and what the model decided
//! must agree: a difference is a mistake of the run, and so is a word in the clear between two ends that hold a link.
//! Links that an attacker holds stay in the clear, because the attack there is on the model's own seal.

use crate::engine::Order;
use crate::speech::{Line, Manner, Speech};
use crate::tls::End;
use models::fact::Fact;
use models::mesh::handshake::Identity;
use models::mesh::terminal::Terminal;
use models::platform::sidecar::Sidecar;
use models::saas::Saas;
use models::wire::Wire;
use models::wire::codec;
use models::wire::svid::{Chain, Handshake};
use sim::control::ControlSet;
use sim::seed::Draws;
use sim::world::{Outcome, WorldSpec};
use sim::{Instant, Lineage, NodeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, ServerConfig};

/// Runs a world of the reference platform on turmoil; `seed` is what turmoil draws from. Every fact is kept, because
/// what rustls did is held against what the mesh decided.
pub fn run(mut spec: WorldSpec<Saas>, draws: Draws, off: ControlSet, seed: u64) -> Outcome<Saas> {
    spec.keep = true;
    let guests = BTreeMap::new();
    crate::run(Order { spec, draws, off, seed, defect: None, guests }, Rc::new(Mesh::new(off)))
}

/// The reference platform's speech.
pub struct Mesh {
    off: ControlSet,
    shown: RefCell<Vec<Shown>>,
}

/// A client has shown itself to a server.
struct Shown {
    by: NodeId,
    to: NodeId,
    lineage: Lineage,
    at: Instant,
    /// Whether both ends of a TLS connection believed each other.
    by_tls: bool,
}

impl Mesh {
    /// The speech of a run with these controls off.
    pub fn new(off: ControlSet) -> Mesh {
        Mesh { off, shown: RefCell::default() }
    }

    /// What a node brings to a connection with another.
    fn terminal(line: &Line<'_, Saas>, node: NodeId, peer: NodeId, opens: bool) -> Option<Terminal> {
        let now = line.run.local(node, line.now);
        let of_sidecar = line.run.look(node, |sidecar: &Sidecar| sidecar.terminal(peer, now, opens));
        // An attacker looks at nothing, and shows what it has.
        let of_attacker = || line.run.look(node, |id: &Identity| Terminal { identity: id.clone(), trust: None });
        of_sidecar.unwrap_or_else(of_attacker)
    }

    fn is_meshed(line: &Line<'_, Saas>, node: NodeId) -> bool {
        line.run.look(node, |_: &Sidecar| ()).or_else(|| line.run.look(node, |_: &Identity| ())).is_some()
    }

    /// How many clients showed themselves so far: by TLS, and refused by it.
    pub fn shown(&self) -> (usize, usize) {
        let shown = self.shown.borrow();
        let by_tls = shown.iter().filter(|shown| shown.by_tls).count();
        (by_tls, shown.len() - by_tls)
    }
}

/// An end of a TLS connection that is opened at `now` on that end's clock, in a run with these controls off.
pub fn end(terminal: Terminal, now: Instant, off: ControlSet) -> End {
    let Terminal { identity, trust } = terminal;
    let chain = identity.chain().iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    let sign = Arc::new(move |message: &[u8]| identity.sign(message));
    let believe = Arc::new(move |shown: &[CertificateDer<'_>]| {
        let Some(trust) = &trust else { return Ok(()) };
        let chain: Chain = shown.iter().map(|der| Arc::from(der.as_ref())).collect();
        trust.believe(now, off, &chain).map_err(|denial| denial.code().to_owned())
    });
    End { chain, sign, believe }
}

impl Speech<Saas> for Mesh {
    fn encode(&self, word: &Wire) -> Result<Vec<u8>, String> {
        codec::encode(word).map_err(|why| format!("{}: {why}", word.name()))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Wire, String> {
        codec::decode(bytes).map_err(|why| why.to_string())
    }

    fn manner(&self, line: &Line<'_, Saas>, word: &Wire) -> Manner {
        let meshed = [line.from, line.to].into_iter().all(|node| Mesh::is_meshed(line, node));
        if !meshed || line.run.is_held(line.from, line.to) {
            return Manner::Plain;
        }
        match word {
            Wire::Handshake(word) if matches!(**word, Handshake::ClientProof { .. }) => Manner::Shows,
            Wire::Handshake(_) | Wire::Svid(_) | Wire::Connected(_) => Manner::Plain,
            _ => Manner::Secured,
        }
    }

    fn client(&self, line: &Line<'_, Saas>) -> Option<Arc<ClientConfig>> {
        let terminal = Mesh::terminal(line, line.from, line.to, true)?;
        Some(end(terminal, line.run.local(line.from, line.now), self.off).client())
    }

    fn server(&self, line: &Line<'_, Saas>) -> Option<Arc<ServerConfig>> {
        let terminal = Mesh::terminal(line, line.to, line.from, false)?;
        Some(end(terminal, line.run.local(line.to, line.now), self.off).server())
    }

    fn arrived(&self, line: &Line<'_, Saas>, word: &Wire, lineage: Lineage, by_tls: bool) -> Result<(), String> {
        match self.manner(line, word) {
            Manner::Shows => {
                let (by, to, at) = (line.from, line.to, line.now);
                self.shown.borrow_mut().push(Shown { by, to, lineage, at, by_tls });
                Ok(())
            }
            Manner::Secured if !by_tls => {
                let now = line.run.local(line.to, line.now);
                match line.run.look(line.to, |sidecar: &Sidecar| sidecar.is_linked(line.from, now)) {
                    Some(true) => Err("rustls does not believe it, and the sidecar holds a link with it".to_owned()),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, outcome: &mut Outcome<Saas>) {
        for shown in self.shown.borrow().iter() {
            let is_answer = |at: Instant, node: NodeId, cause: u64| {
                node == shown.to && cause == shown.lineage.cause && at >= shown.at
            };
            let decided = outcome.journal.entries.iter().find_map(|entry| match &entry.fact {
                Fact::Decided { by: "mesh", allowed, reason, .. } if is_answer(entry.at, entry.node, entry.cause) => {
                    Some((*allowed, *reason))
                }
                _ => None,
            });
            let Some((allowed, reason)) = decided else { continue };
            if allowed != shown.by_tls {
                let [by, to] = [shown.by, shown.to].map(|node| &outcome.roles[node.0 as usize]);
                let rustls = if shown.by_tls { "accepted" } else { "refused" };
                outcome.errors.push(format!("rustls {rustls} {by} at {to}, and the mesh said {reason}"));
            }
        }
    }
}
