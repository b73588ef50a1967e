//! The words of logical replication: between a publisher and a subscriber in another cell.
//!
//! A subscriber asks for what follows its place, and says with that how far its own disk has come, which is what a
//! standby status update says of a `START_REPLICATION SLOT … LOGICAL`. Rows travel whole, old versions included, as
//! with `REPLICA IDENTITY FULL`.

use super::sql::{Lsn, Row, Timeline};
use serde::{Deserialize, Serialize};
use sim::Instant;

/// One change of a published row, as its subscriber is told of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RowChange {
    /// A row appears: it is new, or has come into the filter.
    Insert(Row),
    /// A row is replaced: the version before, and the one after.
    Update(Row, Row),
    /// A row goes: it was deleted, or has left the filter.
    Delete(Row),
}

/// Words between the two.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Logical {
    /// What follows? Everything before this place is safe on the subscriber's disk.
    From {
        /// The timeline on which the place lies.
        timeline: Timeline,
        /// The place.
        from: Lsn,
        /// When it was asked, by the subscriber's own clock; echoed, so that no two clocks have to agree.
        asked: Instant,
    },
    /// Make a slot, and say where it begins.
    Create {
        /// Whether the rows are wanted as well (`copy_data`).
        copies: bool,
        /// As in [`Logical::From`].
        asked: Instant,
    },
    /// What follows.
    Changes {
        /// The publisher's timeline.
        timeline: Timeline,
        /// The place that was asked about.
        from: Lsn,
        /// The place after the last of these.
        next: Lsn,
        /// The changes, a list a transaction, in order of commit.
        transactions: Vec<Vec<RowChange>>,
        /// Whether that is all that was safe when it was sent.
        all: bool,
        /// Echo.
        asked: Instant,
    },
    /// There is a slot.
    Created {
        /// The publisher's timeline.
        timeline: Timeline,
        /// Where the slot begins.
        at: Lsn,
        /// The rows at that place, if they were wanted.
        rows: Option<Vec<Row>>,
        /// Echo.
        asked: Instant,
    },
    /// There is none: it was never made here, or has been invalidated because its subscriber was too far behind.
    NoSlot {
        /// The publisher's timeline.
        timeline: Timeline,
        /// Whether it was invalidated.
        invalidated: bool,
    },
    /// This node does not lead.
    NotPrimary,
}
