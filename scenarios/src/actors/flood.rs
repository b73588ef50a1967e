//! A flood: one principal with a genuine token that sends far more than its share.

use super::attacker::{Event, Kit, Script};
use super::intruder::{Intruder, bearer};
use models::luck;
use models::platform::event_body;
use models::wire::Wire;
use models::wire::http::Method;
use models::wire::oidc::OidcAnswer;
use sim::Duration;
use sim::seed::below;
use std::sync::Arc;

/// A flooder. It logs in like an intruder and then never waits for answers.
pub struct Flood {
    /// How it gets its token.
    pub login: Intruder,
    /// Between two requests.
    pub gap: Duration,
    /// How many requests.
    pub requests: u32,
    /// Records it spreads over.
    pub records: u32,
    /// What it asks for.
    pub shot: Shot,
}

/// What a flooder asks for.
pub enum Shot {
    /// To write a record, which costs the platform more than a read.
    Write,
    /// To publish an event of its tenant.
    Event {
        /// To which domain.
        domain: &'static str,
        /// What the event says.
        filler: String,
    },
    /// To publish what is no event, to a domain.
    Garbage(&'static str),
}

const SHOT: u64 = 3;

impl Flood {
    fn shoot(&mut self, kit: &mut Kit<'_, '_>, token: &Arc<str>) {
        if self.requests == 0 {
            return;
        }
        self.requests -= 1;
        let draw = kit.draw(luck::ATTACK);
        kit.mark(self.login.mark);
        let (method, path, body) = match &self.shot {
            Shot::Write => {
                let record = below(draw, u64::from(self.records));
                (Method::Put, format!("/v1/records/{record}"), b"flood"[..].into())
            }
            Shot::Event { domain, filler } => {
                (Method::Post, format!("/v1/events/{domain}"), event_body(&self.login.tenant, draw, filler))
            }
            Shot::Garbage(domain) => {
                let body = format!("no event {draw:016x}").as_bytes().into();
                (Method::Post, format!("/v1/events/{domain}"), body)
            }
        };
        kit.ask(self.login.gateway, method, &path, bearer(token), &body);
        kit.after(self.gap, SHOT);
    }
}

impl Script for Flood {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => {
                self.login.tries = 0;
                self.login.step(kit, Event::Start);
                kit.after(self.login.wait, SHOT);
            }
            Event::Tick(SHOT) => match self.login.token.clone() {
                Some(token) => self.shoot(kit, &token),
                None => kit.after(Duration::millis(100), SHOT),
            },
            Event::Word(from, Wire::OidcAnswer(id, OidcAnswer::Token(token))) => {
                self.login.step(kit, Event::Word(from, Wire::OidcAnswer(id, OidcAnswer::Token(token))));
            }
            Event::Tick(other) => self.login.step(kit, Event::Tick(other)),
            _ => {}
        }
    }
}
