//! How those who speak to brokers state what they asked and what they got: a name, a status, every byte of content.
//!
//! Statuses are those that a gateway would give, so that one judge reads both.

use models::ids::Bytes;
use models::oracles::delivery::LIST;
use models::wire::kafka::{ErrorCode, Request, Response};

/// A request by name.
pub fn spell(request: &Request) -> String {
    match request {
        Request::Produce(p) => format!("PRODUCE {}", p.topic),
        Request::FenceProducer { topic, .. } => format!("FENCE {topic}"),
        Request::Fetch(f) => format!("FETCH {}@{}", f.topic, f.offset),
        Request::ListOffsets { topic, .. } => format!("OFFSETS {topic}"),
        Request::DeleteRecords { topic, before, .. } => format!("DELETE {topic}@{before}"),
        Request::FindCoordinator { group } => format!("COORDINATOR {group}"),
        Request::OffsetCommit { group, topic, offset, .. } => format!("COMMIT {group} {topic}@{offset}"),
        Request::OffsetFetch { group, topic, .. } => format!("POSITION {group} {topic}"),
        Request::Metadata { topics: Some(topics) } => format!("DESCRIBE {}", topics.join(" ")),
        Request::Metadata { topics: None } => LIST.into(),
    }
}

/// Status of an answer, and its reason.
pub fn status(response: &Response) -> (u16, &'static str) {
    let error = match response {
        Response::Produce(reply) => reply.error,
        Response::Fetch(reply) => reply.error,
        Response::Offsets { error, .. }
        | Response::DeleteRecords { error, .. }
        | Response::Coordinator { error, .. }
        | Response::OffsetCommit { error }
        | Response::OffsetFetch { error, .. } => *error,
        Response::Metadata(topics) => topics.iter().map(|t| t.error).max().unwrap_or(ErrorCode::None),
    };
    match error {
        ErrorCode::None if matches!(response, Response::Produce(_)) => (202, "ACCEPTED"),
        ErrorCode::None => (200, "OK"),
        ErrorCode::InvalidRecord => (400, "INVALID_RECORD"),
        ErrorCode::TopicAuthorizationFailed => (403, "TOPIC_AUTHORIZATION_FAILED"),
        ErrorCode::PolicyViolation => (403, "POLICY_VIOLATION"),
        ErrorCode::GroupAuthorizationFailed => (403, "GROUP_AUTHORIZATION_FAILED"),
        ErrorCode::UnknownTopicOrPartition => (404, "UNKNOWN_TOPIC_OR_PARTITION"),
        ErrorCode::OffsetOutOfRange => (404, "OFFSET_OUT_OF_RANGE"),
        ErrorCode::ThrottlingQuotaExceeded => (429, "THROTTLING_QUOTA_EXCEEDED"),
        // What another broker, or the same one a little later, may answer otherwise.
        _ => (503, "NOT_NOW"),
    }
}

/// Every byte of content: events, names, positions.
pub fn content(response: &Response) -> Bytes {
    match response {
        Response::Fetch(reply) => {
            let records = reply.batches.iter().flat_map(|b| b.records.iter());
            records.flat_map(|r| r.value.iter().copied()).collect()
        }
        Response::Metadata(topics) => {
            let names: Vec<&str> = topics.iter().map(|t| &*t.topic).collect();
            names.join("\n").as_bytes().into()
        }
        Response::Offsets { high_watermark, .. } => high_watermark.to_string().as_bytes().into(),
        Response::OffsetFetch { offset: Some(offset), .. } => offset.to_string().as_bytes().into(),
        _ => [].into(),
    }
}
