//! What the application sends to the database, and what it makes of the answer.
//!
//! Every statement names the tenant: that is the service layer's own isolation, and the database's policies are the
//! second. Writes name the class that the policy was asked about, too: rows of another class are not there for them.
//! Lists, counts and reports name what the policy's [`filter`](super::filter) permits. Statements are constant texts
//! with parameters, so the server's plan cache knows them.

use super::class::RecordClass;
use super::customers::{self, By};
use super::filter::{self, Listing, Listings};
use super::insights;
use super::labelled;
use super::operation::{Reference, Task};
use super::reader::Reader;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::http::Reason;
use crate::wire::policy::DataFilter;
use crate::wire::sql::{Reply, Row, Statement, Transaction, Value};
use std::sync::Arc;

/// Lists name the tenant in their own WHERE clause.
pub const TENANT_FILTER: Control = control!(
    "app.tenant-filter",
    upholds: ["TEN-02", "STO-01"],
    off: "lists rely on the database's policies alone, as when a repository method forgets its where clause",
);

/// A change of a relation is written down for the graph in the transaction that makes it.
pub const OUTBOX: Control = control!(
    "graph.outbox",
    upholds: ["STO-06"],
    off: "two writes in a row: the service commits the row and then tells the graph itself, once; whoever loses power \
          or a packet in between has a relation in one store and not in the other",
);

/// Rows of an ad hoc report.
const REPORT_ROWS: i64 = 5;

/// The texts of all statements.
#[derive(Clone, Debug)]
pub struct Texts {
    get: Arc<str>,
    put: Arc<str>,
    delete: Arc<str>,
    create: Arc<str>,
    listings: Listings,
    relate: Arc<str>,
    outbox: Arc<str>,
    customers: customers::Texts,
    insights: insights::Texts,
    labels: labelled::Texts,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts {
            get: "SELECT body, kind, level, label FROM records WHERE tenant_id = $1 AND id = $2".into(),
            put: "UPDATE records SET body = $6, version = version + 1 \
                  WHERE tenant_id = $1 AND id = $2 AND kind = $3 AND label = $4 AND level <= $5"
                .into(),
            delete: "DELETE FROM records WHERE tenant_id = $1 AND id = $2 AND kind = $3 AND label = $4 AND level <= $5"
                .into(),
            create: "INSERT INTO records (tenant_id, id, kind, label, level, body) VALUES ($1, $2, $3, $4, $5, $6)"
                .into(),
            listings: Listings::default(),
            relate: "INSERT INTO relations (tenant_id, source, target, version, present) \
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
                .into(),
            outbox: "INSERT INTO graph_outbox (tenant_id, source, target, version, present) \
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"
                .into(),
            customers: customers::Texts::default(),
            insights: insights::Texts::default(),
            labels: labelled::Texts::default(),
        }
    }
}

impl Texts {
    /// The transaction of a task, if it needs the database. `tenant` is the one that the request is served for;
    /// the connection library sets it, save for operations that forgot to. It is for the login that tenants share; who
    /// knows of another one puts it in. `class` is what the policy was asked about, `filter` what it permits a list to
    /// show.
    pub fn transaction(
        &mut self,
        controls: &Controls,
        task: &Task,
        (tenant, class, filter): (&TenantId, Option<&RecordClass>, Option<&DataFilter>),
        body: &str,
    ) -> Option<Transaction> {
        if task.lists() {
            return self.listing(controls, task, tenant, filter?);
        }
        if let Some((by, reader)) = about_customers(task) {
            return self.customers.transaction((tenant, task.owner(tenant)), by, reader, &self.labels);
        }
        if let Task::Insight(name, reader) = task {
            return self.insights.transaction((tenant, name), reader, &self.labels);
        }
        let text = |s: &str| Value::Text(s.into());
        let owner = |t: &TenantId| Value::Text(t.clone());
        let class = class?;
        if let Task::Relate { source, target, version, present } = task {
            let mut params = vec![owner(&source.owner)];
            params.extend([source.id, *target, *version].map(Value::Int));
            params.push(Value::Bool(*present));
            let mut statements = vec![Statement { text: self.relate.clone(), params: params.clone() }];
            if self.has_outbox(controls) {
                statements.push(Statement { text: self.outbox.clone(), params });
            }
            return Some(Transaction { tenant: Some(tenant.clone()), login: None, statements });
        }
        let within = |mut params: Vec<Value>| {
            let level = Value::Int(class.level.rank().into());
            params.extend([Value::Text(class.kind.clone()), Value::Text(class.label.clone()), level]);
            params
        };
        let record = |r: &Reference| vec![owner(&r.owner), Value::Int(r.id)];
        let with = |mut params: Vec<Value>, last: &str| {
            params.push(text(last));
            params
        };
        let (sql, params) = match task {
            Task::Get(r) => (&self.get, record(r)),
            Task::Put(r) => (&self.put, with(within(record(r)), body)),
            Task::Delete(r) => (&self.delete, within(record(r))),
            Task::Create(r) => {
                let content = body.split_once(';').map_or("", |(_, content)| content);
                (&self.create, with(within(record(r)), content))
            }
            Task::Who => (&self.get, vec![owner(tenant), Value::Int(0)]),
            Task::Sql(_) => {
                let statements = vec![Statement::new(body, Vec::new())];
                return Some(Transaction { tenant: Some(tenant.clone()), login: None, statements });
            }
            _ => return None,
        };
        let statements = vec![Statement { text: sql.clone(), params }];
        Some(Transaction { tenant: Some(tenant.clone()), login: None, statements })
    }

    /// The transaction of a task over rows that nobody has named.
    fn listing(
        &mut self,
        controls: &Controls,
        task: &Task,
        tenant: &TenantId,
        filter: &DataFilter,
    ) -> Option<Transaction> {
        let (names_tenant, limit) = match task {
            Task::List(n) => (controls.on(&TENANT_FILTER), Some((*n).into())),
            Task::Count => (true, None),
            Task::Report { .. } => (false, Some(REPORT_ROWS)),
            _ => return None,
        };
        let listing = Listing { names_tenant, counts: limit.is_none() };
        let (text, permitted) = self.listings.filtered(controls, listing, filter);
        let own = names_tenant.then(|| Value::Text(tenant.clone()));
        let params = own.into_iter().chain(limit.map(Value::Int)).chain(permitted).collect();
        let set = !matches!(task, Task::Report { sets_tenant: false });
        let statements = vec![Statement { text, params }];
        Some(Transaction { tenant: set.then(|| tenant.clone()), login: None, statements })
    }
}

impl Texts {
    /// Whether somebody else tells the graph what was committed.
    pub fn has_outbox(&self, controls: &Controls) -> bool {
        controls.on(&OUTBOX)
    }
}

/// What an outcome means for the client: a reason, and the content. `filter` is what a list may show.
pub fn answer(
    controls: &Controls,
    (task, filter): (&Task, Option<&DataFilter>),
    replies: &[Reply],
    sent: &[u8],
) -> (Reason, Vec<u8>) {
    // Of several statements each may have ended the transaction.
    let failed = replies.iter().find(|reply| reply.sqlstate().is_some());
    let Some(reply) = failed.or(replies.first()) else { return (Reason::Internal, Vec::new()) };
    match (task, reply) {
        (_, Reply::Error { sqlstate, .. }) => (refused(sqlstate), Vec::new()),
        (Task::Customer(..) | Task::Customers { .. }, _) => about_customers(task)
            .map_or((Reason::Internal, Vec::new()), |(by, reader)| customers::answer(controls, by, reader, replies)),
        (Task::Insight(name, reader), _) => insights::answer(controls, name, reader, replies),
        (Task::Get(_) | Task::Who, Reply::Rows { rows, .. }) => match rows.first().and_then(|row| row[0].as_text()) {
            Some(body) => (Reason::Ok, body.as_bytes().to_vec()),
            None => (Reason::NotFound, Vec::new()),
        },
        (Task::List(_) | Task::Report { .. }, Reply::Rows { rows, .. }) => {
            let lines: Vec<String> = rows.iter().filter_map(|row| filter::line(controls, filter, row)).collect();
            (Reason::Ok, lines.join("\n").into_bytes())
        }
        (Task::Count, Reply::Rows { rows, .. }) => {
            let count = rows.first().and_then(|row| row[0].as_int()).unwrap_or(0);
            (Reason::Ok, count.to_string().into_bytes())
        }
        // What a console shows of rows is its own business.
        (Task::Sql(_), _) => (Reason::Ok, Vec::new()),
        (Task::Put(_) | Task::Delete(_), Reply::Done(0)) => (Reason::NotFound, Vec::new()),
        (Task::Put(_), Reply::Done(_)) => (Reason::Ok, sent.to_vec()),
        (Task::Delete(_), Reply::Done(_)) => (Reason::NoContent, Vec::new()),
        (Task::Create(_) | Task::Relate { .. }, Reply::Done(_)) => (Reason::Created, Vec::new()),
        _ => (Reason::Internal, Vec::new()),
    }
}

/// By what a task asks for customers, and for whom, if it does.
fn about_customers(task: &Task) -> Option<(By<'_>, &Reader)> {
    match task {
        Task::Customer(record, reader) => Some((By::Number(record.id), reader)),
        Task::Customers { column, value, reader } => Some((By::Column(column, value), reader)),
        _ => None,
    }
}

/// The row that a task for one record found, to be held against what the policy was asked about.
pub fn found<'a>(task: &Task, replies: &'a [Reply]) -> Option<&'a Row> {
    match (task, replies.first()) {
        (Task::Get(_) | Task::Who, Some(Reply::Rows { rows, .. })) => rows.first(),
        _ => None,
    }
}

/// SQLSTATE to reason. A violated policy and an absent row look the same: nobody learns what exists.
fn refused(sqlstate: &str) -> Reason {
    match sqlstate {
        "42501" => Reason::NotFound,
        "23505" => Reason::Conflict,
        "55P03" => Reason::DependencyDown,
        other if says_elsewhere(other) => Reason::DependencyDown,
        _ => Reason::Internal,
    }
}

/// Whether the answer says that another node is the primary.
pub fn is_elsewhere(replies: &[Reply]) -> bool {
    replies.first().and_then(Reply::sqlstate).is_some_and(says_elsewhere)
}

/// Read-only transaction, shut down by an administrator, not accepting connections: codes of a node that does not lead.
fn says_elsewhere(sqlstate: &str) -> bool {
    matches!(sqlstate, "25006" | "57P01" | "57P03")
}
