//! A node's log as a file on its disk: what was written, what is safe, and what is thrown away.
//!
//! A sync says how far the log was when it began. One that began before a rewind says nothing about what was written
//! after it, though the positions are the same. How far the log was safe is written down beside it, and becomes safe
//! itself with the next sync: so a node that cannot read the end of its log any more knows that it had one.

use crate::control::Controls;
use crate::fact::{Fact, Place};
use crate::ids::Bytes;
use crate::postgres::mark::Mark;
use crate::postgres::wal::{LOG_START, LogWrite, Redo, decode_record};
use crate::saas::Saas;
use crate::wire::sql::{Lsn, Value};
use sim::disk::Write;
use sim::{Ctx, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const LOG: u8 = 0;
const MARKS: u8 = 2;
/// Marks that are kept: a few, because the last of them may rot.
const MARKS_KEPT: usize = 4;

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
    /// How far the log is known to have been safe, whatever can be read of it now.
    mark: Mark,
    /// Marks in their file.
    marks: usize,
    /// Whether the mark is written and not yet synced.
    unsafe_mark: bool,
}

impl LogFile {
    /// What the disk kept.
    pub(super) fn read(ctx: &Ctx<'_, Saas>) -> Vec<u8> {
        ctx.disk().read(LOG).iter().flat_map(|record| record.iter().copied()).collect()
    }

    /// How far the log was safe, as the disk says.
    pub(super) fn marked(ctx: &Ctx<'_, Saas>) -> Mark {
        ctx.disk().read(MARKS).iter().rev().find_map(|record| Mark::decode(record)).unwrap_or_default()
    }

    /// Takes over what could be read of `bytes`, up to `end`, and cuts the file there. It had been safe up to `mark`.
    pub(super) fn keep(ctx: &Ctx<'_, Saas>, (bytes, end): (&[u8], Lsn), mark: Mark, out: &mut Outbox<Saas>) -> LogFile {
        let controls = ctx.controls();
        let marks = ctx.disk().read(MARKS).len();
        let mut log = LogFile { mark: LogFile::marked(ctx), marks, ..LogFile::default() };
        log.put_mark(out, mark);
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

    /// Writes a mark down; the next sync makes it safe.
    fn put_mark(&mut self, out: &mut Outbox<Saas>, mark: Mark) {
        if mark == self.mark {
            return;
        }
        (self.mark, self.unsafe_mark) = (mark, true);
        out.write(MARKS, Write::Append(mark.encode().into()));
        self.marks += 1;
        if self.marks > MARKS_KEPT {
            out.write(MARKS, Write::DropFront(self.marks - MARKS_KEPT));
            self.marks = MARKS_KEPT;
        }
    }

    /// It was safe this far, as somebody else knows. Whether that was not known here.
    pub(super) fn was_safe(&mut self, out: &mut Outbox<Saas>, safe: Lsn) -> bool {
        let is_news = safe > self.mark.0;
        if is_news {
            self.put_mark(out, Mark(safe));
            out.sync(SYNC);
        }
        is_news
    }

    /// Another timeline begins here: what was safe past this point belongs to another history.
    pub(super) fn fork(&mut self, out: &mut Outbox<Saas>, fork: Lsn) {
        self.put_mark(out, Mark(self.mark.0.min(fork)));
    }

    /// Whether something that was safe cannot be read any more, and nobody has sent it again.
    pub(super) fn is_short(&self) -> bool {
        self.end() < self.mark.0
    }

    /// Throws away what lies past `fork`.
    pub(super) fn rewind(&mut self, out: &mut Outbox<Saas>, fork: Lsn) {
        self.fork(out, fork);
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
    pub(super) fn synced(&mut self, out: &mut Outbox<Saas>, token: u64, kept: bool) -> Option<Lsn> {
        self.again |= !kept;
        let end = token & ((1 << ERA_SHIFT) - 1);
        let end = (kept && end > 0 && token >> ERA_SHIFT == self.token() >> ERA_SHIFT).then_some(Lsn(end))?;
        self.put_mark(out, Mark(self.mark.0.max(end)));
        Some(end)
    }

    /// Asks again for a sync that the disk refused, and for one of a mark that no later write has made safe.
    pub(super) fn retry(&mut self, out: &mut Outbox<Saas>) {
        if std::mem::take(&mut self.again) {
            out.sync(self.token());
        } else if std::mem::take(&mut self.unsafe_mark) {
            out.sync(SYNC);
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
