//! Abuse: somebody wants to be logged in at the portal as somebody else, or somebody else as himself.
//!
//! One person works at the portal as people do: a code of hers leaks, she follows a link, a session was planted in her
//! browser, a page that she opens runs a hostile script, and she opens an address that somebody has sent. Each is one
//! attacker's only chance.

use crate::actors::attacker::{Event, Kit, Script};
use crate::actors::surfer::{Heard, Surfer};
use crate::actors::{Loot, bearer};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::gateway::token::CLIENT_BINDING;
use models::idp::login::{PKCE, REDIRECT_URI};
use models::platform::Directory;
use models::portal::sessions::{SESSION_RENEWAL, STATE_BINDING, TOKEN_RELAY};
use models::wire::http::Method;
use models::wire::oidc::login::Authorize;
use sim::{Duration, NodeId};
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/login-theft",
    title: "Nobody is logged in as somebody else, whatever leaks from a login, and a browser holds no token",
    threat: "One of a tenant's people logs in at the portal. A code of hers leaks, and is brought to a login that its \
             thief has begun. She follows a link to the real provider which sends her code elsewhere. A session that \
             somebody knows was planted in her browser before she logs in. A hostile script runs in a page of hers and \
             reads what a page can read. And she opens the end of somebody else's login, and then writes down what is \
             hers.",
    stride: None,
    requirements: &["IDN-03"],
    variants: &[
        Variant { name: "leaked-code", mark: "login.leaked-code-brought", controls: &[sole(&PKCE)] },
        Variant { name: "planted-link", mark: "login.planted-link-followed", controls: &[sole(&REDIRECT_URI)] },
        Variant { name: "planted-session", mark: "login.planted-session-used", controls: &[sole(&SESSION_RENEWAL)] },
        // Two layers: the page has no token, and the token would be bound to the portal's connection.
        Variant {
            name: "page-script",
            mark: "login.page-read",
            controls: &[layered(&TOKEN_RELAY, &CLIENT_BINDING), layered(&CLIENT_BINDING, &TOKEN_RELAY)],
        },
        Variant { name: "planted-end", mark: "login.planted-end-opened", controls: &[sole(&STATE_BINDING)] },
    ],
    canary: false,
    build,
};

/// Where the planted link sends codes.
const ELSEWHERE: &str = "https://portal-cellproof.example/callback";

// What people leave behind for each other, by name.
const CODE: &str = "code";
const LINK: &str = "link";
const SENT: &str = "sent";
const SESSION: &str = "session";
const PAGE: &str = "page";
const END: &str = "end";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.portals();
    stage.usual_weather();
    let loot = stage.loot.clone();
    let record = format!("9300;{}", stage.own_marker("acme"));
    stage.attacker("person", Some("acme"), "IDN-03", false, move |d| {
        Box::new(Person { surfer: surfer(d, "acme"), loot: loot.clone(), step: 0, record: record.clone() })
    });
    for (name, wait) in [
        ("leaked-code", 1_000),
        ("planted-link", 600),
        ("planted-session", 600),
        ("page-script", 2_000),
        ("planted-end", 900),
    ] {
        let loot = stage.loot.clone();
        stage.attacker(name, Some("acme-corp"), "IDN-03", false, move |d| {
            let (surfer, loot, wait) = (surfer(d, "acme-corp"), loot.clone(), Duration::millis(wait));
            let gateway = d.node("edge-a");
            Box::new(Thief { name, surfer, loot, wait, gateway, state: None, is_in: false, reads: 0 })
        });
    }
}

fn surfer(d: &Directory, tenant: &str) -> Surfer {
    Surfer::new(d.node("cell-a/portal"), d.node("cell-a/idp"), tenant)
}

/// Somebody who works at the portal.
struct Person {
    surfer: Surfer,
    loot: Loot,
    step: usize,
    /// What she writes down as her own.
    record: String,
}

/// What she does next, after so many milliseconds.
const STEPS: [(u64, Step); 6] = [
    (1_200, Step::Leaks),
    (1_400, Step::FollowsLink),
    (1_400, Step::LogsIn),
    (1_400, Step::OpensPage),
    (400, Step::OpensEnd),
    (600, Step::Writes),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Leaks,
    FollowsLink,
    LogsIn,
    OpensPage,
    OpensEnd,
    Writes,
}

impl Person {
    fn next(&mut self, kit: &mut Kit<'_, '_>) {
        let Some((wait, _)) = STEPS.get(self.step) else { return };
        kit.after(Duration::millis(*wait), self.step as u64);
    }

    fn does(&mut self, kit: &mut Kit<'_, '_>, step: Step) {
        let left = |what: &str| self.loot.token_of(what);
        match step {
            Step::Leaks => self.surfer.begin(kit),
            Step::FollowsLink => {
                if let Some(link) = left(LINK).and_then(|link| serde_json::from_str::<Authorize>(&link).ok()) {
                    kit.mark("login.planted-link-followed");
                    self.surfer.authorize(kit, link);
                }
            }
            Step::LogsIn => {
                if let Some(planted) = left(SESSION) {
                    kit.mark("login.planted-session-used");
                    self.surfer.cookie = Some(planted.to_string());
                }
                self.surfer.begin(kit);
            }
            Step::OpensPage => self.surfer.look(kit),
            Step::OpensEnd => {
                if let Some((code, state)) = left(END).as_deref().and_then(|end| end.split_once(' ')) {
                    kit.mark("login.planted-end-opened");
                    self.surfer.callback(kit, code, state);
                }
            }
            Step::Writes => self.surfer.create(kit, &self.record),
        }
    }

    fn heard(&mut self, kit: &mut Kit<'_, '_>, heard: Heard) {
        let drop = |what: &str, text: &str| self.loot.drop_token(&Arc::from(what), &Arc::from(text));
        let doing = STEPS[self.step.saturating_sub(1)].1;
        match heard {
            Heard::Offered(asked) => {
                // Of the tenant that she belongs to, whatever the link said.
                self.surfer.authorize(kit, Authorize { tenant: self.surfer.tenant.clone(), ..asked });
            }
            Heard::Sent(to, code, _) if *to == *ELSEWHERE => drop(SENT, &code),
            Heard::Sent(_, code, _) if doing == Step::Leaks => drop(CODE, &code),
            Heard::Sent(_, code, state) => self.surfer.callback(kit, &code, &state),
            Heard::Page(page) => {
                kit.mark("login.page-read");
                drop(PAGE, &page);
            }
            Heard::LoggedIn | Heard::Nothing => {}
        }
    }
}

impl Script for Person {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => self.next(kit),
            Event::Tick(step) => {
                self.step = step as usize + 1;
                self.does(kit, STEPS[step as usize].1);
                self.next(kit);
            }
            other => {
                let heard = self.surfer.hear(&other);
                self.heard(kit, heard);
            }
        }
    }
}

/// Somebody who waits for what the person leaves behind.
struct Thief {
    name: &'static str,
    surfer: Surfer,
    loot: Loot,
    wait: Duration,
    gateway: NodeId,
    /// Of the login that it has begun.
    state: Option<Arc<str>>,
    is_in: bool,
    reads: u64,
}

/// How often it looks, and how often at most.
const LOOK_EVERY: Duration = Duration::millis(150);
const LOOKS: u64 = 60;

impl Thief {
    fn offered(&mut self, kit: &mut Kit<'_, '_>, asked: Authorize) {
        self.state = Some(asked.state.clone());
        let drop = |what: &str, text: &str| self.loot.drop_token(&Arc::from(what), &Arc::from(text));
        match self.name {
            "planted-link" => {
                // The person is to act for her own tenant, and be sent elsewhere.
                let link = Authorize { redirect_uri: ELSEWHERE.into(), tenant: "acme".into(), ..asked };
                drop(LINK, &serde_json::to_string(&link).expect("a request is JSON"));
            }
            "planted-session" => drop(SESSION, self.surfer.cookie.as_deref().unwrap_or_default()),
            "planted-end" => self.surfer.authorize(kit, asked),
            _ => {}
        }
    }

    /// Looks whether its chance has come, and takes it.
    fn look(&mut self, kit: &mut Kit<'_, '_>) {
        self.reads += 1;
        if self.reads > LOOKS || kit.is_over() {
            return;
        }
        kit.after(LOOK_EVERY, 1);
        let brought = match self.name {
            "leaked-code" => self.loot.token_of(CODE),
            "planted-link" => self.loot.token_of(SENT),
            _ => None,
        };
        if let (Some(code), Some(_), false) = (&brought, &self.state, self.is_in) {
            let state = self.state.take().expect("it was there a moment ago");
            if self.name == "leaked-code" && kit.will_ask() {
                kit.mark("login.leaked-code-brought");
            }
            self.surfer.callback(kit, code, &state);
        } else if self.is_in || self.name == "planted-session" && self.surfer.cookie.is_some() {
            self.surfer.read(kit, self.reads % 4);
        } else if self.name == "page-script" {
            let page = self.loot.token_of(PAGE).and_then(|page| serde_json::from_str::<serde_json::Value>(&page).ok());
            if let Some(token) = page.as_ref().and_then(|page| page["access_token"].as_str()) {
                let path = format!("/v1/records/{}", self.reads % 4);
                kit.ask(self.gateway, Method::Get, &path, bearer(&Arc::from(token)), b"");
            }
        }
    }
}

impl Script for Thief {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(kit.wait(self.wait), 0),
            Event::Tick(0) => {
                self.surfer.begin(kit);
                kit.after(LOOK_EVERY, 1);
            }
            Event::Tick(_) => self.look(kit),
            other => match self.surfer.hear(&other) {
                Heard::Offered(asked) => self.offered(kit, asked),
                Heard::Sent(_, code, state) => {
                    self.loot.drop_token(&Arc::from(END), &Arc::from(format!("{code} {state}").as_str()));
                }
                Heard::LoggedIn => self.is_in = true,
                Heard::Page(_) | Heard::Nothing => {}
            },
        }
    }
}
