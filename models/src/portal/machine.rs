//! The portal at work: role `cell-a/portal`. It is a confidential client of the provider and an ordinary one of the
//! gateway, each with its own certificate on the connection, which its tokens are bound to.

use super::sessions::{Begun, Session, Sessions, described};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::luck;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Headers, Peer, Reason, Request, Response};
use crate::wire::oidc::login::{Authorize, Grant, Login, LoginAnswer, challenge};
use crate::wire::oidc::{OidcAnswer, OidcRequest};
use sim::seed::mix;
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Paths of the portal begin with this.
pub const PORTAL: &str = "/portal/";
/// `GET ?tenant=`: begins a login.
pub const LOGIN: &str = "/portal/login";
/// `GET ?code=&state=`: ends it.
pub const CALLBACK: &str = "/portal/callback";
/// `GET`: what a page may know of its session.
pub const SESSION: &str = "/portal/session";
/// Before what is asked of the gateway.
pub const API: &str = "/portal/api";
/// Name of the cookie, and before the name of a session in the first line of an answer.
pub const COOKIE: &str = "portal-session=";

/// What a portal is.
#[derive(Clone)]
pub struct PortalSpec {
    /// Its id at the provider.
    pub client_id: Arc<str>,
    /// Its address, where browsers bring codes.
    pub redirect_uri: Arc<str>,
    /// The provider.
    pub idp: NodeId,
    /// The gateway.
    pub gateway: NodeId,
    /// Worker time of a request.
    pub cost: Duration,
}

/// A portal at work.
pub struct Portal {
    spec: PortalSpec,
    sessions: Sessions,
    /// Logins whose tokens are asked for: browser, its request, and the login.
    redeeming: BTreeMap<u64, (NodeId, u64, Begun)>,
    /// Requests at the gateway: browser, and its request.
    relayed: BTreeMap<u64, (NodeId, u64)>,
    calls: u64,
    drawn: u64,
}

impl Portal {
    /// A portal where nobody is logged in.
    pub fn boot(spec: &PortalSpec, _ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> Portal {
        Portal {
            spec: spec.clone(),
            sessions: Sessions::default(),
            redeeming: BTreeMap::new(),
            relayed: BTreeMap::new(),
            calls: 0,
            drawn: 0,
        }
    }

    /// A name that nobody can guess: drawn for the request that it is made for.
    fn name(&mut self, ctx: &Ctx<'_, Saas>) -> Arc<str> {
        self.drawn += 1;
        let lineage = ctx.lineage();
        let draw = |n: u64| ctx.draw_at(luck::NONCE, lineage.cause, mix(lineage.path, mix(self.drawn, n)));
        format!("{:016x}{:016x}", draw(0), draw(1)).into()
    }

    fn asked(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, request: Box<Request>) {
        out.busy(self.spec.cost);
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let cookie = cookie(&request.headers);
        match path {
            LOGIN => self.login(ctx, out, (from, request.id), query, cookie),
            CALLBACK => self.callback(ctx, out, (from, request.id), query, cookie),
            SESSION => match cookie.and_then(|name| self.sessions.get(name)) {
                Some(session) => {
                    let page = described(ctx.controls(), session).to_string();
                    answer(out, (from, request.id), Reason::Ok, &format!("\n{page}"));
                }
                None => answer(out, (from, request.id), Reason::Unauthenticated, ""),
            },
            _ => self.relay(out, from, request),
        }
    }

    /// A browser that brings a session keeps it while it logs in, as session libraries do.
    fn login(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        to: (NodeId, u64),
        query: &str,
        cookie: Option<&str>,
    ) {
        let Some(tenant) = parameter(query, "tenant") else { return answer(out, to, Reason::BadRequest, "") };
        let session = cookie.map_or_else(|| self.name(ctx), Arc::from);
        let (state, verifier, tenant) = (self.name(ctx), self.name(ctx), TenantId::from(tenant));
        let authorize = Authorize {
            client_id: self.spec.client_id.clone(),
            redirect_uri: self.spec.redirect_uri.clone(),
            state: state.clone(),
            challenge: challenge(&verifier),
            tenant: tenant.clone(),
        };
        self.sessions.begin(state, Begun { session: session.clone(), verifier, tenant });
        let page = serde_json::to_string(&authorize).expect("a request is JSON");
        answer(out, to, Reason::Ok, &format!("{COOKIE}{session}\n{page}"));
    }

    fn callback(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        out: &mut Outbox<Saas>,
        to: (NodeId, u64),
        query: &str,
        cookie: Option<&str>,
    ) {
        let (Some(code), Some(state)) = (parameter(query, "code"), parameter(query, "state")) else {
            return answer(out, to, Reason::BadRequest, "");
        };
        let begun = self.sessions.callback(ctx.controls(), state, cookie);
        let (allowed, reason) = (begun.is_some(), if begun.is_some() { "CALLBACK" } else { "STATE_REFUSED" });
        out.fact(Fact::Decided { by: "portal", allowed, reason, subject: self.spec.client_id.clone() });
        let Some(begun) = begun else { return answer(out, to, Reason::Unauthenticated, "") };
        let grant = Grant::Code { code: code.into(), verifier: begun.verifier.clone() };
        let redeem = Login::Redeem { client_id: self.spec.client_id.clone(), grant };
        self.calls += 1;
        self.redeeming.insert(self.calls, (to.0, to.1, begun));
        out.send(self.spec.idp, Wire::Oidc(self.calls, Box::new(OidcRequest::Login(Box::new(redeem)))));
    }

    fn redeemed(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, call: u64, said: LoginAnswer) {
        let Some((from, request, begun)) = self.redeeming.remove(&call) else { return };
        let LoginAnswer::Tokens { access, .. } = said else {
            return answer(out, (from, request), Reason::Unauthenticated, "");
        };
        let fresh = self.name(ctx);
        let session = Session { tenant: begun.tenant, access };
        let name = self.sessions.log_in(ctx.controls(), &begun.session, fresh, session);
        answer(out, (from, request), Reason::Ok, &format!("{COOKIE}{name}\n"));
    }

    fn relay(&mut self, out: &mut Outbox<Saas>, from: NodeId, mut request: Box<Request>) {
        let session = cookie(&request.headers).and_then(|name| self.sessions.get(name));
        let (Some(session), Some(path)) = (session, request.path.strip_prefix(API)) else {
            return answer(out, (from, request.id), Reason::Unauthenticated, "");
        };
        self.calls += 1;
        self.relayed.insert(self.calls, (from, request.id));
        request.path = path.into();
        request.headers = Headers { authorization: Some(session.access.clone()), ..Headers::default() };
        (request.id, request.peer) = (self.calls, Peer::default());
        out.send(self.spec.gateway, Wire::Http(request));
    }

    fn answered(&mut self, out: &mut Outbox<Saas>, mut response: Box<Response>) {
        let Some((browser, request)) = self.relayed.remove(&response.id) else { return };
        response.id = request;
        out.send(browser, Wire::HttpAnswer(response));
    }
}

fn answer(out: &mut Outbox<Saas>, (to, request): (NodeId, u64), reason: Reason, body: &str) {
    out.send(to, Wire::HttpAnswer(Box::new(Response::new(request, reason).with_body(body.as_bytes().into()))));
}

/// The session that a browser brings.
fn cookie(headers: &Headers) -> Option<&str> {
    let value = headers.other("cookie")?;
    value.strip_prefix(COOKIE)
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
}

impl Machine<Saas> for Portal {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Http(request) } => self.asked(ctx, out, from, request),
            Input::Message { message: Wire::HttpAnswer(response), .. } => self.answered(out, response),
            Input::Message { message: Wire::OidcAnswer(call, OidcAnswer::Login(said)), .. } => {
                self.redeemed(ctx, out, call, *said);
            }
            _ => {}
        }
    }
}
