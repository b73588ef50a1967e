//! The role itself: superusers, and roles with BYPASSRLS, are asked by no policy.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Role, quoted};
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Whether the role that acts passes every policy. If so that is the finding, and no other probe means anything.
pub fn run(bench: &mut Bench) -> bool {
    let catalogue = bench.catalogue.clone();
    let Some(role) = catalogue.login.as_ref() else { return false };
    bench.component.judged("attributes of the role", 1, &["STO-01"]);
    // BYPASSRLS is not inherited: where the application becomes another role, that one counts.
    let passes = role.superuser || (role.bypass && bench.tenancy.act.role.is_none());
    if !passes {
        return false;
    }
    let object = format!("role {}", role.name);
    let what = format!("the application connects as {}, which no policy holds for", attribute(role));
    let pool = bench.pool.clone();
    for (relation, column) in bench.fenced() {
        let sql = bench.foreign_rows(&relation, &column, Some(bench.a));
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
        let Some(saw) = visit.rows(&sql).ok().and_then(|rows| bench.told(&rows)) else { continue };
        drop(visit);
        let saw = format!("{saw} in {}", relation.label());
        let proof = bench.proof(Some(bench.a), REUSED, &[sql], saw);
        let requirements = vec!["STO-01", "TEN-02"];
        bench.component.find(Finding {
            object,
            what,
            requirements,
            proof,
            repair: vec![repair(role)],
            also: Vec::new(),
        });
        return true;
    }
    let why = format!("{} has no row in any relation with a tenant column", bench.b.id);
    bench.component.suspect(&object, &what, &["STO-01", "TEN-02"], &why);
    true
}

fn attribute(role: &Role) -> &'static str {
    match (role.superuser, role.bypass) {
        (true, _) => "a superuser",
        _ => "a role with BYPASSRLS",
    }
}

fn repair(role: &Role) -> String {
    let superuser = if role.superuser { " NOSUPERUSER" } else { "" };
    let bypass = if role.bypass { " NOBYPASSRLS" } else { "" };
    format!("ALTER ROLE {}{superuser}{bypass}", quoted(&role.name))
}
