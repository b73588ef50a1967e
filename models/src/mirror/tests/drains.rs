//! The receiving half of a drain: what was under way when it spilled is known again, and nobody else's place is taken.

use super::*;
use crate::wire::mirror::MirrorRecord;

const HOME: &str = "tenant.acme.audit";

/// A sink in the home cell of what spilled to cell C, and what it asked last.
struct Drain {
    sink: MirrorSink,
    out: Vec<SinkEffect>,
}

impl Drain {
    fn asks(&mut self) -> (u64, Request) {
        let asked = self.out.drain(..).find_map(|effect| match effect {
            SinkEffect::Kafka { correlation, request } => Some((correlation, request)),
            _ => None,
        });
        asked.expect("it asks its cell's brokers")
    }
    fn told(&mut self, correlation: u64, response: Response) {
        self.sink.on_kafka(Instant::ZERO, &Controls::all_on(), correlation, response, &mut self.out);
    }
    /// What is written next: under which stamp, and how many records.
    fn writes(&mut self, answer: ErrorCode) -> (ProducerStamp, usize) {
        let (correlation, Request::Produce(produce)) = self.asks() else { panic!("it writes") };
        assert_eq!(&*produce.topic, HOME);
        self.told(correlation, Response::Produce(ProduceReply::error(answer)));
        (produce.producer.expect("it is numbered"), produce.records.len())
    }
}

fn spilled(cell: &str, under_way: Option<ProducerStamp>) -> Record {
    let mut record = Record::new((*b"event").into(), Instant::ZERO);
    record.headers.spilled = Some(Spilled { cell: cell.into(), under_way });
    record
}

/// The drain has its place in the log at home, where what another cell's drain brought stands last; three events are on
/// their way, the first of which was under way when it spilled.
fn drain(stamp: ProducerStamp) -> Drain {
    let sink = MirrorSink::new(Naming::Home, 77, 5, 8, Duration::millis(300));
    let records = [Some(stamp), None, None].map(|under_way| spilled("cell-c", under_way));
    let batch = MirrorBatch {
        source_cell: "cell-c".into(),
        topic: "tenant.acme.spilled-audit".into(),
        partition: 0,
        from: 0,
        next: 3,
        start: true,
        records: (0..).zip(records).map(|(offset, record)| MirrorRecord { offset, record }).collect(),
        digest: [0; 32],
        signature: [].into(),
    };
    let mut drain = Drain { sink, out: Vec::new() };
    drain.sink.on_batch(Instant::ZERO, &Controls::all_on(), &Key, batch.signed(&Key), &mut drain.out);
    let (correlation, request) = drain.asks();
    assert!(matches!(&request, Request::FenceProducer { topic, .. } if &**topic == HOME));
    drain.told(correlation, Response::Produce(ProduceReply { base_offset: 1, ..ProduceReply::error(ErrorCode::None) }));
    let (correlation, Request::Fetch(_)) = drain.asks() else { panic!("it looks how far it came") };
    let mut foreign = spilled("cell-b", None);
    foreign.headers.source_offset = Some(40);
    let batches =
        vec![Batch { base_offset: 0, leader_epoch: 1, producer: None, control: false, records: [foreign].into() }];
    let error = ErrorCode::None;
    let reply = FetchReply { error, batches, next_offset: 1, high_watermark: 2, log_start: 0 };
    drain.told(correlation, Response::Fetch(reply));
    drain
}

#[test]
fn what_was_under_way_is_written_in_its_producers_place_and_the_rest_in_the_drains_own() {
    let stamp = ProducerStamp { id: 9, epoch: 0, base_sequence: 4 };
    for known in [ErrorCode::None, ErrorCode::DuplicateSequenceNumber] {
        let mut drain = drain(stamp);
        assert_eq!(drain.writes(known), (stamp, 1));
        let own = ProducerStamp { id: 77, epoch: 5, base_sequence: 0 };
        assert_eq!(drain.writes(ErrorCode::None), (own, 2));
        let acks: Vec<&SinkEffect> = drain.out.iter().filter(|e| matches!(e, SinkEffect::Ack(_))).collect();
        assert!(matches!(acks[..], [SinkEffect::Ack(MirrorAck { applied: 3, missing: false, .. })]), "{acks:?}");
    }
}

#[test]
fn what_nobody_at_home_knows_of_is_written_as_new() {
    let stamp = ProducerStamp { id: 9, epoch: 0, base_sequence: 4 };
    for unknown in [ErrorCode::UnknownProducerId, ErrorCode::OutOfOrderSequenceNumber] {
        let mut drain = drain(stamp);
        assert_eq!(drain.writes(unknown), (stamp, 1));
        let own = ProducerStamp { id: 77, epoch: 5, base_sequence: 0 };
        assert_eq!(drain.writes(ErrorCode::None), (own, 3));
    }
}
