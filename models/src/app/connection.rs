//! Connections to the service, where bytes say something else than their sender meant.
//!
//! Requests are read as bytes only when that makes a difference: of every other request, writing and reading again is
//! the same request (which the codec's tests show). The service's server is of the usual kind: a transfer coding wins
//! over a length (RFC 9112 §6.3), and what is left over begins the next request on the connection.

use crate::wire::http::Request;
use crate::wire::http::codec::{Framing, Limits, decode_request, encode_request};
use sim::NodeId;
use std::collections::BTreeMap;

const LIMITS: Limits = Limits::STRICT.with_framing(Framing::TransferEncodingFirst);

/// What is unread, by peer. A peer uses the connection that it used last, so one a peer is enough.
#[derive(Debug, Default)]
pub struct Sockets {
    unread: BTreeMap<NodeId, Vec<u8>>,
}

impl Sockets {
    /// Whether the bytes of the request are read as what its sender meant.
    #[inline]
    pub fn is_as_meant(&self, from: NodeId, request: &Request) -> bool {
        !request.headers.also_chunked && (self.unread.is_empty() || !self.unread.contains_key(&from))
    }

    /// The requests that the server finds in what the connection now holds. The first of them is answered as the one
    /// that was sent; to the others nobody waits for an answer.
    pub fn read(&mut self, from: NodeId, request: &Request) -> Vec<Request> {
        let mut bytes = self.unread.remove(&from).unwrap_or_default();
        if encode_request(request, &mut bytes).is_err() {
            return Vec::new();
        }
        let (mut read, mut at) = (Vec::new(), 0);
        // Bytes that are no request end the connection, and with it whatever lay unread on it.
        while let Ok(found) = decode_request(&bytes[at..], request.peer, &LIMITS) {
            let Some((mut found, taken)) = found else {
                if at < bytes.len() {
                    self.unread.insert(from, bytes.split_off(at));
                }
                break;
            };
            found.id = if read.is_empty() { request.id } else { 0 };
            read.push(found);
            at += taken;
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Bytes;
    use crate::wire::http::Method;
    use std::sync::Arc;

    const GATEWAY: NodeId = NodeId(7);

    fn request(id: u64, body: &str, also_chunked: bool) -> Request {
        let mut request = Request::new(id, Method::Put, Arc::from(format!("/v1/records/{id}")));
        request.headers.also_chunked = also_chunked;
        request.body = Bytes::from(body.as_bytes());
        request
    }

    /// Path, number and content of what is read of each request in turn.
    fn check(sent: &[Request], expected: &[&[(&str, u64, &str)]]) {
        let mut sockets = Sockets::default();
        for (request, expected) in sent.iter().zip(expected) {
            let read = match sockets.is_as_meant(GATEWAY, request) {
                true => vec![request.clone()],
                false => sockets.read(GATEWAY, request),
            };
            let body = |r: &Request| String::from_utf8_lossy(&r.body).into_owned();
            let read: Vec<_> = read.iter().map(|r| (r.path.to_string(), r.id, body(r))).collect();
            let expected: Vec<_> = expected.iter().map(|(p, id, b)| ((*p).to_owned(), *id, (*b).to_owned())).collect();
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_whole_request_in_the_content_of_another_is_handled_and_answered_to_nobody() {
        let hidden = "0\r\n\r\nGET /v1/whoami HTTP/1.1\r\nhost: a\r\n\r\n";
        let after = [("/v1/records/2", 2, "x")];
        check(
            &[request(1, hidden, true), request(2, "x", false)],
            &[&[("/v1/records/1", 1, ""), ("/v1/whoami", 0, "")], &after],
        );
        check(&[request(1, hidden, false)], &[&[("/v1/records/1", 1, hidden)]]);
    }

    #[test]
    fn the_beginning_of_a_request_swallows_the_next_one_on_the_connection() {
        let next = request(2, "secret", false);
        let mut bytes = Vec::new();
        encode_request(&next, &mut bytes).expect("a sound request");
        let swallowed = String::from_utf8(bytes).expect("text");
        let hidden =
            format!("0\r\n\r\nPOST /v1/records HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", swallowed.len());
        check(
            &[request(1, &hidden, true), next, request(3, "x", false)],
            &[&[("/v1/records/1", 1, "")], &[("/v1/records", 2, &swallowed)], &[("/v1/records/3", 3, "x")]],
        );
    }

    #[test]
    fn what_is_no_request_ends_the_connection() {
        check(
            &[request(1, "0\r\n\r\nNONSENSE\r\n\r\n", true), request(2, "x", false)],
            &[&[("/v1/records/1", 1, "")], &[("/v1/records/2", 2, "x")]],
        );
    }
}
