//! The API that resources are written to and read from. Role `cell-a/kube-api`.
//!
//! Who calls it is known by certificate; a tenant's own connector may read and write in the namespace of its tenant and
//! nowhere else, the controller may read everything and write what it found. Every other write is reviewed
//! first, and while nobody can review it, nothing is written.

use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Method, Reason, Request, Response};
use crate::wire::kube::{Operation, REVIEW_PATH, Review, Target, Verdict};
use crate::wire::svid::SpiffeId;
use serde_json::{Map, Value, json};
use sim::disk::Write;
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Changes are reviewed like new objects.
pub const EVERY_WRITE: Control = control!("admission.every-write", upholds: ["TEN-06"],
    off: "the webhook is registered for `CREATE` alone: an object is reviewed once and then changed at will");
/// Without a review nothing is written.
pub const FAIL_CLOSED: Control = control!("admission.fail-closed", upholds: ["TEN-06"],
    off: "`failurePolicy: Ignore`: while the webhook is away every write passes");

/// What an API server is.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    /// Who reviews writes.
    pub admission: NodeId,
    /// Whose certificates are tenants', by SPIFFE id.
    pub tenants: BTreeMap<Arc<str>, TenantId>,
    /// The controller's SPIFFE id.
    pub controller: Arc<str>,
    /// How long a review may take.
    pub patience: Duration,
    /// Worker time of a call.
    pub cost: Duration,
}

/// Namespace and name of an object.
type Key = (String, String);

/// A write that waits, for its review or for the disk.
struct Waiting {
    from: NodeId,
    request: u64,
    key: Key,
    object: Value,
    reason: Reason,
}

/// An API server at work.
pub struct Server {
    spec: ServerSpec,
    name: u64,
    callers: BTreeMap<NodeId, SpiffeId>,
    objects: BTreeMap<Key, Value>,
    reviews: BTreeMap<u64, Waiting>,
    writes: BTreeMap<u64, Waiting>,
    calls: u64,
}

const OBJECTS: u8 = 0;

impl Server {
    /// A server that remembers every object that it ever said it has.
    pub fn boot(spec: &ServerSpec, ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> Server {
        let kept = ctx.disk().read(OBJECTS).iter().filter_map(|record| serde_json::from_slice(record).ok());
        Server {
            spec: spec.clone(),
            name: name_hash("kube-api") ^ ctx.lineage().cause,
            callers: BTreeMap::new(),
            objects: kept.collect(),
            reviews: BTreeMap::new(),
            writes: BTreeMap::new(),
            calls: 0,
        }
    }

    fn called(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: &Request) {
        out.busy(self.spec.cost);
        let caller = self.callers.get(&from).map_or("", SpiffeId::as_str);
        let answer = match Target::parse(&request.path) {
            None => Some((Reason::NotFound, Vec::new())),
            Some(target) if *caller == *self.spec.controller => self.by_controller(out, from, request, target),
            Some(target) => match self.spec.tenants.get(caller).cloned() {
                Some(tenant) => self.by_tenant(ctx, out, from, request, (tenant, target)),
                None => Some((Reason::PolicyDenied, Vec::new())),
            },
        };
        if let Some((reason, body)) = answer {
            respond(out, from, request.id, reason, body);
        }
    }

    /// The controller reads everything, and writes the status of what is there.
    fn by_controller(
        &mut self,
        out: &mut Outbox<Saas>,
        from: NodeId,
        request: &Request,
        target: Target,
    ) -> Option<(Reason, Vec<u8>)> {
        match (request.method, target) {
            (Method::Get, Target::All) => {
                let all: Vec<&Value> = self.objects.values().collect();
                Some((Reason::Ok, serde_json::to_vec(&all).expect("objects are JSON")))
            }
            (Method::Put, Target::Status(namespace, name)) => {
                let key = (namespace, name);
                let Some(mut object) = self.objects.get(&key).cloned() else { return Some((Reason::NotFound, vec![])) };
                let Ok(status) = serde_json::from_slice(&request.body) else {
                    return Some((Reason::BadRequest, vec![]));
                };
                object["status"] = status;
                let (request, reason) = (request.id, Reason::Ok);
                self.store(out, Waiting { from, request, key, object, reason });
                None
            }
            _ => Some((Reason::PolicyDenied, Vec::new())),
        }
    }

    fn by_tenant(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        from: NodeId,
        request: &Request,
        (tenant, target): (TenantId, Target),
    ) -> Option<(Reason, Vec<u8>)> {
        let refused = |reason| Some((reason, Vec::new()));
        let (namespace, name) = match target {
            Target::Namespace(namespace) => (namespace, None),
            Target::One(namespace, name) => (namespace, Some(name)),
            Target::All | Target::Status(..) => return refused(Reason::PolicyDenied),
        };
        if *namespace != *tenant {
            return refused(Reason::PolicyDenied);
        }
        match (request.method, name) {
            (Method::Get, Some(name)) => match self.objects.get(&(namespace, name)) {
                Some(object) => Some((Reason::Ok, serde_json::to_vec(object).expect("objects are JSON"))),
                None => refused(Reason::NotFound),
            },
            (Method::Post, None) => {
                let Some((name, object)) = read(&request.body) else { return refused(Reason::BadRequest) };
                let key = (namespace, name);
                if self.objects.contains_key(&key) {
                    return refused(Reason::Conflict);
                }
                let (object, reason) = (written(&key, object, None), Reason::Created);
                let waiting = Waiting { from, request: request.id, key, object, reason };
                self.review(out, Operation::Create, tenant, waiting);
                None
            }
            (Method::Put, Some(name)) => {
                let Some((_, object)) = read(&request.body) else { return refused(Reason::BadRequest) };
                let key = (namespace, name);
                let Some(before) = self.objects.get(&key) else { return refused(Reason::NotFound) };
                let (object, reason) = (written(&key, object, Some(before)), Reason::Ok);
                let waiting = Waiting { from, request: request.id, key, object, reason };
                match ctx.controls().on(&EVERY_WRITE) {
                    true => self.review(out, Operation::Update, tenant, waiting),
                    false => self.store(out, waiting),
                }
                None
            }
            _ => refused(Reason::MethodNotAllowed),
        }
    }

    /// Asks whether an object may be written as it would be.
    fn review(&mut self, out: &mut Outbox<Saas>, operation: Operation, tenant: TenantId, waiting: Waiting) {
        self.calls += 1;
        let review = Review { operation, tenant, object: waiting.object.clone() };
        let mut request = Request::new(self.calls, Method::Post, REVIEW_PATH.into());
        request.body = serde_json::to_vec(&review).expect("a review is JSON").into();
        let own = Lineage::root(self.name, self.calls);
        out.send_for(own, self.spec.admission, Wire::Http(Box::new(request)));
        out.timer_for(own.child(1), self.spec.patience, self.calls);
        self.reviews.insert(self.calls, waiting);
    }

    /// A review has come back, or nobody has made one.
    fn reviewed(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64, verdict: Option<Verdict>) {
        let Some(waiting) = self.reviews.remove(&id) else { return };
        match verdict {
            Some(Verdict { allowed: true, .. }) => self.store(out, waiting),
            Some(Verdict { message, .. }) => {
                respond(out, waiting.from, waiting.request, Reason::PolicyDenied, message.into_bytes());
            }
            None if ctx.controls().on(&FAIL_CLOSED) => {
                let subject = waiting.key.0.as_str().into();
                out.fact(Fact::Decided { by: "admission", allowed: false, reason: "UNREVIEWED", subject });
                respond(out, waiting.from, waiting.request, Reason::DependencyDown, Vec::new());
            }
            None => self.store(out, waiting),
        }
    }

    /// First to the disk, then into force.
    fn store(&mut self, out: &mut Outbox<Saas>, waiting: Waiting) {
        self.calls += 1;
        let record = serde_json::to_vec(&(&waiting.key, &waiting.object)).expect("objects are JSON");
        out.write(OBJECTS, Write::Append(record.into()));
        out.sync(self.calls);
        self.writes.insert(self.calls, waiting);
    }

    fn synced(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some(Waiting { from, request, key, object, reason }) = self.writes.remove(&token) else { return };
        if !ok {
            return respond(out, from, request, Reason::Internal, Vec::new());
        }
        self.objects.insert(key, object);
        respond(out, from, request, reason, Vec::new());
    }
}

/// Name and content of an object that somebody sends.
fn read(body: &[u8]) -> Option<(String, Map<String, Value>)> {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else { return None };
    let name = object.get("metadata")?.get("name")?.as_str()?.to_owned();
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (!name.is_empty() && name.len() <= 63 && name.bytes().all(legal)).then_some((name, object))
}

/// An object as it would be written: of what was sent the spec alone, because the rest is the server's to say.
fn written((namespace, name): &Key, mut sent: Map<String, Value>, before: Option<&Value>) -> Value {
    let generation = before.and_then(|object| object["metadata"]["generation"].as_u64()).unwrap_or(0) + 1;
    let spec = sent.remove("spec").unwrap_or_default();
    let metadata = json!({"namespace": namespace, "name": name, "generation": generation});
    json!({"kind": "Report", "metadata": metadata, "spec": spec, "status": null})
}

fn respond(out: &mut Outbox<Saas>, to: NodeId, request: u64, reason: Reason, body: Vec<u8>) {
    out.send(to, Wire::HttpAnswer(Box::new(Response::new(request, reason).with_body(body.into()))));
}

impl Machine<Saas> for Server {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Connected(id) } => {
                self.callers.insert(from, id);
            }
            Input::Message { from, message: Wire::Http(request) } => self.called(ctx, out, from, &request),
            Input::Message { from, message: Wire::HttpAnswer(response) } if from == self.spec.admission => {
                let verdict = serde_json::from_slice(&response.body).ok().filter(|_| response.reason == Reason::Ok);
                self.reviewed(ctx, out, response.id, verdict);
            }
            Input::Refused { message: Wire::Http(request), .. } => self.reviewed(ctx, out, request.id, None),
            Input::Timer { token } => self.reviewed(ctx, out, token, None),
            Input::Synced { token, ok } => self.synced(out, token, ok),
            _ => {}
        }
    }
}
