//! How two peers open a link: hello, server's proof, client's proof (the three flights of mutual TLS 1.3).
//!
//! Showing a chain is not enough, since chains are public: each end signs both nonces with its leaf's key. That part
//! has no off state, because no TLS library has one.

use super::session::{End, Session, prove, transcript};
use super::verify::{Peer, PeerDenial, PeerExpectation, PeerVerifier};
use super::version::Hellos;
use crate::control::Controls;
use crate::crypto::{Key, key, sha256};
use crate::wire::svid::{Chain, Handshake, Svid};
use sim::time::Instant;
use std::sync::Arc;

/// A workload's own certificate with its key, ready to be shown.
#[derive(Clone, Debug)]
pub struct Identity {
    chain: Chain,
    leaf_digest: [u8; 32],
    key: Key,
}

impl Identity {
    /// The identity of whoever holds this certificate and its key.
    ///
    /// # Panics
    /// When the certificate's chain is empty: no authority issues one.
    pub fn new(svid: &Svid) -> Identity {
        let leaf_digest = sha256(svid.chain.first().expect("an issued chain has a leaf"));
        Identity { chain: svid.chain.clone(), leaf_digest, key: key(&svid.key.role, svid.key.index) }
    }

    /// The same certificate in the hands of someone who has another key: a thief of what is public.
    pub fn stolen(self, key: Key) -> Identity {
        Identity { key, ..self }
    }

    /// Its certificates.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Signs with the key that it holds.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message)
    }

    /// SHA-256 of the leaf: what tokens are bound to (RFC 8705).
    pub fn leaf_digest(&self) -> &[u8; 32] {
        &self.leaf_digest
    }

    /// What this end's proof says in the handshake with these hellos, and the proof.
    fn proof(&self, end: End, hellos: &Hellos) -> ([u8; 32], Vec<u8>) {
        let words = transcript(end, hellos, &self.leaf_digest);
        (words, prove(&self.key, &words))
    }

    /// The word with which this end shows itself, noted with the verifiers of the run.
    pub fn show(&self, verifier: &mut PeerVerifier, end: End, hellos: &Hellos) -> Handshake {
        let (words, proof) = self.proof(end, hellos);
        verifier.note_proof(&self.key, &words, &proof);
        self.word(end, hellos, proof)
    }

    fn word(&self, end: End, hellos: &Hellos, proof: Vec<u8>) -> Handshake {
        let (chain, proof) = (self.chain.clone(), proof.into());
        match end {
            End::Server => Handshake::ServerProof { nonce: hellos.server, version: hellos.chosen, chain, proof },
            End::Client => Handshake::ClientProof { chain, proof },
        }
    }

    /// The server's answer to a hello.
    pub fn server_proof(&self, hellos: &Hellos) -> Handshake {
        self.word(End::Server, hellos, self.proof(End::Server, hellos).1)
    }

    /// The client's answer to the server's proof, once it believes it.
    pub fn client_proof(&self, hellos: &Hellos) -> Handshake {
        self.word(End::Client, hellos, self.proof(End::Client, hellos).1)
    }

    /// This end of the link with `peer`; `secret` is drawn for the link and equal at both ends.
    pub fn open_session(&self, end: End, peer: &Peer, secret: u64) -> Session {
        match end {
            End::Client => Session::new(end, &self.leaf_digest, &peer.leaf_digest, secret),
            End::Server => Session::new(end, &peer.leaf_digest, &self.leaf_digest, secret),
        }
    }
}

/// What one end checks of the other, `end` being the peer's: chain, window, domain, id, revocation, and the proof.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Which end the peer is.
    pub end: End,
    /// What was said before.
    pub hellos: Hellos,
    /// The chain that the peer shows.
    pub chain: &'a Chain,
    /// The proof that it gives.
    pub proof: &'a [u8],
}

/// Decides on what a peer shows.
///
/// # Errors
/// The first check that failed.
pub fn believe(
    verifier: &mut PeerVerifier,
    now: Instant,
    controls: &Controls,
    expected: &PeerExpectation,
    shown: Shown<'_>,
) -> Result<Arc<Peer>, PeerDenial> {
    let peer = verifier.verify_peer(now, controls, shown.chain, expected)?;
    let words = transcript(shown.end, &shown.hellos, &peer.leaf_digest);
    verifier.verify_proof(shown.chain, &words, shown.proof)?;
    Ok(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::ca::{Ca, CaConfig};
    use crate::mesh::verify::ChainMemo;
    use crate::wire::svid::{KeyName, SpiffeId, SvidRequest};
    use crate::wire::tls::Version;
    use sim::time::Duration;

    const DOMAIN: &str = "cell-a.test";
    const NOW: Instant = Instant(60_000_000_000);

    fn identity(ca: &mut Ca, service: &str) -> Identity {
        let spiffe_id = SpiffeId::new(DOMAIN, &format!("/ns/data/sa/{service}")).unwrap();
        ca.register(service, spiffe_id.clone());
        let key = KeyName { role: service.into(), index: 0 };
        let lifetime = Duration::secs(600);
        Identity::new(&ca.issue(NOW, &SvidRequest { workload: service.into(), spiffe_id, key, lifetime }).unwrap())
    }

    /// The verdict on the server's proof as `client_nonce` receives it.
    fn check(server: &Identity, client_nonce: u64, sent: &Handshake) -> Result<Arc<Peer>, PeerDenial> {
        let mut ca = Ca::new(NOW, CaConfig::new(DOMAIN));
        let mut verifier = PeerVerifier::new(ChainMemo::default());
        verifier.set_bundle(ca.bundle(NOW)).unwrap();
        let expected = PeerExpectation::exactly(DOMAIN, &["/ns/data/sa/kafka"]);
        let Handshake::ServerProof { nonce, chain, proof, .. } = sent else {
            panic!("a server answers with its proof")
        };
        assert_eq!(*chain, server.chain);
        let shown = Shown { end: End::Server, hellos: Hellos::new(client_nonce, *nonce), chain, proof };
        believe(&mut verifier, NOW, &Controls::all_on(), &expected, shown)
    }

    #[test]
    fn two_peers_that_believe_each_other_share_a_link() {
        let mut ca = Ca::new(NOW, CaConfig::new(DOMAIN));
        let (server, client) = (identity(&mut ca, "kafka"), identity(&mut ca, "app"));
        let of_server = check(&server, 1, &server.server_proof(&Hellos::new(1, 2))).unwrap();
        let mut here = client.open_session(End::Client, &of_server, 5);
        let id = SpiffeId::new(DOMAIN, "/ns/data/sa/app").unwrap();
        let mut there = server.open_session(End::Server, &Peer { id, leaf_digest: *client.leaf_digest() }, 5);
        let seal = here.seal(b"hello");
        assert_eq!(there.open(&Controls::all_on(), b"hello", &seal), Ok(()));
    }

    #[test]
    fn a_proof_that_is_stolen_replayed_or_turned_round_opens_nothing() {
        let mut ca = Ca::new(NOW, CaConfig::new(DOMAIN));
        let server = identity(&mut ca, "kafka");
        let genuine = server.server_proof(&Hellos::new(1, 2));
        assert!(check(&server, 1, &genuine).is_ok());
        assert_eq!(check(&server, 9, &genuine), Err(PeerDenial::Possession), "replayed to another hello");
        let thief = server.clone().stolen(key("thief", 0)).server_proof(&Hellos::new(1, 2));
        assert_eq!(check(&server, 1, &thief), Err(PeerDenial::Possession), "a copied chain without its key");
        let Handshake::ClientProof { chain, proof } = server.client_proof(&Hellos::new(1, 2)) else {
            panic!("a client's proof")
        };
        let turned = Handshake::ServerProof { nonce: 2, version: Version::V13, chain, proof };
        assert_eq!(check(&server, 1, &turned), Err(PeerDenial::Possession), "a client's proof shown by a server");
    }
}
