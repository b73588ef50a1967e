//! Tests of `platform.toml`: the embedded file with one thing changed, and the message it earns.

use super::*;
use crate::config::{Component, Operation, PLATFORM_TOML};
use sim::Duration;

/// The messages, one a line, that the embedded file earns with `from` replaced by `to` at its first place.
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(PLATFORM_TOML.contains(from), "{from}");
    let said = match PlatformConfig::parse("platform.toml", &PLATFORM_TOML.replacen(from, to, 1)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
    };
    let place = |message: &str| message.split_once(": ").map(|(_, rest)| rest.to_string()).unwrap_or_default();
    assert_eq!(said.iter().map(|m| place(m)).collect::<Vec<_>>(), expected);
    let located = |m: &String| m.starts_with("platform.toml:") && m.as_bytes()["platform.toml:".len()].is_ascii_digit();
    assert!(said.iter().all(located), "{said:?}");
}

#[test]
fn settings_arrive_in_their_units() {
    let config = PlatformConfig::parse("platform.toml", PLATFORM_TOML).expect("the embedded file");
    assert_eq!(config.slos.p95_query, Duration::millis(1_500));
    assert_eq!(config.slos.api_success.good_ppm(), 999_000);
    assert_eq!(config.tokens.access, Duration::secs(300));
    assert_eq!(config.ttls.tenant_cookie, Duration::secs(604_800));
    assert_eq!(config.costs.of(Operation::GatewayVerifyToken), Duration::micros(60));
    assert_eq!(config.costs.of(Operation::SiemAppend), Duration::micros(20));
    let cell = config.cell("cell-a").expect("cell A");
    assert_eq!((cell.components.of(Component::Siem).workers, cell.components.of(Component::App).queue), (4, 512));
    assert_eq!(config.dependency("redis").map(|d| d.breaker.open), Some(Duration::secs(2)));
    assert_eq!(config.links.inter_cell.least(), Duration::micros(38_000));
}

#[test]
fn a_mistake_is_named_with_what_was_expected() {
    check("region = \"EU\"", "region = \"MOON\"", &["unknown region \"MOON\", expected one of EU, US"]);
    check(
        "app_instances = 2",
        "app_instances = 0",
        &["integer 0, expected a whole number from 1 to 256 (app_instances)"],
    );
    check(
        "get_us = 20",
        "get_us = \"20\"",
        &["text \"20\", expected a whole number from 1 to 31622400000000 (get_us)"],
    );
    check(
        "get_us = 20",
        "get_us = 1.5",
        &["a number that is not whole, or too large, expected a whole number from 1 to 31622400000000 (get_us)"],
    );
    check(
        "kafka_min_insync = 2",
        "kafka_min_insync = 4",
        &["kafka_min_insync 4 in cell \"cell-a\", expected at most its 3 brokers"],
    );
    check("svid_s = 3600", "svid_s = 600", &["svid_renew_before_s of 1200.000s, expected less than `svid_s`"]);
    check(
        "id = \"edge-b\"",
        "id = \"cell-a\"",
        &["id \"cell-a\" a second time, expected each id once among cells, edges and offline cell"],
    );
    check("cell = \"cell-b\"", "cell = \"cell-c\"", &["unknown cell \"cell-c\", expected one of cell-a, cell-b"]);
    check("fed_by = \"cell-a\"", "fed_by = \"cell-c\"", &["unknown cell \"cell-c\", expected one of cell-a, cell-b"]);
    check(
        "name = \"kserve\"",
        "name = \"redis\"",
        &[
            "dependencies without kserve, expected starrocks, redis, timescaledb, notification, intelligence, kserve",
            "dependency \"redis\" a second time, expected each dependency once",
        ],
    );
}

#[test]
fn unknown_and_missing_keys_are_mistakes() {
    check(
        "append_us = 20",
        "apend_us = 20",
        &[
            "siem without key `append_us`, expected `append_us`",
            "unknown key `apend_us` in siem, expected one of append_us",
        ],
    );
    check(
        "[ttls]",
        "[tls]",
        &[
            "the platform file without key `ttls`, expected `ttls`",
            "unknown key `tls` in the platform file, expected one of version, vocabulary, cells, edges, offline, \
             costs, links, slos, limits, housekeeping, ttls, tokens, dependencies",
        ],
    );
}

#[test]
fn quantiles_must_rise_from_nothing_to_everything() {
    check(
        "[[0, 60], [500000, 150]",
        "[[1, 60], [500000, 150]",
        &["quantiles `intra_cell` from 1 to 1000000 ppm, expected points from 0 to 1000000 ppm"],
    );
    check(
        "[[0, 60], [500000, 150]",
        "[[0, 60], [0, 150]",
        &["[0, 150] after [0, 60], expected rising parts per million, and microseconds that do not fall"],
    );
    check("[[0, 60], [500000, 150]", "[[0, 60], [5]", &["a list of 1, expected [parts per million, microseconds]"]);
}

#[test]
fn syntax_errors_are_all_reported() {
    let broken = PLATFORM_TOML.replacen("version = 1", "version = ", 1).replacen("workers = 16", "workers 16", 1);
    let problems = PlatformConfig::parse("platform.toml", &broken).expect_err("two syntax errors");
    let lines: Vec<u32> = problems.0.iter().map(|p| p.line).collect();
    assert!(lines.contains(&3) && lines.contains(&16), "{problems}");
}

#[test]
fn a_file_without_anything_is_refused_by_every_table_it_lacks() {
    let problems = PlatformConfig::parse("platform.toml", "").expect_err("an empty file");
    assert!(problems.0.len() >= 12, "{problems}");
}
