//! What an operator is told: rules, configurations, quotas, and where topics lie. Read once.
//!
//! What it may not be told is absent, with the reason.

use super::link::{Session, Wrong};
use super::question::all_acls;
use crate::kafka::{
    CONFIG_OF_BROKER, CONFIG_OF_TOPIC, DENY, Kind, LITERAL, PREFIXED, code, error_name, operation_number, text,
};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::describe_client_quotas_response::{EntityData, EntryData};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{DescribeClientQuotasRequest, DescribeConfigsRequest, MetadataRequest};
use std::collections::BTreeMap;

/// What an operator is told.
pub struct Estate {
    /// Its session.
    pub session: Session,
    /// Rules that allow.
    pub rules: Result<Vec<Rule>, String>,
    /// Properties of each broker.
    pub brokers: Result<BTreeMap<i32, Properties>, String>,
    /// Quotas by user; none stands for every user without one.
    pub quotas: Result<Vec<Quota>, String>,
}

/// Values and where they come from.
pub type Properties = BTreeMap<String, (String, i8)>;

/// A rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Whom it allows something.
    pub principal: String,
    /// About what.
    pub kind: Kind,
    /// A name or its beginning.
    pub name: String,
    /// `LITERAL` or `PREFIXED`.
    pub pattern: i8,
    /// What it allows.
    pub operation: i8,
}

impl Rule {
    /// Whether it is about a name.
    pub fn is_about(&self, kind: Kind, name: &str) -> bool {
        let fits = match self.pattern {
            PREFIXED => name.starts_with(&self.name),
            _ => self.name == name || self.name == "*",
        };
        self.kind == kind && fits
    }

    /// Whether it allows an operation: some imply others.
    pub fn allows(&self, operation: i8) -> bool {
        let number = |name: &str| operation_number(name).unwrap_or_default();
        let describing = ["Read", "Write", "Delete", "Alter"].map(number);
        self.operation == operation
            || self.operation == number("All")
            || (operation == number("Describe") && describing.contains(&self.operation))
            || (operation == number("DescribeConfigs") && self.operation == number("AlterConfigs"))
    }
}

/// A quota.
pub struct Quota {
    /// Whose.
    pub user: Option<String>,
    /// `producer_byte_rate`.
    pub producer: Option<f64>,
}

/// A topic and where it lies.
pub struct Placed {
    /// Its name.
    pub name: String,
    /// Brokers of each partition's replicas.
    pub replicas: Vec<Vec<i32>>,
}

impl Estate {
    /// Asks for everything.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn read(session: Session) -> Result<Estate, String> {
        let (rules, quotas) = (rules(&session)?, quotas(&session)?);
        let brokers = brokers(&session)?;
        Ok(Estate { session, rules, brokers, quotas })
    }

    /// A property of the brokers, if it is known.
    pub fn property(&self, name: &str) -> Option<&str> {
        let brokers = self.brokers.as_ref().ok()?;
        brokers.values().find_map(|properties| Some(properties.get(name)?.0.as_str()))
    }
}

/// The answer, or why there is none; a connection that is gone is neither.
fn asked<T>(answer: Result<T, Wrong>) -> Result<Result<T, String>, String> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(Wrong::Unknown) => Ok(Err(Wrong::Unknown.told())),
        Err(Wrong::Gone(why)) => Err(format!("the operator's connection: {why}")),
    }
}

fn rules(session: &Session) -> Result<Result<Vec<Rule>, String>, String> {
    let answer = match asked(session.ask(&all_acls()))? {
        Ok(answer) if answer.error_code == code::NONE => answer,
        Ok(answer) => return Ok(Err(error_name(answer.error_code))),
        Err(why) => return Ok(Err(why)),
    };
    let mut rules = Vec::new();
    for about in &answer.resources {
        let Some(kind) = Kind::of(about.resource_type) else { continue };
        for acl in about.acls.iter().filter(|acl| acl.permission_type != DENY) {
            rules.push(Rule {
                principal: acl.principal.to_string(),
                kind,
                name: about.resource_name.to_string(),
                pattern: if about.pattern_type == PREFIXED { PREFIXED } else { LITERAL },
                operation: acl.operation,
            });
        }
    }
    Ok(Ok(rules))
}

fn quotas(session: &Session) -> Result<Result<Vec<Quota>, String>, String> {
    // 2: of any user, and of all of them.
    let users = ComponentData::default().with_entity_type(text("user")).with_match_type(2);
    let request = DescribeClientQuotasRequest::default().with_components(vec![users]);
    let answer = match asked(session.ask(&request))? {
        Ok(answer) if answer.error_code == code::NONE => answer,
        Ok(answer) => return Ok(Err(error_name(answer.error_code))),
        Err(why) => return Ok(Err(why)),
    };
    let is_user = |entity: &&EntityData| entity.entity_type.as_str() == "user";
    let quota = |entry: &EntryData| Quota {
        user: entry.entity.iter().find(is_user).and_then(|entity| entity.entity_name.as_ref()).map(ToString::to_string),
        producer: entry.values.iter().find(|value| value.key.as_str() == "producer_byte_rate").map(|value| value.value),
    };
    // Of a user at one of its client ids: another client id escapes it.
    let is_whole = |entry: &&EntryData| entry.entity.len() == 1;
    Ok(Ok(answer.entries.unwrap_or_default().iter().filter(is_whole).map(quota).collect()))
}

fn brokers(session: &Session) -> Result<Result<BTreeMap<i32, Properties>, String>, String> {
    let everybody = MetadataRequest::default().with_topics(Some(Vec::new()));
    let answer = match asked(session.ask(&everybody))? {
        Ok(answer) => answer,
        Err(why) => return Ok(Err(why)),
    };
    let mut found = BTreeMap::new();
    for broker in &answer.brokers {
        let id = *broker.node_id;
        // What its file says only the broker itself knows.
        match properties(session, Some(id), CONFIG_OF_BROKER, &id.to_string())? {
            Ok(properties) => found.insert(id, properties),
            Err(why) => return Ok(Err(why)),
        };
    }
    Ok(Ok(found))
}

/// A configuration, asked of one broker or of any.
///
/// # Errors
/// The connection is gone; inside, why nothing is told.
pub fn properties(
    session: &Session,
    at: Option<i32>,
    kind: i8,
    name: &str,
) -> Result<Result<Properties, String>, String> {
    let asking = DescribeConfigsResource::default().with_resource_type(kind).with_resource_name(text(name));
    let request = DescribeConfigsRequest::default().with_resources(vec![asking.with_configuration_keys(None)]);
    let answer = match at {
        Some(broker) => session.ask_of(broker, &request),
        None => session.ask(&request),
    };
    let answer = match asked(answer)? {
        Ok(answer) => answer,
        Err(why) => return Ok(Err(why)),
    };
    let Some(result) = answer.results.first() else { return Ok(Err("an answer about nothing".to_owned())) };
    if result.error_code != code::NONE {
        return Ok(Err(error_name(result.error_code)));
    }
    let value = |c: &kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult| {
        let value = c.value.as_ref().map(ToString::to_string).unwrap_or_default();
        (c.name.to_string(), (value, c.config_source))
    };
    Ok(Ok(result.configs.iter().map(value).collect()))
}

/// A topic's configuration.
///
/// # Errors
/// As [`properties`].
pub fn of_topic(session: &Session, topic: &str) -> Result<Result<Properties, String>, String> {
    properties(session, None, CONFIG_OF_TOPIC, topic)
}

/// Topics that a session may see, and the rack of each broker.
///
/// # Errors
/// There is no answer.
pub fn topics(session: &Session) -> Result<(Vec<Placed>, BTreeMap<i32, String>), String> {
    let answer = session.ask(&MetadataRequest::default().with_topics(None).with_allow_auto_topic_creation(false));
    let answer = answer.map_err(|wrong| wrong.told())?;
    let racks =
        answer.brokers.iter().map(|b| (*b.node_id, b.rack.as_ref().map(ToString::to_string).unwrap_or_default()));
    let placed =
        answer.topics.iter().filter(|topic| topic.error_code == code::NONE && !topic.is_internal).map(|topic| {
            let replicas = topic.partitions.iter().map(|p| p.replica_nodes.iter().map(|id| **id).collect()).collect();
            Placed { name: topic.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default(), replicas }
        });
    Ok((placed.collect(), racks.collect()))
}
