//! A set of permissions: commands, key patterns, channels. A user has one, and more in parentheses (Redis 7).
//!
//! A key needs one pattern that covers it and gives all the access that the command asks for: a pattern for reading
//! beside one for writing does not add up, unless both are the same text.

use super::commands::{Access, Place, Spec, all, category, find};
use super::glob::Glob;
use crate::ids::Bytes;
use std::collections::BTreeMap;

/// Permissions.
#[derive(Clone, Default, Debug)]
pub struct Selector {
    /// One bit a command.
    commands: Vec<u64>,
    /// First arguments that a command is allowed with, in small letters, where it is not allowed as such.
    first_arguments: BTreeMap<u16, Vec<String>>,
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<(Bytes, Glob)>,
}

#[derive(Clone, Debug)]
struct KeyPattern {
    text: Bytes,
    glob: Glob,
    access: Access,
}

/// What a set of permissions lacks for a command; later ones came closer to being allowed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lack {
    /// The command.
    Command,
    /// Access to the key at this position.
    Key(usize),
    /// The channel at this position.
    Channel(usize),
}

impl Selector {
    /// Applies one rule of `ACL SETUSER`; `None` when it is none, or says nothing after what came before it.
    pub fn apply(&mut self, rule: &str) -> Option<()> {
        match rule.to_ascii_lowercase().as_str() {
            "allkeys" | "~*" => {
                self.all_keys = true;
                self.keys.clear();
            }
            "resetkeys" => {
                self.all_keys = false;
                self.keys.clear();
            }
            "allchannels" | "&*" => {
                self.all_channels = true;
                self.channels.clear();
            }
            "resetchannels" => {
                self.all_channels = false;
                self.channels.clear();
            }
            "allcommands" | "+@all" => {
                self.commands = vec![u64::MAX; all().len().div_ceil(64)];
                self.first_arguments.clear();
            }
            "nocommands" | "-@all" => {
                self.commands.clear();
                self.first_arguments.clear();
            }
            _ => return self.apply_prefixed(rule),
        }
        Some(())
    }

    fn apply_prefixed(&mut self, rule: &str) -> Option<()> {
        if let Some(pattern) = rule.strip_prefix('~') {
            self.allow(pattern.as_bytes(), Access::ALL)
        } else if let Some(rest) = rule.strip_prefix('%') {
            let (access, pattern) = rest.split_once('~')?;
            let access = match access.to_ascii_uppercase().as_str() {
                "R" => Access { read: true, write: false },
                "W" => Access { read: false, write: true },
                "RW" | "WR" => Access::ALL,
                _ => return None,
            };
            self.allow(pattern.as_bytes(), access)
        } else if let Some(channel) = rule.strip_prefix('&') {
            if self.all_channels {
                return None;
            }
            self.channels.push((channel.as_bytes().into(), Glob::new(channel.as_bytes())));
            Some(())
        } else if let Some(name) = rule.strip_prefix("+@") {
            self.set_category(category(name)?, true);
            Some(())
        } else if let Some(name) = rule.strip_prefix("-@") {
            self.set_category(category(name)?, false);
            Some(())
        } else if let Some(name) = rule.strip_prefix('-') {
            self.set(find(name)?, false);
            Some(())
        } else {
            self.add(rule.strip_prefix('+')?)
        }
    }

    /// Adds a key pattern, unless every key is allowed already. The same text twice is one pattern with both accesses.
    pub fn allow(&mut self, pattern: &[u8], access: Access) -> Option<()> {
        if self.all_keys {
            return None;
        }
        match self.keys.iter_mut().find(|p| *p.text == *pattern) {
            Some(known) => known.access = known.access.with(access),
            None => self.keys.push(KeyPattern { text: pattern.into(), glob: Glob::new(pattern), access }),
        }
        Some(())
    }

    /// `+command`, `+command|subcommand`, or `+command|first-argument` where there are no subcommands.
    fn add(&mut self, name: &str) -> Option<()> {
        let Some((command, first)) = name.rsplit_once('|') else {
            self.set(find(name)?, true);
            return Some(());
        };
        let place = find(command)?;
        if first.is_empty() || command.contains('|') {
            return None;
        }
        if place.spec().container {
            self.set(find(name)?, true);
        } else {
            self.first_arguments.entry(place.0).or_default().push(first.to_ascii_lowercase());
        }
        Some(())
    }

    fn set_category(&mut self, bit: u32, on: bool) {
        for at in 0..all().len() as u16 {
            if Place(at).spec().categories & bit != 0 {
                self.set(Place(at), on);
            }
        }
    }

    /// Allows or forbids a command with all of its subcommands.
    fn set(&mut self, place: Place, on: bool) {
        self.commands.resize(all().len().div_ceil(64), 0);
        for at in std::iter::once(place.0).chain(place.below()) {
            let (word, bit) = (&mut self.commands[at as usize / 64], 1 << (at % 64));
            *word = if on { *word | bit } else { *word & !bit };
        }
        self.first_arguments.remove(&place.0);
    }

    /// Whether the command may be run at all, whatever its arguments.
    #[inline]
    pub fn runs(&self, place: Place) -> bool {
        self.commands.get(place.0 as usize / 64).is_some_and(|word| word >> (place.0 % 64) & 1 == 1)
    }

    /// Whether a key may be touched; `every` says that every user may touch every key.
    #[inline]
    pub fn touches(&self, key: &[u8], asked: Access, every: bool) -> bool {
        self.all_keys || every || self.keys.iter().any(|p| p.access.gives(asked) && p.glob.matches(key))
    }

    /// What is missing for a command with these words. `keys` are the positions of its keys.
    pub fn lack<W: AsRef<[u8]>>(
        &self,
        (place, spec): (Place, &Spec),
        words: &[W],
        keys: &[(usize, Access)],
        every: bool,
    ) -> Option<Lack> {
        if !spec.free && !self.runs(place) {
            let first = words.get(1).map(|w| w.as_ref());
            let allowed =
                |of: &Vec<String>| of.iter().any(|a| first.is_some_and(|f| f.eq_ignore_ascii_case(a.as_bytes())));
            if !self.first_arguments.get(&place.0).is_some_and(allowed) {
                return Some(Lack::Command);
            }
        }
        if let Some((at, _)) = keys.iter().find(|(at, asked)| !self.touches(words[*at].as_ref(), *asked, every)) {
            return Some(Lack::Key(*at));
        }
        let (mut channels, pattern) = spec.channels(words.len());
        let heard = |channel: &[u8]| {
            self.all_channels
                || self
                    .channels
                    .iter()
                    .any(|(text, glob)| if pattern { **text == *channel } else { glob.matches(channel) })
        };
        channels.find(|at| !heard(words[*at].as_ref())).map(Lack::Channel)
    }
}
