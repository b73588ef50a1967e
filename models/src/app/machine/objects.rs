//! Objects: what an application instance asks its object store, and what it hears.

use super::{App, Phase};
use crate::app::operation::Task;
use crate::breaker::Outcome;
use crate::fact::Fact;
use crate::objects::client::Prepared;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Reason, Response};
use sim::{Ctx, Duration, Outbox};

/// How long the object store may take: a write waits for its disk.
const OBJECTS_PATIENCE: Duration = Duration::millis(1_500);

impl App {
    pub(super) fn ask_objects(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        let Some(open) = self.open.get_mut(&key) else { return };
        let (Task::Object(errand), Some(library)) = (&open.task, &self.spec.objects) else {
            return self.finish(out, key, Reason::NotFound, Vec::new());
        };
        match library.prepare((ctx.now(), ctx.controls()), &open.tenant, errand, &open.body, key) {
            Ok(Prepared::Ask(request)) => {
                if let Err(after) = self.objects.ask(ctx.now(), key) {
                    return self.fail_fast(out, key, after);
                }
                open.phase = Phase::Objects;
                open.deadline = ctx.now() + OBJECTS_PATIENCE;
                out.send_for(open.lineage, library.store, Wire::Http(request));
            }
            Ok(Prepared::Link(link)) => self.finish(out, key, Reason::Created, link.into_bytes()),
            Ok(Prepared::Malformed) => self.finish(out, key, Reason::BadRequest, Vec::new()),
            // Another tenant's name, and one that is none, are answered like one that does not exist.
            Err(refused) => {
                let (reason, subject) = (refused.code(), open.tenant.clone());
                out.fact(Fact::Decided { by: "objects.path", allowed: false, reason, subject });
                self.finish(out, key, Reason::NotFound, Vec::new());
            }
        }
    }

    /// What the object store says, if somebody still waits for it.
    pub(super) fn objects_answered(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, response: &Response) {
        let key = response.id;
        if self.open.get(&key).is_some_and(|open| open.phase == Phase::Objects) {
            self.objects.settle((ctx.now(), ctx.controls()), key, outcome_of(response.reason));
            self.finish(out, key, response.reason, response.body.to_vec());
        }
    }

    /// The object store does not answer, or cannot be reached.
    pub(super) fn objects_failed(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64, reason: Reason) {
        self.objects.settle((ctx.now(), ctx.controls()), key, Outcome::Failed);
        self.finish(out, key, reason, Vec::new());
    }
}

/// What an answer says of the dependency that gave it. A refusal that the request has earned is an answer, whatever its
/// status: otherwise a tenant that writes to a replica would keep everybody from reading it.
pub(super) fn outcome_of(reason: Reason) -> Outcome {
    match reason {
        Reason::DependencyDown | Reason::UpstreamTimeout => Outcome::Failed,
        _ => Outcome::Succeeded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_was_earned_opens_no_circuit() {
        let earned = [Reason::ReadOnly, Reason::QueryRefused, Reason::NotFound, Reason::BadRequest, Reason::Conflict];
        assert!(earned.map(outcome_of).iter().all(|outcome| *outcome == Outcome::Succeeded));
        assert_eq!(outcome_of(Reason::DependencyDown), Outcome::Failed);
    }
}
