//! One broker against tenants and attackers, control by control; what only shows under failures is in `cluster`.

use super::acl::ACL_PREFIX;
use super::broker::AUDIT_IMMUTABLE;
use super::idempotence::IDEMPOTENT_PRODUCER;
use super::offsets::OFFSETS_TOPIC;
use super::quota::QUOTA;
use super::replica::Timing;
use super::schema::SCHEMA_VALIDATION;
use super::*;
use crate::control::{Control, ControlSet, Controls};
use crate::wire::kafka::*;
use sim::{Duration, Instant};
use std::sync::Arc;

const ME: BrokerId = BrokerId(0);
const NOW: Instant = Instant(1_000);

fn controls(off: &[&Control]) -> Controls {
    Controls::with_off(off.iter().fold(ControlSet::EMPTY, |set, c| set.with(c.slot)))
}

/// A cluster of one: topics `orders` (with a schema and dead letters) and `audit` of tenants acme and acme-corp.
fn broker() -> Broker {
    let timing = Timing::default();
    let config = BrokerConfig { flush: Flush::PageCache, timing, offsets_partitions: 2 };
    let schema = Schema { id: 7, fields: vec![FieldRule { tag: 1, kind: Kind::Text, required: true }] };
    let plain = TopicConfig { min_isr: 1, ..TopicConfig::default() };
    let mut topics: Vec<(TopicName, u32, TopicConfig)> = vec![(OFFSETS_TOPIC.into(), 2, plain.clone())];
    for tenant in ["acme", "acme-corp"] {
        let dead_letters = Some(topic_name(tenant, "dlq"));
        let governed = TopicConfig { schema: Some(Arc::new(schema.clone())), dead_letters, ..plain.clone() };
        topics.push((topic_name(tenant, "orders"), 1, governed));
        topics.push((topic_name(tenant, "dlq"), 1, plain.clone()));
        topics.push((topic_name(tenant, "audit"), 1, TopicConfig { immutable: true, ..plain.clone() }));
    }
    let mut broker = Broker::boot(ME, 1, config, topics.clone(), []);
    let mut controller = Controller::new(NOW, &[ME], Duration::secs(9));
    let mut effects = Vec::new();
    for (name, partitions, _) in &topics {
        controller.create_topic(name, *partitions, 1, &mut effects);
    }
    for effect in effects {
        if let ControllerEffect::Send { update, .. } = effect {
            broker.on_metadata(NOW, update, &mut Vec::new());
        }
    }
    for tenant in ["acme", "acme-corp"] {
        let rate = Some(Rate { bytes_per_s: 10_000, burst_bytes: 10_000 });
        broker.set_principal(Principal { name: tenant.into(), rules: tenant_rules(tenant), rate, client_rate: None });
    }
    broker
}

fn ask(broker: &mut Broker, controls: &Controls, principal: &str, request: Request) -> Response {
    let mut out = Vec::new();
    broker.on_client(NOW, controls, &principal.into(), 5, request, &mut out);
    let reply =
        out.into_iter().find_map(|e| if let Effect::Reply { response, .. } = e { Some(response) } else { None });
    reply.expect("answered at once")
}

fn produce(broker: &mut Broker, controls: &Controls, who: &str, topic: &str, value: &[u8]) -> ProduceReply {
    let records = [Record::new(value.into(), NOW)].into();
    let produce = Produce { topic: topic.into(), partition: 0, client: None, producer: None, acks: Acks::All, records };
    match ask(broker, controls, who, Request::Produce(produce)) {
        Response::Produce(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn fetch(broker: &mut Broker, controls: &Controls, who: &str, topic: &str) -> FetchReply {
    let wait = Duration::ZERO;
    let fetch = Fetch { topic: topic.into(), partition: 0, offset: 0, bytes_max: 1 << 20, wait };
    match ask(broker, controls, who, Request::Fetch(fetch)) {
        Response::Fetch(reply) => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tenant_reaches_its_own_topics_and_learns_nothing_of_others() {
    let (mut broker, on) = (broker(), controls(&[]));
    assert_eq!(produce(&mut broker, &on, "acme", "tenant.acme.audit", b"x").error, ErrorCode::None);
    assert_eq!(fetch(&mut broker, &on, "acme", "tenant.acme.audit").batches.len(), 1);
    for topic in ["tenant.acme-corp.audit", "tenant.acme-corp.absent", "__consumer_offsets", "platform.audit"] {
        assert_eq!(produce(&mut broker, &on, "acme", topic, b"x").error, ErrorCode::TopicAuthorizationFailed);
        assert_eq!(fetch(&mut broker, &on, "acme", topic).error, ErrorCode::TopicAuthorizationFailed);
        let described = ask(&mut broker, &on, "acme", Request::Metadata { topics: Some(vec![topic.into()]) });
        let error = ErrorCode::TopicAuthorizationFailed;
        assert_eq!(described, Response::Metadata(vec![TopicMetadata { topic: topic.into(), error, leaders: vec![] }]));
    }
    let Response::Metadata(all) = ask(&mut broker, &on, "acme", Request::Metadata { topics: None }) else { panic!() };
    assert!(all.iter().all(|t| t.topic.starts_with("tenant.acme.")) && all.len() == 3);
    assert_eq!(
        produce(&mut broker, &on, "nobody", "tenant.acme.audit", b"x").error,
        ErrorCode::TopicAuthorizationFailed
    );
}

#[test]
fn without_the_separator_acme_reads_writes_and_commits_on_acme_corp() {
    let steal = |controls: &Controls| {
        let mut broker = broker();
        produce(&mut broker, controls, "acme-corp", "tenant.acme-corp.audit", b"corp secret");
        let read = fetch(&mut broker, controls, "acme", "tenant.acme-corp.audit");
        let (group, topic) = ("tenant.acme-corp.billing".into(), "tenant.acme-corp.audit".into());
        let coordinator = Request::OffsetCommit { group, topic, partition: 0, offset: 99 };
        let committed = ask(&mut broker, controls, "acme", coordinator);
        (read.error, committed)
    };
    let refused = Response::OffsetCommit { error: ErrorCode::GroupAuthorizationFailed };
    assert_eq!(steal(&controls(&[])), (ErrorCode::TopicAuthorizationFailed, refused));
    let done = Response::OffsetCommit { error: ErrorCode::None };
    assert_eq!(steal(&controls(&[&ACL_PREFIX])), (ErrorCode::None, done));
}

#[test]
fn a_group_finds_its_position_again() {
    let (mut broker, on) = (broker(), controls(&[]));
    let (group, topic): (Arc<str>, TopicName) = ("tenant.acme.billing".into(), "tenant.acme.audit".into());
    let read = |broker: &mut Broker| {
        let request = Request::OffsetFetch { group: group.clone(), topic: topic.clone(), partition: 0 };
        ask(broker, &on, "acme", request)
    };
    let at = |offset| Response::OffsetFetch { error: ErrorCode::None, offset };
    assert_eq!(read(&mut broker), at(None));
    for offset in 0..5_000 {
        let commit = Request::OffsetCommit { group: group.clone(), topic: topic.clone(), partition: 0, offset };
        assert_eq!(ask(&mut broker, &on, "acme", commit), Response::OffsetCommit { error: ErrorCode::None });
    }
    assert_eq!(read(&mut broker), at(Some(4_999)));
    let offsets: TopicName = OFFSETS_TOPIC.into();
    let kept = (0..2).filter_map(|p| broker.partition(&offsets, p)).map(|r| r.log().end() - r.log().start()).max();
    assert!(kept < Some(1_100), "the offsets topic is rewritten: {kept:?}");
}

#[test]
fn a_malformed_event_is_refused_counted_and_kept_as_a_dead_letter() {
    let garbage = |controls: &Controls| {
        let mut broker = broker();
        let reply = produce(&mut broker, controls, "acme", "tenant.acme.orders", b"{}");
        let counters = broker.counters(&"tenant.acme.orders".into());
        let letters = fetch(&mut broker, controls, "acme", "tenant.acme.dlq").batches.len();
        (reply.error, reply.bad_record, counters.refused, letters)
    };
    assert_eq!(garbage(&controls(&[])), (ErrorCode::InvalidRecord, Some(0), 1, 1));
    assert_eq!(garbage(&controls(&[&SCHEMA_VALIDATION])), (ErrorCode::None, None, 0, 0));
    let event = EventWriter::new(7).text(1, "order").finish();
    assert_eq!(produce(&mut broker(), &controls(&[]), "acme", "tenant.acme.orders", &event).error, ErrorCode::None);
}

#[test]
fn a_flood_is_muted_and_its_neighbour_is_not() {
    let flood = |controls: &Controls| {
        let mut broker = broker();
        let value = [0u8; 1_000];
        for _ in 0..100 {
            produce(&mut broker, controls, "acme", "tenant.acme.audit", &value);
        }
        let neighbour = produce(&mut broker, controls, "acme-corp", "tenant.acme-corp.audit", b"x");
        assert_eq!((neighbour.error, neighbour.throttle_ms), (ErrorCode::None, 0));
        broker.partition(&"tenant.acme.audit".into(), 0).expect("exists").log().bytes()
    };
    assert!(flood(&controls(&[])) <= 11_000);
    assert!(flood(&controls(&[&QUOTA])) > 100_000);
}

#[test]
fn a_service_has_one_quota_for_each_tenant_that_it_produces_for() {
    let floods = |controls: &Controls| {
        let mut broker = broker();
        let client_rate = Some(Rate { bytes_per_s: 10_000, burst_bytes: 10_000 });
        let rules = machine::platform_rules();
        broker.set_principal(Principal { name: "service".into(), rules, rate: None, client_rate });
        let mut last = |client: &str, times| {
            let records: Arc<[Record]> = [Record::new([0u8; 1_000].as_slice().into(), NOW)].into();
            let (topic, client) = (topic_name(client, "audit"), Some(client.into()));
            let produce = Produce { topic, partition: 0, client, producer: None, acks: Acks::All, records };
            let replies = (0..times).map(|_| ask(&mut broker, controls, "service", Request::Produce(produce.clone())));
            match replies.last() {
                Some(Response::Produce(reply)) => reply.error,
                other => panic!("{other:?}"),
            }
        };
        [last("acme", 100), last("acme-corp", 1)]
    };
    assert_eq!(floods(&controls(&[])), [ErrorCode::ThrottlingQuotaExceeded, ErrorCode::None]);
    assert_eq!(floods(&controls(&[&QUOTA])), [ErrorCode::None; 2]);
}

#[test]
fn a_broker_without_room_appends_nothing_more_and_still_serves_readers() {
    let (mut broker, on) = (broker(), controls(&[]));
    produce(&mut broker, &on, "acme", "tenant.acme.audit", b"x");
    broker.set_full(true);
    assert_eq!(produce(&mut broker, &on, "acme", "tenant.acme.audit", b"x").error, ErrorCode::KafkaStorageError);
    assert_eq!(produce(&mut broker, &on, "acme", "tenant.acme.orders", b"{}").error, ErrorCode::KafkaStorageError);
    assert_eq!(fetch(&mut broker, &on, "acme", "tenant.acme.audit").batches.len(), 1);
    assert_eq!(broker.bytes(), Record::new((*b"x").into(), NOW).size(), "no dead letter either");
}

#[test]
fn records_are_deleted_by_those_who_may_and_from_an_audit_topic_by_nobody() {
    let delete = |controls: &Controls, who: &str, topic: &str| {
        let mut broker = broker();
        for _ in 0..3 {
            produce(&mut broker, controls, "acme", topic, b"x");
        }
        let (topic, before) = (TopicName::from(topic), 2);
        let request = Request::DeleteRecords { topic: topic.clone(), partition: 0, before };
        let answer = ask(&mut broker, controls, who, request);
        let Response::DeleteRecords { error, .. } = answer else { panic!("{answer:?}") };
        (error, broker.partition(&topic, 0).expect("exists").log().start())
    };
    let on = controls(&[]);
    assert_eq!(delete(&on, "acme", "tenant.acme.dlq"), (ErrorCode::None, 2));
    assert_eq!(delete(&on, "acme-corp", "tenant.acme.dlq"), (ErrorCode::TopicAuthorizationFailed, 0));
    assert_eq!(delete(&on, "acme", "tenant.acme.audit"), (ErrorCode::PolicyViolation, 0));
    assert_eq!(delete(&controls(&[&AUDIT_IMMUTABLE]), "acme", "tenant.acme.audit"), (ErrorCode::None, 2));
}

#[test]
fn a_retry_is_answered_with_the_first_offset_and_appended_once() {
    let retries = |controls: &Controls| {
        let mut broker = broker();
        let mut offsets = Vec::new();
        for base_sequence in [0, 1, 1, 0] {
            let producer = Some(ProducerStamp { id: 9, epoch: 1, base_sequence });
            let records = [Record::new((*b"x").into(), NOW)].into();
            let topic = "tenant.acme.audit".into();
            let produce = Produce { topic, partition: 0, client: None, producer, acks: Acks::All, records };
            match ask(&mut broker, controls, "acme", Request::Produce(produce)) {
                Response::Produce(reply) => offsets.push(reply.base_offset),
                other => panic!("{other:?}"),
            }
        }
        offsets
    };
    assert_eq!(retries(&controls(&[])), [0, 1, 1, 0]);
    assert_eq!(retries(&controls(&[&IDEMPOTENT_PRODUCER])), [0, 1, 2, 3]);
}

#[test]
fn a_fenced_producer_writes_no_more_and_the_fence_is_invisible() {
    let (mut broker, on) = (broker(), controls(&[]));
    let stamp = |epoch| ProducerStamp { id: 9, epoch, base_sequence: 0 };
    let topic: TopicName = "tenant.acme.audit".into();
    let fence = Request::FenceProducer { topic: topic.clone(), partition: 0, producer: stamp(2) };
    assert!(matches!(ask(&mut broker, &on, "acme", fence), Response::Produce(r) if r.error == ErrorCode::None));
    let mut write = |epoch| {
        let records = [Record::new((*b"x").into(), NOW)].into();
        let producer = Some(stamp(epoch));
        let produce = Produce { topic: topic.clone(), partition: 0, client: None, producer, acks: Acks::All, records };
        match ask(&mut broker, &on, "acme", Request::Produce(produce)) {
            Response::Produce(reply) => reply.error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(write(1), ErrorCode::InvalidProducerEpoch);
    assert_eq!(write(2), ErrorCode::None);
    let read = fetch(&mut broker, &on, "acme", "tenant.acme.audit");
    assert_eq!((read.batches.len(), read.next_offset), (1, 2));
}
