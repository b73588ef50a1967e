//! GraphQL: the data of the REST contract, and as much of it in one request as its sender writes down (SRV-06).
//!
//! ```graphql
//! type Query  { record(id: ID!): Record, records(first: Int = 10): [Listed!]!, recordCount: Int!, whoAmI: String! }
//! type Record { id: ID!, body: String! }
//! type Listed { body: String!, contact: String, neighbours(first: Int = 10): [Listed!]! }
//! ```
//!
//! A query is read by `apollo-parser`, held against this schema, and becomes the same [`Task`] as a request of the REST
//! contract: policy, cache and database are asked the same, and errors keep the status that they have there. What it
//! costs is known before anything is asked: fields, times the lengths of the lists that they stand in. An operation has
//! one root field; variables, directives and mutations are not part of the contract.

use super::filter::{BESIDE, CONTACT};
use super::operation::{Reference, Task};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::http::route::{Operation, Refused};
use crate::wire::http::{Reason, Request};
use apollo_parser::Parser;
use apollo_parser::cst::{self, CstNode};
use serde_json::{Map, Value, json};
use sim::{Duration, Outbox};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A query is neither too deep nor too costly.
pub const QUERY_LIMITS: Control = control!("app.query-limits", upholds: ["SRV-06"],
    off: "a query is resolved whatever its depth and cost, the default of GraphQL servers");

/// Levels of fields in a query, at most.
pub const DEPTH_MAX: u32 = 6;
/// Fields that a query may make the service resolve, at most: the longest list of plain records, several times.
pub const COST_MAX: u64 = 500;
/// Worker time for one resolved field.
const FIELD: Duration = Duration::micros(20);
/// Worker time after which the process that resolves a query is killed, for its memory or its time.
const WORK_MAX: Duration = Duration::secs(2);
/// What the parser reads at most, whatever is limited here: like every server it guards its own stack and memory.
const TOKENS_MAX: usize = 20_000;
const NESTING_MAX: usize = 200;
/// Elements of a list that names no length, and of any list.
const FIRST_DEFAULT: u32 = 10;
const FIRST_MAX: u32 = 100;

/// A query that fits the schema.
#[derive(Clone, Debug)]
pub struct Query {
    /// What it asks of policy, cache and database.
    pub task: Task,
    root: Field,
    cost: u64,
    depth: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Type {
    Query,
    Record,
    Listed,
}

#[derive(Clone, Debug)]
struct Field {
    key: String,
    name: String,
    id: String,
    first: u32,
    below: Option<Rc<Set>>,
}

/// What stands between braces. Fragments are shared, so a query that doubles itself twenty times is twenty sets.
#[derive(Debug)]
struct Set {
    selected: Vec<Selected>,
    cost: u64,
    depth: u32,
}

#[derive(Debug)]
enum Selected {
    Field(Field),
    Set(Rc<Set>),
}

/// What is asked for, and how its answer is to look.
pub fn task_of(
    controls: &Controls,
    request: &Request,
    tenant: &TenantId,
) -> Result<(Task, Option<Box<Query>>), Reason> {
    if !matches!(request.operation(), Ok(Operation::Query)) {
        return Task::of(controls, request, tenant).map(|task| (task, None)).map_err(|_| Reason::BadRequest);
    }
    let query = Query::read(&request.body, tenant).map_err(|_| Reason::BadRequest)?;
    if !query.is_within_limits(controls) {
        return Err(Reason::QueryRefused);
    }
    Ok((query.task.clone(), Some(Box::new(query))))
}

/// Makes an answer of what was found, in the time that it takes; who runs out of it is killed and answers nobody.
pub fn resolve(out: &mut Outbox<Saas>, query: Option<&Query>, reason: Reason, body: Vec<u8>) -> (Reason, Vec<u8>) {
    let Some(query) = query.filter(|_| reason == Reason::Ok) else { return (reason, body) };
    let (work, survives) = query.work();
    out.busy(work);
    if survives { (reason, query.answer(&body)) } else { (Reason::Internal, Vec::new()) }
}

impl Type {
    fn parse(name: &str) -> Option<Type> {
        match name {
            "Query" => Some(Type::Query),
            "Record" => Some(Type::Record),
            "Listed" => Some(Type::Listed),
            _ => None,
        }
    }

    /// The type of a field, `None` when it is a plain value.
    fn field(self, name: &str) -> Result<Option<Type>, Refused> {
        match (self, name) {
            (Type::Query, "record") => Ok(Some(Type::Record)),
            (Type::Query, "records") | (Type::Listed, "neighbours") => Ok(Some(Type::Listed)),
            (Type::Query, "recordCount" | "whoAmI") | (Type::Record, "id") => Ok(None),
            (Type::Record | Type::Listed, "body") | (Type::Listed, "contact") => Ok(None),
            _ => Err(Refused::BadQuery),
        }
    }
}

/// Fragments of a document, as far as they were read.
struct Fragments<'a> {
    definitions: BTreeMap<String, &'a cst::FragmentDefinition>,
    read: BTreeMap<String, (Type, Rc<Set>)>,
    open: BTreeSet<String>,
}

impl Query {
    /// Reads the query of a principal that acts for `tenant`.
    ///
    /// # Errors
    /// When it is no query of this schema, or a record's id is none.
    pub fn read(text: &[u8], tenant: &TenantId) -> Result<Query, Refused> {
        let text = std::str::from_utf8(text).map_err(|_| Refused::BadQuery)?;
        let tree = Parser::new(text).recursion_limit(NESTING_MAX).token_limit(TOKENS_MAX).parse();
        if tree.errors().len() != 0 {
            return Err(Refused::BadQuery);
        }
        let definitions: Vec<cst::Definition> = tree.document().definitions().collect();
        let mut fragments = Fragments { definitions: BTreeMap::new(), read: BTreeMap::new(), open: BTreeSet::new() };
        let mut operations = Vec::new();
        for definition in &definitions {
            match definition {
                cst::Definition::OperationDefinition(operation) => operations.push(operation),
                cst::Definition::FragmentDefinition(fragment) => {
                    let name = fragment.fragment_name().and_then(|f| f.name()).ok_or(Refused::BadQuery)?;
                    fragments.definitions.insert(name.text().to_string(), fragment);
                }
                _ => return Err(Refused::BadQuery),
            }
        }
        let [operation] = operations[..] else { return Err(Refused::BadQuery) };
        let is_query = operation.operation_type().is_none_or(|kind| kind.query_token().is_some());
        if !is_query || operation.variable_definitions().is_some() || operation.directives().is_some() {
            return Err(Refused::BadQuery);
        }
        let set = fragments.set(operation.selection_set(), Type::Query)?;
        let [Selected::Field(root)] = &set.selected[..] else { return Err(Refused::BadQuery) };
        let task = match &*root.name {
            "record" => Task::Get(Reference::parse(&root.id, tenant)?),
            "records" => Task::List(root.first),
            "recordCount" => Task::Count,
            _ => Task::Who,
        };
        Ok(Query { task, cost: set.cost, depth: set.depth, root: root.clone() })
    }

    /// Whether it may run.
    pub fn is_within_limits(&self, controls: &Controls) -> bool {
        !controls.on(&QUERY_LIMITS) || self.depth <= DEPTH_MAX && self.cost <= COST_MAX
    }

    /// How long it keeps a worker busy to resolve it, and whether the worker survives that.
    pub fn work(&self) -> (Duration, bool) {
        let work = Duration(FIELD.0.saturating_mul(self.cost));
        (work.min(WORK_MAX), work < WORK_MAX)
    }

    /// The answer, out of what the same task answers by REST.
    pub fn answer(&self, content: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(content);
        let value = match (&self.task, &self.root.below) {
            (Task::Get(_), Some(below)) => below.object(Row { id: &self.root.id, body: &text, contact: None }, &[]),
            (Task::List(_), Some(below)) => {
                let rows: Vec<Row<'_>> = text.lines().map(Row::listed).collect();
                below.list(&rows, self.root.first)
            }
            (Task::Count, _) => text.parse::<u64>().map_or(Value::Null, Value::from),
            _ => Value::from(&*text),
        };
        json!({ "data": { &*self.root.key: value } }).to_string().into_bytes()
    }
}

/// What is known of a record.
#[derive(Clone, Copy)]
struct Row<'a> {
    id: &'a str,
    body: &'a str,
    contact: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// A line of a list, as [`line`](super::filter::line) wrote it.
    fn listed(line: &'a str) -> Row<'a> {
        let (body, contact) = line.split_once(BESIDE).map_or((line, None), |(body, contact)| (body, Some(contact)));
        Row { id: "", body, contact }
    }
}

impl Set {
    fn list(&self, rows: &[Row<'_>], first: u32) -> Value {
        rows.iter().take(first as usize).map(|row| self.object(*row, rows)).collect()
    }

    fn object(&self, row: Row<'_>, rows: &[Row<'_>]) -> Value {
        let mut object = Map::new();
        self.fill(&mut object, row, rows);
        Value::Object(object)
    }

    fn fill(&self, object: &mut Map<String, Value>, row: Row<'_>, rows: &[Row<'_>]) {
        for selected in &self.selected {
            let field = match selected {
                Selected::Set(set) => {
                    set.fill(object, row, rows);
                    continue;
                }
                Selected::Field(field) => field,
            };
            let value = match (&field.below, &*field.name) {
                (Some(below), _) => below.list(rows, field.first),
                (None, "id") => row.id.into(),
                (None, CONTACT) => row.contact.into(),
                (None, _) => row.body.into(),
            };
            object.insert(field.key.clone(), value);
        }
    }
}

impl Fragments<'_> {
    fn set(&mut self, set: Option<cst::SelectionSet>, within: Type) -> Result<Rc<Set>, Refused> {
        let (mut selected, mut cost, mut depth) = (Vec::new(), 0_u64, 0);
        for selection in set.ok_or(Refused::BadQuery)?.selections() {
            let one = match selection {
                cst::Selection::Field(field) => {
                    let field = self.field(&field, within)?;
                    let below = field.below.as_deref().map_or((0, 0), |set| (set.cost, set.depth));
                    let times =
                        if matches!(&*field.name, "records" | "neighbours") { u64::from(field.first) } else { 1 };
                    cost = cost.saturating_add(1).saturating_add(below.0.saturating_mul(times));
                    depth = depth.max(below.1 + 1);
                    selected.push(Selected::Field(field));
                    continue;
                }
                cst::Selection::FragmentSpread(spread) if spread.directives().is_none() => {
                    self.fragment(&spread, within)?
                }
                cst::Selection::InlineFragment(inline) if inline.directives().is_none() => {
                    is_for(inline.type_condition(), within)?;
                    self.set(inline.selection_set(), within)?
                }
                _ => return Err(Refused::BadQuery),
            };
            cost = cost.saturating_add(one.cost);
            depth = depth.max(one.depth);
            selected.push(Selected::Set(one));
        }
        Ok(Rc::new(Set { selected, cost, depth }))
    }

    fn field(&mut self, field: &cst::Field, within: Type) -> Result<Field, Refused> {
        if field.directives().is_some() {
            return Err(Refused::BadQuery);
        }
        let name = field.name().ok_or(Refused::BadQuery)?.text().to_string();
        let alias = field.alias().and_then(|alias| alias.name()).map(|alias| alias.text().to_string());
        let of = within.field(&name)?;
        let (mut id, mut first) = (None, None);
        for argument in field.arguments().into_iter().flat_map(|all| all.arguments()) {
            let argument_name = argument.name().ok_or(Refused::BadQuery)?.text().to_string();
            match (&*name, &*argument_name, argument.value()) {
                ("record", "id", Some(cst::Value::StringValue(text))) if id.is_none() => id = Some(String::from(text)),
                ("record", "id", Some(cst::Value::IntValue(n))) if id.is_none() => {
                    id = Some(n.source_string().trim().to_owned());
                }
                ("records" | "neighbours", "first", Some(cst::Value::IntValue(n))) if first.is_none() => {
                    let n = i32::try_from(n).map_err(|_| Refused::BadQuery)?;
                    first = Some(u32::try_from(n).map_err(|_| Refused::BadQuery)?.min(FIRST_MAX));
                }
                _ => return Err(Refused::BadQuery),
            }
        }
        if (name == "record") != id.is_some() || of.is_none() && field.selection_set().is_some() {
            return Err(Refused::BadQuery);
        }
        let below = of.map(|of| self.set(field.selection_set(), of)).transpose()?;
        let key = alias.unwrap_or_else(|| name.clone());
        Ok(Field { key, name, id: id.unwrap_or_default(), first: first.unwrap_or(FIRST_DEFAULT), below })
    }

    fn fragment(&mut self, spread: &cst::FragmentSpread, within: Type) -> Result<Rc<Set>, Refused> {
        let name = spread.fragment_name().and_then(|f| f.name()).ok_or(Refused::BadQuery)?.text().to_string();
        if let Some((of, set)) = self.read.get(&name) {
            return if *of == within { Ok(set.clone()) } else { Err(Refused::BadQuery) };
        }
        let definition = *self.definitions.get(&name).ok_or(Refused::BadQuery)?;
        is_for(definition.type_condition(), within)?;
        // One that holds itself has no end.
        if !self.open.insert(name.clone()) {
            return Err(Refused::BadQuery);
        }
        let set = self.set(definition.selection_set(), within)?;
        self.open.remove(&name);
        self.read.insert(name, (within, set.clone()));
        Ok(set)
    }
}

/// Whether a condition names the type that it stands in; there are no interfaces here. None is always met.
fn is_for(condition: Option<cst::TypeCondition>, within: Type) -> Result<(), Refused> {
    let Some(condition) = condition else { return Ok(()) };
    let name = condition.named_type().and_then(|named| named.name()).ok_or(Refused::BadQuery)?;
    if Type::parse(&name.text()) == Some(within) { Ok(()) } else { Err(Refused::BadQuery) }
}

#[cfg(test)]
mod tests;
