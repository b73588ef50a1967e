//! Relations and statements: what an application instance asks its graph, and what it does about a statement that is
//! refused.

use super::objects::outcome_of;
use super::{App, Phase};
use crate::app::operation::Task;
use crate::app::refused;
use crate::breaker::Outcome;
use crate::fact::Fact;
use crate::graph::client;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::bolt;
use crate::wire::http::Reason;
use sim::{Ctx, Duration, Outbox};

/// How long the SIEM may take.
const SIEM_PATIENCE: Duration = Duration::millis(1_000);
/// How long the registrar may take: its database may have to find a new primary.
const LOG_PATIENCE: Duration = Duration::millis(1_200);
/// How long the graph may take: longer than a statement is let run there.
const GRAPH_PATIENCE: Duration = Duration::millis(1_200);

impl App {
    pub(super) fn ask_graph(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        let (Some(open), Some(library)) = (self.open.get_mut(&key), &mut self.spec.graph) else {
            return self.finish(out, key, Reason::NotFound, Vec::new());
        };
        let errand = match &open.task {
            Task::Related(record, depth) => client::Errand::Related { id: record.id, depth: *depth },
            Task::Cypher => client::Errand::Operator(String::from_utf8_lossy(&open.body).into_owned()),
            _ => client::Errand::Statement(String::from_utf8_lossy(&open.body).into_owned()),
        };
        match library.prepare(ctx.controls(), &open.tenant, &errand) {
            Ok(request) => {
                if let Err(after) = self.graph.ask(ctx.now(), key) {
                    return self.fail_fast(out, key, after);
                }
                open.phase = Phase::Graph;
                open.deadline = ctx.now() + GRAPH_PATIENCE;
                out.send_for(open.lineage, library.store, Wire::Bolt(key, request));
            }
            Err(refused) => {
                let (reason, subject) = (refused.code(), open.tenant.clone());
                out.fact(Fact::Decided { by: "graph.guard", allowed: false, reason, subject });
                let what = refused.to_string();
                match open.task {
                    Task::Cypher => self.refused(ctx, out, key, reason, what),
                    _ => self.finish(out, key, Reason::QueryRefused, what.into_bytes()),
                }
            }
        }
    }

    /// A statement of the console is refused: its author hears of it when the SIEM has it.
    pub(super) fn refused(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        key: u64,
        code: &'static str,
        what: String,
    ) {
        let Some(open) = self.open.get_mut(&key) else { return };
        match self.spec.siem.filter(|_| refused::is_audited(ctx.controls())) {
            Some(siem) => {
                open.phase = Phase::Refusal;
                open.deadline = ctx.now() + SIEM_PATIENCE;
                open.found = what.into_bytes();
                let attempt = refused::attempt(&open.tenant, open.trace, code, &open.body);
                out.send_for(open.lineage, siem, Wire::Attempt(key, Box::new(attempt)));
            }
            None => self.finish(out, key, Reason::QueryRefused, what.into_bytes()),
        }
    }

    /// What is about to be changed has to stand in the log of requests first.
    pub(super) fn note(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        let (Some(open), Some(registrar)) = (self.open.get_mut(&key), self.spec.registrar) else { return };
        open.phase = Phase::Log;
        open.deadline = ctx.now() + LOG_PATIENCE;
        let note = open.task.note(&open.tenant, open.trace, &open.body);
        out.send_for(open.lineage, registrar, Wire::Note(key, Box::new(note)));
    }

    /// It stands there.
    pub(super) fn noted(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        if self.open.get(&key).is_some_and(|open| open.phase == Phase::Log) {
            self.query(ctx, out, key);
        }
    }

    /// The SIEM has what was refused.
    pub(super) fn kept(&mut self, out: &mut Outbox<Saas>, key: u64) {
        let waits = self.open.get_mut(&key).filter(|open| open.phase == Phase::Refusal);
        if let Some(what) = waits.map(|open| std::mem::take(&mut open.found)) {
            self.finish(out, key, Reason::QueryRefused, what);
        }
    }

    /// What the graph says, if somebody still waits for it.
    pub(super) fn graphed(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64, response: &bolt::Response) {
        if self.open.get(&key).is_some_and(|open| open.phase == Phase::Graph) {
            let (reason, body) = client::answer(response);
            self.graph.settle((ctx.now(), ctx.controls()), key, outcome_of(reason));
            self.finish(out, key, reason, body);
        }
    }

    /// The graph does not answer, or cannot be reached.
    pub(super) fn graph_failed(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64, reason: Reason) {
        self.graph.settle((ctx.now(), ctx.controls()), key, Outcome::Failed);
        self.finish(out, key, reason, Vec::new());
    }
}
