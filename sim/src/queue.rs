//! The event heap: entries of 24 bytes ordered by `(time, seq)`, bodies in a slab.
//!
//! Ties are broken by order of scheduling, never by address. A 4-ary heap keeps the path to the root short and the
//! children of a node in one or two cache lines.

use crate::time::Instant;

#[derive(Clone, Copy)]
struct Entry {
    at: Instant,
    seq: u64,
    slot: u32,
}

impl Entry {
    #[inline]
    fn before(&self, other: &Entry) -> bool {
        (self.at, self.seq) < (other.at, other.seq)
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
        self.heap.push(Entry { at, seq: self.seq, slot });
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
        Some((first.at, body))
    }

    /// When the earliest event is due.
    #[inline]
    pub fn next_at(&self) -> Option<Instant> {
        self.heap.first().map(|e| e.at)
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
            if !entry.before(&self.heap[parent]) {
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
            let mut least = first;
            for child in first + 1..(first + 4).min(self.heap.len()) {
                if self.heap[child].before(&self.heap[least]) {
                    least = child;
                }
            }
            if !self.heap[least].before(&entry) {
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
