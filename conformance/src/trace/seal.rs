//! Lines held against each other: is anything corrupted, gone, there twice, or out of order?
//!
//! A stream numbers its lines; a chained one links each to all before it, a numbered one adds the sum of each. Its end
//! is stated, because a chain does not see its own end. A request is a triple: it came, it was answered, and what
//! became of it was audited, by the digests of both lines. And the lines of a file stand in order of time.

use super::canonical;
use super::event::{Line, What};
use super::read::{Read, Trace, Where};
use sim::chain::Digest;
use sim::chain::hash_chain::link;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A request that nobody audits may still be under way when a trace ends.
const UNDER_WAY_NS: u64 = 60_000_000_000;

/// Something that was done to a trace, or to what it records.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// The line that shows it.
    pub at: Where,
    /// What contradicts what.
    pub what: String,
    /// The line that it contradicts, if there is one.
    pub against: Option<Where>,
    /// What that breaks.
    pub requirements: Vec<&'static str>,
}

/// What was held against each other.
#[derive(Clone, Default, Debug)]
pub struct Sealed {
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Streams whose lines are linked.
    pub chained: usize,
    /// Streams whose lines are numbered, with sums.
    pub numbered: usize,
    /// Streams whose lines are numbered and nothing else: a changed value does not show.
    pub bare: usize,
    /// Streams whose end nobody stated, by name: a lost tail does not show.
    pub open: Vec<String>,
    /// Requests that were received, answered and audited.
    pub triples: usize,
    /// Requests that were received and answered.
    pub pairs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Chained,
    Numbered,
    Bare,
}

struct Stream {
    kind: Option<Kind>,
    next: Option<u64>,
    head: Digest,
    ended: bool,
    last: Where,
    requirements: Vec<&'static str>,
    /// After its first fault nothing more is said of it: all that follows is wrong by the same.
    broken: bool,
}

/// Holds the lines of a trace against each other.
pub fn examine(trace: &Trace) -> Sealed {
    let mut sealed = Sealed::default();
    streams(trace, &mut sealed);
    requests(trace, &mut sealed);
    order(trace, &mut sealed);
    sealed
}

fn streams(trace: &Trace, sealed: &mut Sealed) {
    let mut streams: BTreeMap<&str, Stream> = BTreeMap::new();
    for read in &trace.lines {
        let Some(seal) = &read.line.seal else { continue };
        let is_own = trace.ordered.contains(&read.at.file);
        let stream = streams.entry(&seal.stream).or_insert_with(|| Stream {
            kind: None,
            // A log of another make begins where it begins.
            next: is_own.then_some(0),
            head: Digest::of(seal.stream.as_bytes()),
            ended: false,
            last: read.at.clone(),
            requirements: Vec::new(),
            broken: false,
        });
        if stream.requirements.is_empty() {
            stream.requirements = broken_by(&read.line);
        }
        if stream.broken {
            continue;
        }
        if let Some(what) = next(stream, read) {
            stream.broken = true;
            let (what, against) = (format!("{what}, in stream {}", seal.stream), Some(stream.last.clone()));
            let against = against.filter(|last| *last != read.at);
            let requirements = named(&stream.requirements);
            sealed.faults.push(Fault { at: read.at.clone(), what, against, requirements });
        }
        stream.last = read.at.clone();
    }
    for (name, stream) in streams {
        match stream.kind {
            Some(Kind::Chained) => sealed.chained += 1,
            Some(Kind::Numbered) => sealed.numbered += 1,
            Some(Kind::Bare) => sealed.bare += 1,
            None => {}
        }
        if !stream.ended && !stream.broken {
            sealed.open.push(name.to_owned());
        }
    }
}

/// What a stream is evidence of.
fn broken_by(line: &Line) -> Vec<&'static str> {
    match &line.what {
        What::AuditRecord { .. } => vec!["SRV-07", "POL-04"],
        What::DecisionKept { .. } => vec!["POL-04"],
        What::EventStored(event) if event.topic.ends_with(".audit") => vec!["EVT-07"],
        What::EventStored(_) => vec!["EVT-03"],
        _ => Vec::new(),
    }
}

fn named(requirements: &[&'static str]) -> Vec<&'static str> {
    if requirements.is_empty() { vec!["SRV-07"] } else { requirements.to_vec() }
}

/// Takes the next line of a stream: what is wrong with it, if anything.
fn next(stream: &mut Stream, read: &Read) -> Option<String> {
    let seal = read.line.seal.as_ref()?;
    if stream.ended {
        return Some("a line after the end".into());
    }
    match &read.line.what {
        What::StreamBegan { head } => {
            let is_first = stream.kind.is_none() && stream.next.is_none_or(|next| next == 0);
            stream.next = Some(seal.seq);
            let Some(head) = head else { return (!is_first).then(|| "a beginning amid the stream".into()) };
            let Ok(head) = head.parse() else { return Some("a head that is no SHA-256".into()) };
            stream.head = head;
            return (!is_first).then(|| "a beginning amid the stream".into());
        }
        What::StreamEnded { head } => {
            stream.ended = true;
            return ending(stream, seal.seq, head.as_deref());
        }
        _ => {}
    }
    if let Some(wrong) = number(stream, seal.seq) {
        return Some(wrong);
    }
    let kind = match (&seal.link, &seal.sum) {
        (Some(_), _) => Kind::Chained,
        (None, Some(_)) => Kind::Numbered,
        (None, None) => Kind::Bare,
    };
    if *stream.kind.get_or_insert(kind) != kind {
        return Some("a line that is sealed otherwise than the first".into());
    }
    if let Some(sum) = &seal.sum
        && *sum != Digest::of(&canonical::line(&read.members, &["sum"])).to_string()
    {
        return Some("a line that is not what its sum says".into());
    }
    let found = seal.link.as_ref()?;
    stream.head = link(stream.head, &canonical::line(&read.members, &["link"]));
    (*found != stream.head.to_string()).then(|| "a line that does not follow from those before it".into())
}

fn number(stream: &mut Stream, seq: u64) -> Option<String> {
    let expected = stream.next;
    stream.next = Some(seq.saturating_add(1));
    match expected {
        Some(expected) if seq > expected => Some(format!("number {seq} where {expected} is missing")),
        Some(expected) if seq < expected => Some(format!("number {seq} where {expected} follows")),
        _ => None,
    }
}

fn ending(stream: &mut Stream, seq: u64, head: Option<&str>) -> Option<String> {
    if stream.next.is_some_and(|next| next != seq) {
        let next = stream.next.unwrap_or_default();
        return Some(format!("an end before number {seq}, and the last line was {}", next.saturating_sub(1)));
    }
    match (stream.kind, head) {
        (Some(Kind::Chained), None) => Some("an end without its head".into()),
        (Some(Kind::Chained), Some(head)) if head != stream.head.to_string() => {
            Some("an end with another head than the lines lead to".into())
        }
        _ => None,
    }
}

#[derive(Default)]
struct Request<'a> {
    received: Vec<&'a Read>,
    answered: Vec<&'a Read>,
    audited: Vec<(&'a Read, &'a str, Option<&'a str>)>,
}

fn requests(trace: &Trace, sealed: &mut Sealed) {
    let mut all: BTreeMap<(&str, &str), Request<'_>> = BTreeMap::new();
    for read in &trace.lines {
        match &read.line.what {
            What::Received { principal, request, .. } => {
                all.entry((principal, request)).or_default().received.push(read)
            }
            What::Answered(answer) => {
                let request = answer.request.as_deref().unwrap_or_default();
                all.entry((&answer.principal, request)).or_default().answered.push(read);
            }
            What::AuditRecord { principal, request, received, answered } => {
                let request = all.entry((principal, request)).or_default();
                request.audited.push((read, received, answered.as_deref()));
            }
            _ => {}
        }
    }
    let any = |of: fn(&Request<'_>) -> bool| all.values().any(of);
    let are_received = any(|r| !r.received.is_empty());
    let are_answered = any(|r| !r.answered.is_empty());
    let are_audited = any(|r| !r.audited.is_empty());
    if !are_received || !are_answered {
        return;
    }
    let end = trace.lines.iter().map(|read| read.line.at).max().unwrap_or_default();
    for ((principal, name), request) in &all {
        let whose = format!("request {name} of {principal}");
        let requirements: &[&str] = if are_audited { &["SRV-07", "POL-04"] } else { &["SRV-07"] };
        if let Some((at, what, against)) = contradiction(request, are_audited, end) {
            let (at, what) = (at.at.clone(), format!("{whose} {what}"));
            let against = against.map(|read| read.at.clone()).filter(|other| *other != at);
            sealed.faults.push(Fault { at, what, against, requirements: requirements.to_vec() });
        } else if are_audited {
            sealed.triples += 1;
        } else {
            sealed.pairs += 1;
        }
    }
}

/// A line, what it is that contradicts, and the line that it contradicts.
type Contradiction<'a> = (&'a Read, &'static str, Option<&'a Read>);

fn contradiction<'a>(request: &Request<'a>, are_audited: bool, end: u64) -> Option<Contradiction<'a>> {
    let Request { received, answered, audited } = request;
    match (&received[..], &answered[..], &audited[..]) {
        ([one, again, ..], ..) => return Some((again, "came twice", Some(one))),
        (_, [one, again, ..], _) => return Some((again, "was answered twice", Some(one))),
        (.., [(one, ..), (again, ..), ..]) => return Some((again, "was audited twice", Some(one))),
        ([], [answer], _) => return Some((answer, "was answered and never came", None)),
        ([], [], [(audit, ..)]) => return Some((audit, "was audited and never came", None)),
        _ => {}
    }
    let received = received.first()?;
    let answered = answered.first();
    if let Some(answer) = answered
        && let (What::Received { operation, .. }, What::Answered(what)) = (&received.line.what, &answer.line.what)
    {
        if *operation != what.operation {
            return Some((answer, "was answered as another one than came", Some(received)));
        }
        if answer.line.at < received.line.at || is_before(answer, received) {
            return Some((answer, "was answered before it came", Some(received)));
        }
    }
    if !are_audited {
        let is_late = received.line.at.saturating_add(UNDER_WAY_NS) < end;
        return (answered.is_none() && is_late).then_some((*received, "was never answered", None));
    }
    let Some((audit, came, became)) = audited.first() else {
        return Some((answered.unwrap_or(received), "was never audited", None));
    };
    if *came != received.digest().to_string() {
        return Some((received, "did not come as it was audited", Some(audit)));
    }
    match (answered, became) {
        (None, Some(_)) => Some((audit, "was audited as answered, and the answer is gone", None)),
        (Some(answer), None) => Some((answer, "was answered, and audited as never answered", Some(audit))),
        (Some(answer), Some(digest)) if *digest != answer.digest().to_string() => {
            Some((answer, "was not answered as it was audited", Some(audit)))
        }
        (Some(answer), _) if is_before(audit, answer) => {
            Some((audit, "was audited before it was answered", Some(answer)))
        }
        _ => None,
    }
}

/// Whether a line stands before another one of the same file.
fn is_before(one: &Read, other: &Read) -> bool {
    one.at.file == other.at.file && one.at.line < other.at.line
}

/// Lines of a file in the documented form stand in order of time, and the last one says that it is the last.
fn order(trace: &Trace, sealed: &mut Sealed) {
    let mut told: BTreeSet<&Arc<str>> = BTreeSet::new();
    for pair in trace.lines.windows(2) {
        let [before, after] = pair else { continue };
        let file = &after.at.file;
        let is_one = before.at.file == *file && trace.ordered.contains(file);
        let wrong = match before.line.what {
            What::Ended {} => "stands after the end of the trace",
            _ if after.line.at < before.line.at => "is older than the line before it",
            _ => continue,
        };
        if is_one && told.insert(file) {
            let what = format!("{} {wrong}", after.line.what.kind());
            let against = Some(before.at.clone());
            sealed.faults.push(Fault { at: after.at.clone(), what, against, requirements: vec!["SRV-07"] });
        }
    }
    for file in &trace.ordered {
        let last = trace.lines.iter().rfind(|read| read.at.file == *file);
        if last.is_some_and(|read| read.line.what != What::Ended {}) {
            sealed.open.push(format!("the file {file}"));
        }
    }
}
