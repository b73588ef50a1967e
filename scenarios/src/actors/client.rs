//! An honest tenant: open-loop load, a fresh token in time, patience, and at the end a second look at what it wrote.
//!
//! Open loop: the next request starts when it was meant to, whether or not the one before was answered. So overload
//! shows as latency, and a slow platform cannot slow its own measurement down.

use super::Loot;
use super::presence::Presence;
use super::relations::Relations;
use models::fact::{Answer, Fact};
use models::ids::{Bytes, TenantId};
use models::luck;
use models::marker::Marker;
use models::mesh::version::OFFERED;
use models::oracles::durability::STRONG;
use models::saas::Saas;
use models::wire::http::{Headers, Method, Peer, Reason, Request, Response};
use models::wire::oidc::{ClientProof, OidcAnswer, OidcRequest, TokenRequest};
use models::wire::svid::Handshake;
use models::wire::{Wire, http};
use sim::seed::{Lineage, below, mix, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// What an honest client is.
#[derive(Clone)]
pub struct ClientSpec {
    /// Its name as a principal: `client/acme`.
    pub principal: Arc<str>,
    /// Its tenant.
    pub tenant: TenantId,
    /// The tenant's index in leak markers.
    pub index: u32,
    /// The tenant's region.
    pub region: Arc<str>,
    /// Its gateway.
    pub gateway: NodeId,
    /// Identity providers of its region, that of its own cell first.
    pub idps: Vec<NodeId>,
    /// How long a token is to live.
    pub token_life: Duration,
    /// Whether it opens a TLS session with its gateway before it asks for anything.
    pub tls: bool,
    /// Mean gap between requests.
    pub gap: Duration,
    /// Other mean gaps.
    pub paces: Paces,
    /// How many records the tenant has.
    pub records: u32,
    /// First request.
    pub from: Instant,
    /// No request is meant to start later.
    pub until: Instant,
    /// When it reads again what it wrote.
    pub verify_from: Instant,
    /// How long it waits for an answer.
    pub patience: Duration,
    /// Domains it publishes events to.
    pub domains: Vec<Arc<str>>,
    /// What it mostly does.
    pub habit: Habit,
    /// Mixed into the bits of its data: another salt, other values of equal length.
    pub salt: u64,
    /// Where its tokens are stolen, if they are.
    pub loot: Option<Loot>,
}

/// Mean gaps between requests, each from an instant on; in order.
pub type Paces = Rc<[(Instant, Duration)]>;

impl ClientSpec {
    /// The mean gap at an instant.
    fn gap_at(&self, now: Instant) -> Duration {
        let past = self.paces.partition_point(|(from, _)| *from <= now);
        past.checked_sub(1).map_or(self.gap, |last| self.paces[last].1)
    }
}

const TICK: u64 = 1;
const SWEEP: u64 = 2;
const RENEW: u64 = 3;
const VERIFY: u64 = 4;
const HELLO: u64 = 5;

/// How often a token request that got no answer is repeated.
const TOKEN_RETRY: Duration = Duration::millis(500);
/// How often a hello that got no answer is said again.
const HELLO_RETRY: Duration = Duration::millis(400);

/// Between two looks at what was written: slow enough that a burst on the way is no load.
const VERIFY_GAP: Duration = Duration::millis(40);
/// After a look that was not answered, when it was the last.
const VERIFY_AGAIN: Duration = Duration::millis(250);

/// What a tenant mostly does.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Habit {
    /// Of everything something.
    #[default]
    Mixed,
    /// It reads almost always, as dashboards do.
    Reads,
    /// It publishes almost always, as devices do.
    Publishes,
    /// Of everything something, except events.
    Records,
    /// Of everything something, and single records by GraphQL instead of REST, where no cache must answer too. What it
    /// states about an answer is what REST calls it, so that every judge holds both to the same promise.
    Queries,
    /// Of everything something, except events; and it follows the relations of its records, as analysts do.
    Relations,
    /// The same, and it changes them too, and tells of its devices in statements of its own.
    Relates,
    /// It changes records and looks at once, past the cache, whether that is there, as editors do.
    Edits,
}

/// Of a hundred requests, so many are reads that no cache may answer: somebody who has just written wants to see it.
const FRESH_READS: u64 = 6;

/// Of somebody who follows relations, so many look at one.
const FOLLOWS: u64 = 40;

/// From here on, of somebody who changes relations, they are statements.
const TELLS: u64 = 74;
/// Numbers of devices in leak markers begin here.
const TOLD_FROM: u32 = 720_000;

/// From here on, they are changes of records.
const CHANGES: u64 = 60;

/// How a request is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    /// A cache may answer.
    Any,
    /// No cache may answer.
    Fresh,
    /// The same, and asked again until it is answered: what was written must be there.
    Verify,
}

/// From here on, they are events.
const EVENTS: u64 = 90;

impl Habit {
    /// The kind of one of a hundred requests.
    fn kind(self, n: u64) -> u64 {
        match (self, n) {
            (Habit::Mixed | Habit::Queries, _) => n,
            (Habit::Records | Habit::Relations | Habit::Relates, _) => n % EVENTS,
            // Three reads past the cache, three changes.
            (Habit::Reads | Habit::Publishes, 0..3) => 0,
            (Habit::Reads, 3..97) => FRESH_READS,
            (Habit::Publishes, 3..97) => EVENTS,
            (Habit::Edits, 0..60) => 0,
            _ => CHANGES,
        }
    }
}

struct Open {
    what: Arc<str>,
    /// Whether the content lies in the answer to a query.
    queried: bool,
    intended: Instant,
    verify: bool,
}

/// An honest client.
pub struct Client {
    spec: ClientSpec,
    name: u64,
    presence: Presence,
    sent: u64,
    token: Option<Arc<str>>,
    token_until: Instant,
    token_asked: u64,
    /// How often it has asked for a token since it got one.
    unanswered: usize,
    /// Whether it has a session, where one is needed.
    session: bool,
    hellos: u64,
    /// Whether the token was refused, and another is asked for.
    unbelieved: bool,
    waiting: Vec<(Lineage, Box<Request>)>,
    open: BTreeMap<u64, Open>,
    deadlines: VecDeque<(Instant, u64)>,
    sweeping: bool,
    versions: BTreeMap<u32, u16>,
    relations: Relations,
    /// Record by record, what it was told is written, to be read again.
    written: BTreeMap<u32, u16>,
    /// Whether the timer runs that reads the next of them.
    verifying: bool,
    empty: Bytes,
}

/// The leak marker of a datum: a function of its name and the tenant's salt, so that a model, a client and a judge
/// agree. `draw` yields the bits at (cause, n).
pub fn datum(draw: &dyn Fn(u64, u64) -> u64, tenant: &str, salt: u64, index: u32, record: u32, version: u16) -> Marker {
    let cause = mix(name_hash(tenant), salt);
    let n = mix(u64::from(record), u64::from(version));
    let (low, high) = (draw(cause, n), draw(cause, n ^ 1 << 63));
    Marker::new(index, 1, record, version, u128::from(high) << 64 | u128::from(low))
}

/// SHA-256 of the certificate that the principal presents on its connection; the platform knows it from the handshake.
pub fn thumbprint(principal: &str) -> [u8; 32] {
    models::crypto::sha256(principal.as_bytes())
}

impl Client {
    /// A client that starts by asking for a token.
    pub fn boot(spec: ClientSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Client {
        let name = name_hash(&spec.principal);
        let mut client = Client {
            name,
            presence: Presence::of(ctx, name),
            sent: 0,
            token: None,
            token_until: Instant::ZERO,
            token_asked: 0,
            unanswered: 0,
            session: !spec.tls,
            hellos: 0,
            unbelieved: false,
            waiting: Vec::new(),
            open: BTreeMap::new(),
            deadlines: VecDeque::new(),
            sweeping: false,
            versions: BTreeMap::new(),
            relations: Relations::default(),
            written: BTreeMap::new(),
            verifying: true,
            empty: Arc::new([]),
            spec,
        };
        client.ask_token(out);
        client.hello(ctx, out);
        out.timer_for(Lineage::root(name, 0), client.spec.from.since(ctx.now()), TICK);
        out.timer_for(Lineage::root(name, u64::MAX), client.spec.verify_from.since(ctx.now()), VERIFY);
        client
    }

    fn datum(&self, ctx: &Ctx<'_, Saas>, record: u32, version: u16) -> Marker {
        let draw = |cause, n| ctx.draw_at(luck::DATUM, cause, n);
        datum(&draw, &self.spec.tenant, self.spec.salt, self.spec.index, record, version)
    }

    fn ask_token(&mut self, out: &mut Outbox<Saas>) {
        self.token_asked += 1;
        let lineage = Lineage::root(self.name, mix(7, self.token_asked));
        let request = TokenRequest {
            client_id: self.spec.principal.clone(),
            proof: ClientProof::Certificate(thumbprint(&self.spec.principal)),
            subject: self.spec.principal.clone(),
            tenant: self.spec.tenant.clone(),
            audience: models::platform::AUDIENCE.into(),
            region: self.spec.region.clone(),
            scopes: vec!["records".into(), "events".into()],
            client_binding: Some(thumbprint(&self.spec.principal)),
            clearance: "confidential".into(),
            lifetime: self.spec.token_life,
            valid_after: Duration::ZERO,
        };
        let message = Wire::Oidc(self.token_asked, Box::new(OidcRequest::Token(Arc::new(request))));
        // Its own cell's first; when that does not answer, the next of its region.
        let idp = self.spec.idps[self.unanswered % self.spec.idps.len()];
        self.unanswered += 1;
        out.send_for(lineage, idp, message);
        out.timer_for(lineage.child(1), TOKEN_RETRY, RENEW);
    }

    /// Asks its gateway for a session, until it has one.
    fn hello(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        if self.session {
            return;
        }
        self.hellos += 1;
        let lineage = Lineage::root(self.name, mix(13, self.hellos));
        let hello = Handshake::ClientHello { nonce: ctx.draw_at(luck::NONCE, lineage.cause, 0), versions: OFFERED };
        out.send_for(lineage, self.spec.gateway, Wire::Handshake(Box::new(hello)));
        out.timer_for(lineage.child(1), HELLO_RETRY, HELLO);
    }

    /// A word of a handshake. It never offered what is older than 1.3, and takes nothing older.
    fn shook(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, word: &Handshake) {
        match word {
            Handshake::ServerProof { version, .. } if OFFERED.have(*version) => {
                self.session = true;
                self.leave(out);
            }
            // The gateway has forgotten it, as after a restart.
            Handshake::Refused(_) if self.spec.tls && self.session => {
                self.session = false;
                self.hello(ctx, out);
            }
            _ => {}
        }
    }

    /// What waited for a token or a session leaves once both are there.
    fn leave(&mut self, out: &mut Outbox<Saas>) {
        let Some(token) = self.token.as_ref().filter(|_| self.session) else { return };
        for (lineage, mut request) in std::mem::take(&mut self.waiting) {
            request.headers.authorization = Some(token.clone());
            out.send_for(lineage, self.spec.gateway, Wire::Http(request));
        }
    }

    fn tick(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        if now >= self.spec.until || self.presence.is_over(self.sent) {
            return;
        }
        let lineage = ctx.lineage();
        let (cause, index) = (lineage.cause, self.sent);
        self.sent += 1;
        // A gap is 1/4 to 7/4 of the mean: integer, bounded, and the mean is the mean.
        let draw = ctx.draw_at(luck::ARRIVAL, cause, 0);
        let mean = self.spec.gap_at(now).0;
        let gap = Duration(mean / 4 + below(draw, mean * 3 / 2 + 1));
        out.timer_for(Lineage::root(self.name, self.sent), gap, TICK);
        if !self.presence.has(ctx, index, cause) {
            return;
        }
        let kind = self.spec.habit.kind(below(ctx.draw_at(luck::OPERATION, cause, 0), 100));
        let request = self.compose(ctx, cause, kind);
        let read = if kind < FRESH_READS { Read::Fresh } else { Read::Any };
        self.ask(ctx, out, lineage, request, read);
    }

    fn compose(&mut self, ctx: &Ctx<'_, Saas>, cause: u64, kind: u64) -> (Method, String, Bytes) {
        let record = below(ctx.draw_at(luck::RECORD, cause, 0), u64::from(self.spec.records)) as u32;
        match kind {
            FRESH_READS..FOLLOWS if matches!(self.spec.habit, Habit::Relations | Habit::Relates) => {
                (Method::Get, format!("/v1/relations/{record}?depth=2"), self.empty.clone())
            }
            0..CHANGES => (Method::Get, format!("/v1/records/{record}"), self.empty.clone()),
            CHANGES..TELLS if self.spec.habit == Habit::Relates => {
                let (method, path) = self.relations.change(record, self.spec.records, cause);
                (method, path, self.empty.clone())
            }
            TELLS..78 if self.spec.habit == Habit::Relates => {
                let name = self.datum(ctx, TOLD_FROM + self.sent as u32, 0);
                let text = format!("MERGE (d:Device {{name: '{}'}})", name.encode().as_str());
                (Method::Post, "/v1/graph".into(), text.as_bytes().into())
            }
            CHANGES..78 => {
                let version = self.versions.entry(record).or_insert(0);
                *version += 1;
                let version = *version;
                let marker = self.datum(ctx, record, version);
                (Method::Put, format!("/v1/records/{record}"), marker.encode().as_bytes().into())
            }
            78..84 => (Method::Get, "/v1/records?limit=5".into(), self.empty.clone()),
            84..88 => (Method::Get, "/v1/records/count".into(), self.empty.clone()),
            88..EVENTS => (Method::Get, "/v1/whoami".into(), self.empty.clone()),
            _ => {
                let pick = below(ctx.draw_at(luck::OPERATION, cause, 1), self.spec.domains.len() as u64);
                let domain = &self.spec.domains[pick as usize];
                let unique = 1000 + self.sent as u32;
                let marker = self.datum(ctx, unique, 0);
                let body = models::platform::event_body(&self.spec.tenant, cause, marker.encode().as_str());
                (Method::Post, format!("/v1/events/{domain}"), body)
            }
        }
    }

    fn ask(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        lineage: Lineage,
        (method, path, body): (Method, String, Bytes),
        read: Read,
    ) {
        let path: Arc<str> = path.into();
        let id = lineage.cause;
        let fresh = read != Read::Any;
        let strong = if fresh { STRONG } else { "" };
        let what: Arc<str> = format!("{} {path}{strong}", method.name()).into();
        let query = match self.spec.habit {
            Habit::Queries if method == Method::Get => path.strip_prefix(RECORD).and_then(query_of),
            _ => None,
        };
        let queried = query.is_some();
        let (method, path, body) = query.map_or((method, path, body), |q| (Method::Post, GRAPHQL.into(), q));
        let mut headers = Headers { authorization: self.token.clone(), ..Headers::default() };
        if fresh {
            headers.other.push(("cache-control".into(), "no-cache".into()));
        }
        let peer = Peer { thumbprint: Some(thumbprint(&self.spec.principal)), ..Peer::default() };
        let request = Box::new(Request { id, method, path, headers, peer, body });
        out.fact_for(lineage, Fact::Asked { principal: self.spec.principal.clone(), request: id, what: what.clone() });
        self.open.insert(id, Open { what, queried, intended: ctx.now(), verify: read == Read::Verify });
        self.deadlines.push_back((ctx.now() + self.spec.patience, id));
        self.arm(ctx, out);
        match self.token.is_some() && self.session {
            true => out.send_for(lineage, self.spec.gateway, Wire::Http(request)),
            false => self.waiting.push((lineage, request)),
        }
    }

    fn arm(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        if let (false, Some((at, _))) = (self.sweeping, self.deadlines.front()) {
            self.sweeping = true;
            out.timer_for(Lineage::root(self.name, mix(8, self.sent)), at.since(ctx.now()), SWEEP);
        }
    }

    fn sweep(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.sweeping = false;
        while let Some((at, id)) = self.deadlines.front().copied() {
            if at > ctx.now() && self.open.contains_key(&id) {
                break;
            }
            self.deadlines.pop_front();
            if let Some(open) = self.open.remove(&id) {
                self.answered(ctx, out, id, open, None);
            }
        }
        self.arm(ctx, out);
    }

    fn answered(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        id: u64,
        open: Open,
        response: Option<&Response>,
    ) {
        let took = ctx.now().since(open.intended);
        let mut answer = answer_of(&self.spec.principal, id, open.what, open.intended, took, response, &self.empty);
        if open.queried && answer.status == 200 {
            answer.body = body_of(&answer.body).unwrap_or(answer.body);
        }
        if let Some(record) = answer.what.strip_prefix("PUT /v1/records/").and_then(|s| s.parse().ok())
            && answer.status / 100 == 2
        {
            self.written.insert(record, 0);
        }
        if open.verify && answer.status / 100 != 2 && answer.status != 404 {
            // Not answered yet: ask again, the promise is about what is there, not about when.
            if let Some(record) = record_of(&answer.what) {
                self.written.insert(record, 1);
                if !std::mem::replace(&mut self.verifying, true) {
                    let lineage = Lineage::root(self.name, mix(12, self.sent));
                    out.timer_for(lineage, VERIFY_AGAIN, VERIFY);
                }
            }
        }
        out.fact_for(Lineage { cause: id, path: 0 }, Fact::Answered(Box::new(answer)));
    }

    fn verify(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let lineage = ctx.lineage();
        let Some((record, _)) = self.written.pop_first() else {
            self.verifying = false;
            return;
        };
        self.sent += 1;
        let own = Lineage::root(self.name, mix(9, self.sent));
        let path = format!("/v1/records/{record}");
        self.ask(ctx, out, own, (Method::Get, path, self.empty.clone()), Read::Verify);
        out.timer_for(lineage.child(1), VERIFY_GAP, VERIFY);
    }

    fn renewed(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, token: Arc<str>) {
        if let Some(loot) = &self.spec.loot {
            loot.drop_token(&self.spec.principal, &token);
        }
        let lifetime = self.spec.token_life;
        self.unbelieved = false;
        self.token_until = ctx.now() + lifetime;
        self.token = Some(token);
        self.unanswered = 0;
        self.leave(out);
        let lineage = Lineage::root(self.name, mix(10, self.token_asked));
        out.timer_for(lineage, lifetime.scale(2, 3), RENEW);
    }

    /// Whether the token is in its last third, or was refused.
    fn renews_at(&self, now: Instant) -> bool {
        self.unbelieved || now + self.spec.token_life.scale(1, 3) + Duration::millis(1) >= self.token_until
    }
}

const RECORD: &str = "/v1/records/";
const GRAPHQL: &str = "/v1/graphql";

/// The query for a record's content.
fn query_of(record: &str) -> Option<Bytes> {
    let record: u32 = record.parse().ok()?;
    Some(format!("{{ record(id: {record}) {{ body }} }}").as_bytes().into())
}

/// A record's content in the answer to [`query_of`]. What is none is left as it is, for the judges to see.
fn body_of(answer: &[u8]) -> Option<Bytes> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    Some(answer["data"]["record"]["body"].as_str()?.as_bytes().into())
}

fn record_of(what: &str) -> Option<u32> {
    what.rsplit('/').next()?.strip_suffix(STRONG)?.parse().ok()
}

/// What a principal states about an answer, or about its absence.
pub fn answer_of(
    principal: &Arc<str>,
    request: u64,
    what: Arc<str>,
    intended: Instant,
    took: Duration,
    response: Option<&Response>,
    empty: &Bytes,
) -> Answer {
    Answer {
        principal: principal.clone(),
        request,
        what,
        status: response.map_or(0, |r| r.status),
        reason: response.map_or("NO_ANSWER", |r| r.reason.code()),
        tenant: response.and_then(|r| r.tenant.clone()),
        region: response.and_then(|r| r.region.clone()),
        retry_after_s: response.and_then(|r| r.retry_after_s),
        trace: response.and_then(|r| r.trace).map(|trace| trace.id),
        degraded: response.is_some_and(|r| r.degraded),
        body: response.map_or_else(|| empty.clone(), |r| r.body.clone()),
        took,
        intended,
    }
}

impl Machine<Saas> for Client {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { token: TICK } => self.tick(ctx, out),
            Input::Timer { token: SWEEP } => self.sweep(ctx, out),
            Input::Timer { token: HELLO } => self.hello(ctx, out),
            Input::Message { message: Wire::Handshake(word), .. } => self.shook(ctx, out, &word),
            Input::Timer { token: VERIFY } => self.verify(ctx, out),
            Input::Timer { token: RENEW } if self.renews_at(ctx.now()) => self.ask_token(out),
            Input::Message { message: Wire::HttpAnswer(response), .. } => {
                let response: Box<http::Response> = response;
                if let Some(open) = self.open.remove(&response.id) {
                    self.answered(ctx, out, response.id, open, Some(&response));
                }
                // As clients do: a token that is refused before its time is worth another one, asked for once.
                if response.reason == Reason::Unauthenticated && self.token.is_some() && !self.unbelieved {
                    self.unbelieved = true;
                    self.ask_token(out);
                }
            }
            Input::Message { message: Wire::OidcAnswer(_, OidcAnswer::Token(token)), .. } => {
                self.renewed(ctx, out, token);
            }
            Input::Refused { message: Wire::Http(request), .. } => {
                if let Some(open) = self.open.remove(&request.id) {
                    self.answered(ctx, out, request.id, open, None);
                }
            }
            _ => {}
        }
    }
}
