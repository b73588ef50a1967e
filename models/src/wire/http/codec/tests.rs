//! The codec against itself, against smugglers, and against noise.

use super::super::surrogate::Surrogate;
use super::super::trace::{Trace, TraceId};
use super::super::{Method, Peer, Reason, Request, Response};
use super::*;
use crate::ids::Bytes;
use proptest::prelude::*;

const PEER: Peer = Peer { thumbprint: Some([7; 32]), address: 0x0a00_0001 };

/// A request text with `lines` between the start line and the blank line.
fn post(lines: &str, body: &str) -> String {
    format!("POST /v1/records HTTP/1.1\r\nhost: {HOST}\r\n{lines}\r\n{body}")
}

fn refused(text: &str) -> Option<Refused> {
    decode_request(text.as_bytes(), PEER, &Limits::STRICT).err()
}

#[test]
fn a_request_stands_on_the_wire_as_one_would_write_it() {
    let mut request = Request::new(7, Method::Post, Arc::from("/v1/records"));
    request.headers.tenant_id = Some(Arc::from("acme"));
    request.headers.cookie_tenant = Some(Arc::from("globex"));
    request.headers.other.push((Arc::from("cookie"), Arc::from("theme=dark")));
    request.body = Bytes::from(*b"{}");
    let mut bytes = Vec::new();
    encode_request(&request, &mut bytes).expect("a sound request");
    let expected = "POST /v1/records HTTP/1.1\r\nhost: api.platform.example\r\nx-tenant-id: acme\r\n\
                    cookie: x-tenant-id=globex; theme=dark\r\nx-request-id: 7\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

#[test]
fn what_two_parsers_could_read_in_two_ways_is_refused() {
    let cases = [
        ("content-length: 2\r\ntransfer-encoding: chunked\r\n", Refused::Length),
        ("transfer-encoding: chunked\r\ncontent-length: 2\r\n", Refused::Length),
        ("content-length: 2\r\ncontent-length: 2\r\n", Refused::Length),
        ("content-length: +2\r\n", Refused::Length),
        ("content-length: 02\r\n", Refused::Length),
        ("content-length: 2, 2\r\n", Refused::Length),
        ("content-length: 0x2\r\n", Refused::Length),
        ("transfer-encoding: xchunked\r\n", Refused::TransferCoding),
        ("transfer-encoding: chunked, identity\r\n", Refused::TransferCoding),
        ("transfer-encoding : chunked\r\n", Refused::HeaderName),
        ("transfer_encoding: chunked\r\n", Refused::HeaderName),
        ("x-a: 1\n", Refused::LineEnding),
        ("x-a: 1\rx-b: 2\r\n", Refused::LineEnding),
        ("x-a: 1\r\n folded\r\n", Refused::HeaderName),
        ("x-a: \u{0}\r\n", Refused::HeaderValue),
        ("x-a: é\r\n", Refused::HeaderValue),
        ("no colon\r\n", Refused::HeaderName),
        ("host: two.example\r\n", Refused::Host),
        ("x-tenant-id: acme\r\nX-Tenant-Id: globex\r\n", Refused::DuplicateHeader),
        ("authorization: a\r\nauthorization: b\r\n", Refused::DuplicateHeader),
        ("cookie: x-tenant-id=a; x-tenant-id=b\r\n", Refused::Cookie),
        ("cookie: a=b\r\ncookie: c=d\r\n", Refused::Cookie),
        ("connection: x-tenant-id\r\n", Refused::ConnectionHeader),
        ("upgrade: h2c\r\n", Refused::ConnectionHeader),
        ("x-request-id: abc\r\n", Refused::HeaderValue),
        ("content-length: 99999999\r\n", Refused::BodyTooLarge),
    ];
    for (lines, expected) in cases {
        assert_eq!(refused(&post(lines, "{}")), Some(expected), "{lines:?}");
    }
}

#[test]
fn start_lines_have_one_form() {
    let head = |start: &str| format!("{start}\r\nhost: a\r\n\r\n");
    for (start, expected) in [
        ("GET /v1/whoami HTTP/1.0", Refused::StartLine),
        ("GET /v1/whoami", Refused::StartLine),
        ("GET  /v1/whoami HTTP/1.1", Refused::StartLine),
        ("GET\t/v1/whoami HTTP/1.1", Refused::StartLine),
        ("get /v1/whoami HTTP/1.1", Refused::Method),
        ("GET http://other/v1/whoami HTTP/1.1", Refused::Target),
        ("GET /v1/whoami#x HTTP/1.1", Refused::Target),
    ] {
        assert_eq!(refused(&head(start)), Some(expected), "{start}");
    }
    assert_eq!(refused("GET /v1/whoami HTTP/1.1\r\n\r\n"), Some(Refused::Host));
    assert_eq!(refused("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx"), Some(Refused::Content));
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(5_000));
    assert_eq!(refused(&long), Some(Refused::HeadTooLarge));
    assert_eq!(refused(&"x".repeat(20_000)), Some(Refused::HeadTooLarge));
    assert_eq!(refused(&post(&"x-a: 1\r\n".repeat(70), "")), Some(Refused::HeadTooLarge));
}

#[test]
fn chunked_content_is_read_and_malformed_chunks_are_not() {
    let chunked =
        |body: &str| decode_request(post("transfer-encoding: chunked\r\n", body).as_bytes(), PEER, &Limits::STRICT);
    let (request, _) = chunked("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET").expect("sound").expect("complete");
    assert_eq!(&*request.body, b"abc0123456789");
    assert_eq!(chunked("3\r\nab"), Ok(None));
    for body in ["3;x=y\r\nabc\r\n", "\r\nabc\r\n", "3\r\nabcd\r\n", "-3\r\nabc\r\n", "0\r\nx: y\r\n", "0000000003"] {
        assert_eq!(chunked(body), Err(Refused::TransferCoding), "{body:?}");
    }
    assert_eq!(chunked("3\nabc\r\n"), Err(Refused::LineEnding));
    assert_eq!(chunked("ffffffff\r\n"), Err(Refused::BodyTooLarge));
}

#[test]
fn two_lenient_parsers_in_a_row_can_be_smuggled_past() {
    let hidden = "GET /v1/whoami HTTP/1.1\r\nhost: a\r\n\r\n";
    let body = format!("0\r\n\r\n{hidden}");
    let lines = format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", body.len());
    let text = post(&lines, &body);
    let read = |framing| decode_request(text.as_bytes(), PEER, &Limits::STRICT.with_framing(framing));
    assert_eq!(read(Framing::Strict), Err(Refused::Length));
    let (front, taken) = read(Framing::ContentLengthFirst).expect("lenient").expect("complete");
    assert_eq!((front.body.len(), taken), (body.len(), text.len()));
    let (back, taken) = read(Framing::TransferEncodingFirst).expect("lenient").expect("complete");
    assert_eq!((back.body.len(), &text[taken..]), (0, hidden));
    // What the front let in reaches the back with both lengths, and is read there in another way.
    let mut forwarded = Vec::new();
    encode_request(&front, &mut forwarded).expect("what was read can be written");
    assert_eq!(front.wire_size(), forwarded.len());
    let limits = Limits::STRICT.with_framing(Framing::TransferEncodingFirst);
    let (_, taken) = decode_request(&forwarded, PEER, &limits).expect("lenient").expect("complete");
    assert_eq!(&forwarded[taken..], hidden.as_bytes());
}

#[test]
fn nothing_that_could_inject_a_header_is_written() {
    let written = |edit: &dyn Fn(&mut Request)| {
        let mut request = Request::new(1, Method::Get, Arc::from("/v1/whoami"));
        edit(&mut request);
        encode_request(&request, &mut Vec::new()).err()
    };
    let text: Arc<str> = Arc::from("a\r\nx-region: EU");
    assert_eq!(written(&|r| r.headers.tenant_id = Some(text.clone())), Some(Refused::HeaderValue));
    assert_eq!(written(&|r| r.headers.other.push((Arc::from("x-a"), text.clone()))), Some(Refused::HeaderValue));
    assert_eq!(written(&|r| r.headers.cookie_tenant = Some(Arc::from("a; b=c"))), Some(Refused::Cookie));
    assert_eq!(
        written(&|r| r.headers.other.push((Arc::from("x-tenant-id"), Arc::from("a")))),
        Some(Refused::HeaderName)
    );
    assert_eq!(written(&|r| r.path = Arc::from("/a b")), Some(Refused::Target));
    let mut response = Response::new(1, Reason::Ok);
    response.tenant = Some(text);
    assert_eq!(encode_response(&response, &mut Vec::new()), Err(Refused::HeaderValue));
}

fn value() -> impl Strategy<Value = Option<Arc<str>>> {
    proptest::option::of("([!-~]([ -~]{0,10}[!-~])?)?".prop_map(Arc::from))
}

fn cookie() -> impl Strategy<Value = Option<Arc<str>>> {
    proptest::option::of("[a-zA-Z0-9._-]{0,10}".prop_map(Arc::from))
}

prop_compose! {
    fn headers()(
        texts in proptest::array::uniform6(value()),
        cookie_tenant in cookie(),
        retry_allowance in proptest::option::of(any::<u8>()),
        other in proptest::collection::vec(("x-o[a-z0-9-]{0,6}", value()), 0..4),
        rest in proptest::option::of("[a-z]{1,3}=[a-z0-9]{0,3}(; [a-z]{1,3}=[a-z]{0,3})?"),
        host in proptest::option::of("[a-z]{1,8}"),
    ) -> Headers {
        let mut headers = Headers { cookie_tenant, retry_allowance, ..Headers::default() };
        for (place, text) in texts.into_iter().enumerate() {
            *known_mut(&mut headers, place) = text;
        }
        headers.other = other.into_iter().map(|(n, v)| (Arc::from(n), v.unwrap_or_else(|| Arc::from("-")))).collect();
        headers.other.extend(rest.map(|r| (Arc::from("cookie"), Arc::from(r))));
        headers.other.extend(host.map(|h| (Arc::from("host"), Arc::from(h))));
        headers
    }
}

prop_compose! {
    fn request()(
        id: u64,
        method in proptest::sample::select(&Method::ALL[..]),
        path in "/[!-\"$-~]{0,20}",
        headers in headers(),
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) -> Request {
        let body = if method.takes_content() { Bytes::from(body) } else { Bytes::default() };
        Request { id, method, path: Arc::from(path), headers, peer: PEER, body }
    }
}

prop_compose! {
    fn response()(
        id: u64,
        status in 200..=599u16,
        reason in proptest::sample::select(Reason::all().collect::<Vec<_>>()),
        tenant in cookie(),
        region in value(),
        retry_after_s in proptest::option::of(any::<u32>()),
        body in proptest::collection::vec(any::<u8>(), 0..40),
        degraded: bool,
        remember: bool,
        retries_spent: u8,
        trace in proptest::option::of((any::<u64>(), any::<u64>(), 1..u64::MAX)),
        surrogate in proptest::option::of((any::<u32>(), any::<u64>())),
    ) -> Response {
        let body = if is_bodiless(status) { Bytes::default() } else { Bytes::from(body) };
        let remember_tenant = remember && tenant.is_some();
        let trace = trace.map(|(high, low, span)| Trace { id: TraceId(high | 1, low), span });
        let surrogate = surrogate.map(|(max_age_s, revision)| Surrogate { max_age_s, revision });
        Response {
            id, status, reason, tenant, region, retry_after_s, body, degraded, remember_tenant, retries_spent, trace,
            surrogate,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_request_reads_back_as_it_was_written_and_weighs_what_it_says(request in request(), next in "[ -~]{0,9}") {
        let mut bytes = Vec::new();
        encode_request(&request, &mut bytes).expect("generated requests are sound");
        let size = bytes.len();
        prop_assert_eq!(request.wire_size(), size);
        prop_assert_eq!(decode_request(&bytes[..size - 1], PEER, &Limits::STRICT), Ok(None));
        bytes.extend_from_slice(next.as_bytes());
        prop_assert_eq!(decode_request(&bytes, PEER, &Limits::STRICT), Ok(Some((request, size))));
    }

    #[test]
    fn a_response_reads_back_as_it_was_written_and_weighs_what_it_says(response in response()) {
        let mut bytes = Vec::new();
        encode_response(&response, &mut bytes).expect("generated responses are sound");
        prop_assert_eq!(response.wire_size(), bytes.len());
        let size = bytes.len();
        prop_assert_eq!(decode_response(&bytes, &Limits::STRICT), Ok(Some((response, size))));
    }

    #[test]
    fn whatever_is_read_can_be_written_and_read_again(request in request(), at: prop::sample::Index, byte: u8) {
        let mut bytes = Vec::new();
        encode_request(&request, &mut bytes).expect("generated requests are sound");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(Some((read, _))) = decode_request(&bytes, PEER, &Limits::STRICT) {
            let mut again = Vec::new();
            prop_assert_eq!(encode_request(&read, &mut again), Ok(()));
            let size = again.len();
            prop_assert_eq!(decode_request(&again, PEER, &Limits::STRICT), Ok(Some((read, size))));
        }
    }

    #[test]
    fn noise_is_refused_or_waited_for_but_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for framing in [Framing::Strict, Framing::ContentLengthFirst, Framing::TransferEncodingFirst] {
            let limits = Limits::STRICT.with_framing(framing);
            let _ = decode_request(&bytes, PEER, &limits);
            let _ = decode_response(&bytes, &limits);
        }
    }
}
