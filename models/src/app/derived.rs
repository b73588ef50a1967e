//! Derived tables, and how sensitive what is derived is (CLS-01): each column is as sensitive as the most sensitive of
//! the columns that it is made from, and a table as whatever decided which rows are in it.
//!
//! A definition is data: what is stored, and what becomes of it in a few shapes of a pipeline. Labels take the same way
//! as rows, so a shape that forgot them would not compile; which inputs count is decided in [`combined`] alone.

use super::masking::{Kind, Label};
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::policy::Level;
use crate::wire::sql::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A derived column is as sensitive as the most sensitive of its inputs.
pub const HIGH_WATER_MARK: Control = control!("app.high-water-mark", upholds: ["CLS-01"],
    off: "a derived column takes the label of the first column that it is made from, as with lineage that follows one \
          parent");

/// What decides which rows are there is an input of all of them.
pub const DECIDING_INPUTS: Control = control!("app.deciding-inputs", upholds: ["CLS-01"],
    off: "columns count that are copied or computed from, and not those that conditions and joins look at, as with \
          lineage of SELECT lists");

/// Rows on their way, with what their columns are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// Names and labels.
    pub columns: Vec<(Arc<str>, Label)>,
    /// The rows, in order.
    pub rows: Vec<Vec<Value>>,
    /// The level of what decided which rows are there.
    pub decided: Level,
}

/// How a table is made.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// As it is stored, by name.
    Stored(&'static str),
    /// Some of the columns, each with its name from now on.
    Select(&'static Shape, &'static [(&'static str, &'static str)]),
    /// The rows of which a column says this.
    Filter(&'static Shape, &'static str, &'static str),
    /// Each row of one with each of the other of which a column says the same.
    Join(&'static Shape, &'static Shape, (&'static str, &'static str)),
    /// The rows of one and then those of the other, column by column; named as in the first.
    Union(&'static Shape, &'static Shape),
    /// For each value of a column the greatest value of another, which is called so.
    Greatest(&'static Shape, &'static str, &'static str, &'static str),
    /// Beside each row what a column says in the row before it that agrees with it in another; it is called so.
    Before(&'static Shape, &'static str, &'static str, &'static str),
    /// Beside each row what a function makes of two columns; it is called so.
    Apply(&'static Shape, fn(&Value, &Value) -> Value, [&'static str; 2], &'static str),
}

/// The label of what is made from columns with these.
fn combined(controls: &Controls, inputs: &[Label]) -> Label {
    let first = inputs.first().copied().unwrap_or(Label { level: Level::Restricted, kind: Kind::Other });
    if inputs.iter().all(|label| *label == first) || !controls.on(&HIGH_WATER_MARK) {
        return first;
    }
    let level = inputs.iter().map(|label| label.level).max().unwrap_or(first.level);
    // How one kind is masked says nothing of a mixture.
    let kind = if inputs.iter().all(|label| label.kind == first.kind) { first.kind } else { Kind::Other };
    Label { level, kind }
}

impl Table {
    fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| **name == *column)
    }

    /// The same with one more column, made from these.
    fn beside(
        mut self,
        controls: &Controls,
        (name, inputs): (&str, [usize; 2]),
        make: impl Fn(&[Vec<Value>], usize) -> Value,
    ) -> Table {
        let label = combined(controls, &inputs.map(|at| self.columns[at].1));
        let made: Vec<Value> = (0..self.rows.len()).map(|row| make(&self.rows, row)).collect();
        self.rows.iter_mut().zip(made).for_each(|(row, value)| row.push(value));
        self.columns.push((name.into(), label));
        self
    }

    fn decided_by(mut self, controls: &Controls, level: Level) -> Table {
        if level > self.decided && controls.on(&DECIDING_INPUTS) {
            self.decided = level;
        }
        self
    }
}

impl Shape {
    /// The table, out of what is stored. None when something is missing there that it is made from.
    pub fn run(&self, controls: &Controls, stored: &BTreeMap<&str, Table>) -> Option<Table> {
        match self {
            Shape::Stored(name) => stored.get(name).cloned(),
            Shape::Select(of, columns) => {
                let of = of.run(controls, stored)?;
                let places: Vec<usize> = columns.iter().map(|(from, _)| of.place(from)).collect::<Option<_>>()?;
                let named = columns.iter().zip(&places).map(|((_, to), at)| (Arc::from(*to), of.columns[*at].1));
                let row = |row: &Vec<Value>| places.iter().map(|at| row[*at].clone()).collect();
                Some(Table { columns: named.collect(), rows: of.rows.iter().map(row).collect(), decided: of.decided })
            }
            Shape::Filter(of, column, text) => {
                let mut of = of.run(controls, stored)?;
                let at = of.place(column)?;
                of.rows.retain(|row| row[at].as_text() == Some(text));
                let level = of.columns[at].1.level;
                Some(of.decided_by(controls, level))
            }
            Shape::Join(left, right, on) => {
                joined(controls, left.run(controls, stored)?, &right.run(controls, stored)?, *on)
            }
            Shape::Union(first, second) => {
                let (mut all, second) = (first.run(controls, stored)?, second.run(controls, stored)?);
                if all.columns.len() != second.columns.len() {
                    return None;
                }
                for ((_, label), (_, other)) in all.columns.iter_mut().zip(&second.columns) {
                    *label = combined(controls, &[*label, *other]);
                }
                all.rows.extend(second.rows);
                Some(all.decided_by(controls, second.decided))
            }
            Shape::Greatest(of, by, column, name) => {
                let of = of.run(controls, stored)?;
                let (by, column) = (of.place(by)?, of.place(column)?);
                let mut groups: BTreeMap<String, (Value, Value)> = BTreeMap::new();
                for row in &of.rows {
                    let (_, greatest) =
                        groups.entry(text(&row[by])).or_insert_with(|| (row[by].clone(), row[column].clone()));
                    if text(&row[column]) > text(greatest) {
                        *greatest = row[column].clone();
                    }
                }
                let label = combined(controls, &[of.columns[by].1, of.columns[column].1]);
                let columns = vec![of.columns[by].clone(), (Arc::from(*name), label)];
                let rows = groups.into_values().map(|(by, greatest)| vec![by, greatest]).collect();
                Some(Table { columns, rows, decided: of.decided })
            }
            Shape::Before(of, within, column, name) => {
                let of = of.run(controls, stored)?;
                let (within, column) = (of.place(within)?, of.place(column)?);
                let before = |rows: &[Vec<Value>], at: usize| {
                    let same = rows[..at].iter().rev().find(|row| row[within] == rows[at][within]);
                    same.map_or(Value::Null, |row| row[column].clone())
                };
                Some(of.beside(controls, (name, [within, column]), before))
            }
            Shape::Apply(of, function, [one, other], name) => {
                let of = of.run(controls, stored)?;
                let (one, other) = (of.place(one)?, of.place(other)?);
                let make = |rows: &[Vec<Value>], at: usize| function(&rows[at][one], &rows[at][other]);
                Some(of.beside(controls, (name, [one, other]), make))
            }
        }
    }
}

fn joined(controls: &Controls, left: Table, right: &Table, on: (&str, &str)) -> Option<Table> {
    let (one, other) = (left.place(on.0)?, right.place(on.1)?);
    let level = left.columns[one].1.level.max(right.columns[other].1.level).max(right.decided);
    let mut rows = Vec::new();
    for row in &left.rows {
        let matching = right.rows.iter().filter(|other_row| other_row[other] == row[one]);
        rows.extend(matching.map(|other_row| row.iter().chain(other_row).cloned().collect()));
    }
    let columns = left.columns.iter().chain(&right.columns).cloned().collect();
    Some(Table { columns, rows, decided: left.decided }.decided_by(controls, level))
}

/// A value as a function of texts sees it.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => yes.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Text(text) => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    const PEOPLE: Shape = Shape::Stored("people");
    const STAYS: Shape = Shape::Stored("stays");

    fn table(columns: &[(&str, Level)], rows: &[&[&str]]) -> Table {
        let label = |level| Label { level, kind: Kind::Other };
        Table {
            columns: columns.iter().map(|(name, level)| (Arc::from(*name), label(*level))).collect(),
            rows: rows.iter().map(|row| row.iter().map(|text| Value::text(text)).collect()).collect(),
            decided: Level::Public,
        }
    }

    /// What a shape makes, as names with levels, the level of its rows, and the rows.
    fn made(off: &[&Control], shape: &Shape) -> (Vec<(String, u8)>, u8, Vec<String>) {
        let people = [("id", Level::Public), ("team", Level::Internal), ("name", Level::Confidential)];
        let stays = [("who", Level::Public), ("ward", Level::Restricted)];
        let stored = BTreeMap::from([
            ("people", table(&people, &[&["1", "red", "ann"], &["2", "blue", "bob"], &["3", "red", "cyd"]])),
            ("stays", table(&stays, &[&["3", "east"], &["1", "west"], &["1", "east"]])),
        ]);
        let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
        let made = shape.run(&Controls::with_off(off), &stored).expect("every column is there");
        let columns = made.columns.iter().map(|(name, label)| (name.to_string(), label.level.rank()));
        let rows = made.rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(" "));
        (columns.collect(), made.decided.rank(), rows.collect())
    }

    fn check(shape: &Shape, columns: &[(&str, u8)], decided: u8, rows: &[&str]) {
        let (got, by, table) = made(&[], shape);
        let got: Vec<(&str, u8)> = got.iter().map(|(name, level)| (name.as_str(), *level)).collect();
        assert_eq!((got.as_slice(), by), (columns, decided), "{shape:?}");
        assert_eq!(table, rows, "{shape:?}");
    }

    const BOTH: Shape = Shape::Join(&STAYS, &PEOPLE, ("who", "id"));
    const UNION: Shape =
        Shape::Union(&Shape::Select(&PEOPLE, &[("team", "what")]), &Shape::Select(&STAYS, &[("ward", "what")]));
    const GREATEST: Shape = Shape::Greatest(&PEOPLE, "team", "name", "last");
    const BEFORE: Shape = Shape::Before(&PEOPLE, "team", "name", "earlier");
    const APPLY: Shape =
        Shape::Apply(&PEOPLE, |one, other| Value::text(&(text(one) + &text(other))), ["id", "name"], "tag");
    const IN_EAST: Shape = Shape::Select(&Shape::Filter(&STAYS, "ward", "east"), &[("who", "who")]);

    #[test]
    fn each_shape_hands_the_highest_level_of_its_inputs_on() {
        let joined = [("who", 0), ("ward", 3), ("id", 0), ("team", 1), ("name", 2)];
        check(&BOTH, &joined, 0, &["3 east 3 red cyd", "1 west 1 red ann", "1 east 1 red ann"]);
        check(&UNION, &[("what", 3)], 0, &["red", "blue", "red", "east", "west", "east"]);
        check(&GREATEST, &[("team", 1), ("last", 2)], 0, &["blue bob", "red cyd"]);
        let earlier = [("id", 0), ("team", 1), ("name", 2), ("earlier", 2)];
        check(&BEFORE, &earlier, 0, &["1 red ann ", "2 blue bob ", "3 red cyd ann"]);
        let tagged = [("id", 0), ("team", 1), ("name", 2), ("tag", 2)];
        check(&APPLY, &tagged, 0, &["1 red ann 1ann", "2 blue bob 2bob", "3 red cyd 3cyd"]);
    }

    #[test]
    fn what_decides_which_rows_are_there_is_an_input_of_all_of_them() {
        check(&IN_EAST, &[("who", 0)], 3, &["3", "1"]);
        check(
            &Shape::Join(&PEOPLE, &IN_EAST, ("id", "who")),
            &[("id", 0), ("team", 1), ("name", 2), ("who", 0)],
            3,
            &["1 red ann 1", "3 red cyd 3"],
        );
        check(
            &Shape::Union(&Shape::Select(&PEOPLE, &[("id", "id")]), &IN_EAST),
            &[("id", 0)],
            3,
            &["1", "2", "3", "3", "1"],
        );
        assert_eq!(made(&[&DECIDING_INPUTS], &IN_EAST).1, 0);
    }

    #[test]
    fn without_the_mark_a_column_is_what_its_first_input_is() {
        for (shape, column, level) in
            [(&UNION, "what", 1), (&GREATEST, "last", 1), (&BEFORE, "earlier", 1), (&APPLY, "tag", 0)]
        {
            let (columns, ..) = made(&[&HIGH_WATER_MARK], shape);
            assert!(columns.contains(&(column.to_owned(), level)), "{column}: {columns:?}");
        }
    }

    #[test]
    fn what_is_missing_makes_no_table() {
        let stored = BTreeMap::from([("people", table(&[("id", Level::Public)], &[]))]);
        for shape in [&STAYS, &GREATEST, &BEFORE, &APPLY, &BOTH, &UNION] {
            assert_eq!(shape.run(&Controls::all_on(), &stored), None, "{shape:?}");
        }
    }
}
