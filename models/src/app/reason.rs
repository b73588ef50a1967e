//! What a no from further down means to the client: whose fault it is, and whether to come back.

use crate::wire::http::Reason;
use crate::wire::kafka::ErrorCode;
use crate::wire::policy::{Decision, Deny};

/// A policy that cannot judge is the platform's failure and says nothing about the request; it is a no all the same.
pub fn denied(decision: Decision) -> Reason {
    let unjudged = [Deny::PolicyMissing, Deny::PolicyStale, Deny::PolicyError];
    match unjudged.iter().any(|deny| decision.denies.contains(*deny)) {
        true => Reason::PolicyUnavailable,
        false => Reason::PolicyDenied,
    }
}

/// What the broker's refusal of a record means.
pub fn publish_refused(code: ErrorCode) -> Reason {
    match code {
        ErrorCode::InvalidRecord => Reason::BadRequest,
        ErrorCode::TopicAuthorizationFailed | ErrorCode::UnknownTopicOrPartition => Reason::NotFound,
        ErrorCode::ThrottlingQuotaExceeded => Reason::RateLimited,
        _ => Reason::DependencyDown,
    }
}
