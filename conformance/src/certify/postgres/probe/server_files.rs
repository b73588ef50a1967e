//! Files of the server: tables are files, and whoever may read those is asked by no policy.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{function_grantees, literal};
use crate::certify::postgres::repair::revoked;
use crate::certify::postgres::secrets::gather;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;

/// Roles of the server that reach its files and programs.
const ROLES: &[&str] = &["pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"];

/// Looks for a value of the other tenant in the files of its tables.
pub fn run(bench: &mut Bench) {
    bench.component.judged("files of the server", 1 + ROLES.len(), &["STO-03"]);
    let catalogue = bench.catalogue.clone();
    for role in catalogue.roles.iter().filter(|r| ROLES.contains(&r.name.as_str())) {
        let what = format!("the application is a member of {}", role.name);
        bench.component.suspect(&format!("role {}", role.name), &what, &["STO-03"], "using it would touch the machine");
    }
    let pool = bench.pool.clone();
    let sql = "SELECT p.oid::bigint, p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = \
               p.pronamespace \
               WHERE n.nspname = 'pg_catalog' AND p.proname = 'pg_read_binary_file' \
               AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY pronargs";
    let functions = match bench.visit(&pool, Some(bench.a), Hands::Bound) {
        Ok(mut visit) => visit.rows(sql).unwrap_or_default(),
        Err(_) => return,
    };
    let secrets = gather(bench);
    for row in functions {
        let (oid, signature) = (row[0].clone().unwrap_or_default(), row[1].clone().unwrap_or_default());
        let object = format!("function pg_catalog.{signature}");
        let what = "the application may read files of the server, and tables are files";
        let rest = if signature.ends_with("(text)") { "" } else { ", 0, 1048576" };
        let seen = secrets.rows.iter().find_map(|secret| {
            let relation = catalogue.relation(secret.relation)?;
            let value = secret.weak.first()?;
            let sql = format!(
                "SELECT position(convert_to({}, 'UTF8') IN pg_read_binary_file(pg_relation_filepath({}){rest})) > 0",
                literal(value),
                literal(&relation.sql())
            );
            let mut visit = bench.visit(&pool, Some(bench.a), Hands::Bound).ok()?;
            let found = visit.rows(&sql).ok()?.first()?.first()?.as_deref() == Some("t");
            // The value itself stays out of the report.
            found.then(|| (sql.replace(&literal(value), "'(a value of the other tenant)'"), relation.label()))
        });
        match seen {
            Some((sql, table)) => {
                let grantees = match bench.visit(&pool, Some(bench.a), Hands::Bound) {
                    Ok(mut visit) => function_grantees(&mut visit, oid.parse().unwrap_or(0)).unwrap_or_default(),
                    Err(_) => Vec::new(),
                };
                let saw = format!("a value that only {} can read, in the file of {table}", bench.b.id);
                let proof = bench.proof(Some(bench.a), REUSED, &[sql], saw);
                let repair = revoked("EXECUTE", &format!("FUNCTION pg_catalog.{signature}"), &grantees);
                let (what, requirements) = (what.to_owned(), vec!["STO-03", "TEN-02"]);
                bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
            }
            None => {
                bench.component.suspect(&object, what, &["STO-03"], "no value of the other tenant was found in a file")
            }
        }
    }
}
