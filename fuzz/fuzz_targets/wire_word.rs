//! Arbitrary bytes as a word between two nodes: refused, or a word whose own bytes are exactly these.
//!
//! A word with two spellings is one that two ends can disagree about.
#![no_main]

use libfuzzer_sys::fuzz_target;
use models::wire::codec::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(word) = decode(bytes) {
        assert_eq!(encode(&word).as_deref(), Ok(bytes));
    }
});
