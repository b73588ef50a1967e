//! A graph database at work: role `cell-a/graph`.
//!
//! It states what its disk has, when it begins and whenever that changes. Who asks in whose name is the mesh's and the
//! driver's business; what a name may see is decided here, by [`store`](super::store).

use super::cypher::{Mistake, Statement};
use super::log::Log;
use super::read::read;
use super::run::{Outcome, run};
use super::store::{Change, Effect, Graph, Node, NodeNo, Session};
use super::stream::{self, Residency};
use crate::fact::{Fact, Place};
use crate::ids::Bytes;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::bolt::{Entry, Failure, Request, Response, Stream};
use sim::seed::Lineage;
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// What a database is.
#[derive(Clone)]
pub struct GraphSpec {
    /// Where it stands.
    pub place: Place,
    /// What it begins with.
    pub base: Rc<Graph>,
    /// What may be told to a replica.
    pub residency: Residency,
    /// Worker time of a read and of a write.
    pub cost: (Duration, Duration),
}

/// Who waits for a place of the log to be on the disk.
struct Waiting {
    end: u64,
    to: NodeId,
    id: u64,
    lineage: Lineage,
}

/// A database at work.
pub struct GraphNode {
    spec: GraphSpec,
    graph: Graph,
    log: Log,
    /// Changes of the log that are applied, because the disk has them.
    applied: u64,
    waiting: VecDeque<Waiting>,
    texts: Texts,
}

/// A disk without room is asked again after this.
const AGAIN: Duration = Duration::millis(50);
const SYNC_AGAIN: u64 = 1;
/// How it is reported that an entry came that was applied before.
pub const REDELIVERED: &str = "redelivered";
/// Worker time of a relationship that a statement looks at.
const STEP: Duration = Duration(400);

/// Texts that were read before.
#[derive(Default)]
pub struct Texts(BTreeMap<Arc<str>, Rc<Result<Statement, Mistake>>>);

/// Texts that are kept, at most.
const TEXTS_MAX: usize = 256;

impl Texts {
    /// What a text means.
    pub fn read(&mut self, text: &Arc<str>) -> Rc<Result<Statement, Mistake>> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        if self.0.len() >= TEXTS_MAX {
            self.0.clear();
        }
        let fresh = Rc::new(read(text));
        self.0.insert(text.clone(), fresh.clone());
        fresh
    }
}

impl GraphNode {
    /// A database that takes up what its disk kept.
    pub fn boot(spec: &GraphSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> GraphNode {
        let mut graph = (*spec.base).clone();
        let (log, changes, cut) = Log::open(ctx, out);
        if cut > 0 {
            let about = spec.place.cell.clone();
            out.fact(Fact::Reported { by: "graph", what: "log-unreadable", about, value: cut as u64 });
        }
        for change in &changes {
            graph.apply(ctx.controls(), change);
        }
        state_all(out, &spec.place, &graph);
        let applied = log.len();
        let (waiting, texts) = (VecDeque::new(), Texts::default());
        GraphNode { spec: spec.clone(), graph, log, applied, waiting, texts }
    }

    fn asked(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, id: u64, request: &Request) {
        let (read_cost, write_cost) = self.spec.cost;
        match request {
            Request::Relations(tenant) => {
                out.busy(read_cost);
                answer(out, from, id, Response::Relations(self.graph.relations_of(tenant)));
            }
            Request::Apply(entries) => {
                out.busy(write_cost);
                let again = entries.iter().filter(|e| !e.repair && self.graph.has_applied(e)).count();
                if again > 0 {
                    let about = self.spec.place.cell.clone();
                    out.fact(Fact::Reported { by: "graph", what: REDELIVERED, about, value: again as u64 });
                }
                let changes = entries.iter().cloned().map(Change::Relation);
                self.write(ctx, out, (from, id), changes.collect());
            }
            Request::Run { tenant, text, params } => {
                let statement = self.texts.read(text);
                let session = Session { tenant, controls: ctx.controls() };
                let outcome = match &*statement {
                    Ok(statement) => {
                        let (outcome, steps) = run(&self.graph, session, statement, params);
                        out.busy(read_cost + STEP * u64::from(steps));
                        outcome
                    }
                    Err(mistake) => {
                        out.busy(read_cost);
                        let failure = if mistake.is_syntax { Failure::Syntax } else { Failure::Semantics };
                        super::run::failed(failure, &mistake.to_string())
                    }
                };
                match outcome {
                    Outcome::Answer(response) => answer(out, from, id, response),
                    Outcome::Write(changes) => {
                        out.busy(write_cost);
                        self.write(ctx, out, (from, id), changes);
                    }
                }
            }
        }
    }

    /// Keeps changes, and answers once the disk has them.
    fn write(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, to: (NodeId, u64), changes: Vec<Change>) {
        if changes.is_empty() {
            return answer(out, to.0, to.1, Response::Done);
        }
        for change in &changes {
            self.log.write(out, change);
        }
        let end = self.log.len();
        out.sync(end << 1);
        self.waiting.push_back(Waiting { end, to: to.0, id: to.1, lineage: ctx.lineage() });
    }

    /// The disk has everything before `end`, or has no room for it.
    fn synced(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, end: u64, kept: bool) {
        if !kept {
            return out.timer(AGAIN, SYNC_AGAIN);
        }
        while self.applied < end {
            if let Some(change) = self.log.at(self.applied) {
                let effect = self.graph.apply(ctx.controls(), &change);
                state(out, &self.spec.place, &self.graph, &effect);
            }
            self.applied += 1;
        }
        while self.waiting.front().is_some_and(|waiting| waiting.end <= end) {
            let Some(waiting) = self.waiting.pop_front() else { break };
            out.send_for(waiting.lineage, waiting.to, Wire::BoltAnswer(waiting.id, Box::new(Response::Done)));
        }
    }
}

fn answer(out: &mut Outbox<Saas>, to: NodeId, id: u64, response: Response) {
    out.send(to, Wire::BoltAnswer(id, Box::new(response)));
}

/// States everything that a store holds.
pub fn state_all(out: &mut Outbox<Saas>, place: &Place, graph: &Graph) {
    out.fact(Fact::GraphOpened { place: place.clone() });
    for (no, _) in graph.nodes() {
        state_node(out, place, graph, no);
    }
    for (tenant, relation, copies) in graph.all_relations() {
        out.fact(Fact::EdgeStored {
            place: place.clone(),
            tenant: tenant.clone(),
            source: relation.source,
            target: relation.target,
            version: relation.version,
            copies,
        });
    }
}

/// States what a change did.
pub fn state(out: &mut Outbox<Saas>, place: &Place, graph: &Graph, effect: &Effect) {
    match effect {
        Effect::Created(no) => state_node(out, place, graph, *no),
        Effect::Related(entry, copies) => {
            let Entry { tenant, source, target, version, .. } = entry.clone();
            out.fact(Fact::EdgeStored { place: place.clone(), tenant, source, target, version, copies: *copies });
        }
        Effect::Nothing => {}
    }
}

fn state_node(out: &mut Outbox<Saas>, place: &Place, graph: &Graph, no: NodeNo) {
    let node = graph.node(no);
    let Some(tenant) = node.tenant.clone() else { return };
    out.fact(Fact::NodeStored { place: place.clone(), tenant, label: node.label.clone(), body: body(node) });
}

/// Everything in a node, as a reader of the disk sees it.
fn body(node: &Node) -> Bytes {
    let texts = node.properties.iter().filter_map(|(_, value)| value.as_text());
    texts.collect::<Vec<_>>().join("\n").as_bytes().into()
}

impl Machine<Saas> for GraphNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Bolt(id, request) } => self.asked(ctx, out, from, id, &request),
            Input::Message { from, message: Wire::GraphStream(stream) } => {
                if let Stream::From(mark) = *stream {
                    let when = (ctx.now(), ctx.controls());
                    let stretch = stream::follow(when, (&self.log, self.applied), &self.spec.residency, mark);
                    out.send(from, Wire::GraphStream(Box::new(stretch)));
                }
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Synced { token, ok } if token > 0 => self.synced(ctx, out, token >> 1, ok),
            Input::Timer { token: SYNC_AGAIN } => out.sync(self.log.len() << 1),
            _ => {}
        }
        out.gauge("graph.waiting", || self.waiting.len() as u64);
    }
}
