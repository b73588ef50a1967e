//! The probes of a gateway, one promise a file. What makes others moot comes first.

mod doors;
pub mod flood;
mod form;
pub mod outage;
mod paths;
pub mod switches;
mod tenants;
mod tokens;

use super::desk::Desk;

/// Runs those that put no load on it.
pub fn run(desk: &mut Desk) {
    doors::run(desk);
    if tokens::run(desk) {
        tenants::run(desk);
        paths::run(desk);
        form::run(desk);
    } else {
        let why = "the gateway lets through what carries no token, or one that nobody signed; repair that first";
        desk.component.not_judged("tenants, paths and forms of requests (IDN-08, POL-06, SRV-11, TEN-01, TEN-07)", why);
    }
    let open = [
        ("HTTP/2 and HTTP/3", "requests are made in HTTP/1.1"),
        ("impossible travel and bound tokens (IDN-02)", "there is no probe yet"),
    ];
    open.into_iter().for_each(|(what, why)| desk.component.not_judged(what, why));
}
