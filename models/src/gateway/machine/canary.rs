//! The gateway and a canary of its cell: who is sent there, what became of it, and what is recorded for replays.
//!
//! Which request goes to the canary is drawn here, request by request, and said in a header to those behind; what a
//! client says in that header is nobody's business. A request that the canary has failed and that may be tried again
//! goes to a stable instance.

use super::{Gateway, Open};
use crate::control;
use crate::control::{Control, Controls};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::luck;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Headers, Request};
use crate::wire::rollout::{Held, Recording, Rollout};
use sim::seed::below;
use sim::{Ctx, NodeId, Outbox};
use std::sync::Arc;

/// The router alone says who goes to the canary.
pub const CANARY_HEADER: Control = control!("gateway.canary-header", upholds: ["ROL-01"],
    off: "a client's `x-canary: always` or `never` is followed, as with an ingress that routes by a header which it \
          does not take off the requests of clients");
/// What is recorded to be replayed holds nobody's values.
pub const RECORDING_REDACTED: Control = control!("gateway.recording-redacted", upholds: ["CEL-07"],
    off: "requests are recorded as they come, as by a tool that captures traffic and has no rewrite rule");

/// The header that says it.
pub const HEADER: &str = "x-canary";
/// In it: this request shall go there.
pub const ALWAYS: &str = "always";
/// In it: it shall not.
const NEVER: &str = "never";

/// Whose facts these are.
pub const BY: &str = "gateway.canary";
/// Requests are sent to the canary from now on; the value is its release.
pub const ROUTES: &str = "routes";
/// Nobody is any more, because the release is everybody's.
pub const PROMOTED: &str = "promoted";
/// Nobody is any more, because it was taken back.
pub const ROUTES_BACK: &str = "routes-back";

/// Of a hundred requests, so many are recorded.
const RECORDED_PERCENT: u64 = 10;

/// Who rolls releases out in the cell behind a gateway.
#[derive(Clone, Debug)]
pub struct RolledBy {
    /// The controller.
    pub node: NodeId,
    /// Name of the cell.
    pub name: Arc<str>,
    /// The cell, by index of [`super::GatewaySpec::cells`].
    pub cell: usize,
    /// Its canary.
    pub canary: NodeId,
    /// Who replays what is recorded here: one a cell.
    pub checkers: Vec<NodeId>,
}

/// What a gateway knows of a canary.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Canary {
    held: Option<Held>,
    /// The release that requests are sent to.
    live: Option<u32>,
    /// Whose requests these are: answered well, and not.
    counted: (Option<u32>, (u64, u64)),
}

impl Gateway {
    /// A word of a controller's. Only that of the cell is listened to.
    pub(super) fn rollout(&mut self, out: &mut Outbox<Saas>, from: NodeId, word: &Rollout) {
        let Some(by) = self.spec.rolled_by.as_ref().filter(|by| by.node == from) else { return };
        let Rollout::Hold(held) = word else { return };
        let canary = &mut self.canary;
        if canary.held.is_some_and(|known| known.at > held.at) {
            return;
        }
        canary.held = Some(*held);
        if held.canary.is_some() && canary.counted.0 != held.canary {
            canary.counted = (held.canary, (0, 0));
        }
        let live = held.canary.filter(|_| held.weight > 0);
        if live != canary.live {
            let (what, release) = match (live, canary.live) {
                (Some(release), _) => (ROUTES, release),
                (None, Some(release)) if release == held.stable => (PROMOTED, release),
                (None, release) => (ROUTES_BACK, release.unwrap_or(0)),
            };
            out.fact(Fact::Reported { by: BY, what, about: by.name.clone(), value: release.into() });
            canary.live = live;
        }
        out.send(from, Wire::Rollout(Box::new(Rollout::Kept(held.at, canary.counted.1))));
    }

    /// The canary, if this request is sent there.
    pub(super) fn to_canary(&self, ctx: &Ctx<'_, Saas>, id: u64) -> Option<NodeId> {
        let (by, open) = (self.spec.rolled_by.as_ref()?, self.open.get(&id)?);
        self.canary.live.filter(|_| open.cell == by.cell && open.retries == 0)?;
        let said = open.request.as_ref()?.headers.other(HEADER).map(|said| &**said);
        let goes = match said.filter(|_| !ctx.controls().on(&CANARY_HEADER)) {
            Some(ALWAYS) => true,
            Some(NEVER) => false,
            _ => {
                let weight = self.canary.held.map_or(0, |held| held.weight);
                below(ctx.draw_at(luck::CANARY, open.lineage.cause, open.lineage.path), 100) < weight.into()
            }
        };
        goes.then_some(by.canary)
    }

    /// What those behind the gateway are told of where a request was sent.
    pub(super) fn say_slice(&self, headers: &mut Headers, is_canary: bool) {
        if self.spec.rolled_by.is_some() {
            headers.other.retain(|(name, _)| **name != *HEADER);
            if is_canary {
                headers.other.push((HEADER.into(), ALWAYS.into()));
            }
        }
    }

    /// Counts an answer of the canary's, or that there was none.
    pub(super) fn count_canary(&mut self, open: &mut Open, status: u16) {
        if std::mem::take(&mut open.is_canary) {
            let (_, (good, bad)) = &mut self.canary.counted;
            *(if status >= 500 { bad } else { good }) += 1;
        }
    }

    /// Records some of the requests for those who replay them in all cells.
    pub(super) fn record(&self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, request: &Request, tenant: &TenantId) {
        let Some(by) = &self.spec.rolled_by else { return };
        let lineage = ctx.lineage();
        if below(ctx.draw_at(luck::CANARY, lineage.cause, !lineage.path), 100) >= RECORDED_PERCENT {
            return;
        }
        let recording = redacted(ctx.controls(), request, tenant);
        for (i, checker) in by.checkers.iter().enumerate() {
            let word = Wire::Rollout(Box::new(Rollout::Recorded(recording.clone())));
            out.send_for(lineage.child(0xca + i as u64), *checker, word);
        }
    }
}

/// What is kept of a request: for whom, what it did to what, and how long its content was. Of headers nothing: a token
/// is worth more than any value.
fn redacted(controls: &Controls, request: &Request, tenant: &TenantId) -> Recording {
    let (mut path, mut body) = (request.path.clone(), request.body.clone());
    if controls.on(&RECORDING_REDACTED) {
        path = path.split('?').next().unwrap_or_default().into();
        body = vec![b'x'; body.len()].into();
    }
    Recording { tenant: tenant.clone(), method: request.method, path, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::Method;
    use sim::ControlSet;

    #[test]
    fn a_recording_has_the_length_of_a_content_and_none_of_its_values() {
        let mut request = Request::new(1, Method::Put, "/v1/records/7?note=secret".into());
        request.headers.authorization = Some("token".into());
        request.body = b"secret".to_vec().into();
        let recorded = |controls: &Controls| {
            let Recording { path, body, .. } = redacted(controls, &request, &"acme".into());
            (path.to_string(), String::from_utf8(body.to_vec()).expect("text"))
        };
        assert_eq!(recorded(&Controls::all_on()), ("/v1/records/7".into(), "xxxxxx".into()));
        let off = Controls::with_off(ControlSet::EMPTY.with(RECORDING_REDACTED.slot));
        assert_eq!(recorded(&off), ("/v1/records/7?note=secret".into(), "secret".into()));
    }
}
