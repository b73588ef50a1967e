//! The probes of a gateway, one promise a file. What makes others moot comes first.

mod binding;
mod doors;
mod fields;
pub mod flood;
mod form;
mod headers;
pub mod masks;
pub mod outage;
mod paths;
pub mod resources;
mod smuggled;
pub mod switches;
mod tenants;
mod tokens;
mod told;
pub mod travel;

use super::desk::Desk;
use crate::certify::http::request::Protocol;

/// Runs those that put no load on it.
pub fn run(desk: &mut Desk) {
    doors::run(desk);
    if tokens::run(desk) {
        binding::run(desk);
        tenants::run(desk);
        paths::run(desk);
        headers::run(desk);
        match desk.link.own.protocol() {
            Protocol::One => form::run(desk),
            Protocol::Two => fields::run(desk),
        }
    } else {
        let why = "the gateway lets through what carries no token, or one that nobody signed; repair that first";
        let what = "tenants, paths and forms of requests (IDN-08, POL-06, SRV-11, TEN-01, TEN-07)";
        desk.component.not_judged(format!("{what}{}", desk.over()), why);
    }
    desk.component.not_judged("HTTP/3", "requests are made over TCP");
}
