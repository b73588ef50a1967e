//! What a request means to the application: the operation, and whose record it is about.

use super::reader::Reader;
use crate::console::sql::{self, Analysed};
use crate::control::Controls;
use crate::crypto::{hex, sha256};
use crate::graph::client::DEPTH_DEFAULT;
use crate::ids::TenantId;
use crate::objects::client::Errand;
use crate::wire::http::Request;
use crate::wire::http::route::{Operation, Refused};
use crate::wire::http::trace::TraceId;
use crate::wire::request_log::Note;

/// An operation, owned, with its records resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Task {
    /// Read one record.
    Get(Reference),
    /// Replace one record.
    Put(Reference),
    /// Remove one record.
    Delete(Reference),
    /// Create one record; owner and id stand in the content.
    Create(Reference),
    /// So many records, the first in order.
    List(u32),
    /// How many records there are.
    Count,
    /// The caller's own session.
    Who,
    /// A page that everybody may see.
    Page(String),
    /// Publish an event to a domain.
    Publish(String),
    /// Something in the object store.
    Object(Errand),
    /// The records that a record leads to, over so many relations at most.
    Related(Reference, u32),
    /// A change of a relation between two records of one owner.
    Relate {
        /// The record that it leads from.
        source: Reference,
        /// The record that it leads to.
        target: i64,
        /// Counts the changes of this relation, from 1.
        version: i64,
        /// Whether it is there afterwards.
        present: bool,
    },
    /// A statement for the graph, which stands in the content.
    Statement,
    /// An operator's statement in SQL, as what the policy is asked about it, or why it is refused.
    Sql(Result<Analysed, sql::Refused>),
    /// An operator's statement in Cypher, which stands in the content.
    Cypher,
    /// One customer.
    Customer(Reference, Reader),
    /// Customers of whom a column says something.
    Customers {
        /// The column.
        column: String,
        /// What it says.
        value: String,
        /// Who asks.
        reader: Reader,
    },
    /// What is derived from customers under this name.
    Insight(String, Reader),
    /// An ad hoc report. These were written in haste: none filters by tenant, and `recent` does not even set one, so
    /// the database's policies are all that stands between tenants here.
    Report {
        /// Whether the connection library is told the tenant.
        sets_tenant: bool,
    },
}

/// A record, by owner and number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// Whose it is.
    pub owner: TenantId,
    /// Its number within the owner.
    pub id: i64,
    /// As the request spells it; the cache uses this spelling.
    pub text: String,
}

/// Records of a list that names no limit.
const LIST_DEFAULT: u32 = 10;
/// Records of a list at most, whatever limit it names.
const LIST_MAX: u32 = 100;

/// Between owner and number of a qualified reference.
const QUALIFIER: char = '~';

impl Task {
    /// Reads a request of `tenant`.
    ///
    /// # Errors
    /// When it names no operation.
    pub fn of(controls: &Controls, request: &Request, tenant: &TenantId) -> Result<Task, Refused> {
        Ok(match request.operation()? {
            Operation::GetRecord { id } => Task::Get(Reference::parse(&id, tenant)?),
            Operation::UpdateRecord { id } => Task::Put(Reference::parse(&id, tenant)?),
            Operation::DeleteRecord { id } => Task::Delete(Reference::parse(&id, tenant)?),
            Operation::CreateRecord => Task::Create(created(&request.body, tenant)?),
            Operation::ListRecords { limit, .. } => Task::List(limit.unwrap_or(LIST_DEFAULT).min(LIST_MAX)),
            Operation::CountRecords => Task::Count,
            Operation::WhoAmI => Task::Who,
            Operation::GetPage { name } => Task::Page(name.into_owned()),
            Operation::PublishEvent { domain } => Task::Publish(domain.into_owned()),
            Operation::Object { method, name, version } => {
                Task::Object(Errand::Object { method, name: name.to_owned(), version })
            }
            Operation::ListObjects { prefix } => Task::Object(Errand::List(prefix.to_owned())),
            Operation::LinkObject { name } => Task::Object(Errand::Link(name.to_owned())),
            // What a query asks for stands in its content: [`graphql`](super::graphql) reads it.
            Operation::Query => return Err(Refused::BadQuery),
            Operation::Related { id, depth } => {
                Task::Related(Reference::parse(&id, tenant)?, depth.unwrap_or(DEPTH_DEFAULT))
            }
            Operation::Relate { source, target, version, present } => Task::Relate {
                source: Reference::parse(&source, tenant)?,
                target: target.parse().map_err(|_| Refused::BadSegment)?,
                version: version.into(),
                present,
            },
            Operation::Statement => Task::Statement,
            Operation::Customer { id } => Task::Customer(Reference::parse(&id, tenant)?, Reader::of(&request.headers)),
            Operation::Insight { name } => Task::Insight(name.into_owned(), Reader::of(&request.headers)),
            Operation::Customers { column, value } => Task::Customers {
                column: column.to_owned(),
                value: value.into_owned(),
                reader: Reader::of(&request.headers),
            },
            Operation::Console { is_cypher: true } => Task::Cypher,
            Operation::Console { is_cypher: false } => {
                let text = std::str::from_utf8(&request.body).map_err(|_| sql::Refused::Unread);
                Task::Sql(text.and_then(|text| sql::analyse(controls, text)))
            }
            Operation::Search { query } => Task::Report { sets_tenant: query != "recent" },
        })
    }

    /// The tenant whose data it is about.
    pub fn owner<'a>(&'a self, tenant: &'a TenantId) -> &'a TenantId {
        match self {
            Task::Get(r) | Task::Put(r) | Task::Delete(r) | Task::Create(r) => &r.owner,
            Task::Related(r, _) | Task::Customer(r, _) => &r.owner,
            Task::Relate { source, .. } => &source.owner,
            _ => tenant,
        }
    }

    /// Whether it is about rows that nobody has named.
    pub fn lists(&self) -> bool {
        matches!(self, Task::List(_) | Task::Count | Task::Report { .. })
    }

    /// What the log of requests says of it: whose record, which, and what it is to be.
    pub fn note(&self, tenant: &TenantId, trace: Option<TraceId>, body: &[u8]) -> Note {
        let (what, record) = match self {
            Task::Put(r) => ("replace", Some(r)),
            Task::Delete(r) => ("remove", Some(r)),
            Task::Create(r) => ("create", Some(r)),
            _ => ("ask", None),
        };
        let record = record.map(|r| format!(" {}~{}", r.owner, r.id)).unwrap_or_default();
        let actor = trace.map_or_else(|| tenant.to_string(), |TraceId(high, low)| format!("{high:016x}{low:016x}"));
        let request = format!("{what}{record} {}", hex(&sha256(body)));
        Note { tenant: tenant.clone(), actor: actor.into(), request: request.into() }
    }

    /// Whether it changes records, so that it has to stand in the log of requests before it is done.
    pub fn is_logged(&self) -> bool {
        matches!(self, Task::Put(_) | Task::Delete(_) | Task::Create(_))
    }

    /// Whether it may be sent to the database again when nobody knows what became of it.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self, Task::Create(_))
    }
}

impl Reference {
    /// `7` is the caller's own record, `acme~7` one of acme's.
    pub(super) fn parse(text: &str, tenant: &TenantId) -> Result<Reference, Refused> {
        let (owner, id) = match text.split_once(QUALIFIER) {
            Some((owner, id)) if **tenant != *owner => (TenantId::from(owner), id),
            Some((_, id)) => (tenant.clone(), id),
            None => (tenant.clone(), text),
        };
        let id = id.parse().map_err(|_| Refused::BadSegment)?;
        Ok(Reference { owner, id, text: text.to_owned() })
    }
}

/// Content of a creation: `{owner}~{id};{body}`. An owner in the content is a mass assignment waiting to happen, which
/// is why the policy and the database both judge it.
fn created(body: &[u8], tenant: &TenantId) -> Result<Reference, Refused> {
    let text = std::str::from_utf8(body).map_err(|_| Refused::BadSegment)?;
    let (reference, _) = text.split_once(';').ok_or(Refused::BadSegment)?;
    Reference::parse(reference, tenant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::Method;

    fn check(method: Method, path: &str, body: &[u8], expected: Option<(&str, i64)>) {
        let mut request = Request::new(1, method, path.into());
        request.body = body.into();
        let tenant: TenantId = "acme".into();
        let task = Task::of(&Controls::all_on(), &request, &tenant).ok();
        let got = task.as_ref().and_then(|task| match task {
            Task::Get(r) | Task::Put(r) | Task::Create(r) => Some((&*r.owner, r.id)),
            _ => None,
        });
        assert_eq!(got, expected, "{path}");
    }

    #[test]
    fn a_bare_number_is_ones_own_and_a_qualified_one_names_its_owner() {
        check(Method::Get, "/v1/records/7", b"", Some(("acme", 7)));
        check(Method::Get, "/v1/records/beta~7", b"", Some(("beta", 7)));
        check(Method::Put, "/v1/records/acme~7", b"x", Some(("acme", 7)));
        check(Method::Post, "/v1/records", b"beta~9;hello", Some(("beta", 9)));
        check(Method::Get, "/v1/records/seven", b"", None);
        check(Method::Post, "/v1/records", b"no reference", None);
    }
}
