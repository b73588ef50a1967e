//! The policy agent as a machine: it answers from the bundles that a config service hands out.
//!
//! It keeps the highest revision it ever installed on its disk, and installs none before it is there: without
//! that, a restart would be a way to roll policy back.

use super::agent::{Accepted, Agent};
use super::bundle::{Loader, Refusal, TrustedKey};
use super::ledger::Ledger;
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::planted::POLICY_FLOOR_UNSYNCED;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::decisions::DecisionRecord;
use crate::wire::http::trace::TraceId;
use crate::wire::policy::{DataFilter, Decision, Input as Question, SignedBundle};
use sim::disk::Write;
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a policy agent is.
#[derive(Clone)]
pub struct AgentSpec {
    /// Keys whose bundles it takes.
    pub trusted: Vec<TrustedKey>,
    /// How old a policy may be.
    pub stale_after: Duration,
    /// How far the signer's clock may be ahead.
    pub skew: Duration,
    /// Worker time of a decision, and of loading a bundle.
    pub cost: (Duration, Duration),
    /// Where its decisions are kept, if anywhere.
    pub siem: Option<NodeId>,
}

/// An answer that is ready: to whom, to which question, what was decided, and what a list may show.
type Held = (NodeId, u64, (Decision, u64), Option<Arc<DataFilter>>);

/// A policy agent at work.
pub struct PolicyAgent {
    agent: Agent,
    loader: Loader,
    spec: AgentSpec,
    /// The highest revision that the disk has.
    kept: u64,
    /// Bundles that wait for the disk, by revision.
    waiting: BTreeMap<u64, Arc<SignedBundle>>,
    ledger: Option<Ledger>,
    /// Answers that wait until their decision is on the disk.
    held: BTreeMap<u64, Held>,
    decided: u64,
    nobody: TenantId,
}

const FLOOR: u8 = 0;
const UPLOAD: u64 = 1;
/// Bit of the tokens of syncs that decisions wait for; revisions of bundles have none so high.
const DECIDED: u64 = 1 << 62;

impl PolicyAgent {
    /// An agent without policy, which remembers the highest revision it ever had.
    pub fn boot(spec: &AgentSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> PolicyAgent {
        let floor = ctx.disk().read(FLOOR).iter().filter_map(|r| r[..].try_into().ok().map(u64::from_le_bytes)).max();
        let kept = floor.unwrap_or(0);
        let agent = Agent::new(spec.trusted.clone(), spec.stale_after, spec.skew, kept);
        let (loader, waiting) = (Loader::new(), BTreeMap::new());
        let life = ctx.lineage().cause;
        let mut ledger = spec.siem.map(|siem| Ledger::open(siem, life, ctx));
        if let Some(ledger) = &mut ledger {
            ledger.upload(ctx.now(), out, UPLOAD);
        }
        let (held, nobody) = (BTreeMap::new(), "-".into());
        PolicyAgent { agent, loader, spec: spec.clone(), kept, waiting, ledger, held, decided: 0, nobody }
    }

    /// A bundle has come. A revision that the disk does not have yet goes there first; which one is asked only of a
    /// bundle that passes every check, or a forged one could raise the floor over every genuine one.
    fn offered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, bundle: Arc<SignedBundle>) {
        out.busy(self.spec.cost.1);
        let revision = bundle.manifest.revision;
        match self.agent.examine(ctx.now(), ctx.controls(), &mut self.loader, &bundle) {
            Ok(_) if revision > self.kept && POLICY_FLOOR_UNSYNCED.is_planted() => {
                self.kept = revision;
                out.write(FLOOR, Write::Append(revision.to_le_bytes().into()));
                self.take(ctx, out, &bundle);
            }
            Ok(_) if revision > self.kept => {
                self.waiting.entry(revision).or_insert(bundle);
                out.write(FLOOR, Write::Append(revision.to_le_bytes().into()));
                out.sync(revision);
            }
            Ok(_) => self.take(ctx, out, &bundle),
            Err(refusal) => refuse(out, &refusal, &bundle),
        }
    }

    /// The disk has a revision, or failed to keep it: then the next hand-out tries again.
    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, revision: u64, ok: bool) {
        if let Some(bundle) = self.waiting.remove(&revision).filter(|_| ok) {
            self.kept = self.kept.max(revision);
            self.take(ctx, out, &bundle);
        }
    }

    fn take(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, bundle: &SignedBundle) {
        match self.agent.receive(ctx.now(), ctx.controls(), &mut self.loader, bundle) {
            Ok(Accepted::Installed) => {
                let (about, value) = (bundle.key_id.clone(), bundle.manifest.revision);
                out.fact(Fact::Reported { by: "policy.bundle", what: "in-force", about, value });
            }
            Ok(Accepted::Refreshed | Accepted::Unchanged) => {}
            Err(refusal) => refuse(out, &refusal, bundle),
        }
    }

    fn decide(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        (from, id): (NodeId, u64),
        question: &Question,
        (trace, filtered): (Option<TraceId>, bool),
    ) {
        out.busy(self.spec.cost.0);
        let answer = self.agent.decide(ctx.now(), ctx.controls(), question);
        let asks = filtered && answer.decision.allow;
        let filter = asks.then(|| self.agent.filter(ctx.controls(), question)).flatten();
        let said = (answer.decision, answer.revision);
        let reason = answer.decision.denies.iter().next().map_or("ALLOW", |deny| deny.code());
        let subject = question.tenant_id.as_ref().unwrap_or(&self.nobody).clone();
        out.fact(Fact::Decided { by: "policy", allowed: answer.decision.allow, reason, subject: subject.clone() });
        if let Some(ledger) = &mut self.ledger {
            let record = DecisionRecord { entry: answer.entry, tenant: subject, trace };
            self.decided += 1;
            let token = DECIDED | self.decided;
            if ledger.write(ctx.controls(), out, token, record) {
                self.held.insert(token, (from, id, said, filter));
                return;
            }
        }
        out.send(from, Wire::PolicyAnswer(id, said, filter));
    }

    /// A decision is on the disk: now it may be acted upon. One that is not there was never made.
    fn written(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        if let Some((from, id, said, filter)) = self.held.remove(&token).filter(|_| ok) {
            out.send(from, Wire::PolicyAnswer(id, said, filter));
        }
    }
}

fn refuse(out: &mut Outbox<Saas>, refusal: &Refusal, bundle: &SignedBundle) {
    let (reason, subject) = (refusal.code(), bundle.key_id.clone());
    out.fact(Fact::Decided { by: "policy.bundle", allowed: false, reason, subject });
}

impl Machine<Saas> for PolicyAgent {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Policy(id, question, trace, filtered) } => {
                self.decide(ctx, out, (from, id), &question, (trace, filtered));
            }
            Input::Message { message: Wire::DecisionsKept(life, until), .. } => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.kept(ctx.now(), out, life, until);
                }
            }
            Input::Timer { token: UPLOAD } => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.upload(ctx.now(), out, UPLOAD);
                }
            }
            Input::Synced { token, ok } if token & DECIDED != 0 => self.written(out, token, ok),
            Input::Message { message: Wire::Bundle(bundle), .. } => self.offered(ctx, out, bundle),
            Input::Synced { token, ok } => self.synced(ctx, out, token, ok),
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            _ => {}
        }
        out.gauge("policy.waiting", || self.waiting.len() as u64);
    }
}
