//! An intruder: somebody who holds a token of its own (or a stolen one), turns it into something better, and knocks.
//!
//! The usual frame of an attack on the front door: get a token, craft headers from it, try several records, several
//! times, and come back when refused for load.

use super::attacker::{Event, Kit, Script};
use super::client::thumbprint;
use models::ids::TenantId;
use models::luck;
use models::wire::Wire;
use models::wire::http::{Headers, Method};
use models::wire::oidc::{ClientProof, OidcAnswer, OidcRequest, TokenRequest};
use models::wire::svid::Handshake;
use models::wire::tls::Versions;
use sim::seed::{Lineage, below, name_hash};
use sim::{Duration, Instant, NodeId};
use std::rc::Rc;
use std::sync::Arc;

/// Makes headers out of the intruder's own token, now; `None` when it has to wait (nothing stolen yet).
pub type Craft = Rc<dyn Fn(&Arc<str>, Instant) -> Option<Headers>>;

/// What an intruder is.
#[derive(Clone)]
pub struct Intruder {
    /// Where it gets its own token.
    pub idp: NodeId,
    /// For which tenant.
    pub tenant: TenantId,
    /// The region it claims.
    pub region: Arc<str>,
    /// In whose name, if not its own.
    pub subject: Option<Arc<str>>,
    /// For how long.
    pub lifetime: Duration,
    /// The highest level that it asks to see.
    pub clearance: &'static str,
    /// For which audience.
    pub audience: Arc<str>,
    /// The door.
    pub gateway: NodeId,
    /// What it asks for, in turn.
    pub asks: Vec<(Method, String, Vec<u8>)>,
    /// How it crafts headers.
    pub craft: Craft,
    /// The mark of standing before the door.
    pub mark: &'static str,
    /// The mark of asking for a token, where that is the door.
    pub login_mark: Option<&'static str>,
    /// When it begins.
    pub wait: Duration,
    /// How often it asks.
    pub tries: u32,
    /// Between two asks.
    pub gap: Duration,
    /// What its TLS library speaks, where it has to open a session first: then the hello is what stands at the door.
    pub tls: Option<Versions>,
    /// Whether it has a session.
    pub session: bool,
    /// Its own token, once it has one.
    pub token: Option<Arc<str>>,
}

const KNOCK: u64 = 1;
const LOGIN: u64 = 2;

impl Intruder {
    /// An intruder that uses its token as it is.
    pub fn new(idp: NodeId, gateway: NodeId, tenant: &str, region: &str, mark: &'static str) -> Intruder {
        Intruder {
            idp,
            tenant: tenant.into(),
            region: region.into(),
            subject: None,
            lifetime: models::platform::TOKEN_LIFETIME,
            clearance: "confidential",
            audience: models::platform::AUDIENCE.into(),
            gateway,
            asks: (0..4).map(|i| (Method::Get, format!("/v1/records/{i}"), Vec::new())).collect(),
            craft: Rc::new(|token, _| Some(bearer(token))),
            mark,
            login_mark: None,
            wait: Duration::millis(2_000),
            tries: 12,
            gap: Duration::millis(300),
            tls: None,
            session: false,
            token: None,
        }
    }
    /// The same with other headers.
    #[must_use]
    pub fn crafting(self, craft: impl Fn(&Arc<str>) -> Option<Headers> + 'static) -> Intruder {
        self.crafting_at(move |token, _| craft(token))
    }
    /// The same with headers that hang on the time.
    #[must_use]
    pub fn crafting_at(mut self, craft: impl Fn(&Arc<str>, Instant) -> Option<Headers> + 'static) -> Intruder {
        self.craft = Rc::new(craft);
        self
    }
    /// The same asking for something else.
    #[must_use]
    pub fn asking(mut self, asks: &[(Method, &str, &str)]) -> Intruder {
        self.asks = asks.iter().map(|(m, p, b)| (*m, (*p).to_owned(), b.as_bytes().to_vec())).collect();
        self
    }

    fn login(&self, kit: &mut Kit<'_, '_>) {
        let principal = kit.principal();
        let request = TokenRequest {
            client_id: principal.clone(),
            proof: ClientProof::Certificate(thumbprint(&principal)),
            subject: self.subject.clone().unwrap_or_else(|| principal.clone()),
            tenant: self.tenant.clone(),
            audience: self.audience.clone(),
            region: self.region.clone(),
            scopes: vec!["records".into(), "events".into()],
            client_binding: Some(thumbprint(&principal)),
            clearance: self.clearance.into(),
            lifetime: self.lifetime,
            valid_after: Duration::ZERO,
        };
        if let Some(mark) = self.login_mark {
            kit.mark(mark);
        }
        kit.out.send(self.idp, Wire::Oidc(1, Box::new(OidcRequest::Token(Arc::new(request)))));
        kit.after(Duration::millis(400), LOGIN);
    }

    /// Asks for a session. It takes whatever it gets.
    fn hello(&self, kit: &mut Kit<'_, '_>, versions: Versions) {
        if kit.goes(u64::from(self.tries)) {
            kit.mark(self.mark);
            let hello = Handshake::ClientHello { nonce: kit.draw(luck::NONCE), versions };
            kit.out.send(self.gateway, Wire::Handshake(Box::new(hello)));
        }
    }

    fn knock(&mut self, kit: &mut Kit<'_, '_>) {
        let Some(headers) = self.token.as_ref().and_then(|token| (self.craft)(token, kit.ctx.now())) else {
            return kit.after(Duration::millis(200), KNOCK);
        };
        if self.tries == 0 || kit.is_over() {
            return;
        }
        self.tries -= 1;
        if let Some(versions) = self.tls.filter(|_| !self.session) {
            self.hello(kit, versions);
            return kit.after(self.gap, KNOCK);
        }
        let step = Lineage::root(name_hash(&kit.principal()), u64::from(self.tries));
        let pick = below(kit.ctx.draw_at(luck::ATTACK, step.cause, 0), self.asks.len() as u64) as usize;
        let (method, path, body) = self.asks[pick].clone();
        if self.tls.is_none() && kit.will_ask() {
            kit.mark(self.mark);
        }
        kit.ask(self.gateway, method, &path, headers, &body);
        kit.after(self.gap, KNOCK);
    }
}

/// Headers with a bearer token.
pub fn bearer(token: &Arc<str>) -> Headers {
    Headers { authorization: Some(token.clone()), ..Headers::default() }
}

impl Script for Intruder {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => {
                self.login(kit);
                kit.after(kit.wait(self.wait), KNOCK);
            }
            Event::Tick(LOGIN) if self.token.is_none() => self.login(kit),
            Event::Tick(KNOCK) => self.knock(kit),
            Event::Word(from, Wire::Handshake(word)) if from == self.gateway => {
                self.session = matches!(*word, Handshake::ServerProof { .. });
            }
            Event::Word(_, Wire::OidcAnswer(_, OidcAnswer::Token(token))) => self.token = Some(token),
            _ => {}
        }
    }
}
