//! A subscription without its network: the rows that a replica holds, how they are applied, where they end, and how old
//! they are.
//!
//! Changes are applied by the statements that an apply worker runs, as a role of its own. One that meets a row which is
//! not to be there stops everything (`23505`), until somebody has taken it away; one that finds no row to change or
//! delete is passed over. Subscriber tables can be written to like any others: what keeps readers from it are grants.

use super::engine::Engine;
use super::pool::Pool;
use super::reference::{APPLIER, READER};
use super::sqlstate::{NOT_IN_STATE, SqlError};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::logical::RowChange;
use crate::wire::sql::{Lsn, Outcome, Reply, Row, Statement, Timeline, Transaction, Value};
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The published table has its policies on the replica, too (STO-05).
pub const REPLICA_POLICIES: Control = control!(
    "replica.row-policies",
    upholds: ["STO-05", "TEN-02"],
    off: "the replica's table was made with its columns and nothing else: logical replication carries no policies, and \
          whoever may read the table reads every row of it",
);

/// Who reads a replica cannot write to it (STO-05).
pub const SELECT_ONLY: Control = control!(
    "replica.select-only",
    upholds: ["STO-05"],
    off: "readers have the grants that they have at the primary: what they write lies on the replica and nowhere else, \
          and stops the apply worker when the primary makes a row of the same key",
);

/// A replica that is further behind than was asked for says so, and serves nothing (STO-05).
pub const STALENESS_BOUND: Control = control!(
    "replica.staleness-bound",
    upholds: ["STO-05"],
    off: "the replica serves what it has, however old: whoever reads takes a row for there that was erased long ago",
);

/// A replica that falls behind is somebody's business: it says so itself, and who publishes says that nobody asks
/// (STO-05).
pub const LAG_ALARM: Control = control!(
    "replica.lag-alarm",
    upholds: ["STO-05"],
    off: "nobody watches `pg_stat_subscription` and `pg_replication_slots`: a cut link is found by its effects",
);

/// A replica whose slot is gone is copied anew (STO-05).
pub const COPY_ANEW: Control = control!(
    "replica.copy-anew",
    upholds: ["STO-05"],
    off: "a new slot is made and the replica goes on from there (`copy_data = false`): what was changed in between \
          never arrives, and its lag looks as small as ever",
);

/// Why changes were not applied: a row stands in their way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict(pub Arc<str>);

/// A row by its key: tenant and number.
pub type Key = (TenantId, i64);

/// A replica's rows, and its sessions.
#[derive(Debug)]
pub struct Replica {
    engine: Engine,
    applier: Pool,
    readers: Pool,
    insert: Arc<str>,
    update: Arc<str>,
    delete: Arc<str>,
}

/// Sessions for readers.
const SESSIONS: u16 = 8;

impl Replica {
    /// A replica without rows, over the schema of a base.
    ///
    /// # Panics
    /// When the base has no such roles: a mistake of the stage.
    pub fn new(controls: &Controls, base: &Engine) -> Replica {
        let mut engine = base.clone();
        if !controls.on(&REPLICA_POLICIES) {
            engine.bootstrap("ALTER TABLE devices DISABLE ROW LEVEL SECURITY").expect("the table is there");
        }
        if !controls.on(&SELECT_ONLY) {
            engine.bootstrap("GRANT INSERT, UPDATE, DELETE ON devices TO reader").expect("the role is there");
        }
        Replica {
            applier: Pool::open(&mut engine, 1, APPLIER).expect("the apply worker may log in"),
            readers: Pool::open(&mut engine, SESSIONS, READER).expect("readers may log in"),
            engine,
            insert: "INSERT INTO devices (tenant_id, id, residency, body, version) VALUES ($1, $2, $3, $4, $5)".into(),
            update: "UPDATE devices SET tenant_id = $3, id = $4, residency = $5, body = $6, version = $7 \
                     WHERE tenant_id = $1 AND id = $2"
                .into(),
            delete: "DELETE FROM devices WHERE tenant_id = $1 AND id = $2".into(),
        }
    }

    fn statement(&self, change: &RowChange) -> Statement {
        let key = |row: &Row| row.iter().take(2).cloned().collect::<Vec<Value>>();
        let (text, params) = match change {
            RowChange::Insert(row) => (&self.insert, row.to_vec()),
            RowChange::Update(old, row) => (&self.update, [&key(old)[..], row].concat()),
            RowChange::Delete(row) => (&self.delete, key(row)),
        };
        Statement { text: text.clone(), params }
    }

    /// Applies transactions, all or nothing.
    ///
    /// # Errors
    /// What the worker met, in PostgreSQL's words.
    pub fn apply(&mut self, controls: &Controls, transactions: &[Vec<RowChange>]) -> Result<(), Conflict> {
        let statements: Vec<Statement> = transactions.iter().flatten().map(|change| self.statement(change)).collect();
        self.run(controls, &statements)
    }

    /// Puts these rows in place of all that there are.
    ///
    /// # Errors
    /// As [`Replica::apply`]; rows of a copy stand in each other's way only when the copy is damaged.
    pub fn replace(&mut self, controls: &Controls, rows: &[Row]) -> Result<(), Conflict> {
        let emptied = Statement::new("DELETE FROM devices", Vec::new());
        let inserts = rows.iter().map(|row| self.statement(&RowChange::Insert(row.clone())));
        let statements: Vec<Statement> = std::iter::once(emptied).chain(inserts).collect();
        self.run(controls, &statements)
    }

    fn run(&mut self, controls: &Controls, statements: &[Statement]) -> Result<(), Conflict> {
        let outcome = self.applier.run(&mut self.engine, controls, 0, None, statements);
        self.engine.take_log();
        match outcome.error() {
            Some(Reply::Error { message, .. }) => Err(Conflict(message.clone())),
            _ => Ok(()),
        }
    }

    /// Runs a reader's transaction, on a session that `draw` chooses.
    pub fn read(&mut self, controls: &Controls, draw: u64, transaction: &Transaction) -> Outcome {
        let (tenant, statements) = (transaction.tenant.as_ref(), &transaction.statements);
        let outcome = self.readers.run(&mut self.engine, controls, draw, tenant, statements);
        self.engine.take_log();
        outcome
    }

    /// Every row that is there, policies notwithstanding.
    pub fn rows(&self) -> BTreeMap<Key, Row> {
        let devices = self.engine.scan_store().filter(|(table, _)| table == "devices");
        devices.filter_map(|(_, row)| Some((key(row)?, row.clone()))).collect()
    }
}

/// The key of a row.
pub fn key(row: &Row) -> Option<Key> {
    Some((row.first()?.as_text()?.into(), row.get(1)?.as_int()?))
}

/// What leads from one set of rows to another.
pub fn difference(from: &BTreeMap<Key, Row>, to: &BTreeMap<Key, Row>) -> Vec<RowChange> {
    let gone = from.iter().filter(|(key, _)| !to.contains_key(*key)).map(|(_, row)| RowChange::Delete(row.clone()));
    let there = to.iter().filter_map(|(key, row)| match from.get(key) {
        None => Some(RowChange::Insert(row.clone())),
        Some(old) if old != row => Some(RowChange::Update(old.clone(), row.clone())),
        Some(_) => None,
    });
    gone.chain(there).collect()
}

/// How old a replica's rows are, by its own clock alone.
#[derive(Clone, Debug)]
pub struct Lag {
    /// Everything that was safe at the publisher by then is here; `None` when nobody knows since the replica began.
    as_of: Option<Instant>,
    began: Instant,
    alarm: Alarm,
}

/// Who says that something has been going on for too long, and not again before it has gone on as long once more.
#[derive(Clone, Copy, Default, Debug)]
pub struct Alarm(Option<Instant>);

impl Alarm {
    /// Whether it is to be said now of what has been going on for so long.
    pub fn rings(&mut self, controls: &Controls, now: Instant, (lasts, bound): (Duration, Duration)) -> bool {
        let is_said = self.0.is_some_and(|at| now.since(at) < bound);
        if lasts <= bound || is_said || !controls.on(&LAG_ALARM) {
            return false;
        }
        self.0 = Some(now);
        true
    }
}

impl Lag {
    /// Nothing is known.
    pub fn new(now: Instant) -> Lag {
        Lag { as_of: None, began: now, alarm: Alarm::default() }
    }

    /// Everything is here that was safe at an instant.
    pub fn complete(&mut self, as_of: Instant) {
        self.as_of = self.as_of.max(Some(as_of));
    }

    /// How old the rows are; since when it began when nobody knows.
    pub fn age(&self, now: Instant) -> Duration {
        now.since(self.as_of.unwrap_or(self.began))
    }

    /// Whether the rows may be served to somebody who takes them so old.
    ///
    /// # Errors
    /// `55000` when they are older, or nobody knows how old.
    pub fn serves(&self, controls: &Controls, now: Instant, at_most: Duration) -> Result<(), SqlError> {
        let is_young = self.as_of.is_some_and(|at| now.since(at) <= at_most);
        if is_young || !controls.on(&STALENESS_BOUND) {
            return Ok(());
        }
        let (behind, asked) = (self.age(now).as_millis(), at_most.as_millis());
        let message = format!("the replica is {behind} ms behind its publisher, and {asked} ms were asked for");
        Err(SqlError::new(NOT_IN_STATE, message))
    }

    /// How old the rows are, if that is too old and was not said within the bound.
    pub fn alarm(&mut self, controls: &Controls, now: Instant, bound: Duration) -> Option<Duration> {
        let age = self.age(now);
        self.alarm.rings(controls, now, (age, bound)).then_some(age)
    }
}

/// Where a replica stands: a timeline, and a place on it.
pub type Position = (Timeline, Lsn);

#[cfg(test)]
mod tests {
    use super::super::testing::{render, without};
    use super::*;

    fn row(tenant: &str, id: i64, body: &str) -> Row {
        [Value::text(tenant), Value::Int(id), Value::text("any"), Value::text(body), Value::Int(1)].into()
    }

    fn replica(off: &[&Control]) -> (Replica, Controls) {
        let controls = without(off);
        let mut replica = Replica::new(&controls, &Engine::replica());
        let two = vec![RowChange::Insert(row("acme", 1, "a")), RowChange::Insert(row("beta", 2, "b"))];
        replica.apply(&controls, &[two]).expect("nothing is in their way");
        (replica, controls)
    }

    fn said(replica: &mut Replica, controls: &Controls, tenant: Option<&str>, text: &str) -> String {
        let statements = vec![Statement::new(text, Vec::new())];
        let transaction = Transaction { tenant: tenant.map(Into::into), login: None, statements };
        replica.read(controls, 0, &transaction).replies.iter().map(render).collect::<Vec<_>>().join(" / ")
    }

    const ALL: &str = "SELECT tenant_id, id FROM devices ORDER BY id";

    #[test]
    fn a_reader_sees_its_tenants_rows_and_without_policies_everybodys() {
        let (mut with, on) = replica(&[]);
        assert_eq!(said(&mut with, &on, Some("acme"), ALL), "(acme,1)");
        assert_eq!(said(&mut with, &on, None, ALL), "none");
        let (mut without, off) = replica(&[&REPLICA_POLICIES]);
        assert_eq!(said(&mut without, &off, Some("acme"), ALL), "(acme,1) (beta,2)");
    }

    #[test]
    fn what_a_reader_writes_stops_the_worker_when_the_primary_makes_the_same_row() {
        let plant = "INSERT INTO devices (tenant_id, id, body) VALUES ('acme', 7, 'planted')";
        let (mut with, on) = replica(&[]);
        assert_eq!(said(&mut with, &on, Some("acme"), plant), "42501");
        let (mut without, off) = replica(&[&SELECT_ONLY]);
        assert_eq!(said(&mut without, &off, Some("acme"), plant), "1");
        let before = without.rows();
        let changes = [
            vec![RowChange::Update(row("acme", 1, "a"), row("acme", 1, "c"))],
            vec![RowChange::Insert(row("acme", 7, "x"))],
        ];
        let conflict = without.apply(&off, &changes).expect_err("it is taken");
        assert!(conflict.0.contains("duplicate key"), "{conflict:?}");
        assert_eq!(without.rows(), before, "nothing of the stretch is applied");
        without.apply(&off, &[vec![RowChange::Delete(row("acme", 7, ""))]]).expect("it is taken away");
        without.apply(&off, &changes).expect("then it goes on");
    }

    #[test]
    fn a_change_that_finds_no_row_is_passed_over() {
        let (mut replica, on) = replica(&[]);
        let missing = vec![RowChange::Update(row("acme", 5, "a"), row("acme", 5, "b"))];
        replica.apply(&on, &[missing, vec![RowChange::Delete(row("acme", 6, ""))]]).expect("it goes on");
        assert_eq!(replica.rows().len(), 2);
    }

    #[test]
    fn a_copy_takes_the_place_of_everything() {
        let (mut replica, on) = replica(&[]);
        let before = replica.rows();
        replica.replace(&on, &[row("acme", 1, "new"), row("acme", 9, "x")]).expect("nothing is in its way");
        let after = replica.rows();
        assert_eq!(after.keys().map(|(_, id)| *id).collect::<Vec<_>>(), [1, 9]);
        replica.apply(&on, &[difference(&after, &before)]).expect("the way back");
        assert_eq!(replica.rows(), before);
    }

    #[test]
    fn rows_are_served_as_old_as_was_asked_for_and_not_at_all_while_nobody_knows() {
        let at = |ms| Instant::ZERO + Duration::millis(ms);
        let (on, bound) = (Controls::all_on(), Duration::millis(500));
        let mut lag = Lag::new(at(100));
        assert_eq!(lag.serves(&on, at(101), bound).expect_err("nobody knows").sqlstate(), "55000");
        lag.complete(at(200));
        lag.complete(at(150));
        assert!(lag.serves(&on, at(700), bound).is_ok() && lag.serves(&on, at(701), bound).is_err());
        assert!(lag.serves(&without(&[&STALENESS_BOUND]), at(9_000), bound).is_ok());
        assert_eq!(lag.alarm(&on, at(700), bound), None);
        assert_eq!(lag.alarm(&on, at(701), bound), Some(Duration::millis(501)));
        assert_eq!(lag.alarm(&on, at(800), bound), None, "it was said");
        assert!(lag.alarm(&on, at(1_300), bound).is_some());
        assert_eq!(Lag::new(at(0)).alarm(&without(&[&LAG_ALARM]), at(9_000), bound), None);
    }
}
