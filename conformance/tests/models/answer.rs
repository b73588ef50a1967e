//! What a statement was answered, in the form in which model and server are compared.

use models::wire::sql::{Reply, Value};
use std::fmt;

/// A value as the text protocol writes it; `None` is NULL.
pub type Cell = Option<String>;

/// The answer to one command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Rows, with the names of their columns.
    Rows(Vec<String>, Vec<Vec<Cell>>),
    /// The number of rows that were changed.
    Done(u64),
    /// All five characters of the SQLSTATE, and the message.
    Error(String, String),
}

impl Answer {
    /// The answer of the model.
    pub fn of(reply: &Reply) -> Answer {
        match reply {
            Reply::Rows { columns, rows } => {
                let columns = columns.iter().map(|c| c.to_string()).collect();
                Answer::Rows(columns, rows.iter().map(|row| row.iter().map(cell).collect()).collect())
            }
            Reply::Done(count) => Answer::Done(*count),
            Reply::Error { sqlstate, message } => Answer::Error((*sqlstate).into(), message.to_string()),
        }
    }
    /// Whether two answers say the same: rows as sets, in which a row may be there twice; names of columns; counts; the
    /// whole SQLSTATE. Messages are not compared here.
    pub fn agrees(&self, other: &Answer) -> bool {
        match (self, other) {
            (Answer::Rows(names, rows), Answer::Rows(others, found)) => {
                let sorted = |rows: &[Vec<Cell>]| {
                    let mut rows = rows.to_vec();
                    rows.sort();
                    rows
                };
                names == others && sorted(rows) == sorted(found)
            }
            (Answer::Error(a, _), Answer::Error(b, _)) => a == b,
            (a, b) => a == b,
        }
    }
    /// The SQLSTATE of an error.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Answer::Error(sqlstate, _) => Some(sqlstate),
            _ => None,
        }
    }
    /// The kind of answer in one word: a SQLSTATE, `rows` or `done`.
    pub fn brief(&self) -> &str {
        match self {
            Answer::Rows(..) => "rows",
            Answer::Done(_) => "done",
            Answer::Error(sqlstate, _) => sqlstate,
        }
    }
}

/// A value of the model as the server writes it.
pub fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => None,
        Value::Bool(b) => Some(if *b { "t" } else { "f" }.into()),
        Value::Int(n) => Some(n.to_string()),
        Value::Text(s) => Some(s.to_string()),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done(count) => write!(f, "{count} changed"),
            Answer::Error(sqlstate, message) => write!(f, "{sqlstate} {message}"),
            Answer::Rows(columns, rows) => {
                write!(f, "{}:", columns.join(","))?;
                for row in rows {
                    let cells: Vec<&str> = row.iter().map(|c| c.as_deref().unwrap_or("null")).collect();
                    write!(f, " ({})", cells.join(","))?;
                }
                Ok(())
            }
        }
    }
}
