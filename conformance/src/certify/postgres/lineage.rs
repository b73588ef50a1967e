//! From which columns each column of a view is made, read from its definition as the server prints it.
//!
//! What is copied or computed from counts for the column that it goes into, and what groups are made by for those that
//! are computed over groups; what conditions, joins and limits look at decides which rows there are, and so counts for
//! all. What a function of the database reads by itself does not show in the definition of a view.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, OrderByExpr, OrderByKind,
    Query, Select, SelectItem, SetExpr, SetOperator, Statement, TableAlias, TableFactor, TableWithJoins, Visit,
    Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// A column of a relation, by the label of that and its own name.
pub type Source = (String, String);
/// Columns that something is made from.
pub type Sources = BTreeSet<Source>;

/// What a query makes.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Lineage {
    /// Its columns in order, each with its name and what it is made from.
    pub columns: Vec<(String, Sources)>,
    /// What decides which rows there are.
    pub decided: Sources,
}

/// What a name in a `FROM` stands for.
pub enum Named {
    /// A relation: its label, and its columns.
    Relation(String, Vec<String>),
    /// One of the server's own, of which nothing is a tenant's.
    Server,
}

/// What names in a definition stand for.
pub trait Names {
    /// A name in a `FROM`, with its schema if it has one; none if nothing that is known.
    fn relation(&self, schema: Option<&str>, name: &str) -> Option<Named>;
    /// Whether a function of this name is the database's own, and not the server's.
    fn is_own_function(&self, name: &str) -> bool;
}

/// The lineage of a definition.
///
/// # Errors
/// What in it is not understood.
pub fn of(definition: &str, names: &dyn Names) -> Result<Lineage, String> {
    let statements =
        Parser::parse_sql(&PostgreSqlDialect {}, definition).map_err(|e| format!("it is not read: {e}"))?;
    match &statements[..] {
        [Statement::Query(query)] => Reader { names }.query(query, None, &Ctes::new()),
        _ => Err("it is no single query".to_owned()),
    }
}

/// Queries of a `WITH`, by name.
type Ctes = BTreeMap<String, Lineage>;

struct Reader<'n> {
    names: &'n dyn Names,
}

/// Something in a `FROM`.
struct Table {
    alias: String,
    /// Its columns; of what a function of the server returns they are not known.
    columns: Option<Vec<(String, Sources)>>,
    /// What each of those counts as then.
    whole: Sources,
}

/// What names in a query may mean.
struct Scope<'s> {
    tables: Vec<Table>,
    outer: Option<&'s Scope<'s>>,
}

/// Names and queries in an expression, without what stands in those queries.
#[derive(Default)]
struct Mentioned {
    depth: usize,
    names: Vec<Vec<String>>,
    queries: Vec<Query>,
}

impl Visitor for Mentioned {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.queries.push(query.clone());
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let parts: &[Ident] = match expr {
            Expr::Identifier(name) => std::slice::from_ref(name),
            Expr::CompoundIdentifier(parts) => parts,
            _ => &[],
        };
        if self.depth == 0 && !parts.is_empty() {
            self.names.push(parts.iter().map(|part| part.value.clone()).collect());
        }
        ControlFlow::Continue(())
    }
}

impl Scope<'_> {
    fn resolve(&self, parts: &[String]) -> Result<Sources, String> {
        let (table, column) = match parts {
            [column] => (None, column),
            [.., table, column] => (Some(table), column),
            [] => return Err("a name without parts".to_owned()),
        };
        let tables = self.tables.iter().filter(|one| table.is_none_or(|table| one.alias == *table));
        let (mut found, mut is_found) = (Sources::new(), false);
        for one in tables {
            let known = one.columns.as_ref().map(|all| all.iter().find(|(name, _)| name == column));
            match known {
                Some(Some((_, sources))) => found.extend(sources.clone()),
                None => found.extend(one.whole.clone()),
                Some(None) => continue,
            }
            is_found = true;
        }
        let row = self.tables.iter().find(|one| table.is_none() && one.alias == *column);
        match (is_found, row, self.outer) {
            (true, ..) => Ok(found),
            // A whole row, by the name of its table.
            (false, Some(row), _) => {
                let all = row.columns.iter().flatten().flat_map(|(_, sources)| sources.clone());
                Ok(all.chain(row.whole.clone()).collect())
            }
            (false, None, Some(outer)) => outer.resolve(parts),
            (false, None, None) => Err(format!("what {} is does not show", parts.join("."))),
        }
    }
}

impl Reader<'_> {
    fn query(&self, query: &Query, outer: Option<&Scope<'_>>, known: &Ctes) -> Result<Lineage, String> {
        let mut known = known.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = cte.alias.name.value.clone();
            let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
            if let (true, SetExpr::SetOperation { left, .. }) = (recursive, &*cte.query.body) {
                let first = self.set(left, &[], outer, &known)?;
                known.insert(name.clone(), renamed(first, &cte.alias));
            }
            // What comes out of it goes into it again: the second round has all that the first one had.
            for _ in 0..=usize::from(recursive) {
                let made = self.query(&cte.query, outer, &known)?;
                known.insert(name.clone(), renamed(made, &cte.alias));
            }
        }
        let is_cut = query.limit_clause.is_some() || query.fetch.is_some();
        let order: &[OrderByExpr] = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(all)) if is_cut => all,
            _ => &[],
        };
        let mut made = self.set(&query.body, order, outer, &known)?;
        if is_cut && !matches!(*query.body, SetExpr::Select(_)) {
            made.decided.extend(made.columns.iter().flat_map(|(_, sources)| sources.clone()));
        }
        Ok(made)
    }

    fn set(
        &self,
        body: &SetExpr,
        order: &[OrderByExpr],
        outer: Option<&Scope<'_>>,
        known: &Ctes,
    ) -> Result<Lineage, String> {
        match body {
            SetExpr::Select(select) => self.select(select, order, outer, known),
            SetExpr::Query(query) => self.query(query, outer, known),
            SetExpr::SetOperation { left, op, right, .. } => {
                let (mut all, other) = (self.set(left, &[], outer, known)?, self.set(right, &[], outer, known)?);
                if all.columns.len() != other.columns.len() {
                    return Err("its branches have different columns".to_owned());
                }
                let compares = *op != SetOperator::Union;
                for ((_, sources), (_, others)) in all.columns.iter_mut().zip(other.columns) {
                    sources.extend(others);
                }
                all.decided.extend(other.decided);
                if compares {
                    all.decided.extend(all.columns.iter().flat_map(|(_, sources)| sources.clone()));
                }
                Ok(all)
            }
            SetExpr::Values(values) => {
                let scope = Scope { tables: Vec::new(), outer };
                let mut columns: Vec<(String, Sources)> = Vec::new();
                for row in &values.rows {
                    for (at, expr) in row.iter().enumerate() {
                        let made = self.inputs(expr, &scope, known)?;
                        match columns.get_mut(at) {
                            Some((_, sources)) => sources.extend(made),
                            None => columns.push((format!("column{}", at + 1), made)),
                        }
                    }
                }
                Ok(Lineage { columns, decided: Sources::new() })
            }
            other => Err(format!("it is more than a query: {other}")),
        }
    }

    fn select(
        &self,
        select: &Select,
        order: &[OrderByExpr],
        outer: Option<&Scope<'_>>,
        known: &Ctes,
    ) -> Result<Lineage, String> {
        let mut scope = Scope { tables: Vec::new(), outer };
        let mut decided = Sources::new();
        for from in &select.from {
            self.from(from, &mut scope, &mut decided, known)?;
        }
        decided.extend(self.inputs(&select.selection, &scope, known)?);
        decided.extend(self.inputs(&select.having, &scope, known)?);
        decided.extend(self.inputs(&select.named_window, &scope, known)?);
        if let Some(Distinct::On(by)) = &select.distinct {
            decided.extend(self.inputs(by, &scope, known)?);
        }
        let groups: &[Expr] = match &select.group_by {
            GroupByExpr::Expressions(all, _) => all,
            GroupByExpr::All(_) => return Err("it groups by all".to_owned()),
        };
        let by_group = groups.iter().map(|group| self.inputs(group, &scope, known)).collect::<Result<Vec<_>, _>>()?;
        let mut columns = Vec::new();
        for item in &select.projection {
            let (expr, name) = match item {
                SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone()),
                SelectItem::UnnamedExpr(expr) => (expr, named_by(expr)),
                other => return Err(format!("it names columns by {other}")),
            };
            let mut sources = self.inputs(expr, &scope, known)?;
            if !groups.contains(expr) {
                sources.extend(by_group.iter().flatten().cloned());
            }
            columns.push((name, sources));
        }
        for by in order {
            match self.inputs(by, &scope, known) {
                Ok(sources) if !sources.is_empty() => decided.extend(sources),
                // By the name or the place of one of the columns.
                _ => decided.extend(columns.iter().flat_map(|(_, sources)| sources.clone())),
            }
        }
        Ok(Lineage { columns, decided })
    }

    fn from(
        &self,
        from: &TableWithJoins,
        scope: &mut Scope<'_>,
        decided: &mut Sources,
        known: &Ctes,
    ) -> Result<(), String> {
        self.factor(&from.relation, scope, decided, known)?;
        for Join { relation, join_operator, .. } in &from.joins {
            self.factor(relation, scope, decided, known)?;
            let on = match join_operator {
                JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::Left(on) => on,
                JoinOperator::LeftOuter(on) | JoinOperator::Right(on) | JoinOperator::RightOuter(on) => on,
                JoinOperator::FullOuter(on) | JoinOperator::CrossJoin(on) => on,
                other => return Err(format!("it joins by {other:?}")),
            };
            match on {
                JoinConstraint::On(condition) => decided.extend(self.inputs(condition, scope, known)?),
                JoinConstraint::Using(columns) => {
                    for column in columns {
                        decided.extend(scope.resolve(&[last(column)])?);
                    }
                }
                JoinConstraint::Natural => return Err("it joins by whatever is called alike".to_owned()),
                JoinConstraint::None => {}
            }
        }
        Ok(())
    }

    fn factor(
        &self,
        factor: &TableFactor,
        scope: &mut Scope<'_>,
        decided: &mut Sources,
        known: &Ctes,
    ) -> Result<(), String> {
        let (made, alias) = match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                (self.relation(name, known)?, alias.clone().unwrap_or_else(|| called(last(name))))
            }
            TableFactor::Table { name, alias, args: Some(args), .. } => {
                let whole = self.inputs(&args.args, scope, known)?;
                return self.returned(name, alias.as_ref(), whole, scope);
            }
            TableFactor::Function { name, args, alias, .. } => {
                let whole = self.inputs(args, scope, known)?;
                return self.returned(name, alias.as_ref(), whole, scope);
            }
            TableFactor::UNNEST { array_exprs, alias, .. } => {
                let whole = self.inputs(array_exprs, scope, known)?;
                let alias = alias.as_ref().map_or_else(|| "unnest".to_owned(), |alias| alias.name.value.clone());
                scope.tables.push(Table { alias, columns: None, whole });
                return Ok(());
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let made = self.query(subquery, Some(scope), known)?;
                (Some(made), alias.clone().unwrap_or_else(|| called(String::new())))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                return self.from(table_with_joins, scope, decided, known);
            }
            other => return Err(format!("it reads {other}")),
        };
        let made = made.map(|made| renamed(made, &alias));
        decided.extend(made.iter().flat_map(|made| made.decided.clone()));
        let columns = made.map(|made| made.columns);
        scope.tables.push(Table { alias: alias.name.value, columns, whole: Sources::new() });
        Ok(())
    }

    /// What a function of the server returns, in a `FROM`.
    fn returned(
        &self,
        name: &ObjectName,
        alias: Option<&TableAlias>,
        whole: Sources,
        scope: &mut Scope<'_>,
    ) -> Result<(), String> {
        let (schema, name) = (before_last(name), last(name));
        if schema.is_some_and(|schema| schema != "pg_catalog") || self.names.is_own_function(&name) {
            return Err(format!("it reads what the function {name} returns"));
        }
        let alias = alias.map_or(name, |alias| alias.name.value.clone());
        scope.tables.push(Table { alias, columns: None, whole });
        Ok(())
    }

    /// A relation; none for one of the server's own.
    fn relation(&self, name: &ObjectName, known: &Ctes) -> Result<Option<Lineage>, String> {
        let (schema, name) = (before_last(name), last(name));
        if let Some(made) = known.get(&name).filter(|_| schema.is_none()) {
            return Ok(Some(made.clone()));
        }
        match self.names.relation(schema.as_deref(), &name) {
            Some(Named::Relation(label, columns)) => {
                let own = |column: String| (column.clone(), Sources::from([(label.clone(), column)]));
                let columns = columns.into_iter().map(own).collect();
                Ok(Some(Lineage { columns, decided: Sources::new() }))
            }
            Some(Named::Server) => Ok(None),
            None => Err(format!("it reads {name}, which the role is not shown")),
        }
    }

    /// Everything that a part of a query mentions.
    fn inputs(&self, part: &impl Visit, scope: &Scope<'_>, known: &Ctes) -> Result<Sources, String> {
        let mut mentioned = Mentioned::default();
        let _ = part.visit(&mut mentioned);
        let mut sources = Sources::new();
        for name in &mentioned.names {
            sources.extend(scope.resolve(name)?);
        }
        for query in &mentioned.queries {
            let made = self.query(query, Some(scope), known)?;
            sources.extend(made.columns.into_iter().flat_map(|(_, sources)| sources));
            sources.extend(made.decided);
        }
        Ok(sources)
    }
}

/// Columns by the names that an alias gives them.
fn renamed(mut made: Lineage, alias: &TableAlias) -> Lineage {
    for ((name, _), given) in made.columns.iter_mut().zip(&alias.columns) {
        name.clone_from(&given.name.value);
    }
    made
}

fn called(name: String) -> TableAlias {
    TableAlias { explicit: false, name: Ident::new(name), columns: Vec::new(), at: None }
}

/// What the server calls a column that nobody has named.
fn named_by(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()).unwrap_or_default(),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => named_by(expr),
        Expr::Function(function) => last(&function.name),
        _ => "?column?".to_owned(),
    }
}

fn part(name: &ObjectName, from_end: usize) -> Option<String> {
    let part = name.0.iter().rev().nth(from_end)?;
    part.as_ident().map(|ident| ident.value.clone())
}

fn last(name: &ObjectName) -> String {
    part(name, 0).unwrap_or_default()
}

fn before_last(name: &ObjectName) -> Option<String> {
    part(name, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clinic;

    impl Names for Clinic {
        fn relation(&self, schema: Option<&str>, name: &str) -> Option<Named> {
            let columns = |all: &[&str]| all.iter().map(|column| (*column).to_owned()).collect();
            match (schema, name) {
                (None | Some("public"), "people") => {
                    Some(Named::Relation("public.people".into(), columns(&["id", "team", "name"])))
                }
                (None, "stays") => Some(Named::Relation("public.stays".into(), columns(&["who", "ward", "day"]))),
                (Some("pg_catalog"), _) => Some(Named::Server),
                _ => None,
            }
        }
        fn is_own_function(&self, name: &str) -> bool {
            name == "stays_of"
        }
    }

    fn text(sources: &Sources) -> String {
        sources
            .iter()
            .map(|(table, column)| format!("{}.{column}", &table["public.".len()..]))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn check(sql: &str, columns: &[(&str, &str)], decided: &str) {
        let made = of(sql, &Clinic).unwrap_or_else(|why| panic!("{sql}: {why}"));
        let got: Vec<(&str, String)> = made.columns.iter().map(|(name, from)| (name.as_str(), text(from))).collect();
        let expected: Vec<(&str, String)> = columns.iter().map(|(name, from)| (*name, (*from).to_owned())).collect();
        assert_eq!((got, text(&made.decided)), (expected, decided.to_owned()), "{sql}");
    }

    #[test]
    fn each_shape_of_a_query_says_what_its_columns_are_made_from() {
        check(
            "SELECT people.id, people.name AS called FROM people",
            &[("id", "people.id"), ("called", "people.name")],
            "",
        );
        check(
            "SELECT s.day, p.team || p.name AS tag FROM stays s JOIN public.people p ON p.id = s.who WHERE ward = 'a'",
            &[("day", "stays.day"), ("tag", "people.name people.team")],
            "people.id stays.ward stays.who",
        );
        check(
            "SELECT team, max(name) AS last, count(*) AS n FROM people GROUP BY team HAVING min(id) > 3",
            &[("team", "people.team"), ("last", "people.name people.team"), ("n", "people.team")],
            "people.id",
        );
        check(
            "SELECT id, lag(name) OVER (PARTITION BY team ORDER BY id) AS earlier FROM people",
            &[("id", "people.id"), ("earlier", "people.id people.name people.team")],
            "",
        );
        check("SELECT id FROM people UNION ALL SELECT ward FROM stays", &[("id", "people.id stays.ward")], "");
        check(
            "SELECT id FROM people EXCEPT SELECT who FROM stays WHERE day > 3",
            &[("id", "people.id stays.who")],
            "people.id stays.day stays.who",
        );
        check("SELECT id FROM people ORDER BY name LIMIT 1", &[("id", "people.id")], "people.name");
        check("SELECT id FROM people ORDER BY name", &[("id", "people.id")], "");
        check("SELECT id AS n FROM people ORDER BY n LIMIT 1", &[("n", "people.id")], "people.id");
        check(
            "SELECT id FROM people UNION SELECT who FROM stays LIMIT 1",
            &[("id", "people.id stays.who")],
            "people.id stays.who",
        );
        check("SELECT DISTINCT ON (team) id FROM people", &[("id", "people.id")], "people.team");
        check("VALUES (1, 'a'), (2, 'b')", &[("column1", ""), ("column2", "")], "");
    }

    #[test]
    fn what_stands_within_is_followed() {
        check(
            "WITH there(guest) AS (SELECT who FROM stays WHERE ward = 'a') SELECT p.name FROM people p \
             JOIN there ON there.guest = p.id",
            &[("name", "people.name")],
            "people.id stays.ward stays.who",
        );
        check(
            "SELECT q.n FROM (SELECT count(s.day) AS n, s.who FROM stays s GROUP BY s.who) q",
            &[("n", "stays.day stays.who")],
            "",
        );
        check(
            "SELECT p.id, (SELECT max(s.ward) FROM stays s WHERE s.who = p.id) AS last FROM people p",
            &[("id", "people.id"), ("last", "people.id stays.ward stays.who")],
            "",
        );
        check(
            "SELECT id FROM people p WHERE EXISTS (SELECT 1 FROM stays WHERE who = p.id AND ward = 'a')",
            &[("id", "people.id")],
            "people.id stays.ward stays.who",
        );
        check(
            "WITH RECURSIVE up(at, thing) AS (SELECT id, name FROM people UNION SELECT up.at, s.ward FROM stays s, up) \
             SELECT thing FROM up",
            &[("thing", "people.name stays.ward")],
            "",
        );
        check("SELECT to_jsonb(p) AS whole FROM people p", &[("whole", "people.id people.name people.team")], "");
        check(
            "SELECT part FROM people p CROSS JOIN LATERAL regexp_split_to_table(p.name, ' ') part",
            &[("part", "people.name")],
            "",
        );
        check(
            "SELECT c.relname, p.id FROM pg_catalog.pg_class c, people p",
            &[("relname", ""), ("id", "people.id")],
            "",
        );
    }

    #[test]
    fn what_does_not_show_is_told() {
        for (sql, why) in [
            ("SELECT * FROM people", "it names columns by *"),
            ("SELECT ward FROM people", "what ward is does not show"),
            ("SELECT id FROM elsewhere", "it reads elsewhere, which the role is not shown"),
            ("SELECT who FROM stays_of('a') s(who)", "it reads what the function stays_of returns"),
            ("SELECT who FROM app.stays_of('a') s(who)", "it reads what the function stays_of returns"),
            ("SELECT id FROM people NATURAL JOIN stays", "it joins by whatever is called alike"),
        ] {
            assert_eq!(of(sql, &Clinic), Err(why.to_owned()), "{sql}");
        }
    }
}
