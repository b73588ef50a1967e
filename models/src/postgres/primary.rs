//! A primary: runs transactions, and lets a reply go only when what it tells is safe.
//!
//! A commit is visible to others at once, and so a reply that has *read* it waits as well: no client ever sees what a
//! failover could take away. (PostgreSQL reaches the same by making a commit visible only after the wait.) Log leaves
//! for the standby when it is on this node's own disk, as a WAL sender does: a standby that knew more than a primary
//! that comes back from a crash would follow another history under the same timeline.

use super::engine::Engine;
use super::kept::Kept;
use super::pool::{Pool, SessionNo};
use super::recover::Recovered;
use super::reign::Reign;
use super::slot::WAITS_FOR_STANDBY;
use super::sqlstate::{ADMIN_SHUTDOWN, CANNOT_CONNECT_NOW, SqlError, TOO_MANY_CONNECTIONS};
use super::wal::LogWrite;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use crate::planted::POSTGRES_READS_WITHOUT_LEASE;
use crate::wire::sql::{Lease, Lsn, Outcome, Replication, Timeline, Transaction, WalAck, WalSend};
use sim::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};

/// A commit is acknowledged only when it is on the disks of primary and synchronous standby (STO-04).
pub const SYNCHRONOUS_COMMIT: Control = control!(
    "postgres.synchronous-commit",
    upholds: ["STO-04", "STO-09"],
    off: "synchronous_commit = off and an asynchronous standby: a commit is acknowledged before it is on any disk",
);

/// A primary without a valid lease, or with a successor, serves nobody: neither a write, nor a read that its successor
/// may have made stale (STO-04). Patroni demotes such a node, and with it goes every connection.
pub const FENCING: Control = control!(
    "postgres.fencing",
    upholds: ["STO-04"],
    off: "failover without fencing: a deposed primary goes on alone and acknowledges writes (split brain)",
);

/// A primary that comes back asks its standby whether its own log is whole, before it leads (STO-09).
pub const REJOIN_CHECK: Control = control!(
    "postgres.rejoin-check",
    upholds: ["STO-04", "STO-09"],
    off: "a primary that comes back from a crash leads at once with what its disk kept, as PostgreSQL does: a sync \
          that \
          the disk did not keep is a write that is lost",
);

/// Clients that wait for a session, beyond which they are turned away.
const QUEUE_MAX: usize = 10_000;

/// The primary.
#[derive(Debug)]
pub struct Primary {
    pub(super) engine: Engine,
    pub(super) pool: Pool,
    /// Where the present timeline began.
    began: Lsn,
    /// The highest timeline that this node has heard of.
    highest: Timeline,
    term: Duration,
    lease_until: Instant,
    /// Whether commits wait for the standby.
    synchronous: bool,
    /// Whether the standby has everything that anybody was told of. After a boot nobody knows, and so it must not be
    /// promoted.
    in_step: bool,
    /// When it asked to go on without the standby.
    asked_alone: Option<Instant>,
    /// Whether its log is known to hold everything that it promised. After a boot only its standby knows.
    whole: bool,
    /// Whether its standby has log that this node's disk has lost.
    behind: bool,
    synced: Lsn,
    /// What has left for the standby; never more than is synced here.
    sent: Lsn,
    acked: Lsn,
    waiting: BTreeMap<(Lsn, u64), Waiting>,
    queue: VecDeque<Queued>,
    /// Whether a client has come with a login of its own.
    several_logins: bool,
    arrivals: u64,
    kept: Kept,
}

#[derive(Debug)]
struct Waiting {
    token: u64,
    session: SessionNo,
    outcome: Outcome,
}

#[derive(Debug)]
struct Queued {
    token: u64,
    draw: u64,
    transaction: Transaction,
}

impl Queued {
    /// Whether it changes nothing.
    fn reads(&self) -> bool {
        let changes = |text: &str| ["INSERT", "UPDATE", "DELETE"].iter().any(|word| text.starts_with(word));
        !self.transaction.statements.iter().any(|statement| changes(&statement.text))
    }
}

/// An outcome that may leave for its client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Released {
    /// What the caller gave with the transaction.
    pub token: u64,
    /// What to answer.
    pub outcome: Outcome,
}

/// What the node has to do now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Step {
    /// Records to write, then to sync; report the sync with [`Primary::synced`].
    pub writes: Vec<LogWrite>,
    /// A word for the standby.
    pub standby: Option<Replication>,
    /// Answers for clients, in order.
    pub released: Vec<Released>,
}

impl Primary {
    /// A primary over an engine whose log is durable, without a lease: it takes no writes before its first
    /// [`Lease::Granted`]. `term` is the length of a lease, the same as the arbiter's.
    ///
    /// # Errors
    /// `28000` when `login` may not log in.
    pub fn new(mut engine: Engine, pool_size: u16, login: &str, term: Duration) -> Result<Primary, SqlError> {
        let pool = Pool::open(&mut engine, pool_size, login)?;
        Ok(Primary::with_pool(engine, pool, Kept::default(), term))
    }

    /// The primary after a crash, from what recovery made of its disk, on the timeline that it led before. As in
    /// PostgreSQL, commits that were still waiting for the standby are visible now: nobody was promised them, but a
    /// reader may see one and lose it.
    ///
    /// # Errors
    /// `28000` when `login` may not log in.
    pub fn resume(
        controls: &Controls,
        recovered: Recovered,
        reign: Reign,
        (pool_size, login): (u16, &str),
        term: Duration,
    ) -> Result<Primary, SqlError> {
        let Recovered { mut engine, kept, .. } = recovered;
        let pool = Pool::open(&mut engine, pool_size, login)?;
        engine.fork(reign.timeline);
        let whole = !controls.on(&REJOIN_CHECK);
        Ok(Primary { began: reign.began, whole, in_step: false, ..Primary::with_pool(engine, pool, kept, term) })
    }

    /// The primary that a standby becomes: alone until a standby has caught up with it.
    pub(super) fn promoted(engine: Engine, pool: Pool, kept: Kept, term: Duration) -> Primary {
        Primary { synchronous: false, ..Primary::with_pool(engine, pool, kept, term) }
    }

    fn with_pool(mut engine: Engine, pool: Pool, kept: Kept, term: Duration) -> Primary {
        let (end, timeline) = (engine.log_end(), engine.timeline());
        engine.mark_durable(end);
        Primary {
            engine,
            pool,
            began: end,
            highest: timeline,
            term,
            lease_until: Instant::ZERO,
            synchronous: true,
            in_step: true,
            asked_alone: None,
            whole: true,
            behind: false,
            synced: end,
            sent: end,
            acked: end,
            waiting: BTreeMap::new(),
            queue: VecDeque::new(),
            several_logins: false,
            arrivals: 0,
            kept,
        }
    }

    /// The engine, for oracles at the store.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
    /// The primary's timeline.
    pub fn timeline(&self) -> Timeline {
        self.engine.timeline()
    }
    /// Transactions that wait for safety, and clients that wait for a session.
    pub fn backlog(&self) -> (usize, usize) {
        (self.waiting.len(), self.queue.len())
    }
    /// Whether it holds a lease, knows of no successor, and has all that it promised.
    pub fn leads(&self, now: Instant) -> bool {
        self.whole && self.highest == self.timeline() && now < self.lease_until
    }
    /// Whether its log is known to hold everything that it promised.
    pub fn is_whole(&self) -> bool {
        self.whole
    }
    /// Whether its standby has log that this node's disk has lost: it has to step down.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Runs a transaction, or queues it behind those that hold the sessions. `token` comes back with the outcome;
    /// `draw` chooses the session.
    pub fn submit(
        &mut self,
        now: Instant,
        controls: &Controls,
        (token, draw): (u64, u64),
        transaction: Transaction,
    ) -> Step {
        let mut step = Step::default();
        if self.queue.len() == QUEUE_MAX {
            let error = SqlError::new(TOO_MANY_CONNECTIONS, "no more connections allowed (max_client_conn)");
            step.released.push(Released { token, outcome: failed(error) });
            return step;
        }
        if let Err(error) = self.pool.authenticate(&self.engine, controls, transaction.login.as_ref()) {
            step.released.push(Released { token, outcome: failed(error) });
            return step;
        }
        self.several_logins |= transaction.login.is_some();
        self.queue.push_back(Queued { token, draw, transaction });
        self.work(now, controls, &mut step);
        step
    }

    /// The node's disk has synced the log up to `lsn`: it may leave for the standby.
    pub fn synced(&mut self, now: Instant, controls: &Controls, lsn: Lsn) -> Step {
        self.synced = self.synced.max(lsn);
        let fresh = self.kept.between(self.sent, self.synced).unwrap_or_default();
        let mut step = self.advance(now, controls);
        if !fresh.is_empty() {
            step.standby = Some(self.send(self.sent, fresh));
            self.sent = self.synced;
        }
        step
    }

    /// Time passes: without a lease, those who wait for a session are told that they wait in vain; after a boot, the
    /// standby is asked where it is.
    pub fn look(&mut self, now: Instant, controls: &Controls) -> Step {
        let mut step = self.advance(now, controls);
        if !self.whole {
            step.standby = Some(self.send(self.synced, Vec::new()));
        }
        step
    }

    /// The standby has said something.
    pub fn standby_said(&mut self, now: Instant, controls: &Controls, word: &Replication) -> Step {
        match word {
            Replication::Ack(WalAck { timeline, lsn }) | Replication::Resend { timeline, from: lsn }
                if *timeline == self.timeline() =>
            {
                self.compare(*lsn);
            }
            // A standby of an earlier timeline has nothing of this one.
            Replication::Resend { timeline, .. } if *timeline < self.timeline() => self.whole = true,
            _ => {}
        }
        match word {
            Replication::Ack(_) | Replication::Resend { .. } if self.behind => Step::default(),
            Replication::Ack(ack) if ack.timeline == self.timeline() => {
                self.acked = self.acked.max(ack.lsn);
                self.kept.forget(ack.lsn);
                if ack.lsn >= self.synced {
                    // It has everything that anybody was told of: from now on commits wait for it again, and the next
                    // renewal says so.
                    self.synchronous = true;
                    self.in_step = true;
                    self.asked_alone = None;
                }
                self.advance(now, controls)
            }
            Replication::Resend { timeline, from } if *timeline <= self.timeline() => self.resend(*from),
            Replication::Ack(ack) => self.heard_of(controls, ack.timeline),
            Replication::Resend { timeline, .. } | Replication::Deposed { timeline } => {
                self.heard_of(controls, *timeline)
            }
            Replication::Send(send) => self.heard_of(controls, send.timeline),
            Replication::Gone { .. } | Replication::Diverged { .. } => Step::default(),
        }
    }

    /// After a boot: the standby's log ends at `lsn`. What it has and this node lacks, this node's disk has lost.
    fn compare(&mut self, lsn: Lsn) {
        if !self.whole {
            self.behind = lsn > self.engine.log_end();
            self.whole = !self.behind;
        }
    }

    /// Whether a successor is known and this node obeys its fence: it has to step down.
    pub fn is_over(&self, controls: &Controls) -> bool {
        self.highest > self.timeline() && self.fenced(controls)
    }

    /// Whether it may ask for another term: not before it knows whether it should, or the standby would never be asked
    /// in its place.
    pub fn may_renew(&self) -> bool {
        self.whole || self.asked_alone.is_some()
    }

    /// The word that asks the arbiter for another term.
    pub fn renew(&self, now: Instant) -> Lease {
        let synchronous = self.synchronous && self.in_step && self.asked_alone.is_none();
        Lease::Renew { timeline: self.timeline(), asked: now, synchronous, safe: self.synced }
    }

    /// The arbiter has said something.
    pub fn arbiter_said(&mut self, now: Instant, controls: &Controls, word: &Lease) -> Step {
        match word {
            Lease::Granted { timeline, asked, synchronous, .. } if *timeline == self.timeline() => {
                self.lease_until = self.lease_until.max(*asked + self.term);
                if !synchronous && self.asked_alone.is_some_and(|alone| alone <= *asked) {
                    self.synchronous = false;
                    self.whole = true;
                    return self.advance(now, controls);
                }
                Step::default()
            }
            Lease::Refused { timeline } => self.heard_of(controls, *timeline),
            _ => Step::default(),
        }
    }

    /// The standby has not answered for too long: go on without it. A fenced primary asks the arbiter first, in its
    /// next [`Primary::renew`], because it may be itself that is cut off.
    pub fn standby_lost(&mut self, now: Instant, controls: &Controls) -> Step {
        if self.fenced(controls) {
            self.asked_alone.get_or_insert(now);
        } else {
            self.synchronous = false;
            self.whole = true;
        }
        self.advance(now, controls)
    }

    /// Whether leadership is lent, and not owned.
    fn fenced(&self, controls: &Controls) -> bool {
        controls.on(&FENCING)
    }

    /// How far the log is safe to tell of.
    fn safe(&self, controls: &Controls) -> Lsn {
        if controls.on(&SYNCHRONOUS_COMMIT) {
            if self.synchronous { self.synced.min(self.acked) } else { self.synced }
        } else {
            self.engine.log_end()
        }
    }

    /// How far subscribers may be told of the log: as far as no failover takes it back.
    pub fn published(&self, controls: &Controls) -> Lsn {
        if controls.on(&WAITS_FOR_STANDBY) { self.synced.min(self.safe(controls)) } else { self.synced }
    }

    /// Another timeline is mentioned. A higher one ends this primary.
    fn heard_of(&mut self, controls: &Controls, timeline: Timeline) -> Step {
        let mut step = Step::default();
        self.highest = self.highest.max(timeline);
        if self.highest > self.timeline() && self.fenced(controls) {
            // What became of these commits is for the successor to say; the connections break.
            let message = "terminating connection due to administrator command";
            for waiting in std::mem::take(&mut self.waiting).into_values() {
                self.pool.checkin(waiting.session);
                let outcome = failed(SqlError::new(ADMIN_SHUTDOWN, message));
                step.released.push(Released { token: waiting.token, outcome });
            }
            self.turn_away(&mut step);
        }
        step
    }

    /// Nobody gets a session here any more.
    fn turn_away(&mut self, step: &mut Step) {
        for Queued { token, .. } in self.queue.drain(..) {
            let error = SqlError::new(CANNOT_CONNECT_NOW, "the database system is not accepting connections");
            step.released.push(Released { token, outcome: failed(error) });
        }
    }

    fn advance(&mut self, now: Instant, controls: &Controls) -> Step {
        let mut step = Step::default();
        let durable = if self.synchronous { self.synced.min(self.acked) } else { self.synced };
        self.engine.mark_durable(durable);
        if !self.waiting.is_empty() {
            let safe = self.safe(controls);
            while let Some(first) = self.waiting.first_entry().filter(|w| w.key().0 <= safe) {
                let waiting = first.remove();
                self.pool.checkin(waiting.session);
                step.released.push(Released { token: waiting.token, outcome: waiting.outcome });
            }
        }
        self.work(now, controls, &mut step);
        step
    }

    /// Runs what is queued while sessions are free.
    fn work(&mut self, now: Instant, controls: &Controls, step: &mut Step) {
        if self.fenced(controls) && !self.leads(now) {
            if !POSTGRES_READS_WITHOUT_LEASE.is_planted() {
                return self.turn_away(step);
            }
            let (reads, others) = self.queue.drain(..).partition(Queued::reads);
            self.queue = others;
            self.turn_away(step);
            self.queue = reads;
        }
        // Who waits for a session of one login keeps nobody of another waiting.
        let free = |pool: &Pool, next: &Queued| pool.has_free(next.transaction.login.as_ref());
        let ahead = if self.several_logins { usize::MAX } else { 1 };
        while let Some(at) = self.queue.iter().take(ahead).position(|next| free(&self.pool, next)) {
            let Some(Queued { token, draw, transaction }) = self.queue.remove(at) else { break };
            let login = transaction.login.as_ref();
            let Some(session) = self.pool.checkout_for(&mut self.engine, controls, login, draw) else {
                let error = SqlError::new(TOO_MANY_CONNECTIONS, "no more connections allowed for this login");
                step.released.push(Released { token, outcome: failed(error) });
                continue;
            };
            let (tenant, statements) = (transaction.tenant.as_ref(), &transaction.statements);
            let outcome = self.pool.run_in(&mut self.engine, controls, session, tenant, statements);
            for (at, bytes) in self.engine.take_log() {
                self.kept.push(at, &bytes);
                step.writes.push(LogWrite { at, bytes });
            }
            let needed = outcome.committed.unwrap_or_default().max(outcome.observed);
            if needed > Lsn(0) && needed > self.safe(controls) {
                self.arrivals += 1;
                self.waiting.insert((needed, self.arrivals), Waiting { token, session, outcome });
            } else {
                self.pool.checkin(session);
                step.released.push(Released { token, outcome });
            }
        }
    }

    fn send(&self, from: Lsn, records: Vec<Bytes>) -> Replication {
        Replication::Send(WalSend { timeline: self.timeline(), began: self.began, from, records })
    }

    fn resend(&self, from: Lsn) -> Step {
        let word = match self.kept.between(from, self.synced) {
            Ok(records) => self.send(from, records),
            Err(oldest) => Replication::Gone { oldest },
        };
        Step { standby: Some(word), ..Step::default() }
    }

    /// Log from the node's own archive, for a standby that has lost more than is kept for it.
    pub fn send_archived(&self, archive: &[(Lsn, Bytes)], from: Lsn) -> Replication {
        let first = archive.partition_point(|(at, _)| *at < from);
        let records = archive[first..].iter().take_while(|(at, _)| *at < self.synced);
        self.send(from, records.map(|(_, bytes)| bytes.clone()).collect())
    }

    /// Gives up its office, and what it has: engine, sessions, kept log, and how far that is on its disk.
    pub(super) fn resign(self) -> (Engine, Pool, Kept, Lsn) {
        (self.engine, self.pool, self.kept, self.synced)
    }
}

fn failed(error: SqlError) -> Outcome {
    Outcome { replies: vec![error.into()], committed: None, observed: Lsn(0) }
}
