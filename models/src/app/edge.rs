//! What the service owes a cache at the edge: for whom it answers, and what may be shared.
//!
//! It says nothing of this to an edge that does not say that it can. What came out of a cache is not shared again:
//! nobody knows how old it is.

use super::class::RecordClass;
use super::operation::Task;
use crate::ids::Bytes;
use crate::wire::http::Headers;
use crate::wire::http::Reason;
use crate::wire::http::surrogate::{Caller, Surrogate};
use crate::wire::policy::Level;
use sim::Duration;
use std::sync::Arc;

/// Revision of the terms that the service was first deployed with.
pub const TERMS: u32 = 7;

/// By which proxies say under which address a service is seen from outside; frameworks make their links with it.
const PREFIX: &str = "x-forwarded-prefix";

/// What a request says about its way here.
#[derive(Debug, Default)]
pub struct Way {
    /// For whom an edge asks that may share the answer, if one does.
    caller: Option<Caller>,
    /// Where the service is seen from outside, if a proxy says so.
    prefix: Option<Arc<str>>,
    /// Revision of the policy that permitted it.
    revision: u64,
    /// Whether the answer comes from where the data is.
    first_hand: bool,
}

impl Way {
    /// Reads a request's headers.
    pub fn of(headers: &Headers) -> Way {
        let prefix = headers.other(PREFIX).cloned();
        Way { caller: Caller::read(headers), prefix, revision: 0, first_hand: false }
    }

    /// The policy has permitted it.
    pub fn permitted(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
    }

    /// A store has answered it.
    pub fn answered_first_hand(&mut self) {
        self.first_hand = true;
    }

    /// Whether an edge asks: it may not be given what was fetched for somebody with another clearance.
    pub fn is_from_edge(&self) -> bool {
        self.caller.is_some()
    }

    /// Whether data of this level is above the caller's clearance, as far as the edge says.
    pub fn is_above(&self, level: Level) -> bool {
        let clearance = |caller: &Caller| Level::from_name(&caller.clearance).unwrap_or(Level::Public);
        self.caller.as_ref().is_some_and(|caller| level > clearance(caller))
    }

    /// Whether what a tenant's records usually are is above it.
    pub fn is_above_usual(&self, task: &Task, class: Option<&RecordClass>) -> bool {
        let reads = matches!(task, Task::Get(_)) || task.lists();
        reads && class.is_some_and(|class| self.is_above(class.level))
    }

    /// A page, with its own address where that is known; the terms in this revision.
    pub fn page(&self, name: &str, terms: u32) -> Option<Vec<u8>> {
        match name {
            "status" => Some(b"all systems nominal".to_vec()),
            "terms" => {
                let seen_at = self.prefix.as_ref().map(|prefix| format!(", at {prefix}/terms")).unwrap_or_default();
                Some(format!("terms of service, revision {terms}{seen_at}").into_bytes())
            }
            _ => None,
        }
    }

    /// The content as its reader gets it: a session names whose it is.
    pub fn signed(&self, task: &Task, reason: Reason, mut body: Vec<u8>) -> Vec<u8> {
        if let (Task::Who, Reason::Ok, Some(caller)) = (task, reason, &self.caller) {
            body.extend_from_slice(SESSION_OF);
            body.extend_from_slice(caller.subject.as_bytes());
        }
        body
    }

    /// What the edge is told of the answer, if one asked. Records and pages are everybody's who may have them; all else
    /// is the caller's own.
    pub fn surrogate(&self, task: &Task, reason: Reason, life: Duration) -> Option<Surrogate> {
        self.caller.as_ref()?;
        let shared = matches!(task, Task::Get(_) | Task::Page(_)) && reason == Reason::Ok && self.first_hand;
        let max_age_s = if shared { (life.as_millis() / 1_000) as u32 } else { 0 };
        Some(Surrogate { max_age_s, revision: self.revision })
    }
}

/// Between the content of a session and whose it is.
const SESSION_OF: &[u8] = b"\nsession of ";

/// Whose session the content of an answer is, if it says so.
pub fn session_of(body: &Bytes) -> Option<&str> {
    let at = body.windows(SESSION_OF.len()).position(|window| window == SESSION_OF)?;
    std::str::from_utf8(&body[at + SESSION_OF.len()..]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::operation::Reference;

    fn asked(clearance: &str) -> Way {
        let mut headers = Headers::default();
        Caller { subject: "client/acme".into(), clearance: clearance.into() }.write(&mut headers);
        headers.other.push((PREFIX.into(), "https://evil.example".into()));
        Way::of(&headers)
    }

    fn record() -> Task {
        Task::Get(Reference { owner: "acme".into(), id: 7, text: "7".into() })
    }

    #[test]
    fn what_was_read_first_hand_may_be_shared_and_a_session_may_not() {
        let life = Duration::secs(30);
        let mut way = asked("internal");
        way.permitted(3);
        let said =
            |way: &Way, task: &Task, reason| way.surrogate(task, reason, life).map(|s| (s.max_age_s, s.revision));
        assert_eq!(said(&way, &record(), Reason::Ok), Some((0, 3)));
        way.answered_first_hand();
        assert_eq!(said(&way, &record(), Reason::Ok), Some((30, 3)));
        assert_eq!(said(&way, &record(), Reason::NotFound), Some((0, 3)));
        assert_eq!(said(&way, &Task::Who, Reason::Ok), Some((0, 3)));
        assert_eq!(said(&Way::default(), &record(), Reason::Ok), None, "no edge has asked");
        let body: Bytes = way.signed(&Task::Who, Reason::Ok, b"home".to_vec()).into();
        assert_eq!(session_of(&body), Some("client/acme"));
        assert_eq!(way.signed(&record(), Reason::Ok, b"seven".to_vec()), b"seven");
    }

    #[test]
    fn a_clearance_that_is_none_clears_for_nothing() {
        assert!(!asked("internal").is_above(Level::Internal) && asked("internal").is_above(Level::Confidential));
        assert!(asked("everything").is_above(Level::Internal));
        assert!(!Way::default().is_above(Level::Restricted), "no edge has said whom it asks for");
    }

    #[test]
    fn a_page_is_seen_where_a_proxy_says() {
        let page = |way: &Way| way.page("terms", TERMS).map(|body| String::from_utf8(body).expect("text"));
        assert_eq!(page(&Way::default()).as_deref(), Some("terms of service, revision 7"));
        assert_eq!(
            page(&asked("public")).as_deref(),
            Some("terms of service, revision 7, at https://evil.example/terms")
        );
        assert_eq!(Way::default().page("secrets", TERMS), None);
    }
}
