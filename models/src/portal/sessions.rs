//! Sessions of browsers at the portal, and logins that they have begun.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A login ends in the browser that began it.
pub const STATE_BINDING: Control = control!("portal.state-binding", upholds: ["IDN-03", "TEN-02"],
    off: "a callback is accepted from any browser, as when `state` is looked up and not compared with the session: \
          somebody is logged in as somebody else");
/// A session that becomes somebody's gets another name.
pub const SESSION_RENEWAL: Control = control!("portal.session-renewal", upholds: ["IDN-03"],
    off: "a session keeps its id when somebody logs in, so whoever planted it is logged in as well");
/// Tokens stay at the portal.
pub const TOKEN_RELAY: Control = control!("portal.token-relay", upholds: ["IDN-03"],
    off: "the page is given the access token, as with a session callback that copies it for the browser");

/// A login under way.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The session that began it.
    pub session: Arc<str>,
    /// The verifier of its challenge.
    pub verifier: Arc<str>,
    /// The tenant that was asked for.
    pub tenant: TenantId,
}

/// A session of somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Session {
    /// For which tenant.
    pub tenant: TenantId,
    /// The token that the portal asks with.
    pub access: Arc<str>,
}

/// All sessions.
#[derive(Default, Debug)]
pub struct Sessions {
    begun: BTreeMap<Arc<str>, Begun>,
    open: BTreeMap<Arc<str>, Session>,
}

impl Sessions {
    /// A login begins.
    pub fn begin(&mut self, state: Arc<str>, begun: Begun) {
        self.begun.insert(state, begun);
    }

    /// The login that a callback belongs to; it is over with that, well or not. `cookie` is the browser's session.
    pub fn callback(&mut self, controls: &Controls, state: &str, cookie: Option<&str>) -> Option<Begun> {
        let begun = self.begun.remove(state)?;
        let began_here = cookie == Some(&*begun.session);
        (began_here || !controls.on(&STATE_BINDING)).then_some(begun)
    }

    /// Somebody is logged in: the name of the session from here on. `fresh` is a name that nobody knows yet.
    pub fn log_in(&mut self, controls: &Controls, before: &Arc<str>, fresh: Arc<str>, session: Session) -> Arc<str> {
        let name = if controls.on(&SESSION_RENEWAL) { fresh } else { before.clone() };
        self.open.insert(name.clone(), session);
        name
    }

    /// The session of this name.
    pub fn get(&self, name: &str) -> Option<&Session> {
        self.open.get(name)
    }
}

/// What a page learns of its session.
pub fn described(controls: &Controls, session: &Session) -> serde_json::Value {
    let mut page = serde_json::json!({"tenant": *session.tenant});
    if !controls.on(&TOKEN_RELAY) {
        page["access_token"] = (*session.access).into();
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    fn off(control: &Control) -> Controls {
        Controls::with_off(ControlSet::EMPTY.with(control.slot))
    }

    fn session() -> Session {
        Session { tenant: "acme".into(), access: "a.b.c".into() }
    }

    #[test]
    fn a_login_ends_once_and_in_the_browser_that_began_it() {
        let check = |controls: &Controls, cookie: Option<&str>, accepted: bool| {
            let mut sessions = Sessions::default();
            let begun = Begun { session: "mine".into(), verifier: "v".into(), tenant: "acme".into() };
            sessions.begin("state".into(), begun);
            assert!(sessions.callback(controls, "other", cookie).is_none());
            assert_eq!(sessions.callback(controls, "state", cookie).is_some(), accepted, "{cookie:?}");
            assert!(sessions.callback(controls, "state", cookie).is_none(), "once");
        };
        check(&Controls::all_on(), Some("mine"), true);
        check(&Controls::all_on(), Some("yours"), false);
        check(&Controls::all_on(), None, false);
        check(&off(&STATE_BINDING), Some("yours"), true);
    }

    #[test]
    fn who_logs_in_gets_a_session_that_nobody_planted() {
        let mut sessions = Sessions::default();
        let name = sessions.log_in(&Controls::all_on(), &"planted".into(), "fresh".into(), session());
        assert_eq!(&*name, "fresh");
        assert!(sessions.get("fresh").is_some() && sessions.get("planted").is_none());
        let name = sessions.log_in(&off(&SESSION_RENEWAL), &"planted".into(), "other".into(), session());
        assert_eq!(&*name, "planted");
    }

    #[test]
    fn a_page_learns_no_token() {
        assert!(described(&Controls::all_on(), &session()).get("access_token").is_none());
        assert_eq!(described(&off(&TOKEN_RELAY), &session())["access_token"], "a.b.c");
    }
}
