//! What a sidecar gets from its CA: its certificate, renewed in time, and whom to believe.
//!
//! A renewed certificate reaches peers by new handshakes beside the standing links, so that no message waits for it. A
//! changed bundle is held against links that stand: a peer that was taken back is cut off, not only kept out.

use super::{ASK_RETRY, MINE, Sidecar};
use crate::control;
use crate::control::Control;
use crate::mesh::handshake::Identity;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::svid::{KeyName, Svid, SvidRequest, SvidWord, TrustBundle};
use sim::seed::mix;
use sim::time::EPOCH_UNIX_S;
use sim::{Ctx, Duration, Instant, Lineage, NodeId, Outbox};
use std::sync::Arc;

/// A certificate is renewed while the old one is still good.
pub const RENEW_EARLY: Control = control!("mesh.renew-early", upholds: ["IDN-06"],
    off: "a certificate is asked for when the last one has ended, as by a job that looks for expired ones");

/// Token of the timer after which the CA is asked again.
pub(super) const ASK: u64 = MINE | 1 << 61;

/// The first instant after a certificate's last second.
pub(super) fn end_of(not_after: u64) -> Instant {
    Instant((not_after + 1).saturating_sub(EPOCH_UNIX_S).saturating_mul(1_000_000_000))
}

impl Sidecar {
    /// Asks for what is missing or due, and sets the timer for the next time.
    pub(super) fn ask_ca(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        self.asked += 1;
        let own = Lineage::root(mix(self.boot, ASK), self.asked);
        let ask = |word| Wire::Svid(Box::new(word));
        if now >= self.renew_at {
            let key = KeyName { role: self.spec.role.clone(), index: self.certificates };
            let (workload, spiffe_id) = (self.spec.role.clone(), self.spec.id.clone());
            let request = SvidRequest { workload, spiffe_id, key, lifetime: self.spec.lifetime };
            out.resend(self.spec.ca, own.child(1), ask(SvidWord::Ask(Arc::new(request))));
        }
        out.resend(self.spec.ca, own.child(2), ask(SvidWord::AskBundle));
        let complete = self.identity.is_some() && self.domains.iter().all(|d| self.believes(d));
        // Links that end before the news after next are opened anew, as often as it takes their peers to renew.
        let ending = self.outbound.ending_before(now + self.spec.refresh * 2);
        // What is missing or due is asked for again soon; otherwise the next news, or the next renewal, is next.
        let after = match complete && now < self.renew_at && ending.is_empty() {
            true => self.spec.refresh.min(self.renew_at.since(now)),
            false => ASK_RETRY,
        };
        out.timer_for(own.child(3), after, ASK);
        for peer in ending {
            if self.spec.peers.contains_key(&peer) && !self.openings.contains_key(&peer) {
                self.begin(ctx, peer, out);
            }
        }
    }

    pub(super) fn believes(&self, domain: &str) -> bool {
        self.verifier.store().bundle(domain).is_some()
    }

    /// Whether a handshake with `peer` can end well as far as this end is concerned.
    pub(super) fn is_ready_for(&self, peer: NodeId) -> bool {
        let expected = self.spec.peers.get(&peer);
        self.identity.is_some() && expected.is_none_or(|e| e.trust_domains.iter().all(|d| self.believes(d)))
    }

    pub(super) fn told_by_ca(&mut self, ctx: &mut Ctx<'_, Saas>, word: SvidWord, out: &mut Outbox<Saas>) {
        match word {
            SvidWord::Issued(svid) => self.issued(ctx, &svid, out),
            SvidWord::Bundle(bundle) => self.told_bundle(ctx, bundle, out),
            // A refusal is stated by the CA; the timer asks again.
            SvidWord::Refused(_) | SvidWord::Ask(_) | SvidWord::AskBundle => {}
        }
    }

    fn issued(&mut self, ctx: &mut Ctx<'_, Saas>, svid: &Svid, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        let end = end_of(svid.not_after);
        if now < self.renew_at || svid.id != self.spec.id || svid.key.index != self.certificates {
            return;
        }
        self.certificates += 1;
        // When the CA's clock is so far off that it is dead on arrival, not at once again.
        let early = if ctx.controls().on(&RENEW_EARLY) { self.spec.renew_before } else { Duration::ZERO };
        self.renew_at = (end - early).max(now + ASK_RETRY);
        self.identity = Some(Identity::new(svid));
        self.hello_again(ctx, out);
        for peer in self.outbound.ending_before(Instant::NEVER) {
            if self.spec.peers.contains_key(&peer) && !self.openings.contains_key(&peer) {
                self.begin(ctx, peer, out);
            }
        }
    }

    fn told_bundle(&mut self, ctx: &mut Ctx<'_, Saas>, bundle: Arc<TrustBundle>, out: &mut Outbox<Saas>) {
        let before = self.verifier.store().digest();
        // An older or damaged bundle changes nothing; the timer fetches another.
        if self.verifier.set_bundle(bundle).is_err() || self.verifier.store().digest() == before {
            return;
        }
        self.recheck(ctx, out);
        self.hello_again(ctx, out);
    }

    /// Holds what peers showed against the new bundles. Expiry is not asked here: links end by themselves.
    fn recheck(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        for (peer, chain) in self.outbound.shown() {
            let Some(expected) = self.spec.peers.get(&peer) else { continue };
            if let Err(denial) = self.verifier.verify_peer(ctx.now(), ctx.controls(), &chain, expected) {
                self.outbound.cut(peer);
                self.say(false, denial.code(), peer, out);
            }
        }
        for (peer, chain) in self.inbound.shown() {
            if let Err(denial) = self.verifier.verify_peer(ctx.now(), ctx.controls(), &chain, &self.spec.accepts) {
                self.inbound.cut(peer);
                self.say(false, denial.code(), peer, out);
            }
        }
    }
}
