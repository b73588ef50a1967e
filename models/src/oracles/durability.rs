//! STO-04: a write that was acknowledged to a client is there when the client reads it again.
//!
//! Judged on client facts alone. Writes overlap, because clients are open loop and the platform retries: so a read may
//! find any write that no acknowledged one strictly followed. It may not find an older one, or nothing.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::ids::TenantId;
use crate::marker::{Marker, Scanner};
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Instant, Vantage};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Suffix by which a client marks a read that must not be answered by a cache.
pub const STRONG: &str = " (no-cache)";

/// An acknowledged write: version, when it was sent, and when it was acknowledged.
pub(super) type Write = (u16, Instant, Instant);

/// Judges that acknowledged writes stay.
pub struct Durability {
    cast: Rc<Cast>,
    /// By record.
    acknowledged: BTreeMap<(TenantId, u32), Vec<Write>>,
    found: usize,
    /// Reads that were compared: zero means nothing was proved.
    pub compared: u64,
}

impl Durability {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Durability {
        Durability { cast, acknowledged: BTreeMap::new(), found: 0, compared: 0 }
    }
}

pub(super) fn marker(body: &[u8]) -> Option<Marker> {
    Scanner::shared().first(body).and_then(|hit| hit.marker)
}

/// The acknowledged write that must have been lost, if a read sent at `asked` found version `read`: one that was sent
/// after the found one was acknowledged, and was itself acknowledged before the read was sent.
pub(super) fn lost(writes: &[Write], read: Option<u16>, asked: Instant) -> Option<(u16, Instant)> {
    let found_at = match read {
        // What nobody was told about may still be on its way: any moment may have been its own.
        Some(version) if version > 0 => writes.iter().find(|w| w.0 == version)?.2,
        // The first version, or no record at all, is older than every write.
        _ => Instant::ZERO,
    };
    let after = writes.iter().filter(|(_, sent, acknowledged)| *sent > found_at && *acknowledged < asked);
    after.map(|(version, _, acknowledged)| (*version, *acknowledged)).max_by_key(|(_, at)| *at)
}

impl Oracle<Saas> for Durability {
    fn name(&self) -> &'static str {
        "durability"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(principal) = self.cast.principal(&answer.principal).filter(|p| p.honest) else { return };
        let Some(tenant) = principal.tenant.clone().filter(|id| !self.cast.is_deleted(id, seen.at)) else { return };
        if (200..300).contains(&answer.status) && answer.what.starts_with("PUT") {
            if let Some(m) = marker(&answer.body) {
                let writes = self.acknowledged.entry((tenant, m.record)).or_default();
                writes.push((m.field, answer.intended, seen.at));
            }
        } else if answer.what.ends_with(STRONG) && matches!(answer.status, 200 | 404) {
            let spelled = answer.what.rsplit('/').next().and_then(|s| s.strip_suffix(STRONG));
            let Some(record) = spelled.and_then(|s| s.parse().ok()) else { return };
            let Some(writes) = self.acknowledged.get(&(tenant.clone(), record)) else { return };
            self.compared += 1;
            let read = marker(&answer.body).map(|m| m.field);
            let Some((version, at)) = lost(writes, read, answer.intended) else { return };
            if self.found < FINDINGS_MAX {
                self.found += 1;
                let read = read.map_or("nothing".into(), |r| format!("version {r}"));
                let message = format!(
                    "version {version} was acknowledged to {} at {at}; {} then found {read}",
                    answer.principal, answer.what
                );
                findings.push(finding("durability", "STO-04", Some(&tenant), seen, message));
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

    fn check(writes: &[(u16, u64, u64)], read: Option<u16>, expected: Option<u16>) {
        let writes: Vec<_> = writes.iter().map(|(v, sent, done)| (*v, Instant(*sent), Instant(*done))).collect();
        assert_eq!(lost(&writes, read, Instant(100)).map(|(version, _)| version), expected);
    }

    #[test]
    fn the_last_acknowledged_write_must_be_found() {
        check(&[(1, 1, 2), (2, 3, 4)], Some(2), None);
        check(&[(1, 1, 2), (2, 3, 4)], Some(1), Some(2));
        check(&[(1, 1, 2)], Some(0), Some(1));
        check(&[(1, 1, 2)], None, Some(1));
    }

    #[test]
    fn of_two_writes_that_overlapped_either_may_be_found() {
        check(&[(1, 1, 5), (2, 3, 4)], Some(1), None);
        check(&[(1, 1, 5), (2, 3, 4)], Some(2), None);
        check(&[(2, 3, 4)], Some(1), None);
    }

    #[test]
    fn a_write_that_was_acknowledged_after_the_read_began_says_nothing() {
        check(&[(1, 1, 150)], Some(0), None);
    }
}
