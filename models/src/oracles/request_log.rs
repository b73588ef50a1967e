//! STO-10: who edits the log of requests is noticed, and nobody is who did not.
//!
//! Judged by what the editor heard of the database and what the registrar reported. An alarm that has no reason is no
//! better than none.

use super::{Cast, FINDINGS_MAX, answer};
use crate::fact::Fact;
use crate::registrar::machine::{ALTERED, SHORT};
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Judges the registrar of every cell.
pub struct RequestLog {
    cast: Rc<Cast>,
    /// Whose log each editor is after.
    editors: BTreeMap<Arc<str>, Arc<str>>,
    /// Editors to whom a database has shown what they changed, since when, and by which cause.
    edited: BTreeMap<Arc<str>, (Instant, u64)>,
    told: BTreeSet<Arc<str>>,
    within: Duration,
}

impl RequestLog {
    /// Judges by this cast: each editor with whose log it is after, and how long the registrar has to notice.
    pub fn new(cast: Rc<Cast>, editors: &[(&str, &str)], within: Duration) -> RequestLog {
        let editors = editors.iter().map(|(who, whose)| ((*who).into(), (*whose).into())).collect();
        RequestLog { cast, editors, edited: BTreeMap::new(), told: BTreeSet::new(), within }
    }
}

impl Oracle<Saas> for RequestLog {
    fn name(&self) -> &'static str {
        "request-log"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, _findings: &mut Vec<Finding>) {
        if let Fact::Reported { by: "registrar", what, about, .. } = seen.fact
            && [ALTERED, SHORT].contains(what)
        {
            self.told.insert(about.clone());
        }
        if let Some(answer) = answer(seen).filter(|answer| answer.status == 200 && !answer.body.is_empty())
            && self.editors.contains_key(&answer.principal)
        {
            self.edited.entry(answer.principal.clone()).or_insert((seen.at, seen.cause));
        }
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let mut found: Vec<(Arc<str>, &Arc<str>, u64, String)> = Vec::new();
        for (editor, (at, cause)) in &self.edited {
            let whose = &self.editors[editor];
            if !self.told.contains(whose) && *at + self.within < end {
                let message = format!("{editor} has edited the log of {whose}, and nobody has noticed");
                found.push((editor.clone(), whose, *cause, message));
            }
        }
        let edited = |whose: &Arc<str>| self.edited.keys().any(|editor| self.editors[editor] == *whose);
        for whose in self.told.iter().filter(|whose| !edited(whose)) {
            let message = format!("the log of {whose} is reported, and nobody has edited it");
            found.push(("registrar".into(), whose, 0, message));
        }
        for (node, whose, cause, message) in found.into_iter().take(FINDINGS_MAX) {
            findings.push(Finding {
                requirement: "STO-10".into(),
                oracle: "request-log".into(),
                vantage: Vantage::Client,
                tenant: self.cast.by_id(whose).map(|member| member.id.to_string()),
                node: node.to_string(),
                at_ns: end.0,
                cause: format!("{cause:016x}"),
                message,
            });
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
