//! TEN-04 and STO-13: what a pinned tenant owns lies in its slice and nowhere else, nothing else lies there, and nobody
//! else learns what the slice is called.
//!
//! Judged by what stores keep and what principals receive. Names of schemas hold no secret of their own, but they say
//! who has a slice, which is nobody's business.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::config::Slice;
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Judges where rows and cache entries of pinned tenants lie, and who hears of their slices.
pub struct Slices {
    cast: Rc<Cast>,
    pinned: BTreeMap<TenantId, Slice>,
    found: usize,
}

impl Slices {
    /// Judges by this cast, and these slices.
    pub fn new(cast: Rc<Cast>, pinned: BTreeMap<TenantId, Slice>) -> Slices {
        Slices { cast, pinned, found: 0 }
    }

    /// What is wrong with a fact: the requirement, the tenant that suffers, and how.
    fn wrong(&self, seen: &Seen<'_, Saas>) -> Option<(&'static str, TenantId, String)> {
        match seen.fact {
            Fact::RowStored { place, slice, tenant, key, .. } => {
                let own = self.pinned.get(tenant).map(|own| &*own.schema);
                let lies = slice.as_deref().unwrap_or("the shared slice");
                let message = match (own, slice.as_deref()) {
                    (own, lies) if own == lies => return None,
                    (Some(own), _) => format!("row {tenant}/{key} lies in {lies} of {}, and not in {own}", place.cell),
                    (None, _) => format!("row {tenant}/{key} lies in {lies} of {}, which is another's", place.cell),
                };
                Some(("TEN-04", tenant.clone(), message))
            }
            Fact::EntryStored { place, database, tenant } => {
                let own = self.pinned.get(tenant)?.cache_database;
                let message = format!(
                    "an entry of {tenant} lies in database {database} of the cache in {}, not in {own}",
                    place.cell
                );
                (own != *database).then(|| ("TEN-04", tenant.clone(), message))
            }
            Fact::Answered(_) => self.told(seen),
            _ => None,
        }
    }

    /// A slice that somebody else heard of.
    fn told(&self, seen: &Seen<'_, Saas>) -> Option<(&'static str, TenantId, String)> {
        let answer = answer(seen)?;
        let principal = self.cast.principal(&answer.principal)?;
        let holds = |name: &str| answer.body.windows(name.len()).any(|part| part == name.as_bytes());
        let others = self.pinned.iter().filter(|(tenant, _)| !principal.holds(tenant));
        let (tenant, slice) = others.into_iter().find(|(_, slice)| holds(&slice.schema))?;
        let message =
            format!("{} is told of slice {} in the answer to {}", answer.principal, slice.schema, answer.what);
        Some(("STO-13", tenant.clone(), message))
    }
}

impl Oracle<Saas> for Slices {
    fn name(&self) -> &'static str {
        "slices"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        if self.found == FINDINGS_MAX {
            return;
        }
        if let Some((requirement, tenant, message)) = self.wrong(seen) {
            self.found += 1;
            findings.push(finding("slices", requirement, Some(&tenant), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Place;
    use sim::Instant;
    use std::sync::Arc;

    fn check(fact: &Fact, expected: &[&str]) {
        let slice = Slice { schema: "plane_gamma".into(), cache_database: 1 };
        let mut judge = Slices::new(Rc::new(Cast::default()), BTreeMap::from([("gamma".into(), slice)]));
        let mut findings = Vec::new();
        judge.observe(&Seen { at: Instant::ZERO, role: "node", cause: 0, fact }, &mut findings);
        let found: Vec<&str> = findings.iter().map(|f| &*f.requirement).collect();
        assert_eq!(found, expected, "{fact:?}");
    }

    fn place(store: &'static str) -> Place {
        Place { store, cell: "cell-a".into(), region: "EU".into() }
    }

    #[test]
    fn rows_and_entries_belong_where_their_tenant_is_pinned_to() {
        let row = |slice: Option<&str>, tenant: &str| Fact::RowStored {
            place: place("postgres"),
            slice: slice.map(Arc::from),
            tenant: tenant.into(),
            key: 1,
            version: 1,
            body: Arc::new([]),
        };
        check(&row(Some("plane_gamma"), "gamma"), &[]);
        check(&row(None, "acme"), &[]);
        check(&row(None, "gamma"), &["TEN-04"]);
        check(&row(Some("plane_gamma"), "acme"), &["TEN-04"]);
        check(&row(Some("plane_other"), "gamma"), &["TEN-04"]);
        let entry =
            |database, tenant: &str| Fact::EntryStored { place: place("cache"), database, tenant: tenant.into() };
        check(&entry(1, "gamma"), &[]);
        check(&entry(0, "gamma"), &["TEN-04"]);
    }
}
