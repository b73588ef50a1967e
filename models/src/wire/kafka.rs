//! Words of the Kafka protocol: records, client requests and replies, replication between brokers, broker metadata.
//!
//! One partition a request, where Kafka batches many: a topic's fate is then one word. Principals are not in the words;
//! they come from the connection's certificate.

use crate::ids::{Bytes, TenantId};
use serde::{Deserialize, Serialize};
use sim::{Duration, Instant};
use std::sync::Arc;

/// A topic's name: `tenant.acme.orders`.
pub type TopicName = Arc<str>;

/// A broker of one cluster.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct BrokerId(pub u16);

/// A record as the producer made it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Key; order holds per key, because a key stays on one partition.
    pub key: Option<Bytes>,
    /// Value; on schema-governed topics an event of [`crate::kafka::schema`].
    pub value: Bytes,
    /// When the producer made it, by its own clock.
    pub timestamp: Instant,
    /// Record headers that the platform defines.
    pub headers: Headers,
}

impl Record {
    /// A record without key and headers.
    pub fn new(value: Bytes, timestamp: Instant) -> Record {
        Record { key: None, value, timestamp, headers: Headers::default() }
    }
    /// Bytes it counts for in quotas, fetch limits and retention.
    pub fn size(&self) -> u64 {
        RECORD_OVERHEAD + self.value.len() as u64 + self.key.as_ref().map_or(0, |k| k.len() as u64)
    }
}

/// Bytes a record takes beside key and value (record batch format v2, rounded up).
const RECORD_OVERHEAD: u64 = 12;

/// Headers that the platform defines.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Headers {
    /// Cell in which the record was first produced; absent in that cell itself.
    pub origin_cell: Option<Arc<str>>,
    /// Offset in the cell from which the mirror took it.
    pub source_offset: Option<u64>,
    /// Whose record it is, on platform topics that hold many tenants.
    pub tenant: Option<TenantId>,
    /// On a record that its own cell could not take: where it went instead.
    pub spilled: Option<Spilled>,
}

/// Where a record went that its own cell could not take.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Spilled {
    /// The cell that took it.
    pub cell: Arc<str>,
    /// Its place in its producer's sequence at home, when it was under way there and may stand in the log already.
    pub under_way: Option<ProducerStamp>,
}

/// Identity of an idempotent producer, and the place of a batch in its sequence on one partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ProducerStamp {
    /// Producer id.
    pub id: u64,
    /// Counted up when the producer restarts; the older epoch is fenced.
    pub epoch: u16,
    /// Sequence number of the first record.
    pub base_sequence: u32,
}

/// Records as they lie in a log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// Offset of the first record.
    pub base_offset: u64,
    /// Epoch of the leader that appended it.
    pub leader_epoch: u32,
    /// The producer, if idempotent.
    pub producer: Option<ProducerStamp>,
    /// A marker for brokers (it fences a producer); takes an offset, never reaches a consumer.
    pub control: bool,
    /// The records, shared by every replica and reader.
    pub records: Arc<[Record]>,
}

impl Batch {
    /// Offset after the last record.
    pub fn end(&self) -> u64 {
        self.base_offset + self.records.len() as u64
    }
    /// Bytes, as [`Record::size`] counts them.
    pub fn size(&self) -> u64 {
        self.records.iter().map(Record::size).sum()
    }
}

/// How many replicas must have a batch before it is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Acks {
    /// The leader alone (`acks=1`).
    Leader,
    /// All in-sync replicas, at least `min.insync.replicas` (`acks=all`).
    All,
}

/// Error codes by their Kafka names; the number is the wire code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[repr(i16)]
#[allow(missing_docs, reason = "the names are Kafka's and documented there")]
pub enum ErrorCode {
    None = 0,
    OffsetOutOfRange = 1,
    UnknownTopicOrPartition = 3,
    NotLeaderOrFollower = 6,
    RequestTimedOut = 7,
    NotCoordinator = 16,
    NotEnoughReplicas = 19,
    NotEnoughReplicasAfterAppend = 20,
    TopicAuthorizationFailed = 29,
    GroupAuthorizationFailed = 30,
    ClusterAuthorizationFailed = 31,
    PolicyViolation = 44,
    OutOfOrderSequenceNumber = 45,
    DuplicateSequenceNumber = 46,
    InvalidProducerEpoch = 47,
    TransactionalIdAuthorizationFailed = 53,
    KafkaStorageError = 56,
    UnknownProducerId = 59,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    InvalidRecord = 87,
    ThrottlingQuotaExceeded = 89,
}

/// What a client asks of a broker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Append records.
    Produce(Produce),
    /// Shut out older epochs of a producer on one partition, durably: answered like a produce once committed.
    FenceProducer {
        /// Topic.
        topic: TopicName,
        /// Partition.
        partition: u32,
        /// The producer with its new epoch.
        producer: ProducerStamp,
    },
    /// Read committed records.
    Fetch(Fetch),
    /// First offset and high watermark of a partition.
    ListOffsets {
        /// Topic.
        topic: TopicName,
        /// Partition.
        partition: u32,
    },
    /// Which broker keeps the offsets of a group.
    FindCoordinator {
        /// Consumer group.
        group: Arc<str>,
    },
    /// Store a group's position.
    OffsetCommit {
        /// Consumer group.
        group: Arc<str>,
        /// Topic.
        topic: TopicName,
        /// Partition.
        partition: u32,
        /// The next offset to read.
        offset: u64,
    },
    /// Ask for a group's position.
    OffsetFetch {
        /// Consumer group.
        group: Arc<str>,
        /// Topic.
        topic: TopicName,
        /// Partition.
        partition: u32,
    },
    /// Remove the records of a partition before an offset.
    DeleteRecords {
        /// Topic.
        topic: TopicName,
        /// Partition.
        partition: u32,
        /// The first offset to keep.
        before: u64,
    },
    /// Topics with their leaders: the named ones, or all that the principal may see.
    Metadata {
        /// Names, or all.
        topics: Option<Vec<TopicName>>,
    },
}

/// Append records to one partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Produce {
    /// Topic.
    pub topic: TopicName,
    /// Partition.
    pub partition: u32,
    /// On whose behalf (`client.id`): a service that produces for many names the tenant, so that each has its quota.
    pub client: Option<TenantId>,
    /// Identity and sequence, if idempotent.
    pub producer: Option<ProducerStamp>,
    /// When to acknowledge.
    pub acks: Acks,
    /// The records; appended together or not at all.
    pub records: Arc<[Record]>,
}

/// Read one partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fetch {
    /// Topic.
    pub topic: TopicName,
    /// Partition.
    pub partition: u32,
    /// First offset wanted.
    pub offset: u64,
    /// Stop after this many bytes; at least one batch is returned.
    pub bytes_max: u64,
    /// How long to hold the request while there is nothing to read.
    pub wait: Duration,
}

/// What a broker answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Response {
    /// To a produce or a fence.
    Produce(ProduceReply),
    /// To a fetch.
    Fetch(FetchReply),
    /// To `ListOffsets`.
    Offsets {
        /// What went wrong.
        error: ErrorCode,
        /// First offset still kept.
        log_start: u64,
        /// Offset after the last committed record.
        high_watermark: u64,
    },
    /// To `FindCoordinator`.
    Coordinator {
        /// What went wrong.
        error: ErrorCode,
        /// The broker, if there is one.
        broker: Option<BrokerId>,
    },
    /// To `OffsetCommit`.
    OffsetCommit {
        /// What went wrong.
        error: ErrorCode,
    },
    /// To `OffsetFetch`.
    OffsetFetch {
        /// What went wrong.
        error: ErrorCode,
        /// The position, if one was ever committed.
        offset: Option<u64>,
    },
    /// To `DeleteRecords`.
    DeleteRecords {
        /// What went wrong.
        error: ErrorCode,
        /// First offset still kept.
        log_start: u64,
    },
    /// To `Metadata`.
    Metadata(Vec<TopicMetadata>),
}

/// Answer to a produce.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProduceReply {
    /// What went wrong.
    pub error: ErrorCode,
    /// Offset of the first record; for a duplicate, where it was appended the first time.
    pub base_offset: u64,
    /// How long the broker will not read from this principal.
    pub throttle_ms: u32,
    /// Index of the first record that was refused, with `InvalidRecord`.
    pub bad_record: Option<u32>,
}

impl ProduceReply {
    /// Nothing was appended.
    pub fn error(error: ErrorCode) -> ProduceReply {
        ProduceReply { error, base_offset: 0, throttle_ms: 0, bad_record: None }
    }
}

/// Answer to a fetch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FetchReply {
    /// What went wrong.
    pub error: ErrorCode,
    /// Committed batches, control batches left out; the first may start before the offset asked for.
    pub batches: Vec<Batch>,
    /// Where to read on: after the last batch looked at, control batches included.
    pub next_offset: u64,
    /// Offset after the last committed record.
    pub high_watermark: u64,
    /// First offset still kept.
    pub log_start: u64,
}

/// A topic, as far as the principal may know it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TopicMetadata {
    /// Name.
    pub topic: TopicName,
    /// `None`, or why nothing is said. The same for a forbidden topic whether it exists or not.
    pub error: ErrorCode,
    /// Leader of each partition.
    pub leaders: Vec<Option<BrokerId>>,
}

/// Words between brokers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Replication {
    /// A follower asks for what comes after its log; at the same time its acknowledgement.
    Fetch(ReplicaFetch),
    /// The leader's answer.
    Append(ReplicaAppend),
    /// The leader waits for a follower that has no fetch open: ask again.
    Wake {
        /// Topic.
        topic: TopicName,
        /// Partition.
        partition: u32,
        /// The leader's epoch.
        leader_epoch: u32,
    },
    /// A record that its topic's schema refuses, for the tenant's dead letter topic.
    DeadLetter {
        /// The dead letter topic, partition 0.
        topic: TopicName,
        /// The record, unchanged.
        record: Record,
    },
}

/// A follower's fetch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplicaFetch {
    /// Topic.
    pub topic: TopicName,
    /// Partition.
    pub partition: u32,
    /// Epoch of the leader that the follower believes in.
    pub leader_epoch: u32,
    /// End of the follower's log.
    pub offset: u64,
    /// Leader epoch of its last batch, to find where the logs part (KIP-595, KIP-279).
    pub last_epoch: Option<u32>,
    /// What of it survives a power failure.
    pub durable: u64,
    /// First fetch under this leader: answered at once.
    pub first: bool,
}

/// The leader's answer to a follower.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplicaAppend {
    /// Topic.
    pub topic: TopicName,
    /// Partition.
    pub partition: u32,
    /// The leader's epoch.
    pub leader_epoch: u32,
    /// `OffsetOutOfRange` tells the follower to start over at `log_start`.
    pub error: ErrorCode,
    /// What comes after the follower's log.
    pub batches: Vec<Batch>,
    /// Cut back first: the leader's latest epoch not above the follower's, and where it ended.
    pub diverging: Option<(u32, u64)>,
    /// Offset after the last committed record.
    pub high_watermark: u64,
    /// First offset that the leader keeps.
    pub log_start: u64,
}

/// Who leads a partition: decided by the controller, known to all brokers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionState {
    /// Topic.
    pub topic: TopicName,
    /// Partition.
    pub partition: u32,
    /// Brokers that keep it, preferred leader first.
    pub replicas: Arc<[BrokerId]>,
    /// In-sync replicas.
    pub isr: Arc<[BrokerId]>,
    /// The leader, if an in-sync replica is alive.
    pub leader: Option<BrokerId>,
    /// Counted up with every election.
    pub leader_epoch: u32,
    /// Counted up with every change.
    pub version: u32,
}

/// Words of a broker to the controller.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BrokerWord {
    /// I live, and know the metadata up to a version. A new incarnation is a registration.
    Heartbeat {
        /// Who.
        broker: BrokerId,
        /// Which life of it.
        incarnation: u64,
        /// Metadata known.
        metadata_version: u64,
    },
    /// The leader proposes another in-sync set.
    AlterIsr {
        /// The leader.
        broker: BrokerId,
        /// Topic.
        topic: TopicName,
        /// Partition.
        partition: u32,
        /// The leader's epoch.
        leader_epoch: u32,
        /// Version of the state that the proposal is based on.
        version: u32,
        /// The set proposed.
        isr: Vec<BrokerId>,
    },
}

/// Words of the controller to a broker: the states that changed after version `from`, up to version `to`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MetadataUpdate {
    /// Metadata that the broker must already have.
    pub from: u64,
    /// Metadata it has afterwards.
    pub to: u64,
    /// The states that changed.
    pub states: Vec<PartitionState>,
}

/// Words between a broker and the controller of its cluster, in either direction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClusterWord {
    /// A broker's.
    Broker(BrokerWord),
    /// The controller's.
    Metadata(MetadataUpdate),
}
