//! The other end of the outbox: role `cell-a/graph-sync`. It takes what a relational store has committed to the graph,
//! and compares the two.
//!
//! An entry leaves the outbox when the graph's disk has it; what happens in between comes again, and an entry is the
//! same however often it comes. Comparing reads the graph first and the rows afterwards, so that what the graph has is
//! a row by then, or should not be there. It finds what no outbox can know of: a disk that lied, a hand that helped.

use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::bolt::{Entry, Relation, Request, Response};
use crate::wire::sql::{Outcome, Reply, Row, Statement, Transaction, Value};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;

/// What differs is made alike.
pub const DRIFT_REPAIR: Control = control!(
    "graph.drift-repair",
    upholds: ["STO-06"],
    off: "the nightly comparison writes a report: what differs is counted, and stays as it is",
);

/// How drift is reported.
pub const DRIFT: &str = "graph-drift";

/// What a relay is.
#[derive(Clone)]
pub struct SyncSpec {
    /// Whose outboxes it empties.
    pub tenants: Vec<TenantId>,
    /// Database nodes, of which one leads.
    pub databases: Vec<NodeId>,
    /// The graph.
    pub graph: NodeId,
    /// Between two looks at an outbox.
    pub every: Duration,
    /// Between two comparisons of a tenant's relations, where any are made.
    pub compare_every: Option<Duration>,
    /// Worker time of a step.
    pub cost: Duration,
}

#[derive(Clone, Debug)]
enum Step {
    /// Nothing is under way.
    Idle,
    /// The outbox is read.
    Reading,
    /// The graph applies these.
    Applying(Vec<Entry>),
    /// They leave the outbox.
    Clearing,
    /// The graph says what it has.
    Looking,
    /// The database says what there should be.
    Comparing(Vec<Relation>),
    /// The graph applies what differed.
    Repairing,
}

struct Lane {
    tenant: TenantId,
    step: Step,
    /// Number of the question under way.
    asked: u64,
    since: Instant,
    compare_at: Instant,
    database: usize,
}

/// A relay at work.
pub struct GraphSync {
    spec: SyncSpec,
    lanes: Vec<Lane>,
    numbers: u64,
    ticks: u64,
}

const TICK: u64 = 1;
/// Entries that are under way for a tenant at once.
const BATCH: usize = 16;
/// What has no answer is asked again, from the beginning.
const PATIENCE: Duration = Duration::millis(400);

const READ: &str =
    "SELECT source, target, version, present FROM graph_outbox WHERE tenant_id = $1 ORDER BY version LIMIT 16";
const CLEAR: &str = "DELETE FROM graph_outbox WHERE tenant_id = $1 AND source = $2 AND target = $3 AND version = $4";
const ROWS: &str = "SELECT source, target, version, present FROM relations WHERE tenant_id = $1 ORDER BY version";

impl GraphSync {
    /// A relay that begins to look.
    pub fn boot(spec: &SyncSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> GraphSync {
        let lane = |tenant: &TenantId| Lane {
            tenant: tenant.clone(),
            step: Step::Idle,
            asked: 0,
            since: ctx.now(),
            compare_at: spec.compare_every.map_or(Instant::NEVER, |every| ctx.now() + every),
            database: 0,
        };
        let lanes = spec.tenants.iter().map(lane).collect();
        // Numbers of a former life are none of this one.
        let numbers = ctx.draw(crate::luck::NONCE) >> 8;
        let mut sync = GraphSync { spec: spec.clone(), lanes, numbers, ticks: ctx.now().0 };
        sync.tick(ctx, out);
        sync
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        for i in 0..self.lanes.len() {
            let lane = &mut self.lanes[i];
            if !matches!(lane.step, Step::Idle) {
                if ctx.now().since(lane.since) < PATIENCE {
                    continue;
                }
                if matches!(lane.step, Step::Reading | Step::Clearing | Step::Comparing(_)) {
                    lane.database += 1;
                }
                lane.step = Step::Idle;
            }
            self.begin(ctx, out, i);
        }
        self.ticks += 1;
        out.timer_for(ctx.own(self.ticks), self.spec.every, TICK);
    }

    /// The next thing to do for a tenant.
    fn begin(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, i: usize) {
        let lane = &mut self.lanes[i];
        if ctx.now() >= lane.compare_at {
            lane.compare_at = self.spec.compare_every.map_or(Instant::NEVER, |every| ctx.now() + every);
            let question = Request::Relations(lane.tenant.clone());
            return self.ask_graph(ctx, out, i, Step::Looking, question);
        }
        let tenant = Value::Text(lane.tenant.clone());
        self.ask_database(ctx, out, i, Step::Reading, vec![Statement::new(READ, vec![tenant])]);
    }

    fn number(&mut self, ctx: &Ctx<'_, Saas>, i: usize, step: Step) -> u64 {
        self.numbers += 1;
        let lane = &mut self.lanes[i];
        (lane.step, lane.asked, lane.since) = (step, self.numbers, ctx.now());
        self.numbers
    }

    fn ask_graph(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, i: usize, step: Step, request: Request) {
        let id = self.number(ctx, i, step);
        out.send(self.spec.graph, Wire::Bolt(id, Box::new(request)));
    }

    fn ask_database(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        i: usize,
        step: Step,
        statements: Vec<Statement>,
    ) {
        let id = self.number(ctx, i, step);
        let lane = &self.lanes[i];
        let to = self.spec.databases[lane.database % self.spec.databases.len()];
        let transaction = Transaction { tenant: Some(lane.tenant.clone()), login: None, statements };
        out.send(to, Wire::Sql(id, Box::new(transaction)));
    }

    fn lane_of(&self, id: u64) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.asked == id && !matches!(lane.step, Step::Idle))
    }

    fn answered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64, outcome: &Outcome) {
        let Some(i) = self.lane_of(id) else { return };
        out.busy(self.spec.cost);
        let lane = &mut self.lanes[i];
        if outcome.error().is_some() {
            // It does not lead: the next one may.
            lane.database += 1;
            lane.step = Step::Idle;
            return;
        }
        let rows = outcome.replies.first().map_or(&[][..], Reply::rows);
        match std::mem::replace(&mut lane.step, Step::Idle) {
            Step::Reading => {
                let tenant = lane.tenant.clone();
                let entries: Vec<Entry> = rows.iter().filter_map(|row| entry(&tenant, row)).collect();
                if !entries.is_empty() {
                    let request = Request::Apply(entries.clone());
                    self.ask_graph(ctx, out, i, Step::Applying(entries), request);
                }
            }
            Step::Comparing(held) => {
                let tenant = lane.tenant.clone();
                let entries: Vec<Entry> = rows.iter().filter_map(|row| entry(&tenant, row)).collect();
                let repairs = differences(&tenant, &held, entries);
                if repairs.is_empty() {
                    return;
                }
                let (about, value) = (tenant, repairs.len() as u64);
                out.fact(Fact::Reported { by: "graph-sync", what: DRIFT, about, value });
                if ctx.controls().on(&DRIFT_REPAIR) {
                    self.ask_graph(ctx, out, i, Step::Repairing, Request::Apply(repairs));
                }
            }
            Step::Clearing => self.begin(ctx, out, i),
            _ => {}
        }
    }

    fn graphed(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64, response: Response) {
        let Some(i) = self.lane_of(id) else { return };
        out.busy(self.spec.cost);
        let lane = &mut self.lanes[i];
        match (std::mem::replace(&mut lane.step, Step::Idle), response) {
            (Step::Applying(entries), Response::Done) => {
                let clear = |entry: &Entry| {
                    let numbers = [entry.source, entry.target, entry.version].map(Value::Int);
                    let params = std::iter::once(Value::Text(entry.tenant.clone())).chain(numbers);
                    Statement::new(CLEAR, params.collect())
                };
                let statements = entries.iter().map(clear).collect();
                self.ask_database(ctx, out, i, Step::Clearing, statements);
            }
            (Step::Looking, Response::Relations(held)) => {
                let tenant = Value::Text(lane.tenant.clone());
                self.ask_database(ctx, out, i, Step::Comparing(held), vec![Statement::new(ROWS, vec![tenant])]);
            }
            _ => {}
        }
    }
}

fn entry(tenant: &TenantId, row: &Row) -> Option<Entry> {
    let [Value::Int(source), Value::Int(target), Value::Int(version), Value::Bool(present)] = &row[..] else {
        return None;
    };
    let (tenant, source, target, version) = (tenant.clone(), *source, *target, *version);
    Some(Entry { tenant, source, target, version, present: *present, repair: false })
}

/// What has to be applied so that the graph holds what the last change of each relation says.
fn differences(tenant: &TenantId, held: &[Relation], rows: Vec<Entry>) -> Vec<Entry> {
    let mut last: BTreeMap<(i64, i64), Entry> = BTreeMap::new();
    for row in rows {
        last.insert((row.source, row.target), row);
    }
    let of = |source: i64, target: i64| held.iter().filter(move |r| (r.source, r.target) == (source, target));
    let mut repairs = Vec::new();
    for ((source, target), row) in &last {
        let versions: Vec<i64> = of(*source, *target).map(|relation| relation.version).collect();
        let wanted = if row.present { vec![row.version] } else { Vec::new() };
        if versions != wanted {
            repairs.push(Entry { repair: true, ..row.clone() });
        }
    }
    for Relation { source, target, version } in held.iter().copied() {
        if !last.contains_key(&(source, target)) {
            let tenant = tenant.clone();
            repairs.push(Entry { tenant, source, target, version, present: false, repair: true });
        }
    }
    repairs.truncate(BATCH);
    repairs
}

impl Machine<Saas> for GraphSync {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { message: Wire::SqlAnswer(id, outcome), .. } => self.answered(ctx, out, id, &outcome),
            Input::Message { message: Wire::BoltAnswer(id, response), .. } => self.graphed(ctx, out, id, *response),
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { token: TICK } => self.tick(ctx, out),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(source: i64, version: i64, present: bool) -> Entry {
        Entry { tenant: "acme".into(), source, target: 9, version, present, repair: false }
    }

    #[test]
    fn what_is_missing_comes_back_and_what_should_not_be_there_goes() {
        let held = |source, version| Relation { source, target: 9, version };
        let rows = vec![row(1, 1, true), row(2, 1, true), row(2, 2, false), row(3, 1, true), row(4, 1, true)];
        let repairs = differences(&"acme".into(), &[held(2, 1), held(3, 1), held(4, 1), held(4, 1), held(5, 7)], rows);
        let what: Vec<_> = repairs.iter().map(|entry| (entry.source, entry.version, entry.present)).collect();
        assert_eq!(what, [(1, 1, true), (2, 2, false), (4, 1, true), (5, 7, false)]);
        assert!(repairs.iter().all(|entry| entry.repair));
        assert_eq!(differences(&"acme".into(), &[held(3, 1)], vec![row(3, 1, true)]), Vec::<Entry>::new());
    }
}
