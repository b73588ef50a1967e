//! What is masked behind the gateway: who is not cleared for a field sees of it what the rule allows and no more,
//! whoever asked before, whatever they say of themselves, and by no condition.
//!
//! What is stored is learned from somebody who may see it, with a token of their own, so a service that shows nobody
//! anything is inconclusive. A field that is absent, null or without a letter or digit leaks nothing, whatever the rule
//! has in its place. What is stored goes into no report.

use super::told::{Told, asked, is_success};
use crate::certify::deployment::masked::{Masked, Rule};
use crate::certify::gateway::desk::{Attack, Desk, Kind};
use crate::certify::gateway::token::{Token, filled};
use crate::certify::http::answer::Answer;
use crate::certify::http::request::Request;
use models::crypto::{hex, sha256};
use serde_json::Value;
use std::collections::BTreeMap;
use toml::Table;
use url::form_urlencoded::byte_serialize;

const BY_LEVEL: &[&str] = &["CLS-02"];
const CACHED: &[&str] = &["CLS-03"];
/// Whose token the readers have, but for what they claim beside.
const TENANT: usize = 0;
/// Characters of an identifier that may stay visible.
const VISIBLE: usize = 4;
/// What a name's digest is cut to.
const DIGEST_BYTES: usize = 8;
/// In place of a contact.
const REDACTED: &str = "[REDACTED]";
/// What is shorter may stand in an answer by chance.
const TELLING_CHARS_MIN: usize = 6;
/// What no field says.
const NOBODYS: &str = "cellproof-nobody";

const REPAIR: &[&str] = &["mask where the result is made, by the level of each column and the clearance in the \
                           verified token, and leave out what cannot be masked"];
const REPAIR_CACHE: &[&str] = &["make the clearance (and for restricted data the reader) part of the key under which \
                                 a result is cached, in the service and before it (Vary)"];
const REPAIR_CLAIM: &[&str] = &["remove what clients say of themselves, and write subject and clearance from the \
                                 verified token (Envoy: OVERWRITE_IF_EXISTS_OR_ADD; HAProxy: http-request set-header)"];
const REPAIR_FIND: &[&str] = &["refuse conditions on columns that the reader may not see, before they are asked of \
                                the store"];

/// What is stored, by field.
type Stored = BTreeMap<String, String>;

/// Tries each thing that is masked.
pub fn run(desk: &mut Desk) {
    let all = &desk.gateway.masked;
    if all.is_empty() {
        let why = "the deployment has no table [[gateway.masked]]";
        return desk.component.not_judged("fields above a reader's clearance (CLS-02, CLS-03)", why);
    }
    for masked in all {
        let masked = masked.get_ref();
        let work = Work { masked, object: format!("fields of {}", masked.items[0]) };
        if let Err(why) = work.run(desk) {
            desk.suspect(&work.object, "whether they are masked is not shown", &[BY_LEVEL, CACHED].concat(), &why);
        }
    }
    let what = "fields above a reader's clearance: read cold and after others, claimed, asked by";
    desk.judged(what, &["CLS-02", "CLS-03"]);
}

struct Work<'a> {
    masked: &'a Masked,
    object: String,
}

/// Something that was read.
struct Read {
    request: Request,
    answer: Answer,
}

impl Read {
    /// A field, if it is shown with a value.
    fn shows(&self, field: &str) -> Option<String> {
        let json: Value = serde_json::from_str(&self.answer.body).ok()?;
        let value = if field.starts_with('/') { json.pointer(field) } else { json.get(field) };
        match value? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

impl Work<'_> {
    /// Of the two items one is read first by somebody who may not see it, and the other by somebody who may: whether it
    /// is not masked, or was for somebody else, is seen by which of them shows it.
    fn run(&self, desk: &mut Desk) -> Result<(), String> {
        let Masked { uncleared, cleared, items: [shut, open], .. } = self.masked;
        let cold = self.read(desk, shut, uncleared, &[])?;
        let first = self.read(desk, open, cleared, &[])?;
        let (stored, restricted) = self.stored(desk, open, &first)?;
        let warm = self.read(desk, open, uncleared, &[])?;
        let late = self.read(desk, shut, cleared, &[])?;
        desk.tried(4);
        if self.is_alike(&cold, &late) && self.is_masked(&late) {
            let what = "what was masked for somebody with a lower clearance is given to one with a higher";
            return self.find(desk, (what, CACHED, REPAIR_CACHE), late, "every field is masked as it was before");
        }
        let (others, others_restricted) = self.stored(desk, shut, &late)?;
        let shown = "a field above the reader's clearance is shown";
        if let Some(leak) = self.leak(&both(&others, &others_restricted), &cold) {
            return self.find(desk, (shown, BY_LEVEL, REPAIR), cold, &leak);
        }
        if let Some(leak) = self.leak(&both(&stored, &restricted), &warm) {
            let what = "what was made for somebody with a higher clearance is given to one with a lower";
            return match self.is_alike(&first, &warm) {
                true => self.find(desk, (what, CACHED, REPAIR_CACHE), warm, &leak),
                false => self.find(desk, (shown, BY_LEVEL, REPAIR), warm, &leak),
            };
        }
        if let Some(leak) = self.leak(&restricted, &first) {
            let what = "a restricted field is shown to somebody who is not named for it";
            return self.find(desk, (what, BY_LEVEL, REPAIR), first, &leak);
        }
        for line in &self.masked.says {
            let read = self.read(desk, shut, uncleared, std::slice::from_ref(line))?;
            desk.tried(1);
            if let Some(leak) = self.leak(&both(&others, &others_restricted), &read) {
                let what = "a client's own word raises its clearance";
                return self.find(desk, (what, BY_LEVEL, REPAIR_CLAIM), read, &leak);
            }
        }
        self.asked_by(desk, &stored)
    }

    /// Whether two answers show the same in every field that is not restricted.
    fn is_alike(&self, one: &Read, other: &Read) -> bool {
        self.unrestricted().all(|(field, _)| one.shows(field) == other.shows(field))
    }

    /// Whether every such field looks as its rule would leave it.
    fn is_masked(&self, read: &Read) -> bool {
        self.unrestricted().all(|(field, rule)| read.shows(field).is_none_or(|shown| looks_masked(rule, &shown)))
    }

    fn unrestricted(&self) -> impl Iterator<Item = (&str, Rule)> {
        let fields = self.masked.fields.iter().filter(|(_, rule)| **rule != Rule::Restricted);
        fields.map(|(field, rule)| (field.as_str(), *rule))
    }

    /// Whether a condition on a concealed field tells what the field says.
    fn asked_by(&self, desk: &mut Desk, stored: &Stored) -> Result<(), String> {
        let Some(find) = &self.masked.find else {
            let what = format!("conditions on fields of {} (CLS-02)", self.masked.items[0]);
            desk.component.not_judged(what, "the deployment has no way to find one by a field");
            return Ok(());
        };
        let mut found = 0;
        for (field, value) in stored {
            let told = |claims: &Table, value: &str| -> Result<(Read, Told), String> {
                let encoded: String = byte_serialize(value.as_bytes()).collect();
                let of = |value: &str| find.replace("{field}", field).replace("{value}", value);
                let token = self.token(desk, claims)?;
                let request = desk.bearing(&token).to_secret(&of(&encoded), &of(&format!("<a {field}>")));
                let answer = asked(desk, &request)?;
                let told = Told::new(&answer, &request, value);
                Ok((Read { request, answer }, told))
            };
            if told(&self.masked.cleared, value)?.1 == told(&self.masked.cleared, NOBODYS)?.1 {
                // Nobody can ask by it.
                continue;
            }
            found += 1;
            let (_, nothing) = told(&self.masked.uncleared, NOBODYS)?;
            let (read, learned) = told(&self.masked.uncleared, value)?;
            desk.tried(1);
            if learned != nothing {
                let what = "who may not see a field is told of whom it says something";
                let leak = format!("of another {field} the same request says something else");
                return self.find(desk, (what, BY_LEVEL, REPAIR_FIND), read, &leak);
            }
        }
        match found {
            0 => Err(format!("by {find} nobody is found, not even by somebody who may see the fields")),
            _ => Ok(()),
        }
    }

    fn token(&self, desk: &Desk, claims: &Table) -> Result<Token, String> {
        let tenant = desk.tenants[TENANT];
        desk.mint.altered(|all| all.extend(claims.iter().map(|(name, value)| (name.clone(), filled(value, tenant)))))
    }

    fn read(&self, desk: &Desk, item: &str, claims: &Table, lines: &[String]) -> Result<Read, String> {
        let target = desk.tenants[TENANT].fill(item);
        let token = self.token(desk, claims)?;
        let request = lines.iter().fold(desk.bearing(&token).to(&target), |request, line| request.with(line));
        let answer = asked(desk, &request)?;
        Ok(Read { request, answer })
    }

    /// What is stored of an item: what those see who may, and of what is restricted who is named for it.
    fn stored(&self, desk: &Desk, item: &str, cleared: &Read) -> Result<(Stored, Stored), String> {
        let named = self.masked.named.as_ref().map(|claims| self.read(desk, item, claims, &[])).transpose()?;
        let (mut stored, mut restricted) = (Stored::new(), Stored::new());
        for (field, rule) in &self.masked.fields {
            let (by, into, whom) = match (rule, &named) {
                (Rule::Restricted, Some(named)) => (named, &mut restricted, "who is named for it"),
                _ => (cleared, &mut stored, "who is cleared for it"),
            };
            let value = by.shows(field).filter(|value| !value.is_empty() && is_success(by.answer.status));
            let status = by.answer.status;
            let value = value.ok_or_else(|| format!("{whom} is not shown {field} of {item}: status {status}"))?;
            into.insert(field.clone(), value);
        }
        match self.is_masked(cleared) && !stored.is_empty() {
            true => Err(format!("who is cleared for them is shown no fields of {item} but masked ones")),
            false => Ok((stored, restricted)),
        }
    }

    /// What an answer shows that it must not, without what that is.
    fn leak(&self, concealed: &Stored, read: &Read) -> Option<String> {
        if !is_success(read.answer.status) {
            return None;
        }
        concealed.iter().find_map(|(field, value)| {
            let shown = read.shows(field);
            let rule = self.masked.fields.get(field).copied().unwrap_or(Rule::Restricted);
            if shown.as_ref().is_some_and(|shown| !allows(rule, value, shown)) {
                return Some(match shown.as_ref() == Some(value) {
                    true => format!("{field} is shown as it is stored"),
                    false => format!("more is shown of {field} than its rule allows"),
                });
            }
            let stands = value.chars().count() >= TELLING_CHARS_MIN && read.answer.echoes(value);
            stands.then(|| format!("what {field} says stands elsewhere in the answer"))
        })
    }

    fn find(
        &self,
        desk: &mut Desk,
        (what, requirements, repair): (&str, &'static [&'static str], &[&str]),
        read: Read,
        leak: &str,
    ) -> Result<(), String> {
        let saw = format!("status {}; {leak}", read.answer.status);
        let attack = Attack {
            object: &self.object,
            what,
            requirements,
            repair,
            request: read.request,
            tenant: Some(TENANT),
            kind: Kind::Right,
        };
        desk.find(&attack, saw);
        Ok(())
    }
}

/// What may be shown of a value that has letters or digits.
enum Permitted {
    /// This.
    Is(String),
    /// Nothing, and then this.
    EndsWith(String),
}

impl Permitted {
    fn fits(&self, shown: &str) -> bool {
        match self {
            Permitted::Is(text) => shown == text,
            Permitted::EndsWith(end) => shown.strip_suffix(end.as_str()).is_some_and(says_nothing),
        }
    }
}

fn masked(rule: Rule, value: &str) -> Option<Permitted> {
    match rule {
        Rule::Name => Some(Permitted::Is(hex(&sha256(value.as_bytes())[..DIGEST_BYTES]))),
        Rule::Identifier => {
            let hidden = value.chars().count().checked_sub(VISIBLE).filter(|hidden| *hidden > 0)?;
            Some(Permitted::EndsWith(value.chars().skip(hidden).collect()))
        }
        Rule::Contact => Some(Permitted::Is(REDACTED.to_owned())),
        Rule::Business | Rule::Restricted => None,
    }
}

/// Whether this may be shown of a value.
fn allows(rule: Rule, value: &str, shown: &str) -> bool {
    says_nothing(shown) || masked(rule, value).is_some_and(|permitted| permitted.fits(shown))
}

/// Whether a text looks as the rule would leave one.
fn looks_masked(rule: Rule, shown: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    says_nothing(shown)
        || match rule {
            Rule::Name => shown.len() == 2 * DIGEST_BYTES && shown.chars().all(is_hex),
            Rule::Identifier => shown.chars().rev().skip(VISIBLE).any(|c| !c.is_alphanumeric()),
            Rule::Contact => shown == REDACTED,
            Rule::Business | Rule::Restricted => false,
        }
}

fn both(one: &Stored, other: &Stored) -> Stored {
    one.iter().chain(other).map(|(field, value)| (field.clone(), value.clone())).collect()
}

/// Whether a text has no letter and no digit but the X that stands for one.
fn says_nothing(text: &str) -> bool {
    text.chars().all(|c| !c.is_alphanumeric() || c.eq_ignore_ascii_case(&'x'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: Rule, value: &str, permitted: &[&str], leaks: &[&str]) {
        for shown in permitted.iter().chain(&["", "****", "XXXX-xx"]) {
            assert!(allows(rule, value, shown), "{rule:?} of {value}: {shown}");
        }
        for shown in leaks.iter().chain(&[value]) {
            assert!(!allows(rule, value, shown), "{rule:?} of {value}: {shown}");
        }
    }

    #[test]
    fn a_field_shows_what_its_rule_allows_and_no_more() {
        check(Rule::Name, "Ada Lovelace", &["7674021617159190"], &["A. L.", "76740216171591900", "ada lovelace"]);
        let iban = "DE89370400440532013000";
        check(Rule::Identifier, iban, &["****3000", "3000", "XXXX-3000"], &["DE****3000", "13000", "****013000"]);
        check(Rule::Identifier, "77", &[], &["**77", "7*"]);
        check(Rule::Identifier, "aß字é€", &["****ß字é€"], &[]);
        check(Rule::Contact, "ada@acme.example", &["[REDACTED]"], &["a***@acme.example", "[REDACTED] a"]);
        check(Rule::Business, "12 %", &[], &["[REDACTED]", "1*"]);
        check(Rule::Restricted, "a diagnosis", &[], &["[REDACTED]", "a*********"]);
    }
}
