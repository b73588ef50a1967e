//! Compiled expressions: columns by position, settings by number, types already checked.
//!
//! Three-valued logic throughout: an unknown condition is NULL, and both a `WHERE` and a policy take NULL for *no*.

use super::coerce::{cast, like};
use super::kind::Type;
use super::setting::{ROLE, SettingId, Settings};
use super::sqlstate::{OUT_OF_RANGE, SqlError};
use crate::wire::sql::Value;
use std::cmp::Ordering;
use std::sync::Arc;

/// An expression over one row.
#[derive(Clone, PartialEq, Debug)]
pub enum Expr {
    /// A literal.
    Const(Value),
    /// A column of the row.
    Column(u16),
    /// A bind parameter, counted from zero.
    Param(u16),
    /// `current_setting('name'[, missing_ok])` with a literal name.
    Setting {
        /// Which.
        id: SettingId,
        /// Its name, for the error.
        name: Arc<str>,
        /// NULL instead of an error when it does not exist.
        missing_ok: bool,
    },
    /// `current_user`.
    CurrentUser,
    /// `session_user`.
    SessionUser,
    /// A comparison.
    Compare(Comparison, Box<(Expr, Expr)>),
    /// All of them.
    And(Vec<Expr>),
    /// Any of them.
    Or(Vec<Expr>),
    /// Negation.
    Not(Box<Expr>),
    /// `IS NULL`.
    IsNull(Box<Expr>),
    /// `IN (…)`.
    In(Box<Expr>, Vec<Expr>),
    /// `LIKE`.
    Like(Box<(Expr, Expr)>),
    /// `+ - *`, and the integer that the result has to fit into.
    Arithmetic(Operator, Type, Box<(Expr, Expr)>),
    /// `||`.
    Concat(Box<(Expr, Expr)>),
    /// `NULLIF`.
    NullIf(Box<(Expr, Expr)>),
    /// `COALESCE`.
    Coalesce(Vec<Expr>),
    /// A cast.
    Cast(Type, Box<Expr>),
}

/// Comparison operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // They mean what they are called.
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Arithmetic operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // They mean what they are called.
pub enum Operator {
    Add,
    Subtract,
    Multiply,
}

/// What an expression can see.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The row; empty where no column can be named.
    pub row: &'a [Value],
    /// Bind parameters, already of their types.
    pub params: &'a [Value],
    /// Settings of the session.
    pub settings: &'a Settings,
    /// Name of the role that logged in.
    pub session_user: &'a Arc<str>,
}

impl<'a> Env<'a> {
    /// The same with another row.
    #[inline]
    pub fn with_row(self, row: &'a [Value]) -> Env<'a> {
        Env { row, ..self }
    }
    fn current_user(&self) -> &'a Arc<str> {
        match self.settings.get(ROLE) {
            Some(role) if &**role != "none" => role,
            _ => self.session_user,
        }
    }
}

/// A value that is borrowed if it can be: reading a column costs no reference count.
#[derive(Clone, Debug)]
pub enum Datum<'a> {
    /// A value of the row, the parameters or the plan.
    Borrowed(&'a Value),
    /// A text of the session.
    Text(&'a Arc<str>),
    /// A computed value.
    Owned(Value),
}

const NULL: Datum<'static> = Datum::Borrowed(&Value::Null);
static TRUE: Value = Value::Bool(true);
static FALSE: Value = Value::Bool(false);

fn truth(value: Option<bool>) -> Datum<'static> {
    match value {
        Some(true) => Datum::Borrowed(&TRUE),
        Some(false) => Datum::Borrowed(&FALSE),
        None => NULL,
    }
}

impl Datum<'_> {
    fn is_null(&self) -> bool {
        matches!(self, Datum::Borrowed(Value::Null) | Datum::Owned(Value::Null))
    }
    fn text(&self) -> Option<&str> {
        match self {
            Datum::Borrowed(Value::Text(s)) | Datum::Owned(Value::Text(s)) => Some(s),
            Datum::Text(s) => Some(s),
            _ => None,
        }
    }
    fn truth(&self) -> Option<bool> {
        match self {
            Datum::Borrowed(Value::Bool(b)) | Datum::Owned(Value::Bool(b)) => Some(*b),
            _ => None,
        }
    }
    fn int(&self) -> Option<i64> {
        match self {
            Datum::Borrowed(Value::Int(n)) | Datum::Owned(Value::Int(n)) => Some(*n),
            _ => None,
        }
    }
    /// Whether this is exactly that value.
    pub fn is(&self, value: &Value) -> bool {
        match self {
            Datum::Borrowed(own) => *own == value,
            Datum::Text(s) => matches!(value, Value::Text(other) if other == *s),
            Datum::Owned(own) => own == value,
        }
    }
    /// The value itself.
    #[inline]
    pub fn into_value(self) -> Value {
        match self {
            Datum::Borrowed(value) => value.clone(),
            Datum::Text(s) => Value::Text(Arc::clone(s)),
            Datum::Owned(value) => value,
        }
    }
    /// Both sides have the same type, or one is NULL.
    #[inline]
    fn compare(&self, other: &Datum<'_>) -> Option<Ordering> {
        if let (Some(a), Some(b)) = (self.text(), other.text()) {
            return Some(a.cmp(b));
        }
        if let (Some(a), Some(b)) = (self.int(), other.int()) {
            return Some(a.cmp(&b));
        }
        Some(self.truth()?.cmp(&other.truth()?))
    }
}

impl Expr {
    /// The value.
    ///
    /// # Errors
    /// Those of the functions and casts in it: `22003`, `22025`, `22P02`, `42704`.
    pub fn value<'a>(&'a self, env: Env<'a>) -> Result<Datum<'a>, SqlError> {
        Ok(match self {
            Expr::Const(value) => Datum::Borrowed(value),
            Expr::Column(at) => Datum::Borrowed(&env.row[*at as usize]),
            Expr::Param(at) => Datum::Borrowed(&env.params[*at as usize]),
            Expr::Setting { id, name, missing_ok } => match env.settings.get(*id) {
                Some(text) => Datum::Text(text),
                None if *missing_ok => NULL,
                None => return Err(SqlError::no_setting(name)),
            },
            Expr::CurrentUser => Datum::Text(env.current_user()),
            Expr::SessionUser => Datum::Text(env.session_user),
            Expr::Arithmetic(operator, kind, sides) => arithmetic(*operator, *kind, sides, env)?,
            Expr::Concat(sides) => {
                let (left, right) = (sides.0.value(env)?, sides.1.value(env)?);
                match (left.text(), right.text()) {
                    (Some(a), Some(b)) => Datum::Owned(Value::Text(Arc::from([a, b].concat()))),
                    _ => NULL,
                }
            }
            Expr::NullIf(sides) => {
                let left = sides.0.value(env)?;
                match left.compare(&sides.1.value(env)?) {
                    Some(Ordering::Equal) => NULL,
                    _ => left,
                }
            }
            Expr::Coalesce(all) => {
                for one in all {
                    let value = one.value(env)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                NULL
            }
            Expr::Cast(to, from) => Datum::Owned(cast(from.value(env)?.into_value(), *to)?),
            condition => truth(condition.holds(env)?),
        })
    }

    /// The truth of a condition; `None` is *unknown*.
    ///
    /// # Errors
    /// As [`Expr::value`].
    pub fn holds(&self, env: Env<'_>) -> Result<Option<bool>, SqlError> {
        Ok(match self {
            Expr::Compare(comparison, sides) => {
                sides.0.value(env)?.compare(&sides.1.value(env)?).map(|ordering| comparison.accepts(ordering))
            }
            Expr::And(all) => {
                let mut unknown = false;
                for one in all {
                    match one.holds(env)? {
                        Some(true) => {}
                        Some(false) => return Ok(Some(false)),
                        None => unknown = true,
                    }
                }
                (!unknown).then_some(true)
            }
            Expr::Or(any) => {
                let mut unknown = false;
                for one in any {
                    match one.holds(env)? {
                        Some(false) => {}
                        Some(true) => return Ok(Some(true)),
                        None => unknown = true,
                    }
                }
                (!unknown).then_some(false)
            }
            Expr::Not(one) => one.holds(env)?.map(|b| !b),
            Expr::IsNull(one) => Some(one.value(env)?.is_null()),
            Expr::In(one, list) => {
                let value = one.value(env)?;
                let mut unknown = value.is_null();
                for item in list {
                    match value.compare(&item.value(env)?) {
                        Some(Ordering::Equal) => return Ok(Some(true)),
                        Some(_) => {}
                        None => unknown = true,
                    }
                }
                (!unknown).then_some(false)
            }
            Expr::Like(sides) => match (sides.0.value(env)?.text(), sides.1.value(env)?.text()) {
                (Some(text), Some(pattern)) => Some(like(text, pattern)?),
                _ => None,
            },
            value => value.value(env)?.truth(),
        })
    }

    /// Whether no column is read, so that the value is the same for every row of a statement.
    pub fn is_constant(&self) -> bool {
        let mut constant = true;
        self.visit(&mut |e| constant &= !matches!(e, Expr::Column(_)));
        constant
    }

    /// Calls `f` on this expression and on everything below it.
    pub fn visit(&self, f: &mut impl FnMut(&Expr)) {
        f(self);
        let looked = self.each_part(&mut |part| {
            part.visit(f);
            Ok(())
        });
        looked.expect("looking cannot fail");
    }

    /// Calls `f` on the parts of this expression, until one fails.
    ///
    /// # Errors
    /// That of `f`.
    pub fn each_part(&self, f: &mut dyn FnMut(&Expr) -> Result<(), SqlError>) -> Result<(), SqlError> {
        match self {
            Expr::Compare(_, sides)
            | Expr::Like(sides)
            | Expr::Arithmetic(_, _, sides)
            | Expr::Concat(sides)
            | Expr::NullIf(sides) => {
                f(&sides.0)?;
                f(&sides.1)
            }
            Expr::And(all) | Expr::Or(all) | Expr::Coalesce(all) => all.iter().try_for_each(f),
            Expr::In(one, list) => {
                f(one)?;
                list.iter().try_for_each(f)
            }
            Expr::Not(one) | Expr::IsNull(one) | Expr::Cast(_, one) => f(one),
            _ => Ok(()),
        }
    }

    /// The same with other parts, given in the order of [`Expr::each_part`].
    pub fn with_parts(&self, parts: Vec<Expr>) -> Expr {
        let mut parts = parts.into_iter();
        let mut next = || parts.next().expect("as many parts as there were");
        match self {
            Expr::Compare(comparison, _) => Expr::Compare(*comparison, Box::new((next(), next()))),
            Expr::Like(_) => Expr::Like(Box::new((next(), next()))),
            Expr::Arithmetic(operator, kind, _) => Expr::Arithmetic(*operator, *kind, Box::new((next(), next()))),
            Expr::Concat(_) => Expr::Concat(Box::new((next(), next()))),
            Expr::NullIf(_) => Expr::NullIf(Box::new((next(), next()))),
            Expr::And(_) => Expr::And(parts.collect()),
            Expr::Or(_) => Expr::Or(parts.collect()),
            Expr::Coalesce(_) => Expr::Coalesce(parts.collect()),
            Expr::In(..) => Expr::In(Box::new(next()), parts.collect()),
            Expr::Not(_) => Expr::Not(Box::new(next())),
            Expr::IsNull(_) => Expr::IsNull(Box::new(next())),
            Expr::Cast(to, _) => Expr::Cast(*to, Box::new(next())),
            leaf => leaf.clone(),
        }
    }

    /// The column = constant conditions that every row accepted by this condition meets.
    pub fn keys(&self, into: &mut Vec<(u16, Expr)>) {
        match self {
            Expr::And(all) => all.iter().for_each(|e| e.keys(into)),
            Expr::Compare(Comparison::Equal, sides) => match &**sides {
                (Expr::Column(at), e) | (e, Expr::Column(at)) if e.is_constant() => into.push((*at, e.clone())),
                _ => {}
            },
            _ => {}
        }
    }
}

impl Comparison {
    #[inline]
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

fn arithmetic<'a>(
    operator: Operator,
    kind: Type,
    sides: &'a (Expr, Expr),
    env: Env<'a>,
) -> Result<Datum<'a>, SqlError> {
    let (left, right) = (sides.0.value(env)?, sides.1.value(env)?);
    let (Some(a), Some(b)) = (left.int(), right.int()) else { return Ok(NULL) };
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
    };
    match result.filter(|n| kind == Type::Int || i32::try_from(*n).is_ok()) {
        Some(n) => Ok(Datum::Owned(Value::Int(n))),
        None => Err(SqlError::new(OUT_OF_RANGE, format!("{} out of range", kind.name()))),
    }
}
