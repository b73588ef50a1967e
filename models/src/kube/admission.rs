//! Validating admission: a resource says whose it is, and says the truth (TEN-06). Role `cell-a/admission`.
//!
//! It judges an object as it would be written, after every default and every patch; and by nothing but the object and
//! the writer's proven tenant, so that it has no state that could be out of date.

use crate::config::read::is_tenant_id;
use crate::control;
use crate::control::{Control, Controls};
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Method, Reason, Request, Response};
use crate::wire::kube::{REVIEW_PATH, Review, Verdict};
use serde_json::Value;
use sim::{Ctx, Duration, Input, Machine, Outbox};

/// A resource names a tenant in its spec.
pub const TENANT_REQUIRED: Control = control!("admission.tenant-required", upholds: ["TEN-06"],
    off: "`tenant_id` is an optional field of the schema, and the controller has a default for it");
/// The tenant is the writer's own.
pub const TENANT_MATCH: Control = control!("admission.tenant-match", upholds: ["TEN-06"],
    off: "that the field is there is checked by the schema, and whose name stands in it by nobody");

/// Where a resource says whose it is.
const TENANT_ID: &str = "/spec/tenant_id";

/// Why an object is not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It names no tenant.
    NoTenant,
    /// It names another tenant than its writer's.
    AnothersTenant,
}

impl Refused {
    /// Stable name, for facts.
    pub const fn code(self) -> &'static str {
        match self {
            Refused::NoTenant => "NO_TENANT",
            Refused::AnothersTenant => "ANOTHERS_TENANT",
        }
    }
    /// For whoever wrote it. It does not say whether the other tenant exists.
    const fn message(self) -> &'static str {
        match self {
            Refused::NoTenant => "spec.tenant_id: expected the id of a tenant",
            Refused::AnothersTenant => "spec.tenant_id: expected the tenant of the writer",
        }
    }
}

/// The tenant that a resource names: a text that is an id, and nothing that looks like one after some repair.
pub fn named(object: &Value) -> Option<&str> {
    object.pointer(TENANT_ID).and_then(Value::as_str).filter(|id| is_tenant_id(id))
}

/// Decides on a write.
///
/// # Errors
/// What is wrong with the object.
pub fn admit(controls: &Controls, review: &Review) -> Result<(), Refused> {
    match named(&review.object) {
        None if controls.on(&TENANT_REQUIRED) => Err(Refused::NoTenant),
        Some(tenant) if *tenant != *review.tenant && controls.on(&TENANT_MATCH) => Err(Refused::AnothersTenant),
        _ => Ok(()),
    }
}

/// The webhook.
pub struct Webhook {
    /// Worker time of a review.
    cost: Duration,
}

impl Webhook {
    /// A webhook that takes so long for a review.
    pub fn boot(cost: Duration) -> Webhook {
        Webhook { cost }
    }

    fn review(&self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, request: &Request) -> Response {
        out.busy(self.cost);
        let review = match (&*request.path, request.method) {
            (REVIEW_PATH, Method::Post) => serde_json::from_slice::<Review>(&request.body).ok(),
            _ => return Response::new(request.id, Reason::NotFound),
        };
        let Some(review) = review else { return Response::new(request.id, Reason::BadRequest) };
        let decided = admit(ctx.controls(), &review);
        let (allowed, reason) = (decided.is_ok(), decided.err().map_or("ADMITTED", Refused::code));
        out.fact(Fact::Decided { by: "admission", allowed, reason, subject: review.tenant.clone() });
        let message = decided.err().map_or("", Refused::message).into();
        let body = serde_json::to_vec(&Verdict { allowed, message }).expect("a verdict is JSON");
        Response::new(request.id, Reason::Ok).with_body(body.into())
    }
}

impl Machine<Saas> for Webhook {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        if let Input::Message { from, message: Wire::Http(request) } = input {
            let response = self.review(ctx, out, &request);
            out.send(from, Wire::HttpAnswer(Box::new(response)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::kube::Operation;
    use serde_json::json;
    use sim::ControlSet;

    fn check(off: &[&Control], spec: &Value, expected: Result<(), Refused>) {
        let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
        for operation in [Operation::Create, Operation::Update] {
            let object = json!({"metadata": {"name": "daily"}, "spec": spec});
            let review = Review { operation, tenant: "acme".into(), object };
            assert_eq!(admit(&Controls::with_off(off), &review), expected, "{spec}");
        }
    }

    #[test]
    fn a_resource_names_the_tenant_of_its_writer_and_no_other() {
        check(&[], &json!({"tenant_id": "acme", "rows": 3}), Ok(()));
        for other in ["acme-corp", "beta", "ghost", "acm"] {
            let spec = json!({"tenant_id": other});
            check(&[], &spec, Err(Refused::AnothersTenant));
            check(&[&TENANT_REQUIRED], &spec, Err(Refused::AnothersTenant));
            check(&[&TENANT_MATCH], &spec, Ok(()));
        }
    }

    #[test]
    fn what_is_no_id_of_a_tenant_names_none() {
        let nothing = [json!(null), json!(""), json!(7), json!(["acme"]), json!({"id": "acme"}), json!(true)];
        let nearly = ["Acme", "acme ", " acme", "acme/..", "acme\u{0}", "аcme"].map(Value::from);
        let specs = nothing.into_iter().chain(nearly).map(|id| json!({"tenant_id": id}));
        for spec in specs.chain([json!({}), json!(null), json!([]), json!({"Tenant_id": "acme"})]) {
            check(&[], &spec, Err(Refused::NoTenant));
            check(&[&TENANT_MATCH], &spec, Err(Refused::NoTenant));
            check(&[&TENANT_REQUIRED], &spec, Ok(()));
        }
    }
}
