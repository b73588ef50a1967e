//! Profiles: which rows of the catalogue speak for which rule, and what a certificate under that rule has to show.
//!
//! They are data (`profiles.toml`). A profile's digest is that of its own selection, with every row by its id, so that
//! another profile may change without making a certificate of this one stale.

use super::rows;
use serde::Deserialize;
use sim::record::{CertificateLevel, OpenRows, Profile};
use std::collections::BTreeMap;
use std::sync::OnceLock;

const TOML: &str = include_str!("profiles.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    basis: String,
    version: u32,
    rows: Vec<String>,
    open: OpenRows,
    level: CertificateLevel,
    seeds: u64,
    days: u16,
}

/// Every profile, by name.
///
/// # Panics
/// When the embedded file is broken, which the tests of this file exclude.
pub fn all() -> &'static [Profile] {
    static ALL: OnceLock<Vec<Profile>> = OnceLock::new();
    ALL.get_or_init(|| {
        let written: BTreeMap<String, Written> = toml::from_str(TOML).unwrap_or_else(|e| panic!("profiles.toml: {e}"));
        written.into_iter().map(|(name, written)| written.named(name)).collect()
    })
}

/// The profile of this name.
pub fn find(name: &str) -> Option<&'static Profile> {
    all().iter().find(|profile| profile.name == name)
}

impl Written {
    fn named(self, name: String) -> Profile {
        let selects = |id: &str| self.rows.iter().any(|pattern| matches(pattern, id));
        let selected = rows().iter().filter(|row| selects(row.id)).map(|row| row.id.to_owned()).collect();
        Profile {
            name,
            title: self.title,
            basis: self.basis,
            version: self.version,
            rows: selected,
            open: self.open,
            level: self.level,
            seeds_min: self.seeds,
            valid_days: self.days,
        }
    }
}

/// Whether a pattern stands for a row: its id, `TEN-*`, or `*`.
fn matches(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |group| id.starts_with(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_selection_stands_for_a_row_and_none_for_one_twice() {
        let written: BTreeMap<String, Written> = toml::from_str(TOML).expect("the file is whole");
        for (name, written) in &written {
            for pattern in &written.rows {
                let rows: Vec<&str> = rows().iter().map(|row| row.id).filter(|id| matches(pattern, id)).collect();
                assert!(!rows.is_empty(), "{name}: {pattern} stands for no row");
                for row in rows {
                    let by: Vec<&String> = written.rows.iter().filter(|p| matches(p, row)).collect();
                    assert_eq!(by.len(), 1, "{name}: {row} is selected by {by:?}");
                }
            }
            assert!(!written.title.is_empty() && written.basis.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn only_the_default_profile_lets_rows_stay_open() {
        let open: Vec<&str> =
            all().iter().filter(|profile| profile.open == OpenRows::Named).map(|p| p.name.as_str()).collect();
        assert_eq!(open, ["default"]);
        assert_eq!(find("default").map(|profile| profile.rows.len()), Some(rows().len()));
        let isolation = |p: &Profile| p.rows.iter().any(|id| id == "TEN-02");
        assert!(all().iter().all(|p| isolation(p) && p.seeds_min >= 128 && (1..=30).contains(&p.valid_days)));
        assert!(all().iter().all(|p| p.level >= CertificateLevel::Simulated));
    }

    #[test]
    fn a_digest_is_that_of_the_selection() {
        let digests: std::collections::BTreeSet<String> = all().iter().map(Profile::digest).collect();
        assert_eq!(digests.len(), all().len());
        let gdpr = find("gdpr").expect("it is in the file");
        let mut less = gdpr.clone();
        less.rows.pop();
        assert_ne!(less.digest(), gdpr.digest());
        assert!(find("GDPR").is_none());
    }
}
