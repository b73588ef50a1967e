//! Every word survives its bytes, and no other bytes are that word.

use super::draw::{Chosen, Drawer};
use super::*;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde::Deserialize;

/// A word from bytes, with the variants that it is made of; `None` when a text was drawn where an id must stand.
fn word(bytes: &[u8]) -> Option<(Wire, Chosen)> {
    let drawer = Drawer::new(bytes);
    let mut word = Wire::deserialize(&drawer).ok()?;
    if bytes.last().is_some_and(|b| b % 8 == 0) {
        word = Wire::Sealed(Box::new((word, Seal { sequence: 7, tag: [9; 16] })));
    }
    Some((word, drawer.chosen.take()))
}

fn survives(word: &Wire) -> Result<Vec<u8>, TestCaseError> {
    let bytes = encode(word).expect("what is drawn can be written");
    let again = decode(&bytes).expect("what was written can be read");
    prop_assert_eq!(format!("{word:?}"), format!("{again:?}"));
    Ok(bytes)
}

/// Bytes that are not those of `word` are no word, or another one.
fn is_another(word: &Wire, bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(other) = decode(bytes) {
        prop_assert_ne!(format!("{word:?}"), format!("{other:?}"));
        prop_assert_eq!(encode(&other), Ok(bytes.to_vec()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_word_survives_its_bytes_and_damaged_bytes_are_another_word_or_none(
        drawn in prop::collection::vec(any::<u8>(), 1..400),
    ) {
        let Some((word, _)) = word(&drawn) else { return Ok(()) };
        let bytes = survives(&word)?;
        for end in 0..bytes.len() {
            is_another(&word, &bytes[..end])?;
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            is_another(&word, &flipped)?;
        }
        is_another(&word, &[&bytes[..], &[0]].concat())?;
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        if let Ok(word) = decode(&bytes) {
            prop_assert_eq!(encode(&word), Ok(bytes));
        }
    }
}

#[test]
fn every_variant_of_every_word_is_among_those_that_survive() {
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut seen = Chosen::new();
    for _ in 0..40_000 {
        let mut bytes = [0; 400];
        rng.fill_bytes(&mut bytes);
        let Some((word, chosen)) = word(&bytes) else { continue };
        survives(&word).expect("it survives");
        for (name, which) in chosen {
            seen.entry(name).or_default().extend(which);
        }
    }
    assert!(seen.len() >= 20, "{seen:?}");
    for ((name, variants), which) in seen {
        assert_eq!(which.len(), variants, "{name}: only {which:?}");
    }
}

#[test]
fn a_length_is_believed_only_as_far_as_there_are_bytes() {
    for kind in 0..=40 {
        let bytes = [&[BARE, kind, 0][..], &[0xff; 8], &[0x01; 8]].concat();
        assert!(decode(&bytes).is_err(), "kind {kind}");
    }
    assert_eq!(decode(&vec![0; WORD_BYTES_MAX + 1]).unwrap_err(), Refused::TooLong);
}

#[test]
fn a_seal_around_a_seal_is_no_word() {
    let sealed = |word| Wire::Sealed(Box::new((word, Seal { sequence: 1, tag: [2; 16] })));
    assert!(encode(&sealed(Wire::Probe(1))).is_ok());
    assert!(matches!(encode(&sealed(sealed(Wire::Probe(1)))), Err(Refused::Form(_))));
    let deep = vec![SEALED; 100_000];
    assert!(decode(&deep).is_err());
}

#[test]
fn a_code_that_no_table_has_is_not_written() {
    let refused = Wire::Handshake(Box::new(crate::wire::svid::Handshake::Refused("because")));
    assert!(matches!(encode(&refused), Err(Refused::Form(_))));
}

#[test]
fn no_code_stands_in_the_table_twice() {
    let codes: std::collections::BTreeSet<_> = code::CODES.iter().collect();
    assert_eq!((codes.len(), codes.len() <= 256), (code::CODES.len(), true));
}
