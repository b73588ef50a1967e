//! What a cluster says of itself: topics and where they lie, configurations, rules, quotas.

use super::caller::Caller;
use super::cluster::property;
use super::config::{Acl, Config, DEFAULTS, OF_TOPICS, Quota, Resource as Named, Topic};
use super::{admin, estate::State};
use crate::kafka::{
    ALLOW, ANY, CONFIG_OF_BROKER, CONFIG_OF_TOPIC, FROM_DEFAULT, FROM_FILE, FROM_TOPIC, Kind, LITERAL, PREFIXED,
    REFERENCE, code, operation_number, text,
};
use kafka_protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::describe_client_quotas_response::{EntityData, EntryData, ValueData};
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    DescribeAclsRequest, DescribeAclsResponse, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
    DescribeClusterResponse, DescribeConfigsRequest, DescribeConfigsResponse, MetadataRequest, MetadataResponse,
    TopicName,
};
use models::kafka::offsets::OFFSETS_TOPIC;
use models::kafka::{Operations, Resource};
use models::wire::kafka::{ErrorCode, Request, Response, TopicMetadata};
use std::sync::Arc;

/// Topics, those named or all that may be seen. A named one that nobody has is made, where both sides want that.
pub async fn metadata(caller: &Caller, request: &MetadataRequest, version: i16) -> MetadataResponse {
    // Before there was null for all topics, no topics were all.
    let named = request.topics.as_ref().filter(|topics| version > 0 || !topics.is_empty());
    let names: Option<Vec<Arc<str>>> =
        named.map(|topics| topics.iter().filter_map(|t| t.name.as_ref()).map(|name| name.as_str().into()).collect());
    let Response::Metadata(known) = caller.ask(Request::Metadata { topics: names }).await else {
        unreachable!("metadata are answered as metadata");
    };
    let topics = known.iter().map(|topic| described(&caller.estate.state(), topic)).collect();
    if request.allow_auto_topic_creation || version < 4 {
        let absent = known.iter().filter(|t| t.error == ErrorCode::UnknownTopicOrPartition);
        absent.for_each(|topic| admin::create_by_itself(caller, &topic.topic));
    }
    let brokers = brokers(caller).into_iter().map(|(id, host, port, rack)| {
        let broker = MetadataResponseBroker::default().with_node_id(id.into()).with_host(text(&host)).with_port(port);
        broker.with_rack(rack.filter(|_| version > 0).map(|rack| text(&rack)))
    });
    let answer = MetadataResponse::default().with_brokers(brokers.collect()).with_topics(topics);
    answer.with_cluster_id(Some(text(REFERENCE))).with_controller_id(0.into())
}

fn described(state: &State, topic: &TopicMetadata) -> MetadataResponseTopic {
    let name = TopicName(text(&topic.topic));
    let answer = MetadataResponseTopic::default().with_name(Some(name)).with_error_code(topic.error as i16);
    let partition = |at: usize| {
        let known = state.cluster.state(&topic.topic, at as u32)?;
        let ids = |ids: &[models::wire::kafka::BrokerId]| ids.iter().map(|id| i32::from(id.0).into()).collect();
        let leader = known.leader.map_or(-1, |id| i32::from(id.0));
        let told = MetadataResponsePartition::default().with_partition_index(at as i32).with_leader_id(leader.into());
        Some(told.with_replica_nodes(ids(&known.replicas)).with_isr_nodes(ids(&known.isr)))
    };
    let partitions = (0..topic.leaders.len()).filter_map(partition).collect();
    answer.with_partitions(partitions).with_is_internal(*topic.topic == *OFFSETS_TOPIC)
}

type Place = (i32, String, i32, Option<String>);

fn brokers(caller: &Caller) -> Vec<Place> {
    let state = caller.estate.state();
    let addresses = caller.estate.addresses[caller.listener].iter().enumerate();
    let place = |(id, address): (usize, &std::net::SocketAddr)| {
        let rack = state.config.broker.get(id).and_then(|broker| broker.rack.clone());
        (id as i32, address.ip().to_string(), i32::from(address.port()), rack)
    };
    addresses.map(place).collect()
}

/// The cluster.
pub fn cluster(caller: &Caller) -> DescribeClusterResponse {
    let brokers = brokers(caller).into_iter().map(|(id, host, port, rack)| {
        let broker = DescribeClusterBroker::default().with_broker_id(id.into()).with_host(text(&host));
        broker.with_port(port).with_rack(rack.map(|rack| text(&rack)))
    });
    DescribeClusterResponse::default().with_cluster_id(text(REFERENCE)).with_brokers(brokers.collect())
}

/// Configurations of topics and brokers.
pub fn configs(caller: &Caller, request: &DescribeConfigsRequest) -> DescribeConfigsResponse {
    let state = caller.estate.state();
    let describe = |asked: &DescribeConfigsResource| {
        let answer = DescribeConfigsResult::default().with_resource_type(asked.resource_type);
        let answer = answer.with_resource_name(asked.resource_name.clone());
        match values(caller, &state, asked) {
            Ok(values) => answer.with_configs(values),
            Err(error) => answer.with_error_code(error),
        }
    };
    DescribeConfigsResponse::default().with_results(request.resources.iter().map(describe).collect())
}

fn values(
    caller: &Caller,
    state: &State,
    asked: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, i16> {
    let (principal, name) = (caller.principal(), asked.resource_name.as_str());
    let wanted =
        |key: &str| asked.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|k| k.as_str() == key));
    let value = |key: &str, value: &str, source: i8| {
        let told = DescribeConfigsResourceResult::default().with_name(text(key)).with_value(Some(text(value)));
        told.with_config_source(source)
    };
    match asked.resource_type {
        CONFIG_OF_TOPIC => {
            match state.refusal(principal, Resource::Topic, name, Operations::DESCRIBE_CONFIGS) {
                code::NONE => {}
                error => return Err(error),
            }
            let topic = state.config.topic.iter().find(|topic| topic.name == name);
            let topic = topic.ok_or(code::UNKNOWN_TOPIC_OR_PARTITION)?;
            let keys = OF_TOPICS.iter().filter(|(key, _)| wanted(key));
            Ok(keys
                .map(|(key, _)| value(key, property(&state.config, topic, key), source(&state.config, topic, key)))
                .collect())
        }
        CONFIG_OF_BROKER => {
            if !state.may_govern(principal, Operations::DESCRIBE_CONFIGS) {
                return Err(code::CLUSTER_AUTHORIZATION_FAILED);
            }
            let own = state.config.properties.keys().map(String::as_str);
            let defaults =
                DEFAULTS.iter().map(|(key, _)| *key).filter(|key| !state.config.properties.contains_key(*key));
            let from = |key: &str| if state.config.properties.contains_key(key) { FROM_FILE } else { FROM_DEFAULT };
            let keys = own.chain(defaults).filter(|key| wanted(key));
            Ok(keys.map(|key| value(key, state.config.property(key), from(key))).collect())
        }
        _ => Err(code::INVALID_REQUEST),
    }
}

fn source(config: &Config, topic: &Topic, key: &str) -> i8 {
    let stands_in = OF_TOPICS.iter().find(|(own, _)| *own == key).map_or(key, |(_, broker)| broker);
    if topic.properties.contains_key(key) {
        FROM_TOPIC
    } else if config.properties.contains_key(stands_in) {
        FROM_FILE
    } else {
        FROM_DEFAULT
    }
}

/// Rules, by kind and principal.
pub fn acls(caller: &Caller, request: &DescribeAclsRequest) -> DescribeAclsResponse {
    let state = caller.estate.state();
    if !state.may_govern(caller.principal(), Operations::DESCRIBE) {
        return DescribeAclsResponse::default().with_error_code(code::CLUSTER_AUTHORIZATION_FAILED);
    }
    let kind = request.resource_type_filter;
    let matches = |acl: &&Acl| {
        (kind == ANY || kind == self::kind(acl.resource).number())
            && request.principal_filter.as_ref().is_none_or(|p| p.as_str() == acl.principal)
            && request.resource_name_filter.as_ref().is_none_or(|n| n.as_str() == acl.name)
    };
    let resource = |acl: &Acl| {
        let rule = AclDescription::default().with_principal(text(&acl.principal)).with_host(text("*"));
        let operation = operation_number(&acl.operation).unwrap_or_default();
        let rule = rule.with_operation(operation).with_permission_type(ALLOW);
        let about = DescribeAclsResource::default().with_resource_type(self::kind(acl.resource).number());
        let about = about.with_resource_name(text(&acl.name));
        about.with_pattern_type(if acl.prefixed { PREFIXED } else { LITERAL }).with_acls(vec![rule])
    };
    let resources = state.config.acl.iter().filter(matches).map(resource).collect();
    DescribeAclsResponse::default().with_resources(resources)
}

/// The protocol's kind.
pub fn kind(named: Named) -> Kind {
    match named {
        Named::Topic => Kind::Topic,
        Named::Group => Kind::Group,
        Named::TransactionalId => Kind::TransactionalId,
        Named::Cluster => Kind::Cluster,
    }
}

/// Quotas of users.
pub fn quotas(caller: &Caller, request: &DescribeClientQuotasRequest) -> DescribeClientQuotasResponse {
    let state = caller.estate.state();
    if !state.may_govern(caller.principal(), Operations::DESCRIBE_CONFIGS) {
        return DescribeClientQuotasResponse::default().with_error_code(code::CLUSTER_AUTHORIZATION_FAILED);
    }
    let fits = |quota: &&Quota, asked: &ComponentData| match (asked.entity_type.as_str(), asked.match_type) {
        ("user", 0) => quota.user.as_deref() == asked._match.as_ref().map(|name| name.as_str()),
        ("user", 1) => quota.user.is_none(),
        ("user", 2) => true,
        _ => false,
    };
    let entry = |quota: &Quota| {
        let name = quota.user.as_deref().map(text);
        let entity = EntityData::default().with_entity_type(text("user")).with_entity_name(name);
        let value = |key: &'static str, bytes: Option<u64>| {
            bytes.map(|bytes| ValueData::default().with_key(text(key)).with_value(bytes as f64))
        };
        let rates = [
            value("producer_byte_rate", quota.producer_byte_rate),
            value("consumer_byte_rate", quota.consumer_byte_rate),
        ];
        EntryData::default().with_entity(vec![entity]).with_values(rates.into_iter().flatten().collect())
    };
    let matching = state.config.quota.iter().filter(|quota| request.components.iter().all(|asked| fits(quota, asked)));
    DescribeClientQuotasResponse::default().with_entries(Some(matching.map(entry).collect()))
}
