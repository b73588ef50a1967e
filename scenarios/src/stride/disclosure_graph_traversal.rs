//! Information disclosure: a tenant's relations, by ways of a graph that leave one's own part of it.
//!
//! All tenants lie in one graph, and topics that nobody owns lie between them. What holds no byte of anybody's still
//! tells: how many rows, how many paths, and whether a serial number is taken. Those answers are compared with what the
//! tenant would be told if it were alone.

use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::control::Controls;
use models::graph::guard::{PROCEDURE_ALLOWLIST, QUERY_GUARD, guard};
use models::graph::store::{INDEX_FENCE, PATH_FENCE, TENANT_LABEL, UNIQUE_PER_TENANT};
use models::platform::graph::{FIRST_NODES, GraphPlan, TITLE_WORD, serial};
use models::wire::http::Method;
use sim::Duration;
use sim::fault::Target;
use sim::swarm::Allowance;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/disclosure-graph-traversal",
    title: "No traversal, procedure, index, count or constraint tells a tenant what another one's graph holds",
    threat: "A tenant runs statements of its own on the graph that it shares with others: it matches another tenant's \
             label and property, goes over a shared topic and back, asks for all nodes of paths that lead over it, \
             and calls a procedure that runs with nobody's permissions. It counts paths and hits of the full-text \
             index, and tries which serial numbers are taken.",
    stride: Some('I'),
    requirements: &["STO-12", "TEN-02"],
    variants: &[
        // Two layers: the service binds each pattern to the tenant, and the database permits its label.
        Variant {
            name: "label",
            mark: "graph.label-matched",
            controls: &[layered(&QUERY_GUARD, &TENANT_LABEL), layered(&TENANT_LABEL, &QUERY_GUARD)],
        },
        Variant {
            name: "shared-node",
            mark: "graph.shared-node-crossed",
            controls: &[layered(&QUERY_GUARD, &TENANT_LABEL), layered(&TENANT_LABEL, &QUERY_GUARD)],
        },
        Variant { name: "path-count", mark: "graph.paths-counted", controls: &[sole(&PATH_FENCE)] },
        Variant { name: "procedure", mark: "graph.procedure-called", controls: &[sole(&PROCEDURE_ALLOWLIST)] },
        Variant { name: "index", mark: "graph.index-searched", controls: &[sole(&INDEX_FENCE)] },
        Variant { name: "serial", mark: "graph.serial-tried", controls: &[sole(&UNIQUE_PER_TENANT)] },
        // What is permitted is served: honest tenants follow their relations, and ask in statements of their own.
        Variant { name: "own", mark: "graph.own-served", controls: &[] },
    ],
    canary: false,
    build,
};

const ATTACKER: &str = "acme";
const VICTIM: &str = "acme-corp";

/// All paths of a record to another one of its own, over whatever lies between.
const PATHS: &str = "MATCH p = (a:Record {id: 0})-[*1..4]-(b:Record) RETURN count(*) AS paths";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.habit("acme acme-corp beta", crate::actors::Habit::Relations);
    stage.graph(GraphPlan::default());
    stage.usual_weather();
    stage.allow(Allowance {
        kind: "crash",
        targets: vec![Target::Node("cell-a/graph".into())],
        length: (Duration::millis(200), Duration::millis(1_200)),
        strength: (0, 0),
        on_ppm: 300_000,
        takes_copy: false,
    });
    readers(stage);
    counters(stage);
    stage.mark_when("graph.own-served", |fact| match fact {
        models::fact::Fact::Answered(answer) => {
            answer.status == 200 && answer.principal.starts_with("client/") && answer.what.contains("/v1/relations/")
        }
        _ => false,
    });
}

/// Those who want to read what is not theirs.
fn readers(stage: &mut Stage<'_>) {
    let label = [
        "MATCH (n:Record) RETURN n.name".to_owned(),
        format!("MATCH (n:`tenant:{VICTIM}`) RETURN n"),
        "MATCH (n:Record {title: 'quarterly report 1'}) RETURN n".to_owned(),
    ];
    let shared = [
        "MATCH (a:Record {id: 1})-[:MENTIONS]->(t:Topic)<-[:MENTIONS]-(b:Record) RETURN b.name".to_owned(),
        "MATCH (t:Topic)--(b) RETURN b".to_owned(),
        "MATCH p = (a:Record {id: 0})-[:MENTIONS]-()-[:MENTIONS]-(b) RETURN nodes(p)".to_owned(),
        "MATCH p = (a:Record {id: 0})-[*1..2]-(b) RETURN nodes(p)".to_owned(),
    ];
    let procedure = [
        "CALL apoc.export.json.all(null) YIELD data RETURN data".to_owned(),
        "CALL apoc.export.json.all(null) YIELD data".to_owned(),
    ];
    intruder(stage, "label", "graph.label-matched", &label);
    intruder(stage, "shared-node", "graph.shared-node-crossed", &shared);
    intruder(stage, "procedure", "graph.procedure-called", &procedure);
}

/// Those who want to know what there is.
fn counters(stage: &mut Stage<'_>) {
    let hits = format!("CALL db.index.fulltext.queryNodes('titles', '{TITLE_WORD}') YIELD score RETURN count(score)");
    let taken: Vec<String> = (0..FIRST_NODES)
        .map(|n| format!("MERGE (n:Record {{serial: '{}'}})", serial(&stage.inputs.tenants, VICTIM, n)))
        .collect();
    intruder(stage, "path-count", "graph.paths-counted", &[PATHS.to_owned()]);
    intruder(stage, "index", "graph.index-searched", std::slice::from_ref(&hits));
    // Of a tenant of its own: what it writes is no record of those whose records are counted.
    intruder(stage, "serial", "graph.serial-tried", &taken);
    let after = |text: &str| guard(&Controls::all_on(), ATTACKER, text).expect("the guard lets it pass");
    let (paths, hits, merge) = (after(PATHS), after(&hits), after(&taken[0]));
    stage
        .alone("STO-12", &[("path-count", ATTACKER, &paths), ("index", ATTACKER, &hits), ("serial", ATTACKER, &merge)]);
}

fn intruder(stage: &mut Stage<'_>, name: &'static str, mark: &'static str, statements: &[String]) {
    let asks: Vec<_> =
        statements.iter().map(|text| (Method::Post, "/v1/graph".to_owned(), text.as_bytes().to_vec())).collect();
    stage.attacker(name, Some(ATTACKER), "STO-12", false, move |d| {
        let mut intruder = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), ATTACKER, "EU", mark)
            .crafting(|token| Some(bearer(token)));
        intruder.asks.clone_from(&asks);
        (intruder.tries, intruder.gap) = (16, Duration::millis(220));
        Box::new(intruder)
    });
}
