//! Where events go when their cell is silent, who is asked on the way, and what each control keeps from happening.

use super::*;
use crate::control::ControlSet;
use crate::wire::kafka::{Produce, ProduceReply};

const HOME: NodeId = NodeId(1);
const NEAR: NodeId = NodeId(2);
const FAR: NodeId = NodeId(3);
const AUDIT: &str = "tenant.acme.audit";
const TELEMETRY: &str = "tenant.acme.telemetry";

/// A publisher in the EU, with a cell next door and one in the US; all words that it sent and nobody answered.
struct Play {
    spillover: Spillover,
    controls: Controls,
    sent: Vec<Sent>,
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::millis(ms)
}

impl Play {
    fn new(off: &[&Control]) -> Play {
        let other = |cell: &str, region: &str, broker| Elsewhere {
            cell: cell.into(),
            region: region.into(),
            brokers: vec![broker],
        };
        let others = [other("cell-c", "EU", NEAR), other("cell-b", "US", FAR)];
        let spillover = Spillover::new(vec![HOME], &"EU".into(), &others, 7, 8, Duration::millis(300));
        let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
        Play { spillover, controls: Controls::with_off(off), sent: Vec::new() }
    }
    fn publish(&mut self, ms: u64, topic: &str, ticket: u64) {
        let taken = self.spillover.publish(at(ms), &topic.into(), None, (*b"event").into(), ticket);
        assert_eq!(taken, Ok(()));
    }
    fn poll(&mut self, ms: u64) {
        self.spillover.poll(at(ms), &self.controls, &mut self.sent);
    }
    /// The last word to a broker that is such, which is answered now or never.
    fn last(&mut self, to: NodeId, such: fn(&Request) -> bool) -> Option<Sent> {
        let at = self.sent.iter().rposition(|sent| sent.to == to && such(&sent.request))?;
        Some(self.sent.remove(at))
    }
    /// The last event for a broker: its ticket is settled, and it is given back.
    fn keep(&mut self, ms: u64, by: NodeId, ticket: u64) -> Produce {
        let sent = self.last(by, |request| matches!(request, Request::Produce(_))).expect("an event was sent");
        let kept = Response::Produce(ProduceReply::error(ErrorCode::None));
        let settled = self.spillover.on_answer(at(ms), sent.id, &kept);
        assert_eq!(settled, Some(Settled { ticket, result: Ok(()) }));
        let Request::Produce(produce) = sent.request else { panic!("it was asked for an event") };
        produce
    }
    /// The last question about a log's end is answered.
    fn ends(&mut self, ms: u64, by: NodeId, high_watermark: u64) {
        let sent = self.last(by, |request| matches!(request, Request::ListOffsets { .. })).expect("it was asked");
        let end = Response::Offsets { error: ErrorCode::None, log_start: 0, high_watermark };
        assert_eq!(self.spillover.on_answer(at(ms), sent.id, &end), None);
    }
    /// The last question how far the drain came is answered.
    fn drained(&mut self, ms: u64, offset: Option<u64>) {
        let sent = self.last(NEAR, |request| matches!(request, Request::OffsetFetch { .. })).expect("it was asked");
        let answer = Response::OffsetFetch { error: ErrorCode::None, offset };
        assert_eq!(self.spillover.on_answer(at(ms), sent.id, &answer), None);
    }
    fn asked(&self, to: NodeId) -> bool {
        self.sent.iter().any(|sent| sent.to == to)
    }
    /// Two events, of which home keeps neither, as far as anybody hears; the cell next door has room.
    fn silence(&mut self, topic: &str) {
        self.publish(0, topic, 1);
        self.publish(0, topic, 2);
        self.poll(0);
        self.poll(400);
        self.ends(450, NEAR, 0);
        self.poll(800);
        let sent = self.sent.iter().any(|s| s.to == NEAR && matches!(s.request, Request::Produce(_)));
        assert!(!sent, "late is only what has waited for longer");
        self.poll(900);
    }
}

fn under_way(produce: &Produce) -> Option<u32> {
    produce.records[0].headers.spilled.as_ref()?.under_way.map(|stamp| stamp.base_sequence)
}

#[test]
fn what_home_does_not_take_goes_next_door_in_order_and_new_events_wait_for_the_drain() {
    let mut play = Play::new(&[]);
    play.silence(AUDIT);
    let first = play.keep(950, NEAR, 1);
    assert_eq!((&*first.topic, under_way(&first)), ("tenant.acme.spilled-audit", Some(0)));
    play.poll(950);
    let second = play.keep(1_000, NEAR, 2);
    assert_eq!(under_way(&second), None, "it was never sent at home");
    play.poll(1_200);
    play.ends(1_210, HOME, 1);
    play.publish(1_220, AUDIT, 3);
    play.poll(1_220);
    play.ends(1_260, NEAR, 2);
    play.sent.retain(|sent| !matches!(sent.request, Request::Produce(_)));
    for (ms, drained) in [(1_500, None), (1_900, Some(1)), (2_300, Some(2))] {
        assert!(play.last(HOME, |request| matches!(request, Request::Produce(_))).is_none(), "not before the drain");
        play.poll(ms);
        play.ends(ms, HOME, 1);
        play.drained(ms, drained);
        play.poll(ms);
    }
    let third = play.keep(2_301, HOME, 3);
    let stamp = third.producer.expect("it is numbered");
    assert_eq!((&*third.topic, stamp.base_sequence), (AUDIT, 1), "the first place is that of what was under way");
    assert!(play.spillover.is_idle());
}

#[test]
fn only_what_is_not_bound_is_offered_abroad() {
    let abroad = |topic: &str, off: &[&Control]| {
        let mut play = Play::new(off);
        play.publish(0, topic, 1);
        play.poll(0);
        play.poll(400);
        assert!(play.asked(NEAR));
        play.asked(FAR)
    };
    assert_eq!((abroad(TELEMETRY, &[]), abroad(AUDIT, &[])), (true, false));
    assert!(abroad(AUDIT, &[&SPILL_REGION]));
}

#[test]
fn without_the_fence_what_is_under_way_is_passed_by() {
    let mut play = Play::new(&[&ORDER_FENCE]);
    play.silence(TELEMETRY);
    let first = play.keep(950, NEAR, 2);
    assert_eq!(under_way(&first), None);
    play.poll(1_000);
    assert_eq!(&*play.keep(1_001, HOME, 1).topic, TELEMETRY);
}

#[test]
fn without_its_place_what_was_under_way_is_as_new() {
    let mut play = Play::new(&[&KNOWN_AGAIN]);
    play.silence(TELEMETRY);
    assert_eq!(under_way(&play.keep(950, NEAR, 1)), None);
}

#[test]
fn without_waiting_for_the_drain_home_is_next_as_soon_as_it_answers() {
    let mut play = Play::new(&[&DRAIN_FIRST]);
    play.silence(TELEMETRY);
    play.keep(950, NEAR, 1);
    play.poll(950);
    play.keep(1_000, NEAR, 2);
    play.poll(1_200);
    play.ends(1_210, HOME, 1);
    play.poll(1_220);
    play.publish(1_230, TELEMETRY, 3);
    play.poll(1_230);
    assert_eq!(&*play.keep(1_240, HOME, 3).topic, TELEMETRY);
}

#[test]
fn when_home_falls_silent_again_what_waited_goes_next_door() {
    let mut play = Play::new(&[]);
    play.silence(TELEMETRY);
    play.keep(950, NEAR, 1);
    play.poll(950);
    play.keep(1_000, NEAR, 2);
    play.poll(1_200);
    play.ends(1_210, HOME, 1);
    play.publish(1_220, TELEMETRY, 3);
    play.sent.clear();
    play.poll(2_200);
    play.poll(2_200);
    assert_eq!(&*play.keep(2_250, NEAR, 3).topic, "tenant.acme.spilled-telemetry");
}
