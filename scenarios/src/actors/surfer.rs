//! A browser: it keeps a session of the portal, follows logins, and does what its script says.
//!
//! The first line of what the portal answers is its cookie, which no script of a page sees.

use super::attacker::{Event, Kit};
use models::ids::TenantId;
use models::portal::machine::{API, CALLBACK, COOKIE, LOGIN, SESSION};
use models::wire::Wire;
use models::wire::http::{Headers, Method, Response};
use models::wire::oidc::login::{Authorize, Login, LoginAnswer};
use models::wire::oidc::{OidcAnswer, OidcRequest};
use sim::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A browser.
pub struct Surfer {
    /// The portal.
    pub portal: NodeId,
    /// The provider.
    pub idp: NodeId,
    /// For which tenant its user logs in.
    pub tenant: TenantId,
    /// Its session.
    pub cookie: Option<String>,
    asked: BTreeMap<u64, Page>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    Login,
    Callback,
    Session,
    Api,
}

/// What came of something that a browser did.
pub enum Heard {
    /// A login begins: this is asked of the provider next.
    Offered(Authorize),
    /// The provider sends the browser to this address with a code and a state.
    Sent(Arc<str>, Arc<str>, Arc<str>),
    /// It is logged in.
    LoggedIn,
    /// What a script of the page sees.
    Page(String),
    /// Nothing of that.
    Nothing,
}

impl Surfer {
    /// A browser without a session.
    pub fn new(portal: NodeId, idp: NodeId, tenant: &str) -> Surfer {
        Surfer { portal, idp, tenant: tenant.into(), cookie: None, asked: BTreeMap::new() }
    }

    fn get(&mut self, kit: &mut Kit<'_, '_>, path: &str, page: Page) {
        let asked = kit.ask(self.portal, Method::Get, path, self.headers(), b"");
        self.asked.insert(asked, page);
    }

    fn headers(&self) -> Headers {
        let cookie = self.cookie.iter().map(|session| ("cookie".into(), format!("{COOKIE}{session}").into()));
        Headers { other: cookie.collect(), ..Headers::default() }
    }

    /// Begins a login.
    pub fn begin(&mut self, kit: &mut Kit<'_, '_>) {
        let path = format!("{LOGIN}?tenant={}", self.tenant);
        self.get(kit, &path, Page::Login);
    }

    /// Its user lets an application act.
    pub fn authorize(&self, kit: &mut Kit<'_, '_>, asked: Authorize) {
        let login = Login::Authorize(asked);
        kit.out.send(self.idp, Wire::Oidc(1, Box::new(OidcRequest::Login(Box::new(login)))));
    }

    /// Brings a code to the portal.
    pub fn callback(&mut self, kit: &mut Kit<'_, '_>, code: &str, state: &str) {
        self.get(kit, &format!("{CALLBACK}?code={code}&state={state}"), Page::Callback);
    }

    /// Looks at its own session.
    pub fn look(&mut self, kit: &mut Kit<'_, '_>) {
        self.get(kit, SESSION, Page::Session);
    }

    /// Reads a record through the portal.
    pub fn read(&mut self, kit: &mut Kit<'_, '_>, record: u64) {
        self.get(kit, &format!("{API}/v1/records/{record}"), Page::Api);
    }

    /// Creates a record through the portal.
    pub fn create(&mut self, kit: &mut Kit<'_, '_>, body: &str) {
        let path = format!("{API}/v1/records");
        let asked = kit.ask(self.portal, Method::Post, &path, self.headers(), body.as_bytes());
        self.asked.insert(asked, Page::Api);
    }

    /// What an event means to it.
    pub fn hear(&mut self, event: &Event<'_>) -> Heard {
        match event {
            Event::Answer(id, Some(response)) => self.answered(*id, response),
            Event::Word(from, Wire::OidcAnswer(_, OidcAnswer::Login(said))) if *from == self.idp => match &**said {
                LoginAnswer::Code { redirect_uri, code, state } => {
                    Heard::Sent(redirect_uri.clone(), code.clone(), state.clone())
                }
                _ => Heard::Nothing,
            },
            _ => Heard::Nothing,
        }
    }

    fn answered(&mut self, id: u64, response: &Response) -> Heard {
        let Some(page) = self.asked.remove(&id) else { return Heard::Nothing };
        let body = String::from_utf8_lossy(&response.body);
        let (first, rest) = body.split_once('\n').unwrap_or(("", ""));
        if response.status != 200 || page == Page::Api {
            return Heard::Nothing;
        }
        if let Some(session) = first.strip_prefix(COOKIE) {
            self.cookie = Some(session.to_owned());
        }
        match page {
            Page::Login => serde_json::from_str(rest).map_or(Heard::Nothing, Heard::Offered),
            Page::Callback => Heard::LoggedIn,
            _ => Heard::Page(rest.to_owned()),
        }
    }
}
