//! The event heap: entries of 32 bytes ordered by time and number, bodies in a slab.
//!
//! Ties are broken by order of scheduling, never by address. A 4-ary heap keeps the path to the root short and the
//! children of a node in two cache lines. Which of four children is the least nobody can foresee, so it is computed
//! without a branch: that is a sixth of the kernel's time.

use crate::time::Instant;

#[derive(Clone, Copy)]
struct Entry {
    /// Time, and below it the number: one comparison for both.
    key: u128,
    slot: u32,
}

impl Entry {
    #[inline]
    fn new(at: Instant, seq: u64, slot: u32) -> Entry {
        Entry { key: u128::from(at.0) << 64 | u128::from(seq), slot }
    }

    #[inline]
    fn at(&self) -> Instant {
        Instant((self.key >> 64) as u64)
    }
}

/// Events to come, earliest first.
pub struct Queue<T> {
    heap: Vec<Entry>,
    slab: Vec<Option<T>>,
    free: Vec<u32>,
    seq: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue { heap: Vec::new(), slab: Vec::new(), free: Vec::new(), seq: 0 }
    }
}

impl<T> Queue<T> {
    /// Schedules `body` at `at`. Of two at the same instant the one scheduled first comes first.
    #[inline]
    pub fn push(&mut self, at: Instant, body: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slab[slot as usize] = Some(body);
                slot
            }
            None => {
                self.slab.push(Some(body));
                (self.slab.len() - 1) as u32
            }
        };
        self.seq += 1;
        self.heap.push(Entry::new(at, self.seq, slot));
        self.up(self.heap.len() - 1);
    }

    /// Takes the earliest event.
    #[inline]
    pub fn pop(&mut self) -> Option<(Instant, T)> {
        let first = *self.heap.first()?;
        let last = self.heap.pop()?;
        if !self.heap.is_empty() {
            self.heap[0] = last;
            self.down(0);
        }
        self.free.push(first.slot);
        let body = self.slab[first.slot as usize].take().expect("a scheduled slot holds its body");
        Some((first.at(), body))
    }

    /// When the earliest event is due.
    #[inline]
    pub fn next_at(&self) -> Option<Instant> {
        self.heap.first().map(Entry::at)
    }

    /// How many events are to come.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    #[inline]
    fn up(&mut self, mut i: usize) {
        let entry = self.heap[i];
        while i > 0 {
            let parent = (i - 1) / 4;
            if entry.key >= self.heap[parent].key {
                break;
            }
            self.heap[i] = self.heap[parent];
            i = parent;
        }
        self.heap[i] = entry;
    }

    #[inline]
    fn down(&mut self, mut i: usize) {
        let entry = self.heap[i];
        loop {
            let first = 4 * i + 1;
            if first >= self.heap.len() {
                break;
            }
            let least = match self.heap.get(first..first + 4) {
                Some(of) => {
                    let a = usize::from(of[1].key < of[0].key);
                    let b = 2 + usize::from(of[3].key < of[2].key);
                    first + if of[b].key < of[a].key { b } else { a }
                }
                None => (first..self.heap.len()).min_by_key(|i| self.heap[*i].key).expect("there is a first"),
            };
            if self.heap[least].key >= entry.key {
                break;
            }
            self.heap[i] = self.heap[least];
            i = least;
        }
        self.heap[i] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_is_at_most_32_bytes() {
        assert!(size_of::<Entry>() <= 32);
    }

    proptest! {
        #[test]
        fn events_leave_in_order_of_time_then_of_scheduling(times in proptest::collection::vec(0u64..20, 0..200)) {
            let mut queue = Queue::default();
            let mut expected: Vec<(u64, usize)> = Vec::new();
            for (i, at) in times.iter().enumerate() {
                queue.push(Instant(*at), i);
                expected.push((*at, i));
                if i % 3 == 2 {
                    expected.sort_unstable();
                    let (at, i) = expected.remove(0);
                    prop_assert_eq!(queue.pop(), Some((Instant(at), i)));
                }
            }
            expected.sort_unstable();
            let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(at, i)| (at.0, i)).collect();
            prop_assert_eq!(rest, expected);
        }
    }
}
