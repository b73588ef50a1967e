//! What a workload checks of the peer at the other end: path, window, trust domain, id, revocation (IDN-05).
//!
//! The library is asked for the path at an instant at which the certificates are alive by their own account; whether
//! that account covers *now* is our own check. So the costly answer is exact for ever, and validity is its own control.

use super::trust::{BundleFault, CHAIN_MAX, PathFault, PathVerdict, TrustStore};
use super::usage;
use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::memo::Memo;
use crate::crypto::{Key, LibraryCalls, Tally, sha256};
use crate::ids::Bytes;
use crate::planted::MESH_REMEMBERS_BELIEF;
use crate::wire::svid::{Chain, SpiffeId, TrustBundle, TrustDomain};
use rustls_pki_types::{CertificateDer, UnixTime};
use sim::time::Instant;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use webpki::{EndEntityCert, Error, KeyUsage};

/// A path of signatures leads from the leaf to a believed root.
pub const SVID_CHAIN: Control = control!("mesh.svid-chain", upholds: ["IDN-05", "IDN-10"],
    off: "the path is not verified, as with `InsecureSkipVerify` beside an id check: any self-signed leaf is believed");
/// Every certificate of the chain is alive now.
pub const SVID_VALIDITY: Control = control!("mesh.svid-validity", upholds: ["IDN-05", "IDN-06"],
    off: "the validity window is not compared, as with `allow_expired_certificate` left on after an incident");
/// The root is that of the domain which the id names, and that domain is expected here.
pub const TRUST_DOMAIN: Control = control!("mesh.trust-domain", upholds: ["IDN-05", "IDN-08"],
    off: "all federated roots lie in one CA file: an authority of one trust domain can vouch for ids of another");
/// The id's path is one that may talk to us.
pub const SPIFFE_ID: Control = control!("mesh.spiffe-id", upholds: ["IDN-05", "IDN-08", "IDN-10"],
    off: "any valid SVID is accepted whatever its path, as with mTLS in place and no SAN match");
/// The certificate was not taken back.
pub const REVOCATION: Control = control!("mesh.revocation", upholds: ["IDN-06"],
    off: "revocation lists are not consulted, the default of most proxies");

/// How many chains are remembered per generation, about 2 KiB each: every workload of a large cell, twice rotated.
const CHAINS_REMEMBERED: usize = 1024;

/// Proofs noted at once: handshakes under way in one run. What is forgotten is verified by the library.
const GIVEN_MAX: usize = 1024;

/// What stands before the 32 bytes of an Ed25519 key in a certificate (RFC 8410 §4).
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Verdicts kept for one chain: workloads of one cell mostly believe the same store, old and new in a rotation.
const VERDICTS_MAX: usize = 8;

/// Who may be at the other end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerExpectation {
    /// Trust domains from which a peer may come.
    pub trust_domains: Vec<TrustDomain>,
    /// Paths that a peer may have.
    pub paths: PathRule,
    /// Peers that are expected beside those: each is one path of one domain.
    pub also: Vec<(TrustDomain, Arc<str>)>,
}

/// Which paths of an id are accepted. Trust domains are judged apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathRule {
    /// These and no others.
    Exact(Vec<Arc<str>>),
    /// These and what lies below them, by whole segments: `/ns/data/sa/kafka` covers `/ns/data/sa/kafka/tenant/acme`
    /// and not `/ns/data/sa/kafka-admin`.
    Under(Vec<Arc<str>>),
}

/// A peer that was believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its id.
    pub id: SpiffeId,
    /// SHA-256 of its leaf: what tokens are bound to (RFC 8705) and sessions are keyed with.
    pub leaf_digest: [u8; 32],
}

/// Why a peer was not believed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PeerDenial {
    /// No chain, or one too long.
    ChainLength,
    /// A certificate that cannot be read, or whose window ends before it begins.
    Malformed,
    /// Not exactly one URI name (X.509-SVID §2), or not a SPIFFE id with a path.
    NoSpiffeId,
    /// A leaf whose key is not for this, or an authority whose key is not for signing (X.509-SVID §3.2, §4.3).
    KeyUsage,
    /// No path of signatures to a believed root.
    Path(PathFault),
    /// Not alive yet.
    NotYetValid,
    /// No longer alive.
    Expired,
    /// Vouched for by another trust domain's root, or of a trust domain not expected here.
    TrustDomain,
    /// Genuine, and not one that may talk to us.
    SpiffeId,
    /// Taken back.
    Revoked,
    /// It does not hold the key of its own leaf.
    Possession,
}

/// Checks peers under one store of roots.
#[derive(Debug)]
pub struct PeerVerifier {
    store: TrustStore,
    memo: ChainMemo,
}

/// Chains read and paths verified in this run, shared by its verifiers. Clones share.
#[derive(Clone, Debug)]
pub struct ChainMemo(Arc<Mutex<MemoState>>);

#[derive(Debug)]
struct MemoState {
    seen: Memo<Chain, Seen>,
    /// Proofs that this run's own ends gave and nobody checked yet, by transcript: the signer's public key, the bytes.
    given: BTreeMap<[u8; 32], ([u8; 32], Vec<u8>)>,
    verified: Tally,
}

/// What is known of one chain for ever: what it says, and what the library says of it under each store.
#[derive(Debug)]
struct Seen {
    reading: Result<Reading, PeerDenial>,
    verdicts: Vec<([u8; 32], PathVerdict)>,
}

#[derive(Debug)]
struct Reading {
    peer: Arc<Peer>,
    /// The leaf's Ed25519 key.
    public: Option<[u8; 32]>,
    /// Whether the library accepted a proof under this leaf.
    proven: bool,
    /// First and last second at which all certificates are alive; may be empty.
    window: (u64, u64),
}

impl PathRule {
    /// Whether `path` is accepted.
    pub fn accepts(&self, path: &str) -> bool {
        let under = |p: &Arc<str>| path.strip_prefix(&**p).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match self {
            PathRule::Exact(paths) => paths.iter().any(|p| **p == *path),
            PathRule::Under(paths) => paths.iter().any(under),
        }
    }
}

impl PeerExpectation {
    /// Exactly these paths of one trust domain.
    pub fn exactly(trust_domain: &str, paths: &[&str]) -> PeerExpectation {
        let paths = PathRule::Exact(paths.iter().map(|p| Arc::from(*p)).collect());
        PeerExpectation { trust_domains: vec![trust_domain.into()], paths, also: Vec::new() }
    }
    /// These paths of one trust domain and what lies below them.
    pub fn under(trust_domain: &str, paths: &[&str]) -> PeerExpectation {
        let paths = PathRule::Under(paths.iter().map(|p| Arc::from(*p)).collect());
        PeerExpectation { trust_domains: vec![trust_domain.into()], paths, also: Vec::new() }
    }
}

impl PeerDenial {
    /// Stable name, for facts and reports.
    pub fn code(self) -> &'static str {
        match self {
            PeerDenial::ChainLength => "chain-length",
            PeerDenial::Malformed => "malformed",
            PeerDenial::NoSpiffeId => "no-spiffe-id",
            PeerDenial::KeyUsage => "key-usage",
            PeerDenial::Path(_) => "svid-chain",
            PeerDenial::NotYetValid => "not-yet-valid",
            PeerDenial::Expired => "expired",
            PeerDenial::TrustDomain => "trust-domain",
            PeerDenial::SpiffeId => "spiffe-id",
            PeerDenial::Revoked => "revoked",
            PeerDenial::Possession => "possession",
        }
    }

    /// The requirements that demand this denial.
    pub const fn requirements(self) -> &'static [&'static str] {
        match self {
            PeerDenial::Expired | PeerDenial::NotYetValid => &["IDN-05", "IDN-06"],
            PeerDenial::TrustDomain | PeerDenial::SpiffeId => &["IDN-05", "IDN-08"],
            PeerDenial::Revoked => &["IDN-06"],
            _ => &["IDN-05"],
        }
    }
}

impl PeerVerifier {
    /// A verifier that believes nobody yet.
    pub fn new(memo: ChainMemo) -> PeerVerifier {
        PeerVerifier { store: TrustStore::default(), memo }
    }

    /// Believes a bundle: the own trust domain's, or that of one it federates with.
    ///
    /// # Errors
    /// The bundle is older than what is here, or malformed. Nothing changes.
    pub fn set_bundle(&mut self, bundle: Arc<TrustBundle>) -> Result<(), BundleFault> {
        self.store.set_bundle(bundle)
    }

    /// Ends the federation with a trust domain.
    pub fn remove_bundle(&mut self, trust_domain: &str) {
        self.store.remove(trust_domain);
    }

    /// Roots and revocation lists believed now.
    pub fn store(&self) -> &TrustStore {
        &self.store
    }

    /// Calls into the real library so far, of every verifier that shares the memo.
    pub fn calls(&self) -> LibraryCalls {
        self.memo.calls()
    }

    /// Decides on a peer by its chain. That it also holds the leaf's key is asked with [`PeerVerifier::verify_proof`].
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify_peer(
        &mut self,
        now: Instant,
        controls: &Controls,
        chain: &Chain,
        expected: &PeerExpectation,
    ) -> Result<Arc<Peer>, PeerDenial> {
        let mut memo = self.memo.lock();
        let MemoState { seen, verified, .. } = &mut *memo;
        let store = &self.store;
        seen.with(
            chain,
            || Seen::read(chain),
            |Seen { reading, verdicts }| {
                let reading = reading.as_ref().map_err(|denial| *denial)?;
                let verdict = verdict(store, chain, reading.window, verdicts, verified);
                check(now, controls, reading, verdict, expected)
            },
        )
    }

    /// Last second, since the Unix epoch, at which every certificate of `chain` is alive by its own account. Ends a
    /// link, and decides nothing about a peer.
    pub fn not_after(&self, chain: &Chain) -> Option<u64> {
        let mut memo = self.memo.lock();
        memo.seen.with(chain, || Seen::read(chain), |seen| seen.reading.as_ref().ok().map(|r| r.window.1))
    }

    /// Notes a proof that an end of this run has just made with a key of its own. Verifying undoes signing: the same
    /// key, transcript and bytes need no second calculation at the other end. Proofs of attackers are never noted.
    pub fn note_proof(&mut self, signer: &Key, transcript: &[u8; 32], proof: &[u8]) {
        let given = &mut self.memo.lock().given;
        if given.len() == GIVEN_MAX {
            given.pop_first();
        }
        given.insert(*transcript, (*signer.public(), proof.to_vec()));
    }

    /// Whether whoever shows `chain` holds its leaf's key: `proof` is an Ed25519 signature over `transcript`. Never
    /// off. The library decides the first proof under each leaf, and every proof whose bytes were not made in this run
    /// by the holder of the leaf's key over this very transcript.
    ///
    /// # Errors
    /// It does not.
    pub fn verify_proof(&mut self, chain: &Chain, transcript: &[u8; 32], proof: &[u8]) -> Result<(), PeerDenial> {
        let mut memo = self.memo.lock();
        let MemoState { seen, given, verified } = &mut *memo;
        let given = given.remove(transcript);
        seen.with(
            chain,
            || Seen::read(chain),
            |Seen { reading, .. }| {
                let reading = reading.as_mut().map_err(|denial| *denial)?;
                let is_given = given.is_some_and(|(public, bytes)| Some(public) == reading.public && bytes == proof);
                if is_given && reading.proven {
                    verified.hits += 1;
                    return Ok(());
                }
                verified.real += 1;
                let der = CertificateDer::from(&**chain.first().ok_or(PeerDenial::ChainLength)?);
                let leaf = EndEntityCert::try_from(&der).map_err(|_| PeerDenial::Malformed)?;
                leaf.verify_signature(webpki::aws_lc_rs::ED25519, transcript, proof)
                    .map_err(|_| PeerDenial::Possession)?;
                reading.proven = true;
                Ok(())
            },
        )
    }
}

fn check(
    now: Instant,
    controls: &Controls,
    reading: &Reading,
    verdict: &PathVerdict,
    expected: &PeerExpectation,
) -> Result<Arc<Peer>, PeerDenial> {
    let Reading { peer, window, .. } = reading;
    let named = peer.id.trust_domain();
    let is_named_itself = expected.also.iter().any(|(domain, path)| (&**domain, &**path) == (named, peer.id.path()));
    if controls.on(&SVID_CHAIN) {
        verdict.path.as_ref().map_err(|fault| PeerDenial::Path(*fault))?;
    }
    if controls.on(&SVID_VALIDITY) {
        is_alive(now.unix_seconds(), *window)?;
    }
    if controls.on(&TRUST_DOMAIN) {
        // Without a path nobody vouched at all; that is the chain's fault to find, not this check's.
        let by_another = verdict.path.as_ref().is_ok_and(|by| **by != *named);
        if by_another || !(is_named_itself || expected.trust_domains.iter().any(|d| **d == *named)) {
            return Err(PeerDenial::TrustDomain);
        }
    }
    if controls.on(&SPIFFE_ID) && !(is_named_itself || expected.paths.accepts(peer.id.path())) {
        return Err(PeerDenial::SpiffeId);
    }
    if controls.on(&REVOCATION) && verdict.revoked {
        return Err(PeerDenial::Revoked);
    }
    Ok(peer.clone())
}

fn is_alive(now: u64, (not_before, not_after): (u64, u64)) -> Result<(), PeerDenial> {
    if now < not_before {
        return Err(PeerDenial::NotYetValid);
    }
    if now > not_after {
        return Err(PeerDenial::Expired);
    }
    Ok(())
}

fn verdict<'a>(
    store: &TrustStore,
    chain: &Chain,
    window: (u64, u64),
    verdicts: &'a mut Vec<([u8; 32], PathVerdict)>,
    verified: &mut Tally,
) -> &'a PathVerdict {
    let digest = store.digest();
    let believed = |verdict: &PathVerdict| MESH_REMEMBERS_BELIEF.is_planted() && verdict.path.is_ok();
    let at = match verdicts.iter().position(|(of, verdict)| *of == digest || believed(verdict)) {
        Some(at) => {
            verified.hits += 1;
            at
        }
        None => {
            verified.real += 1;
            if verdicts.len() == VERDICTS_MAX {
                verdicts.remove(0);
            }
            verdicts.push((digest, store.verify_path(chain, window)));
            verdicts.len() - 1
        }
    };
    &verdicts[at].1
}

impl Seen {
    fn read(chain: &Chain) -> Seen {
        Seen { reading: Reading::new(chain), verdicts: Vec::new() }
    }
}

impl Reading {
    fn new(chain: &Chain) -> Result<Reading, PeerDenial> {
        let leaf = chain.first().filter(|_| chain.len() <= CHAIN_MAX).ok_or(PeerDenial::ChainLength)?;
        let der = CertificateDer::from(&**leaf);
        let cert = EndEntityCert::try_from(&der).map_err(|_| PeerDenial::Malformed)?;
        let mut names = cert.valid_uri_names();
        let (Some(name), None) = (names.next(), names.next()) else { return Err(PeerDenial::NoSpiffeId) };
        let id = SpiffeId::parse(name).map_err(|_| PeerDenial::NoSpiffeId)?;
        if id.path().is_empty() {
            return Err(PeerDenial::NoSpiffeId);
        }
        let mut window = (0, u64::MAX);
        for der in chain.iter() {
            let (not_before, not_after) = window_of(der)?;
            window = (window.0.max(not_before), window.1.min(not_after));
        }
        let (_, authorities) = chain.split_first().ok_or(PeerDenial::ChainLength)?;
        if !usage::may_authenticate(leaf) || !authorities.iter().all(|der| usage::may_sign(der)) {
            return Err(PeerDenial::KeyUsage);
        }
        let spki = cert.subject_public_key_info();
        let public = spki.strip_prefix(ED25519_SPKI).and_then(|key| key.try_into().ok());
        Ok(Reading { peer: Arc::new(Peer { id, leaf_digest: sha256(leaf) }), public, proven: false, window })
    }
}

/// First and last second of a certificate's life. The library compares the window before anything else and keeps it to
/// itself, except in its objections: so it is asked about the first and the last instant there is.
fn window_of(der: &Bytes) -> Result<(u64, u64), PeerDenial> {
    let der = CertificateDer::from(&**der);
    let cert = EndEntityCert::try_from(&der).map_err(|_| PeerDenial::Malformed)?;
    let objection = |at: u64| {
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at));
        cert.verify_for_usage(&[], &[], &[], at, KeyUsage::server_auth(), None, None).err()
    };
    let not_before = match objection(0) {
        Some(Error::CertNotValidYet { not_before, .. }) => not_before.as_secs(),
        Some(Error::BadDer | Error::BadDerTime | Error::InvalidCertValidity) => return Err(PeerDenial::Malformed),
        _ => 0,
    };
    match objection(u64::MAX) {
        Some(Error::CertExpired { not_after, .. }) => Ok((not_before, not_after.as_secs())),
        _ => Err(PeerDenial::Malformed),
    }
}

impl Default for ChainMemo {
    fn default() -> ChainMemo {
        let seen = Memo::new(CHAINS_REMEMBERED);
        let state = MemoState { seen, given: BTreeMap::new(), verified: Tally::default() };
        ChainMemo(Arc::new(Mutex::new(state)))
    }
}

impl ChainMemo {
    /// Calls into the real library so far.
    pub fn calls(&self) -> LibraryCalls {
        LibraryCalls { x509_verify: self.lock().verified, ..LibraryCalls::default() }
    }
    fn lock(&self) -> MutexGuard<'_, MemoState> {
        // One run is one thread: the lock is never contended, and a poisoned memo still holds only pure answers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
