//! A logical replica in another cell as a machine: role `cell-b/postgres-replica`.
//!
//! It asks whoever leads for what follows its place, applies it, and keeps on its disk what became of its rows together
//! with the place, as a subscriber keeps its replication origin. It serves transactions that read, to whoever takes
//! them as old as they are. After a failover its slot is gone and its rows are of another history: it is copied anew.

use super::engine::Engine;
use super::sqlstate::{INVALID_PASSWORD, SqlError};
use super::subscription::{COPY_ANEW, Conflict, Key, Lag, Position, Replica, difference};
use crate::fact::{Fact, Place, Replicated};
use crate::luck;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::logical::{Logical, RowChange};
use crate::wire::sql::{Lsn, Outcome, Row, Transaction, Value};
use serde::{Deserialize, Serialize};
use sim::disk::{FileId, Write};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a replica is.
#[derive(Clone)]
pub struct SubscriberSpec {
    /// Where it stands.
    pub place: Place,
    /// Its schema, without rows.
    pub base: Rc<Engine>,
    /// The nodes of the pair that it follows.
    pub publishers: Vec<NodeId>,
    /// Between two questions.
    pub every: Duration,
    /// Rows are not served older than this, whoever takes them so (`read_replica_lag_s`).
    pub oldest: Duration,
    /// It says that it is behind when it is by more than this.
    pub alarm_after: Duration,
    /// Worker time of a read and of a change.
    pub cost: (Duration, Duration),
}

/// How lag is reported, in milliseconds.
pub const LAG: &str = "lag-ms";
/// How it is reported that the replica is behind its bound, in milliseconds.
pub const BEHIND: &str = "replica-behind";
/// How it is reported that the replica was copied anew, with the number of rows.
pub const COPIED: &str = "copied";
/// How it is reported that a row stands in the way of the apply worker.
pub const CONFLICT: &str = "apply-conflict";
/// How it is reported that a slot is gone: 1 when it was invalidated, 0 when whoever leads never had it.
pub const SLOT_GONE: &str = "slot-gone";

/// What its disk keeps: what became of its rows, and its place after it.
#[derive(Serialize, Deserialize)]
struct Kept {
    changes: Vec<RowChange>,
    position: Option<Position>,
}

/// A replica at work.
pub struct Subscriber {
    spec: SubscriberSpec,
    replica: Replica,
    /// Its place, of which everything before is applied.
    position: Option<Position>,
    /// Its rows as its disk has them, and as it will have them when the write under way is on it.
    stated: BTreeMap<Key, Row>,
    writing: Option<(Vec<RowChange>, BTreeMap<Key, Row>)>,
    /// The place up to which its disk has everything.
    safe: Option<Position>,
    records: usize,
    lag: Lag,
    /// Which node is believed to lead, and since how many questions it has not answered.
    publisher: usize,
    unanswered: u32,
    /// Since when a slot is being made for it.
    making: Option<Instant>,
    ticks: u64,
}

const FILE: FileId = 0;
const TICK: u64 = 1;
const SYNCED: u64 = 1;
/// Ticks between two reports of lag.
const REPORT_EVERY: u64 = 2;
/// A slot that is not there by then is asked for again.
const PATIENCE: Duration = Duration::millis(600);
/// Questions without an answer, after which the other node is asked.
const UNANSWERED_MAX: u32 = 4;

impl Subscriber {
    /// A replica that goes on where its disk says.
    pub fn boot(spec: &SubscriberSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Subscriber {
        let controls = ctx.controls();
        let mut replica = Replica::new(controls, &spec.base);
        let (mut position, mut records) = (None, 0);
        for record in ctx.disk().read(FILE) {
            let whole = record.split_at_checked(4).filter(|(sum, body)| crc32fast::hash(body).to_le_bytes() == *sum);
            let Some(kept) = whole.and_then(|(_, body)| postcard::from_bytes::<Kept>(body).ok()) else { break };
            if replica.apply(controls, &[kept.changes]).is_err() {
                break;
            }
            (position, records) = (kept.position, records + 1);
        }
        if records < ctx.disk().read(FILE).len() {
            out.write(FILE, Write::Truncate(records));
        }
        let mut subscriber = Subscriber {
            stated: replica.rows(),
            spec: spec.clone(),
            replica,
            position,
            writing: None,
            safe: position,
            records,
            lag: Lag::new(ctx.now()),
            publisher: 0,
            unanswered: 0,
            making: None,
            ticks: ctx.now().0,
        };
        for row in subscriber.stated.values() {
            subscriber.state(out, row, true);
        }
        subscriber.tick(ctx, out);
        subscriber
    }

    /// States a row of its disk, or that one is gone.
    fn state(&self, out: &mut Outbox<Saas>, row: &Row, present: bool) {
        let [Value::Text(tenant), Value::Int(key), Value::Text(residency), Value::Text(body), Value::Int(version)] =
            &row[..]
        else {
            return;
        };
        out.fact(Fact::Replicated(Box::new(Replicated {
            place: self.spec.place.clone(),
            tenant: tenant.clone(),
            key: *key,
            version: *version,
            residency: residency.clone(),
            body: body.as_bytes().into(),
            present,
        })));
    }

    fn report(&self, out: &mut Outbox<Saas>, what: &'static str, value: u64) {
        out.fact(Fact::Reported { by: "replica", what, about: self.spec.place.cell.clone(), value });
    }

    fn say(&self, out: &mut Outbox<Saas>, word: Logical) {
        let to = self.spec.publishers[self.publisher % self.spec.publishers.len()];
        out.send(to, Wire::Logical(Box::new(word)));
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        self.ticks += 1;
        self.unanswered += 1;
        if self.unanswered > UNANSWERED_MAX {
            self.turn();
        }
        if self.making.is_some_and(|since| now.since(since) > PATIENCE) {
            self.making = None;
        }
        if self.writing.is_none() && self.making.is_none() {
            self.ask(now, out);
        }
        if self.ticks.is_multiple_of(REPORT_EVERY) {
            self.report(out, LAG, self.lag.age(now).as_millis());
        }
        if let Some(age) = self.lag.alarm(ctx.controls(), now, self.spec.alarm_after) {
            self.report(out, BEHIND, age.as_millis());
        }
        out.timer_for(ctx.own(self.ticks), self.spec.every, TICK);
    }

    /// Asks for what follows. A replica that never was copied says so by a place that no slot has.
    fn ask(&self, now: Instant, out: &mut Outbox<Saas>) {
        let (timeline, from) = self.safe.unwrap_or_default();
        self.say(out, Logical::From { timeline, from, asked: now });
    }

    /// The other node is asked from now on.
    fn turn(&mut self) {
        self.publisher += 1;
        self.unanswered = 0;
        self.making = None;
    }

    fn told(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, word: Logical) {
        if self.spec.publishers[self.publisher % self.spec.publishers.len()] != from {
            return;
        }
        self.unanswered = 0;
        // Who leads on an earlier timeline than this replica has followed does so no more.
        let followed = self.position.map(|(timeline, _)| timeline);
        match word {
            Logical::NotPrimary => self.turn(),
            Logical::NoSlot { timeline, .. }
            | Logical::Changes { timeline, .. }
            | Logical::Created { timeline, .. }
                if followed.is_some_and(|followed| timeline < followed) =>
            {
                self.turn()
            }
            _ if self.writing.is_some() => {}
            Logical::NoSlot { .. } if self.making.is_some() => {}
            Logical::NoSlot { invalidated, .. } => {
                self.making = Some(ctx.now());
                self.report(out, SLOT_GONE, invalidated.into());
                let copies = self.position.is_none() || ctx.on(&COPY_ANEW);
                self.say(out, Logical::Create { copies, asked: ctx.now() });
            }
            Logical::Changes { timeline, from, next, transactions, all, asked } => {
                if self.position != Some((timeline, from)) {
                    return;
                }
                out.busy(self.spec.cost.1 * transactions.len() as u64);
                let applied = self.replica.apply(ctx.controls(), &transactions);
                self.applied(out, applied, (timeline, next), all.then_some(asked));
            }
            Logical::Created { timeline, at, rows, asked } => {
                self.making = None;
                let applied = match &rows {
                    Some(rows) => {
                        out.busy(self.spec.cost.1 * rows.len() as u64);
                        self.replica.replace(ctx.controls(), rows)
                    }
                    None => Ok(()),
                };
                if applied.is_ok() {
                    self.report(out, COPIED, rows.map_or(0, |rows| rows.len() as u64));
                }
                self.applied(out, applied, (timeline, at), Some(asked));
            }
            _ => {}
        }
    }

    /// Changes are applied, or a row stands in their way: then the worker tries again, and again.
    fn applied(
        &mut self,
        out: &mut Outbox<Saas>,
        applied: Result<(), Conflict>,
        next: Position,
        as_of: Option<Instant>,
    ) {
        if applied.is_err() {
            return self.report(out, CONFLICT, next.1.0);
        }
        if let Some(as_of) = as_of {
            self.lag.complete(as_of);
        }
        if self.position != Some(next) {
            self.position = Some(next);
            self.keep(out);
        }
    }

    /// Writes down what became of the rows, and the place.
    fn keep(&mut self, out: &mut Outbox<Saas>) {
        let rows = self.replica.rows();
        let changes = difference(&self.stated, &rows);
        let kept = Kept { changes, position: self.position };
        let body = postcard::to_allocvec(&kept).expect("rows have bytes");
        let mut record = crc32fast::hash(&body).to_le_bytes().to_vec();
        record.extend(body);
        out.write(FILE, Write::Append(record.into()));
        out.sync(SYNCED);
        self.writing = Some((kept.changes, rows));
    }

    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, ok: bool) {
        if !ok {
            // No room: it waits for some, and the publisher keeps the log for it.
            return out.sync(SYNCED);
        }
        let Some((changes, rows)) = self.writing.take() else { return };
        self.records += 1;
        self.stated = rows;
        self.safe = self.position;
        for change in &changes {
            match change {
                RowChange::Insert(row) | RowChange::Update(_, row) => self.state(out, row, true),
                RowChange::Delete(row) => self.state(out, row, false),
            }
        }
        if self.replica.rows() != self.stated {
            return self.keep(out);
        }
        self.ask(ctx.now(), out);
    }

    /// A transaction of a reader.
    fn read(
        &mut self,
        ctx: &mut Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        at_most: Duration,
        call: &Transaction,
    ) -> Outcome {
        out.busy(self.spec.cost.0);
        let refused = |error: SqlError| Outcome { replies: vec![error.into()], committed: None, observed: Lsn(0) };
        if let Some(login) = &call.login {
            let message = format!("password authentication failed for user \"{}\"", login.role);
            return refused(SqlError::new(INVALID_PASSWORD, message));
        }
        if let Err(error) = self.lag.serves(ctx.controls(), ctx.now(), at_most.min(self.spec.oldest)) {
            return refused(error);
        }
        let draw = ctx.draw(luck::SPREAD);
        let outcome = self.replica.read(ctx.controls(), draw, call);
        if outcome.committed.is_some() && self.writing.is_none() {
            self.keep(out);
        }
        outcome
    }
}

impl Machine<Saas> for Subscriber {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message } => match message {
                Wire::Sql(id, call) => {
                    let outcome = self.read(ctx, out, self.spec.oldest, &call);
                    out.send(from, Wire::SqlAnswer(id, outcome));
                }
                Wire::SqlAtMost(id, at_most, call) => {
                    let outcome = self.read(ctx, out, at_most, &call);
                    out.send(from, Wire::SqlAnswer(id, outcome));
                }
                Wire::Logical(word) => self.told(ctx, out, from, *word),
                Wire::Probe(id) => out.send(from, Wire::ProbeAnswer(id)),
                _ => {}
            },
            Input::Synced { ok, .. } => self.synced(ctx, out, ok),
            Input::Timer { token: TICK } => self.tick(ctx, out),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
