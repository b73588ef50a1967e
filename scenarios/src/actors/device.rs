//! The command line on somebody's device: it logs in by a code that a person types, and goes on by refresh tokens.

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

/// Whose device it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Of somebody who types the code herself. A copy of one refresh token lies where a thief finds it, and later she
    /// types a code that somebody has sent her.
    Hers,
    /// Of somebody who sends the code to her, and waits.
    Phisher,
    /// Of somebody who found a refresh token.
    Thief,
}

/// A device.
pub struct Device {
    /// Whose it is.
    pub whose: Whose,
    /// The provider.
    pub idp: NodeId,
    /// The gateway.
    pub gateway: NodeId,
    /// The tenant that she acts for.
    pub tenant: TenantId,
    /// What people leave behind for each other.
    pub loot: Loot,
    /// When it begins.
    pub wait: Duration,
    /// When she types what she was sent.
    pub typed_after: Duration,
    /// The mark of the thief, or of her as she types.
    pub mark: &'static str,
    device_code: Option<Arc<str>>,
    access: Option<Arc<str>>,
    refresh: Option<Arc<str>>,
    copied: bool,
    turns: u64,
}

const REFRESH: &str = "refresh";
const USER_CODE: &str = "user-code";

const BEGIN: u64 = 1;
const TURN: u64 = 2;
const TYPE: u64 = 3;
/// Between two turns: a poll, a request, or, every so many of them, a new token.
const EVERY: Duration = Duration::millis(250);
const TURNS: u64 = 36;
/// A thief looks between two turns of the owner: of two who act at one instant, each engine may take either first.
const LOOKS_LATER: Duration = Duration(EVERY.0 / 2);
const REFRESH_TURNS: u64 = 4;

impl Device {
    /// A device of somebody that has nothing yet.
    pub fn new(whose: Whose, (idp, gateway): (NodeId, NodeId), loot: Loot, mark: &'static str) -> Device {
        Device {
            whose,
            idp,
            gateway,
            tenant: "acme".into(),
            loot,
            wait: Duration::millis(1_000) + if whose == Whose::Thief { LOOKS_LATER } else { Duration::ZERO },
            typed_after: Duration::millis(4_500),
            mark,
            device_code: None,
            access: None,
            refresh: None,
            copied: false,
            turns: 0,
        }
    }

    fn say(&self, kit: &mut Kit<'_, '_>, login: Login) {
        kit.out.send(self.idp, Wire::Oidc(1, Box::new(OidcRequest::Login(Box::new(login)))));
    }

    fn redeem(&self, kit: &mut Kit<'_, '_>, grant: Grant) {
        self.say(kit, Login::Redeem { client_id: CLI.into(), grant });
    }

    fn turn(&mut self, kit: &mut Kit<'_, '_>) {
        self.turns += 1;
        if self.turns > TURNS || kit.is_over() {
            return;
        }
        kit.after(EVERY, TURN);
        if self.whose == Whose::Thief && self.access.is_none() {
            return self.use_found(kit);
        }
        let (due, known) = (self.turns.is_multiple_of(REFRESH_TURNS), self.refresh.clone());
        match (&self.access, known) {
            (Some(_), Some(refresh)) if due && self.whose == Whose::Hers => {
                if !std::mem::replace(&mut self.copied, true) {
                    self.loot.drop_token(&Arc::from(REFRESH), &refresh);
                }
                self.redeem(kit, Grant::Refresh(refresh));
            }
            (Some(access), _) => {
                let path = format!("/v1/records/{}", self.turns % 4);
                kit.ask(self.gateway, Method::Get, &path, bearer(access), b"");
            }
            (None, _) => match &self.device_code {
                Some(code) => self.redeem(kit, Grant::Device(code.clone())),
                None => self.say(kit, Login::StartDevice { client_id: CLI.into() }),
            },
        }
    }

    /// Tries the refresh token that was found; its owner had the time to use it first.
    fn use_found(&mut self, kit: &mut Kit<'_, '_>) {
        let Some(found) = self.loot.token_of(REFRESH) else { return };
        if !std::mem::replace(&mut self.copied, true) {
            return;
        }
        if kit.goes(self.turns) {
            kit.mark(self.mark);
            self.redeem(kit, Grant::Refresh(found));
        }
    }

    fn heard(&mut self, kit: &mut Kit<'_, '_>, said: LoginAnswer) {
        match said {
            LoginAnswer::Device { device_code, user_code } => {
                self.device_code = Some(device_code);
                match self.whose {
                    Whose::Phisher => self.loot.drop_token(&Arc::from(USER_CODE), &user_code),
                    _ => self.say(kit, Login::ApproveDevice { user_code, tenant: self.tenant.clone() }),
                }
            }
            LoginAnswer::Tokens { access, refresh } => {
                (self.access, self.refresh, self.device_code) = (Some(access), Some(refresh), None);
            }
            // Somebody used her refresh token: she logs in anew. A code that is used up or dead is asked for again.
            LoginAnswer::Refused("invalid_grant") if self.whose == Whose::Hers => {
                (self.access, self.refresh, self.device_code) = (None, None, None);
            }
            LoginAnswer::Refused(_) | LoginAnswer::Approved | LoginAnswer::Code { .. } => {}
        }
    }
}

impl Script for Device {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => {
                kit.after(kit.wait(self.wait), BEGIN);
                if self.whose == Whose::Hers {
                    kit.after(self.typed_after, TYPE);
                }
            }
            Event::Tick(BEGIN | TURN) => self.turn(kit),
            Event::Tick(TYPE) => {
                if let Some(user_code) = self.loot.token_of(USER_CODE)
                    && kit.goes(0)
                {
                    kit.mark(self.mark);
                    self.say(kit, Login::ApproveDevice { user_code, tenant: self.tenant.clone() });
                }
            }
            Event::Word(from, Wire::OidcAnswer(_, OidcAnswer::Login(said))) if from == self.idp => {
                self.heard(kit, *said);
            }
            _ => {}
        }
    }
}
