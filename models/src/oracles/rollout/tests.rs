//! Stories of one canary, told by gateways, instances and clients.

use super::*;
use crate::fact::Place;
use crate::gateway::machine::canary::PROMOTED;
use crate::marker::Marker;
use crate::oracles::Principal;
use crate::wire::http::trace::TraceId;
use sim::measure::{CanaryRule, Objective};

fn cast() -> Cast {
    let mut cast = Cast::default();
    for (index, id) in ["acme", "beta"].into_iter().enumerate() {
        let (id, region, cell) = (id.into(), "EU".into(), "cell-a".into());
        cast.add_member(Member { id, index: index as u32, region, cell });
    }
    cast.add(Principal {
        name: "client/acme".into(),
        tenant: Some("acme".into()),
        also: Vec::new(),
        honest: true,
        breach: "TEN-02",
        never: false,
        entitled_until: Instant::ZERO,
    });
    cast
}

fn at(ms: u64) -> Instant {
    Instant(ms * 1_000_000)
}

type Said = Vec<(u64, Fact)>;

fn instance(ms: u64, role: &str, what: &'static str, value: u64) -> (u64, Fact) {
    (ms, Fact::Reported { by: BY, what, about: format!("cell-a/{role}").into(), value })
}

fn gateway(ms: u64, what: &'static str, release: u64) -> (u64, Fact) {
    (ms, Fact::Reported { by: GATEWAY, what, about: "cell-a".into(), value: release })
}

/// One request with this number, and whether the canary takes it; what it is told.
fn asked(ms: u64, number: u64, by_canary: bool, (what, status, body): (&str, u16, &[u8])) -> Said {
    let served = by_canary.then(|| instance(ms, CANARY, SERVED, number));
    let answer = Answer {
        principal: "client/acme".into(),
        request: number,
        what: what.into(),
        status,
        reason: "ok",
        tenant: None,
        region: None,
        retry_after_s: None,
        trace: Some(TraceId(1, number)),
        degraded: false,
        body: body.into(),
        took: Duration::ZERO,
        intended: at(ms),
    };
    served.into_iter().chain([(ms, Fact::Answered(Box::new(answer)))]).collect()
}

/// Everybody runs release 7, and the canary 8, to which requests are sent from 1000 ms on.
fn begun() -> Said {
    let begins = |role: &'static str, revision| {
        [instance(0, role, REVISION, revision), instance(0, role, CONFIG, 8), instance(0, role, SWEPT, 0)]
    };
    let mut said = vec![instance(0, "app-1", CONFIG, 7)];
    said.extend(begins("app-1", 7).into_iter().chain(begins(CANARY, 8)));
    said.push(gateway(1_000, ROUTES, 8));
    said
}

/// A request every 25 ms, of which the canary takes one of four and fails so many of a hundred of those.
fn traffic(percent: u64, until: u64) -> Said {
    let one = |n: u64| {
        let by_canary = n.is_multiple_of(4);
        let fails = by_canary && n / 4 * percent / 100 != (n / 4 + 1) * percent / 100;
        asked(1_000 + n * 25, n, by_canary, ("GET /v1/records/1", if fails { 500 } else { 200 }, b""))
    };
    (0..(until - 1_000) / 25).flat_map(one).collect()
}

/// Routes, configuration, caches.
fn taken_back(ms: u64) -> Said {
    let both = |ms: u64, what, value| ["app-1", CANARY].map(|role| instance(ms, role, what, value));
    [vec![gateway(ms, ROUTES_BACK, 8)], both(ms + 10, CONFIG, 7).into(), both(ms + 20, SWEPT, 1).into()].concat()
}

fn promoted(ms: u64) -> Said {
    vec![gateway(ms, PROMOTED, 8), instance(ms, "app-1", REVISION, 8)]
}

fn check(stories: &[Said], expected: &[&str]) {
    let rule = CanaryRule::day_one(Objective::from_ppm(999_000).expect("99.9 %"), 6).expect("the day-1 rule");
    let promise = RolloutPromise { settings: Settings::day_one(rule), bound: Duration::millis(500) };
    let (mut judge, mut findings) = (Rollout::new(Rc::new(cast()), promise), Vec::new());
    let mut facts: Vec<&(u64, Fact)> = stories.iter().flatten().collect();
    facts.sort_by_key(|(ms, _)| *ms);
    for (ms, fact) in facts {
        judge.observe(&Seen { at: at(*ms), role: "edge-a", cause: 0, fact }, &mut findings);
    }
    judge.finish(at(60_000), &mut findings, &mut Vec::new());
    let rows: Vec<&str> = findings.iter().map(|f| f.requirement.as_str()).collect();
    assert_eq!(rows, expected, "{findings:#?}");
}

#[test]
fn a_canary_that_was_well_for_its_time_may_be_promoted_and_one_that_was_not_is_taken_back() {
    check(&[begun(), traffic(0, 2_600), promoted(2_600)], &[]);
    check(&[begun(), traffic(40, 2_000), taken_back(2_000)], &[]);
    check(&[begun(), traffic(40, 2_600), promoted(2_600)], &["ROL-02"]);
    check(&[begun(), traffic(0, 1_200), promoted(2_600)], &["ROL-02"]);
    check(&[begun(), traffic(0, 2_000), promoted(2_000)], &["ROL-01"]);
}

#[test]
fn a_rollback_is_in_order_and_whole() {
    let rows = |skipped: fn(&Fact) -> bool| {
        let mut said = taken_back(2_000);
        said.retain(|(_, fact)| !skipped(fact));
        said
    };
    let unswept = rows(|fact| matches!(fact, Fact::Reported { what: SWEPT, .. }));
    check(&[begun(), unswept], &["ROL-02"; 2]);
    let configured = rows(|fact| matches!(fact, Fact::Reported { what: CONFIG | SWEPT, .. }));
    check(&[begun(), configured], &["ROL-02"; 2]);
    let mut shuffled = taken_back(2_000);
    shuffled.iter_mut().for_each(|(ms, _)| *ms = 4_000 - *ms);
    // Both sweep while everybody is configured anew, both are configured while routes are as they were, and neither
    // has swept since.
    check(&[begun(), shuffled], &["ROL-02"; 6]);
}

#[test]
fn what_was_taken_back_is_shown_for_no_longer_than_the_bound() {
    let shown = |ms| asked(ms, 999, false, ("GET /v1/pages/terms", 200, b"terms of service, revision 8"));
    check(&[begun(), taken_back(2_000), shown(1_500), shown(2_400)], &[]);
    check(&[begun(), taken_back(2_000), shown(2_600)], &["CAC-03"]);
    check(&[begun(), traffic(0, 2_600), promoted(2_600), shown(4_000)], &[]);
}

#[test]
fn a_canary_tells_nobody_what_is_anothers_and_recordings_hold_nothing_of_anybody() {
    let datum = |tenant| Marker::new(tenant, 1, 7, 0, 5).encode().as_bytes().to_vec();
    let told = |by_canary, tenant| asked(1_500, 2, by_canary, ("GET /v1/records/7", 200, &datum(tenant)));
    check(&[begun(), taken_back(2_000), told(true, 0)], &[]);
    check(&[begun(), taken_back(2_000), told(true, 1)], &["CEL-07"]);
    // Another oracle's business.
    check(&[begun(), taken_back(2_000), told(false, 1)], &[]);
    let kept = |body: Vec<u8>| {
        let place = Place { store: STORE, cell: "cell-a".into(), region: "EU".into() };
        let (key, body) = ("recordings/1".into(), body.into());
        vec![(1_500, Fact::ObjectStored { place, key, version: 1, kept_until: Instant::ZERO, body })]
    };
    check(&[begun(), taken_back(2_000), kept(b"PUT /v1/records/7\nxxxx".to_vec())], &[]);
    check(&[begun(), taken_back(2_000), kept(datum(0))], &["CEL-07"]);
}

#[test]
fn events_of_a_canary_lie_apart_and_nobody_chooses_it() {
    let event = |request, partition| {
        let place = Place { store: "kafka", cell: "cell-a".into(), region: "EU".into() };
        let (topic, body) = ("tenant.acme.audit".into(), Vec::new().into());
        vec![(1_500, Fact::EventStored { place, topic, partition, offset: 0, request, body })]
    };
    let published = |request, by_canary| asked(1_501, request, by_canary, ("POST /v1/events/audit", 202, b""));
    let fine = [begun(), taken_back(2_000), event(1, 1), published(1, true), event(2, 0), published(2, false)];
    check(&fine, &[]);
    check(&[begun(), taken_back(2_000), event(1, 0), published(1, true)], &["ROL-01"]);
    check(&[begun(), taken_back(2_000), event(2, 1), published(2, false)], &["ROL-01"]);
    let chosen = |n| asked(1_100 + n, n, true, ("GET /v1/records/1", 200, b""));
    check(&[begun(), (1..30).flat_map(chosen).collect(), taken_back(2_000)], &["ROL-01"]);
}
