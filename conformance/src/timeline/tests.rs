//! Timelines of a hand-made run.

use super::*;
use models::fact::Answer;
use sim::journal;
use sim::record::{Pass, Vantage};
use std::collections::BTreeMap;

fn answer(principal: &str, status: u16) -> Fact {
    Fact::Answered(Box::new(Answer {
        principal: principal.into(),
        request: 7,
        what: "GET /records/3".into(),
        status,
        reason: "ok",
        tenant: Some("acme".into()),
        region: None,
        retry_after_s: None,
        trace: None,
        degraded: false,
        body: [0_u8; 40].as_slice().into(),
        took: sim::Duration::millis(3),
        intended: Instant(0),
    }))
}

fn run() -> Finished {
    let ms = |n: u64| Instant(n * 1_000_000);
    let entry = |at, node, cause, fact| Entry::<Saas> { at, node: NodeId(node), cause, fact };
    let step = |at, cause, from: Option<u32>, node, text: &str| Step {
        at,
        cause,
        from: from.map(NodeId),
        node: NodeId(node),
        text: text.into(),
        asked: Vec::new(),
        facts_before: 0,
    };
    let decided = Fact::Decided { by: "gateway.token", allowed: true, reason: "ok", subject: "acme".into() };
    let denied = Fact::Decided { by: "policy", allowed: false, reason: "TENANT_MISMATCH", subject: "acme".into() };
    let finding = Finding {
        requirement: "CAC-01".into(),
        oracle: "isolation".into(),
        vantage: Vantage::Client,
        tenant: Some("beta".into()),
        node: "attacker/crafted-key".into(),
        at_ns: ms(1_006).0,
        cause: format!("{:016x}", 0xa),
        message: "attacker/crafted-key received record 3 of tenant beta (Plain) in the answer to GET /records/3, and \
                  it should have been refused long before"
            .into(),
    };
    Finished {
        record: RunRecord {
            scenario: "stride/disclosure-cache-bleed".into(),
            pass: Pass::Ablation,
            engine: "kernel".into(),
            seed: "7".into(),
            ablations: vec!["cache.key-namespace".into()],
            token: "cp1.x".into(),
            digest: "00".repeat(32),
            events: 1_234,
            simulated_ns: ms(13_000).0,
            facts: 5,
            requests_sent: 210,
            requests_good: 209,
            findings: vec![finding],
            marks: [("crafted-key".to_owned(), 1)].into(),
            faults: Vec::new(),
            consulted: vec!["cache.acl-pattern".into(), "cache.key-namespace".into()],
            library_calls: BTreeMap::new(),
            pending: Vec::new(),
            errors: Vec::new(),
            serving: Vec::new(),
        },
        journal: journal::Finished {
            digest: [0; 32],
            facts: 5,
            checkpoints: Vec::new(),
            entries: vec![
                entry(
                    ms(1_000),
                    0,
                    0xa,
                    Fact::Asked { principal: "attacker/crafted-key".into(), request: 7, what: "GET /records/3".into() },
                ),
                entry(ms(1_001), 1, 0xa, decided),
                entry(ms(1_002), 1, 0xb, denied),
                entry(ms(1_004), 3, 0xc, answer("client/beta", 200)),
                entry(ms(1_006), 0, 0xa, answer("attacker/crafted-key", 200)),
            ],
            steps: vec![
                step(ms(1_001), 0xa, Some(0), 1, "GET /records/3"),
                step(ms(1_003), 0xa, Some(1), 2, "cache get rec:3"),
                step(ms(1_003), 0xa, None, 2, "timer 4"),
                step(ms(1_004), 0xc, Some(1), 3, "200 ok"),
                step(ms(1_006), 0xa, Some(1), 0, "200 ok"),
            ],
        },
        trail: 0,
        roles: ["attacker/crafted-key", "edge-a", "cell-a/cache", "client/beta"].map(String::from).to_vec(),
        groups: Vec::new(),
        cut: false,
        struck: Vec::new(),
        drawn: BTreeMap::new(),
        unused: Vec::new(),
        features: Default::default(),
    }
}

#[test]
fn the_story_of_an_attack_leaves_bystanders_out() {
    insta::assert_snapshot!(timeline(&run(), View::default(), Paint::PLAIN));
}

#[test]
fn everything_is_told_when_asked() {
    insta::assert_snapshot!(timeline(&run(), View { all: true, until: None }, Paint::PLAIN));
}

#[test]
fn nothing_later_than_asked_is_told() {
    let view = View { all: true, until: Some(Instant(1_001_000_000)) };
    assert_eq!(timeline(&run(), view, Paint::PLAIN).lines().count(), 1 + 3);
}

#[test]
fn below_it_stands_what_was_found_reached_and_asked() {
    insta::assert_snapshot!(facts(&run().record, Paint::PLAIN));
}

#[test]
fn no_line_is_wider_than_promised() {
    let shown = timeline(&run(), View { all: true, until: None }, Paint::PLAIN) + &facts(&run().record, Paint::PLAIN);
    assert!(shown.lines().all(|line| width(line) <= COLUMNS), "{shown}");
}
