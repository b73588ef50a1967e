//! The policy machines: a config service that signs and hands out bundles, and the agent that answers from them.
//!
//! The agent keeps the highest revision it ever installed on its disk: without that, a restart would be a way to roll
//! policy back.

use super::agent::Agent;
use super::bundle::{Loader, Signer, TrustedKey};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::policy::{BundleContent, Input as Question};
use sim::disk::Write;
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::sync::Arc;

/// What a config service is.
#[derive(Clone)]
pub struct ConfigSpec {
    /// Agents it serves.
    pub agents: Vec<NodeId>,
    /// The policy in force.
    pub content: Arc<BundleContent>,
    /// Revision of the policy.
    pub revision: u64,
    /// Name and seed of its signing key.
    pub signer: (Arc<str>, [u8; 32]),
    /// How often a freshly signed bundle goes out.
    pub every: Duration,
}

/// A config service at work.
pub struct ConfigService {
    spec: ConfigSpec,
    signer: Signer,
    rounds: u64,
}

impl ConfigService {
    /// A config service that hands out its bundle at once.
    pub fn boot(spec: &ConfigSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> ConfigService {
        let signer = Signer::from_seed(spec.signer.0.clone(), &spec.signer.1);
        let mut service = ConfigService { spec: spec.clone(), signer, rounds: 0 };
        service.hand_out(ctx, out);
        service
    }

    fn hand_out(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.rounds += 1;
        let lineage = Lineage::root(name_hash("config") ^ u64::from(ctx.node().0), self.rounds);
        let bundle = Arc::new(self.signer.sign(self.spec.revision, ctx.now(), &self.spec.content));
        for agent in &self.spec.agents {
            out.send_for(lineage, *agent, Wire::Bundle(bundle.clone()));
        }
        // The first hand-out may meet an agent that is still getting its identity.
        let span = if self.rounds < 4 { Duration::millis(200) } else { self.spec.every };
        out.timer_for(lineage.child(1), span, 1);
    }
}

impl Machine<Saas> for ConfigService {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        if let Input::Timer { .. } = input {
            self.hand_out(ctx, out);
        }
    }
}

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
}

/// A policy agent at work.
pub struct PolicyAgent {
    agent: Agent,
    loader: Loader,
    spec: AgentSpec,
    nobody: TenantId,
}

const FLOOR: u8 = 0;

impl PolicyAgent {
    /// An agent without policy, which remembers the highest revision it ever had.
    pub fn boot(spec: &AgentSpec, ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> PolicyAgent {
        let floor = ctx.disk().read(FLOOR).iter().filter_map(|r| r[..].try_into().ok().map(u64::from_le_bytes)).max();
        let agent = Agent::new(spec.trusted.clone(), spec.stale_after, spec.skew, floor.unwrap_or(0));
        PolicyAgent { agent, loader: Loader::new(), spec: spec.clone(), nobody: "-".into() }
    }

    fn decide(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, id: u64, question: &Question) {
        out.busy(self.spec.cost.0);
        let answer = self.agent.decide(ctx.now(), ctx.controls(), question);
        let reason = answer.decision.denies.iter().next().map_or("ALLOW", |deny| deny.code());
        let subject = question.tenant_id.as_ref().unwrap_or(&self.nobody).clone();
        out.fact(Fact::Decided { by: "policy", allowed: answer.decision.allow, reason, subject });
        out.send(from, Wire::PolicyAnswer(id, answer.decision));
    }
}

impl Machine<Saas> for PolicyAgent {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Policy(id, question) } => self.decide(ctx, out, from, id, &question),
            Input::Message { message: Wire::Bundle(bundle), .. } => {
                out.busy(self.spec.cost.1);
                let before = self.agent.floor();
                if let Err(refusal) = self.agent.receive(ctx.now(), ctx.controls(), &mut self.loader, &bundle) {
                    let (reason, subject) = (refusal.code(), bundle.key_id.clone());
                    out.fact(Fact::Decided { by: "policy.bundle", allowed: false, reason, subject });
                }
                if self.agent.floor() != before {
                    out.write(FLOOR, Write::Append(self.agent.floor().to_le_bytes().into()));
                    out.sync(0);
                }
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            _ => {}
        }
    }
}
