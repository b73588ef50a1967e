//! The example's two gateways: the scenario finds what is wrong with one, and nothing about the other.

#[path = "../examples/bring_your_own_gateway.rs"]
mod example;

/// Requests of honest clients that were answered with 200.
fn served(told: &scenarios::compare::Told) -> usize {
    let of_clients = told.lives.values().filter_map(|life| life.said.get("client/acme"));
    of_clients.flatten().filter(|said| said.starts_with("200 ")).count()
}

#[test]
fn forged_tokens_come_in_where_the_signature_is_not_looked_at_and_nowhere_else() {
    let careful = example::attack(example::careful);
    assert_eq!((careful.verdict.as_str(), &careful.findings, &careful.mistakes), ("held", &[].into(), &[].into()));
    let careless = example::attack(example::careless);
    assert_eq!(careless.verdict, "breach", "{careless:?}");
    assert!(careless.findings.iter().any(|found| found.starts_with("IDN-01 ")), "{:?}", careless.findings);
    for told in [&careful, &careless] {
        assert!(served(told) >= 20, "only {} honest requests were served", served(told));
    }
}
