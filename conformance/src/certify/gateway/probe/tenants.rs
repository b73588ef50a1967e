//! Which tenant a request is for: the verified token says so, and nothing that a client can add.

use crate::certify::gateway::desk::{Attack, Desk, Kind};
use crate::certify::http::request::Request;

/// A tenant that nobody is.
const NOBODY: &str = "cellproof-nobody";

/// Tries to be another tenant, and looks at what answers show.
pub fn run(desk: &mut Desk) {
    shown(desk);
    headers(desk);
    selections(desk);
    region(desk);
    desk.judged("tenants that a client names beside its token", &["TEN-01", "TEN-07", "POL-06"]);
}

const REPAIR: &[&str] = &[
    "remove the header from what clients send before it is set from the verified token: Envoy claim_to_headers (which \
     replaces it) or request_headers_to_remove at the edge; HAProxy: http-request set-header, never add-header",
];

/// The active tenant, and region, on answers.
fn shown(desk: &mut Desk) {
    let mut absent = Vec::new();
    let Ok((request, outcome)) = desk.honest(0) else { return };
    let Some(answer) = outcome.answered() else { return };
    desk.tried(1);
    let header = desk.gateway.tenant_header.clone();
    if !desk.names(answer, &desk.tenants[0].id) {
        absent.push(header);
    }
    if desk.gateway.region.is_some() && answer.header(&desk.gateway.region_header).next().is_none() {
        absent.push(desk.gateway.region_header.clone());
    }
    if absent.is_empty() {
        return;
    }
    let what = format!("answers do not show the active tenant and region: {} is absent", absent.join(" and "));
    let saw = desk.saw(&request, answer);
    let attack = Attack {
        object: "answers, headers",
        what: &what,
        requirements: &["TEN-07"],
        repair: &["set both from the verified token: Envoy response_headers_to_add; HAProxy: http-response set-header"],
        request,
        tenant: Some(0),
        kind: Kind::Right,
    };
    desk.find(&attack, saw);
}

fn attack(desk: &mut Desk, object: &str, what: &str, request: Request, breaches: Breach) {
    let attack = Attack {
        object,
        what,
        requirements: &["TEN-01", "SRV-11"],
        repair: REPAIR,
        request,
        tenant: Some(0),
        kind: Kind::Form,
    };
    let route = desk.link.own.clone();
    desk.attack_by(&route, attack, &|desk, answer| match breaches {
        Breach::Other => desk.shows(answer, 1),
        Breach::Nobody => desk.names(answer, NOBODY) || answer.body.contains(NOBODY) && !desk.shows(answer, 0),
        Breach::NotOwn => !desk.shows(answer, 0),
    });
}

/// What an answer must show for an attack to have done something.
#[derive(Clone, Copy)]
enum Breach {
    /// The other tenant.
    Other,
    /// A tenant that nobody is.
    Nobody,
    /// No longer the tenant of the token.
    NotOwn,
}

fn headers(desk: &mut Desk) {
    let name = desk.gateway.tenant_header.clone();
    let object = format!("header {name}");
    let (own, other) = (desk.tenants[0].id.clone(), desk.tenants[1].id.clone());
    let Ok(honest) = desk.request(0) else { return };
    let replaced = "the tenant of the token gives way to the one that a client names";
    let beside = "the tenant that a client names goes through beside the one of the token";
    let line = |value: &str| format!("{name}: {value}");
    let all = [
        (replaced, honest.clone().with(&line(&other)), Breach::Other),
        (beside, honest.clone().with(&line(&own)).with(&line(&other)), Breach::Other),
        (beside, honest.clone().with(&line(&other)).with(&line(&own)), Breach::Other),
        (beside, honest.clone().with(&line(&format!("{own},{other}"))), Breach::Other),
        (beside, honest.clone().with(&format!("{}: {other}", name.replace('-', "_"))), Breach::Other),
        (
            "a tenant behind a bare line feed goes through beside the one of the token",
            honest.clone().with(&format!("x-cellproof: a\n{}", line(&other))),
            Breach::Other,
        ),
        (
            "a tenant that nobody is goes through beside the one of the token",
            honest.clone().with(&line(NOBODY)),
            Breach::Nobody,
        ),
        (
            "a client takes the tenant away by naming its header in connection",
            honest.clone().with(&format!("connection: close, {name}")),
            Breach::NotOwn,
        ),
    ];
    for (what, request, breach) in all {
        attack(desk, &object, what, request, breach);
    }
}

/// A selection counts among the tenants that a token grants, and the test tokens grant one.
fn selections(desk: &mut Desk) {
    let other = desk.tenants[1].id.clone();
    if let Some(cookie) = desk.gateway.tenant_cookie.clone() {
        let Ok(request) = desk.request(0) else { return };
        let what = "a cookie selects a tenant that the token does not grant";
        let request = request.with(&format!("cookie: {cookie}={other}"));
        attack(desk, &format!("cookie {cookie}"), what, request, Breach::Other);
    } else {
        desk.component.not_judged("a cookie that selects a tenant (TEN-01)", "the deployment names no tenant-cookie");
    }
    let join = if desk.link.target.contains('?') { '&' } else { '?' };
    let target = format!("{}{join}tenant={other}&tenant_id={other}", desk.link.target);
    let Ok(honest) = desk.mint.honest(0) else { return };
    // An answer may repeat the query, so the header alone shows whose it is.
    let header = desk.gateway.tenant_header.clone();
    let request = honest.borne_by(Request::get(&target, &desk.link.authority));
    let named = Attack {
        object: "query",
        what: "the query selects a tenant that the token does not grant",
        requirements: &["TEN-01"],
        repair: &["take the tenant from the verified token alone"],
        request,
        tenant: Some(0),
        kind: Kind::Form,
    };
    let route = desk.link.own.clone();
    desk.attack_by(&route, named, &|desk, answer| {
        desk.tenants[1].id == answer.header(&header).next().unwrap_or_default().trim()
    });
}

fn region(desk: &mut Desk) {
    let Some(region) = &desk.gateway.region else { return };
    let (name, foreign) = (desk.gateway.region_header.clone(), region.foreign.clone());
    let Ok(request) = desk.request(0) else { return };
    let request = request.with(&format!("{name}: {foreign}"));
    let attack = Attack {
        object: &format!("header {name}"),
        what: "the region of the token gives way to the one that a client names",
        requirements: &["TEN-07", "POL-06"],
        repair: REPAIR,
        request,
        tenant: Some(0),
        kind: Kind::Form,
    };
    let route = desk.link.own.clone();
    desk.attack_by(&route, attack, &|_, answer| answer.header(&name).any(|value| value.contains(&foreign)));
}
