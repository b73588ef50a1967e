//! A node's duty to its subscriber: the slot on its disk, what it is told, and when it is given up.

use super::{DbNode, Life};
use crate::fact::Fact;
use crate::ids::Bytes;
use crate::postgres::engine::Engine;
use crate::postgres::publication::Publication;
use crate::postgres::slot::{Next, Slot};
use crate::postgres::subscription::Alarm;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::logical::Logical;
use crate::wire::sql::{Lsn, Timeline};
use sim::disk::Write;
use sim::{Ctx, Duration, Instant, NodeId, Outbox};
use std::rc::Rc;
use std::sync::Arc;

/// What a node publishes, and to whom.
#[derive(Clone, Debug)]
pub struct PublicationSpec {
    /// The table and its rows.
    pub publication: Rc<Publication>,
    /// Who may follow.
    pub subscriber: NodeId,
    /// Its name.
    pub name: Arc<str>,
    /// Bytes of log that are kept for it, at most (`max_slot_wal_keep_size`).
    pub keep_bytes: u64,
    /// It is missed when it has not asked for longer than this.
    pub alarm_after: Duration,
}

/// How it is reported that a subscriber has not asked for too long, in milliseconds.
pub const INACTIVE: &str = "slot-inactive";
/// How it is reported that a slot was given up, with the bytes that it would have kept.
pub const INVALIDATED: &str = "slot-invalidated";

const SLOTS: u8 = 3;
/// Records of a slot that its file holds at most: the last of them may be torn.
const RECORDS_MAX: usize = 4;

/// The slot of a node that publishes.
pub(super) struct Publisher {
    spec: PublicationSpec,
    slot: Option<Slot>,
    /// Whether there was one that was given up.
    invalidated: bool,
    records: usize,
    /// When the subscriber was heard of, and who says that it was not.
    heard: Instant,
    alarm: Alarm,
}

impl Publisher {
    /// What the disk keeps of the slot, which holds as long as the same timeline goes on.
    pub(super) fn boot(
        spec: &PublicationSpec,
        ctx: &Ctx<'_, Saas>,
        (base, log): (&Engine, &[(Lsn, Bytes)]),
        leads: Option<Timeline>,
    ) -> Publisher {
        let kept = ctx.disk().read(SLOTS);
        let place = kept.iter().rev().find_map(|record| Slot::decode(record));
        let place = place.filter(|(timeline, _)| Some(*timeline) == leads);
        let rows = || spec.publication.rows_of(base);
        let slot = place.map(|place| Slot::new(ctx.controls(), &spec.publication, place, (rows(), log)));
        let (heard, records) = (ctx.now(), kept.len());
        Publisher { spec: spec.clone(), slot, invalidated: false, records, heard, alarm: Alarm::default() }
    }

    fn keep(&mut self, out: &mut Outbox<Saas>) {
        let Some(slot) = &self.slot else { return };
        // Nobody waits for that: an older place tells the subscriber again what it has.
        out.write(SLOTS, Write::Append(slot.encode().into()));
        self.records += 1;
        if self.records > RECORDS_MAX {
            out.write(SLOTS, Write::DropFront(self.records - RECORDS_MAX));
            self.records = RECORDS_MAX;
        }
    }

    /// There is no slot here any more.
    fn drop_slot(&mut self, out: &mut Outbox<Saas>, invalidated: bool) {
        self.invalidated = invalidated;
        self.slot = None;
        self.records = 0;
        out.write(SLOTS, Write::Truncate(0));
    }
}

impl DbNode {
    /// The subscriber has said something.
    pub(super) fn logical(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, word: &Logical) {
        let Some(publisher) = self.publisher.as_mut().filter(|p| p.spec.subscriber == from) else { return };
        let (now, controls) = (ctx.now(), ctx.controls());
        let Some(Life::Leads(primary)) = self.life.as_ref().filter(|life| life.leads(now)) else {
            return out.send(from, Wire::Logical(Box::new(Logical::NotPrimary)));
        };
        let (timeline, safe) = (primary.timeline(), primary.published(controls));
        publisher.heard = now;
        // One of an earlier reign of this node was for another history.
        if publisher.slot.as_ref().is_some_and(|slot| slot.timeline() != timeline) {
            publisher.drop_slot(out, false);
        }
        let publication = publisher.spec.publication.clone();
        let answer = match word {
            Logical::From { timeline: theirs, from: place, asked } => {
                let slot = publisher.slot.as_mut().filter(|_| *theirs == timeline);
                let before = slot.as_ref().map(|slot| slot.confirmed());
                let next = slot.map(|slot| slot.follow(controls, &publication, self.log.records(), (*place, safe)));
                if before.is_some_and(|before| before < *place) {
                    publisher.keep(out);
                }
                match next {
                    Some(Next::Stretch(s)) => Logical::Changes {
                        timeline,
                        from: *place,
                        next: s.next,
                        transactions: s.transactions,
                        all: s.all,
                        asked: *asked,
                    },
                    _ => Logical::NoSlot { timeline, invalidated: publisher.invalidated },
                }
            }
            Logical::Create { copies, asked } => {
                let rows = publication.rows_of(&self.spec.base);
                let slot = Slot::new(controls, &publication, (timeline, safe), (rows, self.log.records()));
                let rows = copies.then(|| slot.copy(controls, &publication));
                (publisher.slot, publisher.invalidated) = (Some(slot), false);
                publisher.keep(out);
                Logical::Created { timeline, at: safe, rows, asked: *asked }
            }
            _ => return,
        };
        out.send(from, Wire::Logical(Box::new(answer)));
    }

    /// Looks after the slot: one that keeps too much log is given up, and who does not ask is missed.
    pub(super) fn look_after_slot(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        let leads = self.life.as_ref().is_some_and(|life| life.leads(now));
        let Some(publisher) = &mut self.publisher else { return };
        if !leads {
            // It is for whoever leads to miss somebody.
            publisher.heard = now;
            return;
        }
        let retained = publisher.slot.as_ref().map_or(0, |slot| slot.retained(self.log.end()));
        let about = publisher.spec.name.clone();
        if retained > publisher.spec.keep_bytes {
            publisher.drop_slot(out, true);
            out.fact(Fact::Reported { by: "postgres", what: INVALIDATED, about: about.clone(), value: retained });
        }
        let (silent, after) = (now.since(publisher.heard), publisher.spec.alarm_after);
        if publisher.alarm.rings(ctx.controls(), now, (silent, after)) {
            out.fact(Fact::Reported { by: "postgres", what: INACTIVE, about, value: silent.as_millis() });
        }
    }
}
