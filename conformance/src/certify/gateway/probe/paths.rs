//! A path that a tenant may not reach is reached by no other spelling of it either.
//!
//! What RFC 3986 (sections 6.2.2 and 5.2.4) and RFC 9112 (section 3.2.2) call the same must be denied before it reaches
//! anything. Spellings that only some services take for the same count when the answer is a page.

use crate::certify::gateway::desk::{Attack, Desk, Fate, Kind};
use crate::certify::http::request::Request;

/// Tries them.
pub fn run(desk: &mut Desk) {
    let Some(forbidden) = desk.gateway.forbidden.as_ref().map(|path| path.get_ref().clone()) else {
        let why = "the deployment names no forbidden path";
        return desk.component.not_judged("paths for administrators, and their spellings (IDN-08, SRV-11)", why);
    };
    let held = direct(desk, &forbidden);
    if held {
        spellings(desk, &forbidden);
    }
    desk.judged("a path that tenants may not reach, and its spellings", &["SRV-11", "IDN-08"]);
}

fn request(desk: &Desk, target: &str) -> Option<Request> {
    Some(desk.request(0).ok()?.to(target))
}

fn direct(desk: &mut Desk, forbidden: &str) -> bool {
    let Some(request) = request(desk, forbidden) else { return false };
    let attack = Attack {
        object: &format!("path {forbidden}"),
        what: "a tenant reaches a path for administrators",
        requirements: &["IDN-08", "SRV-11"],
        repair: &["deny it to all but administrators: Envoy rbac; HAProxy: http-request deny if { path_beg … }"],
        request,
        tenant: Some(0),
        kind: Kind::Right,
    };
    desk.attack(attack) == Fate::Denied
}

/// A spelling, what it is called, and whether it is the same by the standards.
fn all(desk: &Desk, forbidden: &str) -> Vec<(String, &'static str, bool)> {
    let path = desk.link.target.split('?').next().unwrap_or("/").trim_end_matches('/');
    let depth = path.matches('/').count();
    let up = |step: &str| format!("{path}/{}{}", vec![step; depth].join("/"), forbidden);
    let bare = &forbidden[1..];
    let first = bare.as_bytes()[0];
    let authority = &desk.link.authority;
    let scheme = if desk.gateway.tls.is_some() { "https" } else { "http" };
    vec![
        (up(".."), "dot segments", true),
        (format!("/.{forbidden}"), "a dot segment", true),
        (up("%2e%2e"), "encoded dot segments", true),
        (up(".%2E"), "half encoded dot segments", true),
        (format!("/%{first:02x}{}", &bare[1..]), "an encoded letter", true),
        (format!("{scheme}://{authority}{forbidden}"), "the absolute form", true),
        (format!("{forbidden}?a=b"), "a query", true),
        (format!("/{forbidden}"), "two slashes", false),
        (format!("{path}{}{bare}", "/..%2f".repeat(depth)), "encoded slashes", false),
        (format!("{path}/{}{bare}", "..%5c".repeat(depth)), "encoded backslashes", false),
        (format!("{path}/{}{bare}", "..\\".repeat(depth)), "backslashes", false),
        (format!("{path}{}{forbidden}", "/..;".repeat(depth)), "dot segments with parameters", false),
        (format!("{forbidden};a=b"), "a parameter", false),
        (format!("{forbidden}/"), "a slash at its end", false),
        (format!("{forbidden}/."), "a dot at its end", false),
        (format!("{forbidden}%00"), "a NUL at its end", false),
    ]
}

fn spellings(desk: &mut Desk, forbidden: &str) {
    let object = format!("path {forbidden}, spellings");
    for (target, named, is_same) in all(desk, forbidden) {
        let Some(request) = request(desk, &target) else { return };
        let attack = Attack {
            object: &object,
            what: &format!("a path for administrators is reached by another spelling: {named}"),
            requirements: &["SRV-11", "IDN-08"],
            repair: &[
                "normalise the path before it is judged: Envoy normalize_path, merge_slashes, \
                 path_with_escaped_slashes_action: REJECT_REQUEST; HAProxy: http-request normalize-uri",
                "better: name the paths that tenants may reach, and deny every other one",
            ],
            request,
            tenant: Some(0),
            kind: Kind::Form,
        };
        let route = desk.link.own.clone();
        desk.attack_by(&route, attack, &|_, answer| is_same || (200..300).contains(&answer.status));
    }
}
