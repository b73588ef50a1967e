//! Words of the Kafka protocol that both a judge and a hosted reference use: frames, numbers of kinds, names of errors.
//!
//! Messages themselves come from the codec, which is generated from Kafka's published definitions.

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a hosted reference calls its cluster, and by which a judge knows that it judged no real one.
pub const REFERENCE: &str = "cellproof-reference";

/// Longest frame that is read. A judge asks for little, and a stranger's length must not be believed.
const FRAME_BYTES_MAX: usize = 32 << 20;

/// Either end of a connection, whatever it is made of.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Reads a frame; none where the other side is done.
///
/// # Errors
/// The connection broke, or the frame is longer than anybody may say.
pub async fn read_frame(stream: &mut dyn Stream) -> io::Result<Option<Bytes>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    }
    let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame that is no frame of Kafka"));
    }
    let mut frame = BytesMut::zeroed(length);
    stream.read_exact(&mut frame).await?;
    Ok(Some(frame.freeze()))
}

/// Writes a frame.
///
/// # Errors
/// The connection broke.
pub async fn write_frame(stream: &mut dyn Stream, frame: &[u8]) -> io::Result<()> {
    let length = i32::try_from(frame.len()).map_err(|_| io::Error::other("a frame too long for Kafka"))?;
    let mut whole = BytesMut::with_capacity(4 + frame.len());
    whole.extend_from_slice(&length.to_be_bytes());
    whole.extend_from_slice(frame);
    stream.write_all(&whole).await?;
    stream.flush().await
}

/// Text as the codec wants it.
pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// What an error number means, in Kafka's words.
pub fn error_name(code: i16) -> String {
    let camel = match ResponseError::try_from_code(code) {
        None if code == 0 => "None".to_owned(),
        Some(ResponseError::Unknown(_)) | None => return format!("error {code}"),
        Some(known) => format!("{known:?}"),
    };
    let mut name = String::with_capacity(camel.len() + 8);
    for (at, letter) in camel.char_indices() {
        if letter.is_uppercase() && at > 0 {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

/// Error numbers that are looked at.
#[allow(missing_docs, reason = "the names are Kafka's and documented there")]
pub mod code {
    pub const NONE: i16 = 0;
    pub const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
    pub const REQUEST_TIMED_OUT: i16 = 7;
    pub const COORDINATOR_NOT_AVAILABLE: i16 = 15;
    pub const ILLEGAL_GENERATION: i16 = 22;
    pub const UNKNOWN_MEMBER_ID: i16 = 25;
    pub const INVALID_SESSION_TIMEOUT: i16 = 26;
    pub const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
    pub const GROUP_AUTHORIZATION_FAILED: i16 = 30;
    pub const CLUSTER_AUTHORIZATION_FAILED: i16 = 31;
    pub const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
    pub const UNSUPPORTED_VERSION: i16 = 35;
    pub const TOPIC_ALREADY_EXISTS: i16 = 36;
    pub const INVALID_REPLICATION_FACTOR: i16 = 38;
    pub const NOT_CONTROLLER: i16 = 41;
    pub const INVALID_REQUEST: i16 = 42;
    pub const INVALID_TRANSACTION_TIMEOUT: i16 = 50;
    pub const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i16 = 53;
    pub const SASL_AUTHENTICATION_FAILED: i16 = 58;
    pub const GROUP_ID_NOT_FOUND: i16 = 69;
    pub const NON_EMPTY_GROUP: i16 = 68;
}

/// What rules and descriptions are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Topics.
    Topic,
    /// Consumer groups.
    Group,
    /// The cluster.
    Cluster,
    /// Transactional ids.
    TransactionalId,
}

impl Kind {
    /// Its number in requests about rules.
    pub fn number(self) -> i8 {
        match self {
            Kind::Topic => 2,
            Kind::Group => 3,
            Kind::Cluster => 4,
            Kind::TransactionalId => 5,
        }
    }

    /// The kind of a number, if it is one of these.
    pub fn of(number: i8) -> Option<Kind> {
        [Kind::Topic, Kind::Group, Kind::Cluster, Kind::TransactionalId].into_iter().find(|k| k.number() == number)
    }

    /// The option of `kafka-acls.sh` that names one.
    pub fn option(self) -> &'static str {
        match self {
            Kind::Topic => "--topic",
            Kind::Group => "--group",
            Kind::Cluster => "--cluster",
            Kind::TransactionalId => "--transactional-id",
        }
    }
}

/// Operations in rules, by their numbers: `kafka-acls.sh` takes these names.
pub const OPERATIONS: [(i8, &str); 10] = [
    (2, "All"),
    (3, "Read"),
    (4, "Write"),
    (5, "Create"),
    (6, "Delete"),
    (7, "Alter"),
    (8, "Describe"),
    (10, "DescribeConfigs"),
    (11, "AlterConfigs"),
    (12, "IdempotentWrite"),
];

/// The name of an operation.
pub fn operation_name(number: i8) -> &'static str {
    OPERATIONS.iter().find(|(n, _)| *n == number).map_or("ClusterAction", |(_, name)| name)
}

/// The number of an operation, whatever its case.
pub fn operation_number(name: &str) -> Option<i8> {
    OPERATIONS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(number, _)| *number)
}

/// A name that a rule is about exactly.
pub const LITERAL: i8 = 3;
/// A beginning of names that a rule is about.
pub const PREFIXED: i8 = 4;
/// Any permission, operation, kind or pattern, in a question.
pub const ANY: i8 = 1;
/// A rule that denies.
pub const DENY: i8 = 2;
/// A rule that allows.
pub const ALLOW: i8 = 3;
/// The number of a topic in requests about configurations.
pub const CONFIG_OF_TOPIC: i8 = 2;
/// The number of a broker there.
pub const CONFIG_OF_BROKER: i8 = 4;
/// A topic's own configuration, as the source of a value.
pub const FROM_TOPIC: i8 = 1;
/// A broker's file, as the source of a value.
pub const FROM_FILE: i8 = 4;
/// What Kafka does where nothing is said, as the source of a value.
pub const FROM_DEFAULT: i8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_operations_and_kinds_have_kafkas_own_names() {
        assert_eq!(error_name(code::TOPIC_AUTHORIZATION_FAILED), "TOPIC_AUTHORIZATION_FAILED");
        assert_eq!((error_name(0).as_str(), error_name(-77).as_str()), ("NONE", "error -77"));
        assert!(OPERATIONS.iter().all(|(n, name)| operation_number(&name.to_lowercase()) == Some(*n)));
        assert_eq!((Kind::of(5), Kind::of(9)), (Some(Kind::TransactionalId), None));
    }
}
