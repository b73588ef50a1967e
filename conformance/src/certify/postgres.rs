//! A PostgreSQL server, judged as the application uses it: its schema is read, and every way around the fences is
//! tried.
//!
//! [`catalogue`] asks what there is, [`tenancy`] how tenants are told apart, [`probe`] tries one way a file and leaves
//! what it found on the [`bench`]. A [`visit`] is one transaction as one tenant; it is rolled back.

pub mod bench;
pub mod catalogue;
mod clean;
mod lineage;
mod link;
mod probe;
mod repair;
mod secrets;
mod specimen;
pub mod tenancy;
mod visit;

pub use clean::clean;

use super::deployment::{Deployment, Postgres};
use super::report::{Component, Limits};
use bench::Bench;
use link::{Link, Wrong};
use std::collections::BTreeSet;
use std::rc::Rc;
use visit::{Hands, Visit, entering};

/// The oldest version whose catalogue is read: `attgenerated` came with 12.
const VERSION_MIN: u32 = 120_000;

/// Judges `postgres`. What cannot be reached is inconclusive.
pub fn judge(deployment: &Deployment, postgres: &Postgres) -> Component {
    let limits = Limits {
        statement_timeout_ms: postgres.statement_timeout_ms,
        lock_timeout_ms: postgres.lock_timeout_ms,
        statements: 0,
    };
    let link = match Link::new(postgres, &deployment.home) {
        Ok(link) => link,
        Err(why) => return Component::new("postgres", String::new(), limits).unjudged(why).conclude(),
    };
    let component = Component::new("postgres", link.place(), limits);
    let mut bench = match set_up(deployment, postgres, link.clone(), component.clone()) {
        Ok(bench) => bench,
        Err((problem, server)) => {
            let mut component = component.unjudged(problem);
            component.server = server;
            component.limits.statements = link.statements();
            return component.conclude();
        }
    };
    probe::run(&mut bench);
    let mut component = bench.component;
    if bench.peopled.is_empty() && bench.tenancy.schemas.is_none() && component.findings.is_empty() {
        component.problem = Some(format!(
            "{} sees no row of its own in any relation, so nothing could show: give two tenants that have rows",
            bench.b.id
        ));
    }
    component.limits.statements = link.statements();
    component.conclude()
}

/// Why a server of that version is not judged, if so.
fn too_old(number: &str, server: &str) -> Option<String> {
    let old = number.parse::<u32>().unwrap_or(0) < VERSION_MIN;
    old.then(|| format!("{server} is too old, expected 12 or newer"))
}

/// Connects, reads the schema, and finds out how tenants are told apart; or says what is in the way, and which server
/// said so.
fn set_up<'d>(
    deployment: &'d Deployment,
    postgres: &'d Postgres,
    link: Link,
    mut component: Component,
) -> Result<Bench<'d>, (String, String)> {
    let (a, b) = deployment.tenants();
    let unreachable = |why: String| (format!("failed to connect to {}: {why}", link.place()), String::new());
    let pool = Rc::new(link.open().map_err(unreachable)?);
    let version = pool.rows("SELECT current_setting('server_version_num'), current_setting('server_version')");
    let version = version.map_err(|w| (w.message, String::new()))?;
    let text = |i: usize| version.first().and_then(|r| r[i].clone()).unwrap_or_default();
    component.server = format!("PostgreSQL {}", text(1));
    let wrong = |what: &str| {
        let (what, server) = (what.to_owned(), component.server.clone());
        move |w: Wrong| (format!("{what}: {} ({})", w.message, w.code), server)
    };
    if let Some(why) = too_old(&text(0), &component.server) {
        return Err((why, component.server));
    }
    let given: Vec<String> = postgres.act.as_ref().map(|act| entering(act, a)).unwrap_or_default();
    let mut visit = Visit::begin(&pool, Hands::Bound, &given).map_err(wrong(&format!("failed to become {}", a.id)))?;
    let catalogue = catalogue::load(&mut visit).map_err(wrong("failed to read the catalogue"))?;
    if catalogue.relations.iter().all(|r| !r.rights.select) && postgres.schemas.is_none() {
        let why = "the application's role may read no relation at all: give the role that the application uses";
        return Err((why.to_owned(), component.server));
    }
    let tenancy = tenancy::find(deployment, postgres, &catalogue, &mut visit);
    let tenancy = tenancy.map_err(|why| (why, component.server.clone()))?;
    drop(visit);
    component.tenancy = tenancy.said.clone();
    let bench = Bench {
        home: deployment.home.clone(),
        link: link.clone(),
        postgres,
        a,
        b,
        mode: deployment.mode,
        catalogue: Rc::new(catalogue),
        tenancy: Rc::new(tenancy),
        pool: pool.clone(),
        leaking: BTreeSet::new(),
        peopled: BTreeSet::new(),
        component,
    };
    for tenant in [a, b] {
        let what = format!("failed to become {}", tenant.id);
        let server = bench.component.server.clone();
        let entered = bench.visit(&pool, Some(tenant), Hands::Bound);
        entered.map(drop).map_err(|w| (format!("{what}: {} ({})", w.message, w.code), server))?;
    }
    let mut bench = bench;
    for shared in &postgres.shared {
        bench.component.not_judged(&shared.object, format!("shared on purpose: {}", shared.reason));
    }
    Ok(bench)
}

#[cfg(test)]
mod tests {
    use super::too_old;

    #[test]
    fn a_server_before_12_is_not_judged() {
        assert_eq!(
            too_old("110022", "PostgreSQL 11.22").as_deref(),
            Some("PostgreSQL 11.22 is too old, expected 12 or newer")
        );
        assert_eq!(too_old("120000", "PostgreSQL 12.0"), None);
        assert!(too_old("", "something else").is_some());
    }
}
