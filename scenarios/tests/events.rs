//! What attacks on events show when their control is off: that each way in is convicted by what it got itself, and not
//! by the success of another one in the same run.

use models::config::Inputs;
use models::control::Control;
use models::kafka::acl::ACL_PREFIX;
use models::kafka::quota::QUOTA;
use models::witness::book::{COMPLETENESS, HASH_CHAIN};
use scenarios::catalogue;
use scenarios::prove::{Order, execute};
use sim::record::{Finding, Pass};
use std::collections::BTreeSet;

/// Which oracles convict without these controls, which uphold the same; each of something at a node or about a tenant,
/// as `of` says.
fn convicted(scenario: &str, off: &[&'static Control], of: fn(&Finding) -> &str) -> BTreeSet<(String, String)> {
    let scenario = catalogue::find(scenario).expect("it is in the catalogue");
    let order = off.iter().fold(Order::new(scenario, Pass::Ablation, 1), |order, control| order.without(control));
    let run = execute(&Inputs::embedded(), &order);
    let upheld = run.record.findings.iter().filter(|f| off[0].upholds.contains(&f.requirement.as_str()));
    upheld.map(|f| (f.oracle.clone(), of(f).to_owned())).collect()
}

fn check(scenario: &str, off: &[&'static Control], of: fn(&Finding) -> &str, expected: &[(&str, &str)]) {
    let found = convicted(scenario, off, of);
    for (oracle, what) in expected {
        assert!(found.contains(&((*oracle).into(), (*what).into())), "{oracle} of {what} is not among {found:?}");
    }
}

fn tenant(finding: &Finding) -> &str {
    finding.tenant.as_deref().unwrap_or_default()
}

#[test]
fn a_prefix_without_its_separator_lets_through_every_kind_of_request() {
    let snoops = ["produce", "consume", "describe", "offset-commit"].map(|name| format!("attacker/{name}"));
    let mut expected: Vec<(&str, &str)> = snoops.iter().map(|role| ("refusal", role.as_str())).collect();
    // Read by a stranger; planted among the victim's own; passed over by it; and seen in the list of all topics.
    expected.extend([("isolation", "attacker/consume"), ("isolation", "cell-a/kafka-1")]);
    expected.extend([("delivery", "connector/acme-corp"), ("delivery", "connector/acme")]);
    check("abuse/event-snooping", &[&ACL_PREFIX], |finding| &finding.node, &expected);
}

#[test]
fn without_a_quota_each_flood_takes_more_room_than_its_tenant_may_and_neighbours_are_not_served() {
    let expected = [("storage", "gamma"), ("storage", "delta"), ("availability", "acme")];
    check("abuse/event-flood", &[&QUOTA], tenant, &expected);
}

#[test]
fn a_swap_is_missed_without_the_chain_a_lost_tail_without_the_count_and_a_gap_without_both() {
    let missed = |off| {
        let found = convicted("stride/repudiation-audit-topics", off, tenant);
        found.into_iter().map(|(_, tenant)| tenant).collect::<Vec<_>>()
    };
    assert_eq!(missed(&[&HASH_CHAIN]), ["acme"]);
    assert_eq!(missed(&[&COMPLETENESS]), ["gamma"]);
    assert_eq!(missed(&[&HASH_CHAIN, &COMPLETENESS]), ["acme", "acme-corp", "gamma"]);
}
