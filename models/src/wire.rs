//! The neutral protocol words: one protocol a file; and [`Wire`], what travels between two nodes.
//!
//! A component speaks these words and knows no other component. Large words are boxed, so that a message that waits in
//! the event heap stays small.

pub mod admin;
pub mod bolt;
pub mod codec;
pub mod decisions;
pub mod http;
pub mod kafka;
pub mod kube;
pub mod logical;
pub mod mirror;
pub mod mode;
pub mod oidc;
pub mod policy;
pub mod request_log;
pub mod resp;
pub mod rollout;
pub mod scaling;
mod seal;
pub mod signals;
pub mod sql;
pub mod svid;
pub mod tls;

use crate::ids::Bytes;
use serde::{Deserialize, Serialize};
use sim::seed::mix;
use std::sync::Arc;

/// A stable name that the receiver compares, such as an SQLSTATE.
pub type Code = &'static str;

/// A message between two nodes. `id` correlates a call and its answer; it is unique at the caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Wire {
    /// A request over HTTP.
    Http(Box<http::Request>),
    /// Bytes of an HTTP/1.1 connection, as no library would write them; the number names the connection at the client.
    HttpText(u64, Bytes),
    /// The answer to a request.
    HttpAnswer(Box<http::Response>),
    /// A request to the identity provider.
    Oidc(u64, Box<oidc::OidcRequest>),
    /// Its answer.
    OidcAnswer(u64, oidc::OidcAnswer),
    /// Between a workload and the mesh CA.
    Svid(Box<svid::SvidWord>),
    /// A connection is opened, or refused.
    Handshake(Box<svid::Handshake>),
    /// Who has just connected, by its certificate. A sidecar tells its own workload; on a network it is no word at all.
    Connected(svid::SpiffeId),
    /// A question to the policy agent, the story that it belongs to, and whether it is about a list.
    Policy(u64, Arc<policy::Input>, Option<http::trace::TraceId>, bool),
    /// Its decision, and the policy's revision; and what a list may show, if it was about one.
    PolicyAnswer(u64, (policy::Decision, u64), Option<Arc<policy::DataFilter>>),
    /// Decisions of a policy agent, for the SIEM.
    Decisions(Box<decisions::DecisionBatch>),
    /// Of that life of the agent the SIEM has every decision before this one.
    DecisionsKept(u64, u64),
    /// A statement that was refused on the console, for the SIEM.
    Attempt(u64, Box<decisions::Attempt>),
    /// The SIEM has it.
    AttemptKept(u64),
    /// A request that is about to change something, for the registrar.
    Note(u64, Box<request_log::Note>),
    /// It stands in the log.
    NoteKept(u64),
    /// About tokens in wrong hands.
    Signal(Box<signals::Signal>),
    /// Who the tenants are from now on, for routers and services.
    Tenants(Arc<admin::TenantTable>),
    /// Remediation has the cache of a gateway switched on or off; switches are counted, and said again.
    EdgeCache(u64, bool),
    /// What tenants may do for the time being, by the control plane.
    Mode(mode::Mode),
    /// Whoever was told that change of it does nothing any more that it rules out.
    ModeKept(u64),
    /// A signed policy bundle for an agent.
    Bundle(Arc<policy::SignedBundle>),
    /// A batch on a connection to the cache.
    Resp(u64, resp::ConnectionId, resp::Request),
    /// Its replies.
    RespAnswer(u64, resp::Response),
    /// A transaction for the database.
    Sql(u64, Box<sql::Transaction>),
    /// A transaction that only reads, for a replica that is at most so far behind.
    SqlAtMost(u64, sim::Duration, Box<sql::Transaction>),
    /// What became of either.
    SqlAnswer(u64, sql::Outcome),
    /// Between a publisher and a subscriber.
    Logical(Box<logical::Logical>),
    /// Between database nodes.
    Replication(Box<sql::Replication>),
    /// Between a database node and the arbiter of leadership.
    Lease(sql::Lease),
    /// A request to the graph database.
    Bolt(u64, Box<bolt::Request>),
    /// Its answer.
    BoltAnswer(u64, Box<bolt::Response>),
    /// Between a graph database and its replica.
    GraphStream(Box<bolt::Stream>),
    /// A request to a broker.
    Kafka(u64, Box<kafka::Request>),
    /// Its answer.
    KafkaAnswer(u64, Box<kafka::Response>),
    /// Between brokers of a cluster.
    Broker(Box<kafka::Replication>),
    /// Between a broker and the cluster's controller.
    Controller(Box<kafka::ClusterWord>),
    /// Between the two halves of a mirror.
    Mirror(Box<mirror::MirrorWord>),
    /// Between an autoscaler, gateways and instances.
    Scaling(Box<scaling::Scaling>),
    /// Between a rollout's controller, gateways, instances and a checker.
    Rollout(Box<rollout::Rollout>),
    /// A health probe, and its echo.
    Probe(u64),
    /// The echo of a probe.
    ProbeAnswer(u64),
    /// A word on a link that an attacker may hold: readable and changeable, but then the seal does not fit. Last, and
    /// not a word that another can be inside of: the codec writes the seal beside the word.
    #[serde(skip)]
    Sealed(Box<(Wire, svid::Seal)>),
}

impl Wire {
    /// Stable name of the word.
    pub fn name(&self) -> &'static str {
        match self {
            Wire::Http(_) => "http request",
            Wire::HttpText(..) => "http text",
            Wire::HttpAnswer(_) => "http answer",
            Wire::Oidc(..) => "oidc request",
            Wire::OidcAnswer(..) => "oidc answer",
            Wire::Svid(_) => "svid",
            Wire::Handshake(_) => "handshake",
            Wire::Connected(_) => "connected",
            Wire::Sealed(_) => "sealed",
            Wire::Broker(_) => "kafka replication",
            Wire::Controller(_) => "kafka controller",
            Wire::Mirror(_) => "mirror",
            Wire::Policy(..) => "policy question",
            Wire::PolicyAnswer(..) => "policy decision",
            Wire::Decisions(_) => "decisions",
            Wire::DecisionsKept(..) => "decisions kept",
            Wire::Attempt(..) => "attempt",
            Wire::AttemptKept(_) => "attempt kept",
            Wire::Note(..) => "note",
            Wire::NoteKept(_) => "note kept",
            Wire::Signal(_) => "signal",
            Wire::Tenants(_) => "tenants",
            Wire::EdgeCache(..) => "edge cache switch",
            Wire::Mode(_) => "mode",
            Wire::ModeKept(_) => "mode kept",
            Wire::Bundle(_) => "policy bundle",
            Wire::Resp(..) => "cache request",
            Wire::RespAnswer(..) => "cache answer",
            Wire::Sql(..) => "sql transaction",
            Wire::SqlAtMost(..) => "sql read",
            Wire::SqlAnswer(..) => "sql outcome",
            Wire::Logical(_) => "logical replication",
            Wire::Replication(_) => "replication",
            Wire::Lease(_) => "lease",
            Wire::Bolt(..) => "bolt request",
            Wire::BoltAnswer(..) => "bolt answer",
            Wire::GraphStream(_) => "graph stream",
            Wire::Kafka(..) => "kafka request",
            Wire::KafkaAnswer(..) => "kafka answer",
            Wire::Scaling(_) => "scaling",
            Wire::Rollout(_) => "rollout",
            Wire::Probe(_) => "probe",
            Wire::ProbeAnswer(_) => "probe answer",
        }
    }

    fn id(&self) -> u64 {
        match self {
            Wire::Http(request) => request.id,
            Wire::HttpAnswer(response) => response.id,
            Wire::Sealed(sealed) => sealed.0.id(),
            Wire::HttpText(id, _)
            | Wire::Oidc(id, _)
            | Wire::OidcAnswer(id, _)
            | Wire::Policy(id, ..)
            | Wire::PolicyAnswer(id, ..)
            | Wire::Resp(id, ..)
            | Wire::RespAnswer(id, _)
            | Wire::Sql(id, _)
            | Wire::SqlAtMost(id, ..)
            | Wire::SqlAnswer(id, _)
            | Wire::Attempt(id, _)
            | Wire::AttemptKept(id)
            | Wire::Note(id, _)
            | Wire::NoteKept(id)
            | Wire::Bolt(id, _)
            | Wire::BoltAnswer(id, _)
            | Wire::Kafka(id, _)
            | Wire::KafkaAnswer(id, _)
            | Wire::Probe(id)
            | Wire::ProbeAnswer(id) => *id,
            _ => 0,
        }
    }
}

impl sim::Message for Wire {
    fn size_bytes(&self) -> u32 {
        match self {
            Wire::Http(request) => 200 + request.body.len() as u32,
            Wire::HttpText(_, bytes) => bytes.len() as u32,
            Wire::HttpAnswer(response) => 200 + response.body.len() as u32,
            Wire::Handshake(_) | Wire::Svid(_) => 1_500,
            Wire::Sealed(sealed) => 24 + sealed.0.size_bytes(),
            Wire::Replication(_) | Wire::Logical(_) | Wire::Kafka(..) | Wire::KafkaAnswer(..) | Wire::Broker(_) => 600,
            Wire::Decisions(batch) => 100 + 120 * batch.records.len() as u32,
            Wire::Mirror(word) => word.size_bytes(),
            _ => 200,
        }
    }

    /// Every connection is TLS or has a checksum: damage is noticed by the transport, which drops the record.
    fn corrupt(&mut self, _draw: u64) -> bool {
        false
    }

    /// A database session is one connection whose bytes are numbered, and no proxy on the way sends a transaction again
    /// by itself; the caller's own retry is another message. The other words meet proxies, or repeat by design.
    fn repeats(&self) -> bool {
        !matches!(self, Wire::Sql(..) | Wire::SqlAtMost(..))
    }

    #[inline]
    fn fingerprint(&self) -> u64 {
        mix(self.name().len() as u64, self.id())
    }

    fn describe(&self) -> String {
        match self {
            Wire::Http(r) => format!("{} {}", r.method.name(), r.path),
            Wire::HttpAnswer(r) => format!("{} {}", r.status, r.reason.code()),
            Wire::Sealed(sealed) => format!("sealed: {}", sealed.0.describe()),
            Wire::Sql(_, t) => format!("sql transaction of {} statements", t.statements.len()),
            other => other.name().into(),
        }
    }
}
