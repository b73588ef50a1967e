//! HTTP/1.1 text on byte streams (RFC 9112), strict: what two parsers could read in two ways is refused.
//!
//! Reading and writing are exact inverses on everything that can be written, and [`request_size`] runs the writer with
//! a counter, so that simulated bandwidth and real bytes agree. The two lenient [`Framing`]s exist because real proxies
//! have them: they are the known-bad parsers of a smuggling attack, never a fallback.

mod read;
mod write;

pub use read::{decode_request, decode_response};
pub use write::{encode_request, encode_response, request_size, response_size};

use super::Headers;
use std::sync::Arc;

/// Bounds and manners of a reader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Longest start line plus header section, in bytes.
    pub head_bytes_max: usize,
    /// Most header lines.
    pub header_lines_max: usize,
    /// Longest request target, in bytes.
    pub target_bytes_max: usize,
    /// Longest content, in bytes.
    pub body_bytes_max: usize,
    /// What ends a message.
    pub framing: Framing,
}

impl Limits {
    /// The platform's own: a head of 16 KiB holds every token in use, and content of 1 MiB every record.
    pub const STRICT: Limits = Limits {
        head_bytes_max: 16 * 1024,
        header_lines_max: 64,
        target_bytes_max: 4 * 1024,
        body_bytes_max: 1024 * 1024,
        framing: Framing::Strict,
    };

    /// The same bounds with other manners.
    pub const fn with_framing(self, framing: Framing) -> Limits {
        Limits { framing, ..self }
    }
}

/// How a reader finds the end of a message that states its length twice (RFC 9112 §6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// Refuse it.
    Strict,
    /// The first `content-length` wins: the front of a CL.TE pair.
    ContentLengthFirst,
    /// `transfer-encoding` wins, else the last `content-length`: the back of a CL.TE pair.
    TransferEncodingFirst,
}

/// Why bytes are no message, or a message cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The request or status line is malformed, or not HTTP/1.1.
    StartLine,
    /// The method is none of ours.
    Method,
    /// The target is not a printable origin-form path.
    Target,
    /// A line ends without a carriage return, or holds one elsewhere.
    LineEnding,
    /// A header name is not a token, holds `_`, or the line is folded.
    HeaderName,
    /// A header value holds a control character or a byte above ASCII, or is padded.
    HeaderValue,
    /// A header that decides something occurs twice.
    DuplicateHeader,
    /// A header asks to change the connection, or to drop headers from it.
    ConnectionHeader,
    /// Not exactly one `host`.
    Host,
    /// The cookie line is malformed or selects two tenants.
    Cookie,
    /// The length is stated twice or malformed.
    Length,
    /// A transfer coding other than exactly `chunked`, or a malformed chunk.
    TransferCoding,
    /// Content where the method or status has none.
    Content,
    /// The head is over its limit.
    HeadTooLarge,
    /// The content is over its limit.
    BodyTooLarge,
}

impl Refused {
    /// The status to answer with (RFC 9110 §15.5, RFC 6585 §5).
    pub const fn status(self) -> u16 {
        match self {
            Refused::Method => 501,
            Refused::HeadTooLarge => 431,
            Refused::BodyTooLarge => 413,
            _ => 400,
        }
    }
}

/// The `host` that stands for the platform; a request says it when `other` names no host.
pub const HOST: &str = "api.platform.example";

/// Name of the cookie and of the header that select a tenant.
const TENANT: &str = "x-tenant-id";
/// Attributes that make a selection last a week and keep scripts and other sites away from it.
const STICKY: &str = "; Path=/; Max-Age=604800; Secure; HttpOnly; SameSite=Strict";

/// The text headers that are fields, in the order in which they are written.
const KNOWN: [&str; 6] =
    ["authorization", TENANT, "x-region", "x-forwarded-client-cert", "idempotency-key", "traceparent"];

fn known(headers: &Headers) -> [&Option<Arc<str>>; 6] {
    let h = headers;
    [&h.authorization, &h.tenant_id, &h.region, &h.forwarded_client_cert, &h.idempotency_key, &h.traceparent]
}

fn known_mut(h: &mut Headers, place: usize) -> &mut Option<Arc<str>> {
    match place {
        0 => &mut h.authorization,
        1 => &mut h.tenant_id,
        2 => &mut h.region,
        3 => &mut h.forwarded_client_cert,
        4 => &mut h.idempotency_key,
        _ => &mut h.traceparent,
    }
}

/// Headers that never stand in [`Headers::other`]: they are fields, framing, or commands to the connection.
fn is_reserved(name: &str) -> bool {
    KNOWN.contains(&name)
        || matches!(name, "x-request-id" | "x-retry-allowance" | "content-length" | "transfer-encoding")
        || is_connection_header(name)
}

/// `upgrade` and `te` open h2c and trailer smuggling; `connection: x-tenant-id` makes the next hop drop that header.
fn is_connection_header(name: &str) -> bool {
    matches!(name, "upgrade" | "te" | "trailer" | "proxy-connection" | "keep-alive" | "http2-settings" | "connection")
}

/// RFC 9110 §5.6.2 token, lower case, without `_` (which some workloads read as `-`).
fn is_name(name: &str) -> bool {
    let tchar = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^`|~".contains(&b);
    !name.is_empty() && name.bytes().all(tchar)
}

/// Printable ASCII with blanks inside only.
fn is_value(value: &str) -> bool {
    value.bytes().all(|b| (0x20..0x7f).contains(&b) || b == b'\t') && value.trim_matches([' ', '\t']) == value
}

/// RFC 6265 §4.1.1 `cookie-octet`s.
fn is_cookie_value(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\'))
}

/// One `name=value` of a cookie line.
fn is_cookie_pair(pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(name, value)| {
        !name.is_empty() && name.bytes().all(|b| is_cookie_value(&(b as char).to_string())) && is_cookie_value(value)
    })
}

/// Origin-form, printable, without fragment.
fn is_target(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

/// Statuses that never have content.
const fn is_bodiless(status: u16) -> bool {
    status == 204 || status == 304
}

#[cfg(test)]
mod tests;
