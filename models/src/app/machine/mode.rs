//! Read-only mode at a service: which requests it refuses, and when it may say that it does (SRV-10).
//!
//! A refusal stands behind the policy's decision, which is kept like any other. An event for a tenant's audit topic is
//! no write in this sense: what happens while nothing may change is what an auditor will ask for.

use super::{App, Open, Phase};
use crate::app::operation::Task;
use crate::control;
use crate::control::{Control, Controls};
use crate::graph::client::is_write;
use crate::objects::client::Errand;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Method, Reason};
use crate::wire::mode::Mode;
use sim::{Ctx, NodeId, Outbox};

/// While tenants may only read, their writes are refused.
pub const WRITES_REFUSED: Control = control!("app.read-only", upholds: ["SRV-10"],
    off: "the mode is declared and nobody who serves looks at it, as with a banner on a status page");
/// The mode is confirmed once no write is under way.
pub const READ_ONLY_DRAIN: Control = control!("app.read-only-drain", upholds: ["SRV-10"],
    off: "the mode is confirmed while writes are under way, as by a flag that only new requests look at");
/// A service that does not know the mode takes no writes.
pub const MODE_KNOWN: Control = control!("app.mode-known", upholds: ["SRV-10"],
    off: "a service that has just started takes writes until it is told otherwise, as with a flag that is off by \
          default");
/// Audit events are written in every mode.
pub const AUDIT_WRITES: Control = control!("app.audit-writes", upholds: ["SRV-10"],
    off: "every request that is no read is refused, as by a rule at the door that looks at the method alone");

/// The domain of a tenant's audit topic.
const AUDIT: &str = "audit";
/// When a refused client may come back, in seconds: nobody knows, and asking costs little.
pub(super) const RETRY_S: u32 = 5;

/// What a service knows of the mode.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Known {
    /// The newest word.
    mode: Option<Mode>,
    /// A change that is not confirmed yet: writes are under way.
    owed: Option<u64>,
}

/// Whether the task changes what a tenant has.
fn changes(controls: &Controls, open: &Open) -> bool {
    match &open.task {
        Task::Put(_) | Task::Delete(_) | Task::Create(_) | Task::Relate { .. } => true,
        Task::Publish(domain) => domain != AUDIT || !controls.on(&AUDIT_WRITES),
        Task::Object(Errand::Object { method, .. }) => *method != Method::Get,
        Task::Object(Errand::Link(_)) => true,
        Task::Statement => std::str::from_utf8(&open.body).is_ok_and(is_write),
        _ => false,
    }
}

impl App {
    /// A word of the control plane's. It is said again and again, and so is the answer.
    pub(super) fn told_mode(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, mode: Mode) {
        if self.known.mode.is_none_or(|known| known.serial <= mode.serial) {
            self.known.mode = Some(mode);
            self.known.owed = Some(mode.serial);
            self.confirm_mode(ctx, out);
        }
    }

    /// Confirms what is owed, once no write is under way.
    pub(super) fn confirm_mode(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let (Some(serial), Some(by)) = (self.known.owed, self.spec.mode_by) else { return };
        let waits = self.open.values().any(|open| open.phase != Phase::Policy && changes(ctx.controls(), open));
        let is_over = self.known.mode.is_some_and(|mode| !mode.read_only);
        if is_over || !waits || !ctx.controls().on(&READ_ONLY_DRAIN) {
            self.known.owed = None;
            out.send(by, Wire::ModeKept(serial));
        }
    }

    /// Refuses the request if it is a write and there are none for the time being. Whether it did.
    pub(super) fn refuse_now(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) -> bool {
        let Some(open) = self.open.get(&key).filter(|_| self.spec.mode_by.is_some()) else { return false };
        let controls = ctx.controls();
        let refuses = match self.known.mode {
            Some(mode) => mode.read_only && changes(controls, open) && controls.on(&WRITES_REFUSED),
            None => changes(controls, open) && controls.on(&MODE_KNOWN),
        };
        if refuses {
            self.close(out, key, Reason::ReadOnly, Vec::new(), Some(RETRY_S));
        }
        refuses
    }

    /// Whether a word about the mode comes from whoever may say it.
    pub(super) fn heeds(&self, from: NodeId) -> bool {
        self.spec.mode_by == Some(from)
    }
}
