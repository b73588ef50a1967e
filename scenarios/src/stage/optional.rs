//! Parts of the platform that only some scenarios need: nobody else pays for them.

use super::{Stage, datum_of};
use crate::actors::Intruder;
use models::autoscaler::Settings;
use models::config::{Capacity, Component, Slice, Tenant, Tenants};
use models::control::Controls;
use models::fact::Fact;
use models::graph::cypher::Mistake;
use models::graph::{client, read::read, run, store::Session};
use models::ids::{Bytes, TenantId};
use models::oracles::Cast;
use models::oracles::alone::Alone;
use models::oracles::console::Console;
use models::oracles::convergence::Convergence;
use models::oracles::decisions::Decisions;
use models::oracles::graph_replica::GraphReplica;
use models::oracles::kept::Kept;
use models::oracles::lineage::{Lineage, Sources};
use models::oracles::logical_replica::LogicalReplica;
use models::oracles::masking::{Cleared, Customers, Masking, Readers};
use models::oracles::read_only::ReadOnly;
use models::oracles::retention::Retention;
use models::oracles::rollout::{Rollout, RolloutPromise};
use models::oracles::scaling::{Scaling, ScalingPromise};
use models::oracles::slices::Slices;
use models::platform::customers::{self, CustomersPlan, Reader};
use models::platform::graph::{self, GraphPlan};
use models::platform::offline::OfflinePlan;
use models::platform::replica::ReplicaPlan;
use models::platform::rollout::{self, RolloutPlan};
use models::platform::{KnownBad, Pipelines};
use models::saas::Saas;
use models::wire::http::Method;
use models::wire::policy::Level;
use models::wire::sql::Value;
use sim::oracle::Oracle;
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

impl Stage<'_> {
    /// Deploys a defect that every gate must find (canaries only).
    pub fn known_bad(&mut self, defect: KnownBad) {
        self.known_bad = Some(defect);
    }

    /// Declares that the tokens of a tenant's client are stolen.
    pub fn steal_tokens_of(&mut self, tenant: &str) {
        self.thieves.push(tenant.into());
    }

    /// Clients open TLS sessions with the gateways, which serve nobody without one.
    pub fn tls_at_the_edge(&mut self) {
        self.edge_tls = true;
    }

    /// Deploys a portal a cell, where people log in.
    pub fn portals(&mut self) {
        self.portals = true;
    }

    /// Deploys an object store a cell, and the judge of what it keeps.
    pub fn objects(&mut self) {
        self.objects = true;
        self.oracle(|cast| Box::new(Retention::new(cast)));
    }

    /// Deploys a sentinel a cell, which watches over the uses of tokens. Between two gateways nobody travels faster
    /// than in so long.
    pub fn sentinels(&mut self, travel: Duration) {
        self.travel = Some(travel);
    }

    /// An attacker shows the certificate of another, of whose machine it has a copy.
    pub fn copies_machine(&mut self, attacker: &str, of: &str) {
        self.copies.push((format!("attacker/{attacker}").into(), format!("attacker/{of}").into()));
    }

    /// Deploys an exporter of offline bundles, and the cell that lives on them. It needs an object store.
    pub fn offline(&mut self, plan: OfflinePlan) {
        self.offline = Some(plan);
    }

    /// Deploys a graph database a cell, or what the plan says.
    pub fn graph(&mut self, plan: GraphPlan) {
        self.graph = Some(plan);
    }

    /// Judges whether every graph holds what its owners were told of their relations.
    pub fn graph_converges(&mut self) {
        let tenants: Vec<TenantId> = self.tenants.iter().map(|(tenant, _)| tenant.id.clone()).collect();
        let first = tenants.into_iter().flat_map(|tenant| (1..graph::FIRST_NODES).map(move |n| (tenant.clone(), n)));
        let pair = |(tenant, n): (TenantId, u32)| {
            let entry = graph::first_relation(&tenant, n);
            (tenant, entry.source, entry.target)
        };
        let first: Vec<_> = first.map(pair).collect();
        self.oracle(move |cast| Box::new(Convergence::new(cast, first.into_iter())));
    }

    /// Judges a read replica, which nothing keeps from its database after `healed`.
    pub fn graph_replicates(&mut self, healed: Instant, bound: Duration) {
        self.oracle(move |cast| Box::new(GraphReplica::new(cast, healed, bound)));
    }

    /// Deploys a logical replica of the first cell's database in the second one, and the judge of it: nothing keeps it
    /// from its publisher after `healed`; from then on a change takes at most `bound`, and it is behind for longer than
    /// `unnoticed` only when somebody has said so.
    pub fn logical_replica(&mut self, plan: ReplicaPlan, healed: Instant, (bound, unnoticed): (Duration, Duration)) {
        self.replica = Some(plan);
        self.oracle(move |cast| Box::new(LogicalReplica::new(cast, healed, (bound, unnoticed))));
    }

    /// Keeps tenants' customers in the databases, and judges what these attackers are shown of them. Their tokens are
    /// for a level, and those that come with a tenant are named for what is restricted there.
    pub fn customers(&mut self, readers: &[(&str, Level, Option<&str>)]) {
        let reader = |(name, level, by): &(&str, Level, Option<&str>)| Reader {
            name: format!("attacker/{name}").into(),
            level: *level,
            named_by: by.map(TenantId::from),
        };
        self.customers = Some(CustomersPlan { readers: readers.iter().map(reader).collect() });
    }

    /// Somebody of a tenant with a token for this level, who asks for these paths; `breach` is what is broken when they
    /// are shown more than that permits.
    pub fn reader(
        &mut self,
        (name, tenant, level): (&'static str, &'static str, Level),
        (mark, breach): (&'static str, &'static str),
        paths: &[String],
    ) {
        let paths = paths.to_vec();
        self.attacker(name, Some(tenant), breach, false, move |d| {
            let asks: Vec<_> = paths.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
            let mut reader = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), tenant, "EU", mark).asking(&asks);
            (reader.clearance, reader.wait) = (level.name(), Duration::millis(1_000));
            (reader.tries, reader.gap) = (40, Duration::millis(110));
            Box::new(reader)
        });
    }

    /// The mark of an answer to an attacker with this text in it.
    pub fn mark_when_shown(&mut self, mark: &'static str, name: &str, text: &'static str) {
        let principal = format!("attacker/{name}");
        self.mark_when(mark, move |fact| match fact {
            Fact::Answered(a) if a.status == 200 && *a.principal == *principal => {
                a.body.windows(text.len()).any(|window| window == text.as_bytes())
            }
            _ => false,
        });
    }

    /// Those who judge what readers of customers get, if there are any; the data of each tenant has a salt.
    pub(super) fn judges_of_customers(
        &self,
        cast: &Rc<Cast>,
        salt: impl Fn(&TenantId) -> u64,
    ) -> Vec<Box<dyn Oracle<Saas>>> {
        let Some(plan) = &self.customers else { return Vec::new() };
        let datum = datum_of(self.draws.seed(), self.inputs);
        let (mut known, mut sources) = (Customers::new(), BTreeMap::new());
        for (tenant, salt) in self.present(salt) {
            let of_tenant: &mut Sources = sources.entry(tenant.id.clone()).or_default();
            for n in 0..customers::FIRST {
                let marked = |number| datum(&tenant.id, salt, number, 0).encode().as_str().into();
                let mut columns = BTreeMap::from(customers::columns(n, marked));
                columns.extend([("tenant_id", Value::Text(tenant.id.clone())), ("id", Value::Int(n.into()))]);
                of_tenant.customers.push(columns.clone());
                known.insert((tenant.id.clone(), n.into()), columns);
            }
            of_tenant.visits.extend((0..customers::VISITS).map(|n| BTreeMap::from(customers::visit(n))));
        }
        let readers = plan
            .readers
            .iter()
            .map(|reader| (reader.name.clone(), Cleared { level: reader.level, is_named: reader.named_by.is_some() }));
        let readers: BTreeMap<Arc<str>, Cleared> = readers.collect();
        vec![
            Box::new(Masking::new(Readers::new(cast.clone(), readers.clone()), known)),
            Box::new(Lineage::new(Readers::new(cast.clone(), readers), sources)),
        ]
    }

    /// Keeps tenants' incidents in the databases, with what reads them beside the tables themselves.
    pub fn incidents(&mut self) {
        self.incidents = true;
    }

    /// What this attacker asks has one answer where its tenant is alone: this one, and no conflict.
    pub fn told_alone(&mut self, requirement: &'static str, name: &str, body: &[u8]) {
        let known = BTreeMap::from([(format!("attacker/{name}").into(), body.into())]);
        self.oracle(move |cast| Box::new(Alone::new(cast, requirement, known)));
    }

    /// What this attacker was told that it has is there whenever it asks again.
    pub fn told_again(&mut self, requirement: &'static str, name: &str) {
        let who: Arc<str> = format!("attacker/{name}").into();
        self.oracle(move |cast| Box::new(Kept::new(cast, requirement, std::iter::once(who))));
    }

    /// Deploys a console for operators, a SIEM that keeps what is refused there, and the judge of both.
    pub fn console(&mut self) {
        self.console = true;
        self.oracle(|cast| Box::new(Console::new(cast)));
    }

    /// Every answer to these attackers' statements must be what the graph would tell their tenant if it were alone in
    /// it; `given` is the attacker, its tenant, and its statement as it is after the guard.
    pub fn alone(&mut self, requirement: &'static str, given: &[(&str, &str, &str)]) {
        let mut known: BTreeMap<Arc<str>, Bytes> = BTreeMap::new();
        for (name, tenant, text) in given {
            let only = std::iter::once((self.inputs.tenants.get(tenant).expect("a tenant of the scenario"), 0));
            let graph = graph::base(&self.inputs.tenants, only, |_, _, n| n.to_string());
            let controls = Controls::all_on();
            let statement = read(text).unwrap_or_else(|mistake: Mistake| panic!("{text}: {mistake}"));
            let (outcome, _) = run::run(&graph, Session { tenant, controls: &controls }, &statement, &Vec::new());
            let body = match outcome {
                run::Outcome::Answer(response) => client::answer(&response).1,
                run::Outcome::Write(_) => Vec::new(),
            };
            known.insert(format!("attacker/{name}").into(), body.into());
        }
        self.oracle(move |cast| Box::new(Alone::new(cast, requirement, known)));
    }

    /// The role with which the service logs in to the database.
    pub fn database_login(&mut self, role: &'static str) {
        self.login = role;
    }

    /// Workers and queue of a component, in every cell.
    pub fn capacity(&mut self, component: Component, workers: u32, queue: u32) {
        for cell in &mut self.platform.cells {
            cell.components.set(component, Capacity { workers, queue });
        }
    }

    /// Pins a tenant to a slice of its own in its cell: a schema of the database, and a logical database of the cache.
    /// Who lies where is judged.
    pub fn pin(&mut self, tenant: &str, schema: &str, cache_database: u16) {
        self.pinned.insert(tenant.into(), Slice { schema: schema.into(), cache_database });
    }

    /// A tenant, with the slice that it is pinned to here.
    pub(super) fn placed(&self, tenant: &Tenant) -> Tenant {
        let slice = self.pinned.get(&tenant.id).cloned().or_else(|| tenant.slice.clone());
        Tenant { slice, ..tenant.clone() }
    }

    /// Tenants that exist in this run, each with the salt of its data.
    pub(super) fn present(&self, salt: impl Fn(&TenantId) -> u64) -> Vec<(Tenant, u64)> {
        let tenants = self.tenants.iter().map(|(tenant, _)| tenant).chain(&self.idle);
        tenants.map(|tenant| (self.placed(tenant), salt(&tenant.id))).collect()
    }

    /// All configured tenants, each with its slice.
    pub(super) fn all_tenants(&self) -> Tenants {
        let mut all = self.inputs.tenants.clone();
        all.tenants = all.tenants.iter().map(|tenant| self.placed(tenant)).collect();
        all
    }

    /// Who judges what lies where, if anybody is pinned.
    pub(super) fn judge_of_slices(&self, cast: &Rc<Cast>) -> Option<Slices> {
        let pinned = self.all_tenants().tenants.into_iter().filter_map(|t| Some((t.id, t.slice?)));
        let pinned: BTreeMap<TenantId, Slice> = pinned.collect();
        (!pinned.is_empty()).then(|| Slices::new(cast.clone(), pinned))
    }

    /// Deploys a SIEM a cell, which keeps the decisions of its policy agent, and the judge of that.
    pub fn keeps_decisions(&mut self) {
        self.kept_decisions = true;
        self.oracle(|cast| Box::new(Decisions::new(cast)));
    }

    /// The control plane of each cell says that tenants may only read, from an instant until another; and the judge of
    /// that. It wants a SIEM to be there, whose log must go on.
    pub fn read_only(&mut self, from: Instant, until: Instant) {
        self.read_only = Some((from, until));
        self.oracle(|cast| Box::new(ReadOnly::new(cast)));
    }

    /// Tenants that ask more often or less often from these instants on, each with the mean gap from then; in order.
    pub fn paces(&mut self, ids: &str, paces: &[(Instant, Duration)]) {
        self.paces.extend(ids.split_whitespace().map(|id| (TenantId::from(id), paces.into())));
    }

    /// Deploys an autoscaler a cell, room for as many instances as it may order, and the judge of that.
    pub fn autoscaler(&mut self, settings: Settings, promise: ScalingPromise) {
        self.scaling = Some(settings);
        for cell in &mut self.platform.cells {
            cell.sizes.app_instances = settings.instances_max.into();
        }
        self.oracle(move |cast| Box::new(Scaling::new(cast, promise)));
    }

    /// Deploys a controller, a canary and a checker a cell, which roll these releases out, and the judge of that. The
    /// rule by which a canary is taken back is that of the platform as it is configured then; so long after routes went
    /// back no cache serves what the release has left there.
    pub fn rollouts(&mut self, plan: RolloutPlan, bound: Duration) {
        self.rollouts = Some(plan);
        let promise = RolloutPromise { settings: rollout::settings(&self.platform), bound };
        self.oracle(move |cast| Box::new(Rollout::new(cast, promise)));
    }

    /// A tenant is deleted, and its id given to somebody else, at this instant.
    pub fn reborn(&mut self, tenant: &str, at: Instant) {
        self.reborn = Some((tenant.into(), at));
    }

    /// A token, by id, that was taken back before the run.
    pub fn revoke_token(&mut self, id: &str) {
        self.revoked.push(id.into());
    }

    /// At this instant the key that signs tokens is found to be stolen, and its provider takes it back.
    pub fn signing_key_stolen(&mut self, at: Instant) {
        self.key_stolen_at = Some(at);
    }

    /// Deploys the Kubernetes of each cell that tenants write resources to.
    pub fn kube(&mut self) {
        self.kube = true;
    }

    /// Deploys a cache at each gateway and a remediation a cell, which switches them on and off at these instants.
    pub fn edge_cache(&mut self, switches: &[(Instant, bool)]) {
        self.edge_cache = switches.to_vec();
    }

    /// Deploys a registrar a cell: nothing is changed there that does not stand in its log.
    pub fn request_log(&mut self) {
        self.request_log = true;
    }

    /// Deploys the pipelines that policies come through, with a repository in each cell.
    pub fn pipelines(&mut self) {
        self.pipelines = Pipelines::Apart;
    }

    /// Deploys one repository, and a pipeline in every cell that follows it.
    pub fn following_pipelines(&mut self) {
        self.pipelines = Pipelines::Following;
    }
}
