//! How a broker's log lies on its disk: one frame a change, with a checksum and its place among those of its partition.
//!
//! A frame counts only if it is whole and the next one of its partition. Whatever lies behind a torn, rotten or missing
//! frame is therefore never believed: the partition goes on from the part before the damage and fetches the rest from
//! its leader. The same rule makes repair needless: new frames take up the count where belief ended.

use super::{LogChange, LogWrite};
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::kafka::{Batch, BrokerId, Headers, PartitionState, ProducerStamp, Record, Spilled, TopicName};
use sim::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A frame whose bytes are not those that were written is not believed.
pub const RECORD_CHECKSUM: Control = control!(
    "kafka.record-checksum",
    upholds: ["STO-09", "EVT-03", "EVT-04", "EVT-06"],
    off: "a broker takes up its log without a look at checksums, as Kafka does after what it holds for a clean \
          shutdown",
);

/// Writes frames, and remembers how many each partition has.
#[derive(Debug, Default)]
pub struct Frames {
    next: BTreeMap<(TopicName, u32), u64>,
}

/// What was not believed while reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Damage {
    /// Frames that are not whole.
    pub broken: u64,
    /// Whole frames behind a broken one of their partition.
    pub orphaned: u64,
}

impl Frames {
    /// Reads what the disk kept: the changes to believe, in the order in which they were made.
    pub fn open(controls: &Controls, records: &[Box<[u8]>]) -> (Frames, Vec<LogWrite>, Damage) {
        let (mut frames, mut writes, mut damage) = (Frames::default(), Vec::new(), Damage::default());
        for record in records {
            let body = if controls.on(&RECORD_CHECKSUM) { unsealed(record) } else { record.get(4..) };
            let Some((count, write)) = body.and_then(|body| change(&mut Reader(body))) else {
                damage.broken += 1;
                continue;
            };
            let next = frames.next.entry((write.topic.clone(), write.partition)).or_default();
            if count == *next {
                *next += 1;
                writes.push(write);
            } else {
                damage.orphaned += 1;
            }
        }
        (frames, writes, damage)
    }

    /// The frame of the next change.
    pub fn frame(&mut self, write: &LogWrite) -> Box<[u8]> {
        let next = self.next.entry((write.topic.clone(), write.partition)).or_default();
        let mut to = Vec::with_capacity(128);
        to.extend_from_slice(&[0; 4]);
        number(&mut to, *next);
        *next += 1;
        bytes(&mut to, write.topic.as_bytes());
        to.extend_from_slice(&write.partition.to_le_bytes());
        match &write.change {
            LogChange::Append { after, batch: b } => {
                to.push(0);
                optional(&mut to, *after, |to, epoch| to.extend_from_slice(&epoch.to_le_bytes()));
                batch(&mut to, b);
            }
            LogChange::Truncate(at) => tagged(&mut to, 1, *at),
            LogChange::DropBefore(at) => tagged(&mut to, 2, *at),
            LogChange::Reset(at) => tagged(&mut to, 3, *at),
        }
        sealed(to)
    }
}

/// A decision of the controller, as it lies on its disk.
pub fn state_frame(state: &PartitionState) -> Box<[u8]> {
    let mut to = vec![0; 4];
    bytes(&mut to, state.topic.as_bytes());
    to.extend_from_slice(&state.partition.to_le_bytes());
    for brokers in [&state.replicas, &state.isr] {
        to.push(brokers.len() as u8);
        brokers.iter().for_each(|b| to.extend_from_slice(&b.0.to_le_bytes()));
    }
    to.extend_from_slice(&state.leader.map_or(u16::MAX, |b| b.0).to_le_bytes());
    to.extend_from_slice(&state.leader_epoch.to_le_bytes());
    to.extend_from_slice(&state.version.to_le_bytes());
    sealed(to)
}

/// The decision in a frame; none when the frame is not whole.
pub fn state_of(frame: &[u8]) -> Option<PartitionState> {
    let from = &mut Reader(unsealed(frame)?);
    let (topic, partition) = (from.text()?, from.u32()?);
    let brokers = |from: &mut Reader<'_>| -> Option<Arc<[BrokerId]>> {
        let count = from.u8()?;
        (0..count).map(|_| from.u16().map(BrokerId)).collect()
    };
    let (replicas, isr) = (brokers(from)?, brokers(from)?);
    let leader = Some(from.u16()?).filter(|b| *b != u16::MAX).map(BrokerId);
    Some(PartitionState { topic, partition, replicas, isr, leader, leader_epoch: from.u32()?, version: from.u32()? })
}

fn sealed(mut frame: Vec<u8>) -> Box<[u8]> {
    let sum = crc32fast::hash(&frame[4..]);
    frame[..4].copy_from_slice(&sum.to_le_bytes());
    frame.into()
}

fn unsealed(frame: &[u8]) -> Option<&[u8]> {
    let (sum, body) = frame.split_first_chunk::<4>()?;
    (crc32fast::hash(body) == u32::from_le_bytes(*sum)).then_some(body)
}

fn number(to: &mut Vec<u8>, number: u64) {
    to.extend_from_slice(&number.to_le_bytes());
}

fn tagged(to: &mut Vec<u8>, tag: u8, at: u64) {
    to.push(tag);
    number(to, at);
}

fn bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    to.extend_from_slice(bytes);
}

/// Present or not, then the content.
fn optional<T>(to: &mut Vec<u8>, value: Option<T>, content: impl FnOnce(&mut Vec<u8>, T)) {
    to.push(u8::from(value.is_some()));
    if let Some(value) = value {
        content(to, value);
    }
}

fn batch(to: &mut Vec<u8>, batch: &Batch) {
    number(to, batch.base_offset);
    to.extend_from_slice(&batch.leader_epoch.to_le_bytes());
    to.push(u8::from(batch.control));
    optional(to, batch.producer, stamp);
    to.extend_from_slice(&(batch.records.len() as u32).to_le_bytes());
    for record in batch.records.iter() {
        optional(to, record.key.as_deref(), bytes);
        bytes(to, &record.value);
        number(to, record.timestamp.as_nanos());
        optional(to, record.headers.origin_cell.as_deref().map(str::as_bytes), bytes);
        optional(to, record.headers.source_offset, number);
        optional(to, record.headers.tenant.as_deref().map(str::as_bytes), bytes);
        optional(to, record.headers.spilled.as_ref(), |to, spilled| {
            bytes(to, spilled.cell.as_bytes());
            optional(to, spilled.under_way, stamp);
        });
    }
}

fn stamp(to: &mut Vec<u8>, stamp: ProducerStamp) {
    number(to, stamp.id);
    to.extend_from_slice(&stamp.epoch.to_le_bytes());
    to.extend_from_slice(&stamp.base_sequence.to_le_bytes());
}

/// Reads what is left of a body; every question is answered with nothing when too little is left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }
    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        let (head, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(head)
    }
    fn text(&mut self) -> Option<Arc<str>> {
        std::str::from_utf8(self.bytes()?).ok().map(Into::into)
    }
    /// Something that may be absent: the outer answer is whether it could be read.
    fn optional<T>(&mut self, content: impl FnOnce(&mut Reader<'a>) -> Option<T>) -> Option<Option<T>> {
        if self.u8()? == 0 { Some(None) } else { content(self).map(Some) }
    }
}

fn change(from: &mut Reader<'_>) -> Option<(u64, LogWrite)> {
    let (count, topic, partition) = (from.u64()?, from.text()?, from.u32()?);
    let change = match from.u8()? {
        0 => LogChange::Append { after: from.optional(Reader::u32)?, batch: read_batch(from)? },
        1 => LogChange::Truncate(from.u64()?),
        2 => LogChange::DropBefore(from.u64()?),
        3 => LogChange::Reset(from.u64()?),
        _ => return None,
    };
    Some((count, LogWrite { topic, partition, change }))
}

fn read_batch(from: &mut Reader<'_>) -> Option<Batch> {
    let (base_offset, leader_epoch, control) = (from.u64()?, from.u32()?, from.u8()? != 0);
    let producer = from.optional(read_stamp)?;
    let count = from.u32()?;
    let records: Option<Arc<[Record]>> = (0..count).map(|_| read_record(from)).collect();
    Some(Batch { base_offset, leader_epoch, producer, control, records: records? })
}

fn read_stamp(from: &mut Reader<'_>) -> Option<ProducerStamp> {
    Some(ProducerStamp { id: from.u64()?, epoch: from.u16()?, base_sequence: from.u32()? })
}

fn read_record(from: &mut Reader<'_>) -> Option<Record> {
    let key = from.optional(|from| from.bytes().map(Into::into))?;
    let (value, timestamp) = (from.bytes()?.into(), Instant(from.u64()?));
    let origin_cell = from.optional(Reader::text)?;
    let source_offset = from.optional(Reader::u64)?;
    let tenant = from.optional(Reader::text)?;
    let spilled = from.optional(|from| Some(Spilled { cell: from.text()?, under_way: from.optional(read_stamp)? }))?;
    Some(Record { key, value, timestamp, headers: Headers { origin_cell, source_offset, tenant, spilled } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(topic: &str, base_offset: u64) -> LogWrite {
        let mut record = Record::new((*b"value").into(), Instant(7));
        record.key = Some((*b"k").into());
        let producer = Some(ProducerStamp { id: 1, epoch: 2, base_sequence: 3 });
        record.headers = Headers {
            origin_cell: Some("a".into()),
            source_offset: Some(3),
            tenant: Some("acme".into()),
            spilled: Some(Spilled { cell: "c".into(), under_way: producer }),
        };
        let records = [record, Record::new([].into(), Instant(8))].into();
        let batch = Batch { base_offset, leader_epoch: 4, producer, control: false, records };
        LogWrite { topic: topic.into(), partition: 1, change: LogChange::Append { after: Some(4), batch } }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let truncate = LogWrite { topic: "a".into(), partition: 1, change: LogChange::Truncate(2) };
        let reset = LogWrite { topic: "b".into(), partition: 0, change: LogChange::Reset(9) };
        let writes = vec![append("a", 0), truncate, append("b", 0), reset];
        let mut frames = Frames::default();
        let disk: Vec<Box<[u8]>> = writes.iter().map(|w| frames.frame(w)).collect();
        let (_, read, damage) = Frames::open(&Controls::all_on(), &disk);
        assert_eq!((read, damage), (writes, Damage::default()));
    }

    #[test]
    fn nothing_behind_a_damaged_frame_is_believed_and_writing_goes_on_before_it() {
        let mut frames = Frames::default();
        let mut disk: Vec<Box<[u8]>> = Vec::new();
        for at in 0..4 {
            disk.push(frames.frame(&append("a", 2 * at)));
            disk.push(frames.frame(&append("b", 2 * at)));
        }
        disk[2][20] ^= 1;
        let (mut frames, read, damage) = Frames::open(&Controls::all_on(), &disk);
        assert_eq!(read.iter().filter(|w| &*w.topic == "a").count(), 1);
        assert_eq!(read.iter().filter(|w| &*w.topic == "b").count(), 4);
        assert_eq!(damage, Damage { broken: 1, orphaned: 2 });
        disk.push(frames.frame(&append("a", 2)));
        let (_, read, _) = Frames::open(&Controls::all_on(), &disk);
        let of_a: Vec<&LogWrite> = read.iter().filter(|w| &*w.topic == "a").collect();
        assert_eq!(of_a, [&append("a", 0), &append("a", 2)]);
    }

    #[test]
    fn without_the_checksum_a_flipped_bit_is_believed() {
        let mut frame = Frames::default().frame(&append("a", 0));
        let value = frame.windows(5).position(|w| w == b"value").expect("it holds the value");
        frame[value] ^= 1;
        let off = Controls::with_off(crate::control::ControlSet::EMPTY.with(RECORD_CHECKSUM.slot));
        let (_, read, damage) = Frames::open(&off, &[frame]);
        let LogChange::Append { batch, .. } = &read[0].change else { panic!("an append was written") };
        assert_eq!((&batch.records[0].value[..], damage), (&b"walue"[..], Damage::default()));
    }

    #[test]
    fn a_torn_frame_is_no_frame() {
        let frame = Frames::default().frame(&append("a", 0));
        for length in 0..frame.len() {
            let (_, read, damage) = Frames::open(&Controls::all_on(), &[frame[..length].into()]);
            assert_eq!((read.len(), damage.broken), (0, 1));
        }
    }

    #[test]
    fn a_decision_of_the_controller_is_read_again() {
        let (replicas, isr) = ([BrokerId(0), BrokerId(1)].into(), [BrokerId(1)].into());
        for leader in [None, Some(BrokerId(1))] {
            let (topic, partition) = ("t".into(), 3);
            let isr: Arc<[BrokerId]> = Arc::clone(&isr);
            let replicas: Arc<[BrokerId]> = Arc::clone(&replicas);
            let state = PartitionState { topic, partition, replicas, isr, leader, leader_epoch: 5, version: 6 };
            assert_eq!(state_of(&state_frame(&state)), Some(state));
        }
    }
}
