//! Which version of TLS a link has: the newest that both ends speak, and at the edge and on brokers none but 1.3
//! (IDN-07).
//!
//! A version is agreed upon before anybody has proved anything, and below 1.3 a server's signature covers the nonces
//! and not what was offered (RFC 5246 §7.4.3). So whoever stands between a server that still takes 1.2 and a client
//! that falls back to it decides what they speak; what ends that is a server that does not take it.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::tls::{Version, Versions};

/// The edge speaks nothing older than 1.3.
pub const EDGE_TLS_VERSION: Control = control!("edge.tls-version", upholds: ["IDN-07"],
    off: "TLS 1.2 is taken for old clients, as with a listener whose `tls_minimum_protocol_version` is `TLSv1_2`");
/// Brokers speak nothing older than 1.3.
pub const KAFKA_TLS_VERSION: Control = control!("kafka.tls-version", upholds: ["IDN-07"],
    off: "TLS 1.2 is taken for old clients, as with `ssl.enabled.protocols=TLSv1.2,TLSv1.3`, the default of Kafka");

/// What an end says that has no version in common with the other, as the alert of that name (RFC 8446 §6.2).
pub const PROTOCOL_VERSION: &str = "protocol-version";

/// What workloads of the mesh offer when they call.
pub const OFFERED: Versions = Versions::New;

/// Where a link ends.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Place {
    /// At the edge, where clients come from outside.
    Edge,
    /// At a broker.
    Broker,
    /// Anywhere else: only workloads call there, and those offer 1.3 alone.
    #[default]
    Inside,
}

impl Place {
    /// Who refuses a link there, for facts.
    pub const fn name(self) -> &'static str {
        match self {
            Place::Edge => "edge",
            Place::Broker => "kafka",
            Place::Inside => "mesh",
        }
    }
}

/// What both ends said before either showed itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hellos {
    /// The client's nonce.
    pub client: u64,
    /// The server's nonce.
    pub server: u64,
    /// What the client offered.
    pub offered: Versions,
    /// What the server chose.
    pub chosen: Version,
}

impl Hellos {
    /// Both nonces, of a link of 1.3 between two ends that speak nothing else.
    pub fn new(client: u64, server: u64) -> Hellos {
        Hellos { client, server, offered: Versions::New, chosen: Version::V13 }
    }
}

/// The version of a link that a client opens with this offer, if it gets one.
pub fn negotiate(controls: &Controls, place: Place, offered: Versions) -> Option<Version> {
    if offered.have(Version::V13) {
        return Some(Version::V13);
    }
    let is_taken = match place {
        Place::Edge => !controls.on(&EDGE_TLS_VERSION),
        Place::Broker => !controls.on(&KAFKA_TLS_VERSION),
        Place::Inside => false,
    };
    (is_taken && offered.have(Version::V12)).then_some(Version::V12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    const PLACES: [Place; 3] = [Place::Edge, Place::Broker, Place::Inside];

    fn check(controls: &Controls, offered: Versions, expected: [Option<Version>; 3]) {
        assert_eq!(PLACES.map(|place| negotiate(controls, place, offered)), expected, "{offered:?}");
    }

    #[test]
    fn what_offers_nothing_newer_than_1_2_gets_no_link_anywhere() {
        let on = Controls::all_on();
        check(&on, Versions::New, [Some(Version::V13); 3]);
        check(&on, Versions::Both, [Some(Version::V13); 3]);
        assert_eq!(on.consulted(), ControlSet::EMPTY, "nobody is asked while 1.3 is on offer");
        check(&on, Versions::Old, [None; 3]);
    }

    #[test]
    fn each_place_has_a_floor_of_its_own_and_without_it_the_newest_in_common_is_still_chosen() {
        for (control, expected) in [
            (&EDGE_TLS_VERSION, [Some(Version::V12), None, None]),
            (&KAFKA_TLS_VERSION, [None, Some(Version::V12), None]),
        ] {
            let off = Controls::with_off(ControlSet::EMPTY.with(control.slot));
            check(&off, Versions::Old, expected);
            check(&off, Versions::Both, [Some(Version::V13); 3]);
            check(&off, Versions::New, [Some(Version::V13); 3]);
        }
    }
}
