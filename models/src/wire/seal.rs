//! The bytes of a word that a transport seal covers.
//!
//! Two words that differ in anything a receiver looks at have different bytes: every text and list is preceded by its
//! length. Kafka's payload words, of which a mirror sends thousands, are written directly; the rest by their debug
//! text.

use super::Wire;
use super::kafka::{Acks, Batch, ErrorCode, Fetch, FetchReply, Produce, ProducerStamp, Record, Request, Response};
use std::io::Write as _;

impl Wire {
    /// Appends what a seal covers.
    pub fn seal_bytes(&self, out: &mut Vec<u8>) {
        match self {
            Wire::Kafka(id, request) => match &**request {
                Request::Produce(request) => {
                    head(out, 1, *id);
                    produce(out, request);
                }
                Request::Fetch(request) => {
                    head(out, 2, *id);
                    fetch(out, request);
                }
                _ => text(self, out),
            },
            Wire::KafkaAnswer(id, response) => match &**response {
                Response::Fetch(reply) => {
                    head(out, 3, *id);
                    fetched(out, reply);
                }
                _ => text(self, out),
            },
            _ => text(self, out),
        }
    }
}

fn text(word: &Wire, out: &mut Vec<u8>) {
    out.push(0);
    write!(out, "{word:?}").expect("writing to memory does not fail");
}

fn head(out: &mut Vec<u8>, kind: u8, id: u64) {
    out.push(kind);
    number(out, id);
}

fn number(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        write(out, value);
    }
}

fn stamp(out: &mut Vec<u8>, ProducerStamp { id, epoch, base_sequence }: ProducerStamp) {
    number(out, id);
    number(out, u64::from(epoch));
    number(out, u64::from(base_sequence));
}

fn produce(out: &mut Vec<u8>, Produce { topic, partition, client, producer, acks, records }: &Produce) {
    bytes(out, topic.as_bytes());
    number(out, u64::from(*partition));
    optional(out, client.as_deref(), |out, client| bytes(out, client.as_bytes()));
    optional(out, *producer, stamp);
    out.push(match acks {
        Acks::Leader => 1,
        Acks::All => 2,
    });
    list(out, records);
}

fn fetch(out: &mut Vec<u8>, Fetch { topic, partition, offset, bytes_max, wait }: &Fetch) {
    bytes(out, topic.as_bytes());
    number(out, u64::from(*partition));
    number(out, *offset);
    number(out, *bytes_max);
    number(out, wait.0);
}

fn fetched(out: &mut Vec<u8>, reply: &FetchReply) {
    let FetchReply { error, batches, next_offset, high_watermark, log_start } = reply;
    number(out, code(*error));
    number(out, batches.len() as u64);
    for Batch { base_offset, leader_epoch, producer, control, records } in batches {
        number(out, *base_offset);
        number(out, u64::from(*leader_epoch));
        optional(out, *producer, stamp);
        out.push(u8::from(*control));
        list(out, records);
    }
    number(out, *next_offset);
    number(out, *high_watermark);
    number(out, *log_start);
}

fn code(error: ErrorCode) -> u64 {
    error as i16 as u64
}

fn list(out: &mut Vec<u8>, records: &[Record]) {
    number(out, records.len() as u64);
    for Record { key, value, timestamp, headers } in records {
        optional(out, key.as_deref(), bytes);
        bytes(out, value);
        number(out, timestamp.0);
        optional(out, headers.origin_cell.as_deref(), |out, cell| bytes(out, cell.as_bytes()));
        optional(out, headers.source_offset, number);
        optional(out, headers.tenant.as_deref(), |out, tenant| bytes(out, tenant.as_bytes()));
        optional(out, headers.spilled.as_ref(), |out, spilled| {
            bytes(out, spilled.cell.as_bytes());
            optional(out, spilled.under_way, stamp);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Instant;
    use std::sync::Arc;

    fn sealed(word: &Wire) -> Vec<u8> {
        let mut out = Vec::new();
        word.seal_bytes(&mut out);
        out
    }

    fn word(topic: &str, key: Option<&str>, value: &str, source: Option<u64>) -> Wire {
        let mut record = Record::new(value.as_bytes().into(), Instant(5));
        record.key = key.map(|k| k.as_bytes().into());
        record.headers.source_offset = source;
        let records: Arc<[Record]> = [record].into();
        let (partition, producer, acks) = (0, None, Acks::All);
        let (topic, client) = (topic.into(), None);
        Wire::Kafka(1, Box::new(Request::Produce(Produce { topic, partition, client, producer, acks, records })))
    }

    #[test]
    fn words_that_differ_have_different_bytes() {
        let words = [
            word("t", None, "v", None),
            word("t", Some(""), "v", None),
            word("t", Some("v"), "", None),
            word("tv", None, "", None),
            word("t", None, "v", Some(0)),
            Wire::Probe(1),
            Wire::Probe(2),
            Wire::ProbeAnswer(1),
        ];
        for (i, a) in words.iter().enumerate() {
            for (j, b) in words.iter().enumerate() {
                assert_eq!(sealed(a) == sealed(b), i == j, "{a:?} | {b:?}");
            }
        }
    }
}
