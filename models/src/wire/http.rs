//! HTTP words: a request, a response, the reason codes between them, and the sizes that cost bandwidth.
//!
//! The headers that decide something are fields, so that a copy is a few reference counts and a look-up is a field
//! access; everything else sits in `other`. The client's certificate is not a header but an attribute of the
//! connection ([`Peer`]): whoever can write headers must not be able to write it.

pub mod codec;
pub mod route;
pub mod surrogate;
pub mod trace;

use crate::ids::{Bytes, TenantId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A request as a principal sent it, or as a gateway forwards it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Correlates the answer; travels as `x-request-id`.
    pub id: u64,
    /// What is asked for.
    pub method: Method,
    /// Origin-form target: path and query as written, not decoded.
    pub path: Arc<str>,
    /// What the client claims.
    pub headers: Headers,
    /// What the connection proves.
    pub peer: Peer,
    /// Content; keep one empty body a run and copy that (a process-wide one would be contended by sweeps).
    pub body: Bytes,
}

/// The answer to the request of the same id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The request's id; travels as `x-request-id`.
    pub id: u64,
    /// RFC 9110 §15 status code.
    pub status: u16,
    /// Why, for machines; travels as `x-reason`.
    pub reason: Reason,
    /// `x-tenant-id`: the tenant that the request was served for; set by the router only (TEN-07).
    pub tenant: Option<TenantId>,
    /// `x-region`: that tenant's region; set by the router only (TEN-07).
    pub region: Option<Arc<str>>,
    /// `retry-after`, in whole seconds (RFC 9110 §10.2.3).
    pub retry_after_s: Option<u32>,
    /// Content.
    pub body: Bytes,
    /// Served from a lower tier, partial or last-known-good (`x-degraded`).
    pub degraded: bool,
    /// Makes the selection of `tenant` sticky: `set-cookie` with Max-Age 604800, Secure, HttpOnly, SameSite (TEN-01).
    pub remember_tenant: bool,
    /// How much of the request's retry allowance was spent further down (`x-retries-spent`).
    pub retries_spent: u8,
    /// `traceresponse` (W3C Trace Context): the story that the request is part of (SRV-07).
    pub trace: Option<trace::Trace>,
    /// `surrogate-control`: what a cache at the edge may do with it. From a service to an edge only.
    pub surrogate: Option<surrogate::Surrogate>,
}

/// Request headers. Names are known or lower case; values are printable ASCII.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Headers {
    /// `authorization`: the bearer token.
    pub authorization: Option<Arc<str>>,
    /// `x-tenant-id`: from a client a selection, from a gateway the effective tenant.
    pub tenant_id: Option<TenantId>,
    /// `x-region`: set by a gateway; a client's is worthless.
    pub region: Option<Arc<str>>,
    /// The pair `x-tenant-id` of `cookie`: the picker's sticky selection.
    pub cookie_tenant: Option<TenantId>,
    /// `x-forwarded-client-cert`: what an earlier proxy claims about the client's certificate.
    pub forwarded_client_cert: Option<Arc<str>>,
    /// `idempotency-key`: makes a POST safe to repeat.
    pub idempotency_key: Option<Arc<str>>,
    /// `traceparent` (W3C Trace Context).
    pub traceparent: Option<Arc<str>>,
    /// `x-retry-allowance`: how many retries all hops below may spend on this request together (SRV-02).
    pub retry_allowance: Option<u8>,
    /// The content came with `transfer-encoding: chunked` beside the `content-length` that was believed. Only a lenient
    /// reader lets that in; it forwards both lines, as such proxies do.
    pub also_chunked: bool,
    /// Everything else, in order; names in lower case. `cookie` holds the other cookies.
    pub other: Vec<(Arc<str>, Arc<str>)>,
}

impl Headers {
    /// What the first of the other headers with this name says (in lower case).
    pub fn other(&self, name: &str) -> Option<&Arc<str>> {
        self.other.iter().find(|(other, _)| **other == *name).map(|(_, value)| value)
    }

    /// Whether no cache may answer (`cache-control: no-cache`, RFC 9111 §5.2.1.4).
    pub fn ask_for_newest(&self) -> bool {
        self.other.iter().any(|(name, value)| &**name == "cache-control" && &**value == "no-cache")
    }
}

/// What the transport knows about the other end; no header can change it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Peer {
    /// SHA-256 of the DER client certificate presented in the TLS handshake (RFC 8705 `x5t#S256`, not encoded).
    pub thumbprint: Option<[u8; 32]>,
    /// IPv4 source address of the connection.
    pub address: u32,
}

/// The methods that the platform answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Method {
    /// Read.
    Get,
    /// Read without content.
    Head,
    /// Create, publish.
    Post,
    /// Replace.
    Put,
    /// Change in part.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 6] = [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];

    /// As it stands in the request line; case matters (RFC 9110 §9.1).
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
    /// Whether the method changes nothing (RFC 9110 §9.2.1).
    pub const fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }
    /// Whether doing it twice equals doing it once (RFC 9110 §9.2.2).
    pub const fn is_idempotent(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Put | Method::Delete)
    }
    /// Whether a request of this method may carry content here. Content on GET, HEAD and DELETE has no meaning, and
    /// parsers that disagree about it can be smuggled past (RFC 9110 §9.3.1).
    pub const fn takes_content(self) -> bool {
        matches!(self, Method::Post | Method::Put | Method::Patch)
    }
}

/// Why a response has its status. Codes are stable.
///
/// *Unknown tenant* and *tenant not granted* share one code on purpose, and so do *absent* and *another tenant's*
/// record: a client must not learn which names exist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Reason {
    /// Served.
    Ok,
    /// Created.
    Created,
    /// Taken over for later.
    Accepted,
    /// Done, nothing to show.
    NoContent,
    /// Not understood, or ambiguous.
    BadRequest,
    /// No valid token.
    Unauthenticated,
    /// The selected tenant is unknown or not granted.
    TenantRefused,
    /// Token, tenant and cell do not agree on the region.
    RegionRefused,
    /// The policy said no.
    PolicyDenied,
    /// The ad hoc query is not allowed.
    QueryRefused,
    /// No such record for this tenant.
    NotFound,
    /// No such method on this path.
    MethodNotAllowed,
    /// Version or idempotency conflict.
    Conflict,
    /// Content or head over the limit.
    TooLarge,
    /// The tenant's rate limit.
    RateLimited,
    /// The principal switches tenants too often.
    SwitchLimited,
    /// Under overload, this tenant uses more than its share.
    OverShare,
    /// A fault of the platform.
    Internal,
    /// An upstream answered with nonsense or not at all.
    UpstreamFailed,
    /// The gateway is overloaded.
    Overloaded,
    /// The dependency's circuit is open.
    CircuitOpen,
    /// No healthy cell in the tenant's region.
    RegionUnavailable,
    /// There is no policy, or only one past its bound: nobody may say yes.
    PolicyUnavailable,
    /// The platform takes no writes for now.
    ReadOnly,
    /// A dependency is down and there is no tier below it.
    DependencyDown,
    /// An upstream took too long.
    UpstreamTimeout,
}

/// Reason, usual status, code.
const REASONS: [(Reason, u16, &str); 26] = [
    (Reason::Ok, 200, "ok"),
    (Reason::Created, 201, "created"),
    (Reason::Accepted, 202, "accepted"),
    (Reason::NoContent, 204, "no-content"),
    (Reason::BadRequest, 400, "bad-request"),
    (Reason::Unauthenticated, 401, "unauthenticated"),
    (Reason::TenantRefused, 403, "tenant-refused"),
    (Reason::RegionRefused, 403, "region-refused"),
    (Reason::PolicyDenied, 403, "policy-denied"),
    (Reason::QueryRefused, 403, "query-refused"),
    (Reason::NotFound, 404, "not-found"),
    (Reason::MethodNotAllowed, 405, "method-not-allowed"),
    (Reason::Conflict, 409, "conflict"),
    (Reason::TooLarge, 413, "too-large"),
    (Reason::RateLimited, 429, "rate-limited"),
    (Reason::SwitchLimited, 429, "switch-limited"),
    (Reason::OverShare, 429, "over-share"),
    (Reason::Internal, 500, "internal"),
    (Reason::UpstreamFailed, 502, "upstream-failed"),
    (Reason::Overloaded, 503, "overloaded"),
    (Reason::CircuitOpen, 503, "circuit-open"),
    (Reason::RegionUnavailable, 503, "region-unavailable"),
    (Reason::PolicyUnavailable, 503, "policy-unavailable"),
    (Reason::ReadOnly, 503, "read-only"),
    (Reason::DependencyDown, 503, "dependency-down"),
    (Reason::UpstreamTimeout, 504, "upstream-timeout"),
];

impl Reason {
    /// Every reason, in order of status.
    pub fn all() -> impl Iterator<Item = Reason> {
        REASONS.iter().map(|r| r.0)
    }
    /// The status that goes with it.
    pub const fn status(self) -> u16 {
        REASONS[self as usize].1
    }
    /// The stable code of `x-reason`.
    pub const fn code(self) -> &'static str {
        REASONS[self as usize].2
    }
    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Reason> {
        REASONS.iter().find(|r| r.2 == code).map(|r| r.0)
    }
    /// The most general reason for a status that came without one, as from a foreign server.
    pub fn from_status(status: u16) -> Reason {
        let same = REASONS.iter().find(|r| r.1 == status).map(|r| r.0);
        same.unwrap_or(match status {
            200..=399 => Reason::Ok,
            400..=499 => Reason::BadRequest,
            _ => Reason::Internal,
        })
    }
}

impl Request {
    /// A request without headers and content.
    pub fn new(id: u64, method: Method, path: Arc<str>) -> Request {
        let (headers, peer, body) = (Headers::default(), Peer::default(), Bytes::default());
        Request { id, method, path, headers, peer, body }
    }
    /// Bytes on the wire, head included; equals the length of the encoding.
    pub fn wire_size(&self) -> usize {
        codec::request_size(self)
    }
    /// What the path asks for.
    ///
    /// # Errors
    /// When path and method name no operation, or name it ambiguously.
    pub fn operation(&self) -> Result<route::Operation<'_>, route::Refused> {
        route::parse(self.method, &self.path)
    }
}

impl Response {
    /// An answer with the reason's own status and no content.
    pub fn new(id: u64, reason: Reason) -> Response {
        Response {
            id,
            status: reason.status(),
            reason,
            tenant: None,
            region: None,
            retry_after_s: None,
            body: Bytes::default(),
            degraded: false,
            remember_tenant: false,
            retries_spent: 0,
            trace: None,
            surrogate: None,
        }
    }
    /// The same answer with content.
    #[must_use]
    pub fn with_body(mut self, body: Bytes) -> Response {
        self.body = body;
        self
    }
    /// The same answer with a time to come back, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Response {
        self.retry_after_s = Some(seconds);
        self
    }
    /// Bytes on the wire, head included; equals the length of the encoding.
    pub fn wire_size(&self) -> usize {
        codec::response_size(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_at_its_own_place_and_is_found_by_its_code() {
        for (place, reason) in Reason::all().enumerate() {
            assert_eq!(reason as usize, place);
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(Reason::from_status(418), Reason::BadRequest);
        assert_eq!(Reason::from_status(404), Reason::NotFound);
    }
}
