//! A hosted cluster with certificates and passwords of its own, the deployment that names it, and what repairs it.

use crate::support::certify_in;
use conformance::host::kafka::Host;
use conformance::host::kafka::config::{Acl, Config, Quota, Resource};
use conformance::provision::authority::Authority;
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// One slip in a sound cluster.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slip {
    /// What it is.
    pub name: String,
    /// What the finding blames.
    pub object: String,
    /// Its first requirement.
    pub breaks: String,
    /// What stands in the sound file, once.
    from: Option<String>,
    /// What stands there instead, or after everything.
    pub to: String,
}

#[derive(Deserialize)]
struct Slips {
    slip: Vec<Slip>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka")
}

/// All of them.
pub fn slips() -> Vec<Slip> {
    let text = fs::read_to_string(folder().join("defective.toml")).expect("the slips");
    toml::from_str::<Slips>(&text).expect("slips").slip
}

/// A sound cluster's file.
pub fn sound(name: &str) -> String {
    fs::read_to_string(folder().join(format!("sound/{name}.toml"))).expect("a sound cluster")
}

impl Slip {
    /// The cluster with it.
    pub fn planted(&self, sound: &str) -> String {
        match &self.from {
            Some(from) => {
                assert!(sound.contains(from.as_str()), "{}: {from}", self.name);
                sound.replacen(from.as_str(), &self.to, 1)
            }
            None => format!("{sound}\n{}\n", self.to),
        }
    }
}

/// A cluster at work.
pub struct Bench {
    /// What serves.
    pub host: Host,
    /// Certificates, keys and passwords.
    pub dir: TempDir,
    config: Config,
    by_certificate: bool,
}

/// Findings of a report.
pub fn findings(report: &Value) -> Vec<Value> {
    report["components"][0]["findings"].as_array().cloned().unwrap_or_default()
}

impl Bench {
    /// The sound cluster of that name.
    pub fn of(name: &str) -> Bench {
        Bench::new(&sound(name))
    }

    /// A cluster of that text.
    pub fn new(text: &str) -> Bench {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect(name);
        let ours = Authority::new("ours");
        write("ca.pem", &ours.pem());
        write("other.pem", &Authority::new("a stranger's").pem());
        let (certificate, key) = ours.sign("broker", &["127.0.0.1", "localhost"]);
        write("broker.pem", &certificate);
        write("broker.key", &key);
        for id in ["acme", "globex", "auditor", "admin"] {
            let (certificate, key) = ours.sign(id, &[]);
            write(&format!("{id}.pem"), &certificate);
            write(&format!("{id}.key"), &key);
            write(&format!("password-{id}"), &format!("{id}-password"));
        }
        let file = dir.path().join("cluster.toml");
        let config = Config::parse(&file.to_string_lossy(), text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        Bench::start(config, dir)
    }

    fn start(config: Config, dir: TempDir) -> Bench {
        let host = Host::start(config.clone()).expect("it starts");
        let by_certificate = config.users.is_empty();
        Bench { host, dir, config, by_certificate }
    }

    /// Brokers.
    pub fn brokers(&self) -> usize {
        self.config.broker.len()
    }

    /// Where its listener with TLS is.
    pub fn port(&self) -> u16 {
        self.host.port("SASL_SSL").or_else(|| self.host.port("SSL")).expect("a listener with TLS")
    }

    /// The deployment that names it.
    pub fn deployment(&self, mode: &str) -> String {
        let mut text = format!("version = 1\nname = \"x\"\nmode = \"{mode}\"\n");
        for id in ["acme", "globex"] {
            text.push_str(&format!("[[tenant]]\nid = \"{id}\"\nvalues = {{ region = \"eu-west\" }}\n"));
        }
        text.push_str(&format!("[kafka]\nurl = \"kafka://127.0.0.1:{}\"\nsample = \"orders\"\n", self.port()));
        text.push_str("tls = { ca = \"ca.pem\", certificate = \"{id}.pem\", key = \"{id}.key\" }\n");
        if let Some(port) = self.host.port("PLAINTEXT").or_else(|| self.host.port("SASL_PLAINTEXT")) {
            text.push_str(&format!("plain = \"kafka://127.0.0.1:{port}\"\n"));
        }
        let operator = if mode == "destructive" { "admin" } else { "auditor" };
        let certificate = format!("certificate = \"{operator}.pem\"\nkey = \"{operator}.key\"\n");
        if self.by_certificate {
            text.push_str("principal = \"User:CN={id}\"\ntopics = \"t_{id}_\"\ngroups = \"{id}:\"\n");
            text.push_str(&format!("[kafka.operator]\n{}", certificate.replace("auditor", "admin")));
        } else {
            text.push_str("user = \"t_{id}\"\npassword = { file = \"password-{id}\" }\ntopics = \"tenant.{id}.\"\n");
            text.push_str("group = \"billing\"\nplatform = [\"platform.mirror\"]\naudit = [\"platform.audit\"]\n");
            text.push_str("racks = \"{region}\"\n");
            let login = format!("user = \"{operator}\"\npassword = {{ file = \"password-{operator}\" }}\n");
            text.push_str(&format!("[kafka.operator]\n{login}{certificate}"));
        }
        text
    }

    /// Judges it.
    pub fn judge(&self, mode: &str) -> (i32, Value) {
        let ended = certify_in(self.dir.path(), &self.deployment(mode), &["--json"]);
        let report = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
        (ended.code, report)
    }

    /// The same cluster, after what these lines do.
    pub fn repaired<'l>(self, lines: impl Iterator<Item = &'l str>) -> Bench {
        let Bench { host, dir, mut config, .. } = self;
        drop(host);
        for line in lines {
            let done = repair(&mut config, line);
            assert!(done, "a repair that changes nothing: {line}");
        }
        Bench::start(config, dir)
    }
}

/// Does what a line of Kafka's tools does; whether that changed anything.
fn repair(config: &mut Config, line: &str) -> bool {
    if let Some(line) = line.strip_prefix("-- in server.properties: ") {
        let (name, value) = line.split_once('=').expect("a property");
        return config.properties.insert(name.to_owned(), value.to_owned()).is_none_or(|before| before != value);
    }
    if let Some(line) = line.strip_prefix("-- kafka-reassign-partitions.sh --execute: ") {
        let (topic, how) = line.split_once(", ").expect("a topic");
        if how.starts_with("on brokers in ") {
            config.broker.iter_mut().for_each(|broker| broker.rack = Some("eu-west-1d".to_owned()));
            return true;
        }
        let count = how.split(' ').next().and_then(|count| count.parse().ok()).expect("a number");
        config.topic.iter_mut().find(|known| known.name == topic).expect("a topic").replicas = count;
        return true;
    }
    let words: Vec<&str> = line.split(' ').map(|word| word.trim_matches('\'')).collect();
    let after = |option: &str| words.iter().position(|word| *word == option).map(|at| words[at + 1]);
    if words[0] == "kafka-configs.sh" {
        let (name, value) = after("--add-config").and_then(|c| c.split_once('=')).expect("a property");
        let entity = after("--entity-name").expect("a name");
        if after("--entity-type") == Some("users") {
            config.quota.retain(|quota| quota.user.as_deref() != Some(entity));
            let rate = value.parse().expect("a rate");
            let user = Some(entity.to_owned());
            config.quota.push(Quota { user, producer_byte_rate: Some(rate), consumer_byte_rate: None });
            return true;
        }
        let topic = config.topic.iter_mut().find(|topic| topic.name == entity).expect("a topic");
        topic.properties.insert(name.to_owned(), value.to_owned());
        return true;
    }
    assert_eq!(words[0], "kafka-acls.sh", "{line}");
    let kinds = [
        ("--topic", Resource::Topic),
        ("--group", Resource::Group),
        ("--transactional-id", Resource::TransactionalId),
        ("--cluster", Resource::Cluster),
    ];
    let (option, resource) = kinds.into_iter().find(|(option, _)| words.contains(option)).expect("a kind");
    let name = if option == "--cluster" { "kafka-cluster" } else { after(option).expect("a name") };
    let acl = Acl {
        principal: after("--allow-principal").expect("a principal").to_owned(),
        resource,
        name: name.to_owned(),
        prefixed: after("--resource-pattern-type") == Some("prefixed"),
        operation: after("--operation").expect("an operation").to_owned(),
    };
    if words[1] == "--add" {
        config.acl.push(acl);
        return true;
    }
    let before = config.acl.len();
    config.acl.retain(|known| *known != acl);
    config.acl.len() < before
}
