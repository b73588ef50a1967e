//! EVT-08: when dead letters pile up, operators hear of it in time.
//!
//! That they pile up is seen in the store; that somebody was told, in what the cell reports. The judge asks for no
//! alarm before there are twice as many as an alarm needs, so that it never argues about the border of a window.

use super::{Cast, FINDINGS_MAX, finding};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::kafka::dead_letters::{ALARM, ALARM_AT, WINDOW};
use crate::saas::{Saas, is_dead_letter_topic};
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// From when there are too many, until somebody must have been told.
const PATIENCE: Duration = Duration::millis(1_500);

#[derive(Default)]
struct Pile {
    /// When the dead letters of the last window were kept.
    recent: VecDeque<Instant>,
    /// Since when an alarm is due.
    due: Option<Instant>,
    told: Option<Instant>,
}

/// Judges that alarms are raised.
pub struct DeadLetters {
    cast: Rc<Cast>,
    piles: BTreeMap<TenantId, Pile>,
    found: usize,
}

impl DeadLetters {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> DeadLetters {
        DeadLetters { cast, piles: BTreeMap::new(), found: 0 }
    }

    fn kept(&mut self, seen: &Seen<'_, Saas>, topic: &str, findings: &mut Vec<Finding>) {
        let Some(owner) = self.cast.topic_owner(topic).filter(|_| is_dead_letter_topic(topic)) else { return };
        let pile = self.piles.entry(owner.id.clone()).or_default();
        pile.recent.push_back(seen.at);
        while pile.recent.front().is_some_and(|at| seen.at.since(*at) > WINDOW) {
            pile.recent.pop_front();
        }
        let many = pile.recent.len() as u64 >= 2 * ALARM_AT;
        if many && pile.due.is_none() && pile.told.is_none_or(|told| seen.at.since(told) > WINDOW + PATIENCE) {
            pile.due = Some(seen.at);
        }
        if let Some(due) = pile.due.filter(|due| seen.at.since(*due) > PATIENCE)
            && self.found < FINDINGS_MAX
        {
            self.found += 1;
            (pile.due, pile.told) = (None, Some(seen.at));
            let message = format!("dead letters pile up in {topic} since {due}, and nobody was told");
            findings.push(finding("dead-letters", "EVT-08", Some(&owner.id), seen, message));
        }
    }
}

impl Oracle<Saas> for DeadLetters {
    fn name(&self) -> &'static str {
        "dead-letters"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Store, Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::EventStored { topic, .. } => self.kept(seen, topic, findings),
            Fact::Reported { by: "kafka", what, about, .. } if *what == ALARM => {
                if let Some(owner) = self.cast.topic_owner(about) {
                    let pile = self.piles.entry(owner.id.clone()).or_default();
                    (pile.due, pile.told) = (None, Some(seen.at));
                }
            }
            _ => {}
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
