//! A certificate authority of one trust domain: a root that workloads trust, an intermediate that signs.
//!
//! The root signs intermediates only, so that the signing key rotates without touching anyone's bundle (IDN-06). Serial
//! numbers and both ends of every validity are set here: left open, the library would draw them.

use crate::crypto::{self, Key, LibraryCalls, whole_seconds};
use crate::ids::Bytes;
use crate::wire::svid::{Chain, KeyName, SpiffeId, Svid, SvidRequest, TrustBundle, TrustDomain};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType,
    SerialNumber,
};
use sim::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Seconds since the Unix epoch in the library's own time type, whose crate we do not depend on and so cannot name.
macro_rules! time_of {
    ($unix_seconds:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs($unix_seconds)
    };
}

/// How an authority is set up.
#[derive(Clone, Debug)]
pub struct CaConfig {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// Role of its keys in the simulation's key names. An impostor has the same trust domain and other keys.
    pub key_role: Arc<str>,
    /// Life of the root: longer than any run.
    pub root_lifetime: Duration,
    /// Life of an intermediate. Rotate when half of it is over.
    pub intermediate_lifetime: Duration,
    /// Longest life of a workload's certificate: a stolen one dies by itself.
    pub leaf_lifetime_max: Duration,
    /// How far before now a certificate's life begins, for peers whose clocks are behind. SPIRE: 10 s.
    pub backdate: Duration,
}

/// One authority.
#[derive(Debug)]
pub struct Ca {
    config: CaConfig,
    root: Authority,
    root_der: Bytes,
    intermediates: Vec<Authority>,
    entries: BTreeMap<Arc<str>, BTreeSet<SpiffeId>>,
    revoked: BTreeMap<u64, Revoked>,
    last_serial: u64,
    sequence: u64,
    published: Option<Arc<TrustBundle>>,
    calls: LibraryCalls,
}

/// A key that signs certificates, with its own certificate.
#[derive(Clone, Debug)]
struct Authority {
    params: CertificateParams,
    key: Key,
    der: Bytes,
    not_after: u64,
}

/// A certificate that was taken back.
#[derive(Clone, Copy, Debug)]
struct Revoked {
    at: u64,
    not_after: u64,
    intermediate: usize,
}

/// Why a certificate was not issued.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SvidDenial {
    /// The id lies in another trust domain.
    TrustDomain,
    /// The id has no path: that name is the domain's own.
    NoPath,
    /// The workload has no entry for the id.
    NotRegistered,
    /// The lifetime is zero or too long.
    Lifetime,
    /// The intermediate is dead and was not rotated in time.
    IntermediateExpired,
}

impl SvidDenial {
    /// Stable name.
    pub fn code(self) -> &'static str {
        match self {
            SvidDenial::TrustDomain => "trust-domain",
            SvidDenial::NoPath => "no-path",
            SvidDenial::NotRegistered => "not-registered",
            SvidDenial::Lifetime => "lifetime",
            SvidDenial::IntermediateExpired => "intermediate-expired",
        }
    }
}

impl CaConfig {
    /// The usual set-up of `trust_domain`: a root for ten years, intermediates for a day, certificates for an hour at
    /// most (SPIRE's default), 10 s of backdating.
    pub fn new(trust_domain: &str) -> CaConfig {
        CaConfig {
            trust_domain: trust_domain.into(),
            key_role: format!("mesh/{trust_domain}").into(),
            root_lifetime: Duration::secs(10 * 365 * 86_400),
            intermediate_lifetime: Duration::secs(86_400),
            leaf_lifetime_max: Duration::secs(3_600),
            backdate: Duration::secs(10),
        }
    }
}

impl Ca {
    /// An authority with a root and its first intermediate, both alive from `now`.
    pub fn new(now: Instant, config: CaConfig) -> Ca {
        let key = crypto::key(&format!("{}/root", config.key_role), 0);
        let mut params = authority_params(&config.trust_domain, "root", 1);
        let window = Window::from(now, config.backdate, config.root_lifetime);
        window.write(&mut params, 1);
        let der = params.self_signed(key.certifier()).expect("an Ed25519 key signs its own certificate");
        let der: Bytes = der.der().as_ref().into();
        let root = Authority { params, key, der: der.clone(), not_after: window.not_after };
        let mut ca = Ca {
            config,
            root,
            root_der: der,
            intermediates: Vec::new(),
            entries: BTreeMap::new(),
            revoked: BTreeMap::new(),
            last_serial: 1,
            sequence: 0,
            published: None,
            calls: LibraryCalls::default(),
        };
        ca.calls.x509_issue.real += 1;
        ca.rotate_intermediate(now);
        ca
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.config.trust_domain
    }

    /// Permits `workload` to hold `id`.
    pub fn register(&mut self, workload: &str, id: SpiffeId) {
        self.entries.entry(workload.into()).or_default().insert(id);
    }

    /// Takes every entry of `workload` back. What it holds lives on until it expires or is revoked.
    pub fn unregister(&mut self, workload: &str) {
        self.entries.remove(workload);
    }

    /// Never issues a serial number up to `serial` again: what an authority reads from its disk after a restart.
    pub fn resume_after(&mut self, serial: u64) {
        self.last_serial = self.last_serial.max(serial);
    }

    /// Issues a certificate. Its life ends with the intermediate's, if that comes sooner.
    ///
    /// # Errors
    /// Says what in the request is not registered or not possible.
    pub fn issue(&mut self, now: Instant, request: &SvidRequest) -> Result<Svid, SvidDenial> {
        let id = &request.spiffe_id;
        if *id.trust_domain() != *self.config.trust_domain {
            return Err(SvidDenial::TrustDomain);
        }
        if id.path().is_empty() {
            return Err(SvidDenial::NoPath);
        }
        if !self.entries.get(&request.workload).is_some_and(|ids| ids.contains(id)) {
            return Err(SvidDenial::NotRegistered);
        }
        if whole_seconds(request.lifetime) == 0 || request.lifetime > self.config.leaf_lifetime_max {
            return Err(SvidDenial::Lifetime);
        }
        let mut window = Window::from(now, self.config.backdate, request.lifetime);
        let signer_dies = self.current().not_after;
        if now.unix_seconds() > signer_dies {
            return Err(SvidDenial::IntermediateExpired);
        }
        window.not_after = window.not_after.min(signer_dies);
        Ok(self.sign(id, &request.key, window))
    }

    /// Signs whatever it is told to, as whoever holds the signing key can.
    pub(super) fn sign(&mut self, id: &SpiffeId, name: &KeyName, window: Window) -> Svid {
        self.last_serial += 1;
        self.calls.x509_issue.real += 1;
        let serial = self.last_serial;
        let key = crypto::key(&name.role, name.index);
        let chain = certify(self.current(), &leaf_params(id, window, serial), &key);
        Svid { chain, key: name.clone(), id: id.clone(), serial, not_after: window.not_after }
    }

    /// A new signing key under the same root. What its predecessors signed stays good: the bundle does not change.
    /// Its certificate is a function of its number and `now`, so that an authority that restarts makes the same one and
    /// still knows what it signed.
    pub fn rotate_intermediate(&mut self, now: Instant) {
        let number = self.intermediates.len() as u32;
        let key = crypto::key(&format!("{}/intermediate", self.config.key_role), number);
        let mut params = authority_params(&self.config.trust_domain, &format!("intermediate {number}"), 0);
        let mut window = Window::from(now, self.config.backdate, self.config.intermediate_lifetime);
        window.not_after = window.not_after.min(self.root.not_after);
        self.calls.x509_issue.real += 1;
        // Numbers are unique under the root, which has number 1; what intermediates sign they count by themselves.
        window.write(&mut params, u64::from(number) + 2);
        let issuer = Issuer::from_params(&self.root.params, self.root.key.certifier());
        let der = params.signed_by(key.certifier(), &issuer).expect("an Ed25519 key signs any certificate");
        let der = der.der().as_ref().into();
        self.intermediates.push(Authority { params, key, der, not_after: window.not_after });
    }

    /// Last second of the signing intermediate's life, since the Unix epoch.
    pub fn intermediate_not_after(&self) -> u64 {
        self.current().not_after
    }

    /// Takes a certificate back. It stands in the next bundle, and with each peer that fetches it, until it is dead.
    pub fn revoke(&mut self, now: Instant, svid: &Svid) {
        let Some(issuer) = svid.chain.get(1) else { return };
        let Some(intermediate) = self.intermediates.iter().position(|i| i.der == *issuer) else { return };
        let revoked = Revoked { at: now.unix_seconds(), not_after: svid.not_after, intermediate };
        if self.revoked.insert(svid.serial, revoked).is_none() {
            self.changed(now);
        }
    }

    /// Counts a change of the bundle, by the clock: an authority that restarts has forgotten how far it had counted,
    /// and its next list must not look older than its last one.
    fn changed(&mut self, now: Instant) {
        self.sequence = (self.sequence + 1).max(now.since(Instant::ZERO).as_millis());
    }

    /// Whom to believe in this trust domain, and which certificates no longer. Made anew when something changed.
    pub fn bundle(&mut self, now: Instant) -> Arc<TrustBundle> {
        let now_s = now.unix_seconds();
        let listed = self.revoked.len();
        self.revoked.retain(|_, r| now_s <= r.not_after);
        if self.revoked.len() != listed {
            self.changed(now);
        }
        if let Some(bundle) = self.published.as_ref().filter(|b| b.sequence == self.sequence) {
            return bundle.clone();
        }
        let issuers: BTreeSet<usize> = self.revoked.values().map(|r| r.intermediate).collect();
        let bundle = Arc::new(TrustBundle {
            trust_domain: self.config.trust_domain.clone(),
            sequence: self.sequence,
            refresh_hint: Duration::secs(300),
            authorities: vec![self.root_der.clone()],
            revoked: issuers.into_iter().map(|i| self.revocation_list(now_s, i)).collect(),
        });
        self.published = Some(bundle.clone());
        bundle
    }

    /// Calls into the real library so far.
    pub fn calls(&self) -> LibraryCalls {
        self.calls
    }

    /// Certifies a leaf of any parameters.
    #[cfg(test)]
    pub(super) fn sign_params(&self, params: &CertificateParams, name: &KeyName) -> Chain {
        certify(self.current(), params, &crypto::key(&name.role, name.index))
    }

    /// Certifies a leaf by an intermediate of any parameters, which the root has signed.
    #[cfg(test)]
    pub(super) fn sign_below(
        &self,
        mut params: CertificateParams,
        window: Window,
        leaf: &CertificateParams,
        name: &KeyName,
    ) -> Chain {
        let key = crypto::key("nested", 0);
        window.write(&mut params, 77);
        let root = Issuer::from_params(&self.root.params, self.root.key.certifier());
        let der = params.signed_by(key.certifier(), &root).expect("an Ed25519 key signs any certificate");
        let der = der.der().as_ref().into();
        let nested = Authority { params, key, der, not_after: window.not_after };
        certify(&nested, leaf, &crypto::key(&name.role, name.index))
    }

    fn current(&self) -> &Authority {
        self.intermediates.last().expect("an authority is made with its first intermediate")
    }

    fn revocation_list(&mut self, now: u64, intermediate: usize) -> Bytes {
        self.calls.x509_issue.real += 1;
        let ours = self.revoked.iter().filter(|(_, r)| r.intermediate == intermediate);
        let entry = |(serial, r): (&u64, &Revoked)| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: time_of!(r.at),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let revoked_certs: Vec<_> = ours.map(entry).collect();
        let params = CertificateRevocationListParams {
            this_update: time_of!(now),
            // Peers judge the age of a bundle, not of its parts.
            next_update: time_of!(now + 86_400),
            crl_number: SerialNumber::from(self.sequence),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let signer = &self.intermediates[intermediate];
        let issuer = Issuer::from_params(&signer.params, signer.key.certifier());
        params.signed_by(&issuer).expect("an intermediate may sign revocation lists").der().as_ref().into()
    }
}

/// A leaf for `key`, with the certificate of who signed it.
fn certify(signer: &Authority, params: &CertificateParams, key: &Key) -> Chain {
    let issuer = Issuer::from_params(&signer.params, signer.key.certifier());
    let leaf = params.signed_by(key.certifier(), &issuer).expect("an Ed25519 key signs any certificate");
    [leaf.der().as_ref().into(), signer.der.clone()].into()
}

/// The first and last second of a certificate's life, since the Unix epoch, both included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// First second.
    pub not_before: u64,
    /// Last second.
    pub not_after: u64,
}

impl Window {
    /// From `backdate` before `now` until `lifetime` after.
    pub fn from(now: Instant, backdate: Duration, lifetime: Duration) -> Window {
        let now = now.unix_seconds();
        Window { not_before: now - whole_seconds(backdate), not_after: now + whole_seconds(lifetime) }
    }

    fn write(self, params: &mut CertificateParams, serial: u64) {
        params.not_before = time_of!(self.not_before);
        params.not_after = time_of!(self.not_after);
        params.serial_number = Some(SerialNumber::from(serial));
    }
}

/// The parameters of a leaf (X.509-SVID §3, §4): one URI name, no CA, digital signatures, both ends of a connection.
pub(super) fn leaf_params(id: &SpiffeId, window: Window, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    window.write(&mut params, serial);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "cellproof");
    params.subject_alt_names = vec![SanType::URI(id.as_str().try_into().expect("an id is ASCII"))];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

pub(super) fn authority_params(trust_domain: &str, name: &str, sub_authorities_max: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "cellproof");
    params.distinguished_name.push(DnType::CommonName, format!("{trust_domain} {name}"));
    let id = SpiffeId::new(trust_domain, "").expect("an authority's trust domain is valid");
    params.subject_alt_names = vec![SanType::URI(id.as_str().try_into().expect("an id is ASCII"))];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(sub_authorities_max));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
