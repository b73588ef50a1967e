//! The statements that are modelled, as they mean something here.
//!
//! ```text
//! statement  = reading* ( RETURN item (, item)* [LIMIT n] | updating+ )
//! reading    = MATCH path (, path)* [WHERE condition] | CALL procedure(argument*) [YIELD field [AS name] (, …)*]
//! updating   = CREATE path | MERGE path
//! path       = [name =] node ( relationship node )*
//! node       = ( [name] [:Label]* [{key: value}] )
//! relationship = -[ [name] [:TYPE] [*from..to] [{key: value}] ]-   with < or > at one end, or at neither
//! condition  = comparison, AND, OR, NOT, parentheses
//! item       = expression [AS name];  expressions: literal, $parameter, name, name.key, count(*), count(e), nodes(p),
//!              length(p)
//! ```
//!
//! [`read`](super::read) makes these of a text. Places are byte offsets in that text, for those who rewrite it.

use crate::wire::bolt::Scalar;
use std::fmt;

/// A statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    /// What it reads, in order.
    pub reads: Vec<Reading>,
    /// What it then writes.
    pub writes: Vec<Writing>,
    /// What it returns; empty for one that writes, or that only calls a procedure.
    pub returns: Vec<Item>,
    /// Rows, at most.
    pub limit: Option<u64>,
}

/// A clause that reads.
#[derive(Clone, PartialEq, Debug)]
pub enum Reading {
    /// `MATCH … WHERE …`
    Match(Vec<Path>, Option<Expr>),
    /// `CALL …`
    Call(Call),
}

/// A clause that writes.
#[derive(Clone, PartialEq, Debug)]
pub enum Writing {
    /// `CREATE`
    Create(Path),
    /// `MERGE`
    Merge(Path),
}

/// A call of a procedure.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// Its qualified name, with dots.
    pub procedure: String,
    /// Its arguments.
    pub arguments: Vec<Expr>,
    /// Fields that are kept, and under which name.
    pub yields: Vec<(String, String)>,
    /// Where it stands.
    pub at: usize,
}

/// A path of a pattern.
#[derive(Clone, PartialEq, Debug)]
pub struct Path {
    /// Its name.
    pub name: Option<String>,
    /// Where it begins.
    pub start: NodePattern,
    /// Relationships, each with the node that it leads to.
    pub steps: Vec<(EdgePattern, NodePattern)>,
}

/// A node of a pattern.
#[derive(Clone, PartialEq, Debug)]
pub struct NodePattern {
    /// Its name.
    pub name: Option<String>,
    /// Labels, all of which it must have.
    pub labels: Vec<String>,
    /// Properties that it must have.
    pub properties: Vec<(String, Expr)>,
    /// Where a further label may be written.
    pub label_at: usize,
}

/// A relationship of a pattern.
#[derive(Clone, PartialEq, Debug)]
pub struct EdgePattern {
    /// Its name.
    pub name: Option<String>,
    /// Its type.
    pub kind: Option<String>,
    /// Which way it leads.
    pub direction: Direction,
    /// How many relationships it stands for, where it stands for a path; `None` at the top is no bound.
    pub hops: Option<(u64, Option<u64>)>,
    /// Properties that it must have.
    pub properties: Vec<(String, Expr)>,
    /// Where it stands.
    pub at: usize,
}

/// Which way a relationship leads, seen from the node before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// `-->`
    Out,
    /// `<--`
    In,
    /// `--`
    Either,
}

/// What is returned.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// The value.
    pub value: Expr,
    /// Name of the column.
    pub column: String,
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub enum Expr {
    /// A literal.
    Literal(Scalar),
    /// `$name`
    Parameter(String),
    /// A name that a pattern or a procedure binds.
    Name(String),
    /// `name.key`
    Property(String, String),
    /// A comparison.
    Compare(Box<Expr>, Comparison, Box<Expr>),
    /// `AND`
    And(Box<Expr>, Box<Expr>),
    /// `OR`
    Or(Box<Expr>, Box<Expr>),
    /// `NOT`
    Not(Box<Expr>),
    /// `count(*)`, `count(e)`
    Count(Option<Box<Expr>>),
    /// `nodes(p)`
    Nodes(String),
    /// `length(p)`
    Length(String),
}

/// How two values are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `STARTS WITH`
    StartsWith,
    /// `CONTAINS`
    Contains,
}

/// Why a text is no statement here, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Whether the language itself forbids it; else it is not modelled.
    pub is_syntax: bool,
    /// What is wrong.
    pub what: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

impl std::error::Error for Mistake {}

impl Statement {
    /// Every path of it, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let read = self.reads.iter().flat_map(|reading| match reading {
            Reading::Match(paths, _) => &paths[..],
            Reading::Call(_) => &[],
        });
        read.chain(self.writes.iter().map(|writing| match writing {
            Writing::Create(path) | Writing::Merge(path) => path,
        }))
    }
    /// Every call of it, in order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.reads.iter().filter_map(|reading| match reading {
            Reading::Call(call) => Some(call),
            Reading::Match(..) => None,
        })
    }
}

impl Path {
    /// Its nodes, in order.
    pub fn nodes(&self) -> impl Iterator<Item = &NodePattern> {
        std::iter::once(&self.start).chain(self.steps.iter().map(|(_, node)| node))
    }
    /// Its relationships, in order.
    pub fn edges(&self) -> impl Iterator<Item = &EdgePattern> {
        self.steps.iter().map(|(edge, _)| edge)
    }
}
