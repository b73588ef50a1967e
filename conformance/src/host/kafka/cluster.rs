//! The model's brokers and controller in one process: words between them are delivered at once, syncs are confirmed at
//! once, and the clock is the process's own.
//!
//! Everything that a client's data go through is the model: rules, logs, in-sync sets, idempotence, quotas, positions.

use super::config::{Acl, Config, Resource as Named, Topic};
use crate::kafka::operation_number;
use models::control::Controls;
use models::kafka::controller::{Controller, ControllerEffect};
use models::kafka::offsets::OFFSETS_TOPIC;
use models::kafka::replica::Timing;
use models::kafka::{Broker, BrokerConfig, Effect, Flush, Operations, Principal, Rate, Resource, Rule, TopicConfig};
use models::wire::kafka::{
    BrokerId, BrokerWord, ErrorCode, MetadataUpdate, PartitionState, Replication, Request, Response, TopicName,
};
use sim::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Brokers answer within this; a host that sleeps must not look like a dead broker.
const SESSION: Duration = Duration::secs(3_600);
/// A bucket holds what its rate brings in a second, as Kafka's quota window does.
const BURST_S: u64 = 1;

/// A cluster at work.
pub struct Cluster {
    brokers: Vec<Broker>,
    controller: Controller,
    controls: Controls,
    started: std::time::Instant,
    /// Words under way; empty between calls.
    words: VecDeque<Word>,
    waiting: BTreeMap<u64, oneshot::Sender<Response>>,
    asked: u64,
    admitted: BTreeSet<Arc<str>>,
}

enum Word {
    Peer { from: BrokerId, to: BrokerId, word: Replication },
    Controller(BrokerWord),
    Metadata { to: BrokerId, update: MetadataUpdate },
    Synced { broker: usize, id: u64 },
}

impl Cluster {
    /// Boots the brokers of `config`, without topics.
    pub fn boot(config: &Config) -> Cluster {
        let count = config.broker.len().max(1) as u16;
        let ids: Vec<BrokerId> = (0..count).map(BrokerId).collect();
        let spec = BrokerConfig { flush: Flush::PageCache, timing: Timing::default(), offsets_partitions: 1 };
        let boot = |id: &BrokerId| Broker::boot(*id, 1, spec.clone(), [], []);
        let mut cluster = Cluster {
            brokers: ids.iter().map(boot).collect(),
            controller: Controller::new(Instant::ZERO, &ids, SESSION),
            controls: Controls::all_on(),
            started: std::time::Instant::now(),
            words: VecDeque::new(),
            waiting: BTreeMap::new(),
            asked: 0,
            admitted: BTreeSet::new(),
        };
        let is_open = config.says("allow.everyone.if.no.acl.found");
        cluster.brokers.iter_mut().for_each(|broker| broker.set_open(is_open));
        let in_sync =
            TopicConfig { min_isr: usize::from(count.min(2)), retention_bytes: None, ..TopicConfig::default() };
        cluster.create(&OFFSETS_TOPIC.into(), 1, 3, in_sync);
        cluster.tick();
        cluster
    }

    /// Makes a topic.
    pub fn create_topic(&mut self, config: &Config, topic: &Topic) {
        let number = |name: &str| property(config, topic, name).parse::<i64>().ok();
        let min_isr = number("min.insync.replicas").and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
        let retention_bytes = number("retention.bytes").and_then(|n| u64::try_from(n).ok());
        let settings = TopicConfig { min_isr, retention_bytes, ..TopicConfig::default() };
        self.create(&topic.name.as_str().into(), topic.partitions, topic.replicas, settings);
    }

    fn create(&mut self, name: &TopicName, partitions: u32, replicas: usize, config: TopicConfig) {
        self.brokers.iter_mut().for_each(|broker| broker.create_topic(name.clone(), partitions, config.clone()));
        let mut effects = Vec::new();
        self.controller.create_topic(name, partitions, replicas, &mut effects);
        self.announce(effects);
        self.settle();
    }

    /// Forgets a topic.
    pub fn delete_topic(&mut self, name: &TopicName) {
        self.brokers.iter_mut().for_each(|broker| broker.delete_topic(name));
        self.controller.delete_topic(name);
    }

    /// Admits whom rules name, or who has just come; who is known keeps what is left of its quota.
    pub fn admit(&mut self, config: &Config, principal: &Arc<str>) {
        if !self.admitted.insert(principal.clone()) {
            return;
        }
        let rate = quota(config, principal)
            .map(|bytes| Rate { bytes_per_s: bytes.max(1), burst_bytes: bytes.max(1) * BURST_S });
        let admitted = Principal { name: principal.clone(), rules: rules(config, principal), rate, client_rate: None };
        self.brokers.iter_mut().for_each(|broker| broker.set_principal(admitted.clone()));
    }

    /// Takes every right from somebody.
    pub fn dismiss(&mut self, principal: &Arc<str>) {
        self.admitted.remove(principal);
        let nobody = Principal { name: principal.clone(), rules: Vec::new(), rate: None, client_rate: None };
        self.brokers.iter_mut().for_each(|broker| broker.set_principal(nobody.clone()));
    }

    /// Rules or quotas have changed: everybody is looked up again.
    pub fn readmit(&mut self, config: &Config) {
        for principal in std::mem::take(&mut self.admitted) {
            self.admit(config, &principal);
        }
    }

    /// Asks a broker; the answer may come with a later call.
    pub fn ask(&mut self, broker: usize, principal: &Arc<str>, request: Request) -> oneshot::Receiver<Response> {
        let (answer, answered) = oneshot::channel();
        self.asked += 1;
        self.waiting.insert(self.asked, answer);
        let (now, mut out) = (self.now(), Vec::new());
        self.brokers[broker].on_client(now, &self.controls, principal, self.asked, request, &mut out);
        self.take(broker, out);
        self.settle();
        answered
    }

    /// Whether somebody may do something.
    ///
    /// # Errors
    /// What it is refused with.
    pub fn may(
        &self,
        principal: &Arc<str>,
        resource: Resource,
        name: &str,
        operations: Operations,
    ) -> Result<(), ErrorCode> {
        self.brokers[0].may(&self.controls, principal, resource, name, operations)
    }

    /// A partition's state.
    pub fn state(&self, topic: &TopicName, partition: u32) -> Option<&PartitionState> {
        self.controller.state(topic, partition)
    }

    /// Where partition 0 of a topic ends.
    pub fn end(&self, topic: &TopicName) -> Option<u64> {
        let leader = self.state(topic, 0)?.leader?;
        Some(self.brokers[usize::from(leader.0)].partition(topic, 0)?.log().end())
    }

    /// What is due: waiting fetches, heartbeats.
    pub fn tick(&mut self) {
        for broker in 0..self.brokers.len() {
            let (now, mut out) = (self.now(), Vec::new());
            self.brokers[broker].tick(now, &mut out);
            self.take(broker, out);
        }
        self.settle();
    }

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn take(&mut self, broker: usize, effects: Vec<Effect>) {
        let from = BrokerId(broker as u16);
        for effect in effects {
            match effect {
                Effect::Reply { correlation, response } => {
                    if let Some(answer) = self.waiting.remove(&correlation) {
                        // Who asked may have gone.
                        let _ = answer.send(response);
                    }
                }
                Effect::Peer { to, word } => self.words.push_back(Word::Peer { from, to, word }),
                Effect::Controller(word) => self.words.push_back(Word::Controller(word)),
                Effect::Sync(id) => self.words.push_back(Word::Synced { broker, id }),
                // Nothing is kept beyond the process.
                Effect::Write(_) | Effect::Committed { .. } | Effect::Refused { .. } => {}
            }
        }
    }

    fn announce(&mut self, effects: Vec<ControllerEffect>) {
        for effect in effects {
            if let ControllerEffect::Send { to, update } = effect {
                self.words.push_back(Word::Metadata { to, update });
            }
        }
    }

    /// Delivers what is under way, and what comes of it.
    fn settle(&mut self) {
        while let Some(word) = self.words.pop_front() {
            let (now, mut out) = (self.now(), Vec::new());
            let at = match word {
                Word::Peer { from, to, word } => {
                    self.brokers[usize::from(to.0)].on_peer(now, from, word, &mut out);
                    usize::from(to.0)
                }
                Word::Metadata { to, update } => {
                    self.brokers[usize::from(to.0)].on_metadata(now, update, &mut out);
                    usize::from(to.0)
                }
                Word::Synced { broker, id } => {
                    self.brokers[broker].on_synced(now, id, &mut out);
                    broker
                }
                Word::Controller(word) => {
                    let mut effects = Vec::new();
                    self.controller.on_broker(now, word, &mut effects);
                    self.announce(effects);
                    continue;
                }
            };
            self.take(at, out);
        }
    }
}

/// A property of a topic: its own, or the brokers'.
pub fn property<'c>(config: &'c Config, topic: &'c Topic, name: &str) -> &'c str {
    let stands_in = || super::config::OF_TOPICS.iter().find(|(own, _)| *own == name).map_or(name, |(_, broker)| broker);
    topic.properties.get(name).map_or_else(|| config.property(stands_in()), String::as_str)
}

/// What somebody may do: rules of its own and everybody's; everything, for who is super, and where nobody asks.
fn rules(config: &Config, principal: &str) -> Vec<Rule> {
    if config.property("authorizer.class.name").is_empty() || config.is_super(principal) {
        let all = [Resource::Topic, Resource::Group, Resource::TransactionalId, Resource::Cluster];
        return all.map(|resource| Rule::prefixed(resource, "", Operations::ALL)).into();
    }
    let own = config.acl.iter().filter(|acl| acl.principal == principal || acl.principal == "User:*");
    own.filter_map(rule).collect()
}

fn rule(acl: &Acl) -> Option<Rule> {
    let operations = operations(operation_number(&acl.operation)?)?;
    let resource = resource(acl.resource);
    Some(match acl.prefixed {
        true => Rule::prefixed(resource, &acl.name, operations),
        false => Rule::literal(resource, &acl.name, operations),
    })
}

/// The model's kind.
pub fn resource(named: Named) -> Resource {
    match named {
        Named::Topic => Resource::Topic,
        Named::Group => Resource::Group,
        Named::TransactionalId => Resource::TransactionalId,
        Named::Cluster => Resource::Cluster,
    }
}

/// The model's operations, by Kafka's number; none for what the model does not ask about.
pub fn operations(number: i8) -> Option<Operations> {
    Some(match number {
        2 => Operations::ALL,
        3 => Operations::READ,
        4 => Operations::WRITE,
        5 => Operations::CREATE,
        6 => Operations::DELETE,
        7 => Operations::ALTER,
        8 => Operations::DESCRIBE,
        10 => Operations::DESCRIBE_CONFIGS,
        11 => Operations::ALTER_CONFIGS,
        _ => return None,
    })
}

/// `producer_byte_rate` of a principal: its user's own, or everybody's.
fn quota(config: &Config, principal: &str) -> Option<u64> {
    let user = principal.strip_prefix("User:").unwrap_or(principal);
    let own = config.quota.iter().find(|quota| quota.user.as_deref() == Some(user));
    let of = own.or_else(|| config.quota.iter().find(|quota| quota.user.is_none()));
    of?.producer_byte_rate
}
