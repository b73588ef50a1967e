//! Roles that the application can become, or whose rights it has: behind one of them there may be no fence.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Role, literal, quoted};
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Becomes each of them, as a tenant.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let own: Vec<String> = match &bench.tenancy.act.role {
        Some(role) => vec![bench.a.fill(role), bench.b.fill(role)],
        None => Vec::new(),
    };
    let roles: Vec<&Role> = catalogue.roles.iter().filter(|r| !own.contains(&r.name)).collect();
    bench.component.judged("roles that the application can become", roles.len(), &["STO-01"]);
    let pool = bench.pool.clone();
    let mut guilty: Vec<&Role> = Vec::new();
    for role in roles {
        let become_it = format!("SET LOCAL ROLE {}", quoted(&role.name));
        let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { continue };
        if visit.run(&become_it).is_err() {
            continue;
        }
        // Who inherits a guilty role is not guilty besides.
        let heir = guilty.iter().any(|g| {
            let sql = format!("SELECT pg_has_role({}, {}, 'USAGE')", literal(&role.name), literal(&g.name));
            visit.rows(&sql).is_ok_and(|rows| rows.first().is_some_and(|r| r[0].as_deref() == Some("t")))
        });
        let all = judged(bench);
        let seen = all.iter().filter(|(r, _)| !bench.is_explained(r)).find_map(|(relation, column)| {
            let sql = bench.foreign_rows(relation, column, Some(bench.a));
            let saw = bench.told(&visit.rows(&sql).ok()?)?;
            Some((sql, format!("{saw} in {}", relation.label())))
        });
        let Some((sql, saw)) = seen else { continue };
        let members = members(&mut visit, role);
        drop(visit);
        let object = format!("role {}", role.name);
        if heir {
            continue;
        }
        guilty.push(role);
        let attribute = if role.superuser {
            ", a superuser"
        } else if role.bypass {
            ", which has BYPASSRLS"
        } else {
            ""
        };
        let what = format!("the application can become {}{attribute}, and sees other tenants' rows as that", role.name);
        let proof = bench.proof(Some(bench.a), REUSED, &[become_it, sql], saw);
        let repair = members.iter().map(|m| format!("REVOKE {} FROM {m}", quoted(&role.name))).collect();
        bench.component.find(Finding {
            object,
            what,
            requirements: vec!["STO-01", "TEN-02"],
            proof,
            repair,
            also: Vec::new(),
        });
    }
}

/// Relations with a tenant column, whether or not the application itself may read them.
fn judged(bench: &Bench) -> Vec<(super::super::catalogue::Relation, super::super::catalogue::Column)> {
    let with = |r: &super::super::catalogue::Relation| Some((r.clone(), bench.tenancy.column(r)?.clone()));
    bench.catalogue.relations.iter().filter(|r| !bench.is_shared(&r.label())).filter_map(with).collect()
}

/// Members of a role by whom the application comes by it.
fn members(visit: &mut super::super::visit::Visit, role: &Role) -> Vec<String> {
    let sql = format!(
        "SELECT quote_ident(m.rolname) FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member \
         JOIN pg_roles r ON r.oid = a.roleid WHERE r.rolname = {} AND pg_has_role(session_user, m.oid, \
         'MEMBER') ORDER BY 1",
        literal(&role.name)
    );
    visit.rows(&sql).unwrap_or_default().into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}
