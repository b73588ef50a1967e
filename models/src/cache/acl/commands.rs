//! What Redis says of its own commands: categories, and where their keys are.
//!
//! A command that neither reads nor changes a value (`EXISTS`, `TTL`, `TYPE`) asks for no access to its key, so any
//! pattern that covers the key will do, one for writing alone among them: what is there is told to those who may only
//! write.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// The table as it was taken from the server.
const TEXT: &str = include_str!("commands.txt");

/// Categories that commands have, each a bit in this order. `all` is none of them.
const CATEGORIES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// A command by its place in the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place(pub u16);

/// One command, or one subcommand (`config|get`).
#[derive(Debug)]
pub struct Spec {
    /// Its name in small letters.
    pub name: &'static str,
    /// Number of words, or when negative the least.
    pub arity: i32,
    /// Its categories.
    pub categories: u32,
    /// Whether everybody may run it.
    pub free: bool,
    /// Whether it has subcommands.
    pub container: bool,
    /// Its keys; `None` when the table cannot say.
    pub keys: Option<Vec<Keys>>,
}

/// Access that a command asks for a key, and that a pattern gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// To values.
    pub read: bool,
    /// To change them.
    pub write: bool,
}

impl Access {
    /// Both.
    pub const ALL: Access = Access { read: true, write: true };

    /// Whether this gives what `asked` asks for.
    #[inline]
    pub fn gives(self, asked: Access) -> bool {
        (self.read || !asked.read) && (self.write || !asked.write)
    }
    /// Both together.
    pub fn with(self, other: Access) -> Access {
        Access { read: self.read || other.read, write: self.write || other.write }
    }
}

/// Keys of a command, by position among its words.
#[derive(Debug)]
pub struct Keys {
    access: Access,
    first: usize,
    find: Find,
    step: usize,
}

#[derive(Debug)]
enum Find {
    /// Up to `last` words after the first, or when negative up to that many from the end of all words, of which only
    /// one part in `limit` are keys.
    Range { last: i64, limit: usize },
    /// As many as the word at `number` says, from `from` on, both counted from the first.
    Counted { number: usize, from: usize },
}

static TABLE: LazyLock<(Vec<Spec>, BTreeMap<&str, Place>)> = LazyLock::new(|| {
    let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
    let specs: Vec<Spec> = lines.map(|line| spec(line).expect("the table of commands is well formed")).collect();
    let places = specs.iter().enumerate().map(|(at, spec)| (spec.name, Place(at as u16))).collect();
    (specs, places)
});

/// Every command, in order of name; subcommands follow theirs.
pub fn all() -> &'static [Spec] {
    &TABLE.0
}

/// A command by name, subcommands as `config|get`.
pub fn find(name: &str) -> Option<Place> {
    TABLE.1.get(name.to_ascii_lowercase().as_str()).copied()
}

/// The bit of a category.
pub fn category(name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    CATEGORIES.iter().position(|c| *c == name).map(|at| 1 << at)
}

impl Place {
    /// What stands there.
    pub fn spec(self) -> &'static Spec {
        &TABLE.0[self.0 as usize]
    }
    /// The places of its subcommands.
    pub fn below(self) -> RangeInclusive<u16> {
        let spec = self.spec();
        let of = |other: &Spec| other.name.strip_prefix(spec.name).is_some_and(|rest| rest.starts_with('|'));
        let many = TABLE.0[self.0 as usize + 1..].iter().take_while(|other| of(other)).count() as u16;
        self.0 + 1..=self.0 + many
    }
}

fn spec(line: &'static str) -> Option<Spec> {
    let mut words = line.split(' ');
    let (name, arity) = (words.next()?, words.next()?.parse().ok()?);
    let bits = words.next()?.split(',').filter(|c| !c.is_empty()).map(category);
    let categories = bits.collect::<Option<Vec<u32>>>()?.into_iter().fold(0, |a, b| a | b);
    let kind = words.next()?;
    let keys: Vec<&str> = words.collect();
    let keys = if keys.contains(&"!") { None } else { Some(keys.into_iter().map(range).collect::<Option<_>>()?) };
    Some(Spec { name, arity, categories, free: kind == "free", container: kind == "of", keys })
}

fn range(text: &str) -> Option<Keys> {
    let (access, places) = text.split_once([':', '#'])?;
    let counted = text.contains('#');
    let numbers: Vec<i64> = places.split(':').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    let access = Access { read: access.contains('r'), write: access.contains('w') };
    let [first, a, b, c] = numbers.try_into().ok()?;
    let (find, step) = match counted {
        true => (Find::Counted { number: a as usize, from: b as usize }, c),
        false => (Find::Range { last: a, limit: c as usize }, b),
    };
    Some(Keys { access, first: first as usize, find, step: step as usize })
}

impl Spec {
    /// Whether a command of so many words is one.
    pub fn fits(&self, words: usize) -> bool {
        let least = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { words >= least } else { words == least }
    }

    /// Positions of the keys among the words, with the access that each needs; `None` when the table cannot say.
    ///
    /// Where one of several places is not there, Redis finds no keys at all, and asks for access to none: `PFMERGE`
    /// with nothing but its destination writes where its user may not.
    pub fn positions<W: AsRef<[u8]>>(&self, words: &[W]) -> Option<Vec<(usize, Access)>> {
        let mut found = Vec::new();
        for keys in self.keys.as_ref()? {
            let Some((from, to)) = keys.places(words).filter(|(from, to)| from <= to && *to < words.len()) else {
                return Some(Vec::new());
            };
            // `SET` reads too when it is told to give the value that it replaces.
            let gives = self.name == "set" && words.iter().skip(3).any(|w| w.as_ref().eq_ignore_ascii_case(b"get"));
            let access = Access { read: keys.access.read || gives, ..keys.access };
            found.extend((from..=to).step_by(keys.step.max(1)).map(|at| (at, access)));
        }
        Some(found)
    }

    /// Positions of channels that the user must have, and whether they are patterns themselves.
    pub fn channels(&self, words: usize) -> (std::ops::Range<usize>, bool) {
        match self.name {
            "publish" | "spublish" => (1..2, false),
            "subscribe" | "ssubscribe" => (1..words, false),
            "psubscribe" => (1..words, true),
            _ => (0..0, false),
        }
    }
}

impl Keys {
    /// The first place and the last one.
    fn places<W: AsRef<[u8]>>(&self, words: &[W]) -> Option<(usize, usize)> {
        match self.find {
            Find::Range { last, limit } => Some((self.first, range_end(words.len(), self.first, last, limit)?)),
            Find::Counted { number, from } => {
                let count = std::str::from_utf8(words.get(self.first + number)?.as_ref()).ok()?;
                let (count, from) = (count.parse::<usize>().ok()?, self.first + from);
                Some((from, from.checked_add(count)?.checked_sub(1)?))
            }
        }
    }
}

fn range_end(words: usize, first: usize, last: i64, limit: usize) -> Option<usize> {
    let back = |from: usize| usize::try_from(from as i64 + last).ok();
    match last {
        0.. => Some(first + last as usize),
        _ if limit <= 1 => back(words),
        _ => back(first + words.checked_sub(first)? / limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expected: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        let spec = find(words[0]).expect("a command").spec();
        let shown = |(at, access): &(usize, Access)| {
            let (r, w) = (if access.read { "r" } else { "" }, if access.write { "w" } else { "" });
            format!("{}:{r}{w}", words[*at])
        };
        let got = spec.positions(&words).map(|keys| keys.iter().map(shown).collect::<Vec<_>>().join(" "));
        assert_eq!(got.unwrap_or("?".into()), expected, "{command}");
    }

    #[test]
    fn keys_are_found_with_the_access_that_each_needs() {
        check("get a", "a:r");
        check("set a 1", "a:w");
        check("set a 1 ex 3 GET", "a:rw");
        check("exists a b", "a: b:");
        check("rename a b", "a:rw b:w");
        check("mset a 1 b 2", "a:w b:w");
        check("eval x 2 a b c", "a:rw b:rw");
        check("keys *", "");
        check("pfmerge a b", "a:rw b:r");
        check("pfmerge a", "");
        check("sort a", "?");
        assert_eq!(find("config").expect("a command").below().count(), 5);
    }
}
