//! A node's log as a file on its disk: what was written, what is safe, and what is thrown away.
//!
//! A sync says how far the log was when it began. One that began before a rewind says nothing about what was written
//! after it, though the positions are the same.

use crate::control::Controls;
use crate::fact::{Fact, Place};
use crate::ids::Bytes;
use crate::postgres::wal::LogWrite;
use crate::postgres::wal::{LOG_START, Redo, decode_record};
use crate::saas::Saas;
use crate::wire::sql::{Lsn, Value};
use sim::disk::Write;
use sim::{Ctx, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const LOG: u8 = 0;

/// A sync of the log: the era above, the position below. Alone it is a sync that nobody waits for.
const SYNC: u64 = 1 << 60;
const ERA_SHIFT: u32 = 48;
const ERAS: u64 = (1 << (60 - ERA_SHIFT)) - 1;

/// The log of a node.
#[derive(Default)]
pub(super) struct LogFile {
    /// The log as it was written: for a rewind, and as the archive of what is no longer kept for standbys.
    records: Vec<(Lsn, Bytes)>,
    /// Records whose rows nobody has been told of, because they are not yet on disk.
    unstated: VecDeque<(Lsn, Bytes)>,
    /// Counts rewinds.
    era: u64,
    /// The disk was full: what is written has to be synced again.
    again: bool,
}

impl LogFile {
    /// What the disk kept.
    pub(super) fn read(ctx: &Ctx<'_, Saas>) -> Vec<u8> {
        ctx.disk().read(LOG).iter().flat_map(|record| record.iter().copied()).collect()
    }

    /// Takes over what could be read of `bytes`, up to `end`, and cuts the file there.
    pub(super) fn keep(controls: &Controls, bytes: &[u8], end: Lsn, out: &mut Outbox<Saas>) -> LogFile {
        let mut log = LogFile::default();
        let mut at = LOG_START;
        while at < end {
            let offset = (at.0 - LOG_START.0) as usize;
            let Some((_, length)) = decode_record(controls, &bytes[offset..], at) else { break };
            log.records.push((at, bytes[offset..offset + length].into()));
            at = Lsn(at.0 + length as u64);
        }
        out.write(LOG, Write::Truncate(log.records.len()));
        out.sync(SYNC);
        log
    }

    /// Every record, oldest first.
    pub(super) fn records(&self) -> &[(Lsn, Bytes)] {
        &self.records
    }

    /// Every byte.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.records.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    /// Writes records, and begins a sync of them.
    pub(super) fn write(&mut self, out: &mut Outbox<Saas>, writes: Vec<LogWrite>) {
        if writes.is_empty() {
            return;
        }
        for LogWrite { at, bytes } in writes {
            out.write(LOG, Write::Append((*bytes).into()));
            self.unstated.push_back((at, bytes.clone()));
            self.records.push((at, bytes));
        }
        out.sync(self.token());
    }

    /// Throws away what lies past `fork`.
    pub(super) fn rewind(&mut self, out: &mut Outbox<Saas>, fork: Lsn) {
        self.records.retain(|(at, _)| *at < fork);
        self.unstated.retain(|(at, _)| *at < fork);
        self.era += 1;
        out.write(LOG, Write::Truncate(self.records.len()));
        out.sync(SYNC);
    }

    /// Where it ends.
    pub(super) fn end(&self) -> Lsn {
        self.records.last().map_or(LOG_START, |(at, bytes)| Lsn(at.0 + bytes.len() as u64))
    }

    /// The token of a sync of everything that is in the log now.
    fn token(&self) -> u64 {
        SYNC | (self.era & ERAS) << ERA_SHIFT | self.end().0
    }

    /// A sync has ended: how far the log is safe, when it says anything.
    pub(super) fn synced(&mut self, token: u64, kept: bool) -> Option<Lsn> {
        self.again |= !kept;
        let end = token & ((1 << ERA_SHIFT) - 1);
        (kept && end > 0 && token >> ERA_SHIFT == self.token() >> ERA_SHIFT).then_some(Lsn(end))
    }

    /// Asks again for a sync that the disk refused.
    pub(super) fn retry(&mut self, out: &mut Outbox<Saas>) {
        if std::mem::take(&mut self.again) {
            out.sync(self.token());
        }
    }

    /// Rows whose log is on disk now are facts of the store. `tables` are those of records, each with its slice.
    pub(super) fn state_rows(
        &mut self,
        controls: &Controls,
        out: &mut Outbox<Saas>,
        (place, tables): (&Place, &BTreeMap<u16, Option<Arc<str>>>),
        end: Lsn,
    ) {
        while self.unstated.front().is_some_and(|(at, bytes)| at.0 + bytes.len() as u64 <= end.0) {
            let Some((at, bytes)) = self.unstated.pop_front() else { break };
            let Some((record, _)) = decode_record(controls, &bytes, at) else { continue };
            for change in record.changes {
                if let Redo::Insert(table, _, row) | Redo::Update(table, _, row) = change
                    && let Some(slice) = tables.get(&table)
                    && let [Value::Text(tenant), Value::Int(key), _, _, _, rest @ ..] = &row[..]
                    && let [Value::Text(body), Value::Int(version), Value::Text(contact)] = rest
                {
                    let beside = if contact.is_empty() { String::new() } else { format!("\t{contact}") };
                    out.fact(Fact::RowStored {
                        place: place.clone(),
                        slice: slice.clone(),
                        tenant: tenant.clone(),
                        key: *key,
                        version: *version,
                        body: [body.as_bytes(), beside.as_bytes()].concat().into(),
                    });
                }
            }
        }
    }
}
