//! One login after the other, and what a thief of each thing gets for it.

use super::*;
use sim::ControlSet;

const NOW: Instant = Instant(1_000_000_000);
const CERTIFICATE: [u8; 32] = [7; 32];

fn desk() -> Desk {
    let portal = App {
        client_id: "portal".into(),
        redirect_uris: vec!["https://portal.test/callback".into()],
        certificate: Some(CERTIFICATE),
    };
    let cli = App { client_id: "cli".into(), redirect_uris: Vec::new(), certificate: None };
    Desk::new(&[portal, cli], Duration::secs(600), 1)
}

fn off(control: &Control) -> Controls {
    Controls::with_off(ControlSet::EMPTY.with(control.slot))
}

fn asked(redirect_uri: &str) -> Authorize {
    Authorize {
        client_id: "portal".into(),
        redirect_uri: redirect_uri.into(),
        state: "s".into(),
        challenge: challenge("verifier"),
        tenant: "acme".into(),
    }
}

fn code(desk: &mut Desk) -> Arc<str> {
    desk.authorize(NOW, &Controls::all_on(), &"ann".into(), &asked("https://portal.test/callback")).expect("a code")
}

fn redeem(desk: &mut Desk, controls: &Controls, code: &Arc<str>, verifier: &str) -> Result<Granted, Refused> {
    let grant = Grant::Code { code: code.clone(), verifier: verifier.into() };
    desk.redeem(NOW, controls, (&"portal".into(), Some(CERTIFICATE)), &grant)
}

#[test]
fn a_code_is_good_once_for_its_verifier_and_its_application() {
    let (mut desk, on) = (desk(), Controls::all_on());
    let good = code(&mut desk);
    let granted = redeem(&mut desk, &on, &good, "verifier").expect("tokens");
    assert_eq!((&*granted.subject, &*granted.tenant), ("ann", "acme"));
    assert_eq!(redeem(&mut desk, &on, &good, "verifier"), Err("invalid_grant"), "once");
    let stolen = code(&mut desk);
    assert_eq!(redeem(&mut desk, &on, &stolen, "another"), Err("invalid_grant"));
    assert_eq!(redeem(&mut desk, &on, &stolen, "verifier"), Err("invalid_grant"), "gone when it was shown");
    let stolen = code(&mut desk);
    assert!(redeem(&mut desk, &off(&PKCE), &stolen, "another").is_ok());
    let late = code(&mut desk);
    let grant = Grant::Code { code: late, verifier: "verifier".into() };
    let at = |desk: &mut Desk, who: (&Arc<str>, Option<[u8; 32]>)| desk.redeem(NOW + CODE_LIFE, &on, who, &grant);
    assert_eq!(at(&mut desk, (&"portal".into(), None)), Err("invalid_client"));
    assert_eq!(at(&mut desk, (&"portal".into(), Some(CERTIFICATE))), Err("invalid_grant"), "too late");
}

#[test]
fn a_code_of_one_application_is_worth_nothing_to_another() {
    let (mut desk, on) = (desk(), Controls::all_on());
    let grant = Grant::Code { code: code(&mut desk), verifier: "verifier".into() };
    assert_eq!(desk.redeem(NOW, &on, (&"cli".into(), None), &grant), Err("invalid_grant"));
}

#[test]
fn a_code_is_sent_to_registered_addresses_only() {
    let mut desk = desk();
    for elsewhere in ["https://portal.test/callback/x", "https://portal.test.evil/callback", ""] {
        let asked = asked(elsewhere);
        assert_eq!(desk.authorize(NOW, &Controls::all_on(), &"ann".into(), &asked), Err("invalid_request"));
        assert!(desk.authorize(NOW, &off(&REDIRECT_URI), &"ann".into(), &asked).is_ok());
    }
}

#[test]
fn a_refresh_token_that_comes_twice_ends_its_family() {
    let refresh = |desk: &mut Desk, controls: &Controls, token: &Arc<str>| {
        desk.redeem(NOW, controls, (&"portal".into(), Some(CERTIFICATE)), &Grant::Refresh(token.clone()))
    };
    let begin = |desk: &mut Desk| {
        let code = code(desk);
        redeem(desk, &Controls::all_on(), &code, "verifier").expect("tokens").refresh
    };
    let (mut one, on) = (desk(), Controls::all_on());
    let first = begin(&mut one);
    let second = refresh(&mut one, &on, &first).expect("rotated").refresh;
    assert_eq!(refresh(&mut one, &on, &first), Err("invalid_grant"), "reuse");
    assert_eq!(refresh(&mut one, &on, &second), Err("invalid_grant"), "and with it the family");
    let other = begin(&mut one);
    assert!(refresh(&mut one, &on, &other).is_ok(), "and no other family");
    let mut two = desk();
    let first = begin(&mut two);
    let lax = off(&REFRESH_REUSE);
    assert!(refresh(&mut two, &lax, &first).is_ok() && refresh(&mut two, &lax, &first).is_ok());
}

#[test]
fn a_device_waits_for_a_person_and_not_for_ever() {
    let (mut desk, on) = (desk(), Controls::all_on());
    let (device_code, user_code) = desk.start_device(NOW, &"cli".into()).expect("codes");
    let poll = |desk: &mut Desk| desk.redeem(NOW, &on, (&"cli".into(), None), &Grant::Device(device_code.clone()));
    assert_eq!(poll(&mut desk), Err("authorization_pending"));
    let ann = || (Arc::from("ann"), TenantId::from("acme"));
    let late = NOW + Duration::secs(600);
    assert_eq!(desk.approve_device(late, &on, &user_code, ann()), Err("expired_token"));
    assert_eq!(desk.approve_device(NOW, &on, "guessed", ann()), Err("invalid_grant"));
    assert_eq!(desk.approve_device(NOW, &on, &user_code, ann()), Ok(()));
    assert_eq!(poll(&mut desk).map(|granted| granted.subject.to_string()), Ok("ann".into()));
    assert_eq!(poll(&mut desk), Err("invalid_grant"), "once");
    let (_, forgotten) = desk.start_device(NOW, &"cli".into()).expect("codes");
    assert_eq!(desk.approve_device(late, &off(&DEVICE_CODE_LIFE), &forgotten, ann()), Ok(()));
}
