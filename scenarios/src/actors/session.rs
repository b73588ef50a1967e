//! A login on somebody's machine, and whoever has a copy of what it holds.
//!
//! The owner logs in by a code, works, and logs in anew when she is thrown out. A copy of her tokens was made one day;
//! the burglar has it, and perhaps a copy of the machine's key as well.

use super::attacker::{Event, Kit, Script};
use super::intruder::bearer;
use super::loot::Loot;
use models::ids::TenantId;
use models::platform::people::CLI;
use models::wire::Wire;
use models::wire::http::Method;
use models::wire::oidc::login::{Grant, Login, LoginAnswer};
use models::wire::oidc::{OidcAnswer, OidcRequest};
use sim::{Duration, NodeId};
use std::sync::Arc;

/// Whose machine it is.
pub struct Owner {
    /// The provider.
    pub idp: NodeId,
    /// The gateway.
    pub gateway: NodeId,
    /// For whom she acts.
    pub tenant: TenantId,
    /// Where the copy lies.
    pub loot: Loot,
    /// Under which name.
    pub name: &'static str,
    /// When it is made.
    pub copied_after: Duration,
    /// Whether she goes on by refresh tokens, or by the token that she has.
    pub refreshes: bool,
    /// The mark of being served again after she was thrown out.
    pub back: &'static str,
    device: Option<Arc<str>>,
    access: Option<Arc<str>>,
    refresh: Option<Arc<str>>,
    is_copied: bool,
    was_out: bool,
    turns: u64,
}

/// Whoever has the copy.
pub struct Burglar {
    /// The provider.
    pub idp: NodeId,
    /// The gateway.
    pub gateway: NodeId,
    /// Where the copy lies.
    pub loot: Loot,
    /// Under which name.
    pub name: &'static str,
    /// What of it is used.
    pub uses: Uses,
    /// When.
    pub wait: Duration,
    /// The mark of using it.
    pub mark: &'static str,
    access: Option<Arc<str>>,
    refresh: Option<Arc<str>>,
    began: bool,
    turns: u64,
}

/// What of a copy is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Uses {
    /// The access token.
    Access,
    /// The refresh token, before its owner uses it.
    Refresh,
    /// The access token, and when that is good no more the refresh token.
    Both,
}

const TURN: u64 = 1;
const COPY: u64 = 2;
/// Between two turns of hers: a poll, a request, or a new token.
const EVERY: Duration = Duration::millis(250);
/// Between two of a burglar's.
const KNOCKS_EVERY: Duration = Duration::millis(150);
/// She fetches a new token every so many turns.
const REFRESH_TURNS: u64 = 4;
/// Both go on for about as long as honest traffic.
const TURNS: u64 = 40;
const KNOCKS: u64 = 48;

fn say(kit: &mut Kit<'_, '_>, idp: NodeId, login: Login) {
    kit.out.send(idp, Wire::Oidc(1, Box::new(OidcRequest::Login(Box::new(login)))));
}

fn redeem(kit: &mut Kit<'_, '_>, idp: NodeId, grant: Grant) {
    say(kit, idp, Login::Redeem { client_id: CLI.into(), grant });
}

fn kept(loot: &Loot, what: &str, name: &str) -> Option<Arc<str>> {
    loot.token_of(&format!("{what} of {name}"))
}

impl Owner {
    /// Somebody who has not logged in yet, and of whose tokens a copy is made after a while.
    pub fn new((idp, gateway): (NodeId, NodeId), tenant: &str, loot: Loot, name: &'static str) -> Owner {
        Owner {
            idp,
            gateway,
            tenant: tenant.into(),
            loot,
            name,
            copied_after: Duration::millis(3_000),
            refreshes: false,
            back: "",
            device: None,
            access: None,
            refresh: None,
            is_copied: false,
            was_out: false,
            turns: 0,
        }
    }

    fn turn(&mut self, kit: &mut Kit<'_, '_>) {
        self.turns += 1;
        if self.turns > TURNS || kit.is_over() {
            return;
        }
        kit.after(EVERY, TURN);
        let is_due = self.refreshes && self.turns.is_multiple_of(REFRESH_TURNS);
        match (&self.access, &self.refresh, &self.device) {
            (Some(_), Some(refresh), _) if is_due => redeem(kit, self.idp, Grant::Refresh(refresh.clone())),
            (Some(access), ..) => {
                let path = format!("/v1/records/{}", self.turns % 4);
                kit.ask(self.gateway, Method::Get, &path, bearer(access), b"");
            }
            (None, _, Some(device)) => redeem(kit, self.idp, Grant::Device(device.clone())),
            (None, _, None) => say(kit, self.idp, Login::StartDevice { client_id: CLI.into() }),
        }
    }

    fn copy(&mut self, kit: &mut Kit<'_, '_>) {
        let (Some(access), Some(refresh)) = (&self.access, &self.refresh) else {
            return kit.after(EVERY, COPY);
        };
        self.is_copied = true;
        self.loot.drop_token(&format!("access of {}", self.name).into(), access);
        self.loot.drop_token(&format!("refresh of {}", self.name).into(), refresh);
    }

    fn thrown_out(&mut self) {
        (self.access, self.refresh, self.device) = (None, None, None);
        self.was_out = true;
    }
}

impl Script for Owner {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => {
                kit.after(kit.wait(Duration::millis(1_000)), TURN);
                kit.after(self.copied_after, COPY);
            }
            Event::Tick(TURN) => self.turn(kit),
            Event::Tick(COPY) => self.copy(kit),
            Event::Answer(_, Some(response)) if response.status == 401 => self.thrown_out(),
            Event::Answer(_, Some(response)) if response.status == 200 && self.was_out => kit.mark(self.back),
            Event::Word(from, Wire::OidcAnswer(_, OidcAnswer::Login(said))) if from == self.idp => match *said {
                LoginAnswer::Device { device_code, user_code } => {
                    self.device = Some(device_code);
                    say(kit, self.idp, Login::ApproveDevice { user_code, tenant: self.tenant.clone() });
                }
                LoginAnswer::Tokens { access, refresh } => {
                    (self.access, self.refresh, self.device) = (Some(access), Some(refresh), None);
                    // Whatever made the copy of tokens that follow each other is still there.
                    if self.is_copied && self.refreshes {
                        self.copy(kit);
                    }
                }
                LoginAnswer::Refused("invalid_grant") => self.thrown_out(),
                LoginAnswer::Refused(_) | LoginAnswer::Approved | LoginAnswer::Code { .. } => {}
            },
            _ => {}
        }
    }
}

impl Burglar {
    /// Somebody who has a copy, and waits before he uses it.
    pub fn new((idp, gateway): (NodeId, NodeId), loot: Loot, name: &'static str, uses: Uses) -> Burglar {
        Burglar {
            idp,
            gateway,
            loot,
            name,
            uses,
            wait: Duration::millis(4_000),
            mark: "",
            access: None,
            refresh: None,
            began: false,
            turns: 0,
        }
    }

    fn turn(&mut self, kit: &mut Kit<'_, '_>) {
        self.turns += 1;
        if self.turns > KNOCKS || kit.is_over() {
            return;
        }
        kit.after(KNOCKS_EVERY, TURN);
        if !self.began {
            let (access, refresh) = (kept(&self.loot, "access", self.name), kept(&self.loot, "refresh", self.name));
            self.began = access.is_some();
            self.access = access.filter(|_| self.uses != Uses::Refresh);
            self.refresh = refresh.filter(|_| self.uses != Uses::Access);
        }
        if let Some(access) = &self.access {
            let path = format!("/v1/records/{}", self.turns % 4);
            if kit.will_ask() {
                kit.mark(self.mark);
            }
            kit.ask(self.gateway, Method::Get, &path, bearer(access), b"");
        } else if let Some(refresh) = self.refresh.take()
            && kit.goes(self.turns)
        {
            kit.mark(self.mark);
            redeem(kit, self.idp, Grant::Refresh(refresh));
        }
    }
}

impl Script for Burglar {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(kit.wait(self.wait), TURN),
            Event::Tick(TURN) => self.turn(kit),
            // Without another way he goes on with what he has.
            Event::Answer(_, Some(response)) if response.status == 401 && self.refresh.is_some() => self.access = None,
            Event::Word(from, Wire::OidcAnswer(_, OidcAnswer::Login(said))) if from == self.idp => {
                if let LoginAnswer::Tokens { access, refresh } = *said {
                    (self.access, self.refresh) = (Some(access), Some(refresh));
                }
            }
            _ => {}
        }
    }
}
