//! Bytes to messages. `Ok(None)` means *more bytes, please*; every refusal is final for the connection.

use super::super::surrogate::Surrogate;
use super::super::trace::Trace;
use super::super::{Headers, Method, Peer, Reason, Request, Response};
use super::*;
use crate::ids::Bytes;

/// Reads one request from the start of `bytes`; returns it with the number of bytes that it took.
///
/// `peer` is what the connection proves; nothing in the bytes can change it.
///
/// # Errors
/// Says what made the bytes unacceptable; answer with its status and close the connection.
pub fn decode_request(bytes: &[u8], peer: Peer, limits: &Limits) -> Result<Option<(Request, usize)>, Refused> {
    let Some((start, mut at)) = next_line(bytes, 0, limits)? else { return Ok(None) };
    let (method, path) = request_line(start, limits)?;
    let (mut headers, mut id, mut length) = (Headers::default(), None, Length::default());
    let (mut host, mut cookie) = (false, false);
    let section = fields(bytes, at, limits, |name, value| match name {
        "host" => once(&mut host, Refused::Host).and_then(|()| keep_host(&mut headers, value)),
        "cookie" => once(&mut cookie, Refused::Cookie).and_then(|()| keep_cookies(&mut headers, value)),
        "x-request-id" => single(&mut id, canonical(value).ok_or(Refused::HeaderValue)?),
        "x-retry-allowance" => {
            let allowance = canonical(value).and_then(|n| u8::try_from(n).ok());
            single(&mut headers.retry_allowance, allowance.ok_or(Refused::HeaderValue)?)
        }
        "content-length" | "transfer-encoding" => length.state(name, value, limits.framing),
        "connection" if matches!(value, "keep-alive" | "close") => Ok(()),
        _ if is_connection_header(name) => Err(Refused::ConnectionHeader),
        _ => match KNOWN.iter().position(|known| *known == name) {
            Some(place) => single(known_mut(&mut headers, place), Arc::from(value)),
            None => {
                headers.other.push((Arc::from(name), Arc::from(value)));
                Ok(())
            }
        },
    })?;
    let Some(end) = section else { return Ok(None) };
    at = end;
    if !host {
        return Err(Refused::Host);
    }
    headers.also_chunked = length.is_overruled(limits.framing);
    let Some((body, taken)) = length.content(bytes, at, limits)? else { return Ok(None) };
    if !method.takes_content() && !body.is_empty() {
        return Err(Refused::Content);
    }
    let request = Request { id: id.unwrap_or(0), method, path, headers, peer, body };
    Ok(Some((request, taken)))
}

/// Reads one response from the start of `bytes`; returns it with the number of bytes that it took. Headers of foreign
/// servers that are no words of ours are checked and dropped.
///
/// # Errors
/// Says what made the bytes unacceptable.
pub fn decode_response(bytes: &[u8], limits: &Limits) -> Result<Option<(Response, usize)>, Refused> {
    let Some((start, at)) = next_line(bytes, 0, limits)? else { return Ok(None) };
    let status = status_line(start)?;
    let mut response = Response::new(0, Reason::from_status(status));
    response.status = status;
    let (mut id, mut reason, mut spent, mut degraded) = (None, None, None, None);
    let (mut cookie, mut length) = (None, Length::default());
    let section = fields(bytes, at, limits, |name, value| match name {
        "x-request-id" => single(&mut id, canonical(value).ok_or(Refused::HeaderValue)?),
        "x-reason" => single(&mut reason, Reason::from_code(value).ok_or(Refused::HeaderValue)?),
        TENANT => single(&mut response.tenant, Arc::from(value)),
        "x-region" => single(&mut response.region, Arc::from(value)),
        "retry-after" => match canonical(value).and_then(|n| u32::try_from(n).ok()) {
            Some(seconds) => single(&mut response.retry_after_s, seconds),
            None => Ok(()), // The date form of RFC 9110 §10.2.3: no clock here to compare it with.
        },
        "x-degraded" => single(&mut degraded, value == "1"),
        "x-retries-spent" => {
            let count = canonical(value).and_then(|n| u8::try_from(n).ok());
            single(&mut spent, count.ok_or(Refused::HeaderValue)?)
        }
        // Whoever answers by another spelling names no story.
        "traceresponse" => match Trace::parse(value) {
            Some(trace) => single(&mut response.trace, trace),
            None => Ok(()),
        },
        // Other servers say other things to other edges.
        "surrogate-control" => match Surrogate::parse(value) {
            Some(surrogate) => single(&mut response.surrogate, surrogate),
            None => Ok(()),
        },
        "set-cookie" => match value.strip_prefix(TENANT).and_then(|v| v.strip_prefix('=')) {
            Some(selection) => single(&mut cookie, selection.to_owned()),
            None => Ok(()),
        },
        "content-length" | "transfer-encoding" => length.state(name, value, limits.framing),
        _ => Ok(()),
    })?;
    let Some(end) = section else { return Ok(None) };
    if let Some(selection) = cookie {
        let tenant = response.tenant.as_deref().ok_or(Refused::Cookie)?;
        if selection.strip_suffix(STICKY) != Some(tenant) || !is_cookie_value(tenant) {
            return Err(Refused::Cookie);
        }
        response.remember_tenant = true;
    }
    if is_bodiless(status) && length.is_stated() {
        return Err(Refused::Content);
    }
    // Without a stated length the content would end with the connection (RFC 9112 §6.3, rule 8): cut short or not, who
    // could tell? Our writers always state it.
    if !is_bodiless(status) && !length.is_stated() {
        return Err(Refused::Length);
    }
    let Some((body, taken)) = length.content(bytes, end, limits)? else { return Ok(None) };
    response.id = id.unwrap_or(0);
    response.reason = reason.unwrap_or(response.reason);
    response.retries_spent = spent.unwrap_or(0);
    response.degraded = degraded.unwrap_or(false);
    response.body = body;
    Ok(Some((response, taken)))
}

/// The next line without its end, and where the line after it starts. Lines end in CR LF, and hold neither elsewhere.
fn next_line<'a>(bytes: &'a [u8], at: usize, limits: &Limits) -> Result<Option<(&'a [u8], usize)>, Refused> {
    let rest = &bytes[at..bytes.len().min(limits.head_bytes_max)];
    let Some(end) = rest.iter().position(|b| *b == b'\n') else {
        let full = bytes.len() >= limits.head_bytes_max;
        return if full { Err(Refused::HeadTooLarge) } else { Ok(None) };
    };
    let line = rest[..end].strip_suffix(b"\r").ok_or(Refused::LineEnding)?;
    if line.contains(&b'\r') { Err(Refused::LineEnding) } else { Ok(Some((line, at + end + 1))) }
}

fn ascii(line: &[u8]) -> Option<&str> {
    let printable = |b: &u8| (0x20..0x7f).contains(b) || *b == b'\t';
    if line.iter().all(printable) { std::str::from_utf8(line).ok() } else { None }
}

fn request_line(line: &[u8], limits: &Limits) -> Result<(Method, Arc<str>), Refused> {
    let line = ascii(line).ok_or(Refused::StartLine)?;
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refused::StartLine);
    };
    let method = Method::ALL.into_iter().find(|m| m.name() == method).ok_or(Refused::Method)?;
    if target.len() > limits.target_bytes_max {
        return Err(Refused::HeadTooLarge);
    }
    if is_target(target) { Ok((method, Arc::from(target))) } else { Err(Refused::Target) }
}

fn status_line(line: &[u8]) -> Result<u16, Refused> {
    let rest = ascii(line).and_then(|l| l.strip_prefix("HTTP/1.1 ")).ok_or(Refused::StartLine)?;
    let (code, _) = rest.split_once(' ').ok_or(Refused::StartLine)?;
    let status = canonical(code).and_then(|n| u16::try_from(n).ok()).ok_or(Refused::StartLine)?;
    if (200..=599).contains(&status) { Ok(status) } else { Err(Refused::StartLine) }
}

/// Calls `field` with every header, name in lower case, value trimmed; returns where the content starts.
fn fields(
    bytes: &[u8],
    mut at: usize,
    limits: &Limits,
    mut field: impl FnMut(&str, &str) -> Result<(), Refused>,
) -> Result<Option<usize>, Refused> {
    for _ in 0..=limits.header_lines_max {
        let Some((line, next)) = next_line(bytes, at, limits)? else { return Ok(None) };
        at = next;
        if line.is_empty() {
            return Ok(Some(at));
        }
        let colon = line.iter().position(|b| *b == b':').ok_or(Refused::HeaderName)?;
        let name = ascii(&line[..colon]).ok_or(Refused::HeaderName)?.to_ascii_lowercase();
        if !is_name(&name) {
            return Err(Refused::HeaderName);
        }
        let value = ascii(&line[colon + 1..]).ok_or(Refused::HeaderValue)?;
        field(&name, value.trim_matches([' ', '\t']))?;
    }
    Err(Refused::HeadTooLarge)
}

fn once(seen: &mut bool, refused: Refused) -> Result<(), Refused> {
    if std::mem::replace(seen, true) { Err(refused) } else { Ok(()) }
}

fn single<T>(place: &mut Option<T>, value: T) -> Result<(), Refused> {
    if place.replace(value).is_some() { Err(Refused::DuplicateHeader) } else { Ok(()) }
}

/// A decimal number in its one spelling: no sign, no leading zero.
fn canonical(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if digits { text.parse().ok() } else { None }
}

fn keep_host(headers: &mut Headers, value: &str) -> Result<(), Refused> {
    if value.is_empty() {
        return Err(Refused::Host);
    }
    if value != HOST {
        headers.other.push((Arc::from("host"), Arc::from(value)));
    }
    Ok(())
}

fn keep_cookies(headers: &mut Headers, line: &str) -> Result<(), Refused> {
    let mut rest = String::new();
    for pair in line.split("; ") {
        if !is_cookie_pair(pair) {
            return Err(Refused::Cookie);
        }
        match pair.split_once('=') {
            Some((TENANT, value)) => {
                single(&mut headers.cookie_tenant, Arc::from(value)).map_err(|_| Refused::Cookie)?;
            }
            _ => {
                if !rest.is_empty() {
                    rest.push_str("; ");
                }
                rest.push_str(pair);
            }
        }
    }
    if !rest.is_empty() {
        headers.other.push((Arc::from("cookie"), Arc::from(rest)));
    }
    Ok(())
}

/// What the head says about the length of the content.
#[derive(Default)]
struct Length {
    content_length: Option<usize>,
    chunked: bool,
}

impl Length {
    fn is_stated(&self) -> bool {
        self.chunked || self.content_length.is_some()
    }

    /// Whether a transfer coding was stated, and the length believed.
    fn is_overruled(&self, framing: Framing) -> bool {
        self.chunked && self.content_length.is_some() && framing == Framing::ContentLengthFirst
    }

    fn state(&mut self, name: &str, value: &str, framing: Framing) -> Result<(), Refused> {
        let again = if name == "content-length" { self.content_length.is_some() } else { self.chunked };
        if framing == Framing::Strict && (again || self.is_stated()) {
            return Err(Refused::Length);
        }
        if name == "transfer-encoding" {
            self.chunked = true;
            return if value == "chunked" { Ok(()) } else { Err(Refused::TransferCoding) };
        }
        let length = canonical(value).and_then(|n| usize::try_from(n).ok()).ok_or(Refused::Length)?;
        if !(again && framing == Framing::ContentLengthFirst) {
            self.content_length = Some(length);
        }
        Ok(())
    }

    /// The content that starts at `at`, and where the next message starts.
    fn content(&self, bytes: &[u8], at: usize, limits: &Limits) -> Result<Option<(Bytes, usize)>, Refused> {
        if self.chunked && !self.is_overruled(limits.framing) {
            return chunks(bytes, at, limits);
        }
        let length = self.content_length.unwrap_or(0);
        if length > limits.body_bytes_max {
            return Err(Refused::BodyTooLarge);
        }
        Ok(bytes.get(at..at + length).map(|body| (Bytes::from(body), at + length)))
    }
}

/// RFC 9112 §7.1, without extensions and trailers: both are places to hide in.
fn chunks(bytes: &[u8], mut at: usize, limits: &Limits) -> Result<Option<(Bytes, usize)>, Refused> {
    let mut body = Vec::new();
    loop {
        // Eight digits say every size that the limit allows; a longer line is malformed, whatever follows.
        let window = &bytes[at..bytes.len().min(at + 10)];
        let Some(end) = window.iter().position(|b| *b == b'\n') else {
            return if window.len() == 10 { Err(Refused::TransferCoding) } else { Ok(None) };
        };
        let digits = window[..end].strip_suffix(b"\r").ok_or(Refused::LineEnding)?;
        let size = chunk_size(digits).ok_or(Refused::TransferCoding)?;
        at += end + 1;
        if body.len() + size > limits.body_bytes_max {
            return Err(Refused::BodyTooLarge);
        }
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        body.extend_from_slice(chunk[..size].as_ref());
        if &chunk[size..] != b"\r\n" {
            return Err(Refused::TransferCoding);
        }
        at += size + 2;
        if size == 0 {
            return Ok(Some((Bytes::from(body), at)));
        }
    }
}

fn chunk_size(digits: &[u8]) -> Option<usize> {
    let sound = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    if sound { usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok() } else { None }
}
