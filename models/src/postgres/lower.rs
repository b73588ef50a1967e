//! From parsed expressions to compiled ones: names are resolved, types are checked, literals are read.
//!
//! A quoted literal and a parameter have no type of their own until something beside them gives them one, as in the
//! server; that is why `id = 'abc'` is an error and `kind = 1` is another.

use super::catalog::{Table, Type};
use super::coerce::cast;
use super::expr::{Comparison, Expr, Operator};
use super::name::{bare, call, data_type, folded, integer};
use super::setting::Names;
use super::sqlstate::{
    AMBIGUOUS, CANNOT_COERCE, DATATYPE_MISMATCH, SqlError, TOO_COMPLEX, UNDEFINED_COLUMN, UNDEFINED_FUNCTION,
    UNDEFINED_PARAMETER, UNDEFINED_TABLE,
};
use crate::wire::sql::Value;
use sqlparser::ast;
use std::sync::Arc;

/// A parameter number past this is refused; the protocol's own limit.
const PARAMS_MAX: u32 = 65_535;

/// Expressions nested deeper are refused, as the server refuses them for its stack. Chains of `AND` do not nest.
const DEPTH_MAX: u32 = 200;

/// Compiles the expressions of one statement.
pub struct Lowerer<'a> {
    /// The table whose columns can be named, with the name it goes by.
    pub table: Option<(&'a Table, Arc<str>)>,
    /// Types of the parameters, as far as they are known.
    pub params: &'a mut Vec<Option<Type>>,
    /// Names of settings.
    pub names: &'a mut Names,
    /// How deep the present expression is nested.
    pub depth: u32,
}

/// An expression with its type; `None` for a literal or a parameter that has none yet.
pub type Typed = (Expr, Option<Type>);

impl Lowerer<'_> {
    /// A condition: an expression of type `bool`. `clause` names it in the error.
    pub fn condition(&mut self, e: &ast::Expr, clause: &str) -> Result<Expr, SqlError> {
        let typed = self.expr(e)?;
        match self.settle(typed, Type::Bool)? {
            (e, Type::Bool) => Ok(e),
            (_, kind) => {
                let message = format!("argument of {clause} must be type boolean, not type {}", kind.name());
                Err(SqlError::new(DATATYPE_MISMATCH, message))
            }
        }
    }

    /// An expression of any type; what is still open becomes text.
    pub fn any(&mut self, e: &ast::Expr) -> Result<(Expr, Type), SqlError> {
        let typed = self.expr(e)?;
        self.settle(typed, Type::Text)
    }

    /// An expression that is stored in a column: every type may become text, nothing else converts by itself.
    pub fn assigned(&mut self, e: &ast::Expr, column: &str, kind: Type) -> Result<Expr, SqlError> {
        let typed = self.expr(e)?;
        match self.settle(typed, kind)? {
            (e, from) if from == kind || (from, kind) == (Type::Int4, Type::Int) => Ok(e),
            (e, Type::Int) if kind == Type::Int4 => Ok(Expr::Cast(kind, Box::new(e))),
            (e, _) if kind == Type::Text => Ok(Expr::Cast(Type::Text, Box::new(e))),
            (_, from) => {
                let (kind, from) = (kind.name(), from.name());
                let message = format!("column \"{column}\" is of type {kind} but expression is of type {from}");
                Err(SqlError::new(DATATYPE_MISMATCH, message))
            }
        }
    }

    /// Gives an expression without a type the type `kind`.
    pub fn settle(&mut self, (e, known): Typed, kind: Type) -> Result<(Expr, Type), SqlError> {
        match (e, known) {
            (e, Some(known)) => Ok((e, known)),
            (Expr::Const(value), None) => Ok((Expr::Const(cast(value, kind)?), kind)),
            (Expr::Param(at), None) => {
                let known = self.params[at as usize].get_or_insert(kind);
                Ok((Expr::Param(at), *known))
            }
            (e, None) => Ok((e, kind)),
        }
    }

    /// Makes two sides comparable. The types are those of the sides, which two integers of different width keep.
    fn unify(&mut self, left: Typed, right: Typed, operator: &str) -> Result<((Expr, Expr), [Type; 2]), SqlError> {
        let kind = self.known(&left).or(self.known(&right)).unwrap_or(Type::Text);
        let (left, a) = self.settle(left, kind)?;
        let (right, b) = self.settle(right, kind)?;
        match a.common(b) {
            Some(_) => Ok(((left, right), [a, b])),
            None => Err(no_operator(Some(a), operator, Some(b))),
        }
    }

    fn known(&self, typed: &Typed) -> Option<Type> {
        match typed {
            (Expr::Param(at), None) => self.params[*at as usize],
            (_, known) => *known,
        }
    }

    /// Compiles an expression.
    pub fn expr(&mut self, e: &ast::Expr) -> Result<Typed, SqlError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(SqlError::new(TOO_COMPLEX, "stack depth limit exceeded"));
        }
        let compiled = self.nested(e);
        self.depth -= 1;
        compiled
    }

    fn nested(&mut self, e: &ast::Expr) -> Result<Typed, SqlError> {
        let truth = |e: Expr| Ok((e, Some(Type::Bool)));
        match e {
            ast::Expr::Nested(e) => self.expr(e),
            ast::Expr::Value(v) => self.literal(&v.value),
            ast::Expr::Identifier(name) => self.column(&folded(name)),
            ast::Expr::CompoundIdentifier(path) => self.qualified(path),
            ast::Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => {
                truth(Expr::Not(Box::new(self.condition(expr, "NOT")?)))
            }
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => self.negative(expr),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Plus, expr } => self.expr(expr),
            ast::Expr::IsNull(e) => truth(Expr::IsNull(Box::new(self.any(e)?.0))),
            ast::Expr::IsNotNull(e) => truth(Expr::Not(Box::new(Expr::IsNull(Box::new(self.any(e)?.0))))),
            ast::Expr::InList { expr, list, negated } => {
                let listed = self.in_list(expr, list)?;
                truth(if *negated { Expr::Not(Box::new(listed)) } else { listed })
            }
            ast::Expr::Between { expr, negated, low, high } => {
                let low = self.compare(expr, Comparison::GreaterOrEqual, low, ">=")?;
                let high = self.compare(expr, Comparison::LessOrEqual, high, "<=")?;
                let within = Expr::And(vec![low, high]);
                truth(if *negated { Expr::Not(Box::new(within)) } else { within })
            }
            ast::Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let (left, right) = (self.expr(expr)?, self.expr(pattern)?);
                let (left, a) = self.settle(left, Type::Text)?;
                let (right, b) = self.settle(right, Type::Text)?;
                if (a, b) != (Type::Text, Type::Text) {
                    let message = format!("operator does not exist: {} ~~ {}", a.name(), b.name());
                    return Err(SqlError::new(UNDEFINED_FUNCTION, message));
                }
                let like = Expr::Like(Box::new((left, right)));
                truth(if *negated { Expr::Not(Box::new(like)) } else { like })
            }
            ast::Expr::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr,
                data_type,
                format: None,
            } => self.cast(expr, data_type),
            ast::Expr::Function(function) => self.function(function),
            other => Err(SqlError::unsupported(format_args!("the expression {other}"))),
        }
    }

    fn literal(&mut self, value: &ast::Value) -> Result<Typed, SqlError> {
        Ok(match value {
            ast::Value::Null => (Expr::Const(Value::Null), None),
            ast::Value::Boolean(b) => (Expr::Const(Value::Bool(*b)), Some(Type::Bool)),
            ast::Value::SingleQuotedString(s) | ast::Value::EscapedStringLiteral(s) => {
                (Expr::Const(Value::text(s)), None)
            }
            ast::Value::DollarQuotedString(s) => (Expr::Const(Value::text(&s.value)), None),
            ast::Value::Number(digits, _) => number(digits)?,
            ast::Value::Placeholder(name) => self.placeholder(name)?,
            other => return Err(SqlError::unsupported(format_args!("the literal {other}"))),
        })
    }

    fn placeholder(&mut self, name: &str) -> Result<Typed, SqlError> {
        let number = name.strip_prefix('$').and_then(|n| n.parse::<u32>().ok());
        let Some(number) = number.filter(|n| (1..=PARAMS_MAX).contains(n)) else {
            return Err(SqlError::new(UNDEFINED_PARAMETER, format!("there is no parameter {name}")));
        };
        let at = number as usize - 1;
        if at >= self.params.len() {
            self.params.resize(at + 1, None);
        }
        Ok((Expr::Param(at as u16), self.params[at]))
    }

    fn column(&mut self, name: &str) -> Result<Typed, SqlError> {
        let found = self.table.as_ref().and_then(|(table, _)| Some((table.column(name)?, *table)));
        let Some((at, table)) = found else {
            return Err(SqlError::new(UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")));
        };
        Ok((Expr::Column(at), Some(table.columns[at as usize].kind)))
    }

    fn qualified(&mut self, path: &[ast::Ident]) -> Result<Typed, SqlError> {
        let [table, column] = path else { return Err(SqlError::unsupported("a reference of three parts")) };
        let (table, column) = (folded(table), folded(column));
        match &self.table {
            Some((_, alias)) if **alias == *table => self.column(&column).map_err(|e| match e.sqlstate() {
                UNDEFINED_COLUMN => SqlError::new(UNDEFINED_COLUMN, format!("column {table}.{column} does not exist")),
                _ => e,
            }),
            _ => {
                let message = format!("missing FROM-clause entry for table \"{table}\"");
                Err(SqlError::new(UNDEFINED_TABLE, message))
            }
        }
    }

    fn binary(&mut self, left: &ast::Expr, op: &ast::BinaryOperator, right: &ast::Expr) -> Result<Typed, SqlError> {
        use ast::BinaryOperator as Op;
        let comparison = match op {
            Op::And | Op::Or => return self.logic(left, op, right),
            Op::Plus => return self.arithmetic(Operator::Add, left, right, "+"),
            Op::Minus => return self.arithmetic(Operator::Subtract, left, right, "-"),
            Op::Multiply => return self.arithmetic(Operator::Multiply, left, right, "*"),
            Op::StringConcat => return self.concat(left, right),
            Op::Eq => Comparison::Equal,
            Op::NotEq => Comparison::NotEqual,
            Op::Lt => Comparison::Less,
            Op::LtEq => Comparison::LessOrEqual,
            Op::Gt => Comparison::Greater,
            Op::GtEq => Comparison::GreaterOrEqual,
            other => return Err(SqlError::unsupported(format_args!("the operator {other}"))),
        };
        Ok((self.compare(left, comparison, right, &op.to_string())?, Some(Type::Bool)))
    }

    fn compare(&mut self, l: &ast::Expr, c: Comparison, r: &ast::Expr, operator: &str) -> Result<Expr, SqlError> {
        let (left, right) = (self.expr(l)?, self.expr(r)?);
        Ok(Expr::Compare(c, Box::new(self.unify(left, right, operator)?.0)))
    }

    /// `AND` and `OR`. A chain of one operator leans to the left as parsed, and is laid flat here.
    fn logic(&mut self, left: &ast::Expr, op: &ast::BinaryOperator, right: &ast::Expr) -> Result<Typed, SqlError> {
        let mut chain = vec![right];
        let mut rest = left;
        while let ast::Expr::BinaryOp { left, op: next, right } = rest
            && next == op
        {
            chain.push(right);
            rest = left;
        }
        chain.push(rest);
        let and = *op == ast::BinaryOperator::And;
        let clause = if and { "AND" } else { "OR" };
        let parts = chain.into_iter().rev().map(|e| self.condition(e, clause)).collect::<Result<Vec<_>, _>>()?;
        Ok((if and { Expr::And(parts) } else { Expr::Or(parts) }, Some(Type::Bool)))
    }

    fn arithmetic(&mut self, o: Operator, l: &ast::Expr, r: &ast::Expr, operator: &str) -> Result<Typed, SqlError> {
        let (left, right) = (self.expr(l)?, self.expr(r)?);
        let kind = match (self.known(&left), self.known(&right)) {
            (Some(a), Some(b)) => a.common(b),
            (one, other) => one.or(other),
        };
        let Some(kind) = kind.filter(|k| k.is_number()) else {
            return Err(no_operator(self.known(&left), operator, self.known(&right)));
        };
        let (left, right) = (self.settle(left, kind)?.0, self.settle(right, kind)?.0);
        Ok((Expr::Arithmetic(o, kind, Box::new((left, right))), Some(kind)))
    }

    fn negative(&mut self, e: &ast::Expr) -> Result<Typed, SqlError> {
        // The sign belongs to the literal, so that the smallest number can be written.
        if let ast::Expr::Value(v) = e
            && let ast::Value::Number(digits, _) = &v.value
        {
            return number(&format!("-{digits}"));
        }
        if self.expr(e)?.1.is_none() {
            return Err(SqlError::new(AMBIGUOUS, "operator is not unique: - unknown"));
        }
        let zero = ast::Expr::Value(ast::Value::Number("0".into(), false).into());
        self.arithmetic(Operator::Subtract, &zero, e, "-")
    }

    fn concat(&mut self, l: &ast::Expr, r: &ast::Expr) -> Result<Typed, SqlError> {
        let (left, a) = self.any(l)?;
        let (right, b) = self.any(r)?;
        if (a, b) != (Type::Text, Type::Text) && a != Type::Text && b != Type::Text {
            let message = format!("operator does not exist: {} || {}", a.name(), b.name());
            return Err(SqlError::new(UNDEFINED_FUNCTION, message));
        }
        let text = |e: Expr, kind: Type| if kind == Type::Text { e } else { Expr::Cast(Type::Text, Box::new(e)) };
        Ok((Expr::Concat(Box::new((text(left, a), text(right, b)))), Some(Type::Text)))
    }

    /// `IN (…)`: several items without columns are brought to one type together with the left side, if there is one;
    /// every other item is compared by itself.
    fn in_list(&mut self, e: &ast::Expr, list: &[ast::Expr]) -> Result<Expr, SqlError> {
        let one = self.expr(e)?;
        let all = list.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>, _>>()?;
        let (items, mut alone): (Vec<Typed>, Vec<Typed>) = all.iter().cloned().partition(|item| item.0.is_constant());
        let mut parts = Vec::new();
        let known: Vec<Type> = items.iter().chain([&one]).filter_map(|typed| self.known(typed)).collect();
        let first = known.first().copied().unwrap_or(Type::Text);
        match known.into_iter().try_fold(first, Type::common) {
            Some(kind) if items.len() > 1 => {
                let left = self.settle(one.clone(), kind)?.0;
                let settled = items.into_iter().map(|item| Ok(self.settle(item, kind)?.0));
                parts.push(Expr::In(Box::new(left), settled.collect::<Result<_, SqlError>>()?));
            }
            _ => alone = all,
        }
        for item in alone {
            let sides = self.unify(one.clone(), item, "=")?.0;
            parts.push(Expr::Compare(Comparison::Equal, Box::new(sides)));
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }

    fn cast(&mut self, e: &ast::Expr, to: &ast::DataType) -> Result<Typed, SqlError> {
        let to = data_type(to)?;
        let typed = self.expr(e)?;
        Ok(match self.settle(typed, to)? {
            (e, from) if from == to => (e, Some(to)),
            // There is no cast between a truth value and the larger integer.
            (_, from @ Type::Bool) if to == Type::Int => return Err(no_cast(from, to)),
            (_, from @ Type::Int) if to == Type::Bool => return Err(no_cast(from, to)),
            (e, _) => (Expr::Cast(to, Box::new(e)), Some(to)),
        })
    }

    fn function(&mut self, function: &ast::Function) -> Result<Typed, SqlError> {
        let (name, args) = call(function)?;
        match (name.as_str(), args.as_slice()) {
            ("current_user" | "current_role" | "user", []) if bare(function) => {
                Ok((Expr::CurrentUser, Some(Type::Text)))
            }
            ("session_user", []) if bare(function) => Ok((Expr::SessionUser, Some(Type::Text))),
            ("current_setting", [name, rest @ ..]) if rest.len() < 2 => {
                self.current_setting(name, rest.first().copied())
            }
            ("nullif", [a, b]) => {
                let (left, right) = (self.expr(a)?, self.expr(b)?);
                let (sides, [kind, _]) = self.unify(left, right, "=")?;
                Ok((Expr::NullIf(Box::new(sides)), Some(kind)))
            }
            ("coalesce", [first, rest @ ..]) => {
                let mut all = vec![self.expr(first)?];
                for one in rest {
                    all.push(self.expr(one)?);
                }
                let kind = self.common(&all)?;
                let settled = all.into_iter().map(|typed| Ok(self.settle(typed, kind)?.0));
                let settled = settled.collect::<Result<_, SqlError>>()?;
                Ok((Expr::Coalesce(settled), Some(kind)))
            }
            ("set_config", _) => {
                Err(SqlError::unsupported("set_config outside the select list of a query without FROM"))
            }
            // The server has thousands of functions; which of them do not exist is not for the model to say.
            _ => Err(SqlError::unsupported(format_args!("the function {name}"))),
        }
    }

    /// The type that all of `COALESCE` can be brought to.
    fn common(&self, all: &[Typed]) -> Result<Type, SqlError> {
        let mut known = all.iter().filter_map(|typed| self.known(typed));
        let first = known.next().unwrap_or(Type::Text);
        known.try_fold(first, |kind, next| {
            kind.common(next).ok_or_else(|| {
                let message = format!("COALESCE types {} and {} cannot be matched", kind.name(), next.name());
                SqlError::new(DATATYPE_MISMATCH, message)
            })
        })
    }

    fn current_setting(&mut self, name: &ast::Expr, missing_ok: Option<&ast::Expr>) -> Result<Typed, SqlError> {
        let (name, _) = self.any(name)?;
        let missing_ok = missing_ok.map(|e| self.condition(e, "current_setting")).transpose()?;
        let (Expr::Const(Value::Text(name)), None | Some(Expr::Const(Value::Bool(_)))) = (name, &missing_ok) else {
            return Err(SqlError::unsupported("current_setting with anything but literals"));
        };
        let missing_ok = missing_ok == Some(Expr::Const(Value::Bool(true)));
        match self.names.intern(&name)? {
            Some(id) => Ok((Expr::Setting { id, name, missing_ok }, Some(Type::Text))),
            None if missing_ok => Ok((Expr::Cast(Type::Text, Box::new(Expr::Const(Value::Null))), Some(Type::Text))),
            None => Err(SqlError::no_setting(&name)),
        }
    }
}

/// An integer literal, as wide as it has to be.
fn number(digits: &str) -> Result<Typed, SqlError> {
    let n = integer(digits)?;
    Ok((Expr::Const(Value::Int(n)), Some(Type::of_number(n))))
}

/// The types have no such operator, or, of two types that nobody knows, too many.
fn no_operator(left: Option<Type>, operator: &str, right: Option<Type>) -> SqlError {
    let name = |kind: Option<Type>| kind.map_or("unknown", Type::name);
    let types = format!("{} {operator} {}", name(left), name(right));
    match (left, right) {
        (None, None) => SqlError::new(AMBIGUOUS, format!("operator is not unique: {types}")),
        _ => SqlError::new(UNDEFINED_FUNCTION, format!("operator does not exist: {types}")),
    }
}

fn no_cast(from: Type, to: Type) -> SqlError {
    SqlError::new(CANNOT_COERCE, format!("cannot cast type {} to {}", from.name(), to.name()))
}
