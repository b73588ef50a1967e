//! Another version of the tenants file: what of it may be applied, and what follows from it (TEN-03).
//!
//! A file is held against the version in force, because a tenant that was there before needs no owner and a new one
//! does. One mistake is a mistake of the whole file: nothing of it is applied, and whoever proposed it is told each one
//! with its line and column.

use crate::config::tenants::{DUPLICATE_ID, NO_OWNER, UNKNOWN_KIND, UNKNOWN_LABEL, UNKNOWN_REGION};
use crate::config::{Problems, Rules, Tenant, Tenants, Vocabulary};
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::admin::{TenantEntry, TenantTable};
use crate::wire::policy::Level;

/// Regions, labels and classes are words that the platform knows.
pub const KNOWN_WORDS: Control = control!("tenants.known-words", upholds: ["TEN-03"],
    off: "a region, a label or a class that nobody knows is taken as it stands, as by a loader without a schema");
/// Each tenant stands in the file once.
pub const UNIQUE_ID: Control = control!("tenants.unique-id", upholds: ["TEN-03"],
    off: "of two entries with one id the last counts, as where entries are put into a map one after the other");
/// A tenant that is new has an owner.
pub const NEW_OWNER: Control = control!("tenants.new-owner", upholds: ["TEN-03"],
    off: "a file is judged by itself, so that nobody notices which of its tenants are new and whose they are");
/// A file with a mistake is not applied.
pub const WHOLE_FILE: Control = control!("tenants.whole-file", upholds: ["TEN-03"],
    off: "entries without a mistake are applied and the others skipped with a warning");

/// The name of the file, as mistakes are told.
const FILE: &str = "tenants.yaml";
/// What a tenant's records usually are, and what of a tenant without a label.
const USUAL_KIND: &str = "audit";
const NO_LABEL: &str = "internal";

/// The version that a proposed file stands for.
///
/// # Errors
/// Every mistake of the file. Nothing of it may be applied.
pub fn review(controls: &Controls, known: &Vocabulary, in_force: &Tenants, file: &str) -> Result<Tenants, Problems> {
    Tenants::parse_next(FILE, file, known, in_force).or_else(|problems| {
        let breaks = |rules: &[&str]| problems.0.iter().any(|problem| rules.contains(&problem.code));
        let rules = Rules {
            whole_file: controls.on(&WHOLE_FILE),
            owners: !breaks(&[NO_OWNER]) || controls.on(&NEW_OWNER),
            unique_ids: !breaks(&[DUPLICATE_ID]) || controls.on(&UNIQUE_ID),
            known_words: !breaks(&[UNKNOWN_REGION, UNKNOWN_LABEL, UNKNOWN_KIND]) || controls.on(&KNOWN_WORDS),
        };
        if rules == Rules::ALL { Err(problems) } else { Tenants::parse_by(FILE, file, known, in_force, rules) }
    })
}

/// What routers and services are told of a version.
pub fn table(tenants: &Tenants) -> TenantTable {
    let entry = |tenant: &Tenant| TenantEntry {
        id: tenant.id.clone(),
        region: tenant.region.clone(),
        usual: (
            USUAL_KIND.into(),
            tenant.labels.first().cloned().unwrap_or_else(|| NO_LABEL.into()),
            tenant.data_classes.get(USUAL_KIND).copied().unwrap_or(Level::Public),
        ),
    };
    TenantTable { version: tenants.version, tenants: tenants.tenants.iter().map(entry).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inputs;
    use sim::ControlSet;

    const HEAD: &str = "version: 2\ntenants:\n";
    const ACME: &str = "  - { id: acme, name: Acme, region: EU, labels: [pii], data_classes: { audit: 2 } }\n";

    /// What is said to the file, and that the file is taken with exactly that control off.
    fn check(entries: &str, control: &Control, expected: &str) {
        let Inputs { platform, tenants } = &Inputs::embedded();
        let file = format!("{HEAD}{entries}");
        let said = |controls: &Controls| review(controls, &platform.vocabulary, tenants, &file);
        assert_eq!(said(&Controls::all_on()).expect_err(entries).to_string(), expected);
        for other in [&KNOWN_WORDS, &UNIQUE_ID, &NEW_OWNER, &WHOLE_FILE] {
            let off = Controls::with_off(ControlSet::EMPTY.with(other.slot));
            // What skips entries takes every file, and applies of it what nothing is wrong with.
            let is_taken = other.slot == control.slot || other.slot == WHOLE_FILE.slot;
            assert_eq!(said(&off).is_ok(), is_taken, "{}: {entries}", other.id);
        }
    }

    #[test]
    fn each_mistake_is_told_with_its_place_and_passes_with_its_own_control_off() {
        let owned = ACME.replace("id: acme", "id: nova, owner: ops");
        let region = owned.replace("EU", "MOON");
        check(&region, &KNOWN_WORDS, "tenants.yaml:3:49: unknown region \"MOON\", expected one of EU, US");
        let twice = format!("{ACME}{ACME}");
        let said = "tenants.yaml:4:11: tenant \"acme\" a second time, expected each id once (first on line 3)";
        check(&twice, &UNIQUE_ID, said);
        let unowned = ACME.replace("acme", "nova");
        check(&unowned, &NEW_OWNER, "tenants.yaml:3:11: new tenant \"nova\" without an owner, expected `owner`");
    }

    #[test]
    fn nothing_of_a_file_with_a_mistake_is_applied_unless_entries_are_skipped() {
        let Inputs { platform, tenants } = &Inputs::embedded();
        let file = format!("{HEAD}{}{}", ACME.replace("[pii]", "[health]"), ACME.replace("acme", "nova"));
        let said = |controls: &Controls| review(controls, &platform.vocabulary, tenants, &file);
        assert!(said(&Controls::all_on()).is_err());
        let skipping = Controls::with_off(ControlSet::EMPTY.with(WHOLE_FILE.slot));
        let applied = said(&skipping).expect("what is right");
        assert_eq!(applied.tenants.iter().map(|t| (&*t.id, &*t.labels[0])).collect::<Vec<_>>(), [("acme", "health")]);
    }

    #[test]
    fn routers_and_services_are_told_where_a_tenant_lives_and_what_its_records_usually_are() {
        let table = table(&Inputs::embedded().tenants);
        let acme = table.tenants.iter().find(|t| *t.id == *"acme").expect("acme");
        assert_eq!((&*acme.region, &*acme.usual.1, acme.usual.2), ("EU", "confidential", Level::Confidential));
    }
}
