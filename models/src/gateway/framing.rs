//! What the gateway accepts as one request on a byte stream (SRV-11).
//!
//! The codec refuses everything ambiguous by itself; a message that states its length twice is the one case in which
//! real gateways differ, and the one that makes a request slip past every check of this gateway into the next hop.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::http::codec::{Framing, Limits, Refused, decode_request};
use crate::wire::http::{Peer, Request};

/// Refuses requests that state their length twice.
pub const REQUEST_FRAMING: Control = control!(
    "gateway.request-framing",
    upholds: ["SRV-11"],
    off: "content-length wins over transfer-encoding, as in a front proxy of a CL.TE pair: requests can be smuggled",
);

/// Reads one request from the start of a connection's unread bytes, with the number of bytes that it took; `None` when
/// it is not complete yet.
///
/// # Errors
/// Answer with its status and close: after a refusal nobody knows where the next request starts.
pub fn accept(
    controls: &Controls,
    unread: &[u8],
    peer: Peer,
    limits: &Limits,
) -> Result<Option<(Request, usize)>, Refused> {
    match decode_request(unread, peer, &limits.with_framing(Framing::Strict)) {
        Err(Refused::Length) => {
            if controls.on(&REQUEST_FRAMING) {
                return Err(Refused::Length);
            }
            decode_request(unread, peer, &limits.with_framing(Framing::ContentLengthFirst))
        }
        decided => decided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    fn check(controls: &Controls, lines: &str, expected: Result<usize, Refused>) {
        let text = format!("POST /v1/records HTTP/1.1\r\nhost: a\r\n{lines}\r\n0\r\n\r\nGET /v1/whoami HTTP/1.1\r\n");
        let read = accept(controls, text.as_bytes(), Peer::default(), &Limits::STRICT);
        assert_eq!(read.map(|r| r.map_or(0, |(request, _)| request.body.len())), expected, "{lines}");
    }

    #[test]
    fn a_second_length_is_refused_or_without_the_control_smuggled_inside_the_content() {
        let twice = "content-length: 29\r\ntransfer-encoding: chunked\r\n";
        let off = Controls::with_off(ControlSet::EMPTY.with(REQUEST_FRAMING.slot));
        check(&Controls::all_on(), twice, Err(Refused::Length));
        check(&off, twice, Ok(29));
    }

    #[test]
    fn every_other_ambiguity_is_refused_with_or_without_the_control() {
        let off = Controls::with_off(ControlSet::EMPTY.with(REQUEST_FRAMING.slot));
        for controls in [Controls::all_on(), off] {
            check(&controls, "transfer-encoding: xchunked\r\n", Err(Refused::TransferCoding));
            check(&controls, "content-length: 1\n", Err(Refused::LineEnding));
            check(&controls, "content-length: +1\r\n", Err(Refused::Length));
        }
    }
}
