//! A librarian: somebody of a tenant who keeps its objects, and gives others links to some of them.
//!
//! Honest, and yet no client whose service is measured: what it does not get it asks for again.

use super::attacker::{Event, Kit, Script};
use super::intruder::{Intruder, bearer};
use super::{Loot, client::thumbprint};
use models::crypto::base64url;
use models::wire::http::{Headers, Method, Response};
use sim::{Duration, Instant, NodeId};
use std::sync::Arc;

/// What a librarian does, one after the other, each until it is done.
#[derive(Clone)]
pub enum Chore {
    /// Puts an object.
    Put(String, Vec<u8>),
    /// Reads an object, which must be this; says by the mark that it was.
    Read(String, Vec<u8>, &'static str),
    /// Makes a link to an object for somebody, by role, and leaves it where that one finds it.
    Lend(Method, String, &'static str),
    /// Uses the link that it has made for itself; says by the mark that it got something.
    Use(&'static str),
}

/// A librarian.
pub struct Librarian {
    /// How it gets its token, and through which door it asks.
    pub desk: Intruder,
    /// The store, where links are used.
    pub store: NodeId,
    /// What it does once.
    pub first: Vec<Chore>,
    /// What it then does again and again.
    pub then: Vec<Chore>,
    /// When it stops.
    pub until: Instant,
    /// Where it leaves links, by whom they are for.
    pub loot: Loot,
    /// Its place in what it does.
    pub at: usize,
    /// The request whose answer it waits for.
    pub asked: u64,
}

const WORK: u64 = 41;
/// Between two chores.
const BREATH: Duration = Duration::millis(60);
/// Before what failed is tried again.
const AGAIN: Duration = Duration::millis(250);

impl Librarian {
    /// A librarian with its own token, at a door.
    pub fn new(desk: Intruder, store: NodeId, loot: Loot, until: Instant) -> Librarian {
        let desk = Intruder { tries: 0, ..desk };
        Librarian { desk, store, first: Vec::new(), then: Vec::new(), until, loot, at: 0, asked: 0 }
    }

    fn chore(&self) -> Option<Chore> {
        let again = self.at.checked_sub(self.first.len());
        let chore = again.map_or_else(|| self.first.get(self.at), |n| self.then.get(n % self.then.len().max(1)));
        chore.cloned()
    }

    fn work(&mut self, kit: &mut Kit<'_, '_>) {
        let (Some(token), Some(chore)) = (self.desk.token.clone(), self.chore()) else {
            return kit.after(AGAIN, WORK);
        };
        if kit.ctx.now() > self.until || kit.is_over() {
            return;
        }
        let (gateway, headers) = (self.desk.gateway, bearer(&token));
        self.asked = match chore {
            Chore::Put(name, body) => kit.ask(gateway, Method::Put, &format!("/v1/objects/{name}"), headers, &body),
            Chore::Read(name, ..) => kit.ask(gateway, Method::Get, &format!("/v1/objects/{name}"), headers, b""),
            Chore::Lend(method, name, to) => {
                let wanted = format!("{} {}", method.name(), base64url(&thumbprint(to)));
                kit.ask(gateway, Method::Post, &format!("/v1/links/{name}"), headers, wanted.as_bytes())
            }
            Chore::Use(_) => match self.loot.token_of(&kit.principal()) {
                Some(link) => kit.ask(self.store, Method::Get, &link, Headers::default(), b""),
                None => return kit.after(AGAIN, WORK),
            },
        };
        if !kit.will_ask() {
            // Where the choice map takes a request away there is no answer to wait for.
            kit.after(AGAIN, WORK);
        }
    }

    fn heard(&mut self, kit: &mut Kit<'_, '_>, response: Option<&Response>) {
        let done = match (self.chore(), response.filter(|response| (200..300).contains(&response.status))) {
            (Some(Chore::Read(_, body, mark)), Some(response)) => {
                if *response.body == *body {
                    kit.mark(mark);
                }
                true
            }
            (Some(Chore::Lend(.., to)), Some(response)) => {
                let link = String::from_utf8_lossy(&response.body);
                self.loot.drop_token(&Arc::from(to), &Arc::from(&*link));
                true
            }
            (Some(Chore::Use(mark)), Some(_)) => {
                kit.mark(mark);
                true
            }
            // A link that has ended in the meantime is made anew before it is used again.
            (Some(Chore::Use(_)), None) => true,
            (_, response) => response.is_some(),
        };
        self.at += usize::from(done);
        kit.after(if done { BREATH } else { AGAIN }, WORK);
    }
}

impl Script for Librarian {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => {
                kit.after(kit.wait(self.desk.wait), WORK);
                self.desk.step(kit, Event::Start);
            }
            Event::Tick(WORK) => self.work(kit),
            Event::Answer(id, response) if id == self.asked => self.heard(kit, response),
            other => self.desk.step(kit, other),
        }
    }
}
