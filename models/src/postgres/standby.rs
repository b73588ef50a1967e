//! A standby: applies the primary's log in order, answers reads, and can be promoted.
//!
//! It acknowledges what is on its disk, never what it has only applied; and it tells a sender from a lower timeline
//! that its time is over.

use super::engine::Engine;
use super::kept::Kept;
use super::pool::Pool;
use super::primary::Primary;
use super::recover::{Recovered, recover};
use super::sqlstate::SqlError;
use super::wal::{LogError, LogWrite, decode_record};
use crate::control::Controls;
use crate::ids::TenantId;
use crate::wire::sql::{Lease, Lsn, Outcome, Replication, Statement, Timeline, WalAck, WalSend};
use sim::Duration;

/// The standby.
#[derive(Debug)]
pub struct Standby {
    engine: Engine,
    pool: Pool,
    synced: Lsn,
    kept: Kept,
}

/// What the node has to do now.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Received {
    /// Records to write, then to sync; report the sync with [`Standby::synced`].
    pub writes: Vec<LogWrite>,
    /// A word for the sender.
    pub answer: Option<Replication>,
}

impl Standby {
    /// A standby over a base that is durable.
    ///
    /// # Errors
    /// `28000` when `login` may not log in.
    pub fn new(mut engine: Engine, pool_size: u16, login: &str) -> Result<Standby, SqlError> {
        let pool = Pool::open(&mut engine, pool_size, login)?;
        let synced = engine.log_end();
        Ok(Standby::with_pool(engine, pool, Kept::default(), synced))
    }

    /// A standby from what recovery made of its disk. It keeps the log that it has: if it is promoted, others need it.
    ///
    /// # Errors
    /// `28000` when `login` may not log in.
    pub fn resume(recovered: Recovered, pool_size: u16, login: &str) -> Result<Standby, SqlError> {
        let Recovered { engine, kept, .. } = recovered;
        Ok(Standby { kept, ..Standby::new(engine, pool_size, login)? })
    }

    /// The standby that a primary becomes which was deposed with nothing of its own. One that has written past the
    /// fork is rebuilt with [`Standby::rewind`].
    pub fn deposed(primary: Primary) -> Standby {
        let (engine, pool, kept, synced) = primary.resign();
        Standby::with_pool(engine, pool, kept, synced)
    }

    fn with_pool(mut engine: Engine, pool: Pool, kept: Kept, synced: Lsn) -> Standby {
        engine.set_read_only(true);
        Standby { engine, pool, synced, kept }
    }

    /// A standby from the disk of a primary that was deposed: its log past `fork`, where the successor's timeline
    /// began, is thrown away (`pg_rewind`).
    ///
    /// # Errors
    /// [`LogError`] when what is left cannot be read.
    ///
    /// # Panics
    /// When `login` may not log in.
    pub fn rewind(
        controls: &Controls,
        base: Engine,
        log: &[u8],
        fork: Lsn,
        (pool_size, login): (u16, &str),
    ) -> Result<Standby, LogError> {
        let from = base.log_end();
        let length = usize::try_from(fork.0.saturating_sub(from.0)).unwrap_or(usize::MAX).min(log.len());
        let recovered = recover(controls, base, &log[..length], from)?;
        Ok(Standby::resume(recovered, pool_size, login).expect("the login worked before"))
    }

    /// The engine, for oracles at the store.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
    /// The standby's timeline.
    pub fn timeline(&self) -> Timeline {
        self.engine.timeline()
    }
    /// The word that starts or restarts the stream.
    pub fn hello(&self) -> Replication {
        Replication::Resend { timeline: self.timeline(), from: self.engine.log_end() }
    }

    /// Log has arrived.
    pub fn receive(&mut self, controls: &Controls, send: &WalSend) -> Received {
        let end = self.engine.log_end();
        if send.timeline < self.timeline() {
            return answer(Replication::Deposed { timeline: self.timeline() });
        }
        if send.timeline > self.timeline() {
            if end > send.began {
                return answer(Replication::Diverged { at: send.began });
            }
            self.engine.fork(send.timeline);
        }
        if send.from > end {
            return answer(self.hello());
        }
        let mut received = Received::default();
        let mut start = send.from;
        for bytes in &send.records {
            let next = Lsn(start.0 + bytes.len() as u64);
            if start >= self.engine.log_end() {
                let whole = decode_record(controls, bytes, start).filter(|(_, length)| *length == bytes.len());
                let applied = whole.is_some_and(|(record, _)| self.engine.redo(&record).is_ok());
                if !applied {
                    received.answer = Some(self.hello());
                    return received;
                }
                self.kept.push(start, bytes);
                received.writes.push(LogWrite { at: start, bytes: bytes.clone() });
            }
            start = next;
        }
        if received.writes.is_empty() {
            received.answer = Some(self.ack());
        }
        received
    }

    /// The node's disk has synced the log up to `lsn`: the word that says so.
    pub fn synced(&mut self, lsn: Lsn) -> Replication {
        self.synced = self.synced.max(lsn);
        self.engine.mark_durable(self.synced);
        self.ack()
    }

    fn ack(&self) -> Replication {
        Replication::Ack(WalAck { timeline: self.timeline(), lsn: self.synced })
    }

    /// Runs a transaction that only reads; whatever writes is refused (`25006`).
    pub fn read(
        &mut self,
        controls: &Controls,
        draw: u64,
        tenant: Option<&TenantId>,
        statements: &[Statement],
    ) -> Outcome {
        self.pool.run(&mut self.engine, controls, draw, tenant, statements)
    }

    /// The word that asks the arbiter to be promoted.
    pub fn ask_promotion(&self) -> Lease {
        Lease::Promote { timeline: self.timeline() }
    }

    /// Becomes the primary of a new timeline, with new sessions. It has no standby yet, and so commits wait for its
    /// own disk only, until a standby has caught up.
    ///
    /// # Panics
    /// When `timeline` is not higher than the present one.
    pub fn promote(mut self, timeline: Timeline, term: Duration) -> Primary {
        assert!(timeline > self.timeline(), "a promotion starts a new timeline");
        self.engine.finish_redo();
        self.engine.fork(timeline);
        self.engine.set_read_only(false);
        self.pool.reopen(&mut self.engine).expect("the login worked before");
        Primary::promoted(self.engine, self.pool, self.kept, term)
    }
}

fn answer(word: Replication) -> Received {
    Received { writes: Vec::new(), answer: Some(word) }
}
