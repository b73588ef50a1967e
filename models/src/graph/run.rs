//! Runs a statement for a session: rows, or changes that are still to be kept.
//!
//! It changes nothing itself: what a statement writes is checked against what is there, and then belongs to the log.

use super::cypher::{Call, Comparison, Expr, NodePattern, Path, Reading, Statement, Writing};
use super::matching::{Bound, Matcher, Row, plain};
use super::procedure::{self, Field};
use super::store::{Change, Graph, Node, NodeNo, SHARED, Session, TENANT_PREFIX};
use crate::ids::TenantId;
use crate::wire::bolt::{Failure, Properties, Response, Scalar, Value};
use std::sync::Arc;

/// Rows of a result, at most.
pub const ROWS_MAX: usize = 1_000;
/// Rows on the way to it, at most.
const FOUND_MAX: usize = 10_000;

/// What a statement comes to.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It only read.
    Answer(Response),
    /// It wants these changes.
    Write(Vec<Change>),
}

/// Runs a statement. Also gives how many relationships it looked at.
pub fn run(graph: &Graph, session: Session<'_>, statement: &Statement, params: &Properties) -> (Outcome, u32) {
    let mut run = Run { graph, session, params, steps: 0 };
    let outcome = run.statement(statement).unwrap_or_else(|failure| failed(failure, failure.code()));
    (outcome, run.steps)
}

/// An answer that says what went wrong.
pub fn failed(failure: Failure, what: &str) -> Outcome {
    Outcome::Answer(Response::Failed(failure, what.into()))
}

struct Run<'a> {
    graph: &'a Graph,
    session: Session<'a>,
    params: &'a Properties,
    steps: u32,
}

impl Run<'_> {
    fn statement(&mut self, statement: &Statement) -> Result<Outcome, Failure> {
        let mut rows = vec![Row::default()];
        let mut called = Vec::new();
        for reading in &statement.reads {
            rows = match reading {
                Reading::Match(paths, filter) => self.matches(&rows, paths, filter.as_ref())?,
                Reading::Call(call) => {
                    called.clone_from(&call.yields);
                    self.calls(&rows, call)?
                }
            };
            if rows.len() > FOUND_MAX {
                return Err(Failure::TooLong);
            }
        }
        if !statement.writes.is_empty() {
            return self.writes(&rows, &statement.writes).map(Outcome::Write);
        }
        if statement.returns.is_empty() {
            // A call alone returns what it yields.
            let columns: Vec<Arc<str>> = called.iter().map(|(_, name)| name.as_str().into()).collect();
            let cell = |row: &Row, name: &String| self.value(row, &Expr::Name(name.clone()));
            let row = |row: &Row| called.iter().map(|(_, name)| cell(row, name)).collect::<Result<Vec<_>, Failure>>();
            let rows = rows.iter().map(row).collect::<Result<Vec<_>, Failure>>()?;
            return Ok(Outcome::Answer(Response::Rows { columns, rows }));
        }
        let columns = statement.returns.iter().map(|item| item.column.as_str().into()).collect();
        let mut rows = self.project(&rows, statement)?;
        rows.truncate(statement.limit.map_or(ROWS_MAX, |limit| limit.min(ROWS_MAX as u64) as usize));
        Ok(Outcome::Answer(Response::Rows { columns, rows }))
    }

    fn matches(&mut self, rows: &[Row], paths: &[Path], filter: Option<&Expr>) -> Result<Vec<Row>, Failure> {
        let mut kept = Vec::new();
        for row in rows {
            let mut matcher = Matcher {
                graph: self.graph,
                session: self.session,
                params: self.params,
                steps: self.steps,
                found: Vec::new(),
            };
            let done = matcher.paths(paths, row);
            self.steps = matcher.steps;
            done?;
            for found in matcher.found {
                if filter.map_or(Ok(true), |filter| self.holds(&found, filter))? {
                    kept.push(found);
                }
            }
        }
        Ok(kept)
    }

    fn calls(&mut self, rows: &[Row], call: &Call) -> Result<Vec<Row>, Failure> {
        let mut all = Vec::new();
        for row in rows {
            let argument = |expr| plain(self.graph, self.session, self.params, row, expr).ok_or(Failure::Semantics);
            let arguments = call.arguments.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
            for fields in procedure::call(self.graph, self.session, &call.procedure, &arguments)? {
                self.steps += 1;
                let mut row = row.clone();
                for (field, name) in &call.yields {
                    let (_, value) = fields.iter().find(|(f, _)| f == field).ok_or(Failure::Semantics)?;
                    let bound = match value {
                        Field::Node(no) => Bound::Node(*no),
                        Field::Plain(scalar) => Bound::Plain(scalar.clone()),
                    };
                    row = row.with(Some(name), bound);
                }
                all.push(row);
            }
        }
        Ok(all)
    }

    /// A condition; what compares with null does not hold.
    fn holds(&self, row: &Row, expr: &Expr) -> Result<bool, Failure> {
        Ok(match expr {
            Expr::And(one, other) => self.holds(row, one)? && self.holds(row, other)?,
            Expr::Or(one, other) => self.holds(row, one)? || self.holds(row, other)?,
            Expr::Not(inner) => !self.holds(row, inner)?,
            Expr::Compare(left, how, right) => compare(&self.scalar(row, left)?, *how, &self.scalar(row, right)?),
            Expr::Literal(Scalar::Bool(b)) => *b,
            _ => return Err(Failure::Semantics),
        })
    }

    fn scalar(&self, row: &Row, expr: &Expr) -> Result<Scalar, Failure> {
        plain(self.graph, self.session, self.params, row, expr).ok_or(Failure::Semantics)
    }

    fn value(&self, row: &Row, expr: &Expr) -> Result<Value, Failure> {
        Ok(match expr {
            Expr::Nodes(name) => match row.get(name) {
                Some(Bound::Path(nodes)) => Value::Nodes(nodes.iter().map(|no| self.shown(*no)).collect()),
                _ => return Err(Failure::Semantics),
            },
            Expr::Name(name) => match row.get(name).ok_or(Failure::Semantics)? {
                Bound::Node(no) => Value::Node(self.shown(*no)),
                Bound::Plain(scalar) => Value::Plain(scalar.clone()),
                Bound::Edge(_) => Value::Plain(Scalar::Null),
                Bound::Path(_) => return Err(Failure::Semantics),
            },
            Expr::And(..) | Expr::Or(..) | Expr::Not(_) | Expr::Compare(..) => {
                Value::Plain(Scalar::Bool(self.holds(row, expr)?))
            }
            other => Value::Plain(self.scalar(row, other)?),
        })
    }

    /// A node, as far as the session may read it.
    fn shown(&self, no: NodeNo) -> Properties {
        let node = self.graph.node(no);
        if self.session.may_read(node.tenant.as_ref()) { node.properties.clone() } else { Properties::new() }
    }

    fn project(&self, rows: &[Row], statement: &Statement) -> Result<Vec<Vec<Value>>, Failure> {
        let items = &statement.returns;
        if !items.iter().any(|item| matches!(item.value, Expr::Count(_))) {
            let cell = |row: &Row, item: &super::cypher::Item| self.value(row, &item.value);
            let one = |row: &Row| items.iter().map(|item| cell(row, item)).collect::<Result<Vec<_>, Failure>>();
            return rows.iter().map(one).collect();
        }
        // Rows that agree in everything but the counts are one.
        let mut groups: Vec<(Vec<Option<Value>>, Vec<i64>)> = Vec::new();
        if rows.is_empty() && items.iter().all(|item| matches!(item.value, Expr::Count(_))) {
            groups.push((vec![None; items.len()], vec![0; items.len()]));
        }
        for row in rows {
            let key = |item: &super::cypher::Item| match item.value {
                Expr::Count(_) => Ok(None),
                ref other => self.value(row, other).map(Some),
            };
            let key = items.iter().map(key).collect::<Result<Vec<_>, _>>()?;
            let at = groups.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                groups.push((key, vec![0; items.len()]));
                groups.len() - 1
            });
            for (n, item) in groups[at].1.iter_mut().zip(items) {
                let counts = match &item.value {
                    Expr::Count(Some(counted)) => self.value(row, counted)? != Value::Plain(Scalar::Null),
                    Expr::Count(None) => true,
                    _ => false,
                };
                *n += i64::from(counts);
            }
        }
        let filled = |(key, counts): (Vec<Option<Value>>, Vec<i64>)| {
            let cell = |(value, n): (Option<Value>, i64)| value.unwrap_or(Value::Plain(Scalar::Int(n)));
            key.into_iter().zip(counts).map(cell).collect::<Vec<Value>>()
        };
        Ok(groups.into_iter().map(filled).collect())
    }

    fn writes(&self, rows: &[Row], writes: &[Writing]) -> Result<Vec<Change>, Failure> {
        let mut changes: Vec<Change> = Vec::new();
        for row in rows {
            for writing in writes {
                let (path, merges) = match writing {
                    Writing::Create(path) => (path, false),
                    Writing::Merge(path) => (path, true),
                };
                // Relations are the service's to change: they are rows of another store as well.
                if !path.steps.is_empty() {
                    return Err(Failure::Semantics);
                }
                let node = self.wanted(row, &path.start)?;
                if merges && self.has(&node) {
                    continue;
                }
                if !self.session.may_read(node.tenant.as_ref()) || node.tenant.is_none() {
                    return Err(Failure::Forbidden);
                }
                if self.graph.violates(self.session.controls, &node) {
                    return Err(Failure::Constraint);
                }
                changes.push(Change::Node(node));
            }
        }
        Ok(changes)
    }

    /// The node that a pattern describes.
    fn wanted(&self, row: &Row, pattern: &NodePattern) -> Result<Node, Failure> {
        let (mut tenant, mut label): (Option<TenantId>, Option<&str>) = (None, None);
        for named in &pattern.labels {
            match named.strip_prefix(TENANT_PREFIX) {
                // One label twice is one label.
                Some(id) if tenant.as_deref().is_none_or(|named| named == id) => tenant = Some(id.into()),
                None if label.is_none() && named != SHARED => label = Some(named),
                _ => return Err(Failure::Forbidden),
            }
        }
        let mut properties = Properties::new();
        for (key, expr) in &pattern.properties {
            properties.push((key.as_str().into(), self.scalar(row, expr)?));
        }
        properties.sort();
        Ok(Node { tenant, label: label.ok_or(Failure::Semantics)?.into(), properties })
    }

    /// Whether the session finds a node like this.
    fn has(&self, wanted: &Node) -> bool {
        self.graph.nodes().any(|(_, node)| {
            node.label == wanted.label
                && node.tenant == wanted.tenant
                && self.session.may_read(node.tenant.as_ref())
                && wanted.properties.iter().all(|(key, value)| node.property(key) == Some(value))
        })
    }
}

fn compare(left: &Scalar, how: Comparison, right: &Scalar) -> bool {
    if let (Scalar::Text(left), Scalar::Text(right)) = (left, right) {
        match how {
            Comparison::StartsWith => return left.starts_with(&**right),
            Comparison::Contains => return left.contains(&**right),
            _ => {}
        }
    }
    let same_type = std::mem::discriminant(left) == std::mem::discriminant(right) && *left != Scalar::Null;
    same_type
        && match how {
            Comparison::Equal => left == right,
            Comparison::Unequal => left != right,
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
            Comparison::StartsWith | Comparison::Contains => false,
        }
}

#[cfg(test)]
mod tests {
    use super::super::guard::guard;
    use super::super::read::read;
    use super::super::store::{Edge, INDEX_FENCE, PATH_FENCE, RECORD, TENANT_LABEL, UNIQUE_PER_TENANT};
    use super::*;
    use crate::control::{Control, Controls};
    use crate::graph::guard::QUERY_GUARD;
    use serde_json::{Value as Json, json};
    use sim::ControlSet;

    /// Two tenants, each with two records in a row, and two topics that all of them mention.
    fn shared() -> Graph {
        let mut graph = Graph::default();
        let topics = [(), ()].map(|()| graph.add(Node { tenant: None, label: "Topic".into(), properties: Vec::new() }));
        for tenant in ["acme", "beta"] {
            let tenant: TenantId = tenant.into();
            let records = [0, 1].map(|id| {
                let text = |kind: &str| Scalar::text(&format!("{kind}-{tenant}-{id}"));
                let properties = vec![
                    ("id".into(), Scalar::Int(id)),
                    ("name".into(), text("name")),
                    ("serial".into(), text("serial")),
                    ("title".into(), Scalar::text("a report")),
                ];
                graph.add(Node { tenant: Some(tenant.clone()), label: RECORD.into(), properties })
            });
            let [first, second] = records;
            let mentions = records.iter().flat_map(|record| topics.map(|topic| (*record, topic, "M")));
            for (from, to, kind) in std::iter::once((first, second, "RELATES")).chain(mentions) {
                graph.connect(Edge { from, to, kind: kind.into(), tenant: tenant.clone(), version: 1 });
            }
        }
        graph
    }

    /// What `acme` gets for a statement, after the guard, with these controls off.
    fn gets(off: &[&Control], text: &str) -> Json {
        let set = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
        let controls = Controls::with_off(set);
        let text = guard(&controls, "acme", text).expect("it passes");
        let statement = read(&text).expect("it can be read");
        let session = Session { tenant: "acme", controls: &controls };
        match run(&shared(), session, &statement, &Properties::new()).0 {
            Outcome::Answer(Response::Rows { rows, .. }) => {
                rows.iter().map(|row| row.iter().map(Value::to_json).collect::<Json>()).collect()
            }
            Outcome::Answer(Response::Failed(failure, _)) => json!(failure.code()),
            Outcome::Answer(_) => json!("done"),
            Outcome::Write(changes) => json!(changes.len()),
        }
    }

    #[test]
    fn a_tenant_follows_its_own_relations() {
        let related = "MATCH p = (a:Record {id: 0})-[:RELATES*1..2]->(b:Record) RETURN b.name, length(p)";
        assert_eq!(gets(&[], related), json!([["name-acme-1", 1]]));
        assert_eq!(gets(&[], "MATCH (a:Record) WHERE a.id > 0 OR NOT a.id = 0 RETURN count(*)"), json!([[1]]));
        assert_eq!(gets(&[], "MATCH (a)-[:M]->(t:Topic) RETURN count(t), a.id LIMIT 1"), json!([[2, 0]]));
        assert_eq!(gets(&[], "MATCH (a) RETURN b"), json!(Failure::Semantics.code()));
    }

    #[test]
    fn a_shared_node_leads_to_nobody_else_while_either_layer_holds() {
        let over = "MATCH (a:Record {id: 0})-[:M]->(t:Topic)<-[:M]-(b:Record) RETURN b.name";
        let own = json!([["name-acme-1"], ["name-acme-1"]]);
        for off in [&[][..], &[&QUERY_GUARD], &[&TENANT_LABEL]] {
            assert_eq!(gets(off, over), own);
        }
        assert_eq!(gets(&[&QUERY_GUARD, &TENANT_LABEL], over).as_array().map(Vec::len), Some(12));
    }

    #[test]
    fn paths_hits_and_serials_are_counted_within_the_tenant() {
        let paths = "MATCH p = (a:Record {id: 0})-[*1..4]-(b:Record) RETURN count(*)";
        let fenced = gets(&[], paths);
        assert_ne!(gets(&[&PATH_FENCE], paths), fenced);
        let hits = "CALL db.index.fulltext.queryNodes('titles', 'report') YIELD score RETURN count(score)";
        assert_eq!((gets(&[], hits), gets(&[&INDEX_FENCE], hits)), (json!([[2]]), json!([[4]])));
        let taken = "MERGE (n:Record {serial: 'serial-beta-0'})";
        assert_eq!(gets(&[], taken), json!(1));
        assert_eq!(gets(&[&UNIQUE_PER_TENANT], taken), json!(Failure::Constraint.code()));
        assert_eq!(gets(&[], "MERGE (n:Record {serial: 'serial-acme-0'})"), json!(0));
    }
}
