//! What was witnessed of one topic, and how a second reading is held against it.
//!
//! Two questions, because a hash chain does not see its own end: are these the events that were there, in that order;
//! and are they still all there.

use crate::control;
use crate::control::{Control, Controls};
use sim::chain::Digest;
use sim::chain::hash_chain::link;

/// A second reading is compared with the first one, event by event.
pub const HASH_CHAIN: Control = control!(
    "witness.hash-chain",
    upholds: ["EVT-07"],
    off: "a second reading is only counted: what was swapped or rewritten in place goes unnoticed",
);
/// A second reading must come as far as the first one did.
pub const COMPLETENESS: Control = control!(
    "witness.completeness",
    upholds: ["EVT-07"],
    off: "a second reading ends where the log ends: a log that lost its tail is a valid, shorter log",
);

/// An event that was witnessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its offset.
    pub offset: u64,
    /// The chain's link up to it.
    pub link: Digest,
}

/// What was witnessed of a topic, in order of offsets.
#[derive(Clone, Debug, Default)]
pub struct Book {
    entries: Vec<Entry>,
}

/// What a second reading showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Everything is as it was.
    Intact,
    /// The event that was witnessed at this offset is another one now, or lies elsewhere.
    Altered(u64),
    /// The event that was witnessed at this offset, and all after it, are gone.
    Incomplete(u64),
}

/// A second reading of a topic, from the start.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Entries of the book that it is held against: those that there were when it began.
    entries: usize,
    read: usize,
    head: Digest,
    altered: Option<u64>,
}

impl Book {
    /// The first offset that was not witnessed.
    pub fn end(&self) -> u64 {
        self.entries.last().map_or(0, |e| e.offset + 1)
    }
    /// How many events were witnessed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Witnesses an event; the entry is to be kept where nobody else can write.
    ///
    /// # Panics
    /// When its offset was witnessed before: what was witnessed is never witnessed anew.
    pub fn note(&mut self, offset: u64, event: &[u8]) -> Entry {
        assert!(offset >= self.end(), "an offset is witnessed once");
        let head = self.entries.last().map_or(Digest::ZERO, |e| e.link);
        let entry = Entry { offset, link: link(head, event) };
        self.entries.push(entry);
        entry
    }

    /// Takes back an entry that was kept.
    pub fn recall(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Begins a second reading.
    pub fn reading(&self) -> Reading {
        Reading { entries: self.len(), read: 0, head: Digest::ZERO, altered: None }
    }
}

impl Reading {
    /// Takes the next event.
    pub fn take(&mut self, controls: &Controls, book: &Book, event: &[u8]) {
        let Some(entry) = book.entries[..self.entries].get(self.read) else { return };
        self.read += 1;
        self.head = link(self.head, event);
        if controls.on(&HASH_CHAIN) && self.altered.is_none() && self.head != entry.link {
            self.altered = Some(entry.offset);
        }
    }

    /// Nothing follows before the offset at which the book ended.
    pub fn finish(&self, controls: &Controls, book: &Book) -> Verdict {
        if let Some(offset) = self.altered {
            return Verdict::Altered(offset);
        }
        match book.entries[..self.entries].get(self.read) {
            Some(missing) if controls.on(&COMPLETENESS) => Verdict::Incomplete(missing.offset),
            _ => Verdict::Intact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    /// Events at offsets 0, 2, 4, 6 were witnessed; then these are read.
    fn check(off: &[&Control], read: &[&str], expected: Verdict) {
        let controls = Controls::with_off(off.iter().fold(ControlSet::EMPTY, |set, c| set.with(c.slot)));
        let mut book = Book::default();
        for (n, event) in ["a", "b", "c", "d"].into_iter().enumerate() {
            book.note(2 * n as u64, event.as_bytes());
        }
        let mut reading = book.reading();
        book.note(8, b"later");
        read.iter().for_each(|event| reading.take(&controls, &book, event.as_bytes()));
        assert_eq!(reading.finish(&controls, &book), expected, "{read:?}");
    }

    #[test]
    fn a_second_reading_agrees_or_names_the_place() {
        check(&[], &["a", "b", "c", "d"], Verdict::Intact);
        check(&[], &["a", "b", "c", "d", "later", "and later"], Verdict::Intact);
        check(&[], &["a", "c", "b", "d"], Verdict::Altered(2));
        check(&[], &["a", "b", "C", "d"], Verdict::Altered(4));
        check(&[], &["a", "c", "d"], Verdict::Altered(2));
        check(&[], &["a", "b"], Verdict::Incomplete(4));
        check(&[], &[], Verdict::Incomplete(0));
    }

    #[test]
    fn an_erased_event_is_missed_by_either_check_and_a_swap_or_a_lost_tail_by_one() {
        check(&[&HASH_CHAIN], &["a", "c", "d"], Verdict::Incomplete(6));
        check(&[&COMPLETENESS], &["a", "c", "d"], Verdict::Altered(2));
        check(&[&HASH_CHAIN, &COMPLETENESS], &["a", "c", "d"], Verdict::Intact);
        check(&[&HASH_CHAIN], &["a", "c", "b", "d"], Verdict::Intact);
        check(&[&COMPLETENESS], &["a", "b"], Verdict::Intact);
    }
}
