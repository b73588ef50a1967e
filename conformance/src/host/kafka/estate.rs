//! What all connections share: the cluster, its configuration, members of groups, and ids that were given out.

use super::cluster::Cluster;
use super::config::Config;
use super::door::Door;
use models::kafka::{Operations, Resource, acl};
use models::wire::kafka::{Acks, ErrorCode, Produce, Record, Request};
use sim::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who puts in what lies there from the start.
const FOUNDER: &str = "User:cellproof-founder";

/// What all connections share.
pub struct Estate {
    state: Mutex<State>,
    /// Listeners.
    pub doors: Vec<Door>,
    /// Where they listen: by listener, then by broker.
    pub addresses: Vec<Vec<SocketAddr>>,
    /// Passwords by user.
    pub passwords: BTreeMap<String, String>,
}

/// What changes.
pub struct State {
    /// The cluster's file, with what was changed since.
    pub config: Config,
    /// The model.
    pub cluster: Cluster,
    /// Consumer groups by name.
    pub groups: BTreeMap<String, Group>,
    /// Producer id and epoch by transactional id.
    pub transactions: BTreeMap<String, (i64, i16)>,
    /// Ids given out: of producers and members.
    pub given: i64,
}

/// A consumer group.
#[derive(Default)]
pub struct Group {
    /// Counted up with every join.
    pub generation: i32,
    /// What its members do: `consumer`.
    pub protocol_type: String,
    /// How partitions are shared out.
    pub protocol: String,
    /// Members, the leader first: id, metadata.
    pub members: Vec<(String, bytes::Bytes)>,
    /// What the leader has shared out.
    pub assignments: BTreeMap<String, bytes::Bytes>,
}

impl Estate {
    /// Boots the cluster and puts in what its file says.
    pub fn open(
        config: Config,
        doors: Vec<Door>,
        addresses: Vec<Vec<SocketAddr>>,
        passwords: BTreeMap<String, String>,
    ) -> Estate {
        let mut cluster = Cluster::boot(&config);
        config.topic.iter().for_each(|topic| cluster.create_topic(&config, topic));
        config.acl.iter().for_each(|acl| cluster.admit(&config, &acl.principal.as_str().into()));
        let mut founding = config.clone();
        founding.properties.insert("super.users".into(), FOUNDER.into());
        founding.quota.clear();
        cluster.admit(&founding, &FOUNDER.into());
        let groups = config.group.iter().map(|group| (group.name.clone(), Group::default())).collect();
        let mut state = State { config, cluster, groups, transactions: BTreeMap::new(), given: 0 };
        state.found();
        // Its rights must not make any name look as if somebody had thought of it.
        state.cluster.dismiss(&FOUNDER.into());
        Estate { state: Mutex::new(state), doors, addresses, passwords }
    }

    /// What changes, for as long as nobody waits.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere left a cluster in memory, which is no worse than before.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Records and positions that lie there from the start.
    fn found(&mut self) {
        for topic in self.config.topic.clone().iter().filter(|topic| !topic.records.is_empty()) {
            let record = |value: &String| Record::new(value.as_bytes().into(), Instant::ZERO);
            let produce = Produce {
                topic: topic.name.as_str().into(),
                partition: 0,
                client: None,
                producer: None,
                acks: Acks::Leader,
                records: topic.records.iter().map(record).collect(),
            };
            self.tell(&produce.topic.clone(), Request::Produce(produce));
        }
        for group in self.config.group.clone() {
            let (topic, offset) = (group.topic.as_str().into(), group.offset);
            let request = Request::OffsetCommit { group: group.name.as_str().into(), topic, partition: 0, offset };
            self.tell(&models::kafka::offsets::OFFSETS_TOPIC.into(), request);
        }
    }

    fn tell(&mut self, topic: &Arc<str>, request: Request) {
        let leader = self.cluster.state(topic, 0).and_then(|state| state.leader).map_or(0, |id| usize::from(id.0));
        drop(self.cluster.ask(leader, &FOUNDER.into(), request));
    }

    /// Whether somebody may do something.
    pub fn may(&self, principal: &Arc<str>, resource: Resource, name: &str, operations: Operations) -> bool {
        self.cluster.may(principal, resource, name, operations).is_ok()
    }

    /// The same, as an error of the protocol.
    pub fn refusal(&self, principal: &Arc<str>, resource: Resource, name: &str, operations: Operations) -> i16 {
        self.cluster.may(principal, resource, name, operations).map_or_else(|e| e as i16, |()| ErrorCode::None as i16)
    }

    /// Whether somebody may do something to the cluster.
    pub fn may_govern(&self, principal: &Arc<str>, operations: Operations) -> bool {
        self.may(principal, Resource::Cluster, acl::CLUSTER, operations)
    }

    /// What there is, one thing a line.
    pub fn census(&self) -> Vec<String> {
        let Config { topic, acl, quota, properties, .. } = &self.config;
        let end = |name: &str| self.cluster.end(&name.into());
        let topics =
            topic.iter().map(|topic| format!("topic {} {:?} {:?}", topic.name, end(&topic.name), topic.properties));
        let groups = self.groups.iter().map(|(name, group)| format!("group {name} {}", group.members.len()));
        let rules = acl.iter().map(|acl| format!("{acl:?}"));
        let quotas = quota.iter().map(|quota| format!("{quota:?}"));
        let properties = properties.iter().map(|(name, value)| format!("{name}={value}"));
        topics.chain(groups).chain(rules).chain(quotas).chain(properties).collect()
    }

    /// The next id.
    pub fn give(&mut self) -> i64 {
        self.given += 1;
        self.given
    }
}
