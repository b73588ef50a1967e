//! Consumer groups: positions, which the model keeps, and members, which it has no word for.
//!
//! A join begins a new generation at once; nobody is thrown out for being silent.

use super::caller::Caller;
use super::estate::Group;
use crate::kafka::{code, text};
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_response::{OffsetFetchResponsePartition, OffsetFetchResponseTopic};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, GroupId, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, LeaveGroupResponse, ListGroupsResponse, OffsetCommitRequest, OffsetCommitResponse,
    OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use models::kafka::{Operations, Resource};
use models::wire::kafka::{ErrorCode, Request, Response};
use std::sync::Arc;

/// `group.min.caller.timeout.ms` and `group.max.caller.timeout.ms`.
const SESSION_MS: std::ops::RangeInclusive<i32> = 6_000..=1_800_000;
/// A coordinator of a transactional id, in a question for one.
const OF_TRANSACTION: i8 = 1;
/// A member has to wait for its leader.
const REBALANCE_IN_PROGRESS: i16 = 27;

fn name(text: &str) -> Arc<str> {
    text.into()
}

impl Caller {
    fn refusal(&self, group: &str, operations: Operations) -> i16 {
        self.estate.state().refusal(self.principal(), Resource::Group, group, operations)
    }

    /// Whether a member may speak for its group. A commit without a member is a client that needs no group.
    fn membership(&self, group: &str, member: &str, generation: i32) -> i16 {
        let state = self.estate.state();
        let Some(known) = state.groups.get(group).filter(|known| !known.members.is_empty()) else {
            return if member.is_empty() { code::NONE } else { code::UNKNOWN_MEMBER_ID };
        };
        if !known.members.iter().any(|(id, _)| id == member) {
            code::UNKNOWN_MEMBER_ID
        } else if known.generation != generation {
            code::ILLEGAL_GENERATION
        } else {
            code::NONE
        }
    }
}

/// Stores positions.
pub async fn commit(caller: &Caller, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let group = request.group_id.as_str().to_owned();
    let refused = match caller.refusal(&group, Operations::READ) {
        code::NONE => caller.membership(&group, &request.member_id, request.generation_id_or_member_epoch),
        error => error,
    };
    let mut topics = Vec::new();
    for topic in request.topics {
        let mut answers = Vec::new();
        for asked in topic.partitions {
            let error = match refused {
                code::NONE => position(caller, &group, &topic.name, (asked.partition_index, asked.committed_offset)),
                error => Err(error),
            };
            let error = match error {
                Err(error) => error,
                Ok(request) => match caller.ask(request).await {
                    Response::OffsetCommit { error } => error as i16,
                    _ => unreachable!("a commit is answered as one"),
                },
            };
            let answer = OffsetCommitResponsePartition::default().with_partition_index(asked.partition_index);
            answers.push(answer.with_error_code(error));
        }
        topics.push(OffsetCommitResponseTopic::default().with_name(topic.name).with_partitions(answers));
    }
    OffsetCommitResponse::default().with_topics(topics)
}

/// The model's question, if the topic may be read and has the partition; as Kafka asks, in this order.
fn position(caller: &Caller, group: &str, topic: &str, (at, offset): (i32, i64)) -> Result<Request, i16> {
    let mut state = caller.estate.state();
    match state.refusal(caller.principal(), Resource::Topic, topic, Operations::READ) {
        code::NONE => {}
        error => return Err(error),
    }
    let at = u32::try_from(at).ok().filter(|at| state.cluster.state(&name(topic), *at).is_some());
    let partition = at.ok_or(code::UNKNOWN_TOPIC_OR_PARTITION)?;
    state.groups.entry(group.to_owned()).or_default();
    let offset = u64::try_from(offset).unwrap_or(0);
    Ok(Request::OffsetCommit { group: name(group), topic: name(topic), partition, offset })
}

/// Where groups are.
pub async fn positions(caller: &Caller, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let group = request.group_id.as_str().to_owned();
    let refused = caller.refusal(&group, Operations::DESCRIBE);
    if refused != code::NONE {
        return OffsetFetchResponse::default().with_error_code(refused);
    }
    let mut topics = Vec::new();
    for topic in request.topics.unwrap_or_default() {
        let mut answers = Vec::new();
        for partition in topic.partition_indexes {
            let at = u32::try_from(partition).unwrap_or(u32::MAX);
            let question = Request::OffsetFetch { group: name(&group), topic: name(&topic.name), partition: at };
            let Response::OffsetFetch { error, offset } = caller.ask(question).await else {
                unreachable!("a position is answered as one");
            };
            let offset = offset.map_or(-1, |offset| offset as i64);
            let answer = OffsetFetchResponsePartition::default().with_partition_index(partition);
            let answer = answer.with_error_code(error as i16).with_committed_offset(offset);
            answers.push(answer.with_metadata(Some(StrBytes::new())));
        }
        topics.push(OffsetFetchResponseTopic::default().with_name(topic.name).with_partitions(answers));
    }
    OffsetFetchResponse::default().with_topics(topics)
}

/// Which broker keeps a group, or a transactional id.
pub async fn coordinator(caller: &Caller, request: &FindCoordinatorRequest, version: i16) -> FindCoordinatorResponse {
    let keys = if version >= 4 { request.coordinator_keys.clone() } else { vec![request.key.clone()] };
    let mut found = Vec::new();
    for key in keys {
        let (error, broker) = if request.key_type == OF_TRANSACTION {
            let state = caller.estate.state();
            let (principal, of) = (caller.principal(), Resource::TransactionalId);
            (state.refusal(principal, of, &key, Operations::DESCRIBE), Some(0))
        } else {
            match caller.ask(Request::FindCoordinator { group: name(&key) }).await {
                Response::Coordinator { error: ErrorCode::None, broker } => (code::NONE, broker.map(|b| b.0)),
                Response::Coordinator { error: ErrorCode::NotCoordinator, .. } => {
                    (code::COORDINATOR_NOT_AVAILABLE, None)
                }
                Response::Coordinator { error, .. } => (error as i16, None),
                _ => unreachable!("a coordinator is answered as one"),
            }
        };
        let at = broker.filter(|_| error == code::NONE);
        let address = at.map(|at| caller.estate.addresses[caller.listener][usize::from(at)]);
        let answer = Coordinator::default().with_key(key).with_error_code(error);
        let answer = answer.with_node_id(at.map_or(-1, i32::from).into());
        let answer = answer.with_host(text(&address.map(|a| a.ip().to_string()).unwrap_or_default()));
        found.push(answer.with_port(address.map_or(-1, |a| i32::from(a.port()))));
    }
    if version >= 4 {
        return FindCoordinatorResponse::default().with_coordinators(found);
    }
    let one = found.remove(0);
    let answer = FindCoordinatorResponse::default().with_error_code(one.error_code).with_node_id(one.node_id);
    answer.with_host(one.host).with_port(one.port)
}

/// Joins, and begins a new generation.
pub fn join(caller: &Caller, request: &JoinGroupRequest, version: i16) -> JoinGroupResponse {
    let group = request.group_id.as_str();
    let refuse = |error| {
        let answer = JoinGroupResponse::default().with_error_code(error).with_generation_id(-1);
        // Null came with version 7.
        answer.with_protocol_name(Some(StrBytes::new()))
    };
    match caller.refusal(group, Operations::READ) {
        code::NONE => {}
        error => return refuse(error),
    }
    if !SESSION_MS.contains(&request.session_timeout_ms) {
        return refuse(code::INVALID_SESSION_TIMEOUT);
    }
    let mut state = caller.estate.state();
    let member = match request.member_id.as_str() {
        "" => format!("member-{}", state.give()),
        known => known.to_owned(),
    };
    let Some(chosen) = request.protocols.first() else { return refuse(code::INVALID_REQUEST) };
    let known = state.groups.entry(group.to_owned()).or_default();
    known.protocol_type = request.protocol_type.as_str().to_owned();
    known.protocol = chosen.name.as_str().to_owned();
    known.members.retain(|(id, _)| *id != member);
    known.members.push((member.clone(), chosen.metadata.clone()));
    known.assignments.clear();
    known.generation += 1;
    let leader = known.members[0].0.clone();
    let all = known.members.iter().map(|(id, metadata)| {
        JoinGroupResponseMember::default().with_member_id(text(id)).with_metadata(metadata.clone())
    });
    let members = if leader == member { all.collect() } else { Vec::new() };
    let answer = JoinGroupResponse::default().with_generation_id(known.generation).with_leader(text(&leader));
    let answer = answer.with_protocol_name(Some(text(&known.protocol)));
    let answer = answer.with_protocol_type((version >= 7).then(|| text(&known.protocol_type)));
    answer.with_member_id(text(&member)).with_members(members)
}

/// Shares out what the leader brings, and gives a member its part.
pub fn sync(caller: &Caller, request: &SyncGroupRequest, version: i16) -> SyncGroupResponse {
    let group = request.group_id.as_str();
    let refuse = |error| SyncGroupResponse::default().with_error_code(error);
    match caller.refusal(group, Operations::READ) {
        code::NONE => {}
        error => return refuse(error),
    }
    match caller.membership(group, &request.member_id, request.generation_id) {
        code::NONE => {}
        error => return refuse(error),
    }
    let mut state = caller.estate.state();
    let known = state.groups.entry(group.to_owned()).or_default();
    for shared in &request.assignments {
        known.assignments.insert(shared.member_id.as_str().to_owned(), shared.assignment.clone());
    }
    let Some(own) = known.assignments.get(request.member_id.as_str()) else { return refuse(REBALANCE_IN_PROGRESS) };
    let answer = SyncGroupResponse::default().with_assignment(own.clone());
    if version < 5 {
        return answer;
    }
    let answer = answer.with_protocol_type(Some(text(&known.protocol_type)));
    answer.with_protocol_name(Some(text(&known.protocol)))
}

/// Says that a member is there.
pub fn heartbeat(caller: &Caller, request: &HeartbeatRequest) -> HeartbeatResponse {
    let group = request.group_id.as_str();
    let error = match caller.refusal(group, Operations::READ) {
        code::NONE => caller.membership(group, &request.member_id, request.generation_id),
        error => error,
    };
    HeartbeatResponse::default().with_error_code(error)
}

/// Leaves.
pub fn leave(caller: &Caller, request: &LeaveGroupRequest, version: i16) -> LeaveGroupResponse {
    let group = request.group_id.as_str();
    let error = caller.refusal(group, Operations::READ);
    if error != code::NONE {
        return LeaveGroupResponse::default().with_error_code(error);
    }
    let named = request.members.iter().map(|member| member.member_id.as_str());
    let ids: Vec<&str> = if version >= 3 { named.collect() } else { vec![request.member_id.as_str()] };
    let mut state = caller.estate.state();
    let known = state.groups.entry(group.to_owned()).or_default();
    let mut left = Vec::new();
    for id in ids {
        let before = known.members.len();
        known.members.retain(|(member, _)| member != id);
        let gone = if known.members.len() < before { code::NONE } else { code::UNKNOWN_MEMBER_ID };
        left.push(MemberResponse::default().with_member_id(text(id)).with_error_code(gone));
    }
    known.generation += 1;
    let answer = LeaveGroupResponse::default();
    if version >= 3 { answer.with_members(left) } else { answer.with_error_code(left[0].error_code) }
}

/// Describes groups; one that nobody has is dead.
pub fn describe(caller: &Caller, request: &DescribeGroupsRequest) -> DescribeGroupsResponse {
    let describe = |id: &GroupId| {
        let answer = DescribedGroup::default().with_group_id(id.clone());
        match caller.refusal(id.as_str(), Operations::DESCRIBE) {
            code::NONE => {}
            error => return answer.with_error_code(error),
        }
        let state = caller.estate.state();
        let Some(known) = state.groups.get(id.as_str()) else { return answer.with_group_state(text("Dead")) };
        let member = |(id, metadata): &(String, bytes::Bytes)| {
            DescribedGroupMember::default().with_member_id(text(id)).with_member_metadata(metadata.clone())
        };
        let members = known.members.iter().map(member).collect();
        answer
            .with_group_state(text(standing(known)))
            .with_protocol_type(text(&known.protocol_type))
            .with_members(members)
    };
    DescribeGroupsResponse::default().with_groups(request.groups.iter().map(describe).collect())
}

fn standing(group: &Group) -> &'static str {
    if group.members.is_empty() { "Empty" } else { "Stable" }
}

/// Groups that may be described.
pub fn list(caller: &Caller, version: i16) -> ListGroupsResponse {
    let state = caller.estate.state();
    let principal = caller.principal();
    let all = state.may_govern(principal, Operations::DESCRIBE);
    let visible = state
        .groups
        .iter()
        .filter(|(group, _)| all || state.may(principal, Resource::Group, group, Operations::DESCRIBE));
    let listed = visible.map(|(group, known)| {
        let listed = ListedGroup::default().with_group_id(GroupId(text(group)));
        let listed = listed.with_protocol_type(text(&known.protocol_type));
        if version >= 4 { listed.with_group_state(text(standing(known))) } else { listed }
    });
    ListGroupsResponse::default().with_groups(listed.collect())
}

/// Forgets groups without members. Their positions stay in the model's log.
pub fn delete(caller: &Caller, request: &DeleteGroupsRequest) -> DeleteGroupsResponse {
    let delete = |id: &GroupId| {
        let mut state = caller.estate.state();
        let refused = state.refusal(caller.principal(), Resource::Group, id.as_str(), Operations::DELETE);
        let error = match (refused, state.groups.get(id.as_str()).map(|known| known.members.is_empty())) {
            (code::NONE, None) => code::GROUP_ID_NOT_FOUND,
            (code::NONE, Some(false)) => code::NON_EMPTY_GROUP,
            (code::NONE, Some(true)) => {
                state.groups.remove(id.as_str());
                code::NONE
            }
            (error, _) => error,
        };
        DeletableGroupResult::default().with_group_id(id.clone()).with_error_code(error)
    };
    DeleteGroupsResponse::default().with_results(request.groups_names.iter().map(delete).collect())
}
