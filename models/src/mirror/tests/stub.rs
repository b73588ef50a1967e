//! As much of Kafka as the mirror sees, committed at once.

use crate::wire::kafka::*;
use sim::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Topics of one partition, idempotent producers with epochs, group positions; everything is committed at once.
#[derive(Default)]
pub struct Kafka {
    pub topics: BTreeMap<TopicName, Vec<(Record, bool)>>,
    producers: BTreeMap<(TopicName, u64), (u16, BTreeMap<u32, u64>)>,
    positions: BTreeMap<(Arc<str>, TopicName), u64>,
}

impl Kafka {
    pub fn values(&self, topic: &str) -> Vec<String> {
        let log = self.topics.get(topic).map(Vec::as_slice).unwrap_or_default();
        let records = log.iter().filter(|(_, control)| !control);
        records.map(|(r, _)| String::from_utf8_lossy(&r.value).into_owned()).collect()
    }

    /// Where a group stands in a topic.
    pub fn position(&self, group: &str, topic: &str) -> Option<u64> {
        self.positions.get(&(group.into(), topic.into())).copied()
    }

    pub fn handle(&mut self, request: Request) -> Response {
        match request {
            Request::Produce(p) => Response::Produce(self.append(p.topic, p.producer, p.records, false)),
            Request::FenceProducer { topic, producer, .. } => {
                let marker = Record::new([].into(), Instant::ZERO);
                Response::Produce(self.append(topic, Some(producer), [marker].into(), true))
            }
            Request::Fetch(fetch) => {
                let log = self.topics.entry(fetch.topic).or_default();
                let rest = log.iter().enumerate().skip(fetch.offset as usize).take(3);
                let batches = rest.filter(|(_, (_, control))| !control).map(|(offset, (record, _))| Batch {
                    base_offset: offset as u64,
                    leader_epoch: 1,
                    producer: None,
                    control: false,
                    records: [record.clone()].into(),
                });
                let (high_watermark, batches) = (log.len() as u64, batches.collect());
                let next_offset = high_watermark.min(fetch.offset + 3).max(fetch.offset);
                let error = ErrorCode::None;
                Response::Fetch(FetchReply { error, batches, next_offset, high_watermark, log_start: 0 })
            }
            Request::ListOffsets { topic, .. } => {
                let high_watermark = self.topics.get(&topic).map_or(0, |l| l.len() as u64);
                Response::Offsets { error: ErrorCode::None, log_start: 0, high_watermark }
            }
            Request::OffsetCommit { group, topic, offset, .. } => {
                self.positions.insert((group, topic), offset);
                Response::OffsetCommit { error: ErrorCode::None }
            }
            Request::OffsetFetch { group, topic, .. } => {
                let offset = self.positions.get(&(group, topic)).copied();
                Response::OffsetFetch { error: ErrorCode::None, offset }
            }
            other => panic!("{other:?}"),
        }
    }

    fn append(
        &mut self,
        topic: TopicName,
        stamp: Option<ProducerStamp>,
        records: Arc<[Record]>,
        control: bool,
    ) -> ProduceReply {
        let log = self.topics.entry(topic.clone()).or_default();
        let base_offset = log.len() as u64;
        if let Some(stamp) = stamp {
            let known = self.producers.entry((topic, stamp.id)).or_default();
            if known.0 > stamp.epoch {
                return ProduceReply::error(ErrorCode::InvalidProducerEpoch);
            }
            if known.0 < stamp.epoch {
                *known = (stamp.epoch, BTreeMap::new());
            }
            // A fence at an epoch under which somebody has written is no fence: as the brokers, it says so.
            if control && !known.1.is_empty() {
                return ProduceReply::error(ErrorCode::OutOfOrderSequenceNumber);
            }
            if !control {
                if let Some(first) = known.1.get(&stamp.base_sequence) {
                    return ProduceReply { base_offset: *first, ..ProduceReply::error(ErrorCode::None) };
                }
                known.1.insert(stamp.base_sequence, base_offset);
            }
        }
        if let Some(bad) = records.iter().position(|r| *r.value == *b"malformed") {
            let reply = ProduceReply::error(ErrorCode::InvalidRecord);
            if let Some(stamp) = stamp {
                self.producers.values_mut().for_each(|(_, seen)| _ = seen.remove(&stamp.base_sequence));
            }
            return ProduceReply { bad_record: Some(bad as u32), ..reply };
        }
        log.extend(records.iter().map(|r| (r.clone(), control)));
        ProduceReply { base_offset, ..ProduceReply::error(ErrorCode::None) }
    }
}
