//! A bounded, exact memo of pure functions over long bytes: same bytes, same answer, no second library call.
//!
//! Signed things end in their signature, so their last sixteen bytes tell them apart: no hash is needed, and equality
//! is still decided on every byte (or on the shared pointer, which is the same thing). Two generations bound it: when
//! the young one is full it becomes the old one, so that what is in use survives, and nothing depends on addresses.

use crate::ids::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Two different values whose last sixteen bytes agree share a bucket; unsigned forgeries can do that at will, so the
/// bucket is bounded and forgets its oldest.
const BUCKET_MAX: usize = 8;

/// Something long that is kept once and compared often.
pub trait Interned: Clone {
    /// A short tag; equal values have equal tags.
    fn tag(&self) -> u128;
    /// Whether the two are equal in every byte.
    fn same(&self, other: &Self) -> bool;
}

/// Answers by interned value, at most two generations of `capacity` values.
#[derive(Debug)]
pub struct Memo<K, V> {
    young: BTreeMap<u128, Vec<(K, V)>>,
    old: BTreeMap<u128, Vec<(K, V)>>,
    young_len: usize,
    capacity: usize,
}

impl<K: Interned, V> Memo<K, V> {
    /// An empty memo that keeps between `capacity` and twice as many values.
    pub fn new(capacity: usize) -> Memo<K, V> {
        Memo { young: BTreeMap::new(), old: BTreeMap::new(), young_len: 0, capacity: capacity.max(1) }
    }

    /// Gives the answer for `key` to `look`; `make` gives it first when it is not known.
    pub fn with<R>(&mut self, key: &K, make: impl FnOnce() -> V, look: impl FnOnce(&mut V) -> R) -> R {
        let tag = key.tag();
        if let Some(bucket) = self.young.get_mut(&tag)
            && let Some((_, value)) = bucket.iter_mut().find(|(k, _)| k.same(key))
        {
            return look(value);
        }
        let value = self.take_old(tag, key).unwrap_or_else(make);
        look(self.insert(tag, key.clone(), value))
    }

    fn take_old(&mut self, tag: u128, key: &K) -> Option<V> {
        let bucket = self.old.get_mut(&tag)?;
        let at = bucket.iter().position(|(k, _)| k.same(key))?;
        Some(bucket.remove(at).1)
    }

    fn insert(&mut self, tag: u128, key: K, value: V) -> &mut V {
        if self.young_len >= self.capacity {
            self.old = std::mem::take(&mut self.young);
            self.young_len = 0;
        }
        let bucket = self.young.entry(tag).or_default();
        if bucket.len() == BUCKET_MAX {
            bucket.remove(0);
        } else {
            self.young_len += 1;
        }
        bucket.push((key, value));
        &mut bucket.last_mut().expect("a value was pushed a line ago").1
    }
}

fn tail(bytes: &[u8]) -> u128 {
    match bytes.last_chunk::<16>() {
        Some(tail) => u128::from_le_bytes(*tail),
        None => bytes.iter().fold(0, |tag, b| tag << 8 | u128::from(*b)),
    }
}

impl Interned for Arc<str> {
    fn tag(&self) -> u128 {
        tail(self.as_bytes())
    }
    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other) || self == other
    }
}

/// A certificate chain: its tag is the leaf's, whose last bytes are the issuer's signature.
impl Interned for Arc<[Bytes]> {
    fn tag(&self) -> u128 {
        self.first().map_or(0, |leaf| tail(leaf))
    }
    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other) || self == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer for `key`: what was remembered, or `new`.
    fn ask(memo: &mut Memo<Arc<str>, i32>, key: &str, new: i32) -> i32 {
        memo.with(&Arc::from(key), || new, |value| *value)
    }

    #[test]
    fn equal_bytes_are_known_and_different_bytes_with_one_tail_are_not() {
        let mut memo = Memo::new(4);
        assert_eq!(ask(&mut memo, "a.0123456789abcdef", 1), 1);
        assert_eq!(ask(&mut memo, "b.0123456789abcdef", 2), 2);
        assert_eq!(ask(&mut memo, "a.0123456789abcdef", 3), 1);
    }

    #[test]
    fn the_memo_is_bounded_and_keeps_what_is_in_use() {
        let mut memo = Memo::new(8);
        ask(&mut memo, "kept", 0);
        for n in 1..1000 {
            ask(&mut memo, &format!("token {n}"), n);
            assert_eq!(ask(&mut memo, "kept", n), 0, "in use, so never forgotten");
        }
        let held: usize = memo.young.values().chain(memo.old.values()).map(Vec::len).sum();
        assert!(held <= 16, "{held} values held");
    }

    #[test]
    fn values_with_one_tail_cannot_grow_a_bucket_without_bound() {
        let mut memo = Memo::new(1000);
        for n in 0..100 {
            ask(&mut memo, &format!("{n}.same tail for everyone"), n);
        }
        assert_eq!(memo.young.values().map(Vec::len).max(), Some(BUCKET_MAX));
    }
}
