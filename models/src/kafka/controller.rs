//! The cluster's controller: which brokers live, who leads what, which replicas are in sync.
//!
//! Only in-sync replicas are elected; a partition without a living one has no leader. A broker that comes back as a new
//! incarnation has first left every in-sync set but its own last one, since it may have lost what it had not synced.
//! Stands for the KRaft quorum: its own replication is out of scope, its state is durable through `Persist`.

use crate::wire::kafka::{BrokerId, BrokerWord, MetadataUpdate, PartitionState, TopicName};
use sim::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// What the controller wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControllerEffect {
    /// Tell a broker.
    Send {
        /// Which.
        to: BrokerId,
        /// What.
        update: MetadataUpdate,
    },
    /// Make a state durable before anything else is sent.
    Persist(PartitionState),
}

/// The controller of one cluster.
#[derive(Clone, Debug)]
pub struct Controller {
    brokers: BTreeMap<BrokerId, Life>,
    partitions: BTreeMap<(TopicName, u32), Entry>,
    /// Partitions by their last change: what is new since a version is asked far more often than there are changes.
    changes: BTreeMap<u64, (TopicName, u32)>,
    version: u64,
    session_timeout: Duration,
}

#[derive(Clone, Debug)]
struct Life {
    /// None until the first heartbeat.
    incarnation: Option<u64>,
    seen: Instant,
    alive: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    state: PartitionState,
    changed: u64,
}

impl Controller {
    /// A controller of `brokers`, all taken to be alive until `session_timeout` (Kafka: 9 s) after `now`.
    pub fn new(now: Instant, brokers: &[BrokerId], session_timeout: Duration) -> Controller {
        let life = Life { incarnation: None, seen: now, alive: true };
        Controller {
            brokers: brokers.iter().map(|b| (*b, life.clone())).collect(),
            partitions: BTreeMap::new(),
            changes: BTreeMap::new(),
            version: 0,
            session_timeout,
        }
    }

    /// The states that were made durable, after a restart; the last of each partition counts. A partition may have
    /// changed without the word getting out, so every broker is told everything again.
    pub fn restore(&mut self, states: impl IntoIterator<Item = PartitionState>) {
        for state in states {
            let key = (state.topic.clone(), state.partition);
            let changed = self.partitions.get(&key).map_or(0, |entry| entry.changed);
            self.partitions.insert(key.clone(), Entry { state, changed });
            self.changed(&key);
        }
    }

    /// Creates a topic: `partitions` partitions of `replication` replicas each, spread over the brokers in order.
    pub fn create_topic(
        &mut self,
        topic: &TopicName,
        partitions: u32,
        replication: usize,
        out: &mut Vec<ControllerEffect>,
    ) {
        let ids: Vec<BrokerId> = self.brokers.keys().copied().collect();
        let start = self.partitions.len();
        let from = self.version;
        for partition in 0..partitions {
            let key = (topic.clone(), partition);
            if self.partitions.contains_key(&key) || ids.is_empty() {
                continue;
            }
            let at = start + partition as usize;
            let replicas: Vec<BrokerId> = (0..replication.min(ids.len())).map(|i| ids[(at + i) % ids.len()]).collect();
            let state = PartitionState {
                topic: topic.clone(),
                partition,
                leader: None,
                isr: replicas.clone().into(),
                replicas: replicas.into(),
                leader_epoch: 0,
                version: 0,
            };
            self.partitions.insert(key.clone(), Entry { state, changed: 0 });
            self.change(&key, |state, alive| elect(state, alive), out);
        }
        self.announce(from, out);
    }

    /// Forgets a topic. Brokers are told by whoever asks for it.
    pub fn delete_topic(&mut self, topic: &TopicName) {
        self.partitions.retain(|(name, _), _| name != topic);
        self.changes.retain(|_, (name, _)| name != topic);
    }

    /// Takes a broker's word.
    pub fn on_broker(&mut self, now: Instant, word: BrokerWord, out: &mut Vec<ControllerEffect>) {
        let from = self.version;
        match word {
            BrokerWord::Heartbeat { broker, incarnation, metadata_version } => {
                self.heartbeat(now, broker, incarnation, out);
                self.announce(from, out);
                self.catch_up(broker, metadata_version, out);
            }
            BrokerWord::AlterIsr { broker, topic, partition, leader_epoch, version, isr } => {
                let key = (topic, partition);
                let Some(Entry { state, .. }) = self.partitions.get(&key) else { return };
                let current = state.leader == Some(broker)
                    && state.leader_epoch == leader_epoch
                    && state.version == version
                    && isr.contains(&broker);
                let valid = isr.iter().all(|b| state.replicas.contains(b) && self.is_alive(*b));
                if current && valid && *isr != *state.isr {
                    self.change(&key, |state, _| state.isr = isr.into(), out);
                    self.announce(from, out);
                }
            }
        }
    }

    /// Declares brokers dead that were not heard of for a session timeout.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<ControllerEffect>) {
        let from = self.version;
        let timeout = self.session_timeout;
        let silent = self.brokers.iter_mut().filter(|(_, l)| l.alive && now.since(l.seen) > timeout);
        let dead: Vec<BrokerId> = silent
            .map(|(id, life)| {
                life.alive = false;
                *id
            })
            .collect();
        for broker in dead {
            self.leave(broker, out);
        }
        self.announce(from, out);
    }

    /// A partition's state.
    pub fn state(&self, topic: &TopicName, partition: u32) -> Option<&PartitionState> {
        self.partitions.get(&(topic.clone(), partition)).map(|e| &e.state)
    }

    fn is_alive(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|l| l.alive)
    }

    fn heartbeat(&mut self, now: Instant, broker: BrokerId, incarnation: u64, out: &mut Vec<ControllerEffect>) {
        let Some(life) = self.brokers.get_mut(&broker) else { return };
        if life.incarnation.is_some_and(|known| known > incarnation) {
            return;
        }
        let restarted = life.incarnation.is_some_and(|known| known < incarnation);
        let returned = restarted || !life.alive;
        life.incarnation = Some(incarnation);
        life.seen = now;
        if restarted && life.alive {
            life.alive = false;
            self.leave(broker, out);
        }
        if returned {
            if let Some(life) = self.brokers.get_mut(&broker) {
                life.alive = true;
            }
            self.rejoin(broker, out);
        }
    }

    /// Takes a dead broker out of every in-sync set that has another member, and elects where it led.
    fn leave(&mut self, broker: BrokerId, out: &mut Vec<ControllerEffect>) {
        for key in self.partitions_of(broker) {
            let change = |state: &mut PartitionState, alive: &dyn Fn(BrokerId) -> bool| {
                if state.isr.len() > 1 {
                    state.isr = state.isr.iter().filter(|b| **b != broker).copied().collect();
                }
                if state.leader == Some(broker) {
                    elect(state, alive);
                }
            };
            self.change(&key, change, out);
        }
    }

    /// Gives leaderless partitions a leader again. Every partition of the broker gets a new version, so that proposals
    /// which counted on its former life are void.
    fn rejoin(&mut self, broker: BrokerId, out: &mut Vec<ControllerEffect>) {
        for key in self.partitions_of(broker) {
            let change = |state: &mut PartitionState, alive: &dyn Fn(BrokerId) -> bool| {
                if state.leader.is_none() {
                    elect(state, alive);
                }
            };
            self.change(&key, change, out);
        }
    }

    fn partitions_of(&self, broker: BrokerId) -> Vec<(TopicName, u32)> {
        let of = self.partitions.iter().filter(|(_, e)| e.state.replicas.contains(&broker));
        of.map(|(key, _)| key.clone()).collect()
    }

    fn change(
        &mut self,
        key: &(TopicName, u32),
        change: impl FnOnce(&mut PartitionState, &dyn Fn(BrokerId) -> bool),
        out: &mut Vec<ControllerEffect>,
    ) {
        let brokers = &self.brokers;
        let Some(entry) = self.partitions.get_mut(key) else { return };
        change(&mut entry.state, &|b| brokers.get(&b).is_some_and(|l| l.alive));
        entry.state.version += 1;
        out.push(ControllerEffect::Persist(entry.state.clone()));
        self.changed(key);
    }

    /// Gives a partition that changed the next version.
    fn changed(&mut self, key: &(TopicName, u32)) {
        let Some(entry) = self.partitions.get_mut(key) else { return };
        self.version += 1;
        self.changes.remove(&entry.changed);
        entry.changed = self.version;
        self.changes.insert(self.version, key.clone());
    }

    /// Tells every living broker what changed after `from`.
    fn announce(&self, from: u64, out: &mut Vec<ControllerEffect>) {
        if self.version > from {
            let update = self.update(from);
            let living = self.brokers.iter().filter(|(_, l)| l.alive);
            out.extend(living.map(|(id, _)| ControllerEffect::Send { to: *id, update: update.clone() }));
        }
    }

    /// Tells a broker again what it missed.
    fn catch_up(&self, broker: BrokerId, known: u64, out: &mut Vec<ControllerEffect>) {
        if known < self.version {
            out.push(ControllerEffect::Send { to: broker, update: self.update(known) });
        }
    }

    fn update(&self, from: u64) -> MetadataUpdate {
        // In order of topic, as brokers have always been told.
        let changed: BTreeSet<&(TopicName, u32)> = self.changes.range(from + 1..).map(|(_, key)| key).collect();
        let states = changed.into_iter().filter_map(|key| Some(self.partitions.get(key)?.state.clone()));
        MetadataUpdate { from, to: self.version, states: states.collect() }
    }
}

/// The first living in-sync replica, in order of preference, or nobody. Either way a new epoch.
fn elect(state: &mut PartitionState, alive: &dyn Fn(BrokerId) -> bool) {
    state.leader = state.replicas.iter().find(|b| state.isr.contains(b) && alive(**b)).copied();
    state.leader_epoch += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKERS: [BrokerId; 3] = [BrokerId(0), BrokerId(1), BrokerId(2)];

    fn controller() -> (Controller, TopicName) {
        let topic: TopicName = "t".into();
        let mut controller = Controller::new(Instant::ZERO, &BROKERS, Duration::secs(9));
        controller.create_topic(&topic, 1, 3, &mut Vec::new());
        (controller, topic)
    }
    fn beat(controller: &mut Controller, at_s: u64, broker: u16, incarnation: u64) {
        let word = BrokerWord::Heartbeat { broker: BrokerId(broker), incarnation, metadata_version: 0 };
        controller.on_broker(Instant::ZERO + Duration::secs(at_s), word, &mut Vec::new());
    }
    fn check(controller: &Controller, leader: Option<u16>, isr: &[u16]) {
        let state = controller.state(&"t".into(), 0).expect("exists");
        assert_eq!(state.leader.map(|b| b.0), leader);
        assert_eq!(state.isr.iter().map(|b| b.0).collect::<Vec<_>>(), isr);
    }

    #[test]
    fn a_dead_leader_is_replaced_from_the_in_sync_set_and_the_last_member_never_leaves_it() {
        let (mut controller, _) = controller();
        check(&controller, Some(0), &[0, 1, 2]);
        beat(&mut controller, 8, 1, 1);
        controller.tick(Instant::ZERO + Duration::secs(10), &mut Vec::new());
        check(&controller, Some(1), &[1]);
        controller.tick(Instant::ZERO + Duration::secs(30), &mut Vec::new());
        check(&controller, None, &[1]);
        beat(&mut controller, 31, 0, 2);
        check(&controller, None, &[1]);
        beat(&mut controller, 32, 1, 2);
        check(&controller, Some(1), &[1]);
    }

    #[test]
    fn a_broker_that_restarts_before_it_was_missed_loses_leadership_and_sync() {
        let (mut controller, _) = controller();
        beat(&mut controller, 1, 0, 1);
        check(&controller, Some(0), &[0, 1, 2]);
        beat(&mut controller, 2, 0, 2);
        check(&controller, Some(1), &[1, 2]);
    }

    #[test]
    fn only_the_present_leader_with_the_present_version_may_change_the_in_sync_set() {
        let (mut controller, topic) = controller();
        let state = controller.state(&topic, 0).expect("exists").clone();
        let mut alter = |broker: u16, version: u32, isr: &[u16]| {
            let word = BrokerWord::AlterIsr {
                broker: BrokerId(broker),
                topic: topic.clone(),
                partition: 0,
                leader_epoch: state.leader_epoch,
                version,
                isr: isr.iter().map(|b| BrokerId(*b)).collect(),
            };
            controller.on_broker(Instant::ZERO, word, &mut Vec::new());
        };
        alter(1, state.version, &[1]);
        alter(0, state.version + 1, &[0]);
        alter(0, state.version, &[0, 7]);
        alter(0, state.version, &[0, 2]);
        alter(0, state.version, &[0]);
        check(&controller, Some(0), &[0, 2]);
    }
}
