//! STO-06: what the graph holds of relations is what their owner was told, once everything has come to rest.
//!
//! Judged by what clients were told and what the store states. A change that nobody was told about may have happened or
//! not; one that was acknowledged, and was not followed by another, must show.

use super::{Cast, FINDINGS_MAX, answer};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Instant, Vantage};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

type Pair = (TenantId, i64, i64);

/// A change that somebody asked for: whether the relation is there after it, and whether it was acknowledged.
#[derive(Clone, Copy)]
struct Asked {
    present: bool,
    acknowledged: bool,
}

/// Judges graphs by what was promised.
pub struct Convergence {
    cast: Rc<Cast>,
    asked: BTreeMap<Pair, BTreeMap<i64, Asked>>,
    /// By cell, what its graph holds: version and copies.
    held: BTreeMap<Arc<str>, BTreeMap<Pair, (i64, u32)>>,
    last: BTreeMap<Pair, (Instant, String)>,
}

impl Convergence {
    /// Judges by this cast; `first` are relations that were there from the beginning, in their first version.
    pub fn new(cast: Rc<Cast>, first: impl Iterator<Item = Pair>) -> Convergence {
        let there = |pair| (pair, BTreeMap::from([(1, Asked { present: true, acknowledged: true })]));
        let asked = first.map(there).collect();
        Convergence { cast, asked, held: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// What is wrong with what is held of a relation, if anything.
    fn wrong(asked: Option<&BTreeMap<i64, Asked>>, held: Option<(i64, u32)>) -> Option<String> {
        let Some(asked) = asked else {
            let (version, copies) = held.filter(|(_, copies)| *copies > 0)?;
            return Some(format!("is there {copies} times (version {version}), and nobody ever asked for it"));
        };
        let acknowledged = asked.iter().rev().find(|(_, asked)| asked.acknowledged).map_or(0, |(version, _)| *version);
        let absent = acknowledged == 0 || asked.range(acknowledged..).any(|(_, asked)| !asked.present);
        match held {
            Some((version, copies)) if copies > 1 => Some(format!("is there {copies} times (version {version})")),
            Some((version, 1)) => {
                let may = version >= acknowledged && asked.get(&version).is_some_and(|asked| asked.present);
                (!may).then(|| format!("is there in version {version}, and {acknowledged} was acknowledged"))
            }
            _ => (!absent).then(|| format!("is not there, and version {acknowledged} was acknowledged")),
        }
    }
}

/// The relation that a request changes, and how.
fn change(what: &str) -> Option<(i64, i64, i64, bool)> {
    let (method, rest) = what.split_once(" /v1/relations/")?;
    let (pair, version) = rest.split_once("?version=")?;
    let (source, target) = pair.split_once('/')?;
    let present = match method {
        "PUT" => true,
        "DELETE" => false,
        _ => return None,
    };
    Some((source.parse().ok()?, target.parse().ok()?, version.parse().ok()?, present))
}

impl Oracle<Saas> for Convergence {
    fn name(&self) -> &'static str {
        "convergence"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, _findings: &mut Vec<Finding>) {
        let (principal, what, acknowledged) = match seen.fact {
            Fact::Asked { principal, what, .. } => (principal, what, false),
            Fact::Answered(_) => match answer(seen) {
                Some(answer) if answer.status / 100 == 2 => (&answer.principal, &answer.what, true),
                _ => return,
            },
            Fact::GraphOpened { place } if place.store == "graph" => {
                self.held.insert(place.cell.clone(), BTreeMap::new());
                return;
            }
            Fact::EdgeStored { place, tenant, source, target, version, copies } if place.store == "graph" => {
                let pair = (tenant.clone(), *source, *target);
                self.last.insert(pair.clone(), (seen.at, seen.role.to_owned()));
                self.held.entry(place.cell.clone()).or_default().insert(pair, (*version, *copies));
                return;
            }
            _ => return,
        };
        let Some((source, target, version, present)) = change(what) else { return };
        let Some(tenant) = self.cast.principal(principal).and_then(|p| p.tenant.clone()) else { return };
        let versions = self.asked.entry((tenant, source, target)).or_default();
        let asked = versions.entry(version).or_insert(Asked { present, acknowledged });
        asked.acknowledged |= acknowledged;
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let mut found = Vec::new();
        for (cell, held) in &self.held {
            let here = |pair: &Pair| self.cast.by_id(&pair.0).is_some_and(|member| member.cell == *cell);
            let pairs: std::collections::BTreeSet<&Pair> =
                self.asked.keys().filter(|p| here(p)).chain(held.keys()).collect();
            for pair in pairs {
                let Some(wrong) = Convergence::wrong(self.asked.get(pair), held.get(pair).copied()) else { continue };
                let (at, node) = self.last.get(pair).cloned().unwrap_or((end, format!("{cell}/graph")));
                found.push(Finding {
                    requirement: "STO-06".into(),
                    oracle: "convergence".into(),
                    vantage: Vantage::Store,
                    tenant: Some(pair.0.to_string()),
                    node,
                    at_ns: at.0,
                    cause: format!("{:016x}", 0),
                    message: format!("relation {}/{}>{} {wrong}", pair.0, pair.1, pair.2),
                });
            }
        }
        findings.extend(found.into_iter().take(FINDINGS_MAX));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &[(i64, bool, bool)], held: Option<(i64, u32)>, fine: bool) {
        let asked: BTreeMap<i64, Asked> = asked
            .iter()
            .map(|(v, present, acknowledged)| (*v, Asked { present: *present, acknowledged: *acknowledged }))
            .collect();
        assert_eq!(Convergence::wrong(Some(&asked), held).is_none(), fine, "{held:?}");
    }

    #[test]
    fn the_last_acknowledged_change_shows_or_one_that_came_after_it() {
        let told = [(1, true, true), (2, false, true), (3, true, false)];
        check(&told, None, true);
        check(&told, Some((2, 0)), true);
        check(&told, Some((3, 1)), true);
        check(&told, Some((1, 1)), false);
        check(&told, Some((3, 2)), false);
        check(&[(1, true, true)], None, false);
        check(&[(1, true, false)], None, true);
        assert!(Convergence::wrong(None, Some((1, 1))).is_some());
        assert!(Convergence::wrong(None, Some((1, 0))).is_none());
    }

    #[test]
    fn a_change_is_read_from_its_request() {
        assert_eq!(change("PUT /v1/relations/1/2?version=3"), Some((1, 2, 3, true)));
        assert_eq!(change("DELETE /v1/relations/1/2?version=3"), Some((1, 2, 3, false)));
        assert_eq!(change("GET /v1/relations/1?depth=2"), None);
    }
}
