//! Whoever issues tokens is away, in three ways: requests are refused, even with a genuine token once that may no
//! longer be believed, and let through again afterwards by themselves. And a token that it revoked is refused.

use crate::certify::deployment::Mode;
use crate::certify::deployment::issuer::Issuer as Table;
use crate::certify::gateway::desk::{Attack, Desk, Fate, Kind};
use crate::certify::gateway::issuer::Way;
use crate::certify::gateway::key::Key;
use crate::certify::gateway::token::{Signed, token};
use crate::certify::http::request::Request;
use std::time::Duration;

/// What is to blame when requests are let through that nobody could ask about.
const OUTAGE: &str = "issuer, outage";
/// What is to blame when they are not let through afterwards.
const RECOVERY: &str = "issuer, recovery";
/// How much later than stated a token may count: clocks of caches tick in seconds.
const SLACK: Duration = Duration::from_secs(1);

const REPAIR: &[&str] =
    &["Envoy: remote_jwks with the stated bound as its cache_duration, and ext_authz without failure_mode_allow; \
     elsewhere: deny while whoever decides cannot be asked"];

/// Takes the issuer away, in mode `destructive`.
pub fn run(desk: &mut Desk, mode: Mode) {
    let what = "an outage of whoever issues tokens (IDN-09)";
    let revoked = "tokens that were revoked (IDN-02)";
    let Some(table) = desk.gateway.issuer.as_ref().map(|table| table.get_ref().clone()) else {
        let why = "the deployment has no table [gateway.issuer], by which the judge stands in for the issuer";
        return [what, revoked].into_iter().for_each(|what| desk.component.not_judged(what, why));
    };
    if mode != Mode::Destructive {
        let why = "whoever else has that issuer is refused meanwhile: mode = \"destructive\", on staging";
        return desk.component.not_judged(what, why);
    }
    if desk.issuer.as_ref().is_none_or(|issuer| issuer.asked() == (0, 0)) {
        let why = format!("the gateway asked nothing at {}: another issuer has its keys", table.listen.get_ref());
        return desk.suspect(OUTAGE, "its outage cannot be shown", &["IDN-09"], &why);
    }
    for way in Way::AWAY {
        if let Err(why) = outage(desk, &table, way) {
            desk.suspect(OUTAGE, "its outage cannot be shown", &["IDN-09"], &why);
        }
        if is_found(desk) {
            break;
        }
    }
    desk.judged("requests while the issuer was away, in three ways, and afterwards", &["IDN-09"]);
    match table.asks {
        Some(_) if is_found(desk) => desk.component.not_judged(revoked, "repair what the outage shows first"),
        Some(_) => revocation(desk, &table),
        None => desk.component.not_judged(revoked, "the deployment names no path at which the gateway asks about them"),
    }
}

fn is_found(desk: &Desk) -> bool {
    desk.component.findings.iter().any(|found| [OUTAGE, RECOVERY].contains(&found.object.as_str()))
}

fn outage(desk: &mut Desk, table: &Table, way: Way) -> Result<(), String> {
    order(desk, way)?;
    let words = way.words();
    let unverified = forged(desk)?;
    let what = format!("while the issuer {words}, a token that nobody verified is let through");
    let mut held = true;
    desk.over_each(|desk| {
        let (bare, unverified) = (desk.bare(), unverified.clone());
        held &= attack(desk, OUTAGE, &what, unverified, Some(0)) != Fate::Breached
            && attack(desk, OUTAGE, "while the issuer is away, a request without a token is let through", bare, None)
                != Fate::Breached;
    });
    if table.keys_last_s > 0 {
        desk.wait(Duration::from_secs(table.keys_last_s.into()) + SLACK);
    }
    let honest = desk.request(0)?;
    let what = match table.keys_last_s {
        0 => format!("while the issuer {words}, requests are let through"),
        bound => format!("while the issuer {words}, requests are let through for longer than {bound} s"),
    };
    desk.over_each(|desk| held &= attack(desk, OUTAGE, &what, honest.clone(), Some(0)) != Fate::Breached);
    order(desk, Way::Answers)?;
    desk.over_each(|desk| recovery(desk, words, table.recovers_in_s, held));
    Ok(())
}

fn recovery(desk: &mut Desk, words: &str, in_s: u32, held: bool) {
    let Err(why) = desk.recovered() else { return };
    let Ok(request) = desk.request(0) else { return };
    if !held {
        return;
    }
    let what = format!("after the issuer {words} requests are refused for longer than {in_s} s");
    let attack = Attack {
        object: RECOVERY,
        what: &what,
        requirements: &["IDN-09"],
        repair: &["ask again soon after a failure: Envoy unhealthy_interval of health checks, outlier ejection"],
        request,
        tenant: Some(0),
        kind: Kind::Outage,
    };
    desk.find(&attack, format!("the issuer answers again, and {why}"));
}

fn order(desk: &Desk, way: Way) -> Result<(), String> {
    desk.issuer.as_ref().map_or(Ok(()), |issuer| issuer.become_so(way))
}

/// An honest token's claims under a stranger's signature.
fn forged(desk: &Desk) -> Result<Request, String> {
    let stranger = Key::stranger(desk.gateway.token.get_ref().algorithm)?;
    let signed = Signed::By(&stranger, "a stranger's key");
    Ok(desk.bearing(&token(&desk.mint.header(&stranger, None), &desk.mint.claims(0), &signed)?))
}

fn attack(desk: &mut Desk, object: &str, what: &str, request: Request, tenant: Option<usize>) -> Fate {
    let requirements = &["IDN-09", "IDN-01"];
    desk.attack(Attack { object, what, requirements, repair: REPAIR, request, tenant, kind: Kind::Outage })
}

/// Whether a token that was let through is refused once it is revoked, and only that one.
fn revocation(desk: &mut Desk, table: &Table) {
    let (object, what) = ("token, revocation", "a token that was revoked is let through");
    let requirements = &["IDN-02"];
    let asked = |desk: &Desk| desk.issuer.as_ref().map_or(0, |issuer| issuer.asked().1);
    let before = asked(desk);
    let Ok(token) = desk.mint.honest(0) else { return };
    let request = desk.bearing(&token);
    if let Err(why) = desk.passes(&desk.link.own, &request) {
        let why = format!("before it was revoked it was not let through either: {why}");
        return desk.suspect(object, what, requirements, &why);
    }
    if asked(desk) == before {
        let why = "the gateway did not ask about it";
        return desk.suspect(object, what, requirements, why);
    }
    if let Some(issuer) = &desk.issuer {
        issuer.revoke(&token.sent);
    }
    desk.wait(Duration::from_secs(table.revokes_in_s.into()));
    let repair = &["ask about each request, and keep no answer for longer than revocation may take"];
    desk.over_each(|desk| {
        let request = desk.bearing(&token);
        desk.attack(Attack { object, what, requirements, repair, request, tenant: Some(0), kind: Kind::Right });
    });
    if let Err(why) = desk.recovered() {
        desk.suspect(object, "revoking one token takes others away", requirements, &why);
    }
    desk.judged("tokens that were let through and then revoked", requirements);
}
