//! What of a column its reader gets (CLS-02, CLS-04): all of it, a masked form, or nothing.
//!
//! The store keeps what is; masking happens when a result is made for somebody, by the level of the column and the
//! clearance of that somebody. Whatever is not known (a label, a level, how to mask a value) is read as the most
//! restrictive.

use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{hex, sha256};
use crate::wire::policy::Level;
use crate::wire::sql::Value;

/// Columns above their reader's clearance are masked.
pub const COLUMN_MASKING: Control = control!("app.column-masking", upholds: ["CLS-02"],
    off: "columns are served as they are stored, as where masking was left to a view that nobody reads any more");

/// An identifier that is no longer than what may stay visible of it is masked whole.
pub const SHORT_IDENTIFIERS: Control = control!("app.short-identifiers", upholds: ["CLS-02"],
    off: "the last four characters stay, of however few: what is no longer than that is shown as it is");

/// What is restricted is shown to principals that are named for it, whatever their clearance.
pub const NAMED_PRINCIPALS: Control = control!("app.named-principals", upholds: ["CLS-02"],
    off: "a clearance for restricted data is enough, as with a role that somebody gave to a whole department");

/// A column that nobody has labelled, or whose label says no level, is restricted.
pub const UNLABELLED_RESTRICTED: Control = control!("app.unlabelled-restricted", upholds: ["CLS-04", "CLS-05"],
    off: "a column without a readable label is public, as with a list of columns to mask that a migration outran");

/// A value that cannot be masked is left out.
pub const MASKING_FAILS_CLOSED: Control = control!("app.masking-fails-closed", upholds: ["CLS-04"],
    off: "an error of the masker is logged, and the value passed on as it is");

/// Characters of an identifier that stay visible.
const VISIBLE: usize = 4;
/// In place of what is masked; always as many, so that they tell no length.
const STARS: &str = "****";
/// A contact, masked.
const REDACTED: &str = "[REDACTED]";
/// Bytes of a name's SHA-256 that are shown, as twice as many digits.
const DIGEST_BYTES: usize = 8;

/// What a column is, as far as masking goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A person's name.
    Name,
    /// Identifies somebody or something of theirs: an account, a passport.
    Identifier,
    /// A way to reach somebody.
    Contact,
    /// A secret of the business.
    Business,
    /// None of these, or nobody has said which.
    Other,
}

/// What is said of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label {
    /// How sensitive it is.
    pub level: Level,
    /// How it is masked.
    pub kind: Kind,
}

/// For whom a result is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clearance {
    /// The highest level that it may see.
    pub level: Level,
    /// Whether it is named for what is restricted.
    pub is_named: bool,
}

/// A value as its reader gets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    /// As it is stored.
    Whole,
    /// Masked.
    Masked(String),
    /// Not at all, not even that there is such a column.
    Omitted,
}

/// The masker does not know what to do with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unmaskable;

impl Kind {
    /// As it stands in a label.
    pub fn parse(text: &str) -> Kind {
        match text {
            "name" => Kind::Name,
            "identifier" => Kind::Identifier,
            "contact" => Kind::Contact,
            "business" => Kind::Business,
            _ => Kind::Other,
        }
    }
}

impl Label {
    /// The label of a column of which this is said; `None` where nothing readable is.
    pub fn of(controls: &Controls, said: Option<(i64, &str)>) -> Label {
        let level = said.and_then(|(rank, _)| Level::from_rank(u64::try_from(rank).ok()?));
        let kind = said.map_or(Kind::Other, |(_, kind)| Kind::parse(kind));
        match level {
            Some(level) => Label { level, kind },
            None if controls.on(&UNLABELLED_RESTRICTED) => Label { level: Level::of_data(None), kind },
            None => Label { level: Level::Public, kind },
        }
    }
}

impl Clearance {
    /// Whether it may see what is of this level.
    pub fn covers(self, controls: &Controls, level: Level) -> bool {
        level <= self.level && (level < Level::Restricted || self.is_named || !controls.on(&NAMED_PRINCIPALS))
    }
}

/// What somebody with this clearance gets of a value in a column with this label.
pub fn shown(controls: &Controls, label: Label, value: &Value, clearance: Clearance) -> Shown {
    if clearance.covers(controls, label.level) || !controls.on(&COLUMN_MASKING) {
        return Shown::Whole;
    }
    match masked(controls, label, value) {
        Ok(Some(masked)) => Shown::Masked(masked),
        Ok(None) => Shown::Omitted,
        Err(Unmaskable) if controls.on(&MASKING_FAILS_CLOSED) => Shown::Omitted,
        Err(Unmaskable) => Shown::Whole,
    }
}

/// A value without what its reader may not see; `None` when that is all of it. NULL is masked as an empty text is, so
/// that nobody learns which of the two it is.
///
/// # Errors
/// The masker knows texts; a number in a column of texts is what a migration leaves behind.
pub fn masked(controls: &Controls, label: Label, value: &Value) -> Result<Option<String>, Unmaskable> {
    // Above confidential no part of anything stays, whatever it is.
    if label.level == Level::Restricted {
        return Ok(Some(STARS.to_owned()));
    }
    if label.kind == Kind::Business {
        return Ok(None);
    }
    let text = match value {
        Value::Text(text) => text,
        Value::Null => "",
        Value::Bool(_) | Value::Int(_) => return Err(Unmaskable),
    };
    Ok(match label.kind {
        Kind::Name => Some(hex(&sha256(text.as_bytes())[..DIGEST_BYTES])),
        Kind::Identifier => Some(ending(controls, text)),
        Kind::Contact => Some(REDACTED.to_owned()),
        Kind::Business | Kind::Other => Some(STARS.to_owned()),
    })
}

/// The last characters of an identifier, if more than those are hidden before them. Characters, not bytes: half of one
/// is none.
fn ending(controls: &Controls, text: &str) -> String {
    let hidden = text.chars().count().saturating_sub(VISIBLE);
    if hidden == 0 {
        return if controls.on(&SHORT_IDENTIFIERS) { STARS.to_owned() } else { text.to_owned() };
    }
    let visible: String = text.chars().skip(hidden).collect();
    format!("{STARS}{visible}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    fn off(control: &Control) -> Controls {
        Controls::with_off(ControlSet::EMPTY.with(control.slot))
    }

    fn check(kind: Kind, value: Value, expected: Result<Option<&str>, Unmaskable>) {
        let label = Label { level: Level::Confidential, kind };
        let got = masked(&Controls::all_on(), label, &value);
        assert_eq!(got, expected.map(|shown| shown.map(str::to_owned)), "{kind:?} of {value:?}");
    }

    #[test]
    fn each_kind_is_masked_by_its_rule() {
        check(Kind::Name, Value::text("Ada Lovelace"), Ok(Some("7674021617159190")));
        check(Kind::Identifier, Value::text("DE89370400440532013000"), Ok(Some("****3000")));
        check(Kind::Contact, Value::text("ada@acme.example"), Ok(Some("[REDACTED]")));
        check(Kind::Business, Value::text("12 %"), Ok(None));
        check(Kind::Other, Value::text("anything"), Ok(Some("****")));
    }

    #[test]
    fn short_empty_null_and_multi_byte_values_show_no_more_than_the_rule_allows() {
        for whole in ["", "7", "1234", "ß字é€"] {
            check(Kind::Identifier, Value::text(whole), Ok(Some("****")));
        }
        check(Kind::Identifier, Value::text("12345"), Ok(Some("****2345")));
        check(Kind::Identifier, Value::text("aß字é€"), Ok(Some("****ß字é€")));
        for kind in [Kind::Name, Kind::Identifier, Kind::Contact, Kind::Business, Kind::Other] {
            let label = Label { level: Level::Confidential, kind };
            let of = |value: Value| masked(&Controls::all_on(), label, &value);
            assert_eq!(of(Value::Null), of(Value::text("")), "{kind:?}");
        }
        check(Kind::Identifier, Value::Int(4_711), Err(Unmaskable));
        assert_eq!(
            masked(
                &off(&SHORT_IDENTIFIERS),
                Label { level: Level::Confidential, kind: Kind::Identifier },
                &Value::text("77")
            ),
            Ok(Some("77".to_owned()))
        );
    }

    #[test]
    fn what_is_restricted_is_for_those_who_are_named() {
        let label = Label { level: Level::Restricted, kind: Kind::Contact };
        let shown_to = |controls: &Controls, level, is_named| {
            shown(controls, label, &Value::text("ada@acme.example"), Clearance { level, is_named })
        };
        let on = Controls::all_on();
        assert_eq!(shown_to(&on, Level::Restricted, true), Shown::Whole);
        assert_eq!(shown_to(&on, Level::Restricted, false), Shown::Masked("****".to_owned()));
        assert_eq!(shown_to(&on, Level::Confidential, true), Shown::Masked("****".to_owned()));
        assert_eq!(shown_to(&off(&NAMED_PRINCIPALS), Level::Restricted, false), Shown::Whole);
        assert_eq!(shown_to(&off(&COLUMN_MASKING), Level::Public, false), Shown::Whole);
    }

    #[test]
    fn what_is_not_known_of_a_column_is_the_most_restrictive() {
        let on = Controls::all_on();
        for unreadable in [None, Some((9, "contact")), Some((-1, "name"))] {
            assert_eq!(Label::of(&on, unreadable).level, Level::Restricted, "{unreadable:?}");
            assert_eq!(Label::of(&off(&UNLABELLED_RESTRICTED), unreadable).level, Level::Public, "{unreadable:?}");
        }
        assert_eq!(Label::of(&on, Some((1, "odd"))), Label { level: Level::Internal, kind: Kind::Other });
        let (label, clearance) = (
            Label { level: Level::Confidential, kind: Kind::Identifier },
            Clearance { level: Level::Internal, is_named: false },
        );
        assert_eq!(shown(&on, label, &Value::Int(4_711), clearance), Shown::Omitted);
        assert_eq!(shown(&off(&MASKING_FAILS_CLOSED), label, &Value::Int(4_711), clearance), Shown::Whole);
    }
}
