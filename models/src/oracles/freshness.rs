//! CAC-03: a read that a cache may answer is stale no longer than its bound.
//!
//! Judged on client facts alone. Whoever changed a record, was told so, and reads it again after the bound finds this
//! change or a later one, whatever stands between. Reads past every cache are `durability`'s business.

use super::durability::{STRONG, Write, lost, marker};
use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Judges what honest tenants read of their own records.
pub struct Freshness {
    cast: Rc<Cast>,
    bound: Duration,
    /// By record.
    acknowledged: BTreeMap<(TenantId, u32), Vec<Write>>,
    found: usize,
    /// Reads that were compared: zero means nothing was proved.
    pub compared: u64,
}

impl Freshness {
    /// Judges by this cast and bound.
    pub fn new(cast: Rc<Cast>, bound: Duration) -> Freshness {
        Freshness { cast, bound, acknowledged: BTreeMap::new(), found: 0, compared: 0 }
    }
}

/// The number of the record that a read names, if a cache may answer it.
fn read_of(what: &str) -> Option<u32> {
    let spelled = what.strip_prefix("GET /v1/records/")?;
    spelled.parse().ok().filter(|_| !what.ends_with(STRONG))
}

impl Oracle<Saas> for Freshness {
    fn name(&self) -> &'static str {
        "freshness"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(principal) = self.cast.principal(&answer.principal).filter(|p| p.honest) else { return };
        let (Some(tenant), Some(found)) = (principal.tenant.clone(), marker(&answer.body)) else { return };
        if (200..300).contains(&answer.status) && answer.what.starts_with("PUT") {
            let writes = self.acknowledged.entry((tenant, found.record)).or_default();
            writes.push((found.field, answer.intended, seen.at));
        } else if let Some(record) = read_of(&answer.what).filter(|_| answer.status == 200) {
            let Some(writes) = self.acknowledged.get(&(tenant.clone(), record)) else { return };
            self.compared += 1;
            let since = Instant(answer.intended.0.saturating_sub(self.bound.0));
            let Some((version, at)) = lost(writes, Some(found.field), since) else { return };
            if self.found < FINDINGS_MAX {
                self.found += 1;
                let message = format!(
                    "version {version} was acknowledged to {} at {at}; {} found version {} more than {} later",
                    answer.principal, answer.what, found.field, self.bound
                );
                findings.push(finding("freshness", "CAC-03", Some(&tenant), seen, message));
            }
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_that_a_cache_may_answer_are_judged() {
        assert_eq!(read_of("GET /v1/records/7"), Some(7));
        for other in ["GET /v1/records/7 (no-cache)", "GET /v1/records?limit=5", "PUT /v1/records/7", "GET /v1/whoami"]
        {
            assert_eq!(read_of(other), None, "{other}");
        }
    }
}
