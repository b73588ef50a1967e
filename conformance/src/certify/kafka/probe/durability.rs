//! Whether what was acknowledged survives: replicas and where they stand, in-sync sets, elections, and how long audit
//! topics keep what they hold.

use crate::certify::kafka::desk::Desk;
use crate::certify::kafka::estate::{Placed, Properties, of_topic, topics};
use crate::certify::kafka::repair;
use crate::kafka::{FROM_TOPIC, Kind};
use std::collections::BTreeMap;

/// Looks at topics of both tenants and of the platform.
pub fn run(desk: &mut Desk) {
    let (found, racks) = match placed(desk) {
        Ok(found) => found,
        Err(why) => {
            return desk.component.not_judged("replicas, in-sync sets and places of topics (EVT-03, POL-06)", why);
        }
    };
    replicas(desk, &found);
    places(desk, &found, &racks);
    configurations(desk, &found);
    by_itself(desk);
}

/// Topics of the tenants, as they see them, and of the platform, as the operator does.
fn placed(desk: &Desk) -> Result<(Vec<Placed>, BTreeMap<i32, String>), String> {
    let (mut found, racks) = topics(&desk.own)?;
    let (own, other) = (desk.prefix(Kind::Topic, desk.a), desk.prefix(Kind::Topic, desk.b));
    found.retain(|topic| topic.name.starts_with(&own));
    found.extend(topics(&desk.other)?.0.into_iter().filter(|topic| topic.name.starts_with(&other)));
    if let Some(estate) = &desk.estate {
        let (platform, audit) = (&desk.kafka.platform, &desk.kafka.audit);
        let is_platform = |name: &String| platform.contains(name) || audit.contains(name);
        found.extend(topics(&estate.session)?.0.into_iter().filter(|topic| is_platform(&topic.name)));
    }
    Ok((found, racks))
}

fn replicas(desk: &mut Desk, found: &[Placed]) {
    let least = usize::from(desk.kafka.replicas_min);
    desk.component.judged("replicas of topics", found.len(), &["EVT-03"]);
    let few = |topic: &&Placed| topic.replicas.iter().any(|brokers| brokers.len() < least);
    for topic in found.iter().filter(few) {
        let name = &topic.name;
        let fewest = topic.replicas.iter().map(Vec::len).min().unwrap_or_default();
        let what = format!("a partition has {fewest} of {least} replicas: what it acknowledged is lost with them");
        let proof = desk.proof(None, &[format!("Metadata topic={name}")], format!("{fewest} replicas"));
        let line = format!("-- kafka-reassign-partitions.sh --execute: {name}, {least} replicas for each partition");
        desk.find(&format!("topic {name}, replicas"), what, &["EVT-03"], proof, vec![line]);
    }
}

fn places(desk: &mut Desk, found: &[Placed], racks: &BTreeMap<i32, String>) {
    let Some(pattern) = desk.kafka.racks.clone() else {
        let why = "the deployment does not say which racks are a tenant's: racks = \"{region}\"";
        return desk.component.not_judged("where topics lie (POL-06)", why);
    };
    let mut judged = 0;
    for tenant in [desk.a, desk.b] {
        let (prefix, region) = (desk.prefix(Kind::Topic, tenant), tenant.fill(&pattern));
        for topic in found.iter().filter(|topic| topic.name.starts_with(&prefix)) {
            judged += 1;
            let rack = |broker: i32| racks.get(&broker).map_or("", String::as_str);
            let mut brokers: Vec<i32> = topic.replicas.iter().flatten().copied().collect();
            brokers.sort_unstable();
            let abroad = brokers.into_iter().find(|broker| !rack(*broker).starts_with(&region));
            let Some(broker) = abroad else { continue };
            let (name, stands) = (&topic.name, rack(broker));
            let what = format!("it stands in {stands:?}, and keeps {name}, which has to stay in {region}");
            let proof = desk.proof(Some(tenant), &[format!("Metadata topic={name}")], format!("rack {stands:?}"));
            let line = format!("-- kafka-reassign-partitions.sh --execute: {prefix}*, on brokers in {region} alone");
            desk.find(&format!("broker {broker}, place"), what, &["POL-06"], proof, vec![line]);
        }
    }
    desk.component.judged("places of topics", judged, &["POL-06"]);
}

/// What is asked of a topic's property: the value that repairs it, and why, if the value is wrong.
type Ask = (&'static str, String, &'static str, fn(&str, u16) -> bool);

fn configurations(desk: &mut Desk, found: &[Placed]) {
    let least = desk.kafka.in_sync_min;
    let of_all: [Ask; 2] = [
        ("min.insync.replicas", least.to_string(), "an acknowledgement by all may be one broker's", |value, least| {
            value.parse::<u16>().is_ok_and(|value| value < least)
        }),
        (
            "unclean.leader.election.enable",
            "false".to_owned(),
            "a broker that lacks acknowledged records may become the leader",
            |value, _| value == "true",
        ),
    ];
    let of_audit: [Ask; 3] = [
        ("retention.ms", "-1".to_owned(), "what was audited is thrown away after a time", |value, _| value != "-1"),
        ("retention.bytes", "-1".to_owned(), "what was audited is thrown away for room", |value, _| value != "-1"),
        (
            "cleanup.policy",
            "delete".to_owned(),
            "a later record of the same key replaces what was audited",
            |value, _| value.contains("compact"),
        ),
    ];
    let mut judged = 0;
    for topic in found {
        let name = topic.name.as_str();
        let properties = match told(desk, name) {
            Ok(properties) => properties,
            Err(why) => {
                desk.component.not_judged("configurations of topics (EVT-03, EVT-07)", why);
                continue;
            }
        };
        if !properties.contains_key("min.insync.replicas") {
            desk.component
                .not_judged("configurations of topics (EVT-03, EVT-07)", "the brokers do not say min.insync.replicas");
            continue;
        }
        judged += 1;
        for ask in &of_all {
            look(desk, name, &properties, ask, "EVT-03");
        }
        for ask in of_audit.iter().filter(|_| desk.kafka.audit.iter().any(|audit| audit == name)) {
            look(desk, name, &properties, ask, "EVT-07");
        }
    }
    desk.component.judged("configurations of topics", judged, &["EVT-03", "EVT-07"]);
}

/// A topic's configuration: as the operator is told, or else as its tenant is.
fn told(desk: &Desk, topic: &str) -> Result<Properties, String> {
    let other = topic.starts_with(&desk.prefix(Kind::Topic, desk.b));
    let session = match &desk.estate {
        Some(estate) => &estate.session,
        None if other => &desk.other,
        None => &desk.own,
    };
    of_topic(session, topic)?.map_err(|why| format!("{why}, and no operator may read them"))
}

fn look(desk: &mut Desk, topic: &str, properties: &Properties, ask: &Ask, row: &'static str) {
    let (property, value, why, is_wrong) = ask;
    let Some((found, source)) = properties.get(*property) else { return };
    if !is_wrong(found, desk.kafka.in_sync_min) {
        return;
    }
    let is_own = *source == FROM_TOPIC || row == "EVT-07";
    let object = if is_own { format!("topic {topic}, {property}") } else { format!("brokers, {property}") };
    let line = if is_own { repair::topic(topic, property, value) } else { repair::broker(property, value) };
    let proof = desk.proof(None, &[format!("DescribeConfigs topic={topic}")], format!("{property}={found}"));
    desk.find(&object, format!("{property} is {found}: {why}"), &[row], proof, vec![line]);
}

/// Whether a topic comes into being because somebody asked for it, with whatever the brokers have for one.
fn by_itself(desk: &mut Desk) {
    let property = "auto.create.topics.enable";
    let Some(estate) = &desk.estate else {
        return desk
            .component
            .not_judged("topics that come by themselves (EVT-03, EVT-08)", "no operator may read configurations");
    };
    match (&estate.brokers, estate.property(property)) {
        (Err(why), _) => {
            let why = why.clone();
            desk.component.not_judged("configurations of brokers (EVT-03, EVT-08)", why);
        }
        (Ok(_), Some("true")) => {
            let what = "a topic that is asked for comes into being, with the replicas and retention of no one's choice";
            let saw = format!("{property}=true");
            let proof = desk.proof(None, &["DescribeConfigs broker".to_owned()], saw);
            let line = vec![repair::broker(property, "false")];
            desk.find(&format!("brokers, {property}"), what.to_owned(), &["EVT-03", "EVT-08"], proof, line);
        }
        (Ok(_), _) => desk.component.judged("topics that come by themselves", 1, &["EVT-03", "EVT-08"]),
    }
}
