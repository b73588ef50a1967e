//! The witness at work: one machine a cell, which follows every audit topic and reads it again and again.
//!
//! It keeps no group offset with the brokers: its place is what its own disk has. A log that comes up short is given
//! time, because a new leader learns only after a while how far it may show its log.

use super::book::{Book, Entry, Reading, Verdict};
use crate::fact::Fact;
use crate::kafka::route::Routes;
use crate::luck::NONCE;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::kafka::{ErrorCode, Fetch, FetchReply, Request, Response, TopicName};
use sim::chain::Digest;
use sim::disk::{FileId, Write};
use sim::seed::mix;
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};

/// How an altered log is reported.
pub const ALTERED: &str = "audit-altered";
/// How a log that lost events is reported.
pub const INCOMPLETE: &str = "audit-incomplete";

const BOOK: FileId = 0;
const TICK: u64 = 0;
const TICK_EVERY: Duration = Duration::millis(100);
/// Between two looks at what is new.
const FOLLOW_EVERY: Duration = Duration::millis(300);
/// Between two readings from the start.
const READ_AGAIN_EVERY: Duration = Duration::millis(1_000);
/// What has no answer is asked again.
const RETRY: Duration = Duration::millis(400);
/// A log may come up short for so long.
const SHORT_MAX: Duration = Duration::millis(2_000);
/// Bytes of one look.
const FETCH_BYTES: u64 = 1 << 18;

/// What a witness is.
#[derive(Clone, Debug)]
pub struct WitnessSpec {
    /// Brokers of its cell.
    pub brokers: Vec<NodeId>,
    /// Topics that it witnesses, of one partition each.
    pub topics: Vec<TopicName>,
    /// Worker time of an event.
    pub cost: Duration,
}

struct Lane {
    topic: TopicName,
    book: Book,
    /// The look under way, by name, and since when.
    asking: Option<(u64, Instant)>,
    follow_at: Instant,
    read_at: Instant,
    /// The reading under way, the next offset of it, and the offset before which it ends.
    reading: Option<(Reading, u64, u64)>,
    short_since: Option<Instant>,
    told: bool,
}

/// A witness at work.
pub struct Witness {
    routes: Routes,
    lanes: Vec<Lane>,
    cost: Duration,
    next_id: u64,
    life: u64,
    ticks: u64,
}

impl Witness {
    /// A witness that remembers what its disk kept.
    pub fn boot(spec: &WitnessSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Witness {
        let lane = |topic: &TopicName| Lane {
            topic: topic.clone(),
            book: Book::default(),
            asking: None,
            follow_at: Instant::ZERO,
            read_at: ctx.now() + READ_AGAIN_EVERY,
            reading: None,
            short_since: None,
            told: false,
        };
        let mut lanes: Vec<Lane> = spec.topics.iter().map(lane).collect();
        for (lane, entry) in ctx.disk().read(BOOK).iter().filter_map(|record| recall(record)) {
            if let Some(lane) = lanes.get_mut(lane as usize) {
                lane.book.recall(entry);
            }
        }
        let life = ctx.draw(NONCE);
        let routes = Routes::new(spec.brokers.clone(), RETRY);
        let mut witness = Witness { routes, lanes, cost: spec.cost, next_id: life, life, ticks: 0 };
        witness.tick(ctx, out);
        witness
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        self.routes.tick(ctx.now());
        (0..self.lanes.len()).for_each(|at| self.look(ctx, out, at));
        out.timer_for(ctx.own(mix(self.life, self.ticks)), TICK_EVERY, TICK);
    }

    /// Takes the next look at a topic, if one is due and none is under way.
    fn look(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, at: usize) {
        let now = ctx.now();
        let lane = &mut self.lanes[at];
        if lane.asking.is_some_and(|(_, since)| now.since(since) < RETRY) {
            return;
        }
        if lane.reading.is_none() && now >= lane.read_at && !lane.book.is_empty() {
            lane.reading = Some((lane.book.reading(), 0, lane.book.end()));
        }
        let offset = match &lane.reading {
            Some((_, offset, _)) => *offset,
            None if now >= lane.follow_at => lane.book.end(),
            None => return,
        };
        let (topic, wait) = (lane.topic.clone(), Duration::ZERO);
        let request = Request::Fetch(Fetch { topic, partition: 0, offset, bytes_max: FETCH_BYTES, wait });
        self.next_id = self.next_id.wrapping_add(1);
        let id = self.next_id;
        self.lanes[at].asking = Some((id, now));
        let to = self.routes.send(now, id, &request);
        out.send_for(ctx.own(mix(self.life, id)), to, Wire::Kafka(id, Box::new(request)));
    }

    fn answered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64, response: &Response) {
        self.routes.answered(id, response);
        let Some(at) = self.lanes.iter().position(|l| l.asking.is_some_and(|(asked, _)| asked == id)) else { return };
        let Response::Fetch(reply) = response else { return };
        if !matches!(reply.error, ErrorCode::None | ErrorCode::OffsetOutOfRange) {
            // Another broker leads: asked after a while.
            return;
        }
        self.lanes[at].asking = None;
        out.busy(self.cost * reply.batches.iter().map(|b| b.records.len() as u64).sum::<u64>());
        match self.lanes[at].reading.is_some() {
            true => self.read(ctx, out, at, reply),
            false => self.follow(ctx, out, at, reply),
        }
    }

    /// Witnesses what is new.
    fn follow(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, at: usize, reply: &FetchReply) {
        let lane = &mut self.lanes[at];
        lane.follow_at = ctx.now() + FOLLOW_EVERY;
        let before = lane.book.len();
        for (offset, event) in events(reply) {
            if offset >= lane.book.end() {
                let entry = lane.book.note(offset, event);
                out.write(BOOK, Write::Append(record(at as u32, entry)));
            }
        }
        if lane.book.len() > before {
            out.sync(0);
        }
    }

    /// Goes on with a second reading.
    fn read(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, at: usize, reply: &FetchReply) {
        let lane = &mut self.lanes[at];
        let Some((mut reading, position, until)) = lane.reading.take() else { return };
        for (offset, event) in events(reply) {
            if (position..until).contains(&offset) {
                reading.take(ctx.controls(), &lane.book, event);
            }
        }
        let log_starts_later = reply.error == ErrorCode::OffsetOutOfRange && reply.log_start > position;
        let next = if log_starts_later { reply.log_start } else { reply.next_offset };
        if next > position && next < until {
            lane.reading = Some((reading, next, until));
            return self.look(ctx, out, at);
        }
        let verdict = reading.finish(ctx.controls(), &self.lanes[at].book);
        self.judge(ctx, out, at, verdict);
    }

    fn judge(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, at: usize, verdict: Verdict) {
        let now = ctx.now();
        let lane = &mut self.lanes[at];
        lane.read_at = now + READ_AGAIN_EVERY;
        let (what, value) = match verdict {
            Verdict::Intact => {
                lane.short_since = None;
                return;
            }
            Verdict::Altered(offset) => (ALTERED, offset),
            Verdict::Incomplete(offset) => {
                let since = *lane.short_since.get_or_insert(now);
                if now.since(since) < SHORT_MAX {
                    return;
                }
                (INCOMPLETE, offset)
            }
        };
        if !std::mem::replace(&mut lane.told, true) {
            out.fact(Fact::Reported { by: "witness", what, about: lane.topic.clone(), value });
        }
    }
}

/// Events of an answer, with their offsets.
fn events(reply: &FetchReply) -> impl Iterator<Item = (u64, &[u8])> {
    let of = |b: &'_ crate::wire::kafka::Batch| b.base_offset;
    reply.batches.iter().flat_map(move |b| (of(b)..).zip(b.records.iter().map(|r| &*r.value)))
}

fn record(lane: u32, entry: Entry) -> Box<[u8]> {
    [&lane.to_le_bytes()[..], &entry.offset.to_le_bytes(), &entry.link.0].concat().into()
}

/// Reads a record; `None` when the disk damaged it.
fn recall(record: &[u8]) -> Option<(u32, Entry)> {
    let (lane, rest) = record.split_first_chunk::<4>()?;
    let (offset, link) = rest.split_first_chunk::<8>()?;
    let entry = Entry { offset: u64::from_le_bytes(*offset), link: Digest(link.try_into().ok()?) };
    Some((u32::from_le_bytes(*lane), entry))
}

impl Machine<Saas> for Witness {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { message: Wire::KafkaAnswer(id, response), .. } => self.answered(ctx, out, id, &response),
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { .. } => self.tick(ctx, out),
            _ => {}
        }
    }
}
