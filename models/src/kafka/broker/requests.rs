//! What clients may ask of a broker, request by request.
//!
//! Every request asks for permission first and for existence second.

use super::{Broker, Target, Topic};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::kafka::acl::{self, Operations, Resource};
use crate::kafka::idempotence::Place;
use crate::kafka::offsets::{self, OFFSETS_TOPIC, Position, group_partition};
use crate::kafka::quota::Pace;
use crate::kafka::replica::Awaits;
use crate::kafka::{Effect, Flush};
use crate::wire::kafka::{
    Acks, ErrorCode, Fetch, FetchReply, Produce, ProduceReply, ProducerStamp, Record, Replication, Response,
    TopicMetadata, TopicName,
};
use sim::Instant;
use std::sync::Arc;

/// A produce with `acks=all` waits for the in-sync set, which must have its least size.
pub const ACKS_ALL: Control = control!(
    "kafka.acks-all",
    upholds: ["EVT-03"],
    off: "acks=1: acknowledged after the leader's own append, and lost with the leader",
);

/// What lies in an audit topic stays there.
pub const AUDIT_IMMUTABLE: Control = control!(
    "kafka.audit-immutable",
    upholds: ["EVT-07"],
    off: "an audit topic is a topic like any other: who may delete records of the tenant deletes these as well",
);

impl Broker {
    pub(super) fn produce(
        &mut self,
        now: Instant,
        controls: &Controls,
        who: Option<u32>,
        correlation: u64,
        produce: &Produce,
        out: &mut Vec<Effect>,
    ) -> Result<(), ProduceReply> {
        self.permit(controls, who, Resource::Topic, &produce.topic, Operations::WRITE).map_err(ProduceReply::error)?;
        let target = self.led(&produce.topic, produce.partition).map_err(ProduceReply::error)?;
        let bytes = produce.records.iter().map(Record::size).sum();
        let throttle_ms = self.charge(now, controls, who, (target, produce.client.as_ref()), bytes)?;
        let topic = &self.topics[target.0 as usize];
        let replica = &topic.partitions[target.1 as usize];
        let refuse = |error| Err(ProduceReply { throttle_ms, ..ProduceReply::error(error) });
        if produce.records.is_empty() {
            return refuse(ErrorCode::InvalidRecord);
        }
        if self.full {
            return refuse(ErrorCode::KafkaStorageError);
        }
        let all = produce.acks == Acks::All && controls.on(&ACKS_ALL);
        if all && !replica.enough_in_sync(topic.config.min_isr) {
            return refuse(ErrorCode::NotEnoughReplicas);
        }
        if let Some(bad_record) = self.refused_by_schema(now, controls, target, &produce.records, out) {
            let reply = ProduceReply::error(ErrorCode::InvalidRecord);
            return Err(ProduceReply { throttle_ms, bad_record: Some(bad_record), ..reply });
        }
        let count = produce.records.len() as u32;
        let replica = self.replica(target);
        let place = produce.producer.map_or(Place::Append, |stamp| replica.producers().place(controls, stamp, count));
        let base_offset = match place {
            Place::Refuse(error) => return refuse(error),
            Place::Duplicate { base_offset } => base_offset,
            Place::Append => self.append(now, target, produce.records.clone(), produce.producer, false, out),
        };
        let reply = ProduceReply { error: ErrorCode::None, base_offset, throttle_ms, bad_record: None };
        if all {
            let (local, replica) = self.split(now, target);
            let end = base_offset + u64::from(count);
            replica.when_committed(local, end, correlation, Awaits::Produce(reply), out);
        } else {
            out.push(Effect::Reply { correlation, response: Response::Produce(reply) });
        }
        self.note_busy(target);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a request with its context")]
    pub(super) fn fence(
        &mut self,
        now: Instant,
        controls: &Controls,
        who: Option<u32>,
        correlation: u64,
        (topic, partition): (&TopicName, u32),
        producer: ProducerStamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), ErrorCode> {
        self.permit(controls, who, Resource::Topic, topic, Operations::WRITE)?;
        let target = self.led(topic, partition)?;
        let stamp = ProducerStamp { base_sequence: 0, ..producer };
        if let Place::Refuse(error) = self.replica(target).producers().place(controls, stamp, 0) {
            return Err(error);
        }
        let marker = Record::new([].into(), now);
        let base_offset = self.append(now, target, [marker].into(), Some(stamp), true, out);
        let reply = ProduceReply { base_offset, ..ProduceReply::error(ErrorCode::None) };
        let (local, replica) = self.split(now, target);
        replica.when_committed(local, base_offset + 1, correlation, Awaits::Produce(reply), out);
        self.note_busy(target);
        Ok(())
    }

    pub(super) fn fetch(
        &mut self,
        now: Instant,
        controls: &Controls,
        who: Option<u32>,
        correlation: u64,
        fetch: &Fetch,
        out: &mut Vec<Effect>,
    ) -> Option<Response> {
        let permitted = self.permit(controls, who, Resource::Topic, &fetch.topic, Operations::READ);
        match permitted.and_then(|()| self.known(&fetch.topic, fetch.partition)) {
            Ok(target) => {
                let (local, replica) = self.split(now, target);
                replica.read(local, correlation, fetch, out);
                self.note_busy(target);
                None
            }
            Err(error) => Some(Response::Fetch(FetchReply {
                error,
                batches: Vec::new(),
                next_offset: fetch.offset,
                high_watermark: 0,
                log_start: 0,
            })),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a request with its context")]
    pub(super) fn commit(
        &mut self,
        now: Instant,
        controls: &Controls,
        who: Option<u32>,
        correlation: u64,
        position: &Position,
        offset: u64,
        out: &mut Vec<Effect>,
    ) -> Result<(), ErrorCode> {
        let target = self.position_target(controls, who, position, Operations::READ)?;
        let records = [offsets::encode(position, offset, now)].into();
        let base_offset = self.append(now, target, records, None, false, out);
        let (local, replica) = self.split(now, target);
        replica.when_committed(local, base_offset + 1, correlation, Awaits::Commit, out);
        if replica.rewrite_positions(local, out) && local.flush == Flush::EveryBatch {
            self.sync(target, out);
        }
        self.note_busy(target);
        Ok(())
    }

    pub(super) fn position(
        &mut self,
        controls: &Controls,
        who: Option<u32>,
        position: Position,
    ) -> Result<Option<u64>, ErrorCode> {
        let target = self.position_target(controls, who, &position, Operations::DESCRIBE)?;
        Ok(self.replica(target).position(&position))
    }

    /// The partition that keeps a group's positions, if the principal may do so much to both the group and the topic.
    pub(super) fn position_target(
        &self,
        controls: &Controls,
        who: Option<u32>,
        (group, topic, _): &Position,
        operations: Operations,
    ) -> Result<Target, ErrorCode> {
        self.permit(controls, who, Resource::Group, group, operations)?;
        self.permit(controls, who, Resource::Topic, topic, operations)?;
        let partition = group_partition(group, self.config.offsets_partitions);
        self.led(&OFFSETS_TOPIC.into(), partition).map_err(|_| ErrorCode::NotCoordinator)
    }

    pub(super) fn list_offsets(
        &self,
        controls: &Controls,
        who: Option<u32>,
        topic: &TopicName,
        partition: u32,
    ) -> Response {
        let permitted = self.permit(controls, who, Resource::Topic, topic, Operations::DESCRIBE);
        match permitted.and_then(|()| self.led(topic, partition)) {
            Ok((t, p)) => {
                let replica = &self.topics[t as usize].partitions[p as usize];
                let (log_start, high_watermark) = (replica.log().start(), replica.high_watermark());
                Response::Offsets { error: ErrorCode::None, log_start, high_watermark }
            }
            Err(error) => Response::Offsets { error, log_start: 0, high_watermark: 0 },
        }
    }

    /// Removes what comes before an offset, up to the high watermark; the first offset that is left.
    pub(super) fn delete_records(
        &mut self,
        now: Instant,
        controls: &Controls,
        who: Option<u32>,
        (topic, partition): (&TopicName, u32),
        before: u64,
        out: &mut Vec<Effect>,
    ) -> Result<u64, ErrorCode> {
        self.permit(controls, who, Resource::Topic, topic, Operations::DELETE)?;
        let target = self.led(topic, partition)?;
        if self.topics[target.0 as usize].config.immutable && controls.on(&AUDIT_IMMUTABLE) {
            return Err(ErrorCode::PolicyViolation);
        }
        let (local, replica) = self.split(now, target);
        replica.drop_before(local, before, out);
        Ok(replica.log().start())
    }

    pub(super) fn coordinator(&self, controls: &Controls, who: Option<u32>, group: &str) -> Response {
        if let Err(error) = self.permit(controls, who, Resource::Group, group, Operations::DESCRIBE) {
            return Response::Coordinator { error, broker: None };
        }
        let partition = group_partition(group, self.config.offsets_partitions);
        let broker = self.partition(&OFFSETS_TOPIC.into(), partition).and_then(|r| r.state().leader);
        let error = if broker.is_some() { ErrorCode::None } else { ErrorCode::NotCoordinator };
        Response::Coordinator { error, broker }
    }

    /// The topics asked for; a forbidden one answers alike whether it exists or not. Without names, what is visible.
    pub(super) fn metadata(
        &self,
        controls: &Controls,
        who: Option<u32>,
        topics: Option<Vec<TopicName>>,
    ) -> Vec<TopicMetadata> {
        let describe = |topic: TopicName, error: Option<ErrorCode>| {
            let known = self.topic(&topic).filter(|_| error.is_none());
            let leaders = known.map_or_else(Vec::new, |t| {
                self.topics[t as usize].partitions.iter().map(|p| p.state().leader).collect()
            });
            let absent = if known.is_none() { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::None };
            TopicMetadata { topic, error: error.unwrap_or(absent), leaders }
        };
        let permit = |t: &TopicName| self.permit(controls, who, Resource::Topic, t, Operations::DESCRIBE).err();
        match topics {
            Some(names) => names.into_iter().map(|t| (permit(&t), t)).map(|(e, t)| describe(t, e)).collect(),
            None => self.visible.keys().filter(|t| permit(t).is_none()).map(|t| describe(t.clone(), None)).collect(),
        }
    }

    pub(super) fn permit(
        &self,
        controls: &Controls,
        who: Option<u32>,
        resource: Resource,
        name: &str,
        operations: Operations,
    ) -> Result<(), ErrorCode> {
        let rules = who.map_or(&[][..], |at| &self.principals[at as usize].rules);
        let is_named = || {
            let mut all = self.principals.iter().flat_map(|known| &known.rules);
            all.any(|rule| rule.is_about(controls, resource, name))
        };
        if acl::allows(controls, rules, resource, name, operations) || (self.is_open && !is_named()) {
            return Ok(());
        }
        Err(match resource {
            Resource::Topic => ErrorCode::TopicAuthorizationFailed,
            Resource::Group => ErrorCode::GroupAuthorizationFailed,
            Resource::TransactionalId => ErrorCode::TransactionalIdAuthorizationFailed,
            Resource::Cluster => ErrorCode::ClusterAuthorizationFailed,
        })
    }

    /// Charges the quota of the principal, or of the client on whose behalf it produces; how long it will be throttled.
    pub(super) fn charge(
        &mut self,
        now: Instant,
        controls: &Controls,
        who: Option<u32>,
        (target, client): (Target, Option<&TenantId>),
        bytes: u64,
    ) -> Result<u32, ProduceReply> {
        let quota = who.and_then(|at| self.principals[at as usize].quota(client));
        let Some(quota) = quota else { return Ok(0) };
        let pace = quota.charge(now, controls, bytes);
        let counters = &mut self.topics[target.0 as usize].counters;
        match pace {
            Pace::Serve(0) => Ok(0),
            Pace::Serve(throttle_ms) => {
                counters.throttled += 1;
                Ok(throttle_ms)
            }
            Pace::Muted(throttle_ms) => {
                counters.throttled += 1;
                Err(ProduceReply { throttle_ms, ..ProduceReply::error(ErrorCode::ThrottlingQuotaExceeded) })
            }
        }
    }

    /// Index of the first record that the topic's schema refuses; every refused record goes to the dead letter topic.
    pub(super) fn refused_by_schema(
        &mut self,
        now: Instant,
        controls: &Controls,
        target: Target,
        records: &Arc<[Record]>,
        out: &mut Vec<Effect>,
    ) -> Option<u32> {
        let config = &self.topics[target.0 as usize].config;
        let schema = config.schema.clone()?;
        let refused = |r: &Record| schema.check(controls, &r.value).is_err();
        let first = records.iter().position(refused)?;
        let (letters, before) = (config.dead_letters.clone(), self.topics[target.0 as usize].counters.refused);
        for record in records[first..].iter().filter(|r| refused(r)) {
            self.topics[target.0 as usize].counters.refused += 1;
            let Some(letters) = letters.clone() else { continue };
            let Some(to) = self.partition(&letters, 0).and_then(|r| r.state().leader) else { continue };
            self.topics[target.0 as usize].counters.dead_letters += 1;
            if to != self.id {
                let word = Replication::DeadLetter { topic: letters, record: record.clone() };
                out.push(Effect::Peer { to, word });
            } else if let Some(letters) = self.target(&letters, 0) {
                self.dead_letter(now, letters, record.clone(), out);
            }
        }
        let Topic { name, counters, .. } = &self.topics[target.0 as usize];
        out.push(Effect::Refused { topic: name.clone(), events: counters.refused - before });
        Some(first as u32)
    }

    pub(super) fn dead_letter(&mut self, now: Instant, target: Target, record: Record, out: &mut Vec<Effect>) {
        let me = self.id;
        if self.replica(target).state().leader == Some(me) && !self.full {
            self.append(now, target, [record].into(), None, false, out);
            self.note_busy(target);
        }
    }

    /// Appends as leader and asks for the sync; the offset of the first record.
    pub(super) fn append(
        &mut self,
        now: Instant,
        target: Target,
        records: Arc<[Record]>,
        producer: Option<ProducerStamp>,
        control: bool,
        out: &mut Vec<Effect>,
    ) -> u64 {
        let count = if control { 0 } else { records.len() as u64 };
        let (local, replica) = self.split(now, target);
        let base_offset = replica.append(local, records, producer, control, out).base_offset;
        self.topics[target.0 as usize].counters.appended += count;
        if self.config.flush == Flush::EveryBatch {
            self.sync(target, out);
        }
        base_offset
    }
}
