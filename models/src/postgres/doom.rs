//! What the server computes before it runs a statement, and what fails there.
//!
//! Parts that depend on nothing are folded while it plans, so that `2147483647 + 1` fails a query even where no row is
//! there to be asked. And what a column is compared with is computed to guess how many rows there will be: a policy
//! that asks for a setting which the session never made fails every query of its table, an empty one too. Both happen
//! before anybody asks for a privilege.

use super::catalog::Estimate;
use super::expr::{Comparison, Env, Expr};
use super::plan::{Item, Output, Plan, Search};
use super::setting::Settings;
use super::sqlstate::SqlError;
use crate::wire::sql::Value;
use std::sync::{Arc, LazyLock};

static NO_SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::default);
static NOBODY: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(""));

/// The error that planning would end with.
pub fn of(plan: &Plan) -> Option<SqlError> {
    let looked = match plan {
        Plan::Select(select) => output(Some(&select.output))
            .and_then(|()| each(select.filter.as_ref()))
            .and_then(|()| search(select.search.as_ref()))
            .and_then(|()| each(select.order.iter().map(|o| &o.by)))
            .and_then(|()| each(select.limit.iter().chain(&select.offset))),
        Plan::Insert(insert) => each(insert.rows.iter().flatten()).and_then(|()| output(insert.returning.as_ref())),
        Plan::Update(update) => each(update.set.iter().map(|(_, e)| e))
            .and_then(|()| output(update.returning.as_ref()))
            .and_then(|()| search(Some(&update.search))),
        Plan::Delete(delete) => output(delete.returning.as_ref()).and_then(|()| search(Some(&delete.search))),
        _ => Ok(()),
    };
    looked.err()
}

fn search(search: Option<&Search>) -> Result<(), SqlError> {
    let Some(search) = search else { return Ok(()) };
    each(search.through.iter().rev().flat_map(|layer| &layer.filter).chain(&search.filter))
}

fn output(output: Option<&Output>) -> Result<(), SqlError> {
    let value = |item| match item {
        &Item::Value(ref e) | &Item::Count(Some(ref e)) => Some(e),
        _ => None,
    };
    each(output.and_then(|o| o.items.as_ref()).into_iter().flatten().filter_map(value))
}

fn each<'e>(expressions: impl IntoIterator<Item = &'e Expr>) -> Result<(), SqlError> {
    expressions.into_iter().try_for_each(|e| folded(e).map(|_| ()))
}

/// The value, when it depends on nothing.
fn folded(e: &Expr) -> Result<Option<Value>, SqlError> {
    match e {
        Expr::Const(value) => Ok(Some(value.clone())),
        Expr::And(all) => chain(all, false),
        Expr::Or(all) => chain(all, true),
        Expr::Coalesce(all) => {
            let mut known = true;
            for one in all {
                match folded(one)? {
                    Some(Value::Null) => {}
                    // What comes after a value is never looked at.
                    Some(value) => return Ok(known.then_some(value)),
                    None => known = false,
                }
            }
            Ok(known.then_some(Value::Null))
        }
        one if depends(one) => Ok(None),
        other => {
            let (mut known, mut parts) = (true, Vec::new());
            other.each_part(&mut |part| {
                let value = folded(part)?;
                known &= value.is_some();
                parts.extend(value.map(Expr::Const));
                Ok(())
            })?;
            // A part that a constant decided may still hold what depends on something: its value stands for it.
            let env = Env { row: &[], params: &[], settings: &NO_SETTINGS, session_user: &NOBODY };
            known.then(|| Ok(other.with_parts(parts).value(env)?.into_value())).transpose()
        }
    }
}

/// Whether it reads a row, a parameter or the session.
fn depends(e: &Expr) -> bool {
    matches!(e, Expr::Column(_) | Expr::Param(_) | Expr::Setting { .. } | Expr::CurrentUser | Expr::SessionUser)
}

/// What planning computes of a condition beside the constants, as far as that can fail; `whole` says that nothing
/// stands beside the condition that could hold in its place.
pub fn estimates(e: &Expr, whole: bool, into: &mut Vec<Estimate>) {
    let failing = |e: &&Expr| e.is_constant() && may_fail(e);
    match e {
        // What a constant has decided is not computed.
        Expr::And(_) | Expr::Or(_) if decided(e) => {}
        Expr::And(all) => all.iter().for_each(|one| estimates(one, whole, into)),
        Expr::Or(all) => all.iter().for_each(|one| estimates(one, false, into)),
        Expr::Not(one) => estimates(one, false, into),
        Expr::Compare(_, sides) | Expr::Like(sides) => {
            for (one, other) in [(&sides.0, &sides.1), (&sides.1, &sides.0)] {
                let column = match (e, other) {
                    (Expr::Compare(Comparison::Equal, _), Expr::Column(at)) if whole => Some(*at),
                    _ => None,
                };
                if failing(&one) && !other.is_constant() {
                    into.push((column, one.clone()));
                }
            }
        }
        Expr::In(one, list) if !one.is_constant() => {
            into.extend(list.iter().filter(failing).map(|item| (None, item.clone())));
        }
        _ => {}
    }
}

/// The conditions at the top that read no column.
pub fn gates(e: &Expr, into: &mut Vec<Expr>) {
    match e {
        Expr::And(all) => all.iter().for_each(|one| gates(one, into)),
        one if one.is_constant() => into.push(one.clone()),
        one => {
            if let Ok(Some(value)) = folded(one) {
                into.push(Expr::Const(value));
            }
        }
    }
}

/// The error that planning ends with wherever this condition is asked.
pub fn of_condition(e: Option<&Expr>) -> Option<SqlError> {
    each(e).err()
}

/// Whether planning decides a condition, so that nothing of what it compares is left.
pub fn decided(e: &Expr) -> bool {
    matches!(folded(e), Ok(Some(_)))
}

/// Whether a condition is true of every row, as planning sees.
pub fn always(e: &Expr) -> bool {
    matches!(folded(e), Ok(Some(Value::Bool(true))))
}

/// Whether it depends on the session or a parameter in a way that can fail.
fn may_fail(e: &Expr) -> bool {
    let (mut open, mut risky) = (false, false);
    e.visit(&mut |part| {
        open |= depends(part);
        risky |= matches!(part, Expr::Setting { missing_ok: false, .. } | Expr::Arithmetic(..) | Expr::Cast(..));
    });
    open && risky
}

/// `AND` and `OR` stop at the first constant that decides them.
fn chain(all: &[Expr], decides: bool) -> Result<Option<Value>, SqlError> {
    let (mut known, mut null) = (true, false);
    for one in all {
        match folded(one)? {
            Some(Value::Bool(b)) if b == decides => return Ok(Some(Value::Bool(b))),
            Some(Value::Null) => null = true,
            Some(_) => {}
            None => known = false,
        }
    }
    Ok(known.then_some(if null { Value::Null } else { Value::Bool(!decides) }))
}
