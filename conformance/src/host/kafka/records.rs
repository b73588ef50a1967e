//! Batches of records, as the protocol and as the model have them.
//!
//! The model's records have the platform's own headers and no others, so those of clients are dropped; a record without
//! a value has an empty one.

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{
    Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record as Told, RecordBatchDecoder,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use models::wire::kafka::{Batch, ProducerStamp, Record};
use sim::Instant;

/// Milliseconds since 1970 at which the model's time begins.
const EPOCH_MS: i64 = (sim::time::EPOCH_UNIX_S * 1_000) as i64;
const NANOS_A_MS: u64 = 1_000_000;

/// The records of a produce, with their producer if it is idempotent; none where the bytes are no whole batch.
pub fn read(bytes: Option<&Bytes>) -> Option<(Vec<Record>, Option<ProducerStamp>)> {
    let mut bytes = bytes?.clone();
    let sets = RecordBatchDecoder::decode_all(&mut bytes).ok()?;
    let told: Vec<Told> = sets.into_iter().flat_map(|set| set.records).collect();
    let first = told.first()?;
    let stamp = (first.producer_id != NO_PRODUCER_ID).then_some(ProducerStamp {
        id: first.producer_id as u64,
        epoch: first.producer_epoch as u16,
        base_sequence: first.sequence as u32,
    });
    let value = |bytes: Option<Bytes>| bytes.unwrap_or_default();
    let record = |told: Told| Record {
        key: told.key.map(|key| key.as_ref().into()),
        ..Record::new(value(told.value).as_ref().into(), instant(told.timestamp))
    };
    Some((told.into_iter().map(record).collect(), stamp))
}

/// Batches of a fetch.
pub fn write(batches: &[Batch]) -> Bytes {
    let mut out = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    for batch in batches {
        let told: Vec<Told> = (0..).zip(batch.records.iter()).map(|(at, record)| told(batch, at, record)).collect();
        // What came from a produce fits a fetch.
        let _ = RecordBatchEncoder::encode(&mut out, told.iter(), &options);
    }
    out.freeze()
}

fn told(batch: &Batch, at: u64, record: &Record) -> Told {
    let stamp = batch.producer;
    Told {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: batch.leader_epoch as i32,
        producer_id: stamp.map_or(NO_PRODUCER_ID, |s| s.id as i64),
        producer_epoch: stamp.map_or(NO_PRODUCER_EPOCH, |s| s.epoch as i16),
        timestamp_type: TimestampType::Creation,
        offset: (batch.base_offset + at) as i64,
        // The encoder keeps records together whose sequence grows with their offset, without a producer too.
        sequence: stamp.map_or(NO_SEQUENCE, |s| s.base_sequence as i32) + at as i32,
        timestamp: EPOCH_MS + (record.timestamp.as_nanos() / NANOS_A_MS) as i64,
        key: record.key.as_ref().map(|key| Bytes::copy_from_slice(key)),
        value: Some(Bytes::copy_from_slice(&record.value)),
        headers: Default::default(),
    }
}

fn instant(timestamp_ms: i64) -> Instant {
    Instant(u64::try_from(timestamp_ms - EPOCH_MS).unwrap_or(0).saturating_mul(NANOS_A_MS))
}
