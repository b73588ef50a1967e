//! The SIEM at work: role `cell-a/siem`, one a cell.
//!
//! What it has said that it has is on its disk. A gap it states, because somebody may be making it.

use crate::control;
use crate::control::Control;
use crate::fact::{Fact, Place};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::decisions::{Attempt, DecisionBatch};
use sim::disk::{FileId, Write};
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::BTreeMap;

/// Nothing is acknowledged beyond a gap.
pub const CONTIGUOUS_ACK: Control = control!("siem.contiguous-ack", upholds: ["POL-04"],
    off: "whatever comes is acknowledged by its highest number, as with a collector that takes what it gets: what was \
          lost before it is never sent again");

/// Security logs are written in every mode.
pub const KEEPS_ALWAYS: Control = control!("siem.keeps-always", upholds: ["SRV-10"],
    off: "while tenants may only read nothing is kept, as where a flag for the whole platform stops whatever writes");

/// How a gap is reported.
pub const GAP: &str = "decision-log-gap";

/// What a SIEM is.
#[derive(Clone, Debug)]
pub struct SiemSpec {
    /// Where it keeps decisions.
    pub place: Place,
    /// Worker time of a decision.
    pub cost: Duration,
}

/// A SIEM at work.
pub struct Siem {
    spec: SiemSpec,
    /// Of each life of an agent, the number of the next decision that the disk does not have yet, or will soon.
    next: BTreeMap<(NodeId, u64), u64>,
    /// Batches on their way to the disk.
    writing: BTreeMap<u64, (NodeId, DecisionBatch)>,
    batches: u64,
    /// Whether it keeps nothing for the time being.
    sleeps: bool,
    /// Attempts on their way to the disk, each with who waits.
    attempts: BTreeMap<u64, (NodeId, u64, Attempt)>,
}

const DECISIONS: FileId = 0;
const ATTEMPTS: FileId = 1;
/// Marks a sync of an attempt.
const ATTEMPT: u64 = 1 << 63;

impl Siem {
    /// A SIEM that remembers how far it had come.
    pub fn boot(spec: &SiemSpec, ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> Siem {
        let mut next = BTreeMap::new();
        for record in ctx.disk().read(DECISIONS) {
            let Ok((from, batch)) = postcard::from_bytes::<(u32, DecisionBatch)>(record) else { continue };
            next.insert((NodeId(from), batch.life), batch.first + batch.records.len() as u64);
        }
        let (writing, attempts) = (BTreeMap::new(), BTreeMap::new());
        Siem { spec: spec.clone(), next, writing, batches: 0, sleeps: false, attempts }
    }

    fn came(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, mut batch: DecisionBatch) {
        let key = (from, batch.life);
        let expected = self.next.get(&key).copied().unwrap_or(0);
        if batch.first > expected {
            let about = self.spec.place.cell.clone();
            out.fact(Fact::Reported { by: "siem", what: GAP, about, value: expected });
            if ctx.controls().on(&CONTIGUOUS_ACK) {
                return;
            }
        }
        let known = expected.saturating_sub(batch.first).min(batch.records.len() as u64);
        batch.records.drain(..known as usize);
        batch.first += known;
        if batch.records.is_empty() {
            return out.send(from, Wire::DecisionsKept(batch.life, expected));
        }
        out.busy(self.spec.cost * batch.records.len() as u64);
        self.next.insert(key, batch.first + batch.records.len() as u64);
        self.batches += 1;
        let bytes = postcard::to_allocvec(&(from.0, &batch)).expect("decisions have bytes");
        out.write(DECISIONS, Write::Append(bytes.into()));
        out.sync(self.batches);
        self.writing.insert(self.batches, (from, batch));
    }

    /// Somebody was refused: kept, and then confirmed.
    fn attempted(&mut self, out: &mut Outbox<Saas>, from: NodeId, id: u64, attempt: Attempt) {
        out.busy(self.spec.cost);
        self.batches += 1;
        let token = ATTEMPT | self.batches;
        out.write(ATTEMPTS, Write::Append(postcard::to_allocvec(&attempt).expect("an attempt has bytes").into()));
        out.sync(token);
        self.attempts.insert(token, (from, id, attempt));
    }

    fn attempt_synced(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some((from, id, attempt)) = self.attempts.remove(&token).filter(|_| ok) else { return };
        let Attempt { tenant, trace, reason, .. } = attempt;
        out.fact(Fact::AttemptKept { place: self.spec.place.clone(), tenant, trace, reason });
        out.send(from, Wire::AttemptKept(id));
    }

    fn synced(&mut self, out: &mut Outbox<Saas>, token: u64, ok: bool) {
        let Some((from, batch)) = self.writing.remove(&token) else { return };
        if !ok {
            // What is not on the disk was not kept: the agent sends it again.
            self.next.insert((from, batch.life), batch.first);
            return;
        }
        for record in &batch.records {
            out.fact(Fact::DecisionKept {
                place: self.spec.place.clone(),
                tenant: record.tenant.clone(),
                trace: record.trace,
                allowed: record.entry.decision.allow,
                input_sha256: record.entry.input_sha256,
            });
        }
        out.send(from, Wire::DecisionsKept(batch.life, batch.first + batch.records.len() as u64));
    }
}

impl Machine<Saas> for Siem {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Mode(mode) } => {
                self.sleeps = mode.read_only && !ctx.controls().on(&KEEPS_ALWAYS);
                out.send(from, Wire::ModeKept(mode.serial));
            }
            // What it does not take now is sent again.
            Input::Message { message: Wire::Decisions(_) | Wire::Attempt(..), .. } if self.sleeps => {}
            Input::Message { from, message: Wire::Decisions(batch) } => self.came(ctx, out, from, *batch),
            Input::Message { from, message: Wire::Attempt(id, attempt) } => self.attempted(out, from, id, *attempt),
            Input::Synced { token, ok } if token & ATTEMPT != 0 => self.attempt_synced(out, token, ok),
            Input::Synced { token, ok } => self.synced(out, token, ok),
            _ => {}
        }
    }
}
