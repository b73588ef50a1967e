//! Changes of a cluster while it runs: topics, rules, configurations, quotas. Permission first, as everywhere.

use super::caller::Caller;
use super::config::{Acl, Quota, Resource as Named, Topic};
use super::estate::State;
use crate::kafka::{ALLOW, CONFIG_OF_BROKER, CONFIG_OF_TOPIC, Kind, PREFIXED, code, operation_name};
use kafka_protocol::messages::alter_client_quotas_request::EntryData as AskedQuota;
use kafka_protocol::messages::alter_client_quotas_response::{EntityData, EntryData};
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, CreateAclsRequest, CreateAclsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, TopicName,
};
use models::kafka::{Operations, Resource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sets a property, in a change.
const SET: i8 = 0;

/// Makes topics, or says whether it would.
pub fn create_topics(caller: &Caller, request: &CreateTopicsRequest) -> CreateTopicsResponse {
    let mut state = caller.estate.state();
    let mut create = |asked: &CreatableTopic| {
        let error = create(caller, &mut state, asked, request.validate_only);
        CreatableTopicResult::default().with_name(asked.name.clone()).with_error_code(error)
    };
    CreateTopicsResponse::default().with_topics(request.topics.iter().map(&mut create).collect())
}

fn create(caller: &Caller, state: &mut State, asked: &CreatableTopic, validate_only: bool) -> i16 {
    let name = asked.name.as_str();
    if !may_create(caller, state, name) {
        return code::TOPIC_AUTHORIZATION_FAILED;
    }
    if state.cluster.state(&name.into(), 0).is_some() {
        return code::TOPIC_ALREADY_EXISTS;
    }
    let default = |property: &str| state.config.property(property).parse::<i32>().unwrap_or(1);
    let replicas = match asked.replication_factor {
        -1 => default("default.replication.factor"),
        given => i32::from(given),
    };
    let partitions = if asked.num_partitions == -1 { default("num.partitions") } else { asked.num_partitions };
    let brokers = state.config.broker.len().max(1) as i32;
    if !(1..=brokers).contains(&replicas) || partitions < 1 {
        return code::INVALID_REPLICATION_FACTOR;
    }
    if validate_only {
        return code::NONE;
    }
    let given = asked.configs.iter().map(|c| (c.name.to_string(), c.value.clone().unwrap_or_default().to_string()));
    let (partitions, replicas) = (partitions as u32, replicas as usize);
    found(state, Topic { name: name.to_owned(), partitions, replicas, properties: given.collect(), records: vec![] });
    code::NONE
}

fn found(state: &mut State, topic: Topic) {
    state.cluster.create_topic(&state.config, &topic);
    state.config.topic.push(topic);
}

fn may_create(caller: &Caller, state: &State, name: &str) -> bool {
    let principal = caller.principal();
    state.may_govern(principal, Operations::CREATE) || state.may(principal, Resource::Topic, name, Operations::CREATE)
}

/// Makes a topic that a client has asked about, where `auto.create.topics.enable` says so.
pub fn create_by_itself(caller: &Caller, name: &Arc<str>) {
    let mut state = caller.estate.state();
    if !state.config.says("auto.create.topics.enable") || !may_create(caller, &state, name) {
        return;
    }
    let default = |property: &str| state.config.property(property).parse::<usize>().unwrap_or(1);
    let (partitions, replicas) = (default("num.partitions") as u32, default("default.replication.factor"));
    let (name, properties) = (name.to_string(), BTreeMap::new());
    found(&mut state, Topic { name, partitions, replicas, properties, records: Vec::new() });
}

/// Forgets topics.
pub fn delete_topics(caller: &Caller, request: &DeleteTopicsRequest) -> DeleteTopicsResponse {
    let mut state = caller.estate.state();
    let mut delete = |asked: &TopicName| {
        let name: Arc<str> = asked.as_str().into();
        let refused = state.refusal(caller.principal(), Resource::Topic, &name, Operations::DELETE);
        let error = match (refused, state.cluster.state(&name, 0).is_some()) {
            (code::NONE, true) => {
                state.cluster.delete_topic(&name);
                state.config.topic.retain(|topic| topic.name != *name);
                code::NONE
            }
            (code::NONE, false) => code::UNKNOWN_TOPIC_OR_PARTITION,
            (error, _) => error,
        };
        DeletableTopicResult::default().with_name(Some(asked.clone())).with_error_code(error)
    };
    DeleteTopicsResponse::default().with_responses(request.topic_names.iter().map(&mut delete).collect())
}

/// Adds rules that allow.
pub fn create_acls(caller: &Caller, request: &CreateAclsRequest) -> CreateAclsResponse {
    let mut state = caller.estate.state();
    let allowed = state.may_govern(caller.principal(), Operations::ALTER);
    let mut create = |asked: &AclCreation| {
        let error = match (allowed, named(asked.resource_type)) {
            (false, _) => code::CLUSTER_AUTHORIZATION_FAILED,
            (true, Some(resource)) if !asked.resource_name.is_empty() && asked.permission_type == ALLOW => {
                state.config.acl.push(Acl {
                    principal: asked.principal.to_string(),
                    resource,
                    name: asked.resource_name.to_string(),
                    prefixed: asked.resource_pattern_type == PREFIXED,
                    operation: operation_name(asked.operation).to_owned(),
                });
                code::NONE
            }
            (true, _) => code::INVALID_REQUEST,
        };
        AclCreationResult::default().with_error_code(error)
    };
    let results = request.creations.iter().map(&mut create).collect();
    if allowed {
        readmit(&mut state);
    }
    CreateAclsResponse::default().with_results(results)
}

/// Looks everybody up again, which fills their quotas anew: only when something has changed.
fn readmit(state: &mut State) {
    let State { cluster, config, .. } = state;
    cluster.readmit(config);
}

fn named(kind: i8) -> Option<Named> {
    Some(match Kind::of(kind)? {
        Kind::Topic => Named::Topic,
        Kind::Group => Named::Group,
        Kind::TransactionalId => Named::TransactionalId,
        Kind::Cluster => Named::Cluster,
    })
}

/// Changes properties, or says whether it would.
pub fn alter_configs(caller: &Caller, request: &IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
    let mut state = caller.estate.state();
    let mut alter = |asked: &AlterConfigsResource| {
        let error = alter(caller, &mut state, asked, request.validate_only);
        let answer = AlterConfigsResourceResponse::default().with_error_code(error);
        answer.with_resource_type(asked.resource_type).with_resource_name(asked.resource_name.clone())
    };
    IncrementalAlterConfigsResponse::default().with_responses(request.resources.iter().map(&mut alter).collect())
}

fn alter(caller: &Caller, state: &mut State, asked: &AlterConfigsResource, validate_only: bool) -> i16 {
    let name = asked.resource_name.as_str();
    let refused = match asked.resource_type {
        CONFIG_OF_TOPIC => state.refusal(caller.principal(), Resource::Topic, name, Operations::ALTER_CONFIGS),
        CONFIG_OF_BROKER if state.may_govern(caller.principal(), Operations::ALTER_CONFIGS) => code::NONE,
        CONFIG_OF_BROKER => code::CLUSTER_AUTHORIZATION_FAILED,
        _ => code::INVALID_REQUEST,
    };
    if refused != code::NONE || validate_only {
        return refused;
    }
    let properties = match asked.resource_type {
        CONFIG_OF_TOPIC => match state.config.topic.iter_mut().find(|topic| topic.name == name) {
            Some(topic) => &mut topic.properties,
            None => return code::UNKNOWN_TOPIC_OR_PARTITION,
        },
        _ => &mut state.config.properties,
    };
    for change in &asked.configs {
        match (change.config_operation, &change.value) {
            (SET, Some(value)) => drop(properties.insert(change.name.to_string(), value.to_string())),
            _ => drop(properties.remove(change.name.as_str())),
        }
    }
    code::NONE
}

/// Changes quotas of users, or says whether it would.
pub fn alter_quotas(caller: &Caller, request: &AlterClientQuotasRequest) -> AlterClientQuotasResponse {
    let mut state = caller.estate.state();
    let allowed = state.may_govern(caller.principal(), Operations::ALTER_CONFIGS);
    let mut alter = |asked: &AskedQuota| {
        let error = if allowed { code::NONE } else { code::CLUSTER_AUTHORIZATION_FAILED };
        if allowed && !request.validate_only {
            set_quota(&mut state, asked);
        }
        let entity = asked.entity.iter().map(|entity| {
            let told = EntityData::default().with_entity_type(entity.entity_type.clone());
            told.with_entity_name(entity.entity_name.clone())
        });
        EntryData::default().with_error_code(error).with_entity(entity.collect())
    };
    let entries = request.entries.iter().map(&mut alter).collect();
    if allowed && !request.validate_only {
        readmit(&mut state);
    }
    AlterClientQuotasResponse::default().with_entries(entries)
}

fn set_quota(state: &mut State, asked: &AskedQuota) {
    let Some(entity) = asked.entity.iter().find(|entity| entity.entity_type.as_str() == "user") else { return };
    let user = entity.entity_name.as_ref().map(ToString::to_string);
    let known = state.config.quota.iter().position(|quota| quota.user == user);
    let at = known.unwrap_or_else(|| {
        state.config.quota.push(Quota { user, producer_byte_rate: None, consumer_byte_rate: None });
        state.config.quota.len() - 1
    });
    let quota = &mut state.config.quota[at];
    for op in &asked.ops {
        let value = (!op.remove).then_some(op.value as u64);
        match op.key.as_str() {
            "producer_byte_rate" => quota.producer_byte_rate = value,
            "consumer_byte_rate" => quota.consumer_byte_rate = value,
            _ => {}
        }
    }
}
