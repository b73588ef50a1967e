//! The gateway and its cache: when it is asked, what goes into it, and who switches it.

use super::{Admitted, Gateway, Open};
use crate::fact::Fact;
use crate::gateway::edge_cache::{Asked, Fetch, may_answer, may_change};
use crate::gateway::headers;
use crate::ids::Bytes;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::trace::Trace;
use crate::wire::http::{Reason, Request, Response};
use sim::{Ctx, NodeId, Outbox};
use std::sync::Arc;

/// What the cache makes of a request.
pub(super) enum Sharing {
    /// It has the answer.
    Found(Bytes),
    /// The service is asked: what the answer may be kept as.
    Fetched(Option<Fetch>),
    /// The request may change what lies behind this path.
    Changes(Arc<str>),
    /// There is no cache, or it has nothing to do with it.
    Nothing,
}

impl Sharing {
    pub(super) fn parts(self) -> (Option<Fetch>, Option<Arc<str>>) {
        match self {
            Sharing::Fetched(fetch) => (fetch, None),
            Sharing::Changes(path) => (None, Some(path)),
            Sharing::Found(_) | Sharing::Nothing => (None, None),
        }
    }
}

impl Gateway {
    /// Somebody says that the cache shall be on or off. Only remediation is listened to.
    pub(super) fn switch(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, number: u64, on: bool) {
        let by = self.spec.edge_cache.map(|(remediation, _)| remediation);
        let Some(cache) = self.cache.as_mut().filter(|_| by == Some(from)) else { return };
        if cache.switch(ctx.controls(), number, on) {
            let what = if on { "switched-on" } else { "switched-off" };
            let about = self.spec.region.clone();
            out.fact(Fact::Reported { by: "gateway.edge-cache", what, about, value: number });
        }
    }

    /// Asks the cache, and tells the service for whom it is asked.
    pub(super) fn share(&mut self, ctx: &Ctx<'_, Saas>, request: &mut Request, admitted: &Admitted) -> Sharing {
        let Some(cache) = &self.cache else { return Sharing::Nothing };
        let controls = ctx.controls();
        let sharing = if may_answer(request) {
            let asked = Asked {
                tenant: admitted.tenant.clone(),
                region: admitted.region.clone(),
                clearance: admitted.caller.clearance.clone(),
                path: request.path.clone(),
            };
            match cache.find(ctx.now(), controls, &asked) {
                Some(body) => return Sharing::Found(body),
                None => Sharing::Fetched(cache.fetch(controls, &mut request.headers, asked)),
            }
        } else if may_change(request) {
            Sharing::Changes(request.path.clone())
        } else {
            Sharing::Nothing
        };
        admitted.caller.write(&mut request.headers);
        sharing
    }

    /// Answers from the cache.
    pub(super) fn answer_shared(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        (client, id): (NodeId, u64),
        trace: Trace,
        admitted: Admitted,
        body: Bytes,
    ) {
        out.busy(self.spec.cost.1);
        self.shedder.abandoned(ctx.now(), &admitted.tenant);
        let mut response = Response::new(id, Reason::Ok).with_body(body);
        response.trace = Some(trace);
        headers::stamp(ctx.controls(), &mut response, &admitted.tenant, &admitted.region, admitted.remember);
        let (by, subject) = ("gateway.edge-cache", admitted.tenant);
        out.fact(Fact::Decided { by, allowed: true, reason: "SHARED", subject });
        out.send(client, Wire::HttpAnswer(Box::new(response)));
    }

    /// An answer of the service leaves for its client: the cache takes what it may of it, and the client sees nothing
    /// of what was said about that.
    pub(super) fn shared(&mut self, ctx: &Ctx<'_, Saas>, open: &Open, response: &mut Response) {
        if let Some(cache) = &mut self.cache {
            cache.answered(ctx.now(), ctx.controls(), open.fetch.as_ref(), response);
            if let Some(path) = &open.changes {
                cache.changed(ctx.controls(), &open.tenant, path);
            }
        }
        response.surrogate = None;
    }
}
