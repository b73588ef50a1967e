//! A flood: one principal with a genuine token that sends far more than its share.

use super::attacker::{Event, Kit, Script};
use super::intruder::{Intruder, bearer};
use models::luck;
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
    /// Whether it writes, which costs the platform more.
    pub writes: bool,
}

const SHOT: u64 = 3;

impl Flood {
    fn shoot(&mut self, kit: &mut Kit<'_, '_>, token: &Arc<str>) {
        if self.requests == 0 || kit.is_over() {
            return;
        }
        self.requests -= 1;
        let record = below(kit.draw(luck::ATTACK), u64::from(self.records));
        let method = if self.writes { Method::Put } else { Method::Get };
        let body: &[u8] = if self.writes { b"flood" } else { b"" };
        if kit.will_ask() {
            kit.mark(self.login.mark);
        }
        kit.ask(self.login.gateway, method, &format!("/v1/records/{record}"), bearer(token), body);
        kit.after(self.gap, SHOT);
    }
}

impl Script for Flood {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => {
                self.login.tries = 0;
                self.login.step(kit, Event::Start);
                kit.after(kit.wait(self.login.wait), SHOT);
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
