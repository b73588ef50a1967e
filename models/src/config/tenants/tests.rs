//! Tests of `tenants.yaml`: a small file with one mistake, and the message it earns.

use super::*;
use crate::config::Inputs;

const HEAD: &str = "version: 1\ntenants:\n";
const ACME: &str = "  - id: acme\n    name: Acme\n    region: EU\n    labels: [pii]\n    data_classes: { audit: 2 }\n";

fn parse(text: &str) -> Result<Tenants, Problems> {
    Tenants::parse("tenants.yaml", text, &Inputs::embedded().platform.vocabulary)
}

/// The messages that `text` earns, one a line.
fn check(text: &str, expected: &str) {
    let said = parse(text).map_or_else(|problems| problems.to_string(), |_| "valid".into());
    assert_eq!(said, expected, "\n{text}");
}

#[test]
fn the_document_s_sample_is_valid() {
    let sample = "version: 1
tenants:
  - id: acme
    name: Acme Corp
    region: EU
    labels: [confidential, pii]
    data_classes: { audit: confidential, agents: internal }
  - id: beta
    name: Beta Ltd
    region: US
    labels: [internal]
    data_classes: { audit: internal, agents: public }
";
    let read = parse(sample).expect("the sample");
    let embedded = &Inputs::embedded().tenants;
    assert_eq!(read.get("acme"), embedded.get("acme"));
    assert_eq!(read.get("beta"), embedded.get("beta"));
    assert_eq!(read.get("acme").map(|t| t.data_classes["audit"]), Some(Level::Confidential));
}

#[test]
fn a_mistake_is_named_with_its_place_and_what_was_expected() {
    let with = |from: &str, to: &str| format!("{HEAD}{}", ACME.replace(from, to));
    check(&with("EU", "MOON"), "tenants.yaml:5:13: unknown region \"MOON\", expected one of EU, US");
    check(&with("[pii]", "[pii, secret]"), &format!("tenants.yaml:6:19: unknown label \"secret\", expected {LABELS}"));
    check(&with("audit: 2", "audti: 2"), &format!("tenants.yaml:7:21: unknown kind \"audti\", expected {KINDS}"));
    check(&with("audit: 2", "audit: 4"), &format!("tenants.yaml:7:28: unknown level: integer 4, expected {LEVELS}"));
    check(
        &with("audit: 2", "audit: top"),
        &format!("tenants.yaml:7:28: unknown level: text \"top\", expected {LEVELS}"),
    );
    check(&with("audit: 2", "audit: -1"), &format!("tenants.yaml:7:28: unknown level: integer -1, expected {LEVELS}"));
    check(&with("id: acme", "id: ''"), "tenants.yaml:3:9: empty id, expected text");
    check(&with("id: acme", "id: 7"), "tenants.yaml:3:9: integer 7, expected text (id)");
    check(&with("    name: Acme\n", ""), "tenants.yaml:3:5: a tenant without key `name`, expected `name`");
    check(
        &with("name:", "nmae:"),
        "tenants.yaml:3:5: a tenant without key `name`, expected `name`\n\
         tenants.yaml:4:5: unknown key `nmae` in a tenant, expected one of id, name, region, labels, data_classes, \
         owner, slice",
    );
    check(
        &with("    region: EU\n", "    region: EU\n    region: US\n"),
        "tenants.yaml:6:5: key \"region\" a second time, expected each key once (first on line 5)",
    );
    check(
        &format!("{HEAD}{ACME}{ACME}"),
        "tenants.yaml:8:9: tenant \"acme\" a second time, expected each id once (first on line 3)",
    );
}

const LABELS: &str = "one of confidential, financial, health, internal, pii, public";
const KINDS: &str = "one of agents, analytics, audit, documents, events";
const LEVELS: &str = "one of public (0), internal (1), confidential (2), restricted (3)";

#[test]
fn ids_that_could_cross_a_separator_are_refused() {
    for id in ["Acme", "acme.corp", "acme/..", "-acme", "acme corp", "аcme", "tenant:acme", "acme%2e", "a_b"] {
        let text = format!("{HEAD}{}", ACME.replace("id: acme", &format!("id: {id:?}")));
        let expected = "expected an id of the form [a-z0-9][a-z0-9-]{0,62}";
        check(&text, &format!("tenants.yaml:3:9: tenant id {id:?}, {expected}"));
    }
    let longest = "a".repeat(63);
    assert!(["acme-corp", "0", "a--b", "acme-", longest.as_str()].iter().all(|id| is_tenant_id(id)));
    assert!(!is_tenant_id(&"a".repeat(64)) && !is_tenant_id(""));
}

#[test]
fn all_mistakes_are_reported_not_only_the_first() {
    let head = "version: 0\ntenants:\n  - id: A\n    name: ''\n    region: MOON\n";
    let text = &format!("{head}    labels: [x, y]\n    data_classes: []\n    extra: 1\n");
    let problems = parse(text).expect_err("eight mistakes");
    let lines: Vec<u32> = problems.0.iter().map(|p| p.line).collect();
    assert_eq!(lines, [1, 3, 4, 5, 6, 6, 7, 8], "{problems}");
}

#[test]
fn text_that_is_no_yaml_is_one_mistake_with_a_place() {
    for text in ["version: 1\ntenants: [\n", "version: 1\n tenants: []\n\tx: y", "a: b: c", "- &a [*a]"] {
        let problems = parse(text).expect_err(text);
        assert!(!problems.0.is_empty() && problems.0[0].line > 0, "{problems}");
    }
    check("version: 1\ntenants: []\n---\n", "tenants.yaml:3:4: multiple YAML documents detected, expected valid YAML");
    check(
        "version: 1\ntenants: []\n? [x]\n: 1",
        "tenants.yaml:3:3: unknown key `a list` in the tenants file, expected one of version, tenants",
    );
    check("", "tenants.yaml:1:1: nothing, expected a table (the tenants file)");
    check("version: 1\ntenants: []\n", "valid");
}

#[test]
fn an_owner_is_demanded_of_new_tenants_only() {
    let known = &Inputs::embedded().platform.vocabulary;
    let before = parse(&format!("{HEAD}{ACME}")).expect("the version in force");
    let newcomer = ACME.replace("acme", "nova");
    let next = |text: &str| Tenants::parse_next("tenants.yaml", text, known, &before).map_err(|p| p.to_string());
    let unowned = format!("{HEAD}{ACME}{newcomer}");
    let said = "tenants.yaml:8:9: new tenant \"nova\" without an owner, expected `owner`";
    assert_eq!(next(&unowned).expect_err("no owner"), said);
    assert!(next(&format!("{HEAD}{ACME}{newcomer}    owner: ops\n")).is_ok());
}

#[test]
fn without_a_rule_a_file_is_taken_as_a_careless_reader_takes_it() {
    let known = &Inputs::embedded().platform.vocabulary;
    let before = parse(&format!("{HEAD}{ACME}")).expect("the version in force");
    let by = |rules: Rules, entries: &str| {
        Tenants::parse_by("tenants.yaml", &format!("{HEAD}{entries}"), known, &before, rules)
    };
    let codes = |entries: &str| {
        let problems = by(Rules::ALL, entries).expect_err(entries).0;
        problems.into_iter().map(|p| p.code).collect::<Vec<_>>()
    };
    let lax = Rules { known_words: false, ..Rules::ALL };
    let unknown = ACME.replace("EU", "MOON").replace("pii", "secret").replace("audit", "ledger");
    assert_eq!(codes(&unknown), [UNKNOWN_REGION, UNKNOWN_LABEL, UNKNOWN_KIND]);
    let taken = by(lax, &unknown).expect("as it stands");
    assert_eq!((&*taken.tenants[0].region, &*taken.tenants[0].labels[0]), ("MOON", "secret"));
    assert!(by(lax, &ACME.replace("audit: 2", "audit: top")).is_err(), "a level that is none is nothing to take");

    let twice = format!("{ACME}{}", ACME.replace("pii", "health"));
    assert_eq!(codes(&twice), [DUPLICATE_ID]);
    let last = by(Rules { unique_ids: false, ..Rules::ALL }, &twice).expect("the last one");
    assert_eq!((last.tenants.len(), &*last.tenants[0].labels[0]), (1, "health"));

    let nova = ACME.replace("acme", "nova");
    assert_eq!(codes(&format!("{ACME}{nova}")), [NO_OWNER]);
    let unowned = by(Rules { owners: false, ..Rules::ALL }, &format!("{ACME}{nova}")).expect("unowned");
    assert!(unowned.get("nova").is_some());

    let half = format!("{}{nova}", ACME.replace("pii", "health").replace("name: Acme", "name: Other"));
    let parts = Rules { whole_file: false, ..Rules::ALL };
    let applied = by(parts, &half).expect("what is right");
    assert_eq!((applied.tenants.len(), &*applied.tenants[0].labels[0]), (1, "health"));
    let kept = by(parts, &ACME.replace("EU", "MOON")).expect("as it was");
    assert_eq!(kept.tenants, before.tenants);
}

#[test]
fn the_version_never_goes_back() {
    let known = &Inputs::embedded().platform.vocabulary;
    let before = parse(&format!("{HEAD}{ACME}").replace("version: 1", "version: 4")).expect("version 4");
    let back = Tenants::parse_next("tenants.yaml", &format!("{HEAD}{ACME}"), known, &before).expect_err("version 1");
    assert_eq!(back.to_string(), "tenants.yaml:1:10: version 1, expected at least 4, which is in force");
}

#[test]
fn order_and_spelling_do_not_matter() {
    let other = ACME.replace("acme", "zeta");
    let named = ACME.replace("audit: 2", "audit: confidential");
    assert_eq!(parse(&format!("{HEAD}{ACME}{other}")), parse(&format!("{HEAD}{other}{named}")));
}

#[test]
fn a_slice_has_a_schema_and_a_logical_database_that_nobody_else_has() {
    let acme = |slice: &str| format!("{HEAD}{ACME}    slice: {slice}\n");
    let two = |slice: &str| {
        acme("{ schema: plane_a, cache_database: 1 }")
            + &ACME.replace("acme", "beta")
            + &format!("    slice: {slice}\n")
    };
    let read = parse(&acme("{ schema: plane_a, cache_database: 1 }")).expect("a slice");
    assert_eq!(read.tenants[0].slice, Some(Slice { schema: "plane_a".into(), cache_database: 1 }));
    check(&two("{ schema: plane_b, cache_database: 2 }"), "valid");
    let shared = "a slice that another tenant has, expected a schema and a database of its own";
    check(&two("{ schema: plane_a, cache_database: 2 }"), &format!("tenants.yaml:14:12: {shared}"));
    check(&two("{ schema: plane_b, cache_database: 1 }"), &format!("tenants.yaml:14:12: {shared}"));
    let form = "expected a name of the form [a-z][a-z0-9_]{0,40} that the server has not taken";
    for name in ["public", "pg_x", "information_schema", "A", "a-b", "1a"] {
        let text = acme(&format!("{{ schema: '{name}', cache_database: 1 }}"));
        check(&text, &format!("tenants.yaml:8:22: schema {name:?}, {form}"));
    }
    check(
        &acme("{ schema: plane_a, cache_database: 0 }"),
        "tenants.yaml:8:47: integer 0, expected a whole number from 1 to 15 (cache_database)",
    );
}
