//! The pipeline at work: role `cell-a/gitops`, one a cell. People come from outside the mesh and sign what they say.
//!
//! It deploys what was merged, and asks again and again what runs. What runs and was never merged somebody has put
//! there past it: that is stated, and undone. Another version of the tenants file goes to the policy as data, and to
//! routers and services as a table, said again with every look.

use super::people::People;
use super::review::{Change, may_merge};
use super::tenants;
use crate::config::{Tenants, Vocabulary};
use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::policy::data::PolicyData;
use crate::policy::suite;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::admin::{
    APPROVALS_PATH, Approval, POLICY_PATH, PROPOSALS_PATH, PolicyFiles, Proposal, Running, TENANTS_PATH,
    TenantsProposal,
};
use crate::wire::http::{Method, Reason, Request, Response};
use serde::{Deserialize, Serialize};
use sim::disk::Write;
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
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
    /// The tenants file that was merged before the run, and the words that one may use.
    pub tenants: (Rc<Tenants>, Vocabulary),
    /// Routers and services, which are told of another version of it.
    pub told: Vec<NodeId>,
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
    changes: BTreeMap<Arc<str>, (Wanted, Change)>,
    /// The tenants file that was merged last, if one was.
    tenants: Option<Rc<Tenants>>,
    /// Deployments on their way, by request.
    putting: BTreeMap<u64, Arc<str>>,
    /// Merged files on their way to the disk.
    merging: BTreeMap<u64, Wanted>,
    calls: u64,
}

const LOOK: u64 = 1;
const HEAD: u8 = 0;

/// What was merged, as the disk has it.
#[derive(Serialize, Deserialize)]
enum Merged {
    Files(PolicyFiles),
    Tenants(Arc<str>),
}

/// What a change wants.
enum Wanted {
    /// Other files of the policy.
    Files(PolicyFiles),
    /// Another version of the tenants file: its text, and what it stands for.
    Tenants(Arc<str>, Rc<Tenants>),
}

impl GitOps {
    /// A pipeline that remembers what was merged.
    pub fn boot(spec: &GitOpsSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> GitOps {
        let mut gitops = GitOps {
            name: name_hash("gitops") ^ ctx.lineage().cause,
            deployed: None,
            changes: BTreeMap::new(),
            tenants: None,
            putting: BTreeMap::new(),
            merging: BTreeMap::new(),
            calls: 0,
            head: spec.head.clone(),
            spec: spec.clone(),
        };
        for wanted in recall(spec, ctx) {
            gitops.take(wanted);
        }
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
        self.tell(out);
        out.timer_for(Lineage::root(self.name, asked).child(1), self.spec.every, LOOK);
    }

    /// Tells routers and services who the tenants are, once that is another file than they began with.
    fn tell(&mut self, out: &mut Outbox<Saas>) {
        let Some(tenants) = &self.tenants else { return };
        let table = Arc::new(tenants::table(tenants));
        for to in &self.spec.told {
            self.calls += 1;
            out.send_for(Lineage::root(self.name, self.calls), *to, Wire::Tenants(table.clone()));
        }
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
            (PROPOSALS_PATH, Method::Post) => self.proposed(out, &request.body).map_err(bare),
            (TENANTS_PATH, Method::Post) => self.proposed_tenants(ctx, out, &request.body),
            (APPROVALS_PATH, Method::Post) => self.approved(&request.body).map_err(bare),
            _ => Err(bare(Reason::NotFound)),
        };
        let (reason, body) = match id {
            Ok(id) => bare(self.merge(ctx, out, &id)),
            Err(refused) => refused,
        };
        out.send(
            from,
            Wire::HttpAnswer(Box::new(Response::new(request.id, reason).with_body(body.into_bytes().into()))),
        );
    }

    /// A version of the tenants file with a mistake is no change that anybody could approve; its author is told each
    /// mistake with its place.
    fn proposed_tenants(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        body: &[u8],
    ) -> Result<Arc<str>, (Reason, String)> {
        let proposal: TenantsProposal = serde_json::from_slice(body).map_err(|_| bare(Reason::BadRequest))?;
        let signer = self.spec.people.signer(&proposal.author, &proposal.statement(), &proposal.signature);
        signer.ok_or(bare(Reason::Unauthenticated))?;
        out.busy(self.spec.cost);
        let in_force = self.tenants.as_ref().unwrap_or(&self.spec.tenants.0);
        let reviewed = tenants::review(ctx.controls(), &self.spec.tenants.1, in_force, &proposal.file);
        let reviewed = reviewed.map_err(|problems| {
            let reason = problems.0.first().map_or("", |problem| problem.code);
            out.fact(Fact::Decided { by: "tenants", allowed: false, reason, subject: proposal.author.clone() });
            (Reason::BadRequest, problems.to_string())
        })?;
        let (id, author) = (proposal.id(), proposal.author.clone());
        let data = PolicyData::from_tenants(&reviewed).to_json().to_string();
        let tests = suite::run(&self.head.policy, &data, &proposal.tests).ok();
        let change = Change { author, approvals: BTreeSet::new(), tests };
        self.changes.entry(id.clone()).or_insert((Wanted::Tenants(proposal.file, Rc::new(reviewed)), change));
        Ok(id)
    }

    fn proposed(&mut self, out: &mut Outbox<Saas>, body: &[u8]) -> Result<Arc<str>, Reason> {
        let proposal: Proposal = serde_json::from_slice(body).map_err(|_| Reason::BadRequest)?;
        let signer = self.spec.people.signer(&proposal.author, &proposal.statement(), &proposal.signature);
        signer.ok_or(Reason::Unauthenticated)?;
        out.busy(self.spec.cost);
        let (id, author) = (proposal.id(), proposal.author.clone());
        let tests = suite::run(&proposal.files.policy, &proposal.files.data, &proposal.tests).ok();
        let change = Change { author, approvals: BTreeSet::new(), tests };
        self.changes.entry(id.clone()).or_insert((Wanted::Files(proposal.files), change));
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
        let Some((_, change)) = self.changes.get(id) else { return Reason::NotFound };
        let decided = may_merge(ctx.controls(), &self.spec.people, self.spec.approvals, change);
        let (allowed, reason) = (decided.is_ok(), decided.err().map_or("MERGED", |refused| refused.code()));
        out.fact(Fact::Decided { by: "gitops", allowed, reason, subject: change.author.clone() });
        if !allowed {
            return Reason::Accepted;
        }
        let Some((wanted, _)) = self.changes.remove(id) else { return Reason::NotFound };
        let token = self.calls;
        let merged = match &wanted {
            Wanted::Files(files) => Merged::Files(files.clone()),
            Wanted::Tenants(file, _) => Merged::Tenants(file.clone()),
        };
        out.write(HEAD, Write::Append(serde_json::to_vec(&merged).expect("files are JSON").into()));
        out.sync(token);
        self.merging.insert(token, wanted);
        self.calls += 1;
        Reason::Ok
    }

    fn synced(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        if let Some(wanted) = self.merging.remove(&token).filter(|_| ok) {
            self.take(wanted);
            self.tell(out);
            self.deploy(out);
        }
    }

    /// What was merged is what shall run.
    fn take(&mut self, wanted: Wanted) {
        match wanted {
            Wanted::Files(files) => self.head = files,
            Wanted::Tenants(_, tenants) => {
                self.head.data = PolicyData::from_tenants(&tenants).to_json().to_string().into();
                self.tenants = Some(tenants);
            }
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

/// An answer without a body.
fn bare(reason: Reason) -> (Reason, String) {
    (reason, String::new())
}

/// What the disk has, in the order in which it was merged. A tenants file was reviewed then.
fn recall(spec: &GitOpsSpec, ctx: &Ctx<'_, Saas>) -> Vec<Wanted> {
    let (mut in_force, known) = (spec.tenants.0.clone(), &spec.tenants.1);
    let merged = ctx.disk().read(HEAD).iter().filter_map(|record| serde_json::from_slice(record).ok());
    let mut wanted = Vec::new();
    for merged in merged {
        match merged {
            Merged::Files(files) => wanted.push(Wanted::Files(files)),
            Merged::Tenants(file) => {
                let Ok(tenants) = tenants::review(ctx.controls(), known, &in_force, &file) else { continue };
                in_force = Rc::new(tenants);
                wanted.push(Wanted::Tenants(file, in_force.clone()));
            }
        }
    }
    wanted
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
