//! A flood of events: somebody with the certificate of its own tenant's connector produces batch after batch.
//!
//! The events are genuine, only too many. It never waits for an answer, and does not care what it is told to wait.

use super::attacker::{Event, Kit, Script};
use models::ids::{Bytes, TenantId};
use models::kafka::route::Routes;
use models::luck;
use models::platform::event_body;
use models::wire::Wire;
use models::wire::kafka::{Acks, Produce, Record, Request, TopicName};
use sim::seed::mix;
use sim::{Duration, NodeId};
use std::sync::Arc;

/// A flooder at the brokers.
pub struct EventFlood {
    routes: Routes,
    tenant: TenantId,
    topic: TopicName,
    /// The mark of having been answered by a broker.
    mark: &'static str,
    /// When it begins.
    pub wait: Duration,
    /// How many batches.
    pub batches: u32,
    /// Events in a batch.
    pub events: u32,
    /// What each event says.
    pub filler: String,
    /// Between two batches.
    pub gap: Duration,
    /// Makes an event of a tenant, the request that published it, and what it says.
    pub body: fn(&str, u64, &str) -> Bytes,
}

const SHOT: u64 = 1;

impl EventFlood {
    /// A flooder of one of its tenant's own topics.
    pub fn new(brokers: Vec<NodeId>, tenant: &str, topic: TopicName, mark: &'static str) -> EventFlood {
        EventFlood {
            routes: Routes::new(brokers, Duration::millis(600)),
            tenant: tenant.into(),
            topic,
            mark,
            wait: Duration::millis(2_000),
            batches: 350,
            events: 4,
            filler: "x".repeat(4_000),
            gap: Duration::millis(10),
            body: event_body,
        }
    }

    fn shoot(&mut self, kit: &mut Kit<'_, '_>) {
        if self.batches == 0 {
            return;
        }
        self.batches -= 1;
        let now = kit.ctx.now();
        let shot = kit.draw(luck::NONCE);
        let event = |n| Record::new((self.body)(&self.tenant, mix(shot, u64::from(n)), &self.filler), now);
        let records: Arc<[Record]> = (0..self.events).map(event).collect();
        let (topic, client, producer) = (self.topic.clone(), None, None);
        let request = Request::Produce(Produce { topic, partition: 0, client, producer, acks: Acks::All, records });
        self.routes.tick(now);
        let to = self.routes.send(now, shot, &request);
        kit.out.send(to, Wire::Kafka(shot, Box::new(request)));
        kit.after(self.gap, SHOT);
    }
}

impl Script for EventFlood {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(self.wait, SHOT),
            Event::Tick(SHOT) => self.shoot(kit),
            Event::Word(_, Wire::KafkaAnswer(id, response)) => {
                self.routes.answered(id, &response);
                kit.mark(self.mark);
            }
            _ => {}
        }
    }
}
