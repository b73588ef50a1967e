//! Prepared statements by text.
//!
//! A hit costs a few loads and one comparison of the text, or none when the client shares its `Arc`. The cache is a
//! fixed table of small buckets: an attacker who sends new text all day evicts plans, and never grows it.

use super::plan::Prepared;
use std::sync::Arc;

/// Buckets; a power of two.
const BUCKETS: usize = 256;
/// Plans in a bucket.
const WAYS: usize = 4;

/// The cache.
#[derive(Clone, Debug, Default)]
pub struct PlanCache {
    buckets: Vec<Bucket>,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    ways: [Option<Entry>; WAYS],
    next: u8,
}

#[derive(Clone, Debug)]
struct Entry {
    text: Arc<str>,
    generation: u64,
    prepared: Arc<Prepared>,
}

impl PlanCache {
    /// The plan of a text, if it was made for this generation of the catalog.
    #[inline]
    pub fn get(&self, text: &Arc<str>, generation: u64) -> Option<Arc<Prepared>> {
        let bucket = self.buckets.get(place(text));
        let same = |e: &&Entry| e.generation == generation && (Arc::ptr_eq(&e.text, text) || e.text == *text);
        bucket.and_then(|b| b.ways.iter().flatten().find(same)).map(|e| Arc::clone(&e.prepared))
    }
    /// Keeps a plan, in place of the oldest of its bucket.
    pub fn put(&mut self, text: &Arc<str>, generation: u64, prepared: &Arc<Prepared>) {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, Bucket::default());
        }
        let bucket = &mut self.buckets[place(text)];
        let stale = bucket.ways.iter().position(|w| w.as_ref().is_none_or(|e| e.generation != generation));
        let way = stale.unwrap_or_else(|| {
            bucket.next = (bucket.next + 1) % WAYS as u8;
            usize::from(bucket.next)
        });
        let entry = Entry { text: Arc::clone(text), generation, prepared: Arc::clone(prepared) };
        bucket.ways[way] = Some(entry);
    }
}

/// A bucket from the length and four samples of the text: cheap, and the same on every machine.
#[inline]
fn place(text: &str) -> usize {
    let bytes = text.as_bytes();
    let sample = |at: usize| match bytes.get(at..at + 8) {
        Some(eight) => u64::from_le_bytes(eight.try_into().expect("eight bytes")),
        None => bytes.iter().fold(0, |a, b| (a << 5) ^ u64::from(*b)),
    };
    let n = bytes.len();
    let mut mixed = n as u64;
    for at in [0, n / 3, 2 * n / 3, n.saturating_sub(8)] {
        mixed = (mixed ^ sample(at)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    mixed as usize % BUCKETS
}
