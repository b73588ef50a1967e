//! The pipeline at work: role `cell-a/gitops`, one a cell. People come from outside the mesh and sign what they say.
//!
//! It deploys what was merged, and asks again and again what runs. What runs and was never merged somebody has put
//! there past it: that is stated, and undone.

use super::people::People;
use super::review::{Change, may_merge};
use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::policy::suite;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::admin::{APPROVALS_PATH, Approval, POLICY_PATH, PROPOSALS_PATH, PolicyFiles, Proposal, Running};
use crate::wire::http::{Method, Reason, Request, Response};
use sim::disk::Write;
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What runs is what was merged.
pub const DRIFT: Control = control!("gitops.drift", upholds: ["POL-03"],
    off: "the pipeline deploys and looks away: what somebody puts there by hand stays");

/// What a pipeline is.
#[derive(Clone)]
pub struct GitOpsSpec {
    /// The config service that it deploys to.
    pub config: NodeId,
    /// What was merged before the run.
    pub head: PolicyFiles,
    /// Who has an account.
    pub people: People,
    /// How many others must stand by a change; never none.
    pub approvals: usize,
    /// How often it asks what runs.
    pub every: Duration,
    /// Worker time of a proposal.
    pub cost: Duration,
}

/// A pipeline at work.
pub struct GitOps {
    spec: GitOpsSpec,
    name: u64,
    head: PolicyFiles,
    /// What it has deployed, as far as it was told; not known after a restart.
    deployed: Option<Arc<str>>,
    changes: BTreeMap<Arc<str>, (Proposal, Change)>,
    /// Deployments on their way, by request.
    putting: BTreeMap<u64, Arc<str>>,
    /// Merged files on their way to the disk.
    merging: BTreeMap<u64, PolicyFiles>,
    calls: u64,
}

const LOOK: u64 = 1;
const HEAD: u8 = 0;

impl GitOps {
    /// A pipeline that remembers what was merged.
    pub fn boot(spec: &GitOpsSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> GitOps {
        let kept = ctx.disk().read(HEAD).iter().rev().find_map(|record| serde_json::from_slice(record).ok());
        let head: PolicyFiles = kept.unwrap_or_else(|| spec.head.clone());
        let mut gitops = GitOps {
            name: name_hash("gitops") ^ ctx.lineage().cause,
            deployed: None,
            changes: BTreeMap::new(),
            putting: BTreeMap::new(),
            merging: BTreeMap::new(),
            calls: 0,
            head,
            spec: spec.clone(),
        };
        gitops.look(out);
        gitops
    }

    fn call(&mut self, out: &mut Outbox<Saas>, method: Method, body: Vec<u8>) -> u64 {
        self.calls += 1;
        let mut request = Request::new(self.calls, method, POLICY_PATH.into());
        request.body = body.into();
        out.send_for(Lineage::root(self.name, self.calls), self.spec.config, Wire::Http(Box::new(request)));
        self.calls
    }

    fn look(&mut self, out: &mut Outbox<Saas>) {
        let asked = self.call(out, Method::Get, Vec::new());
        out.timer_for(Lineage::root(self.name, asked).child(1), self.spec.every, LOOK);
    }

    fn deploy(&mut self, out: &mut Outbox<Saas>) {
        let body = serde_json::to_vec(&self.head).expect("files are JSON");
        let asked = self.call(out, Method::Put, body);
        self.putting.insert(asked, self.head.digest());
    }

    /// What the config service says that it hands out.
    fn runs(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, running: &Running) {
        let head = self.head.digest();
        if running.digest == head {
            self.deployed = Some(head);
            return;
        }
        // What it has put there itself is what a merge has overtaken.
        if self.deployed.as_ref() == Some(&running.digest) {
            return self.deploy(out);
        }
        if ctx.controls().on(&DRIFT) {
            let about = running.digest.clone();
            out.fact(Fact::Reported { by: "gitops", what: "drift", about, value: running.revision });
            self.deploy(out);
        }
    }

    fn asked(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: &Request) {
        let id = match (&*request.path, request.method) {
            (PROPOSALS_PATH, Method::Post) => self.proposed(out, &request.body),
            (APPROVALS_PATH, Method::Post) => self.approved(&request.body),
            _ => Err(Reason::NotFound),
        };
        let reason = match id {
            Ok(id) => self.merge(ctx, out, &id),
            Err(reason) => reason,
        };
        out.send(from, Wire::HttpAnswer(Box::new(Response::new(request.id, reason))));
    }

    fn proposed(&mut self, out: &mut Outbox<Saas>, body: &[u8]) -> Result<Arc<str>, Reason> {
        let proposal: Proposal = serde_json::from_slice(body).map_err(|_| Reason::BadRequest)?;
        let signer = self.spec.people.signer(&proposal.author, &proposal.statement(), &proposal.signature);
        signer.ok_or(Reason::Unauthenticated)?;
        out.busy(self.spec.cost);
        let (id, author) = (proposal.id(), proposal.author.clone());
        let tests = suite::run(&proposal.files.policy, &proposal.files.data, &proposal.tests).ok();
        let change = Change { author, approvals: BTreeSet::new(), tests };
        self.changes.entry(id.clone()).or_insert((proposal, change));
        Ok(id)
    }

    fn approved(&mut self, body: &[u8]) -> Result<Arc<str>, Reason> {
        let approval: Approval = serde_json::from_slice(body).map_err(|_| Reason::BadRequest)?;
        let signer = self.spec.people.signer(&approval.by, &approval.statement(), &approval.signature);
        let signer = signer.ok_or(Reason::Unauthenticated)?.name.clone();
        let (_, change) = self.changes.get_mut(&approval.proposal).ok_or(Reason::NotFound)?;
        change.approvals.insert(signer);
        Ok(approval.proposal)
    }

    /// Merges a change that has all it needs: first to the disk, then into force.
    fn merge(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: &Arc<str>) -> Reason {
        let Some((proposal, change)) = self.changes.get(id) else { return Reason::NotFound };
        let decided = may_merge(ctx.controls(), &self.spec.people, self.spec.approvals, change);
        let (allowed, reason) = (decided.is_ok(), decided.err().map_or("MERGED", |refused| refused.code()));
        out.fact(Fact::Decided { by: "gitops", allowed, reason, subject: change.author.clone() });
        if !allowed {
            return Reason::Accepted;
        }
        let (record, token) = (serde_json::to_vec(&proposal.files).expect("files are JSON"), self.calls);
        out.write(HEAD, Write::Append(record.into()));
        out.sync(token);
        self.merging.insert(token, proposal.files.clone());
        self.changes.remove(id);
        self.calls += 1;
        Reason::Ok
    }

    fn synced(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        if let Some(files) = self.merging.remove(&token).filter(|_| ok) {
            self.head = files;
            self.deploy(out);
        }
    }

    fn answered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, response: &Response) {
        if let Some(put) = self.putting.remove(&response.id) {
            if response.reason == Reason::Ok {
                self.deployed = Some(put);
            }
        } else if let Ok(Some(running)) = serde_json::from_slice::<Option<Running>>(&response.body) {
            self.runs(ctx, out, &running);
        }
    }
}

impl Machine<Saas> for GitOps {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { token: LOOK } => self.look(out),
            Input::Message { from, message: Wire::Http(request) } => self.asked(ctx, out, from, &request),
            Input::Message { message: Wire::HttpAnswer(response), .. } => self.answered(ctx, out, &response),
            Input::Synced { token, ok } => self.synced(out, token, ok),
            _ => {}
        }
    }
}
