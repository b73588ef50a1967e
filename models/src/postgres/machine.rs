//! A database node as a machine: log on disk, log to the standby, leadership on loan.
//!
//! Both nodes of a pair run the same machine; which of them leads is decided by the arbiter, and by what each finds on
//! its own disk after a crash. A row is stated as a store fact when the node's disk has it, not before.

use super::engine::Engine;
use super::kept::Kept;
use super::primary::{LogWrite, Primary, Released, Step};
use super::recover::{Recovered, recover};
use super::reign::{Reign, Standing};
use super::standby::Standby;
use super::wal::{LOG_START, Redo, decode_record};
use crate::fact::{Fact, Place};
use crate::ids::{Bytes, TenantId};
use crate::luck;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::sql::{Lease, Lsn, Outcome, Replication, Reply, Statement, Timeline, Transaction, Value};
use sim::disk::Write;
use sim::seed::{Lineage, mix, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

pub mod arbiter;

/// Worker time of the steps of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct DbCosts {
    /// Of every transaction.
    pub begin: Duration,
    /// Of a statement.
    pub statement: Duration,
    /// Of a commit that wrote.
    pub commit: Duration,
}

/// What a database node is.
#[derive(Clone, Debug)]
pub struct DbSpec {
    /// Its role.
    pub role: Arc<str>,
    /// The other node of the pair.
    pub peer: NodeId,
    /// The arbiter.
    pub arbiter: NodeId,
    /// Whether it leads at first.
    pub leads: bool,
    /// The base: schema and the rows that tenants begin with.
    pub base: Rc<Engine>,
    /// Server sessions of the pool.
    pub sessions: u16,
    /// Role with which the service logs in.
    pub login: &'static str,
    /// Length of a lease.
    pub term: Duration,
    /// Where it stands.
    pub place: Place,
    /// Worker time.
    pub costs: DbCosts,
    /// A tenant whose rows are deleted at an instant, because its id is given to somebody else.
    pub reborn: Option<(TenantId, Instant)>,
}

const LOG: u8 = 0;
const STATE: u8 = 1;

const BEAT: u64 = 1;
const REBORN: u64 = 2;
/// A sync of the log: the era above, the position below. Alone it is a sync that nobody waits for.
const SYNC: u64 = 1 << 60;
const ERA_SHIFT: u32 = 48;
const ERAS: u64 = (1 << (60 - ERA_SHIFT)) - 1;
/// A sync of the record that says that this node leads, with the timeline below.
const PROMOTED: u64 = 1 << 61;

enum Life {
    Leads(Box<Primary>),
    Follows(Box<Standby>),
}

struct Caller {
    node: NodeId,
    id: u64,
    lineage: Lineage,
}

/// A database node at work.
pub struct DbNode {
    spec: DbSpec,
    name: u64,
    life: Option<Life>,
    /// The log as it was written: for a rewind, and as the archive of what is no longer kept for standbys.
    log: Vec<(Lsn, Bytes)>,
    /// Counts rewinds: a sync that began before one says nothing about what was written after.
    era: u64,
    /// The disk was full: what is written is synced again at the next beat.
    sync_again: bool,
    /// The timeline on which it will lead, once its disk knows.
    promotion: Option<Timeline>,
    /// Rows whose log is not yet on disk.
    unstated: VecDeque<(Lsn, Bytes)>,
    callers: BTreeMap<u64, Caller>,
    calls: u64,
    beats: u64,
    heard: Instant,
    acked: Instant,
    /// The table of records, by its place in the catalogue.
    records: Arc<str>,
}

impl DbNode {
    /// A node that takes up what its disk kept.
    pub fn boot(spec: &DbSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> DbNode {
        let mut node = DbNode {
            name: name_hash(&spec.role),
            life: None,
            log: Vec::new(),
            era: 0,
            sync_again: false,
            promotion: None,
            unstated: VecDeque::new(),
            callers: BTreeMap::new(),
            calls: 0,
            beats: mix(ctx.now().0, 1) >> 16,
            heard: ctx.now(),
            acked: ctx.now(),
            records: "records".into(),
            spec: spec.clone(),
        };
        node.take_up(ctx, out);
        if let Some((_, at)) = &spec.reborn {
            out.timer_for(Lineage::root(node.name, 0x4eb0), at.since(ctx.now()), REBORN);
        }
        node.beat(ctx, out);
        node
    }

    /// What its log holds, and whether it led.
    fn take_up(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let bytes: Vec<u8> = ctx.disk().read(LOG).iter().flat_map(|record| record.iter().copied()).collect();
        let standing = ctx.disk().read(STATE).iter().rev().find_map(|record| Standing::decode(record));
        let first = self.spec.leads.then_some(Reign { timeline: Timeline(1), began: LOG_START });
        let mut reign = match standing {
            Some(Standing::Leads(reign)) => Some(reign),
            Some(Standing::Follows) => None,
            None => first,
        };
        let recovered = recover((*self.spec.base).clone(), &bytes, LOG_START).unwrap_or_else(|why| {
            // Damaged in the middle: what cannot be read is never served. It starts over from the base, and follows:
            // a leader without its log would lead everybody into the loss.
            self.report(out, "log-unreadable", why.to_string().into(), bytes.len() as u64);
            reign = None;
            Recovered { engine: (*self.spec.base).clone(), cut: bytes.len() as u64, kept: Kept::default() }
        });
        self.keep_log(&bytes, recovered.engine.log_end(), out);
        // Log of a later timeline: it had stepped down, and its disk lost the record that said so.
        reign = reign.filter(|reign| reign.timeline >= recovered.engine.timeline());
        let (pool, login, term) = (self.spec.sessions, self.spec.login, self.spec.term);
        self.life = Some(match reign {
            Some(reign) => {
                let primary = Primary::resume(recovered, reign, pool, login, term);
                Life::Leads(Box::new(primary.expect("the service may log in")))
            }
            None => Life::Follows(Box::new(Standby::resume(recovered, pool, login).expect("the service may log in"))),
        });
    }

    /// Takes the readable part of the log over, and cuts the file where it ends.
    fn keep_log(&mut self, bytes: &[u8], end: Lsn, out: &mut Outbox<Saas>) {
        let mut at = LOG_START;
        while at < end {
            let offset = (at.0 - LOG_START.0) as usize;
            let Some((_, length)) = decode_record(&bytes[offset..], at) else { break };
            self.log.push((at, bytes[offset..offset + length].into()));
            at = Lsn(at.0 + length as u64);
        }
        out.write(LOG, Write::Truncate(self.log.len()));
        out.sync(SYNC);
    }

    fn report(&self, out: &mut Outbox<Saas>, what: &'static str, about: Arc<str>, value: u64) {
        out.fact(Fact::Reported { by: "postgres", what, about, value });
    }

    fn own(&mut self) -> Lineage {
        self.beats += 1;
        Lineage::root(self.name, self.beats)
    }

    /// Renews the lease, or asks for the log, or for promotion.
    fn beat(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        let lineage = self.own();
        let (peer, arbiter) = (self.spec.peer, self.spec.arbiter);
        if std::mem::take(&mut self.sync_again) {
            out.sync(self.log_sync());
        }
        match self.life.as_mut() {
            Some(Life::Leads(primary)) => {
                let lost = primary.backlog().0 > 0 && now.since(self.acked) > self.spec.term;
                let step = if lost {
                    self.acked = now;
                    primary.standby_lost(now, ctx.controls())
                } else {
                    primary.look(now, ctx.controls())
                };
                out.send_for(lineage, arbiter, Wire::Lease(primary.renew(now)));
                self.take(out, step);
            }
            Some(Life::Follows(standby)) => {
                let silent = now.since(self.heard);
                if silent > self.spec.term.scale(1, 3) {
                    out.send_for(lineage, peer, Wire::Replication(Box::new(standby.hello())));
                }
                if silent > self.spec.term.scale(3, 2) {
                    out.send_for(lineage.child(2), arbiter, Wire::Lease(standby.ask_promotion()));
                }
            }
            None => {}
        }
        out.timer_for(lineage.child(1), self.spec.term.scale(1, 4), BEAT);
    }

    fn sql(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, id: u64, call: Transaction) {
        let costs = self.spec.costs;
        out.busy(costs.begin + costs.statement * call.statements.len() as u64);
        let now = ctx.now();
        let Some(Life::Leads(primary)) = self.life.as_mut() else {
            let reply = Reply::Error { sqlstate: "57P03", message: "the database system is not the primary".into() };
            let outcome = Outcome { replies: vec![reply], committed: None, observed: Lsn(0) };
            return out.send(from, Wire::SqlAnswer(id, outcome));
        };
        self.calls += 1;
        self.callers.insert(self.calls, Caller { node: from, id, lineage: ctx.lineage() });
        let draw = ctx.draw(luck::SPREAD);
        if !primary.leads(now) {
            // Whether it serves or not, operators see that somebody still comes to it.
            let (by, what, about) = ("postgres", "asked-without-lease", self.spec.role.clone());
            out.fact(Fact::Reported { by, what, about, value: u64::from(primary.timeline().0) });
        }
        let step = primary.submit(now, ctx.controls(), (self.calls, draw), call);
        if !step.writes.is_empty() {
            out.busy(costs.commit);
        }
        self.take(out, step);
    }

    fn take(&mut self, out: &mut Outbox<Saas>, step: Step) {
        self.write(out, step.writes);
        if let Some(word) = step.standby {
            out.send(self.spec.peer, Wire::Replication(Box::new(word)));
        }
        for Released { token, outcome } in step.released {
            if let Some(caller) = self.callers.remove(&token) {
                out.send_for(caller.lineage, caller.node, Wire::SqlAnswer(caller.id, outcome));
            }
        }
    }

    fn write(&mut self, out: &mut Outbox<Saas>, writes: Vec<LogWrite>) {
        if writes.is_empty() {
            return;
        }
        for LogWrite { at, bytes } in writes {
            out.write(LOG, Write::Append((*bytes).into()));
            self.unstated.push_back((at, bytes.clone()));
            self.log.push((at, bytes));
        }
        out.sync(self.log_sync());
    }

    /// The token of a sync of everything that is in the log now.
    fn log_sync(&self) -> u64 {
        let end = self.log.last().map_or(0, |(at, bytes)| at.0 + bytes.len() as u64);
        SYNC | (self.era & ERAS) << ERA_SHIFT | end
    }

    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, token: u64, kept: bool) {
        let end = Lsn(token & ((1 << ERA_SHIFT) - 1));
        if !kept || end == Lsn(0) || token >> ERA_SHIFT != self.log_sync() >> ERA_SHIFT {
            self.sync_again |= !kept;
            return;
        }
        self.state_rows(out, end);
        match self.life.as_mut() {
            Some(Life::Leads(primary)) => {
                let step = primary.synced(ctx.now(), ctx.controls(), end);
                self.take(out, step);
            }
            Some(Life::Follows(standby)) => {
                let word = standby.synced(end);
                out.send(self.spec.peer, Wire::Replication(Box::new(word)));
            }
            None => {}
        }
    }

    /// Rows whose log is on disk now are facts of the store.
    fn state_rows(&mut self, out: &mut Outbox<Saas>, end: Lsn) {
        while self.unstated.front().is_some_and(|(at, bytes)| at.0 + bytes.len() as u64 <= end.0) {
            let Some((at, bytes)) = self.unstated.pop_front() else { break };
            let Some((record, _)) = decode_record(&bytes, at) else { continue };
            for change in record.changes {
                if let Redo::Insert(0, _, row) | Redo::Update(0, _, row) = change
                    && let [Value::Text(tenant), Value::Int(key), .., Value::Text(body), Value::Int(version)] = &row[..]
                {
                    out.fact(Fact::RowStored {
                        place: self.spec.place.clone(),
                        tenant: tenant.clone(),
                        key: *key,
                        version: *version,
                        body: body.as_bytes().into(),
                    });
                }
            }
        }
    }

    fn replication(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, word: Replication) {
        let now = ctx.now();
        match self.life.as_mut() {
            Some(Life::Leads(primary)) => {
                if matches!(word, Replication::Ack(_)) {
                    self.acked = now;
                }
                let mut step = primary.standby_said(now, ctx.controls(), &word);
                if let (Some(Replication::Gone { .. }), Replication::Resend { from, .. }) = (&step.standby, &word) {
                    step.standby = Some(primary.send_archived(&self.log, *from));
                }
                let over = primary.is_over(ctx.controls());
                self.take(out, step);
                if over {
                    self.step_down(out);
                }
            }
            // Where the new timeline begins is already on its way to the disk: nothing is added before it.
            Some(Life::Follows(_)) if self.promotion.is_some() => {}
            Some(Life::Follows(standby)) => {
                let Replication::Send(send) = word else { return };
                self.heard = now;
                let received = standby.receive(&send);
                if let Some(Replication::Diverged { at }) = received.answer {
                    return self.rewind(out, at);
                }
                if let Some(word) = received.answer {
                    out.send(self.spec.peer, Wire::Replication(Box::new(word)));
                }
                self.write(out, received.writes);
            }
            None => {}
        }
    }

    /// Our own log goes past the point where the present timeline began: it is cut there.
    fn rewind(&mut self, out: &mut Outbox<Saas>, fork: Lsn) {
        let bytes: Vec<u8> = self.log.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let base = (*self.spec.base).clone();
        let rewound = Standby::rewind(base, &bytes, fork, self.spec.sessions, self.spec.login);
        self.log.retain(|(at, _)| *at < fork);
        self.unstated.retain(|(at, _)| *at < fork);
        self.era += 1;
        out.write(LOG, Write::Truncate(self.log.len()));
        out.sync(SYNC);
        self.report(out, "rewound", self.spec.role.clone(), fork.0);
        match rewound {
            Ok(standby) => {
                let hello = standby.hello();
                self.life = Some(Life::Follows(Box::new(standby)));
                out.send(self.spec.peer, Wire::Replication(Box::new(hello)));
            }
            Err(why) => self.report(out, "log-unreadable", why.to_string().into(), fork.0),
        }
    }

    fn lease(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, word: Lease) {
        match (self.life.take(), word) {
            (Some(Life::Leads(mut primary)), word) => {
                let step = primary.arbiter_said(ctx.now(), ctx.controls(), &word);
                let over = primary.is_over(ctx.controls());
                self.life = Some(Life::Leads(primary));
                self.take(out, step);
                if over {
                    self.step_down(out);
                }
            }
            (Some(Life::Follows(standby)), Lease::Promoted { timeline })
                if timeline > standby.timeline() && self.promotion.is_none() =>
            {
                let reign = Reign { timeline, began: standby.engine().log_end() };
                self.promotion = Some(timeline);
                out.write(STATE, Write::Append(Standing::Leads(reign).encode().into()));
                out.sync(PROMOTED | u64::from(timeline.0));
                self.life = Some(Life::Follows(standby));
            }
            (life, _) => self.life = life,
        }
    }

    /// The disk knows that this node leads, or has no room to know it: then the arbiter will be asked again.
    fn promoted(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, kept: bool) {
        let Some(timeline) = self.promotion.take().filter(|_| kept) else { return };
        let Some(Life::Follows(standby)) = self.life.take() else { return };
        self.acked = ctx.now();
        self.report(out, "promoted", self.spec.role.clone(), u64::from(timeline.0));
        self.life = Some(Life::Leads(Box::new(standby.promote(timeline, self.spec.term))));
        self.beat_soon(ctx, out);
        if self.spec.reborn.as_ref().is_some_and(|(_, at)| ctx.now() >= *at) {
            out.timer(self.spec.term.scale(1, 4), REBORN);
        }
    }

    /// A fresh leader asks for its lease at once.
    fn beat_soon(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let lineage = self.own();
        if let Some(Life::Leads(primary)) = &self.life {
            out.send_for(lineage, self.spec.arbiter, Wire::Lease(primary.renew(ctx.now())));
        }
    }

    /// Somebody else leads: follow, and let callers ask there.
    fn step_down(&mut self, out: &mut Outbox<Saas>) {
        if let Some(Life::Leads(primary)) = self.life.take() {
            self.report(out, "deposed", self.spec.role.clone(), u64::from(primary.timeline().0));
            out.write(STATE, Write::Append(Standing::Follows.encode().into()));
            let standby = primary.step_down();
            let hello = standby.hello();
            out.send(self.spec.peer, Wire::Replication(Box::new(hello)));
            self.life = Some(Life::Follows(Box::new(standby)));
            self.callers.clear();
        }
    }

    /// The tenant's id changes hands: everything that the former owner left is deleted.
    fn delete_former(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let Some((tenant, _)) = self.spec.reborn.clone() else { return };
        let Some(Life::Leads(primary)) = self.life.as_mut() else { return };
        if !primary.leads(ctx.now()) {
            // Without a lease it would be refused: try again when there is one.
            return out.timer(self.spec.term.scale(1, 4), REBORN);
        }
        let text: Arc<str> = format!("DELETE FROM {} WHERE tenant_id = $1", self.records).into();
        let statement = Statement { text, params: vec![Value::Text(tenant.clone())] };
        let call = Transaction { tenant: Some(tenant), statements: vec![statement] };
        let draw = ctx.draw(luck::SPREAD);
        let step = primary.submit(ctx.now(), ctx.controls(), (0, draw), call);
        self.take(out, step);
    }
}

impl Machine<Saas> for DbNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message } => match message {
                Wire::Sql(id, call) => self.sql(ctx, out, from, id, *call),
                Wire::Replication(word) => self.replication(ctx, out, *word),
                Wire::Lease(word) => self.lease(ctx, out, word),
                Wire::Probe(id) => out.send(from, Wire::ProbeAnswer(id)),
                _ => {}
            },
            Input::Synced { token, ok } if token & PROMOTED != 0 => self.promoted(ctx, out, ok),
            Input::Synced { token, ok } => self.synced(ctx, out, token, ok),
            Input::Timer { token: BEAT } => self.beat(ctx, out),
            Input::Timer { token: REBORN } => self.delete_former(ctx, out),
            _ => {}
        }
    }
}
