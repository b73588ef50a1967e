//! Records: produced, fetched, counted, removed. Every decision is the model's.
//!
//! A principal over its quota is not refused but left unread, as Kafka does it: its request waits here.

use super::caller::Caller;
use super::records;
use crate::kafka::code;
use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, FetchRequest, FetchResponse, InitProducerIdRequest,
    InitProducerIdResponse, ListOffsetsRequest, ListOffsetsResponse, ProduceRequest, ProduceResponse, ProducerId,
};
use models::kafka::{Operations, Resource};
use models::wire::kafka::{Acks, ErrorCode, Fetch, FetchReply, Produce, ProduceReply, Request, Response};
use sim::Duration;
use std::sync::Arc;

/// The latest offset, in a question for one.
const LATEST: i64 = -1;
/// The earliest.
const EARLIEST: i64 = -2;

/// A partition that nobody has: a number of the protocol may be negative.
const NOWHERE: u32 = u32::MAX;

fn partition(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(NOWHERE)
}

/// Appends; nothing is answered to who asks for no acknowledgement.
pub async fn produce(caller: &Caller, request: ProduceRequest) -> Option<ProduceResponse> {
    let acks = if request.acks == -1 { Acks::All } else { Acks::Leader };
    let (mut topics, mut throttled) = (Vec::new(), 0);
    for topic in request.topic_data {
        let mut answers = Vec::new();
        for data in topic.partition_data {
            // What is no batch has no records, which the model refuses after it has asked for permission.
            let (records, producer) = records::read(data.records.as_ref()).unwrap_or_default();
            let produce = Produce {
                topic: topic.name.as_str().into(),
                partition: partition(data.index),
                client: None,
                producer,
                acks,
                records: records.into(),
            };
            let reply = append(caller, produce).await;
            throttled = throttled.max(reply.throttle_ms as i32);
            let error = reply.error as i16;
            let offset = if error == code::NONE { reply.base_offset as i64 } else { -1 };
            let answer = PartitionProduceResponse::default().with_index(data.index).with_error_code(error);
            answers.push(answer.with_base_offset(offset));
        }
        topics.push(TopicProduceResponse::default().with_name(topic.name).with_partition_responses(answers));
    }
    let response = ProduceResponse::default().with_responses(topics).with_throttle_time_ms(throttled);
    (request.acks != 0).then_some(response)
}

async fn append(caller: &Caller, produce: Produce) -> ProduceReply {
    let mut throttle_ms = 0;
    loop {
        let Response::Produce(reply) = caller.ask(Request::Produce(produce.clone())).await else {
            unreachable!("a produce is answered as one");
        };
        if reply.error != ErrorCode::ThrottlingQuotaExceeded {
            return ProduceReply { throttle_ms: throttle_ms.max(reply.throttle_ms), ..reply };
        }
        throttle_ms = throttle_ms.max(reply.throttle_ms);
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(reply.throttle_ms))).await;
    }
}

/// Reads; with nothing to read, waits at the first partition.
pub async fn fetch(caller: &Caller, request: FetchRequest) -> FetchResponse {
    let wait = if request.min_bytes > 0 { u64::try_from(request.max_wait_ms).unwrap_or(0) } else { 0 };
    let first = round(caller, &request, Duration::ZERO).await;
    let is_news = |data: &PartitionData| {
        data.error_code != code::NONE || data.records.as_ref().is_some_and(|bytes| !bytes.is_empty())
    };
    if wait == 0 || first.is_empty() || first.iter().flat_map(|topic| &topic.partitions).any(is_news) {
        return FetchResponse::default().with_responses(first);
    }
    let second = round(caller, &request, Duration::millis(wait)).await;
    FetchResponse::default().with_responses(second)
}

async fn round(caller: &Caller, request: &FetchRequest, mut wait: Duration) -> Vec<FetchableTopicResponse> {
    let mut topics = Vec::new();
    for topic in &request.topics {
        let mut answers = Vec::new();
        for asked in &topic.partitions {
            let fetch = Fetch {
                topic: topic.topic.as_str().into(),
                partition: partition(asked.partition),
                offset: u64::try_from(asked.fetch_offset).unwrap_or(u64::MAX),
                bytes_max: u64::try_from(asked.partition_max_bytes).unwrap_or(0),
                wait: std::mem::replace(&mut wait, Duration::ZERO),
            };
            let Response::Fetch(reply) = caller.ask(Request::Fetch(fetch)).await else {
                unreachable!("a fetch is answered as one");
            };
            answers.push(partition_data(asked.partition, &reply));
        }
        topics.push(FetchableTopicResponse::default().with_topic(topic.topic.clone()).with_partitions(answers));
    }
    topics
}

fn partition_data(partition: i32, reply: &FetchReply) -> PartitionData {
    let data = PartitionData::default().with_partition_index(partition).with_error_code(reply.error as i16);
    if reply.error != ErrorCode::None {
        return data.with_high_watermark(-1).with_last_stable_offset(-1).with_log_start_offset(-1);
    }
    let (end, start) = (reply.high_watermark as i64, reply.log_start as i64);
    let data = data.with_high_watermark(end).with_last_stable_offset(end).with_log_start_offset(start);
    data.with_records(Some(records::write(&reply.batches)))
}

/// Where logs begin and end.
pub async fn list_offsets(caller: &Caller, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let mut topics = Vec::new();
    for topic in request.topics {
        let mut answers = Vec::new();
        for asked in topic.partitions {
            let name: Arc<str> = topic.name.as_str().into();
            let question = Request::ListOffsets { topic: name, partition: partition(asked.partition_index) };
            let Response::Offsets { error, log_start, high_watermark } = caller.ask(question).await else {
                unreachable!("offsets are answered as offsets");
            };
            let offset = match asked.timestamp {
                _ if error != ErrorCode::None => -1,
                LATEST => high_watermark as i64,
                EARLIEST => log_start as i64,
                // The model finds nothing by time.
                _ => -1,
            };
            let answer = ListOffsetsPartitionResponse::default().with_partition_index(asked.partition_index);
            answers.push(answer.with_error_code(error as i16).with_offset(offset).with_timestamp(-1));
        }
        topics.push(ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(answers));
    }
    ListOffsetsResponse::default().with_topics(topics)
}

/// Removes the records before an offset; before -1 are all of them.
pub async fn delete_records(caller: &Caller, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut topics = Vec::new();
    for topic in request.topics {
        let mut answers = Vec::new();
        for asked in topic.partitions {
            let question = Request::DeleteRecords {
                topic: topic.name.as_str().into(),
                partition: partition(asked.partition_index),
                before: u64::try_from(asked.offset).unwrap_or(u64::MAX),
            };
            let Response::DeleteRecords { error, log_start } = caller.ask(question).await else {
                unreachable!("a removal is answered as one");
            };
            let low = if error == ErrorCode::None { log_start as i64 } else { -1 };
            let answer = DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
            answers.push(answer.with_error_code(error as i16).with_low_watermark(low));
        }
        topics.push(DeleteRecordsTopicResult::default().with_name(topic.name).with_partitions(answers));
    }
    DeleteRecordsResponse::default().with_topics(topics)
}

/// Gives out the id of a producer; the same one with a later epoch for the same transactional id.
pub fn init_producer(caller: &Caller, request: &InitProducerIdRequest) -> InitProducerIdResponse {
    let mut state = caller.estate.state();
    let refused = |error| InitProducerIdResponse::default().with_error_code(error).with_producer_id(ProducerId(-1));
    let Some(id) = &request.transactional_id else {
        let given = state.give();
        return InitProducerIdResponse::default().with_producer_id(ProducerId(given)).with_producer_epoch(0);
    };
    match state.refusal(caller.principal(), Resource::TransactionalId, id.as_str(), Operations::WRITE) {
        code::NONE if request.transaction_timeout_ms <= 0 => refused(code::INVALID_TRANSACTION_TIMEOUT),
        code::NONE => {
            let fresh = state.give();
            let (given, epoch) = state.transactions.entry(id.as_str().to_owned()).or_insert((fresh, -1));
            *epoch += 1;
            InitProducerIdResponse::default().with_producer_id(ProducerId(*given)).with_producer_epoch(*epoch)
        }
        error => refused(error),
    }
}
