//! What a workload brings to a TLS connection, for engines that open real ones: its certificate, a way to sign, whom it
//! believes.
//!
//! A copy, taken when the connection is opened: who is believed is judged as of that moment, by the same verifier that
//! judges handshake words.

use super::handshake::Identity;
use super::verify::{ChainMemo, PeerDenial, PeerExpectation, PeerVerifier};
use crate::control::{ControlSet, Controls};
use crate::wire::svid::{Chain, TrustBundle};
use sim::Instant;
use std::sync::Arc;

/// One end of a TLS connection.
pub struct Terminal {
    /// What it shows.
    pub identity: Identity,
    /// Whom it believes; nobody who looks at nothing has any.
    pub trust: Option<Trust>,
}

/// Whom an end believes.
pub struct Trust {
    /// Bundles that it has.
    pub bundles: Vec<Arc<TrustBundle>>,
    /// What the other end may be; one of these is enough.
    pub expected: Vec<PeerExpectation>,
    /// Chains verified in this run.
    pub memo: ChainMemo,
}

impl Trust {
    /// Judges the chain that the other end shows, at `now` on this end's clock. That it holds the key is for TLS to
    /// find out.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn believe(&self, now: Instant, off: ControlSet, chain: &Chain) -> Result<(), PeerDenial> {
        let mut verifier = PeerVerifier::new(self.memo.clone());
        for bundle in &self.bundles {
            // One that is unusable was never believed, and is not now.
            let _ = verifier.set_bundle(bundle.clone());
        }
        let controls = Controls::with_off(off);
        let mut verdicts = self.expected.iter().map(|e| verifier.verify_peer(now, &controls, chain, e).map(|_| ()));
        let first = verdicts.next().unwrap_or(Err(PeerDenial::TrustDomain));
        first.or_else(|denial| if verdicts.any(|verdict| verdict.is_ok()) { Ok(()) } else { Err(denial) })
    }
}
