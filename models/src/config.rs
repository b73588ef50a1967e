//! What the user says about the platform: `platform.toml` and `tenants.yaml`, with embedded defaults.
//!
//! Start at [`Inputs`]. The defaults are the day-1 topology and the governance document's tenants, so everything runs
//! without a single file; a file with a mistake is refused whole, with every mistake named.

pub mod case;
pub mod costs;
pub mod links;
pub mod platform;
pub mod problems;
pub mod read;
pub mod settings;
pub mod slos;
pub mod tenants;
pub mod tree;

pub use costs::{Capacity, Component, Costs, Operation};
pub use links::{Links, Quantiles};
pub use platform::{Cell, Edge, PlatformConfig, Vocabulary};
pub use problems::{InputError, MALFORMED, Problems};
pub use settings::Tokens;
pub use slos::Slos;
pub use tenants::{Rules, Slice, Tenant, Tenants};

use crate::crypto::hex;
use sha2::{Digest, Sha256};

/// The embedded `platform.toml`: the day-1 topology.
pub const PLATFORM_TOML: &str = include_str!("../platform.toml");
/// The embedded `tenants.yaml`: the governance document's sample, and what attacks need beside it.
pub const TENANTS_YAML: &str = include_str!("../tenants.yaml");
/// JSON Schema (draft 2020-12) of `platform.toml`.
pub const PLATFORM_SCHEMA: &str = include_str!("../schemas/platform.schema.json");
/// JSON Schema (draft 2020-12) of `tenants.yaml`.
pub const TENANTS_SCHEMA: &str = include_str!("../schemas/tenants.schema.json");

/// Both inputs, read and valid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inputs {
    /// The platform.
    pub platform: PlatformConfig,
    /// Its tenants.
    pub tenants: Tenants,
}

impl Inputs {
    /// The defaults.
    ///
    /// # Panics
    /// When the embedded files are broken, which a test of this file excludes.
    pub fn embedded() -> Inputs {
        Inputs::parse(("platform.toml", PLATFORM_TOML), ("tenants.yaml", TENANTS_YAML))
            .unwrap_or_else(|problems| panic!("the embedded inputs are valid:\n{problems}"))
    }

    /// Reads both inputs, each given as (name, text).
    ///
    /// # Errors
    /// Every mistake of the platform file; if it has none, every mistake of the tenants file; if that has none either,
    /// that the two do not fit together.
    pub fn parse(platform: (&str, &str), tenants: (&str, &str)) -> Result<Inputs, Problems> {
        let platform = PlatformConfig::parse(platform.0, platform.1)?;
        let read = Tenants::parse(tenants.0, tenants.1, &platform.vocabulary)?;
        let inputs = Inputs { platform, tenants: read };
        match inputs.cramped_cell() {
            Some(cell) => Err(Problems(vec![inputs.cramped(cell, tenants.0)])),
            None => Ok(inputs),
        }
    }

    /// The first cell whose cache is smaller than what it guarantees to all tenants together: a floor that cannot be
    /// kept for all is kept for nobody (CAC-02).
    fn cramped_cell(&self) -> Option<&Cell> {
        let floors = self.platform.limits.cache_floor_bytes.saturating_mul(self.tenants.tenants.len() as u64);
        self.platform.cells.iter().find(|cell| cell.sizes.redis_memory_bytes < floors)
    }

    fn cramped(&self, cell: &Cell, file: &str) -> InputError {
        let (count, floor) = (self.tenants.tenants.len(), self.platform.limits.cache_floor_bytes);
        InputError {
            file: file.into(),
            line: 1,
            column: 1,
            found: format!("{count} tenants with a cache floor of {floor} bytes each"),
            expected: format!("as many as fit into the {} bytes of cell {:?}", cell.sizes.redis_memory_bytes, cell.id),
            code: "too-many-tenants",
        }
    }

    /// SHA-256 over what was read, as 64 hex digits: comments, layout, order of tenants and the spelling of levels do
    /// not change it, any other difference does.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"cellproof inputs v1\n");
        let platform = serde_json::to_vec(&self.platform).expect("plain data has a JSON form");
        let tenants = serde_json::to_vec(&self.tenants).expect("plain data has a JSON form");
        for part in [platform, tenants] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hex(&hash.finalize())
    }
}

impl Inputs {
    /// SHA-256 of its parts, each by name as 64 hex digits: when the whole has changed, these say what did.
    ///
    /// # Panics
    /// Never: plain data has a JSON form.
    pub fn parts(&self) -> [(&'static str, String); 3] {
        let digest = |part: &str, json: serde_json::Result<Vec<u8>>| {
            let json = json.expect("plain data has a JSON form");
            hex(&Sha256::digest([format!("cellproof {part} v1\n").as_bytes(), &json].concat()))
        };
        [
            ("platform", digest("platform", serde_json::to_vec(&self.platform))),
            ("tenants", digest("tenants", serde_json::to_vec(&self.tenants))),
            ("objectives", digest("objectives", serde_json::to_vec(&self.platform.slos))),
        ]
    }
}

#[cfg(test)]
mod schema_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_embedded_inputs_are_valid_and_hold_the_documents_cast() {
        let Inputs { platform, tenants } = Inputs::embedded();
        let ids: Vec<&str> = tenants.tenants.iter().map(|t| &*t.id).collect();
        assert_eq!(ids, ["acme", "acme-corp", "beta", "delta", "gamma"]);
        let cells: Vec<(&str, &str)> = platform.cells.iter().map(|c| (&*c.id, &*c.region)).collect();
        assert_eq!(cells, [("cell-a", "EU"), ("cell-b", "US")]);
        for tenant in &tenants.tenants {
            assert!(platform.cells_in(&tenant.region).count() > 0, "{} has no home", tenant.id);
        }
    }

    #[test]
    fn the_digest_sees_what_matters_and_nothing_else() {
        let read = |platform: &str, tenants: &str| {
            Inputs::parse(("p", platform), ("t", tenants)).expect("valid inputs").digest()
        };
        let base = Inputs::embedded().digest();
        assert_eq!(base.len(), 64);
        assert_eq!(
            read(&format!("# note\n{PLATFORM_TOML}"), &TENANTS_YAML.replace("audit: restricted", "audit: 3")),
            base
        );
        assert_ne!(read(&PLATFORM_TOML.replace("policy_stale_s = 60", "policy_stale_s = 61"), TENANTS_YAML), base);
        assert_ne!(read(PLATFORM_TOML, &TENANTS_YAML.replace("Acme Corp\n", "Acme Inc\n")), base);
    }

    #[test]
    fn a_cache_must_hold_what_it_guarantees_to_all_tenants() {
        let small = PLATFORM_TOML.replacen("redis_memory_bytes = 67108864", "redis_memory_bytes = 5242879", 1);
        let problems = Inputs::parse(("p", &small), ("t", TENANTS_YAML)).expect_err("five floors of a mebibyte");
        let expected = "t:1:1: 5 tenants with a cache floor of 1048576 bytes each, expected as many as fit into the \
                        5242879 bytes of cell \"cell-a\"";
        assert_eq!(problems.to_string().trim(), expected);
        let enough = small.replace("5242879", "5242880");
        assert!(Inputs::parse(("p", &enough), ("t", TENANTS_YAML)).is_ok());
    }

    #[test]
    fn nesting_without_end_is_a_mistake_and_not_a_crash() {
        for depth in [100, 1_000, 100_000] {
            let known = &Inputs::embedded().platform.vocabulary;
            let lists = format!("tenants: {}", "[".repeat(depth));
            assert!(Tenants::parse("t", &lists, known).is_err());
            let closed = format!("tenants: {}{}", "[".repeat(depth), "]".repeat(depth));
            assert!(Tenants::parse("t", &closed, known).is_err());
            assert!(PlatformConfig::parse("p", &format!("x = {}{}", "[".repeat(depth), "]".repeat(depth))).is_err());
        }
    }

    /// `text` with the characters from `at` (in per mille of its length) for `length` replaced by `with`.
    fn spoil(text: &str, at: usize, length: usize, with: &str) -> String {
        let start = text.chars().count() * at / 1_000;
        let kept = |from: usize, to: usize| text.chars().skip(from).take(to - from).collect::<String>();
        kept(0, start) + with + &kept(start + length, text.chars().count().max(start + length))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_spoiled_file_is_read_or_refused_with_places(
            at in 0usize..1_000,
            length in 0usize..40,
            with in prop_oneof![".{0,6}", "[\\[\\]{}:,&*#!|>'\"\\n\\t -]{0,6}"],
        ) {
            let known = &Inputs::embedded().platform.vocabulary;
            let tenants = Tenants::parse("t", &spoil(TENANTS_YAML, at, length, &with), known).map(|_| ());
            let platform = PlatformConfig::parse("p", &spoil(PLATFORM_TOML, at, length, &with)).map(|_| ());
            for problems in [tenants, platform].into_iter().filter_map(Result::err) {
                let placed = |p: &InputError| p.line > 0 && p.column > 0 && !p.found.is_empty();
                prop_assert!(!problems.0.is_empty());
                prop_assert!(problems.0.iter().all(placed), "{problems}");
            }
        }
    }
}
