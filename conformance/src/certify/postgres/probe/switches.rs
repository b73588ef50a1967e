//! Settings that open: a policy or function that asks for another setting than the tenant's lets through whoever sets
//! it, and every session may set a setting of an application.

use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::probe::rows::culprits;
use crate::certify::postgres::tenancy::settings_in;
use crate::certify::postgres::visit::{Hands, setting};
use crate::certify::report::Finding;
use std::collections::BTreeSet;

/// What a switch is usually set to.
const VALUES: &[&str] = &["on", "true", "1", "yes", "admin", "superadmin", "service_role", "system", "all", "*"];

/// Tries every setting that anything asks for, with every value that the same text compares it with.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let mut tried = 0;
    let pool = bench.pool.clone();
    let functions: Vec<&str> = catalogue.functions.iter().map(|f| f.source.as_str()).collect();
    for (relation, column) in bench.fenced() {
        let texts = relation.policies.iter().flat_map(|p| [p.using.as_deref(), p.check.as_deref()]).flatten();
        // A policy may ask through a function.
        let named = |f: &&str| !settings_in(f).is_empty();
        let texts: Vec<&str> = texts.chain(functions.iter().copied().filter(named)).collect();
        let names: BTreeSet<String> = texts.iter().flat_map(|t| settings_in(t)).collect();
        let others = names.into_iter().filter(|n| !bench.tenancy.act.settings.contains_key(n)).collect::<Vec<_>>();
        for name in others.iter().filter(|_| relation.row_security) {
            tried += 1;
            if bench.is_explained(&relation) {
                continue;
            }
            let quoted = texts.iter().filter(|t| t.contains(name.as_str())).flat_map(|t| literals(t));
            for value in VALUES.iter().copied().chain(quoted.filter(|v| v != name)) {
                let sql = bench.foreign_rows(&relation, &column, Some(bench.a));
                let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { break };
                let set = setting(name, value);
                if visit.run(&set).is_err() {
                    break;
                }
                let Some(saw) = visit.rows(&sql).ok().and_then(|rows| bench.told(&rows)) else { continue };
                let before = [(name.clone(), value.to_owned())];
                let (_, repair) = culprits(bench, &mut visit, &relation, &column, 'r', &before);
                drop(visit);
                let what = format!("a setting that any session may set opens it: {name} = {value}");
                let proof = bench.proof(Some(bench.a), REUSED, &[set, sql], saw);
                bench.leaking.insert(relation.oid);
                let requirements = vec!["STO-01", "TEN-02"];
                bench.component.find(Finding {
                    object: relation.label(),
                    what,
                    requirements,
                    proof,
                    repair,
                    also: Vec::new(),
                });
                break;
            }
        }
    }
    bench.component.judged("settings that policies ask for beside the tenant", tried, &["STO-01"]);
}

/// Texts in quotes.
fn literals(text: &str) -> Vec<&str> {
    text.split('\'').skip(1).step_by(2).filter(|t| !t.is_empty()).collect()
}
