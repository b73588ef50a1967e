//! From the text of a statement to what it means here.
//!
//! The text is parsed by `decypher`. It recurses as deep as the text nests, and knows no bound: a text that is longer,
//! deeper or has more parts than any statement of a person is refused before it gets there.

use super::cypher::{
    Call, Comparison, Direction, EdgePattern, Expr, Item, Mistake, NodePattern, Path, Reading, Statement, Writing,
};
use crate::wire::bolt::Scalar;
use decypher::ast::clause::{Match, Return};
use decypher::ast::expr::{
    BinaryOperator, ComparisonOperator, Expression, FunctionInvocation, Literal, MapLiteral, NumberLiteral,
    UnaryOperator,
};
use decypher::ast::names::SymbolicName;
use decypher::ast::pattern::{self, LabelExpression, PatternElement, PatternPart, Properties, RelationshipDirection};
use decypher::ast::procedure::{InQueryCall, ProcedureInvocation, StandaloneCall, YieldItems, YieldSpec};
use decypher::ast::query::{QueryBody, ReadingClause, SinglePartBody, SingleQuery, SingleQueryKind, UpdatingClause};
use decypher::{ErrorKind, Span};

/// Longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// Brackets that stand open at once, at most.
pub const DEPTH_MAX: usize = 24;
/// Words and signs of a text, at most: the parser nests each operator of a chain into the one before.
pub const PARTS_MAX: usize = 400;

type Read<T> = Result<T, Mistake>;

/// Reads a statement.
///
/// # Errors
/// What is wrong, and where: the text is no Cypher, or what it says is not modelled.
pub fn read(text: &str) -> Read<Statement> {
    let reader = Reader { text };
    reader.bounded()?;
    let query = decypher::parse(text).map_err(|error| {
        let is_syntax = !matches!(error.kind(), ErrorKind::Unsupported { .. });
        reader.mistake(is_syntax, error.kind().to_string(), error.span())
    })?;
    match &query.statements[..] {
        [one] => reader.body(one),
        _ => Err(reader.unmodelled("one statement at a time", query.span)),
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn mistake(&self, is_syntax: bool, what: String, span: Span) -> Mistake {
        let (line, column) = place(self.text, span.start);
        Mistake { is_syntax, what, line, column }
    }

    fn unmodelled(&self, what: &str, span: Span) -> Mistake {
        self.mistake(false, format!("not modelled: {what}"), span)
    }

    /// Refuses what the parser could not bear.
    fn bounded(&self) -> Read<()> {
        let too = |what: String, at: usize| Err(self.mistake(true, what, Span::new(at, at)));
        if self.text.len() > TEXT_BYTES_MAX {
            return too(format!("longer than {TEXT_BYTES_MAX} bytes"), 0);
        }
        let (mut depth, mut parts, mut in_word) = (0_usize, 0_usize, false);
        for (at, c) in self.text.char_indices() {
            let is_word = c.is_alphanumeric() || c == '_';
            parts += usize::from(!(c.is_whitespace() || is_word && in_word));
            in_word = is_word;
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > DEPTH_MAX {
                return too(format!("more than {DEPTH_MAX} brackets stand open"), at);
            }
            if parts > PARTS_MAX {
                return too(format!("more than {PARTS_MAX} words and signs"), at);
            }
        }
        Ok(())
    }

    fn body(&self, body: &QueryBody) -> Read<Statement> {
        match body {
            QueryBody::SingleQuery(query) => self.query(query),
            QueryBody::Standalone(call) => self.standalone(call),
            QueryBody::Regular(regular) => {
                let span = regular.unions.first().map_or(Span::new(0, 0), |union| union.span);
                Err(self.unmodelled("UNION", span))
            }
            QueryBody::SchemaCommand(_) => Err(self.unmodelled("a change of the schema", Span::new(0, 0))),
            QueryBody::Show(show) => Err(self.unmodelled("SHOW", show.span)),
            QueryBody::Use(used) => Err(self.unmodelled("USE", used.span)),
        }
    }

    fn query(&self, query: &SingleQuery) -> Read<Statement> {
        if let Some(used) = &query.use_clause {
            return Err(self.unmodelled("USE", used.span));
        }
        let part = match &query.kind {
            SingleQueryKind::SinglePart(part) => part,
            SingleQueryKind::MultiPart(parts) => {
                let span = parts.parts.first().map_or(Span::new(0, 0), |part| part.with.span);
                return Err(self.unmodelled("WITH", span));
            }
        };
        let reads = part.reading_clauses.iter().map(|clause| self.reading(clause)).collect::<Read<_>>()?;
        let mut statement = Statement { reads, writes: Vec::new(), returns: Vec::new(), limit: None };
        match &part.body {
            SinglePartBody::Return(returned) => (statement.returns, statement.limit) = self.returned(returned)?,
            SinglePartBody::Updating { updating, return_clause: None } => {
                statement.writes = updating.iter().map(|clause| self.writing(clause)).collect::<Read<_>>()?;
            }
            SinglePartBody::Updating { return_clause: Some(returned), .. } => {
                return Err(self.unmodelled("RETURN after a change", returned.span));
            }
            SinglePartBody::Finish(finish) => return Err(self.unmodelled("FINISH", finish.span)),
        }
        Ok(statement)
    }

    fn reading(&self, clause: &ReadingClause) -> Read<Reading> {
        match clause {
            ReadingClause::Match(clause) => self.matching(clause),
            ReadingClause::InQueryCall(InQueryCall { call, yield_items, .. }) => {
                Ok(Reading::Call(self.call(call, yield_items.as_ref())?))
            }
            ReadingClause::Unwind(clause) => Err(self.unmodelled("UNWIND", clause.span)),
            ReadingClause::CallSubquery(clause) => Err(self.unmodelled("CALL of a subquery", clause.span)),
            ReadingClause::LoadCsv(clause) => Err(self.unmodelled("LOAD CSV", clause.span)),
        }
    }

    fn matching(&self, clause: &Match) -> Read<Reading> {
        if clause.optional {
            return Err(self.unmodelled("OPTIONAL MATCH", clause.span));
        }
        let paths = clause.pattern.parts.iter().map(|part| self.path(part)).collect::<Read<_>>()?;
        let filter = clause.where_clause.as_ref().map(|filter| self.expr(filter, clause.span)).transpose()?;
        Ok(Reading::Match(paths, filter))
    }

    fn writing(&self, clause: &UpdatingClause) -> Read<Writing> {
        let span = match clause {
            UpdatingClause::Create(create) => match &create.pattern.parts[..] {
                [part] => return Ok(Writing::Create(self.path(part)?)),
                _ => create.span,
            },
            UpdatingClause::Merge(merge) if merge.actions.is_empty() => {
                return Ok(Writing::Merge(self.path(&merge.pattern)?));
            }
            UpdatingClause::Merge(merge) => merge.span,
            UpdatingClause::Delete(delete) => delete.span,
            UpdatingClause::Set(set) => set.span,
            UpdatingClause::Remove(remove) => remove.span,
            UpdatingClause::Foreach(foreach) => foreach.span,
        };
        Err(self.unmodelled("a change other than one CREATE or MERGE of a path", span))
    }

    fn standalone(&self, call: &StandaloneCall) -> Read<Statement> {
        let yields = match &call.yield_items {
            None => None,
            Some(YieldSpec::Items(items)) => Some(items),
            Some(YieldSpec::Star { span }) => return Err(self.unmodelled("YIELD *", *span)),
        };
        let reads = vec![Reading::Call(self.call(&call.call, yields)?)];
        Ok(Statement { reads, writes: Vec::new(), returns: Vec::new(), limit: None })
    }

    fn call(&self, call: &ProcedureInvocation, yields: Option<&YieldItems>) -> Read<Call> {
        if yields.is_some_and(|items| items.where_clause.is_some()) {
            return Err(self.unmodelled("WHERE after YIELD", call.span));
        }
        let names: Vec<&str> = call.name.name.iter().map(|part| &*part.name).collect();
        let arguments = call.name.arguments.iter().map(|a| self.expr(a, call.span)).collect::<Read<_>>()?;
        let yields = yields.into_iter().flat_map(|items| &items.items).map(|item| {
            let field = item.procedure_field.name.clone();
            let name = item.alias.as_ref().map_or_else(|| field.clone(), |alias| alias.name.name.clone());
            (field, name)
        });
        Ok(Call { procedure: names.join("."), arguments, yields: yields.collect(), at: call.span.start })
    }

    fn path(&self, part: &PatternPart) -> Read<Path> {
        let name = part.variable.as_ref().map(|variable| variable.name.name.clone());
        let mut element = &part.anonymous.element;
        while let PatternElement::Parenthesized(inner) = element {
            element = inner;
        }
        match element {
            PatternElement::Path { start, chains } => {
                let step = |chain: &pattern::PatternElementChain| {
                    Ok((self.edge(&chain.relationship)?, self.node(&chain.node)?))
                };
                let steps = chains.iter().map(step).collect::<Read<_>>()?;
                Ok(Path { name, start: self.node(start)?, steps })
            }
            _ => Err(self.unmodelled("a quantified path", part.span)),
        }
    }

    fn node(&self, node: &pattern::NodePattern) -> Read<NodePattern> {
        // What follows the name and the labels, whatever stands between.
        let mut label_at = node.variable.as_ref().map_or(node.span.start + 1, |variable| variable.name.span.end);
        let mut labels = Vec::new();
        for label in &node.labels {
            let LabelExpression::Static(label) = label else {
                return Err(self.unmodelled("a label that is no plain one", node.span));
            };
            labels.push(label.name.clone());
            label_at = label.span.end;
        }
        Ok(NodePattern {
            name: node.variable.as_ref().map(|variable| variable.name.name.clone()),
            labels,
            properties: self.properties(node.properties.as_ref(), node.span)?,
            label_at,
        })
    }

    fn edge(&self, edge: &pattern::RelationshipPattern) -> Read<EdgePattern> {
        if let Some(quantifier) = &edge.quantifier {
            return Err(self.unmodelled("a quantified relationship", quantifier.span));
        }
        let detail = edge.detail.as_ref();
        let kind = match detail.and_then(|detail| detail.types.as_ref()) {
            None => None,
            Some(LabelExpression::Static(SymbolicName { name, .. })) => Some(name.clone()),
            Some(_) => return Err(self.unmodelled("a type that is no plain one", edge.span)),
        };
        let hops = match detail.and_then(|detail| detail.range.as_ref()) {
            None => None,
            Some(range) => Some(self.hops(range)?),
        };
        Ok(EdgePattern {
            name: detail.and_then(|detail| detail.variable.as_ref()).map(|variable| variable.name.name.clone()),
            kind,
            direction: match edge.direction {
                RelationshipDirection::Right => Direction::Out,
                RelationshipDirection::Left => Direction::In,
                RelationshipDirection::Both | RelationshipDirection::Undirected => Direction::Either,
            },
            hops,
            properties: self.properties(detail.and_then(|detail| detail.properties.as_ref()), edge.span)?,
            at: edge.span.start,
        })
    }

    /// `*`, `*2`, `*..4`, `*1..4`. Zero hops are not modelled.
    fn hops(&self, range: &pattern::RangeLiteral) -> Read<(u64, Option<u64>)> {
        let number = |n: Option<i64>| n.map(u64::try_from).transpose();
        let text = self.text.get(range.span.start..range.span.end).unwrap_or_default();
        match (number(range.start), number(range.end)) {
            (Ok(Some(n)), Ok(None)) if !text.contains("..") && n > 0 => Ok((n, Some(n))),
            (Ok(from), Ok(to)) if from != Some(0) => Ok((from.unwrap_or(1), to)),
            _ => Err(self.unmodelled("a path of no length", range.span)),
        }
    }

    fn properties(&self, properties: Option<&Properties>, span: Span) -> Read<Vec<(String, Expr)>> {
        match properties {
            None => Ok(Vec::new()),
            Some(Properties::Map(MapLiteral { entries, .. })) => {
                let entry = |(key, value): &(decypher::ast::names::PropertyKeyName, Expression)| {
                    Ok((key.name.name.clone(), self.expr(value, span)?))
                };
                entries.iter().map(entry).collect()
            }
            Some(Properties::Parameter(parameter)) => {
                Err(self.unmodelled("properties from a parameter", parameter.span))
            }
        }
    }

    fn returned(&self, clause: &Return) -> Read<(Vec<Item>, Option<u64>)> {
        let unmodelled = |what: &str| Err(self.unmodelled(what, clause.span));
        if clause.star || clause.distinct || clause.order.is_some() || clause.skip.is_some() {
            return unmodelled("RETURN with *, DISTINCT, ORDER BY or SKIP");
        }
        let limit = match &clause.limit {
            None => None,
            Some(Expression::Literal(Literal::Number(NumberLiteral::Integer(n)))) if *n >= 0 => Some(*n as u64),
            Some(_) => return unmodelled("LIMIT that is no number"),
        };
        let mut items = Vec::new();
        for item in &clause.items {
            let value = self.expr(&item.expression, clause.span)?;
            let column = item.alias.as_ref().map_or_else(|| column_of(&value), |alias| alias.name.name.clone());
            items.push(Item { value, column });
        }
        Ok((items, limit))
    }

    fn expr(&self, expression: &Expression, near: Span) -> Read<Expr> {
        let boxed = |e: &Expression| self.expr(e, near).map(Box::new);
        Ok(match expression {
            Expression::Literal(literal) => Expr::Literal(self.literal(literal, near)?),
            Expression::Parameter(parameter) => Expr::Parameter(parameter.name.name.clone()),
            Expression::Variable(variable) => Expr::Name(variable.name.name.clone()),
            Expression::PropertyLookup { base, property, span } => match &**base {
                Expression::Variable(variable) => {
                    Expr::Property(variable.name.name.clone(), property.name.name.clone())
                }
                _ => return Err(self.unmodelled("a property of what is no name", *span)),
            },
            Expression::Comparison { lhs, operators, span } => match &operators[..] {
                [(operator, rhs)] => Expr::Compare(boxed(lhs)?, self.comparison(*operator, *span)?, boxed(rhs)?),
                _ => return Err(self.unmodelled("a chain of comparisons", *span)),
            },
            Expression::BinaryOp { op: BinaryOperator::And, lhs, rhs, .. } => Expr::And(boxed(lhs)?, boxed(rhs)?),
            Expression::BinaryOp { op: BinaryOperator::Or, lhs, rhs, .. } => Expr::Or(boxed(lhs)?, boxed(rhs)?),
            Expression::UnaryOp { op: UnaryOperator::Not, operand, .. } => Expr::Not(boxed(operand)?),
            Expression::Parenthesized(inner) => self.expr(inner, near)?,
            Expression::CountStar { .. } => Expr::Count(None),
            Expression::FunctionCall(call) => self.function(call)?,
            _ => return Err(self.unmodelled("this expression", near)),
        })
    }

    fn function(&self, call: &FunctionInvocation) -> Read<Expr> {
        let [name] = &call.name[..] else { return Err(self.unmodelled("a function of a library", call.span)) };
        match (&*name.name.to_ascii_lowercase(), &call.arguments[..]) {
            ("count", [counted]) if !call.distinct => Ok(Expr::Count(Some(Box::new(self.expr(counted, call.span)?)))),
            ("nodes", [Expression::Variable(path)]) => Ok(Expr::Nodes(path.name.name.clone())),
            ("length", [Expression::Variable(path)]) => Ok(Expr::Length(path.name.name.clone())),
            _ => Err(self.unmodelled(&format!("the function {}", name.name), call.span)),
        }
    }

    fn literal(&self, literal: &Literal, near: Span) -> Read<Scalar> {
        match literal {
            Literal::Null => Ok(Scalar::Null),
            Literal::Boolean(b) => Ok(Scalar::Bool(*b)),
            Literal::Number(NumberLiteral::Integer(n)) => Ok(Scalar::Int(*n)),
            Literal::String(text) => Ok(Scalar::text(&text.value)),
            _ => Err(self.unmodelled("floats, lists and maps", near)),
        }
    }

    fn comparison(&self, operator: ComparisonOperator, span: Span) -> Read<Comparison> {
        Ok(match operator {
            ComparisonOperator::Eq => Comparison::Equal,
            ComparisonOperator::Ne => Comparison::Unequal,
            ComparisonOperator::Lt => Comparison::Less,
            ComparisonOperator::Le => Comparison::LessOrEqual,
            ComparisonOperator::Gt => Comparison::Greater,
            ComparisonOperator::Ge => Comparison::GreaterOrEqual,
            ComparisonOperator::StartsWith => Comparison::StartsWith,
            ComparisonOperator::Contains => Comparison::Contains,
            ComparisonOperator::RegexMatch | ComparisonOperator::EndsWith => {
                return Err(self.unmodelled("=~ and ENDS WITH", span));
            }
        })
    }
}

fn column_of(value: &Expr) -> String {
    match value {
        Expr::Name(name) | Expr::Parameter(name) => name.clone(),
        Expr::Property(name, key) => format!("{name}.{key}"),
        Expr::Count(_) => "count".into(),
        Expr::Nodes(path) => format!("nodes({path})"),
        Expr::Length(path) => format!("length({path})"),
        _ => "value".into(),
    }
}

/// Line and column of a byte, both from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn says(text: &str) -> String {
        read(text).map_or_else(|mistake| mistake.to_string(), |statement| format!("{statement:?}"))
    }

    #[test]
    fn a_statement_is_read_with_its_names_labels_bounds_and_places() {
        let text = "MATCH p = (a:Record {id: $id})-[:R*1..2]->(b) WHERE a.id <> 3 RETURN nodes(p), b.name AS n LIMIT 5";
        let statement = read(text).expect("a statement");
        let path = statement.paths().next().expect("a path");
        assert_eq!((path.name.as_deref(), &path.start.labels[..]), (Some("p"), &["Record".to_owned()][..]));
        assert_eq!(&text[..path.start.label_at], "MATCH p = (a:Record");
        let (edge, end) = &path.steps[0];
        assert_eq!((edge.hops, edge.direction, edge.kind.as_deref()), (Some((1, Some(2))), Direction::Out, Some("R")));
        assert_eq!(&text[..end.label_at], "MATCH p = (a:Record {id: $id})-[:R*1..2]->(b");
        let columns: Vec<&str> = statement.returns.iter().map(|item| &*item.column).collect();
        assert_eq!((columns, statement.limit), (vec!["nodes(p)", "n"], Some(5)));
        let hops = |hops: &str| {
            let statement = read(&format!("MATCH (a)-[{hops}]->(b) RETURN b")).expect("a statement");
            statement.paths().next().and_then(|path| path.steps[0].0.hops)
        };
        assert_eq!(hops("*"), Some((1, None)));
        assert_eq!(hops("*3"), Some((3, Some(3))));
        assert_eq!(hops("*2.."), Some((2, None)));
        assert_eq!(hops("*..4"), Some((1, Some(4))));
        assert_eq!(hops(":R"), None);
    }

    #[test]
    fn what_is_not_modelled_and_what_is_wrong_is_refused_with_its_place() {
        for (text, start) in [
            ("MATCH (n)\nRETURN n UNION MATCH (m) RETURN m", "line 2, column 10: not modelled: UNION"),
            ("MATCH (n) DETACH DELETE n", "line 1, column 11: not modelled: a change"),
            ("LOAD CSV FROM 'http://x/' AS row RETURN row", "line 1, column 1: not modelled: LOAD CSV"),
            ("MATCH (n) WITH n RETURN n", "line 1, column 11: not modelled: WITH"),
            ("MATCH (a:A|B) RETURN a", "line 1, column 7: not modelled: a label"),
            ("USE other MATCH (n) RETURN n", "line 1, column 1: not modelled: USE"),
            ("RETURN 1; RETURN 2", "line 1, column 1: not modelled: one statement"),
            ("MATCH (n) RETURN", "line 1, column 11: expected"),
            ("MATCH ((a)-[:R]->(b)){1,3} RETURN a", "line 1, column 7: not modelled: a quantified path"),
        ] {
            assert!(says(text).starts_with(start), "{text}: {}", says(text));
        }
    }

    #[test]
    #[expect(clippy::disallowed_types, reason = "it measures a stack, outside of any run")]
    fn no_text_nests_deeper_than_the_parser_can_bear() {
        let deep = [
            format!("RETURN {}1{}", "(".repeat(900), ")".repeat(900)),
            format!("RETURN {}true", "NOT ".repeat(390)),
            format!("RETURN 1{}", "+1".repeat(195)),
            format!("RETURN a{}", ".b".repeat(195)),
            format!("RETURN {}1", "CASE ".repeat(380)),
            format!("RETURN {}1{}", "(".repeat(24), ")".repeat(24)),
            "MATCH ".repeat(300),
        ];
        // Workers of a sweep have a stack of this size.
        let small = std::thread::Builder::new().stack_size(2 << 20);
        let all = small.spawn(move || deep.iter().map(|text| says(text).len()).sum::<usize>());
        assert!(all.expect("a thread").join().expect("nothing overflows") > 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_text_makes_the_reader_panic(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "MATCH ", "(", ")", "a", ":L", "-[", "]->", "<-[", "]-", "*", "..", "1", "RETURN ", "WHERE ", "$p",
                    "{", "}", "'x'", "CALL ", "YIELD ", ".", ",", "count(", "`", "\"", "//", "/*", "é", "\u{feff}", " ",
                ]),
                0..40,
            ),
        ) {
            let _ = read(&parts.concat());
        }
    }
}
