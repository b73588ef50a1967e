//! The write-ahead log: one record a commit, canonical bytes, a checksum over all of them.
//!
//! Every record also says how far the log was known to be durable when it was written. That is what tells a torn tail
//! (unsynced writes that a crash lost or reordered: cut it) from damage in the middle (synced, perhaps acknowledged,
//! and now unreadable: refuse to start). PostgreSQL itself stops silently at the first bad record in both cases.

use super::store::RowId;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use crate::wire::sql::{Lsn, Row, Timeline, Value};
use std::fmt;
use std::sync::Arc;

/// A record whose bytes are not those that were written is not replayed.
pub const WAL_CHECKSUM: Control = control!(
    "postgres.wal-checksum",
    upholds: ["STO-09", "STO-04"],
    off: "records are replayed without a look at their checksum, as on a file system that promises what its disk does \
          not keep",
);

/// Where every log begins, as in a fresh cluster (`0/1000000`). Zero is left to mean *the base*.
pub const LOG_START: Lsn = Lsn(0x0100_0000);

/// Bytes before the payload: length, checksum, start, start of the previous record, timeline, durable position.
const HEADER: usize = 4 + 4 + 8 + 8 + 4 + 8;

/// Log to be written to the node's disk and synced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogWrite {
    /// Position of the first byte.
    pub at: Lsn,
    /// One record.
    pub bytes: Bytes,
}

/// What a record says beside its changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Where the record starts; it ends its own length later.
    pub start: Lsn,
    /// Where the record before it starts; [`LOG_START`]'s predecessor is zero.
    pub previous: Lsn,
    /// The timeline on which it was written.
    pub timeline: Timeline,
    /// Everything before this was durable when it was written.
    pub durable: Lsn,
}

/// One change of a committed transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redo {
    /// A row appears in a place.
    Insert(u16, RowId, Row),
    /// The row in a place is replaced.
    Update(u16, RowId, Row),
    /// The row in a place goes.
    Delete(u16, RowId),
    /// All rows go.
    Truncate(u16),
    /// A definition: the role that ran it, its search path, and the text.
    Define(Arc<str>, Arc<str>, Arc<str>),
}

/// A decoded record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its header.
    pub header: Header,
    /// Where it ends: the LSN of its commit.
    pub end: Lsn,
    /// Its changes, in order.
    pub changes: Vec<Redo>,
}

/// Why log, or a base, is not served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogError {
    /// Bytes that were durable are damaged or gone.
    Corrupt {
        /// Where the first unreadable record starts.
        at: Lsn,
        /// How far the log is known to have been durable.
        durable: Lsn,
    },
    /// The record's checksum is good, but it does not fit the base it is applied to.
    Misfit {
        /// Where the record starts.
        at: Lsn,
    },
    /// The base itself is damaged.
    Base,
}

/// What can be read of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRead {
    /// The good records.
    pub records: Vec<Record>,
    /// Where they end; new records go here.
    pub end: Lsn,
    /// Bytes after the end that were cut: a torn tail.
    pub cut: u64,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Corrupt { at, durable } => {
                write!(f, "the log is unreadable at {at}, and was durable up to {durable}")
            }
            LogError::Misfit { at } => write!(f, "the record at {at} does not fit its base"),
            LogError::Base => f.write_str("the base is damaged"),
        }
    }
}

impl fmt::Display for Lsn {
    /// As PostgreSQL prints it: `0/1000028`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// Reads the records that start at `from`, up to the first that is not whole.
///
/// `durable` is what the reader knows from elsewhere (a control file, a standby's acknowledgement); the records
/// themselves add to it.
///
/// # Errors
/// [`LogError::Corrupt`] when the first bad record lies before a durable position.
pub fn read_log(controls: &Controls, bytes: &[u8], from: Lsn, durable: Lsn) -> Result<LogRead, LogError> {
    let mut read = LogRead { records: Vec::new(), end: from, cut: 0 };
    let mut at = 0;
    let mut previous = None;
    while at < bytes.len() {
        let start = Lsn(from.0 + at as u64);
        let Some((record, length)) = decode_record(controls, &bytes[at..], start) else { break };
        if previous.is_some_and(|p| p != record.header.previous) {
            break;
        }
        previous = Some(start);
        at += length;
        read.end = record.end;
        read.records.push(record);
    }
    read.cut = (bytes.len() - at) as u64;
    // A later record that is whole may still know that what is missing here had been durable.
    let rest = bytes.get(at + 1..).unwrap_or_default();
    let witness = |ahead: usize| {
        let start = Lsn(read.end.0 + 1 + ahead as u64);
        Some(decode_record(controls, &rest[ahead..], start)?.0.header.durable)
    };
    let known = (0..rest.len()).filter_map(witness).max().unwrap_or_default().max(durable);
    if known > read.end {
        return Err(LogError::Corrupt { at: read.end, durable: known });
    }
    Ok(read)
}

/// Decodes the record that starts at `start`; `None` when it is not whole. Also gives its length in bytes.
pub fn decode_record(controls: &Controls, bytes: &[u8], start: Lsn) -> Option<(Record, usize)> {
    let mut header = Reader { bytes };
    let length = header.u32()? as usize;
    let checksum = header.u32()?;
    let stated = Lsn(header.u64()?);
    if stated != start || length < HEADER || length > bytes.len() {
        return None;
    }
    let (previous, timeline, durable) = (Lsn(header.u64()?), Timeline(header.u32()?), Lsn(header.u64()?));
    if crc(&bytes[..length]) != checksum && controls.on(&WAL_CHECKSUM) {
        return None;
    }
    let mut payload = Reader { bytes: &bytes[HEADER..length] };
    let mut changes = Vec::new();
    while !payload.bytes.is_empty() {
        changes.push(payload.redo()?);
    }
    let header = Header { start, previous, timeline, durable };
    Some((Record { header, end: Lsn(start.0 + length as u64), changes }, length))
}

/// Checksum over a whole record but the checksum itself.
fn crc(record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&record[..4]);
    hasher.update(&record[8..]);
    hasher.finalize()
}

/// Builds one record.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins a record.
    pub fn begin(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER, 0);
    }
    /// Adds an insert.
    pub fn insert(&mut self, table: u16, id: RowId, row: &[Value]) {
        self.place(1, table, id);
        self.row(row);
    }
    /// Adds an update.
    pub fn update(&mut self, table: u16, id: RowId, row: &[Value]) {
        self.place(2, table, id);
        self.row(row);
    }
    /// Adds a delete.
    pub fn delete(&mut self, table: u16, id: RowId) {
        self.place(3, table, id);
    }
    /// Adds a truncation.
    pub fn truncate(&mut self, table: u16) {
        self.bytes.push(4);
        self.bytes.extend(table.to_le_bytes());
    }
    /// Adds a definition.
    pub fn define(&mut self, role: &str, path: &str, text: &str) {
        self.bytes.push(5);
        self.text(role);
        self.text(path);
        self.text(text);
    }
    /// Ends the record: its bytes.
    pub fn finish(&mut self, header: Header) -> Arc<[u8]> {
        let length = u32::try_from(self.bytes.len()).expect("a transaction writes less than 4 GiB");
        let bytes = &mut self.bytes;
        bytes[0..4].copy_from_slice(&length.to_le_bytes());
        bytes[8..16].copy_from_slice(&header.start.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&header.previous.0.to_le_bytes());
        bytes[24..28].copy_from_slice(&header.timeline.0.to_le_bytes());
        bytes[28..36].copy_from_slice(&header.durable.0.to_le_bytes());
        let checksum = crc(bytes);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        Arc::from(&bytes[..])
    }
    fn place(&mut self, tag: u8, table: u16, id: RowId) {
        self.bytes.push(tag);
        self.bytes.extend(table.to_le_bytes());
        self.bytes.extend(id.0.to_le_bytes());
    }
    fn text(&mut self, s: &str) {
        let length = u32::try_from(s.len()).expect("a text is shorter than 4 GiB");
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(s.as_bytes());
    }
    fn row(&mut self, row: &[Value]) {
        self.bytes.extend((row.len() as u16).to_le_bytes());
        for value in row {
            match value {
                Value::Null => self.bytes.push(0),
                Value::Bool(false) => self.bytes.push(1),
                Value::Bool(true) => self.bytes.push(2),
                Value::Int(n) => {
                    self.bytes.push(3);
                    self.bytes.extend(n.to_le_bytes());
                }
                Value::Text(s) => {
                    self.bytes.push(4);
                    self.text(s);
                }
            }
        }
    }
}

/// Takes a record apart; every method is `None` past the end and for bytes that mean nothing.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(n)?;
        self.bytes = rest;
        Some(head)
    }
    fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }
    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }
    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
    fn text(&mut self) -> Option<Arc<str>> {
        let length = self.u32()? as usize;
        Some(Arc::from(std::str::from_utf8(self.take(length)?).ok()?))
    }
    fn row(&mut self) -> Option<Row> {
        let columns = self.u16()?;
        (0..columns).map(|_| self.value()).collect::<Option<Vec<Value>>>().map(Row::from)
    }
    fn value(&mut self) -> Option<Value> {
        Some(match self.u8()? {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Int(i64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            4 => Value::Text(self.text()?),
            _ => return None,
        })
    }
    fn redo(&mut self) -> Option<Redo> {
        Some(match self.u8()? {
            1 => Redo::Insert(self.u16()?, RowId(self.u32()?), self.row()?),
            2 => Redo::Update(self.u16()?, RowId(self.u32()?), self.row()?),
            3 => Redo::Delete(self.u16()?, RowId(self.u32()?)),
            4 => Redo::Truncate(self.u16()?),
            5 => Redo::Define(self.text()?, self.text()?, self.text()?),
            _ => return None,
        })
    }
}
