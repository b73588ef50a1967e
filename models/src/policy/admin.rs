//! The admin API of a config service: who may read and who may replace what it hands out (IDN-08).
//!
//! It stands behind two layers that know nothing of each other: the mesh lets in workloads of the admin namespace of
//! this trust domain and no others, and here each of them has a role.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::admin::{CURRENT_PATH, Current, POLICY_PATH, PolicyFiles};
use crate::wire::http::{Method, Reason, Request};
use crate::wire::policy::BundleContent;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A caller does what its role permits.
pub const ADMIN_RBAC: Control = control!("policy.admin-rbac", upholds: ["IDN-08"],
    off: "whoever the mesh lets in is an administrator, as with an internal API that asks for a certificate and no \
          role");

/// What a workload may do, each role all that the one before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Reads.
    Auditor,
    /// Replaces.
    Administrator,
}

/// Roles by SPIFFE id. Who is not named has none.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Bindings(BTreeMap<Arc<str>, Role>);

/// A call that is understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Which policy is handed out.
    Read,
    /// Hands out another one from now on.
    Replace(Arc<BundleContent>),
    /// What is handed out is the newest there is, as far as the caller knows.
    Vouch(Current),
}

impl Bindings {
    /// These roles and no others.
    pub fn new(roles: impl IntoIterator<Item = (Arc<str>, Role)>) -> Bindings {
        Bindings(roles.into_iter().collect())
    }

    /// Whether the caller, by its SPIFFE id, may make a call.
    pub fn permit(&self, controls: &Controls, caller: Option<&str>, call: &Call) -> bool {
        let wanted = if *call == Call::Read { Role::Auditor } else { Role::Administrator };
        let granted = caller.and_then(|id| self.0.get(id)).is_some_and(|role| *role >= wanted);
        granted || !controls.on(&ADMIN_RBAC)
    }
}

/// Reads a request to the admin API.
///
/// # Errors
/// It is none.
pub fn parse(request: &Request) -> Result<Call, Reason> {
    match (&*request.path, request.method) {
        (POLICY_PATH, Method::Get) => Ok(Call::Read),
        (POLICY_PATH, Method::Put) => {
            let files: PolicyFiles = serde_json::from_slice(&request.body).map_err(|_| Reason::BadRequest)?;
            Ok(Call::Replace(Arc::new(BundleContent::new(files.policy, files.data))))
        }
        (CURRENT_PATH, Method::Put) => {
            serde_json::from_slice(&request.body).map(Call::Vouch).map_err(|_| Reason::BadRequest)
        }
        (POLICY_PATH | CURRENT_PATH, _) => Err(Reason::MethodNotAllowed),
        _ => Err(Reason::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    const AUDITOR: &str = "spiffe://cell-a.cellproof.test/ns/admin/sa/auditor";
    const OPERATOR: &str = "spiffe://cell-a.cellproof.test/ns/admin/sa/operator";

    fn check(controls: &Controls, caller: Option<&str>, reads: bool, replaces: bool) {
        let roles = [(Arc::from(AUDITOR), Role::Auditor), (Arc::from(OPERATOR), Role::Administrator)];
        let bindings = Bindings::new(roles);
        let replace = Call::Replace(Arc::new(BundleContent::new("package p", "{}")));
        assert_eq!(bindings.permit(controls, caller, &Call::Read), reads, "{caller:?}");
        assert_eq!(bindings.permit(controls, caller, &replace), replaces, "{caller:?}");
    }

    #[test]
    fn a_role_permits_what_it_says_and_nobody_has_one_by_default() {
        let on = Controls::all_on();
        check(&on, Some(OPERATOR), true, true);
        check(&on, Some(AUDITOR), true, false);
        check(&on, Some("spiffe://cell-b.cellproof.test/ns/admin/sa/operator"), false, false);
        check(&on, Some("spiffe://cell-a.cellproof.test/ns/apps/sa/orchestrator"), false, false);
        check(&on, None, false, false);
        check(&Controls::with_off(ControlSet::EMPTY.with(ADMIN_RBAC.slot)), None, true, true);
    }

    #[test]
    fn what_is_asked_of_a_policy_is_understood_and_nothing_else() {
        let call = |method, path: &str, body: &str| {
            let mut request = Request::new(1, method, path.into());
            request.body = body.as_bytes().into();
            parse(&request)
        };
        let files = r#"{"policy":"package p","data":"{}"}"#;
        assert_eq!(call(Method::Get, POLICY_PATH, ""), Ok(Call::Read));
        assert!(matches!(call(Method::Put, POLICY_PATH, files), Ok(Call::Replace(_))));
        assert_eq!(call(Method::Put, POLICY_PATH, "{}"), Err(Reason::BadRequest));
        assert_eq!(call(Method::Put, POLICY_PATH, r#"{"policy":"p","data":"{}","x":1}"#), Err(Reason::BadRequest));
        assert_eq!(call(Method::Delete, POLICY_PATH, ""), Err(Reason::MethodNotAllowed));
        let current = Current { digest: "d".into(), as_of: sim::Instant(7) };
        let said = serde_json::to_string(&current).expect("it is JSON");
        assert_eq!(call(Method::Put, CURRENT_PATH, &said), Ok(Call::Vouch(current)));
        assert_eq!(call(Method::Put, CURRENT_PATH, "7"), Err(Reason::BadRequest));
        assert_eq!(call(Method::Get, CURRENT_PATH, ""), Err(Reason::MethodNotAllowed));
        assert_eq!(call(Method::Get, "/admin/v1/tenants", ""), Err(Reason::NotFound));
    }
}
