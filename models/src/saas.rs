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

/// Whether a topic's domain is bound to its tenant's region.
pub fn is_bound_topic(topic: &str) -> bool {
    topic.rsplit_once('.').is_some_and(|(_, domain)| BOUND_DOMAINS.contains(&domain))
}

/// Whether a topic holds what no schema lets into the others.
pub fn is_dead_letter_topic(topic: &str) -> bool {
    topic.rsplit_once('.').is_some_and(|(_, domain)| domain == DEAD_LETTERS)
}
