//! A Redis server, judged as the application uses it: one user of the server for each tenant, fenced to its keys and
//! channels.
//!
//! Nothing is written: what a user may do is asked by queueing the command in a transaction, which the server refuses
//! there and then if the user has no right, and by discarding it. Redis 6 or newer: before that there are no users.

mod desk;
mod link;
mod probe;

use super::deployment::{Deployment, Redis};
use super::report::{Component, Limits};
use desk::Desk;
use link::Link;

/// Longest wait for an answer, in milliseconds.
const PATIENCE_MS: u32 = 5_000;

/// Judges `redis`. What cannot be reached is inconclusive.
pub fn judge(deployment: &Deployment, redis: &Redis) -> Component {
    let limits = Limits { statement_timeout_ms: PATIENCE_MS, lock_timeout_ms: 0, statements: 0 };
    let link = match Link::new(redis, deployment) {
        Ok(link) => link,
        Err(why) => return Component::new("redis", String::new(), limits).unjudged(why).conclude(),
    };
    let component = Component::new("redis", link.place().to_owned(), limits);
    let mut desk = match Desk::open(deployment, redis, link.clone(), component.clone()) {
        Ok(desk) => desk,
        Err((why, server)) => {
            let mut component = component.unjudged(why);
            component.server = server;
            component.limits.statements = link.commands();
            return component.conclude();
        }
    };
    probe::run(&mut desk);
    let mut component = desk.component;
    component.limits.statements = link.commands();
    component.conclude()
}
