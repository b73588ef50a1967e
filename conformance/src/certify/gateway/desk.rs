//! Where probes of a gateway work: honest requests of both tenants, what shows that a request was let through, and what
//! was found so far.

use super::issuer::Issuer;
use super::link::Link;
use super::token::{Mint, Token};
use crate::certify::deployment::{Deployment, Gateway, Tenant};
use crate::certify::http::answer::{Answer, Outcome};
use crate::certify::http::request::{PROBE, Protocol, Request};
use crate::certify::http::route::Route;
use crate::certify::report::{Component, Finding, Proof};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a request is made that a rate limit refuses.
const TRIES: usize = 3;
/// Time between honest requests that are made until one is let through.
const PACE: Duration = Duration::from_millis(200);
/// Longest wait that a rate limit may ask for, in seconds.
const WAIT_S_MAX: u64 = 10;

/// Where probes work.
pub struct Desk<'d> {
    /// How to connect.
    pub link: Link,
    /// The deployment's table.
    pub gateway: &'d Gateway,
    /// Where relative files start.
    pub home: &'d Path,
    /// Who acts, and who must not be seen.
    pub tenants: [&'d Tenant; 2],
    /// Makes tokens.
    pub mint: Mint<'d>,
    /// The test issuer, where the judge is it.
    pub issuer: Option<Issuer>,
    /// Whether the service behind repeats headers that it is sent.
    pub echoes: bool,
    /// What was found.
    pub component: Component,
    /// In what it is judged by turns.
    pub protocols: Vec<Protocol>,
    tried: usize,
    /// Denials by another code than is usual: code, and of what.
    unusual: BTreeMap<u16, Vec<String>>,
}

/// Which denials an attack may get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// By a credential or a right: an answer says no, best with 401 or 403.
    Right,
    /// By its form, or by the door that it comes through: no answer at all is a denial too.
    Form,
    /// By somebody who can ask nobody: a failure that is told is a denial too.
    Outage,
}

/// A request that must be denied.
pub struct Attack<'a> {
    /// What is to blame if it is not.
    pub object: &'a str,
    /// What is wrong then.
    pub what: &'a str,
    /// What that breaks, the nearest first.
    pub requirements: &'a [&'static str],
    /// How to repair it.
    pub repair: &'a [&'a str],
    /// What is sent.
    pub request: Request,
    /// Whose token it carries, if any.
    pub tenant: Option<usize>,
    /// Which denials it may get.
    pub kind: Kind,
}

/// What came of an attack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It did what it must not.
    Breached,
    /// It was denied.
    Denied,
    /// Neither was shown.
    Open,
}

impl<'d> Desk<'d> {
    /// Makes the honest request of both tenants.
    ///
    /// # Errors
    /// Says what is in the way: nobody's denial proves anything then.
    pub fn open(
        deployment: &'d Deployment,
        gateway: &'d Gateway,
        link: Link,
        component: Component,
    ) -> Result<Desk<'d>, Box<Component>> {
        let (a, b) = deployment.tenants();
        let home = deployment.home.as_path();
        let mint = match Mint::new(gateway, [a, b], home) {
            Ok(mint) => mint,
            Err(why) => return Err(Box::new(component.unjudged(why))),
        };
        let issuer = match (&gateway.issuer, mint.public()) {
            (Some(table), Some(key)) => match Issuer::start(table.get_ref(), key) {
                Ok(issuer) => Some(issuer),
                Err(why) => return Err(Box::new(component.unjudged(why))),
            },
            _ => None,
        };
        let tenants = [a, b];
        let protocols = vec![link.own.protocol()];
        let (echoes, tried, unusual) = (false, 0, BTreeMap::new());
        let mut desk =
            Desk { link, gateway, home, tenants, mint, issuer, echoes, component, protocols, tried, unusual };
        let first = desk.recovered();
        desk.component.limits.statements = desk.link.requests();
        match first {
            Err(why) => Err(Box::new(desk.component.unjudged(why))),
            Ok(echoed) => {
                desk.echoes = echoed;
                desk.tell_rule();
                desk.second();
                Ok(desk)
            }
        }
    }

    /// Both tenants' honest requests: whether what they send is echoed.
    fn both(&mut self) -> Result<bool, String> {
        let over = self.over();
        self.each().map_err(|why| format!("{why}{over}"))
    }

    fn each(&mut self) -> Result<bool, String> {
        let mut echoed = true;
        for tenant in [0, 1] {
            let (request, outcome) = self.honest(tenant)?;
            let id = &self.tenants[tenant].id;
            let Some(answer) = outcome.answered() else {
                return Err(format!("failed to reach {} as {id}: {}", self.link.place(), outcome.words()));
            };
            if !self.passed(&request, answer) {
                let status = answer.status;
                return Err(format!("the honest request of {id} is not let through: status {status}"));
            }
            if !self.shows(answer, tenant) {
                let how = self.how_shown();
                return Err(format!("the answer to the honest request of {id} does not show its tenant ({how})"));
            }
            if self.shows(answer, 1 - tenant) {
                let other = &self.tenants[1 - tenant].id;
                return Err(format!(
                    "the answer to the honest request of {id} shows {other} too: nothing tells them apart"
                ));
            }
            if tenant == 0
                && let Some(server) = answer.header("server").next()
            {
                self.component.server = format!("answers as {server}");
            }
            echoed &= answer.echoes(&request.marker);
        }
        Ok(echoed)
    }

    /// Both tenants' honest requests, made once, or until they are let through where the issuer has just come.
    ///
    /// # Errors
    /// They still are not when they must be.
    pub fn recovered(&mut self) -> Result<bool, String> {
        let patience = self.gateway.issuer.as_ref().map_or(0, |table| table.get_ref().recovers_in_s);
        let until = Instant::now() + Duration::from_secs(patience.into());
        loop {
            let both = self.both();
            if both.is_ok() || Instant::now() >= until {
                return both;
            }
            self.wait(PACE);
        }
    }

    /// Lets time pass.
    pub fn wait(&self, time: Duration) {
        self.link.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    fn how_shown(&self) -> String {
        match &self.gateway.shows {
            Some(template) => {
                format!("neither in the header {} nor as {template} in its body", self.gateway.tenant_header)
            }
            None => format!("in the header {}; give what its body says of it as shows", self.gateway.tenant_header),
        }
    }

    /// What counts as let through goes into the report.
    fn tell_rule(&mut self) {
        let passed = &self.gateway.passed;
        let mut rule = match (&passed.header, &passed.status) {
            (Some(header), None) => format!("answers with the header {header}"),
            (header, Some(all)) => {
                let all: Vec<&str> = all.iter().map(|form| form.get_ref().as_str()).collect();
                let header = header.as_ref().map(|h| format!(", or with the header {h}")).unwrap_or_default();
                format!("answers of {}{header}", all.join(", "))
            }
            (None, None) => "answers of 2xx or 3xx".to_owned(),
        };
        rule.push_str(&format!(" count as let through, and so does any that repeats what {PROBE} said"));
        self.component.tenancy.push(rule);
        let echo = match self.echoes {
            true => "the service behind repeats the headers that it is sent, so what reaches it is seen",
            false => "the service behind does not repeat the headers that it is sent: what reaches it is not seen",
        };
        self.component.tenancy.push(echo.to_owned());
    }

    /// An honest request of tenant 0 or 1, not yet made.
    ///
    /// # Errors
    /// No token can be made.
    pub fn request(&self, tenant: usize) -> Result<Request, String> {
        Ok(self.mint.honest(tenant)?.borne_by(self.bare()))
    }

    /// A request without a token.
    pub fn bare(&self) -> Request {
        Request::get(&self.link.target, &self.link.authority)
    }

    /// A request with a token of some kind.
    pub fn bearing(&self, token: &Token) -> Request {
        token.borne_by(self.bare())
    }

    /// Makes the honest request of tenant 0 or 1.
    ///
    /// # Errors
    /// No token can be made.
    pub fn honest(&self, tenant: usize) -> Result<(Request, Outcome), String> {
        let request = self.request(tenant)?;
        let outcome = self.send(&self.link.own, &request);
        Ok((request, outcome))
    }

    /// Makes a request, and again when a rate limit refuses it: that says nothing of the request.
    pub fn send(&self, route: &Route, request: &Request) -> Outcome {
        let mut outcome = self.link.ask(route, request);
        for _ in 1..TRIES {
            let Some(answer) = outcome.answered().filter(|answer| answer.status == 429) else { break };
            let asked = answer.header("retry-after").next().and_then(|v| v.trim().parse().ok()).unwrap_or(1);
            let wait = Duration::from_secs(asked.clamp(1, WAIT_S_MAX));
            self.wait(wait);
            outcome = self.link.ask(route, request);
        }
        outcome
    }

    /// Makes a request that must be let through.
    ///
    /// # Errors
    /// What came of it instead.
    pub fn passes(&self, route: &Route, request: &Request) -> Result<(), String> {
        let outcome = self.send(route, request);
        match outcome.answered() {
            Some(answer) if self.passed(request, answer) => Ok(()),
            _ => Err(outcome.words()),
        }
    }

    /// Whether an answer shows that its request was let through.
    pub fn passed(&self, request: &Request, answer: &Answer) -> bool {
        let by_header = self.gateway.passed.header.as_ref().is_some_and(|name| answer.header(name).next().is_some());
        self.gateway.passed.by_status(answer.status) || by_header || answer.echoes(&request.marker)
    }

    /// Whether an answer shows tenant 0 or 1.
    pub fn shows(&self, answer: &Answer, tenant: usize) -> bool {
        self.names(answer, &self.tenants[tenant].id)
            || self.gateway.shows.as_ref().is_some_and(|t| answer.body.contains(&self.tenants[tenant].fill(t)))
    }

    /// Whether the header of an answer names this tenant.
    pub fn names(&self, answer: &Answer, id: &str) -> bool {
        answer.header(&self.gateway.tenant_header).any(|value| value.split(',').any(|one| one.trim() == id))
    }

    /// Makes a request that must be denied, and notes what comes of it.
    pub fn attack(&mut self, attack: Attack<'_>) -> Fate {
        self.attack_by(&self.link.own.clone(), attack, &|_, _| true)
    }

    /// The same by another door, and with more to be shown than that it was let through.
    pub fn attack_by(
        &mut self,
        route: &Route,
        attack: Attack<'_>,
        breaches: &dyn Fn(&Desk<'_>, &Answer) -> bool,
    ) -> Fate {
        self.tried += 1;
        let outcome = self.send(route, &attack.request);
        let protocol = route.protocol();
        let what = format!("{}{}", attack.what, protocol.clause());
        match &outcome {
            Outcome::Answer(answer) if self.passed(&attack.request, answer) => {
                if !breaches(self, answer) {
                    return Fate::Denied;
                }
                let saw = self.saw(&attack.request, answer);
                self.find_over(protocol, &attack, saw);
                Fate::Breached
            }
            Outcome::Answer(answer) if self.is_denial(attack.kind, answer.status) => {
                if attack.kind == Kind::Right && ![401, 403].contains(&answer.status) {
                    self.unusual.entry(answer.status).or_default().push(what);
                }
                Fate::Denied
            }
            Outcome::Closed(_) if attack.kind == Kind::Form => Fate::Denied,
            _ => {
                let why = format!("the gateway neither denied it nor let it through: {}", outcome.words());
                self.component.suspect(attack.object, &what, attack.requirements, &why);
                Fate::Open
            }
        }
    }

    /// Whether a code says no. That a gateway or a service fails says nothing; a rate limit neither.
    fn is_denial(&self, kind: Kind, status: u16) -> bool {
        match kind {
            Kind::Right => (300..500).contains(&status) && status != 429,
            Kind::Outage => (300..600).contains(&status) && status != 429,
            // Not implemented, and another version: what RFC 9112 (sections 6.1 and 2.3) has for some forms.
            Kind::Form => (300..500).contains(&status) && status != 429 || [501, 505].contains(&status),
        }
    }

    /// What an answer shows, without what it holds.
    pub fn saw(&self, request: &Request, answer: &Answer) -> String {
        let mut saw = format!("status {}", answer.status);
        if let Some(header) = self.gateway.passed.header.as_ref().filter(|name| answer.header(name).next().is_some()) {
            saw.push_str(&format!(", with the header {header}"));
        }
        if answer.echoes(&request.marker) {
            saw.push_str(&format!(", and the service repeated what {PROBE} said"));
        }
        for (tenant, known) in self.tenants.iter().enumerate() {
            if self.shows(answer, tenant) {
                saw.push_str(&format!("; the answer shows {}", known.id));
            }
        }
        saw
    }

    /// Notes a finding.
    pub fn find(&mut self, attack: &Attack<'_>, saw: String) {
        self.find_over(self.link.own.protocol(), attack, saw);
    }

    fn find_over(&mut self, protocol: Protocol, attack: &Attack<'_>, saw: String) {
        let tenant = attack.tenant.map(|tenant| self.tenants[tenant].id.clone());
        let proof = Proof { tenant, connection: "fresh", statements: attack.request.shown(protocol), saw };
        self.component.find(Finding {
            object: attack.object.to_owned(),
            what: format!("{}{}", attack.what, protocol.clause()),
            requirements: attack.requirements.to_vec(),
            proof,
            repair: attack.repair.iter().map(|line| format!("-- {line}")).collect(),
            also: Vec::new(),
        });
    }

    /// Notes what looks wrong and was not shown.
    pub fn suspect(&mut self, object: &str, what: &str, requirements: &[&'static str], why: &str) {
        let what = format!("{what}{}", self.over());
        self.component.suspect(object, &what, requirements, why);
    }

    /// Notes what a probe tried, in one line.
    pub fn judged(&mut self, what: &str, requirements: &[&'static str]) {
        let tried = std::mem::take(&mut self.tried);
        if tried > 0 {
            let what = format!("{what}{}", self.over());
            self.component.judged(&what, tried, requirements);
        }
    }

    /// Counts attacks that were made by hand.
    pub fn tried(&mut self, attacks: usize) {
        self.tried += attacks;
    }

    /// Honest requests must pass after the probes as they did before: else what was denied between may have been denied
    /// to anybody.
    pub fn settle(&mut self) {
        if let Err(why) = self.both() {
            self.component.problem = Some(format!("after the probes {why}: denials prove nothing then"));
        }
    }

    /// What was found.
    pub fn close(mut self) -> Component {
        for (status, what) in self.unusual {
            let note = format!("denied with {status}, where 401 or 403 is usual: {}", what.join("; "));
            self.component.notes.push(note);
        }
        self.component.limits.statements = self.link.requests();
        self.component
    }
}
