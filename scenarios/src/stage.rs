//! The stage: turns a scenario and a seed into a world.
//!
//! A scenario's `build` says who plays; everything it does not say is the reference platform as configured. What a pass
//! needs (other value bits, an absent tenant, no faults) is decided here, so that no scenario can forget it.

use crate::actors::client::{Paces, datum};
use crate::actors::{Attacker, Client, ClientSpec, Habit, Loot, Script};
use models::autoscaler;
use models::config::{Inputs, PlatformConfig, Slice, Tenant, Tenants};
use models::fact::Fact;
use models::gateway::token::TokenMemo;
use models::ids::TenantId;
use models::luck;
use models::marker::Marker;
use models::mesh::verify::ChainMemo;
use models::oracles::availability::{Availability, Promise};
use models::oracles::cast::Member;
use models::oracles::integrity::Integrity;
use models::oracles::working_set::WorkingSet;
use models::oracles::{Cast, Forbidden, Principal, durability, handling, isolation, refusal, residency, switching};
use models::platform::customers::CustomersPlan;
use models::platform::graph::GraphPlan;
use models::platform::offline::OfflinePlan;
use models::platform::replica::ReplicaPlan;
use models::platform::rollout::RolloutPlan;
use models::platform::{self, Actor, Deployment, Directory, Enrolled, Pipelines, Special};
use models::saas::Saas;
use sim::choice::{Choice, Choices};
use sim::fault::{FaultSpec, Target};
use sim::node::Boot;
use sim::oracle::{Oracle, Reached};
use sim::record::Pass;
use sim::seed::{Draws, below, name_hash};
use sim::swarm::{self, Allowance, Envelope};
use sim::world::WorldSpec;
use sim::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

mod acts;
mod events;
pub mod form;
mod optional;
mod terms;

pub use acts::{ACTS_SOONER, Acts};
use events::Events;
pub use terms::Terms;

/// What makes a pass differ from the calm one.
#[derive(Clone, Debug, Default)]
pub struct Disguise {
    /// The tenant whose view is compared.
    pub viewer: Option<TenantId>,
    /// Salt of everybody else's data.
    pub salt: u64,
    /// A tenant that does not exist in this run.
    pub absent: Option<TenantId>,
}

/// A player that a scenario adds.
pub struct Player {
    /// Role of its node, `attacker/replayed-token`.
    pub role: String,
    /// The tenant whose connector's certificate it holds: then it stands in that tenant's cell.
    pub connector_of: Option<Tenant>,
    /// Builds its script, once the nodes have addresses.
    pub script: MakeScript,
}

/// Builds a script, once the nodes have addresses.
pub type MakeScript = Box<dyn Fn(&Directory) -> Box<dyn Script>>;

/// Builds a judge, once it is known who plays.
type MakeOracle = Box<dyn FnOnce(Rc<Cast>) -> Box<dyn Oracle<Saas>>>;

/// A scenario being set up.
pub struct Stage<'a> {
    /// Platform and tenants.
    pub inputs: &'a Inputs,
    /// The draws of the run.
    pub draws: &'a Draws,
    /// Which pass.
    pub pass: Pass,
    /// Length of the acts.
    pub acts: Acts,
    /// What attackers have stolen.
    pub loot: Loot,
    platform: PlatformConfig,
    tenants: Vec<(Tenant, Duration)>,
    idle: Vec<Tenant>,
    leaving: Vec<(TenantId, Instant)>,
    habits: Vec<(TenantId, Habit)>,
    paces: Vec<(TenantId, Paces)>,
    successors: Vec<(Arc<str>, TenantId)>,
    revoked: Vec<Arc<str>>,
    enrolled: Vec<Enrolled>,
    reborn: Option<(TenantId, Instant)>,
    key_stolen_at: Option<Instant>,
    pipelines: Pipelines,
    scaling: Option<autoscaler::Settings>,
    rollouts: Option<RolloutPlan>,
    read_only: Option<(Instant, Instant)>,
    request_log: bool,
    edge_cache: Vec<(Instant, bool)>,
    kube: bool,
    edge_tls: bool,
    portals: bool,
    objects: bool,
    console: bool,
    graph: Option<GraphPlan>,
    replica: Option<ReplicaPlan>,
    customers: Option<CustomersPlan>,
    incidents: bool,
    travel: Option<Duration>,
    copies: Vec<(Arc<str>, Arc<str>)>,
    offline: Option<OfflinePlan>,
    pinned: BTreeMap<TenantId, Slice>,
    kept_decisions: bool,
    login: &'static str,
    records: u32,
    specials: Vec<Special>,
    forbidden: Vec<Forbidden>,
    policies: Vec<(Instant, Tenants)>,
    thieves: Vec<TenantId>,
    players: Vec<Player>,
    principals: Vec<Principal>,
    positions: Vec<(String, String, String)>,
    faults: Vec<FaultSpec>,
    spared: BTreeSet<String>,
    envelope: Envelope,
    promise: Option<Promise>,
    oracles: Vec<MakeOracle>,
    known_bad: Option<platform::KnownBad>,
    events: Events,
    spares: Vec<String>,
    tokens: TokenMemo,
    chains: ChainMemo,
}

/// The leak marker of a datum as the platform, its clients and its judges know it, without a run's overrides: data is
/// what it is, whatever the choice map says about luck.
fn datum_of(seed: u64, inputs: &Inputs) -> impl Fn(&str, u64, u32, u16) -> Marker + 'static {
    let draws = Draws::new(seed, Choices::default());
    let tenants = inputs.tenants.clone();
    move |tenant, salt, record, version| {
        datum(
            &|cause, n| draws.draw(luck::DATUM, cause, n),
            tenant,
            salt,
            platform::index_of(&tenants, tenant),
            record,
            version,
        )
    }
}

impl<'a> Stage<'a> {
    /// An empty stage on the configured platform.
    pub fn new(inputs: &'a Inputs, draws: &'a Draws, pass: Pass) -> Stage<'a> {
        Stage {
            inputs,
            draws,
            pass,
            acts: Acts::default(),
            loot: Loot::default(),
            platform: inputs.platform.clone(),
            tenants: Vec::new(),
            idle: Vec::new(),
            leaving: Vec::new(),
            habits: Vec::new(),
            paces: Vec::new(),
            successors: Vec::new(),
            revoked: Vec::new(),
            enrolled: Vec::new(),
            reborn: None,
            key_stolen_at: None,
            pipelines: Pipelines::None,
            scaling: None,
            rollouts: None,
            read_only: None,
            request_log: false,
            edge_cache: Vec::new(),
            kube: false,
            edge_tls: false,
            portals: false,
            objects: false,
            console: false,
            graph: None,
            replica: None,
            customers: None,
            incidents: false,
            travel: None,
            copies: Vec::new(),
            offline: None,
            pinned: BTreeMap::new(),
            kept_decisions: false,
            login: "app",
            records: 12,
            specials: Vec::new(),
            forbidden: Vec::new(),
            policies: Vec::new(),
            thieves: Vec::new(),
            players: Vec::new(),
            principals: Vec::new(),
            positions: Vec::new(),
            faults: Vec::new(),
            spared: BTreeSet::new(),
            envelope: Envelope::default(),
            promise: None,
            oracles: Vec::new(),
            known_bad: None,
            events: Events::default(),
            spares: vec!["cell-a/kafka-3".into()],
            tokens: TokenMemo::default(),
            chains: ChainMemo::default(),
        }
    }

    /// Honest tenants, each with one request every `gap` on average. Ids are those of `tenants.yaml`.
    ///
    /// # Panics
    /// When a tenant is not configured: a scenario names tenants that every input must have.
    pub fn tenants(&mut self, ids: &str, gap: Duration) {
        for id in ids.split_whitespace() {
            self.tenants.push((self.tenant(id), gap));
        }
    }

    /// All other configured tenants exist as well, with their records and topics, and ask for nothing.
    pub fn others_idle(&mut self) {
        let asks = |id: &TenantId| self.tenants.iter().any(|(t, _)| t.id == *id);
        self.idle = self.inputs.tenants.tenants.iter().filter(|t| !asks(&t.id)).cloned().collect();
    }

    fn tenant(&self, id: &str) -> Tenant {
        let tenant = self.inputs.tenants.get(id).cloned();
        tenant.unwrap_or_else(|| panic!("tenants.yaml lacks tenant {id}, which the scenario needs"))
    }

    /// Tenants that mostly do one thing.
    pub fn habit(&mut self, ids: &str, habit: Habit) {
        self.habits.extend(ids.split_whitespace().map(|id| (TenantId::from(id), habit)));
    }

    /// Records that every tenant begins with.
    pub fn records(&mut self, n: u32) {
        self.records = n;
    }

    /// A record beside a tenant's ordinary ones, with a class of its own.
    pub fn special(&mut self, tenant: &str, id: u32, (kind, level, label): (&str, i64, &str)) {
        let (kind, label) = (kind.into(), label.into());
        self.specials.push(Special { tenant: tenant.into(), id, kind, level, label });
    }

    /// Declares that from `from` on no principal of the tenant may get this record of it, and what that would break.
    pub fn forbid(&mut self, tenant: &str, record: u32, from: Instant, requirement: &'static str) {
        self.forbidden.push(Forbidden { tenant: tenant.into(), record, from, requirement });
    }

    /// From `at` on the policy knows the tenants as configured, but for this change. The first version begins at zero.
    pub fn policy(&mut self, at: Instant, change: impl FnOnce(&mut Tenants)) {
        let mut tenants = self.inputs.tenants.clone();
        change(&mut tenants);
        self.policies.push((at, tenants));
    }

    /// Changes the platform for this scenario: one more cell, a smaller cache.
    pub fn platform(&mut self, change: impl FnOnce(&mut PlatformConfig)) {
        change(&mut self.platform);
    }

    /// Where real verifications of this run are counted.
    pub fn memos(&self) -> (TokenMemo, ChainMemo) {
        (self.tokens.clone(), self.chains.clone())
    }

    /// The platform of this scenario.
    pub fn config(&self) -> &PlatformConfig {
        &self.platform
    }

    /// Adds an attacker. `tenant` is what it is entitled to, if anything; `breach` is the requirement that is broken
    /// when it gets more; `never` says that any success is a breach.
    pub fn attacker(
        &mut self,
        name: &str,
        tenant: Option<&str>,
        breach: &'static str,
        never: bool,
        script: impl Fn(&Directory) -> Box<dyn Script> + 'static,
    ) {
        self.play(name, tenant, None, (breach, never), Box::new(script));
    }

    fn play(
        &mut self,
        name: &str,
        tenant: Option<&str>,
        connector_of: Option<Tenant>,
        (breach, never): (&'static str, bool),
        script: MakeScript,
    ) {
        let role = format!("attacker/{name}");
        let tenant = tenant.map(Into::into);
        let (name, also, entitled_until) = (role.as_str().into(), Vec::new(), Instant::ZERO);
        self.principals.push(Principal { name, tenant, also, honest: false, breach, never, entitled_until });
        self.players.push(Player { role, connector_of, script });
    }

    /// Grants an attacker further tenants, of the region of its first.
    ///
    /// # Panics
    /// When there is no such attacker: a scenario names its own.
    pub fn grant(&mut self, name: &str, tenants: &str) {
        let role = format!("attacker/{name}");
        let principal = self.principals.iter_mut().find(|p| *p.name == *role);
        let principal = principal.unwrap_or_else(|| panic!("nobody plays {role}, who is to be granted {tenants}"));
        principal.also.extend(tenants.split_whitespace().map(TenantId::from));
    }

    /// Adds an attacker that was entitled to what it asks for, until an instant. What it gets later is a breach.
    pub fn renegade(
        &mut self,
        name: &str,
        tenant: &str,
        breach: &'static str,
        entitled_until: Instant,
        script: impl Fn(&Directory) -> Box<dyn Script> + 'static,
    ) {
        self.attacker(name, Some(tenant), breach, true, script);
        self.principals.last_mut().expect("it was just added").entitled_until = entitled_until;
    }

    /// Adds a principal that owns a tenant's id after somebody else, and nothing that the former owner left.
    pub fn successor(
        &mut self,
        name: &str,
        tenant: &str,
        breach: &'static str,
        script: impl Fn(&Directory) -> Box<dyn Script> + 'static,
    ) {
        self.attacker(name, None, breach, false, script);
        self.successors.push((format!("attacker/{name}").into(), tenant.into()));
    }

    /// The honest client of a tenant stops asking at this instant.
    pub fn leaves(&mut self, tenant: &str, at: Instant) {
        self.leaving.push((tenant.into(), at));
    }

    /// Enrols an attacker as a workload of a cell, under an id with this path, until it is taken back.
    pub fn enrol(&mut self, attacker: &str, cell: &str, path: &str, revoked_at: Option<Instant>) {
        let role = format!("attacker/{attacker}").into();
        self.enrolled.push(Enrolled { role, cell: cell.into(), path: path.into(), revoked_at });
    }

    /// A mark that is reached when a fact says so.
    pub fn mark_when(&mut self, mark: &'static str, check: impl FnMut(&Fact) -> bool + 'static) {
        self.oracle(move |_| Box::new(Reached { mark, check, times: 0, words: PhantomData }));
    }

    /// A mark that is reached once facts have said both, in either order.
    pub fn mark_when_both(&mut self, mark: &'static str, one: fn(&Fact) -> bool, other: fn(&Fact) -> bool) {
        let mut said = (false, false);
        let check = move |fact: &Fact| {
            let before = said;
            said = (said.0 || one(fact), said.1 || other(fact));
            said == (true, true) && before != said
        };
        self.oracle(move |_| Box::new(Reached { mark, check, times: 0, words: PhantomData }));
    }

    /// A datum of a tenant, as one of its principals would write it.
    pub fn own_marker(&self, tenant: &str) -> String {
        let index = platform::index_of(&self.inputs.tenants, tenant);
        let drawn = self.draws.draw(luck::DATUM, name_hash(tenant), 1);
        Marker::new(index, 1, 900_000, 0, drawn.into()).encode().as_str().to_owned()
    }

    /// Gives an attacker the network position on the link from one role to another.
    pub fn position(&mut self, from: &str, to: &str, attacker: &str) {
        self.positions.push((from.into(), to.into(), format!("attacker/{attacker}")));
    }

    /// A scripted fault, in every pass.
    pub fn fault(&mut self, kind: &str, target: Target, from: Instant, until: Instant, strength: u64) {
        self.faults.push(FaultSpec { kind: kind.into(), target, from, until, strength });
    }

    /// A scripted fault for which the story has to come so far: where the swarm's weather keeps it from that, it need
    /// not have struck.
    pub fn fault_if_it_comes_to_that(
        &mut self,
        kind: &str,
        target: Target,
        (from, until): (Instant, Instant),
        strength: u64,
    ) {
        self.fault(kind, target, from, until, strength);
        if self.pass == Pass::Swarm {
            self.spared.extend(self.faults.last().map(FaultSpec::unstruck));
        }
    }

    /// Mistakes that a run may make: faults that need not strike.
    pub fn spared(&self) -> BTreeSet<String> {
        self.spared.clone()
    }

    /// What the swarm pass may draw.
    pub fn allow(&mut self, allowance: Allowance) {
        self.envelope.allowances.push(allowance);
    }

    /// Takes a kind of fault out of what the swarm may draw.
    pub fn without(&mut self, kind: &str) {
        self.envelope.allowances.retain(|allowance| allowance.kind != kind);
    }

    /// How many durable copies the swarm may take away in one run.
    pub fn copies_max(&mut self, n: u32) {
        self.envelope.copies_max = n;
    }

    /// What service is promised.
    pub fn promise(&mut self, promise: Promise) {
        self.promise = Some(promise);
    }

    /// One more judge.
    pub fn oracle(&mut self, make: impl FnOnce(Rc<Cast>) -> Box<dyn Oracle<Saas>> + 'static) {
        self.oracles.push(Box::new(make));
    }

    /// Roles of which one, drawn, stays dead when the faults stop: the others are the core that must serve.
    pub fn spares(&mut self, roles: &[&str]) {
        self.spares = roles.iter().map(|r| (*r).into()).collect();
    }

    /// The usual faults of the environment, for scenarios that have no reason to differ.
    pub fn usual_weather(&mut self) {
        let ms = Duration::millis;
        let node = |role: &str| Target::Node(role.into());
        let group = |name: &str| Target::Group(name.into());
        let inside = |cell: &str| Target::link(group(cell), group(cell));
        let mut allow = |kind, targets: Vec<Target>, length, strength, takes_copy| {
            let on_ppm = 300_000;
            self.envelope.allowances.push(Allowance { kind, targets, length, strength, on_ppm, takes_copy });
        };
        let links = || vec![inside("cell-a"), inside("cell-b")];
        let long = (ms(1500), ms(4000));
        allow("delay", links(), long, (300, 4_000), false);
        allow("loss", links(), long, (20_000, 60_000), false);
        allow("duplicate", links(), long, (20_000, 200_000), false);
        allow("reorder", links(), long, (20_000, 200_000), false);
        allow("bandwidth", links(), long, (1_000_000, 8_000_000), false);
        allow("clog", links(), (ms(100), ms(400)), (0, 0), false);
        allow("swizzle-clog", vec![group("cell-a"), group("cell-b")], (ms(300), ms(1200)), (0, u32::MAX.into()), false);
        allow("crash", vec![node("cell-a/app-1"), node("cell-a/cache"), node("cell-b/cache")], long, (0, 0), false);
        allow("pause", vec![node("cell-a/app-1"), node("cell-b/app-1")], (ms(100), ms(600)), (0, 0), false);
        allow("slow", vec![node("cell-a/postgres-1"), node("cell-a/cache")], long, (2, 5), false);
        allow("clock-skew", vec![node("cell-a/app-1"), node("edge-b")], long, (50, 900), false);
        allow("clock-drift", vec![node("cell-a/kafka-1"), node("cell-b/app-1")], long, (200, 20_000), false);
        allow("crash", vec![node("cell-a/kafka-2"), node("cell-b/kafka-2")], long, (0, 0), true);
        allow("torn-write", vec![node("cell-a/postgres-2"), node("cell-a/kafka-3")], long, (0, 0), true);
        self.envelope.copies_max = 1;
    }

    /// Builds the world. `disguise` is what the pass changes; `keep` keeps every fact.
    pub fn build(mut self, disguise: &Disguise, keep: bool) -> WorldSpec<Saas> {
        self.tenants.retain(|(t, _)| disguise.absent.as_ref() != Some(&t.id));
        self.events.connectors.retain(|t| disguise.absent.as_ref() != Some(&t.id));
        if self.pass == Pass::Swarm {
            self.envelope.window = (self.acts.traffic_from, self.acts.safety_until);
            self.faults.extend(swarm::plan(self.draws, &self.envelope));
        }
        self.acts = self.acts.chosen(self.draws);
        let cast = Rc::new(self.cast());
        let salt = |id: &TenantId| if disguise.viewer.as_ref() == Some(id) { 0 } else { disguise.salt };
        let deployment = Deployment {
            config: Rc::new(self.platform.clone()),
            tenants: self.present(salt),
            all_tenants: Rc::new(self.all_tenants()),
            records: self.records,
            specials: self.specials.clone(),
            policies: self.policies.clone(),
            known_bad: self.known_bad,
            mirrors: self.events.mirrors,
            witnessed: self.events.witnessed,
            tampering: self.events.tampering.clone(),
            schema_ahead: self.events.schema_ahead.clone(),
            principals: self.client_principals(),
            revoked: self.revoked.clone(),
            enrolled: self.enrolled.clone(),
            reborn: self.reborn.clone(),
            key_stolen_at: self.key_stolen_at,
            scaling: self.scaling,
            rollouts: self.rollouts.clone(),
            read_only: self.read_only,
            pipelines: self.pipelines,
            request_log: self.request_log,
            edge_cache: self.edge_cache.as_slice().into(),
            kube: self.kube,
            edge_tls: self.edge_tls,
            portals: self.portals,
            objects: self.objects,
            console: self.console,
            graph: self.graph.clone(),
            replica: self.replica,
            customers: self.customers.clone(),
            incidents: self.incidents,
            travel: self.travel,
            copies: self.copies.clone(),
            offline: self.offline.clone(),
            kept_decisions: self.kept_decisions,
            login: self.login,
            datum: Rc::new(datum_of(self.draws.seed(), self.inputs)),
            tokens: self.tokens.clone(),
            chains: self.chains.clone(),
        };
        let acts = self.acts;
        let mut oracles = self.judges(&cast);
        oracles.extend(self.judges_of_customers(&cast, salt));
        let mut actors = self.clients(&deployment, disguise);
        actors.extend(self.events.seats(&self.platform, self.inputs, acts, |tenant| salt(&tenant.id)));
        for player in self.players {
            let role: Arc<str> = player.role.as_str().into();
            let script = Rc::new(player.script);
            let home = player.connector_of.as_ref().map(|t| platform::home_cell(&self.platform, t));
            actors.push(Actor {
                role: player.role,
                group: home.as_deref().unwrap_or("internet").into(),
                connector_of: player.connector_of.map(|t| t.id),
                boot: Box::new(move |directory: Rc<Directory>| -> Boot<Saas> {
                    let (role, script) = (role.clone(), script.clone());
                    Rc::new(move |ctx, out| Box::new(Attacker::boot(role.clone(), script(&directory), ctx, out)))
                }),
            });
        }
        oracles.extend(self.oracles.into_iter().map(|make| make(cast.clone())));
        let built = platform::build(&deployment, actors);
        WorldSpec {
            nodes: built.nodes,
            local: built.local,
            remote: built.remote,
            links: built.links,
            faults: self.faults,
            positions: self.positions,
            spares: if self.pass == Pass::Swarm { self.spares } else { Vec::new() },
            safety_until: acts.safety_until,
            end: acts.end,
            oracles,
            keep,
        }
    }

    /// Those who judge every scenario.
    fn judges(&self, cast: &Rc<Cast>) -> Vec<Box<dyn Oracle<Saas>>> {
        let mut oracles: Vec<Box<dyn Oracle<Saas>>> = vec![
            Box::new(isolation::Isolation::new(cast.clone())),
            Box::new(refusal::Refusal::new(cast.clone())),
            Box::new(residency::Residency::new(cast.clone())),
            Box::new(switching::Switching::new(cast.clone(), self.platform.limits.tenant_switches_per_min)),
            Box::new(durability::Durability::new(cast.clone())),
            Box::new(Integrity::new(cast.clone())),
            Box::new(WorkingSet::new(cast.clone(), self.platform.limits.cache_floor_bytes)),
            Box::new(Availability::new(
                cast.clone(),
                self.promise.clone(),
                Duration::millis(1500),
                self.platform.slos.p95_query,
            )),
        ];
        oracles.extend(self.events.judges(&self.platform, cast));
        if let Some(judge) = self.judge_of_slices(cast) {
            oracles.push(Box::new(judge));
        }
        if !self.forbidden.is_empty() {
            oracles.push(Box::new(handling::Handling::new(cast.clone())));
        }
        oracles
    }

    /// Who may log in for which tenant.
    fn client_principals(&self) -> Vec<(Arc<str>, Vec<TenantId>)> {
        let honest = self.tenants.iter().map(|(t, _)| (Arc::from(format!("client/{}", t.id)), vec![t.id.clone()]));
        let others = self.principals.iter().map(|p| {
            let successor = self.successors.iter().find(|(name, _)| *name == p.name).map(|(_, tenant)| tenant);
            // Somebody who holds nothing may still be a customer: of the tenant that every intruder signs up with.
            let tenant = successor.or(p.tenant.as_ref()).cloned();
            let first = tenant.unwrap_or_else(|| "acme-corp".into());
            (p.name.clone(), std::iter::once(first).chain(p.also.iter().cloned()).collect())
        });
        honest.chain(others).collect()
    }

    fn cast(&self) -> Cast {
        let mut cast = Cast::default();
        for tenant in &self.inputs.tenants.tenants {
            cast.add_member(Member {
                id: tenant.id.clone(),
                index: platform::index_of(&self.inputs.tenants, &tenant.id),
                region: tenant.region.clone(),
                cell: platform::home_cell(&self.platform, tenant),
            });
        }
        for (tenant, _) in &self.tenants {
            cast.add(Principal {
                name: format!("client/{}", tenant.id).into(),
                tenant: Some(tenant.id.clone()),
                also: Vec::new(),
                honest: true,
                breach: "TEN-02",
                never: false,
                entitled_until: Instant::ZERO,
            });
        }
        self.events.principals().for_each(|p| cast.add(p));
        self.principals.iter().for_each(|p| cast.add(p.clone()));
        self.forbidden.iter().for_each(|f| cast.forbid(f.clone()));
        self.reborn.iter().for_each(|(tenant, at)| cast.delete(tenant.clone(), *at));
        cast
    }

    fn clients(&self, deployment: &Deployment, disguise: &Disguise) -> Vec<Actor> {
        let mut actors = Vec::new();
        for (tenant, gap) in &self.tenants {
            let principal: Arc<str> = format!("client/{}", tenant.id).into();
            let name = name_hash(&principal);
            let stagger = below(self.draws.draw(luck::ARRIVAL, name, 1), gap.0 + 1);
            let begins = self.acts.traffic_from + Duration(stagger);
            let wait = Choice { purpose: luck::WAIT.id, cause: name, n: 0 };
            let from = Instant(self.draws.choose(wait, begins.0));
            let loot = self.thieves.contains(&tenant.id).then(|| self.loot.clone());
            let (acts, gap, records) = (self.acts, *gap, self.records);
            let token_life = self.platform.tokens.access;
            // Who leaves does not come back to look at what it wrote.
            let leaves = self.leaving.iter().find(|(id, _)| *id == tenant.id).map(|(_, at)| *at);
            let until = leaves.unwrap_or(acts.traffic_until);
            let verify_from = leaves.map_or(acts.verify_from, |_| Instant::NEVER);
            let salt = if disguise.viewer.as_ref() == Some(&tenant.id) { 0 } else { disguise.salt };
            let habit = self.habits.iter().find(|(id, _)| *id == tenant.id).map_or(Habit::Mixed, |(_, habit)| *habit);
            let paces = self.paces.iter().find(|(id, _)| *id == tenant.id);
            let paces = paces.map_or_else(|| [].into(), |(_, paces)| paces.clone());
            let index = platform::index_of(&deployment.all_tenants, &tenant.id);
            let cell = platform::home_cell(&self.platform, tenant);
            let idps: Vec<String> = platform::idps_of(&self.platform, &cell);
            let gateway = platform::edge_of(&self.platform, &cell);
            let (tenant, role, tls) = (tenant.clone(), principal.to_string(), self.edge_tls);
            actors.push(Actor {
                role,
                group: format!("internet-{}", tenant.region),
                connector_of: None,
                boot: Box::new(move |directory: Rc<Directory>| -> Boot<Saas> {
                    let spec = ClientSpec {
                        principal: principal.clone(),
                        tenant: tenant.id.clone(),
                        index,
                        region: tenant.region.clone(),
                        gateway: directory.node(&gateway),
                        idps: idps.iter().map(|idp| directory.node(idp)).collect(),
                        token_life,
                        tls,
                        gap,
                        paces: paces.clone(),
                        records,
                        from,
                        until,
                        verify_from,
                        patience: Duration::secs(3),
                        domains: vec!["telemetry".into(), "audit".into()],
                        habit,
                        salt,
                        loot: loot.clone(),
                    };
                    Rc::new(move |ctx, out| Box::new(Client::boot(spec.clone(), ctx, out)))
                }),
            });
        }
        actors
    }
}
