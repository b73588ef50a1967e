//! The agent's side of the decision log: what it decided, on its disk before anybody acts on it, and on its way to the
//! SIEM until that has it (POL-04).
//!
//! Numbers count within a life of the agent. What an earlier life left unsent is numbered anew, and comes first.

use crate::control;
use crate::control::{Control, Controls};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::decisions::{DecisionBatch, DecisionRecord};
use sim::disk::{FileId, Write};
use sim::seed::{Lineage, mix};
use sim::{Ctx, Duration, Instant, NodeId, Outbox};
use std::collections::VecDeque;

/// A decision is on the disk before it is answered.
pub const LOG_BEFORE_ANSWER: Control = control!("policy.log-before-answer", upholds: ["POL-04"],
    off: "decisions wait in memory for the next upload, as in OPA's decision log buffer: a crash forgets them");

const RECORDS: FileId = 1;
const KEPT: FileId = 2;
/// Between two uploads.
const UPLOAD_EVERY: Duration = Duration::millis(200);
/// Without news for so long, everything that is not known to be kept is sent again.
const AGAIN_AFTER: Duration = Duration::millis(500);
/// Decisions of one upload.
const BATCH_MAX: usize = 64;

/// Decisions of one agent on their way.
pub struct Ledger {
    siem: NodeId,
    life: u64,
    /// Not known to be kept, in order; the first has the number `first`.
    pending: VecDeque<DecisionRecord>,
    first: u64,
    /// The next to be sent.
    next: u64,
    news_at: Instant,
    /// Records of earlier lives that the SIEM has, by the disk.
    kept_before: u64,
    uploads: u64,
}

impl Ledger {
    /// Takes up what the disk has and the SIEM may not have.
    pub fn open(siem: NodeId, life: u64, ctx: &Ctx<'_, Saas>) -> Ledger {
        let kept = ctx.disk().read(KEPT).iter().filter_map(|r| r[..].try_into().ok().map(u64::from_le_bytes)).max();
        let kept = kept.unwrap_or(0);
        let records = ctx.disk().read(RECORDS).iter().skip(kept as usize);
        let pending: VecDeque<DecisionRecord> = records.filter_map(|r| postcard::from_bytes(r).ok()).collect();
        Ledger { siem, life, pending, first: 0, next: 0, news_at: ctx.now(), kept_before: kept, uploads: 0 }
    }

    /// Takes a decision. Whether its answer has to wait for the disk, where it is when `token` is synced.
    pub fn write(&mut self, controls: &Controls, out: &mut Outbox<Saas>, token: u64, record: DecisionRecord) -> bool {
        let waits = controls.on(&LOG_BEFORE_ANSWER);
        if waits {
            let bytes = postcard::to_allocvec(&record).expect("a decision has bytes");
            out.write(RECORDS, Write::Append(bytes.into()));
            out.sync(token);
        }
        self.pending.push_back(record);
        waits
    }

    /// Sends what is due, and sets the timer `token` for the next time.
    pub fn upload(&mut self, now: Instant, out: &mut Outbox<Saas>, token: u64) {
        if now.since(self.news_at) >= AGAIN_AFTER {
            (self.next, self.news_at) = (self.first, now);
        }
        self.uploads += 1;
        let own = Lineage::root(mix(self.life, token), self.uploads);
        let records: Vec<DecisionRecord> =
            self.pending.iter().skip((self.next - self.first) as usize).take(BATCH_MAX).cloned().collect();
        let full = records.len() == BATCH_MAX;
        if !records.is_empty() {
            let batch = DecisionBatch { life: self.life, first: self.next, records };
            self.next += batch.records.len() as u64;
            out.send_for(own, self.siem, Wire::Decisions(Box::new(batch)));
        }
        out.timer_for(own.child(1), if full { UPLOAD_EVERY.scale(1, 10) } else { UPLOAD_EVERY }, token);
    }

    /// The SIEM has every decision of this life before `until`.
    pub fn kept(&mut self, now: Instant, out: &mut Outbox<Saas>, life: u64, until: u64) {
        if life != self.life {
            return;
        }
        self.news_at = now;
        let news = until.saturating_sub(self.first).min(self.pending.len() as u64);
        if news > 0 {
            self.pending.drain(..news as usize);
            self.first += news;
            self.next = self.next.max(self.first);
            out.write(KEPT, Write::Append((self.kept_before + self.first).to_le_bytes().into()));
        }
    }
}
