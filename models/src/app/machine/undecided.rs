//! A request about which the policy agent says nothing: it does not answer in time, or its connection is refused.

use super::{ABOUT_ROW, App, Phase};
use crate::control;
use crate::control::Control;
use crate::saas::Saas;
use crate::wire::http::Reason;
use crate::wire::policy::Decision;
use sim::{Ctx, Outbox};

/// No decision is no permission.
pub const POLICY_REQUIRED: Control = control!("app.policy-required", upholds: ["POL-02"],
    off: "a request goes on when the policy agent does not answer, as with `failure_mode_allow: true` of Envoy's \
          external authorization");

impl App {
    /// Nobody decided about a request that waited for that.
    pub(super) fn undecided(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        let question = match self.open.get(&key).map(|open| open.phase) {
            Some(Phase::Policy) => key,
            Some(Phase::Row) => key | ABOUT_ROW,
            _ => return,
        };
        if ctx.controls().on(&POLICY_REQUIRED) {
            return self.finish(out, key, Reason::DependencyDown, Vec::new());
        }
        self.decided(ctx, out, question, ((Decision::ALLOW, 0), None));
    }
}
