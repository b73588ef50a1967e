//! The arbiter that lends leadership: etcd or a Kubernetes lease under Patroni in a real deployment.
//!
//! It never compares clocks: a lease runs one term from when the primary *asked*, on the primary's clock, and the
//! arbiter waits one term and a margin from when it *heard*, on its own. Only the rates of the two clocks matter.

use crate::wire::sql::{Lease, Lsn, Timeline};
use sim::{Duration, Instant, NodeId};

/// Clocks may differ in rate by one part in this many before two primaries could overlap.
const DRIFT_PART: u64 = 8;

/// What the arbiter has to know whatever happens to it. It answers only when this is safe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ruling {
    /// The highest timeline that was granted.
    pub timeline: Timeline,
    /// Whether the standby has every acknowledged commit.
    pub eligible: bool,
    /// Who leads on this timeline, or was told to. Nobody has asked yet when none.
    pub leader: Option<NodeId>,
    /// Whether the leader has taken up its timeline. Until then the word that promoted it may have been lost, and is
    /// said again.
    pub taken: bool,
    /// How far the log of this timeline was safe, as a leader said that was alone. Its own disk may have lied, and
    /// nobody else has it.
    pub safe: Lsn,
}

/// The arbiter of one primary and its standby.
#[derive(Clone, Debug)]
pub struct Arbiter {
    ruling: Ruling,
    term: Duration,
    /// When the present lease has surely run out, on the arbiter's clock.
    free_at: Instant,
    /// The youngest request that was granted, on the primary's clock: others that are not younger arrive late or twice,
    /// and say nothing.
    newest: Option<Instant>,
}

impl Arbiter {
    /// An arbiter for a primary on `timeline` and a standby that is in step with it.
    pub fn new(timeline: Timeline, term: Duration) -> Arbiter {
        let ruling = Ruling { timeline, eligible: true, leader: None, taken: false, safe: Lsn(0) };
        Arbiter { ruling, term, free_at: Instant::ZERO, newest: None }
    }

    /// An arbiter that comes back with what it had ruled. It does not know when it last granted a lease, and so waits
    /// for one to run out.
    pub fn resume(ruling: Ruling, term: Duration, now: Instant) -> Arbiter {
        let mut arbiter = Arbiter { ruling, ..Arbiter::new(ruling.timeline, term) };
        arbiter.lend(now);
        arbiter
    }

    /// Answers a word of a node.
    pub fn handle(&mut self, now: Instant, from: NodeId, word: &Lease) -> Option<Lease> {
        match word {
            Lease::Renew { timeline, .. } if *timeline != self.ruling.timeline => {
                Some(Lease::Refused { timeline: self.ruling.timeline })
            }
            Lease::Renew { timeline, asked, synchronous, safe } => {
                if self.newest.is_some_and(|newest| *asked <= newest) {
                    return None;
                }
                self.newest = Some(*asked);
                // What a standby has as well need not be known here.
                let safe = if *synchronous { self.ruling.safe } else { self.ruling.safe.max(*safe) };
                self.ruling = Ruling { eligible: *synchronous, leader: Some(from), taken: true, safe, ..self.ruling };
                self.lend(now);
                Some(Lease::Granted { timeline: *timeline, asked: *asked, synchronous: *synchronous, safe })
            }
            Lease::Promote { timeline } => Some(self.promote(now, from, *timeline)),
            _ => None,
        }
    }

    /// A node that follows `timeline` asks to lead. Only the standby may: a primary that comes back as a follower has
    /// lost log that it had promised to keep.
    fn promote(&mut self, now: Instant, from: NodeId, timeline: Timeline) -> Lease {
        let leader = self.ruling.leader == Some(from);
        if leader && !self.ruling.taken && timeline < self.ruling.timeline {
            self.lend(now);
            return Lease::Promoted { timeline: self.ruling.timeline };
        }
        if leader || timeline != self.ruling.timeline || !self.ruling.eligible {
            return Lease::Ineligible;
        }
        if now < self.free_at {
            return Lease::Wait;
        }
        let timeline = Timeline(timeline.0 + 1);
        // The successor starts alone; nobody is in step with it yet.
        self.ruling = Ruling { timeline, eligible: false, leader: Some(from), taken: false, safe: Lsn(0) };
        self.newest = None;
        self.lend(now);
        Lease::Promoted { timeline }
    }

    fn lend(&mut self, now: Instant) {
        self.free_at = now + self.term + self.term.scale(1, DRIFT_PART);
    }

    /// What it has ruled.
    pub fn ruling(&self) -> Ruling {
        self.ruling
    }
}

const LENGTH: usize = 4 + 1 + 4 + 8 + 4;

impl Ruling {
    /// The record of a ruling.
    pub fn encode(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&self.timeline.0.to_le_bytes());
        bytes[4] = u8::from(self.eligible) | u8::from(self.taken) << 1 | u8::from(self.leader.is_some()) << 2;
        bytes[5..9].copy_from_slice(&self.leader.map_or(0, |node| node.0).to_le_bytes());
        bytes[9..17].copy_from_slice(&self.safe.0.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..17]);
        bytes[17..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a record; `None` when it is not whole.
    pub fn decode(bytes: &[u8]) -> Option<Ruling> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let flag = |bit: u8| bytes[4] >> bit & 1 == 1;
        let leader = flag(2).then(|| NodeId(word(5)));
        let safe = Lsn(u64::from(word(13)) << 32 | u64::from(word(9)));
        let ruling = Ruling { timeline: Timeline(word(0)), eligible: flag(0), leader, taken: flag(1), safe };
        (crc32fast::hash(&bytes[..17]) == word(17)).then_some(ruling)
    }
}
