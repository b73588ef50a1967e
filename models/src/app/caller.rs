//! Who calls, as the mesh says: its proxies write the origin of a call into `x-forwarded-client-cert`.
//!
//! The service believes them, as services behind a mesh do: jobs of the control plane (exports, repairs) act for
//! whichever tenant owns the record that they name. It cannot know who wrote the header first; that a client's own is
//! dropped before is what it rests on.

use crate::wire::http::Headers;

/// Path of the ids of the control plane's workloads, behind the trust domain.
const CONTROL_PLANE: &str = "ns/control/sa/";

/// Whether the call comes from a workload of the control plane.
pub fn is_platform(headers: &Headers) -> bool {
    let by_id = headers.forwarded_client_cert.as_ref().is_some_and(|forwarded| is_control_plane(forwarded));
    by_id || !headers.other.is_empty() && is_control_subject(headers)
}

/// Envoy's form: `By=…;Hash=…;URI=spiffe://…`, one element a proxy, separated by commas. The first is the origin.
fn is_control_plane(forwarded: &str) -> bool {
    let origin = forwarded.split(',').next().unwrap_or_default();
    let id = origin.split(';').find_map(|pair| pair.trim().strip_prefix("URI=spiffe://"));
    id.and_then(|id| id.split_once('/')).is_some_and(|(_, path)| path.starts_with(CONTROL_PLANE))
}

/// The form of proxies that speak of subjects: verified, and of the control plane's unit.
fn is_control_subject(headers: &Headers) -> bool {
    let said = |name: &str| headers.other(name).map(|value| &**value);
    let of_unit = |subject: &str| subject.split(',').any(|part| part.trim() == "OU=control");
    said("x-ssl-client-verify") == Some("SUCCESS") && said("x-ssl-client-dn").is_some_and(of_unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn check(forwarded: Option<&str>, other: &[(&str, &str)], expected: bool) {
        let other = other.iter().map(|(name, value)| (Arc::from(*name), Arc::from(*value))).collect();
        let headers = Headers { forwarded_client_cert: forwarded.map(Arc::from), other, ..Headers::default() };
        assert_eq!(is_platform(&headers), expected, "{headers:?}");
    }

    #[test]
    fn a_workload_of_the_control_plane_is_known_by_its_id_or_its_verified_subject() {
        check(None, &[], false);
        check(Some("Hash=ab;URI=spiffe://cell-a.test/ns/control/sa/export"), &[], true);
        check(Some("Hash=ab;URI=spiffe://cell-a.test/ns/edge/sa/gateway"), &[], false);
        check(Some("URI=spiffe://t/ns/edge/sa/g,URI=spiffe://t/ns/control/sa/export"), &[], false);
        check(Some("URI=spiffe://t/x/ns/control/sa/export"), &[], false);
        let subject = ("x-ssl-client-dn", "CN=export,OU=control");
        check(None, &[subject, ("x-ssl-client-verify", "SUCCESS")], true);
        check(None, &[subject, ("x-ssl-client-verify", "FAILED")], false);
        check(None, &[subject], false);
    }
}
