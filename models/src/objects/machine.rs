//! The object store at work: role `cell-a/objects`, one a cell.
//!
//! Two kinds of callers reach it: workloads that the mesh has proved, which act for a tenant that they name, and
//! anybody with a link. A word of its own comes only from the first: what an unproved node says it is does not count.

use super::client::is_archive;
use super::grant::covers;
use super::shelf::{Change, Done, Refused, Shelf};
use super::url::{self, Secret};
use crate::fact::{Fact, Place};
use crate::ids::Bytes;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Method, Reason, Request, Response};
use crate::wire::svid::SpiffeId;
use sim::disk::{FileId, Write};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// An object that a store begins with.
#[derive(Clone, Debug)]
pub struct First {
    /// Its key.
    pub key: Arc<str>,
    /// Its content.
    pub body: Bytes,
}

/// What a store is.
#[derive(Clone)]
pub struct ObjectStoreSpec {
    /// Where it keeps objects.
    pub place: Place,
    /// What it begins with.
    pub base: Vec<First>,
    /// How long an archive keeps what is put there.
    pub retention: Duration,
    /// What links are signed with.
    pub secret: Secret,
    /// Certificates that connections present.
    pub thumbprints: Rc<BTreeMap<NodeId, [u8; 32]>>,
    /// Worker time of a read and of a write.
    pub cost: (Duration, Duration),
}

/// What is asked, once it is known what the caller may do.
enum Ask {
    Get(Arc<str>, Option<u32>),
    List(Arc<str>),
    Change(Change),
}

struct Waiting {
    change: Change,
    from: NodeId,
    request: u64,
}

/// A store at work.
pub struct ObjectStore {
    spec: ObjectStoreSpec,
    shelf: Shelf,
    callers: BTreeMap<NodeId, SpiffeId>,
    waiting: BTreeMap<u64, Waiting>,
    written: u64,
}

const CHANGES: FileId = 0;
/// Keys that one answer lists, at most.
const LISTED_MAX: usize = 1_000;

impl ObjectStore {
    /// A store with what it begins with and what its disk kept, all of which it states.
    pub fn boot(spec: &ObjectStoreSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> ObjectStore {
        let mut shelf = Shelf::default();
        for First { key, body } in &spec.base {
            let kept_until = if is_archive(key) { Instant::ZERO + spec.retention } else { Instant::ZERO };
            shelf.apply(Instant::ZERO, &Change::Put { key: key.clone(), body: body.clone(), kept_until });
        }
        for record in ctx.disk().read(CHANGES) {
            if let Ok((at, change)) = postcard::from_bytes::<(Instant, Change)>(record) {
                shelf.apply(at, &change);
            }
        }
        let store =
            ObjectStore { spec: spec.clone(), shelf, callers: BTreeMap::new(), waiting: BTreeMap::new(), written: 0 };
        for (key, version) in store.shelf.all() {
            let (place, key, body) = (spec.place.clone(), key.clone(), version.body.clone());
            let (version, kept_until) = (version.number, version.kept_until);
            out.fact(Fact::ObjectStored { place, key, version, kept_until, body });
        }
        store
    }

    fn asked(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: &Request) {
        let ask = match self.admit(ctx, out, from, request) {
            Ok(ask) => ask,
            Err(reason) => {
                out.busy(self.spec.cost.0);
                return self.answer(out, (from, request.id), reason, Bytes::default(), "");
            }
        };
        match ask {
            Ask::Get(key, version) => {
                out.busy(self.spec.cost.0);
                let found = self.shelf.get(&key, version);
                let reason = if found.is_some() { Reason::Ok } else { Reason::NotFound };
                let body = found.map(|found| found.body.clone()).unwrap_or_default();
                self.answer(out, (from, request.id), reason, body, &key);
            }
            Ask::List(prefix) => {
                out.busy(self.spec.cost.0);
                let keys: Vec<&str> = self.shelf.list(&prefix).take(LISTED_MAX).map(|key| &**key).collect();
                self.answer(out, (from, request.id), Reason::Ok, keys.join("\n").as_bytes().into(), &prefix);
            }
            Ask::Change(change) => self.change(ctx, out, (from, request.id), change),
        }
    }

    /// What the caller wants, if it may.
    fn admit(
        &self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        from: NodeId,
        request: &Request,
    ) -> Result<Ask, Reason> {
        let denied = |out: &mut Outbox<Saas>, reason, subject: Arc<str>| {
            out.fact(Fact::Decided { by: "objects", allowed: false, reason, subject });
        };
        if !self.callers.contains_key(&from) {
            let certificate = self.spec.thumbprints.get(&from);
            let asked = (request.method, &*request.path);
            let opened = url::open((ctx.now(), ctx.controls()), &self.spec.secret, asked, certificate);
            let link = opened.map_err(|refused| {
                denied(out, refused.code(), self.spec.place.cell.clone());
                Reason::Unauthenticated
            })?;
            return self.ask(ctx.now(), request.method, link.key.as_str().into(), None, &request.body);
        }
        let tenant = request.headers.tenant_id.as_deref().ok_or(Reason::TenantRefused)?;
        let target = request.path.strip_prefix('/').ok_or(Reason::BadRequest)?;
        let (key, query) = target.split_once('?').unwrap_or((target, ""));
        let prefix = query.strip_prefix("prefix=");
        if !covers(ctx.controls(), tenant, prefix.unwrap_or(key)) {
            denied(out, "ACCESS_DENIED", tenant.into());
            return Err(Reason::NotFound);
        }
        match prefix {
            Some(prefix) => Ok(Ask::List(prefix.into())),
            None => {
                let version = query.strip_prefix("version=").and_then(|n| n.parse().ok());
                self.ask(ctx.now(), request.method, key.into(), version, &request.body)
            }
        }
    }

    fn ask(
        &self,
        now: Instant,
        method: Method,
        key: Arc<str>,
        version: Option<u32>,
        body: &Bytes,
    ) -> Result<Ask, Reason> {
        let kept_until = if is_archive(&key) { now + self.spec.retention } else { Instant::ZERO };
        match method {
            Method::Get => Ok(Ask::Get(key, version)),
            Method::Put => Ok(Ask::Change(Change::Put { key, body: body.clone(), kept_until })),
            Method::Delete => Ok(Ask::Change(Change::Remove { key })),
            _ => Err(Reason::MethodNotAllowed),
        }
    }

    fn change(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, to: (NodeId, u64), change: Change) {
        out.busy(self.spec.cost.1);
        // One change of an object at a time: two that were both checked before either is kept would be a way around.
        let is_busy = self.waiting.values().any(|waiting| waiting.change.key() == change.key());
        let checked = self.shelf.check((ctx.now(), ctx.controls()), &change);
        if let Err(refused) = checked {
            let subject = change.key().clone();
            if refused == Refused::Kept {
                out.fact(Fact::Decided { by: "objects", allowed: false, reason: "KEPT", subject });
            }
            // Who puts once more what lies there has lost an answer, and wants nothing else.
            let again = matches!(&change, Change::Put { key, body, .. }
                if self.shelf.get(key, None).is_some_and(|version| version.body == *body));
            let reason = match refused {
                Refused::Absent => Reason::NotFound,
                Refused::Kept if again => Reason::Ok,
                Refused::Kept => Reason::Conflict,
            };
            return self.answer(out, to, reason, Bytes::default(), change.key());
        }
        if is_busy {
            return self.answer(out, to, Reason::Overloaded, Bytes::default(), change.key());
        }
        self.written += 1;
        let record = postcard::to_allocvec(&(ctx.now(), &change)).expect("a change has bytes");
        out.write(CHANGES, Write::Append(record.into()));
        out.sync(self.written);
        self.waiting.insert(self.written, Waiting { change, from: to.0, request: to.1 });
    }

    /// The disk has a change, or failed to keep it.
    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some(Waiting { change, from, request }) = self.waiting.remove(&token) else { return };
        if !ok {
            return self.answer(out, (from, request), Reason::Internal, Bytes::default(), change.key());
        }
        let (place, key) = (self.spec.place.clone(), change.key().clone());
        match self.shelf.apply(ctx.now(), &change) {
            Done::Stored(version) => {
                let (version, kept_until, body) = (version.number, version.kept_until, version.body);
                out.fact(Fact::ObjectStored { place, key, version, kept_until, body });
                let number = version.to_string().as_bytes().into();
                self.answer(out, (from, request), Reason::Created, number, change.key());
            }
            Done::Removed(versions) => {
                for version in versions {
                    out.fact(Fact::ObjectRemoved { place: place.clone(), key: key.clone(), version });
                }
                self.answer(out, (from, request), Reason::NoContent, Bytes::default(), change.key());
            }
        }
    }

    /// Answers. For whoever comes with a link there is no router in front: the store says whose object it was (TEN-07).
    fn answer(&self, out: &mut Outbox<Saas>, to: (NodeId, u64), reason: Reason, body: Bytes, key: &str) {
        let mut response = Response::new(to.1, reason).with_body(body);
        if response.status < 300 {
            response.tenant = key.split('/').next().map(Arc::from);
            response.region = Some(self.spec.place.region.clone());
        }
        out.send(to.0, Wire::HttpAnswer(Box::new(response)));
    }
}

impl Machine<Saas> for ObjectStore {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Connected(id) } => {
                self.callers.insert(from, id);
            }
            Input::Message { from, message: Wire::Http(request) } => self.asked(ctx, out, from, &request),
            Input::Synced { token, ok } => self.synced(ctx, out, token, ok),
            _ => {}
        }
    }
}
