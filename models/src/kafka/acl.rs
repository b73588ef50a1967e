//! ACLs of the brokers: who may do what to which topics, groups and transactional ids, and to the cluster.
//!
//! A prefixed rule is a plain `starts_with`, as in Kafka: the separator at its end is all that keeps `tenant.acme` from
//! covering `tenant.acme-corp.orders`. Names are built here too, so that a tenant's name cannot bring separators along.

pub mod case;

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::kafka::TopicName;
use std::fmt::Write;
use std::sync::Arc;

/// Prefixed rules end in the separator.
pub const ACL_PREFIX: Control = control!(
    "kafka.acl-prefix",
    upholds: ["EVT-01", "TEN-02"],
    off: "prefixed ACLs are written without the trailing dot: tenant.acme also covers tenant.acme-corp.*",
);

/// A set of operations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Operations(u16);

impl Operations {
    /// Consume, and commit offsets for a group. Implies [`Operations::DESCRIBE`], as in Kafka.
    pub const READ: Operations = Operations(1 | 4);
    /// Produce. Implies [`Operations::DESCRIBE`].
    pub const WRITE: Operations = Operations(2 | 4);
    /// Learn that it exists.
    pub const DESCRIBE: Operations = Operations(4);
    /// Remove records. Implies [`Operations::DESCRIBE`].
    pub const DELETE: Operations = Operations(8 | 4);
    /// Make a topic.
    pub const CREATE: Operations = Operations(16);
    /// Change it: partitions; on the cluster, rules and quotas. Implies [`Operations::DESCRIBE`].
    pub const ALTER: Operations = Operations(32 | 4);
    /// Read its configuration.
    pub const DESCRIBE_CONFIGS: Operations = Operations(64);
    /// Change its configuration. Implies [`Operations::DESCRIBE_CONFIGS`].
    pub const ALTER_CONFIGS: Operations = Operations(128 | 64);
    /// All of them.
    pub const ALL: Operations = Operations(255);

    fn include(self, other: Operations) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Resource {
    /// Topics.
    Topic,
    /// Consumer groups.
    Group,
    /// Identities of transactional producers.
    TransactionalId,
    /// The cluster itself, under the one name [`CLUSTER`].
    Cluster,
}

/// What the cluster is called in a rule.
pub const CLUSTER: &str = "kafka-cluster";

/// Allows a principal some operations on some names. There are no deny rules: what no rule allows is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    resource: Resource,
    name: Arc<str>,
    prefixed: bool,
    operations: Operations,
}

impl Rule {
    /// A rule for exactly `name`.
    pub fn literal(resource: Resource, name: &str, operations: Operations) -> Rule {
        Rule { resource, name: name.into(), prefixed: false, operations }
    }
    /// A rule for all names that start with `prefix`; end it in the separator.
    pub fn prefixed(resource: Resource, prefix: &str, operations: Operations) -> Rule {
        Rule { resource, name: prefix.into(), prefixed: true, operations }
    }

    /// Whether it is about a name, whatever it allows there.
    pub fn is_about(&self, controls: &Controls, resource: Resource, name: &str) -> bool {
        self.resource == resource && self.covers(controls, name)
    }

    fn covers(&self, controls: &Controls, name: &str) -> bool {
        if !self.prefixed {
            // A star alone is Kafka's wildcard: every name.
            return *self.name == *name || *self.name == *"*";
        }
        let prefix = if controls.on(&ACL_PREFIX) { &*self.name } else { self.name.trim_end_matches('.') };
        name.starts_with(prefix)
    }
}

/// Whether one of `rules` allows `operations` on `name`. Never asks whether `name` exists.
pub fn allows(controls: &Controls, rules: &[Rule], resource: Resource, name: &str, operations: Operations) -> bool {
    rules.iter().any(|r| r.operations.include(operations) && r.is_about(controls, resource, name))
}

/// The rules of a tenant's own principal: everything under `tenant.{id}.`, topics and groups.
pub fn tenant_rules(tenant: &str) -> Vec<Rule> {
    let prefix = format!("tenant.{}.", escaped(tenant));
    vec![
        Rule::prefixed(Resource::Topic, &prefix, Operations::ALL),
        Rule::prefixed(Resource::Group, &prefix, Operations::ALL),
    ]
}

/// The topic of a tenant's domain, `tenant.{id}.{domain}`. A build step, not a hot path: keep the name.
pub fn topic_name(tenant: &str, domain: &str) -> TopicName {
    format!("tenant.{}.{}", escaped(tenant), escaped(domain)).into()
}

/// A name as one level of a topic: letters, digits and `-` stay, other bytes become `_XX`. Kafka allows `.` and `_` in
/// names, and both are separators to somebody (its own metrics merge the two).
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "_{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    fn check(controls: &Controls, topic: &str, expected: bool) {
        let allowed = allows(controls, &tenant_rules("acme"), Resource::Topic, topic, Operations::READ);
        assert_eq!(allowed, expected, "{topic}");
    }

    #[test]
    fn a_tenants_rules_end_at_the_separator() {
        let on = Controls::all_on();
        check(&on, "tenant.acme.orders", true);
        check(&on, "tenant.acme-corp.orders", false);
        check(&on, "tenant.globex.orders", false);
        check(&on, "platform.audit", false);
        check(&on, "cell-a.tenant.acme.orders", false);
        check(&on, &topic_name("acme.corp", "orders"), false);
    }

    #[test]
    fn without_the_separator_a_neighbour_by_name_is_covered_and_nobody_else() {
        let off = Controls::with_off(ControlSet::EMPTY.with(ACL_PREFIX.slot));
        check(&off, "tenant.acme-corp.orders", true);
        check(&off, "tenant.globex.orders", false);
        check(&off, "platform.audit", false);
    }

    #[test]
    fn groups_and_topics_are_different_resources() {
        let rules = [Rule::prefixed(Resource::Topic, "tenant.acme.", Operations::ALL)];
        let on = Controls::all_on();
        assert!(!allows(&on, &rules, Resource::Group, "tenant.acme.billing", Operations::READ));
    }
}
