//! The config service: signs the policy of its cell, hands it out again and again, and lets administrators replace it.
//!
//! It hands out whatever it was given last. Whether that was reviewed is not its business, and it could not know: that
//! is what the pipeline in front of it is for. Nor can it know whether something newer was merged elsewhere: where
//! policy comes from another cell, a bundle is as new as the pipeline's last news from there, however often it is
//! signed.

use super::admin::{self, Bindings, Call};
use super::bundle::Signer;
use super::mode::{Announcer, ModeSpec};
use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::admin::{Current, PolicyFiles, Running};
use crate::wire::http::{Reason, Request, Response};
use crate::wire::policy::BundleContent;
use crate::wire::svid::SpiffeId;
use sim::disk::Write;
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A bundle is as new as the last news of what was merged.
pub const SYNC_FRESHNESS: Control = control!("policy.sync-freshness", upholds: ["CEL-03"],
    off: "a cell that has lost the control plane signs what it has as new, so that no agent there notices");

/// What a config service is.
#[derive(Clone)]
pub struct ConfigSpec {
    /// Agents it serves.
    pub agents: Vec<NodeId>,
    /// The revisions of the policy, counted from 1, each with when it comes into force (local clock); in order.
    pub revisions: Vec<(Instant, Arc<BundleContent>)>,
    /// Name and seed of its signing key.
    pub signer: (Arc<str>, [u8; 32]),
    /// Whether its policy comes from another cell, by a pipeline that says how new it is.
    pub follows: bool,
    /// How often a freshly signed bundle goes out.
    pub every: Duration,
    /// What it says of read-only mode.
    pub mode: ModeSpec,
    /// Who may use its admin API.
    pub admins: Bindings,
    /// Worker time of a call to it.
    pub cost: Duration,
}

/// A replacement on its way to the disk: by whom it was asked for, and how to answer.
struct Waiting {
    content: Arc<BundleContent>,
    from: NodeId,
    request: u64,
    caller: Arc<str>,
}

/// A config service at work.
pub struct ConfigService {
    spec: ConfigSpec,
    signer: Signer,
    rounds: u64,
    /// Replacements, with when each came into force; the disk has them.
    replaced: Vec<(Instant, Arc<BundleContent>)>,
    waiting: BTreeMap<u64, Waiting>,
    written: u64,
    callers: BTreeMap<NodeId, SpiffeId>,
    /// Until when what is handed out was the newest there is. What was deployed with the cell is so at the beginning.
    current_as_of: Instant,
    announcer: Announcer,
}

const HAND_OUT: u64 = 1;
const MODE: u64 = 2;
const REPLACED: u8 = 0;

impl ConfigService {
    /// A config service that remembers what it was given, and hands out its bundle at once.
    pub fn boot(spec: &ConfigSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> ConfigService {
        let kept = ctx.disk().read(REPLACED).iter().filter_map(|record| recall(record)).collect();
        let mut service = ConfigService {
            signer: Signer::from_seed(spec.signer.0.clone(), &spec.signer.1),
            spec: spec.clone(),
            rounds: 0,
            replaced: kept,
            waiting: BTreeMap::new(),
            written: 0,
            callers: BTreeMap::new(),
            current_as_of: Instant::ZERO,
            announcer: Announcer::new(spec.mode.clone(), ctx.lineage().cause),
        };
        service.hand_out(ctx, out);
        service.announcer.say(ctx.now(), ctx.controls(), out, MODE);
        service
    }

    /// The revision in force at `now` and its content: what was given last, by plan or by hand.
    fn current(&self, now: Instant) -> Option<(u64, &Arc<BundleContent>)> {
        let planned = self.spec.revisions.partition_point(|(at, _)| *at <= now);
        let last_planned = planned.checked_sub(1).map(|last| &self.spec.revisions[last]);
        let last = last_planned.into_iter().chain(self.replaced.last()).max_by_key(|(at, _)| *at)?;
        Some(((planned + self.replaced.len()) as u64, &last.1))
    }

    fn hand_out(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.rounds += 1;
        let lineage = Lineage::root(name_hash("config") ^ u64::from(ctx.node().0), self.rounds);
        let now = ctx.now();
        if let Some((revision, content)) = self.current(now) {
            let is_bounded = self.spec.follows && ctx.controls().on(&SYNC_FRESHNESS);
            let issued_at = if is_bounded { now.min(self.current_as_of) } else { now };
            let bundle = Arc::new(self.signer.sign(revision, issued_at, content));
            for agent in &self.spec.agents {
                out.send_for(lineage, *agent, Wire::Bundle(bundle.clone()));
            }
        }
        // The first hand-out may meet an agent that is still getting its identity.
        let mut span = if self.rounds < 4 { Duration::millis(200) } else { self.spec.every };
        let planned = self.spec.revisions.partition_point(|(at, _)| *at <= now);
        if let Some((at, _)) = self.spec.revisions.get(planned) {
            span = span.min(at.since(now));
        }
        out.timer_for(lineage.child(1), span, HAND_OUT);
    }

    fn called(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: &Request) {
        out.busy(self.spec.cost);
        let caller = self.callers.get(&from).map(SpiffeId::as_str);
        let call = match admin::parse(request) {
            Ok(call) => call,
            Err(reason) => return answer(out, from, request.id, reason, Vec::new()),
        };
        let subject: Arc<str> = caller.unwrap_or("nobody").into();
        let allowed = self.spec.admins.permit(ctx.controls(), caller, &call);
        let reason = if allowed { "ADMIN_CALL" } else { "ROLE_MISSING" };
        out.fact(Fact::Decided { by: "policy.admin", allowed, reason, subject: subject.clone() });
        match call {
            _ if !allowed => answer(out, from, request.id, Reason::PolicyDenied, Vec::new()),
            Call::Read => {
                let body = self.current(ctx.now()).map(|(revision, content)| running(revision, content));
                let body = serde_json::to_vec(&body).expect("a revision is JSON");
                answer(out, from, request.id, Reason::Ok, body);
            }
            Call::Vouch(current) => {
                let reason = self.vouched(ctx.now(), &current);
                answer(out, from, request.id, reason, Vec::new());
            }
            Call::Replace(content) => {
                self.written += 1;
                let record = postcard::to_allocvec(&(ctx.now(), &*content)).expect("a policy has bytes");
                out.write(REPLACED, Write::Append(record.into()));
                out.sync(self.written);
                let waiting = Waiting { content, from, request: request.id, caller: subject };
                self.waiting.insert(self.written, waiting);
            }
        }
    }

    /// What is handed out is the newest there is, if it is what the pipeline speaks of.
    fn vouched(&mut self, now: Instant, current: &Current) -> Reason {
        let handed_out = self.current(now).map(|(revision, content)| running(revision, content).digest);
        if handed_out.as_ref() != Some(&current.digest) {
            return Reason::Conflict;
        }
        self.current_as_of = self.current_as_of.max(current.as_of);
        Reason::Ok
    }

    /// The disk has a replacement, or failed to keep it.
    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some(Waiting { content, from, request, caller }) = self.waiting.remove(&token) else { return };
        if !ok {
            return answer(out, from, request, Reason::Internal, Vec::new());
        }
        self.replaced.push((ctx.now(), content));
        let revision = self.current(ctx.now()).map_or(0, |(revision, _)| revision);
        out.fact(Fact::Reported { by: "policy.config", what: "replaced", about: caller, value: revision });
        answer(out, from, request, Reason::Ok, Vec::new());
    }
}

fn running(revision: u64, content: &BundleContent) -> Running {
    let files = PolicyFiles { policy: content.policy().clone(), data: content.data().clone() };
    Running { revision, digest: files.digest() }
}

fn recall(record: &[u8]) -> Option<(Instant, Arc<BundleContent>)> {
    postcard::from_bytes::<(Instant, BundleContent)>(record).ok().map(|(at, content)| (at, Arc::new(content)))
}

fn answer(out: &mut Outbox<Saas>, to: NodeId, request: u64, reason: Reason, body: Vec<u8>) {
    out.send(to, Wire::HttpAnswer(Box::new(Response::new(request, reason).with_body(body.into()))));
}

impl Machine<Saas> for ConfigService {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { token: HAND_OUT } => self.hand_out(ctx, out),
            Input::Timer { token: MODE } => self.announcer.say(ctx.now(), ctx.controls(), out, MODE),
            Input::Message { from, message: Wire::ModeKept(serial) } => self.announcer.kept(out, from, serial),
            Input::Message { from, message: Wire::Connected(id) } => {
                self.callers.insert(from, id);
            }
            Input::Message { from, message: Wire::Http(request) } => self.called(ctx, out, from, &request),
            Input::Synced { token, ok } => self.synced(ctx, out, token, ok),
            _ => {}
        }
    }
}
