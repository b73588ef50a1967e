//! How an exporter reads a tenant's day: its rows from the database that leads, and what is new in its topics.

use crate::ids::{Bytes, TenantId};
use crate::kafka::route::Routes;
use crate::wire::Wire;
use crate::wire::kafka::{ErrorCode, Fetch, FetchReply, Request, Response, TopicName};
use crate::wire::sql::{Outcome, Reply, Row, Statement, Transaction, Value};
use sim::{Duration, Instant, NodeId};

/// Bytes of a topic that one bundle takes; the rest follows in the next.
const FETCH_BYTES: u64 = 1 << 18;
/// What has no answer is asked again.
const RETRY: Duration = Duration::millis(400);

/// The columns of a dump, in the order of the table.
const DUMP: &str =
    "SELECT tenant_id, id, kind, level, label, body, version, contact FROM records WHERE tenant_id = $1 ORDER BY id";

struct Topic {
    name: TopicName,
    from: u64,
    asked: Option<(u64, Instant)>,
    read: Option<(Events, u64)>,
}

/// Reading under way.
pub struct Gather {
    tenant: TenantId,
    rows: Option<Vec<Row>>,
    rows_asked: Option<(u64, Instant)>,
    /// The database node that it asks: its own view, because readers that shared one would send each other in circles.
    database: usize,
    topics: Vec<Topic>,
}

/// Events of a topic, by offset.
pub type Events = Vec<(u64, Bytes)>;

/// What was read.
pub struct Gathered {
    /// Rows, in order of id.
    pub rows: Vec<Row>,
    /// Topics, each with its events by offset and where to read on.
    pub topics: Vec<(TopicName, Events, u64)>,
}

/// Whom an exporter reads from.
pub struct Sources {
    /// Database nodes; the first is asked first.
    pub databases: Vec<NodeId>,
    /// Who answered last, as one that leads does.
    pub leader: usize,
    /// Brokers.
    pub routes: Routes,
}

impl Gather {
    /// Begins to read a tenant: topics from these offsets on.
    pub fn new(tenant: &TenantId, database: usize, topics: impl Iterator<Item = (TopicName, u64)>) -> Gather {
        let topic = |(name, from)| Topic { name, from, asked: None, read: None };
        Gather { tenant: tenant.clone(), rows: None, rows_asked: None, database, topics: topics.map(topic).collect() }
    }

    /// What is to be asked now, and whom; `number` gives numbers to questions.
    pub fn ask(
        &mut self,
        now: Instant,
        sources: &mut Sources,
        mut number: impl FnMut() -> u64,
    ) -> Vec<(NodeId, u64, Wire)> {
        let is_due = |asked: Option<(u64, Instant)>| asked.is_none_or(|(_, since)| now.since(since) >= RETRY);
        let mut asks = Vec::new();
        if self.rows.is_none() && is_due(self.rows_asked) {
            if self.rows_asked.is_some() {
                self.database += 1;
            }
            let id = number();
            self.rows_asked = Some((id, now));
            let statements = vec![Statement::new(DUMP, vec![Value::Text(self.tenant.clone())])];
            let transaction = Transaction { tenant: Some(self.tenant.clone()), login: None, statements };
            let to = sources.databases[self.database % sources.databases.len()];
            asks.push((to, id, Wire::Sql(id, Box::new(transaction))));
        }
        for topic in self.topics.iter_mut().filter(|topic| topic.read.is_none() && is_due(topic.asked)) {
            let id = number();
            topic.asked = Some((id, now));
            let (name, offset) = (topic.name.clone(), topic.from);
            let fetch = Fetch { topic: name, partition: 0, offset, bytes_max: FETCH_BYTES, wait: Duration::ZERO };
            let request = Request::Fetch(fetch);
            let to = sources.routes.send(now, id, &request);
            asks.push((to, id, Wire::Kafka(id, Box::new(request))));
        }
        asks
    }

    /// A database has answered. One that does not lead is not asked again.
    pub fn rows(&mut self, sources: &mut Sources, id: u64, outcome: Outcome) {
        if self.rows_asked.is_none_or(|(asked, _)| asked != id) {
            return;
        }
        self.rows_asked = None;
        match outcome.replies.into_iter().next() {
            Some(Reply::Rows { rows, .. }) => {
                self.rows = Some(rows);
                sources.leader = self.database % sources.databases.len();
            }
            _ => self.database += 1,
        }
    }

    /// A broker has answered.
    pub fn events(&mut self, id: u64, response: &Response) {
        let asked = |topic: &&mut Topic| topic.asked.is_some_and(|(asked, _)| asked == id);
        let (Some(topic), Response::Fetch(reply)) = (self.topics.iter_mut().find(asked), response) else { return };
        if reply.error == ErrorCode::None {
            let from = topic.from;
            topic.read = Some((events(reply).filter(|(offset, _)| *offset >= from).collect(), reply.next_offset));
        }
    }

    /// Everything, once it is there.
    pub fn take(&mut self) -> Option<Gathered> {
        if self.rows.is_none() || self.topics.iter().any(|topic| topic.read.is_none()) {
            return None;
        }
        let read = |topic: &mut Topic| {
            let (events, next) = topic.read.take()?;
            Some((topic.name.clone(), events, next.max(topic.from)))
        };
        Some(Gathered { rows: self.rows.take()?, topics: self.topics.iter_mut().filter_map(read).collect() })
    }
}

/// Events of an answer, with their offsets.
fn events(reply: &FetchReply) -> impl Iterator<Item = (u64, Bytes)> {
    let records = |batch: &crate::wire::kafka::Batch| {
        let values: Vec<Bytes> = batch.records.iter().map(|record| record.value.clone()).collect();
        (batch.base_offset..).zip(values)
    };
    reply.batches.iter().flat_map(records)
}
