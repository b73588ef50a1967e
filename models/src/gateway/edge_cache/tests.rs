//! What is kept for whom, and until when.

use super::*;
use sim::ControlSet;

const LIFE: Duration = Duration::secs(30);

fn off(control: &Control) -> Controls {
    Controls::with_off(ControlSet::EMPTY.with(control.slot))
}

fn asked(tenant: &str, clearance: &str, region: &str, path: &str) -> Asked {
    Asked { tenant: tenant.into(), region: region.into(), clearance: clearance.into(), path: path.into() }
}

fn acme() -> Asked {
    asked("acme", "confidential", "EU", "/v1/records/7")
}

fn answer(max_age_s: u32, revision: u64) -> Response {
    let mut response = Response::new(1, Reason::Ok).with_body(b"seven"[..].into());
    response.surrogate = Some(Surrogate { max_age_s, revision });
    response
}

/// A cache that is on and has fetched `acme`'s record 7 under revision 1.
fn filled(controls: &Controls) -> EdgeCache {
    let mut cache = EdgeCache::new(LIFE);
    cache.switch(controls, 1, true);
    let fetch = cache.fetch(controls, &mut Headers::default(), acme());
    cache.answered(Instant(0), controls, fetch.as_ref(), &answer(20, 1));
    cache
}

fn has(cache: &EdgeCache, controls: &Controls, asked: &Asked) -> bool {
    cache.find(Instant(1), controls, asked).is_some()
}

#[test]
fn an_answer_is_kept_for_those_who_would_get_the_same_and_every_part_of_the_key_is_needed() {
    let on = Controls::all_on();
    assert!(has(&filled(&on), &on, &acme()));
    let others = [
        (&KEYED_TENANT, asked("acme-corp", "confidential", "EU", "/v1/records/7")),
        (&KEYED_CLEARANCE, asked("acme", "internal", "EU", "/v1/records/7")),
        (&KEYED_REGION, asked("acme", "confidential", "US", "/v1/records/7")),
    ];
    for (control, other) in &others {
        assert!(!has(&filled(&on), &on, other), "{}", control.id);
        let off = off(control);
        assert!(has(&filled(&off), &off, other), "{}", control.id);
    }
    for controls in [on, off(&KEYED_REVISION)] {
        let mut cache = filled(&controls);
        cache.answered(Instant(0), &controls, None, &answer(0, 2));
        assert_eq!(has(&cache, &controls, &acme()), !controls.on(&KEYED_REVISION));
    }
}

#[test]
fn it_lives_as_long_as_the_service_says_and_no_longer_than_the_platform() {
    let on = Controls::all_on();
    let cache = filled(&on);
    let at = |s| cache.find(Instant::ZERO + Duration::secs(s), &on, &acme()).is_some();
    assert!(at(19) && !at(20));
    let mut cache = EdgeCache::new(Duration::secs(5));
    cache.switch(&on, 1, true);
    let fetch = cache.fetch(&on, &mut Headers::default(), acme());
    cache.answered(Instant(0), &on, fetch.as_ref(), &answer(20, 1));
    assert!(cache.find(Instant::ZERO + Duration::secs(5), &on, &acme()).is_none());
}

#[test]
fn what_is_private_is_not_kept() {
    for controls in [Controls::all_on(), off(&PRIVATE_KEPT_OUT)] {
        let mut cache = EdgeCache::new(LIFE);
        cache.switch(&controls, 1, true);
        let fetch = cache.fetch(&controls, &mut Headers::default(), acme());
        cache.answered(Instant(0), &controls, fetch.as_ref(), &answer(0, 1));
        assert_eq!(has(&cache, &controls, &acme()), !controls.on(&PRIVATE_KEPT_OUT));
    }
}

#[test]
fn a_request_whose_answer_may_be_kept_takes_no_header_along_that_is_not_in_the_key() {
    for (controls, kept) in [(Controls::all_on(), 0), (off(&UNKEYED_DROPPED), 1)] {
        let mut headers = Headers { other: vec![("x-forwarded-prefix".into(), "/evil".into())], ..Headers::default() };
        filled(&controls).fetch(&controls, &mut headers, acme());
        assert_eq!(headers.other.len(), kept);
    }
    let mut headers = Headers { other: vec![("accept".into(), "*/*".into())], ..Headers::default() };
    assert_eq!(EdgeCache::new(LIFE).fetch(&Controls::all_on(), &mut headers, acme()), None);
    assert_eq!(headers.other.len(), 1, "a cache that is off has no key");
}

#[test]
fn switching_off_forgets_what_is_kept_and_what_is_under_way() {
    for controls in [Controls::all_on(), off(&EMPTIED)] {
        let mut cache = filled(&controls);
        let fetch =
            cache.fetch(&controls, &mut Headers::default(), asked("acme", "confidential", "EU", "/v1/records/8"));
        assert!(cache.switch(&controls, 2, false) && !cache.switch(&controls, 1, true), "an older word says nothing");
        assert!(!has(&cache, &controls, &acme()));
        cache.switch(&controls, 3, true);
        cache.answered(Instant(0), &controls, fetch.as_ref(), &answer(20, 1));
        assert_eq!(cache.len(), if controls.on(&EMPTIED) { 0 } else { 2 });
    }
}

#[test]
fn a_change_takes_with_it_what_it_changes_and_what_is_being_fetched() {
    for controls in [Controls::all_on(), off(&PURGED)] {
        let kept = !controls.on(&PURGED);
        for path in ["/v1/records/7", "/v1/records/acme~7", "/v1/records/007", "/v1/graphql"] {
            let mut cache = filled(&controls);
            let fetch = cache.fetch(&controls, &mut Headers::default(), acme());
            cache.changed(&controls, &"acme".into(), path);
            assert_eq!(has(&cache, &controls, &acme()), kept, "{path}");
            cache.answered(Instant(0), &controls, fetch.as_ref(), &answer(20, 1));
            assert_eq!(has(&cache, &controls, &acme()), kept, "{path}");
        }
        let mut cache = filled(&controls);
        cache.changed(&controls, &"acme".into(), "/v1/records/8");
        cache.changed(&controls, &"beta".into(), "/v1/records/7");
        assert!(has(&cache, &controls, &acme()), "others' changes, and other records'");
    }
}

#[test]
fn one_tenant_keeps_so_many_answers_and_pushes_nobody_out() {
    let on = Controls::all_on();
    let mut cache = filled(&on);
    for n in 0..=ENTRIES_MAX {
        let fetch =
            cache.fetch(&on, &mut Headers::default(), asked("beta", "internal", "US", &format!("/v1/pages/{n}")));
        cache.answered(Instant(0), &on, fetch.as_ref(), &answer(20, 1));
    }
    assert_eq!(cache.len(), 1 + ENTRIES_MAX);
    assert!(has(&cache, &on, &acme()));
}

#[test]
fn reads_that_ask_for_the_newest_are_not_answered_and_events_change_no_answer() {
    let request = |method, path: &str| Request::new(1, method, path.into());
    assert!(may_answer(&request(Method::Get, "/v1/records/7")));
    let mut fresh = request(Method::Get, "/v1/records/7");
    fresh.headers.other.push(("cache-control".into(), "no-cache".into()));
    assert!(!may_answer(&fresh) && !may_answer(&request(Method::Put, "/v1/records/7")));
    assert!(!may_answer(&request(Method::Get, "/v1//records/7")), "two spellings of one path");
    assert!(may_change(&request(Method::Put, "/v1/records/7")) && may_change(&request(Method::Post, "/v1/graphql")));
    assert!(!may_change(&request(Method::Post, "/v1/events/audit")));
}
