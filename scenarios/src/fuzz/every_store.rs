//! Fuzz: drawn names, statements, requests and commands at every store that tenants share beside the database.
//!
//! Each attacker is one of two neighbours in a cell, drawn, with what such a tenant holds in earnest: a token, the
//! certificate of its connector, the account of its cache library. What it asks for is put together from parts, so that
//! no two seeds ask for the same; most of it is nonsense, and none of it may be answered with what is the other's.

use crate::actors::connector::group_of;
use crate::actors::{Defector, Errand, Habit, Intruder, Pod, Snoop, bearer};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::cache::acl::ACL_PATTERN;
use models::cache::machine::password;
use models::graph::guard::QUERY_GUARD;
use models::graph::store::TENANT_LABEL;
use models::kafka::acl::ACL_PREFIX;
use models::kafka::topic_name;
use models::luck;
use models::objects::grant::GRANT;
use models::objects::path::{ARCHIVE, PATH, PREFIX};
use models::platform::graph::GraphPlan;
use models::platform::objects::{DOCUMENTS, FIRST_OBJECTS, first_key};
use models::platform::{event_body, trust_domain};
use models::wire::http::Method;
use models::wire::kafka::{Acks, Fetch, Produce, Record, Request};
use models::wire::resp::{self, Command};
use models::wire::svid::SpiffeId;
use sim::seed::{below, name_hash};
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "fuzz/every-store",
    title: "Whatever a tenant says to objects, graph, brokers and cache, it gets nothing of another",
    threat: "One of two neighbours, of whom one's id begins with the other's, names objects in drawn spellings, runs \
             drawn statements on the graph, sends drawn requests to the brokers with the certificate of its connector, \
             and drawn commands to the cache with the account of its library, under drawn faults.",
    stride: Some('I'),
    requirements: &["TEN-02", "STO-08", "STO-12", "EVT-01", "CAC-01"],
    variants: &[
        Variant {
            name: "objects",
            mark: "fuzz.object-named",
            controls: &[layered(&PATH, &GRANT), layered(&PREFIX, &GRANT), layered(&GRANT, &PATH)],
        },
        Variant {
            name: "graph",
            mark: "fuzz.statement-run",
            controls: &[layered(&QUERY_GUARD, &TENANT_LABEL), layered(&TENANT_LABEL, &QUERY_GUARD)],
        },
        Variant { name: "events", mark: "fuzz.broker-asked", controls: &[sole(&ACL_PREFIX)] },
        Variant { name: "entries", mark: "fuzz.cache-asked", controls: &[sole(&ACL_PATTERN)] },
    ],
    canary: false,
    build,
};

/// Neighbours in one cell: one of them attacks, the other one is whom it wants something of.
const NEIGHBOURS: [&str; 2] = ["acme", "acme-corp"];
/// Path of the service's identity, whose pod the cache's account was stolen from.
const APP: &str = "/ns/apps/sa/orchestrator";
/// What is drawn of each kind before the run; then it begins anew.
const DRAWN: u64 = 24;
/// Records and nodes that are asked for are numbered below this.
const NUMBERS: u64 = 12;

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.habit("acme acme-corp", Habit::Relations);
    stage.objects();
    stage.graph(GraphPlan::default());
    stage.connectors("acme acme-corp");
    stage.usual_weather();
    objects(stage);
    graph(stage);
    events(stage);
    entries(stage);
}

/// Who attacks by this name, and whom.
fn drawn(stage: &Stage<'_>, name: &str) -> (&'static str, &'static str) {
    let me = (stage.draws.draw(luck::ATTACK, name_hash(name), 1) & 1) as usize;
    (NEIGHBOURS[me], NEIGHBOURS[1 - me])
}

/// Draws of one attack, one after the other.
struct Dice<'a, 'b> {
    stage: &'a Stage<'b>,
    name: u64,
    n: u64,
}

impl<'a, 'b> Dice<'a, 'b> {
    fn of(stage: &'a Stage<'b>, name: &str) -> Dice<'a, 'b> {
        // Who attacks is the first draw.
        Dice { stage, name: name_hash(name), n: 1 }
    }

    fn number(&mut self, bound: u64) -> u64 {
        self.n += 1;
        below(self.stage.draws.draw(luck::ATTACK, self.name, self.n), bound)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.number(all.len() as u64) as usize]
    }
}

/// Somebody with a genuine token at the door of its cell.
fn tenant(
    stage: &mut Stage<'_>,
    (name, me): (&'static str, &'static str),
    (mark, breach): (&'static str, &'static str),
    asks: Vec<(Method, String, Vec<u8>)>,
) {
    stage.attacker(name, Some(me), breach, false, move |d| {
        let mut intruder =
            Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), me, "EU", mark).crafting(|token| Some(bearer(token)));
        intruder.asks.clone_from(&asks);
        (intruder.tries, intruder.gap) = (40, Duration::millis(120));
        Box::new(intruder)
    });
}

/// A name that leads to the other's objects by some spelling, or nowhere.
fn object_name(dice: &mut Dice<'_, '_>, me: &str, victim: &str) -> String {
    let domain = dice.one_of(&[DOCUMENTS, ARCHIVE]);
    let key = first_key(victim, domain, dice.number(u64::from(FIRST_OBJECTS)) as u32);
    if dice.number(3) == 0 {
        return key;
    }
    let inside = dice.one_of(&["", "documents/", "documents/reports/"]);
    let levels = 1 + inside.matches('/').count();
    let up = dice.one_of(&["..", "%2e%2e", "%2E.", "%252e%252e", ".%00.", "%c0%ae%c0%ae", "..;"]);
    let slash = dice.one_of(&["/", "/", "/", "%2F", "%5c", "//", "/./"]);
    format!("{me}/{inside}{}{key}", format!("{up}{slash}").repeat(levels))
}

fn objects(stage: &mut Stage<'_>) {
    let (me, victim) = drawn(stage, "objects");
    let planted = stage.own_marker(me).into_bytes();
    let mut dice = Dice::of(stage, "objects");
    let asks = (0..DRAWN).map(|_| match dice.number(5) {
        0 => {
            let begins = dice.one_of(&["", "/", "-", "-corp", "-corp/", "-corp/documents/", "/../", "/%2e%2e/"]);
            (Method::Get, format!("/v1/objects?prefix={me}{begins}"), Vec::new())
        }
        1 => (Method::Put, format!("/v1/objects/{}", object_name(&mut dice, me, victim)), planted.clone()),
        _ => (Method::Get, format!("/v1/objects/{}", object_name(&mut dice, me, victim)), Vec::new()),
    });
    let asks = asks.collect();
    tenant(stage, ("objects", me), ("fuzz.object-named", "STO-08"), asks);
}

/// A statement of patterns, ways and what is shown of them, which may make no sense.
fn statement(dice: &mut Dice<'_, '_>, victim: &str) -> String {
    let number = dice.number(NUMBERS);
    let label = format!(":`tenant:{victim}`");
    let title = format!(":Record {{title: 'quarterly report {number}'}}");
    let begin = dice.one_of(&[":Record", "", ":Topic", label.as_str(), title.as_str()]);
    let own = format!(":Record {{id: {number}}}");
    match dice.number(3) {
        0 => format!("MATCH (n{begin}) RETURN {}", dice.one_of(&["n", "n.name", "n.title, n.name"])),
        1 => {
            let way = dice.one_of(&["-[:MENTIONS]-", "--", "-[:MENTIONS]->"]);
            let back = dice.one_of(&["-[:MENTIONS]-", "--", "<-[:MENTIONS]-"]);
            format!("MATCH (a{own}){way}(t){back}(b{begin}) RETURN {}", dice.one_of(&["b", "b.name", "t, b"]))
        }
        _ => {
            let hops = dice.one_of(&["*1..2", "*1..3", "*2..2", ":MENTIONS*1..2"]);
            format!("MATCH p = (a{own})-[{hops}]-(b{begin}) RETURN {}", dice.one_of(&["nodes(p)", "b", "b.name"]))
        }
    }
}

fn graph(stage: &mut Stage<'_>) {
    let (me, victim) = drawn(stage, "graph");
    let mut dice = Dice::of(stage, "graph");
    let asks = (0..DRAWN).map(|_| (Method::Post, "/v1/graph".to_owned(), statement(&mut dice, victim).into_bytes()));
    let asks = asks.collect();
    tenant(stage, ("graph", me), ("fuzz.statement-run", "STO-12"), asks);
}

/// Whatever it asks for is the other's, so that any success is a breach.
fn events(stage: &mut Stage<'_>) {
    let (me, victim) = drawn(stage, "events");
    let own = stage.own_marker(me);
    let errand = move |draw: u64, end: u64| {
        let part = |n: u32, bound| below(draw.rotate_left(n), bound);
        let topic = topic_name(victim, ["telemetry", "audit"][part(32, 2) as usize]);
        let (partition, group) = (part(40, 2) as u32, group_of(victim).into());
        match part(0, 7) {
            0 | 1 => {
                let offset = part(16, end.max(1));
                let bytes_max = 1 << (6 + part(24, 12));
                Request::Fetch(Fetch { topic, partition, offset, bytes_max, wait: Duration::ZERO })
            }
            2 => {
                let records = [Record::new(event_body(victim, draw, &own), Instant::ZERO)].into();
                // Whom a producer says that it writes for decides its quota and nothing else.
                let client = (part(48, 2) == 0).then(|| victim.into());
                Request::Produce(Produce { topic, partition, client, producer: None, acks: Acks::All, records })
            }
            3 => Request::Metadata { topics: Some(vec![topic]) },
            4 => Request::ListOffsets { topic, partition },
            5 => Request::OffsetFetch { group, topic, partition },
            _ => Request::OffsetCommit { group, topic, partition, offset: part(16, end.max(1)) },
        }
    };
    stage.insider("events", me, "EVT-01", true, move |d| {
        let brokers = (1..=3).map(|i| d.node(&format!("cell-a/kafka-{i}"))).collect();
        let mut snoop = Snoop::new(brokers, "fuzz.broker-asked", errand.clone());
        (snoop.tries, snoop.gap) = (30, Duration::millis(150));
        Box::new(snoop)
    });
}

/// Commands on one connection, as the account of its own library, some of them on another logical database.
fn commands(dice: &mut Dice<'_, '_>, (me, victim): (&str, &str), planted: &[u8]) -> resp::Request {
    let family = dice.one_of(&["record", "session", "page", "*"]);
    let separator = dice.one_of(&[":", ":", ":", "%3A", "::", ""]);
    let change = dice.number(6);
    // What is its own it may read; to change it would be its own loss, and another story.
    let own = if change < 2 { victim } else { me };
    let owner = dice.one_of(&[victim, victim, victim, own, "*", "@platform"]);
    let key = format!("{owner}{separator}{family}:{}", dice.number(NUMBERS));
    let key: models::ids::Bytes = key.into_bytes().into();
    let mut batch = vec![Command::Auth { user: me.into(), password: password(me).into() }];
    if dice.number(4) == 0 {
        batch.push(Command::Select(dice.number(3) as u16));
    }
    batch.push(match change {
        0 => Command::Del(key),
        1 => Command::Set { key, value: planted.into(), ttl: None },
        2 => Command::Exists(key),
        _ => Command::Get(key),
    });
    batch
}

fn entries(stage: &mut Stage<'_>) {
    let (me, victim) = drawn(stage, "entries");
    let planted = stage.own_marker(me).into_bytes();
    let mut dice = Dice::of(stage, "entries");
    let all: Vec<resp::Request> = (0..DRAWN).map(|_| commands(&mut dice, (me, victim), &planted)).collect();
    stage.enrol("entries", "cell-a", APP, None);
    stage.attacker("entries", Some(me), "CAC-01", false, move |d| {
        let id = SpiffeId::new(&trust_domain("cell-a"), APP).expect("the path is written here");
        let (door, all) = (d.node("cell-a/cache"), all.clone());
        Box::new(Defector::new(d.node("cell-a/mesh-ca"), id, Duration::secs(600), move |identity| {
            let mut pod = Pod::at_store(door, identity, Errand::Commands(all.clone()), "fuzz.cache-asked");
            (pod.wait, pod.tries, pod.gap) = (Duration::millis(1_500), 40, Duration::millis(180));
            pod
        }))
    });
}
