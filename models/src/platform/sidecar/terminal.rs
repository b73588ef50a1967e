//! What a sidecar shows to an engine that opens real TLS connections for it.

use super::Sidecar;
use crate::mesh::terminal::{Terminal, Trust};
use sim::{Instant, NodeId};

impl Sidecar {
    /// Its end of a TLS connection with `peer`, once it has a certificate. `now` is the time on its own clock. A peer
    /// that opens the connection is one that may call, or that answers on a link which this end opened.
    pub fn terminal(&self, peer: NodeId, now: Instant, opens: bool) -> Option<Terminal> {
        let identity = self.identity.clone()?;
        let (accepts, called) = (&self.spec.accepts, self.spec.peers.get(&peer));
        let expected = match (opens, called) {
            (true, Some(called)) => vec![called.clone()],
            (false, Some(called)) if self.outbound.stands(peer, now) => vec![accepts.clone(), called.clone()],
            _ => vec![accepts.clone()],
        };
        let bundles = self.verifier.store().bundles().cloned().collect();
        let trust = Trust { bundles, expected, memo: self.spec.memo.clone() };
        Some(Terminal { identity, trust: Some(trust) })
    }

    /// Whether a link with `peer` stands, opened by either end.
    pub fn is_linked(&self, peer: NodeId, now: Instant) -> bool {
        self.inbound.stands(peer, now) || self.outbound.stands(peer, now)
    }
}
