//! What a service and a cache at the edge say to each other (Edge Architecture Specification, W3C Note 2001).
//!
//! The edge says on every request what it can and for whom it asks; the service says of every answer how long it may be
//! shared, and under which policy it was given. Clients can say none of it, and see none of it.

use super::Headers;
use std::sync::Arc;

/// By which an edge says that it may share answers.
pub const CAPABILITY: &str = "surrogate-capability";
/// By which it says up to which level its caller may see.
pub const CLEARANCE: &str = "x-clearance";
/// By which it says who its caller is.
pub const SUBJECT: &str = "x-subject";
/// Its one capability.
const CAPABLE: &str = "edge=\"Surrogate/1.0\"";

/// `surrogate-control` of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Surrogate {
    /// For how many seconds it may be shared; 0 is private.
    pub max_age_s: u32,
    /// Revision of the policy under which it was given.
    pub revision: u64,
}

impl Surrogate {
    /// As it stands in the header.
    pub fn text(self) -> String {
        format!("max-age={};revision={}", self.max_age_s, self.revision)
    }

    /// The inverse of [`Surrogate::text`], in its one spelling.
    pub fn parse(text: &str) -> Option<Surrogate> {
        let (age, revision) = text.strip_prefix("max-age=")?.split_once(";revision=")?;
        let read = Surrogate { max_age_s: age.parse().ok()?, revision: revision.parse().ok()? };
        (read.text() == text).then_some(read)
    }
}

/// For whom an edge asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The principal.
    pub subject: Arc<str>,
    /// The highest level that it may see, as its token says.
    pub clearance: Arc<str>,
}

impl Caller {
    /// Writes what the edge says, over whatever a client said in its place.
    pub fn write(&self, headers: &mut Headers) {
        headers.other.retain(|(name, _)| !matches!(&**name, CAPABILITY | CLEARANCE | SUBJECT));
        headers.other.push((CAPABILITY.into(), CAPABLE.into()));
        headers.other.push((CLEARANCE.into(), self.clearance.clone()));
        headers.other.push((SUBJECT.into(), self.subject.clone()));
    }

    /// For whom the request is made, if an edge made it that may share the answer.
    pub fn read(headers: &Headers) -> Option<Caller> {
        headers.other(CAPABILITY).filter(|capability| &***capability == CAPABLE)?;
        Some(Caller { subject: headers.other(SUBJECT)?.clone(), clearance: headers.other(CLEARANCE)?.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_answer_has_one_spelling() {
        let said = Surrogate { max_age_s: 30, revision: 7 };
        assert_eq!(Surrogate::parse(&said.text()), Some(said));
        for other in ["max-age=030;revision=7", "max-age=30", "max-age=30;revision=", "max-age=-1;revision=7"] {
            assert_eq!(Surrogate::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_client_says_in_the_edges_place_is_written_over() {
        let mut headers = Headers::default();
        headers.other.push((SUBJECT.into(), "client/somebody".into()));
        headers.other.push((CLEARANCE.into(), "restricted".into()));
        let caller = Caller { subject: "client/acme".into(), clearance: "internal".into() };
        caller.write(&mut headers);
        assert_eq!(Caller::read(&headers), Some(caller));
        assert_eq!(headers.other.len(), 3);
    }
}
