//! Abuse: requests that say one thing to the gateway and another to the service behind it.
//!
//! The service rests on two habits of the gateway. It believes who the mesh's proxies say is calling, and it believes
//! that a connection from the gateway holds the requests that the gateway has checked. Both are ordinary habits of
//! services, and both are what a client of the platform would like to write itself.

use crate::actors::attacker::{Event, Kit, Script};
use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::gateway::framing::REQUEST_FRAMING;
use models::gateway::headers::FORWARDED_HEADERS;
use models::luck;
use models::platform::{Directory, trust_domain};
use models::wire::Wire;
use models::wire::http::codec::HOST;
use models::wire::http::{Headers, Method};
use models::wire::oidc::OidcAnswer;
use sim::Duration;
use sim::seed::below;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/request-smuggling",
    title: "The service is told by nobody but the gateway who calls, and where a request ends",
    threat: "A customer with a genuine token forges what only proxies may say: the client certificate of a job of the \
             control plane, in two dialects. Another states the length of a request twice, so that a request of its \
             own making stands behind the gateway's checks: a whole one that reads as another tenant, or the \
             beginning of one that swallows the next request on the connection, whoever sent that.",
    stride: None,
    requirements: &["SRV-11", "TEN-01", "TEN-02"],
    variants: &[
        Variant { name: "certificate", mark: "smuggling.certificate-forged", controls: &[sole(&FORWARDED_HEADERS)] },
        Variant { name: "subject", mark: "smuggling.subject-forged", controls: &[sole(&FORWARDED_HEADERS)] },
        Variant { name: "hidden-request", mark: "smuggling.request-hidden", controls: &[sole(&REQUEST_FRAMING)] },
        Variant { name: "swallowed-request", mark: "smuggling.beginning-hidden", controls: &[sole(&REQUEST_FRAMING)] },
    ],
    canary: false,
    build,
};

const VICTIM: &str = "acme";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.usual_weather();
    forger(stage, "certificate", "smuggling.certificate-forged", |headers| {
        let id = format!("spiffe://{}/ns/control/sa/config", trust_domain("cell-a"));
        headers.forwarded_client_cert = Some(format!("By={id};Hash=00;Subject=\"\";URI={id}").into());
    });
    forger(stage, "subject", "smuggling.subject-forged", |headers| {
        headers.other.push(("x-ssl-client-verify".into(), "SUCCESS".into()));
        headers.other.push(("x-ssl-client-dn".into(), "CN=config,OU=control".into()));
    });
    stage.attacker("hidden-request", Some("acme-corp"), "SRV-11", false, |d| {
        Box::new(Smuggler { door: door(d, "smuggling.request-hidden"), hides: hidden_read, shot: 0 })
    });
    stage.attacker("swallowed-request", Some("acme-corp"), "SRV-11", false, |d| {
        Box::new(Smuggler { door: door(d, "smuggling.beginning-hidden"), hides: hidden_beginning, shot: 0 })
    });
}

fn door(d: &Directory, mark: &'static str) -> Intruder {
    Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", mark)
}

/// A customer that says who it is in a proxy's words, and asks for records by their owner's name.
fn forger(stage: &mut Stage<'_>, name: &'static str, mark: &'static str, claim: fn(&mut Headers)) {
    stage.attacker(name, Some("acme-corp"), "TEN-01", false, move |d| {
        let paths: Vec<String> = (0..4).map(|i| format!("/v1/records/{VICTIM}~{i}")).collect();
        let asks: Vec<_> = paths.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
        let forge = move |token: &Arc<str>| {
            let mut headers = bearer(token);
            claim(&mut headers);
            Some(headers)
        };
        Box::new(door(d, mark).asking(&asks).crafting(forge))
    });
}

/// What is hidden in a shot, and what is asked for in the open afterwards: to be given the hidden answer, or what the
/// hidden request has stored.
struct Hidden {
    text: String,
    asks: Vec<(Duration, String)>,
}

/// A whole request in the name of the victim. Its answer lies on the connection until somebody's next request.
fn hidden_read(_shot: u64, draw: u64) -> Hidden {
    let record = below(draw, 4);
    let asks = (1..=4).map(|i| (Duration::millis(25 * i), format!("/v1/records/{}", i % 2))).collect();
    Hidden { text: format!("GET /v1/records/{record} HTTP/1.1\r\nhost: {HOST}\r\nx-tenant-id: {VICTIM}\r\n\r\n"), asks }
}

/// The beginning of a request that creates a record of the smuggler's own; what comes next on the connection becomes
/// its content. So much of it that a request with its token and content fits in.
const SWALLOWS: usize = 1_500;

fn hidden_beginning(shot: u64, _draw: u64) -> Hidden {
    let record = 70_000 + shot;
    let head = format!("POST /v1/records HTTP/1.1\r\nhost: {HOST}\r\nx-tenant-id: acme-corp\r\n");
    let text = format!("{head}content-length: {SWALLOWS}\r\n\r\n{record};");
    let asks = [700, 1_400].map(|ms| (Duration::millis(ms), format!("/v1/records/{record}")));
    Hidden { text, asks: asks.into() }
}

/// Somebody who states a length twice.
struct Smuggler {
    /// How it gets its token, when it begins, how often it tries.
    door: Intruder,
    hides: fn(u64, u64) -> Hidden,
    shot: u64,
}

const SHOT: u64 = 16;
/// Timers from here on are asks in the open; their number says which shot and which ask.
const ASK: u64 = 1 << 20;
/// Asks of one shot, at most.
const ASKS_MAX: u64 = 8;
const SHOTS: u64 = 10;
const GAP: Duration = Duration::millis(450);

impl Smuggler {
    fn shoot(&mut self, kit: &mut Kit<'_, '_>, token: &str) {
        let (hidden, length_first) = ((self.hides)(self.shot, self.draw(kit, 0)), self.draw(kit, 1) & 1 == 0);
        let content = format!("0\r\n\r\n{}", hidden.text);
        let length = format!("content-length: {}\r\n", content.len());
        let chunked = "transfer-encoding: chunked\r\n".to_owned();
        let lengths = if length_first { length + &chunked } else { chunked + &length };
        let path = "/v1/records/1";
        kit.mark(self.door.mark);
        kit.ask_text(self.door.gateway, &format!("PUT {path}"), |id| {
            let head =
                format!("PUT {path} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: {token}\r\nx-request-id: {id}\r\n");
            format!("{head}{lengths}\r\n{content}").into_bytes()
        });
        for (i, (after, _)) in hidden.asks.iter().enumerate() {
            kit.after(*after, ASK + self.shot * ASKS_MAX + i as u64);
        }
        self.shot += 1;
        if self.shot < SHOTS {
            kit.after(GAP, SHOT);
        }
    }

    fn ask(&self, kit: &mut Kit<'_, '_>, token: &Arc<str>, (shot, i): (u64, usize)) {
        let hidden = (self.hides)(shot, 0);
        kit.ask(self.door.gateway, Method::Get, &hidden.asks[i].1, bearer(token), b"");
    }

    fn draw(&self, kit: &Kit<'_, '_>, n: u64) -> u64 {
        kit.ctx.draw_at(luck::ATTACK, sim::seed::name_hash(self.door.mark), self.shot * 2 + n)
    }
}

impl Script for Smuggler {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => {
                self.door.tries = 0;
                self.door.step(kit, Event::Start);
                kit.after(self.door.wait, SHOT);
            }
            Event::Tick(SHOT) => match self.door.token.clone() {
                Some(token) => self.shoot(kit, &token),
                None => kit.after(Duration::millis(100), SHOT),
            },
            Event::Tick(ask) if ask >= ASK => {
                let (shot, i) = ((ask - ASK) / ASKS_MAX, (ask - ASK) % ASKS_MAX);
                if let Some(token) = self.door.token.clone() {
                    self.ask(kit, &token, (shot, i as usize));
                }
            }
            Event::Word(from, Wire::OidcAnswer(id, OidcAnswer::Token(token))) => {
                self.door.step(kit, Event::Word(from, Wire::OidcAnswer(id, OidcAnswer::Token(token))));
            }
            Event::Tick(other) => self.door.step(kit, Event::Tick(other)),
            _ => {}
        }
    }
}
