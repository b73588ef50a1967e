//! Bundles: what is in one, what is signed about it, and the keys of the days (CEL-04).
//!
//! Ed25519 by the library over the manifest; the manifest holds SHA-256 and length of every file, and the digest of the
//! manifest before it, so that a chain of bundles can be neither cut nor put in another order. A key signs for one day;
//! that it does, a root says once, and every bundle brings that word along: whoever opens an old one asks nobody.

use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{Key, hex, key, sha256};
use crate::ids::{Bytes, TenantId};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sim::{Duration, Instant};
use std::sync::Arc;

/// Exporter keys rotate with the day.
pub const KEY_ROTATION: Control = control!(
    "offline.key-rotation",
    upholds: ["CEL-04"],
    off: "the exporter signs with the key of its first day for ever, as when the job that rotates keys fails silently",
);

/// Files of a bundle, in order: rows, graph, topics, and what the cell decides by.
pub const RECORDS: &str = "postgres/records.tsv";
/// What fences rows, as SQL.
pub const POLICIES: &str = "postgres/policies.sql";
/// Edges.
pub const EDGES: &str = "graph/edges.tsv";
/// Data of the access policy, in JSON.
pub const POLICY_DATA: &str = "policy/data.json";
/// Who may log in, in JSON.
pub const PEOPLE: &str = "identity/people.json";

/// The file of a topic.
pub fn topic_file(topic: &str) -> Arc<str> {
    format!("kafka/{topic}.tsv").into()
}

/// A file by name.
pub type File = (Arc<str>, Bytes);

/// What is signed about one file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: Arc<str>,
    /// Its length, in bytes.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
}

/// What is signed about a bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// For which cell.
    pub cell: Arc<str>,
    /// Of which tenant.
    pub tenant: TenantId,
    /// Counts up from 1, for each tenant and cell.
    pub sequence: u64,
    /// Digest of the manifest before; zeros in the first one.
    pub previous: [u8; 32],
    /// When it was made, by the exporter's clock.
    pub made_at: Instant,
    /// The key that signs it.
    pub key_id: Arc<str>,
    /// Its files, in order.
    pub files: Vec<Entry>,
}

/// The root's word on a key: it signs for this day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// The key's id.
    pub key_id: Arc<str>,
    /// The day, counted in rotations.
    pub day: u64,
    /// Its public half.
    pub public: [u8; 32],
    /// Ed25519 by the root over the three.
    pub signature: Bytes,
}

/// A bundle as it is staged and carried. Whoever holds it has proved nothing yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bundle {
    /// What is signed.
    pub manifest: Manifest,
    /// Ed25519 by the key that the manifest names.
    pub signature: Bytes,
    /// The root's word on that key; without it only somebody else could say whose it is.
    pub certificate: Option<Certificate>,
    /// The files.
    pub files: Vec<File>,
}

/// Whether an Ed25519 signature is this key's over these bytes, by the library.
pub(super) fn verifies(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// A name on a line of its own: quoted as in JSON, so that no name makes two lines.
fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

impl Manifest {
    /// The bytes under the signature: a line for each word, names quoted as in JSON, digests in hexadecimal digits.
    pub fn signed(&self) -> Vec<u8> {
        let Manifest { cell, tenant, sequence, previous, made_at, key_id, files } = self;
        let (cell, tenant, key_id) = (quoted(cell), quoted(tenant), quoted(key_id));
        let (previous, made_at) = (hex(previous), made_at.as_nanos());
        let mut text = format!("cellproof offline bundle v1\ncell {cell}\ntenant {tenant}\nsequence {sequence}\n");
        text.push_str(&format!("previous {previous}\nmade-at-ns {made_at}\nkey {key_id}\n"));
        for Entry { name, bytes, sha256 } in files {
            text.push_str(&format!("file {} {bytes} {}\n", hex(sha256), quoted(name)));
        }
        text.into_bytes()
    }
    /// SHA-256 of [`Manifest::signed`]: what the next manifest names it by.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&self.signed())
    }
}

impl Entry {
    /// What is signed about a file.
    pub fn of((name, content): &File) -> Entry {
        Entry { name: name.clone(), bytes: content.len() as u64, sha256: sha256(content) }
    }
}

impl Certificate {
    fn signed(&self) -> Vec<u8> {
        let (key_id, day, public) = (quoted(&self.key_id), self.day, hex(&self.public));
        format!("cellproof offline exporter key v1\nkey {key_id}\nday {day}\npublic {public}\n").into_bytes()
    }
    /// The word of a root on a key.
    pub fn issue(root: &Key, key_id: Arc<str>, day: u64, public: [u8; 32]) -> Certificate {
        let mut certificate = Certificate { key_id, day, public, signature: Arc::from([]) };
        certificate.signature = root.sign(&certificate.signed()).into();
        certificate
    }
    /// Whether it is what this root signed.
    pub fn is_of(&self, root: &[u8; 32]) -> bool {
        verifies(root, &self.signed(), &self.signature)
    }
}

impl Bundle {
    /// Seals files. The manifest's list of files and key are filled in.
    pub fn seal(mut manifest: Manifest, files: Vec<File>, key: &Key, certificate: Certificate) -> Bundle {
        manifest.files = files.iter().map(Entry::of).collect();
        manifest.key_id = certificate.key_id.clone();
        let signature = key.sign(&manifest.signed()).into();
        Bundle { manifest, signature, certificate: Some(certificate), files }
    }
    /// Whether this key signed the manifest.
    pub fn is_signed_by(&self, public: &[u8; 32]) -> bool {
        verifies(public, &self.manifest.signed(), &self.signature)
    }
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a bundle has bytes")
    }
    /// From bytes, all of them.
    pub fn decode(bytes: &[u8]) -> Option<Bundle> {
        postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(bundle, _)| bundle)
    }
    /// A file's content.
    pub fn file(&self, name: &str) -> Option<&Bytes> {
        self.files.iter().find(|(n, _)| **n == *name).map(|(_, content)| content)
    }
}

/// The keys of an exporter. How the root hands them out, in person and ahead of time, is not modelled.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The cell whose exporter it is.
    pub cell: Arc<str>,
    /// Length of a day.
    pub rotation: Duration,
}

/// The root that says which key signs for which day.
pub fn root() -> Key {
    key("offline/root", 0)
}

/// Which day an instant lies in.
pub fn day_of(at: Instant, rotation: Duration) -> u64 {
    at.since(Instant::ZERO).as_nanos() / rotation.as_nanos().max(1)
}

impl Keys {
    /// The key of a day, and the root's word on it.
    pub fn of_day(&self, day: u64) -> (Key, Certificate) {
        let role = format!("offline/exporter/{}", self.cell);
        let key = key(&role, day as u32);
        let certificate = Certificate::issue(&root(), format!("{role}/{day}").into(), day, *key.public());
        (key, certificate)
    }

    /// The key to sign with at an instant.
    pub fn at(&self, controls: &Controls, now: Instant) -> (Key, Certificate) {
        let today = day_of(now, self.rotation);
        self.of_day(if controls.on(&KEY_ROTATION) { today } else { 0 })
    }
}

/// What custodians and a token sign: which bundle it is. What is in it the exporter has signed.
pub fn statement(cell: &str, tenant: &str, sequence: u64) -> Vec<u8> {
    let (cell, tenant) = (quoted(cell), quoted(tenant));
    format!("cellproof offline transfer v1\ncell {cell}\ntenant {tenant}\nsequence {sequence}\n").into_bytes()
}

/// Where a bundle is staged: in its tenant's archive.
pub fn staged_key(cell: &str, tenant: &str, sequence: u64) -> String {
    format!("{tenant}/archive/offline/{cell}.{sequence}")
}
