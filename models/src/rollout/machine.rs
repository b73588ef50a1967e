//! The controller of a cell's rollouts: says what holds until everybody keeps to it, and only then takes the next step.
//!
//! What it says is on its disk before. A controller that has lost power goes on where it was; only what it has counted
//! of a canary is gone, so that canary stands for its time anew.

use super::analysis::{Analysis, Settings, Verdict};
use super::status::{Phase, Status, steps};
use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::rollout::{Compared, Rollout};
use sim::disk::{FileId, Write};
use sim::seed::{Lineage, mix, name_hash};
use sim::{Ctx, Input, Instant, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// A canary gets no request, and keeps none, when what it answers is not what the stable release answers.
pub const ISOLATION_CHECK: Control = control!("rollout.isolation-check", upholds: ["CEL-07"],
    off: "a canary gets requests as soon as it runs: that it keeps tenants apart is taken for granted");

/// Whose facts these are.
pub const BY: &str = "rollout";
/// A canary is prepared; the value is its release.
pub const BEGUN: &str = "begun";
/// It is taken back.
pub const TAKEN_BACK: &str = "taken-back";
/// The last step of that is done.
pub const ENDED: &str = "ended";
/// The controller has lost power, and knows what it knew; the value is the release that it was at last.
pub const RESTARTED: &str = "restarted";

/// A release that is to be rolled out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Planned {
    /// From when on, as soon as there is no other rollout.
    pub at: Instant,
    /// Which one.
    pub release: u32,
}

/// What a controller is.
#[derive(Clone, Debug)]
pub struct ControllerSpec {
    /// Its cell.
    pub cell: Arc<str>,
    /// The gateways in front of it.
    pub gateways: Vec<NodeId>,
    /// Every instance, the canary's among them.
    pub instances: Vec<NodeId>,
    /// Who compares answers.
    pub checker: NodeId,
    /// The release that everybody runs at first.
    pub first: u32,
    /// What is rolled out, in order.
    pub planned: Rc<[Planned]>,
    /// How.
    pub settings: Settings,
}

/// A controller at work.
pub struct Controller {
    spec: ControllerSpec,
    name: u64,
    status: Status,
    /// Whether the disk has it.
    is_durable: bool,
    writes: u64,
    /// Who keeps to what holds.
    kept: BTreeSet<NodeId>,
    /// What each gateway has counted.
    counts: BTreeMap<NodeId, (u64, u64)>,
    analysis: Analysis,
    /// Of the release that is checked. What differed once differs for good, also when its checker has lost power and
    /// knows nothing of it any more.
    checked: Compared,
    /// Whether its checker has answered since it was asked last.
    is_fresh: bool,
    looks: u64,
    said: u64,
}

const LOOK: u64 = 1;
const SAID: u64 = 2;
const STATUS: FileId = 0;

impl Controller {
    /// A controller that goes on where it was.
    pub fn boot(spec: &ControllerSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Controller {
        // The last record may be torn: then nobody has heard of it.
        let read = |record: &[u8]| postcard::from_bytes::<Status>(record).ok();
        let kept = ctx.disk().read(STATUS).iter().rev().find_map(|record| read(record));
        let mut controller = Controller {
            name: name_hash(BY) ^ ctx.lineage().cause,
            status: kept.unwrap_or_else(|| Status::first(spec.first)),
            is_durable: false,
            writes: 0,
            kept: BTreeSet::new(),
            counts: BTreeMap::new(),
            analysis: Analysis::new(ctx.now()),
            checked: Compared::default(),
            is_fresh: false,
            looks: 0,
            said: 0,
            spec: spec.clone(),
        };
        if kept.is_some() {
            controller.report(out, RESTARTED);
        }
        let phase = match controller.status.phase {
            Phase::Live(_) => Phase::Live(ctx.now()),
            phase => phase,
        };
        controller.enter(ctx, out, phase);
        controller.look_later(out);
        controller
    }

    fn report(&self, out: &mut Outbox<Saas>, what: &'static str) {
        let (about, value) = (self.spec.cell.clone(), self.status.attempted.into());
        out.fact(Fact::Reported { by: BY, what, about, value });
    }

    /// Another state holds from now on: it goes to the disk, and from there to everybody.
    fn enter(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, phase: Phase) {
        self.status.phase = phase;
        self.status.held.at = ctx.now().0.max(self.status.held.at + 1);
        self.kept.clear();
        self.write(ctx, out);
    }

    fn write(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.is_durable = false;
        self.writes += 1;
        let record = postcard::to_allocvec(&self.status.kept(ctx.controls())).expect("a status has bytes");
        out.write(STATUS, Write::Append(record.into()));
        out.sync(self.writes);
    }

    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        if token != self.writes {
            return;
        }
        self.is_durable = ok;
        match ok {
            true => self.say(out),
            false => self.write(ctx, out),
        }
    }

    fn everybody(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.spec.gateways.iter().chain(&self.spec.instances).copied()
    }

    /// Says what holds.
    fn say(&mut self, out: &mut Outbox<Saas>) {
        self.said += 1;
        let own = Lineage::root(self.name, mix(SAID, self.said));
        for (i, to) in self.everybody().enumerate() {
            let word = Wire::Rollout(Box::new(Rollout::Hold(self.status.held)));
            out.send_for(own.child(i as u64), to, word);
        }
    }

    fn look_later(&mut self, out: &mut Outbox<Saas>) {
        self.looks += 1;
        out.timer_for(Lineage::root(self.name, self.looks), self.spec.settings.every, LOOK);
    }

    fn look(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        if self.is_durable {
            self.say(out);
            self.go_on(ctx, out);
        }
        self.look_later(out);
    }

    fn is_kept(&self) -> bool {
        self.everybody().all(|node| self.kept.contains(&node))
    }

    /// The next step, if it is due.
    fn go_on(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let (now, settings) = (ctx.now(), self.spec.settings);
        match self.status.phase {
            Phase::Idle => self.begin(ctx, out),
            Phase::Preparing if self.is_kept() => match is_checked(ctx) {
                true => self.enter(ctx, out, Phase::Checking(now)),
                false => self.go_live(ctx, out),
            },
            Phase::Checking(since) => {
                let is_fresh = std::mem::take(&mut self.is_fresh);
                self.check(out);
                let Compared { alike, differ, in_doubt } = self.checked;
                match now.since(since) {
                    span if span < settings.check => {}
                    _ if differ > 0 => self.take_back(ctx, out),
                    _ if is_fresh && alike >= settings.compared_min && in_doubt == 0 => self.go_live(ctx, out),
                    // What compares nothing says nothing.
                    span if span >= settings.patience => self.take_back(ctx, out),
                    _ => {}
                }
            }
            Phase::Live(_) => {
                let is_checked = is_checked(ctx);
                if is_checked {
                    self.check(out);
                }
                match self.analysis.look(now, ctx.controls(), &settings) {
                    _ if is_checked && self.checked.differ > 0 => self.take_back(ctx, out),
                    Verdict::RollBack => self.take_back(ctx, out),
                    Verdict::Promote => self.promote(ctx, out),
                    Verdict::Wait => {}
                }
            }
            Phase::Promoting if self.is_kept() => self.enter(ctx, out, Phase::Idle),
            Phase::RollingBack(step) if self.is_kept() => self.step(ctx, out, step + 1),
            Phase::Preparing | Phase::Promoting | Phase::RollingBack(_) => {}
        }
    }

    fn begin(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let next = self.spec.planned.iter().find(|p| p.release > self.status.attempted && p.at <= ctx.now());
        let Some(Planned { release, .. }) = next.copied() else { return };
        self.status.attempted = release;
        (self.status.held.canary, self.status.held.config) = (Some(release), release);
        self.checked = Compared::default();
        self.report(out, BEGUN);
        self.enter(ctx, out, Phase::Preparing);
    }

    fn check(&self, out: &mut Outbox<Saas>) {
        let Some(release) = self.status.held.canary else { return };
        let own = Lineage::root(self.name, self.looks).child(u64::MAX);
        out.send_for(own, self.spec.checker, Wire::Rollout(Box::new(Rollout::Check(release))));
    }

    fn go_live(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.status.held.weight = self.spec.settings.weight;
        self.analysis = Analysis::new(ctx.now());
        self.enter(ctx, out, Phase::Live(ctx.now()));
    }

    fn promote(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let held = &mut self.status.held;
        (held.stable, held.canary, held.weight) = (held.canary.unwrap_or(held.stable), None, 0);
        self.enter(ctx, out, Phase::Promoting);
    }

    fn take_back(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.report(out, TAKEN_BACK);
        self.step(ctx, out, 0);
    }

    fn step(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, step: u8) {
        if let Some(next) = steps(ctx.controls()).get(usize::from(step)) {
            self.status.take(ctx.controls(), *next);
            return self.enter(ctx, out, Phase::RollingBack(step));
        }
        self.status.held.canary = None;
        self.report(out, ENDED);
        self.enter(ctx, out, Phase::Idle);
    }

    /// Somebody keeps to what holds since then; a gateway says what it has counted.
    fn keeps(&mut self, from: NodeId, at: u64, counted: (u64, u64)) {
        if self.spec.gateways.contains(&from) {
            let before = self.counts.insert(from, counted).unwrap_or((0, 0));
            // One that has begun to count anew has counted all of it since.
            let more = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
            if matches!(self.status.phase, Phase::Live(_)) {
                self.analysis.count((more(counted.0, before.0), more(counted.1, before.1)));
            }
        }
        if at == self.status.held.at {
            self.kept.insert(from);
        }
    }
}

/// Whether answers of a canary are compared.
fn is_checked(ctx: &Ctx<'_, Saas>) -> bool {
    ctx.controls().on(&ISOLATION_CHECK)
}

impl Machine<Saas> for Controller {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { token: LOOK } => self.look(ctx, out),
            Input::Synced { token, ok } => self.synced(ctx, out, token, ok),
            Input::Message { from, message: Wire::Rollout(word) } => match *word {
                Rollout::Kept(at, counted) => self.keeps(from, at, counted),
                Rollout::Checked(release, checked)
                    if from == self.spec.checker && Some(release) == self.status.held.canary =>
                {
                    self.is_fresh = true;
                    self.checked = Compared { differ: checked.differ.max(self.checked.differ), ..checked };
                }
                _ => {}
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
