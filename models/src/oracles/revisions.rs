//! POL-02: a policy agent never goes back to an older bundle than the one that it decided by.
//!
//! Judged by what agents report that they have in force. A log convicts here and acquits nobody: an agent that says
//! nothing of its bundles is not known to hold any.

use super::{FINDINGS_MAX, finding};
use crate::fact::Fact;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;

/// How an agent reports a bundle.
pub const IN_FORCE: (&str, &str) = ("policy.bundle", "in-force");

/// Judges revisions, by agent.
#[derive(Default)]
pub struct Revisions {
    newest: BTreeMap<String, u64>,
    found: usize,
    /// Reports that were compared with an earlier one: zero means nothing was proved.
    pub compared: u64,
}

impl Oracle<Saas> for Revisions {
    fn name(&self) -> &'static str {
        "revisions"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Fact::Reported { by, what, about, value } = seen.fact else { return };
        if (*by, *what) != IN_FORCE {
            return;
        }
        let Some(newest) = self.newest.get_mut(seen.role) else {
            self.newest.insert(seen.role.to_owned(), *value);
            return;
        };
        self.compared += 1;
        if value < newest && self.found < FINDINGS_MAX {
            self.found += 1;
            let message = format!("{} took revision {value} of {about} into force after revision {newest}", seen.role);
            findings.push(finding("revisions", "POL-02", None, seen, message));
        }
        *newest = (*newest).max(*value);
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Instant;

    /// Revisions in force, each at an agent.
    fn check(story: &[(&str, u64)], expected: usize) {
        let (mut judge, mut findings) = (Revisions::default(), Vec::new());
        for (role, value) in story {
            let (by, what) = IN_FORCE;
            let fact = Fact::Reported { by, what, about: "release".into(), value: *value };
            judge.observe(&Seen { at: Instant::ZERO, role, cause: 0, fact: &fact }, &mut findings);
        }
        assert_eq!(findings.len(), expected, "{findings:#?}");
    }

    #[test]
    fn an_agent_may_stay_and_go_on_and_never_go_back() {
        check(&[("a", 1), ("a", 1), ("a", 3), ("b", 2), ("b", 3)], 0);
        check(&[("a", 3), ("a", 2)], 1);
        check(&[("a", 3), ("b", 2), ("a", 2), ("a", 3), ("a", 1)], 2);
    }
}
