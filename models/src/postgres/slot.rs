//! A logical replication slot: how far a subscriber is, and the log that is kept for it.
//!
//! It lies on the disk of the node that leads, and on no other: PostgreSQL 15 copies no slot to a standby. Whoever
//! takes over has none, and so what its subscriber holds is of another history than what it would be told.

use super::publication::{Publication, Rows, Stretch};
use super::wal::LOG_START;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use crate::wire::sql::{Lsn, Row, Timeline};

/// A subscriber is told nothing that a failover could take away (STO-05).
pub const WAITS_FOR_STANDBY: Control = control!(
    "publication.waits-for-standby",
    upholds: ["STO-05", "STO-04"],
    off: "changes leave as soon as they are on the primary's own disk, as without `synchronized_standby_slots`: a \
          replica in another cell can be ahead of the standby that is promoted",
);

/// What a subscriber gets that asks a slot for more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// This.
    Stretch(Stretch),
    /// Nothing: the slot is for another place.
    Elsewhere,
}

/// A slot, with the published rows as they were at its place.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The timeline that it lies on.
    timeline: Timeline,
    /// Everything before this is safe at the subscriber.
    confirmed: Lsn,
    rows: Rows,
}

const LENGTH: usize = 4 + 8 + 4;

impl Slot {
    /// A slot at this place, over the rows of the base and all log since.
    pub fn new(
        controls: &Controls,
        publication: &Publication,
        (timeline, at): (Timeline, Lsn),
        (mut rows, records): (Rows, &[(Lsn, Bytes)]),
    ) -> Slot {
        publication.advance(controls, &mut rows, records, (Lsn(0), at));
        Slot { timeline, confirmed: at, rows }
    }

    /// The timeline that it lies on.
    pub fn timeline(&self) -> Timeline {
        self.timeline
    }

    /// Where it stands.
    pub fn confirmed(&self) -> Lsn {
        self.confirmed
    }

    /// Bytes of log that are kept for it, when the log ends at `end`.
    pub fn retained(&self, end: Lsn) -> u64 {
        end.0.saturating_sub(self.confirmed.0)
    }

    /// What is published of the rows at its place: an initial copy.
    pub fn copy(&self, controls: &Controls, publication: &Publication) -> Vec<Row> {
        publication.copy(controls, &self.rows)
    }

    /// The subscriber has everything before `from`: what follows, as far as `safe`. A subscriber that says less than it
    /// has confirmed before has lost something, and one that says more is of another history.
    pub fn follow(
        &mut self,
        controls: &Controls,
        publication: &Publication,
        records: &[(Lsn, Bytes)],
        (from, safe): (Lsn, Lsn),
    ) -> Next {
        let end = records.last().map_or(LOG_START, |(at, bytes)| Lsn(at.0 + bytes.len() as u64));
        if from < self.confirmed || from > end {
            return Next::Elsewhere;
        }
        publication.advance(controls, &mut self.rows, records, (self.confirmed, from));
        self.confirmed = from;
        let stretch = publication.decode(controls, &self.rows, records, (from, safe));
        // What it was told before counts as safe no longer: that is all for now, and not everything.
        Next::Stretch(Stretch { all: stretch.all && from <= safe, ..stretch })
    }

    /// Its record: a checksum after it, because a disk tears and rots.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&self.timeline.0.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.confirmed.0.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..12]);
        bytes[12..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a record: the timeline and the place; `None` when it is not whole.
    pub fn decode(bytes: &[u8]) -> Option<(Timeline, Lsn)> {
        let (body, checksum) = bytes.split_at_checked(12)?;
        if checksum != crc32fast::hash(body).to_le_bytes() {
            return None;
        }
        let (timeline, confirmed) = body.split_at(4);
        let timeline = timeline.try_into().ok().map(u32::from_le_bytes)?;
        let confirmed = confirmed.try_into().ok().map(u64::from_le_bytes)?;
        Some((Timeline(timeline), Lsn(confirmed)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::Engine;
    use super::super::reference::{APP, DEVICES};
    use super::*;
    use crate::wire::sql::Statement;

    /// An engine with three devices, one a record, and the publication of all of them.
    fn made() -> (Publication, Rows, Vec<(Lsn, Bytes)>) {
        let mut engine = Engine::reference();
        engine.bootstrap(DEVICES).expect("the schema is valid");
        let publication = Publication::new(&engine, "devices", "residency = 'any'").expect("the filter is valid");
        let rows = publication.rows_of(&engine);
        let (controls, mut replies) = (Controls::all_on(), Vec::new());
        let mut session = engine.connect(APP).expect("the login exists");
        for text in ["SET app.tenant_id = 'acme'"]
            .into_iter()
            .map(str::to_owned)
            .chain((1..=3).map(|n| format!("INSERT INTO devices (tenant_id, id, body) VALUES ('acme', {n}, 'x')")))
        {
            engine.execute(&mut session, &controls, &Statement::new(&text, Vec::new()), &mut replies);
        }
        (publication, rows, engine.take_log())
    }

    fn told(next: Next) -> Option<usize> {
        match next {
            Next::Stretch(stretch) => Some(stretch.transactions.len()),
            Next::Elsewhere => None,
        }
    }

    #[test]
    fn what_follows_ends_where_it_is_safe_and_goes_on_where_the_subscriber_is() {
        let (publication, rows, log) = made();
        let controls = Controls::all_on();
        let end = |n: usize| Lsn(log[n].0.0 + log[n].1.len() as u64);
        let mut slot = Slot::new(&controls, &publication, (Timeline(1), log[0].0), (rows.clone(), &log));
        let mut follow = |from, safe| told(slot.follow(&controls, &publication, &log, (from, safe)));
        assert_eq!(follow(log[0].0, end(1)), Some(2));
        assert_eq!(follow(log[0].0, end(2)), Some(3), "nothing was confirmed: it comes again");
        assert_eq!(follow(end(0), end(2)), Some(2));
        assert_eq!(follow(log[0].0, end(2)), None, "what was confirmed is not kept any more");
        assert_eq!(follow(Lsn(end(2).0 + 1), end(2)), None, "and what is not there yet was never sent");
        assert_eq!(slot.retained(end(2)), end(2).0 - end(0).0);
        let late = Slot::new(&controls, &publication, (Timeline(1), end(1)), (rows, &log));
        assert_eq!(late.copy(&controls, &publication).len(), 2);
    }

    #[test]
    fn a_slot_is_read_as_it_was_written_and_not_at_all_when_any_bit_has_flipped() {
        let (publication, rows, log) = made();
        let slot = Slot::new(&Controls::all_on(), &publication, (Timeline(7), log[1].0), (rows, &log));
        let bytes = slot.encode();
        assert_eq!(Slot::decode(&bytes), Some((Timeline(7), log[1].0)));
        assert_eq!(Slot::decode(&bytes[..LENGTH - 1]), None);
        for bit in 0..LENGTH * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Slot::decode(&damaged), None, "bit {bit}");
        }
    }
}
