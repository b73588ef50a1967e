//! The release that an instance runs: which one it is told to, and what is wrong with it.
//!
//! An instance changes its release between two requests, as a rolling update with readiness gates looks from outside.
//! Until it has been told which one it runs it is not ready: it answers no probe, and serves nobody, so it can neither
//! read nor write an entry of a cache under a configuration that was taken back while it was away.

use super::App;
use crate::app::edge::TERMS;
use crate::app::operation::Task;
use crate::app::release::{BY, CANARY_PARTITION, CONFIG, Defect, REVISION, RolloutSpec, SERVED, SWEPT};
use crate::control;
use crate::control::{Control, Controls};
use crate::fact::Fact;
use crate::luck;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::trace::Trace;
use crate::wire::http::{Reason, Request};
use crate::wire::rollout::{Held, Rollout};
use sim::seed::below;
use sim::{Ctx, NodeId, Outbox};
use std::collections::BTreeMap;

/// What a canary publishes goes to partitions of its own.
pub const CANARY_PARTITIONS: Control = control!("app.canary-partition", upholds: ["ROL-01"],
    off: "the canary's producer is configured like everybody's: what a bad release has published lies among what \
          others read, and stays there when it is taken back");

/// What an instance runs.
#[derive(Default)]
pub(super) struct Running {
    held: Option<Held>,
    /// Records that a bad release keeps, by the number that was asked for.
    kept_for_all: BTreeMap<String, Vec<u8>>,
}

impl Running {
    /// Revision of the terms of service that the configuration shows.
    pub(super) fn terms(&self) -> u32 {
        self.held.map_or(TERMS, |held| held.config)
    }
}

/// Where an instance publishes.
pub(super) fn partition(controls: &Controls, spec: Option<&RolloutSpec>) -> u32 {
    let is_apart = spec.is_some_and(|spec| spec.is_canary) && controls.on(&CANARY_PARTITIONS);
    if is_apart { CANARY_PARTITION } else { 0 }
}

impl App {
    /// The release that it runs, once it knows, and if it runs any.
    fn revision(&self) -> Option<u32> {
        let (spec, held) = (self.spec.rollout.as_ref()?, self.release.held?);
        if spec.is_canary { held.canary } else { Some(held.stable) }
    }

    fn defect(&self) -> Option<Defect> {
        self.spec.rollout.as_ref()?.defect(self.revision()?)
    }

    /// Whether it can serve.
    pub(super) fn is_ready(&self) -> bool {
        self.spec.rollout.is_none() || self.revision().is_some()
    }

    /// A word of the rollout's controller.
    pub(super) fn told_rollout(&mut self, out: &mut Outbox<Saas>, from: NodeId, word: &Rollout) {
        let is_told = self.spec.rollout.as_ref().is_some_and(|spec| spec.by == from);
        let (Rollout::Hold(held), true) = (word, is_told) else { return };
        if self.release.held.is_some_and(|known| known.at > held.at) {
            return;
        }
        let told = |app: &App| [app.revision().unwrap_or(0).into(), app.config(), app.swept()];
        let before = self.release.held.map(|_| told(self));
        self.release.held = Some(*held);
        let now = told(self);
        if before.is_none_or(|before| before[0] != now[0]) {
            // Another process: nothing of the one before is in its memory.
            self.release.kept_for_all.clear();
        }
        self.caches.sweep(held.swept);
        for (i, what) in [REVISION, CONFIG, SWEPT].into_iter().enumerate() {
            if before.is_none_or(|before| before[i] != now[i]) {
                let about = self.spec.role.clone();
                out.fact(Fact::Reported { by: BY, what, about, value: now[i] });
            }
        }
        out.send(from, Wire::Rollout(Box::new(Rollout::Kept(held.at, (0, 0)))));
    }

    fn config(&self) -> u64 {
        self.release.held.map_or(0, |held| held.config.into())
    }

    fn swept(&self) -> u64 {
        self.release.held.map_or(0, |held| held.swept)
    }

    /// Why the release that it runs does not serve a request, if it does not.
    pub(super) fn fails_by_release(
        &self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        request: &Request,
    ) -> Option<Reason> {
        let spec = self.spec.rollout.as_ref()?;
        let Some(revision) = self.revision() else { return Some(Reason::DependencyDown) };
        let trace = request.headers.traceparent.as_deref().and_then(Trace::parse).filter(|_| spec.is_canary);
        if let Some(trace) = trace {
            let about = self.spec.role.clone();
            out.fact(Fact::Reported { by: BY, what: SERVED, about, value: trace.id.1 });
        }
        if self.config() < revision.into() {
            return Some(Reason::Internal);
        }
        match self.defect() {
            Some(Defect::Fails(percent)) => {
                let lineage = ctx.lineage();
                let fails = below(ctx.draw_at(luck::CANARY, lineage.cause, lineage.path), 100) < percent.into();
                fails.then_some(Reason::Internal)
            }
            _ => None,
        }
    }

    /// What a bad release has in its memory for a request.
    pub(super) fn recalls(&self, key: u64) -> Option<Vec<u8>> {
        match &self.open.get(&key)?.task {
            Task::Get(reference) => self.release.kept_for_all.get(&reference.text).cloned(),
            _ => None,
        }
    }

    /// A bad release keeps what it answers, by the number of the record and nothing else.
    pub(super) fn keep_for_all(&mut self, task: &Task, reason: Reason, body: &[u8]) {
        if let (Task::Get(reference), Reason::Ok, Some(Defect::KeepsForAll)) = (task, reason, self.defect()) {
            self.release.kept_for_all.entry(reference.text.clone()).or_insert_with(|| body.to_vec());
        }
    }

    /// Where releases change what a page says, it is kept in the cache of the cell for all instances.
    pub(super) fn keep_page(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64, page: Option<&[u8]>) {
        let (Some(page), true) = (page, self.spec.rollout.is_some()) else { return };
        let Some(open) = self.open.get(&key) else { return };
        let owner = self.caches.owner(ctx, &open.tenant);
        if let Some((to, message)) = self.caches.put(ctx, &owner, &open.task, page) {
            out.send_for(open.lineage, to, message);
        }
    }
}
