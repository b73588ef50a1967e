//! A token that is bound to a client is nothing in the hands of another one.
//!
//! The other client has a certificate that the gateway takes, and is served with a token of its own: what it is refused
//! with a stolen one is refused for that.

use crate::certify::deployment::Tls;
use crate::certify::gateway::desk::{Attack, Desk, Fate, Kind};
use crate::certify::gateway::token::{CONFIRMATION, Token, confirmed};
use crate::certify::http::route::Route;
use crate::certify::tls::{client, thumbprint};
use serde_json::Value;

/// What is to blame.
const OBJECT: &str = "token, binding";
const REQUIREMENTS: &[&str] = &["IDN-02"];

/// Tries it.
pub fn run(desk: &mut Desk) {
    let Some(bound) = desk.gateway.bound.as_ref().map(|bound| bound.get_ref().clone()) else {
        let why = "the deployment has no table [gateway.bound], for another client's certificate";
        return desk.component.not_judged("tokens in the hands of another client (IDN-02)", why);
    };
    let Some(own) = desk.gateway.tls.as_ref().map(|tls| tls.get_ref().clone()) else { return };
    let other = Tls { certificate: Some(bound.certificate.clone()), key: Some(bound.key), ..own };
    let made = client(&other, desk.home).and_then(|tls| {
        let thumbprint = thumbprint(&desk.home.join(&bound.certificate))?;
        Ok((desk.link.own.with_tls(tls), thumbprint))
    });
    match made {
        Ok((route, thumbprint)) => stolen(desk, &route, &thumbprint),
        Err(why) => desk.suspect(OBJECT, "another client cannot be had", REQUIREMENTS, &why),
    }
    desk.judged("tokens in the hands of another client, or bound to nobody", REQUIREMENTS);
}

fn stolen(desk: &mut Desk, route: &Route, thumbprint: &str) {
    let what = "a token that is bound to another client is let through";
    if desk.mint.key().is_some()
        && let Err(why) = served(desk, route, thumbprint)
    {
        return desk.suspect(OBJECT, what, REQUIREMENTS, &why);
    }
    let honest = desk.mint.honest(0);
    if !bear(desk, route, what, honest) || desk.mint.key().is_none() {
        return;
    }
    let own = desk.link.own.clone();
    let unbound = desk.mint.altered(|claims| _ = claims.remove(CONFIRMATION));
    bear(desk, &own, "a token that is bound to nobody is let through", unbound);
    let elsewhere = desk.mint.altered(|claims| _ = claims.insert(CONFIRMATION.into(), confirmed(thumbprint)));
    bear(desk, &own, what, elsewhere);
    let unreadable = desk.mint.altered(|claims| _ = claims.insert(CONFIRMATION.into(), Value::Null));
    bear(desk, &own, "a token that is bound to nobody is let through", unreadable);
}

/// Whether the other client is served with a token of its own.
fn served(desk: &Desk, route: &Route, thumbprint: &str) -> Result<(), String> {
    let request =
        desk.bearing(&desk.mint.altered(|claims| _ = claims.insert(CONFIRMATION.into(), confirmed(thumbprint)))?);
    desk.passes(route, &request)
        .map_err(|why| format!("the other client is not let through with a token of its own either: {why}"))
}

/// Whether a token was denied.
fn bear(desk: &mut Desk, route: &Route, what: &str, made: Result<Token, String>) -> bool {
    let request = match made {
        Ok(token) => desk.bearing(&token),
        Err(why) => {
            desk.suspect(OBJECT, what, REQUIREMENTS, &why);
            return false;
        }
    };
    let repair = &["compare x5t#S256 in the token's cnf with the digest of the client's certificate, and deny tokens \
                    without it (RFC 8705, section 3): Envoy in Lua or external authorization; HAProxy: \
                    ssl_c_der,sha2(256),ub64enc against jwt_payload_query"];
    let attack = Attack {
        object: OBJECT,
        what,
        requirements: REQUIREMENTS,
        repair,
        request,
        tenant: Some(0),
        kind: Kind::Right,
    };
    desk.attack_by(route, attack, &|_, _| true) == Fate::Denied
}
