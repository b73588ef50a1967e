//! ACL users of the cache: password, commands, key patterns; the grammar of `ACL SETUSER`.
//!
//! A pattern is a glob over raw key bytes. `~acme*` also covers `acme-corp:…`, and a `*` inside a tenant's name is a
//! wildcard: whoever writes patterns must escape names first (see [`super::keys`]).

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use std::sync::Arc;

/// The server refuses keys outside the user's patterns.
pub const ACL_PATTERN: Control = control!(
    "cache.acl-pattern",
    upholds: ["CAC-01", "TEN-02", "TEN-04"],
    off: "every user has the key pattern ~*, as with `allkeys` or a default user shared by all services",
);

/// A command, for permissions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u16)]
pub enum Verb {
    /// `GET`
    Get = 1,
    /// `SET`
    Set = 2,
    /// `DEL`
    Del = 4,
    /// `EXISTS`
    Exists = 8,
    /// `KEYS`
    Keys = 16,
    /// `SCAN`
    Scan = 32,
    /// `SELECT`
    Select = 64,
}

impl Verb {
    /// Whether the command changes its key; `%R~` and `%W~` patterns tell the two apart.
    fn writes(self) -> bool {
        matches!(self, Verb::Set | Verb::Del)
    }
}

/// An ACL user.
#[derive(Clone, Debug)]
pub struct User {
    name: Arc<str>,
    enabled: bool,
    nopass: bool,
    passwords: Vec<Bytes>,
    verbs: u16,
    patterns: Vec<KeyPattern>,
}

/// A rule of `ACL SETUSER` that this server does not know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRule(pub String);

impl User {
    /// A user from rules as in a Redis ACL file, without the leading `user <name>`:
    /// `on >secret ~acme:* +get +set +del`. Rules apply from left to right; a new user is off and may do nothing.
    ///
    /// # Errors
    /// The first rule that is not understood; no user then exists.
    pub fn parse(name: &str, rules: &str) -> Result<User, BadRule> {
        let mut user = User {
            name: name.into(),
            enabled: false,
            nopass: false,
            passwords: Vec::new(),
            verbs: 0,
            patterns: Vec::new(),
        };
        for rule in rules.split_ascii_whitespace() {
            user.apply(rule).ok_or_else(|| BadRule(rule.to_string()))?;
        }
        Ok(user)
    }

    /// The user's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Adds a key pattern for reading and writing, given as bytes (a `~pattern` rule without its tilde).
    pub fn allow_keys(&mut self, pattern: &[u8]) {
        self.patterns.push(KeyPattern::new(pattern, true, true));
    }

    /// Whether `password` opens this user.
    pub fn admits(&self, password: &[u8]) -> bool {
        self.enabled && (self.nopass || self.passwords.iter().any(|p| **p == *password))
    }

    /// Whether a new connection is this user without `AUTH`, if the user is named `default`.
    pub fn admits_anyone(&self) -> bool {
        self.enabled && self.nopass
    }

    /// Whether the user may run `verb` at all.
    pub fn may_run(&self, verb: Verb) -> bool {
        self.verbs & verb as u16 != 0
    }

    /// Whether the user may run `verb` on `key`. Asked before the key is looked up, so the answer tells nothing about
    /// whether the key exists.
    pub fn may_touch(&self, controls: &Controls, verb: Verb, key: &[u8]) -> bool {
        if controls.on(&ACL_PATTERN) {
            let granted = |p: &KeyPattern| if verb.writes() { p.write } else { p.read };
            return self.patterns.iter().any(|p| granted(p) && p.covers(key));
        }
        true
    }

    fn apply(&mut self, rule: &str) -> Option<()> {
        match rule {
            "on" => self.enabled = true,
            "off" => self.enabled = false,
            "nopass" => self.nopass = true,
            "resetpass" => {
                self.nopass = false;
                self.passwords.clear();
            }
            "allkeys" => self.allow_keys(b"*"),
            "resetkeys" => self.patterns.clear(),
            "allcommands" => self.verbs = category("all")?,
            "nocommands" => self.verbs = 0,
            _ => return self.apply_prefixed(rule),
        }
        Some(())
    }

    fn apply_prefixed(&mut self, rule: &str) -> Option<()> {
        if let Some(password) = rule.strip_prefix('>') {
            self.passwords.push(password.as_bytes().into());
        } else if let Some(pattern) = rule.strip_prefix('~') {
            self.allow_keys(pattern.as_bytes());
        } else if let Some(rest) = rule.strip_prefix('%') {
            let (access, pattern) = rest.split_once('~')?;
            let (read, write) = match access {
                "R" => (true, false),
                "W" => (false, true),
                "RW" | "WR" => (true, true),
                _ => return None,
            };
            self.patterns.push(KeyPattern::new(pattern.as_bytes(), read, write));
        } else if let Some(name) = rule.strip_prefix("+@") {
            self.verbs |= category(name)?;
        } else if let Some(name) = rule.strip_prefix("-@") {
            self.verbs &= !category(name)?;
        } else if let Some(name) = rule.strip_prefix('+') {
            self.verbs |= verb(name)?;
        } else {
            self.verbs &= !verb(rule.strip_prefix('-')?)?;
        }
        Some(())
    }
}

fn verb(name: &str) -> Option<u16> {
    Some(match name {
        "get" => Verb::Get as u16,
        "set" => Verb::Set as u16,
        "del" => Verb::Del as u16,
        "exists" => Verb::Exists as u16,
        "keys" => Verb::Keys as u16,
        "scan" => Verb::Scan as u16,
        "select" => Verb::Select as u16,
        _ => return None,
    })
}

/// Categories as `ACL CAT` lists them for these commands. `SCAN` is not among the dangerous ones, though it shows every
/// key's name.
fn category(name: &str) -> Option<u16> {
    let of = |names: &[Verb]| names.iter().fold(0, |bits, v| bits | *v as u16);
    Some(match name {
        "all" => 127,
        "read" => of(&[Verb::Get, Verb::Exists, Verb::Keys, Verb::Scan]),
        "write" => of(&[Verb::Set, Verb::Del]),
        "keyspace" => of(&[Verb::Del, Verb::Exists, Verb::Keys, Verb::Scan]),
        "dangerous" => of(&[Verb::Keys]),
        "connection" => of(&[Verb::Select]),
        _ => return None,
    })
}

#[derive(Clone, Debug)]
struct KeyPattern {
    glob: Glob,
    read: bool,
    write: bool,
}

impl KeyPattern {
    fn new(pattern: &[u8], read: bool, write: bool) -> KeyPattern {
        KeyPattern { glob: Glob::new(pattern), read, write }
    }
    fn covers(&self, key: &[u8]) -> bool {
        self.glob.matches(key)
    }
}

/// A compiled Redis glob: nearly all are a literal with one star behind it, and those need no backtracking.
#[derive(Clone, Debug)]
pub enum Glob {
    /// `literal*`
    Prefix(Bytes),
    /// Anything else.
    Full(Bytes),
}

impl Glob {
    /// Compiles `pattern`. Every byte string is a pattern: Redis refuses none.
    pub fn new(pattern: &[u8]) -> Glob {
        match pattern.split_last() {
            Some((b'*', literal)) if !literal.iter().any(|b| b"*?[\\".contains(b)) => Glob::Prefix(literal.into()),
            _ => Glob::Full(pattern.into()),
        }
    }
    /// Whether the glob matches all of `text`.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Glob::Prefix(literal) => text.starts_with(literal),
            Glob::Full(pattern) => glob(pattern, text),
        }
    }
}

/// `stringmatchlen` of Redis: `*`, `?`, `[a-z]`, `[^a]`, `\x`. Only the last star needs to be remembered.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        if let Some(width) = one(&pattern[p..], text[t]) {
            p += width;
            t += 1;
        } else if let Some((after, from)) = star {
            p = after;
            t = from + 1;
            star = Some((after, t));
        } else {
            return false;
        }
    }
}

/// How many pattern bytes the first element takes, if it matches `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        b'[' => {
            let negated = pattern.get(1) == Some(&b'^');
            let mut i = if negated { 2 } else { 1 };
            let mut found = false;
            while i < pattern.len() && pattern[i] != b']' {
                if pattern[i] == b'\\' && i + 1 < pattern.len() {
                    i += 1;
                    found |= pattern[i] == byte;
                } else if i + 2 < pattern.len() && pattern[i + 1] == b'-' {
                    let (a, b) = (pattern[i].min(pattern[i + 2]), pattern[i].max(pattern[i + 2]));
                    found |= (a..=b).contains(&byte);
                    i += 2;
                } else {
                    found |= pattern[i] == byte;
                }
                i += 1;
            }
            // An unclosed class ends with the pattern, as in Redis.
            (found != negated).then_some((i + 1).min(pattern.len()))
        }
        literal => (literal == byte).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(Glob::new(pattern.as_bytes()).matches(text.as_bytes()), expected, "{pattern} on {text}");
    }

    #[test]
    fn globs_match_as_redis_matches_them() {
        check("acme:*", "acme:profile:7", true);
        check("acme:*", "acme-corp:profile:7", false);
        check("acme*", "acme-corp:profile:7", true);
        check("*:7", "acme:profile:7", true);
        check("*:7", "acme:profile:77x", false);
        check("a?me:*", "acme:x", true);
        check("a[a-d]me", "acme", true);
        check("a[^a-d]me", "acme", false);
        check("a\\*", "a*", true);
        check("a\\*", "ab", false);
        check("*a*b*", "xxaxxbxx", true);
        check("*a*b*", "xxbxxaxx", false);
        check("a[bc", "ab", true);
        check("", "", true);
        check("", "a", false);
    }

    #[test]
    fn rules_apply_from_left_to_right_and_unknown_rules_are_refused() {
        let user = User::parse("acme", "on >pw ~acme:* +@all -@dangerous").expect("valid rules");
        assert!(user.may_run(Verb::Get) && user.may_run(Verb::Scan) && !user.may_run(Verb::Keys));
        assert!(user.admits(b"pw") && !user.admits(b"other"));
        assert_eq!(User::parse("acme", "on +flyaway").err(), Some(BadRule("+flyaway".into())));
    }

    #[test]
    fn read_only_patterns_do_not_let_a_user_write() {
        let user = User::parse("report", "on nopass %R~acme:* +get +set").expect("valid rules");
        let controls = Controls::all_on();
        assert!(user.may_touch(&controls, Verb::Get, b"acme:1"));
        assert!(!user.may_touch(&controls, Verb::Set, b"acme:1"));
    }
}
