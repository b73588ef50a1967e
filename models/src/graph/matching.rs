//! Finds everything in a graph that fits a pattern, for a session.
//!
//! A relationship is used once in a match, as Cypher has it. Every relationship that is looked at costs one step, and
//! a statement has so many: a path without bound ends there.

use super::cypher::{Direction, EdgePattern, Expr, NodePattern, Path};
use super::store::{EdgeNo, Graph, Node, NodeNo, Session};
use crate::wire::bolt::{Failure, Properties, Scalar};

/// Relationships that a statement may look at.
pub const STEPS_MAX: u32 = 20_000;
/// Hops of a path that names no bound: nothing in a graph of this size is further.
const HOPS_MAX: u64 = 32;

/// What a name stands for.
#[derive(Clone, PartialEq, Debug)]
pub enum Bound {
    /// A node.
    Node(NodeNo),
    /// A relationship; none where it stands for several.
    Edge(Option<EdgeNo>),
    /// A path: its nodes.
    Path(Vec<NodeNo>),
    /// A plain value.
    Plain(Scalar),
}

/// Names, each with what it stands for.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Row(Vec<(String, Bound)>);

impl Row {
    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&Bound> {
        self.0.iter().rev().find(|(bound, _)| bound == name).map(|(_, what)| what)
    }
    /// The same row with one more name.
    #[must_use]
    pub fn with(&self, name: Option<&str>, what: Bound) -> Row {
        let mut row = self.clone();
        if let Some(name) = name {
            row.0.push((name.to_owned(), what));
        }
        row
    }
}

/// Value of an expression that needs no row beside its parameters and names.
pub fn plain(graph: &Graph, session: Session<'_>, params: &Properties, row: &Row, expr: &Expr) -> Option<Scalar> {
    match expr {
        Expr::Literal(scalar) => Some(scalar.clone()),
        Expr::Parameter(name) => params.iter().find(|(key, _)| **key == **name).map(|(_, value)| value.clone()),
        Expr::Name(name) => match row.get(name)? {
            Bound::Plain(scalar) => Some(scalar.clone()),
            _ => None,
        },
        Expr::Property(name, key) => match row.get(name)? {
            Bound::Node(no) => {
                let node = graph.node(*no);
                let readable = session.may_read(node.tenant.as_ref());
                Some(node.property(key).filter(|_| readable).cloned().unwrap_or_default())
            }
            Bound::Edge(Some(no)) if key == "version" => Some(Scalar::Int(graph.edge(*no).version)),
            Bound::Edge(_) => Some(Scalar::Null),
            _ => None,
        },
        Expr::Length(path) => match row.get(path)? {
            Bound::Path(nodes) => Some(Scalar::Int(nodes.len() as i64 - 1)),
            _ => None,
        },
        _ => None,
    }
}

/// A match in progress.
pub struct Matcher<'a> {
    /// Where it looks.
    pub graph: &'a Graph,
    /// For whom.
    pub session: Session<'a>,
    /// Values of parameters.
    pub params: &'a Properties,
    /// Relationships that it has looked at.
    pub steps: u32,
    /// What it has found.
    pub found: Vec<Row>,
}

/// The way so far: nodes of this path, and relationships of the whole match.
struct Way {
    nodes: Vec<NodeNo>,
    used: Vec<EdgeNo>,
}

impl Matcher<'_> {
    /// Finds everything that fits all paths, with the names of `row`.
    ///
    /// # Errors
    /// It takes too long, or compares with what is no plain value.
    pub fn paths(&mut self, paths: &[Path], row: &Row) -> Result<(), Failure> {
        self.next_path(paths, row, Vec::new())
    }

    fn next_path(&mut self, paths: &[Path], row: &Row, used: Vec<EdgeNo>) -> Result<(), Failure> {
        let Some((path, rest)) = paths.split_first() else {
            self.found.push(row.clone());
            return Ok(());
        };
        let bound = path.start.name.as_deref().and_then(|name| row.get(name));
        let starts: Vec<NodeNo> = match bound {
            Some(Bound::Node(no)) => vec![*no],
            Some(_) => return Err(Failure::Semantics),
            None => self.graph.nodes().map(|(no, _)| no).collect(),
        };
        for start in starts {
            if self.fits(&path.start, start, row)? {
                let row = row.with(path.start.name.as_deref(), Bound::Node(start));
                let mut way = Way { nodes: vec![start], used: used.clone() };
                self.step((path, rest), 0, &row, &mut way)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, (path, rest): (&Path, &[Path]), i: usize, row: &Row, way: &mut Way) -> Result<(), Failure> {
        let Some((edge, node)) = path.steps.get(i) else {
            let row = row.with(path.name.as_deref(), Bound::Path(way.nodes.clone()));
            return self.next_path(rest, &row, way.used.clone());
        };
        if let Some((from, to)) = edge.hops {
            let row = row.with(edge.name.as_deref(), Bound::Edge(None));
            return self.hop((path, rest), i, &row, way, (from, to.unwrap_or(HOPS_MAX), 0));
        }
        for (no, next) in self.around(way, edge)? {
            let owner = &self.graph.edge(no).tenant;
            if self.session.may_read(Some(owner)) && self.fits(node, next, row)? {
                let row = row.with(edge.name.as_deref(), Bound::Edge(Some(no)));
                let row = row.with(node.name.as_deref(), Bound::Node(next));
                way.nodes.push(next);
                way.used.push(no);
                self.step((path, rest), i + 1, &row, way)?;
                way.nodes.pop();
                way.used.pop();
            }
        }
        Ok(())
    }

    /// One hop further on a path of several: what lies between its ends has no pattern, only the fence.
    fn hop(
        &mut self,
        (path, rest): (&Path, &[Path]),
        i: usize,
        row: &Row,
        way: &mut Way,
        (from, to, done): (u64, u64, u64),
    ) -> Result<(), Failure> {
        let (edge, node) = &path.steps[i];
        let here = *way.nodes.last().expect("a way begins somewhere");
        if done >= from && self.fits(node, here, row)? {
            let row = row.with(node.name.as_deref(), Bound::Node(here));
            self.step((path, rest), i + 1, &row, way)?;
        }
        if done >= to {
            return Ok(());
        }
        for (no, next) in self.around(way, edge)? {
            if self.session.may_pass(self.graph.edge(no), self.graph.node(next)) {
                way.nodes.push(next);
                way.used.push(no);
                self.hop((path, rest), i, row, way, (from, to, done + 1))?;
                way.nodes.pop();
                way.used.pop();
            }
        }
        Ok(())
    }

    /// Relationships that fit, from where the way has come, each with the node behind it.
    fn around(&mut self, way: &Way, pattern: &EdgePattern) -> Result<Vec<(EdgeNo, NodeNo)>, Failure> {
        if !pattern.properties.is_empty() {
            return Err(Failure::Semantics);
        }
        let here = *way.nodes.last().expect("a way begins somewhere");
        let at = self.graph.edges_at(here);
        self.steps += at.len() as u32 + 1;
        if self.steps > STEPS_MAX {
            return Err(Failure::TooLong);
        }
        let fits = |no: &EdgeNo| {
            let edge = self.graph.edge(*no);
            let (leaves, comes) = (edge.from == here, edge.to == here);
            let directed = match pattern.direction {
                Direction::Out => leaves,
                Direction::In => comes,
                Direction::Either => true,
            };
            let of_kind = pattern.kind.as_ref().is_none_or(|kind| **kind == *edge.kind);
            let next = if leaves { edge.to } else { edge.from };
            (directed && of_kind && !way.used.contains(no)).then_some((*no, next))
        };
        Ok(at.iter().filter_map(fits).collect())
    }

    /// Whether a node is one that the pattern describes, and the session may read it.
    fn fits(&self, pattern: &NodePattern, no: NodeNo, row: &Row) -> Result<bool, Failure> {
        if let Some(bound) = pattern.name.as_deref().and_then(|name| row.get(name))
            && *bound != Bound::Node(no)
        {
            return Ok(false);
        }
        let node: &Node = self.graph.node(no);
        if !self.session.may_read(node.tenant.as_ref()) || !pattern.labels.iter().all(|label| node.has_label(label)) {
            return Ok(false);
        }
        for (key, expr) in &pattern.properties {
            let wanted = plain(self.graph, self.session, self.params, row, expr).ok_or(Failure::Semantics)?;
            if wanted == Scalar::Null || node.property(key) != Some(&wanted) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
