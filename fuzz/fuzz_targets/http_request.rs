//! Arbitrary bytes as an HTTP request: refused, incomplete, or a request whose own encoding is read as the same one.
//!
//! A request that changes between two hops is how smuggling begins.
#![no_main]

use libfuzzer_sys::fuzz_target;
use models::wire::http::Peer;
use models::wire::http::codec::{Limits, decode_request, encode_request, request_size};

/// A hop adds lines of its own (`host`, `x-request-id`, `content-length`) and a blank behind each colon. So a request
/// that just fits the first hop does not fit an equally strict second one: a matter of bounds, not of meaning.
const NEXT_HOP: Limits = Limits {
    header_lines_max: Limits::STRICT.header_lines_max + 3,
    head_bytes_max: Limits::STRICT.head_bytes_max + 1024,
    ..Limits::STRICT
};

fuzz_target!(|bytes: &[u8]| {
    let peer = Peer::default();
    if let Ok(Some((request, used))) = decode_request(bytes, peer, &Limits::STRICT) {
        assert!(used <= bytes.len());
        let mut written = Vec::new();
        encode_request(&request, &mut written).expect("what was read can be written");
        assert_eq!(written.len(), request_size(&request));
        assert_eq!(decode_request(&written, peer, &NEXT_HOP), Ok(Some((request, written.len()))));
    }
});
