//! The application machine: one instance of the service.
//!
//! A request goes policy → cache → database → cache, or policy → broker; a row that is not what its owner's rows
//! usually are goes to the policy once more, and never to the cache. For a list the policy says at once what it may
//! show. Each step has a time limit: a policy agent that does not answer means no, a cache that does not answer means a
//! miss, a database that does not answer is asked again at its other node, if the request has a retry left, and left
//! alone when it goes on like that.

use super::caller;
use super::circuit::Circuit;
use super::class::{self, RecordClass, about_row};
use super::connection::Sockets;
use super::databases::Databases;
use super::edge::Way;
use super::filter;
use super::flights::{Errand, Flights};
use super::graphql::{self, Query};
use super::operation::Task;
use super::reason::denied;
use super::release::RolloutSpec;
use super::slices::Slices;
use super::store::{self, Texts};
use super::upstream::{Caches, CachesSpec};
use crate::breaker::{self, FastFail};
use crate::cache::Read;
use crate::console;
use crate::graph::client;
use crate::ids::{Bytes, TenantId};
use crate::kafka::publisher::Sent;
use crate::kafka::spillover::{Elsewhere, Spillover};
use crate::luck;
use crate::objects::client::Library;
use crate::planted::{
    APP_CACHES_FOR_THE_NEXT, APP_CALLS_SHARE_NUMBERS, APP_PUBLISHER_LIFE_REUSED, APP_STALE_IF_ERROR,
    APP_STRONG_READS_FROM_CACHE,
};
use crate::retry::{self, Allowance};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::admin::TenantTable;
use crate::wire::bolt;
use crate::wire::http::trace::{Trace, TraceId};
use crate::wire::http::{Reason, Request, Response};
use crate::wire::policy::{DataFilter, Decision, Input as Question, Level};
use crate::wire::sql::{Outcome as SqlOutcome, Row, Transaction};
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

mod events;
pub mod mode;
mod objects;
pub mod rollout;
mod statements;
pub mod undecided;

/// What an application instance is.
#[derive(Clone)]
pub struct AppSpec {
    /// Its role, for its own undertakings.
    pub role: Arc<str>,
    /// The region it serves in.
    pub region: Arc<str>,
    /// Policy agent.
    pub policy: NodeId,
    /// How long the agent may take.
    pub policy_patience: Duration,
    /// The cache, and how it is used.
    pub caches: CachesSpec,
    /// The database nodes.
    pub databases: Databases,
    /// Logins of tenants that are pinned to a slice of their own.
    pub slices: Slices,
    /// How retries are spent: what is earned is counted at the gateway, and sent along.
    pub retries: retry::Settings,
    /// The brokers.
    pub brokers: Vec<NodeId>,
    /// Cells that events may spill to when these brokers do not take them, the preferred ones first.
    pub spills_to: Vec<Elsewhere>,
    /// The object store, where there is one.
    pub objects: Option<Library>,
    /// The graph database, where there is one.
    pub graph: Option<client::Library>,
    /// When the object store, and the graph, are no longer asked.
    pub breaker: breaker::Settings,
    /// Where refused statements of the console are kept, where there is a console.
    pub siem: Option<NodeId>,
    /// What each tenant's records usually are.
    pub classes: Rc<BTreeMap<TenantId, RecordClass>>,
    /// Who may say that there are other tenants, if anybody.
    pub pipeline: Option<NodeId>,
    /// Who keeps the log of requests, where one is kept.
    pub registrar: Option<NodeId>,
    /// How long an answer may be shared at the edge.
    pub shared_for: Duration,
    /// Who says what tenants may do for the time being, if that ever changes.
    pub mode_by: Option<NodeId>,
    /// Who says which release it runs, where that changes.
    pub rollout: Option<RolloutSpec>,
    /// Worker time of one request.
    pub cost: Duration,
    /// A defect that is deployed on purpose: lists also return this tenant's first record.
    pub foreign_row: Option<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Policy,
    Cache,
    Database,
    /// The policy is asked about the row that was found.
    Row,
    /// Somebody else asks the database for the same.
    Flight,
    /// The registrar is told of it.
    Log,
    Broker,
    Objects,
    Graph,
    /// The SIEM is told that somebody was refused.
    Refusal,
}

struct Open {
    from: NodeId,
    id: u64,
    lineage: Lineage,
    tenant: TenantId,
    task: Task,
    /// What its answer becomes, when it was asked as a query.
    query: Option<Box<Query>>,
    body: Bytes,
    trace: Option<TraceId>,
    fresh: bool,
    /// What the request says about its way here.
    way: Way,
    phase: Phase,
    deadline: Instant,
    tries: u8,
    /// Retries that the hops above have left to this one.
    allowance: Allowance,
    /// What a list may show, once the policy has said so.
    filter: Option<Arc<DataFilter>>,
    /// The content of a row that the policy is being asked about.
    found: Vec<u8>,
    /// The database node that was asked last.
    asked: NodeId,
    /// What it fetches for others as well.
    errand: Option<Errand>,
}

/// An application instance at work.
pub struct App {
    spec: AppSpec,
    name: u64,
    caches: Caches,
    databases: Databases,
    objects: Circuit,
    graph: Circuit,
    flights: Flights,
    publisher: Spillover,
    sends: Vec<Sent>,
    texts: Texts,
    sockets: Sockets,
    open: BTreeMap<u64, Open>,
    known: mode::Known,
    release: rollout::Running,
    sequence: u64,
    ticking: bool,
    ticks: u64,
    empty: Bytes,
}

const TICK: u64 = 1;
/// Marks the number of a question about a row: a repeated answer to a request's first question must not pass for it.
const ABOUT_ROW: u64 = 1 << 63;
/// How often limits are looked at while anything is open: fine enough for the shortest of them.
const TICK_EVERY: Duration = Duration::millis(20);
/// When a tenant that was throttled may publish again, in seconds: quotas are counted by the second.
const THROTTLED_S: u32 = 1;
/// How often databases are asked at most before the client is told, those that say they do not lead included.
const TRIES_MAX: u8 = 3;
/// Numbers that a planted defect has for all calls to databases.
const NUMBERS: u64 = 24;
/// Bits of a call's number that say which try it is; above them stands the request's.
const TRY_BITS: u32 = 2;

impl App {
    /// An instance with nothing open.
    pub fn boot(spec: &AppSpec, ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> App {
        let drawn = ctx.draw(luck::SPREAD);
        let life = if APP_PUBLISHER_LIFE_REUSED.is_planted() { name_hash(&spec.role) } else { drawn } >> 8;
        App {
            name: name_hash(&spec.role),
            caches: Caches::new(&spec.caches),
            databases: spec.databases.clone(),
            objects: Circuit::new(spec.breaker),
            graph: Circuit::new(spec.breaker),
            flights: Flights::default(),
            publisher: events::publisher(spec, life, ctx.controls()),
            sends: Vec::new(),
            texts: Texts::default(),
            sockets: Sockets::default(),
            open: BTreeMap::new(),
            known: mode::Known::default(),
            release: rollout::Running::default(),
            sequence: 0,
            ticking: false,
            ticks: 0,
            empty: Arc::new([]),
            spec: spec.clone(),
        }
    }

    /// Requests and events that it has begun and not ended.
    pub(super) fn under_way(&self) -> usize {
        self.open.len() + self.publisher.pending()
    }

    /// A request as its sender means it; where bytes say something else, every request that stands in them.
    fn arrived(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: Box<Request>) {
        if self.sockets.is_as_meant(from, &request) {
            return self.request(ctx, out, from, request);
        }
        for request in self.sockets.read(from, &request) {
            self.request(ctx, out, from, Box::new(request));
        }
    }

    fn request(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: Box<Request>) {
        out.busy(self.spec.cost);
        if let Some(reason) = self.fails_by_release(ctx, out, &request) {
            return self.refuse(out, from, request.id, reason);
        }
        let Some(tenant) = request.headers.tenant_id.clone() else {
            return self.refuse(out, from, request.id, Reason::TenantRefused);
        };
        let (task, query) = match graphql::task_of(ctx.controls(), &request, &tenant) {
            Ok(both) => both,
            Err(reason) => return self.refuse(out, from, request.id, reason),
        };
        let tenant = if caller::is_platform(&request.headers) { task.owner(&tenant).clone() } else { tenant };
        self.sequence += 1;
        let key = self.sequence;
        let question = self.question(&task, &tenant);
        let trace = request.headers.traceparent.as_deref().and_then(Trace::parse).map(|trace| trace.id);
        let fresh = request.headers.ask_for_newest();
        let way = Way::of(&request.headers);
        let open = Open {
            from,
            id: request.id,
            lineage: ctx.lineage(),
            tenant,
            task,
            query,
            body: request.body,
            trace,
            fresh,
            way,
            phase: Phase::Policy,
            deadline: ctx.now() + self.spec.policy_patience,
            tries: 0,
            allowance: Allowance::received(request.headers.retry_allowance),
            filter: None,
            found: Vec::new(),
            asked: self.databases.primary(),
            errand: None,
        };
        let lists = open.task.lists();
        self.open.insert(key, open);
        out.send(self.spec.policy, Wire::Policy(key, Arc::new(question), trace, lists));
        self.arm(out);
    }

    fn refuse(&self, out: &mut Outbox<Saas>, to: NodeId, id: u64, reason: Reason) {
        out.send(to, Wire::HttpAnswer(Box::new(Response::new(id, reason).with_body(self.empty.clone()))));
    }

    /// The resource is described as its owner's usually are; the subject is whom the gateway vouches for.
    fn question(&self, task: &Task, tenant: &TenantId) -> Question {
        let class = usual(&self.spec.classes, task, tenant);
        let table = if let Task::Sql(Ok(analysed)) = task { analysed.kind.clone() } else { None };
        Question {
            authenticated: Some(true),
            tenant_id: Some(tenant.clone()),
            resource_tenant: Some(task.owner(tenant).clone()),
            kind: table.or(class.map(|c| c.kind.clone())),
            classification: class.map(|c| c.level),
            label: class.map(|c| c.label.clone()),
            region: Some(self.spec.region.clone()),
        }
    }

    fn decided(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        id: u64,
        ((decision, revision), filter): ((Decision, u64), Option<Arc<DataFilter>>),
    ) {
        let (key, asked) = if id & ABOUT_ROW == 0 { (id, Phase::Policy) } else { (id & !ABOUT_ROW, Phase::Row) };
        let Some(open) = self.open.get_mut(&key).filter(|open| open.phase == asked) else { return };
        open.way.permitted(revision);
        if !decision.allow {
            return self.finish(out, key, denied(decision), Vec::new());
        }
        if asked == Phase::Policy
            && open.way.is_above_usual(&open.task, usual(&self.spec.classes, &open.task, &open.tenant))
        {
            return self.finish(out, key, Reason::PolicyDenied, Vec::new());
        }
        if asked == Phase::Row {
            let found = std::mem::take(&mut open.found);
            return self.finish(out, key, Reason::Ok, found);
        }
        if self.refuse_now(ctx, out, key) {
            return;
        }
        let Some(open) = self.open.get_mut(&key) else { return };
        let usual = usual(&self.spec.classes, &open.task, &open.tenant).filter(|_| open.task.lists());
        open.filter = filter.or_else(|| usual.map(|class| Arc::new(filter::of_class(class))));
        match &open.task {
            task if task.is_logged() && self.spec.registrar.is_some() => self.note(ctx, out, key),
            Task::Publish(_) => self.publish(ctx, out, key),
            Task::Object(_) => self.ask_objects(ctx, out, key),
            Task::Related(..) | Task::Statement | Task::Cypher => self.ask_graph(ctx, out, key),
            Task::Sql(Err(refused)) => {
                let (code, what) = (refused.code(), refused.to_string());
                self.refused(ctx, out, key, code, what);
            }
            Task::Get(_) | Task::Who | Task::Page(_) | Task::Customer(..)
                if !open.fresh
                    || APP_STRONG_READS_FROM_CACHE.is_planted()
                    || APP_STALE_IF_ERROR.is_planted() && self.databases.pressure() > 0 =>
            {
                self.look_up(ctx, out, key)
            }
            _ => self.query(ctx, out, key),
        }
    }

    fn look_up(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        if let Some(body) = self.recalls(key) {
            return self.finish(out, key, Reason::Ok, body);
        }
        let Some(open) = self.open.get_mut(&key) else { return };
        match self.caches.get(ctx, key, &open.tenant, &open.task) {
            Some((to, message)) => {
                open.phase = Phase::Cache;
                open.deadline = ctx.now() + self.caches.patience();
                out.send_for(open.lineage, to, message);
            }
            None => self.fetch(ctx, out, key),
        }
    }

    /// No cache had it: the database has, and somebody may be asking it already.
    fn fetch(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        let Some(open) = self.open.get_mut(&key) else { return };
        let shared = matches!(open.task, Task::Get(_) | Task::Who | Task::Customer(..)) && !open.way.is_from_edge();
        let errand = shared.then(|| Errand::of(self.caches.owner(ctx, &open.tenant), &open.task)).flatten();
        if errand.as_ref().is_some_and(|errand| self.flights.join(ctx.controls(), errand, key)) {
            open.phase = Phase::Flight;
            // The other asks as often as this one would have.
            open.deadline = ctx.now() + self.databases.patience() * u64::from(TRIES_MAX + 1);
            return;
        }
        open.errand = errand;
        self.query(ctx, out, key);
    }

    fn looked_up(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64, read: Option<Read>) {
        let Some(open) = self.open.get(&key).filter(|open| open.phase == Phase::Cache) else { return };
        match (read, &open.task) {
            (Some(Read::Hit(cached)), _) => {
                let body = cached.to_vec();
                self.finish(out, key, Reason::Ok, body);
            }
            _ => self.fetch(ctx, out, key),
        }
    }

    fn query(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        let Some(open) = self.open.get_mut(&key) else { return };
        let body = std::str::from_utf8(&open.body).unwrap_or_default();
        let class = usual(&self.spec.classes, &open.task, &open.tenant);
        let whose = (&open.tenant, class, open.filter.as_deref());
        let Some(transaction) = self.texts.transaction(ctx.controls(), &open.task, whose, body) else {
            open.way.answered_first_hand();
            let page = if let Task::Page(name) = &open.task { open.way.page(name, self.release.terms()) } else { None };
            self.keep_page(ctx, out, key, page.as_deref());
            let reason = if page.is_some() { Reason::Ok } else { Reason::NotFound };
            return self.finish(out, key, reason, page.unwrap_or_default());
        };
        let transaction = Transaction { login: self.spec.slices.login(ctx.controls(), &open.tenant), ..transaction };
        let asked = match self.databases.ask(ctx.now(), key) {
            Ok(node) => node,
            Err(after) => return self.fail_fast(out, key, after),
        };
        open.phase = Phase::Database;
        open.deadline = ctx.now() + self.databases.patience();
        open.tries += 1;
        open.asked = asked;
        let lineage = open.lineage.child(0xd8 + u64::from(open.tries));
        out.send_for(lineage, asked, Wire::Sql(key << TRY_BITS | u64::from(open.tries), Box::new(transaction)));
    }

    /// The request of a call to a database, if that call is still waited for. Whoever gives up on a call closes its
    /// connection: what comes of it later is never read.
    fn calling(&self, call: u64) -> Option<u64> {
        let (mut key, tries) = (call >> TRY_BITS, call & ((1 << TRY_BITS) - 1));
        if APP_CALLS_SHARE_NUMBERS.is_planted() {
            let number = |key: u64| key % NUMBERS;
            let waits = |(k, open): &(&u64, &Open)| number(**k) == number(key) && open.phase == Phase::Database;
            key = self.open.iter().rev().find(waits).map_or(key, |(k, _)| *k);
        }
        let open = self.open.get(&key).filter(|open| open.phase == Phase::Database)?;
        (u64::from(open.tries) == tries).then_some(key)
    }

    fn queried(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, call: u64, outcome: SqlOutcome) {
        let Some(key) = self.calling(call) else { return };
        let Some(open) = self.open.get(&key) else { return };
        let leads = !store::is_elsewhere(&outcome.replies);
        self.databases.answered((ctx.now(), ctx.controls()), key, from, leads);
        if !leads {
            // Nothing was done there: to ask the right node is no retry.
            return self.ask_again(ctx, out, key, |_, _| true);
        }
        let filter = open.filter.as_deref();
        let (reason, mut body) = store::answer(ctx.controls(), (&open.task, filter), &outcome.replies, &open.body);
        if let (Task::Sql(_), Reason::Ok) = (&open.task, reason) {
            let rows = outcome.replies.iter().rev().find(|reply| !reply.rows().is_empty());
            body = rows.map(|reply| console::sql::shown(ctx.controls(), reply.rows())).unwrap_or_default();
        }
        if let Some(open) = self.open.get_mut(&key) {
            open.way.answered_first_hand();
        }
        let Some(open) = self.open.get(&key) else { return };
        if store::found(&open.task, &outcome.replies)
            .is_some_and(|row| open.way.is_above(Level::of_data(class::level(row))))
        {
            return self.finish(out, key, Reason::PolicyDenied, Vec::new());
        }
        let class = usual(&self.spec.classes, &open.task, &open.tenant);
        if let Some(row) = store::found(&open.task, &outcome.replies)
            && !class.is_some_and(|class| class.covers(row))
        {
            return self.ask_about(ctx, out, key, row, body);
        }
        let lineage = open.lineage;
        let changed = reason.status() < 300;
        match &open.task {
            Task::Get(_) | Task::Who | Task::Customer(..) if changed && !open.fresh => {
                let then = open.errand.as_ref().map(Errand::owner).cloned();
                let now = APP_CACHES_FOR_THE_NEXT.is_planted().then(|| self.caches.owner(ctx, &open.tenant));
                let owner = then.map(|then| now.unwrap_or(then));
                if let Some((to, message)) =
                    owner.as_ref().and_then(|owner| self.caches.put(ctx, owner, &open.task, &body))
                {
                    out.send_for(lineage, to, message);
                }
            }
            Task::Relate { source, target, version, present } if changed && !self.texts.has_outbox(ctx.controls()) => {
                let (tenant, source, target, version) = (source.owner.clone(), source.id, *target, *version);
                let entry = bolt::Entry { tenant, source, target, version, present: *present, repair: false };
                if let Some(library) = &self.spec.graph {
                    out.send_for(lineage, library.store, Wire::Bolt(key, Box::new(bolt::Request::Apply(vec![entry]))));
                }
            }
            Task::Put(_) | Task::Delete(_) if changed => {
                if let Some(errand) = Errand::of(self.caches.owner(ctx, &open.tenant), &open.task) {
                    self.flights.close(&errand);
                }
                if let Some((to, message)) = self.caches.invalidate(ctx, &open.tenant, &open.task) {
                    out.send_for(lineage, to, message);
                }
            }
            _ => {}
        }
        self.finish(out, key, reason, body);
    }

    /// The row is not what was asked about: asks again, about what it is.
    fn ask_about(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64, row: &Row, found: Vec<u8>) {
        let Some(open) = self.open.get(&key) else { return };
        let question = about_row(self.question(&open.task, &open.tenant), row);
        let Some(open) = self.open.get_mut(&key) else { return };
        let trace = open.trace;
        open.phase = Phase::Row;
        open.deadline = ctx.now() + self.spec.policy_patience;
        open.found = found;
        out.send_for(open.lineage, self.spec.policy, Wire::Policy(key | ABOUT_ROW, Arc::new(question), trace, false));
    }

    /// The node does not answer: another try is a retry, which has to be earned.
    fn unanswered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, by: NodeId, key: u64) {
        self.databases.failed((ctx.now(), ctx.controls()), key, by);
        let settings = self.spec.retries;
        self.ask_again(ctx, out, key, |allowance, tries| allowance.spend(ctx.controls(), &settings, tries - 1));
    }

    /// Asks a database once more, if that cannot harm and `may` allows it after so many tries.
    fn ask_again(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        key: u64,
        may: impl FnOnce(&mut Allowance, u8) -> bool,
    ) {
        let Some(open) = self.open.get_mut(&key) else { return };
        if open.tries < TRIES_MAX && open.task.is_repeatable() && may(&mut open.allowance, open.tries) {
            self.query(ctx, out, key);
        } else {
            self.finish(out, key, Reason::DependencyDown, Vec::new());
        }
    }

    /// Every circuit that the request needs is open: says so at once, and when to come back.
    fn fail_fast(&mut self, out: &mut Outbox<Saas>, key: u64, FastFail(after): FastFail) {
        let seconds = after.as_millis().div_ceil(1_000).max(1) as u32;
        self.close(out, key, Reason::CircuitOpen, Vec::new(), Some(seconds));
    }

    /// The tenant publishes more than its share: says so (429), and when to come back (SRV-04).
    fn throttle(&mut self, out: &mut Outbox<Saas>, key: u64) {
        self.close(out, key, Reason::RateLimited, Vec::new(), Some(THROTTLED_S));
    }

    fn finish(&mut self, out: &mut Outbox<Saas>, key: u64, reason: Reason, body: Vec<u8>) {
        self.close(out, key, reason, body, None);
    }

    fn close(
        &mut self,
        out: &mut Outbox<Saas>,
        key: u64,
        reason: Reason,
        mut body: Vec<u8>,
        retry_after_s: Option<u32>,
    ) {
        let Some(open) = self.open.remove(&key) else { return };
        self.keep_for_all(&open.task, reason, &body);
        if let (Task::List(_), Some(foreign)) = (&open.task, &self.spec.foreign_row) {
            body.push(b'\n');
            body.extend_from_slice(foreign);
        }
        for other in open.errand.iter().flat_map(|errand| self.flights.land(errand, key)).collect::<Vec<_>>() {
            self.close(out, other, reason, body.clone(), retry_after_s);
        }
        let body = open.way.signed(&open.task, reason, body);
        let (reason, body) = graphql::resolve(out, open.query.as_deref(), reason, body);
        let body: Bytes = if body.is_empty() { self.empty.clone() } else { body.into() };
        let mut response = Response::new(open.id, reason).with_body(body);
        // For its own logs the service names whose data it was asked for, granted or not: what a client sees of that is
        // the router's business (TEN-07).
        response.tenant = Some(open.task.owner(&open.tenant).clone());
        response.region = Some(self.spec.region.clone());
        response.retry_after_s = retry_after_s;
        response.retries_spent = open.allowance.spent();
        response.surrogate = open.way.surrogate(&open.task, reason, self.spec.shared_for);
        out.send_for(open.lineage, open.from, Wire::HttpAnswer(Box::new(response)));
    }

    /// The tenants are these from now on.
    fn told(&mut self, table: &TenantTable) {
        let classes = table.tenants.iter().map(|tenant| {
            let (kind, label, level) = tenant.usual.clone();
            (tenant.id.clone(), RecordClass { kind, label, level })
        });
        self.spec.classes = Rc::new(classes.collect());
    }

    fn arm(&mut self, out: &mut Outbox<Saas>) {
        if !self.ticking && (!self.open.is_empty() || !self.publisher.is_idle()) {
            self.ticking = true;
            self.ticks += 1;
            out.timer_for(Lineage::root(self.name, self.ticks), TICK_EVERY, TICK);
        }
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticking = false;
        let now = ctx.now();
        let late: Vec<(u64, Phase, NodeId)> =
            self.open.iter().filter(|(_, o)| o.deadline <= now).map(|(key, o)| (*key, o.phase, o.asked)).collect();
        for (key, phase, asked) in late {
            match phase {
                Phase::Policy | Phase::Row => self.undecided(ctx, out, key),
                // Who waited for somebody else's answer has waited long enough.
                Phase::Flight => self.finish(out, key, Reason::DependencyDown, Vec::new()),
                Phase::Cache => {
                    self.caches.timed_out(ctx, key);
                    self.looked_up(ctx, out, key, None);
                }
                Phase::Database => self.unanswered(ctx, out, asked, key),
                Phase::Objects => self.objects_failed(ctx, out, key, Reason::UpstreamTimeout),
                Phase::Graph => self.graph_failed(ctx, out, key, Reason::UpstreamTimeout),
                Phase::Broker | Phase::Refusal | Phase::Log => {
                    self.finish(out, key, Reason::UpstreamTimeout, Vec::new())
                }
            }
        }
        self.drive_publisher(ctx, out);
        self.arm(out);
    }
}

/// What the records that a task is about usually are.
fn usual<'a>(classes: &'a BTreeMap<TenantId, RecordClass>, task: &Task, tenant: &TenantId) -> Option<&'a RecordClass> {
    classes.get(task.owner(tenant)).or_else(|| classes.get(tenant))
}

impl Machine<Saas> for App {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message } => match message {
                Wire::Http(request) => self.arrived(ctx, out, from, request),
                Wire::PolicyAnswer(id, said, filter) => self.decided(ctx, out, id, (said, filter)),
                Wire::RespAnswer(key, response) => {
                    if let Some((key, read)) = self.caches.settle(ctx, key, response) {
                        self.looked_up(ctx, out, key, Some(read));
                    }
                }
                Wire::SqlAnswer(call, outcome) => self.queried(ctx, out, from, call, outcome),
                Wire::KafkaAnswer(id, response) => {
                    let settled = self.publisher.on_answer(ctx.now(), id, &response);
                    self.settled(out, settled);
                    for key in self.publisher.held_back() {
                        self.throttle(out, key);
                    }
                    self.drive_publisher(ctx, out);
                }
                Wire::BoltAnswer(key, response) => self.graphed(ctx, out, key, &response),
                Wire::AttemptKept(key) => self.kept(out, key),
                Wire::NoteKept(key) => self.noted(ctx, out, key),
                Wire::HttpAnswer(response) => self.objects_answered(ctx, out, &response),
                Wire::Tenants(table) if self.spec.pipeline == Some(from) => self.told(&table),
                Wire::Mode(mode) if self.heeds(from) => self.told_mode(ctx, out, mode),
                Wire::Rollout(word) => self.told_rollout(out, from, &word),
                Wire::Probe(id) if self.is_ready() => out.send(from, Wire::ProbeAnswer(id)),
                _ => {}
            },
            Input::Timer { token: TICK } => self.tick(ctx, out),
            Input::Refused { to, message: Wire::Sql(call, _) } => {
                if let Some(key) = self.calling(call) {
                    self.unanswered(ctx, out, to, key);
                }
            }
            Input::Refused { message: Wire::Http(request), .. } => {
                self.objects_failed(ctx, out, request.id, Reason::DependencyDown);
            }
            Input::Refused { message: Wire::Bolt(key, _), .. } => {
                self.graph_failed(ctx, out, key, Reason::DependencyDown);
            }
            Input::Refused { message: Wire::Attempt(key, _) | Wire::Note(key, _), .. } => {
                self.finish(out, key, Reason::DependencyDown, Vec::new());
            }
            Input::Refused { message: Wire::Policy(id, ..), .. } => self.undecided(ctx, out, id & !ABOUT_ROW),
            Input::Refused { message: Wire::Resp(key, ..), .. } => {
                self.caches.timed_out(ctx, key);
                self.looked_up(ctx, out, key, None);
            }
            _ => {}
        }
        self.confirm_mode(ctx, out);
        out.gauge("app.oldest", || self.sequence - self.open.keys().next().map_or(self.sequence, |key| key - 1));
        out.gauge("app.flight", || self.flights.longest() as u64);
        out.gauge("app.backlog", || self.publisher.pending() as u64);
        out.gauge("app.database-pressure", || self.databases.pressure());
        out.gauge("app.cache-pressure", || self.caches.pressure());
    }
}
