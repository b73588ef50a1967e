//! The one way to write a DSSE envelope, and to believe one.
//!
//! An envelope that is read is written once more and compared, because DSSE lets a writer choose blanks, member order
//! and alphabets, and two files that say the same must not have two digests. It carries one signature: with a second
//! one, nobody would know by whose word it is believed.

use super::key::{PublicKey, SigningKey};
use super::unfit::{Unfit, unfit};
use sim::chain::Envelope;

/// Bytes of an envelope, at most.
pub const ENVELOPE_MAX: usize = 1 << 20;

/// An envelope that is written as envelopes are, and is not believed yet.
#[derive(Clone, Debug)]
pub struct Sealed(Envelope);

/// Signs a payload.
pub fn seal(payload_type: &str, payload: &[u8], key: &SigningKey) -> Vec<u8> {
    bytes(&Envelope::sign(payload_type, payload, &key.public().id(), |bytes| key.sign(bytes)))
}

/// The one way to write an envelope.
///
/// # Panics
/// Never: text and bytes serialise.
pub fn bytes(envelope: &Envelope) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(envelope).expect("text and bytes serialise");
    bytes.push(b'\n');
    bytes
}

/// Reads an envelope; `rule` and `file` name it when it is refused.
///
/// # Errors
/// It is none, too large, written in another way, or has not exactly one signature.
pub fn read(bytes_read: &[u8], rule: &'static str, file: &str) -> Result<Sealed, Unfit> {
    if bytes_read.len() > ENVELOPE_MAX {
        return Err(unfit(rule, format!("{file} is larger than {} KiB", ENVELOPE_MAX >> 10)));
    }
    let envelope: Envelope = serde_json::from_slice(bytes_read).map_err(|e| unfit(rule, format!("{file}: {e}")))?;
    if bytes(&envelope) != bytes_read {
        return Err(unfit(rule, format!("{file} is not written as envelopes are")));
    }
    match envelope.signatures.len() {
        1 => Ok(Sealed(envelope)),
        count => Err(unfit(rule, format!("{file} has {count} signatures, not one"))),
    }
}

impl Sealed {
    /// Which key claims to have signed. Nobody signed this claim.
    pub fn claims(&self) -> &str {
        self.0.signatures.first().map_or("", |signature| &signature.keyid)
    }

    /// The payload, when it is of this type and this key signed it.
    ///
    /// # Errors
    /// It is not.
    pub fn payload(&self, payload_type: &str, key: &PublicKey) -> Result<Vec<u8>, Unfit> {
        let payload = self.0.verify_as(payload_type, |_, bytes, signature| key.verifies(bytes, signature));
        payload.map_err(|e| unfit("signature", e.to_string()))
    }
}
