//! Who may take a bundle out of the building, and bring it in: two people together, on a token that proves what it is
//! (CEL-06).
//!
//! Asked twice, by the same words: where a bundle is released, and where it is loaded.

use super::bundle::{Manifest, statement, verifies};
use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{Key, key};
use crate::ids::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// As many custodians as are demanded, each of them another one.
pub const DUAL_CUSTODY: Control = control!(
    "offline.dual-custody",
    upholds: ["CEL-06"],
    off: "whoever of the custodians signs, one is enough, as when the second signature is a field on a form",
);

/// The token proves by its maker's word that it is a hardware token.
pub const ATTESTATION: Control = control!(
    "offline.attestation",
    upholds: ["CEL-06"],
    off: "a token is what signs as one: its maker's word on its key is not verified, so any laptop is a token",
);

/// A custodian's word: this bundle may go.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Release {
    /// Who.
    pub custodian: Arc<str>,
    /// Ed25519 over the [`statement`].
    pub signature: Bytes,
}

/// A token's word: it carries this bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attestation {
    /// Its serial number.
    pub serial: Arc<str>,
    /// Public half of the key that never leaves it.
    pub public: [u8; 32],
    /// Ed25519 by its maker over both.
    pub made_by: Bytes,
    /// Ed25519 by that key over the [`statement`].
    pub signature: Bytes,
}

/// What accompanies a bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Custody {
    /// Who let it go.
    pub releases: Vec<Release>,
    /// On what it is carried.
    pub attestation: Attestation,
}

impl Custody {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a custody has bytes")
    }
    /// From bytes, all of them.
    pub fn decode(bytes: &[u8]) -> Option<Custody> {
        postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(custody, _)| custody)
    }
}

/// Whom a desk and a loader know.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// Custodians, by their public keys.
    pub custodians: BTreeMap<Arc<str>, [u8; 32]>,
    /// How many of them must agree.
    pub needed: usize,
    /// Who makes tokens.
    pub maker: [u8; 32],
}

/// Why a bundle may not go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refused {
    /// Fewer custodians than are demanded.
    Custodians,
    /// Not carried on a token, or on one for something else.
    Token,
}

impl Refused {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Refused::Custodians => "CUSTODIANS",
            Refused::Token => "TOKEN_ATTESTATION",
        }
    }
}

/// Whether a bundle with this manifest may go.
///
/// # Errors
/// Says who is missing.
pub fn check(controls: &Controls, trusted: &Trusted, manifest: &Manifest, custody: &Custody) -> Result<(), Refused> {
    let statement = statement(&manifest.cell, &manifest.tenant, manifest.sequence);
    let signed = custody.releases.iter().filter(|release| {
        let public = trusted.custodians.get(&release.custodian);
        public.is_some_and(|public| verifies(public, &statement, &release.signature))
    });
    let who: BTreeSet<&Arc<str>> = signed.map(|release| &release.custodian).collect();
    let needed = if controls.on(&DUAL_CUSTODY) { trusted.needed } else { 1 };
    if who.len() < needed {
        return Err(Refused::Custodians);
    }
    let Attestation { serial, public, made_by, signature } = &custody.attestation;
    if controls.on(&ATTESTATION) && !verifies(&trusted.maker, &made(serial, public), made_by) {
        return Err(Refused::Token);
    }
    if verifies(public, &statement, signature) { Ok(()) } else { Err(Refused::Token) }
}

fn made(serial: &str, public: &[u8; 32]) -> Vec<u8> {
    [&b"cellproof hardware token v1\n"[..], public, serial.as_bytes()].concat()
}

/// The key of a custodian.
pub fn custodian_key(name: &str) -> Key {
    key(&format!("offline/custodian/{name}"), 0)
}

/// The key of whoever makes tokens.
pub fn maker_key() -> Key {
    key("offline/token-maker", 0)
}

/// A custodian's signature under a statement.
pub fn release(custodian: &str, statement: &[u8]) -> Release {
    Release { custodian: custodian.into(), signature: custodian_key(custodian).sign(statement).into() }
}

/// The word of a token, made by whoever has the key `maker`.
pub fn attest(maker: &Key, serial: &str, statement: &[u8]) -> Attestation {
    let token = key(&format!("offline/token/{serial}"), 0);
    let public = *token.public();
    let made_by = maker.sign(&made(serial, &public)).into();
    Attestation { serial: serial.into(), public, made_by, signature: token.sign(statement).into() }
}

/// The custodians of a deployment by name, and who is trusted with them.
pub fn trusted(needed: usize) -> (Vec<Arc<str>>, Trusted) {
    let names: Vec<Arc<str>> = (1..=needed.max(2)).map(|n| format!("custodian-{n}").into()).collect();
    let custodians = names.iter().map(|name| (name.clone(), *custodian_key(name).public())).collect();
    (names, Trusted { custodians, needed, maker: *maker_key().public() })
}
