//! The Kafka cluster of a cell: brokers, the controller, and the libraries of producers and consumers, all sans-IO.
//!
//! A core takes a word and appends [`Effect`]s to a list: replies, words to other nodes, writes and syncs. The caller
//! moves them; nothing here knows how. A broker acknowledges what a sync has confirmed (`flush.messages=1`), or, as
//! Kafka does by default, what lies in the page cache ([`Flush`]).
//!
//! One departure from Kafka: a caught-up follower's fetch stays open until there is news, and the leader wakes a
//! follower that has none open. Idle partitions then cost no events. Elections take in-sync replicas only.

pub mod acl;
pub mod broker;
pub mod consumer;
pub mod controller;
pub mod dead_letters;
pub mod event;
pub mod frame;
pub mod idempotence;
pub mod log;
pub mod machine;
pub mod offsets;
pub mod principal;
pub mod producer;
pub mod publisher;
pub mod quota;
pub mod replica;
pub mod route;
pub mod schema;
pub mod spillover;
pub mod tamper;

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod tests;

pub use acl::{Operations, Resource, Rule, tenant_rules, topic_name};
pub use broker::{Broker, BrokerConfig, Counters, TopicConfig};
pub use consumer::{Consumer, Delivery};
pub use controller::{Controller, ControllerEffect};
pub use machine::{BrokerNode, BrokerSpec, ControllerNode, ControllerSpec, Costs, TopicSpec};
pub use principal::Principal;
pub use producer::{Outcome, Producer};
pub use publisher::{Publisher, Sent, Settled};
pub use quota::Rate;
pub use schema::{EventWriter, FieldRule, Kind, Schema};
pub use spillover::{Elsewhere, Spillover};

use crate::wire::kafka::{Batch, BrokerId, BrokerWord, Replication, Response, TopicName};

/// What a broker wants done, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Answer the client request with this correlation.
    Reply {
        /// The caller's name for the request.
        correlation: u64,
        /// The answer.
        response: Response,
    },
    /// A batch became committed, as this leader knows it: state it as a fact. A leader in a new life may say so again.
    Committed {
        /// Topic.
        topic: TopicName,
        /// Partition.
        partition: u32,
        /// The batch.
        batch: Batch,
    },
    /// Events did not fit their topic's schema: count them.
    Refused {
        /// Topic.
        topic: TopicName,
        /// How many.
        events: u64,
    },
    /// Tell another broker.
    Peer {
        /// Which.
        to: BrokerId,
        /// What.
        word: Replication,
    },
    /// Tell the controller.
    Controller(BrokerWord),
    /// Write to this broker's disk. Not durable before the next [`Effect::Sync`] is confirmed.
    Write(LogWrite),
    /// Make all earlier writes durable, then call [`Broker::on_synced`] with this number.
    Sync(u64),
}

/// One change to a partition's log on disk. Replayed in order at boot. Of the writes after the last
/// confirmed sync any subset may be lost: what no longer fits is left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogWrite {
    /// Topic.
    pub topic: TopicName,
    /// Partition.
    pub partition: u32,
    /// What changed.
    pub change: LogChange,
}

/// What changed in a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogChange {
    /// A batch was appended, after one of leader epoch `after`. End offset and epoch name the batch before it: without
    /// this link, a log whose truncation was lost on the way to the disk could go on with a stranger's suffix.
    Append {
        /// Leader epoch of the batch before it, if there is one.
        after: Option<u32>,
        /// The batch.
        batch: Batch,
    },
    /// Everything from this offset on was removed.
    Truncate(u64),
    /// Everything before this offset was removed.
    DropBefore(u64),
    /// The log was emptied, and goes on at this offset.
    Reset(u64),
}

/// When an append counts as stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Flush {
    /// After a sync (`flush.messages=1`): a power failure of all replicas at once loses nothing acknowledged.
    EveryBatch,
    /// At once (Kafka's default): replication alone protects acknowledged records.
    PageCache,
}
