//! The autoscaler machine: asks gateways for the load, orders instances, and tells the gateways who is ready.
//!
//! It remembers nothing beyond its own life. One that has just started finds out what there is before it orders
//! anything, so that its own restart takes no instance away; and what it has not heard of, it leaves running.

use super::scaler::{Scaler, Settings};
use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::scaling::{Scaling, Standing};
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Gateways are told of instances that say they are ready, and of no others.
pub const READINESS: Control = control!("autoscaler.readiness", upholds: ["SRV-05"],
    off: "an instance gets requests as soon as it is ordered, as with a container that has no readiness probe");

/// Whose facts these are.
pub const BY: &str = "autoscaler";
/// There are to be more instances from now on; the value says how many.
pub const UP: &str = "scaled-up";
/// There are to be fewer from now on; the value says how many.
pub const DOWN: &str = "scaled-down";
/// Nobody says how large the load is; the value says how many instances there are.
pub const NO_FIGURES: &str = "no-figures";

/// What an autoscaler is.
#[derive(Clone, Debug)]
pub struct AutoscalerSpec {
    /// Its cell.
    pub cell: Arc<str>,
    /// The gateways in front of its cell.
    pub gateways: Vec<NodeId>,
    /// Every instance that there can be, in order: the first are the last to go.
    pub instances: Vec<NodeId>,
    /// How it behaves.
    pub settings: Settings,
}

/// An autoscaler at work.
pub struct Autoscaler {
    spec: AutoscalerSpec,
    name: u64,
    scaler: Scaler,
    /// How many instances there should be, once it knows how many there are.
    wanted: Option<u32>,
    /// What each instance said last.
    stands: Vec<Option<Standing>>,
    /// The counts before the last ones, by gateway, and when they were asked for.
    before: (Instant, BTreeMap<NodeId, u64>),
    /// The last ones.
    counts: (Instant, BTreeMap<NodeId, u64>),
    /// Whether the load was known when it was last looked at; not known to be unknown while it never was.
    knew: bool,
    rounds: u64,
}

const ASK: u64 = 1;
const DECIDE: u64 = 2;

/// What share of the time between two scrapes answers are waited for.
const WAIT: (u64, u64) = (1, 4);
/// After so many rounds what has not answered is counted as running: nobody knows better.
const UNHEARD_ROUNDS: u64 = 5;

impl Autoscaler {
    /// An autoscaler that knows nothing yet, and asks at once.
    pub fn boot(spec: &AutoscalerSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Autoscaler {
        let mut autoscaler = Autoscaler {
            name: name_hash("autoscaler") ^ ctx.lineage().cause,
            scaler: Scaler::new(spec.settings),
            wanted: None,
            stands: vec![None; spec.instances.len()],
            before: (ctx.now(), BTreeMap::new()),
            counts: (ctx.now(), BTreeMap::new()),
            knew: false,
            rounds: 0,
            spec: spec.clone(),
        };
        autoscaler.ask(ctx.now(), out);
        autoscaler
    }

    fn own(&self) -> Lineage {
        Lineage::root(self.name, self.rounds)
    }

    /// Begins a round: asks for the load, and says again what holds.
    fn ask(&mut self, now: Instant, out: &mut Outbox<Saas>) {
        self.rounds += 1;
        self.before = std::mem::replace(&mut self.counts, (now, BTreeMap::new()));
        let own = self.own();
        for gateway in &self.spec.gateways {
            out.send_for(own, *gateway, Wire::Scaling(Box::new(Scaling::Count(self.rounds))));
        }
        self.order(now, out);
        let (part, whole) = WAIT;
        out.timer_for(own.child(1), self.spec.settings.every.scale(part, whole), DECIDE);
        out.timer_for(own.child(2), self.spec.settings.every, ASK);
    }

    /// Tells every instance what it shall do, or only asks how far it is.
    fn order(&self, now: Instant, out: &mut Outbox<Saas>) {
        for (i, instance) in self.spec.instances.iter().enumerate() {
            let run = self.wanted.map(|wanted| (i as u32) < wanted);
            out.send_for(self.own(), *instance, Wire::Scaling(Box::new(Scaling::Order(now.0, run))));
        }
    }

    /// The load, in thousandths of a request per second. A sum of which a part is missing is none; neither is a count
    /// that began anew.
    fn load(&self) -> Option<u64> {
        let ((before, from), (now, to)) = (&self.before, &self.counts);
        let span = now.since(*before).as_nanos();
        let grown = |gateway: &NodeId| to.get(gateway)?.checked_sub(*from.get(gateway)?);
        let requests = self.spec.gateways.iter().map(grown).sum::<Option<u64>>()?;
        let thousandths = u128::from(requests) * 1_000_000_000_000;
        thousandths.checked_div(u128::from(span)).and_then(|load| u64::try_from(load).ok())
    }

    /// How many instances run, once all have said so or enough time has passed.
    fn found(&self) -> Option<u32> {
        let heard = self.stands.iter().filter(|stands| stands.is_some()).count();
        if heard == 0 || heard < self.stands.len() && self.rounds < UNHEARD_ROUNDS {
            return None;
        }
        let runs = |stands: &Option<Standing>| matches!(stands, None | Some(Standing::Starting | Standing::Ready));
        let last = self.stands.iter().rposition(runs).map_or(0, |last| last as u32 + 1);
        Some(last.clamp(self.spec.settings.instances_min, self.spec.settings.instances_max))
    }

    fn decide(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.wanted = self.wanted.or_else(|| self.found());
        let Some(running) = self.wanted else { return };
        let load = self.load();
        let report = |out: &mut Outbox<Saas>, what, value: u32| {
            out.fact(Fact::Reported { by: BY, what, about: self.spec.cell.clone(), value: value.into() });
        };
        if load.is_none() && self.knew {
            report(out, NO_FIGURES, running);
        }
        let wanted = self.scaler.decide(ctx.now(), ctx.controls(), running, load);
        if wanted != running {
            report(out, if wanted > running { UP } else { DOWN }, wanted);
        }
        self.knew = load.is_some();
        self.wanted = Some(wanted);
        // Those who ask are sent elsewhere before anybody stops.
        self.tell(ctx, out);
        if wanted != running {
            self.order(ctx.now(), out);
        }
    }

    /// Tells the gateways who takes requests. Of somebody who was never heard of they find out themselves.
    fn tell(&self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let Some(wanted) = self.wanted else { return };
        let ordered = (0..wanted).filter(|i| (*i as usize) < self.stands.len());
        let ready = ordered.filter(|i| match self.stands[*i as usize] {
            None | Some(Standing::Ready) => true,
            Some(_) => !ctx.on(&READINESS),
        });
        let ready: Arc<[u32]> = ready.collect();
        for gateway in &self.spec.gateways {
            let word = Scaling::Ready(ctx.now().0, ready.clone());
            out.send_for(self.own(), *gateway, Wire::Scaling(Box::new(word)));
        }
    }

    fn heard(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, word: &Scaling) {
        match word {
            Scaling::Counted(round, count) if *round == self.rounds && self.spec.gateways.contains(&from) => {
                self.counts.1.insert(from, *count);
            }
            Scaling::Stands(standing) => {
                let Some(i) = self.spec.instances.iter().position(|node| *node == from) else { return };
                let before = self.stands[i].replace(*standing);
                if (before == Some(Standing::Ready)) != (*standing == Standing::Ready) {
                    self.tell(ctx, out);
                }
            }
            _ => {}
        }
    }
}

impl Machine<Saas> for Autoscaler {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Scaling(word) } => self.heard(ctx, out, from, &word),
            Input::Timer { token: ASK } => self.ask(ctx.now(), out),
            Input::Timer { token: DECIDE } => self.decide(ctx, out),
            _ => {}
        }
        out.gauge("autoscaler.wanted", || self.wanted.unwrap_or_default().into());
    }
}
