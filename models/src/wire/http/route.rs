//! From method and path to the operation that is asked for.
//!
//! One operation has one spelling: what RFC 3986 §6.2.2 calls equivalent (encoded unreserved characters, dot segments,
//! doubled slashes) is refused instead of normalised, so gateway, cache and workload cannot read one path in two ways.
//! Ids without escapes are borrowed from the path: a known shape allocates nothing.

use super::Method;
use std::borrow::Cow;

/// Longest decoded id, in bytes.
pub const ID_BYTES_MAX: usize = 128;
/// Most records that one list may ask for.
pub const LIST_LIMIT_MAX: u32 = 1_000;

const RECORDS: &str = "/v1/records";
const RECORD: &str = "/v1/records/";
const COUNT: &str = "count";
const SEARCH: &str = "/v1/search";
const EVENTS: &str = "/v1/events/";
const WHOAMI: &str = "/v1/whoami";
const PAGES: &str = "/v1/pages/";
const OBJECTS: &str = "/v1/objects";
const OBJECT: &str = "/v1/objects/";
const LINKS: &str = "/v1/links/";
const GRAPHQL: &str = "/v1/graphql";
const RELATIONS: &str = "/v1/relations/";
const GRAPH: &str = "/v1/graph";
const CUSTOMERS: &str = "/v1/customers";
const CUSTOMER: &str = "/v1/customers/";
const INSIGHT: &str = "/v1/insights/";
const CONSOLE_SQL: &str = "/v1/console/sql";
const CONSOLE_CYPHER: &str = "/v1/console/cypher";

/// What a request asks for. Names are decoded once, here; whoever decodes again is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation<'a> {
    /// `GET /v1/records/{id}`
    GetRecord {
        /// The record's id.
        id: Cow<'a, str>,
    },
    /// `GET /v1/records?limit=&after=`
    ListRecords {
        /// Most records to return, at most [`LIST_LIMIT_MAX`].
        limit: Option<u32>,
        /// Only ids after this one.
        after: Option<Cow<'a, str>>,
    },
    /// `POST /v1/records`
    CreateRecord,
    /// `PUT /v1/records/{id}`
    UpdateRecord {
        /// The record's id.
        id: Cow<'a, str>,
    },
    /// `DELETE /v1/records/{id}`
    DeleteRecord {
        /// The record's id.
        id: Cow<'a, str>,
    },
    /// `GET /v1/records/count`; so `count` is no record's id.
    CountRecords,
    /// `GET /v1/search?q=`: an ad hoc query, text of the principal.
    Search {
        /// The query's text.
        query: Cow<'a, str>,
    },
    /// `POST /v1/events/{domain}`
    PublishEvent {
        /// The last part of the topic `tenant.{id}.{domain}`.
        domain: Cow<'a, str>,
    },
    /// `GET /v1/whoami`
    WhoAmI,
    /// `POST /v1/graphql`: a query, which stands in the content.
    Query,
    /// `GET /v1/relations/{id}?depth=`: the records that one of them leads to.
    Related {
        /// The record's id.
        id: Cow<'a, str>,
        /// Over so many relations, at most.
        depth: Option<u32>,
    },
    /// `PUT` or `DELETE /v1/relations/{source}/{target}?version=`: a change of a relation.
    Relate {
        /// The record that it leads from.
        source: Cow<'a, str>,
        /// The record that it leads to.
        target: Cow<'a, str>,
        /// Counts the changes of this relation, from 1.
        version: u32,
        /// Whether it is there afterwards.
        present: bool,
    },
    /// `POST /v1/graph`: a Cypher statement, which stands in the content.
    Statement,
    /// `GET /v1/customers/{id}`: one customer, as far as its reader is cleared.
    Customer {
        /// The customer's id.
        id: Cow<'a, str>,
    },
    /// `GET /v1/customers?{column}={value}`: those of whom a column says this.
    Customers {
        /// The column's name.
        column: &'a str,
        /// What it says.
        value: Cow<'a, str>,
    },
    /// `GET /v1/insights/{name}`: what is derived from customers, as far as its reader is cleared.
    Insight {
        /// Its name.
        name: Cow<'a, str>,
    },
    /// `POST /v1/console/sql` and `/v1/console/cypher`: an operator's statement, which stands in the content.
    Console {
        /// Whether it is Cypher; else it is SQL.
        is_cypher: bool,
    },
    /// `GET /v1/pages/{name}`: a page that everybody may see.
    GetPage {
        /// Its name.
        name: Cow<'a, str>,
    },
    /// `GET`, `PUT` or `DELETE /v1/objects/{name}?version=`
    Object {
        /// Which of these.
        method: Method,
        /// The object's name, not decoded: whether it is one is for the library of the store to say.
        name: &'a str,
        /// Which version is read.
        version: Option<u32>,
    },
    /// `GET /v1/objects?prefix=`
    ListObjects {
        /// What the names begin with, not decoded.
        prefix: &'a str,
    },
    /// `POST /v1/links/{name}`: a signed link to an object.
    LinkObject {
        /// The object's name, not decoded.
        name: &'a str,
    },
}

/// Why a path names no operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// No such path.
    UnknownPath,
    /// The path exists, not for this method.
    MethodNotAllowed,
    /// A name is empty, too long, badly escaped, or has a second spelling.
    BadSegment,
    /// A query parameter is unknown, repeated or malformed.
    BadQuery,
}

/// Reads the operation out of a request line.
///
/// # Errors
/// Says why it is none.
pub fn parse(method: Method, target: &str) -> Result<Operation<'_>, Refused> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    if let Some(id) = path.strip_prefix(RECORD) {
        return record(method, id, query);
    }
    if path == RECORDS {
        return match method {
            Method::Get => list(query),
            Method::Post => plain(query, Operation::CreateRecord),
            _ => Err(Refused::MethodNotAllowed),
        };
    }
    if path == SEARCH {
        return allowed(method, Method::Get).and_then(|()| search(query));
    }
    if let Some(domain) = path.strip_prefix(EVENTS) {
        allowed(method, Method::Post)?;
        return plain(query, Operation::PublishEvent { domain: segment(domain)? });
    }
    if path == WHOAMI {
        allowed(method, Method::Get)?;
        return plain(query, Operation::WhoAmI);
    }
    if let Some(name) = path.strip_prefix(PAGES) {
        allowed(method, Method::Get)?;
        return plain(query, Operation::GetPage { name: segment(name)? });
    }
    if path == GRAPHQL {
        allowed(method, Method::Post)?;
        return plain(query, Operation::Query);
    }
    if let Some(id) = path.strip_prefix(RELATIONS) {
        if let Some((source, target)) = id.split_once('/') {
            return relate(method, source, target, query);
        }
        allowed(method, Method::Get)?;
        let depth = query.map(|q| q.strip_prefix("depth=").ok_or(Refused::BadQuery).and_then(number)).transpose()?;
        return Ok(Operation::Related { id: segment(id)?, depth });
    }
    if let Some(id) = path.strip_prefix(CUSTOMER) {
        allowed(method, Method::Get)?;
        return plain(query, Operation::Customer { id: segment(id)? });
    }
    if let Some(name) = path.strip_prefix(INSIGHT) {
        allowed(method, Method::Get)?;
        return plain(query, Operation::Insight { name: segment(name)? });
    }
    if path == CUSTOMERS {
        return allowed(method, Method::Get).and_then(|()| customers(query));
    }
    if path == CONSOLE_SQL || path == CONSOLE_CYPHER {
        allowed(method, Method::Post)?;
        return plain(query, Operation::Console { is_cypher: path == CONSOLE_CYPHER });
    }
    if path == GRAPH {
        allowed(method, Method::Post)?;
        return plain(query, Operation::Statement);
    }
    object(method, path, query)
}

impl Operation<'_> {
    /// Stable name, for logs, policies and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Operation::GetRecord { .. } => "get-record",
            Operation::ListRecords { .. } => "list-records",
            Operation::CreateRecord => "create-record",
            Operation::UpdateRecord { .. } => "update-record",
            Operation::DeleteRecord { .. } => "delete-record",
            Operation::CountRecords => "count-records",
            Operation::Search { .. } => "search",
            Operation::PublishEvent { .. } => "publish-event",
            Operation::WhoAmI => "who-am-i",
            Operation::GetPage { .. } => "get-page",
            Operation::Object { method: Method::Put, .. } => "put-object",
            Operation::Object { method: Method::Delete, .. } => "delete-object",
            Operation::Object { .. } => "get-object",
            Operation::ListObjects { .. } => "list-objects",
            Operation::LinkObject { .. } => "link-object",
            Operation::Query => "query",
            Operation::Related { .. } => "related",
            Operation::Relate { .. } => "relate",
            Operation::Statement => "statement",
            Operation::Customer { .. } => "get-customer",
            Operation::Customers { .. } => "find-customers",
            Operation::Insight { .. } => "get-insight",
            Operation::Console { .. } => "console",
        }
    }
    /// The method that asks for it.
    pub const fn method(&self) -> Method {
        match self {
            Operation::CreateRecord
            | Operation::PublishEvent { .. }
            | Operation::LinkObject { .. }
            | Operation::Query
            | Operation::Statement
            | Operation::Console { .. } => Method::Post,
            Operation::Object { method, .. } => *method,
            Operation::UpdateRecord { .. } | Operation::Relate { present: true, .. } => Method::Put,
            Operation::DeleteRecord { .. } | Operation::Relate { .. } => Method::Delete,
            _ => Method::Get,
        }
    }
    /// Appends the one spelling of its path and query.
    pub fn write_path(&self, out: &mut String) {
        match self {
            Operation::GetRecord { id } | Operation::UpdateRecord { id } | Operation::DeleteRecord { id } => {
                out.push_str(RECORD);
                escape(id, out);
            }
            Operation::ListRecords { limit, after } => {
                out.push_str(RECORDS);
                if let Some(limit) = limit {
                    out.push_str("?limit=");
                    out.push_str(&limit.to_string());
                }
                if let Some(after) = after {
                    out.push_str(if limit.is_some() { "&after=" } else { "?after=" });
                    escape(after, out);
                }
            }
            Operation::CreateRecord => out.push_str(RECORDS),
            Operation::CountRecords => {
                out.push_str(RECORD);
                out.push_str(COUNT);
            }
            Operation::Search { query } => {
                out.push_str(SEARCH);
                out.push_str("?q=");
                escape(query, out);
            }
            Operation::PublishEvent { domain } => {
                out.push_str(EVENTS);
                escape(domain, out);
            }
            Operation::WhoAmI => out.push_str(WHOAMI),
            Operation::Query => out.push_str(GRAPHQL),
            Operation::Statement => out.push_str(GRAPH),
            Operation::Customer { id } => {
                out.push_str(CUSTOMER);
                escape(id, out);
            }
            Operation::Customers { column, value } => {
                out.push_str(CUSTOMERS);
                out.push('?');
                out.push_str(column);
                out.push('=');
                escape(value, out);
            }
            Operation::Console { is_cypher } => out.push_str(if *is_cypher { CONSOLE_CYPHER } else { CONSOLE_SQL }),
            Operation::Relate { source, target, version, .. } => {
                out.push_str(RELATIONS);
                escape(source, out);
                out.push('/');
                escape(target, out);
                out.push_str("?version=");
                out.push_str(&version.to_string());
            }
            Operation::Related { id, depth } => {
                out.push_str(RELATIONS);
                escape(id, out);
                if let Some(depth) = depth {
                    out.push_str("?depth=");
                    out.push_str(&depth.to_string());
                }
            }
            Operation::Insight { name } => {
                out.push_str(INSIGHT);
                escape(name, out);
            }
            Operation::GetPage { name } => {
                out.push_str(PAGES);
                escape(name, out);
            }
            Operation::Object { name, version, .. } => {
                out.push_str(OBJECT);
                out.push_str(name);
                if let Some(version) = version {
                    out.push_str("?version=");
                    out.push_str(&version.to_string());
                }
            }
            Operation::ListObjects { prefix } => {
                out.push_str(OBJECTS);
                out.push_str("?prefix=");
                out.push_str(prefix);
            }
            Operation::LinkObject { name } => {
                out.push_str(LINKS);
                out.push_str(name);
            }
        }
    }
}

fn record<'a>(method: Method, id: &'a str, query: Option<&str>) -> Result<Operation<'a>, Refused> {
    if id == COUNT {
        allowed(method, Method::Get)?;
        return plain(query, Operation::CountRecords);
    }
    let id = segment(id)?;
    let operation = match method {
        Method::Get => Operation::GetRecord { id },
        Method::Put => Operation::UpdateRecord { id },
        Method::Delete => Operation::DeleteRecord { id },
        _ => return Err(Refused::MethodNotAllowed),
    };
    plain(query, operation)
}

/// A change of a relation.
fn relate<'a>(method: Method, source: &'a str, target: &'a str, query: Option<&str>) -> Result<Operation<'a>, Refused> {
    let present = match method {
        Method::Put => true,
        Method::Delete => false,
        _ => return Err(Refused::MethodNotAllowed),
    };
    let version = number(query.and_then(|query| query.strip_prefix("version=")).ok_or(Refused::BadQuery)?)?;
    Ok(Operation::Relate { source: segment(source)?, target: segment(target)?, version, present })
}

/// What is asked of the object store. Names go on as they came.
fn object<'a>(method: Method, path: &'a str, query: Option<&'a str>) -> Result<Operation<'a>, Refused> {
    if let Some(name) = path.strip_prefix(LINKS) {
        allowed(method, Method::Post)?;
        return plain(query, Operation::LinkObject { name });
    }
    if path == OBJECTS {
        allowed(method, Method::Get)?;
        let prefix = query.and_then(|query| query.strip_prefix("prefix=")).ok_or(Refused::BadQuery)?;
        return if prefix.contains('&') { Err(Refused::BadQuery) } else { Ok(Operation::ListObjects { prefix }) };
    }
    let name = path.strip_prefix(OBJECT).ok_or(Refused::UnknownPath)?;
    match (method, query) {
        (Method::Get | Method::Put | Method::Delete, None) => Ok(Operation::Object { method, name, version: None }),
        (Method::Get, Some(query)) => {
            let version = number(query.strip_prefix("version=").ok_or(Refused::BadQuery)?)?;
            Ok(Operation::Object { method, name, version: Some(version) })
        }
        (Method::Put | Method::Delete, Some(_)) => Err(Refused::BadQuery),
        _ => Err(Refused::MethodNotAllowed),
    }
}

fn allowed(method: Method, expected: Method) -> Result<(), Refused> {
    if method == expected { Ok(()) } else { Err(Refused::MethodNotAllowed) }
}

/// An operation without parameters; an unknown one might mean something to the next parser.
fn plain<'a>(query: Option<&str>, operation: Operation<'a>) -> Result<Operation<'a>, Refused> {
    if query.is_none() { Ok(operation) } else { Err(Refused::BadQuery) }
}

fn list(query: Option<&str>) -> Result<Operation<'_>, Refused> {
    let (mut limit, mut after) = (None, None);
    for pair in query.into_iter().flat_map(|q| q.split('&')) {
        match pair.split_once('=') {
            Some(("limit", value)) if limit.is_none() => limit = Some(number(value)?),
            Some(("after", value)) if after.is_none() => after = Some(segment(value).map_err(|_| Refused::BadQuery)?),
            _ => return Err(Refused::BadQuery),
        }
    }
    Ok(Operation::ListRecords { limit, after })
}

fn search(query: Option<&str>) -> Result<Operation<'_>, Refused> {
    match query.and_then(|q| q.split_once('=')) {
        Some(("q", value)) if !value.contains('&') => text(value).map(|query| Operation::Search { query }),
        _ => Err(Refused::BadQuery),
    }
}

fn customers(query: Option<&str>) -> Result<Operation<'_>, Refused> {
    let (column, value) = query.and_then(|q| q.split_once('=')).ok_or(Refused::BadQuery)?;
    let is_name = !column.is_empty() && column.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_name && !value.contains('&') {
        text(value).map(|value| Operation::Customers { column, value })
    } else {
        Err(Refused::BadQuery)
    }
}

/// A number has one spelling too: no sign, no leading zero.
fn number(text: &str) -> Result<u32, Refused> {
    let canonical = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    let value: u32 = if canonical { text.parse().map_err(|_| Refused::BadQuery)? } else { 0 };
    if (1..=LIST_LIMIT_MAX).contains(&value) { Ok(value) } else { Err(Refused::BadQuery) }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 `pchar` without the escapes.
const fn is_segment_byte(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

/// Decodes one path segment: UTF-8, no controls, no slash hidden in an escape, no dot segment, no needless escape.
fn segment(raw: &str) -> Result<Cow<'_, str>, Refused> {
    let decoded = if raw.bytes().all(is_segment_byte) {
        Cow::Borrowed(raw)
    } else {
        let hidden = |byte: u8| is_unreserved(byte) || byte == b'/' || byte == b'\\' || byte < 0x20 || byte == 0x7f;
        Cow::Owned(unescape(raw, is_segment_byte, hidden, false).ok_or(Refused::BadSegment)?)
    };
    let sound = !decoded.is_empty() && decoded.len() <= ID_BYTES_MAX && decoded != "." && decoded != "..";
    if sound && decoded != COUNT { Ok(decoded) } else { Err(Refused::BadSegment) }
}

/// Decodes a query value as forms write it (`+` is a space). Tabs and line ends belong to SQL, other controls do not.
fn text(raw: &str) -> Result<Cow<'_, str>, Refused> {
    if raw.bytes().all(is_unreserved) {
        return Ok(Cow::Borrowed(raw));
    }
    let plain = |byte: u8| is_segment_byte(byte) || byte == b'/' || byte == b'?';
    let hidden = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f;
    unescape(raw, plain, hidden, true).map(Cow::Owned).ok_or(Refused::BadQuery)
}

fn unescape(raw: &str, plain: impl Fn(u8) -> bool, hidden: impl Fn(u8) -> bool, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (nibble(bytes.next()?)?, nibble(bytes.next()?)?);
            let value = high << 4 | low;
            if hidden(value) {
                return None;
            }
            out.push(value);
        } else if plus_is_space && byte == b'+' {
            out.push(b' ');
        } else if plain(byte) {
            out.push(byte);
        } else {
            return None;
        }
    }
    String::from_utf8(out).ok()
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn escape(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if is_unreserved(byte) {
            out.push(byte as char);
        } else {
            out.push('%');
            out.push(DIGITS[usize::from(byte >> 4)] as char);
            out.push(DIGITS[usize::from(byte & 15)] as char);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: Result<Operation<'static>, Refused>) {
        let (method, path) = line.split_once(' ').expect("method and path");
        let method = Method::ALL.into_iter().find(|m| m.name() == method).expect("a method");
        assert_eq!(parse(method, path), expected, "{line}");
    }

    #[test]
    fn every_documented_path_is_understood() {
        check("GET /v1/records/r-7", Ok(Operation::GetRecord { id: "r-7".into() }));
        check("GET /v1/records", Ok(Operation::ListRecords { limit: None, after: None }));
        let page = Operation::ListRecords { limit: Some(20), after: Some("r-7".into()) };
        check("GET /v1/records?limit=20&after=r-7", Ok(page));
        check("POST /v1/records", Ok(Operation::CreateRecord));
        check("PUT /v1/records/r%207", Ok(Operation::UpdateRecord { id: "r 7".into() }));
        check("DELETE /v1/records/a:b", Ok(Operation::DeleteRecord { id: "a:b".into() }));
        check("GET /v1/records/count", Ok(Operation::CountRecords));
        check("GET /v1/search?q=SELECT+1%0A--%20x", Ok(Operation::Search { query: "SELECT 1\n-- x".into() }));
        check("POST /v1/events/audit", Ok(Operation::PublishEvent { domain: "audit".into() }));
        check("GET /v1/whoami", Ok(Operation::WhoAmI));
        check("GET /v1/relations/7?depth=2", Ok(Operation::Related { id: "7".into(), depth: Some(2) }));
        let relate = |present| Ok(Operation::Relate { source: "7".into(), target: "9".into(), version: 3, present });
        check("PUT /v1/relations/7/9?version=3", relate(true));
        check("DELETE /v1/relations/7/9?version=3", relate(false));
        check("POST /v1/graph", Ok(Operation::Statement));
        check("GET /v1/customers/7", Ok(Operation::Customer { id: "7".into() }));
        check("GET /v1/insights/tags", Ok(Operation::Insight { name: "tags".into() }));
        let value = "ann@acme.example".into();
        check("GET /v1/customers?email=ann@acme.example", Ok(Operation::Customers { column: "email", value }));
        check("POST /v1/console/sql", Ok(Operation::Console { is_cypher: false }));
        check("POST /v1/console/cypher", Ok(Operation::Console { is_cypher: true }));
        check("GET /v1/pages/terms", Ok(Operation::GetPage { name: "terms".into() }));
        let name = "acme/documents/reports/7";
        let object = |method, version| Ok(Operation::Object { method, name, version });
        check("GET /v1/objects/acme/documents/reports/7", object(Method::Get, None));
        check("GET /v1/objects/acme/documents/reports/7?version=2", object(Method::Get, Some(2)));
        check("PUT /v1/objects/acme/documents/reports/7", object(Method::Put, None));
        check("DELETE /v1/objects/acme/documents/reports/7", object(Method::Delete, None));
        check("POST /v1/links/acme/documents/reports/7", Ok(Operation::LinkObject { name }));
        check("GET /v1/objects?prefix=acme/doc", Ok(Operation::ListObjects { prefix: "acme/doc" }));
        check("GET /v1/objects/a%2F..", Ok(Operation::Object { method: Method::Get, name: "a%2F..", version: None }));
    }

    #[test]
    fn a_second_spelling_of_a_path_is_refused() {
        for id in ["%63ount", "a%2Fb", "a%2f", "..", ".", "", "a/b", "%", "%4", "%zz", "%ff", "a%00", "%2e", "%5C"] {
            check(&format!("GET /v1/records/{id}"), Err(Refused::BadSegment));
        }
        check("GET /v1//records", Err(Refused::UnknownPath));
        check("GET /v1/records/../whoami", Err(Refused::BadSegment));
        check("GET /V1/whoami", Err(Refused::UnknownPath));
        check(&format!("GET /v1/records/{}", "x".repeat(ID_BYTES_MAX + 1)), Err(Refused::BadSegment));
    }

    #[test]
    fn unknown_repeated_and_odd_parameters_are_refused() {
        for query in ["tenant=beta", "limit=1&limit=2", "limit=0", "limit=007", "limit=+1", "limit=1001", "limit", ""] {
            check(&format!("GET /v1/records?{query}"), Err(Refused::BadQuery));
        }
        for path in ["objects", "objects?prefix=a&b=c", "objects/a?version=x", "objects/a?x=1", "objects/a?"] {
            check(&format!("GET /v1/{path}"), Err(Refused::BadQuery));
        }
        check("DELETE /v1/objects/a?version=1", Err(Refused::BadQuery));
        check("GET /v1/search", Err(Refused::BadQuery));
        check("GET /v1/search?q=a&q=b", Err(Refused::BadQuery));
        check("GET /v1/whoami?tenant=beta", Err(Refused::BadQuery));
        for query in ["", "?email", "?=x", "?e-mail=x", "?email=a&name=b"] {
            check(&format!("GET /v1/customers{query}"), Err(Refused::BadQuery));
        }
    }

    #[test]
    fn a_known_path_with_the_wrong_method_says_so() {
        check("PATCH /v1/records/r-7", Err(Refused::MethodNotAllowed));
        check("DELETE /v1/records/count", Err(Refused::MethodNotAllowed));
        check("GET /v1/events/audit", Err(Refused::MethodNotAllowed));
        check("POST /v1/objects/a", Err(Refused::MethodNotAllowed));
        check("GET /v1/links/a", Err(Refused::MethodNotAllowed));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn every_operation_reads_back_as_itself(
            id in "[a-zA-Z0-9:%{}é _.-]{1,20}",
            kind in 0..6u8,
            limit in 1..=1000u32,
        ) {
            prop_assume!(id != "." && id != ".." && id != COUNT);
            let operation = match kind {
                0 => Operation::GetRecord { id: id.into() },
                1 => Operation::ListRecords { limit: Some(limit), after: Some(id.into()) },
                2 => Operation::Search { query: id.into() },
                3 => Operation::Customer { id: id.into() },
                4 => Operation::Customers { column: "name", value: id.into() },
                _ => Operation::PublishEvent { domain: id.into() },
            };
            let mut path = String::new();
            operation.write_path(&mut path);
            prop_assert_eq!(parse(operation.method(), &path), Ok(operation));
        }

        #[test]
        fn no_text_makes_the_parser_panic(path in "\\PC{0,40}", tail in "[%a-f0-9?&=/]{0,12}") {
            for method in Method::ALL {
                let _ = parse(method, &format!("/v1/records/{path}{tail}"));
                let _ = parse(method, &format!("/v1/search?q={path}{tail}"));
            }
        }
    }
}
