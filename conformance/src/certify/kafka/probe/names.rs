//! Names that are not a tenant's own: of nobody, of the other tenant, of a neighbour by spelling, of the platform.
//!
//! A right to a name that nobody has is a right to every name, and explains all that would be found after it; so the
//! widest is asked first.

use crate::certify::kafka::desk::{Desk, Tried};
use crate::certify::kafka::estate;
use crate::certify::kafka::question::{NOBODYS, Question};
use crate::certify::kafka::repair;
use crate::kafka::Kind;
use kafka_protocol::messages::ListGroupsRequest;

/// What an answer other than a refusal says.
const PERMITTED: &str = "no answer says that permission is missing";
/// Names that are asked about, at most, beside the sample.
const NAMES_MAX: usize = 20;

/// Asks for them all.
pub fn run(desk: &mut Desk) {
    let kinds = [Kind::Topic, Kind::Group, Kind::TransactionalId];
    let what = "topics, groups and transactional ids of others, described, read, written and removed";
    desk.component.judged(what, 18, &["EVT-01", "TEN-02"]);
    let open = every_name(desk, &kinds);
    for kind in kinds.into_iter().filter(|kind| !open.contains(kind)) {
        if !of_others(desk, kind) {
            of_neighbours(desk, kind);
        }
    }
    if !open.contains(&Kind::Cluster) {
        cluster(desk);
    }
    if !open.contains(&Kind::Topic) {
        platform(desk);
    }
}

/// What is asked about a name of a kind; `absent` is one that nobody has, with the same beginning.
fn questions(desk: &Desk, kind: Kind, name: &str, absent: &str) -> Vec<Question> {
    let (name, absent) = (name.to_owned(), absent.to_owned());
    let topic = desk.topic(desk.a);
    match kind {
        Kind::Topic => vec![
            Question::Describe(name.clone()),
            Question::ListOffsets(name.clone()),
            Question::DescribeConfigs(name.clone()),
            Question::Fetch(name.clone()),
            Question::Produce(name.clone()),
            Question::CreateTopic(absent.clone()),
            Question::AlterConfigs(name.clone()),
            Question::DeleteRecords(name),
            Question::DeleteTopic(absent),
        ],
        Kind::Group => vec![
            Question::DescribeGroup(name.clone()),
            Question::Position { group: name.clone(), topic: topic.clone() },
            Question::Commit { group: name.clone(), topic },
            Question::Join(name),
            Question::DeleteGroup(absent),
        ],
        Kind::TransactionalId => vec![Question::FindTransaction(name.clone()), Question::InitProducer(name)],
        Kind::Cluster => vec![
            Question::DescribeAcls,
            Question::DescribeBroker,
            Question::CreateAcl,
            Question::AlterQuota,
            Question::AlterBrokers,
        ],
    }
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Topic => "topics",
        Kind::Group => "groups",
        Kind::TransactionalId => "transactional ids",
        Kind::Cluster => "the cluster",
    }
}

fn operations(tried: &Tried) -> Vec<i8> {
    tried.allowed.iter().map(|(question, _)| question.operation()).collect()
}

/// Names of nobody: the kinds that are open.
fn every_name(desk: &mut Desk, kinds: &[Kind]) -> Vec<Kind> {
    let mut open: Vec<(Kind, Tried)> = Vec::new();
    for kind in kinds.iter().copied().chain([Kind::Cluster]) {
        let asked = questions(desk, kind, NOBODYS, NOBODYS);
        let tried = desk.try_all(asked);
        if !tried.allowed.is_empty() {
            open.push((kind, tried));
        }
    }
    // The cluster alone has a probe of its own.
    if !open.iter().any(|(kind, _)| *kind != Kind::Cluster) {
        return Vec::new();
    }
    let principal = desk.principal().to_owned();
    let names: Vec<&str> = open.iter().map(|(kind, _)| plural(*kind)).collect();
    let object = match open.as_slice() {
        [(kind, _)] => format!("{principal}, all {}", plural(*kind)),
        _ => format!("{principal}, everything"),
    };
    let what = match open.as_slice() {
        [(kind, tried)] => format!("it {} {} of any name", tried.verbs(), plural(*kind)),
        _ => format!("it may use names that nobody gave it: {}", names.join(", ")),
    };
    let requests: Vec<String> = open.iter().flat_map(|(_, tried)| tried.words()).collect();
    let proof = desk.proof(Some(desk.a), &requests, PERMITTED);
    let mut lines = Vec::new();
    for (kind, tried) in &open {
        let home = desk.prefix(*kind, desk.a);
        let name = if *kind == Kind::Cluster { CLUSTER } else { NOBODYS };
        let more = repair::rules(desk.estate.as_ref(), &principal, (*kind, name), &operations(tried), &home);
        more.into_iter().for_each(|line| {
            if !lines.contains(&line) {
                lines.push(line)
            }
        });
    }
    desk.find(&object, what, &["EVT-01", "TEN-02"], proof, lines);
    open.into_iter().map(|(kind, _)| kind).collect()
}

/// What rules call the cluster.
const CLUSTER: &str = "kafka-cluster";

/// Names of the other tenant, and whatever else is visible and not its own; whether there was a finding.
fn of_others(desk: &mut Desk, kind: Kind) -> bool {
    let prefix = desk.prefix(kind, desk.b);
    let named = match kind {
        Kind::Topic => desk.topic(desk.b),
        Kind::Group => desk.group(desk.b),
        _ => prefix.clone() + NOBODYS,
    };
    let mut names = vec![named];
    names.extend(visible(desk, kind).into_iter().take(NAMES_MAX));
    for name in names {
        let absent = prefix.clone() + NOBODYS;
        let asked = questions(desk, kind, &name, &absent);
        let tried = desk.try_all(asked);
        if tried.allowed.is_empty() {
            continue;
        }
        let whose = if name.starts_with(&prefix) { format!("of {}", desk.b.id) } else { format!("like {name}") };
        blame(desk, kind, (&name, &absent), &tried, &whose);
        return true;
    }
    false
}

/// Names that are visible and neither its own nor the platform's.
fn visible(desk: &Desk, kind: Kind) -> Vec<String> {
    let names: Vec<String> = match kind {
        Kind::Topic => match estate::topics(&desk.own) {
            Ok((placed, _)) => placed.into_iter().map(|topic| topic.name).collect(),
            Err(_) => Vec::new(),
        },
        Kind::Group => match desk.own.ask(&ListGroupsRequest::default()) {
            Ok(answer) => answer.groups.iter().map(|group| group.group_id.as_str().to_owned()).collect(),
            Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    };
    let own = desk.prefix(kind, desk.a);
    let (platform, audit) = (&desk.kafka.platform, &desk.kafka.audit);
    let is_shared = |name: &String| desk.kafka.shared.iter().any(|shared| shared.object == *name);
    let is_foreign = |name: &String| !name.starts_with(&own) && !platform.contains(name) && !audit.contains(name);
    names.into_iter().filter(|name| is_foreign(name) && !is_shared(name)).collect()
}

/// Names that begin as its own do, up to the separator.
fn of_neighbours(desk: &mut Desk, kind: Kind) {
    let own = desk.prefix(kind, desk.a);
    let stem = own.trim_end_matches(|letter: char| !letter.is_alphanumeric());
    let name = format!("{stem}-cellproof.{NOBODYS}");
    let asked = questions(desk, kind, &name, &name);
    let tried = desk.try_all(asked);
    if !tried.allowed.is_empty() {
        let whose = format!("of a neighbour called {}-cellproof", desk.a.id);
        blame(desk, kind, (&name, &name), &tried, &whose);
    }
}

fn blame(desk: &mut Desk, kind: Kind, (name, absent): (&str, &str), tried: &Tried, whose: &str) {
    let principal = desk.principal().to_owned();
    let object = format!("{principal}, {}", plural(kind));
    let what = format!("it {} {} {whose}", tried.verbs(), plural(kind));
    let what = match desk.own.login.principal == desk.other.login.principal {
        true => format!("{what}: both tenants are the same principal"),
        false => what,
    };
    let saw = saw(desk, kind, name, tried);
    let proof = desk.proof(Some(desk.a), &tried.words(), saw);
    let home = desk.prefix(kind, desk.a);
    let mut lines = Vec::new();
    for about in [name, absent] {
        let of = |question: &Question| match question {
            Question::CreateTopic(_) | Question::DeleteTopic(_) | Question::DeleteGroup(_) => about == absent,
            _ => about == name,
        };
        let asked: Vec<i8> = tried.allowed.iter().filter(|(q, _)| of(q)).map(|(q, _)| q.operation()).collect();
        if !asked.is_empty() {
            let more = repair::rules(desk.estate.as_ref(), &principal, (kind, about), &asked, &home);
            more.into_iter().for_each(|line| {
                if !lines.contains(&line) {
                    lines.push(line)
                }
            });
        }
    }
    desk.find(&object, what, &["EVT-01", "TEN-02"], proof, lines);
}

/// What the answers say, and how many records were read, never what they hold.
fn saw(desk: &Desk, kind: Kind, name: &str, tried: &Tried) -> String {
    let has_read = tried.allowed.iter().any(|(question, _)| matches!(question, Question::Fetch(_)));
    if kind != Kind::Topic || !has_read {
        return PERMITTED.to_owned();
    }
    match crate::certify::kafka::question::fetch(&desk.own, name) {
        Ok((0, values)) if !values.is_empty() => {
            let bytes: usize = values.iter().map(|value| value.len()).sum();
            format!("{PERMITTED}; {} records of {bytes} bytes were read", values.len())
        }
        _ => PERMITTED.to_owned(),
    }
}

/// The cluster itself.
fn cluster(desk: &mut Desk) {
    desk.component.judged("rules, quotas and brokers, read and changed by a tenant", 5, &["EVT-01", "EVT-08"]);
    let asked = questions(desk, Kind::Cluster, CLUSTER, CLUSTER);
    let tried = desk.try_all(asked);
    if tried.allowed.is_empty() {
        return;
    }
    let principal = desk.principal().to_owned();
    let proof = desk.proof(Some(desk.a), &tried.words(), PERMITTED);
    let about = (Kind::Cluster, CLUSTER);
    let lines = repair::rules(desk.estate.as_ref(), &principal, about, &operations(&tried), CLUSTER);
    let what = format!("it {} the cluster", tried.verbs());
    desk.find(&format!("{principal}, the cluster"), what, &["EVT-01", "EVT-08"], proof, lines);
}

/// Topics that hold many tenants.
fn platform(desk: &mut Desk) {
    let audit = desk.kafka.audit.clone();
    let topics: Vec<String> = desk.kafka.platform.iter().chain(&audit).cloned().collect();
    if topics.is_empty() {
        let why = "the deployment names none: platform = [\"…\"], audit = [\"…\"]";
        return desk.component.not_judged("topics of the platform (EVT-01, EVT-07)", why);
    }
    let what = "topics of the platform, read, emptied and changed by a tenant";
    desk.component.judged(what, topics.len(), &["EVT-01", "EVT-07"]);
    for topic in topics {
        let asked = vec![
            Question::Fetch(topic.clone()),
            Question::DeleteRecords(topic.clone()),
            Question::AlterConfigs(topic.clone()),
        ];
        let tried = desk.try_all(asked);
        if tried.allowed.is_empty() {
            continue;
        }
        let harms = tried.allowed.iter().any(|(question, _)| !matches!(question, Question::Fetch(_)));
        let requirements = if harms && audit.contains(&topic) { ["EVT-07", "EVT-01"] } else { ["EVT-01", "TEN-02"] };
        let (principal, home) = (desk.principal().to_owned(), desk.prefix(Kind::Topic, desk.a));
        let saw = saw(desk, Kind::Topic, &topic, &tried);
        let proof = desk.proof(Some(desk.a), &tried.words(), saw);
        let about = (Kind::Topic, topic.as_str());
        let lines = repair::rules(desk.estate.as_ref(), &principal, about, &operations(&tried), &home);
        let what = format!("{principal} {} it, and it holds many tenants", tried.verbs());
        desk.find(&format!("topic {topic}"), what, &requirements, proof, lines);
    }
}
