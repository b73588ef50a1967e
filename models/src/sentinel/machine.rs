//! The sentinel at work: role `cell-a/sentinel`, where it is deployed.
//!
//! Gateways tell it of every token that they see, and ask what was taken back; it tells the identity provider which
//! logins to end, until it hears that they are, and asks which it ended by itself. What it has said is on its disk. It
//! believes nobody but those it was set up with, each by its connection.

use super::watch::{Anomaly, Watch};
use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::signals::{Signal, TakenBack, TokenUse};
use sim::disk::{FileId, Write};
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A login that the provider ended takes its access tokens with it.
pub const SESSION_END: Control = control!("sentinel.session-end", upholds: ["IDN-02"],
    off: "a login that ended gives no more tokens, and those that it gave live on, as where nobody tells the gateways");
/// A token that is taken back takes its login with it.
pub const SESSION_REVOCATION: Control = control!("sentinel.session-revocation", upholds: ["IDN-02"],
    off: "an access token is taken back and not the refresh token beside it: its thief fetches another");

/// What a sentinel is.
#[derive(Clone, Debug)]
pub struct SentinelSpec {
    /// Gateways that report to it, and ask it.
    pub gateways: Vec<NodeId>,
    /// The provider of its cell.
    pub idp: NodeId,
    /// Between two gateways nobody travels faster.
    pub travel: Duration,
    /// How often it asks the provider, and says again what was not heard.
    pub every: Duration,
    /// How long a token may live that it knows nothing else of, in seconds.
    pub token_life_s: u64,
    /// Worker time of a report.
    pub cost: Duration,
}

/// A sentinel at work.
pub struct Sentinel {
    spec: SentinelSpec,
    watch: Watch,
    /// What was taken back, in order; the disk has it.
    taken: Vec<TakenBack>,
    /// The same on its way to the disk.
    writing: BTreeMap<u64, TakenBack>,
    /// Tokens and logins that are in one of both.
    known: BTreeSet<Arc<str>>,
    /// Logins that the provider is to end and has not said to have ended.
    ending: BTreeSet<Arc<str>>,
    /// Logins that it said to have ended.
    ended: u64,
    written: u64,
    ticks: u64,
}

const TAKEN: FileId = 0;
const TICK: u64 = 1;

impl Sentinel {
    /// A sentinel that remembers what it took back, and nothing of what it saw.
    pub fn boot(spec: &SentinelSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Sentinel {
        let taken: Vec<TakenBack> =
            ctx.disk().read(TAKEN).iter().filter_map(|record| postcard::from_bytes(record).ok()).collect();
        let known = taken.iter().map(key_of).collect();
        // It may have gone down before the provider heard: to end what has ended does no harm.
        let ending = taken.iter().filter_map(|taken| taken.session.clone()).collect();
        let mut sentinel = Sentinel {
            watch: Watch::new(spec.travel),
            spec: spec.clone(),
            taken,
            writing: BTreeMap::new(),
            known,
            ending,
            ended: 0,
            written: 0,
            ticks: 0,
        };
        sentinel.tick(ctx, out);
        sentinel
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        let lineage = Lineage::root(name_hash("sentinel") ^ u64::from(ctx.node().0), self.ticks);
        out.send_for(lineage, self.spec.idp, Wire::Signal(Box::new(Signal::Poll(self.ended))));
        for session in &self.ending {
            out.send_for(lineage, self.spec.idp, Wire::Signal(Box::new(Signal::End(session.clone()))));
        }
        out.timer_for(lineage.child(1), self.spec.every, TICK);
    }

    fn used(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, place: NodeId, used: &TokenUse) {
        out.busy(self.spec.cost);
        let Some(anomaly) = self.watch.used(ctx.now(), ctx.controls(), place, used) else { return };
        self.report(out, anomaly, used);
        let keeps_session = used.session.is_some() && !ctx.controls().on(&SESSION_REVOCATION);
        let session = used.session.clone().filter(|_| !keeps_session);
        let jti = if session.is_some() { "".into() } else { used.jti.clone() };
        self.take_back(out, TakenBack { jti, session, exp: used.exp.max(self.end_of_tokens(ctx)) });
    }

    fn report(&self, out: &mut Outbox<Saas>, anomaly: Anomaly, used: &TokenUse) {
        let about = used.session.clone().unwrap_or_else(|| used.jti.clone());
        if !self.known.contains(&about) && !self.known.contains(&used.jti) {
            out.fact(Fact::Reported { by: "sentinel", what: anomaly.code(), about, value: used.exp });
        }
    }

    /// The last second at which a token can be alive that was issued just now.
    fn end_of_tokens(&self, ctx: &Ctx<'_, Saas>) -> u64 {
        ctx.now().unix_seconds() + self.spec.token_life_s
    }

    /// Nobody is told before the disk has it: what is forgotten would be good again.
    fn take_back(&mut self, out: &mut Outbox<Saas>, taken: TakenBack) {
        if !self.known.insert(key_of(&taken)) {
            return;
        }
        self.written += 1;
        out.write(TAKEN, Write::Append(postcard::to_allocvec(&taken).expect("it has bytes").into()));
        out.sync(self.written);
        self.writing.insert(self.written, taken);
    }

    fn synced(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some(taken) = self.writing.remove(&token) else { return };
        if !ok {
            // The next use of it says so again.
            self.known.remove(&key_of(&taken));
            return;
        }
        if let Some(session) = &taken.session {
            self.ending.insert(session.clone());
            out.send(self.spec.idp, Wire::Signal(Box::new(Signal::End(session.clone()))));
        }
        self.taken.push(taken);
    }

    /// The provider ended logins: those that it was told to end, and those whose refresh token came a second time.
    fn ended(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, first: u64, sessions: Vec<Arc<str>>) {
        if first > self.ended {
            return;
        }
        self.ended = first + sessions.len() as u64;
        for session in sessions {
            self.ending.remove(&session);
            if !self.known.contains(&session) && ctx.controls().on(&SESSION_END) {
                let (about, exp) = (session.clone(), self.end_of_tokens(ctx));
                out.fact(Fact::Reported { by: "sentinel", what: "refresh-token-twice", about, value: exp });
                self.take_back(out, TakenBack { jti: "".into(), session: Some(session), exp });
            }
        }
    }
}

/// What it is known by: the login, or the token where there is none.
fn key_of(taken: &TakenBack) -> Arc<str> {
    taken.session.clone().unwrap_or_else(|| taken.jti.clone())
}

impl Machine<Saas> for Sentinel {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Signal(signal) } => {
                let (is_gateway, is_idp) = (self.spec.gateways.contains(&from), from == self.spec.idp);
                match *signal {
                    Signal::Used(used) if is_gateway => self.used(ctx, out, from, &used),
                    Signal::Poll(after) if is_gateway => {
                        let first = (after as usize).min(self.taken.len());
                        let news = Signal::TakenBack(first as u64, self.taken[first..].to_vec());
                        out.send(from, Wire::Signal(Box::new(news)));
                    }
                    Signal::Ended(first, sessions) if is_idp => self.ended(ctx, out, first, sessions),
                    _ => {}
                }
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { token: TICK } => self.tick(ctx, out),
            Input::Synced { token, ok } => self.synced(out, token, ok),
            _ => {}
        }
        out.gauge("sentinel.taken", || self.taken.len() as u64);
    }
}
