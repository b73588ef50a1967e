//! Every scenario, by name; and what somebody who misspelt one probably meant.
//!
//! The list itself is generated: adding a scenario is adding one file.

mod list;

pub use list::ALL;

use crate::scenario::Scenario;
use models::control::Control;
use models::registry;

/// The scenario of this name.
///
/// # Errors
/// One line: that there is none, what was probably meant, and where the list is.
pub fn find(name: &str) -> Result<&'static Scenario, String> {
    ALL.iter().copied().find(|s| s.name == name).ok_or_else(|| {
        let names = ALL.iter().map(|s| s.name);
        unknown("scenario", name, nearest(name, names), "cellproof list scenarios")
    })
}

/// The scenario of a token: one of [`ALL`], or the drill, which proves nothing by itself and so is in no list.
///
/// # Errors
/// As for [`find`].
pub fn of_token(name: &str) -> Result<&'static Scenario, String> {
    let drill = &crate::drill::SCENARIO;
    if name == drill.name { Ok(drill) } else { find(name) }
}

/// The control of this id.
///
/// # Errors
/// As for [`find`].
pub fn control(id: &str) -> Result<&'static Control, String> {
    registry::ALL.iter().copied().find(|c| c.id == id).ok_or_else(|| {
        let ids = registry::ALL.iter().map(|c| c.id);
        unknown("control", id, nearest(id, ids), "cellproof list controls")
    })
}

/// Says that nothing has this name: `unknown model "abca", did you mean "abac"? (cellproof model --list)`.
pub fn unknown(kind: &str, name: &str, nearest: Option<&str>, list: &str) -> String {
    match nearest {
        Some(near) => format!("unknown {kind} \"{name}\", did you mean \"{near}\"? ({list})"),
        None => format!("unknown {kind} \"{name}\" ({list})"),
    }
}

/// The name that was probably meant: fewest edits, if they are few for its length; otherwise one that holds every word.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let near = names.clone().map(|n| (edits(name, n), n)).min().filter(|(edits, n)| edits * 3 <= n.len().max(3));
    let words: Vec<&str> = name.split(['/', '-', '.', '_', ' ']).filter(|w| w.len() > 2).collect();
    let holds = |n: &&str| !words.is_empty() && words.iter().all(|w| n.contains(w));
    let close = |n: &&str| words.iter().any(|w| w.len() > 3 && n.contains(w));
    near.map(|(_, n)| n)
        .or_else(|| names.clone().find(holds))
        .or_else(|| names.filter(close).min_by_key(|n| edits(name, n)))
}

/// Levenshtein distance in bytes: names are ASCII.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] =
        ["canary/blind", "chaos/cell-loss", "stride/disclosure-cache-bleed", "stride/tampering-jwt"];

    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(nearest(name, NAMES.into_iter()), expected, "{name}");
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour_and_nonsense_finds_none() {
        check("stride/disclosure-cache-bled", Some("stride/disclosure-cache-bleed"));
        check("cell-loss", Some("chaos/cell-loss"));
        check("stride/cache", Some("stride/disclosure-cache-bleed"));
        check("jwt", Some("stride/tampering-jwt"));
        check("zzz", None);
        check("", None);
    }

    #[test]
    fn edits_are_counted() {
        for (a, b, n) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("abc", "abc", 0)] {
            assert_eq!(edits(a, b), n, "{a} {b}");
        }
    }

    #[test]
    fn the_error_says_what_was_meant_and_where_to_look() {
        assert_eq!(
            unknown("scenario", "a/b", Some("a/c"), "cellproof list scenarios"),
            "unknown scenario \"a/b\", did you mean \"a/c\"? (cellproof list scenarios)"
        );
    }

    #[test]
    fn names_are_unique_and_in_order() {
        let names: Vec<&str> = ALL.iter().map(|s| s.name).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    }
}
