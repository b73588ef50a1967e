//! Whose signatures a verifier believes: keys with a role, a span of validity, and perhaps a revocation.

use super::key::PublicKey;
use std::fmt;

/// What a key may sign. Never one key for both: who runs the tests does not certify their result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Seals what a gate found.
    Run,
    /// Issues certificates on what was found.
    Certifier,
}

impl Role {
    /// Its name in trust files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Run => "run",
            Role::Certifier => "certifier",
        }
    }

    /// The inverse of [`Role::as_str`].
    pub fn parse(text: &str) -> Option<Role> {
        [Role::Run, Role::Certifier].into_iter().find(|role| role.as_str() == text)
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
    /// First second of its validity, in seconds since 1970.
    pub not_before: u64,
    /// Last second of its validity.
    pub not_after: u64,
    /// From when on nothing that it signed is believed, whenever it claims to have signed.
    pub revoked: Option<u64>,
}

/// All keys that are believed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Trust {
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

impl Trust {
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
