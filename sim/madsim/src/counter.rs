//! The counter: where words wait for their ticket to arrive.
//!
//! A lost ticket leaves its words here until the run ends, as a lost datagram leaves its bytes nowhere.

use sim::host::Departure;
use sim::machine::Platform;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Words under way, by ticket.
pub struct Counter<P: Platform> {
    next: Cell<u64>,
    words: RefCell<BTreeMap<u64, Vec<Departure<P>>>>,
}

impl<P: Platform> Counter<P> {
    /// An empty counter.
    pub fn new() -> Counter<P> {
        Counter { next: Cell::new(0), words: RefCell::default() }
    }

    /// Leaves words that travel together, and returns their ticket.
    pub fn leave(&self, words: Vec<Departure<P>>) -> u64 {
        let ticket = self.next.get();
        self.next.set(ticket + 1);
        self.words.borrow_mut().insert(ticket, words);
        ticket
    }

    /// Takes the words of a ticket: nothing, when it has been shown before.
    pub fn take(&self, ticket: u64) -> Vec<Departure<P>> {
        self.words.borrow_mut().remove(&ticket).unwrap_or_default()
    }
}
