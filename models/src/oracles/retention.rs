//! STO-08: what a store keeps until a time is there until that time, and is what was put there.
//!
//! Judged by what the store holds: a version that goes, or that another one takes the place of, before its time is a
//! breach, whoever asked for it. A store that begins again states what it holds once more.

use super::{Cast, FINDINGS_MAX, finding};
use crate::crypto::sha256;
use crate::fact::Fact;
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Instant, Vantage};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

struct Kept {
    version: u32,
    until: Instant,
    sha256: [u8; 32],
}

/// Judges stores that keep.
pub struct Retention {
    cast: Rc<Cast>,
    /// The kept version of an object, by cell and key.
    kept: BTreeMap<(Arc<str>, Arc<str>), Kept>,
    found: usize,
}

impl Retention {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Retention {
        Retention { cast, kept: BTreeMap::new(), found: 0 }
    }

    /// What became of something that was kept, if anything did before its time.
    fn broken(&mut self, seen: &Seen<'_, Saas>) -> Option<(Arc<str>, String)> {
        match seen.fact {
            Fact::ObjectStored { place, key, version, kept_until, body } => {
                let (at, digest) = ((place.cell.clone(), key.clone()), sha256(body));
                let before = self.kept.get(&at).filter(|kept| seen.at < kept.until);
                let is_other = before.is_some_and(|kept| kept.version != *version || kept.sha256 != digest);
                let was = before.map(|kept| (kept.version, kept.until));
                if *kept_until > seen.at {
                    self.kept.insert(at, Kept { version: *version, until: *kept_until, sha256: digest });
                }
                let (old, until) = was.filter(|_| is_other)?;
                Some((key.clone(), format!("version {old}, kept until {until}, was replaced by version {version}")))
            }
            Fact::ObjectRemoved { place, key, version } => {
                let kept = self.kept.remove(&(place.cell.clone(), key.clone()))?;
                let early = kept.version == *version && seen.at < kept.until;
                early.then(|| (key.clone(), format!("version {version}, kept until {}, was removed", kept.until)))
            }
            _ => None,
        }
    }
}

impl Oracle<Saas> for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some((key, what)) = self.broken(seen) else { return };
        if self.found < FINDINGS_MAX {
            self.found += 1;
            let owner = self.cast.object_owner(&key).map(|member| &*member.id);
            findings.push(finding("retention", "STO-08", owner, seen, format!("of object {key}, {what}")));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
