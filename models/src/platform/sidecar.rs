//! A sidecar around a workload: what Envoy is in the mesh. The workload never learns that it is there.
//!
//! It asks the cell's CA for an identity, opens a link before the first message to a mesh peer leaves, refuses what
//! comes without a link, and seals links that an attacker may hold. With links standing it costs a lookup a message:
//! it looks at the effects that the workload added and moves none of them.

mod handshakes;
pub mod identity;
mod links;
mod terminal;

use crate::fact::Fact;
use crate::mesh::handshake::Identity;
use crate::mesh::session::SealFault;
use crate::mesh::verify::{ChainMemo, PeerExpectation, PeerVerifier};
use crate::mesh::version::{Hellos, Place};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::svid::{Handshake, Seal, SpiffeId, TrustDomain};
use handshakes::Opening;
use links::Links;
use sim::node::Boot;
use sim::{Ctx, Duration, Input, Instant, Lineage, Machine, NodeId, Outbox};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Bit of every timer token of a sidecar. A workload's own tokens never have it.
pub const MINE: u64 = 1 << 63;
/// How often the CA is asked while identity or bundles are missing.
pub const ASK_RETRY: Duration = Duration::millis(300);
/// A handshake that got no answer begins again after this.
pub const HANDSHAKE_RETRY: Duration = Duration::millis(400);
/// Messages wait this long for a link; then they are dropped.
pub const HOLD_MAX: Duration = Duration::secs(3);
/// Messages that wait for one peer, at most: what a proxy buffers for a connection that is not yet there.
pub const HELD_MAX: usize = 512;
/// What a sidecar says to a peer that has no link with it.
pub const NO_SESSION: &str = "no-session";

/// How a workload is meshed.
#[derive(Clone, Debug)]
pub struct SidecarSpec {
    /// The workload's role, which is its name at the CA and in the name of its key: `cell-a/orchestrator-1`.
    pub role: Arc<str>,
    /// Its id.
    pub id: SpiffeId,
    /// Life of its certificates, at most what the CA grants.
    pub lifetime: Duration,
    /// How long before its end a certificate is renewed: time for several tries before peers refuse the old one.
    pub renew_before: Duration,
    /// The cell's CA.
    pub ca: NodeId,
    /// How often bundles are fetched.
    pub refresh: Duration,
    /// Peers that this workload calls, with what each must show. Other nodes are not called through the mesh: messages
    /// to them pass untouched (clients, a provider outside, answers to callers).
    pub peers: BTreeMap<NodeId, PeerExpectation>,
    /// Who may call this workload.
    pub accepts: PeerExpectation,
    /// Whether the workload is told who connects: a broker, which has rules for each of its clients.
    pub tells_callers: bool,
    /// Senders outside the mesh that are let in: clients at an edge, a provider that answers.
    pub open_to: BTreeSet<NodeId>,
    /// Where links end that are opened to this workload: what versions it speaks.
    pub place: Place,
    /// Whether clients among those outside must open a TLS session before they ask for anything. Elsewhere their
    /// sessions are taken for granted.
    pub asks_clients_for_tls: bool,
    /// Peers with which every message carries a seal, both ways; both ends must list each other.
    pub sealed: BTreeSet<NodeId>,
    /// Roles of nodes, for facts.
    pub names: BTreeMap<NodeId, Arc<str>>,
    /// Worker time of one end of a handshake.
    pub handshake_cost: Duration,
    /// Worker time of sealing or opening a message.
    pub seal_cost: Duration,
    /// Chains verified in this run; share one among all sidecars of a world.
    pub memo: ChainMemo,
}

impl SidecarSpec {
    /// A workload with an id, an hour of life of which the last third is for renewal, no peers, and nobody who may call
    /// it.
    pub fn new(role: &str, id: SpiffeId, ca: NodeId, memo: ChainMemo) -> SidecarSpec {
        SidecarSpec {
            role: role.into(),
            id,
            lifetime: Duration::secs(3600),
            renew_before: Duration::secs(1200),
            ca,
            refresh: Duration::secs(5),
            peers: BTreeMap::new(),
            accepts: PeerExpectation::exactly("", &[]),
            tells_callers: false,
            open_to: BTreeSet::new(),
            place: Place::Inside,
            asks_clients_for_tls: false,
            sealed: BTreeSet::new(),
            names: BTreeMap::new(),
            handshake_cost: Duration::micros(150),
            seal_cost: Duration::micros(2),
            memo,
        }
    }
}

/// A workload with its sidecar.
pub struct Sidecar {
    spec: SidecarSpec,
    inner: Box<dyn Machine<Saas>>,
    boot: u64,
    identity: Option<Identity>,
    renew_at: Instant,
    certificates: u32,
    asked: u64,
    verifier: PeerVerifier,
    domains: BTreeSet<TrustDomain>,
    outbound: Links,
    inbound: Links,
    openings: BTreeMap<NodeId, Opening>,
    hellos: BTreeMap<NodeId, Hellos>,
    /// Clients outside with a session.
    clients: BTreeSet<NodeId>,
    quiet: BTreeMap<NodeId, Instant>,
    attempts: BTreeMap<NodeId, u64>,
}

impl Sidecar {
    /// Boots the workload and its sidecar; the first word to the CA leaves at once.
    pub fn boot(
        spec: &SidecarSpec,
        inner_boot: &Boot<Saas>,
        ctx: &mut Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
    ) -> Sidecar {
        let from = out.mark_effects();
        let inner = inner_boot(ctx, out);
        let expected = spec.peers.values().chain([&spec.accepts]).flat_map(|e| e.trust_domains.iter().cloned());
        let domains = expected.filter(|d| !d.is_empty()).chain([TrustDomain::from(spec.id.trust_domain())]).collect();
        let mut sidecar = Sidecar {
            inner,
            boot: ctx.lineage().cause,
            identity: None,
            renew_at: Instant::ZERO,
            certificates: 0,
            asked: 0,
            verifier: PeerVerifier::new(spec.memo.clone()),
            domains,
            outbound: Links::default(),
            inbound: Links::default(),
            openings: BTreeMap::new(),
            hellos: BTreeMap::new(),
            clients: BTreeSet::new(),
            quiet: BTreeMap::new(),
            attempts: BTreeMap::new(),
            spec: spec.clone(),
        };
        sidecar.outgoing(ctx, from, out);
        sidecar.ask_ca(ctx, out);
        sidecar
    }

    #[inline]
    fn workload(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let from = out.mark_effects();
        self.inner.handle(ctx, input, out);
        self.outgoing(ctx, from, out);
    }

    /// Looks at what the workload sends: almost always, every receiver has a link or needs none.
    #[inline]
    fn outgoing(&mut self, ctx: &mut Ctx<'_, Saas>, from: usize, out: &mut Outbox<Saas>) {
        let (now, own) = (ctx.now(), ctx.node());
        let Sidecar { outbound, inbound, spec, .. } = self;
        let held = out.hold_sends(from, |to| {
            if outbound.stands(to, now) || inbound.may_call(to, now) {
                return !spec.sealed.is_empty() && spec.sealed.contains(&to);
            }
            to != own && (spec.peers.contains_key(&to) || spec.sealed.contains(&to))
        });
        for (to, lineage, message) in held {
            self.leave(ctx, to, lineage, message, out);
        }
    }

    /// One message that may not leave as it is: it is sealed, or waits for a link.
    fn leave(&mut self, ctx: &mut Ctx<'_, Saas>, to: NodeId, lineage: Lineage, message: Wire, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        if self.outbound.stands(to, now) || self.inbound.may_call(to, now) {
            match self.seal(now, to, message, out) {
                Some(message) => out.resend(to, lineage, message),
                None => self.say(false, "seal-without-session", to, out),
            }
        } else if self.spec.peers.contains_key(&to) {
            self.hold(ctx, to, lineage, message, out);
        } else {
            self.say(false, NO_SESSION, to, out);
        }
    }

    fn seal(&mut self, now: Instant, to: NodeId, message: Wire, out: &mut Outbox<Saas>) -> Option<Wire> {
        if !self.spec.sealed.contains(&to) {
            return Some(message);
        }
        out.busy(self.spec.seal_cost);
        let mut bytes = Vec::with_capacity(256);
        message.seal_bytes(&mut bytes);
        let links = if self.outbound.stands(to, now) { &mut self.outbound } else { &mut self.inbound };
        links.seal(to, &bytes).map(|seal| Wire::Sealed(Box::new((message, seal))))
    }

    fn incoming(&mut self, ctx: &mut Ctx<'_, Saas>, from: NodeId, message: Wire, out: &mut Outbox<Saas>) {
        match message {
            Wire::Handshake(word) => self.handshake(ctx, from, *word, out),
            Wire::Svid(word) => {
                if from == self.spec.ca {
                    self.told_by_ca(ctx, *word, out);
                }
            }
            Wire::Connected(_) => {}
            message => self.incoming_word(ctx, from, message, out),
        }
    }

    #[inline]
    fn incoming_word(&mut self, ctx: &mut Ctx<'_, Saas>, from: NodeId, message: Wire, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        if self.inbound.stands(from, now) || self.outbound.stands(from, now) {
            let is_sealed = matches!(message, Wire::Sealed(_));
            if !is_sealed && (self.spec.sealed.is_empty() || !self.spec.sealed.contains(&from)) {
                return self.workload(ctx, Input::Message { from, message }, out);
            }
            match self.unseal(ctx, from, message, out) {
                Ok(message) => self.workload(ctx, Input::Message { from, message }, out),
                Err(fault) => {
                    let reason = if fault == SealFault::Forged { "SEAL_FORGED" } else { "SEAL_REPLAYED" };
                    self.say(false, reason, from, out);
                    // As TLS ends a connection over a bad record. Perhaps nobody forged anything: a peer that restarted
                    // and whose last word of the handshake was lost seals for a link that is not ours.
                    if fault == SealFault::Forged {
                        out.send(from, Wire::Handshake(Box::new(Handshake::Refused(NO_SESSION))));
                    }
                }
            }
        } else if self.has_session(from, &message) || from == ctx.node() {
            self.workload(ctx, Input::Message { from, message }, out);
        } else {
            self.say(false, NO_SESSION, from, out);
            out.send(from, Wire::Handshake(Box::new(Handshake::Refused(NO_SESSION))));
        }
    }

    /// Whether somebody outside may say this: who asks for something needs a session, where sessions are looked at.
    fn has_session(&self, from: NodeId, message: &Wire) -> bool {
        let asks = matches!(message, Wire::Http(_) | Wire::HttpText(..));
        self.spec.open_to.contains(&from) && !(asks && self.spec.asks_clients_for_tls && !self.clients.contains(&from))
    }

    /// Opens a sealed word. A bare word where seals are due is opened with a seal that no key makes: whether that is
    /// let through is the seal's question, not another one.
    fn unseal(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        from: NodeId,
        message: Wire,
        out: &mut Outbox<Saas>,
    ) -> Result<Wire, SealFault> {
        out.busy(self.spec.seal_cost);
        let (word, seal) = match message {
            Wire::Sealed(sealed) => *sealed,
            bare => (bare, Seal { sequence: 0, tag: [0; 16] }),
        };
        let mut bytes = Vec::with_capacity(256);
        word.seal_bytes(&mut bytes);
        let mut fault = SealFault::Forged;
        for links in [&mut self.outbound, &mut self.inbound] {
            match links.open(ctx.controls(), from, &bytes, &seal) {
                Some(Ok(())) => return Ok(word),
                Some(Err(found)) => fault = fault.max(found),
                None => {}
            }
        }
        Err(fault)
    }

    /// The network brought a message back.
    fn bounced(&mut self, ctx: &mut Ctx<'_, Saas>, to: NodeId, message: Wire, out: &mut Outbox<Saas>) {
        match message {
            // Repeated by their own timers.
            Wire::Handshake(_) | Wire::Svid(_) => {}
            Wire::Sealed(sealed) => self.workload(ctx, Input::Refused { to, message: sealed.0 }, out),
            message => self.workload(ctx, Input::Refused { to, message }, out),
        }
    }

    /// States what the mesh decided about a node whose id is not proven.
    fn say(&self, allowed: bool, reason: &'static str, about: NodeId, out: &mut Outbox<Saas>) {
        let subject = self.spec.names.get(&about).cloned().unwrap_or_else(|| format!("node-{}", about.0).into());
        out.fact(Fact::Decided { by: "mesh", allowed, reason, subject });
    }
}

impl Machine<Saas> for Sidecar {
    #[inline]
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message } => self.incoming(ctx, from, message, out),
            Input::Timer { token } if token & MINE != 0 => self.timer(ctx, token, out),
            Input::Refused { to, message } => self.bounced(ctx, to, message, out),
            other => self.workload(ctx, other, out),
        }
    }

    fn aspect(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
