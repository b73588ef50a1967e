//! Which code a run belongs to.
//!
//! A token pins it, so that a run of other code never passes for the token's; and a process with a planted defect runs
//! other code than one without.

use models::crypto::hex;
use sha2::{Digest, Sha256};
use sim::planted::{Defect, planted};

/// Digest of the code of this build, with whatever its features add to it.
const BUILD: &str = env!("CELLPROOF_CODE");

/// Digest of the code that decides the runs of this process.
pub fn code() -> String {
    with(planted())
}

/// Digest of the code of this build with a defect planted, or without.
pub fn with(defect: Option<&Defect>) -> String {
    match defect {
        None => BUILD.into(),
        Some(defect) => hex(&Sha256::digest(format!("{BUILD} {}", defect.name).as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::planted;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_defects_make_the_same_code_and_none_makes_that_of_the_build() {
        let all: BTreeSet<String> = planted::ALL.iter().map(|defect| with(Some(defect))).chain([with(None)]).collect();
        assert_eq!(all.len(), planted::ALL.len() + 1);
        assert_eq!(code(), with(None));
        assert!(all.iter().all(|digest| digest.len() == 64));
    }
}
