//! A database node and its arbiter as machines: log on disk, log to the standby, leadership on loan.
//!
//! Both nodes of a pair run the same machine; which of them leads is decided by the arbiter, and by what each finds on
//! its own disk after a crash. A row is stated as a store fact when the node's disk has it, not before.

use super::arbiter::Arbiter;
use super::engine::Engine;
use super::primary::{LogWrite, Primary, Released, Step};
use super::recover::recover;
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
const SYNC: u64 = 1 << 60;

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
    /// The log as it was written, for a rewind.
    log: Vec<(Lsn, Bytes)>,
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
        let led = ctx.disk().read(STATE).last().map_or(spec.leads, |state| state.first() == Some(&1));
        let mut node = DbNode {
            name: name_hash(&spec.role),
            life: None,
            log: Vec::new(),
            unstated: VecDeque::new(),
            callers: BTreeMap::new(),
            calls: 0,
            beats: mix(ctx.now().0, 1) >> 16,
            heard: ctx.now(),
            acked: ctx.now(),
            records: "records".into(),
            spec: spec.clone(),
        };
        let bytes: Vec<u8> = ctx.disk().read(LOG).iter().flat_map(|record| record.iter().copied()).collect();
        let engine = match recover((*spec.base).clone(), &bytes, LOG_START) {
            Ok(recovered) => {
                node.keep_log(&bytes, recovered.engine.log_end(), out);
                recovered.engine
            }
            Err(why) => {
                // Damaged in the middle: what cannot be read is never served. Start over from the base.
                node.report(out, "log-unreadable", why.to_string().into(), bytes.len() as u64);
                out.write(LOG, Write::Truncate(0));
                (*spec.base).clone()
            }
        };
        let (pool, login, term) = (spec.sessions, spec.login, spec.term);
        node.life = Some(match led {
            true => Life::Leads(Box::new(Primary::new(engine, pool, login, term).expect("the service may log in"))),
            false => Life::Follows(Box::new(Standby::new(engine, pool, login).expect("the service may log in"))),
        });
        if let Some((_, at)) = &spec.reborn {
            out.timer_for(Lineage::root(node.name, 0x4eb0), at.since(ctx.now()), REBORN);
        }
        node.beat(ctx, out);
        node
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
        match self.life.as_mut() {
            Some(Life::Leads(primary)) => {
                out.send_for(lineage, arbiter, Wire::Lease(primary.renew(now)));
                let waits = primary.backlog().0 > 0;
                if waits && now.since(self.acked) > self.spec.term {
                    let step = primary.standby_lost(now, ctx.controls());
                    self.acked = now;
                    self.take(out, step);
                }
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
        if let Some(word) = step.arbiter {
            out.send(self.spec.arbiter, Wire::Lease(word));
        }
        for Released { token, outcome } in step.released {
            if let Some(caller) = self.callers.remove(&token) {
                out.send_for(caller.lineage, caller.node, Wire::SqlAnswer(caller.id, outcome));
            }
        }
    }

    fn write(&mut self, out: &mut Outbox<Saas>, writes: Vec<LogWrite>) {
        let Some(last) = writes.last() else { return };
        let end = last.at.0 + last.bytes.len() as u64;
        for LogWrite { at, bytes } in writes {
            out.write(LOG, Write::Append((*bytes).into()));
            self.unstated.push_back((at, bytes.clone()));
            self.log.push((at, bytes));
        }
        out.sync(SYNC | end);
    }

    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, end: Lsn) {
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
                let step = primary.standby_said(now, ctx.controls(), &word);
                let over = primary.is_over(ctx.controls());
                self.take(out, step);
                if over {
                    self.step_down(out);
                }
            }
            Some(Life::Follows(standby)) => match word {
                Replication::Send(send) => {
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
                Replication::Gone { oldest } => {
                    self.heard = now;
                    self.report(out, "needs-base", self.spec.role.clone(), oldest.0);
                }
                _ => {}
            },
            None => {}
        }
    }

    /// Our own log goes past the point where the present timeline began: it is cut there.
    fn rewind(&mut self, out: &mut Outbox<Saas>, fork: Lsn) {
        let bytes: Vec<u8> = self.log.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let base = (*self.spec.base).clone();
        let rewound = Standby::rewind(base, &bytes, fork, self.spec.sessions, self.spec.login);
        self.log.retain(|(at, _)| *at < fork);
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
            (Some(Life::Follows(standby)), Lease::Promoted { timeline }) if timeline > standby.timeline() => {
                self.acked = ctx.now();
                self.report(out, "promoted", self.spec.role.clone(), u64::from(timeline.0));
                out.write(STATE, Write::Append([1].into()));
                self.life = Some(Life::Leads(Box::new(standby.promote(timeline, self.spec.term))));
                self.beat_soon(ctx, out);
                if self.spec.reborn.as_ref().is_some_and(|(_, at)| ctx.now() >= *at) {
                    out.timer(self.spec.term.scale(1, 4), REBORN);
                }
            }
            (life, _) => self.life = life,
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
            out.write(STATE, Write::Append([0].into()));
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
            Input::Synced { token, ok: true } if token & SYNC != 0 && token != SYNC => {
                self.synced(ctx, out, Lsn(token & !SYNC));
            }
            Input::Timer { token: BEAT } => self.beat(ctx, out),
            Input::Timer { token: REBORN } => self.delete_former(ctx, out),
            _ => {}
        }
    }
}

/// The arbiter as a machine. It stands for a quorum that does not fail as one.
pub struct ArbiterNode {
    arbiter: Arbiter,
}

impl ArbiterNode {
    /// An arbiter of a pair that is in step.
    pub fn boot(term: Duration, ctx: &Ctx<'_, Saas>) -> ArbiterNode {
        // Its state is a quorum's: it survives, so a crash of this node only silences it for a while.
        let kept = ctx.disk().read(0).last().and_then(|r| r[..].try_into().ok().map(u32::from_le_bytes));
        ArbiterNode { arbiter: Arbiter::new(Timeline(kept.unwrap_or(1)), term) }
    }
}

impl Machine<Saas> for ArbiterNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let Input::Message { from, message: Wire::Lease(word) } = input else { return };
        let before = self.arbiter.timeline();
        if let Some(answer) = self.arbiter.handle(ctx.now(), &word) {
            out.send(from, Wire::Lease(answer));
        }
        if self.arbiter.timeline() != before {
            out.write(0, Write::Append(self.arbiter.timeline().0.to_le_bytes().into()));
            out.sync(0);
        }
    }
}
