//! CEL-04, CEL-05, CEL-06: bundles are made and staged as promised, and what an offline cell holds is what was staged
//! for it: each bundle once, in order, whole, and brought by as many people as are demanded.
//!
//! Judged by what lies in the stores at both ends. The staged bundle is read and verified here anew, and so is the
//! custody that lies with a restored one: no word of exporter or loader acquits them.

use super::{Cast, FINDINGS_MAX, finding};
use crate::control::Controls;
use crate::crypto::sha256;
use crate::fact::{Fact, Restored};
use crate::ids::TenantId;
use crate::offline::bundle::{Bundle, EDGES, Entry, Manifest, PEOPLE, POLICY_DATA, RECORDS, day_of, root};
use crate::offline::custody::{self, Custody, Trusted};
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// What is known of offline cells beforehand.
#[derive(Clone)]
pub struct Known {
    /// Which tenants live in which offline cell.
    pub hosted: BTreeMap<Arc<str>, Vec<TenantId>>,
    /// Who may carry bundles.
    pub custody: Trusted,
    /// Length of a day.
    pub rotation: Duration,
}

/// So many days may pass without a bundle once nothing is in the way: the day itself, one that began late, and a try.
const DAYS_MAX: u64 = 3;

/// By cell, tenant and sequence.
type Address = (Arc<str>, TenantId, u64);

struct Staged {
    manifest: Manifest,
    contents: Vec<(Arc<str>, [u8; 32])>,
}

/// Judges bundles at both ends.
pub struct Rehydration {
    cast: Rc<Cast>,
    known: Known,
    staged: BTreeMap<Address, Staged>,
    restored: BTreeMap<(Arc<str>, TenantId), u64>,
    /// When the last staged bundle was made.
    latest: BTreeMap<(Arc<str>, TenantId), Instant>,
    found: usize,
}

impl Rehydration {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>, known: Known) -> Rehydration {
        Rehydration {
            cast,
            known,
            staged: BTreeMap::new(),
            restored: BTreeMap::new(),
            latest: BTreeMap::new(),
            found: 0,
        }
    }

    /// What is wrong with a bundle that was staged.
    fn staged(&mut self, at: Instant, key: &str, kept_until: Instant, body: &[u8]) -> Option<String> {
        let Some(bundle) = Bundle::decode(body) else { return Some(format!("{key} is no bundle")) };
        let manifest = &bundle.manifest;
        let certificate = bundle.certificate.as_ref().filter(|certificate| certificate.is_of(root().public()));
        let own = manifest.files.iter().map(|entry| &entry.name).eq(bundle.files.iter().map(|(name, _)| name));
        let wrong = match certificate {
            None => Some("names a key that no root vouches for"),
            Some(certificate) if certificate.day != day_of(manifest.made_at, self.known.rotation) => {
                Some("is signed by the key of another day than it was made on")
            }
            Some(certificate) if !bundle.is_signed_by(&certificate.public) => Some("is not signed by the key it names"),
            Some(_) if !own || bundle.files.iter().map(Entry::of).ne(manifest.files.iter().cloned()) => {
                Some("holds other files than its manifest lists")
            }
            Some(_) if [RECORDS, EDGES, POLICY_DATA, PEOPLE].iter().any(|name| bundle.file(name).is_none()) => {
                Some("lacks rows, edges, policy or people")
            }
            Some(_) if !bundle.files.iter().any(|(name, _)| name.starts_with("kafka/")) => Some("lacks topics"),
            Some(_) if kept_until <= at => Some("is not kept where it was staged"),
            Some(_) => None,
        };
        let made_at = self.latest.entry((manifest.cell.clone(), manifest.tenant.clone())).or_default();
        *made_at = manifest.made_at.max(*made_at);
        let address = (manifest.cell.clone(), manifest.tenant.clone(), manifest.sequence);
        // What fences rows is part of the database it was restored into, and is not read back from there.
        let read_back =
            |name: &str| name.starts_with("kafka/") || [RECORDS, EDGES, POLICY_DATA, PEOPLE].contains(&name);
        let contents = bundle.files.iter().filter(|(name, _)| read_back(name));
        let mut contents: Vec<_> = contents.map(|(name, content)| (name.clone(), sha256(content))).collect();
        contents.sort();
        self.staged.entry(address).or_insert(Staged { manifest: bundle.manifest, contents });
        wrong.map(|wrong| format!("bundle {key} {wrong}"))
    }

    /// What is wrong with a bundle that was restored, and which requirement that breaks.
    fn restored(&mut self, restored: &Restored) -> Option<(&'static str, String)> {
        let Restored { place, tenant, sequence, manifest_sha256, contents, custody } = restored;
        let what = format!("bundle {sequence} of {tenant} was restored in {}", place.cell);
        let last = self.restored.insert((place.cell.clone(), tenant.clone()), *sequence).unwrap_or(0);
        if !self.known.hosted.get(&place.cell).is_some_and(|tenants| tenants.contains(tenant)) {
            return Some(("CEL-05", format!("{what}, where that tenant does not live")));
        }
        if *sequence != last + 1 {
            return Some(("CEL-05", format!("{what}, after bundle {last}")));
        }
        let Some(staged) = self.staged.get(&(place.cell.clone(), tenant.clone(), *sequence)) else {
            return Some(("CEL-05", format!("{what}, and was never staged")));
        };
        if staged.manifest.digest() != *manifest_sha256 {
            return Some(("CEL-05", format!("{what}, and another one was staged for it")));
        }
        if staged.contents != *contents {
            let differs = |(name, _): &&(Arc<str>, [u8; 32])| {
                let of = |list: &[(Arc<str>, [u8; 32])]| list.iter().find(|(n, _)| n == name).map(|(_, sha)| *sha);
                of(&staged.contents) != of(contents)
            };
            let name = staged.contents.iter().chain(contents).find(differs).map_or("a file", |(name, _)| &**name);
            return Some(("CEL-05", format!("{what}, and {name} is not what was staged")));
        }
        let brought = Custody::decode(custody);
        let trusted = &self.known.custody;
        let refused = match &brought {
            Some(custody) => custody::check(&Controls::all_on(), trusted, &staged.manifest, custody).err(),
            None => Some(custody::Refused::Custodians),
        };
        refused.map(|refused| ("CEL-06", format!("{what}, and its custody does not hold: {}", refused.code())))
    }
}

impl Oracle<Saas> for Rehydration {
    fn name(&self) -> &'static str {
        "rehydration"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let (tenant, wrong) = match seen.fact {
            Fact::ObjectStored { key, kept_until, body, .. } if key.contains("/archive/offline/") => {
                let owner = self.cast.object_owner(key).map(|member| member.id.clone());
                (owner, self.staged(seen.at, key, *kept_until, body).map(|wrong| ("CEL-04", wrong)))
            }
            Fact::BundleRestored(restored) => (Some(restored.tenant.clone()), self.restored(restored)),
            _ => return,
        };
        if let (Some((requirement, message)), true) = (wrong, self.found < FINDINGS_MAX) {
            self.found += 1;
            findings.push(finding("rehydration", requirement, tenant.as_deref(), seen, message));
        }
    }
    fn finish(&mut self, end: Instant, _findings: &mut Vec<Finding>, pending: &mut Vec<String>) {
        let lines = self.known.hosted.iter().flat_map(|(cell, tenants)| tenants.iter().map(move |t| (cell, t)));
        for (cell, tenant) in lines {
            let last = self.latest.get(&(cell.clone(), tenant.clone())).copied().unwrap_or_default();
            if end.since(last) > self.known.rotation * DAYS_MAX {
                pending.push(format!("CEL-04: no bundle of {tenant} for {cell} was made since {last}"));
            }
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
