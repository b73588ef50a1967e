//! A schema for each tenant: the role of one must not reach into the other's, whatever it names.

use crate::certify::postgres::bench::{Bench, FRESH, REUSED, ROWS_MAX};
use crate::certify::postgres::catalogue::{grantees, literal, quoted, schema_grantees};
use crate::certify::postgres::repair::revoked;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Reads every relation of the other tenant's schema, as a tenant and as nobody.
pub fn run(bench: &mut Bench) {
    let Some([own, other]) = bench.tenancy.schemas.clone() else { return };
    let pool = bench.pool.clone();
    let list = format!(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} \
         AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1",
        literal(&other)
    );
    let names: Vec<String> = match bench.visit(&pool, Some(bench.b), Hands::Bound) {
        Ok(mut visit) => {
            visit.rows(&list).unwrap_or_default().into_iter().filter_map(|r| r.into_iter().next().flatten()).collect()
        }
        Err(_) => Vec::new(),
    };
    bench.component.judged("relations in the other tenant's schema", names.len(), &["STO-13", "TEN-02"]);
    if names.is_empty() {
        bench.component.suspect(
            &format!("schema {other}"),
            "nothing lies in it",
            &["STO-13"],
            "so nothing could be seen",
        );
    }
    for name in names {
        let relation = format!("{}.{}", quoted(&other), quoted(&name));
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {relation} LIMIT {ROWS_MAX}) AS seen");
        for (tenant, connection) in [(Some(bench.a), REUSED), (None, FRESH)] {
            let session =
                if connection == FRESH { bench.link.open().ok().map(std::rc::Rc::new) } else { Some(pool.clone()) };
            let Some(session) = session else { continue };
            let Ok(mut visit) = bench.visit(&session, tenant, Hands::Bound) else { continue };
            let Some(count) = visit.rows(&sql).ok().and_then(|rows| rows.first()?.first()?.clone()) else { continue };
            let mut repair = revoked(
                "USAGE",
                &format!("SCHEMA {}", quoted(&other)),
                &schema_grantees(&mut visit, &other).unwrap_or_default(),
            );
            repair.extend(revoked("ALL", &relation, &grantees(&mut visit, &relation).unwrap_or_default()));
            drop(visit);
            let who = tenant.map_or("nobody", |t| &t.id);
            let what = format!("{who}, whose own schema is {own}, reads it by its qualified name");
            let proof =
                bench.proof(tenant, connection, std::slice::from_ref(&sql), format!("{count} rows of {}", bench.b.id));
            let (object, requirements) = (format!("{other}.{name}"), vec!["STO-13", "TEN-02"]);
            bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
        }
    }
}
