//! Information disclosure: a regulated tenant's own slice of the data plane, and everything that stands beside it.
//!
//! `gamma` is pinned to a schema and a login of the database, and to a logical database of the cache, inside the cell
//! that it shares with others. Its neighbours are pods of the service that were broken into: they hold the service's
//! identity, and the accounts of the slice that they belong to.

use crate::actors::{Defector, Errand, Intruder, Pod};
use crate::scenario::{Expectation, Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::app::slices::SLICE_ROUTING;
use models::cache::acl::ACL_PATTERN;
use models::cache::client::SLICE_DATABASE;
use models::cache::machine::{DATABASE_FENCE, password};
use models::config::Slice;
use models::fact::Fact;
use models::platform::{slices, trust_domain};
use models::postgres::namespace::SCHEMA_USAGE;
use models::postgres::pool::{LOGIN_PASSWORD, SEARCH_PATH};
use models::postgres::system::CATALOGUE_READS;
use models::wire::http::Method;
use models::wire::resp::Command;
use models::wire::sql::{Login, Statement, Transaction};
use models::wire::svid::SpiffeId;
use sim::Duration;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/disclosure-slice",
    title: "A pinned tenant's rows and entries lie in its own slice, and no neighbour reaches or names it",
    threat: "A pod of the shared service was broken into and speaks to the database and the cache of its cell in its \
             own words: it names the tables of a regulated tenant's slice outright, puts the slice into its search \
             path, logs in as the slice with a guess, asks the catalogue which slices there are, and chooses the \
             slice's logical database. A pod of the slice does the same to the shared one. And the slice's own data \
             goes astray: the service, its search path or its cache library takes it to what the others share.",
    stride: Some('I'),
    requirements: &["TEN-04", "STO-13", "TEN-02"],
    variants: &[
        Variant { name: "routing", mark: "slice.row-kept", controls: &[sole(&SLICE_ROUTING)] },
        // Without its path the slice's login looks in `public`, which it may not use.
        Variant { name: "path", mark: "slice.creation-asked", controls: &[layered(&SEARCH_PATH, &SCHEMA_USAGE)] },
        Variant { name: "entries", mark: "slice.entry-kept", controls: &[sole(&SLICE_DATABASE)] },
        Variant { name: "qualified", mark: "slice.named-outright", controls: CLOSED },
        Variant { name: "own-path", mark: "slice.put-into-path", controls: CLOSED },
        Variant { name: "outward", mark: "slice.left", controls: CLOSED },
        Variant { name: "guess", mark: "slice.login-guessed", controls: &[sole(&LOGIN_PASSWORD)] },
        Variant { name: "catalogue", mark: "slice.catalogue-read", controls: &[sole(&CATALOGUE_READS)] },
        Variant {
            name: "database",
            mark: "slice.database-chosen",
            controls: &[layered(&DATABASE_FENCE, &ACL_PATTERN), layered(&ACL_PATTERN, &DATABASE_FENCE)],
        },
    ],
    canary: false,
    build,
};

/// What stops whoever names a schema that is not theirs.
const CLOSED: &[Expectation] = &[sole(&SCHEMA_USAGE)];

/// The regulated tenant, and its slice.
const PINNED: &str = "gamma";
const SCHEMA: &str = "plane_gamma";
const DATABASE: u16 = 1;
/// Path of the service's identity.
const APP: &str = "/ns/apps/sa/orchestrator";
const LIFETIME: Duration = Duration::secs(600);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp gamma beta", Duration::millis(80));
    stage.pin(PINNED, SCHEMA, DATABASE);
    stage.usual_weather();
    stage.mark_when("slice.row-kept", |fact| matches!(fact, Fact::RowStored { tenant, .. } if **tenant == *PINNED));
    stage.mark_when("slice.entry-kept", |fact| matches!(fact, Fact::EntryStored { tenant, .. } if **tenant == *PINNED));
    creator(stage);
    // The tenant that the policies ask for is whatever a session says it is.
    at_database(
        stage,
        "qualified",
        "slice.named-outright",
        None,
        (None, PINNED),
        &[
            "SELECT body FROM plane_gamma.records ORDER BY id LIMIT 5",
            "UPDATE plane_gamma.records SET version = version WHERE id = 1 RETURNING body",
        ],
    );
    at_database(
        stage,
        "own-path",
        "slice.put-into-path",
        None,
        (None, PINNED),
        &[
            "SET LOCAL search_path = plane_gamma; SELECT body FROM records ORDER BY id LIMIT 5",
            "SET LOCAL search_path TO nowhere, plane_gamma, public; SELECT body FROM records ORDER BY id LIMIT 5",
        ],
    );
    let login = slices::login(&Slice { schema: SCHEMA.into(), cache_database: DATABASE });
    let guess = Login { password: "pw-plane".into(), ..login.clone() };
    let own = ["SELECT body FROM records ORDER BY id LIMIT 5"];
    at_database(stage, "guess", "slice.login-guessed", None, (Some(guess), PINNED), &own);
    at_database(
        stage,
        "catalogue",
        "slice.catalogue-read",
        None,
        (None, "acme"),
        &[
            "SELECT schemaname, tablename, tableowner FROM pg_tables",
            "SELECT table_schema, table_name FROM information_schema.tables",
        ],
    );
    at_database(
        stage,
        "outward",
        "slice.left",
        Some(PINNED),
        (Some(login), "acme"),
        &[
            "SELECT body FROM public.records ORDER BY id LIMIT 5",
            "SET LOCAL search_path = public; SELECT body FROM records ORDER BY id LIMIT 5",
        ],
    );
    at_cache(stage);
}

/// Somebody of the pinned tenant who adds records: wherever the service takes a statement, there they lie.
fn creator(stage: &mut Stage<'_>) {
    let own = stage.own_marker(PINNED);
    stage.attacker("path", Some(PINNED), "TEN-04", false, move |d| {
        let creations: Vec<String> = (0..24).map(|i| format!("{};{own}", 9_000 + i)).collect();
        let asks: Vec<_> = creations.iter().map(|body| (Method::Post, "/v1/records", body.as_str())).collect();
        let (idp, edge) = (d.node("cell-a/idp"), d.node("edge-a"));
        let mut creator = Intruder::new(idp, edge, PINNED, "EU", "slice.creation-asked").asking(&asks);
        (creator.tries, creator.gap) = (24, Duration::millis(220));
        Box::new(creator)
    });
}

/// A pod that holds the service's identity, at the database of cell A. `tenant` is what it is entitled to.
fn at_database(
    stage: &mut Stage<'_>,
    name: &'static str,
    mark: &'static str,
    tenant: Option<&str>,
    (login, set): (Option<Login>, &'static str),
    texts: &[&str],
) {
    let transaction = |text: &&str| Transaction {
        tenant: Some(set.into()),
        login: login.clone(),
        statements: vec![Statement::new(text, Vec::new())],
    };
    let all: Vec<Transaction> = texts.iter().map(transaction).collect();
    pod(stage, (name, mark, "STO-13"), tenant, "cell-a/postgres-1", move || Errand::Statements(all.clone()));
}

/// A pod that holds the account of a shared tenant, at the cache of cell A.
fn at_cache(stage: &mut Stage<'_>) {
    let user = "acme-corp";
    let ask = |id: u32| {
        let key = format!("{PINNED}:record:{id}").into_bytes();
        let password = password(user).into();
        vec![Command::Auth { user: user.into(), password }, Command::Select(DATABASE), Command::Get(key.into())]
    };
    let all: Vec<_> = (0..6).map(ask).collect();
    let words = ("database", "slice.database-chosen", "TEN-04");
    pod(stage, words, None, "cell-a/cache", move || Errand::Commands(all.clone()));
}

fn pod(
    stage: &mut Stage<'_>,
    (name, mark, breach): (&'static str, &'static str, &'static str),
    tenant: Option<&str>,
    door: &'static str,
    errand: impl Fn() -> Errand + Clone + 'static,
) {
    stage.enrol(name, "cell-a", APP, None);
    stage.attacker(name, tenant, breach, false, move |d| {
        let id = SpiffeId::new(&trust_domain("cell-a"), APP).expect("the path is written here");
        let (door, errand) = (d.node(door), errand.clone());
        Box::new(Defector::new(d.node("cell-a/mesh-ca"), id, LIFETIME, move |identity| {
            let mut pod = Pod::at_store(door, identity, errand(), mark);
            (pod.wait, pod.tries, pod.gap) = (Duration::millis(1_500), 24, Duration::millis(290));
            pod
        }))
    });
}
