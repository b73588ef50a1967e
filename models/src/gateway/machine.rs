//! The gateway machine: asks each decision in order, forwards what passes all of them, and answers what does not.
//!
//! Order matters: nothing is counted against a tenant before the token has proved it, and nothing is forwarded before
//! residency was judged. What the connection proves (the client's certificate) comes from the network, never from a
//! header.

use super::edge::{Edge, HealthPolicy, Unserved};
use super::edge_cache::{EdgeCache, Fetch};
use super::error_budget::ErrorBudget;
use super::pool::Pool;
use super::rate_limit::{Rate, RateLimiter};
use super::shed::{self, Shed, Shedder};
use super::token::{TokenDenial, TokenMemo, TokenVerifier, policy::TokenPolicy};
use super::{framing, headers, switch::SwitchLimiter, trace};
use crate::fact::Fact;
use crate::ids::{Bytes, TenantId};
use crate::luck;
use crate::retry::{self, Allowance, RetryBudget};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::admin::TenantTable;
use crate::wire::http::codec::Limits;
use crate::wire::http::surrogate::Caller;
use crate::wire::http::trace::{Trace, TraceId};
use crate::wire::http::{Peer, Reason, Request, Response};
use crate::wire::oidc::{Claims, OidcAnswer, OidcRequest, parse};
use crate::wire::signals::{Signal, TakenBack, TokenUse};
use scaling::Scaled;
use sharing::Sharing;
use sim::seed::{Lineage, mix, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

pub mod canary;
mod scaling;
mod sharing;

pub use canary::RolledBy;
pub use scaling::ScaledBy;

/// A cell behind the gateway.
#[derive(Clone, Debug)]
pub struct CellPeer {
    /// Its region.
    pub region: Arc<str>,
    /// Its application instances.
    pub apps: Vec<NodeId>,
    /// How many of them, from the first, are there until somebody says otherwise.
    pub standing: usize,
}

/// A tenant, as the router knows it.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The tenant's region.
    pub region: Arc<str>,
    /// Its home, by index of [`GatewaySpec::cells`].
    pub home: usize,
}

/// What a gateway is.
#[derive(Clone, Debug)]
pub struct GatewaySpec {
    /// The region it stands in.
    pub region: Arc<str>,
    /// Cells that it can reach.
    pub cells: Vec<CellPeer>,
    /// Issuers whose keys it caches, with where to fetch them; tokens are accepted from the first.
    pub issuers: Vec<(Arc<str>, NodeId)>,
    /// Which tokens it accepts, and for how long it believes keys that it cannot fetch again.
    pub policy: TokenPolicy,
    /// Certificates that connections present.
    pub thumbprints: Rc<BTreeMap<NodeId, [u8; 32]>>,
    /// Tenants.
    pub tenants: Rc<BTreeMap<TenantId, Placement>>,
    /// Requests per second and burst of a tenant.
    pub rate: (u32, u32),
    /// Switches of tenant per minute of a principal.
    pub switches_per_min: u32,
    /// How retries are earned, and spent at every hop.
    pub retries: retry::Settings,
    /// Requests that are promised to succeed, in parts per million, and over which span: what is left of that is what
    /// retries are earned by.
    pub objective: (u64, Duration),
    /// Bounds of the shedder.
    pub shed: shed::Settings,
    /// Worker time of one request, and of one answer.
    pub cost: (Duration, Duration),
    /// How long an upstream may take.
    pub patience: Duration,
    /// How often an instance is asked whether it is there.
    pub check_every: Duration,
    /// Ids of tokens that were taken back.
    pub revoked: Vec<Arc<str>>,
    /// Who is told of every token that is shown here, and says which are taken back; and how often it is asked.
    pub sentinel: Option<(NodeId, Duration)>,
    /// Who may say that there are other tenants, if anybody.
    pub pipeline: Option<NodeId>,
    /// Who may switch the cache on and off, where there is one, and how long an answer lives there at most.
    pub edge_cache: Option<(NodeId, Duration)>,
    /// Whether services are told for whom a request is made, and up to which level that is cleared.
    pub vouches: bool,
    /// Who says how many instances the cell has, where that changes.
    pub scaled_by: Option<ScaledBy>,
    /// Who rolls releases out in the cell, where that is done.
    pub rolled_by: Option<RolledBy>,
    /// Memo of the run.
    pub memo: TokenMemo,
}

struct Open {
    client: NodeId,
    client_id: u64,
    lineage: Lineage,
    tenant: TenantId,
    region: Arc<str>,
    trace: Trace,
    remember: bool,
    admitted: Instant,
    cell: usize,
    retries: u8,
    /// Whether the attempt that is out went to the canary.
    is_canary: bool,
    allowance: Allowance,
    /// Retries that the hop below may spend on the attempt that is out.
    lent: u8,
    request: Option<Box<Request>>,
    /// What its answer may be kept as.
    fetch: Option<Fetch>,
    /// What it may change, by its path.
    changes: Option<Arc<str>>,
}

/// A request that passed every decision.
struct Admitted {
    tenant: TenantId,
    region: Arc<str>,
    cell: usize,
    remember: bool,
    caller: Caller,
}

/// A gateway at work.
pub struct Gateway {
    spec: GatewaySpec,
    name: u64,
    verifier: TokenVerifier,
    /// Fetches of key sets that are out, by number: whose, and when.
    keys_asked: BTreeMap<u64, (usize, Instant)>,
    limiter: RateLimiter,
    switches: SwitchLimiter,
    shedder: Shedder,
    edge: Edge,
    /// Instances of each cell.
    pools: Vec<Pool>,
    budget: RetryBudget,
    errors: ErrorBudget,
    open: BTreeMap<u64, Open>,
    deadlines: VecDeque<(Instant, u64)>,
    sweeping: bool,
    sequence: u64,
    ticks: u64,
    /// Probes that are out, by number: of which cell, whom, and since when.
    probes: BTreeMap<u64, (usize, NodeId, Instant)>,
    /// Answers that an instance sent without being asked: they lie unread on a connection that will be used again.
    unasked: BTreeMap<NodeId, Box<Response>>,
    /// Words of the sentinel's that were heard, once it was heard at all.
    heard: Option<u64>,
    /// Answers that it shares, where it may.
    cache: Option<EdgeCache>,
    scaled: Scaled,
    canary: canary::Canary,
    empty: Bytes,
}

/// The number of a request that the gateway never sent; its own begin at 1.
const NOBODY: u64 = 0;

const SWEEP: u64 = 1;
const KEYS: u64 = 2;
const HEALTH: u64 = 3;
const SIGNALS: u64 = 4;
/// Timers with this bit are retries; the rest of the token is the request's number.
const RETRY: u64 = 1 << 62;

/// Retries that a request would like to have with it: one for this hop, one for those below.
const RETRIES_WANTED: u8 = 2;

/// A probe without an answer for this long has failed.
const PROBE_PATIENCE: Duration = Duration::millis(400);
/// How soon keys are fetched again when the last fetch brought none.
const KEYS_RETRY: Duration = Duration::millis(250);
/// Fetches whose answers are waited for: older ones are forgotten, as a client closes what takes too long.
const KEYS_ASKED_MAX: usize = 32;
/// How often an instance is asked whether it is there, in the reference: a run lasts seconds, and only the ratio of
/// detection to failure matters to a verdict.
pub const CHECK_EVERY: Duration = Duration::millis(250);

impl Gateway {
    /// A gateway that knows no keys yet.
    pub fn boot(spec: &GatewaySpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Gateway {
        let regions: Vec<Arc<str>> = spec.cells.iter().map(|c| c.region.clone()).collect();
        let health = HealthPolicy { every: spec.check_every, ..HealthPolicy::DEFAULT };
        let (per_second, burst) = spec.rate;
        let mut gateway = Gateway {
            name: name_hash("gateway") ^ u64::from(ctx.node().0),
            verifier: TokenVerifier::new(spec.policy.clone(), spec.memo.clone()),
            keys_asked: BTreeMap::new(),
            limiter: RateLimiter::new(Rate { per_second, burst }, BTreeMap::new()),
            switches: SwitchLimiter::new(spec.switches_per_min),
            shedder: Shedder::new(spec.shed),
            edge: Edge::new(ctx.now(), health, &regions),
            pools: spec.cells.iter().map(|cell| Pool::new(&cell.apps, cell.standing)).collect(),
            budget: RetryBudget::new(spec.retries),
            errors: ErrorBudget::new(ctx.now(), spec.objective.0, spec.objective.1),
            open: BTreeMap::new(),
            deadlines: VecDeque::new(),
            sweeping: false,
            sequence: 0,
            ticks: 0,
            probes: BTreeMap::new(),
            unasked: BTreeMap::new(),
            heard: None,
            cache: spec.edge_cache.map(|(_, life_max)| EdgeCache::new(life_max)),
            scaled: Scaled::default(),
            canary: canary::Canary::default(),
            empty: Arc::new([]),
            spec: spec.clone(),
        };
        for id in &spec.revoked {
            gateway.verifier.revoke(ctx.now(), id.clone(), u64::MAX);
        }
        gateway.fetch_keys(ctx, out);
        gateway.health(ctx, out);
        gateway.ask_sentinel(out);
        gateway
    }

    /// Asks what was taken back since it was heard last.
    fn ask_sentinel(&mut self, out: &mut Outbox<Saas>) {
        let Some((sentinel, every)) = self.spec.sentinel else { return };
        let lineage = self.own();
        out.send_for(lineage, sentinel, Wire::Signal(Box::new(Signal::Poll(self.heard.unwrap_or(0)))));
        out.timer_for(lineage.child(1), every, SIGNALS);
    }

    /// What was taken back, from a number on: what is missing before it is asked for again.
    fn taken_back(&mut self, now: Instant, first: u64, tokens: Vec<TakenBack>) {
        if first > self.heard.unwrap_or(0) {
            return;
        }
        self.heard = self.heard.max(Some(first + tokens.len() as u64));
        for TakenBack { jti, session, exp } in tokens {
            match session {
                Some(session) => self.verifier.end_session(now, session, exp),
                None => self.verifier.revoke(now, jti, exp),
            }
        }
    }

    /// Tells the sentinel of a token that is genuine, whatever else is wrong with it here.
    fn report(&self, out: &mut Outbox<Saas>, request: &Request, claims: &Claims) {
        let Some((sentinel, _)) = self.spec.sentinel else { return };
        let (jti, session, exp) = (claims.jti.clone(), claims.sid.clone(), claims.exp);
        let used = TokenUse { jti, session, client: request.peer.thumbprint, exp };
        out.send(sentinel, Wire::Signal(Box::new(Signal::Used(used))));
    }

    fn own(&mut self) -> Lineage {
        self.ticks += 1;
        Lineage::root(self.name, self.ticks)
    }

    fn fetch_keys(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let lineage = self.own();
        for (i, (_, idp)) in self.spec.issuers.iter().enumerate() {
            let fetch = mix(self.ticks, i as u64);
            self.keys_asked.insert(fetch, (i, ctx.now()));
            out.send_for(lineage, *idp, Wire::Oidc(fetch, Box::new(OidcRequest::Jwks)));
        }
        while self.keys_asked.len() > KEYS_ASKED_MAX {
            let oldest = self.keys_asked.iter().min_by_key(|(id, (_, at))| (*at, **id)).map(|(id, _)| *id);
            oldest.and_then(|id| self.keys_asked.remove(&id));
        }
        // Twice within the bound, so that one that is lost is no outage.
        let every = self.spec.policy.jwks_stale_after.scale(1, 2);
        let known = self.verifier.jwks_refreshed_at();
        let fresh = known.is_some_and(|at| ctx.now().since(at) <= every);
        out.timer_for(lineage.child(1), if fresh { every } else { KEYS_RETRY.min(every) }, KEYS);
    }

    fn fetched_keys(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, fetch: u64, json: &str) {
        let Some((i, asked_at)) = self.keys_asked.remove(&fetch) else { return };
        let issuer = self.spec.issuers[i].0.clone();
        if self.verifier.set_jwks(asked_at, ctx.controls(), &issuer, json).is_err() {
            out.fact(Fact::Reported { by: "gateway.token", what: "bad-jwks", about: issuer, value: 0 });
        }
    }

    fn health(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        self.budget.align(self.errors.left_percent(now));
        let lineage = self.own();
        let late: Vec<u64> =
            self.probes.iter().filter(|(_, (.., sent))| now.since(*sent) > PROBE_PATIENCE).map(|(id, _)| *id).collect();
        for id in late {
            self.probed(out, id, false);
        }
        while let Some((cell, due)) = self.edge.next_check() {
            if due > now {
                break;
            }
            self.edge.check_sent(now, cell);
            let id = mix(self.ticks, cell as u64);
            let app = self.pools[cell].next_probe();
            self.probes.insert(id, (cell, app, now));
            out.send_for(lineage, app, Wire::Probe(id));
        }
        out.timer_for(lineage.child(1), self.spec.check_every.scale(2, 5), HEALTH);
    }

    /// A probe was answered, or is late. A cell does not answer when none of its instances does.
    fn probed(&mut self, out: &mut Outbox<Saas>, id: u64, answered: bool) {
        let Some((cell, app, sent)) = self.probes.remove(&id) else { return };
        let turned = self.pools[cell].probed(app, answered);
        self.turned(out, (cell, app), answered, turned);
        if answered || self.pools[cell].is_silent() {
            self.checked(out, cell, sent, answered);
        }
    }

    /// Says that an instance went up or down, when it did.
    fn turned(&self, out: &mut Outbox<Saas>, (cell, app): (usize, NodeId), answered: bool, turned: bool) {
        if turned {
            let what = if answered { "instance-up" } else { "instance-down" };
            let about = self.spec.cells[cell].region.clone();
            out.fact(Fact::Reported { by: "gateway.edge", what, about, value: app.0.into() });
        }
    }

    fn checked(&mut self, out: &mut Outbox<Saas>, cell: usize, sent: Instant, healthy: bool) {
        if self.edge.check_answered(cell, sent, healthy) {
            let what = if healthy { "cell-up" } else { "cell-down" };
            let about = self.spec.cells[cell].region.clone();
            out.fact(Fact::Reported { by: "gateway.edge", what, about, value: cell as u64 });
        }
    }

    /// Bytes of a client's connection: every request in them. A rest that is no whole request is waited for in vain.
    fn text(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, id: u64, mut unread: &[u8]) {
        while !unread.is_empty() {
            match framing::accept(ctx.controls(), unread, Peer::default(), &Limits::STRICT) {
                Ok(Some((request, taken))) => {
                    self.request(ctx, out, from, Box::new(request));
                    unread = &unread[taken..];
                }
                Ok(None) => return,
                Err(refused) => {
                    out.busy(self.spec.cost.1);
                    let mut response = Response::new(id, Reason::BadRequest).with_body(self.empty.clone());
                    response.status = refused.status();
                    return out.send(from, Wire::HttpAnswer(Box::new(response)));
                }
            }
        }
    }

    fn request(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, mut request: Box<Request>) {
        out.busy(self.spec.cost.0);
        request.peer.thumbprint = self.spec.thumbprints.get(&from).copied();
        let trace = trace::begin(ctx.controls(), &mut request.headers, fresh_trace(ctx));
        match self.admit(ctx, out, &mut request) {
            Ok(admitted) => {
                let sharing = self.share(ctx, &mut request, &admitted);
                if let Sharing::Found(body) = sharing {
                    return self.answer_shared(ctx, out, (from, request.id), trace, admitted, body);
                }
                let (fetch, changes) = sharing.parts();
                let Admitted { tenant, region, cell, remember, .. } = admitted;
                self.record(ctx, out, &request, &tenant);
                let allowance = self.budget.enter(RETRIES_WANTED);
                self.sequence += 1;
                let id = self.sequence;
                let client_id = std::mem::replace(&mut request.id, id);
                let open = Open {
                    client: from,
                    client_id,
                    lineage: ctx.lineage(),
                    tenant,
                    region,
                    trace,
                    remember,
                    admitted: ctx.now(),
                    cell,
                    retries: 0,
                    is_canary: false,
                    allowance,
                    lent: 0,
                    request: Some(request),
                    fetch,
                    changes,
                };
                self.open.insert(id, open);
                self.forward(ctx, out, id);
                self.deadlines.push_back((ctx.now() + self.spec.patience, id));
                self.arm(ctx, out);
            }
            Err(mut response) => {
                headers::unstamp(&mut response);
                response.id = request.id;
                response.body = self.empty.clone();
                response.trace = Some(trace);
                out.send(from, Wire::HttpAnswer(response));
            }
        }
    }

    /// Every decision, in order.
    fn admit(
        &mut self,
        ctx: &mut Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        request: &mut Request,
    ) -> Result<Admitted, Box<Response>> {
        let now = ctx.now();
        let refuse = |reason: Reason| Box::new(Response::new(request.id, reason));
        let denied = |out: &mut Outbox<Saas>, by, reason, subject: &Arc<str>| {
            out.fact(Fact::Decided { by, allowed: false, reason, subject: subject.clone() });
        };
        let nobody: Arc<str> = self.spec.region.clone();
        let Some(token) = request.headers.authorization.as_ref() else {
            denied(out, "gateway.token", "NO_TOKEN", &nobody);
            return Err(refuse(Reason::Unauthenticated));
        };
        if self.spec.sentinel.is_some() && self.heard.is_none() {
            // It may have been told before it lost its power: until it knows again, every token may be one of those.
            denied(out, "gateway.token", "revocations-unknown", &nobody);
            return Err(refuse(Reason::Unauthenticated));
        }
        let claims = match self.verifier.verify(now, ctx.controls(), token, request.peer.thumbprint.as_ref()) {
            Ok(claims) => {
                self.report(out, request, &claims);
                claims
            }
            Err(denial) => {
                // Its binding is looked at last: until then it was somebody's.
                if denial == TokenDenial::Binding
                    && let Ok(token) = parse(token)
                {
                    self.report(out, request, &token.claims);
                }
                denied(out, "gateway.token", denial.code(), &nobody);
                return Err(refuse(Reason::Unauthenticated));
            }
        };
        let tenant = headers::effective_tenant(ctx.controls(), &request.headers, &claims.tenant, &claims.tenants);
        let Ok(tenant) = tenant else {
            denied(out, "gateway.tenant", "TENANT_REFUSED", &claims.sub);
            return Err(refuse(Reason::TenantRefused));
        };
        let Some(placement) = self.spec.tenants.get(&tenant) else {
            denied(out, "gateway.tenant", "TENANT_UNKNOWN", &claims.sub);
            return Err(refuse(Reason::TenantRefused));
        };
        let (region, home) = (placement.region.clone(), placement.home);
        if headers::residency(ctx.controls(), &region, Some(&claims.region), &self.spec.region).is_err() {
            denied(out, "gateway.residency", "REGION_REFUSED", &claims.sub);
            return Err(refuse(Reason::RegionRefused));
        }
        let remember = headers::is_selection(&request.headers);
        if let Err(after) = self.switches.select(now, ctx.controls(), &claims.sub, &tenant) {
            denied(out, "gateway.switch", "SWITCH_LIMITED", &tenant);
            return Err(Box::new(Response::new(request.id, Reason::SwitchLimited).retry_after(after.seconds())));
        }
        if let Err(after) = self.limiter.admit(now, ctx.controls(), &tenant) {
            denied(out, "gateway.rate-limit", "RATE_LIMITED", &tenant);
            return Err(Box::new(Response::new(request.id, Reason::RateLimited).retry_after(after.seconds())));
        }
        let cell = match self.edge.route(now, ctx.controls(), home, &region, name_hash(&tenant)) {
            Ok(cell) => cell,
            Err(Unserved::RegionDown | Unserved::EverythingDown) => {
                denied(out, "gateway.edge", "REGION_UNAVAILABLE", &tenant);
                return Err(Box::new(Response::new(request.id, Reason::RegionUnavailable).retry_after(5)));
            }
        };
        self.counts(cell);
        if let Err(shed) = self.shedder.admit(now, ctx.controls(), &tenant) {
            let (reason, code, span) = match shed {
                Shed::OverShare(span) => (Reason::OverShare, "OVER_SHARE", span),
                Shed::Overloaded(span) => (Reason::Overloaded, "OVERLOADED", span),
            };
            denied(out, "gateway.shed", code, &tenant);
            let after = span.as_millis().div_ceil(1_000).max(1) as u32;
            return Err(Box::new(Response::new(request.id, reason).retry_after(after)));
        }
        headers::forward(ctx.controls(), &mut request.headers, &tenant, &region);
        let caller = Caller { subject: claims.sub.clone(), clearance: claims.clearance.clone() };
        if self.spec.vouches {
            headers::vouch(ctx.controls(), &mut request.headers, &caller);
        }
        Ok(Admitted { tenant, region, cell, remember, caller })
    }

    fn forward(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64) {
        let canary = self.to_canary(ctx, id);
        let Some(open) = self.open.get(&id) else { return };
        let draw = ctx.draw_at(luck::SPREAD, open.lineage.cause, mix(open.lineage.path, u64::from(open.retries)));
        let app = canary.unwrap_or_else(|| self.pools[open.cell].pick(draw));
        let Some(mut copy) = open.request.clone() else { return };
        self.say_slice(&mut copy.headers, canary.is_some());
        let Some(open) = self.open.get_mut(&id) else { return };
        open.is_canary = canary.is_some();
        open.lent = open.allowance.hand_down(1);
        copy.headers.retry_allowance = Some(open.lent);
        let lineage = open.lineage.child(u64::from(open.retries) + 64);
        out.send_for(lineage, app, Wire::Http(copy));
        // What lies unread on a connection is taken for the answer to whatever was sent last.
        if let Some(mut response) = self.unasked.remove(&app) {
            response.id = id;
            self.answer(ctx, out, response);
        }
    }

    fn answer(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, mut response: Box<Response>) {
        out.busy(self.spec.cost.1);
        let Some(mut open) = self.open.remove(&response.id) else { return };
        open.allowance.answered(std::mem::take(&mut open.lent), response.retries_spent);
        self.count_canary(&mut open, response.status);
        if self.may_retry(ctx, &mut open, response.reason) {
            let settings = self.spec.retries;
            let draw = ctx.draw_at(luck::SPREAD, open.lineage.cause, mix(open.lineage.path, 0xbac0));
            let pause = settings.pause(open.retries, draw);
            open.retries += 1;
            out.timer_for(open.lineage.child(32 + u64::from(open.retries)), pause, RETRY | response.id);
            self.open.insert(response.id, open);
            return;
        }
        self.budget.leave(open.allowance);
        self.errors.record(response.status >= 500);
        // What is refused says nothing about how long work takes, and would make ordinary work look slow.
        match response.status {
            400..500 => self.shedder.abandoned(ctx.now(), &open.tenant),
            _ => self.shedder.completed(ctx.now(), &open.tenant, ctx.now().since(open.admitted)),
        }
        self.shared(ctx, &open, &mut response);
        response.id = open.client_id;
        response.trace = Some(open.trace);
        headers::stamp(ctx.controls(), &mut response, &open.tenant, &open.region, open.remember);
        out.send_for(open.lineage, open.client, Wire::HttpAnswer(response));
    }

    fn may_retry(&self, ctx: &Ctx<'_, Saas>, open: &mut Open, reason: Reason) -> bool {
        let Some(request) = &open.request else { return false };
        let keyed = request.headers.idempotency_key.is_some();
        retry::is_retryable(request.method, keyed, reason)
            && open.allowance.spend(ctx.controls(), &self.spec.retries, open.retries)
    }

    /// The tenants are these from now on.
    fn told(&mut self, table: &TenantTable) {
        let home = |region: &Arc<str>| self.spec.cells.iter().position(|cell| cell.region == *region).unwrap_or(0);
        let placement = |region: &Arc<str>| Placement { region: region.clone(), home: home(region) };
        self.spec.tenants = Rc::new(table.tenants.iter().map(|t| (t.id.clone(), placement(&t.region))).collect());
    }

    fn arm(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        if let (false, Some((at, _))) = (self.sweeping, self.deadlines.front()) {
            let span = at.since(ctx.now());
            self.sweeping = true;
            let lineage = self.own();
            out.timer_for(lineage, span, SWEEP);
        }
    }

    fn sweep(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.sweeping = false;
        while let Some((at, id)) = self.deadlines.front().copied() {
            if at > ctx.now() && self.open.contains_key(&id) {
                break;
            }
            self.deadlines.pop_front();
            if let Some(open) = self.open.get_mut(&id) {
                // Too late for another try: the client's own patience is nearly over. What was lent may be spent.
                open.request = None;
                open.lent = 0;
                let response = Response::new(id, Reason::UpstreamTimeout).with_body(self.empty.clone());
                self.answer(ctx, out, Box::new(response));
            }
        }
        self.arm(ctx, out);
    }
}

/// A trace that no other request has.
fn fresh_trace(ctx: &Ctx<'_, Saas>) -> Trace {
    let lineage = ctx.lineage();
    let draw = |n: u64| ctx.draw_at(luck::TRACE, lineage.cause, mix(lineage.path, n));
    Trace { id: TraceId(draw(0), draw(1) | 1), span: draw(2) | 1 }
}

impl Machine<Saas> for Gateway {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Http(request) } => self.request(ctx, out, from, request),
            Input::Message { from, message: Wire::Tenants(table) } if self.spec.pipeline == Some(from) => {
                self.told(&table);
            }
            Input::Message { from, message: Wire::EdgeCache(number, on) } => self.switch(ctx, out, from, number, on),
            Input::Message { from, message: Wire::Scaling(word) } => self.scaling(ctx, out, from, &word),
            Input::Message { from, message: Wire::Rollout(word) } => self.rollout(out, from, &word),
            Input::Message { from, message: Wire::HttpText(id, bytes) } => self.text(ctx, out, from, id, &bytes),
            Input::Message { from, message: Wire::HttpAnswer(response) } if response.id == NOBODY => {
                self.unasked.insert(from, response);
            }
            Input::Message { message: Wire::HttpAnswer(response), .. } => self.answer(ctx, out, response),
            Input::Refused { to, message: Wire::Http(request) } => {
                if let Some(cell) = self.open.get(&request.id).map(|open| open.cell) {
                    let turned = self.pools[cell].saw(to, false);
                    self.turned(out, (cell, to), false, turned);
                }
                let response = Response::new(request.id, Reason::UpstreamFailed).with_body(self.empty.clone());
                self.answer(ctx, out, Box::new(response));
            }
            Input::Message { message: Wire::OidcAnswer(fetch, OidcAnswer::Jwks(json)), .. } => {
                self.fetched_keys(ctx, out, fetch, &json);
            }
            Input::Message { message: Wire::ProbeAnswer(id), .. } => self.probed(out, id, true),
            Input::Timer { token: SWEEP } => self.sweep(ctx, out),
            Input::Timer { token: KEYS } => self.fetch_keys(ctx, out),
            Input::Timer { token: HEALTH } => self.health(ctx, out),
            Input::Timer { token: SIGNALS } => self.ask_sentinel(out),
            Input::Message { from, message: Wire::Signal(signal) } => {
                if let (Signal::TakenBack(first, tokens), Some((sentinel, _))) = (*signal, self.spec.sentinel)
                    && from == sentinel
                {
                    self.taken_back(ctx.now(), first, tokens);
                }
            }
            Input::Timer { token } if token & RETRY != 0 => self.forward(ctx, out, token & !RETRY),
            _ => {}
        }
        out.gauge("gateway.in-flight", || self.shedder.in_flight().into());
        out.gauge("gateway.limit", || self.shedder.limit().into());
    }
}
