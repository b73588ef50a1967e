//! The model of a Kafka broker against real ones, over Kafka's protocol: the same random requests to both, the hosted
//! model and a server that is there, and the same answers expected.
//!
//! What a server is held to depends on what it is ([`Held`]). One that `CELLPROOF_KAFKA_URL` names, of one broker, is
//! held to everything; a private Tansu to the ordinary; a private cluster of librdkafka also to what Kafka says of
//! names and partitions that nobody has, and of where logs end.
//!
//! `CELLPROOF_KAFKA_REQUESTS` says how many (12 000 unless given), `CELLPROOF_SEED` where the seeds begin. Compared are
//! errors, offsets, values of records, positions, and where logs begin and end. Who may do what is not: no server that
//! can be had here asks for permission.

use crate::luck::Luck;
use crate::tally::number;
use bytes::Bytes;
use conformance::certify::kafka::link::{Link, Login, Session, Wrong};
use conformance::certify::kafka::question::{batch, create_topic, delete_topic};
use conformance::host::kafka::Host;
use conformance::host::kafka::config::Config;
use conformance::kafka::{error_name, text};
use conformance::provision::{librdkafka, skip, tansu};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    FetchRequest, GroupId, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
    OffsetFetchRequest, ProduceRequest, TopicName,
};
use kafka_protocol::records::RecordBatchDecoder;
use std::collections::BTreeMap;

/// Requests of a run that is told nothing else.
const REQUESTS: u64 = 12_000;
/// Requests of a program: its topics and groups are its own.
const REQUESTS_A_PROGRAM: u64 = 120;
/// Bytes of a fetch, more than a program writes.
const BYTES: i32 = 8 << 20;
/// How long a broker may wait for what it has already, in milliseconds.
const PATIENT_MS: i32 = 1_000;

/// A cluster of one broker, open to everybody, as the private servers are.
const CLUSTER: &str = "[properties]\nlisteners = \"PLAINTEXT://127.0.0.1:0\"\n";

/// What a server is held to, beside the ordinary.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// Topics and partitions that nobody has.
    strays: bool,
    /// A group has no position there, which is no error.
    stray_positions: bool,
    /// Where a log ends.
    ends: bool,
    /// Batches that come twice, or leave a gap.
    repeats: bool,
    /// Topics are made and removed as an administrator does; else they come when somebody asks about them.
    governed: bool,
}

/// Apache Kafka.
const ALL: Held = Held { strays: true, stray_positions: true, ends: true, repeats: true, governed: true };
/// A Tansu.
const ORDINARY: Held = Held { strays: false, stray_positions: false, ends: false, repeats: false, governed: true };
/// A cluster of librdkafka.
const LIBRDKAFKA: Held = Held { strays: true, stray_positions: false, ends: true, repeats: false, governed: false };

/// A request, the same for both.
#[derive(Clone, Debug)]
enum Asked {
    Produce { topic: String, partition: i32, values: Vec<String>, acks: i16 },
    Idempotent { topic: String, producer: usize, sequence: i32, values: Vec<String> },
    Fetch { topic: String, partition: i32, offset: i64 },
    ListOffsets { topic: String, partition: i32, timestamp: i64 },
    Commit { group: String, topic: String, partition: i32, offset: i64 },
    Position { group: String, topic: String, partition: i32 },
    Describe { topic: String },
}

/// Records by offset, and where their log ends.
type Brought = (Vec<(i64, String)>, i64);

/// One of the two.
struct Side {
    session: Session,
    /// Producer ids, which are each server's own.
    producers: Vec<(i64, i16)>,
}

fn side(url: &str) -> Side {
    let link = Link::new(url).expect("a URL");
    let login = Login { principal: "User:ANONYMOUS".to_owned(), tls: None, password: None };
    Side { session: link.enter(&login).expect("it lets everybody in"), producers: Vec::new() }
}

impl Side {
    fn answer(&self, asked: &Asked) -> String {
        let told = match asked {
            Asked::Produce { topic, partition, values, acks } => self.produce(topic, *partition, *acks, values, None),
            Asked::Idempotent { topic, producer, sequence, values } => {
                let (id, epoch) = self.producers[*producer];
                self.produce(topic, 0, -1, values, Some((id, epoch, *sequence)))
            }
            Asked::Fetch { topic, partition, offset } => self.fetch(topic, *partition, *offset),
            Asked::ListOffsets { topic, partition, timestamp } => self.list(topic, *partition, *timestamp),
            Asked::Commit { group, topic, partition, offset } => self.commit(group, topic, *partition, *offset),
            Asked::Position { group, topic, partition } => self.position(group, topic, *partition),
            Asked::Describe { topic } => self.describe(topic),
        };
        told.unwrap_or_else(|wrong| wrong.told())
    }

    fn produce(
        &self,
        topic: &str,
        partition: i32,
        acks: i16,
        values: &[String],
        producer: Option<(i64, i16, i32)>,
    ) -> Result<String, Wrong> {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let records = Some(batch(&values, producer));
        let data = vec![PartitionProduceData::default().with_index(partition).with_records(records)];
        let topics = vec![TopicProduceData::default().with_name(name(topic)).with_partition_data(data)];
        let request = ProduceRequest::default()
            .with_transactional_id(None)
            .with_acks(acks)
            .with_timeout_ms(5_000)
            .with_topic_data(topics);
        let answer = self.session.ask(&request)?;
        let reply = &answer.responses[0].partition_responses[0];
        let at = if reply.error_code == 0 { reply.base_offset } else { -1 };
        Ok(format!("{} at {at}", error_name(reply.error_code)))
    }

    /// All from an offset on. How much of it one answer brings is a broker's own choice.
    fn fetch(&self, topic: &str, partition: i32, offset: i64) -> Result<String, Wrong> {
        let (mut told, mut next, mut wait_ms) = (Vec::new(), offset, 1);
        loop {
            let (records, end) = match self.fetch_some(topic, partition, next, wait_ms)? {
                Ok(some) => some,
                Err(code) => return Ok(error_name(code)),
            };
            let before = next;
            for (at, value) in records {
                next = at + 1;
                told.push(format!("{at}={value}"));
            }
            // A busy broker may have looked at nothing before the wait was over: it is asked once with patience.
            if next == before && next < end && wait_ms < PATIENT_MS {
                wait_ms = PATIENT_MS;
                continue;
            }
            if next >= end || next == before {
                return Ok(format!("{} before {end}", told.join(" ")));
            }
        }
    }

    /// What one answer brings, and where the log ends; or an error.
    fn fetch_some(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
        wait_ms: i32,
    ) -> Result<Result<Brought, i16>, Wrong> {
        let asked = FetchPartition::default().with_partition(partition).with_fetch_offset(offset);
        let asked = vec![asked.with_partition_max_bytes(BYTES)];
        let topics = vec![FetchTopic::default().with_topic(name(topic)).with_partitions(asked)];
        let request = FetchRequest::default().with_max_bytes(BYTES).with_session_epoch(-1).with_topics(topics);
        let request = request.with_max_wait_ms(wait_ms).with_min_bytes(1);
        let answer = self.session.ask(&request)?;
        let partition = &answer.responses[0].partitions[0];
        if partition.error_code != 0 {
            return Ok(Err(partition.error_code));
        }
        let mut bytes = partition.records.clone().unwrap_or_default();
        let sets = RecordBatchDecoder::decode_all(&mut bytes).map_err(|e| Wrong::Gone(e.to_string()))?;
        let records = sets.into_iter().flat_map(|set| set.records);
        // A batch comes whole, from wherever it begins.
        let records = records.filter(|record| record.offset >= offset && !record.control);
        let value = |value: Option<Bytes>| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
        let records = records.map(|record| (record.offset, value(record.value)));
        Ok(Ok((records.collect(), partition.high_watermark)))
    }

    fn list(&self, topic: &str, partition: i32, timestamp: i64) -> Result<String, Wrong> {
        let asked = ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(timestamp);
        let topics = vec![ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![asked])];
        let answer = self.session.ask(&ListOffsetsRequest::default().with_topics(topics))?;
        let partition = &answer.topics[0].partitions[0];
        let at = if partition.error_code == 0 { partition.offset } else { -1 };
        Ok(format!("{} at {at}", error_name(partition.error_code)))
    }

    fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) -> Result<String, Wrong> {
        let asked = OffsetCommitRequestPartition::default().with_partition_index(partition);
        let asked = vec![asked.with_committed_offset(offset).with_committed_metadata(Some(text("")))];
        let topics = vec![OffsetCommitRequestTopic::default().with_name(name(topic)).with_partitions(asked)];
        let request = OffsetCommitRequest::default().with_group_id(GroupId(text(group))).with_topics(topics);
        let answer = self.session.ask(&request.with_generation_id_or_member_epoch(-1))?;
        Ok(error_name(answer.topics[0].partitions[0].error_code))
    }

    fn position(&self, group: &str, topic: &str, partition: i32) -> Result<String, Wrong> {
        let asked = OffsetFetchRequestTopic::default().with_name(name(topic)).with_partition_indexes(vec![partition]);
        let request = OffsetFetchRequest::default().with_group_id(GroupId(text(group))).with_topics(Some(vec![asked]));
        let answer = self.session.ask(&request)?;
        let Some(partition) = answer.topics.first().and_then(|topic| topic.partitions.first()) else {
            return Ok(error_name(answer.error_code));
        };
        Ok(format!("{} at {}", error_name(partition.error_code), partition.committed_offset))
    }

    fn describe(&self, topic: &str) -> Result<String, Wrong> {
        let asked = vec![MetadataRequestTopic::default().with_name(Some(name(topic)))];
        let request = MetadataRequest::default().with_topics(Some(asked)).with_allow_auto_topic_creation(false);
        let answer = self.session.ask(&request)?;
        let topic = &answer.topics[0];
        let led = topic.partitions.iter().filter(|partition| *partition.leader_id >= 0).count();
        Ok(format!("{}, {led} partitions led", error_name(topic.error_code)))
    }
}

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

/// What a program has done so far, as far as the next request wants to know.
struct Program {
    /// What may be asked.
    held: Held,
    ends: BTreeMap<(String, i32), i64>,
    /// Next sequence of each producer, and its last batches: where each began, and its values.
    sent: BTreeMap<usize, Vec<(i32, Vec<String>)>>,
    written: u64,
}

impl Program {
    fn new(held: Held) -> Program {
        Program { held, ends: BTreeMap::new(), sent: BTreeMap::new(), written: 0 }
    }

    fn values(&mut self, luck: &mut Luck) -> Vec<String> {
        (0..=luck.below(3))
            .map(|_| {
                self.written += 1;
                format!("v{}", self.written)
            })
            .collect()
    }

    fn next(&mut self, luck: &mut Luck, topics: &[String], groups: &[String]) -> Asked {
        let of = |luck: &mut Luck, names: &[String]| names[luck.below(names.len())].clone();
        // One topic in ten and one partition in ten is nobody's.
        let (stray, astray) = (luck.percent(10), luck.percent(10));
        let topic = if stray && self.held.strays { "nobodys".to_owned() } else { of(luck, topics) };
        let partition = if astray && self.held.strays { 7 } else { 0 };
        let end = self.ends.get(&(topic.clone(), partition)).copied().unwrap_or(0);
        match luck.weighted(&[28, 22, 22, 10, 8, 7, 3]) {
            0 => {
                let acks = if luck.percent(50) { -1 } else { 1 };
                let values = self.values(luck);
                Asked::Produce { topic, partition, values, acks }
            }
            1 => self.idempotent(luck, topics),
            2 => Asked::Fetch { topic, partition, offset: luck.below(end as usize + 1) as i64 },
            3 => {
                let timestamp = if luck.percent(50) && self.held.ends { -1 } else { -2 };
                Asked::ListOffsets { topic, partition, timestamp }
            }
            4 => Asked::Commit { group: of(luck, groups), topic, partition, offset: luck.below(50) as i64 },
            5 if !self.held.stray_positions => {
                Asked::Position { group: of(luck, groups), topic: of(luck, topics), partition: 0 }
            }
            5 => Asked::Position { group: of(luck, groups), topic, partition },
            _ => Asked::Describe { topic },
        }
    }

    /// The next batch of a producer, one that was sent before, or one that leaves a gap. Each producer has one topic.
    fn idempotent(&mut self, luck: &mut Luck, topics: &[String]) -> Asked {
        let producer = luck.below(topics.len());
        let topic = topics[producer].clone();
        let sent = self.sent.get(&producer).cloned().unwrap_or_default();
        let next = sent.last().map_or(0, |(from, values)| from + values.len() as i32);
        let odd = self.held.repeats && !sent.is_empty();
        match luck.below(10) {
            0 | 1 if odd => {
                let (sequence, values) = sent[sent.len() - 1 - luck.below(sent.len().min(5))].clone();
                Asked::Idempotent { topic, producer, sequence, values }
            }
            2 if odd => {
                let values = self.values(luck);
                Asked::Idempotent { topic, producer, sequence: next + 3, values }
            }
            _ => {
                let values = self.values(luck);
                self.sent.entry(producer).or_default().push((next, values.clone()));
                Asked::Idempotent { topic, producer, sequence: next, values }
            }
        }
    }

    fn note(&mut self, asked: &Asked, answer: &str) {
        let (topic, partition, values) = match asked {
            Asked::Produce { topic, partition, values, .. } => (topic, *partition, values),
            Asked::Idempotent { topic, values, .. } => (topic, 0, values),
            _ => return,
        };
        if let Some(at) = answer.strip_prefix("NONE at ").and_then(|at| at.parse::<i64>().ok()) {
            let end = self.ends.entry((topic.clone(), partition)).or_default();
            *end = (*end).max(at + values.len() as i64);
        }
    }
}

#[test]
fn the_model_answers_as_a_real_broker_does() {
    match tansu::server() {
        Ok(server) => compare(&server.url, &server.how, if server.is_named { ALL } else { ORDINARY }),
        Err(why) => skip("kafka", &why),
    }
}

#[test]
fn the_model_answers_as_the_cluster_of_librdkafka_does() {
    match librdkafka::server() {
        Ok(server) => compare(&server.url, &server.how, LIBRDKAFKA),
        Err(why) => skip("librdkafka", &why),
    }
}

fn compare(url: &str, how: &str, held: Held) {
    let by_itself = format!("\"auto.create.topics.enable\" = \"{}\"\n", !held.governed);
    let cluster = format!("{CLUSTER}{by_itself}\"num.partitions\" = \"{}\"\n[[broker]]\n", librdkafka::PARTITIONS);
    let host = Host::start(Config::parse("model.toml", &cluster).expect("a cluster")).expect("it starts");
    let (wanted, seed) = (number("CELLPROOF_KAFKA_REQUESTS", REQUESTS), number("CELLPROOF_SEED", 1));
    let mut model = side(&format!("kafka://127.0.0.1:{}", host.port("PLAINTEXT").expect("a port")));
    let mut real = side(url);
    let (mut compared, mut differ) = (0, Vec::new());
    let mut program = 0;
    while compared < wanted {
        program += 1;
        let unique = format!("{}-{program}", std::process::id());
        let topics: Vec<String> = (0..2).map(|at| format!("cellproof-{unique}-{at}")).collect();
        let groups: Vec<String> = (0..2).map(|at| format!("cellproof-group-{unique}-{at}")).collect();
        for side in [&mut model, &mut real] {
            topics.iter().for_each(|topic| make(&side.session, topic, held));
            side.producers = topics.iter().map(|_| producer(&side.session)).collect();
        }
        let (mut luck, mut state) = (Luck::new(seed * 1_000_003 + program), Program::new(held));
        for _ in 0..REQUESTS_A_PROGRAM {
            let asked = state.next(&mut luck, &topics, &groups);
            let (expected, answer) = (real.answer(&asked), model.answer(&asked));
            compared += 1;
            state.note(&asked, &expected);
            if expected != answer {
                differ.push(format!("{asked:?}\n  {how}: {expected}\n  the model: {answer}"));
                break;
            }
        }
        for topic in topics.iter().filter(|_| held.governed) {
            assert_eq!(delete_topic(&real.session, topic).expect("an answer"), 0, "{topic}");
        }
    }
    println!("kafka: {compared} requests to {how} and to the model: {} differ; {held:?}", differ.len());
    assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ[..differ.len().min(12)].join("\n"));
}

/// Makes a topic, as an administrator or by asking about it.
fn make(on: &Session, topic: &str, held: Held) {
    if held.governed {
        return assert_eq!(create_topic(on, topic, (1, false)).expect("an answer"), 0, "{topic}");
    }
    let asked = vec![MetadataRequestTopic::default().with_name(Some(name(topic)))];
    let request = MetadataRequest::default().with_topics(Some(asked)).with_allow_auto_topic_creation(true);
    on.ask(&request).expect("an answer");
}

fn producer(session: &Session) -> (i64, i16) {
    let asked = InitProducerIdRequest::default().with_transactional_id(None).with_transaction_timeout_ms(60_000);
    let answer = session.ask(&asked).expect("an answer");
    assert_eq!(answer.error_code, 0);
    (*answer.producer_id, answer.producer_epoch)
}
