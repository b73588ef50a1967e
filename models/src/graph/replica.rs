//! A read replica of a graph database in another cell: role `cell-b/graph-replica`.
//!
//! It follows the log of its database, as far as that may leave the region, and serves statements that read. Where it
//! stands it says by a mark: a place in the log and a digest of what came before it, because a database that lost the
//! end of its log counts on from an earlier place, and the same number is then another change.

use super::log::decode;
use super::machine::{Texts, state, state_all};
use super::run::{Outcome, failed, run};
use super::store::{Graph, Session};
use crate::control;
use crate::control::Control;
use crate::fact::{Fact, Place};
use crate::ids::Bytes;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::bolt::{Failure, Mark, Request, Response, Stream};
use serde::{Deserialize, Serialize};
use sim::disk::{FileId, Write};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::rc::Rc;

/// A replica changes nothing by itself.
pub const REPLICA_READ_ONLY: Control = control!(
    "graph.replica-read-only",
    upholds: ["STO-11"],
    off: "the replica takes writes like the database (`server.databases.default_to_read_only=false`), and keeps them",
);

/// How lag is reported, in milliseconds.
pub const LAG: &str = "lag-ms";

/// What a replica is.
#[derive(Clone)]
pub struct ReplicaSpec {
    /// Where it stands.
    pub place: Place,
    /// What it begins with: what both cells were given.
    pub base: Rc<Graph>,
    /// The database that it follows.
    pub upstream: NodeId,
    /// Between two questions for more.
    pub every: Duration,
    /// Worker time of a read and of a change.
    pub cost: (Duration, Duration),
}

/// What its disk keeps: changes, and where in the database's log they end.
#[derive(Serialize, Deserialize)]
struct Kept {
    changes: Vec<Bytes>,
    next: Mark,
}

/// A replica at work.
pub struct Replica {
    spec: ReplicaSpec,
    graph: Graph,
    /// How far the disk has come, and how far it will have come when everything under way is on it.
    mark: Mark,
    writing: Option<Kept>,
    records: usize,
    /// When it had everything that its database had.
    whole_at: Instant,
    texts: Texts,
    ticks: u64,
}

const FILE: FileId = 0;
const TICK: u64 = 1;
const REPORT_EVERY: u64 = 2;
const SYNCED: u64 = 1;

impl Replica {
    /// A replica that goes on where its disk says.
    pub fn boot(spec: &ReplicaSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Replica {
        let mut replica = Replica {
            graph: (*spec.base).clone(),
            spec: spec.clone(),
            mark: Mark::default(),
            writing: None,
            records: 0,
            whole_at: ctx.now(),
            texts: Texts::default(),
            ticks: ctx.now().0,
        };
        for record in ctx.disk().read(FILE) {
            let whole = record.split_at_checked(4).filter(|(sum, body)| crc32fast::hash(body).to_le_bytes() == *sum);
            let Some(kept) = whole.and_then(|(_, body)| postcard::from_bytes::<Kept>(body).ok()) else { break };
            replica.records += 1;
            replica.mark = kept.next;
            for change in kept.changes.iter().filter_map(|change| decode(change)) {
                replica.graph.apply(ctx.controls(), &change);
            }
        }
        if replica.records < ctx.disk().read(FILE).len() {
            out.write(FILE, Write::Truncate(replica.records));
        }
        state_all(out, &spec.place, &replica.graph);
        replica.tick(ctx, out);
        replica
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        if self.writing.is_none() {
            out.send(self.spec.upstream, Wire::GraphStream(Box::new(Stream::From(self.mark))));
        }
        if self.ticks.is_multiple_of(REPORT_EVERY) {
            let (about, value) = (self.spec.place.cell.clone(), ctx.now().since(self.whole_at).as_millis());
            out.fact(Fact::Reported { by: "graph-replica", what: LAG, about, value });
        }
        out.timer_for(ctx.own(self.ticks), self.spec.every, TICK);
    }

    fn streamed(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, stream: Stream) {
        let Stream::Changes { first, next, changes, end, at } = stream else { return };
        if self.writing.is_some() {
            return;
        }
        if first.position == 0 && self.mark.position != 0 {
            // Its database has another history: this one begins again.
            out.write(FILE, Write::Truncate(0));
            self.records = 0;
            self.mark = Mark::default();
            self.graph = (*self.spec.base).clone();
            state_all(out, &self.spec.place, &self.graph);
        } else if first.position != self.mark.position {
            return;
        }
        if next.position == end {
            // Clocks of two cells differ by little, and lag is counted in seconds.
            self.whole_at = at.min(ctx.now()).max(self.whole_at);
        }
        if next.position == self.mark.position {
            return;
        }
        out.busy(self.spec.cost.1 * changes.len() as u64);
        let kept = Kept { changes, next };
        let body = postcard::to_allocvec(&kept).expect("changes have bytes");
        let mut record = crc32fast::hash(&body).to_le_bytes().to_vec();
        record.extend(body);
        out.write(FILE, Write::Append(record.into()));
        out.sync(SYNCED);
        self.writing = Some(kept);
    }

    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, ok: bool) {
        let Some(kept) = self.writing.take() else { return };
        if !ok {
            out.write(FILE, Write::Truncate(self.records));
            return;
        }
        self.records += 1;
        self.mark = kept.next;
        for change in kept.changes.iter().filter_map(|change| decode(change)) {
            let effect = self.graph.apply(ctx.controls(), &change);
            state(out, &self.spec.place, &self.graph, &effect);
        }
        out.send(self.spec.upstream, Wire::GraphStream(Box::new(Stream::From(self.mark))));
    }

    fn asked(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, request: &Request) -> Response {
        out.busy(self.spec.cost.0);
        let Request::Run { tenant, text, params } = request else {
            return Response::Failed(Failure::ReadOnly, Failure::ReadOnly.code().into());
        };
        let statement = self.texts.read(text);
        let outcome = match &*statement {
            Ok(statement) => run(&self.graph, Session { tenant, controls: ctx.controls() }, statement, params).0,
            Err(mistake) => failed(Failure::Syntax, &mistake.to_string()),
        };
        match outcome {
            Outcome::Answer(response) => response,
            Outcome::Write(_) if ctx.controls().on(&REPLICA_READ_ONLY) => {
                Response::Failed(Failure::ReadOnly, Failure::ReadOnly.code().into())
            }
            Outcome::Write(changes) => {
                for change in changes {
                    let effect = self.graph.apply(ctx.controls(), &change);
                    state(out, &self.spec.place, &self.graph, &effect);
                }
                Response::Done
            }
        }
    }
}

impl Machine<Saas> for Replica {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Bolt(id, request) } => {
                let response = self.asked(ctx, out, &request);
                out.send(from, Wire::BoltAnswer(id, Box::new(response)));
            }
            Input::Message { message: Wire::GraphStream(stream), .. } => self.streamed(ctx, out, *stream),
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Synced { ok, .. } => self.synced(ctx, out, ok),
            Input::Timer { token: TICK } => self.tick(ctx, out),
            _ => {}
        }
    }
}
