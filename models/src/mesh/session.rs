//! A link between two peers that believed each other: who proves what, and the seal on each message after that.
//!
//! The proofs are real signatures. The key exchange is not: both ends derive the link's keys from the two leaves and a
//! draw that stands for the Diffie-Hellman secret and is never sent, so an eavesdropper has everything but that draw.

use super::version::Hellos;
use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{Key, sha256};
use crate::wire::svid::Seal;
use crate::wire::tls::Version;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use std::fmt;

/// Every message of a link is authentic, in order and not a repetition.
pub const TRANSPORT_SEAL: Control = control!("mesh.transport-seal", upholds: ["IDN-05", "IDN-07", "EVT-06", "POL-04"],
    off: "seals are not checked, as on a plaintext link (`PERMISSIVE` mTLS, a `PLAINTEXT` broker listener)");

/// Sixteen bytes, as the tags of the TLS 1.3 cipher suites: one forgery in 2^128 tries.
const TAG_BYTES: usize = 16;

/// Which end of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The one that connected.
    Client,
    /// The one that accepted.
    Server,
}

/// One end of an open link. Each direction has its own key, so that nothing can be reflected to its sender.
pub struct Session {
    sending: hmac::Key,
    receiving: hmac::Key,
    sent: u64,
    received: Option<u64>,
}

/// Why a message was not let through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SealFault {
    /// The bytes or their number are not what the other end sealed.
    Forged,
    /// Seen before, or older than what was seen. Gaps are no fault: the network may lose messages.
    Replayed,
}

impl SealFault {
    /// Stable name, for facts and reports.
    pub fn code(self) -> &'static str {
        match self {
            SealFault::Forged => "forged",
            SealFault::Replayed => "replayed",
        }
    }
}

/// What `end` signs to prove that it holds its leaf's key (after RFC 8446 §4.4.3): its role, both nonces, its own leaf,
/// what was offered and chosen. The role keeps a proof from being turned round, the nonces from being used again. A
/// server below 1.3 signs its nonces and not the offer (RFC 5246 §7.4.3); a client signs it all the same (§7.4.8).
pub fn transcript(end: End, hellos: &Hellos, leaf_digest: &[u8; 32]) -> [u8; 32] {
    let context: &[u8] = match end {
        End::Client => b"cellproof mesh, client proof\0",
        End::Server => b"cellproof mesh, server proof\0",
    };
    let nonces = [hellos.client.to_be_bytes(), hellos.server.to_be_bytes()].concat();
    let versions: &[u8] = match (end, hellos.chosen) {
        (End::Server, Version::V12) => &[],
        (_, chosen) => &[hellos.offered as u8, chosen as u8],
    };
    sha256(&[context, &nonces, versions, leaf_digest].concat())
}

/// The proof that the holder of `key` gives over a transcript.
pub fn prove(key: &Key, transcript: &[u8; 32]) -> Vec<u8> {
    key.sign(transcript)
}

impl Session {
    /// One end of the link between the two leaves; `secret` is drawn for the link, equal at both ends and never sent.
    pub fn new(end: End, client_leaf: &[u8; 32], server_leaf: &[u8; 32], secret: u64) -> Session {
        let direction = |from: &[u8]| {
            let parts: [&[u8]; 4] = [b"cellproof mesh link, from ", from, client_leaf, server_leaf];
            let salt = hmac::Key::new(hmac::HMAC_SHA256, &secret.to_be_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&salt, &parts.concat()).as_ref())
        };
        let (client, server) = (direction(b"client"), direction(b"server"));
        let (sending, receiving) = match end {
            End::Client => (client, server),
            End::Server => (server, client),
        };
        Session { sending, receiving, sent: 0, received: None }
    }

    /// Seals the next message of this direction.
    pub fn seal(&mut self, bytes: &[u8]) -> Seal {
        let sequence = self.sent;
        self.sent += 1;
        Seal { sequence, tag: tag(&self.sending, sequence, bytes) }
    }

    /// Lets a message through, or not.
    ///
    /// # Errors
    /// It is not what the other end sent, or it came before.
    pub fn open(&mut self, controls: &Controls, bytes: &[u8], seal: &Seal) -> Result<(), SealFault> {
        if controls.on(&TRANSPORT_SEAL) {
            let expected = tag(&self.receiving, seal.sequence, bytes);
            verify_slices_are_equal(&expected, &seal.tag).map_err(|_| SealFault::Forged)?;
            if self.received.is_some_and(|last| seal.sequence <= last) {
                return Err(SealFault::Replayed);
            }
            self.received = Some(seal.sequence);
        }
        Ok(())
    }
}

fn tag(key: &hmac::Key, sequence: u64, bytes: &[u8]) -> [u8; TAG_BYTES] {
    let mut context = hmac::Context::with_key(key);
    context.update(&sequence.to_be_bytes());
    context.update(bytes);
    *context.sign().as_ref().first_chunk().expect("SHA-256 has more than 16 bytes")
}

impl fmt::Debug for Session {
    /// Counters only: keys never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("sent", &self.sent).field("received", &self.received).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;
    use crate::wire::tls::Versions;
    use proptest::prelude::*;

    fn link() -> (Session, Session) {
        let end = |end| Session::new(end, &[1; 32], &[2; 32], 77);
        (end(End::Client), end(End::Server))
    }

    fn plaintext() -> Controls {
        Controls::with_off(ControlSet::EMPTY.with(TRANSPORT_SEAL.slot))
    }

    fn check(message: &[u8], seal: Seal, expected: Result<(), SealFault>) {
        assert_eq!(link().1.open(&Controls::all_on(), message, &seal), expected);
        assert_eq!(link().1.open(&plaintext(), message, &seal), Ok(()), "a plaintext link lets everything through");
    }

    #[test]
    fn what_one_end_seals_the_other_opens_once() {
        let (mut client, mut server) = link();
        let controls = Controls::all_on();
        let (one, two, three) = (client.seal(b"one"), client.seal(b"two"), client.seal(b"three"));
        assert_eq!(server.open(&controls, b"one", &one), Ok(()));
        assert_eq!(server.open(&controls, b"one", &one), Err(SealFault::Replayed));
        assert_eq!(server.open(&controls, b"three", &three), Ok(()), "a lost message is no fault");
        assert_eq!(server.open(&controls, b"two", &two), Err(SealFault::Replayed), "reordered");
        assert_eq!(server.open(&plaintext(), b"two", &two), Ok(()));
        let back = server.seal(b"back");
        assert_eq!(client.open(&controls, b"back", &back), Ok(()));
    }

    #[test]
    fn edited_renumbered_reflected_and_foreign_messages_are_refused() {
        let seal = link().0.seal(b"pay 10");
        check(b"pay 10", seal, Ok(()));
        check(b"pay 99", seal, Err(SealFault::Forged));
        check(b"pay 10", Seal { sequence: 1, ..seal }, Err(SealFault::Forged));
        check(b"pay 10", Seal { tag: [0; 16], ..seal }, Err(SealFault::Forged));
        check(b"pay 10", link().1.seal(b"pay 10"), Err(SealFault::Forged));
        for (client, server, secret) in [(3, 2, 77), (1, 3, 77), (1, 2, 78)] {
            let other = Session::new(End::Client, &[client; 32], &[server; 32], secret).seal(b"pay 10");
            check(b"pay 10", other, Err(SealFault::Forged));
        }
    }

    #[test]
    fn a_proof_is_good_for_one_end_one_leaf_and_one_pair_of_nonces() {
        let base = transcript(End::Client, &Hellos::new(1, 2), &[0; 32]);
        for other in [
            transcript(End::Server, &Hellos::new(1, 2), &[0; 32]),
            transcript(End::Client, &Hellos::new(2, 1), &[0; 32]),
            transcript(End::Client, &Hellos::new(1, 3), &[0; 32]),
            transcript(End::Client, &Hellos::new(1, 2), &[1; 32]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn an_offer_that_was_changed_on_the_way_shows_in_every_proof_but_that_of_a_server_below_1_3() {
        let said = |offered, chosen| Hellos { offered, chosen, ..Hellos::new(1, 2) };
        let shows = |end, chosen| {
            let [sent, arrived] =
                [Versions::Both, Versions::Old].map(|offered| transcript(end, &said(offered, chosen), &[0; 32]));
            sent != arrived
        };
        let (old, new) = (Version::V12, Version::V13);
        assert!(shows(End::Client, new) && shows(End::Server, new) && shows(End::Client, old));
        assert!(!shows(End::Server, old));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_single_flipped_bit_is_noticed(message in prop::collection::vec(any::<u8>(), 1..64), at in any::<u16>()) {
            let seal = link().0.seal(&message);
            let mut flipped = message;
            let bit = usize::from(at) % (flipped.len() * 8);
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(link().1.open(&Controls::all_on(), &flipped, &seal), Err(SealFault::Forged));
        }
    }
}
