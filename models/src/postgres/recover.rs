//! Redo: an engine from a base and the log after it, and the base as bytes.
//!
//! Recovery runs the same code as a standby. What it cannot read it either cuts (nobody was promised it) or refuses;
//! it never serves it.

use super::engine::Engine;
use super::kept::Kept;
use super::namespace::Asker;
use super::prepare::parse;
use super::store::{RowId, Store, Stored};
use super::wal::{Header, LogError, Reader, Record, Redo, Writer, decode_record, read_log};
use crate::control::Controls;
use crate::ids::Bytes;
use crate::wire::sql::{Lsn, Row, Timeline};
use std::sync::Arc;

/// What recovery made of a log.
#[derive(Debug)]
pub struct Recovered {
    /// The engine, ready for transactions.
    pub engine: Engine,
    /// Bytes of a torn tail that were cut; the file must be truncated to the engine's end of log.
    pub cut: u64,
    /// The log that was read, for standbys that lack it.
    pub kept: Kept,
}

/// Rebuilds an engine from its base and the bytes of the log since.
///
/// `durable` is how far the log is known to be safe from elsewhere: what a control file says, or what a standby has
/// acknowledged. Pass the base's end when nothing is known.
///
/// # Errors
/// [`LogError`] when durable bytes are unreadable, or the log does not fit the base.
pub fn recover(controls: &Controls, base: Engine, bytes: &[u8], durable: Lsn) -> Result<Recovered, LogError> {
    let mut engine = base;
    let from = engine.log.end;
    let read = read_log(controls, bytes, from, durable)?;
    let mut kept = Kept::default();
    for record in &read.records {
        engine.redo(record)?;
        let place = |lsn: Lsn| (lsn.0 - from.0) as usize;
        kept.push(record.header.start, &Bytes::from(&bytes[place(record.header.start)..place(record.end)]));
    }
    engine.finish_redo();
    Ok(Recovered { engine, cut: read.cut, kept })
}

impl Engine {
    /// Applies a record that follows the end of the log.
    ///
    /// # Errors
    /// [`LogError::Misfit`]; the engine is not to be used then.
    pub fn redo(&mut self, record: &Record) -> Result<(), LogError> {
        let misfit = LogError::Misfit { at: record.header.start };
        if record.header.start != self.log.end {
            return Err(misfit);
        }
        for change in &record.changes {
            self.redo_one(change, record.header.start).ok_or(misfit)?;
        }
        self.log.previous = record.header.start;
        self.log.end = record.end;
        self.versions.redo(record.end);
        self.log.timeline = self.log.timeline.max(record.header.timeline);
        self.log.durable = self.log.durable.max(record.header.durable);
        Ok(())
    }

    fn redo_one(&mut self, change: &Redo, since: Lsn) -> Option<()> {
        match change {
            Redo::Insert(table, id, row) => self.redo_put(*table, *id, row, since),
            Redo::Update(table, id, row) => {
                self.stores.get_mut(*table as usize)?.take(*id)?;
                self.redo_put(*table, *id, row, since)
            }
            Redo::Delete(table, id) => {
                let store = self.stores.get_mut(*table as usize)?;
                store.take(*id)?;
                store.removed = since;
                Some(())
            }
            Redo::Truncate(table) => {
                let fresh = Store::new(self.catalog.tables.get(*table as usize)?);
                let store = self.stores.get_mut(*table as usize)?;
                *store = fresh;
                store.removed = since;
                Some(())
            }
            Redo::Define(role, path, text) => self.redo_define(role, path, text),
        }
    }

    fn redo_put(&mut self, table: u16, id: RowId, row: &Row, since: Lsn) -> Option<()> {
        let columns = &self.catalog.tables.get(table as usize)?.columns;
        let store = self.stores.get_mut(table as usize)?;
        let fits = row.len() == columns.len() && store.could_take(id);
        if !fits || store.get(id).is_some() || store.conflict(row, None).is_some() {
            return None;
        }
        store.put(id, Stored { row: Arc::clone(row), since });
        Some(())
    }

    fn redo_define(&mut self, role: &Arc<str>, path: &Arc<str>, text: &Arc<str>) -> Option<()> {
        let controls = Controls::all_on();
        let asker = Asker { role: self.catalog.role_id(role)?, path, controls: &controls };
        for definition in parse(text).ok()? {
            self.define_as(asker, &definition).ok()?;
        }
        self.history.push([role, path, text].map(Arc::clone));
        Some(())
    }

    /// After the last redo: rows may be added again.
    pub fn finish_redo(&mut self) {
        self.stores.iter_mut().for_each(Store::recount);
    }

    /// The whole engine as bytes, as the last commit left it: a checkpoint, or a base for a new standby. Not beside an
    /// open transaction with definitions.
    pub fn to_base(&self) -> Bytes {
        let mut writer = Writer::default();
        writer.begin();
        for [role, path, text] in &self.history {
            writer.define(role, path, text);
        }
        for table in 0..self.stores.len() as u16 {
            for (id, stored) in self.committed(table) {
                writer.insert(table, id, &stored.row);
            }
        }
        let (start, previous) = (self.log.end, self.log.previous);
        writer.finish(Header { start, previous, timeline: self.log.timeline, durable: self.log.durable })
    }

    /// An engine from the bytes of [`Engine::to_base`].
    ///
    /// # Errors
    /// [`LogError::Base`] for damage anywhere in them.
    pub fn from_base(bytes: &[u8]) -> Result<Engine, LogError> {
        let start = Reader::new(bytes.get(8..).unwrap_or_default()).u64().ok_or(LogError::Base)?;
        let (base, length) = decode_record(&Controls::all_on(), bytes, Lsn(start)).ok_or(LogError::Base)?;
        if length != bytes.len() {
            return Err(LogError::Base);
        }
        let mut engine = Engine::default();
        for change in &base.changes {
            engine.redo_one(change, Lsn(0)).ok_or(LogError::Base)?;
        }
        engine.finish_redo();
        engine.log.end = base.header.start;
        engine.log.previous = base.header.previous;
        engine.log.timeline = base.header.timeline;
        engine.log.durable = base.header.durable;
        Ok(engine)
    }

    /// The timeline of the log.
    pub fn timeline(&self) -> Timeline {
        self.log.timeline
    }
    /// Begins a new timeline here.
    pub(super) fn fork(&mut self, timeline: Timeline) {
        self.log.timeline = timeline;
    }
    /// The log is durable up to here; later records say so.
    pub(super) fn mark_durable(&mut self, durable: Lsn) {
        self.log.durable = self.log.durable.max(durable);
    }
}
