//! Whom a workload believes: the roots and revocation lists of its own trust domain and of those it federates with.
//!
//! All roots lie in one store, as in a proxy's merged CA file; which domain a path led to is an answer of
//! [`TrustStore`], and whether that was the right domain is asked elsewhere. That question is exactly what a merged
//! file loses.

use crate::crypto::sha256;
use crate::ids::Bytes;
use crate::wire::svid::{Chain, TrustBundle, TrustDomain};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
};

/// Ed25519 is what this mesh's authorities sign with; a path in any other algorithm is not theirs.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[webpki::aws_lc_rs::ED25519];

/// Most certificates in a chain: leaf, intermediate, and one more for a nested authority.
pub const CHAIN_MAX: usize = 3;

/// Roots and revocation lists of every believed trust domain.
#[derive(Default)]
pub struct TrustStore {
    bundles: BTreeMap<TrustDomain, Arc<TrustBundle>>,
    anchors: Vec<TrustAnchor<'static>>,
    domains: Vec<TrustDomain>,
    lists: Vec<CertRevocationList<'static>>,
    digest: [u8; 32],
}

/// What the library says of a chain under one store. Pure in (chain bytes, store digest).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathVerdict {
    /// The trust domain whose root the path leads to, or why there is no path.
    pub path: Result<TrustDomain, PathFault>,
    /// Whether a genuine revocation list names the leaf.
    pub revoked: bool,
}

/// Why no path leads from a leaf to a root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PathFault {
    /// No believed root signed any of this.
    UnknownIssuer,
    /// A signature is not the issuer's, or not by an algorithm of this mesh.
    Signature,
    /// A leaf that signs, or an authority used as a leaf, or too deep.
    NotAnAuthority,
    /// Not for both ends of a TLS connection.
    Usage,
    /// The certificates of the path are never alive together.
    NeverValid,
    /// Anything else that the library objects to.
    Other,
}

/// A bundle that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BundleFault {
    /// A newer one is already here.
    Older,
    /// An authority is no certificate, or a list no revocation list.
    Malformed,
}

/// SVIDs serve both ends of a connection, so a leaf that limits its use must permit both (X.509-SVID §4.4).
struct BothEnds;

impl TrustStore {
    /// Believes `bundle`; replaces an older one of the same domain.
    ///
    /// # Errors
    /// The bundle is older than what is here, or malformed. Nothing changes.
    pub fn set_bundle(&mut self, bundle: Arc<TrustBundle>) -> Result<(), BundleFault> {
        let known = self.bundles.get(&bundle.trust_domain);
        if known.is_some_and(|known| known.sequence > bundle.sequence) {
            return Err(BundleFault::Older);
        }
        if known.is_some_and(|known| **known == *bundle) {
            return Ok(());
        }
        for der in &bundle.authorities {
            anchor(der)?;
        }
        for der in &bundle.revoked {
            revocation_list(der)?;
        }
        self.bundles.insert(bundle.trust_domain.clone(), bundle);
        self.rebuild()
    }

    /// Believes nothing of `trust_domain` any longer: the end of a federation.
    pub fn remove(&mut self, trust_domain: &str) {
        self.bundles.remove(trust_domain);
        self.rebuild().expect("every bundle was usable when it was set");
    }

    /// The bundle of `trust_domain`.
    pub fn bundle(&self, trust_domain: &str) -> Option<&Arc<TrustBundle>> {
        self.bundles.get(trust_domain)
    }

    /// Every bundle, by trust domain.
    pub fn bundles(&self) -> impl Iterator<Item = &Arc<TrustBundle>> {
        self.bundles.values()
    }

    /// SHA-256 of everything in the store: the key id under which verdicts are remembered.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Asks the library for a path from the leaf to a root, at an instant at which `window` says all of it is alive:
    /// whether that is now is asked elsewhere, so that this answer never changes.
    pub fn verify_path(&self, chain: &Chain, window: (u64, u64)) -> PathVerdict {
        if window.0 > window.1 {
            return PathVerdict { path: Err(PathFault::NeverValid), revoked: false };
        }
        let ders: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(&**der)).collect();
        let revoked = !self.lists.is_empty() && matches!(self.path(&ders, window.0, true), Err(Error::CertRevoked));
        let path = self.path(&ders, window.0, false).map_err(PathFault::from);
        PathVerdict { path, revoked }
    }

    fn path(&self, ders: &[CertificateDer<'_>], at: u64, with_lists: bool) -> Result<TrustDomain, Error> {
        let [leaf, rest @ ..] = ders else { return Err(Error::UnknownIssuer) };
        let leaf = EndEntityCert::try_from(leaf)?;
        let lists: Vec<&CertRevocationList<'_>> = self.lists.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&lists).ok().filter(|_| with_lists).map(|options| {
            // Most issuers have nothing to revoke and publish no list; the age of a bundle is judged, not of its lists.
            options
                .with_depth(RevocationCheckDepth::EndEntity)
                .with_status_policy(UnknownStatusPolicy::Allow)
                .with_expiration_policy(ExpirationPolicy::Ignore)
                .build()
        });
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at));
        let path = leaf.verify_for_usage(ALGORITHMS, &self.anchors, rest, time, BothEnds, revocation, None)?;
        let index = self.anchors.iter().position(|a| a == path.anchor());
        Ok(self.domains[index.expect("the library answers with one of the anchors it was given")].clone())
    }

    fn rebuild(&mut self) -> Result<(), BundleFault> {
        (self.anchors, self.domains, self.lists) = (Vec::new(), Vec::new(), Vec::new());
        let mut all = Vec::new();
        for (domain, bundle) in &self.bundles {
            all.extend(sha256(domain.as_bytes()));
            for der in &bundle.authorities {
                all.extend(sha256(der));
                self.anchors.push(anchor(der)?);
                self.domains.push(domain.clone());
            }
            for der in &bundle.revoked {
                all.extend(sha256(der));
                self.lists.push(revocation_list(der)?);
            }
        }
        self.digest = sha256(&all);
        Ok(())
    }
}

fn anchor(der: &Bytes) -> Result<TrustAnchor<'static>, BundleFault> {
    let der = CertificateDer::from(&**der);
    webpki::anchor_from_trusted_cert(&der).map(|a| a.to_owned()).map_err(|_| BundleFault::Malformed)
}

fn revocation_list(der: &Bytes) -> Result<CertRevocationList<'static>, BundleFault> {
    OwnedCertRevocationList::from_der(der).map(CertRevocationList::from).map_err(|_| BundleFault::Malformed)
}

impl PathFault {
    /// Stable name, for answers and reports.
    pub const fn code(self) -> &'static str {
        match self {
            PathFault::UnknownIssuer => "unknown-issuer",
            PathFault::Signature => "signature",
            PathFault::NotAnAuthority => "not-an-authority",
            PathFault::Usage => "usage",
            PathFault::NeverValid => "never-valid",
            PathFault::Other => "other",
        }
    }
}

impl ExtendedKeyUsageValidator for BothEnds {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let (mut limited, mut server, mut client) = (false, false, false);
        for purpose in purposes {
            limited = true;
            let oid = purpose?.to_decoded_oid();
            server |= oid == KeyUsage::SERVER_AUTH_REPR;
            client |= oid == KeyUsage::CLIENT_AUTH_REPR;
        }
        if limited && !(server && client) { Err(Error::EmptyEkuExtension) } else { Ok(()) }
    }
}

impl From<Error> for PathFault {
    fn from(error: Error) -> PathFault {
        match error {
            Error::UnknownIssuer => PathFault::UnknownIssuer,
            Error::InvalidSignatureForPublicKey
            | Error::SignatureAlgorithmMismatch
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => PathFault::Signature,
            Error::CaUsedAsEndEntity | Error::EndEntityUsedAsCa | Error::PathLenConstraintViolated => {
                PathFault::NotAnAuthority
            }
            Error::EmptyEkuExtension => PathFault::Usage,
            _ => PathFault::Other,
        }
    }
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.bundles.iter().map(|(domain, b)| (domain, b.sequence))).finish()
    }
}
