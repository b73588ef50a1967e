//! Spillover: events that their own cell does not take go to another one, and are home again before any that follow.
//!
//! A publisher with several clusters. Per topic it is at home, away, or on its way back. Away it produces to a topic of
//! its tenant's own prefix, from which a drain brings everything home; new events wait for that drain before they go
//! home themselves. An event that was under way when its topic left is the only one that may stand in both cells: it
//! takes its place in its producer's sequence along, by which the brokers at home know it again.

use super::producer::Taken;
use super::publisher::{Publisher, Refused, Sent, Settled};
use super::route::Routes;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::{Bytes, TenantId};
use crate::saas::{is_bound_topic, spilled_topic};
use crate::wire::kafka::{ErrorCode, Record, Request, Response, Spilled, TopicName};
use sim::{Duration, Instant, NodeId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// A topic that is bound to a region spills only to cells that lie in it.
pub const SPILL_REGION: Control = control!(
    "spillover.region",
    upholds: ["EVT-09", "EVT-05", "POL-06"],
    off: "any cell that has room is taken, as by a client that is given a list of bootstrap servers and no regions",
);
/// What is under way at home goes along when its topic leaves, before whatever follows it.
pub const ORDER_FENCE: Control = control!(
    "spillover.order-fence",
    upholds: ["EVT-09"],
    off: "a request under way is left to its retries at home, while its successors pass it by on the other way",
);
/// What was under way at home carries its place in its producer's sequence, by which it is known again there.
pub const KNOWN_AGAIN: Control = control!(
    "spillover.known-again",
    upholds: ["EVT-09"],
    off: "an event is sent to the other cell like a new one: if only its acknowledgement was lost, it comes home a \
          second time",
);
/// Nothing goes home before all that spilled is there.
pub const DRAIN_FIRST: Control = control!(
    "spillover.drain-first",
    upholds: ["EVT-09"],
    off: "a producer goes home as soon as its brokers answer, and overtakes what it left in the other cell",
);

/// An event that its cell has not taken for so long is late: short of what a caller waits, longer than an election.
const LATE: Duration = Duration::millis(900);
/// When it may become late, other cells are asked whether they have room: a handshake and a search for a leader later,
/// those that come first have said so.
const LOOK: Duration = Duration::millis(400);
/// Between two questions of one kind.
const ASK_EVERY: Duration = Duration::millis(200);
/// The same when a broker was asked that does not lead.
const ASK_NEXT: Duration = Duration::millis(20);
/// Topics of tenants usually have one partition.
const PARTITION: u32 = 0;

/// Another cell that events may go to.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// Its name.
    pub cell: Arc<str>,
    /// The region in which it lies.
    pub region: Arc<str>,
    /// Its brokers.
    pub brokers: Vec<NodeId>,
}

/// A publisher whose events may spill.
#[derive(Clone, Debug)]
pub struct Spillover {
    home: Cluster,
    /// The region of the cell at home, and of all tenants that live there.
    region: Arc<str>,
    /// The cells to spill to, the preferred ones first.
    others: Vec<(Arc<str>, Arc<str>, Cluster)>,
    lanes: BTreeMap<TopicName, Lane>,
    questions: BTreeMap<u64, (TopicName, Question)>,
    next_id: u64,
    queue_max: usize,
    /// Of the topics at home; those abroad have one partition.
    partition: u32,
}

#[derive(Clone, Debug)]
struct Cluster {
    publisher: Publisher,
    routes: Routes,
}

#[derive(Clone, Debug)]
struct Lane {
    spilled: TopicName,
    place: Place,
    ask_at: Instant,
    /// When the brokers at home last answered.
    heard: Instant,
    /// What waits for the drain.
    held: VecDeque<Taken>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    Home,
    /// Home is slow: who has room? It is at home meanwhile.
    Looking {
        free: BTreeSet<usize>,
    },
    Away {
        at: usize,
    },
    /// Home answers again. Everything before `end` of the topic abroad must be drained; none until that is known.
    Returning {
        at: usize,
        end: Option<u64>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Question {
    HasRoom(usize),
    IsBack,
    End,
    Drained,
}

impl Spillover {
    /// A publisher to the brokers at `home`, which lie in `region`; `others` are the cells to spill to, the preferred
    /// ones first. Without any, it is a [`Publisher`]. The other arguments are those of [`Publisher::new`].
    pub fn new(
        home: Vec<NodeId>,
        region: &Arc<str>,
        others: &[Elsewhere],
        life: u64,
        queue_max: usize,
        retry: Duration,
    ) -> Spillover {
        // Ids of all clusters' requests are told apart: each has a sixty-fourth of the numbers.
        let cluster = |brokers: Vec<NodeId>, n: u64| Cluster {
            publisher: Publisher::new(brokers.clone(), life.wrapping_add(n << 58), queue_max, retry),
            routes: Routes::new(brokers, retry * 2),
        };
        let other = |(n, other): (usize, &Elsewhere)| {
            (other.cell.clone(), other.region.clone(), cluster(other.brokers.clone(), n as u64 + 1))
        };
        Spillover {
            others: others.iter().enumerate().map(other).collect(),
            home: cluster(home, 0),
            region: region.clone(),
            lanes: BTreeMap::new(),
            questions: BTreeMap::new(),
            next_id: life.wrapping_add(63 << 58),
            queue_max,
            partition: PARTITION,
        }
    }

    /// The same publisher, for another partition of every topic at home, as [`Publisher::in_partition`].
    #[must_use]
    pub fn in_partition(mut self, partition: u32) -> Spillover {
        self.home.publisher = self.home.publisher.in_partition(partition);
        self.partition = partition;
        self
    }

    /// Takes an event, as [`Publisher::publish`] does. Call [`Spillover::poll`] next.
    ///
    /// # Errors
    /// When too many events of the topic are unsettled where it is, or its broker has asked for a pause.
    pub fn publish(
        &mut self,
        now: Instant,
        topic: &TopicName,
        client: Option<&TenantId>,
        event: Bytes,
        ticket: u64,
    ) -> Result<(), Refused> {
        if self.others.is_empty() {
            return self.home.publisher.publish(now, topic, client, event, ticket);
        }
        let lane = self.lanes.entry(topic.clone()).or_insert_with(|| Lane::new(topic));
        let taken = |event| {
            let records = [Record::new(event, now)].into();
            Taken { ticket, client: client.cloned(), records, under_way: None }
        };
        match lane.place {
            Place::Home | Place::Looking { .. } => self.home.publisher.publish(now, topic, client, event, ticket),
            Place::Away { at } => {
                let (cell, _, cluster) = &mut self.others[at];
                cluster.publisher.admits(now, &lane.spilled)?;
                cluster.send(now, cell, &lane.spilled, taken(event));
                Ok(())
            }
            Place::Returning { .. } if lane.held.len() >= self.queue_max => Err(Refused::Full),
            Place::Returning { .. } => {
                lane.held.push_back(taken(event));
                Ok(())
            }
        }
    }

    /// What to send now. Call it every 100 ms or so, and after every word.
    pub fn poll(&mut self, now: Instant, controls: &Controls, out: &mut Vec<Sent>) {
        let mut lanes = std::mem::take(&mut self.lanes);
        for (topic, lane) in &mut lanes {
            self.steer(now, controls, topic, lane, out);
        }
        self.lanes = lanes;
        self.home.publisher.poll(now, out);
        for (.., cluster) in &mut self.others {
            cluster.publisher.poll(now, out);
        }
    }

    /// Takes an answer; says what it settles. Call [`Spillover::poll`] next.
    pub fn on_answer(&mut self, now: Instant, id: u64, response: &Response) -> Option<Settled> {
        if let Some((topic, question)) = self.questions.remove(&id) {
            self.learn(now, id, &topic, question, response);
            return None;
        }
        let mut clusters = self.others.iter_mut().map(|(.., cluster)| cluster);
        let asked = clusters.find(|cluster| cluster.publisher.is_asking(id)).unwrap_or(&mut self.home);
        asked.publisher.on_answer(now, id, response)
    }

    /// Tickets of events that were given up unsent, because their broker asked for a pause: ask after every answer.
    pub fn held_back(&mut self) -> Vec<u64> {
        let mut held_back = self.home.publisher.held_back();
        self.others.iter_mut().for_each(|(.., cluster)| held_back.extend(cluster.publisher.held_back()));
        held_back
    }

    /// Events not yet settled.
    pub fn pending(&self) -> usize {
        let abroad: usize = self.others.iter().map(|(.., cluster)| cluster.publisher.pending()).sum();
        let held: usize = self.lanes.values().map(|lane| lane.held.len()).sum();
        self.home.publisher.pending() + abroad + held
    }

    /// Whether there is nothing to do before the next event.
    pub fn is_idle(&self) -> bool {
        self.pending() == 0 && self.lanes.values().all(|lane| lane.place == Place::Home)
    }

    /// Moves a topic on, and asks what has to be known for that.
    fn steer(&mut self, now: Instant, controls: &Controls, topic: &TopicName, lane: &mut Lane, out: &mut Vec<Sent>) {
        match lane.place.clone() {
            Place::Home if self.is_pressed(now, topic, LOOK) => {
                lane.place = Place::Looking { free: BTreeSet::new() };
                lane.ask_at = now;
                self.look(now, controls, topic, lane, out);
            }
            Place::Home => {}
            Place::Looking { .. } if !self.is_pressed(now, topic, LOOK) => lane.place = Place::Home,
            Place::Looking { free } => match free.first() {
                Some(at) if self.is_pressed(now, topic, LATE) => self.leave(now, controls, topic, lane, *at),
                _ => self.look(now, controls, topic, lane, out),
            },
            Place::Away { .. } if lane.is_due(now) => self.ask(now, topic, lane, Question::IsBack, out),
            Place::Away { .. } => {}
            Place::Returning { at, end } => {
                let settled = self.others[at].2.publisher.waiting(now, &lane.spilled).0 == 0;
                if now.since(lane.heard) >= LATE {
                    self.stay(now, lane, at);
                } else if settled && !controls.on(&DRAIN_FIRST) {
                    self.go_home(now, topic, lane);
                } else if lane.is_due(now) {
                    self.ask(now, topic, lane, Question::IsBack, out);
                    if settled {
                        let question = end.map_or(Question::End, |_| Question::Drained);
                        self.ask(now, topic, lane, question, out);
                    }
                }
            }
        }
    }

    /// Whether a topic's own cell does not take its events: one has waited for so long, or too many wait.
    fn is_pressed(&self, now: Instant, topic: &TopicName, wait: Duration) -> bool {
        let (waiting, oldest) = self.home.publisher.waiting(now, topic);
        oldest.is_some_and(|since| now.since(since) >= wait || waiting >= self.queue_max / 2)
    }

    /// Cells that a topic may spill to, the preferred ones first.
    fn permitted(&self, controls: &Controls, topic: &str) -> Vec<usize> {
        let bound = is_bound_topic(topic) && controls.on(&SPILL_REGION);
        let all = self.others.iter().enumerate();
        all.filter(|(_, (_, region, _))| !bound || *region == self.region).map(|(at, _)| at).collect()
    }

    /// Asks the cells that a topic may spill to whether they lead its other topic.
    fn look(&mut self, now: Instant, controls: &Controls, topic: &TopicName, lane: &mut Lane, out: &mut Vec<Sent>) {
        if lane.is_due(now) {
            for at in self.permitted(controls, topic) {
                self.ask(now, topic, lane, Question::HasRoom(at), out);
            }
        }
    }

    /// From now on the topic's events go to another cell, those first that home has not taken.
    fn leave(&mut self, now: Instant, controls: &Controls, topic: &TopicName, lane: &mut Lane, at: usize) {
        let (cell, _, cluster) = &mut self.others[at];
        for mut event in self.home.publisher.take(topic, controls.on(&ORDER_FENCE)) {
            if !controls.on(&KNOWN_AGAIN) {
                event.under_way = None;
            }
            cluster.send(now, cell, &lane.spilled, event);
        }
        lane.place = Place::Away { at };
        lane.ask_at = now + ASK_EVERY;
    }

    /// Home is silent again: what waited goes abroad as well.
    fn stay(&mut self, now: Instant, lane: &mut Lane, at: usize) {
        let (cell, _, cluster) = &mut self.others[at];
        for event in std::mem::take(&mut lane.held) {
            cluster.send(now, cell, &lane.spilled, event);
        }
        lane.place = Place::Away { at };
    }

    fn go_home(&mut self, now: Instant, topic: &TopicName, lane: &mut Lane) {
        lane.place = Place::Home;
        for Taken { ticket, client, records, .. } in std::mem::take(&mut lane.held) {
            self.home.publisher.pass_on(now, topic, client, records, ticket);
        }
    }

    /// Asks, in place of an earlier question of the same kind.
    fn ask(&mut self, now: Instant, topic: &TopicName, lane: &mut Lane, question: Question, out: &mut Vec<Sent>) {
        self.questions.retain(|_, (about, asked)| about != topic || *asked != question);
        let (spilled, partition) = (lane.spilled.clone(), PARTITION);
        let request = match question {
            Question::IsBack => Request::ListOffsets { topic: topic.clone(), partition: self.partition },
            Question::HasRoom(_) | Question::End => Request::ListOffsets { topic: spilled, partition },
            // A drain keeps its position under the name of what it drains.
            Question::Drained => Request::OffsetFetch { group: spilled.clone(), topic: spilled, partition },
        };
        let routes = match (question, &lane.place) {
            (Question::HasRoom(at), _) => &mut self.others[at].2.routes,
            (Question::End | Question::Drained, Place::Returning { at, .. }) => &mut self.others[*at].2.routes,
            _ => &mut self.home.routes,
        };
        self.next_id = self.next_id.wrapping_add(1);
        let id = self.next_id;
        routes.tick(now);
        out.push(Sent { to: routes.send(now, id, &request), id, request });
        self.questions.insert(id, (topic.clone(), question));
        lane.ask_at = now + ASK_EVERY;
    }

    fn learn(&mut self, now: Instant, id: u64, topic: &TopicName, question: Question, response: &Response) {
        let Some(lane) = self.lanes.get_mut(topic) else { return };
        let away = match (question, &lane.place) {
            (Question::HasRoom(at), _) => Some(at),
            (Question::End | Question::Drained, Place::Returning { at, .. }) => Some(*at),
            _ => None,
        };
        let routes = away.map_or(&mut self.home.routes, |at| &mut self.others[at].2.routes);
        routes.answered(id, response);
        match (question, &mut lane.place, response) {
            (Question::HasRoom(at), Place::Looking { free, .. }, Response::Offsets { error: ErrorCode::None, .. }) => {
                free.insert(at);
            }
            (Question::IsBack, place, Response::Offsets { error: ErrorCode::None, .. }) => {
                lane.heard = now;
                if let Place::Away { at } = *place {
                    *place = Place::Returning { at, end: None };
                    lane.ask_at = now;
                }
            }
            (
                Question::End,
                Place::Returning { end, .. },
                Response::Offsets { error: ErrorCode::None, high_watermark, .. },
            ) => *end = Some(*high_watermark),
            (
                Question::Drained,
                Place::Returning { end: Some(end), .. },
                Response::OffsetFetch { error: ErrorCode::None, offset },
            ) => {
                if offset.is_some_and(|offset| offset >= *end) {
                    let mut lane = self.lanes.remove(topic).expect("it was just found");
                    self.go_home(now, topic, &mut lane);
                    self.lanes.insert(topic.clone(), lane);
                }
            }
            // Somebody else leads, or nobody does.
            _ => lane.ask_at = lane.ask_at.min(now + ASK_NEXT),
        }
    }
}

impl Cluster {
    /// Sends an event to the topic `spilled` of this cell, with its place at home, if it has one there.
    fn send(&mut self, now: Instant, cell: &Arc<str>, spilled: &TopicName, event: Taken) {
        let Taken { ticket, client, records, under_way } = event;
        let away = |record: &Record| {
            let mut record = record.clone();
            record.headers.spilled = Some(Spilled { cell: cell.clone(), under_way });
            record
        };
        let records: Arc<[Record]> = records.iter().map(away).collect();
        self.publisher.pass_on(now, spilled, client, records, ticket);
    }
}

impl Lane {
    fn new(topic: &str) -> Lane {
        let (place, ask_at, heard) = (Place::Home, Instant::ZERO, Instant::ZERO);
        Lane { spilled: spilled_topic(topic).into(), place, ask_at, heard, held: VecDeque::new() }
    }

    fn is_due(&self, now: Instant) -> bool {
        now >= self.ask_at
    }
}
