//! How people log in: codes for browsers, codes for devices, and refresh tokens that are used once (IDN-03).
//!
//! Everything here is good once, for one application and for a while, and is forgotten by a restart: who was logging in
//! does so again. Who the person is, and what an application may be given, is judged elsewhere.

use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{base64url, sha256};
use crate::ids::TenantId;
use crate::wire::oidc::login::{Authorize, Grant, challenge};
use sim::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A code is redeemed by whoever began the request that it answers (RFC 7636).
pub const PKCE: Control = control!("idp.pkce", upholds: ["IDN-03"],
    off: "the verifier is not compared, as at providers where PKCE is optional: a code that leaked fits any session");
/// A code is sent to registered addresses only (RFC 9700 §2.1).
pub const REDIRECT_URI: Control = control!("idp.redirect-uri", upholds: ["IDN-03"],
    off: "redirect addresses are not compared, as with a wildcard registered during development");
/// A refresh token that comes a second time ends all that came of it (RFC 9700 §4.14.2).
pub const REFRESH_REUSE: Control = control!("idp.refresh-reuse", upholds: ["IDN-03", "IDN-02"],
    off: "refresh tokens rotate and the old ones stay good, as with a grace period that never ends");
/// A device's codes die soon.
pub const DEVICE_CODE_LIFE: Control = control!("idp.device-code-life", upholds: ["IDN-03"],
    off: "device codes live until they are used: one that was mailed last week still waits for somebody to type it");

/// How long a code lives (RFC 6749 §4.1.2 recommends ten minutes at most; a browser needs seconds).
const CODE_LIFE: Duration = Duration::secs(60);

/// An application that people log in to.
#[derive(Clone, Debug)]
pub struct App {
    /// Its client id.
    pub client_id: Arc<str>,
    /// Where browsers may be sent to.
    pub redirect_uris: Vec<Arc<str>>,
    /// SHA-256 of the certificate that it proves itself by; a public client has none.
    pub certificate: Option<[u8; 32]>,
}

/// For whom tokens are to be issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Granted {
    /// The application.
    pub client_id: Arc<str>,
    /// The person.
    pub subject: Arc<str>,
    /// The tenant.
    pub tenant: TenantId,
    /// The refresh token that goes with them.
    pub refresh: Arc<str>,
    /// The login that they all come of.
    pub session: Arc<str>,
}

struct Code {
    client_id: Arc<str>,
    challenge: Arc<str>,
    person: (Arc<str>, TenantId),
    until: Instant,
}

struct Refresh {
    client_id: Arc<str>,
    person: (Arc<str>, TenantId),
    family: u64,
    spent: bool,
}

struct Device {
    client_id: Arc<str>,
    user_code: Arc<str>,
    person: Option<(Arc<str>, TenantId)>,
    until: Instant,
}

/// Where logins are under way.
pub struct Desk {
    apps: BTreeMap<Arc<str>, App>,
    device_life: Duration,
    life: u64,
    made: u64,
    codes: BTreeMap<Arc<str>, Code>,
    refresh: BTreeMap<Arc<str>, Refresh>,
    /// Refresh tokens of these families are good no more.
    ended: BTreeSet<u64>,
    /// The same, as logins, in the order in which they ended.
    farewells: Vec<Arc<str>>,
    devices: BTreeMap<Arc<str>, Device>,
}

/// A refusal, by its code (RFC 6749 §5.2, RFC 8628 §3.5).
type Refused = &'static str;

impl Desk {
    /// A desk for these applications. `life` tells its codes from those of other desks, and from its own before a
    /// restart.
    pub fn new(apps: &[App], device_life: Duration, life: u64) -> Desk {
        Desk {
            apps: apps.iter().map(|app| (app.client_id.clone(), app.clone())).collect(),
            device_life,
            life,
            made: 0,
            codes: BTreeMap::new(),
            refresh: BTreeMap::new(),
            ended: BTreeSet::new(),
            farewells: Vec::new(),
            devices: BTreeMap::new(),
        }
    }

    /// A person lets an application act: gives the code that its browser carries there.
    ///
    /// # Errors
    /// The application is not known, or wants the code sent where it may not be.
    pub fn authorize(
        &mut self,
        now: Instant,
        controls: &Controls,
        person: &Arc<str>,
        asked: &Authorize,
    ) -> Result<Arc<str>, Refused> {
        let app = self.apps.get(&asked.client_id).ok_or("unauthorized_client")?;
        if !app.redirect_uris.contains(&asked.redirect_uri) && controls.on(&REDIRECT_URI) {
            return Err("invalid_request");
        }
        let code = self.secret();
        let (client_id, challenge) = (asked.client_id.clone(), asked.challenge.clone());
        let person = (person.clone(), asked.tenant.clone());
        self.codes.insert(code.clone(), Code { client_id, challenge, person, until: now + CODE_LIFE });
        Ok(code)
    }

    /// A device wants to act: gives what it asks with, and what a person types.
    ///
    /// # Errors
    /// The application is not known.
    pub fn start_device(&mut self, now: Instant, client_id: &Arc<str>) -> Result<(Arc<str>, Arc<str>), Refused> {
        self.apps.get(client_id).ok_or("unauthorized_client")?;
        let (device_code, user_code) = (self.secret(), Arc::from(&self.secret()[..8]));
        let until = now + self.device_life;
        let device = Device { client_id: client_id.clone(), user_code: Arc::clone(&user_code), person: None, until };
        self.devices.insert(device_code.clone(), device);
        Ok((device_code, user_code))
    }

    /// A person lets a device act.
    ///
    /// # Errors
    /// No device shows this code, or none that is alive.
    pub fn approve_device(
        &mut self,
        now: Instant,
        controls: &Controls,
        user_code: &str,
        person: (Arc<str>, TenantId),
    ) -> Result<(), Refused> {
        let device = self.devices.values_mut().find(|device| *device.user_code == *user_code).ok_or("invalid_grant")?;
        if device.until <= now && controls.on(&DEVICE_CODE_LIFE) {
            return Err("expired_token");
        }
        device.person = Some(person);
        Ok(())
    }

    /// What an application has is worth tokens. `shown` is the certificate of its connection.
    ///
    /// # Errors
    /// It is worth none, or not yet.
    pub fn redeem(
        &mut self,
        now: Instant,
        controls: &Controls,
        (client_id, shown): (&Arc<str>, Option<[u8; 32]>),
        grant: &Grant,
    ) -> Result<Granted, Refused> {
        let app = self.apps.get(client_id).ok_or("invalid_client")?;
        if app.certificate.is_some() && app.certificate != shown {
            return Err("invalid_client");
        }
        let (owner, person, family) = match grant {
            Grant::Code { code, verifier } => self.code(now, controls, code, verifier)?,
            Grant::Refresh(token) => self.refreshed(controls, token)?,
            Grant::Device(code) => self.device(code)?,
        };
        if owner != *client_id {
            return Err("invalid_grant");
        }
        let refresh = self.secret();
        let (client_id, (subject, tenant)) = (client_id.clone(), person.clone());
        let family = family.unwrap_or(self.made);
        self.refresh.insert(refresh.clone(), Refresh { client_id: owner, person, family, spent: false });
        Ok(Granted { client_id, subject, tenant, refresh, session: self.session(family) })
    }

    /// Ends a login: its refresh tokens are good no more. One that is not known has ended already.
    pub fn end(&mut self, session: &str) {
        let families: BTreeSet<u64> = self.refresh.values().map(|refresh| refresh.family).collect();
        if let Some(family) = families.into_iter().find(|family| *self.session(*family) == *session) {
            self.end_family(family);
        } else if !self.farewells.iter().any(|ended| **ended == *session) {
            self.farewells.push(session.into());
        }
    }

    /// Logins that ended, from the `first` on.
    pub fn ended(&self, first: usize) -> &[Arc<str>] {
        &self.farewells[first.min(self.farewells.len())..]
    }

    fn end_family(&mut self, family: u64) {
        if self.ended.insert(family) {
            self.farewells.push(self.session(family));
        }
    }

    /// The name of a login: no two desks have one of the same name, nor has a desk after a restart.
    fn session(&self, family: u64) -> Arc<str> {
        format!("{:016x}.{family}", self.life).into()
    }

    /// A code is gone when it was shown, whoever showed it.
    fn code(&mut self, now: Instant, controls: &Controls, code: &str, verifier: &str) -> Result<Owned, Refused> {
        let code = self.codes.remove(code).filter(|code| now < code.until).ok_or("invalid_grant")?;
        if code.challenge != challenge(verifier) && controls.on(&PKCE) {
            return Err("invalid_grant");
        }
        Ok((code.client_id, code.person, None))
    }

    fn refreshed(&mut self, controls: &Controls, token: &str) -> Result<Owned, Refused> {
        let known = self.refresh.get_mut(token).ok_or("invalid_grant")?;
        if self.ended.contains(&known.family) {
            return Err("invalid_grant");
        }
        if known.spent && controls.on(&REFRESH_REUSE) {
            // Whether the thief or the owner comes second, somebody else has it.
            let family = known.family;
            self.end_family(family);
            return Err("invalid_grant");
        }
        known.spent = true;
        Ok((known.client_id.clone(), known.person.clone(), Some(known.family)))
    }

    fn device(&mut self, code: &str) -> Result<Owned, Refused> {
        let device = self.devices.get(code).ok_or("invalid_grant")?;
        let person = device.person.clone().ok_or("authorization_pending")?;
        let device = self.devices.remove(code).ok_or("invalid_grant")?;
        Ok((device.client_id, person, None))
    }

    /// Nobody guesses it, and no two are alike.
    fn secret(&mut self) -> Arc<str> {
        self.made += 1;
        let mut seed = b"login".to_vec();
        seed.extend_from_slice(&self.life.to_le_bytes());
        seed.extend_from_slice(&self.made.to_le_bytes());
        base64url(&sha256(&seed)).into()
    }
}

/// The application, the person, and the family of a refresh token.
type Owned = (Arc<str>, (Arc<str>, TenantId), Option<u64>);

#[cfg(test)]
mod tests;
