//! A broker: checks who may do what, then hands each word to the partition that it is about.
//!
//! Permission is asked before existence, so a stranger learns nothing about other tenants' topics from the difference
//! between two errors. Order of the checks of a produce: ACL, topic, leader, quota, room, in-sync replicas, schema,
//! sequence.

mod requests;

pub use requests::{ACKS_ALL, AUDIT_IMMUTABLE};

use super::acl::{Operations, Resource};
use super::principal::{Known, Principal};
use super::replica::{Local, Replica, Taken, Timing};
use super::schema::Schema;
use super::tamper::Tampering;
use super::{Effect, Flush, LogWrite};
use crate::control::Controls;
use crate::wire::kafka::{
    BrokerId, BrokerWord, ErrorCode, MetadataUpdate, ProduceReply, Replication, Request, Response, TopicName,
};
use sim::Instant;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What a broker is told at boot and cannot change.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// When an append counts as stored.
    pub flush: Flush,
    /// Intervals.
    pub timing: Timing,
    /// Partitions of the offsets topic (Kafka: 50).
    pub offsets_partitions: u32,
}

/// Configuration of a topic, the same on all brokers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicConfig {
    /// `min.insync.replicas`.
    pub min_isr: usize,
    /// `retention.bytes` per partition; none for audit topics, which only grow.
    pub retention_bytes: Option<u64>,
    /// The schema of its events.
    pub schema: Option<Arc<Schema>>,
    /// Where events go that the schema refuses (partition 0 of that topic).
    pub dead_letters: Option<TopicName>,
    /// Whether nobody may remove what lies in it: audit topics.
    pub immutable: bool,
}

impl Default for TopicConfig {
    /// Two replicas in sync, 1 GiB a partition, no schema, and records may be removed.
    fn default() -> TopicConfig {
        let (schema, dead_letters) = (None, None);
        TopicConfig { min_isr: 2, retention_bytes: Some(1 << 30), schema, dead_letters, immutable: false }
    }
}

/// What an operator watches on a topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Records appended by this broker as leader.
    pub appended: u64,
    /// Records that the schema refused.
    pub refused: u64,
    /// Refused records handed on to the dead letter topic.
    pub dead_letters: u64,
    /// Produce requests that were throttled.
    pub throttled: u64,
}

/// A broker.
#[derive(Debug)]
pub struct Broker {
    id: BrokerId,
    incarnation: u64,
    config: BrokerConfig,
    topics: Vec<Topic>,
    topic_of: BTreeMap<(u64, Arc<str>), u32>,
    visible: BTreeMap<TopicName, u32>,
    principals: Vec<Known>,
    principal_of: BTreeMap<(u64, Arc<str>), u32>,
    syncs: VecDeque<PendingSync>,
    next_sync: u64,
    metadata_version: u64,
    beat_at: Option<Instant>,
    busy: BTreeSet<(u32, u32)>,
    /// No room for more: nothing is appended for clients.
    full: bool,
    /// `allow.everyone.if.no.acl.found`: a name that no rule of anybody is about may be used by everybody.
    is_open: bool,
}

#[derive(Debug)]
struct Topic {
    name: TopicName,
    config: TopicConfig,
    counters: Counters,
    partitions: Vec<Replica>,
}

#[derive(Clone, Copy, Debug)]
struct PendingSync {
    id: u64,
    topic: u32,
    partition: u32,
    end: u64,
}

/// Where a request goes: topic and partition by index.
type Target = (u32, u32);

impl Broker {
    /// Records that a partition led here has and has not committed, in the one that has most.
    pub fn uncommitted(&self) -> u64 {
        let led = self.own_partitions();
        led.map(|replica| replica.log().end().saturating_sub(replica.high_watermark())).max().unwrap_or(0)
    }

    /// Replicas that are out of sync with a partition led here, in the one that has most.
    pub fn out_of_sync(&self) -> u64 {
        let missing = |replica: &Replica| replica.state().replicas.len() - replica.state().isr.len();
        self.own_partitions().map(|replica| missing(replica) as u64).max().unwrap_or(0)
    }

    fn own_partitions(&self) -> impl Iterator<Item = &Replica> {
        let partitions = self.topics.iter().flat_map(|topic| &topic.partitions);
        partitions.filter(|replica| replica.state().leader == Some(self.id))
    }

    /// A broker in its life `incarnation` (higher than in any former life), with the writes that its disk still has, in
    /// the order in which they were made. Topics of the disk must have been named in `topics`.
    pub fn boot(
        id: BrokerId,
        incarnation: u64,
        config: BrokerConfig,
        topics: impl IntoIterator<Item = (TopicName, u32, TopicConfig)>,
        disk: impl IntoIterator<Item = LogWrite>,
    ) -> Broker {
        let mut broker = Broker {
            id,
            incarnation,
            config,
            topics: Vec::new(),
            topic_of: BTreeMap::new(),
            visible: BTreeMap::new(),
            principals: Vec::new(),
            principal_of: BTreeMap::new(),
            syncs: VecDeque::new(),
            next_sync: 0,
            metadata_version: 0,
            beat_at: None,
            busy: BTreeSet::new(),
            full: false,
            is_open: false,
        };
        for (name, partitions, topic) in topics {
            broker.create_topic(name, partitions, topic);
        }
        for LogWrite { topic, partition, change } in disk {
            if let Some(target) = broker.target(&topic, partition) {
                broker.replica(target).replay(change);
            }
        }
        for replica in broker.topics.iter_mut().flat_map(|t| &mut t.partitions) {
            replica.recovered();
        }
        broker
    }

    /// Makes a topic known; the controller decides who leads it.
    pub fn create_topic(&mut self, name: TopicName, partitions: u32, config: TopicConfig) {
        if self.topic(&name).is_some() {
            return;
        }
        let at = self.topics.len() as u32;
        self.topic_of.insert((hash(&name), name.clone()), at);
        self.visible.insert(name.clone(), at);
        let partitions = (0..partitions).map(|p| Replica::new(&name, p)).collect();
        self.topics.push(Topic { name, config, counters: Counters::default(), partitions });
    }

    /// Forgets a topic with its records; a later one of that name begins anew.
    pub fn delete_topic(&mut self, name: &TopicName) {
        self.topic_of.remove(&(hash(name), name.clone()));
        self.visible.remove(name);
    }

    /// Opens every name that no rule of anybody is about, as Kafka may be told to; a cluster of the platform never is.
    pub fn set_open(&mut self, is_open: bool) {
        self.is_open = is_open;
    }

    /// Whether a principal may do something: for requests about the cluster itself, which this broker does not know.
    ///
    /// # Errors
    /// What such a request is refused with.
    pub fn may(
        &self,
        controls: &Controls,
        principal: &Arc<str>,
        resource: Resource,
        name: &str,
        operations: Operations,
    ) -> Result<(), ErrorCode> {
        let who = self.principal_of.get(&(hash(principal), principal.clone())).copied();
        self.permit(controls, who, resource, name, operations)
    }

    /// Admits a principal, or changes what it may do. A new quota starts with a full bucket.
    pub fn set_principal(&mut self, principal: Principal) {
        let Principal { name, rules, rate, client_rate } = principal;
        let entry = Known::new(rules, rate, client_rate);
        let key = (hash(&name), name);
        match self.principal_of.get(&key) {
            Some(at) => self.principals[*at as usize] = entry,
            None => {
                self.principal_of.insert(key, self.principals.len() as u32);
                self.principals.push(entry);
            }
        }
    }

    /// Handles a client's request; `principal` is the name in its certificate. The answer carries `correlation` and may
    /// come with a later call.
    pub fn on_client(
        &mut self,
        now: Instant,
        controls: &Controls,
        principal: &Arc<str>,
        correlation: u64,
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        let who = self.principal_of.get(&(hash(principal), principal.clone())).copied();
        let response = match request {
            Request::Produce(produce) => self
                .produce(now, controls, who, correlation, &produce, out)
                .map(|()| None)
                .unwrap_or_else(|reply| Some(Response::Produce(reply))),
            Request::FenceProducer { topic, partition, producer } => {
                let fenced = self.fence(now, controls, who, correlation, (&topic, partition), producer, out);
                fenced.err().map(|error| Response::Produce(ProduceReply::error(error)))
            }
            Request::Fetch(fetch) => self.fetch(now, controls, who, correlation, &fetch, out),
            Request::OffsetCommit { group, topic, partition, offset } => {
                let position = (group, topic, partition);
                let committed = self.commit(now, controls, who, correlation, &position, offset, out);
                committed.err().map(|error| Response::OffsetCommit { error })
            }
            Request::OffsetFetch { group, topic, partition } => {
                let (error, offset) = match self.position(controls, who, (group, topic, partition)) {
                    Ok(offset) => (ErrorCode::None, offset),
                    Err(error) => (error, None),
                };
                Some(Response::OffsetFetch { error, offset })
            }
            Request::ListOffsets { topic, partition } => Some(self.list_offsets(controls, who, &topic, partition)),
            Request::DeleteRecords { topic, partition, before } => {
                let deleted = self.delete_records(now, controls, who, (&topic, partition), before, out);
                let (error, log_start) = deleted.map_or_else(|e| (e, 0), |start| (ErrorCode::None, start));
                Some(Response::DeleteRecords { error, log_start })
            }
            Request::FindCoordinator { group } => Some(self.coordinator(controls, who, &group)),
            Request::Metadata { topics } => Some(Response::Metadata(self.metadata(controls, who, topics))),
        };
        if let Some(response) = response {
            out.push(Effect::Reply { correlation, response });
        }
    }

    /// Handles another broker's word. The link is trusted to name its sender (mesh certificates).
    pub fn on_peer(&mut self, now: Instant, from: BrokerId, word: Replication, out: &mut Vec<Effect>) {
        let (topic, partition) = match &word {
            Replication::Fetch(w) => (&w.topic, w.partition),
            Replication::Append(w) => (&w.topic, w.partition),
            Replication::Wake { topic, partition, .. } => (topic, *partition),
            Replication::DeadLetter { topic, .. } => (topic, 0),
        };
        let Some(target) = self.target(topic, partition) else { return };
        let (local, replica) = self.split(now, target);
        match word {
            Replication::Fetch(fetch) => replica.on_fetch(local, from, &fetch, out),
            Replication::Wake { leader_epoch, .. } => {
                if !self.syncs.iter().any(|s| (s.topic, s.partition) == target) {
                    let (local, replica) = self.split(now, target);
                    replica.on_wake(local, from, leader_epoch, out);
                }
            }
            Replication::Append(append) => match replica.on_append(local, from, append, out) {
                Taken::Nothing => {}
                Taken::Appended => self.sync(target, out),
                Taken::Cut => {
                    let end = replica.log().end();
                    let of = |s: &&mut PendingSync| (s.topic, s.partition) == target;
                    self.syncs.iter_mut().filter(of).for_each(|s| s.end = s.end.min(end));
                }
            },
            Replication::DeadLetter { record, .. } => self.dead_letter(now, target, record, out),
        }
        self.note_busy(target);
    }

    /// Takes the controller's decisions.
    pub fn on_metadata(&mut self, now: Instant, update: MetadataUpdate, out: &mut Vec<Effect>) {
        for state in update.states {
            let Some(target) = self.target(&state.topic, state.partition) else { continue };
            let (local, replica) = self.split(now, target);
            replica.assign(local, state, out);
            self.note_busy(target);
        }
        if update.from <= self.metadata_version {
            self.metadata_version = self.metadata_version.max(update.to);
        }
    }

    /// A sync, and with it every earlier one, is confirmed.
    pub fn on_synced(&mut self, now: Instant, id: u64, out: &mut Vec<Effect>) {
        while let Some(sync) = self.syncs.front().copied().filter(|s| s.id <= id) {
            self.syncs.pop_front();
            let target = (sync.topic, sync.partition);
            let (local, replica) = self.split(now, target);
            replica.on_durable(local, sync.end, out);
            self.note_busy(target);
        }
    }

    /// Call it every 100 ms or so: heartbeats, repeats, timeouts. Costs nothing for idle partitions.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Effect>) {
        if self.beat_at.is_none_or(|at| now >= at) {
            self.beat_at = Some(now + self.config.timing.heartbeat);
            let (broker, incarnation, metadata_version) = (self.id, self.incarnation, self.metadata_version);
            out.push(Effect::Controller(BrokerWord::Heartbeat { broker, incarnation, metadata_version }));
        }
        for target in std::mem::take(&mut self.busy) {
            let (local, replica) = self.split(now, target);
            replica.tick(local, out);
            self.note_busy(target);
        }
    }

    /// Somebody edits a log on the disk of this broker. Whether there was anything to edit.
    pub fn tamper(&mut self, tampering: &Tampering, out: &mut Vec<Effect>) -> bool {
        let Some(target) = self.target(&tampering.topic, 0) else { return false };
        let edited = self.replica(target).tamper(tampering.edit, tampering.until, out);
        if edited {
            self.sync(target, out);
        }
        edited
    }

    /// A partition, for facts about what this broker stores and believes.
    pub fn partition(&self, topic: &TopicName, partition: u32) -> Option<&Replica> {
        let (t, p) = self.target(topic, partition)?;
        Some(&self.topics[t as usize].partitions[p as usize])
    }
    /// What an operator watches on a topic.
    pub fn counters(&self, topic: &TopicName) -> Counters {
        self.topic(topic).map_or_else(Counters::default, |t| self.topics[t as usize].counters)
    }

    /// Bytes of all its logs.
    pub fn bytes(&self) -> u64 {
        self.topics.iter().flat_map(|t| &t.partitions).map(|replica| replica.log().bytes()).sum()
    }
    /// Says whether its storage has room for more.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    fn sync(&mut self, target: Target, out: &mut Vec<Effect>) {
        self.next_sync += 1;
        let end = self.replica(target).log().end();
        self.syncs.push_back(PendingSync { id: self.next_sync, topic: target.0, partition: target.1, end });
        out.push(Effect::Sync(self.next_sync));
    }

    fn note_busy(&mut self, target: Target) {
        let me = self.id;
        if self.replica(target).needs_tick(me) {
            self.busy.insert(target);
        }
    }

    fn topic(&self, name: &TopicName) -> Option<u32> {
        self.topic_of.get(&(hash(name), name.clone())).copied()
    }
    fn target(&self, topic: &TopicName, partition: u32) -> Option<Target> {
        let at = self.topic(topic)?;
        ((partition as usize) < self.topics[at as usize].partitions.len()).then_some((at, partition))
    }
    fn known(&self, topic: &TopicName, partition: u32) -> Result<Target, ErrorCode> {
        self.target(topic, partition).ok_or(ErrorCode::UnknownTopicOrPartition)
    }
    fn led(&self, topic: &TopicName, partition: u32) -> Result<Target, ErrorCode> {
        let (t, p) = self.known(topic, partition)?;
        let leader = self.topics[t as usize].partitions[p as usize].state().leader;
        if leader == Some(self.id) { Ok((t, p)) } else { Err(ErrorCode::NotLeaderOrFollower) }
    }
    fn replica(&mut self, (topic, partition): Target) -> &mut Replica {
        &mut self.topics[topic as usize].partitions[partition as usize]
    }
    fn split(&mut self, now: Instant, (topic, partition): Target) -> (Local<'_>, &mut Replica) {
        let me = self.id;
        let topic = &mut self.topics[topic as usize];
        let local = Local {
            me,
            now,
            flush: self.config.flush,
            timing: &self.config.timing,
            min_isr: topic.config.min_isr,
            retention_bytes: topic.config.retention_bytes,
        };
        (local, &mut topic.partitions[partition as usize])
    }

    /// The broker's id.
    pub fn id(&self) -> BrokerId {
        self.id
    }
    /// Names of all topics, in order.
    pub fn topics(&self) -> impl Iterator<Item = &TopicName> {
        self.topics.iter().map(|t| &t.name)
    }
}

/// Spreads names; only finds them faster, the whole name decides.
fn hash(name: &str) -> u64 {
    let (chunks, rest) = name.as_bytes().as_chunks::<8>();
    let mix = |state: u64, word: u64| (state.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let state = chunks.iter().fold(name.len() as u64, |s, c| mix(s, u64::from_le_bytes(*c)));
    mix(state, rest.iter().fold(1, |word, byte| word << 8 | u64::from(*byte)))
}
