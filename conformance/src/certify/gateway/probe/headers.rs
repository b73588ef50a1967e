//! Headers that are too much for anybody, or that say what only a proxy in front could say.

use crate::certify::gateway::desk::{Attack, Desk, Kind};
use crate::certify::http::request::{Request, marker};

/// Lines of a header that are too many for anybody.
const LINES: usize = 3_000;

/// Sends them.
pub fn run(desk: &mut Desk) {
    let Ok(honest) = desk.request(0) else { return };
    sizes(desk, &honest);
    forwarded(desk, &honest);
    desk.judged("headers that are oversized or from a false proxy", &["SRV-11"]);
}

fn attack<'a>(object: &'a str, what: &'a str, repair: &'a [&'a str], request: Request) -> Attack<'a> {
    Attack { object, what, requirements: &["SRV-11"], repair, request, tenant: Some(0), kind: Kind::Form }
}

fn sizes(desk: &mut Desk, honest: &Request) {
    let kib = desk.gateway.header_kib_max as usize;
    let lines = (0..LINES).fold(honest.clone(), |request, n| request.with(&format!("x-cellproof-{n}: a")));
    let long = format!("a header of {kib} KiB is passed on");
    let many = format!("{LINES} headers are passed on");
    let repair: &[&str] =
        &["limit them: Envoy max_request_headers_kb and max_headers_count; HAProxy tune.bufsize and \
         tune.http.maxhdr; nginx large_client_header_buffers"];
    for (what, request) in
        [(long, honest.clone().with(&format!("x-cellproof: {}", "a".repeat(kib * 1024)))), (many, lines)]
    {
        desk.attack(attack("requests, size", &what, repair, request));
    }
}

/// What a proxy in front would say of a client's certificate.
fn forwarded(desk: &mut Desk, honest: &Request) {
    let name = "x-forwarded-client-cert";
    let object = format!("header {name}");
    let false_name = format!("spiffe://cellproof.invalid/{}", marker());
    if !desk.echoes {
        let why = "the service behind does not repeat the headers that it is sent";
        return desk.component.not_judged(format!("{object} (SRV-11)"), why);
    }
    let request = honest.clone().with(&format!("{name}: By=spiffe://cellproof.invalid/x;URI={false_name}"));
    let route = desk.link.own.clone();
    let repair: &[&str] = &["Envoy: forward_client_cert_details: SANITIZE or SANITIZE_SET at the edge; HAProxy: \
         http-request del-header x-forwarded-client-cert"];
    let what = "what a client says of a certificate is passed on to the service behind";
    let requirements = &["SRV-11", "IDN-05"];
    let attack = Attack { requirements, ..attack(&object, what, repair, request) };
    desk.attack_by(&route, attack, &|_, answer| answer.echoes(&false_name));
}
