//! Prepared statements by text.
//!
//! A hit costs a few loads and one comparison of the text, or none when the client shares its `Arc`. The cache is a
//! fixed table of small buckets: an attacker who sends new text all day evicts plans, and never grows it.

use super::catalog::RoleId;
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

/// Whom a plan was made for: what a name means depends on the role, its search path, and the definitions so far.
#[derive(Clone, Debug)]
pub struct Made {
    /// The generation of the catalog.
    pub generation: u64,
    /// The role.
    pub role: RoleId,
    /// Its search path.
    pub path: Arc<str>,
}

impl Made {
    #[inline]
    fn same(&self, other: &Made) -> bool {
        self.generation == other.generation
            && self.role == other.role
            && (Arc::ptr_eq(&self.path, &other.path) || self.path == other.path)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    text: Arc<str>,
    made: Made,
    prepared: Arc<Prepared>,
}

impl PlanCache {
    /// The plan of a text, if it was made for the same.
    #[inline]
    pub fn get(&self, text: &Arc<str>, made: &Made) -> Option<Arc<Prepared>> {
        let bucket = self.buckets.get(place(text));
        let same = |e: &&Entry| e.made.same(made) && (Arc::ptr_eq(&e.text, text) || e.text == *text);
        bucket.and_then(|b| b.ways.iter().flatten().find(same)).map(|e| Arc::clone(&e.prepared))
    }
    /// Keeps a plan, in place of the oldest of its bucket.
    pub fn put(&mut self, text: &Arc<str>, made: &Made, prepared: &Arc<Prepared>) {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, Bucket::default());
        }
        let bucket = &mut self.buckets[place(text)];
        let stale = bucket.ways.iter().position(|w| w.as_ref().is_none_or(|e| e.made.generation != made.generation));
        let way = stale.unwrap_or_else(|| {
            bucket.next = (bucket.next + 1) % WAYS as u8;
            usize::from(bucket.next)
        });
        let entry = Entry { text: Arc::clone(text), made: made.clone(), prepared: Arc::clone(prepared) };
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
