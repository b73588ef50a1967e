//! For whom a request is made, as the gateway says, and what may be kept of what they were shown.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::http::Headers;
use crate::wire::http::surrogate::{CLEARANCE, SUBJECT};
use crate::wire::policy::Level;
use std::sync::Arc;

/// What a reader was shown is kept for readers with the same clearance.
pub const CACHED_BY_CLEARANCE: Control = control!("app.cached-by-clearance", upholds: ["CLS-03"],
    off: "a masked result is kept under what was asked alone, as with a cache that was there before the masking");

/// Somebody who reads, as the gateway says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reader {
    /// Who.
    pub subject: Arc<str>,
    /// The highest level that their token is for.
    pub level: Level,
}

impl Reader {
    /// For whom a request is made. A clearance that is none clears for what is public.
    pub fn of(headers: &Headers) -> Reader {
        let subject = headers.other(SUBJECT).cloned().unwrap_or_else(|| "".into());
        let level = headers.other(CLEARANCE).and_then(|name| Level::from_name(name)).unwrap_or(Level::Public);
        Reader { subject, level }
    }

    /// As what a cache keeps something that this reader was shown. What is restricted hangs on who reads.
    pub fn entry(&self, controls: &Controls, record: &str) -> String {
        if !controls.on(&CACHED_BY_CLEARANCE) {
            return record.to_owned();
        }
        match self.level {
            Level::Restricted => format!("{record}/{}/{}", self.level, self.subject),
            level => format!("{record}/{level}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    #[test]
    fn an_entry_is_for_one_clearance_and_a_restricted_one_for_one_reader() {
        let reader = |level| Reader { subject: "client/acme".into(), level };
        let on = Controls::all_on();
        assert_eq!(reader(Level::Internal).entry(&on, "7"), "7/internal");
        assert_eq!(reader(Level::Restricted).entry(&on, "7"), "7/restricted/client/acme");
        let off = Controls::with_off(ControlSet::EMPTY.with(CACHED_BY_CLEARANCE.slot));
        assert_eq!(reader(Level::Internal).entry(&off, "7"), "7");
    }

    #[test]
    fn a_clearance_that_is_none_clears_for_what_is_public() {
        let headers = |clearance: &str| Headers {
            other: vec![(CLEARANCE.into(), clearance.into()), (SUBJECT.into(), "client/acme".into())],
            ..Headers::default()
        };
        assert_eq!(Reader::of(&headers("confidential")).level, Level::Confidential);
        for none in ["", "Confidential", "everything", "3"] {
            assert_eq!(Reader::of(&headers(none)).level, Level::Public, "{none}");
        }
        assert_eq!(Reader::of(&Headers::default()).level, Level::Public);
    }
}
