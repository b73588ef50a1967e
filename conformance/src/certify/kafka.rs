//! A Kafka cluster, judged as the application uses it: one principal for each tenant, fenced to the names of its
//! topics, groups and transactional ids.
//!
//! Mode `observe` changes nothing: who may write is asked by writes that are refused for another reason ([`question`]).
//! Mode `destructive` makes marked topics, writes to them, and removes them; `certify --clean` removes what a killed
//! judge left. What is behind the URL may be the hosted reference, which the report says.

mod desk;
mod estate;
pub mod link;
mod marked;
mod probe;
pub mod question;
mod repair;

pub use marked::clean;

use super::deployment::{Deployment, Kafka};
use super::report::{Component, Limits};
use desk::Desk;
use link::Link;

/// Longest wait for an answer, in milliseconds.
const PATIENCE_MS: u32 = 5_000;

/// Judges `kafka`. What cannot be reached is inconclusive.
pub fn judge(deployment: &Deployment, kafka: &Kafka) -> Component {
    let limits = Limits { statement_timeout_ms: PATIENCE_MS, lock_timeout_ms: 0, statements: 0 };
    let link = match Link::new(kafka.url.get_ref()) {
        Ok(link) => link,
        Err(why) => return Component::new("kafka", String::new(), limits).unjudged(why).conclude(),
    };
    let who = kafka.user.as_deref().or(kafka.principal.as_deref()).unwrap_or("nobody by name");
    let component = Component::new("kafka", format!("{} as {who}", link.place()), limits);
    let mut desk = match Desk::open(deployment, kafka, link.clone(), component.clone()) {
        Ok(desk) => desk,
        Err(why) => {
            let mut component = component.unjudged(why);
            component.limits.statements = link.requests();
            return component.conclude();
        }
    };
    probe::run(&mut desk);
    let mut component = desk.component;
    component.limits.statements = link.requests();
    component.conclude()
}
