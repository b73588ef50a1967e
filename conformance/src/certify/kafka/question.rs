//! What a principal is tried with: one request each, none of which changes anything.
//!
//! Who may read is shown by reading. Who may write is shown by a write that a broker refuses for another reason, after
//! it has asked for permission: to a partition that no topic has, of a topic that nobody has, with a session or a
//! transaction of no length, a rule about nothing, or a change that is only validated.

use super::link::{Session, Wrong};
use crate::kafka::{
    ALLOW, ANY, CONFIG_OF_BROKER, CONFIG_OF_TOPIC, Kind, LITERAL, code, error_name, operation_number, text,
};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    AlterClientQuotasRequest, CreateAclsRequest, CreateTopicsRequest, DeleteGroupsRequest, DeleteRecordsRequest,
    DeleteTopicsRequest, DescribeAclsRequest, DescribeConfigsRequest, DescribeGroupsRequest, FetchRequest,
    FindCoordinatorRequest, GroupId, IncrementalAlterConfigsRequest, InitProducerIdRequest, JoinGroupRequest,
    ListOffsetsRequest, MetadataRequest, OffsetCommitRequest, OffsetFetchRequest, ProduceRequest, TopicName,
    TransactionalId,
};
use kafka_protocol::records::{
    Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

/// A partition that no topic has.
const NOWHERE: i32 = i32::MAX;
/// Milliseconds that a broker may take.
const TIMEOUT_MS: i32 = 2_000;
/// Milliseconds that a fetch may wait where there is nothing; some brokers answer nothing at all to one that does not.
const WAIT_MS: i32 = 50;
/// Bytes of a fetch: enough to see that there is something.
const FETCH_BYTES: i32 = 64 * 1024;
/// What written records say of themselves.
pub const MARK: &str = "cellproof: written by a judge, may be removed";
/// What nobody is called.
pub const NOBODYS: &str = "cellproof-nobodys";
/// A quota in a change that is only validated.
const QUOTA: &str = "producer_byte_rate";

/// One request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// Whether a topic exists, and where.
    Describe(String),
    /// How many records a topic has.
    ListOffsets(String),
    /// A topic's configuration.
    DescribeConfigs(String),
    /// Its records.
    Fetch(String),
    /// Records for it.
    Produce(String),
    /// Its records away.
    DeleteRecords(String),
    /// It away: of a name that nobody has.
    DeleteTopic(String),
    /// A topic of that name.
    CreateTopic(String),
    /// Its configuration changed.
    AlterConfigs(String),
    /// A group's position in a topic.
    Position {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
    },
    /// A group's position changed.
    Commit {
        /// The group.
        group: String,
        /// A topic that may be read.
        topic: String,
    },
    /// Membership of a group.
    Join(String),
    /// A group's members.
    DescribeGroup(String),
    /// A group away: of a name that nobody has.
    DeleteGroup(String),
    /// The identity of a transactional producer.
    InitProducer(String),
    /// Which broker keeps it.
    FindTransaction(String),
    /// The cluster's rules.
    DescribeAcls,
    /// A rule for somebody.
    CreateAcl,
    /// A quota for somebody.
    AlterQuota,
    /// The configuration of a broker.
    DescribeBroker,
    /// The configuration of all brokers changed.
    AlterBrokers,
}

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It may not.
    Denied,
    /// It may; and what the broker said.
    Allowed(String),
    /// Nobody can tell: the broker does not know the request, or has gone.
    Unclear(String),
}

impl Question {
    /// What somebody does who may do it.
    pub fn verb(&self) -> &'static str {
        match self {
            Question::Describe(_) | Question::DescribeGroup(_) | Question::FindTransaction(_) => "describes",
            Question::ListOffsets(_) => "counts",
            Question::DescribeConfigs(_) | Question::DescribeBroker => "reads the configuration of",
            Question::Fetch(_) => "reads",
            Question::Produce(_) => "writes to",
            Question::DeleteRecords(_) => "removes records of",
            Question::DeleteTopic(_) | Question::DeleteGroup(_) => "removes",
            Question::CreateTopic(_) => "creates",
            Question::AlterConfigs(_) | Question::AlterBrokers => "changes the configuration of",
            Question::Position { .. } => "reads positions of",
            Question::Commit { .. } => "moves positions of",
            Question::Join(_) => "joins",
            Question::InitProducer(_) => "takes",
            Question::DescribeAcls => "reads rules of",
            Question::CreateAcl => "makes rules of",
            Question::AlterQuota => "changes quotas of",
        }
    }

    /// The operation that a rule allows for it, by its number.
    pub fn operation(&self) -> i8 {
        let name = match self {
            Question::Describe(_)
            | Question::ListOffsets(_)
            | Question::Position { .. }
            | Question::DescribeGroup(_)
            | Question::FindTransaction(_)
            | Question::DescribeAcls => "Describe",
            Question::DescribeConfigs(_) | Question::DescribeBroker => "DescribeConfigs",
            Question::Fetch(_) | Question::Commit { .. } | Question::Join(_) => "Read",
            Question::Produce(_) | Question::InitProducer(_) => "Write",
            Question::DeleteRecords(_) | Question::DeleteTopic(_) | Question::DeleteGroup(_) => "Delete",
            Question::CreateTopic(_) => "Create",
            Question::AlterConfigs(_) | Question::AlterBrokers | Question::AlterQuota => "AlterConfigs",
            Question::CreateAcl => "Alter",
        };
        operation_number(name).unwrap_or_default()
    }

    /// Whether it would change something at a broker that does not look whether there is anything to change.
    pub fn is_write(&self) -> bool {
        !matches!(
            self,
            Question::Describe(_)
                | Question::ListOffsets(_)
                | Question::DescribeConfigs(_)
                | Question::Fetch(_)
                | Question::Position { .. }
                | Question::DescribeGroup(_)
                | Question::FindTransaction(_)
                | Question::DescribeAcls
                | Question::DescribeBroker
        )
    }

    /// The request in words.
    pub fn words(&self) -> String {
        match self {
            Question::Describe(topic) => format!("Metadata topic={topic}"),
            Question::ListOffsets(topic) => format!("ListOffsets topic={topic} partition=0 timestamp=latest"),
            Question::DescribeConfigs(topic) => format!("DescribeConfigs topic={topic}"),
            Question::Fetch(topic) => format!("Fetch topic={topic} partition=0 offset=0"),
            Question::Produce(topic) => format!("Produce topic={topic} partition={NOWHERE} acks=all"),
            Question::DeleteRecords(topic) => format!("DeleteRecords topic={topic} partition={NOWHERE} before=0"),
            Question::DeleteTopic(topic) => format!("DeleteTopics topic={topic}"),
            Question::CreateTopic(topic) => format!("CreateTopics topic={topic} validate-only"),
            Question::AlterConfigs(topic) => format!("IncrementalAlterConfigs topic={topic} validate-only"),
            Question::Position { group, topic } => format!("OffsetFetch group={group} topic={topic} partition=0"),
            Question::Commit { group, topic } => {
                format!("OffsetCommit group={group} topic={topic} partition={NOWHERE} offset=0")
            }
            Question::Join(group) => format!("JoinGroup group={group} session-timeout-ms=0"),
            Question::DescribeGroup(group) => format!("DescribeGroups group={group}"),
            Question::DeleteGroup(group) => format!("DeleteGroups group={group}"),
            Question::InitProducer(id) => format!("InitProducerId transactional-id={id} transaction-timeout-ms=0"),
            Question::FindTransaction(id) => format!("FindCoordinator transactional-id={id}"),
            Question::DescribeAcls => "DescribeAcls any".to_owned(),
            Question::CreateAcl => "CreateAcls topic=\"\" principal=User:cellproof-nobodys".to_owned(),
            Question::AlterQuota => format!("AlterClientQuotas user={NOBODYS} {QUOTA}=1 validate-only"),
            Question::DescribeBroker => "DescribeConfigs broker".to_owned(),
            Question::AlterBrokers => "IncrementalAlterConfigs brokers validate-only".to_owned(),
        }
    }

    /// Asks.
    pub fn ask(&self, session: &Session) -> Answer {
        match self.code(session) {
            Ok(code) => judged(code),
            Err(wrong) => Answer::Unclear(wrong.told()),
        }
    }

    fn code(&self, on: &Session) -> Result<i16, Wrong> {
        match self {
            Question::Describe(topic) => describe(on, topic),
            Question::ListOffsets(topic) => latest(on, topic).map(|(code, _)| code),
            Question::Fetch(topic) => fetch(on, topic).map(|(code, _)| code),
            Question::Produce(topic) => produce(on, topic, NOWHERE, batch(&[MARK], None)).map(|reply| reply.0),
            Question::DeleteRecords(topic) => delete_records(on, topic, NOWHERE),
            Question::DeleteTopic(topic) => delete_topic(on, topic),
            Question::CreateTopic(topic) => create_topic(on, topic, (-1, true)),
            Question::DescribeConfigs(topic) => describe_configs(on, CONFIG_OF_TOPIC, topic),
            Question::AlterConfigs(topic) => alter_configs(on, CONFIG_OF_TOPIC, topic),
            Question::DescribeBroker => describe_configs(on, CONFIG_OF_BROKER, "0"),
            Question::AlterBrokers => alter_configs(on, CONFIG_OF_BROKER, ""),
            Question::Position { group, topic } => position(on, group, topic),
            Question::Commit { group, topic } => commit(on, group, topic),
            Question::Join(group) => join(on, group),
            Question::DescribeGroup(group) => {
                let groups = vec![GroupId(text(group))];
                let answer = on.ask(&DescribeGroupsRequest::default().with_groups(groups))?;
                first(answer.groups.iter().map(|group| group.error_code))
            }
            Question::DeleteGroup(group) => {
                let names = vec![GroupId(text(group))];
                let answer = on.ask(&DeleteGroupsRequest::default().with_groups_names(names))?;
                first(answer.results.iter().map(|result| result.error_code))
            }
            Question::InitProducer(id) => {
                let request = InitProducerIdRequest::default().with_transaction_timeout_ms(0);
                Ok(on.ask(&request.with_transactional_id(Some(TransactionalId(text(id)))))?.error_code)
            }
            Question::FindTransaction(id) => {
                Ok(on.ask(&FindCoordinatorRequest::default().with_key(text(id)).with_key_type(1))?.error_code)
            }
            Question::DescribeAcls => Ok(on.ask(&all_acls())?.error_code),
            Question::CreateAcl => create_acl(on),
            Question::AlterQuota => alter_quota(on),
        }
    }
}

/// Refusals say that permission is missing; whatever else comes, permission was there.
fn judged(code: i16) -> Answer {
    match code {
        code::TOPIC_AUTHORIZATION_FAILED
        | code::GROUP_AUTHORIZATION_FAILED
        | code::CLUSTER_AUTHORIZATION_FAILED
        | code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => Answer::Denied,
        // Before Kafka 3.3 a broker that does not control the cluster says so before it asks for permission.
        code::UNSUPPORTED_VERSION | code::NOT_CONTROLLER | code::REQUEST_TIMED_OUT | -1 => {
            Answer::Unclear(error_name(code))
        }
        code => Answer::Allowed(error_name(code)),
    }
}

fn first(mut codes: impl Iterator<Item = i16>) -> Result<i16, Wrong> {
    codes.next().ok_or_else(|| Wrong::Gone("an answer about nothing".to_owned()))
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Asks for a topic's metadata, and does not let it be made.
fn describe(on: &Session, topic: &str) -> Result<i16, Wrong> {
    let asked = MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
    let request = MetadataRequest::default().with_topics(Some(vec![asked])).with_allow_auto_topic_creation(false);
    first(on.ask(&request)?.topics.iter().map(|topic| topic.error_code))
}

/// Asks where a topic's partition 0 is led, if that may be seen.
pub fn leader(on: &Session, topic: &str) -> Option<i32> {
    let asked = MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
    let request = MetadataRequest::default().with_topics(Some(vec![asked])).with_allow_auto_topic_creation(false);
    let answer = on.ask(&request).ok()?;
    let first = answer.topics.first()?.partitions.iter().find(|partition| partition.partition_index == 0)?;
    Some(*first.leader_id).filter(|leader| *leader >= 0)
}

/// Asks the leader of a topic, or whoever is at hand where nobody says who leads.
fn at_leader<R: kafka_protocol::protocol::Request>(
    on: &Session,
    topic: &str,
    request: &R,
) -> Result<R::Response, Wrong> {
    match leader(on, topic) {
        Some(leader) => on.ask_of(leader, request),
        None => on.ask(request),
    }
}

/// The offset after a topic's last record.
pub fn latest(on: &Session, topic: &str) -> Result<(i16, i64), Wrong> {
    let partition = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(-1);
    let topics = vec![ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition])];
    let answer = at_leader(on, topic, &ListOffsetsRequest::default().with_topics(topics))?;
    let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
    let told = partition.map(|p| (p.error_code, p.offset));
    told.ok_or_else(|| Wrong::Gone("an answer about nothing".to_owned()))
}

/// Records from the start of a topic's partition 0: how many there are in the first bytes, and their values.
pub fn fetch(on: &Session, topic: &str) -> Result<(i16, Vec<Bytes>), Wrong> {
    let partition = FetchPartition::default().with_partition_max_bytes(FETCH_BYTES);
    let topics = vec![FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition])];
    let request = FetchRequest::default().with_max_bytes(FETCH_BYTES).with_topics(topics).with_session_epoch(-1);
    let request = request.with_max_wait_ms(WAIT_MS).with_min_bytes(1);
    let answer = at_leader(on, topic, &request)?;
    if answer.error_code != code::NONE {
        return Ok((answer.error_code, Vec::new()));
    }
    let partition = answer.responses.first().and_then(|topic| topic.partitions.first());
    let partition = partition.ok_or_else(|| Wrong::Gone("an answer about nothing".to_owned()))?;
    let mut bytes = partition.records.clone().unwrap_or_default();
    // A batch that is cut off at the end, or compressed, is no reason not to have read the ones before.
    let sets = RecordBatchDecoder::decode_all(&mut bytes).unwrap_or_default();
    let records = sets.into_iter().flat_map(|set| set.records).filter(|record| !record.control);
    Ok((partition.error_code, records.map(|record| record.value.unwrap_or_default()).collect()))
}

/// A batch, perhaps of an idempotent producer with its epoch and sequence.
pub fn batch(values: &[&str], producer: Option<(i64, i16, i32)>) -> Bytes {
    let (id, epoch, sequence) = producer.unwrap_or((NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE));
    let record = |(at, value): (i32, &&str)| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: id,
        producer_epoch: epoch,
        timestamp_type: TimestampType::Creation,
        offset: i64::from(at),
        sequence: sequence + at,
        timestamp: now_ms(),
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Default::default(),
    };
    let records: Vec<Record> = (0..).zip(values).map(record).collect();
    let mut out = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut out, records.iter(), &options).expect("a short batch");
    out.freeze()
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Sends a batch: the error, the offset, and for how many milliseconds the producer is held back.
pub fn produce(on: &Session, topic: &str, partition: i32, batch: Bytes) -> Result<(i16, i64, i32), Wrong> {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
    let topics = vec![TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data])];
    let request = ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(-1)
        .with_timeout_ms(TIMEOUT_MS)
        .with_topic_data(topics);
    let answer = at_leader(on, topic, &request)?;
    let reply = answer.responses.first().and_then(|topic| topic.partition_responses.first());
    let told = reply.map(|reply| (reply.error_code, reply.base_offset, answer.throttle_time_ms));
    told.ok_or_else(|| Wrong::Gone("an answer about nothing".to_owned()))
}

/// Removes all records of a partition.
pub fn delete_records(on: &Session, topic: &str, partition: i32) -> Result<i16, Wrong> {
    let before = if partition == NOWHERE { 0 } else { -1 };
    let data = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(before);
    let topics = vec![DeleteRecordsTopic::default().with_name(topic_name(topic)).with_partitions(vec![data])];
    let request = DeleteRecordsRequest::default().with_topics(topics).with_timeout_ms(TIMEOUT_MS);
    let answer = at_leader(on, topic, &request)?;
    first(answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code))
}

/// Asks any broker, and the one that controls the cluster if that is another one.
fn at_controller<R: kafka_protocol::protocol::Request>(
    on: &Session,
    request: &R,
    code: impl Fn(&R::Response) -> Option<i16>,
) -> Result<i16, Wrong> {
    let told = code(&on.ask(request)?);
    if told != Some(code::NOT_CONTROLLER) {
        return first(told.into_iter());
    }
    let about = on.ask(&MetadataRequest::default().with_topics(Some(Vec::new())))?;
    first(code(&on.ask_of(*about.controller_id, request)?).into_iter())
}

/// Removes a topic.
pub fn delete_topic(on: &Session, topic: &str) -> Result<i16, Wrong> {
    let request = DeleteTopicsRequest::default().with_topic_names(vec![topic_name(topic)]);
    let request = request.with_timeout_ms(TIMEOUT_MS);
    at_controller(on, &request, |answer| answer.responses.first().map(|response| response.error_code))
}

/// Makes a topic of one partition, or says whether it would.
pub fn create_topic(on: &Session, topic: &str, (replicas, validate_only): (i16, bool)) -> Result<i16, Wrong> {
    let asked = CreatableTopic::default().with_name(topic_name(topic)).with_num_partitions(1);
    let topics = vec![asked.with_replication_factor(replicas)];
    let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(TIMEOUT_MS);
    let request = request.with_validate_only(validate_only);
    at_controller(on, &request, |answer| answer.topics.first().map(|topic| topic.error_code))
}

fn describe_configs(on: &Session, kind: i8, name: &str) -> Result<i16, Wrong> {
    let asked = DescribeConfigsResource::default().with_resource_type(kind).with_resource_name(text(name));
    let answer =
        on.ask(&DescribeConfigsRequest::default().with_resources(vec![asked.with_configuration_keys(None)]))?;
    first(answer.results.iter().map(|result| result.error_code))
}

fn alter_configs(on: &Session, kind: i8, name: &str) -> Result<i16, Wrong> {
    let (key, value) = if kind == CONFIG_OF_TOPIC { ("retention.ms", "-1") } else { ("log.retention.ms", "-1") };
    let change = AlterableConfig::default().with_name(text(key)).with_config_operation(0).with_value(Some(text(value)));
    let asked = AlterConfigsResource::default().with_resource_type(kind).with_resource_name(text(name));
    let resources = vec![asked.with_configs(vec![change])];
    let request = IncrementalAlterConfigsRequest::default().with_resources(resources).with_validate_only(true);
    first(on.ask(&request)?.responses.iter().map(|response| response.error_code))
}

fn position(on: &Session, group: &str, topic: &str) -> Result<i16, Wrong> {
    let asked = OffsetFetchRequestTopic::default().with_name(topic_name(topic)).with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default().with_group_id(GroupId(text(group))).with_topics(Some(vec![asked]));
    // Of a topic that may not be described nothing is said; the group is what is asked about.
    Ok(on.ask(&request)?.error_code)
}

fn commit(on: &Session, group: &str, topic: &str) -> Result<i16, Wrong> {
    let partition = OffsetCommitRequestPartition::default().with_partition_index(NOWHERE).with_committed_offset(0);
    let topics =
        vec![OffsetCommitRequestTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition])];
    let request = OffsetCommitRequest::default().with_group_id(GroupId(text(group))).with_topics(topics);
    let answer = on.ask(&request.with_generation_id_or_member_epoch(-1))?;
    first(answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code))
}

fn join(on: &Session, group: &str) -> Result<i16, Wrong> {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    let request = JoinGroupRequest::default().with_group_id(GroupId(text(group))).with_session_timeout_ms(0);
    let request = request.with_rebalance_timeout_ms(TIMEOUT_MS).with_protocol_type(text("consumer"));
    Ok(on.ask(&request.with_protocols(vec![protocol]))?.error_code)
}

/// Asks for every rule.
pub fn all_acls() -> DescribeAclsRequest {
    let request = DescribeAclsRequest::default().with_resource_type_filter(ANY).with_pattern_type_filter(ANY);
    let request = request.with_resource_name_filter(None).with_principal_filter(None).with_host_filter(None);
    request.with_operation(ANY).with_permission_type(ANY)
}

/// A rule about a topic without a name, which no cluster takes.
fn create_acl(on: &Session) -> Result<i16, Wrong> {
    let rule = AclCreation::default().with_resource_type(Kind::Topic.number()).with_resource_pattern_type(LITERAL);
    let rule = rule.with_principal(text(&format!("User:{NOBODYS}"))).with_host(text("*"));
    let rule = rule.with_operation(operation_number("Read").unwrap_or_default()).with_permission_type(ALLOW);
    first(on.ask(&CreateAclsRequest::default().with_creations(vec![rule]))?.results.iter().map(|r| r.error_code))
}

fn alter_quota(on: &Session) -> Result<i16, Wrong> {
    let entity = EntityData::default().with_entity_type(text("user")).with_entity_name(Some(text(NOBODYS)));
    let entry = EntryData::default().with_entity(vec![entity]);
    let entry = entry.with_ops(vec![OpData::default().with_key(text(QUOTA)).with_value(1.0)]);
    let answer = on.ask(&AlterClientQuotasRequest::default().with_entries(vec![entry]).with_validate_only(true))?;
    first(answer.entries.iter().map(|entry| entry.error_code))
}
