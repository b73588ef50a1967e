//! What a partition remembers of idempotent producers: the epoch, and the last five batches of each.
//!
//! Rebuilt from the log, so every replica has it and it survives elections. Five, because a producer may have five
//! batches in flight and any of them may be sent again.

use super::log::Log;
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::kafka::{Batch, ErrorCode, ProducerStamp};
use std::collections::{BTreeMap, VecDeque};

/// A batch that was appended before is not appended again, and none overtakes another.
pub const IDEMPOTENT_PRODUCER: Control = control!(
    "kafka.idempotent-producer",
    upholds: ["EVT-03", "EVT-09"],
    off: "enable.idempotence=false: a retry after a lost acknowledgement appends the batch a second time",
);

const REMEMBERED: usize = 5;

/// The producers of one partition.
#[derive(Clone, Debug, Default)]
pub struct Producers(BTreeMap<u64, Known>);

#[derive(Clone, Debug)]
struct Known {
    epoch: u16,
    recent: VecDeque<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    first: u32,
    last: u32,
    base_offset: u64,
}

/// What to do with a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// It comes next.
    Append,
    /// It lies here already.
    Duplicate {
        /// Offset of its first record.
        base_offset: u64,
    },
    /// It must not be appended.
    Refuse(ErrorCode),
}

impl Producers {
    /// The producers that `log` knows.
    pub fn of(log: &Log) -> Producers {
        let mut producers = Producers::default();
        log.batches().for_each(|b| producers.note(b));
        producers
    }

    /// Where a batch of `count` records belongs.
    pub fn place(&self, controls: &Controls, stamp: ProducerStamp, count: u32) -> Place {
        if controls.on(&IDEMPOTENT_PRODUCER) { self.check(stamp, count) } else { Place::Append }
    }

    /// Remembers a batch that was appended.
    pub fn note(&mut self, batch: &Batch) {
        let Some(stamp) = batch.producer else { return };
        let known = self.0.entry(stamp.id).or_insert(Known { epoch: stamp.epoch, recent: VecDeque::new() });
        if known.epoch != stamp.epoch {
            known.epoch = stamp.epoch;
            known.recent.clear();
        }
        if batch.control {
            return;
        }
        if known.recent.len() == REMEMBERED {
            known.recent.pop_front();
        }
        let last = stamp.base_sequence.wrapping_add(batch.records.len() as u32).wrapping_sub(1);
        known.recent.push_back(Seen { first: stamp.base_sequence, last, base_offset: batch.base_offset });
    }

    fn check(&self, stamp: ProducerStamp, count: u32) -> Place {
        let last = stamp.base_sequence.wrapping_add(count).wrapping_sub(1);
        let known = self.0.get(&stamp.id);
        if known.is_some_and(|k| k.epoch > stamp.epoch) {
            return Place::Refuse(ErrorCode::InvalidProducerEpoch);
        }
        let Some(known) = known.filter(|k| k.epoch == stamp.epoch) else {
            // A new producer, or a new life of one. Kafka 3 accepts any first sequence here, because a connection keeps
            // order; over a network that may drop one request and deliver the next, that would reorder.
            let fresh = stamp.base_sequence == 0;
            return if fresh { Place::Append } else { Place::Refuse(ErrorCode::UnknownProducerId) };
        };
        if let Some(seen) = known.recent.iter().find(|s| s.first == stamp.base_sequence && s.last == last) {
            return Place::Duplicate { base_offset: seen.base_offset };
        }
        let expected = known.recent.back().map_or(0, |s| s.last.wrapping_add(1));
        if stamp.base_sequence == expected {
            Place::Append
        } else if known.recent.front().is_some_and(|s| stamp.base_sequence < s.first) {
            Place::Refuse(ErrorCode::DuplicateSequenceNumber)
        } else {
            Place::Refuse(ErrorCode::OutOfOrderSequenceNumber)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;
    use crate::wire::kafka::Record;
    use sim::Instant;

    fn stamp(epoch: u16, base_sequence: u32) -> ProducerStamp {
        ProducerStamp { id: 1, epoch, base_sequence }
    }
    /// A producer of epoch 3 has written sequences 0 to 11, two a batch, from offset 100 on.
    fn check(controls: &Controls, next: ProducerStamp, expected: Place) {
        let mut producers = Producers::default();
        for i in 0..6 {
            let record = Record::new((*b"x").into(), Instant::ZERO);
            producers.note(&Batch {
                base_offset: 100 + 2 * u64::from(i),
                leader_epoch: 1,
                producer: Some(stamp(3, 2 * i)),
                control: false,
                records: vec![record; 2].into(),
            });
        }
        assert_eq!(producers.place(controls, next, 2), expected);
    }

    #[test]
    fn retries_are_recognised_gaps_and_old_epochs_refused() {
        let on = Controls::all_on();
        check(&on, stamp(3, 12), Place::Append);
        check(&on, stamp(3, 10), Place::Duplicate { base_offset: 110 });
        check(&on, stamp(3, 2), Place::Duplicate { base_offset: 102 });
        check(&on, stamp(3, 0), Place::Refuse(ErrorCode::DuplicateSequenceNumber));
        check(&on, stamp(3, 14), Place::Refuse(ErrorCode::OutOfOrderSequenceNumber));
        check(&on, stamp(2, 12), Place::Refuse(ErrorCode::InvalidProducerEpoch));
        check(&on, stamp(4, 0), Place::Append);
        check(&on, stamp(4, 2), Place::Refuse(ErrorCode::UnknownProducerId));
    }

    #[test]
    fn without_idempotence_a_retry_is_appended_again() {
        let off = Controls::with_off(ControlSet::EMPTY.with(IDEMPOTENT_PRODUCER.slot));
        check(&off, stamp(3, 10), Place::Append);
    }
}
