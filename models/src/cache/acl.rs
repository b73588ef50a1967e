//! ACL users of the cache: password, commands, key patterns, channels; the grammar of `ACL SETUSER` of Redis 7.
//!
//! A pattern is a glob over raw key bytes. `~acme*` also covers `acme-corp:…`, and a `*` inside a tenant's name is a
//! wildcard: whoever writes patterns must escape names first (see [`super::keys`]).

pub mod case;
pub mod commands;
mod glob;
mod selector;

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use commands::{Access, Place, find};
pub use glob::Glob;
use selector::{Lack, Selector};
use std::sync::{Arc, LazyLock};

/// The server refuses keys outside the user's patterns.
pub const ACL_PATTERN: Control = control!(
    "cache.acl-pattern",
    upholds: ["CAC-01", "TEN-02", "TEN-04"],
    off: "every user has the key pattern ~*, as with `allkeys` or a default user shared by all services",
);

/// A command that the platform's cache runs, for permissions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verb {
    /// `GET`
    Get,
    /// `SET`
    Set,
    /// `DEL`
    Del,
    /// `EXISTS`
    Exists,
    /// `KEYS`
    Keys,
    /// `SCAN`
    Scan,
    /// `SELECT`
    Select,
}

/// Verbs in order, with the access that each asks for its key.
static VERBS: LazyLock<[(Place, Access); 7]> = LazyLock::new(|| {
    let verb = |name: &str| {
        let place = find(name).expect("a command of Redis");
        let asked = place.spec().positions(&[name, "key", "value"][..place.spec().arity.unsigned_abs() as usize]);
        let asked = asked.and_then(|keys| keys.first().map(|(_, access)| *access));
        (place, asked.unwrap_or(Access { read: false, write: false }))
    };
    ["get", "set", "del", "exists", "keys", "scan", "select"].map(verb)
});

/// An ACL user.
#[derive(Clone, Debug)]
pub struct User {
    name: Arc<str>,
    enabled: bool,
    nopass: bool,
    passwords: Vec<Bytes>,
    /// The user's own permissions, then those in parentheses.
    selectors: Vec<Selector>,
}

/// A rule of `ACL SETUSER` that the server does not know, or that says nothing after what came before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRule(pub String);

/// Why a command is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Denial {
    /// The user may not run it.
    Command,
    /// The user may not touch this key so.
    Key(Bytes),
    /// The user may not speak or listen here.
    Channel(Bytes),
}

/// Why nobody can say whether a command is allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unasked {
    /// There is no such command.
    Unknown,
    /// It has another number of words.
    Words,
    /// Where its keys are is not modelled, or not said by its words.
    Keys,
}

impl User {
    /// A user from rules as in a Redis ACL file, without the leading `user <name>`:
    /// `on >secret ~acme:* +get +set +del`. Rules apply from left to right; a new user is off and may do nothing.
    ///
    /// # Errors
    /// The first rule that is not understood; no user then exists.
    pub fn parse(name: &str, rules: &str) -> Result<User, BadRule> {
        let selectors = vec![Selector::default()];
        let mut user = User { name: name.into(), enabled: false, nopass: false, passwords: Vec::new(), selectors };
        let mut words = rules.split_ascii_whitespace();
        while let Some(rule) = words.next() {
            let mut whole = rule.to_owned();
            // Parentheses hold several rules.
            while whole.starts_with('(') && !whole.ends_with(')') {
                let Some(next) = words.next() else { return Err(BadRule(whole)) };
                whole = format!("{whole} {next}");
            }
            user.apply(&whole).ok_or(BadRule(whole))?;
        }
        Ok(user)
    }

    /// The user's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Adds a key pattern for reading and writing, given as bytes (a `~pattern` rule without its tilde).
    pub fn allow_keys(&mut self, pattern: &[u8]) {
        // Where every key is allowed already, one more pattern changes nothing.
        let _ = self.selectors[0].allow(pattern, Access::ALL);
    }

    /// Whether `password` opens this user.
    pub fn admits(&self, password: &[u8]) -> bool {
        self.enabled && (self.nopass || self.passwords.iter().any(|p| **p == *password))
    }

    /// Whether a new connection is this user without `AUTH`, if the user is named `default`.
    pub fn admits_anyone(&self) -> bool {
        self.enabled && self.nopass
    }

    /// Whether the user may run `verb` on `key`. Asked before the key is looked up, so the answer tells nothing about
    /// whether the key exists.
    ///
    /// # Errors
    /// What the user lacks.
    pub fn may(&self, controls: &Controls, verb: Verb, key: Option<&Bytes>) -> Result<(), Denial> {
        let (place, asked) = VERBS[verb as usize];
        let mut denial = Denial::Command;
        for selector in self.selectors.iter().filter(|s| s.runs(place)) {
            match key {
                Some(key) if !selector.touches(key, asked, every_key(controls)) => denial = Denial::Key(key.clone()),
                _ => return Ok(()),
            }
        }
        Err(denial)
    }

    /// Whether the user may choose a logical database.
    ///
    /// # Errors
    /// [`Denial::Command`].
    pub fn may_select(&self, controls: &Controls, database: u16) -> Result<(), Denial> {
        self.decide(controls, &["select", &database.to_string()]).unwrap_or(Err(Denial::Command))
    }

    /// Whether the user may run a command, given by its words: what `ACL DRYRUN` answers.
    ///
    /// # Errors
    /// Words that are no command, or whose keys nobody knows.
    pub fn decide<W: AsRef<[u8]>>(&self, controls: &Controls, words: &[W]) -> Result<Result<(), Denial>, Unasked> {
        let text = |at: usize| words.get(at).and_then(|w| std::str::from_utf8(w.as_ref()).ok());
        let mut place = find(text(0).unwrap_or_default()).ok_or(Unasked::Unknown)?;
        if place.spec().container
            && let Some(sub) = text(1)
        {
            place = find(&format!("{}|{sub}", place.spec().name)).ok_or(Unasked::Unknown)?;
        }
        let spec = place.spec();
        if !spec.fits(words.len()) {
            return Err(Unasked::Words);
        }
        let keys = spec.positions(words).ok_or(Unasked::Keys)?;
        let every = every_key(controls);
        let mut nearest = Lack::Command;
        for selector in &self.selectors {
            match selector.lack((place, spec), words, &keys, every) {
                None => return Ok(Ok(())),
                Some(lack) => nearest = nearest.max(lack),
            }
        }
        let word = |at: usize| words[at].as_ref().into();
        Ok(Err(match nearest {
            Lack::Command => Denial::Command,
            Lack::Key(at) => Denial::Key(word(at)),
            Lack::Channel(at) => Denial::Channel(word(at)),
        }))
    }

    fn apply(&mut self, rule: &str) -> Option<()> {
        match rule.to_ascii_lowercase().as_str() {
            "on" => self.enabled = true,
            "off" => self.enabled = false,
            "nopass" => {
                self.nopass = true;
                self.passwords.clear();
            }
            "resetpass" => {
                self.nopass = false;
                self.passwords.clear();
            }
            "clearselectors" => self.selectors.truncate(1),
            "reset" => {
                let name = Arc::clone(&self.name);
                *self = User {
                    enabled: false,
                    nopass: false,
                    passwords: vec![],
                    selectors: vec![Selector::default()],
                    name,
                };
            }
            _ => return self.apply_prefixed(rule),
        }
        Some(())
    }

    fn apply_prefixed(&mut self, rule: &str) -> Option<()> {
        if let Some(password) = rule.strip_prefix('>') {
            self.nopass = false;
            self.passwords.push(password.as_bytes().into());
        } else if let Some(rules) = rule.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
            let mut selector = Selector::default();
            rules.split_ascii_whitespace().try_for_each(|rule| selector.apply(rule))?;
            self.selectors.push(selector);
        } else {
            self.selectors[0].apply(rule)?;
        }
        Some(())
    }
}

/// Whether every user may touch every key.
fn every_key(controls: &Controls) -> bool {
    !controls.on(&ACL_PATTERN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &str, command: &str, expected: &str) {
        let user = User::parse("acme", rules).expect("valid rules");
        let words: Vec<&str> = command.split(' ').collect();
        let got = match user.decide(&Controls::all_on(), &words) {
            Ok(Ok(())) => "allowed".to_owned(),
            Ok(Err(Denial::Command)) => "command".to_owned(),
            Ok(Err(Denial::Key(key))) => format!("key {}", String::from_utf8_lossy(&key)),
            Ok(Err(Denial::Channel(channel))) => format!("channel {}", String::from_utf8_lossy(&channel)),
            Err(unasked) => format!("{unasked:?}"),
        };
        assert_eq!(got, expected, "{rules}: {command}");
    }

    #[test]
    fn rules_apply_from_left_to_right_and_unknown_rules_are_refused() {
        let user = User::parse("acme", "on >pw ~acme:* +@all -@dangerous").expect("valid rules");
        assert!(user.admits(b"pw") && !user.admits(b"other"));
        check("~* +@all -@dangerous", "scan 0", "allowed");
        check("~* +@all -@dangerous", "keys *", "command");
        check("~* -@dangerous +@all", "keys *", "allowed");
        for rule in ["+flyaway", "~* ~acme:*", "+config|nope", "+select|", "%X~a", "(+get"] {
            assert!(User::parse("acme", rule).is_err(), "{rule}");
        }
    }

    #[test]
    fn read_only_patterns_do_not_let_a_user_write_and_any_pattern_tells_what_exists() {
        check("%R~acme:* +@all", "get acme:1", "allowed");
        check("%R~acme:* +@all", "set acme:1 x", "key acme:1");
        check("%W~acme:* +@all", "get acme:1", "key acme:1");
        check("%W~acme:* +@all", "set acme:1 x get", "key acme:1");
        check("%W~acme:* +@all", "exists acme:1", "allowed");
        check("%R~acme:* %W~acme* +@all", "rename acme:1 acme:2", "key acme:1");
        check("%R~acme:* %W~acme:* +@all", "rename acme:1 acme:2", "allowed");
        check("~a +@all", "mget a b c", "key b");
    }

    #[test]
    fn subcommands_first_arguments_channels_and_selectors_are_known() {
        check("+config|get -config", "config get x", "command");
        check("-config +config|get", "config get x", "allowed");
        check("-config +config|get", "config set x y", "command");
        check("+select|0", "select 0", "allowed");
        check("+select|0", "select 1", "command");
        check("+publish &acme.*", "publish acme.x hello", "allowed");
        check("+publish &acme.*", "publish beta.x hello", "channel beta.x");
        check("+psubscribe &acme.*", "psubscribe acme.x*", "channel acme.x*");
        check("+get ~a (+set %W~b)", "set b x", "allowed");
        check("+get ~a (+set %W~b)", "set a x", "key a");
        check("+@all ~*", "flyaway", "Unknown");
        check("+@all ~*", "get", "Words");
        check("+@all ~*", "sort a", "Keys");
        check("", "auth pw", "allowed");
    }
}
