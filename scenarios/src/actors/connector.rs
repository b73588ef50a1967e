//! A tenant's honest connector: it reads all events of its tenant at the brokers, and publishes some of its own.
//!
//! Every event that it is handed is a client fact with all its bytes, so the judges of isolation search it.

use super::broker::{content, spell, status};
use super::client::datum;
use models::config::{PlatformConfig, Tenant};
use models::fact::{Answer, Fact};
use models::ids::{Bytes, TenantId};
use models::kafka::consumer::{Consumer, Delivery, Patience};
use models::kafka::event::event_request;
use models::kafka::publisher::Sent;
use models::kafka::{Elsewhere, Spillover, topic_name};
use models::luck;
use models::oracles::audit::{inspect, inspected};
use models::oracles::delivery::{CONNECTOR, consumed};
use models::platform::{self, Actor, DOMAINS, Directory, Mirrors, event_body};
use models::saas::Saas;
use models::wire::Wire;
use models::wire::kafka::{Request, Response, TopicName};
use sim::node::Boot;
use sim::seed::{Lineage, below, mix, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// What a connector is.
#[derive(Clone)]
pub struct ConnectorSpec {
    /// Its name as a principal: `connector/acme`.
    pub principal: Arc<str>,
    /// Its tenant.
    pub tenant: TenantId,
    /// The tenant's index in leak markers.
    pub index: u32,
    /// Brokers of its cell.
    pub brokers: Vec<NodeId>,
    /// The region of its cell.
    pub region: Arc<str>,
    /// Cells that its events may spill to, the preferred ones first.
    pub spills_to: Vec<Elsewhere>,
    /// Domains whose topics it reads. It publishes to the first, and to all in turn where events may spill: how one is
    /// bound decides where to.
    pub domains: Vec<Arc<str>>,
    /// Mean gap between its own events.
    pub gap: Duration,
    /// Its first event.
    pub from: Instant,
    /// No event of its own is later.
    pub until: Instant,
    /// Mixed into the bits of its data.
    pub salt: u64,
    /// When it reads its audit topic once more, from the start.
    pub inspects_from: Instant,
}

/// The connector of a tenant, in its place: behind its certificate in the tenant's cell, at all of its topics. Its own
/// events come between two instants; at a third it begins to inspect its audit topic.
pub fn seat(
    (config, mirrors): (&PlatformConfig, Mirrors),
    tenant: &Tenant,
    index: u32,
    (from, until, inspects_from): (Instant, Instant, Instant),
    salt: u64,
) -> Actor {
    let principal: Arc<str> = format!("{CONNECTOR}{}", tenant.id).into();
    let cell = platform::home_cell(config, tenant);
    let brokers = platform::broker_roles(config, &cell);
    let (tenant, region, config) = (tenant.id.clone(), tenant.region.clone(), config.clone());
    Actor {
        role: principal.to_string(),
        group: cell.to_string(),
        connector_of: Some(tenant.clone()),
        boot: Box::new(move |directory: Rc<Directory>| -> Boot<Saas> {
            let spec = ConnectorSpec {
                principal: principal.clone(),
                tenant: tenant.clone(),
                index,
                brokers: brokers.iter().map(|role| directory.node(role)).collect(),
                region: region.clone(),
                spills_to: platform::elsewhere(&config, mirrors, &cell, &directory),
                domains: DOMAINS.map(Arc::from).into(),
                gap: if mirrors == Mirrors::Spilling { GAP_WHERE_SPILLED } else { GAP },
                from,
                until,
                salt,
                inspects_from,
            };
            Rc::new(move |ctx, out| Box::new(Connector::boot(spec.clone(), ctx, out)))
        }),
    }
}

/// The consumer group of a tenant's connector.
pub fn group_of(tenant: &str) -> String {
    topic_name(tenant, "connector").to_string()
}

const PATIENCE: Patience =
    Patience { wait: Duration::millis(500), retry: Duration::millis(300), commit_every: Duration::millis(300) };
/// Mean gap between two events of its own.
const GAP: Duration = Duration::millis(200);
/// The same where events spill: some have to be on their way whenever something fails.
const GAP_WHERE_SPILLED: Duration = Duration::millis(80);
const TICK: u64 = 1;
const PUBLISH: u64 = 2;
const INSPECTION: u64 = 3;
const AUDIT: &str = "audit";
const TICK_EVERY: Duration = Duration::millis(100);
/// Ticks between two looks at which topics there are.
const TICKS_PER_LIST: u64 = 15;
/// Its own events carry data of records that no client writes.
const RECORDS_FROM: u32 = 500_000;

/// A connector at work.
pub struct Connector {
    spec: ConnectorSpec,
    /// Its own undertakings, told apart from those of a former life.
    name: u64,
    consumer: Consumer,
    publisher: Spillover,
    /// Topics that it publishes to in turn.
    topics: Vec<TopicName>,
    published: u64,
    /// When each unsettled event was meant to start, and in which topic.
    unsettled: BTreeMap<u64, (Instant, TopicName)>,
    /// Reads the audit topic once more, for nobody's sake but the tenant's.
    inspection: Option<Consumer>,
    listing: Option<u64>,
    ticks: u64,
    empty: Bytes,
}

impl Connector {
    /// A connector that goes on where its group stopped.
    pub fn boot(spec: ConnectorSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Connector {
        let life = ctx.draw(luck::NONCE);
        let mut consumer = Consumer::new(spec.brokers.clone(), &group_of(&spec.tenant), life, PATIENCE);
        for domain in &spec.domains {
            consumer.subscribe(&topic_name(&spec.tenant, domain), 0);
        }
        let publishes = if spec.spills_to.is_empty() { 1 } else { spec.domains.len() };
        let topics = spec.domains.iter().take(publishes).map(|domain| topic_name(&spec.tenant, domain)).collect();
        let mut connector = Connector {
            name: mix(name_hash(&spec.principal), life),
            consumer,
            publisher: Spillover::new(
                spec.brokers.clone(),
                &spec.region,
                &spec.spills_to,
                mix(life, 1) >> 8,
                64,
                Duration::millis(300),
            ),
            topics,
            published: 0,
            unsettled: BTreeMap::new(),
            inspection: None,
            listing: None,
            ticks: 0,
            empty: [].into(),
            spec,
        };
        let wait = connector.spec.from.since(ctx.now());
        out.timer_for(connector.own(PUBLISH, 0), wait, PUBLISH);
        connector.tick(ctx, out);
        connector
    }

    fn own(&self, what: u64, n: u64) -> Lineage {
        Lineage::root(mix(self.name, what), n)
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        out.timer_for(self.own(TICK, self.ticks), TICK_EVERY, TICK);
        if self.ticks % TICKS_PER_LIST == 1 {
            let id = self.own(TICKS_PER_LIST, self.ticks).cause;
            self.listing = Some(id);
            let to = self.spec.brokers[(self.ticks / TICKS_PER_LIST) as usize % self.spec.brokers.len()];
            out.send(to, Wire::Kafka(id, Box::new(Request::Metadata { topics: None })));
        }
        if self.inspection.is_none() && ctx.now() >= self.spec.inspects_from {
            self.inspection = Some(self.inspector());
        }
        self.inspected(ctx, out);
        self.drive(ctx, out);
    }

    /// A consumer of a group of its own, which has read nothing yet.
    fn inspector(&self) -> Consumer {
        let (group, life) = (topic_name(&self.spec.tenant, "inspection"), mix(self.name, INSPECTION));
        let mut inspector = Consumer::new(self.spec.brokers.clone(), &group, life, PATIENCE);
        inspector.subscribe(&topic_name(&self.spec.tenant, AUDIT), 0);
        inspector
    }

    /// Says how far the inspection came, once it has come to the end.
    fn inspected(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let ended =
            self.inspection.as_ref().and_then(|i| i.caught_up().next().map(|(topic, _, end)| (topic.clone(), end)));
        if let Some((topic, end)) = ended {
            (self.inspection, self.spec.inspects_from) = (None, Instant::NEVER);
            self.received(ctx, out, 0, inspected(&topic, end), ctx.now(), self.empty.clone());
        }
    }

    fn publish(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        if now >= self.spec.until {
            return;
        }
        self.published += 1;
        let lineage = self.own(PUBLISH, self.published);
        let cause = lineage.cause;
        let draw = ctx.draw_at(luck::ARRIVAL, cause, 0);
        let gap = Duration(self.spec.gap.0 / 4 + below(draw, self.spec.gap.0 * 3 / 2 + 1));
        out.timer_for(lineage, gap, PUBLISH);
        if ctx.draw_at(luck::PRESENCE, cause, 0) == sim::choice::ABSENT {
            return;
        }
        let bits = |cause, n| ctx.draw_at(luck::DATUM, cause, n);
        let record = RECORDS_FROM + self.published as u32;
        let marker = datum(&bits, &self.spec.tenant, self.spec.salt, self.spec.index, record, 0);
        let event = event_body(&self.spec.tenant, cause, marker.encode().as_str());
        let topic = self.topics[self.published as usize % self.topics.len()].clone();
        if self.publisher.publish(now, &topic, None, event, cause).is_ok() {
            self.unsettled.insert(cause, (now, topic));
        }
        self.drive(ctx, out);
    }

    fn drive(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let mut sends = Vec::new();
        self.consumer.poll(ctx.now(), &mut sends);
        self.publisher.poll(ctx.now(), ctx.controls(), &mut sends);
        if let Some(inspection) = &mut self.inspection {
            inspection.poll(ctx.now(), &mut sends);
        }
        for Sent { to, id, request } in sends {
            out.send_for(self.own(0, id), to, Wire::Kafka(id, Box::new(request)));
        }
    }

    fn answered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64, response: &Response) {
        let now = ctx.now();
        let mut deliveries = Vec::new();
        if self.listing == Some(id) {
            self.listing = None;
            self.state(ctx, out, id, spell(&Request::Metadata { topics: None }), response);
        } else if self.consumer.on_answer(now, id, response, &mut deliveries) {
            deliveries.iter().for_each(|delivery| self.handed(ctx, out, delivery));
        } else if self.inspection.as_mut().is_some_and(|i| i.on_answer(now, id, response, &mut deliveries)) {
            for Delivery { topic, offset, record, .. } in &deliveries {
                self.received(ctx, out, 0, inspect(topic, *offset), now, record.value.clone());
            }
        } else if let Some(settled) = self.publisher.on_answer(now, id, response)
            && let Some((intended, topic)) = self.unsettled.remove(&settled.ticket)
        {
            let mut answer = self.answer(ctx, settled.ticket, format!("PRODUCE {topic}"), intended);
            (answer.status, answer.reason) = status(response);
            out.fact(Fact::Answered(Box::new(answer)));
        }
        for ticket in self.publisher.held_back() {
            self.unsettled.remove(&ticket);
        }
        self.drive(ctx, out);
    }

    fn handed(&self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, delivery: &Delivery) {
        let Delivery { topic, partition, offset, record } = delivery;
        let request = event_request(&record.value).unwrap_or_default();
        let what = consumed(topic, *partition, *offset);
        self.received(ctx, out, request, what, record.timestamp, record.value.clone());
    }

    fn received(
        &self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        request: u64,
        what: String,
        since: Instant,
        body: Bytes,
    ) {
        let mut answer = self.answer(ctx, request, what, since);
        (answer.status, answer.reason, answer.body) = (200, "RECEIVED", body);
        out.fact(Fact::Answered(Box::new(answer)));
    }

    fn state(&self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, id: u64, what: String, response: &Response) {
        let mut answer = self.answer(ctx, id, what, ctx.now());
        (answer.status, answer.reason) = status(response);
        answer.body = content(response);
        out.fact(Fact::Answered(Box::new(answer)));
    }

    fn answer(&self, ctx: &Ctx<'_, Saas>, request: u64, what: String, intended: Instant) -> Answer {
        let took = ctx.now().since(intended);
        super::client::answer_of(&self.spec.principal, request, what.into(), intended, took, None, &self.empty)
    }
}

impl Machine<Saas> for Connector {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { token: TICK } => self.tick(ctx, out),
            Input::Timer { token: PUBLISH } => self.publish(ctx, out),
            Input::Message { message: Wire::KafkaAnswer(id, response), .. } => self.answered(ctx, out, id, &response),
            _ => {}
        }
    }
}
