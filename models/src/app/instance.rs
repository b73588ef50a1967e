//! An instance of the service where an autoscaler decides how many there are: ordered, started, ready, drained.
//!
//! One that does not run serves nobody, and nobody is told: what is sent to its address is lost, as with the address of
//! a pod that is gone. It starts with nothing in memory, and it stops when what it had begun is done.

use super::machine::{App, AppSpec};
use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::luck;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::scaling::{Scaling, Standing};
use sim::seed::{Lineage, below, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};

/// An instance that is to stop finishes what it has begun.
pub const DRAIN: Control = control!("app.drain", upholds: ["SRV-05"],
    off: "an instance that is to stop is killed with the requests in its hands, as with \
          terminationGracePeriodSeconds: 0");

/// Whose facts these are.
pub const BY: &str = "instance";
/// It was ordered, or began with its node.
pub const STARTING: &str = "starting";
/// It serves.
pub const READY: &str = "ready";
/// It is to stop; the value says how many requests are under way.
pub const STOPPING: &str = "stopping";
/// It has stopped; the value says how many requests went with it.
pub const STOPPED: &str = "stopped";

/// So long it serves on for those who were on their way before the gateways knew.
const GRACE: Duration = Duration::millis(150);
/// How often it looks whether it is done.
const LOOK_EVERY: Duration = Duration::millis(20);
/// After this it stops, done or not: no gateway waits for longer.
const DRAIN_MAX: Duration = Duration::millis(2_700);

/// What an instance is.
#[derive(Clone)]
pub struct InstanceSpec {
    /// What it runs.
    pub app: AppSpec,
    /// Who orders it.
    pub scaled_by: NodeId,
    /// Whether it starts with its node: it is one of the fewest that there may be.
    pub stands: bool,
    /// How long a start takes at least, and how much longer at most.
    pub start: (Duration, Duration),
}

/// Where an instance is in its life.
enum Life {
    Off,
    Starting,
    Ready(Box<App>),
    Draining(Box<App>, Instant),
}

/// An instance, running or not.
pub struct Instance {
    spec: InstanceSpec,
    name: u64,
    life: Life,
    /// The newest order that was heard.
    heard: u64,
    /// Counts its starts; a timer of an earlier one is nobody's.
    starts: u64,
    looks: u64,
}

/// Timers with this bit end a start; the rest of the token is its number. The service has none of such tokens.
const START: u64 = 1 << 40;
const LOOK: u64 = 1 << 41;

impl Instance {
    /// An instance that runs if it always does, and else waits to be ordered.
    pub fn boot(spec: &InstanceSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Instance {
        // Lives after a restart of the node have other starts.
        let name = name_hash(&spec.app.role) ^ ctx.lineage().cause;
        let mut instance = Instance { name, life: Life::Off, heard: 0, starts: 0, looks: 0, spec: spec.clone() };
        if spec.stands {
            instance.start(ctx, out);
        }
        instance
    }

    fn report(&self, out: &mut Outbox<Saas>, what: &'static str, value: usize) {
        let about = self.spec.app.role.clone();
        out.fact(Fact::Reported { by: BY, what, about, value: value as u64 });
    }

    fn stands(&self) -> Standing {
        match self.life {
            Life::Off => Standing::Off,
            Life::Starting => Standing::Starting,
            Life::Ready(_) => Standing::Ready,
            Life::Draining(..) => Standing::Draining,
        }
    }

    fn say(&self, out: &mut Outbox<Saas>) {
        out.send(self.spec.scaled_by, Wire::Scaling(Box::new(Scaling::Stands(self.stands()))));
    }

    fn start(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.starts += 1;
        let lineage = Lineage::root(self.name, self.starts);
        let (least, more) = self.spec.start;
        let more = Duration(below(ctx.draw_at(luck::SPREAD, lineage.cause, 0), more.0 + 1));
        self.life = Life::Starting;
        self.report(out, STARTING, 0);
        out.timer_for(lineage, least + more, START | self.starts);
    }

    /// It has started: from here on the service is there, with nothing in memory.
    fn started(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>, number: u64) {
        if number == self.starts && matches!(self.life, Life::Starting) {
            self.life = Life::Ready(Box::new(App::boot(&self.spec.app, ctx, out)));
            self.report(out, READY, 0);
            self.say(out);
        }
    }

    /// An order: it may be older than one that was heard.
    fn ordered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, at: u64, run: Option<bool>) {
        if at >= self.heard {
            self.heard = at;
            match (run, std::mem::replace(&mut self.life, Life::Off)) {
                (Some(true), Life::Off) => self.start(ctx, out),
                (Some(false), Life::Starting) => {
                    self.report(out, STOPPING, 0);
                    self.report(out, STOPPED, 0);
                }
                (Some(false), Life::Ready(app)) => self.stop(ctx, out, app),
                // One that drains cannot be called back: it is ordered again when it has stopped.
                (_, life) => self.life = life,
            }
        }
        self.say(out);
    }

    fn stop(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, app: Box<App>) {
        self.report(out, STOPPING, app.under_way());
        if ctx.on(&DRAIN) {
            self.life = Life::Draining(app, ctx.now());
            self.look_later(out);
        } else {
            self.report(out, STOPPED, app.under_way());
        }
    }

    fn look_later(&mut self, out: &mut Outbox<Saas>) {
        self.looks += 1;
        out.timer_for(Lineage::root(self.name, LOOK | self.looks), LOOK_EVERY, LOOK);
    }

    /// Looks whether everything is done that it had begun.
    fn look(&mut self, now: Instant, out: &mut Outbox<Saas>) {
        let Life::Draining(app, since) = &self.life else { return };
        let (under_way, span) = (app.under_way(), now.since(*since));
        if span < GRACE || under_way > 0 && span < DRAIN_MAX {
            return self.look_later(out);
        }
        self.life = Life::Off;
        self.report(out, STOPPED, under_way);
        self.say(out);
    }
}

impl Machine<Saas> for Instance {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Scaling(word) } => {
                if let (Scaling::Order(at, run), true) = (*word, from == self.spec.scaled_by) {
                    self.ordered(ctx, out, at, run);
                }
            }
            Input::Timer { token: LOOK } => self.look(ctx.now(), out),
            Input::Timer { token } if token & START != 0 => self.started(ctx, out, token & !START),
            input => {
                if let Life::Ready(app) | Life::Draining(app, _) = &mut self.life {
                    app.handle(ctx, input, out);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
