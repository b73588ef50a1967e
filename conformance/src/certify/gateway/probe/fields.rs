//! Requests that HTTP/2 calls malformed (RFC 9113, sections 8.1.1, 8.2 and 8.3), and that nobody may pass on: what is a
//! name or a value in frames is the end of a line, or a request of its own, in the HTTP/1.1 that is spoken behind.

use super::smuggled::Inner;
use crate::certify::gateway::desk::{Attack, Desk, Fate, Kind};
use crate::certify::http::answer::Outcome;
use crate::certify::http::request::Request;

/// A host that nobody has.
const NOWHERE: &str = "cellproof.invalid";

const FORM: &str = "requests in HTTP/2, form";
const LINES: &str = "requests in HTTP/2, line breaks";
const HOST: &str = "requests in HTTP/2, host";
const SMUGGLING: &str = "requests in HTTP/2, smuggling";

const REPAIR: &[&str] = &[
    "refuse what RFC 9113 calls malformed, as an up-to-date Envoy, HAProxy or nginx does as it comes; where services \
     behind speak HTTP/2, speak it to them, so that no line is made of a field",
    "HAProxy 2.6 passes NUL on: http-request deny if { req.hdrs -m reg '[\\x00]' }",
];

/// Sends them.
pub fn run(desk: &mut Desk) {
    let Ok(honest) = desk.request(0) else { return };
    breaks(desk, &honest);
    forms(desk, &honest);
    hosts(desk, &honest);
    smuggled(desk, &honest);
    in_turn(desk, &honest);
    desk.judged("requests that are malformed, ambiguous or smuggled", &["SRV-11"]);
}

fn attack<'a>(object: &'a str, what: &'a str, request: Request) -> Attack<'a> {
    let (requirements, repair) = (&["SRV-11"], REPAIR);
    Attack { object, what, requirements, repair, request, tenant: Some(0), kind: Kind::Form }
}

/// Line breaks, which are text in a frame, and behind it begin a header that names another tenant.
fn breaks(desk: &mut Desk, honest: &Request) {
    let line = format!("{}: {}", desk.gateway.tenant_header, desk.tenants[1].id);
    let target = &desk.link.target;
    // What the end of the line is left for.
    let request = format!("{target} HTTP/1.1\r\n{line}\r\nx-cellproof: a");
    let all = [
        ("a line break in a value is taken", honest.clone().field("x-cellproof", &format!("a\r\n{line}"))),
        (
            "a line break in a name is taken",
            honest.clone().field(&format!("x-cellproof: a\r\n{line}\r\nx-cellproof-b"), "b"),
        ),
        ("a line break in a path is taken", honest.clone().to(&request)),
        ("a line break in a method is taken", honest.clone().by(&format!("GET {request}"))),
    ];
    for (what, request) in all {
        desk.attack(attack(LINES, what, request));
    }
}

fn forms(desk: &mut Desk, honest: &Request) {
    let host = format!("host: {}", desk.link.authority);
    let with = |name: &str, value: &str| honest.clone().field(name, value);
    let late = honest.clone().without(&host).field(":authority", &desk.link.authority);
    let all = [
        ("a NUL in a header is taken", with("x-cellproof", "a\0b")),
        ("a name in upper case is taken", with("X-Cellproof", "a")),
        ("a pseudo header behind a regular one is taken", late),
        ("a pseudo header that nobody knows is taken", honest.clone().pseudo(":cellproof", "a")),
        ("two paths are taken", honest.clone().pseudo(":path", "/cellproof")),
        ("an empty path is taken", honest.clone().to("")),
        ("what belongs to a connection is taken: connection", with("connection", "keep-alive")),
        ("what belongs to a connection is taken: upgrade", with("upgrade", "h2c")),
        ("two different lengths are taken", with("content-length", "0").field("content-length", "5").body("hello")),
        ("a length that is no number is taken", with("content-length", "+5").body("hello")),
        ("a length beyond the request's end is taken", with("content-length", "10").body("hello")),
    ];
    for (what, request) in all {
        desk.attack(attack(FORM, what, request));
    }
}

/// Who is asked: the authority says it, and a host beside it must not say otherwise behind.
fn hosts(desk: &mut Desk, honest: &Request) {
    let repair: &[&str] =
        &["take one host, and of those that you serve: Envoy: name them in domains, instead of \"*\"; \
         HAProxy: http-request deny unless { req.hdr(host) … }"];
    let nobody = honest.clone().without(&format!("host: {}", desk.link.authority));
    for (what, request) in [
        ("two different authorities are taken", honest.clone().pseudo(":authority", NOWHERE)),
        ("a request for no host is taken", nobody),
    ] {
        desk.attack(Attack { repair, ..attack(HOST, what, request) });
    }
    // Or it is mended, which shows only where the service behind repeats what it gets.
    let what = "a host beside another authority is passed on";
    let attack = Attack { repair, ..attack(HOST, what, honest.clone().field("host", NOWHERE)) };
    if !desk.echoes {
        let why = "the service behind does not repeat the headers that it is sent";
        return desk.component.not_judged("a host beside another authority, over HTTP/2 (SRV-11)", why);
    }
    let route = desk.link.own.clone();
    desk.attack_by(&route, attack, &|_, answer| answer.body.contains(NOWHERE));
}

/// A length, or a coding, that frames have no use for, and by which HTTP/1.1 would find a second request.
fn smuggled(desk: &mut Desk, honest: &Request) {
    for (what, name, value, before) in [
        ("a coding of HTTP/1.1 is taken (H2.TE)", "transfer-encoding", "chunked", "0\r\n\r\n"),
        ("a length before the request's end is taken (H2.CL)", "content-length", "0", ""),
    ] {
        let inner = Inner::new(desk);
        let request = honest.clone().field(name, value).body(&format!("{before}{}", inner.text));
        if desk.attack(attack(SMUGGLING, what, request.clone())) == Fate::Breached {
            continue;
        }
        if let Some(saw) = inner.mixed_up(desk) {
            desk.find(&attack(SMUGGLING, "a request goes through inside another", request), saw);
        }
    }
}

/// Each request on a connection is judged by itself.
fn in_turn(desk: &mut Desk, honest: &Request) {
    let bare = desk.bare();
    desk.tried(1);
    let outcomes = desk.link.ask_in_turn(&desk.link.own, &[honest, &bare], 1);
    let Some(Outcome::Answer(second)) = outcomes.get(1) else { return };
    if desk.passed(&bare, second) {
        let saw = desk.saw(&bare, second);
        let what = "a request without a token is let through behind one with a token, on the same connection";
        let requirements = &["IDN-01", "SRV-11"];
        desk.find(&Attack { requirements, ..attack("requests, on one connection", what, bare) }, saw);
    }
}
