//! The product's words as the kernel needs them: which messages travel, which facts can be observed.

use crate::fact::Fact;
use crate::wire::Wire;

/// The platform under test.
#[derive(Clone, Debug)]
pub struct Saas;

impl sim::Platform for Saas {
    type Message = Wire;
    type Fact = Fact;
}

/// What stands between the source cell and the topic in the name of a mirrored topic: `cell-a/tenant.acme.audit`.
pub const MIRROR_MARK: &str = "/";

/// Domains whose events hold regulated data and never leave their region (EVT-05). Others may be mirrored.
pub const BOUND_DOMAINS: &[&str] = &["audit", DEAD_LETTERS, "records"];

/// Domain of the events of a tenant that its schemas refused, whatever they hold.
pub const DEAD_LETTERS: &str = "dead-letters";

/// In front of the domain in the name of a topic that holds, in another cell, events that their own could not take:
/// `tenant.acme.spilled-audit`. The tenant's prefix stays in front, and with it its rules.
const SPILLED: &str = "spilled-";

/// Whether a topic's domain is bound to its tenant's region, at home and wherever it spilled.
pub fn is_bound_topic(topic: &str) -> bool {
    let bound = |domain: &str| BOUND_DOMAINS.contains(&domain.strip_prefix(SPILLED).unwrap_or(domain));
    topic.rsplit_once('.').is_some_and(|(_, domain)| bound(domain))
}

/// The topic in another cell for events that a topic's own cell cannot take.
pub fn spilled_topic(topic: &str) -> String {
    let (tenant, domain) = topic.rsplit_once('.').unwrap_or(("", topic));
    format!("{tenant}.{SPILLED}{domain}")
}

/// The topic at home of the events in a topic that spilled; none when that is an ordinary one.
pub fn home_of_spilled(topic: &str) -> Option<String> {
    let (tenant, domain) = topic.rsplit_once('.')?;
    Some(format!("{tenant}.{}", domain.strip_prefix(SPILLED)?))
}

/// Whether a topic holds events that spilled.
pub fn is_spilled_topic(topic: &str) -> bool {
    topic.rsplit_once('.').is_some_and(|(_, domain)| domain.starts_with(SPILLED))
}

/// Whether a topic holds what no schema lets into the others.
pub fn is_dead_letter_topic(topic: &str) -> bool {
    topic.rsplit_once('.').is_some_and(|(_, domain)| domain == DEAD_LETTERS)
}
