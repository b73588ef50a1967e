//! Single flight: of many who miss the same entry, one asks the store, and all get its answer.
//!
//! A cache that is cold, lost or slow would otherwise send every reader of a hot record to the database at once
//! (CAC-04).
//! Whoever joins has been authorised by itself, and a flight carries one tenant's passengers only: what the policy
//! says of the row that is found, it would say to each of them. A read that no cache may answer never joins: the flight
//! may have left before the write that it wants to see.

use super::operation::Task;
use crate::cache::Owner;
use crate::control;
use crate::control::{Control, Controls};
use crate::planted::{FLIGHTS_LEAVE_SOME, FLIGHTS_SHARED};
use std::collections::BTreeMap;

/// One of those who miss the same entry asks the store.
pub const SINGLE_FLIGHT: Control = control!(
    "app.single-flight",
    upholds: ["CAC-04"],
    off: "every miss asks the database, as with a plain cache-aside: a lost cache sends all its readers there at once",
);

/// What is fetched: for whom, and under which name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Errand {
    owner: Owner,
    name: String,
}

impl Errand {
    /// The errand that a task shares, or changes.
    pub fn of(owner: Owner, task: &Task) -> Option<Errand> {
        let name = match task {
            Task::Get(reference) | Task::Put(reference) | Task::Delete(reference) => {
                format!("record:{}", reference.text)
            }
            Task::Who => "home".to_owned(),
            // Shared by those who would be shown the same: by one reader's own requests, and nobody else's.
            Task::Customer(reference, reader) => {
                format!("customer:{}/{}/{}", reference.text, reader.level, reader.subject)
            }
            _ => return None,
        };
        Some(Errand { owner, name })
    }

    /// For whom it is fetched.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }
}

/// Errands under way.
#[derive(Debug, Default)]
pub struct Flights {
    under_way: BTreeMap<Errand, Flight>,
    /// Passengers for whom there was no room in a landing: only a planted defect leaves any.
    left: Vec<u64>,
}

#[derive(Debug)]
struct Flight {
    pilot: u64,
    passengers: Vec<u64>,
    /// What it will bring is no longer news: nobody joins.
    closed: bool,
}

impl Flights {
    /// A request wants what the errand fetches: whether it joins somebody who is already fetching it. If not, it is the
    /// one who fetches.
    pub fn join(&mut self, controls: &Controls, errand: &Errand, request: u64) -> bool {
        let same = |other: &&Errand| FLIGHTS_SHARED.is_planted() && other.name == errand.name;
        let shared = self.under_way.keys().find(same).cloned();
        match self.under_way.get_mut(shared.as_ref().unwrap_or(errand)) {
            Some(flight) if !flight.closed && controls.on(&SINGLE_FLIGHT) => {
                flight.passengers.push(request);
                true
            }
            // It fetches for itself alone.
            Some(_) => false,
            None => {
                self.under_way.insert(errand.clone(), Flight { pilot: request, passengers: Vec::new(), closed: false });
                false
            }
        }
    }

    /// What the errand fetches was changed: whoever comes now wants to see the change.
    pub fn close(&mut self, errand: &Errand) {
        if let Some(flight) = self.under_way.get_mut(errand) {
            flight.closed = true;
        }
    }

    /// A request has ended: who waited for it, in order, if it was the one who fetched.
    pub fn land(&mut self, errand: &Errand, request: u64) -> Vec<u64> {
        if self.under_way.get(errand).is_none_or(|flight| flight.pilot != request) {
            return Vec::new();
        }
        let passengers = self.under_way.remove(errand).map_or(Vec::new(), |flight| flight.passengers);
        if FLIGHTS_LEAVE_SOME.is_planted() { self.seated(passengers) } else { passengers }
    }

    /// Passengers of the longest flight.
    pub fn longest(&self) -> usize {
        self.under_way.values().map(|flight| flight.passengers.len()).max().unwrap_or(0)
    }

    /// What a planted defect makes of a landing: a few go, the others wait for the next one, whosesoever it is.
    fn seated(&mut self, passengers: Vec<u64>) -> Vec<u64> {
        let mut seated = std::mem::take(&mut self.left);
        seated.extend(passengers);
        self.left = seated.split_off(seated.len().min(SEATS));
        seated
    }
}

/// Passengers that a planted defect lets land at once.
const SEATS: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::operation::Reference;
    use crate::control::ControlSet;

    fn errand(tenant: &str, epoch: u64, text: &str) -> Errand {
        let task = Task::Get(Reference { owner: tenant.into(), id: 7, text: text.to_owned() });
        Errand::of(Owner { tenant: tenant.into(), epoch }, &task).expect("a read can be shared")
    }

    #[test]
    fn those_who_want_the_same_wait_for_the_first_and_fly_alone_afterwards() {
        let (on, mut flights) = (Controls::all_on(), Flights::default());
        let same = errand("acme", 1, "7");
        assert!(!flights.join(&on, &same, 1));
        assert!(flights.join(&on, &same, 2) && flights.join(&on, &same, 3));
        assert_eq!(flights.land(&same, 2), [0; 0], "a passenger that left lands nobody");
        assert_eq!(flights.land(&same, 1), [2, 3]);
        assert!(!flights.join(&on, &same, 4));
    }

    #[test]
    fn nobody_joins_what_was_asked_before_a_change() {
        let (on, mut flights) = (Controls::all_on(), Flights::default());
        let same = errand("acme", 1, "7");
        assert!(!flights.join(&on, &same, 1) && flights.join(&on, &same, 2));
        flights.close(&same);
        assert!(!flights.join(&on, &same, 3));
        assert_eq!(flights.land(&same, 1), [2]);
    }

    #[test]
    fn nobody_joins_another_tenant_or_a_former_owner() {
        let (on, mut flights) = (Controls::all_on(), Flights::default());
        assert!(!flights.join(&on, &errand("acme", 1, "7"), 1));
        assert!(!flights.join(&on, &errand("acme-corp", 1, "7"), 2));
        assert!(!flights.join(&on, &errand("acme", 2, "7"), 3));
        assert!(!flights.join(&on, &errand("acme", 1, "07"), 4));
    }

    #[test]
    fn without_the_control_each_asks_the_store() {
        let off = Controls::with_off(ControlSet::EMPTY.with(SINGLE_FLIGHT.slot));
        let mut flights = Flights::default();
        let same = errand("acme", 1, "7");
        assert!(!flights.join(&off, &same, 1) && !flights.join(&off, &same, 2));
        assert_eq!(flights.land(&same, 1), [0; 0]);
    }
}
