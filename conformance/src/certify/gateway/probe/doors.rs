//! The door: TLS 1.3 alone, a client certificate where one is asked for, and no second door without either.

use crate::certify::gateway::desk::{Attack, Desk, Fate, Kind};
use crate::certify::http::answer::Outcome;
use crate::certify::http::request::Protocol;
use crate::certify::http::route::Route;
use crate::certify::tls::Identity;
use url::Url;

/// What a door without TLS gives away.
const CLEAR: &str = "requests and tokens are taken in clear text";

/// Knocks at each.
pub fn run(desk: &mut Desk) {
    // A port may speak a protocol that nobody speaks at the gateway's own door, so it hears all of them, once.
    if desk.is_first() {
        [Protocol::One, Protocol::Two].into_iter().for_each(|protocol| clear(desk, protocol));
    }
    if desk.gateway.tls.is_none() {
        let what = "TLS and client certificates (IDN-05, IDN-07)";
        desk.component.not_judged(what, "the deployment has no table [gateway.tls]");
    } else {
        older(desk);
        certificates(desk);
    }
    desk.judged("doors: TLS by version, client certificates, clear text", &["IDN-05", "IDN-07"]);
}

/// A redirection to TLS gives nothing away that was not said already.
fn clear(desk: &mut Desk, protocol: Protocol) {
    let mut doors = Vec::new();
    if desk.gateway.tls.is_some() {
        doors.push(("listener", desk.link.own.in_clear()));
    }
    if let Some(url) = desk.gateway.plain.as_ref().and_then(|plain| Url::parse(plain.get_ref()).ok()) {
        doors.push(("listener without TLS", Route::plain(&url)));
    }
    for (object, route) in doors {
        let route = route.over(protocol);
        let Ok(request) = desk.request(0) else { continue };
        let attack = Attack {
            object,
            what: CLEAR,
            requirements: &["IDN-07", "IDN-05"],
            repair: &[
                "close the port, or let it do nothing but redirect to https",
                "Envoy: a transport_socket with DownstreamTlsContext for every filter chain; HAProxy: bind … ssl",
            ],
            request,
            tenant: Some(0),
            kind: Kind::Form,
        };
        let is_shut = match desk.link.ask(&route, &attack.request) {
            Outcome::Answer(_) => false,
            Outcome::Closed(_) => true,
            // Whoever speaks HTTP/2 says so at once.
            Outcome::Silent => protocol == Protocol::Two,
        };
        if is_shut {
            desk.tried(1);
            continue;
        }
        let marker = attack.request.marker.clone();
        desk.attack_by(&route, attack, &|_, answer| !(300..400).contains(&answer.status) || answer.echoes(&marker));
    }
}

fn older(desk: &mut Desk) {
    let object = "listener, TLS version";
    let (requirements, what) = (&["IDN-07"], "TLS 1.2 is spoken at the edge");
    let route = match desk.link.older(desk.gateway, desk.home) {
        Ok(route) => route,
        Err(why) => return desk.suspect(object, what, requirements, &why),
    };
    let Ok(request) = desk.request(0) else { return };
    desk.tried(1);
    let outcome = desk.link.ask(&route, &request);
    // Whatever was answered was answered over TLS 1.2.
    let Some(answer) = outcome.answered() else { return };
    let saw = format!("a handshake in TLS 1.2, and on it {}", desk.saw(&request, answer));
    let repair = &["Envoy: tls_params: { tls_minimum_protocol_version: TLSv1_3 }; HAProxy: ssl-min-ver TLSv1.3; \
         nginx: ssl_protocols TLSv1.3"];
    desk.find(&Attack { object, what, requirements, repair, request, tenant: Some(0), kind: Kind::Form }, saw);
}

fn certificates(desk: &mut Desk) {
    let has_own = desk.gateway.tls.as_ref().is_some_and(|files| files.get_ref().certificate.is_some());
    if !has_own {
        let what = "client certificates (IDN-05)";
        return desk.component.not_judged(what, "the deployment names none in [gateway.tls]");
    }
    for (identity, what) in [
        (Identity::Nobody, "whoever shows no client certificate is let through"),
        (Identity::Stranger, "a client certificate that no authority of the deployment signed is let through"),
    ] {
        let Ok(request) = desk.request(0) else { return };
        let repair: &[&str] = match identity {
            Identity::Nobody => {
                &["Envoy: require_client_certificate: true; HAProxy: verify required; nginx: ssl_verify_client on"]
            }
            _ => &["Envoy: validation_context: { trusted_ca: … }, without trust_chain_verification: \
                 ACCEPT_UNTRUSTED; HAProxy: ca-file, without crt-ignore-err and ca-ignore-err"],
        };
        let (object, requirements) = ("listener, client certificate", &["IDN-05"]);
        let route = match desk.link.shown(desk.gateway, desk.home, identity) {
            Ok(route) => route,
            Err(why) => return desk.suspect(object, what, requirements, &why),
        };
        let attack = Attack { object, what, requirements, repair, request, tenant: Some(0), kind: Kind::Form };
        if desk.attack_by(&route, attack, &|_, _| true) == Fate::Breached && identity == Identity::Nobody {
            // A door that asks for none does not look at one either.
            return;
        }
    }
}
