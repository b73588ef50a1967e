//! A request inside another one, which nobody may answer, and honest requests after it, which must get their own
//! answers.

use crate::certify::gateway::desk::Desk;
use crate::certify::http::request::{PROBE, marker};

/// Honest requests after a smuggled one, of each tenant.
const AFTER: usize = 2;

/// What stands inside.
pub struct Inner {
    /// What it is recognised by.
    pub marker: String,
    /// As it stands there: in HTTP/1.1, as services behind are spoken to.
    pub text: String,
}

impl Inner {
    /// A request without a token.
    pub fn new(desk: &Desk) -> Inner {
        let (marker, target, authority) = (marker(), &desk.link.target, &desk.link.authority);
        let text = format!("GET {target} HTTP/1.1\r\nhost: {authority}\r\n{PROBE}: {marker}\r\n\r\n");
        Inner { marker, text }
    }

    /// Whether somebody gets its answer now, in words.
    pub fn mixed_up(&self, desk: &Desk) -> Option<String> {
        let mut saw = None;
        for tenant in [0, 1].repeat(AFTER) {
            let Ok((after, outcome)) = desk.honest(tenant) else { continue };
            let Some(answer) = outcome.answered() else { continue };
            if answer.echoes(&self.marker) || desk.echoes && !answer.echoes(&after.marker) {
                let id = &desk.tenants[tenant].id;
                saw = Some(format!("{id} got the answer to the request inside, instead of its own"));
            }
        }
        saw
    }
}
