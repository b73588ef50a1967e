//! A hoarder: a principal with a genuine token that keeps within its rate, and fills the cache with a few large records
//! that it reads in turn, each just after it has gone.

use super::attacker::{Event, Kit, Script};
use super::intruder::{Intruder, bearer};
use models::wire::Wire;
use models::wire::http::Method;
use models::wire::oidc::OidcAnswer;
use sim::Duration;
use std::sync::Arc;

/// What a hoarder is. It logs in like an intruder, whose mark and waiting time are its own.
pub struct Hoard {
    /// How it gets its token.
    pub login: Intruder,
    /// Records that it makes large.
    pub records: u32,
    /// Bytes of each.
    pub bytes: usize,
    /// Between two requests.
    pub gap: Duration,
    /// How many requests, the writes included.
    pub requests: u32,
    /// How many it has sent.
    pub sent: u32,
}

const NEXT: u64 = 3;

impl Hoard {
    fn next(&mut self, kit: &mut Kit<'_, '_>, token: &Arc<str>) {
        if self.sent == self.requests {
            return;
        }
        let path = format!("/v1/records/{}", self.sent % self.records);
        let (gateway, headers) = (self.login.gateway, bearer(token));
        if self.sent < self.records {
            kit.ask(gateway, Method::Put, &path, headers, &vec![b'h'; self.bytes]);
        } else {
            kit.mark(self.login.mark);
            kit.ask(gateway, Method::Get, &path, headers, b"");
        }
        self.sent += 1;
        kit.after(self.gap, NEXT);
    }
}

impl Script for Hoard {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => {
                self.login.tries = 0;
                self.login.step(kit, Event::Start);
                kit.after(self.login.wait, NEXT);
            }
            Event::Tick(NEXT) => match self.login.token.clone() {
                Some(token) => self.next(kit, &token),
                None => kit.after(Duration::millis(100), NEXT),
            },
            Event::Word(from, Wire::OidcAnswer(id, OidcAnswer::Token(token))) => {
                self.login.step(kit, Event::Word(from, Wire::OidcAnswer(id, OidcAnswer::Token(token))));
            }
            Event::Tick(other) => self.login.step(kit, Event::Tick(other)),
            _ => {}
        }
    }
}
