//! What a store holds, and what may be done to it: objects in versions, some of them kept for a while whatever anybody
//! says (STO-08).
//!
//! Knows nothing of who asks: that was decided before.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use serde::{Deserialize, Serialize};
use sim::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is kept is not replaced.
pub const WRITE_ONCE: Control = control!(
    "objects.write-once",
    upholds: ["STO-08"],
    off: "the last writer wins, as in a bucket without versions: a put over a kept object replaces it",
);

/// What is kept is not removed.
pub const RETENTION: Control = control!(
    "objects.retention",
    upholds: ["STO-08"],
    off: "retention is a label that a rule looks at once a day, as in governance mode with everybody allowed to bypass \
          it: who may write may remove",
);

/// Versions of an object that can be read: more are dropped, oldest first, unless they are kept.
pub const VERSIONS_MAX: usize = 8;

/// One version of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// Counts up from 1.
    pub number: u32,
    /// Before this nobody replaces or removes it; [`Instant::ZERO`] where nothing is kept.
    pub kept_until: Instant,
    /// Content.
    pub body: Bytes,
}

/// A change, as the disk keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// One version more.
    Put {
        /// Of which object.
        key: Arc<str>,
        /// Content.
        body: Bytes,
        /// As in [`Version`].
        kept_until: Instant,
    },
    /// All versions of an object are gone.
    Remove {
        /// Which.
        key: Arc<str>,
    },
}

/// Why a change is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// There is a version that is kept.
    Kept,
    /// There is no such object.
    Absent,
}

/// What a change did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Done {
    /// This version is there now.
    Stored(Version),
    /// Versions with these numbers are gone.
    Removed(Vec<u32>),
}

/// The objects of a store.
#[derive(Clone, Default, Debug)]
pub struct Shelf {
    objects: BTreeMap<Arc<str>, Vec<Version>>,
}

impl Change {
    /// The object that it changes.
    pub fn key(&self) -> &Arc<str> {
        match self {
            Change::Put { key, .. } | Change::Remove { key } => key,
        }
    }
}

impl Shelf {
    /// Whether a change may be made now.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(&self, (now, controls): (Instant, &Controls), change: &Change) -> Result<(), Refused> {
        let versions = self.objects.get(change.key()).map_or(&[][..], Vec::as_slice);
        let is_kept = versions.iter().any(|version| now < version.kept_until);
        match change {
            Change::Put { .. } if is_kept && controls.on(&WRITE_ONCE) => Err(Refused::Kept),
            Change::Put { .. } => Ok(()),
            Change::Remove { .. } if versions.is_empty() => Err(Refused::Absent),
            Change::Remove { .. } if is_kept && controls.on(&RETENTION) => Err(Refused::Kept),
            Change::Remove { .. } => Ok(()),
        }
    }

    /// Makes a change that was found to be permitted. A put over something that is kept replaces it.
    pub fn apply(&mut self, now: Instant, change: &Change) -> Done {
        match change {
            Change::Put { key, body, kept_until } => {
                let versions = self.objects.entry(key.clone()).or_default();
                let number = versions.last().map_or(1, |last| last.number + 1);
                let is_kept = versions.iter().any(|version| now < version.kept_until);
                let version = Version { number, kept_until: *kept_until, body: body.clone() };
                if is_kept {
                    versions.clear();
                }
                versions.push(version.clone());
                let dropped = versions.len().saturating_sub(VERSIONS_MAX);
                versions.drain(..dropped);
                Done::Stored(version)
            }
            Change::Remove { key } => {
                let gone = self.objects.remove(key).unwrap_or_default();
                Done::Removed(gone.iter().map(|version| version.number).collect())
            }
        }
    }

    /// A version of an object: the newest, where none is named.
    pub fn get(&self, key: &str, number: Option<u32>) -> Option<&Version> {
        let versions = self.objects.get(key)?;
        match number {
            Some(number) => versions.iter().find(|version| version.number == number),
            None => versions.last(),
        }
    }

    /// Keys that begin like this, in order.
    pub fn list<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Arc<str>> {
        self.objects.range(Arc::from(prefix)..).map(|(key, _)| key).take_while(move |key| key.starts_with(prefix))
    }

    /// Everything, in order of key and version.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, &Version)> {
        self.objects.iter().flat_map(|(key, versions)| versions.iter().map(move |version| (key, version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    const KEPT: Instant = Instant(100);

    fn put(key: &str, body: &str, kept_until: Instant) -> Change {
        Change::Put { key: key.into(), body: body.as_bytes().into(), kept_until }
    }

    fn shelf() -> Shelf {
        let mut shelf = Shelf::default();
        shelf.apply(Instant(1), &put("a/archive/p/1", "first", KEPT));
        shelf.apply(Instant(1), &put("a/b/p/1", "one", Instant::ZERO));
        shelf.apply(Instant(2), &put("a/b/p/1", "two", Instant::ZERO));
        shelf
    }

    #[test]
    fn what_is_kept_is_neither_replaced_nor_removed_before_its_time() {
        let shelf = shelf();
        let (on, over, remove) =
            (Controls::all_on(), put("a/archive/p/1", "x", KEPT), Change::Remove { key: "a/archive/p/1".into() });
        for change in [&over, &remove] {
            assert_eq!(shelf.check((Instant(99), &on), change), Err(Refused::Kept));
            assert_eq!(shelf.check((KEPT, &on), change), Ok(()));
        }
        let off = |control: &Control| Controls::with_off(ControlSet::EMPTY.with(control.slot));
        assert_eq!(shelf.check((Instant(9), &off(&WRITE_ONCE)), &over), Ok(()));
        assert_eq!(shelf.check((Instant(9), &off(&WRITE_ONCE)), &remove), Err(Refused::Kept));
        assert_eq!(shelf.check((Instant(9), &off(&RETENTION)), &remove), Ok(()));
        assert_eq!(shelf.check((Instant(9), &off(&RETENTION)), &over), Err(Refused::Kept));
        assert_eq!(shelf.check((Instant(9), &on), &Change::Remove { key: "none".into() }), Err(Refused::Absent));
    }

    #[test]
    fn an_object_has_versions_and_a_list_ends_with_its_prefix() {
        let mut shelf = shelf();
        let body = |shelf: &Shelf, number| shelf.get("a/b/p/1", number).map(|v| v.body.to_vec());
        assert_eq!(body(&shelf, None).as_deref(), Some(&b"two"[..]));
        assert_eq!(body(&shelf, Some(1)).as_deref(), Some(&b"one"[..]));
        assert_eq!(body(&shelf, Some(3)), None);
        shelf.apply(Instant(3), &put("a-corp/b/p/1", "", Instant::ZERO));
        let listed = |prefix: &str| shelf.list(prefix).map(|key| key.to_string()).collect::<Vec<_>>();
        assert_eq!(listed("a/"), ["a/archive/p/1", "a/b/p/1"]);
        assert_eq!(listed("a").len(), 3);
        for n in 3..20_u32 {
            shelf.apply(Instant(3), &put("a/b/p/1", &n.to_string(), Instant::ZERO));
        }
        assert_eq!(shelf.get("a/b/p/1", Some(1)), None, "versions are bounded");
        assert_eq!(shelf.all().count(), 2 + VERSIONS_MAX);
        let removed = shelf.apply(Instant(3), &Change::Remove { key: "a/archive/p/1".into() });
        assert_eq!(removed, Done::Removed(vec![1]));
    }
}
