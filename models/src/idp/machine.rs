//! The identity provider at work: role `cell-a/idp`, and once more as `partner/idp` for an issuer that is trusted for
//! something else.
//!
//! What a client says of its certificate is replaced by what its connection shows, as providers behind mutual TLS do:
//! `tls_client_auth` and `cnf` speak of the handshake, never of the request.

use super::clients::{Client, ClientAuth, Subject};
use super::login::{App, Desk, Granted};
use super::{Idp, IdpConfig};
use crate::control;
use crate::control::Control;
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::oidc::login::{Login, LoginAnswer};
use crate::wire::oidc::{ClientProof, OidcAnswer, OidcRequest, TokenRequest};
use crate::wire::signals::Signal;
use sim::seed::mix;
use sim::{Ctx, Duration, Input, Instant, Lineage, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A second audience, of a service that this platform's gateway does not speak for.
pub const ANALYTICS_AUDIENCE: &str = "https://analytics.cellproof.test";

/// A client gets tokens for itself; a person's come by a login of that person's.
pub const DELEGATION: Control = control!("idp.delegation", upholds: ["IDN-03", "IDN-02"],
    off: "any client is given a token for any subject, as with a token exchange that does not look at `may_act`");

const KEYS: u64 = 1;

/// A client and the subject of the same name, as it is registered.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Name, as client and as subject.
    pub name: Arc<str>,
    /// How it proves to be itself.
    pub auth: ClientAuth,
    /// The tenants it may act for.
    pub tenants: Vec<TenantId>,
    /// The region of its tenants.
    pub region: Arc<str>,
    /// Whom its tokens may be meant for.
    pub audiences: Vec<Arc<str>>,
    /// What its tokens may permit.
    pub scopes: Vec<Arc<str>>,
    /// Clearances it may ask for.
    pub clearances: Vec<Arc<str>>,
    /// Whether its tokens must be bound to its certificate (RFC 8705 §3).
    pub binding_required: bool,
}

impl Principal {
    /// The usual principal, known by its certificate: both scopes, every clearance up to confidential, tokens for
    /// `audience` and for [`ANALYTICS_AUDIENCE`], bound or not as it asks.
    pub fn new(name: &str, certificate: [u8; 32], tenants: &[TenantId], region: &str, audience: &str) -> Principal {
        Principal {
            name: name.into(),
            auth: ClientAuth::Certificate(certificate),
            tenants: tenants.to_vec(),
            region: region.into(),
            audiences: vec![audience.into(), ANALYTICS_AUDIENCE.into()],
            scopes: vec!["records".into(), "events".into()],
            clearances: vec!["public".into(), "internal".into(), "confidential".into()],
            binding_required: false,
        }
    }
}

/// How a provider is deployed.
#[derive(Clone, Debug)]
pub struct IdpMachineSpec {
    /// Issuer, keys, longest lifetime.
    pub config: IdpConfig,
    /// SHA-256 of the certificate that each node shows on its connection.
    pub thumbprints: BTreeMap<NodeId, [u8; 32]>,
    /// Everyone who is registered.
    pub principals: Vec<Principal>,
    /// Applications that people log in to, with whom their tokens are meant for.
    pub apps: (Vec<App>, Arc<str>),
    /// How long the codes of a device live.
    pub device_life: Duration,
    /// How often signing keys rotate; not at all when absent.
    pub rotate_every: Option<Duration>,
    /// When the key that signs is found to be stolen, and taken back without notice.
    pub key_stolen_at: Option<Instant>,
    /// Who may have logins ended, and is told which did.
    pub sentinel: Option<NodeId>,
    /// Worker time of a token.
    pub issue_cost: Duration,
    /// Worker time of the key set.
    pub keys_cost: Duration,
}

impl IdpMachineSpec {
    /// The usual provider with this issuer identifier (an https URL) and nobody registered: 250 µs a token, no
    /// rotation. Its signing keys are named `idp/{issuer}`.
    pub fn new(issuer: &str) -> IdpMachineSpec {
        IdpMachineSpec {
            config: IdpConfig::new(issuer),
            thumbprints: BTreeMap::new(),
            principals: Vec::new(),
            apps: (Vec::new(), "".into()),
            device_life: Duration::secs(600),
            rotate_every: None,
            key_stolen_at: None,
            sentinel: None,
            issue_cost: Duration::micros(250),
            keys_cost: Duration::micros(20),
        }
    }
}

/// A provider at work.
pub struct IdpMachine {
    spec: IdpMachineSpec,
    idp: Idp,
    desk: Desk,
    boot: u64,
    rotations: u64,
    revoked: bool,
}

impl IdpMachine {
    /// Boots with everyone registered. Rotations that were due before a restart are caught up: keys outlive a crash.
    pub fn boot(spec: &IdpMachineSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> IdpMachine {
        let mut idp = Idp::new(spec.config.clone()).living(ctx.lineage().cause);
        for p in &spec.principals {
            let (id, audiences, scopes) = (p.name.clone(), p.audiences.clone(), p.scopes.clone());
            let binding_required = p.binding_required;
            idp.register_client(Client { id, auth: p.auth, audiences, scopes, binding_required });
            let (id, tenants, region) = (p.name.clone(), p.tenants.clone(), p.region.clone());
            idp.register_subject(Subject { id, tenants, region, clearances: p.clearances.clone() });
        }
        for app in &spec.apps.0 {
            let auth = app.certificate.map_or(ClientAuth::Public, ClientAuth::Certificate);
            let (id, audiences, scopes) =
                (app.client_id.clone(), vec![spec.apps.1.clone()], LOGIN_SCOPES.map(Into::into));
            let binding_required = app.certificate.is_some();
            idp.register_client(Client { id, auth, audiences, scopes: scopes.to_vec(), binding_required });
        }
        let desk = Desk::new(&spec.apps.0, spec.device_life, ctx.lineage().cause);
        let mut machine =
            IdpMachine { spec: spec.clone(), idp, desk, boot: ctx.lineage().cause, rotations: 0, revoked: false };
        machine.keys(ctx, out);
        machine
    }

    /// Does what was due to keys, in order of time, and sets the timer for what is next.
    fn keys(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        loop {
            let rotation = self.spec.rotate_every.map(|every| Instant::ZERO + every * (self.rotations + 1));
            let theft = self.spec.key_stolen_at.filter(|_| !self.revoked);
            let Some(next) = rotation.into_iter().chain(theft).min() else { return };
            if next > now {
                let done = self.rotations * 2 + u64::from(self.revoked);
                return out.timer_for(Lineage::root(mix(self.boot, KEYS), done), next.since(now), KEYS);
            }
            let (what, about) = if theft == Some(next) {
                let stolen = self.idp.signing_key(next).kid.clone();
                self.idp.revoke_key(next, &stolen);
                self.revoked = true;
                ("key-revoked", stolen)
            } else {
                self.rotations += 1;
                ("key-announced", self.idp.rotate(next, ctx.controls()))
            };
            out.fact(Fact::Reported { by: "idp", what, about, value: self.rotations });
        }
    }

    fn token(
        &mut self,
        ctx: &Ctx<'_, Saas>,
        from: NodeId,
        asked: &Arc<TokenRequest>,
        out: &mut Outbox<Saas>,
    ) -> OidcAnswer {
        out.busy(self.spec.issue_cost);
        let now = ctx.now();
        let shown = self.spec.thumbprints.get(&from).copied();
        let decided = match (&asked.proof, shown) {
            (ClientProof::Certificate(_), None) => Err(("NO_CERTIFICATE", "invalid_client")),
            _ if asked.subject != asked.client_id && ctx.controls().on(&DELEGATION) => {
                Err(("NOT_DELEGATED", "access_denied"))
            }
            _ => self.idp.issue(now, &as_connected(asked, shown)).map_err(|d| (code(d), d.oauth_code())),
        };
        let reason = decided.as_ref().err().map_or("TOKEN_ISSUED", |(reason, _)| reason);
        let subject = asked.client_id.clone();
        out.fact(Fact::Decided { by: "idp", allowed: decided.is_ok(), reason, subject });
        match decided {
            Ok(token) => OidcAnswer::Token(token),
            Err((_, oauth)) => OidcAnswer::Refused(oauth),
        }
    }
}

impl IdpMachine {
    /// A step of a login. Who the person is, and which application asks, the connection proves.
    fn login(&mut self, ctx: &Ctx<'_, Saas>, from: NodeId, said: &Login, out: &mut Outbox<Saas>) -> LoginAnswer {
        out.busy(self.spec.issue_cost);
        let (now, controls) = (ctx.now(), ctx.controls());
        let shown = self.spec.thumbprints.get(&from).copied();
        let person = shown.and_then(|shown| self.person(shown));
        let answer = match (said, person) {
            (Login::Authorize(asked), Some(person)) => {
                let code = self.desk.authorize(now, controls, &person, asked);
                let (redirect_uri, state) = (asked.redirect_uri.clone(), asked.state.clone());
                code.map(|code| LoginAnswer::Code { redirect_uri, code, state })
            }
            (Login::ApproveDevice { user_code, tenant }, Some(person)) => {
                let approved = self.desk.approve_device(now, controls, user_code, (person, tenant.clone()));
                approved.map(|()| LoginAnswer::Approved)
            }
            (Login::Authorize(_) | Login::ApproveDevice { .. }, None) => Err("access_denied"),
            (Login::StartDevice { client_id }, _) => {
                let codes = self.desk.start_device(now, client_id);
                codes.map(|(device_code, user_code)| LoginAnswer::Device { device_code, user_code })
            }
            (Login::Redeem { client_id, grant }, _) => {
                let granted = self.desk.redeem(now, controls, (client_id, shown), grant);
                granted.and_then(|granted| self.tokens(now, shown, &granted))
            }
        };
        let (allowed, reason) = (answer.is_ok(), answer.as_ref().err().copied().unwrap_or("LOGIN_STEP"));
        let subject = self.spec.config.issuer.clone();
        out.fact(Fact::Decided { by: "idp.login", allowed, reason, subject });
        answer.unwrap_or_else(LoginAnswer::Refused)
    }

    /// Whoever is registered with this certificate.
    fn person(&self, shown: [u8; 32]) -> Option<Arc<str>> {
        let is_theirs = |p: &&Principal| matches!(p.auth, ClientAuth::Certificate(own) if own == shown);
        self.spec.principals.iter().find(is_theirs).map(|p| p.name.clone())
    }

    /// Tokens of an application that can prove itself are bound to what it proves itself by.
    fn tokens(
        &mut self,
        now: Instant,
        shown: Option<[u8; 32]>,
        granted: &Granted,
    ) -> Result<LoginAnswer, &'static str> {
        let app = self.spec.apps.0.iter().find(|app| app.client_id == granted.client_id);
        let request = TokenRequest {
            client_id: granted.client_id.clone(),
            proof: ClientProof::Certificate([0; 32]),
            subject: granted.subject.clone(),
            tenant: granted.tenant.clone(),
            audience: self.spec.apps.1.clone(),
            region: self.idp.region_of(&granted.subject).ok_or("access_denied")?,
            scopes: LOGIN_SCOPES.map(Into::into).to_vec(),
            client_binding: app.and_then(|app| app.certificate).and(shown),
            clearance: "confidential".into(),
            lifetime: self.spec.config.lifetime_max,
            valid_after: Duration::ZERO,
        };
        let access = self.idp.issue_for_login(now, &request, &granted.session).map_err(|denial| denial.oauth_code())?;
        Ok(LoginAnswer::Tokens { access, refresh: granted.refresh.clone() })
    }
}

/// What tokens of people who log in permit.
const LOGIN_SCOPES: [&str; 2] = ["records", "events"];

/// The request with the connection's certificate wherever it speaks of one.
fn as_connected(asked: &TokenRequest, shown: Option<[u8; 32]>) -> TokenRequest {
    let proof = match (&asked.proof, shown) {
        (ClientProof::Certificate(_), Some(shown)) => ClientProof::Certificate(shown),
        (proof, _) => proof.clone(),
    };
    TokenRequest { proof, client_binding: asked.client_binding.and(shown), ..asked.clone() }
}

fn code(denial: super::clients::IssueDenial) -> &'static str {
    use super::clients::IssueDenial as D;
    match denial {
        D::Client => "UNKNOWN_CLIENT",
        D::Proof => "BAD_PROOF",
        D::Subject => "UNKNOWN_SUBJECT",
        D::Tenant => "TENANT_NOT_GRANTED",
        D::Region => "REGION_NOT_GRANTED",
        D::Audience => "AUDIENCE_NOT_GRANTED",
        D::Scope => "SCOPE_NOT_GRANTED",
        D::Clearance => "CLEARANCE_NOT_GRANTED",
        D::Lifetime => "BAD_LIFETIME",
        D::Binding => "NOT_BOUND",
    }
}

impl Machine<Saas> for IdpMachine {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let now = ctx.now();
        match input {
            Input::Message { from, message: Wire::Oidc(id, request) } => {
                let answer = match &*request {
                    OidcRequest::Token(asked) => self.token(ctx, from, asked, out),
                    OidcRequest::Login(said) => OidcAnswer::Login(Box::new(self.login(ctx, from, said, out))),
                    OidcRequest::Jwks => {
                        out.busy(self.spec.keys_cost);
                        OidcAnswer::Jwks(self.idp.jwks(now, ctx.controls()))
                    }
                };
                out.send(from, Wire::OidcAnswer(id, answer));
            }
            Input::Message { from, message: Wire::Signal(signal) } if Some(from) == self.spec.sentinel => {
                match *signal {
                    Signal::End(session) => self.desk.end(&session),
                    Signal::Poll(after) => {
                        // A provider that restarted has ended nothing yet, whatever it is asked for.
                        let first = (after as usize).min(self.desk.ended(0).len());
                        let ended = Signal::Ended(first as u64, self.desk.ended(first).to_vec());
                        out.send(from, Wire::Signal(Box::new(ended)));
                    }
                    _ => {}
                }
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { token: KEYS } => self.keys(ctx, out),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
