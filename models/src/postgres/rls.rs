//! Row-level security as PostgreSQL 15 decides it (chapter 5.8, `CREATE POLICY`, and `rowsecurity.c` for the corners).
//!
//! Two corners surprise. A command that also *reads* its table (a `WHERE`, a `RETURNING`, an expression over a column)
//! meets the `SELECT` policies as well, and its new rows must be visible to them: an `UPDATE … WHERE` cannot move a
//! row out of sight even when the `WITH CHECK` lets everything pass. And restrictive policies alone admit nothing.

use super::catalog::{Catalog, Command, Policy, RoleId, Table};
use super::expr::{Env, Expr};
use super::partition::CHILD_POLICIES;
use super::setting::{ROW_SECURITY, Settings};
use super::sqlstate::SqlError;
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::sql::Value;

/// The policies of a table are applied at all (STO-01).
pub const ROW_LEVEL_SECURITY: Control = control!(
    "postgres.row-security",
    upholds: ["STO-01", "TEN-02"],
    off: "row level security is disabled on every table, as after a restore without policies or ALTER TABLE … DISABLE",
);

/// The policies hold for the owner of the table too (STO-01).
pub const FORCE_RLS: Control = control!(
    "postgres.force-rls",
    upholds: ["STO-01", "TEN-02"],
    off: "ENABLE without FORCE: a service that connects as the owner, as with its migration role, sees every row",
);

/// New rows must belong to the tenant that writes them (STO-01).
pub const WITH_CHECK: Control = control!(
    "postgres.with-check",
    upholds: ["STO-01", "TEN-02"],
    off: "policies are written WITH CHECK (true): a tenant can plant rows for another",
);

/// Why a role is not subject to the policies of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exempt {
    /// The role is a superuser.
    Superuser,
    /// The role has `BYPASSRLS`.
    BypassRls,
    /// Row security is not enabled on the table.
    NotEnabled,
    /// The role is the owner, or inherits from it, and the table does not force it.
    Owner,
}

impl Exempt {
    /// A stable word for it.
    pub fn code(self) -> &'static str {
        match self {
            Exempt::Superuser => "superuser",
            Exempt::BypassRls => "bypassrls",
            Exempt::NotEnabled => "row-security-not-enabled",
            Exempt::Owner => "owner-not-forced",
        }
    }
}

/// Whether the policies of a table apply to a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// They do not.
    Exempt(Exempt),
    /// They do.
    Subject,
}

/// The policies of one table that apply to one role and one command, as bits over [`Table::policies`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Applicable {
    permissive: u64,
    restrictive: u64,
}

/// What the policies say of one row.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// Every restrictive policy and at least one permissive one, this, accept it.
    Accepted(&'a Policy),
    /// No permissive policy applies: default deny.
    NoPolicy,
    /// No permissive policy accepts it.
    NonePermits,
    /// This restrictive policy does not accept it.
    Restricted(&'a Policy),
}

/// Whether the policies of `table` apply to `role`.
pub fn standing(catalog: &Catalog, controls: &Controls, role: RoleId, table: &Table) -> Standing {
    let attributes = catalog.role(role).attributes;
    if attributes.superuser {
        return Standing::Exempt(Exempt::Superuser);
    }
    if attributes.bypassrls {
        return Standing::Exempt(Exempt::BypassRls);
    }
    if !table.row_security {
        return Standing::Exempt(Exempt::NotEnabled);
    }
    let bare = table.kin.parent.is_some() && !controls.on(&CHILD_POLICIES);
    if bare || !controls.on(&ROW_LEVEL_SECURITY) {
        return Standing::Exempt(Exempt::NotEnabled);
    }
    if catalog.inherits(role, table.owner) {
        let forced = table.force && controls.on(&FORCE_RLS);
        if !forced {
            return Standing::Exempt(Exempt::Owner);
        }
    }
    Standing::Subject
}

/// What a statement has to obey on one table: resolved once, asked for every row.
#[derive(Clone, Copy, Debug)]
pub struct Guard<'a> {
    table: &'a Table,
    /// `None` when the role is exempt.
    commands: Option<(Applicable, Applicable)>,
}

impl<'a> Guard<'a> {
    /// The guard for `command`; `reads` says whether the statement also reads columns of the table.
    ///
    /// # Errors
    /// `42501` when the session has set `row_security` off and policies would apply.
    pub fn new(
        catalog: &Catalog,
        controls: &Controls,
        role: RoleId,
        table: &'a Table,
        (command, reads): (Command, bool),
        settings: &Settings,
    ) -> Result<Guard<'a>, SqlError> {
        if standing(catalog, controls, role, table) != Standing::Subject {
            return Ok(Guard { table, commands: None });
        }
        if settings.get(ROW_SECURITY).is_some_and(|v| &**v == "off") {
            return Err(SqlError::filtered(&table.name));
        }
        let own = Applicable::of(catalog, role, table, command);
        let also = if reads { Applicable::of(catalog, role, table, Command::Select) } else { own };
        Ok(Guard { table, commands: Some((own, also)) })
    }

    /// Whether the row of `env` exists for the command.
    ///
    /// # Errors
    /// Those of the policies' expressions.
    #[inline]
    pub fn sees(&self, env: Env<'_>) -> Result<bool, SqlError> {
        let Some((own, also)) = &self.commands else { return Ok(true) };
        let accepted = |a: &Applicable| Ok(matches!(a.using(self.table, env)?, Verdict::Accepted(_)));
        Ok(accepted(own)? && (own == also || accepted(also)?))
    }

    /// Whether the row of `env` may be written; `reads` as for [`Guard::new`].
    ///
    /// # Errors
    /// `42501` when it may not, and those of the policies' expressions.
    pub fn admits(&self, controls: &Controls, reads: bool, env: Env<'_>) -> Result<(), SqlError> {
        let Some((own, also)) = &self.commands else { return Ok(()) };
        let mut verdict = own.check(self.table, controls, env)?;
        if reads && matches!(verdict, Verdict::Accepted(_)) {
            verdict = also.using_of_new(self.table, env)?;
        }
        match verdict {
            Verdict::Accepted(_) => Ok(()),
            Verdict::NoPolicy | Verdict::NonePermits => Err(SqlError::row_security(&self.table.name, None)),
            Verdict::Restricted(p) => Err(SqlError::row_security(&self.table.name, Some(&p.name))),
        }
    }

    /// The error that planning ends with because a policy holds a constant that fails; `checked` says whether rows are
    /// written, of which the other side of the policies is asked as well.
    ///
    /// # Errors
    /// That error.
    pub fn plan(&self, checked: bool) -> Result<(), SqlError> {
        let (table, (own, also)) = (self.table, self.commands.unwrap_or_default());
        let written = if checked { own.permissive | own.restrictive } else { 0 };
        let of = |bits, side: usize| each(table, bits).find_map(move |policy| policy.doomed[side].as_ref());
        let found = of(own.left(table) | also.left(table), 0).or_else(|| of(written, 1));
        found.map_or(Ok(()), |error| Err(error.clone()))
    }

    /// What planning computes of the policies, as far as that can fail, each with the column that it has to equal.
    pub fn estimates(&self) -> impl Iterator<Item = (Option<u16>, &'a Expr)> {
        let table = self.table;
        let (own, also) = self.commands.unwrap_or_default();
        let left = move |a: Applicable| a.left(table);
        // Where nothing permits there is nothing that could hold in place of the other side's condition.
        let alone = move |a: Applicable| a.permissive & table.sets.using == 0 || a.alone(table) != 0;
        each(table, left(own) | left(also)).flat_map(move |policy| {
            let whole = !policy.permissive || (alone(own) && alone(also));
            policy.estimates.iter().map(move |(column, e)| (column.filter(|_| whole), e))
        })
    }

    /// The column = value conditions that every visible row meets, so that an index can serve the policy: in the
    /// order in which the server puts them, those of restrictive policies before those of a permissive one.
    pub fn keys(&self) -> impl Iterator<Item = &'a (u16, Expr)> + Clone {
        let table = self.table;
        let (own, also) = self.commands.unwrap_or_default();
        let permissive = |a: Applicable| a.permissive & table.sets.using;
        // Where nothing permits no row is looked for, and of several that permit none is certain.
        let restrictive = |a: Applicable| if permissive(a) == 0 { 0 } else { a.restrictive };
        let (first, then) = (restrictive(own), own.alone(table));
        let all = each_by_name(table, first).chain(each(table, then));
        let all = all.chain(each_by_name(table, restrictive(also) & !first));
        all.chain(each(table, also.alone(table) & !then)).flat_map(|p| &p.keys)
    }
}

impl Applicable {
    /// The policies of `table` that apply to `role` and `command`.
    pub fn of(catalog: &Catalog, role: RoleId, table: &Table, command: Command) -> Applicable {
        let mut found = Applicable::default();
        for (at, policy) in table.policies.iter().enumerate() {
            let asked = policy.command == Command::All || policy.command == command;
            if asked && policy.roles.iter().any(|g| catalog.covers(*g, role)) {
                let bits = if policy.permissive { &mut found.permissive } else { &mut found.restrictive };
                *bits |= 1 << at;
            }
        }
        found
    }

    /// The policies whose `USING` side is left when planning has folded what is constant.
    fn left(&self, table: &Table) -> u64 {
        match self.permissive & table.sets.using {
            // Nothing permits, so nothing restricts either: a constant.
            0 => 0,
            // One that shows every row leaves nothing of the others that permit.
            some if some & table.sets.shows_all != 0 => self.restrictive,
            some => self.restrictive | some,
        }
    }

    /// The permissive policy whose condition every visible row meets, because all that permit say the same.
    fn alone(&self, table: &Table) -> u64 {
        let some = self.permissive & table.sets.using;
        let first = each(table, some).next().map(|p| &p.using);
        let same = some.count_ones() == 1 || each(table, some).all(|p| Some(&p.using) == first);
        if same { some & some.wrapping_neg() } else { 0 }
    }

    /// Judges a row by the `USING` side: what restricts is asked first.
    ///
    /// # Errors
    /// Those of the policies' expressions.
    pub fn using<'t>(&self, table: &'t Table, env: Env<'_>) -> Result<Verdict<'t>, SqlError> {
        // A policy without a condition for this side takes no part in it.
        let permissive = self.permissive & table.sets.using;
        if permissive == 0 {
            return Ok(Verdict::NoPolicy);
        }
        let using = |policy: &'t Policy| policy.using.as_ref();
        match self.restricts(table, env, using)? {
            Some(policy) => Ok(Verdict::Restricted(policy)),
            None => permits(table, permissive, table.sets.shows_all, env, using),
        }
    }

    /// Judges a new row by the `USING` side, as by a check: what permits is asked first.
    fn using_of_new<'t>(&self, table: &'t Table, env: Env<'_>) -> Result<Verdict<'t>, SqlError> {
        let using = |policy: &'t Policy| policy.using.as_ref();
        let verdict = permits(table, self.permissive, table.sets.shows_all, env, using)?;
        self.then_restricted(verdict, table, env, using)
    }

    /// Judges a row by the `WITH CHECK` side.
    ///
    /// # Errors
    /// Those of the policies' expressions.
    pub fn check<'t>(&self, table: &'t Table, controls: &Controls, env: Env<'_>) -> Result<Verdict<'t>, SqlError> {
        let checked = controls.on(&WITH_CHECK);
        let check = |policy: &'t Policy| {
            let condition = policy.check.as_ref().or(policy.using.as_ref())?;
            Some(if checked { condition } else { &PASS })
        };
        let verdict = permits(table, self.permissive, table.sets.admits_all, env, check)?;
        self.then_restricted(verdict, table, env, check)
    }

    fn then_restricted<'t>(
        &self,
        verdict: Verdict<'t>,
        table: &'t Table,
        env: Env<'_>,
        condition: impl Fn(&'t Policy) -> Option<&'t Expr>,
    ) -> Result<Verdict<'t>, SqlError> {
        let restricted = match verdict {
            Verdict::Accepted(_) => self.restricts(table, env, condition)?,
            _ => None,
        };
        Ok(restricted.map_or(verdict, Verdict::Restricted))
    }

    /// The first restrictive policy that does not accept the row.
    #[inline]
    fn restricts<'t>(
        &self,
        table: &'t Table,
        env: Env<'_>,
        condition: impl Fn(&'t Policy) -> Option<&'t Expr>,
    ) -> Result<Option<&'t Policy>, SqlError> {
        for policy in each_by_name(table, self.restrictive) {
            let Some(condition) = condition(policy) else { continue };
            if condition.holds(env)? != Some(true) {
                return Ok(Some(policy));
            }
        }
        Ok(None)
    }
}

/// Whether one of the permissive policies accepts the row. One of `all` does without being asked: beside it the others
/// are not computed.
#[inline]
fn permits<'t>(
    table: &'t Table,
    permissive: u64,
    all: u64,
    env: Env<'_>,
    condition: impl Fn(&'t Policy) -> Option<&'t Expr>,
) -> Result<Verdict<'t>, SqlError> {
    if let Some(policy) = each(table, permissive & all).next() {
        return Ok(Verdict::Accepted(policy));
    }
    let mut verdict = Verdict::NoPolicy;
    for policy in each(table, permissive) {
        let Some(condition) = condition(policy) else { continue };
        verdict = Verdict::NonePermits;
        if condition.holds(env)? == Some(true) {
            return Ok(Verdict::Accepted(policy));
        }
    }
    Ok(verdict)
}

/// The policies of a set, in order.
fn each(table: &Table, mut bits: u64) -> impl Iterator<Item = &Policy> + Clone {
    std::iter::from_fn(move || {
        let at = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(&table.policies[at as usize])
    })
}

/// The policies of a set, in order of name.
fn each_by_name(table: &Table, mut bits: u64) -> impl Iterator<Item = &Policy> + Clone {
    std::iter::from_fn(move || {
        let at = (bits != 0).then(|| bits.ilog2())?;
        bits ^= 1 << at;
        Some(&table.policies[at as usize])
    })
}

/// `WITH CHECK (true)`.
static PASS: Expr = Expr::Const(Value::Bool(true));
