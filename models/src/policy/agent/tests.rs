//! Stories of an agent and its bundles: each control on and off.

use super::*;
use crate::config::Inputs;
use crate::control::ControlSet;
use crate::policy::bundle::{Signer, reference_content};
use crate::policy::rego::PolicyError;
use crate::policy::{PolicyData, rego};
use crate::wire::policy::{BundleContent, Level};
use std::sync::Arc;

const STALE: Duration = Duration::secs(60);
const SKEW: Duration = Duration::secs(5);
const ALLOW_ALL: &str = "package switchboard\ndefault allow := true\ndeny contains \"LABEL\" if false\n";

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::secs(seconds)
}

fn signer() -> Signer {
    Signer::from_seed("policy-1", &[7; 32])
}

fn reference() -> Arc<BundleContent> {
    reference_content(&PolicyData::from_tenants(&Inputs::embedded().tenants))
}

fn with_policy(policy: &str) -> Arc<BundleContent> {
    Arc::new(BundleContent::new(policy, Arc::clone(reference().data())))
}

/// An agent at second 0 with revision 5 of the reference policy.
fn agent(loader: &mut Loader) -> Agent {
    let mut agent = Agent::new(vec![signer().trusted()], STALE, SKEW, 0);
    let first = signer().sign(5, at(0), &reference());
    assert_eq!(agent.receive(at(0), &Controls::all_on(), loader, &first), Ok(Accepted::Installed));
    agent
}

fn off(control: &Control) -> Controls {
    Controls::with_off(ControlSet::EMPTY.with(control.slot))
}

fn own() -> Input {
    Input {
        authenticated: Some(true),
        tenant_id: Some("acme".into()),
        resource_tenant: Some("acme".into()),
        kind: Some("audit".into()),
        classification: Some(Level::Internal),
        label: Some("pii".into()),
        region: Some("EU".into()),
    }
}

fn foreign() -> Input {
    Input { resource_tenant: Some("beta".into()), ..own() }
}

/// What an agent with revision 5 says to `bundle` with all controls on, and what it decides about a foreign resource
/// after it took the bundle with `control` off.
fn check(bundle: &SignedBundle, refusal: Refusal, control: &Control) {
    let mut loader = Loader::new();
    let mut guarded = agent(&mut loader);
    assert_eq!(guarded.receive(at(1), &Controls::all_on(), &mut loader, bundle), Err(refusal));
    assert_eq!(guarded.revision(), 5);
    assert!(!guarded.decide(at(1), &Controls::all_on(), &foreign()).decision.allow);
    let mut open = agent(&mut loader);
    assert_eq!(open.receive(at(1), &off(control), &mut loader, bundle), Ok(Accepted::Installed), "{}", control.id);
    assert!(open.decide(at(1), &off(control), &foreign()).decision.allow, "{}", control.id);
}

#[test]
fn a_bundle_that_no_trusted_key_signed_is_refused() {
    let genuine = signer().sign(6, at(1), &with_policy(ALLOW_ALL));
    let unsigned = SignedBundle { signature: None, ..genuine.clone() };
    check(&unsigned, Refusal::Unsigned, &BUNDLE_SIGNATURE);
    let stranger = Signer::from_seed("policy-1", &[8; 32]).sign(6, at(1), &with_policy(ALLOW_ALL));
    check(&stranger, Refusal::BadSignature, &BUNDLE_SIGNATURE);
    let unknown = SignedBundle { key_id: "policy-2".into(), ..genuine.clone() };
    check(&unknown, Refusal::UnknownKey, &BUNDLE_SIGNATURE);
    let short = SignedBundle { signature: Some(Arc::from([0; 12].as_slice())), ..genuine };
    check(&short, Refusal::BadSignature, &BUNDLE_SIGNATURE);
}

#[test]
fn a_bundle_whose_files_were_exchanged_is_refused() {
    let exchanged = SignedBundle { content: with_policy(ALLOW_ALL), ..signer().sign(6, at(1), &reference()) };
    check(&exchanged, Refusal::Tampered, &BUNDLE_DIGEST);
    // Exchanged under the manifest already in force: equally refused, and not mistaken for a refresh.
    let exchanged = SignedBundle { content: with_policy(ALLOW_ALL), ..signer().sign(6, at(1), &with_policy("x")) };
    check(&exchanged, Refusal::Tampered, &BUNDLE_DIGEST);
}

#[test]
fn a_bundle_that_goes_back_is_refused() {
    let old = signer().sign(4, at(0), &with_policy(ALLOW_ALL));
    check(&old, Refusal::RolledBack { seen: 5, offered: 4 }, &BUNDLE_REVISION);
    let other = signer().sign(5, at(1), &with_policy(ALLOW_ALL));
    check(&other, Refusal::RolledBack { seen: 5, offered: 5 }, &BUNDLE_REVISION);
}

#[test]
fn a_bundle_that_is_only_examined_changes_nothing() {
    let mut loader = Loader::new();
    let mut agent = agent(&mut loader);
    let controls = Controls::all_on();
    let next = signer().sign(6, at(1), &with_policy(ALLOW_ALL));
    assert!(matches!(agent.examine(at(1), &controls, &mut loader, &next), Ok(Examined::New(_))));
    assert_eq!((agent.floor(), agent.revision()), (5, 5));
    assert!(!agent.decide(at(1), &controls, &foreign()).decision.allow);
    let known = signer().sign(5, at(50), &reference());
    assert!(matches!(agent.examine(at(50), &controls, &mut loader, &known), Ok(Examined::InForce)));
    assert_eq!(agent.age(at(50)), Some(Duration::secs(50)), "examined, not taken");
}

#[test]
fn a_restart_is_no_way_back() {
    let mut loader = Loader::new();
    let before = agent(&mut loader);
    let mut after = Agent::new(vec![signer().trusted()], STALE, SKEW, before.floor());
    let old = signer().sign(4, at(0), &with_policy(ALLOW_ALL));
    let refused = Err(Refusal::RolledBack { seen: 5, offered: 4 });
    assert_eq!(after.receive(at(1), &Controls::all_on(), &mut loader, &old), refused);
    let current = signer().sign(5, at(1), &reference());
    assert_eq!(after.receive(at(1), &Controls::all_on(), &mut loader, &current), Ok(Accepted::Installed));
}

#[test]
fn an_agent_without_policy_denies_whatever_is_switched_off() {
    let mut agent = Agent::new(vec![signer().trusted()], STALE, SKEW, 0);
    for controls in [Controls::all_on(), off(&FAIL_CLOSED)] {
        let answer = agent.decide(at(1), &controls, &own());
        assert_eq!((answer.decision, answer.revision), (Decision::deny(Deny::PolicyMissing), 0));
    }
}

#[test]
fn a_policy_past_its_bound_does_not_decide() {
    let mut agent = agent(&mut Loader::new());
    assert!(agent.decide(at(60), &Controls::all_on(), &own()).decision.allow);
    let stale = agent.decide(at(61), &Controls::all_on(), &own());
    assert_eq!((stale.decision, stale.revision), (Decision::deny(Deny::PolicyStale), 5));
    let year = 365 * 86_400;
    assert!(agent.decide(at(year), &off(&FAIL_CLOSED), &own()).decision.allow);
    assert!(!agent.decide(at(year), &off(&FAIL_CLOSED), &foreign()).decision.allow, "stale, not absent");
}

#[test]
fn news_keep_a_policy_fresh_and_replayed_news_do_not() {
    let mut loader = Loader::new();
    let mut agent = agent(&mut loader);
    let controls = Controls::all_on();
    let news = signer().sign(5, at(50), &reference());
    assert_eq!(agent.receive(at(50), &controls, &mut loader, &news), Ok(Accepted::Refreshed));
    assert_eq!(agent.age(at(55)), Some(Duration::secs(5)));
    for second in [100, 110, 111] {
        assert_eq!(agent.receive(at(second), &controls, &mut loader, &news), Ok(Accepted::Unchanged));
        assert_eq!(agent.decide(at(second), &controls, &own()).decision.allow, second <= 110);
    }
    let old_news = signer().sign(5, at(10), &reference());
    assert_eq!(agent.receive(at(112), &controls, &mut loader, &old_news), Ok(Accepted::Unchanged));
    assert_eq!(agent.age(at(112)), Some(Duration::secs(62)));
}

#[test]
fn a_bundle_from_the_future_is_refused_beyond_honest_skew() {
    let mut loader = Loader::new();
    let mut agent = agent(&mut loader);
    let controls = Controls::all_on();
    let soon = signer().sign(6, at(15), &reference());
    assert_eq!(agent.receive(at(9), &controls, &mut loader, &soon), Err(Refusal::FromFuture));
    assert_eq!(agent.receive(at(10), &controls, &mut loader, &soon), Ok(Accepted::Installed));
}

#[test]
fn a_signed_bundle_that_does_not_compile_is_refused_and_the_old_one_decides() {
    let mut loader = Loader::new();
    let mut agent = agent(&mut loader);
    let controls = Controls::all_on();
    let broken = signer().sign(6, at(1), &with_policy("package switchboard\nallow if {"));
    let refused = agent.receive(at(1), &controls, &mut loader, &broken);
    assert!(matches!(refused, Err(Refusal::Policy(PolicyError::DoesNotCompile { .. }))), "{refused:?}");
    let empty = signer().sign(6, at(1), &with_policy("package switchboard"));
    let refused = agent.receive(at(1), &controls, &mut loader, &empty);
    assert_eq!(refused, Err(Refusal::Policy(PolicyError::NoRule("allow"))));
    let no_data = signer().sign(6, at(1), &Arc::new(BundleContent::new(rego::REFERENCE, "{}")));
    assert!(matches!(agent.receive(at(1), &controls, &mut loader, &no_data), Err(Refusal::Data(_))));
    let answer = agent.decide(at(1), &controls, &own());
    assert_eq!((answer.decision, answer.revision, agent.floor()), (Decision::ALLOW, 5, 5));
}

#[test]
fn a_rotated_key_is_trusted_beside_the_old_one_until_that_is_dropped() {
    let mut loader = Loader::new();
    let mut agent = agent(&mut loader);
    let controls = Controls::all_on();
    let next = Signer::from_seed("policy-2", &[9; 32]);
    let bundle = next.sign(6, at(1), &reference());
    assert_eq!(agent.receive(at(1), &controls, &mut loader, &bundle), Err(Refusal::UnknownKey));
    agent.trust(vec![signer().trusted(), next.trusted()]);
    assert_eq!(agent.receive(at(1), &controls, &mut loader, &bundle), Ok(Accepted::Installed));
    agent.trust(vec![next.trusted()]);
    let retired = signer().sign(7, at(2), &reference());
    assert_eq!(agent.receive(at(2), &controls, &mut loader, &retired), Err(Refusal::UnknownKey));
}

#[test]
fn the_log_carries_digest_revision_and_result() {
    let mut agent = agent(&mut Loader::new());
    let answer = agent.decide(at(3), &Controls::all_on(), &foreign());
    let decision = Decision::deny(Deny::TenantMismatch);
    assert_eq!(answer.entry, LogEntry { at: at(3), input_sha256: foreign().sha256(), revision: 5, decision });
    assert_eq!(agent.decide(at(4), &Controls::all_on(), &foreign()).entry.input_sha256, foreign().sha256());
}

#[test]
fn an_agent_can_move_to_the_worker_that_runs_its_seed() {
    fn check<T: Send>() {}
    check::<(Agent, Loader, Signer)>();
}

#[test]
fn a_bundle_is_verified_and_loaded_once_for_all_agents() {
    let mut loader = Loader::new();
    for _ in 0..10 {
        agent(&mut loader);
    }
    assert_eq!(loader.signature_calls(), Calls { real: 1, hits: 9 });
    assert_eq!(loader.load_calls(), Calls { real: 1, hits: 9 });
}

#[test]
fn a_policy_of_another_hand_is_evaluated_in_rego() {
    let mut loader = Loader::new();
    let mut agent = agent(&mut loader);
    let controls = Controls::all_on();
    let commented = with_policy(&format!("# a note\n{}", rego::REFERENCE));
    let bundle = signer().sign(6, at(1), &commented);
    assert_eq!(agent.receive(at(1), &controls, &mut loader, &bundle), Ok(Accepted::Installed));
    assert!(agent.decide(at(1), &controls, &own()).decision.allow);
    assert_eq!(agent.decide(at(1), &controls, &foreign()).decision, Decision::deny(Deny::TenantMismatch));
    assert_eq!(agent.rego_calls().real, 2);
}
