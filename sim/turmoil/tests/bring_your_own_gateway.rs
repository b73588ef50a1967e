//! The example's two gateways: the scenario finds what is wrong with one, and nothing about the other.

#[path = "../examples/bring_your_own_gateway.rs"]
mod example;

#[test]
fn forged_tokens_come_in_where_the_signature_is_not_looked_at_and_nowhere_else() {
    example::gateway::check(example::attack);
}
