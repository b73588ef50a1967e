//! CAC-05: what was given to one principal alone reaches no other, and nobody puts words into what others are given.
//!
//! Judged on client facts alone: a session says whose it is, and what an attacker plants is a text that nobody else
//! has.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::app::edge::session_of;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Judges what principals are given that was made for others, or by others.
pub struct Sharing {
    cast: Rc<Cast>,
    /// A text, and the principal that plants it.
    planted: Vec<(Arc<str>, Arc<str>)>,
    /// Findings by principal: one who gets much must not hide another.
    found: BTreeMap<Arc<str>, usize>,
}

impl Sharing {
    /// Judges by this cast; each text is planted by a principal.
    pub fn new(cast: Rc<Cast>, planted: Vec<(Arc<str>, Arc<str>)>) -> Sharing {
        Sharing { cast, planted, found: BTreeMap::new() }
    }
}

impl Oracle<Saas> for Sharing {
    fn name(&self) -> &'static str {
        "sharing"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(principal) = self.cast.principal(&answer.principal) else { return };
        let session = session_of(&answer.body).filter(|of| **of != *answer.principal);
        let holds = |text: &str| answer.body.windows(text.len()).any(|window| window == text.as_bytes());
        let planted = self.planted.iter().find(|(text, by)| *by != answer.principal && holds(text));
        let wrong = match (session, planted) {
            (Some(of), _) => format!("the session of {of}"),
            (None, Some((_, by))) => format!("what {by} planted"),
            (None, None) => return,
        };
        let found = self.found.entry(answer.principal.clone()).or_default();
        if *found < FINDINGS_MAX {
            *found += 1;
            let message = format!("{} asked {} and got {wrong}", answer.principal, answer.what);
            findings.push(finding("sharing", "CAC-05", principal.tenant.as_deref(), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
