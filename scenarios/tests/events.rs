//! What attacks on events show when their control is off: that each way in is convicted by what it got itself, and not
//! by the success of another one in the same run.

use models::config::Inputs;
use models::control::Control;
use models::kafka::acl::ACL_PREFIX;
use models::kafka::quota::QUOTA;
use scenarios::catalogue;
use scenarios::prove::{Order, execute};
use sim::record::{Finding, Pass};
use std::collections::BTreeSet;

/// Without `control`, these oracles convict, each of something at a node or about a tenant, as `of` says.
fn check(scenario: &str, control: &'static Control, of: fn(&Finding) -> &str, expected: &[(&str, &str)]) {
    let scenario = catalogue::find(scenario).expect("it is in the catalogue");
    let run = execute(&Inputs::embedded(), &Order::new(scenario, Pass::Ablation, 1).without(control));
    let upheld = run.record.findings.iter().filter(|f| control.upholds.contains(&f.requirement.as_str()));
    let found: BTreeSet<(&str, &str)> = upheld.map(|f| (f.oracle.as_str(), of(f))).collect();
    for wanted in expected {
        assert!(found.contains(wanted), "{wanted:?} is not among {found:?}");
    }
}

#[test]
fn a_prefix_without_its_separator_lets_through_every_kind_of_request() {
    let snoops = ["produce", "consume", "describe", "offset-commit"].map(|name| format!("attacker/{name}"));
    let mut expected: Vec<(&str, &str)> = snoops.iter().map(|role| ("refusal", role.as_str())).collect();
    // Read by a stranger; planted among the victim's own; passed over by it; and seen in the list of all topics.
    expected.extend([("isolation", "attacker/consume"), ("isolation", "cell-a/kafka-1")]);
    expected.extend([("delivery", "connector/acme-corp"), ("delivery", "connector/acme")]);
    check("abuse/event-snooping", &ACL_PREFIX, |finding| &finding.node, &expected);
}

#[test]
fn without_a_quota_each_flood_takes_more_room_than_its_tenant_may_and_neighbours_are_not_served() {
    let expected = [("storage", "gamma"), ("storage", "delta"), ("availability", "acme")];
    check("abuse/event-flood", &QUOTA, |finding| finding.tenant.as_deref().unwrap_or_default(), &expected);
}
