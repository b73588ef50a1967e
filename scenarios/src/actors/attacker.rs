//! A hostile machine: a script with declared capabilities that sees only what these give it, and adapts to answers.
//!
//! Everything it receives is a client fact, so the isolation oracle searches it like every other principal's.

use super::client::answer_of;
use super::presence::{self, Presence};
use models::fact::Fact;
use models::ids::Bytes;
use models::luck;
use models::mesh::handshake::Identity;
use models::saas::Saas;
use models::wire::Wire;
use models::wire::http::{Headers, Method, Peer, Request, Response};
use sim::choice::{ABSENT, PRESENT};
use sim::seed::{Lineage, Purpose, mix, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What happens to an attacker.
pub enum Event<'a> {
    /// The run has begun.
    Start,
    /// A timer of its own.
    Tick(u64),
    /// An answer to a request of its own; `None` when there was none in time.
    Answer(u64, Option<&'a Response>),
    /// Another word reached it.
    Word(NodeId, Wire),
    /// A message passed its network position, from the first node to the second.
    Intercepted(NodeId, NodeId, Wire),
}

/// An attack.
pub trait Script {
    /// Something happened.
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>);
    /// The certificate and key that it shows in handshakes, if any.
    fn identity(&self) -> Option<&Identity> {
        None
    }
}

struct Open {
    what: Arc<str>,
    intended: Instant,
}

/// An attacker at work.
pub struct Attacker {
    principal: Arc<str>,
    name: u64,
    presence: Presence,
    asked: u64,
    waited: u64,
    open: BTreeMap<u64, Open>,
    script: Option<Box<dyn Script>>,
    empty: Bytes,
}

/// What a script can do.
pub struct Kit<'a, 'c> {
    /// Time, draws.
    pub ctx: &'a mut Ctx<'c, Saas>,
    /// Effects.
    pub out: &'a mut Outbox<Saas>,
    base: &'a mut Attacker,
}

/// Timers above this belong to the attacker's frame, not to its script.
const PATIENCE: u64 = 1 << 62;
const PATIENCE_SPAN: Duration = Duration::secs(3);

impl Kit<'_, '_> {
    /// When this attacker begins, if it would usually do so after `usual`.
    pub fn wait(&self, usual: Duration) -> Duration {
        Duration(self.ctx.choose(luck::WAIT, self.base.name, 0, usual.0))
    }
    /// Whether the next request takes place: to be asked before saying that it stands at a door.
    pub fn will_ask(&self) -> bool {
        let next = self.base.asked + 1;
        self.base.presence.has(self.ctx, next, Lineage::root(self.base.name, next).cause)
    }
    /// Whether no further request will take place, so that there is nothing to go on for.
    pub fn is_over(&self) -> bool {
        self.base.presence.is_over(self.base.asked + 1)
    }
    /// Whether a step that is no request takes place; the script numbers such steps.
    pub fn goes(&self, step: u64) -> bool {
        let at = presence::other_step(self.base.name, step);
        self.ctx.choose(luck::PRESENCE, at.cause, at.n, PRESENT) != ABSENT
    }
    /// Sends a request to `gateway`; the answer comes back as [`Event::Answer`] with the returned id. There is none
    /// when the choice map takes this request away.
    pub fn ask(&mut self, gateway: NodeId, method: Method, path: &str, headers: Headers, body: &[u8]) -> u64 {
        let (lineage, takes_place) = self.begin(&format!("{} {path}", method.name()));
        let id = lineage.cause;
        if !takes_place {
            return id;
        }
        let body: Bytes = if body.is_empty() { self.base.empty.clone() } else { body.into() };
        let request = Request { id, method, path: path.into(), headers, peer: Peer::default(), body };
        self.out.send_for(lineage, gateway, Wire::Http(Box::new(request)));
        id
    }
    /// Sends bytes of the attacker's own making on a connection to `gateway`: `write` is given the id by which the
    /// answer comes back, if the bytes carry it as their `x-request-id`.
    pub fn ask_text(&mut self, gateway: NodeId, what: &str, write: impl FnOnce(u64) -> Vec<u8>) -> u64 {
        let (lineage, takes_place) = self.begin(what);
        let id = lineage.cause;
        if !takes_place {
            return id;
        }
        self.out.send_for(lineage, gateway, Wire::HttpText(id, write(id).into()));
        id
    }
    /// Begins a request: it is stated, waited for, and given up in time; unless it does not take place.
    fn begin(&mut self, what: &str) -> (Lineage, bool) {
        let takes_place = self.will_ask();
        self.base.asked += 1;
        let lineage = Lineage::root(self.base.name, self.base.asked);
        let id = lineage.cause;
        if !takes_place {
            return (lineage, false);
        }
        let (principal, what): (_, Arc<str>) = (self.base.principal.clone(), what.into());
        self.out.fact_for(lineage, Fact::Asked { principal, request: id, what: what.clone() });
        self.base.open.insert(id, Open { what, intended: self.ctx.now() });
        self.out.timer_for(lineage.child(1), PATIENCE_SPAN, PATIENCE | id >> 2);
        (lineage, true)
    }
    /// States that bytes reached this attacker on another way than an answer to a request.
    pub fn received(&mut self, what: &str, body: Bytes) {
        self.heard(what, 200, "RECEIVED", body);
    }
    /// States what became of something that it asked on another way than by a request to a gateway.
    pub fn heard(&mut self, what: &str, status: u16, reason: &'static str, body: Bytes) {
        self.heard_of(what, self.ctx.now(), (status, reason), body);
    }
    /// The same of something that it asked at an instant.
    pub fn heard_of(&mut self, what: &str, intended: Instant, (status, reason): (u16, &'static str), body: Bytes) {
        let took = self.ctx.now().since(intended);
        let mut answer = answer_of(&self.base.principal, 0, what.into(), intended, took, None, &self.base.empty);
        (answer.status, answer.reason, answer.body) = (status, reason, body);
        self.out.fact(Fact::Answered(Box::new(answer)));
    }
    /// Calls back after a while. Each call is a cause of its own: its draws, and the way of what it sends, are new.
    pub fn after(&mut self, span: Duration, token: u64) {
        self.base.waited += 1;
        let lineage = Lineage::root(self.base.name, mix(mix(11, token), self.base.waited));
        self.out.timer_for(lineage, span, token);
    }
    /// Says that the attack stands before its door.
    pub fn mark(&mut self, mark: &'static str) {
        self.out.mark(mark);
    }
    /// A draw of this step.
    pub fn draw(&mut self, purpose: Purpose) -> u64 {
        self.ctx.draw(purpose)
    }
    /// The attacker's name as a principal.
    pub fn principal(&self) -> Arc<str> {
        self.base.principal.clone()
    }
}

impl Attacker {
    /// An attacker that begins its script at once.
    pub fn boot(
        principal: Arc<str>,
        script: Box<dyn Script>,
        ctx: &mut Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
    ) -> Attacker {
        let name = name_hash(&principal);
        let mut attacker = Attacker {
            name,
            presence: Presence::of(ctx, name),
            principal,
            asked: 0,
            waited: 0,
            open: BTreeMap::new(),
            script: Some(script),
            empty: Arc::new([]),
        };
        attacker.play(ctx, out, Event::Start);
        attacker
    }

    fn play(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>, event: Event<'_>) {
        if let Some(mut script) = self.script.take() {
            script.step(&mut Kit { ctx, out, base: self }, event);
            self.script = Some(script);
        }
    }

    fn answered(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64, response: Option<&Response>) {
        let Some(open) = self.open.remove(&id) else { return };
        let took = ctx.now().since(open.intended);
        let answer = answer_of(&self.principal, id, open.what, open.intended, took, response, &self.empty);
        out.fact_for(Lineage { cause: id, path: 0 }, Fact::Answered(Box::new(answer)));
        self.play(ctx, out, Event::Answer(id, response));
    }
}

impl Machine<Saas> for Attacker {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { message: Wire::HttpAnswer(response), .. } => {
                self.answered(ctx, out, response.id, Some(&response));
            }
            Input::Message { from, message } => self.play(ctx, out, Event::Word(from, message)),
            Input::Intercepted { from, to, message } => self.play(ctx, out, Event::Intercepted(from, to, message)),
            Input::Timer { token } if token & PATIENCE != 0 => {
                let id = self.open.keys().find(|id| PATIENCE | **id >> 2 == token).copied();
                if let Some(id) = id {
                    self.answered(ctx, out, id, None);
                }
            }
            Input::Timer { token } => self.play(ctx, out, Event::Tick(token)),
            Input::Refused { message: Wire::Http(request), .. } => self.answered(ctx, out, request.id, None),
            _ => {}
        }
    }

    fn aspect(&self) -> Option<&dyn Any> {
        self.script.as_ref()?.identity().map(|identity| identity as &dyn Any)
    }
}
