//! A token that is in two places at once is in two hands: it is noticed, and refused in both.

use crate::certify::deployment::Mode;
use crate::certify::deployment::gateway::Travel;
use crate::certify::gateway::desk::{Attack, Desk, Kind};
use crate::certify::gateway::token::Token;
use crate::certify::http::request::marker;
use std::time::Duration;

const OBJECT: &str = "token, travel";
const WHAT: &str = "a token that was in two places at once is let through";
const REQUIREMENTS: &[&str] = &["IDN-02"];

/// Travels, in mode `destructive`.
pub fn run(desk: &mut Desk, mode: Mode) {
    let what = "impossible travel (IDN-02)";
    let Some(travel) = desk.gateway.travel.as_ref().map(|travel| travel.get_ref().clone()) else {
        return desk.component.not_judged(what, "the deployment has no table [gateway.travel]");
    };
    if mode != Mode::Destructive {
        return desk.component.not_judged(what, "that raises an alarm: mode = \"destructive\", on staging");
    }
    if let Err(why) = travelled(desk, &travel) {
        desk.suspect(OBJECT, WHAT, REQUIREMENTS, &why);
    }
    desk.judged("tokens that were in two places at once", REQUIREMENTS);
}

fn travelled(desk: &mut Desk, travel: &Travel) -> Result<(), String> {
    let [home, away] = &travel.places;
    // Whose travels are watched may be a person or a token, so both are new.
    let somebody = |desk: &Desk| {
        desk.mint.altered(|claims| {
            claims.insert("sub".into(), marker().into());
            claims.insert("jti".into(), marker().into());
        })
    };
    let (traveller, other) = (somebody(desk)?, somebody(desk)?);
    passes(desk, &traveller, home)
        .map_err(|why| format!("before it travelled it was not let through either: {why}"))?;
    passes(desk, &other, home).map_err(|why| format!("another one was not let through either: {why}"))?;
    // Whether it is refused at once is not asked: that both are is what counts.
    let _ = passes(desk, &traveller, away);
    desk.wait(Duration::from_secs(travel.notices_in_s.into()));
    for place in [home, away] {
        let repair =
            &["keep for each token and person where and when it was last, and revoke what cannot have come so \
                        far: at the edge where it is a header or a connection of some place, or at whoever authorises"];
        let request = desk.bearing(&traveller).with(place);
        let (object, what, requirements) = (OBJECT, WHAT, REQUIREMENTS);
        desk.attack(Attack { object, what, requirements, repair, request, tenant: Some(0), kind: Kind::Right });
    }
    passes(desk, &other, home).map_err(|why| format!("who stayed is refused too: {why}"))
}

/// Whether a request from some place is let through.
fn passes(desk: &Desk, token: &Token, place: &str) -> Result<(), String> {
    desk.passes(&desk.link.own, &desk.bearing(token).with(place))
}
