//! STO-09: what is served is what somebody wrote, to the bit.
//!
//! Honest tenants write nothing but data with a checksum of its own, each record under its own number. So what such a
//! tenant reads of a record shows by itself whether a store has changed it, or has put it under another number.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::marker::Marker;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::rc::Rc;

/// Judges what honest tenants read of their records.
pub struct Integrity {
    cast: Rc<Cast>,
    found: usize,
    /// Records that were looked at: zero means nothing was proved.
    pub read: u64,
}

impl Integrity {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Integrity {
        Integrity { cast, found: 0, read: 0 }
    }
}

/// The number of the one record that a request reads.
fn record_of(what: &str) -> Option<u32> {
    let path = what.strip_prefix("GET /v1/records/")?;
    path.split(' ').next()?.parse().ok()
}

/// What is wrong with the content of a record.
fn wrong(body: &[u8], record: u32) -> Option<String> {
    match Marker::decode(body) {
        None => Some("nothing that anybody wrote".into()),
        Some(marker) if marker.record != record => Some(format!("the content of record {}", marker.record)),
        Some(_) => None,
    }
}

impl Oracle<Saas> for Integrity {
    fn name(&self) -> &'static str {
        "integrity"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen).filter(|answer| answer.status == 200) else { return };
        let Some(principal) = self.cast.principal(&answer.principal).filter(|p| p.honest) else { return };
        let Some(record) = record_of(&answer.what) else { return };
        self.read += 1;
        let Some(wrong) = wrong(&answer.body, record) else { return };
        if self.found < FINDINGS_MAX {
            self.found += 1;
            let message = format!("{} asked {} and got {wrong}", answer.principal, answer.what);
            findings.push(finding("integrity", "STO-09", principal.tenant.as_deref(), seen, message));
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
    fn every_flipped_bit_of_a_datum_is_seen_and_so_is_a_datum_in_anothers_place() {
        let marker = Marker::new(1, 1, 7, 3, 0x0123_4567_89ab_cdef);
        let body = marker.encode().as_bytes().to_vec();
        assert_eq!(wrong(&body, 7), None);
        assert_eq!(wrong(&body, 8).as_deref(), Some("the content of record 7"));
        for bit in 0..body.len() * 8 {
            let mut damaged = body.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(wrong(&damaged, 7).is_some(), "bit {bit}: {}", String::from_utf8_lossy(&damaged));
        }
    }

    #[test]
    fn only_reads_of_one_record_are_judged() {
        assert_eq!(record_of("GET /v1/records/7"), Some(7));
        assert_eq!(record_of("GET /v1/records/7 (no-cache)"), Some(7));
        for other in ["GET /v1/records?limit=5", "GET /v1/records/count", "PUT /v1/records/7", "GET /v1/whoami"] {
            assert_eq!(record_of(other), None);
        }
    }
}
