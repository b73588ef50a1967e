//! Which tenant a request is for, and what of its headers survives the gateway (TEN-01, TEN-07, SRV-11, POL-06).
//!
//! The token proves; a cookie or header may only select among what the token grants. The document's own middleware
//! (`cookie || header || 'beta'`) is the off state: it believes whoever asks, and has a default tenant.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::http::surrogate::{CLEARANCE, Caller, SUBJECT};
use crate::wire::http::{Headers, Response};
use std::sync::Arc;

/// Binds the selection of a tenant to the grants of the token.
pub const TENANT_HEADER: Control = control!(
    "gateway.tenant-header",
    upholds: ["TEN-01", "TEN-02"],
    off: "the document's middleware: cookie, else header, else `beta`, whatever the token says",
);

/// Drops what clients claim on behalf of proxies.
pub const FORWARDED_HEADERS: Control = control!(
    "gateway.forwarded-headers",
    upholds: ["SRV-11", "TEN-01"],
    off: "a client's x-forwarded-client-cert and its kin reach the workload, as with Envoy's ALWAYS_FORWARD_ONLY",
);

/// Writes who the caller is, and up to which level it is cleared, over what stands there.
pub const CALLER_CLAIMS: Control = control!(
    "gateway.caller-claims",
    upholds: ["CLS-02"],
    off: "subject and clearance are added after a client's own, as with Envoy's APPEND_IF_EXISTS_OR_ADD, and services \
          read the first",
);

/// Writes tenant and region of a response over whatever the workload wrote.
pub const RESPONSE_HEADERS: Control = control!(
    "gateway.response-headers",
    upholds: ["TEN-07"],
    off: "x-tenant-id and x-region of the workload stay where it wrote any, as with Envoy's ADD_IF_ABSENT",
);

/// Requires that tenant, token and cell agree on the region.
pub const RESIDENCY: Control = control!(
    "gateway.residency",
    upholds: ["POL-06", "IDN-02"],
    off: "the gateway of any region serves any tenant, as with one global entry point and no region claim check",
);

/// Why a selection was refused. Clients see one reason for all of them: they must not learn which tenants exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TenantRefused {
    /// The token does not grant the selected tenant; whether it exists makes no difference.
    NotGranted,
    /// Cookie and header select different tenants.
    Ambiguous,
}

/// Why a request is in the wrong region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegionRefused {
    /// The token has no region claim.
    NoClaim,
    /// The token was issued for another region than the tenant's.
    TokenElsewhere,
    /// This cell lies outside the tenant's region.
    CellElsewhere,
}

/// The tenant of the known-bad middleware when nobody selects one.
const FALLBACK: &str = "beta";

/// Headers by which proxies speak to workloads. From a client they are lies: about its address, its certificate, or
/// (`x-original-url`, `x-http-method-override`) about what it asked for after the checks have passed; or for whom an
/// edge asks, and up to which level.
const PROXY_HEADERS: [&str; 15] = [
    "forwarded",
    "surrogate-capability",
    "x-clearance",
    "x-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-http-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-ssl-client-cert",
    "x-ssl-client-dn",
    "x-ssl-client-verify",
    "x-subject",
];

/// The tenant that a request is served for: the token's own, or the selected one among those that it grants.
///
/// # Errors
/// When the selection is unknown, not granted, or contradicts itself. There is no default tenant.
pub fn effective_tenant(
    controls: &Controls,
    headers: &Headers,
    token_tenant: &TenantId,
    granted: &[TenantId],
) -> Result<TenantId, TenantRefused> {
    if controls.on(&TENANT_HEADER) { select(headers, token_tenant, granted) } else { Ok(believe(headers)) }
}

fn select(headers: &Headers, token_tenant: &TenantId, granted: &[TenantId]) -> Result<TenantId, TenantRefused> {
    let selected = match (&headers.cookie_tenant, &headers.tenant_id) {
        (None, None) => return Ok(token_tenant.clone()),
        (Some(cookie), Some(header)) if cookie != header => return Err(TenantRefused::Ambiguous),
        (Some(selected), _) | (None, Some(selected)) => selected,
    };
    // The clone of the grant, not of the claim: equal text, and the claim's own bytes go no further.
    let mut grants = std::iter::once(token_tenant).chain(granted);
    grants.find(|grant| *grant == selected).cloned().ok_or(TenantRefused::NotGranted)
}

/// What the sample code does; JavaScript's `||` passes over empty text.
fn believe(headers: &Headers) -> TenantId {
    let claims = [&headers.cookie_tenant, &headers.tenant_id];
    let claim = claims.into_iter().flatten().find(|claim| !claim.is_empty());
    claim.cloned().unwrap_or_else(|| TenantId::from(FALLBACK))
}

/// Whether the request changes the tenant, and so counts as a switch and makes the cookie sticky.
pub fn is_selection(headers: &Headers) -> bool {
    headers.cookie_tenant.is_some() || headers.tenant_id.is_some()
}

/// Makes the client's headers into the router's: tenant and region are set, the selection is spent, what only proxies
/// may say is dropped.
pub fn forward(controls: &Controls, headers: &mut Headers, tenant: &TenantId, region: &Arc<str>) {
    headers.tenant_id = Some(tenant.clone());
    headers.region = Some(region.clone());
    headers.cookie_tenant = None;
    headers.retry_allowance = None;
    if controls.on(&FORWARDED_HEADERS) {
        headers.forwarded_client_cert = None;
        headers.other.retain(|(name, _)| PROXY_HEADERS.binary_search(&&**name).is_err());
    }
}

/// Says for whom the request is made, as the verified token has it.
pub fn vouch(controls: &Controls, headers: &mut Headers, caller: &Caller) {
    if controls.on(&CALLER_CLAIMS) {
        headers.other.retain(|(name, _)| !matches!(&**name, CLEARANCE | SUBJECT));
    }
    headers.other.push((CLEARANCE.into(), caller.clearance.clone()));
    headers.other.push((SUBJECT.into(), caller.subject.clone()));
}

/// Writes the active tenant and region on a response, over whatever the workload wrote (TEN-07).
pub fn stamp(controls: &Controls, response: &mut Response, tenant: &TenantId, region: &Arc<str>, remember: bool) {
    response.remember_tenant = remember;
    let claims = response.tenant.as_ref().is_some_and(|said| said != tenant)
        || response.region.as_ref().is_some_and(|said| said != region);
    if claims && !controls.on(&RESPONSE_HEADERS) {
        response.tenant.get_or_insert_with(|| tenant.clone());
        response.region.get_or_insert_with(|| region.clone());
        return;
    }
    response.tenant = Some(tenant.clone());
    response.region = Some(region.clone());
}

/// Takes tenant, region and cookie off a response to somebody who proved none (TEN-07: only the router sets them).
pub fn unstamp(response: &mut Response) {
    response.tenant = None;
    response.region = None;
    response.remember_tenant = false;
}

/// Requires that the token was issued for the tenant's region, and that this cell lies in it.
///
/// # Errors
/// Says who is elsewhere.
pub fn residency(
    controls: &Controls,
    tenant_region: &str,
    token_region: Option<&str>,
    cell_region: &str,
) -> Result<(), RegionRefused> {
    if controls.on(&RESIDENCY) {
        same_region(tenant_region, token_region, cell_region)?;
    }
    Ok(())
}

fn same_region(tenant_region: &str, token_region: Option<&str>, cell_region: &str) -> Result<(), RegionRefused> {
    match token_region {
        None => Err(RegionRefused::NoClaim),
        Some(region) if region != tenant_region => Err(RegionRefused::TokenElsewhere),
        Some(_) if cell_region != tenant_region => Err(RegionRefused::CellElsewhere),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::Reason;
    use sim::ControlSet;

    fn off(control: &Control) -> Controls {
        Controls::with_off(ControlSet::EMPTY.with(control.slot))
    }

    fn claim(cookie: Option<&str>, header: Option<&str>) -> Headers {
        Headers { cookie_tenant: cookie.map(Arc::from), tenant_id: header.map(Arc::from), ..Headers::default() }
    }

    /// A token of `acme` that also grants `globex`.
    fn check(controls: &Controls, cookie: Option<&str>, header: Option<&str>, expected: Result<&str, TenantRefused>) {
        let granted = [TenantId::from("acme"), TenantId::from("globex")];
        let tenant = effective_tenant(controls, &claim(cookie, header), &granted[0], &granted);
        assert_eq!(tenant.as_deref().map_err(|e| *e), expected, "{cookie:?} {header:?}");
    }

    #[test]
    fn a_claim_selects_among_the_grants_and_nothing_else() {
        let on = Controls::all_on();
        check(&on, None, None, Ok("acme"));
        check(&on, Some("globex"), None, Ok("globex"));
        check(&on, None, Some("globex"), Ok("globex"));
        check(&on, Some("globex"), Some("globex"), Ok("globex"));
        check(&on, Some("acme"), Some("globex"), Err(TenantRefused::Ambiguous));
        for stranger in ["beta", "initech", "", "ACME", "acme ", "acme\u{0}"] {
            check(&on, None, Some(stranger), Err(TenantRefused::NotGranted));
            check(&on, Some(stranger), None, Err(TenantRefused::NotGranted));
        }
    }

    #[test]
    fn without_the_control_whoever_asks_is_believed_and_beta_serves_the_rest() {
        let off = off(&TENANT_HEADER);
        check(&off, None, None, Ok("beta"));
        check(&off, None, Some("initech"), Ok("initech"));
        check(&off, Some("hooli"), Some("initech"), Ok("hooli"));
        check(&off, Some(""), Some("initech"), Ok("initech"));
    }

    #[test]
    fn what_a_client_says_for_a_proxy_does_not_reach_the_workload() {
        assert!(PROXY_HEADERS.is_sorted());
        let client = Headers {
            forwarded_client_cert: Some(Arc::from("Hash=00;URI=spiffe://platform/admin")),
            other: vec![
                (Arc::from("x-original-url"), Arc::from("/admin")),
                (Arc::from("accept"), Arc::from("*/*")),
                (Arc::from("x-forwarded-for"), Arc::from("10.0.0.1")),
            ],
            ..claim(Some("globex"), Some("globex"))
        };
        let (tenant, region) = (TenantId::from("acme"), Arc::from("EU"));
        let forwarded = |controls: &Controls| {
            let mut headers = client.clone();
            forward(controls, &mut headers, &tenant, &region);
            assert_eq!((headers.tenant_id.as_deref(), headers.region.as_deref()), (Some("acme"), Some("EU")));
            assert_eq!(headers.cookie_tenant, None);
            (headers.forwarded_client_cert.is_some(), headers.other.len())
        };
        assert_eq!(forwarded(&Controls::all_on()), (false, 1));
        assert_eq!(forwarded(&off(&FORWARDED_HEADERS)), (true, 3));
    }

    #[test]
    fn what_a_client_says_of_its_clearance_is_written_over() {
        let caller = Caller { subject: "client/acme".into(), clearance: "internal".into() };
        let told = |controls: &Controls| {
            let own = (Arc::from(CLEARANCE), Arc::from("restricted"));
            let mut headers = Headers { other: vec![own], ..Headers::default() };
            vouch(controls, &mut headers, &caller);
            [CLEARANCE, SUBJECT].map(|name| headers.other(name).map(|said| said.to_string()).unwrap_or_default())
        };
        assert_eq!(told(&Controls::all_on()), ["internal", "client/acme"]);
        assert_eq!(told(&off(&CALLER_CLAIMS)), ["restricted", "client/acme"]);
    }

    #[test]
    fn only_the_router_says_whose_a_response_is() {
        let stamped = |controls: &Controls, workload: Option<&str>| {
            let mut response = Response::new(1, Reason::Ok);
            response.tenant = workload.map(TenantId::from);
            stamp(controls, &mut response, &TenantId::from("acme"), &Arc::from("EU"), true);
            assert_eq!((response.region.as_deref(), response.remember_tenant), (Some("EU"), true));
            response
        };
        let (on, off) = (Controls::all_on(), off(&RESPONSE_HEADERS));
        assert_eq!(stamped(&on, None).tenant.as_deref(), Some("acme"));
        assert_eq!(stamped(&off, None).tenant.as_deref(), Some("acme"));
        assert_eq!(stamped(&off, Some("initech")).tenant.as_deref(), Some("initech"));
        let mut response = stamped(&on, Some("initech"));
        assert_eq!(response.tenant.as_deref(), Some("acme"));
        unstamp(&mut response);
        assert_eq!((response.tenant, response.region, response.remember_tenant), (None, None, false));
    }

    #[test]
    fn tenant_token_and_cell_must_agree_on_the_region() {
        let cases = [
            (Some("EU"), "EU", Ok(())),
            (None, "EU", Err(RegionRefused::NoClaim)),
            (Some("US"), "EU", Err(RegionRefused::TokenElsewhere)),
            (Some("US"), "US", Err(RegionRefused::TokenElsewhere)),
            (Some("EU"), "US", Err(RegionRefused::CellElsewhere)),
            (Some("eu"), "EU", Err(RegionRefused::TokenElsewhere)),
        ];
        for (token, cell, expected) in cases {
            assert_eq!(residency(&Controls::all_on(), "EU", token, cell), expected, "{token:?} {cell}");
            assert_eq!(residency(&off(&RESIDENCY), "EU", token, cell), Ok(()), "{token:?} {cell}");
        }
    }
}
