//! How a sidecar opens and accepts links, and keeps messages in order while they wait.
//!
//! A repeated hello carries the same nonce and gets the same answer, so that a lost or doubled word costs time and no
//! denial. A peer without our link says so, and the next message opens a new one: that is how a crash is noticed.

use super::identity::{ASK, end_of};
use super::{HANDSHAKE_RETRY, HELD_MAX, HOLD_MAX, MINE, NO_SESSION, Sidecar};
use crate::fact::Fact;
use crate::luck;
use crate::mesh::handshake::{Shown, believe};
use crate::mesh::session::{End, Session};
use crate::mesh::verify::Peer;
use crate::mesh::version::{Hellos, OFFERED, PROTOCOL_VERSION, negotiate};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::svid::{Chain, Handshake};
use crate::wire::tls::Versions;
use sim::seed::mix;
use sim::{Ctx, Duration, Input, Instant, Lineage, NodeId, Outbox};

/// Bit of the tokens of handshake timers; the low half is the peer.
const OPEN: u64 = MINE | 1 << 62;
/// Hellos that are said again while nothing waits for the link, before the matter is left to the next message.
const IDLE_TRIES: u64 = 8;
/// A link with a peer whose certificate is dead already stands this long: only reached where nobody looks at validity.
const LINK_OF_THE_DEAD: Duration = Duration::secs(3600);
/// Which draw of a pair of nonces stands for the Diffie-Hellman secret.
const SECRET: u64 = 0x5ec;

/// A link that is being opened by this end.
pub(super) struct Opening {
    nonce: u64,
    own: Lineage,
    tries: u64,
    since: Instant,
    held: Vec<(Lineage, Wire)>,
}

fn word(word: Handshake) -> Wire {
    Wire::Handshake(Box::new(word))
}

fn token(to: NodeId, opening: &Opening) -> u64 {
    OPEN | (mix(opening.nonce, opening.tries) & 0x1fff_ffff) << 32 | u64::from(to.0)
}

impl Sidecar {
    /// Keeps a message until its link stands.
    pub(super) fn hold(
        &mut self,
        ctx: &mut Ctx<'_, Saas>,
        to: NodeId,
        lineage: Lineage,
        message: Wire,
        out: &mut Outbox<Saas>,
    ) {
        if !self.openings.contains_key(&to) {
            self.begin(ctx, to, out);
        }
        let opening = self.openings.get_mut(&to).expect("it has just begun");
        if opening.held.is_empty() {
            opening.since = ctx.now();
        }
        if opening.held.len() < HELD_MAX {
            opening.held.push((lineage, message));
        } else {
            self.say(false, "held-full", to, out);
        }
    }

    /// Begins to open a link. A standing one serves until the new one stands.
    pub(super) fn begin(&mut self, ctx: &mut Ctx<'_, Saas>, to: NodeId, out: &mut Outbox<Saas>) {
        let attempt = self.attempts.entry(to).or_insert(0);
        *attempt += 1;
        let own = Lineage::root(mix(self.boot, u64::from(to.0)), *attempt);
        let nonce = ctx.draw_at(luck::NONCE, own.cause, 0);
        let since = ctx.now();
        let opening = Opening { nonce, own, tries: 0, since, held: Vec::new() };
        let quiet = self.quiet.get(&to).map_or(Duration::ZERO, |until| until.since(since));
        if quiet > Duration::ZERO {
            out.timer_for(own.child(0), quiet, token(to, &opening));
            self.openings.insert(to, opening);
        } else {
            self.openings.insert(to, opening);
            self.hello(to, out);
        }
    }

    /// Says hello, for the first time or again.
    fn hello(&mut self, to: NodeId, out: &mut Outbox<Saas>) {
        let ready = self.is_ready_for(to);
        let Some(opening) = self.openings.get_mut(&to) else { return };
        opening.tries += 1;
        if ready {
            let hello = Handshake::ClientHello { nonce: opening.nonce, versions: OFFERED };
            out.resend(to, opening.own.child(opening.tries * 2), word(hello));
        }
        out.timer_for(opening.own.child(opening.tries * 2 + 1), HANDSHAKE_RETRY, token(to, opening));
    }

    /// Identity or bundles have come: says hello wherever that was missing.
    pub(super) fn hello_again(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        let waiting: Vec<NodeId> = self.openings.keys().copied().collect();
        for to in waiting {
            if self.is_ready_for(to) && self.quiet.get(&to).is_none_or(|until| *until <= now) {
                self.hello(to, out);
            }
        }
    }

    pub(super) fn timer(&mut self, ctx: &mut Ctx<'_, Saas>, timer: u64, out: &mut Outbox<Saas>) {
        if timer == ASK {
            return self.ask_ca(ctx, out);
        }
        let to = NodeId(timer as u32);
        let Some(opening) = self.openings.get(&to).filter(|o| token(to, o) == timer) else { return };
        let waits = !opening.held.is_empty();
        if waits && ctx.now().since(opening.since) >= HOLD_MAX {
            self.openings.remove(&to);
            self.say(false, "handshake-timeout", to, out);
        } else if !waits && opening.tries >= IDLE_TRIES {
            self.openings.remove(&to);
        } else {
            self.hello(to, out);
        }
    }

    pub(super) fn handshake(&mut self, ctx: &mut Ctx<'_, Saas>, from: NodeId, said: Handshake, out: &mut Outbox<Saas>) {
        match said {
            Handshake::ClientHello { nonce, versions } => self.said_hello(ctx, from, nonce, versions, out),
            Handshake::ServerProof { nonce: server, version: chosen, chain, proof } => {
                let Some(client) = self.openings.get(&from).map(|o| o.nonce) else { return };
                let hellos = Hellos { client, server, offered: OFFERED, chosen };
                self.server_showed(ctx, from, hellos, chain, &proof, out);
            }
            Handshake::ClientProof { chain, proof } => self.client_showed(ctx, from, chain, &proof, out),
            Handshake::Refused(reason) => self.refused(ctx, from, reason, out),
        }
    }

    fn said_hello(
        &mut self,
        ctx: &mut Ctx<'_, Saas>,
        from: NodeId,
        client: u64,
        offered: Versions,
        out: &mut Outbox<Saas>,
    ) {
        // Without an identity, or without the roots of a peer that is known to come: silence, and it asks again.
        if !self.is_ready_for(from) {
            return;
        }
        let Some(identity) = &self.identity else { return };
        let Some(chosen) = negotiate(ctx.controls(), self.spec.place, offered) else {
            let subject = self.spec.names.get(&from).cloned().unwrap_or_else(|| "somebody".into());
            let by = self.spec.place.name();
            out.fact(Fact::Decided { by, allowed: false, reason: PROTOCOL_VERSION, subject });
            return out.send(from, word(Handshake::Refused(PROTOCOL_VERSION)));
        };
        let server = match self.hellos.get(&from) {
            Some(known) if known.client == client => known.server,
            _ => ctx.draw(luck::NONCE),
        };
        let hellos = Hellos { client, server, offered, chosen };
        out.send(from, word(identity.show(&mut self.verifier, End::Server, &hellos)));
        if self.spec.asks_clients_for_tls && self.spec.open_to.contains(&from) {
            self.clients.insert(from);
        } else {
            self.hellos.insert(from, hellos);
        }
    }

    fn server_showed(
        &mut self,
        ctx: &mut Ctx<'_, Saas>,
        from: NodeId,
        hellos: Hellos,
        chain: Chain,
        proof: &[u8],
        out: &mut Outbox<Saas>,
    ) {
        let (Some(expected), Some(identity)) = (self.spec.peers.get(&from), &self.identity) else { return };
        out.busy(self.spec.handshake_cost);
        let shown = Shown { end: End::Server, hellos, chain: &chain, proof };
        let believed = match OFFERED.have(hellos.chosen) {
            true => believe(&mut self.verifier, ctx.now(), ctx.controls(), expected, shown).map_err(|d| d.code()),
            // What was not offered cannot have been chosen (RFC 8446 §4.2.1).
            false => Err(PROTOCOL_VERSION),
        };
        let opening = self.openings.remove(&from).expect("it was there a moment ago");
        match believed {
            Ok(peer) => {
                let reply = identity.show(&mut self.verifier, End::Client, &hellos);
                out.resend(from, opening.own.child(u64::MAX), word(reply));
                let session = self.session(ctx, End::Client, from, &peer, &hellos);
                let until = self.end_of_link(ctx.now(), &chain);
                self.outbound.put(from, until, true, chain, session);
                self.quiet.remove(&from);
                self.allow(&peer, out);
                self.release(ctx, from, opening, out);
            }
            Err(reason) => {
                self.outbound.cut(from);
                self.quiet.insert(from, ctx.now() + HANDSHAKE_RETRY);
                self.say(false, reason, from, out);
                out.send(from, word(Handshake::Refused(reason)));
            }
        }
    }

    fn client_showed(
        &mut self,
        ctx: &mut Ctx<'_, Saas>,
        from: NodeId,
        chain: Chain,
        proof: &[u8],
        out: &mut Outbox<Saas>,
    ) {
        let Some(hellos) = self.hellos.remove(&from) else {
            if !self.inbound.stands(from, ctx.now()) {
                out.send(from, word(Handshake::Refused(NO_SESSION)));
            }
            return;
        };
        out.busy(self.spec.handshake_cost);
        let shown = Shown { end: End::Client, hellos, chain: &chain, proof };
        match believe(&mut self.verifier, ctx.now(), ctx.controls(), &self.spec.accepts, shown) {
            Ok(peer) => {
                // Calls of our own ride on it only if the caller is whom we would call there.
                let may_call = self.spec.peers.get(&from).is_none_or(|expected| {
                    let domains = &expected.trust_domains;
                    domains.iter().any(|d| **d == *peer.id.trust_domain()) && expected.paths.accepts(peer.id.path())
                });
                let session = self.session(ctx, End::Server, from, &peer, &hellos);
                let until = self.end_of_link(ctx.now(), &chain);
                self.inbound.put(from, until, may_call, chain, session);
                self.allow(&peer, out);
                if self.spec.tells_callers {
                    self.workload(ctx, Input::Message { from, message: Wire::Connected(peer.id.clone()) }, out);
                }
                if may_call && let Some(opening) = self.openings.remove(&from) {
                    self.release(ctx, from, opening, out);
                }
            }
            Err(denial) => {
                self.inbound.cut(from);
                self.say(false, denial.code(), from, out);
                out.send(from, word(Handshake::Refused(denial.code())));
            }
        }
    }

    /// The peer has no link with us, or does not believe us.
    fn refused(&mut self, ctx: &mut Ctx<'_, Saas>, from: NodeId, reason: &'static str, out: &mut Outbox<Saas>) {
        if reason == NO_SESSION {
            self.outbound.cut(from);
            self.inbound.cut(from);
        } else if self.outbound.cut(from) {
            self.quiet.insert(from, ctx.now() + HANDSHAKE_RETRY);
            self.say(false, reason, from, out);
        } else {
            self.hellos.remove(&from);
        }
    }

    /// What waited leaves, in order and with the lineage that it came with.
    fn release(&mut self, ctx: &mut Ctx<'_, Saas>, to: NodeId, opening: Opening, out: &mut Outbox<Saas>) {
        for (lineage, message) in opening.held {
            self.leave(ctx, to, lineage, message, out);
        }
    }

    fn session(&self, ctx: &Ctx<'_, Saas>, end: End, with: NodeId, peer: &Peer, hellos: &Hellos) -> Option<Session> {
        if !self.spec.sealed.contains(&with) {
            return None;
        }
        let secret = ctx.draw_at(luck::NONCE, mix(hellos.client, hellos.server), SECRET);
        self.identity.as_ref().map(|identity| identity.open_session(end, peer, secret))
    }

    /// A link ends with what the peer showed.
    fn end_of_link(&self, now: Instant, chain: &Chain) -> Instant {
        let end = self.verifier.not_after(chain).map_or(Instant::ZERO, end_of);
        if end > now { end } else { now + LINK_OF_THE_DEAD }
    }

    fn allow(&self, peer: &Peer, out: &mut Outbox<Saas>) {
        let subject = peer.id.as_str().into();
        out.fact(Fact::Decided { by: "mesh", allowed: true, reason: "MTLS_OPEN", subject });
    }
}
