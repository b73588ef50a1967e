//! The registrar as a machine: role `cell-a/registrar`, one a cell.
//!
//! Rows of a tenant leave one transaction after the other, so that each follows the one before. A transaction without
//! an answer is sent again as it was; a row that is there already is not written twice. How far each log went lies on
//! the registrar's own disk before anybody is told.

use super::chain::{Entry, Head, Verdict, verify};
use crate::crypto::Key;
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::request_log::Note;
use crate::wire::sql::{Outcome, Reply, Statement, Transaction, Value};
use sim::disk::{FileId, Write};
use sim::seed::{Lineage, mix, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How a log is reported that is not what was written.
pub const ALTERED: &str = "request-log-altered";
/// How a log is reported that lost rows.
pub const SHORT: &str = "request-log-short";

/// What a registrar is.
#[derive(Clone, Debug)]
pub struct RegistrarSpec {
    /// Its role.
    pub role: Arc<str>,
    /// The database nodes.
    pub databases: Vec<NodeId>,
    /// The key that it signs with.
    pub key: Key,
    /// How often it reads every log.
    pub every: Duration,
    /// Worker time of a row.
    pub cost: Duration,
}

/// Who waits for a row: the caller, its number, and the story of its request.
type Waiter = (NodeId, u64, Lineage);

/// Rows on their way.
struct Writing {
    rows: Vec<Entry>,
    /// Who waits for each.
    waiters: Vec<Waiter>,
    since: Instant,
    /// Which database was asked.
    asked: usize,
}

/// The log of a tenant.
#[derive(Default)]
struct Lane {
    /// The last row that the database has.
    head: Head,
    /// What is to be written.
    notes: Vec<(Note, Waiter)>,
    writing: Option<Writing>,
    /// The reading under way: where the log ended when it began, and since when.
    reading: Option<(Head, Instant)>,
    /// Rows whose signatures were checked.
    believed: BTreeSet<(Arc<str>, Arc<str>)>,
    told: bool,
}

/// What a call to the database is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    /// Rows up to this one.
    Write(i64),
    Read,
}

/// A registrar at work.
pub struct Registrar {
    spec: RegistrarSpec,
    name: u64,
    lanes: BTreeMap<TenantId, Lane>,
    /// What was asked about which tenant, and of which database.
    calls: BTreeMap<u64, (TenantId, Call, usize)>,
    /// Heads that the disk has yet to keep, with who waits for that.
    keeping: BTreeMap<u64, Vec<Waiter>>,
    /// Which database node is asked: the next one after one that did not answer well.
    database: usize,
    sequence: u64,
    ticks: u64,
    append: Arc<str>,
    all: Arc<str>,
}

const HEADS: FileId = 0;
const TICK: u64 = 1;
/// Between two looks at what has no answer.
const TICK_EVERY: Duration = Duration::millis(100);
/// What has no answer by then is asked again, of the other node.
const PATIENCE: Duration = Duration::millis(400);

impl Registrar {
    /// A registrar that knows how far each log went.
    pub fn boot(spec: &RegistrarSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Registrar {
        let mut registrar = Registrar {
            name: name_hash(&spec.role) ^ ctx.lineage().cause,
            lanes: BTreeMap::new(),
            calls: BTreeMap::new(),
            keeping: BTreeMap::new(),
            database: 0,
            sequence: 0,
            ticks: 0,
            append: "INSERT INTO request_log (tenant_id, seq, at_ns, actor, request, previous_hash, hash, signature) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
                .into(),
            all: "SELECT seq, at_ns, actor, request, previous_hash, hash, signature FROM request_log \
                  WHERE tenant_id = $1 ORDER BY seq"
                .into(),
            spec: spec.clone(),
        };
        for (tenant, head) in ctx.disk().read(HEADS).iter().filter_map(|record| recall(record)) {
            registrar.lanes.entry(tenant).or_default().head = head;
        }
        registrar.tick(ctx, out);
        registrar
    }

    fn own(&mut self) -> Lineage {
        self.sequence += 1;
        Lineage::root(self.name, self.sequence)
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        self.ticks += 1;
        let late = |since: Instant| now.since(since) >= PATIENCE;
        let mut again = Vec::new();
        for (tenant, lane) in &mut self.lanes {
            if let Some(writing) = lane.writing.as_ref().filter(|writing| late(writing.since)) {
                again.push((tenant.clone(), writing.asked));
            }
            if lane.reading.as_ref().is_some_and(|(_, since)| late(*since)) {
                lane.reading = None;
            }
        }
        for (tenant, asked) in again {
            self.leave(asked);
            self.send_rows(ctx, out, &tenant);
        }
        let readings = self.spec.every.0 / TICK_EVERY.0;
        if self.ticks.is_multiple_of(readings.max(1)) {
            let tenants: Vec<TenantId> = self.lanes.keys().cloned().collect();
            tenants.iter().for_each(|tenant| self.read(ctx, out, tenant));
        }
        out.timer_for(Lineage::root(self.name, mix(self.ticks, 0x71c)), TICK_EVERY, TICK);
    }

    /// Asks another database from now on, unless that one has been left already: of several calls that it did not
    /// answer well, one counts.
    fn leave(&mut self, asked: usize) {
        self.database += usize::from(self.database == asked);
    }

    fn call(&mut self, out: &mut Outbox<Saas>, tenant: &TenantId, call: Call, statements: Vec<Statement>) {
        let lineage = self.own();
        let id = self.sequence;
        self.calls.insert(id, (tenant.clone(), call, self.database));
        let transaction = Transaction { tenant: Some(tenant.clone()), login: None, statements };
        let to = self.spec.databases[self.database % self.spec.databases.len()];
        out.send_for(lineage, to, Wire::Sql(id, Box::new(transaction)));
    }

    /// Something is to be written down.
    fn noted(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, waiter: Waiter, note: Note) {
        let tenant = note.tenant.clone();
        self.lanes.entry(tenant.clone()).or_default().notes.push((note, waiter));
        self.write(ctx, out, &tenant);
    }

    /// Writes what there is to write of a tenant, when nothing of it is on its way.
    fn write(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, tenant: &TenantId) {
        let Some(lane) = self.lanes.get_mut(tenant).filter(|l| l.writing.is_none() && !l.notes.is_empty()) else {
            return;
        };
        let (mut head, mut rows, mut waiters) = (lane.head.clone(), Vec::new(), Vec::new());
        for (note, waiter) in std::mem::take(&mut lane.notes) {
            let at_ns = ctx.now().0 as i64;
            let row = Entry::chained(tenant, &head, at_ns, (&note.actor, &note.request)).signed(&self.spec.key);
            out.busy(self.spec.cost);
            head = row.head();
            rows.push(row);
            waiters.push(waiter);
        }
        lane.writing = Some(Writing { rows, waiters, since: ctx.now(), asked: self.database });
        self.send_rows(ctx, out, tenant);
    }

    fn send_rows(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, tenant: &TenantId) {
        let Some(writing) = self.lanes.get_mut(tenant).and_then(|lane| lane.writing.as_mut()) else { return };
        (writing.since, writing.asked) = (ctx.now(), self.database);
        let rows = &writing.rows;
        let statement = |row: &Entry| {
            let params = std::iter::once(Value::Text(tenant.clone())).chain(row.values()).collect();
            Statement { text: self.append.clone(), params }
        };
        let statements = rows.iter().map(statement).collect();
        let last = rows.last().map_or(0, |row| row.seq);
        self.call(out, tenant, Call::Write(last), statements);
    }

    fn read(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, tenant: &TenantId) {
        let Some(lane) = self.lanes.get_mut(tenant).filter(|lane| lane.reading.is_none()) else { return };
        lane.reading = Some((lane.head.clone(), ctx.now()));
        let statements = vec![Statement { text: self.all.clone(), params: vec![Value::Text(tenant.clone())] }];
        self.call(out, tenant, Call::Read, statements);
    }

    fn answered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64, outcome: &Outcome) {
        let Some((tenant, call, asked)) = self.calls.remove(&id) else { return };
        if outcome.error().is_some() {
            // Another node leads: what waits is asked again by the clock.
            self.leave(asked);
            return;
        }
        match call {
            Call::Write(last) => self.written(ctx, out, &tenant, last),
            Call::Read => self.looked(ctx, out, &tenant, &outcome.replies),
        }
    }

    /// The database has the rows up to `last`: once the disk knows how far the log is, those who wait are told. Of rows
    /// that were sent twice the second answer says nothing.
    fn written(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, tenant: &TenantId, last: i64) {
        let Some(lane) = self.lanes.get_mut(tenant) else { return };
        if lane.writing.as_ref().and_then(|writing| writing.rows.last()).is_none_or(|row| row.seq != last) {
            return;
        }
        let Some(Writing { rows, waiters, .. }) = lane.writing.take() else { return };
        lane.head = rows.last().map_or_else(|| lane.head.clone(), Entry::head);
        out.write(HEADS, Write::Append(record(tenant, &lane.head)));
        self.sequence += 1;
        out.sync(self.sequence);
        self.keeping.insert(self.sequence, waiters);
        self.write(ctx, out, tenant);
    }

    fn kept(&mut self, out: &mut Outbox<Saas>, token: u64) {
        for (to, id, lineage) in self.keeping.remove(&token).unwrap_or_default() {
            out.send_for(lineage, to, Wire::NoteKept(id));
        }
    }

    fn looked(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, tenant: &TenantId, replies: &[Reply]) {
        let (key, cost) = (*self.spec.key.public(), self.spec.cost);
        let Some(lane) = self.lanes.get_mut(tenant) else { return };
        let Some((known, _)) = lane.reading.take() else { return };
        let rows: Option<Vec<Entry>> = replies.iter().flat_map(Reply::rows).map(Entry::read).collect();
        let verdict = match &rows {
            Some(rows) => verify(ctx.controls(), (tenant, rows), &key, &known, &mut lane.believed),
            None => Verdict::Altered(0),
        };
        out.busy(cost);
        let (what, value) = match verdict {
            Verdict::Intact => return,
            Verdict::Altered(seq) => (ALTERED, seq),
            Verdict::Short(seq) => (SHORT, seq),
        };
        if !std::mem::replace(&mut lane.told, true) {
            out.fact(Fact::Reported { by: "registrar", what, about: tenant.clone(), value: value as u64 });
        }
    }
}

fn record(tenant: &TenantId, head: &Head) -> Box<[u8]> {
    format!("{tenant} {} {}", head.seq, head.hash).into_bytes().into()
}

/// Reads a record; `None` when the disk damaged it.
fn recall(record: &[u8]) -> Option<(TenantId, Head)> {
    let text = std::str::from_utf8(record).ok()?;
    let mut parts = text.split(' ');
    let (tenant, seq, hash) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    Some((tenant.into(), Head { seq, hash: hash.into() }))
}

impl Machine<Saas> for Registrar {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Note(id, note) } => {
                let waiter = (from, id, ctx.lineage());
                self.noted(ctx, out, waiter, *note);
            }
            Input::Message { message: Wire::SqlAnswer(id, outcome), .. } => self.answered(ctx, out, id, &outcome),
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Synced { token, ok: true } => self.kept(out, token),
            Input::Synced { token, ok: false } => out.sync(token),
            Input::Timer { token: TICK } => self.tick(ctx, out),
            _ => {}
        }
    }
}
