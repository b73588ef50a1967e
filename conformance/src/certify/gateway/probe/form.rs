//! Requests in HTTP/1.1 that two readers may read in two ways: refused, or made unambiguous before they are passed on
//! (RFC 9112, sections 3.2, 5.1, 5.2, 6.1 and 6.3; RFC 9110, section 5.5).

use super::smuggled::Inner;
use crate::certify::gateway::desk::{Attack, Desk, Kind};
use crate::certify::http::answer::{Answer, Outcome};
use crate::certify::http::request::Request;
use std::cell::Cell;

/// Sends them.
pub fn run(desk: &mut Desk) {
    let Ok(honest) = desk.request(0) else { return };
    forbidden_forms(desk, &honest);
    ambiguous_forms(desk, &honest);
    smuggled(desk, &honest);
    pipelined(desk, &honest);
    upgrade(desk, &honest);
    desk.judged("requests that are malformed, ambiguous or smuggled", &["SRV-11"]);
}

const REPAIR: &[&str] = &[
    "refuse what RFC 9112 has refused: an up-to-date Envoy, HAProxy or nginx does as it comes; take \
     options out that are lenient (HAProxy accept-invalid-http-request, nginx ignore_invalid_headers off)",
    "HAProxy 2.6 passes NUL on: http-request deny if { req.hdrs -m reg '[\\x00]' }",
];

fn attack<'a>(object: &'a str, what: &'a str, request: Request) -> Attack<'a> {
    let (requirements, repair) = (&["SRV-11"], REPAIR);
    Attack { object, what, requirements, repair, request, tenant: Some(0), kind: Kind::Form }
}

/// What must be answered with 400 (or 501) by anybody.
fn forbidden_forms(desk: &mut Desk, honest: &Request) {
    let host = format!("host: {}", desk.link.authority);
    let hosts: &[&str] =
        &["take one host, and of those that you serve: Envoy: name them in domains, instead of \"*\", \
         which takes two as well; HAProxy and nginx refuse two as they come"];
    let header = desk.gateway.tenant_header.clone();
    let other = desk.tenants[1].id.clone();
    let with = |line: &str| honest.clone().with(line);
    let all = [
        ("two different lengths are taken", with("content-length: 0").with("content-length: 5").body("hello")),
        ("a list of two different lengths is taken", with("content-length: 0, 5").body("hello")),
        ("a length that is no number is taken", with("content-length: +5").body("hello")),
        ("a negative length is taken", with("content-length: -5").body("hello")),
        ("a blank between a header's name and its colon is taken", with(&format!("{header} : {other}"))),
        ("a coding after chunked is taken", with("transfer-encoding: chunked, identity").body("0\r\n\r\n")),
        ("a coding that nobody knows is taken", with("transfer-encoding: xchunked").body("0\r\n\r\n")),
        ("a NUL in a header is taken", with("x-cellproof: a\0b")),
    ];
    for (what, request) in all {
        desk.attack(attack("requests, form", what, request));
    }
    let no_host = ("a request without a host is taken", honest.clone().without(&host));
    for (what, request) in [("two different hosts are taken", with("host: cellproof.invalid")), no_host] {
        desk.attack(Attack { repair: hosts, ..attack("requests, host", what, request) });
    }
}

/// Whether what a service repeats was passed on as it came.
type Unclean<'u> = &'u dyn Fn(&Answer) -> bool;

/// What a gateway may also mend, which shows only where the service behind repeats what it gets.
fn ambiguous_forms(desk: &mut Desk, honest: &Request) {
    let header = desk.gateway.tenant_header.clone();
    let other = desk.tenants[1].id.clone();
    let both = honest.clone().with("content-length: 5").with("transfer-encoding: chunked").body("0\r\n\r\n");
    let folded = honest.clone().with(&format!("x-cellproof: a\r\n {header}: {other}"));
    let carriage = honest.clone().with(&format!("x-cellproof: a\r{header}: {other}"));
    let is_split = |answer: &Answer| {
        let body = answer.body.to_ascii_lowercase();
        ["a\r\n x-", "a\n x-", "a\rx-", "a\\r\\n", "a\\r"].iter().any(|split| body.contains(split))
    };
    let has_both = |answer: &Answer| {
        let body = answer.body.to_ascii_lowercase();
        body.contains("transfer-encoding") && body.contains("content-length")
    };
    let all: [(&str, Request, Unclean<'_>); 3] = [
        ("a length beside chunked is passed on", both, &has_both),
        ("a folded header is passed on", folded, &is_split),
        ("a bare carriage return in a header is passed on", carriage, &is_split),
    ];
    for (what, request, is_unclean) in all {
        let attack = attack("requests, form", what, request);
        let route = desk.link.own.clone();
        let echoes = desk.echoes;
        let is_clean = Cell::new(false);
        desk.attack_by(&route, attack, &|desk, answer| {
            // A body may repeat the mended line, which says nothing of whose request it is.
            let breached = desk.names(answer, &desk.tenants[1].id) || is_unclean(answer);
            is_clean.set(!breached);
            breached
        });
        let (mended, unseen) = (is_clean.get() && echoes, is_clean.get() && !echoes);
        if mended {
            desk.component.notes.push(format!("{what}, but mended first, as RFC 9112 allows"));
        }
        if unseen {
            let why = "it was let through, and what reached the service behind is not seen";
            desk.suspect("requests, form", what, &["SRV-11"], why);
        }
    }
}

/// A request inside a request: nobody may answer it, and nobody else may get its answer.
fn smuggled(desk: &mut Desk, honest: &Request) {
    let inner = Inner::new(desk);
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", inner.text.len(), inner.text);
    let by_length = format!("0\r\n\r\n{}", inner.text);
    let length = |body: &str| format!("content-length: {}", body.len());
    let chunked = "transfer-encoding: chunked";
    let chunk_head = chunk.find('\n').map_or(0, |at| at + 1);
    let all = [
        (
            "a request goes through behind the last chunk of another (CL.TE)",
            honest.clone().with(&length(&by_length)).with(chunked).body(&by_length),
        ),
        (
            "a request goes through inside a chunk of another (TE.CL)",
            honest.clone().with(&format!("content-length: {chunk_head}")).with(chunked).body(&chunk),
        ),
        (
            "a request goes through behind a coding that is written oddly (TE.TE)",
            honest.clone().with(&length(&by_length)).with(chunked).with("transfer-encoding: x").body(&by_length),
        ),
        (
            "a request goes through behind a coding with a blank before its colon",
            honest.clone().with(&length(&by_length)).with("transfer-encoding : chunked").body(&by_length),
        ),
    ];
    for (what, request) in all {
        desk.tried(1);
        let outcomes = desk.link.ask_all(&desk.link.own.clone(), &request, 2);
        let mut saw = None;
        if let Some(Outcome::Answer(second)) = outcomes.get(1)
            && (second.echoes(&inner.marker) || desk.passed(&request, second))
        {
            saw = Some(format!("the request inside, which carries no token, was answered: status {}", second.status));
        }
        if let Some(mixed) = inner.mixed_up(desk) {
            saw = Some(mixed);
        }
        if let Some(saw) = saw {
            desk.find(&attack("requests, smuggling", what, request), saw);
        }
    }
}

/// Each request on a connection is judged by itself.
fn pipelined(desk: &mut Desk, honest: &Request) {
    let Ok(text) = String::from_utf8(desk.bare().bytes()) else { return };
    let request = honest.clone().body(&text);
    desk.tried(1);
    let outcomes = desk.link.ask_all(&desk.link.own.clone(), &request, 2);
    let Some(Outcome::Answer(second)) = outcomes.get(1) else { return };
    if desk.passed(&request, second) {
        let saw = format!("the second request was answered with status {}", second.status);
        let what = "a request without a token is let through behind one with a token, on the same connection";
        let requirements = &["IDN-01", "SRV-11"];
        let object = "requests, on one connection";
        desk.find(&Attack { requirements, ..attack(object, what, request) }, saw);
    }
}

/// A connection that leaves HTTP/1.1 leaves what judges requests.
fn upgrade(desk: &mut Desk, honest: &Request) {
    let request = honest
        .clone()
        .with("connection: Upgrade, HTTP2-Settings")
        .with("upgrade: h2c")
        .with("http2-settings: AAMAAABkAAQAAP__");
    let repair: &[&str] = &["do not pass `upgrade: h2c` on: what follows on that connection is judged by nobody"];
    let what = "a connection is handed to the service behind (h2c)";
    let route = desk.link.own.clone();
    desk.tried(1);
    let outcome = desk.link.ask(&route, &request);
    if let Some(answer) = outcome.answered().filter(|answer| answer.status == 101) {
        let saw = format!("status 101, upgrade {}", answer.header("upgrade").next().unwrap_or_default());
        desk.find(&Attack { repair, ..attack("requests, upgrade", what, request) }, saw);
    }
}
