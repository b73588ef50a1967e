//! Whose signatures a verifier believes: keys with a role, a span of validity, and perhaps a revocation.
//!
//! The list is signed itself, by a *root* key that the verifier was given by other means and that signs nothing else.
//! It has an edition and an end: somebody who holds the list of yesterday back from a verifier, to keep a revoked key
//! alive, gains no more than its remaining days.

use super::envelope;
use super::key::{PublicKey, SigningKey};
use super::unfit::{Unfit, unfit};
use crate::when;
use std::collections::BTreeSet;
use std::fmt;

/// The payload type of a signed list. What is signed is the list as people write it, so that they can read it again.
pub const PAYLOAD_TYPE: &str = "application/vnd.cellproof.trust+toml";

/// Bytes of a list, at most: its envelope holds it in base64.
pub const TEXT_MAX: usize = envelope::ENVELOPE_MAX / 2;

const RULE: &str = "trust file";

/// What a key may sign. Never one key for two roles: who runs the tests does not certify their result, and neither
/// keeps the log of what they said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Seals what a gate found.
    Run,
    /// Issues certificates on what was found.
    Certifier,
    /// Seals what was found in a real deployment.
    Assessor,
    /// Publishes the log of what was sealed and issued. The name of such a key is the log's origin.
    Log,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 4] = [Role::Run, Role::Certifier, Role::Assessor, Role::Log];

    /// Its name in trust files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Run => "run",
            Role::Certifier => "certifier",
            Role::Assessor => "assessor",
            Role::Log => "log",
        }
    }

    /// Whether a key in this role speaks of some resources only.
    pub fn has_resources(self) -> bool {
        matches!(self, Role::Certifier | Role::Assessor)
    }

    /// The inverse of [`Role::as_str`].
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key that is believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trusted {
    /// Whose key it is, for people.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub role: Role,
    /// What a certifier may certify, or an assessor assess, by URI; empty for other roles.
    pub resources: Vec<String>,
    /// First second of its validity, in seconds since 1970.
    pub not_before: u64,
    /// Last second of its validity.
    pub not_after: u64,
    /// From when on nothing that it signed is believed, whenever it claims to have signed.
    pub revoked: Option<u64>,
}

/// All keys that are believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trust {
    /// Its edition: each one that is signed has a larger one.
    pub serial: u64,
    /// First second in which it counts, in seconds since 1970.
    pub issued_at: u64,
    /// Last second in which it counts.
    pub expires_at: u64,
    /// Whether only that is believed which is in a log.
    pub logged: bool,
    /// The keys.
    pub keys: Vec<Trusted>,
}

/// Why a signature is not believed although a key of this id is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Distrust {
    /// No key of this id is known.
    Unknown(String),
    /// It may sign something else.
    WrongRole(Role),
    /// It was revoked.
    Revoked(String),
    /// It is not valid at the time of the seal, or now.
    OutOfTime(String),
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distrust::Unknown(id) => write!(f, "key {id} is not in the trust file"),
            Distrust::WrongRole(role) => write!(f, "signed by a key that is trusted as {role} only"),
            Distrust::Revoked(name) => write!(f, "signed by the key of {name}, which is revoked"),
            Distrust::OutOfTime(name) => write!(f, "signed by the key of {name} outside of its validity"),
        }
    }
}

/// Signs a list, as text.
pub fn seal(text: &str, root: &SigningKey) -> Vec<u8> {
    envelope::seal(PAYLOAD_TYPE, text.as_bytes(), root)
}

/// The text of a list that the root key signed.
///
/// # Errors
/// Nobody signed it, or somebody else did, or it is not written as envelopes are.
pub fn text(bytes: &[u8], root: &PublicKey) -> Result<String, Unfit> {
    let sealed = envelope::read(bytes, RULE, "it")?;
    if sealed.claims() != root.id() {
        return Err(unfit(RULE, format!("signed by key {}, not by the root key {}", sealed.claims(), root.id())));
    }
    let payload = sealed.payload(PAYLOAD_TYPE, root)?;
    String::from_utf8(payload).map_err(|e| unfit(RULE, e.to_string()))
}

impl Trust {
    /// Whether the list counts at this time, is of this edition or a later one, and gives every key one role.
    ///
    /// # Errors
    /// What it lacks.
    pub fn counts(&self, root: &PublicKey, now: u64, serial_min: u64) -> Result<(), Unfit> {
        if now < self.issued_at {
            return Err(unfit(RULE, format!("issued at {}, which is in the future", when::text(self.issued_at))));
        }
        if now > self.expires_at {
            return Err(unfit(RULE, format!("expired at {}", when::text(self.expires_at))));
        }
        if self.serial < serial_min {
            return Err(unfit(RULE, format!("of edition {}, and {serial_min} is known", self.serial)));
        }
        // The root says whom to believe, and nothing else: a list that it leaked would sign bundles as well.
        let mut known = BTreeSet::from([root.id()]);
        match self.keys.iter().find(|trusted| !known.insert(trusted.key.id())) {
            Some(twice) => Err(unfit(RULE, format!("the key of {} has two roles, and each key has one", twice.name))),
            None => Ok(()),
        }
    }

    /// The key of this id.
    ///
    /// # Errors
    /// No such key is known.
    pub fn find(&self, id: &str) -> Result<&Trusted, Distrust> {
        self.keys.iter().find(|t| t.key.id() == id).ok_or_else(|| Distrust::Unknown(id.to_owned()))
    }
}

impl Trusted {
    /// Whether it may sign in this role, did so while it was valid, and still counts.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn believed(&self, role: Role, signed_at: u64, now: u64) -> Result<(), Distrust> {
        if self.role != role {
            return Err(Distrust::WrongRole(self.role));
        }
        // A stolen key can claim any time, so a revocation takes everything back that it signed.
        if self.revoked.is_some_and(|at| at <= now) {
            return Err(Distrust::Revoked(self.name.clone()));
        }
        if !(self.not_before..=self.not_after).contains(&signed_at) {
            return Err(Distrust::OutOfTime(self.name.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::Algorithm;
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn key() -> SigningKey {
        SigningKey::generate(Algorithm::Ed25519).0
    }

    fn trusted(name: &str, key: &SigningKey, role: Role) -> Trusted {
        let key = key.public().clone();
        let resources = Vec::new();
        Trusted { name: name.into(), key, role, resources, not_before: NOW, not_after: NOW, revoked: None }
    }

    #[test]
    fn a_list_is_believed_by_the_word_of_the_root_key_alone() {
        let (root, thief) = (key(), key());
        let sealed = seal("serial = 7\n", &root);
        assert_eq!(text(&sealed, root.public()).as_deref(), Ok("serial = 7\n"));
        let said = |bytes: &[u8]| text(bytes, root.public()).expect_err("not believed").to_string();
        assert!(said(b"serial = 7\n").starts_with("trust file: it: "), "a list that nobody signed");
        assert!(said(&seal("serial = 7\n", &thief)).contains("not by the root key"));
        // The thief claims to be the root.
        let posing = String::from_utf8(seal("serial = 7\n", &thief)).expect("JSON");
        let posing = posing.replace(&thief.public().id(), &root.public().id());
        assert!(said(posing.as_bytes()).starts_with("signature: no signature is valid"));
        let unsigned =
            br#"{"payload":"c2VyaWFsID0gNwo=","payloadType":"application/vnd.cellproof.trust+toml","signatures":[]}"#;
        assert!(said(&[&unsigned[..], b"\n"].concat()).contains("has 0 signatures, not one"));
        // What the root signed as something else is no list.
        let other = envelope::seal("application/vnd.in-toto+json", b"serial = 7\n", &root);
        assert!(said(&other).contains("not application/vnd.cellproof.trust+toml"));
    }

    #[test]
    fn no_byte_of_a_signed_list_can_be_changed() {
        let root = key();
        let sealed = seal("serial = 7\nkeys = []\n", &root);
        for at in 0..sealed.len() {
            let mut edited = sealed.clone();
            edited[at] ^= 1 << (at % 7);
            assert!(text(&edited, root.public()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_list_counts_in_its_time_from_its_edition_on_and_with_one_role_for_each_key() {
        let (root, run) = (key(), key());
        let list = |keys| Trust { serial: 7, issued_at: NOW - 10, expires_at: NOW + 10, logged: false, keys };
        let sound = list(vec![trusted("pipeline", &run, Role::Run)]);
        assert_eq!(sound.counts(root.public(), NOW, 7), Ok(()));
        let says = |list: &Trust, now, serial, what: &str| {
            let said = list.counts(root.public(), now, serial).expect_err(what).to_string();
            assert!(said.contains(what), "{said}");
        };
        says(&sound, NOW - 11, 7, "issued at 2027-01-15T07:59:50Z, which is in the future");
        says(&sound, NOW + 11, 7, "expired at 2027-01-15T08:00:10Z");
        says(&sound, NOW, 8, "of edition 7, and 8 is known");
        let both = [Role::Run, Role::Certifier].map(|role| trusted("pipeline", &run, role)).to_vec();
        says(&list(both), NOW, 1, "the key of pipeline has two roles");
        says(&list(vec![trusted("root", &root, Role::Run)]), NOW, 1, "the key of root has two roles");
    }
}
