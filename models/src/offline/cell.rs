//! The offline cell at work: role `cell-offline/loader`. What is plugged in is judged and restored; who is in the last
//! bundle is served from what it brought, and from nothing else (CEL-05, CEL-08).
//!
//! It calls nobody. That its clock is all that it has to tell how old its policy is, is its stated bound.

use super::loader::{Judged, Loader, Pinned, Refusal, Transfer};
use super::stores::{Record, Stores};
use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{hex, sha256};
use crate::fact::{Fact, Place, Restored};
use crate::ids::{Bytes, TenantId};
use crate::policy::abac;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Headers, Method, Peer, Reason, Request, Response};
use crate::wire::policy::{Input as Question, Level};
use sim::disk::{FileId, Write};
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Past the bound nobody is served.
pub const STALE_BOUND: Control = control!(
    "offline.stale-bound",
    upholds: ["CEL-08"],
    off: "the last bundle counts until the next one comes, however long that takes",
);

/// What is above somebody's clearance is masked.
pub const MASKING: Control = control!(
    "offline.masking",
    upholds: ["CEL-08"],
    off: "masking is left to the serving layer of the shared platform, which is not there",
);

/// Where a transfer is plugged in.
pub const TRANSFER: &str = "/transfer";
/// Before a record's reference.
pub const RECORD: &str = "/v1/records/";
/// All records.
pub const REPORT: &str = "/v1/report";

/// What an offline cell is.
#[derive(Clone)]
pub struct OfflineCellSpec {
    /// Where its stores lie.
    pub place: Place,
    /// What it was given when it was built.
    pub pinned: Pinned,
    /// Certificates that connections present.
    pub thumbprints: Rc<BTreeMap<NodeId, [u8; 32]>>,
    /// Age at which what a bundle brought no longer decides.
    pub stale_after: Duration,
    /// Where bundles come from: the address that a careless loader would ask.
    pub uplink: NodeId,
    /// Worker time of a transfer and of a request.
    pub cost: (Duration, Duration),
}

struct Waiting {
    transfer: Transfer,
    from: NodeId,
    request: u64,
}

/// An offline cell at work.
pub struct OfflineCell {
    spec: OfflineCellSpec,
    loader: Loader,
    stores: Stores,
    waiting: BTreeMap<u64, Waiting>,
    written: u64,
}

const LOADED: FileId = 0;

impl OfflineCell {
    /// A cell with what it had loaded.
    pub fn boot(spec: &OfflineCellSpec, ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> OfflineCell {
        let mut cell = OfflineCell {
            spec: spec.clone(),
            loader: Loader::new(spec.pinned.clone()),
            stores: Stores::default(),
            waiting: BTreeMap::new(),
            written: 0,
        };
        for record in ctx.disk().read(LOADED) {
            if let Some(transfer) = Transfer::decode(record)
                && cell.stores.restore(ctx.controls(), &transfer.bundle).is_ok()
            {
                cell.loader.loaded(&transfer.bundle.manifest);
            }
        }
        cell
    }

    /// Something is plugged in.
    fn plugged(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: &Request) {
        out.busy(self.spec.cost.0);
        let to = (from, request.id);
        let Some(transfer) = Transfer::decode(&request.body) else {
            return self.answer(out, to, Reason::BadRequest, Bytes::default(), None);
        };
        let tenant = transfer.bundle.manifest.tenant.clone();
        let is_busy = self.waiting.values().any(|waiting| waiting.transfer.bundle.manifest.tenant == tenant);
        match self.loader.judge(ctx.now(), ctx.controls(), &transfer) {
            Err(refusal) => {
                let (reason, subject) = (refusal.code(), tenant);
                out.fact(Fact::Decided { by: "offline", allowed: false, reason, subject });
                let reason = if refusal == Refusal::Order { Reason::Conflict } else { Reason::BadRequest };
                self.answer(out, to, reason, refusal.code().as_bytes().into(), None);
            }
            Ok(Judged::Known) => self.answer(out, to, Reason::Ok, Bytes::default(), Some(&tenant)),
            Ok(Judged::Ask) => {
                let path = format!("/keys/{}", transfer.bundle.manifest.key_id);
                let (headers, peer, body) = (Headers::default(), Peer::default(), Bytes::default());
                let ask = Request { id: request.id, method: Method::Get, path: path.into(), headers, peer, body };
                out.send(self.spec.uplink, Wire::Http(Box::new(ask)));
            }
            Ok(Judged::Next) if is_busy => self.answer(out, to, Reason::Overloaded, Bytes::default(), None),
            Ok(Judged::Next) => {
                self.written += 1;
                out.write(LOADED, Write::Append(request.body[..].into()));
                out.sync(self.written);
                self.waiting.insert(self.written, Waiting { transfer, from, request: request.id });
            }
        }
    }

    /// The disk has a bundle: its day begins.
    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some(Waiting { transfer, from, request }) = self.waiting.remove(&token) else { return };
        let manifest = &transfer.bundle.manifest;
        let restored = ok && self.stores.restore(ctx.controls(), &transfer.bundle).is_ok();
        if !restored {
            return self.answer(out, (from, request), Reason::Internal, Bytes::default(), None);
        }
        self.loader.loaded(manifest);
        out.fact(Fact::BundleRestored(Box::new(Restored {
            place: self.spec.place.clone(),
            tenant: manifest.tenant.clone(),
            sequence: manifest.sequence,
            manifest_sha256: manifest.digest(),
            contents: self.stores.contents(&manifest.tenant),
            custody: transfer.custody.encode().into(),
        })));
        self.answer(out, (from, request), Reason::Created, Bytes::default(), Some(&manifest.tenant));
    }

    /// Somebody who works in the cell.
    fn asked(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: &Request) {
        out.busy(self.spec.cost.1);
        let to = (from, request.id);
        match self.serve(ctx, out, from, request) {
            Ok((tenant, body)) => self.answer(out, to, Reason::Ok, body.as_bytes().into(), Some(&tenant)),
            Err(reason) => self.answer(out, to, reason, Bytes::default(), None),
        }
    }

    fn serve(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        from: NodeId,
        request: &Request,
    ) -> Result<(TenantId, String), Reason> {
        let certificate = self.spec.thumbprints.get(&from).ok_or(Reason::Unauthenticated)?;
        let known = self.stores.person(certificate).map(|(person, held)| (person.clone(), held.clone()));
        let (person, held) = known.ok_or(Reason::Unauthenticated)?;
        let denied = |out: &mut Outbox<Saas>, reason| {
            let subject = person.tenant.clone();
            out.fact(Fact::Decided { by: "offline", allowed: false, reason, subject });
        };
        if ctx.now().since(held.made_at) > self.spec.stale_after && ctx.controls().on(&STALE_BOUND) {
            denied(out, "STALE");
            return Err(Reason::PolicyUnavailable);
        }
        let may = |record: &Record, owner: &str| {
            let question = Question {
                authenticated: Some(true),
                tenant_id: Some(person.tenant.clone()),
                resource_tenant: Some(owner.into()),
                kind: Some(record.kind.clone()),
                classification: Some(record.level),
                label: Some(record.label.clone()),
                region: Some(self.spec.place.region.clone()),
            };
            abac::decide(ctx.controls(), &held.policy, &question).allow
        };
        let own: &str = &person.tenant;
        if request.path.as_ref() == REPORT {
            let records = self.stores.records(ctx.controls(), &person.tenant);
            // What the fences let through is the tenant's own.
            let fenced = records.iter().filter(|record| may(record, own));
            let lines: Vec<String> = fenced.map(|record| shown(ctx.controls(), record, person.clearance)).collect();
            return Ok((person.tenant.clone(), lines.join("\n")));
        }
        let reference = request.path.strip_prefix(RECORD).ok_or(Reason::NotFound)?;
        let (owner, id) = reference.split_once('~').unwrap_or((own, reference));
        let id = id.parse().map_err(|_| Reason::BadRequest)?;
        let record = self.stores.record(ctx.controls(), &person.tenant, owner, id).ok_or(Reason::NotFound)?;
        if !may(&record, owner) {
            denied(out, "POLICY");
            return Err(Reason::PolicyDenied);
        }
        Ok((person.tenant.clone(), shown(ctx.controls(), &record, person.clearance)))
    }

    fn answer(
        &self,
        out: &mut Outbox<Saas>,
        (to, request): (NodeId, u64),
        reason: Reason,
        body: Bytes,
        tenant: Option<&TenantId>,
    ) {
        let mut response = Response::new(request, reason).with_body(body);
        response.tenant = tenant.cloned();
        response.region = tenant.map(|_| self.spec.place.region.clone());
        out.send(to, Wire::HttpAnswer(Box::new(response)));
    }
}

/// A record's content for somebody with this clearance: above it, the first 16 digits of its SHA-256 (CLS-02, as for
/// names).
fn shown(controls: &Controls, record: &Record, clearance: Level) -> String {
    if record.level > clearance && controls.on(&MASKING) {
        return hex(&sha256(record.body.as_bytes())[..8]);
    }
    record.body.to_string()
}

impl Machine<Saas> for OfflineCell {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Http(request) } => match (request.method, &*request.path) {
                (Method::Put, TRANSFER) => self.plugged(ctx, out, from, &request),
                (Method::Get, _) => self.asked(ctx, out, from, &request),
                _ => self.answer(out, (from, request.id), Reason::MethodNotAllowed, Bytes::default(), None),
            },
            Input::Synced { token, ok } => self.synced(ctx, out, token, ok),
            _ => {}
        }
    }
}
