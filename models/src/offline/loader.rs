//! What a loader lets in: the next bundle of one of its tenants, whole, from the exporter, in the custody of two people
//! (CEL-05, CEL-06).
//!
//! Knows nothing of stores and asks nobody: everything it judges by lies in the transfer, in what it was given when the
//! cell was built, and in what it loaded before.

use super::bundle::{Bundle, Certificate, Entry, File, Manifest, day_of};
use super::custody::{self, Custody, Trusted};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use serde::{Deserialize, Serialize};
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A bundle is for this cell.
pub const ADDRESSEE: Control = control!(
    "offline.addressee",
    upholds: ["CEL-05"],
    off: "any bundle of the exporter will do, whichever cell it was made for",
);

/// A bundle is of a tenant that lives here.
pub const HOSTED_TENANT: Control = control!(
    "offline.hosted-tenant",
    upholds: ["CEL-05"],
    off: "a tenant that a bundle brings is a tenant of the cell from then on",
);

/// What cannot be judged from the transfer is refused.
pub const AIR_GAP: Control = control!(
    "offline.air-gap",
    upholds: ["CEL-05"],
    off: "a key that is not known is asked for where the bundle comes from, as a client of a key server does",
);

/// A key signs because the root says so.
pub const KEY_CERTIFICATE: Control = control!(
    "offline.key-certificate",
    upholds: ["CEL-05"],
    off: "the key that a bundle brings along is believed, as with a self-signed certificate",
);

/// A key signs for its own day.
pub const KEY_DAY: Control = control!(
    "offline.key-day",
    upholds: ["CEL-05"],
    off: "a key that the root has ever certified signs for any day, so one that was thrown away signs today's bundles",
);

/// A bundle is verified by the key that it names, however old.
pub const NAMED_KEY: Control = control!(
    "offline.named-key",
    upholds: ["CEL-08"],
    off: "only today's key is known, because each rotation overwrites the last one: what was carried for longer than a \
          day does not verify",
);

/// The signature of a bundle is verified.
pub const BUNDLE_SIGNATURE: Control = control!(
    "offline.bundle-signature",
    upholds: ["CEL-05"],
    off: "a bundle needs the name of a good key and no signature by it",
);

/// A bundle is loaded once.
pub const REPLAY: Control = control!(
    "offline.replay",
    upholds: ["CEL-05"],
    off: "a bundle that was loaded before is loaded again, and its day comes back",
);

/// Bundles are loaded in order, each upon the one that it names.
pub const ORDER: Control = control!(
    "offline.order",
    upholds: ["CEL-05"],
    off: "any later bundle will do, and what was in those between is never missed",
);

/// Everything that the manifest lists is there, in its length, and nothing else.
pub const COMPLETENESS: Control = control!(
    "offline.completeness",
    upholds: ["CEL-05"],
    off: "the files that came are looked up in the manifest, and nobody looks which did not come",
);

/// Files are what the manifest says, by SHA-256.
pub const FILE_DIGEST: Control = control!(
    "offline.file-digest",
    upholds: ["CEL-05"],
    off: "the signature over the manifest is taken for one over the files",
);

/// What is plugged in at the loader.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transfer {
    /// The bundle.
    pub bundle: Bundle,
    /// In whose custody it came.
    pub custody: Custody,
}

impl Transfer {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a transfer has bytes")
    }
    /// From bytes, all of them.
    pub fn decode(bytes: &[u8]) -> Option<Transfer> {
        postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(transfer, _)| transfer)
    }
}

/// What a loader was given when its cell was built.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// Its cell.
    pub cell: Arc<str>,
    /// Tenants that live there.
    pub tenants: Vec<TenantId>,
    /// Who says which key signs for which day.
    pub root: [u8; 32],
    /// Custodians and the maker of tokens.
    pub custody: Trusted,
    /// Length of a day.
    pub rotation: Duration,
}

/// How far a tenant has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The last bundle that was loaded.
    pub sequence: u64,
    /// Digest of its manifest.
    pub digest: [u8; 32],
    /// When it was made.
    pub made_at: Instant,
}

/// Why a transfer is refused. What was loaded stays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    /// For another cell.
    Addressee,
    /// Of a tenant that does not live here.
    Tenant,
    /// Nobody here knows the key, and the transfer does not say whose it is.
    UnknownKey,
    /// The root never said so.
    Certificate,
    /// The key is of another day.
    Day,
    /// Not that key's signature.
    Signature,
    /// Was here before.
    Replayed,
    /// Not the next one.
    Order,
    /// Something is missing, or too much.
    Incomplete,
    /// A file is not what was signed.
    Digest,
    /// Not in proper custody.
    Custody(custody::Refused),
}

impl Refusal {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::Addressee => "ADDRESSEE",
            Refusal::Tenant => "TENANT_NOT_HOSTED",
            Refusal::UnknownKey => "KEY_UNKNOWN",
            Refusal::Certificate => "KEY_NOT_CERTIFIED",
            Refusal::Day => "KEY_OF_ANOTHER_DAY",
            Refusal::Signature => "SIGNATURE",
            Refusal::Replayed => "REPLAYED",
            Refusal::Order => "OUT_OF_ORDER",
            Refusal::Incomplete => "INCOMPLETE",
            Refusal::Digest => "FILE_DIGEST",
            Refusal::Custody(refused) => refused.code(),
        }
    }
    /// The requirements that demand it.
    pub const fn requirements(self) -> &'static [&'static str] {
        match self {
            Refusal::Custody(_) => &["CEL-06"],
            Refusal::Certificate | Refusal::Day => &["CEL-04", "CEL-05"],
            _ => &["CEL-05"],
        }
    }
}

/// What becomes of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judged {
    /// It is the next one: load it.
    Next,
    /// It is the very one that was loaded last: whoever brings it has lost the answer.
    Known,
    /// Its key would have to be asked for.
    Ask,
}

/// A loader.
#[derive(Clone, Debug)]
pub struct Loader {
    pinned: Pinned,
    heads: BTreeMap<TenantId, Head>,
}

impl Loader {
    /// A loader that has loaded nothing.
    pub fn new(pinned: Pinned) -> Loader {
        Loader { pinned, heads: BTreeMap::new() }
    }

    /// How far a tenant has come.
    pub fn head(&self, tenant: &str) -> Option<Head> {
        self.heads.get(tenant).copied()
    }

    /// A tenant had come so far.
    pub fn resume(&mut self, tenant: &TenantId, head: Head) {
        self.heads.insert(tenant.clone(), head);
    }

    /// Notes that a bundle was loaded.
    pub fn loaded(&mut self, manifest: &Manifest) {
        let head = Head { sequence: manifest.sequence, digest: manifest.digest(), made_at: manifest.made_at };
        self.heads.insert(manifest.tenant.clone(), head);
    }

    /// Judges a transfer, at `now` by the loader's clock.
    ///
    /// # Errors
    /// Says why it is not loaded.
    pub fn judge(&self, now: Instant, controls: &Controls, transfer: &Transfer) -> Result<Judged, Refusal> {
        let Bundle { manifest, certificate, .. } = &transfer.bundle;
        if manifest.cell != self.pinned.cell && controls.on(&ADDRESSEE) {
            return Err(Refusal::Addressee);
        }
        if !self.pinned.tenants.contains(&manifest.tenant) && controls.on(&HOSTED_TENANT) {
            return Err(Refusal::Tenant);
        }
        let Some(certificate) = certificate else {
            return if controls.on(&AIR_GAP) { Err(Refusal::UnknownKey) } else { Ok(Judged::Ask) };
        };
        self.signed(now, controls, &transfer.bundle, certificate)?;
        let head = self.head(&manifest.tenant);
        if head.is_some_and(|head| head.digest == manifest.digest()) {
            return Ok(Judged::Known);
        }
        in_order(controls, head, manifest)?;
        whole(controls, &transfer.bundle)?;
        custody::check(controls, &self.pinned.custody, manifest, &transfer.custody).map_err(Refusal::Custody)?;
        Ok(Judged::Next)
    }

    /// Whether the key may sign this manifest, and did.
    fn signed(
        &self,
        now: Instant,
        controls: &Controls,
        bundle: &Bundle,
        certificate: &Certificate,
    ) -> Result<(), Refusal> {
        let manifest = &bundle.manifest;
        if controls.on(&KEY_CERTIFICATE) && !certificate.is_of(&self.pinned.root) {
            return Err(Refusal::Certificate);
        }
        let day = |at| day_of(at, self.pinned.rotation);
        if !controls.on(&NAMED_KEY) && certificate.day != day(now) {
            return Err(Refusal::UnknownKey);
        }
        if certificate.day != day(manifest.made_at) && controls.on(&KEY_DAY) {
            return Err(Refusal::Day);
        }
        let is_named = certificate.key_id == manifest.key_id;
        if controls.on(&BUNDLE_SIGNATURE) && !(is_named && bundle.is_signed_by(&certificate.public)) {
            return Err(Refusal::Signature);
        }
        Ok(())
    }
}

/// Whether it is the next bundle of its tenant.
fn in_order(controls: &Controls, head: Option<Head>, manifest: &Manifest) -> Result<(), Refusal> {
    let (last, digest, made_at) = head.map_or((0, [0; 32], Instant::ZERO), |h| (h.sequence, h.digest, h.made_at));
    if manifest.sequence <= last {
        return if controls.on(&REPLAY) { Err(Refusal::Replayed) } else { Ok(()) };
    }
    let is_next = manifest.sequence == last + 1 && manifest.previous == digest && manifest.made_at >= made_at;
    if !is_next && controls.on(&ORDER) { Err(Refusal::Order) } else { Ok(()) }
}

/// Whether the files are those of the manifest.
fn whole(controls: &Controls, bundle: &Bundle) -> Result<(), Refusal> {
    let listed = &bundle.manifest.files;
    let fits = |entry: &Entry, file: &File| entry.name == file.0 && entry.bytes == file.1.len() as u64;
    let complete = listed.len() == bundle.files.len() && listed.iter().zip(&bundle.files).all(|(e, f)| fits(e, f));
    if !complete && controls.on(&COMPLETENESS) {
        return Err(Refusal::Incomplete);
    }
    let is_signed = |file: &File| listed.contains(&Entry::of(file));
    let all = !controls.on(&FILE_DIGEST) || bundle.files.iter().all(is_signed);
    if all { Ok(()) } else { Err(Refusal::Digest) }
}
