//! Lines as the facts of a simulation, so that the same judges can look at them.
//!
//! A trace holds no content, and the judges read content. So where a line names a record, a marker of that record
//! stands in the fact, and where it has a digest, the digest does: equal contents are equal, and a record of another
//! tenant is recognised by the same scanner as in a simulation.

use super::event::{Answered, At, EventStored, Id, Line, Row, What};
use models::fact::{Answer, Fact, Place};
use models::ids::Bytes;
use models::marker::{FIELDS_MAX, Marker, SENTINEL, TENANTS_MAX};
use models::oracles::Cast;
use models::oracles::revisions::IN_FORCE;
use models::wire::http::Reason;
use models::wire::http::trace::TraceId;
use sim::chain::Digest;
use sim::{Duration, Instant};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Different words of one kind that a process takes: codes are few, and what is many is no code.
const WORDS_MAX: usize = 4_096;

/// Principal of a session that acts for a tenant.
pub const SESSION: &str = "session/";

/// Paths of a deployment, and what they are in the contract of the reference platform; `{}` stands for one segment.
pub type Routes = Vec<(String, String)>;

/// Makes facts of lines.
pub struct Maker<'a> {
    /// Who plays.
    pub cast: &'a Cast,
    /// How paths are read.
    pub routes: &'a Routes,
}

impl Maker<'_> {
    /// The fact that a line records; none when it is about the trace itself, or about what nobody judges.
    ///
    /// # Errors
    /// What was found in a member, and what was expected.
    pub fn fact(&self, line: &Line) -> Result<Option<Fact>, String> {
        Ok(Some(match &line.what {
            What::Received { principal, request, operation } => Fact::Asked {
                principal: principal.as_str().into(),
                request: id(request),
                what: self.operation(operation),
            },
            What::Answered(answer) | What::Delivered(answer) => self.answer(line.at, answer)?,
            What::RowsReturned { tenant, rows, request } => self.returned(line.at, tenant, rows, request.as_deref()),
            What::RowStored { place, tenant, key, version, content, rows } => Fact::RowStored {
                place: here(place)?,
                slice: None,
                tenant: tenant.as_str().into(),
                key: key.number(),
                version: i64::try_from(*version).unwrap_or(i64::MAX),
                body: self.body(content.as_deref(), rows),
            },
            What::EventStored(event) => Fact::EventStored {
                place: here(&event.place)?,
                topic: event.topic.as_str().into(),
                partition: event.partition,
                offset: event.offset,
                request: event.request.as_deref().map_or_else(|| id(&unnamed(event)), id),
                body: self.body(Some(&event.content), &event.rows),
            },
            What::EntryEvicted { place, tenant, by, held } => Fact::EntryEvicted {
                place: here(place)?,
                tenant: tenant.as_str().into(),
                by: by.as_deref().map(Into::into),
                held: *held,
            },
            What::DecisionKept { place, tenant, trace, allowed, input_sha256 } => Fact::DecisionKept {
                place: here(place)?,
                tenant: tenant.as_str().into(),
                trace: story(trace.as_deref())?,
                allowed: *allowed,
                input_sha256: sha256(input_sha256)?,
            },
            What::ObjectStored { place, key, version, kept_until, content, rows } => Fact::ObjectStored {
                place: here(place)?,
                key: key.as_str().into(),
                version: *version,
                kept_until: Instant(kept_until.0),
                body: self.body(Some(content), rows),
            },
            What::ObjectRemoved { place, key, version } => {
                Fact::ObjectRemoved { place: here(place)?, key: key.as_str().into(), version: *version }
            }
            What::Decided { by, allowed, reason, subject } => Fact::Decided {
                by: word(by)?,
                allowed: *allowed,
                reason: word(reason)?,
                subject: subject.as_str().into(),
            },
            What::ConfigApplied { name, revision } => {
                let (by, what) = IN_FORCE;
                Fact::Reported { by, what, about: name.as_str().into(), value: *revision }
            }
            What::Security { by, what, about, value } => {
                Fact::Reported { by: word(by)?, what: word(what)?, about: about.as_str().into(), value: *value }
            }
            What::Began { .. }
            | What::Ended { .. }
            | What::StreamBegan { .. }
            | What::StreamEnded { .. }
            | What::AuditRecord { .. }
            | What::Statement { .. } => return Ok(None),
        }))
    }

    fn answer(&self, at: u64, answer: &Answered) -> Result<Fact, String> {
        let listed = answer.names.join("\n");
        let body = if listed.is_empty() { self.body(answer.content.as_deref(), &answer.rows) } else { whole(&listed) };
        let reason = match answer.reason.as_deref() {
            Some(code) => Reason::from_code(code).map_or_else(|| word(code), |reason| Ok(reason.code()))?,
            None => Reason::from_status(answer.status).code(),
        };
        Ok(Fact::Answered(Box::new(Answer {
            principal: answer.principal.as_str().into(),
            request: answer.request.as_deref().map_or(0, id),
            what: self.operation(&answer.operation),
            status: answer.status,
            reason,
            tenant: answer.tenant.as_deref().map(Into::into),
            region: answer.region.as_deref().map(Into::into),
            retry_after_s: answer.retry_after_s,
            trace: story(answer.trace.as_deref())?,
            degraded: answer.degraded,
            body,
            took: Duration(answer.took_ns),
            intended: Instant(answer.began.map_or(at.saturating_sub(answer.took_ns), |began| began.0)),
        })))
    }

    /// What a store gave to a session is what the session's tenant got.
    fn returned(&self, at: u64, tenant: &str, rows: &[Row], request: Option<&str>) -> Fact {
        Fact::Answered(Box::new(Answer {
            principal: format!("{SESSION}{tenant}").into(),
            request: request.map_or(0, id),
            what: "READ".into(),
            status: 200,
            reason: Reason::Ok.code(),
            tenant: Some(tenant.into()),
            region: self.cast.by_id(tenant).map(|member| member.region.clone()),
            retry_after_s: None,
            trace: None,
            degraded: false,
            body: self.body(None, rows),
            took: Duration::ZERO,
            intended: Instant(at),
        }))
    }

    /// What stands for a content: its digest, and a marker for each record in it.
    fn body(&self, content: Option<&str>, rows: &[Row]) -> Bytes {
        let mut lines: Vec<String> = content.map(str::to_owned).into_iter().collect();
        lines.extend(rows.iter().map(|row| self.marker(row)));
        whole(&lines.join("\n"))
    }

    fn marker(&self, row: &Row) -> String {
        let Some(tenant) = &row.tenant else { return String::from_utf8_lossy(&SENTINEL).into_owned() };
        let index = self.cast.by_id(tenant).map_or(TENANTS_MAX - 1, |member| member.index);
        // Versions are compared and never counted: so many of them are told apart.
        let versions = u64::from(FIELDS_MAX) - 1;
        let version = row.version.checked_sub(1).map_or(0, |n| n % versions + 1) as u16;
        let record = row.record.number();
        let record = u32::try_from(record).unwrap_or_else(|_| id(&record.to_string()) as u32);
        Marker::new(index, 0, record, version, 0).encode().as_str().to_owned()
    }

    /// An operation as the reference platform would call it.
    fn operation(&self, operation: &str) -> Arc<str> {
        let Some((method, path)) = operation.split_once(' ') else { return operation.into() };
        let found = self.routes.iter().find_map(|(from, to)| rewritten(path, from, to));
        found.map_or_else(|| operation.into(), |path| format!("{method} {path}").into())
    }
}

/// The path in the contract's words, when it fits; what follows the path is kept.
fn rewritten(path: &str, from: &str, to: &str) -> Option<String> {
    let end = path.find([' ', '?']).unwrap_or(path.len());
    let (path, rest) = path.split_at(end);
    let (found, expected): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), from.split('/').collect());
    let fits = |(found, expected): (&&str, &&str)| *expected == "{}" || found == expected;
    if found.len() != expected.len() || !found.iter().zip(&expected).all(fits) {
        return None;
    }
    let open = found.iter().zip(&expected).filter(|(_, expected)| **expected == "{}");
    let filled = open.fold(to.to_owned(), |to, (found, _)| to.replacen("{}", found, 1));
    Some(filled + rest)
}

impl Id {
    /// The number, or one that stands for the text.
    pub fn number(&self) -> i64 {
        match self {
            Id::Number(n) => *n,
            Id::Text(text) => (id(text) >> 1) as i64,
        }
    }
}

/// A name as a number: 16 hexadecimal digits are one, of others the digest is.
pub fn id(name: &str) -> u64 {
    let is_number = name.len() == 16 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let number = is_number.then(|| u64::from_str_radix(name, 16).ok()).flatten();
    number.unwrap_or_else(|| {
        let digest = Digest::of(name.as_bytes()).0;
        u64::from_le_bytes(*digest.first_chunk().expect("32 bytes"))
    })
}

/// An event that carries no request is one of its own.
fn unnamed(event: &EventStored) -> String {
    format!("{}/{}@{}", event.topic, event.partition, event.offset)
}

fn whole(text: &str) -> Bytes {
    text.as_bytes().into()
}

fn here(at: &At) -> Result<Place, String> {
    Ok(Place { store: word(&at.store)?, cell: at.cell.as_str().into(), region: at.region.as_str().into() })
}

fn story(digits: Option<&str>) -> Result<Option<TraceId>, String> {
    let Some(digits) = digits else { return Ok(None) };
    let half = |part: Option<&str>| part.and_then(|part| u64::from_str_radix(part, 16).ok());
    let (high, low) = (half(digits.get(..16)), half(digits.get(16..)));
    match (high, low) {
        (Some(high), Some(low)) if digits.len() == 32 => Ok(Some(TraceId(high, low))),
        _ => Err(format!("trace is {digits:?}, expected 32 hexadecimal digits")),
    }
}

fn sha256(digits: &str) -> Result<[u8; 32], String> {
    let digest: Digest = digits.parse().map_err(|_| format!("{digits:?} is no SHA-256, expected 64 digits"))?;
    Ok(digest.0)
}

/// A word of a closed vocabulary, which lives as long as the process.
fn word(text: &str) -> Result<&'static str, String> {
    static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(text) {
        return Ok(known);
    }
    if words.len() >= WORDS_MAX {
        return Err(format!("more than {WORDS_MAX} different codes, expected few"));
    }
    let known: &'static str = Box::leak(text.into());
    words.insert(known);
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_by_routes() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(rewritten(path, "/api/orders/{}", "/v1/records/{}").as_deref(), expected, "{path}");
        };
        check("/api/orders/7", Some("/v1/records/7"));
        check("/api/orders/7?full=1", Some("/v1/records/7?full=1"));
        check("/api/orders/7 (no-cache)", Some("/v1/records/7 (no-cache)"));
        check("/api/orders", None);
        check("/api/orders/7/lines", None);
    }

    #[test]
    fn sixteen_digits_are_a_number_and_other_names_stand_for_one() {
        assert_eq!(id("00000000000000ff"), 255);
        assert_ne!(id("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), id("f81d4fae-7dec-11d0-a765-00a0c91e6bf7"));
        assert!(story(Some("4bf92f3577b34da6a3ce929d0e0e4736")).is_ok_and(|story| story.is_some()));
        assert!(story(Some("4bf92f3577b34da6")).is_err());
    }
}
