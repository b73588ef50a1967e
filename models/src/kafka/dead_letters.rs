//! The watch over dead letters: when a topic's events are refused in numbers, somebody is told.
//!
//! A refused event is kept for whoever wants to know why. Kept and never looked at, it is only a second way to fill a
//! disk; so the watch counts by topic and window, and raises its voice once a window.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::kafka::TopicName;
use sim::{Duration, Instant};
use std::collections::BTreeMap;

/// Refused events in numbers raise an alarm.
pub const DEAD_LETTER_ALARM: Control = control!(
    "kafka.dead-letter-alarm",
    upholds: ["EVT-02", "EVT-08"],
    off: "no alert on the growth of dead letter topics: refused events pile up, and nobody hears of it",
);

/// How a broker reports the alarm.
pub const ALARM: &str = "dead-letter-alarm";
/// Refused events of one topic in one window that are no accident: a producer with a bug sends a few.
pub const ALARM_AT: u64 = 20;
/// The window.
pub const WINDOW: Duration = Duration::secs(1);

/// Counts refused events.
#[derive(Debug, Default)]
pub struct Watch {
    windows: BTreeMap<TopicName, Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    ends: Instant,
    count: u64,
}

impl Watch {
    /// Counts refused events of a topic; how many there were, when that is the moment to say so.
    pub fn note(&mut self, now: Instant, controls: &Controls, topic: &TopicName, refused: u64) -> Option<u64> {
        // Topics are configured, so there are never more windows than these.
        let window = self.windows.entry(topic.clone()).or_insert(Window { ends: now + WINDOW, count: 0 });
        if now >= window.ends {
            *window = Window { ends: now + WINDOW, count: 0 };
        }
        let before = window.count;
        window.count += refused;
        (before < ALARM_AT && window.count >= ALARM_AT && controls.on(&DEAD_LETTER_ALARM)).then_some(window.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    /// Alarms in ten seconds in which one event in `gap` is refused.
    fn alarms(controls: &Controls, gap: Duration) -> usize {
        let (mut watch, topic): (Watch, TopicName) = (Watch::default(), "tenant.acme.audit".into());
        let times = (0..10_000 / gap.as_millis()).map(|n| Instant::ZERO + gap * n);
        times.filter(|now| watch.note(*now, controls, &topic, 1).is_some()).count()
    }

    #[test]
    fn a_few_refused_events_are_an_accident_and_many_an_alarm_a_window() {
        let on = Controls::all_on();
        assert_eq!((alarms(&on, Duration::millis(100)), alarms(&on, Duration::millis(20))), (0, 10));
        let off = Controls::with_off(ControlSet::EMPTY.with(DEAD_LETTER_ALARM.slot));
        assert_eq!(alarms(&off, Duration::millis(20)), 0);
    }
}
