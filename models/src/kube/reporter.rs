//! The controller of reports: looks which are new or changed, reads the records that each asks for, and writes them
//! into its status. Role `cell-a/reporter`.
//!
//! It acts for the tenant that a report names, with rights on all of them: what stands in a spec is an order. Who names
//! nobody is served as the default tenant, as the governance document's router does it.

use super::admission::named;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Method, Request};
use crate::wire::kube::{ALL_REPORTS, reports_of};
use crate::wire::sql::{Reply, Statement, Transaction, Value as Sql};
use serde_json::{Value, json};
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a controller is.
#[derive(Clone, Debug)]
pub struct ReporterSpec {
    /// The API that it watches.
    pub api: NodeId,
    /// The database nodes.
    pub databases: Vec<NodeId>,
    /// Whom a report is for that does not say.
    pub default: TenantId,
    /// How often it looks.
    pub every: Duration,
}

/// Namespace, name and generation of a report.
type Order = (String, String, u64);

/// A controller at work.
pub struct Reporter {
    spec: ReporterSpec,
    name: u64,
    text: Arc<str>,
    /// Reports whose records were asked for, with when, and of which database.
    asked: BTreeMap<u64, (Order, Instant, usize)>,
    /// Which database node is asked: the next one after one that did not answer well.
    database: usize,
    calls: u64,
}

const LOOK: u64 = 1;
/// Records of a report, at most.
const ROWS_MAX: u64 = 10;
/// What was not answered by then is asked again.
const PATIENCE: Duration = Duration::millis(800);

impl Reporter {
    /// A controller that begins to watch.
    pub fn boot(spec: &ReporterSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Reporter {
        let mut reporter = Reporter {
            spec: spec.clone(),
            name: name_hash("reporter") ^ ctx.lineage().cause,
            text: "SELECT body FROM records WHERE tenant_id = $1 ORDER BY id LIMIT $2".into(),
            asked: BTreeMap::new(),
            database: 0,
            calls: 0,
        };
        reporter.look(ctx.now(), out);
        reporter
    }

    fn look(&mut self, now: Instant, out: &mut Outbox<Saas>) {
        let late = self.asked.extract_if(.., |_, (_, since, _)| now.since(*since) >= PATIENCE);
        let late: Vec<usize> = late.map(|(_, (.., asked))| asked).collect();
        late.into_iter().for_each(|asked| self.leave(asked));
        let own = self.call(out, Method::Get, ALL_REPORTS.into(), Vec::new());
        out.timer_for(own.child(1), self.spec.every, LOOK);
    }

    /// Asks another database from now on, unless that one has been left already.
    fn leave(&mut self, asked: usize) {
        self.database += usize::from(self.database == asked);
    }

    fn call(&mut self, out: &mut Outbox<Saas>, method: Method, path: Arc<str>, body: Vec<u8>) -> Lineage {
        self.calls += 1;
        let own = Lineage::root(self.name, self.calls);
        let mut request = Request::new(self.calls, method, path);
        request.body = body.into();
        out.send_for(own, self.spec.api, Wire::Http(Box::new(request)));
        own
    }

    /// The reports that there are: those whose status is not of their generation are due.
    fn told(&mut self, now: Instant, out: &mut Outbox<Saas>, reports: &[Value]) {
        for report in reports {
            let metadata = &report["metadata"];
            let (Some(namespace), Some(name)) = (metadata["namespace"].as_str(), metadata["name"].as_str()) else {
                continue;
            };
            let generation = metadata["generation"].as_u64().unwrap_or(0);
            let order = (namespace.to_owned(), name.to_owned(), generation);
            let is_done = report["status"]["generation"].as_u64() == Some(generation);
            if is_done || self.asked.values().any(|(other, ..)| *other == order) {
                continue;
            }
            let tenant = named(report).map_or_else(|| self.spec.default.clone(), TenantId::from);
            let rows = report["spec"]["rows"].as_u64().unwrap_or(ROWS_MAX).min(ROWS_MAX);
            self.calls += 1;
            let params = vec![Sql::Text(tenant.clone()), Sql::Int(rows as i64)];
            let statements = vec![Statement { text: self.text.clone(), params }];
            let transaction = Box::new(Transaction { tenant: Some(tenant), login: None, statements });
            let to = self.spec.databases[self.database % self.spec.databases.len()];
            out.send_for(Lineage::root(self.name, self.calls), to, Wire::Sql(self.calls, transaction));
            self.asked.insert(self.calls, (order, now, self.database));
        }
    }

    fn found(&mut self, out: &mut Outbox<Saas>, id: u64, replies: &[Reply]) {
        let Some(((namespace, name, generation), _, asked)) = self.asked.remove(&id) else { return };
        let Some(Reply::Rows { rows, .. }) = replies.first() else {
            self.leave(asked);
            return;
        };
        let rows: Vec<&str> = rows.iter().filter_map(|row| row.first().and_then(Sql::as_text)).collect();
        let status = json!({"generation": generation, "rows": rows}).to_string().into_bytes();
        self.call(out, Method::Put, format!("{}/{name}/status", reports_of(&namespace)).into(), status);
    }
}

impl Machine<Saas> for Reporter {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { token: LOOK } => self.look(ctx.now(), out),
            Input::Message { message: Wire::HttpAnswer(response), .. } => {
                if let Ok(Value::Array(reports)) = serde_json::from_slice(&response.body) {
                    self.told(ctx.now(), out, &reports);
                }
            }
            Input::Message { message: Wire::SqlAnswer(id, outcome), .. } => self.found(out, id, &outcome.replies),
            _ => {}
        }
    }
}
