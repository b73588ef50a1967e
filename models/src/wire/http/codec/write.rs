//! Messages to bytes. One writer serves both the encoder and the size function.

use super::super::{Headers, Request, Response};
use super::*;

/// Appends the request's bytes.
///
/// # Errors
/// When a header or the path could not be read back as it is: this is where header injection ends.
pub fn encode_request(request: &Request, out: &mut Vec<u8>) -> Result<(), Refused> {
    check_request(request)?;
    write_request(request, out);
    Ok(())
}

/// Appends the response's bytes.
///
/// # Errors
/// As for [`encode_request`].
pub fn encode_response(response: &Response, out: &mut Vec<u8>) -> Result<(), Refused> {
    if !(200..=599).contains(&response.status) {
        return Err(Refused::StartLine);
    }
    let values = [&response.tenant, &response.region];
    if !values.iter().all(|v| v.as_ref().is_none_or(|v| is_value(v))) {
        return Err(Refused::HeaderValue);
    }
    let sticky = response.tenant.as_ref().is_some_and(|t| is_cookie_value(t));
    if response.remember_tenant && !sticky {
        return Err(Refused::Cookie);
    }
    if is_bodiless(response.status) && !response.body.is_empty() {
        return Err(Refused::Content);
    }
    write_response(response, out);
    Ok(())
}

/// Length of the request's encoding, in bytes.
pub fn request_size(request: &Request) -> usize {
    let mut size = 0;
    write_request(request, &mut size);
    size
}

/// Length of the response's encoding, in bytes.
pub fn response_size(response: &Response) -> usize {
    let mut size = 0;
    write_response(response, &mut size);
    size
}

trait Sink {
    fn put(&mut self, text: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, text: &[u8]) {
        self.extend_from_slice(text);
    }
}

impl Sink for usize {
    fn put(&mut self, text: &[u8]) {
        *self += text.len();
    }
}

fn check_request(request: &Request) -> Result<(), Refused> {
    let headers = &request.headers;
    if !is_target(&request.path) {
        return Err(Refused::Target);
    }
    if !request.method.takes_content() && !request.body.is_empty() {
        return Err(Refused::Content);
    }
    if !known(headers).iter().all(|v| v.as_ref().is_none_or(|v| is_value(v))) {
        return Err(Refused::HeaderValue);
    }
    if !headers.cookie_tenant.as_ref().is_none_or(|t| is_cookie_value(t)) {
        return Err(Refused::Cookie);
    }
    let (mut hosts, mut cookies) = (0, 0);
    for (name, value) in &headers.other {
        if !is_name(name) || is_reserved(name) {
            return Err(Refused::HeaderName);
        }
        if !is_value(value) {
            return Err(Refused::HeaderValue);
        }
        match &**name {
            "host" => hosts += 1 + usize::from(&**value == HOST || value.is_empty()),
            "cookie" => {
                cookies += 1;
                let tenant = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| name == TENANT);
                if !value.split("; ").all(|pair| is_cookie_pair(pair) && !tenant(pair)) {
                    return Err(Refused::Cookie);
                }
            }
            _ => {}
        }
    }
    if hosts > 1 {
        return Err(Refused::Host);
    }
    if cookies > 1 { Err(Refused::Cookie) } else { Ok(()) }
}

fn write_request(request: &Request, out: &mut impl Sink) {
    out.put(request.method.name().as_bytes());
    out.put(b" ");
    out.put(request.path.as_bytes());
    out.put(b" HTTP/1.1\r\n");
    write_headers(&request.headers, out);
    line_number("x-request-id", request.id, out);
    if request.method.takes_content() {
        line_number("content-length", request.body.len() as u64, out);
    }
    if request.headers.also_chunked {
        line("transfer-encoding", &["chunked"], out);
    }
    out.put(b"\r\n");
    out.put(&request.body);
}

fn write_headers(headers: &Headers, out: &mut impl Sink) {
    let names = |name: &str| headers.other.iter().any(|(n, _)| &**n == name);
    if !names("host") {
        line("host", &[HOST], out);
    }
    for (name, value) in KNOWN.iter().zip(known(headers)) {
        if let Some(value) = value {
            line(name, &[value], out);
        }
    }
    if let Some(allowance) = headers.retry_allowance {
        line_number("x-retry-allowance", u64::from(allowance), out);
    }
    match &headers.cookie_tenant {
        Some(tenant) if !names("cookie") => line("cookie", &[TENANT, "=", tenant], out),
        _ => {}
    }
    for (name, value) in &headers.other {
        match (&**name, &headers.cookie_tenant) {
            ("cookie", Some(tenant)) => line("cookie", &[TENANT, "=", tenant, "; ", value], out),
            _ => line(name, &[value], out),
        }
    }
}

fn write_response(response: &Response, out: &mut impl Sink) {
    out.put(b"HTTP/1.1 ");
    number(u64::from(response.status), out);
    out.put(b" ");
    out.put(phrase(response.status).as_bytes());
    out.put(b"\r\n");
    line_number("x-request-id", response.id, out);
    line("x-reason", &[response.reason.code()], out);
    if let Some(tenant) = &response.tenant {
        line(TENANT, &[tenant], out);
        if response.remember_tenant {
            line("set-cookie", &[TENANT, "=", tenant, STICKY], out);
        }
    }
    if let Some(region) = &response.region {
        line("x-region", &[region], out);
    }
    if let Some(seconds) = response.retry_after_s {
        line_number("retry-after", u64::from(seconds), out);
    }
    if response.degraded {
        line("x-degraded", &["1"], out);
    }
    if response.retries_spent > 0 {
        line_number("x-retries-spent", u64::from(response.retries_spent), out);
    }
    if let Some(trace) = response.trace {
        line("traceresponse", &[&trace.text()], out);
    }
    if let Some(surrogate) = response.surrogate {
        line("surrogate-control", &[&surrogate.text()], out);
    }
    if !is_bodiless(response.status) {
        line_number("content-length", response.body.len() as u64, out);
    }
    out.put(b"\r\n");
    out.put(&response.body);
}

fn line(name: &str, value: &[&str], out: &mut impl Sink) {
    out.put(name.as_bytes());
    out.put(b": ");
    for part in value {
        out.put(part.as_bytes());
    }
    out.put(b"\r\n");
}

fn line_number(name: &str, value: u64, out: &mut impl Sink) {
    out.put(name.as_bytes());
    out.put(b": ");
    number(value, out);
    out.put(b"\r\n");
}

/// Decimal digits without allocating.
fn number(mut value: u64, out: &mut impl Sink) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.put(&digits[at..]);
}

/// Only for people; readers decide by number.
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    }
}
