//! A snoop: somebody who holds the certificate of one tenant's connector, and asks the brokers for what is another's.
//!
//! It knows how topics and groups are named, and finds the broker that leads as every client does.

use super::attacker::{Event, Kit, Script};
use super::broker::{content, spell, status};
use models::kafka::route::Routes;
use models::luck;
use models::wire::Wire;
use models::wire::kafka::{Request, Response};
use sim::seed::{Lineage, name_hash};
use sim::{Duration, NodeId};
use std::collections::BTreeMap;

/// What a snoop asks for: given a draw for this step, and the end of the log that it learned of last.
pub type Errand = Box<dyn Fn(u64, u64) -> Request>;

/// A snoop.
pub struct Snoop {
    routes: Routes,
    errand: Errand,
    /// The mark of having been heard by a broker.
    mark: &'static str,
    open: BTreeMap<u64, String>,
    /// End of the victim's log, as far as it was told.
    end: u64,
    /// When it begins.
    pub wait: Duration,
    /// How often it asks.
    pub tries: u32,
    /// Between two asks.
    pub gap: Duration,
}

const KNOCK: u64 = 1;

impl Snoop {
    /// A snoop at these brokers.
    pub fn new(brokers: Vec<NodeId>, mark: &'static str, errand: impl Fn(u64, u64) -> Request + 'static) -> Snoop {
        Snoop {
            routes: Routes::new(brokers, Duration::millis(600)),
            errand: Box::new(errand),
            mark,
            open: BTreeMap::new(),
            end: 0,
            wait: Duration::millis(2_000),
            tries: 16,
            gap: Duration::millis(250),
        }
    }

    fn knock(&mut self, kit: &mut Kit<'_, '_>) {
        if self.tries == 0 {
            return;
        }
        self.tries -= 1;
        let step = Lineage::root(name_hash(&kit.principal()), u64::from(self.tries));
        if kit.ctx.draw_at(luck::PRESENCE, step.cause, 0) != sim::swarm::ABSENT {
            let request = (self.errand)(kit.ctx.draw_at(luck::ATTACK, step.cause, 0), self.end);
            let now = kit.ctx.now();
            self.routes.tick(now);
            let to = self.routes.send(now, step.cause, &request);
            self.open.insert(step.cause, spell(&request));
            kit.out.send_for(step, to, Wire::Kafka(step.cause, Box::new(request)));
        }
        kit.after(self.gap, KNOCK);
    }

    fn answered(&mut self, kit: &mut Kit<'_, '_>, id: u64, response: &Response) {
        self.routes.answered(id, response);
        let Some(what) = self.open.remove(&id) else { return };
        let (status, reason) = status(response);
        if let Response::Offsets { high_watermark, .. } = response {
            self.end = self.end.max(*high_watermark);
        }
        // Who may ask is decided before who leads, but only the leader lets anything through.
        if status != 503 {
            kit.mark(self.mark);
        }
        kit.heard(&what, status, reason, content(response));
    }
}

impl Script for Snoop {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(self.wait, KNOCK),
            Event::Tick(KNOCK) => self.knock(kit),
            Event::Word(_, Wire::KafkaAnswer(id, response)) => self.answered(kit, id, &response),
            _ => {}
        }
    }
}
