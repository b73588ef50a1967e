//! Statements that repair what was found, for whoever owns the object.
//!
//! A repair takes away what leaks and nothing else: a fence is added to the policy that let rows through, a right is
//! revoked from whoever the application has it by.

use super::bench::Bench;
use super::catalogue::{Column, Policy, Relation, quoted};
use super::visit::Visit;

/// The expression that is true for the acting tenant's rows alone, if this database has one.
pub fn fence(bench: &Bench, relation: &Relation, column: &Column) -> Option<String> {
    let name = quoted(&column.name);
    if let Some(setting) = bench.tenancy.setting() {
        let value = format!("NULLIF(current_setting({}, true), '')", super::catalogue::literal(setting));
        let cast = if column.kind == "text" { String::new() } else { format!("::{}", column.kind) };
        return Some(format!("{name} = {value}{cast}"));
    }
    model(bench, relation, column).or_else(|| {
        let role = bench.tenancy.act.role.as_ref()?.split_once("{id}")?;
        let (before, after) = (super::catalogue::literal(role.0), super::catalogue::literal(role.1));
        Some(format!("{before} || {name} || {after} = current_user"))
    })
}

/// What another table's policy asks of a column of the same name and type.
fn model(bench: &Bench, relation: &Relation, column: &Column) -> Option<String> {
    let others = bench.catalogue.relations.iter().filter(|r| r.oid != relation.oid && !bench.leaking.contains(&r.oid));
    let policies = others.flat_map(|r| r.policies.iter().map(move |p| (r, p)));
    let alike = |(other, policy): &(&Relation, &Policy)| {
        let same = |c: &&Column| c.name == column.name && c.kind == column.kind;
        let [only] = policy.columns.as_slice() else { return false };
        other.column(*only).as_ref().is_some_and(same)
            && policy.holds
            && policy.using.as_ref().is_some_and(|u| !u.contains(&format!("{}.", quoted(&other.name))))
    };
    policies.filter(alike).find_map(|(_, policy)| policy.using.clone())
}

/// Statements that put row security on a table: switched on, forced, and with a policy if there is none that fences.
pub fn row_security(bench: &Bench, relation: &Relation, fence: Option<String>, columns: &[i16]) -> Vec<String> {
    let name = relation.sql();
    let mut statements = vec![
        format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"),
        format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY"),
    ];
    let fences = |p: &Policy| p.columns.iter().any(|c| columns.contains(c));
    if !relation.policies.iter().any(fences)
        && let Some(fence) = fence
    {
        statements.push(format!("CREATE POLICY tenant_fence ON {name} USING ({fence}) WITH CHECK ({fence})"));
    }
    let _ = bench;
    statements
}

/// The statement that narrows a policy.
pub fn narrowed(relation: &Relation, policy: &Policy, fence: &str) -> String {
    let with = |old: &str| {
        if old == "true" { format!("({fence})") } else { format!("(({old}) AND ({fence}))") }
    };
    let mut statement = format!("ALTER POLICY {} ON {}", quoted(&policy.name), relation.sql());
    if let Some(using) = &policy.using {
        statement.push_str(&format!(" USING {}", with(using)));
    }
    if let Some(check) = &policy.check {
        statement.push_str(&format!(" WITH CHECK {}", with(check)));
    }
    statement
}

/// Statements that take a right from whoever the acting role has it by.
pub fn revoked(right: &str, object: &str, grantees: &[String]) -> Vec<String> {
    grantees.iter().map(|who| format!("REVOKE {right} ON {object} FROM {who}")).collect()
}

/// The same for a relation, as the catalogue knows it.
pub fn revoked_relation(visit: &mut Visit, right: &str, relation: &Relation) -> Vec<String> {
    let grantees = super::catalogue::grantees(visit, &relation.sql()).unwrap_or_default();
    revoked(right, &relation.sql(), &grantees)
}

/// The same for something that is no table: a sequence, a catalogue.
pub fn revoked_relation_named(visit: &mut Visit, right: &str, kind: &str, name: &str) -> Vec<String> {
    let grantees = super::catalogue::grantees(visit, name).unwrap_or_default();
    revoked(right, format!("{kind} {name}").trim(), &grantees)
}
