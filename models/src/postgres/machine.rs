//! A database node as a machine: log on disk, log to the standby, leadership on loan.
//!
//! Both nodes of a pair run the same machine; which of them leads is decided by the arbiter, and by what each finds on
//! its own disk after a crash. A row is stated as a store fact when the node's disk has it, not before.

use super::engine::Engine;
use super::kept::Kept;
use super::mark::{Mark, SHORT_LOG};
use super::primary::{Primary, Released, Step};
use super::recover::{Recovered, recover};
use super::reign::{Reign, Standing};
use super::sqlstate;
use super::standby::Standby;
use super::wal::{LOG_START, LogError};
use crate::control::Controls;
use crate::fact::{Fact, Place};
use crate::ids::TenantId;
use crate::luck;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::sql::{Lease, Lsn, Outcome, Replication, Reply, Statement, Timeline, Transaction, Value};
use sim::disk::Write;
use sim::seed::{Lineage, mix, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

pub mod arbiter;
mod log;
pub mod publisher;

use log::LogFile;
use publisher::{PublicationSpec, Publisher};

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
    /// What it publishes to a replica in another cell, if anything.
    pub publication: Option<PublicationSpec>,
}

const STATE: u8 = 1;

const BEAT: u64 = 1;
const REBORN: u64 = 2;
/// Number of the deletion among the transactions of this node; callers' begin at 1.
const DELETION: u64 = 0;
/// A sync of the record that says that this node leads, with the timeline below.
const PROMOTED: u64 = 1 << 61;

/// Between two times that a standby asks for log again.
const RESEND_GAP: Duration = Duration::millis(20);

enum Life {
    Leads(Box<Primary>),
    Follows(Box<Standby>),
}

impl Life {
    /// What waits: for the standby, or for a session.
    fn backlog(&self) -> u64 {
        let Life::Leads(primary) = self else { return 0 };
        let (waiting, queued) = primary.backlog();
        (waiting + queued) as u64
    }

    /// Whether it serves: it leads, and holds a lease.
    fn leads(&self, now: Instant) -> bool {
        matches!(self, Life::Leads(primary) if primary.leads(now))
    }
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
    log: LogFile,
    /// The timeline on which it will lead, once its disk knows.
    promotion: Option<Timeline>,
    callers: BTreeMap<u64, Caller>,
    calls: u64,
    beats: u64,
    heard: Instant,
    asked: Instant,
    acked: Instant,
    /// Whether the deletion of a former owner's data was committed while this node led.
    former_gone: bool,
    /// Tables of records by their place in the catalogue, each with the slice that it belongs to.
    records: BTreeMap<u16, Option<Arc<str>>>,
    publisher: Option<Publisher>,
}

impl DbNode {
    /// A node that takes up what its disk kept.
    pub fn boot(spec: &DbSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> DbNode {
        let mut node = DbNode {
            name: name_hash(&spec.role),
            life: None,
            log: LogFile::default(),
            promotion: None,
            callers: BTreeMap::new(),
            calls: 0,
            beats: mix(ctx.now().0, 1) >> 16,
            heard: ctx.now(),
            asked: Instant::ZERO,
            acked: ctx.now(),
            former_gone: false,
            records: spec.base.slices_of("records"),
            publisher: None,
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
        let (controls, bytes, mut mark) = (ctx.controls(), LogFile::read(ctx), LogFile::marked(ctx));
        if !bytes.is_empty() {
            self.report(out, "recovering", self.spec.role.clone(), bytes.len() as u64);
        }
        let standing = ctx.disk().read(STATE).iter().rev().find_map(|record| Standing::decode(record));
        let first = self.spec.leads.then_some(Reign { timeline: Timeline(1), began: LOG_START });
        let mut reign = match standing {
            Some(Standing::Leads(reign)) => Some(reign),
            Some(Standing::Follows) => None,
            None => first,
        };
        let recovered = recover(controls, (*self.spec.base).clone(), &bytes, LOG_START).unwrap_or_else(|why| {
            // Damaged in the middle: what cannot be read is never served. It starts over from the base, and follows:
            // a leader without its log would lead everybody into the loss.
            self.report(out, "log-unreadable", why.to_string().into(), bytes.len() as u64);
            reign = None;
            if let LogError::Corrupt { durable, .. } = why {
                mark = Mark(mark.0.max(durable));
            }
            Recovered { engine: (*self.spec.base).clone(), cut: bytes.len() as u64, kept: Kept::default() }
        });
        self.log = LogFile::keep(ctx, (&bytes, recovered.engine.log_end()), mark, out);
        if self.is_short(controls) {
            // What it lacks was safe here, and perhaps promised: whoever has it may lead, and else an operator decides.
            self.report(out, "log-short", self.spec.role.clone(), mark.0.0);
            reign = None;
        }
        // Log of a later timeline: it had stepped down, and its disk lost the record that said so.
        reign = reign.filter(|reign| reign.timeline >= recovered.engine.timeline());
        let timeline = reign.map(|reign| reign.timeline);
        let log = (&*self.spec.base, self.log.records());
        self.publisher = self.spec.publication.as_ref().map(|spec| Publisher::boot(spec, ctx, log, timeline));
        let (pool, login, term) = (self.spec.sessions, self.spec.login, self.spec.term);
        self.life = Some(match reign {
            Some(reign) => {
                let primary = Primary::resume(controls, recovered, reign, (pool, login), term);
                Life::Leads(Box::new(primary.expect("the service may log in")))
            }
            None => Life::Follows(Box::new(Standby::resume(recovered, pool, login).expect("the service may log in"))),
        });
    }

    /// Whether it lacks what was safe on its disk, and so must not lead.
    fn is_short(&self, controls: &Controls) -> bool {
        self.log.is_short() && controls.on(&SHORT_LOG)
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
        self.log.retry(out);
        self.look_after_slot(ctx, out);
        let short = self.is_short(ctx.controls());
        match self.life.as_mut() {
            Some(Life::Leads(primary)) => {
                let waits = primary.backlog().0 > 0 || !primary.is_whole();
                let lost = waits && now.since(self.acked) > self.spec.term;
                let step = if lost {
                    self.acked = now;
                    primary.standby_lost(now, ctx.controls())
                } else {
                    primary.look(now, ctx.controls())
                };
                if primary.may_renew() {
                    out.send_for(lineage, arbiter, Wire::Lease(primary.renew(now)));
                }
                self.take(out, step);
            }
            Some(Life::Follows(standby)) => {
                let silent = now.since(self.heard);
                if silent > self.spec.term.scale(1, 3) {
                    out.send_for(lineage, peer, Wire::Replication(Box::new(standby.hello())));
                }
                if silent > self.spec.term.scale(3, 2) && !short {
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
        if !matches!(self.life, Some(Life::Leads(_))) {
            let reply = Reply::Error { sqlstate: "57P03", message: "the database system is not the primary".into() };
            let outcome = Outcome { replies: vec![reply], committed: None, observed: Lsn(0) };
            return out.send(from, Wire::SqlAnswer(id, outcome));
        }
        if let Some(outcome) = self.locked(now, &call) {
            return out.send(from, Wire::SqlAnswer(id, outcome));
        }
        let Some(Life::Leads(primary)) = self.life.as_mut() else { return };
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

    /// From the moment at which a tenant's id changes hands until the former owner's data is gone for good, nobody is
    /// served under it: the deletion holds its rows.
    fn locked(&self, now: Instant, call: &Transaction) -> Option<Outcome> {
        let (tenant, at) = self.spec.reborn.as_ref()?;
        if self.former_gone || now < *at || call.tenant.as_ref() != Some(tenant) {
            return None;
        }
        let message = "could not obtain lock on rows of a tenant that is being deleted".into();
        let reply = Reply::Error { sqlstate: sqlstate::LOCK_NOT_AVAILABLE, message };
        Some(Outcome { replies: vec![reply], committed: None, observed: Lsn(0) })
    }

    fn take(&mut self, out: &mut Outbox<Saas>, step: Step) {
        self.log.write(out, step.writes);
        if let Some(word) = step.standby {
            out.send(self.spec.peer, Wire::Replication(Box::new(word)));
        }
        for Released { token, outcome } in step.released {
            if token == DELETION {
                self.former_gone = outcome.committed.is_some();
                if !self.former_gone {
                    out.timer(self.spec.term.scale(1, 4), REBORN);
                }
            }
            if let Some(caller) = self.callers.remove(&token) {
                out.send_for(caller.lineage, caller.node, Wire::SqlAnswer(caller.id, outcome));
            }
        }
    }

    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, token: u64, kept: bool) {
        let Some(end) = self.log.synced(out, token, kept) else { return };
        self.log.state_rows(ctx.controls(), out, (&self.spec.place, &self.records), end);
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

    fn replication(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, word: Replication) {
        let now = ctx.now();
        match self.life.as_mut() {
            Some(Life::Leads(primary)) => {
                if matches!(word, Replication::Ack(_)) {
                    self.acked = now;
                }
                let was_whole = primary.is_whole();
                let mut step = primary.standby_said(now, ctx.controls(), &word);
                if let (Some(Replication::Gone { .. }), Replication::Resend { from, .. }) = (&step.standby, &word) {
                    step.standby = Some(primary.send_archived(self.log.records(), *from));
                }
                let (over, behind) = (primary.is_over(ctx.controls()), primary.is_behind());
                let knows = primary.is_whole() && !was_whole;
                self.take(out, step);
                if knows {
                    self.beat_soon(ctx, out);
                }
                if behind {
                    self.report(out, "log-behind", self.spec.role.clone(), self.log.end().0);
                }
                if over || behind {
                    self.step_down(out);
                }
            }
            // Where the new timeline begins is already on its way to the disk: nothing is added before it.
            Some(Life::Follows(_)) if self.promotion.is_some() => {}
            Some(Life::Follows(standby)) => {
                let Replication::Send(send) = word else { return };
                self.heard = now;
                let before = standby.timeline();
                let received = standby.receive(ctx.controls(), &send);
                if standby.timeline() > before {
                    self.log.fork(out, send.began);
                }
                if let Some(Replication::Diverged { at }) = received.answer {
                    return self.rewind(ctx, out, at);
                }
                // A stream that does not fit is asked for again at a person's pace, or both would do nothing else.
                let again = matches!(received.answer, Some(Replication::Resend { .. }));
                if again && now.since(self.asked) < RESEND_GAP {
                    return;
                }
                if again {
                    self.asked = now;
                }
                if let Some(word) = received.answer {
                    out.send(self.spec.peer, Wire::Replication(Box::new(word)));
                }
                self.log.write(out, received.writes);
            }
            None => {}
        }
    }

    /// Our own log goes past the point where the present timeline began: it is cut there.
    fn rewind(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, fork: Lsn) {
        let (base, bytes) = ((*self.spec.base).clone(), self.log.bytes());
        let rewound = Standby::rewind(ctx.controls(), base, &bytes, fork, (self.spec.sessions, self.spec.login));
        self.log.rewind(out, fork);
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
                if let Lease::Granted { timeline, safe, .. } = word
                    && timeline == primary.timeline()
                    && self.log.was_safe(out, safe)
                    && self.is_short(ctx.controls())
                {
                    self.report(out, "log-short", self.spec.role.clone(), safe.0);
                    self.life = Some(Life::Leads(primary));
                    return self.step_down(out);
                }
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
        self.former_gone = false;
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
            let standby = Standby::deposed(*primary);
            let hello = standby.hello();
            out.send(self.spec.peer, Wire::Replication(Box::new(hello)));
            self.life = Some(Life::Follows(Box::new(standby)));
            self.callers.clear();
        }
    }

    /// The tenant's id changes hands: everything that the former owner left is deleted.
    fn delete_former(&mut self, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let Some((tenant, _)) = self.spec.reborn.clone().filter(|_| !self.former_gone) else { return };
        let Some(Life::Leads(primary)) = self.life.as_mut() else { return };
        if !primary.leads(ctx.now()) {
            // Without a lease it would be refused: try again when there is one.
            return out.timer(self.spec.term.scale(1, 4), REBORN);
        }
        let params = vec![Value::Text(tenant.clone())];
        let statement = Statement::new("DELETE FROM records WHERE tenant_id = $1", params);
        let call = Transaction { tenant: Some(tenant), login: None, statements: vec![statement] };
        let draw = ctx.draw(luck::SPREAD);
        let step = primary.submit(ctx.now(), ctx.controls(), (DELETION, draw), call);
        self.take(out, step);
    }
}

impl Machine<Saas> for DbNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message } => match message {
                Wire::Sql(id, call) => self.sql(ctx, out, from, id, *call),
                Wire::Replication(word) => self.replication(ctx, out, *word),
                Wire::Logical(word) => self.logical(ctx, out, from, &word),
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
        out.gauge("postgres.backlog", || self.life.as_ref().map_or(0, Life::backlog));
    }
}
