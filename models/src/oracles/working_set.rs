//! CAC-02: nobody evicts another tenant's working set below its floor.
//!
//! Judged by what the cache no longer holds and for whom it went, not by how it chose.

use super::{Cast, FINDINGS_MAX, finding};
use crate::fact::Fact;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::rc::Rc;

/// Judges evictions.
pub struct WorkingSet {
    cast: Rc<Cast>,
    /// Bytes that a tenant may keep, whatever others do.
    floor: u64,
    found: usize,
}

impl WorkingSet {
    /// Judges by this cast, and by the floor that is promised to every tenant, in bytes.
    pub fn new(cast: Rc<Cast>, floor: u64) -> WorkingSet {
        WorkingSet { cast, floor, found: 0 }
    }
}

impl Oracle<Saas> for WorkingSet {
    fn name(&self) -> &'static str {
        "working-set"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Fact::EntryEvicted { place, tenant, by, held } = seen.fact else { return };
        let own = by.as_ref() == Some(tenant);
        if own || *held > self.floor || self.cast.by_id(tenant).is_none() || self.found >= FINDINGS_MAX {
            return;
        }
        self.found += 1;
        let message = format!(
            "an entry of {tenant} was evicted from {} {} for {}, while {tenant} held {held} B, no more than its floor \
             of {} B",
            place.cell,
            place.store,
            by.as_deref().unwrap_or("the platform"),
            self.floor
        );
        findings.push(finding("working-set", "CAC-02", Some(tenant), seen, message));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::cast::Member;
    use super::*;
    use crate::fact::Place;
    use sim::Instant;

    fn check(tenant: &str, by: Option<&str>, held: u64, expected: bool) {
        let mut cast = Cast::default();
        for (index, id) in ["acme", "beta"].into_iter().enumerate() {
            cast.add_member(Member { id: id.into(), index: index as u32, region: "EU".into(), cell: "cell-a".into() });
        }
        let place = Place { store: "cache", cell: "cell-a".into(), region: "EU".into() };
        let fact = Fact::EntryEvicted { place, tenant: tenant.into(), by: by.map(Into::into), held };
        let mut findings = Vec::new();
        let seen = Seen { at: Instant::ZERO, role: "cell-a/cache", cause: 1, fact: &fact };
        WorkingSet::new(Rc::new(cast), 1_000).observe(&seen, &mut findings);
        assert_eq!(!findings.is_empty(), expected, "{tenant} {by:?} {held}");
    }

    #[test]
    fn what_a_tenant_holds_up_to_its_floor_goes_for_nobody_else() {
        check("acme", Some("beta"), 1_000, true);
        check("acme", None, 1, true);
        check("acme", Some("beta"), 1_001, false);
        check("acme", Some("acme"), 1_000, false);
        check("nobody", Some("beta"), 1_000, false);
    }
}
