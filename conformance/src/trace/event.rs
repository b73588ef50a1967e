//! One line of a trace: one JSON object that says what happened, when, and where it was recorded. Version 1.
//!
//! A line holds no content: of what was answered it names the records that went out, of what was stored the digest of
//! its bytes. So a trace can be mailed, and the judges need no more. Members that no event has are refused, because a
//! misspelt member is one that nobody judges.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Version of the form.
pub const VERSION: u32 = 1;

/// A line.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// When, in nanoseconds: since 1970, or since a simulation began.
    pub at: u64,
    /// The node that recorded it.
    pub node: String,
    /// Its place in a stream, if it has one.
    pub seal: Option<Seal>,
    /// What happened.
    pub what: What,
}

/// A place in a stream of lines that belong together.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Its name.
    pub stream: String,
    /// The number of the line in it: one more than the line before.
    pub seq: u64,
    /// SHA-256 of the link before it and this line without its link: the chain.
    #[serde(default)]
    pub link: Option<String>,
    /// SHA-256 of this line without its sum, in a stream that is numbered and not chained.
    #[serde(default)]
    pub sum: Option<String>,
}

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", deny_unknown_fields)]
pub enum What {
    /// The first line of a file.
    #[serde(rename = "trace.began")]
    Began {
        /// Version of the form.
        version: u32,
        /// Who wrote it.
        recorder: String,
    },
    /// The last one.
    #[serde(rename = "trace.ended")]
    Ended {},
    /// A stream goes on here that began earlier: `seq` is that of its next line.
    #[serde(rename = "stream.began")]
    StreamBegan {
        /// The link before its next line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<String>,
    },
    /// A stream has no more lines: `seq` is the number that its next line would have.
    #[serde(rename = "stream.ended")]
    StreamEnded {
        /// Its last link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<String>,
    },
    /// A principal's request came.
    #[serde(rename = "request.received")]
    Received {
        /// Who asked.
        principal: String,
        /// Its name, of which a principal uses none twice.
        request: String,
        /// Method and path.
        operation: String,
    },
    /// It was answered, or its principal gave up waiting.
    #[serde(rename = "request.answered")]
    Answered(Answered),
    /// Bytes reached a principal on another way than an answer to a request: an event that it consumed, a list.
    #[serde(rename = "delivery")]
    Delivered(Answered),
    /// A store gave rows to a session that acts for a tenant.
    #[serde(rename = "rows.returned")]
    RowsReturned {
        /// For whom the session acted.
        tenant: String,
        /// Which.
        rows: Vec<Row>,
        /// The request that they were for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
    },
    /// What became of a request, audited: one for each, by digests of its lines.
    #[serde(rename = "audit.record")]
    AuditRecord {
        /// Who asked.
        principal: String,
        /// The request.
        request: String,
        /// SHA-256 of the line `request.received`.
        received: String,
        /// SHA-256 of the line `request.answered`; null when nobody had answered at the end.
        answered: Option<String>,
    },
    /// A row of a tenant became durable.
    #[serde(rename = "row.stored")]
    RowStored {
        /// Where it lies.
        place: At,
        /// Whose it is.
        tenant: String,
        /// Its primary key within the tenant.
        key: Id,
        /// Its version.
        version: u64,
        /// SHA-256 of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        /// Which records it holds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rows: Vec<Row>,
    },
    /// An event became durable in a log.
    #[serde(rename = "event.stored")]
    EventStored(EventStored),
    /// An entry of a tenant left a cache to make room.
    #[serde(rename = "entry.evicted")]
    EntryEvicted {
        /// Where it lay.
        place: At,
        /// Whose it was.
        tenant: String,
        /// For whose entry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// Bytes that the tenant held until then.
        held: u64,
    },
    /// A decision of a policy agent was kept.
    #[serde(rename = "decision.kept")]
    DecisionKept {
        /// Where it lies.
        place: At,
        /// For whom it was made.
        tenant: String,
        /// In which story: 32 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
        /// What it was.
        allowed: bool,
        /// SHA-256 of the question.
        input_sha256: String,
    },
    /// A version of an object became durable.
    #[serde(rename = "object.stored")]
    ObjectStored {
        /// Where it lies.
        place: At,
        /// Its key, which begins with the tenant.
        key: String,
        /// Counts up from 1.
        version: u32,
        /// Before this nobody may replace or remove it.
        #[serde(default)]
        kept_until: Time,
        /// SHA-256 of it.
        content: String,
        /// Which records it holds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rows: Vec<Row>,
    },
    /// A version of an object is gone.
    #[serde(rename = "object.removed")]
    ObjectRemoved {
        /// Where it lay.
        place: At,
        /// Its key.
        key: String,
        /// Which version.
        version: u32,
    },
    /// A component decided.
    #[serde(rename = "policy.decided")]
    Decided {
        /// The component.
        by: String,
        /// Whether it let pass.
        allowed: bool,
        /// Why.
        reason: String,
        /// For whom.
        subject: String,
    },
    /// An agent has a revision of its configuration in force.
    #[serde(rename = "config.applied")]
    ConfigApplied {
        /// Of what.
        name: String,
        /// Which.
        revision: u64,
    },
    /// A component reported something that operators see.
    #[serde(rename = "security.event")]
    Security {
        /// The component.
        by: String,
        /// A stable code.
        what: String,
        /// About whom or what.
        about: String,
        /// A number that belongs to it.
        #[serde(default)]
        value: u64,
    },
    /// A statement that a database logged.
    #[serde(rename = "statement.logged")]
    Statement {
        /// The role.
        role: String,
        /// What kind of statement: `READ`.
        class: String,
        /// On what.
        #[serde(default)]
        object: String,
    },
}

/// An answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// Who asked.
    pub principal: String,
    /// The request; none for what nobody asked for by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What was asked, as method and path, or `CONSUME topic/partition@offset`, `PRODUCE topic`, `LIST`.
    pub operation: String,
    /// The status; 0 when the principal gave up.
    pub status: u16,
    /// Why, as a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The tenant that the answer names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The region that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Seconds after which to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
    /// In which story: 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Whether it says that it is degraded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
    /// From its beginning to its end.
    pub took_ns: u64,
    /// When it was meant to begin; `at` less `took_ns`, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Time>,
    /// Which records went out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// SHA-256 of what went out, where it is compared with what was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Names that a list showed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// An event in a log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventStored {
    /// Where it lies.
    pub place: At,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
    /// The request that published it, as the event carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// SHA-256 of it.
    pub content: String,
    /// Which records it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
}

/// Where something durable lies.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// `postgres`, `kafka`, `cache`, `objects`, `siem`.
    pub store: String,
    /// The cell.
    pub cell: String,
    /// Its region.
    pub region: String,
}

/// A record that went out, or lies somewhere.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Whose it is; null when that cannot be told.
    pub tenant: Option<String>,
    /// Which, within the tenant.
    #[serde(default)]
    pub record: Id,
    /// Its version; 0 is the one that was there before anybody wrote.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// A number, or a text that stands for one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Default for Id {
    fn default() -> Id {
        Id::Number(0)
    }
}

/// A moment, in nanoseconds; written as that number, or as RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug, Serialize)]
pub struct Time(pub u64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
        let value = Value::deserialize(from)?;
        time(&value).map(Time).map_err(serde::de::Error::custom)
    }
}

/// Reads a moment.
///
/// # Errors
/// What was found, and what was expected.
pub fn time(value: &Value) -> Result<u64, String> {
    match value {
        Value::Number(n) => n.as_u64().ok_or_else(|| format!("{n} is no time, expected whole nanoseconds")),
        Value::String(text) => {
            reports::when::parse_ns(text).map_err(|expected| format!("{text:?} is no time, {expected}"))
        }
        other => Err(format!("{other} is no time, expected whole nanoseconds or RFC 3339")),
    }
}

/// The object of a line.
///
/// # Errors
/// It is none.
pub fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("no object, expected one JSON object a line".into()),
        Err(e) => Err(format!("no JSON: {e}")),
    }
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What was found, and what was expected.
    pub fn of(map: &Map<String, Value>) -> Result<Line, String> {
        let mut rest = map.clone();
        let at = rest.remove("at").ok_or("no member `at`, expected a time")?;
        let at = time(&at)?;
        let node = match rest.remove("node") {
            None => String::new(),
            Some(Value::String(node)) => node,
            Some(other) => return Err(format!("node is {other}, expected text")),
        };
        let mut seal = Map::new();
        for name in ["stream", "seq", "link", "sum"] {
            seal.extend(rest.remove(name).map(|value| (name.to_owned(), value)));
        }
        let is_sealed = !seal.is_empty();
        let seal = is_sealed.then(|| serde_json::from_value(Value::Object(seal))).transpose();
        let seal: Option<Seal> = seal.map_err(|e| format!("{e}, expected stream and seq"))?;
        let what: What = serde_json::from_value(Value::Object(rest)).map_err(|e| e.to_string())?;
        if let What::Began { version, .. } = what
            && version != VERSION
        {
            return Err(format!("a trace of version {version}, expected {VERSION}"));
        }
        if let (What::StreamBegan { .. } | What::StreamEnded { .. }, None) = (&what, &seal) {
            return Err("a stream begins or ends without a name, expected stream and seq".into());
        }
        Ok(Line { at, node, seal, what })
    }
}

impl What {
    /// The word of the kind, as it stands in a line.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Began { .. } => "trace.began",
            What::Ended { .. } => "trace.ended",
            What::StreamBegan { .. } => "stream.began",
            What::StreamEnded { .. } => "stream.ended",
            What::Received { .. } => "request.received",
            What::Answered(_) => "request.answered",
            What::Delivered(_) => "delivery",
            What::RowsReturned { .. } => "rows.returned",
            What::AuditRecord { .. } => "audit.record",
            What::RowStored { .. } => "row.stored",
            What::EventStored(_) => "event.stored",
            What::EntryEvicted { .. } => "entry.evicted",
            What::DecisionKept { .. } => "decision.kept",
            What::ObjectStored { .. } => "object.stored",
            What::ObjectRemoved { .. } => "object.removed",
            What::Decided { .. } => "policy.decided",
            What::ConfigApplied { .. } => "config.applied",
            What::Security { .. } => "security.event",
            What::Statement { .. } => "statement.logged",
        }
    }
}
