//! Information disclosure: ways around row-level security that a database has beside its tables.
//!
//! The service's statements were injected into, or its pod was broken into: whoever speaks is the service's role, and
//! the transaction is its own tenant's, which it leaves as it is. The policies of the tables hold. What it tries is
//! everything that is read in a table's place: views, a materialised view, functions, partitions, tables that inherit,
//! keys, and what refers to a row.

use crate::actors::{Defector, Errand, Pod};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::Fact;
use models::platform::incidents::{FIRST, HELD, first_number, reference, state};
use models::platform::trust_domain;
use models::postgres::execute::TRUNCATE_PRIVILEGE;
use models::postgres::function::{DEFINER_PINNED, FUNCTION_INVOKER};
use models::postgres::partition::CHILD_POLICIES;
use models::postgres::referential::FOREIGN_KEY_PER_TENANT;
use models::postgres::store::KEY_PER_TENANT;
use models::postgres::view::{MATVIEW_PRIVILEGE, VIEW_BARRIER, VIEW_INVOKER};
use models::wire::sql::{Statement, Transaction, Value};
use models::wire::svid::SpiffeId;
use sim::Duration;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/disclosure-sql-bypass",
    title: "No view, function, partition, heir, materialised view, key, reference or TRUNCATE leads around any policy",
    threat: "Somebody puts statements of their own into a transaction that the service has opened for their tenant. \
             They read other tenants' incidents through a view and a lookup function that were made by a superuser, \
             make a view ask a failing condition of rows that it hides, name the partitions in place of the whole and \
             an heir in place of its parent, read the report of all tenants, take a function that runs as its owner to \
             another schema, insert what only somebody else can have, refer to rows of others, get others to refer to \
             a row that they then delete, and empty the table, which no policy forbids.",
    stride: Some('I'),
    requirements: &["STO-03", "TEN-02"],
    variants: &[
        Variant { name: "view", mark: "bypass.view-read", controls: &[sole(&VIEW_INVOKER)] },
        Variant { name: "condition", mark: "bypass.condition-failed", controls: &[sole(&VIEW_BARRIER)] },
        Variant { name: "function", mark: "bypass.function-called", controls: &[sole(&FUNCTION_INVOKER)] },
        Variant { name: "path", mark: "bypass.path-chosen", controls: &[sole(&DEFINER_PINNED)] },
        Variant { name: "partition", mark: "bypass.partition-named", controls: &[sole(&CHILD_POLICIES)] },
        Variant { name: "heir", mark: "bypass.heir-named", controls: &[sole(&CHILD_POLICIES)] },
        Variant { name: "report", mark: "bypass.report-read", controls: &[sole(&MATVIEW_PRIVILEGE)] },
        Variant { name: "key", mark: "bypass.key-tried", controls: &[sole(&KEY_PER_TENANT)] },
        Variant { name: "reference", mark: "bypass.reference-tried", controls: &[sole(&FOREIGN_KEY_PER_TENANT)] },
        Variant { name: "cascade", mark: "bypass.row-entrusted", controls: &[sole(&FOREIGN_KEY_PER_TENANT)] },
        Variant { name: "truncate", mark: "bypass.truncated", controls: &[sole(&TRUNCATE_PRIVILEGE)] },
        // Who asks for what is theirs is served by each of these ways.
        Variant { name: "own", mark: "bypass.own-served", controls: &[] },
    ],
    canary: false,
    build,
};

const ATTACKER: &str = "acme";
const VICTIM: &str = "acme-corp";
/// Path of the service's identity.
const APP: &str = "/ns/apps/sa/orchestrator";
const LIFETIME: Duration = Duration::secs(600);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.incidents();
    stage.usual_weather();
    readers(stage);
    breakers(stage);
    referrers(stage);
    let own = |n: u32| Value::text(&reference(VICTIM, n));
    let served = [
        one("SELECT id, state, reference, body FROM incident_list ORDER BY id", vec![]),
        one("SELECT id, body FROM incident_of($1)", vec![own(1)]),
        one("SELECT note FROM duty_notes ORDER BY id LIMIT 3", vec![]),
        one("SELECT body FROM incidents_open ORDER BY id", vec![]),
        one("SELECT body FROM watches ORDER BY id", vec![]),
        one("SELECT body FROM ONLY watches_ended ORDER BY id", vec![]),
        one("SELECT days, note FROM retention_of($1)", vec![Value::text("incident")]),
        one("UPDATE incidents SET state = 'closed' WHERE id = 0 RETURNING state, body", vec![]),
        one("UPDATE incidents SET state = 'open' WHERE id = 0 RETURNING state, body", vec![]),
    ];
    pod(stage, ("own", "bypass.own-asked", false), VICTIM, &served);
    stage.mark_when("bypass.own-served", |fact| match fact {
        Fact::Answered(a) => a.status == 200 && *a.principal == *"attacker/own" && !a.body.is_empty(),
        _ => false,
    });
}

/// A transaction of one statement.
fn one(text: &str, params: Vec<Value>) -> Vec<Statement> {
    vec![Statement::new(text, params)]
}

/// Those who want to read what is not theirs.
fn readers(stage: &mut Stage<'_>) {
    let theirs = |n: u32| Value::text(&reference(VICTIM, n));
    let view = [
        one("SELECT id, reference, body FROM incident_list ORDER BY id LIMIT 20", vec![]),
        one("SELECT body FROM incident_list WHERE reference = $1", vec![theirs(0)]),
    ];
    pod(stage, ("view", "bypass.view-read", false), ATTACKER, &view);
    // Cheaper than the view's own condition, and false of what the attacker may see anyway.
    let first = first_number(&stage.inputs.tenants, ATTACKER);
    let text = "SELECT id FROM duty_notes WHERE (id < $1 OR id > $2) AND note::bool";
    let beside = vec![Value::Int(first), Value::Int(first + i64::from(FIRST) - 1)];
    pod(stage, ("condition", "bypass.condition-failed", false), ATTACKER, &[one(text, beside)]);
    let calls: Vec<_> = (0..FIRST).map(|n| one("SELECT id, body FROM incident_of($1)", vec![theirs(n)])).collect();
    pod(stage, ("function", "bypass.function-called", false), ATTACKER, &calls);
    let mut path = one("SET LOCAL search_path = legal", vec![]);
    path.extend(one("SELECT days, note FROM public.retention_of($1)", vec![Value::text(HELD)]));
    pod(stage, ("path", "bypass.path-chosen", false), ATTACKER, &[path]);
    let partition = [
        one("SELECT body FROM incidents_open ORDER BY id", vec![]),
        one("SELECT body FROM incidents_closed WHERE reference = $1", vec![theirs(1)]),
    ];
    pod(stage, ("partition", "bypass.partition-named", false), ATTACKER, &partition);
    let heir = [
        one("SELECT body FROM watches_ended ORDER BY id", vec![]),
        one("UPDATE watches_ended SET body = body RETURNING tenant_id, body", vec![]),
    ];
    pod(stage, ("heir", "bypass.heir-named", false), ATTACKER, &heir);
    let report = [one("SELECT body FROM incident_report", vec![]), one("SELECT count(*) FROM incident_report", vec![])];
    pod(stage, ("report", "bypass.report-read", false), ATTACKER, &report);
}

/// Those who want to know what there is, or to take it away.
fn breakers(stage: &mut Stage<'_>) {
    let try_key = |n: u32| {
        let text = "INSERT INTO incidents VALUES ($1, $2, $3, $4, $5)";
        let (id, name) = (Value::Int(i64::from(n) + 9_000), Value::text(&reference(VICTIM, n)));
        let mut all = one(text, vec![Value::text(ATTACKER), id, Value::text(state(n)), name, Value::text("x")]);
        // Whatever it was told, nothing of it stays.
        all.extend(one("ROLLBACK", vec![]));
        all
    };
    let keys: Vec<_> = (0..FIRST).map(try_key).collect();
    pod(stage, ("key", "bypass.key-tried", false), ATTACKER, &keys);
    stage.told_alone("STO-03", "key", b"");
    let truncate = [one("TRUNCATE incidents", vec![]), one("TRUNCATE TABLE incidents CASCADE", vec![])];
    pod(stage, ("truncate", "bypass.truncated", true), ATTACKER, &truncate);
}

/// Those who refer to what is not theirs, and who delete what others refer to.
fn referrers(stage: &mut Stage<'_>) {
    let note = |tenant: &str, pager: i64, seq: i64| {
        vec![Value::text(tenant), Value::Int(pager), Value::Int(seq), Value::text("x")]
    };
    let theirs = first_number(&stage.inputs.tenants, VICTIM);
    // Some of these pagers are there, and some are not.
    let refer = |n: u32| {
        let params = note(ATTACKER, theirs + i64::from(n), 9_000);
        let mut all = one("INSERT INTO pages VALUES ($1, $2, $3, $4)", params);
        all.extend(one("ROLLBACK", vec![]));
        all
    };
    let refers: Vec<_> = (0..2 * FIRST).map(refer).collect();
    pod(stage, ("reference", "bypass.reference-tried", true), ATTACKER, &refers);
    // Somebody of the other tenant writes to a number that they were given, and looks whether it is still there.
    let given = first_number(&stage.inputs.tenants, ATTACKER);
    let entrusted = [
        one("INSERT INTO pages VALUES ($1, $2, $3, $4) RETURNING note", note(VICTIM, given, 1)),
        one("SELECT note FROM pages WHERE pager = $1", vec![Value::Int(given)]),
    ];
    pod(stage, ("cascade", "bypass.row-entrusted", false), VICTIM, &entrusted);
    stage.told_again("STO-03", "cascade");
    // Whoever gave the number deletes the pager, and makes it anew: both are theirs to do.
    let mut anew = one("DELETE FROM pagers WHERE id = $1", vec![Value::Int(given)]);
    let pager = vec![Value::text(ATTACKER), Value::Int(given), Value::text("on call")];
    anew.extend(one("INSERT INTO pagers VALUES ($1, $2, $3)", pager));
    pod(stage, ("eraser", "bypass.pager-deleted", false), ATTACKER, &[anew]);
}

/// A pod with the service's identity at the database of cell A, in transactions of a tenant; `never` says that whatever
/// it is granted is a breach.
fn pod(
    stage: &mut Stage<'_>,
    (name, mark, never): (&'static str, &'static str, bool),
    tenant: &'static str,
    transactions: &[Vec<Statement>],
) {
    let transaction = |statements: &Vec<Statement>| Transaction {
        tenant: Some(tenant.into()),
        login: None,
        statements: statements.clone(),
    };
    let all: Vec<Transaction> = transactions.iter().map(transaction).collect();
    stage.enrol(name, "cell-a", APP, None);
    stage.attacker(name, Some(tenant), "STO-03", never, move |d| {
        let id = SpiffeId::new(&trust_domain("cell-a"), APP).expect("the path is written here");
        let (door, all) = (d.node("cell-a/postgres-1"), all.clone());
        Box::new(Defector::new(d.node("cell-a/mesh-ca"), id, LIFETIME, move |identity| {
            let mut pod = Pod::at_store(door, identity, Errand::Statements(all.clone()), mark);
            (pod.wait, pod.tries, pod.gap) = (Duration::millis(1_500), 24, Duration::millis(290));
            pod
        }))
    });
}
