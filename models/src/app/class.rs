//! What a record is to the policy: its kind, label and level, and which rows a decision covers.
//!
//! A request names a record before anybody has read it. So the policy is first asked about what the owner's records
//! usually are; a row that turns out to be something else is asked about again, as what it is, before anyone sees it.

use crate::wire::policy::{Input as Question, Level};
use crate::wire::sql::Value;
use std::sync::Arc;

/// How a record is classified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordClass {
    /// What it is: `audit`.
    pub kind: Arc<str>,
    /// Its handling label: `pii`.
    pub label: Arc<str>,
    /// Its level.
    pub level: Level,
}

/// Places of a row's class, as [`super::store`] selects it; the content stands at place 0.
const KIND: usize = 1;
const LEVEL: usize = 2;
const LABEL: usize = 3;

impl RecordClass {
    /// Whether a yes about this class is a yes about the row: the same kind and label, and no higher level. Never when
    /// the row does not say what it is.
    pub fn covers(&self, row: &[Value]) -> bool {
        text(row, KIND) == Some(&*self.kind)
            && text(row, LABEL) == Some(&*self.label)
            && level(row).is_some_and(|level| level <= self.level)
    }
}

/// The question of `usual`, asked about this row instead. What the row does not say stays a gap, except a level that is
/// none: that is read as the most restrictive (CLS-05).
pub fn about_row(usual: Question, row: &[Value]) -> Question {
    Question {
        kind: text(row, KIND).map(Arc::from),
        classification: Some(Level::of_data(level(row))),
        label: text(row, LABEL).map(Arc::from),
        ..usual
    }
}

fn text(row: &[Value], at: usize) -> Option<&str> {
    row.get(at)?.as_text()
}

/// The level of a row, if it says one that there is.
pub fn level(row: &[Value]) -> Option<Level> {
    let rank = row.get(LEVEL)?.as_int()?;
    Level::from_rank(u64::try_from(rank).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, level: i64, label: &str) -> Vec<Value> {
        vec![Value::Text("body".into()), Value::Text(kind.into()), Value::Int(level), Value::Text(label.into())]
    }

    fn check(row: &[Value], covered: bool, level: Level) {
        let usual = RecordClass { kind: "audit".into(), label: "pii".into(), level: Level::Internal };
        assert_eq!(usual.covers(row), covered, "{row:?}");
        assert_eq!(about_row(Question::default(), row).classification, Some(level), "{row:?}");
    }

    #[test]
    fn a_decision_covers_its_kind_and_label_up_to_its_level() {
        check(&row("audit", 1, "pii"), true, Level::Internal);
        check(&row("audit", 0, "pii"), true, Level::Public);
        check(&row("audit", 2, "pii"), false, Level::Confidential);
        check(&row("agents", 1, "pii"), false, Level::Internal);
        check(&row("audit", 1, "health"), false, Level::Internal);
    }

    #[test]
    fn a_level_that_is_none_is_the_most_restrictive_and_a_missing_column_is_a_gap() {
        for unknown in [-1, 4, i64::MAX] {
            check(&row("audit", unknown, "pii"), false, Level::Restricted);
        }
        let bare = [Value::Text("body".into())];
        check(&bare, false, Level::Restricted);
        let question = about_row(Question { kind: Some("audit".into()), ..Question::default() }, &bare);
        assert_eq!((question.kind, question.label), (None, None));
    }
}
