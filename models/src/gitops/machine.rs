//! The pipeline at work: role `cell-a/gitops`, one a cell. People come from outside the mesh and sign what they say.
//!
//! It deploys what was merged, and asks again and again what runs. What runs and was never merged somebody has put
//! there past it: that is stated, and undone. Another version of the tenants file goes to the policy as data, and to
//! routers and services as a table, said again with every look.
//!
//! Where it follows another cell's, it takes what was merged there for merged, and tells its config service until when
//! that was everything.

use super::people::People;
use super::review::{Change, may_merge};
use super::sync::{self, STALE, Standing, Sync};
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
    APPROVALS_PATH, Approval, CURRENT_PATH, Current, MERGES_PATH, Merge, Merges, POLICY_PATH, PROPOSALS_PATH,
    PolicyFiles, Proposal, Running, TENANTS_PATH, TenantsProposal,
};
use crate::wire::http::{Method, Reason, Request, Response};
use sim::disk::Write;
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
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
    /// Whether the repository is here.
    pub standing: Standing,
    /// How long it may be without news of the repository before it says so.
    pub news_bound: Duration,
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
    /// What was merged and is on its way to the disk.
    merging: BTreeMap<u64, Merging>,
    sync: Sync,
    calls: u64,
}

/// What the disk is about to have.
#[derive(Default)]
struct Merging {
    merges: Vec<(Merge, Wanted)>,
    /// Then everything is known that was merged until then.
    as_of: Option<Instant>,
}

const LOOK: u64 = 1;
const HEAD: u8 = 0;

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
        let recalled = recall(spec, ctx);
        let merges = recalled.iter().map(|(merge, _)| merge.clone()).collect();
        let mut gitops = GitOps {
            name: name_hash("gitops") ^ ctx.lineage().cause,
            deployed: None,
            changes: BTreeMap::new(),
            tenants: None,
            putting: BTreeMap::new(),
            merging: BTreeMap::new(),
            sync: Sync::new(spec.standing.clone(), merges),
            calls: 0,
            head: spec.head.clone(),
            spec: spec.clone(),
        };
        for (_, wanted) in recalled {
            gitops.take(wanted);
        }
        gitops.look(ctx, out);
        gitops
    }

    fn call(&mut self, out: &mut Outbox<Saas>, to: NodeId, call: (Method, &'static str), body: Vec<u8>) -> u64 {
        self.calls += 1;
        let mut request = Request::new(self.calls, call.0, call.1.into());
        request.body = body.into();
        out.send_for(Lineage::root(self.name, self.calls), to, Wire::Http(Box::new(request)));
        self.calls
    }

    fn look(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let asked = self.call(out, self.spec.config, (Method::Get, POLICY_PATH), Vec::new());
        self.tell(out);
        self.follow(ctx, out);
        out.timer_for(Lineage::root(self.name, asked).child(1), self.spec.every, LOOK);
    }

    /// Asks the repository for news, and tells its config service how old the last ones are.
    fn follow(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let Some(leader) = self.sync.leader() else { return };
        let request = self.calls + 1;
        let known = self.sync.asks(ctx.now(), request);
        self.call(out, leader, (Method::Get, MERGES_PATH), sync::ask(known));
        self.vouch(out);
        if let Some(without) = self.sync.alarm(ctx.controls(), ctx.now(), self.spec.news_bound) {
            let about = self.head.digest();
            out.fact(Fact::Reported { by: "gitops", what: STALE, about, value: without.as_nanos() / 1_000_000 });
        }
    }

    fn vouch(&mut self, out: &mut Outbox<Saas>) {
        let Some(as_of) = self.sync.as_of() else { return };
        let current = Current { digest: self.head.digest(), as_of };
        let body = serde_json::to_vec(&current).expect("a time is JSON");
        self.call(out, self.spec.config, (Method::Put, CURRENT_PATH), body);
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
        let asked = self.call(out, self.spec.config, (Method::Put, POLICY_PATH), body);
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
        if *request.path == *MERGES_PATH {
            return self.synchronised(ctx, out, from, request);
        }
        let id = match (&*request.path, request.method) {
            // What is merged elsewhere is proposed there.
            _ if self.sync.leader().is_some() => Err(bare(Reason::NotFound)),
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
        let merge = match &wanted {
            Wanted::Files(files) => Merge::Files(files.clone()),
            Wanted::Tenants(file, _) => Merge::Tenants(file.clone()),
        };
        self.keep(out, Merging { merges: vec![(merge, wanted)], as_of: None });
        Reason::Ok
    }

    /// To the disk first, then into force.
    fn keep(&mut self, out: &mut Outbox<Saas>, merging: Merging) {
        for (merge, _) in &merging.merges {
            out.write(HEAD, Write::Append(serde_json::to_vec(merge).expect("files are JSON").into()));
        }
        self.calls += 1;
        out.sync(self.calls);
        self.merging.insert(self.calls, merging);
    }

    fn synced(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some(Merging { merges, as_of }) = self.merging.remove(&token).filter(|_| ok) else { return };
        for (merge, wanted) in merges {
            self.take(wanted);
            for (follower, news) in self.sync.merged(merge) {
                let body = serde_json::to_vec(&news).expect("merges are JSON");
                self.call(out, follower, (Method::Post, MERGES_PATH), body);
            }
        }
        self.tell(out);
        self.deploy(out);
        self.known(out, as_of);
    }

    /// Everything is known that was merged until then.
    fn known(&mut self, out: &mut Outbox<Saas>, as_of: Option<Instant>) {
        if let Some(as_of) = as_of {
            self.sync.complete(as_of);
            self.vouch(out);
        }
    }

    /// A follower asks, or the one that is followed tells.
    fn synchronised(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: &Request) {
        match (&self.spec.standing, request.method) {
            (Standing::Home(followers), Method::Get) if followers.contains(&from) => {
                let Some(known) = sync::asked(&request.body) else { return };
                let news = self.sync.news_for(ctx.controls(), from, known);
                let body = serde_json::to_vec(&news).expect("merges are JSON");
                let answer = Response::new(request.id, Reason::Ok).with_body(body.into());
                out.send(from, Wire::HttpAnswer(Box::new(answer)));
            }
            (Standing::Follows(leader), Method::Post) if *leader == from => {
                let news: Option<Merges> = serde_json::from_slice(&request.body).ok();
                let merges = news.map(|news| self.sync.unknown(&news)).unwrap_or_default();
                self.heard(ctx, out, merges, None);
            }
            _ => {}
        }
    }

    /// What was merged elsewhere was reviewed there, and is held against what is in force here.
    fn heard(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, merges: Vec<Merge>, as_of: Option<Instant>) {
        if merges.is_empty() {
            return self.known(out, as_of);
        }
        // What is on its way to the disk may be the same; the next look asks for the rest.
        if !self.merging.is_empty() {
            return;
        }
        let in_force = self.tenants.as_ref().unwrap_or(&self.spec.tenants.0).clone();
        let merges = read(&self.spec, ctx, in_force, merges);
        self.keep(out, Merging { merges, as_of });
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
        if let Some(at) = self.sync.answered(response.id) {
            if let Ok(news) = serde_json::from_slice::<Merges>(&response.body) {
                let merges = self.sync.unknown(&news);
                self.heard(ctx, out, merges, Some(at));
            }
            return;
        }
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

/// What the disk has, in the order in which it was merged.
fn recall(spec: &GitOpsSpec, ctx: &Ctx<'_, Saas>) -> Vec<(Merge, Wanted)> {
    let merges = ctx.disk().read(HEAD).iter().filter_map(|record| serde_json::from_slice(record).ok());
    read(spec, ctx, spec.tenants.0.clone(), merges.collect())
}

/// What merges stand for, one after the other. A tenants file was reviewed when it was merged.
fn read(spec: &GitOpsSpec, ctx: &Ctx<'_, Saas>, mut in_force: Rc<Tenants>, merges: Vec<Merge>) -> Vec<(Merge, Wanted)> {
    let mut wanted = Vec::new();
    for merge in merges {
        match &merge {
            Merge::Files(files) => wanted.push((merge.clone(), Wanted::Files(files.clone()))),
            Merge::Tenants(file) => {
                let reviewed = tenants::review(ctx.controls(), &spec.tenants.1, &in_force, file);
                let Ok(tenants) = reviewed else { continue };
                in_force = Rc::new(tenants);
                wanted.push((merge.clone(), Wanted::Tenants(file.clone(), in_force.clone())));
            }
        }
    }
    wanted
}

impl Machine<Saas> for GitOps {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { token: LOOK } => self.look(ctx, out),
            Input::Message { from, message: Wire::Http(request) } => self.asked(ctx, out, from, &request),
            Input::Message { message: Wire::HttpAnswer(response), .. } => self.answered(ctx, out, &response),
            Input::Synced { token, ok } => self.synced(out, token, ok),
            _ => {}
        }
    }
}
