//! Tampering: somebody is master of a database, and wants the log of requests to say something else.
//!
//! No policy and no grant stands before a superuser. What it cannot do is sign, and what it cannot know is how far the
//! log is known to go.

use crate::actors::{Defector, Errand, Pod};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::oracles::request_log::RequestLog;
use models::platform::registrar::superuser;
use models::platform::trust_domain;
use models::registrar::chain::{CHAIN, Entry, HEAD, Head, SIGNATURE};
use models::wire::sql::{Statement, Transaction};
use models::wire::svid::SpiffeId;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/tampering-request-log",
    title: "Whoever edits the signed log of requests is noticed, though master of the database",
    threat: "An insider with a superuser's login rewrites what a tenant is said to have asked for, lets two requests \
             change places, cuts the end of a log to which nothing more is added, and puts a chain made up by itself \
             in place of another, in which every hash is right.",
    stride: Some('T'),
    requirements: &["STO-10"],
    variants: &[
        Variant { name: "edit", mark: "request-log.edit-begun", controls: &[sole(&CHAIN)] },
        Variant { name: "swap", mark: "request-log.swap-begun", controls: &[sole(&CHAIN)] },
        Variant { name: "cut", mark: "request-log.cut-begun", controls: &[sole(&HEAD)] },
        // What was made up is not signed, and does not end as the log did.
        Variant {
            name: "made-up",
            mark: "request-log.made-up-begun",
            controls: &[layered(&SIGNATURE, &HEAD), layered(&HEAD, &SIGNATURE)],
        },
    ],
    canary: false,
    build,
};

/// Whoever cuts the end of a log does so when nothing more is coming.
const LEAVES: Instant = Instant(4_000_000_000);
/// When they begin.
const BEGIN: Duration = Duration::millis(6_000);
/// How long the registrar has to notice.
const WITHIN: Duration = Duration::millis(2_000);
/// Rows of the chain that is made up: more than the log will ever have.
const MADE_UP: usize = 400;
/// Rows of one statement: a longer one is too complex for the database.
const ROWS_MAX: usize = 10;
/// Path of the service's identity, which opens the way to the database.
const APP: &str = "/ns/apps/sa/orchestrator";
const LIFETIME: Duration = Duration::secs(600);

/// Whose log each editor is after.
const EDITORS: [(&str, &str); 4] = [
    ("attacker/edit", "acme"),
    ("attacker/swap", "acme-corp"),
    ("attacker/cut", "gamma"),
    ("attacker/made-up", "beta"),
];

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp gamma beta", Duration::millis(60));
    stage.leaves("gamma", LEAVES);
    stage.request_log();
    stage.usual_weather();
    // What the network holds up for seconds is no question for a registrar.
    for kind in ["loss", "swizzle-clog", "crash"] {
        stage.without(kind);
    }
    stage.oracle(|cast| Box::new(RequestLog::new(cast, &EDITORS, WITHIN)));
    let edit = "UPDATE request_log SET request = 'nothing' WHERE tenant_id = 'acme' AND seq = 2 RETURNING seq";
    editor(stage, ("edit", "request-log.edit-begun"), "cell-a", &[edit.into()]);
    editor(stage, ("swap", "request-log.swap-begun"), "cell-a", &swap("acme-corp"));
    let cut = "DELETE FROM request_log WHERE tenant_id = 'gamma' AND seq > 2 RETURNING seq";
    editor(stage, ("cut", "request-log.cut-begun"), "cell-a", &[cut.into()]);
    editor(stage, ("made-up", "request-log.made-up-begun"), "cell-b", &made_up("beta"));
}

/// The second and the third row change places.
fn swap(tenant: &str) -> [String; 3] {
    let turn = |from: &str, to: &str| {
        format!("UPDATE request_log SET seq = {to} WHERE tenant_id = '{tenant}' AND seq = {from} RETURNING seq")
    };
    [turn("2", "1000"), turn("3", "2"), turn("1000", "3")]
}

/// A log that says nothing, in which every row follows from the one before, in place of what there was.
fn made_up(tenant: &str) -> Vec<String> {
    let mut head = Head::default();
    let rows = (0..MADE_UP).map(|_| {
        let row = Entry::chained(tenant, &head, 0, (tenant, "nothing"));
        head = row.head();
        let Entry { seq, actor, request, previous, hash, .. } = row;
        format!("('{tenant}', {seq}, 0, '{actor}', '{request}', '{previous}', '{hash}', '')")
    });
    let rows: Vec<String> = rows.collect();
    let emptied = format!("DELETE FROM request_log WHERE tenant_id = '{tenant}' RETURNING seq");
    let added = rows.chunks(ROWS_MAX).map(|rows| format!("INSERT INTO request_log VALUES {}", rows.join(", ")));
    std::iter::once(emptied).chain(added).collect()
}

/// Somebody with a superuser's login at the primary of a cell, who says this.
fn editor(stage: &mut Stage<'_>, (name, mark): (&'static str, &'static str), cell: &'static str, texts: &[String]) {
    stage.enrol(name, cell, APP, None);
    let statements: Vec<Statement> = texts.iter().map(|text| Statement::new(text, Vec::new())).collect();
    stage.attacker(name, None, "STO-10", false, move |d| {
        let id = SpiffeId::new(&trust_domain(cell), APP).expect("the path is written here");
        let door = d.node(&format!("{cell}/postgres-1"));
        let one = Transaction { tenant: None, login: Some(superuser()), statements: statements.clone() };
        Box::new(Defector::new(d.node(&format!("{cell}/mesh-ca")), id, LIFETIME, move |identity| {
            let mut pod = Pod::at_store(door, identity, Errand::Statements(vec![one.clone()]), mark);
            (pod.wait, pod.tries, pod.gap) = (BEGIN, 1, Duration::millis(600));
            pod
        }))
    });
}
