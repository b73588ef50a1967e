//! SRV-02: a store is asked little more than the platform was, whatever fails.
//!
//! Judged by what clients asked for and what stores keep: a write that is done again leaves another version behind. So
//! it counts the attempts that were carried out, also those of which nobody was told; a retry that reached nobody costs
//! nobody anything. At no moment may there be more of them than writes that were asked for, plus what all requests
//! together have earned. What a client was told is refused at the door was not asked of any store, and earned nothing.

use super::{Cast, finding};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// A version of a row.
type Version = (TenantId, i64, i64);

#[derive(Default)]
struct Count {
    asked: i64,
    writes: i64,
    done: BTreeSet<Version>,
    found: bool,
}

impl Count {
    /// A request came (+1), or was refused at the door after all (-1).
    fn add(&mut self, what: &str, sign: i64) {
        let writes = what.starts_with("PUT ") || what.starts_with("POST /v1/records");
        self.asked += sign;
        self.writes += if writes { sign } else { 0 };
    }

    /// Attempts beyond what was asked for, and what requests have earned.
    fn retries(&self, budget_ppm: u64) -> (i64, i64) {
        (self.done.len() as i64 - self.writes, self.asked * budget_ppm as i64 / 1_000_000)
    }
}

/// Reasons with which a gateway turns a request away.
const REFUSED: [&str; 4] = ["rate-limited", "switch-limited", "over-share", "overloaded"];

/// Judges how often writes were carried out, by cell.
pub struct Attempts {
    cast: Rc<Cast>,
    budget_ppm: u64,
    cells: BTreeMap<Arc<str>, Count>,
}

impl Attempts {
    /// Judges by this cast; a million requests earn `budget_ppm` retries.
    pub fn new(cast: Rc<Cast>, budget_ppm: u64) -> Attempts {
        Attempts { cast, budget_ppm, cells: BTreeMap::new() }
    }

    /// Where requests of the principal are counted.
    fn count(&mut self, principal: &str) -> Option<&mut Count> {
        let tenant = self.cast.principal(principal)?.tenant.as_ref()?;
        let cell = self.cast.by_id(tenant)?.cell.clone();
        Some(self.cells.entry(cell).or_default())
    }
}

impl Oracle<Saas> for Attempts {
    fn name(&self) -> &'static str {
        "attempts"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::Asked { principal, what, .. } => {
                if let Some(count) = self.count(principal) {
                    count.add(what, 1);
                }
            }
            Fact::Answered(answer) if REFUSED.contains(&answer.reason) => {
                if let Some(count) = self.count(&answer.principal) {
                    count.add(&answer.what, -1);
                }
            }
            Fact::RowStored { place, tenant, key, version, .. } => {
                let count = self.cells.entry(place.cell.clone()).or_default();
                // A standby keeps the same version again.
                count.done.insert((tenant.clone(), *key, *version));
                let (retries, earned) = count.retries(self.budget_ppm);
                if retries > earned && !std::mem::replace(&mut count.found, true) {
                    let message = format!(
                        "{} writes were carried out in {} for {} that were asked for; {} requests had earned {earned} \
                         retries",
                        count.done.len(),
                        place.cell,
                        count.writes,
                        count.asked
                    );
                    findings.push(finding("attempts", "SRV-02", Some(tenant), seen, message));
                }
            }
            _ => {}
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
    use crate::oracles::Principal;
    use crate::oracles::cast::Member;
    use sim::Instant;

    /// `r` a read is asked for, `w` a write; `d` a write is done, `s` the last one is kept by a standby too.
    fn check(story: &str, expected: usize) {
        let mut cast = Cast::default();
        cast.add_member(Member { id: "acme".into(), index: 0, region: "EU".into(), cell: "cell-a".into() });
        cast.add(Principal {
            name: "client/acme".into(),
            tenant: Some("acme".into()),
            also: Vec::new(),
            honest: true,
            breach: "TEN-02",
            never: false,
            entitled_until: Instant::ZERO,
        });
        let (mut judge, mut findings, mut version) = (Attempts::new(Rc::new(cast), 100_000), Vec::new(), 0);
        for act in story.chars() {
            let asked = |what: &str| Fact::Asked { principal: "client/acme".into(), request: 1, what: what.into() };
            version += i64::from(act == 'd');
            let fact = match act {
                'r' => asked("GET /v1/records/1"),
                'w' => asked("PUT /v1/records/1"),
                _ => Fact::RowStored {
                    place: Place { store: "postgres", cell: "cell-a".into(), region: "EU".into() },
                    slice: None,
                    tenant: "acme".into(),
                    key: 1,
                    version,
                    body: Arc::new([]),
                },
            };
            judge.observe(&Seen { at: Instant::ZERO, role: "node", cause: 0, fact: &fact }, &mut findings);
        }
        assert_eq!(findings.len(), expected, "{story}: {findings:#?}");
    }

    #[test]
    fn a_write_may_be_done_again_only_when_ten_requests_have_earned_it() {
        check("wdswds", 0);
        check("wdd", 1);
        check("rrrrrrrrrwdd", 0);
        check("rrrrrrrrrwddd", 1);
        check("wddrrrrrrrrrrrrrrrrrrrr", 1);
    }
}
