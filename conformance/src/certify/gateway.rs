//! A gateway, judged as clients see it: by requests over HTTP/1.1 and HTTP/2, with tokens of a test issuer or supplied
//! ones. Who authorises in one protocol need not do so in the other, so what is asked in one is asked in the other too.
//!
//! Both tenants' honest requests must be let through first, and show their tenant: a gateway that denies everybody
//! proves nothing. Every attack is denied or let through, whichever code says so. Nothing is sent that a client could
//! not send; load is put on a gateway, its issuer taken from it, and what belongs to a tenant made and removed, in mode
//! `destructive` alone.

mod desk;
pub mod honest;
mod issuer;
mod key;
mod link;
mod probe;
mod spoken;
mod token;

use super::deployment::{Deployment, Gateway};
use super::http::PATIENCE_MS;
use super::report::{Component, Limits};
use desk::Desk;
use link::Link;

/// Where probes work, once both tenants' honest requests are let through.
fn open<'d>(deployment: &'d Deployment, gateway: &'d Gateway) -> Result<Desk<'d>, Box<Component>> {
    let component = |at: String| {
        Component::new("gateway", at, Limits { statement_timeout_ms: PATIENCE_MS, lock_timeout_ms: 0, statements: 0 })
    };
    match Link::new(gateway, &deployment.home) {
        Ok(link) => {
            let component = component(link.place());
            Desk::open(deployment, gateway, link, component)
        }
        Err(why) => Err(Box::new(component(String::new()).unjudged(why))),
    }
}

/// Judges `gateway`. What cannot be reached is inconclusive.
pub fn judge(deployment: &Deployment, gateway: &Gateway) -> Component {
    match open(deployment, gateway) {
        Err(component) => component.conclude(),
        Ok(mut desk) => {
            desk.over_each(|desk| {
                probe::run(desk);
                desk.settle();
            });
            desk.over_each(|desk| probe::resources::run(desk, deployment.mode));
            desk.over_each(probe::masks::run);
            desk.over_each(|desk| probe::switches::run(desk, deployment.mode));
            desk.over_each(|desk| probe::travel::run(desk, deployment.mode));
            probe::outage::run(&mut desk, deployment.mode);
            // It leaves the tenant without requests, so nothing but another flood may follow.
            desk.over_each(|desk| probe::flood::run(desk, deployment.mode));
            desk.close().conclude()
        }
    }
}

/// Removes what a judge that was killed left behind; how many there were.
///
/// # Errors
/// Says what is in the way.
pub fn clean(deployment: &Deployment, gateway: &Gateway) -> Result<usize, String> {
    if gateway.resource.iter().all(|resource| resource.get_ref().body.is_none()) {
        // Without a body none was ever made.
        return Ok(0);
    }
    match open(deployment, gateway) {
        Ok(desk) => Ok(probe::resources::clean(&desk)),
        Err(component) => Err(component.problem.unwrap_or_default()),
    }
}
