//! What a hosted cluster is: `server.properties` under their own names, users, rules, topics, quotas, positions.
//!
//! A property that is not listed in [`DEFAULTS`] is kept and told, and does nothing.

use crate::certify::deployment::{Place, Secret};
use crate::kafka::operation_number;
use models::config::Problems;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a cluster does where its file says nothing, as Apache Kafka 4.1 does.
pub const DEFAULTS: [(&str, &str); 16] = [
    ("listeners", "PLAINTEXT://127.0.0.1:9092"),
    ("ssl.client.auth", "none"),
    ("ssl.enabled.protocols", "TLSv1.2,TLSv1.3"),
    ("sasl.enabled.mechanisms", "GSSAPI"),
    ("authorizer.class.name", ""),
    ("allow.everyone.if.no.acl.found", "false"),
    ("super.users", ""),
    ("auto.create.topics.enable", "true"),
    ("default.replication.factor", "1"),
    ("num.partitions", "1"),
    ("min.insync.replicas", "1"),
    ("unclean.leader.election.enable", "false"),
    ("log.retention.ms", "604800000"),
    ("log.retention.bytes", "-1"),
    ("log.cleanup.policy", "delete"),
    ("message.max.bytes", "1048588"),
];

/// Properties of a topic, and the broker's that stand in for them.
pub const OF_TOPICS: [(&str, &str); 6] = [
    ("min.insync.replicas", "min.insync.replicas"),
    ("unclean.leader.election.enable", "unclean.leader.election.enable"),
    ("retention.ms", "log.retention.ms"),
    ("retention.bytes", "log.retention.bytes"),
    ("cleanup.policy", "log.cleanup.policy"),
    ("max.message.bytes", "message.max.bytes"),
];

/// A cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `server.properties` of every broker.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// What its TLS listeners show and believe.
    pub tls: Option<Tls>,
    /// Users that log in by a password (SASL/PLAIN).
    #[serde(default)]
    pub users: BTreeMap<String, Secret>,
    /// Brokers; three without a rack, if there are none.
    #[serde(default)]
    pub broker: Vec<Broker>,
    /// Rules, as `kafka-acls.sh` makes them.
    #[serde(default)]
    pub acl: Vec<Acl>,
    /// Topics.
    #[serde(default)]
    pub topic: Vec<Topic>,
    /// Quotas.
    #[serde(default)]
    pub quota: Vec<Quota>,
    /// Positions of consumer groups.
    #[serde(default)]
    pub group: Vec<Group>,
    /// Where relative paths start: the directory of the file.
    #[serde(skip)]
    pub home: PathBuf,
}

/// Files of TLS, PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Who signs clients.
    pub ca: PathBuf,
    /// The brokers' certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A broker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// `broker.rack`: where it stands.
    pub rack: Option<String>,
}

/// A rule that allows.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acl {
    /// `User:NAME`, or `User:*`.
    pub principal: String,
    /// What it is about.
    pub resource: Resource,
    /// A name, or its beginning.
    pub name: String,
    /// Whether `name` is a beginning.
    #[serde(default)]
    pub prefixed: bool,
    /// What is allowed: `All`, `Read`, …
    pub operation: String,
}

/// What a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Topics.
    Topic,
    /// Consumer groups.
    Group,
    /// Transactional ids.
    TransactionalId,
    /// The cluster, `kafka-cluster`.
    Cluster,
}

/// A topic.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Partitions.
    #[serde(default = "one")]
    pub partitions: u32,
    /// Replicas of each.
    #[serde(default = "three")]
    pub replicas: usize,
    /// Its own properties.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Values of records that lie in partition 0 from the start.
    #[serde(default)]
    pub records: Vec<String>,
}

fn one() -> u32 {
    1
}

fn three() -> usize {
    3
}

/// A quota of a user, or of every user without one of its own.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// The user; every other one, if left out.
    pub user: Option<String>,
    /// `producer_byte_rate`, bytes a second.
    pub producer_byte_rate: Option<u64>,
    /// `consumer_byte_rate`, bytes a second: told, and not enforced.
    pub consumer_byte_rate: Option<u64>,
}

/// A position of a group.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The group.
    pub name: String,
    /// The topic; its partition 0.
    pub topic: String,
    /// The next offset that it will read.
    pub offset: u64,
}

impl Config {
    /// Reads and checks a file's text. `file` is how the user named it.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Config, Problems> {
        let place = Place::new(file, text);
        let mut config: Config = toml::from_str(text).map_err(|e| place.of_error(&e))?;
        config.home = Path::new(file).parent().map(Path::to_owned).unwrap_or_default();
        let wrong = config.acl.iter().find(|acl| operation_number(&acl.operation).is_none());
        if let Some(acl) = wrong {
            let at = text.find(&format!("\"{}\"", acl.operation)).unwrap_or_default();
            let expected = "All, Read, Write, Create, Delete, Alter, Describe, DescribeConfigs or AlterConfigs";
            return Err(Problems(vec![place.at(at..at, format!("operation {:?}", acl.operation), expected)]));
        }
        Ok(config)
    }

    /// A property of the brokers.
    pub fn property(&self, name: &str) -> &str {
        let default = || DEFAULTS.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        self.properties.get(name).map_or_else(default, String::as_str)
    }

    /// Whether a property says `true`.
    pub fn says(&self, name: &str) -> bool {
        self.property(name) == "true"
    }

    /// Whether `principal` is in a list of principals.
    pub fn is_super(&self, principal: &str) -> bool {
        self.property("super.users").split(';').any(|user| user == principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_read_and_a_mistake_has_its_place() {
        let text = "[properties]\n\"min.insync.replicas\" = \"2\"\n[[acl]]\nprincipal = \"User:a\"\n\
                    resource = \"topic\"\nname = \"t.\"\nprefixed = true\noperation = \"read\"\n";
        let config = Config::parse("c.toml", text).expect("a cluster");
        assert_eq!((config.property("min.insync.replicas"), config.property("num.partitions")), ("2", "1"));
        let wrong = Config::parse("c.toml", &text.replace("\"read\"", "\"look\"")).expect_err("no operation");
        assert!(wrong.to_string().starts_with("c.toml:8:13: operation \"look\", expected All"), "{wrong}");
    }
}
