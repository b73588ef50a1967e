//! The Dead Simple Signing Envelope (DSSE 1.0.2): a payload, what it is, and who signed it.
//!
//! Signatures cover the *pre-authentication encoding*, in which type and payload carry their lengths: a signed payload
//! cannot be passed off as another type, and nothing is parsed before it is verified. The payload is held decoded, so
//! what [`Envelope::verify`] returns is what was signed, never another reading of the same text.

use crate::planted;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A signed payload. Unknown members are ignored when read, as the protocol demands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The signed bytes; base64 in JSON.
    #[serde(with = "base64_text")]
    pub payload: Vec<u8>,
    /// What the bytes are: `application/vnd.in-toto+json`.
    pub payload_type: String,
    /// Signatures over the same bytes, by different keys.
    pub signatures: Vec<Signature>,
}

/// One signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signature {
    /// A hint which key to try. Not signed, so never a reason to trust; empty when absent.
    #[serde(default)]
    pub keyid: String,
    /// The signature; base64 in JSON.
    #[serde(with = "base64_text")]
    pub sig: Vec<u8>,
}

/// Why an envelope is not believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DsseError {
    /// The payload is of another type than the one asked for.
    WrongType {
        /// The type that was asked for.
        expected: String,
        /// The type that the envelope claims.
        found: String,
    },
    /// Nobody signed.
    Unsigned,
    /// None of the signatures is valid under a key that the verifier accepts.
    NotVerified,
}

impl Envelope {
    /// Wraps a payload and has `signer` sign its pre-authentication encoding.
    pub fn sign(payload_type: &str, payload: &[u8], keyid: &str, signer: impl FnOnce(&[u8]) -> Vec<u8>) -> Envelope {
        let mut envelope =
            Envelope { payload: payload.to_vec(), payload_type: payload_type.to_owned(), signatures: Vec::new() };
        envelope.add_signature(keyid, signer);
        envelope
    }

    /// Adds the signature of another key over the same payload.
    pub fn add_signature(&mut self, keyid: &str, signer: impl FnOnce(&[u8]) -> Vec<u8>) {
        planted::before_signing();
        let sig = signer(&self.pae());
        self.signatures.push(Signature { keyid: keyid.to_owned(), sig });
    }

    /// The payload, if `accepts(keyid, encoding, signature)` holds for at least one signature. The payload may be of
    /// any type: ask for one with [`Envelope::verify_as`] unless the type is looked at afterwards.
    pub fn verify(&self, mut accepts: impl FnMut(&str, &[u8], &[u8]) -> bool) -> Result<Vec<u8>, DsseError> {
        if self.signatures.is_empty() {
            return Err(DsseError::Unsigned);
        }
        let encoding = self.pae();
        match self.signatures.iter().any(|s| accepts(&s.keyid, &encoding, &s.sig)) {
            true => Ok(self.payload.clone()),
            false => Err(DsseError::NotVerified),
        }
    }

    /// [`Envelope::verify`] for a payload of this type and no other.
    pub fn verify_as(
        &self,
        payload_type: &str,
        accepts: impl FnMut(&str, &[u8], &[u8]) -> bool,
    ) -> Result<Vec<u8>, DsseError> {
        if self.payload_type != payload_type {
            let (expected, found) = (payload_type.to_owned(), self.payload_type.clone());
            return Err(DsseError::WrongType { expected, found });
        }
        self.verify(accepts)
    }

    /// The bytes that signatures cover.
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

/// The pre-authentication encoding, `DSSEv1 SP len SP type SP len SP payload`, lengths in bytes.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoding = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoding.extend_from_slice(payload);
    encoding
}

/// Base64 members: written in the standard alphabet with padding, read in either alphabet and with or without padding
/// (DSSE lets signers choose). Stray bits behind the last byte are refused, so each payload has one text per form.
mod base64_text {
    use super::*;

    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD_IN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE_IN: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD_IN.decode(&text).or_else(|_| URL_SAFE_IN.decode(&text)).map_err(D::Error::custom)
    }
}

impl fmt::Display for DsseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DsseError::WrongType { expected, found } => write!(f, "the payload is {found}, not {expected}"),
            DsseError::Unsigned => f.write_str("the envelope has no signature"),
            DsseError::NotVerified => f.write_str("no signature is valid under an accepted key"),
        }
    }
}

impl std::error::Error for DsseError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Digest;
    use proptest::prelude::*;

    const HELLO: &str = "http://example.com/HelloWorld";

    /// Stands in for a signature: a hash keyed by the key's name.
    fn seal(key: &str, encoding: &[u8]) -> Vec<u8> {
        Digest::of_parts(&[Digest::of(key.as_bytes()).as_ref(), encoding]).0.to_vec()
    }

    fn signed_by(key: &str) -> Envelope {
        Envelope::sign(HELLO, b"hello world", key, |encoding| seal(key, encoding))
    }

    fn knows<'a>(keys: &'a [&str]) -> impl FnMut(&str, &[u8], &[u8]) -> bool + 'a {
        |_, encoding, sig| keys.iter().any(|key| seal(key, encoding) == sig)
    }

    #[test]
    fn the_encoding_is_that_of_the_protocols_test_vector() {
        assert_eq!(pae(HELLO, b"hello world"), b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
        assert_eq!(pae("ä", "ö".as_bytes()), "DSSEv1 2 ä 2 ö".as_bytes(), "lengths are in bytes");
    }

    #[test]
    fn only_an_accepted_key_over_this_type_and_payload_verifies() {
        let good = signed_by("run");
        assert_eq!(good.verify(knows(&["other", "run"])), Ok(b"hello world".to_vec()));
        assert_eq!(good.verify(knows(&["other"])), Err(DsseError::NotVerified));
        assert_eq!(good.verify_as(HELLO, knows(&["run"])), Ok(b"hello world".to_vec()));
        let refused = good.verify_as("text/plain", knows(&["run"])).unwrap_err();
        assert_eq!(refused.to_string(), format!("the payload is {HELLO}, not text/plain"));

        let retyped = Envelope { payload_type: "text/plain".into(), ..good.clone() };
        assert_eq!(retyped.verify(knows(&["run"])), Err(DsseError::NotVerified));
        let shifted =
            Envelope { payload_type: format!("{HELLO} 11 hello"), payload: b"world".to_vec(), ..good.clone() };
        assert_eq!(shifted.verify(knows(&["run"])), Err(DsseError::NotVerified));
        let unsigned = Envelope { signatures: Vec::new(), ..good };
        assert_eq!(unsigned.verify(|_, _, _| true), Err(DsseError::Unsigned));
    }

    #[test]
    fn a_second_signer_is_enough() {
        let mut envelope = signed_by("run");
        envelope.add_signature("certifier", |encoding| seal("certifier", encoding));
        assert_eq!(envelope.verify(knows(&["certifier"])), Ok(b"hello world".to_vec()));
    }

    #[test]
    fn the_json_is_that_of_the_protocol() {
        let text = serde_json::to_string(&Envelope::sign(HELLO, b"hello world", "k", |_| vec![0xfb, 0xff])).unwrap();
        let signature = r#"{"keyid":"k","sig":"+/8="}"#;
        let expected =
            format!(r#"{{"payload":"aGVsbG8gd29ybGQ=","payloadType":"{HELLO}","signatures":[{signature}]}}"#);
        assert_eq!(text, expected);
        let read = |payload: &str, sig: &str| {
            let text = format!(
                r#"{{"payload":"{payload}","payloadType":"t","signatures":[{{"sig":"{sig}","cert":"x"}}],"extra":1}}"#
            );
            serde_json::from_str::<Envelope>(&text).map(|e| (e.payload, e.signatures[0].clone()))
        };
        let expected = Signature { keyid: String::new(), sig: vec![0xfb, 0xff] };
        for sig in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(read("", sig).unwrap(), (Vec::new(), expected.clone()), "{sig}");
        }
        for bad in ["+/9=", "+_8=", "+/8= ", "+", "===="] {
            assert!(read("", bad).is_err(), "{bad}");
            assert!(read(bad, "").is_err(), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_envelope_survives_its_json_and_no_flipped_bit(
            payload in prop::collection::vec(any::<u8>(), 0..60), draw in any::<prop::sample::Index>(),
        ) {
            let good = Envelope::sign("t", &payload, "run", |encoding| seal("run", encoding));
            let text = serde_json::to_string(&good).unwrap();
            let mut read: Envelope = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &good);
            prop_assert_eq!(read.verify(knows(&["run"])), Ok(payload.clone()));
            let bit = draw.index((payload.len() + 32) * 8);
            let byte = read.payload.iter_mut().chain(&mut read.signatures[0].sig).nth(bit / 8).unwrap();
            *byte ^= 1 << (bit % 8);
            prop_assert_eq!(read.verify(knows(&["run"])), Err(DsseError::NotVerified));
        }
    }
}
