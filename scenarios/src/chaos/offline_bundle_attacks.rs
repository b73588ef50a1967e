//! Chaos: an air-gapped cell lives on bundles that strangers carry.
//!
//! Two custodians take bundles out on a token and plug them in; the one who carries it between them is hostile, has a
//! key that the exporter threw away, and copies of bundles that were made for others. Nobody at the other end can ask.

use crate::actors::Loot;
use crate::actors::attacker::{Event, Kit, Script};
use crate::actors::client::thumbprint;
use crate::actors::courier::{CUSTODIANS, Courier, TOKEN, custody_of};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::crypto::{base64url_decode, key};
use models::fact::Fact;
use models::ids::TenantId;
use models::offline::bundle::{Bundle, Certificate, File, KEY_ROTATION, Keys, RECORDS, day_of, statement};
use models::offline::cell::{MASKING, RECORD, REPORT, STALE_BOUND, TRANSFER};
use models::offline::custody::{ATTESTATION, DUAL_CUSTODY, attest, trusted};
use models::offline::exporter::{DESK, Enrolment};
use models::offline::loader::{
    ADDRESSEE, AIR_GAP, BUNDLE_SIGNATURE, COMPLETENESS, FILE_DIGEST, HOSTED_TENANT, KEY_CERTIFICATE, KEY_DAY,
    NAMED_KEY, ORDER, REPLAY, Transfer,
};
use models::offline::stores::{NEWEST_PEOPLE, NEWEST_POLICY, Person, ROW_POLICIES};
use models::oracles::rehydration::{Known, Rehydration};
use models::platform::Directory;
use models::platform::offline::{OfflinePlan, exporter_role, loader_role};
use models::wire::Wire;
use models::wire::http::{Headers, Method, Request};
use models::wire::policy::Level;
use sim::fault::Target;
use sim::oracle::{Always, Seen};
use sim::record::Finding;
use sim::swarm::Allowance;
use sim::{Duration, Instant, NodeId, Vantage};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/offline-bundle-attacks",
    title: "An offline cell loads nothing but the next whole bundle that two people brought, and lives by it",
    threat: "Bundles travel to an air-gapped cell in hostile hands: altered, signed by a stranger, by a key that \
             certifies itself and by one of another day, repeated, out of order, with a file missing, made for another \
             tenant or another cell, released by one custodian alone, carried on no token, and with a key that the \
             loader would have to ask the control plane for. One backlog is days old and must load all the same. In \
             the cell, people want their neighbour's rows, a record that is no longer permitted, data above their \
             clearance, a way in after they have left, and service when the last bundle is too old.",
    stride: None,
    requirements: &["CEL-04", "CEL-05", "CEL-06", "CEL-08"],
    variants: &[
        Variant { name: "rotation", mark: "offline.staged-on-a-later-day", controls: &[sole(&KEY_ROTATION)] },
        Variant { name: "tampered", mark: "offline.file-altered", controls: &[sole(&FILE_DIGEST)] },
        Variant { name: "forged", mark: "offline.signed-by-a-stranger", controls: &[sole(&BUNDLE_SIGNATURE)] },
        Variant { name: "self-certified", mark: "offline.key-self-certified", controls: &[sole(&KEY_CERTIFICATE)] },
        Variant { name: "wrong-day", mark: "offline.key-of-another-day", controls: &[sole(&KEY_DAY)] },
        Variant { name: "replayed", mark: "offline.replayed", controls: &[sole(&REPLAY)] },
        Variant { name: "reordered", mark: "offline.out-of-order", controls: &[sole(&ORDER)] },
        Variant { name: "truncated", mark: "offline.file-missing", controls: &[sole(&COMPLETENESS)] },
        Variant { name: "other-tenant", mark: "offline.of-another-tenant", controls: &[sole(&HOSTED_TENANT)] },
        Variant { name: "other-cell", mark: "offline.for-another-cell", controls: &[sole(&ADDRESSEE)] },
        Variant { name: "lone-load", mark: "offline.released-by-one", controls: &[sole(&DUAL_CUSTODY)] },
        Variant { name: "lone", mark: "offline.one-at-the-desk", controls: &[sole(&DUAL_CUSTODY)] },
        Variant { name: "no-token", mark: "offline.token-self-made", controls: &[sole(&ATTESTATION)] },
        Variant { name: "uplink", mark: "offline.key-withheld", controls: &[sole(&AIR_GAP)] },
        Variant { name: "old", mark: "offline.backlog-plugged-in", controls: &[sole(&NAMED_KEY)] },
        Variant { name: "report", mark: "offline.report-asked", controls: &[sole(&ROW_POLICIES)] },
        Variant { name: "withdrawn", mark: "offline.withdrawn-asked", controls: &[sole(&NEWEST_POLICY)] },
        Variant { name: "clearance", mark: "offline.above-clearance-asked", controls: &[sole(&MASKING)] },
        Variant { name: "revoked", mark: "offline.revoked-asked", controls: &[sole(&NEWEST_PEOPLE)] },
        Variant { name: "stale", mark: "offline.stale-asked", controls: &[sole(&STALE_BOUND)] },
        // What is permitted is served, without a line to anybody.
        Variant { name: "own", mark: "offline.own-served", controls: &[] },
    ],
    canary: false,
    build,
};

const CELL: &str = "cell-offline";
const OTHER_CELL: &str = "cell-offline-2";
/// Whose bundles are attacked.
const TENANT: &str = "acme";
/// Whose bundles come late.
const LATE: &str = "acme-corp";
/// Who does not live in the cell.
const GUEST: &str = "gamma";

/// A day of the platform, here.
const DAY: Duration = Duration::millis(700);
/// Three of them, as in the reference.
const STALE: Duration = Duration::millis(2_100);
/// A permission and an account are withdrawn.
const WITHDRAWN_AT: Instant = Instant(2_000_000_000);
/// By then a bundle that says so was loaded. Nobody carries the record in a sealed bundle any more, either.
const HEARD: Instant = Instant(6_000_000_000);
/// The couriers of [`TENANT`] stop, and by then the last bundle that they brought is past the bound.
const STOPPED: Instant = Instant(5_900_000_000);
const PAST_BOUND: Instant = Instant(8_000_000_000);
/// The record whose label is withdrawn.
const UNLABELLED: (u32, &str) = (905, "financial");

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp gamma", Duration::millis(80));
    stage.objects();
    stage.platform(|platform| {
        (platform.offline.bundle_every, platform.offline.key_rotation) = (DAY, DAY);
        platform.offline.policy_stale = STALE;
    });
    stage.policy(Instant::ZERO, |tenants| {
        let of_tenant = tenants.tenants.iter_mut().filter(|tenant| *tenant.id == *TENANT);
        of_tenant.for_each(|tenant| tenant.labels.push(UNLABELLED.1.into()));
    });
    stage.policy(WITHDRAWN_AT, |_| {});
    stage.special(TENANT, UNLABELLED.0, ("audit", 1, UNLABELLED.1));
    stage.forbid(TENANT, UNLABELLED.0, HEARD, "CEL-08");
    let lines = [(CELL, TENANT), (CELL, LATE), (CELL, GUEST), (OTHER_CELL, TENANT)];
    stage.offline(OfflinePlan {
        lines: lines.iter().map(|(cell, tenant)| (Arc::from(*cell), TenantId::from(*tenant))).collect(),
        hosted: vec![TENANT.into(), LATE.into()],
        people: people(),
    });
    weather(stage);
    couriers(stage);
    carriers(stage);
    residents(stage);
    judges(stage);
}

fn judges(stage: &mut Stage<'_>) {
    let known = Known {
        hosted: BTreeMap::from([(Arc::from(CELL), vec![TENANT.into(), LATE.into()])]),
        custody: trusted(CUSTODIANS.len()).1,
        rotation: DAY,
    };
    stage.oracle(move |cast| Box::new(Rehydration::new(cast, known)));
    let vantages: &[Vantage] = &[Vantage::Client];
    stage.oracle(move |_| Box::new(Always { name: "backlog", vantages, check: loads, words: PhantomData }));
    stage.mark_when("offline.staged-on-a-later-day", |fact| {
        matches!(fact, Fact::ObjectStored { key, .. } if key.contains("/archive/offline/") && key.ends_with(".3"))
    });
    stage.mark_when("offline.backlog-plugged-in", |fact| {
        let Fact::Answered(answer) = fact else { return false };
        &*answer.principal == "attacker/old" && answer.what.ends_with(TRANSFER)
    });
    stage.mark_when(
        "offline.own-served",
        |fact| matches!(fact, Fact::Answered(answer) if &*answer.principal == "attacker/own" && answer.status == 200),
    );
}

/// What two custodians bring in order is loaded, however old it is.
fn loads(seen: &Seen<'_, models::saas::Saas>) -> Option<Finding> {
    let Fact::Answered(answer) = seen.fact else { return None };
    let refused = (400..500).contains(&answer.status) && answer.what.ends_with(TRANSFER);
    (refused && &*answer.principal == "attacker/old").then(|| Finding {
        requirement: "CEL-08".into(),
        oracle: "backlog".into(),
        vantage: Vantage::Client,
        tenant: Some(LATE.into()),
        node: seen.role.into(),
        at_ns: seen.at.0,
        cause: format!("{:016x}", seen.cause),
        message: format!("a bundle that was carried for days was refused with {}", answer.status),
    })
}

/// The usual weather, and an offline cell and a store that lose power.
fn weather(stage: &mut Stage<'_>) {
    stage.usual_weather();
    let targets = [loader_role(CELL), "cell-a/objects".into(), exporter_role("cell-a")];
    stage.allow(Allowance {
        kind: "crash",
        targets: targets.into_iter().map(Target::Node).collect(),
        length: (Duration::millis(100), Duration::millis(500)),
        strength: (0, 0),
        on_ppm: 300_000,
        takes_copy: false,
    });
}

/// Who may log in in the cell. One of them leaves.
fn people() -> Vec<Enrolment> {
    let person = |name: &str, clearance, until| {
        let name: Arc<str> = format!("attacker/{name}").into();
        let certificate = thumbprint(&name);
        Enrolment { person: Person { name, tenant: TENANT.into(), certificate, clearance }, until }
    };
    vec![
        person("own", Level::Restricted, Instant::NEVER),
        person("report", Level::Restricted, Instant::NEVER),
        person("withdrawn", Level::Restricted, Instant::NEVER),
        person("clearance", Level::Internal, Instant::NEVER),
        person("revoked", Level::Restricted, WITHDRAWN_AT),
        person("stale", Level::Restricted, Instant::NEVER),
    ]
}

/// Those who bring bundles, honestly.
fn couriers(stage: &mut Stage<'_>) {
    courier(stage, "courier", (CELL, TENANT), (NEXT, true), |c| (c.lag, c.until) = (1, STOPPED));
    courier(stage, "old", (CELL, LATE), ("late", true), |c| c.wait = Duration::millis(3_300));
    // These two fetch what is for somebody else, and leave it lying about.
    courier(stage, "guest-courier", (CELL, GUEST), (OF_GUEST, false), only_fetches);
    courier(stage, "other-courier", (OTHER_CELL, TENANT), (FOR_OTHER, false), only_fetches);
}

fn only_fetches(courier: &mut Courier) {
    (courier.loader, courier.until) = (None, Instant(3_000_000_000));
}

/// Couriers of a tenant's bundles for a cell, who leave the first or the latest lying about under a name.
fn courier(
    stage: &mut Stage<'_>,
    name: &str,
    (cell, tenant): (&'static str, &'static str),
    (left, latest): (&'static str, bool),
    how: fn(&mut Courier),
) {
    let loot = stage.loot.clone();
    stage.attacker(name, Some(tenant), "CEL-05", false, move |d| {
        let (desk, loader) = (d.node(&exporter_role("cell-a")), d.node(&loader_role(CELL)));
        let mut courier = Courier::new(desk, Some(loader), (cell, tenant), (loot.clone(), left, latest));
        how(&mut courier);
        Box::new(courier)
    });
}

// What couriers leave lying about.
const NEXT: &str = "next";
const OF_GUEST: &str = "of-guest";
const FOR_OTHER: &str = "for-other";

/// Those who want something else in the cell than what was sent there, or out of the building.
fn carriers(stage: &mut Stage<'_>) {
    let loot = stage.loot.clone();
    stage.attacker("porter", None, "CEL-05", false, move |_| Box::new(Porter::new(loot.clone())));
    stage.position("attacker/courier", &loader_role(CELL), "porter");
    stage.attacker("uplink", None, "CEL-05", true, |_| Box::new(Uplink));
    stage.position(&loader_role(CELL), &exporter_role("cell-a"), "uplink");
    stage.attacker("lone", None, "CEL-06", true, |d| {
        Box::new(Lone { desk: d.node(&exporter_role("cell-a")), tries: 0 })
    });
}

/// Those who live in the cell.
fn residents(stage: &mut Stage<'_>) {
    let ms = Duration::millis;
    let resident = |name: &'static str, mark, path: String, (from, gap, tries)| {
        move |d: &Directory| -> Box<dyn Script> {
            let cell = d.node(&loader_role(CELL));
            Box::new(Resident { cell, path: path.clone(), mark, from, gap, tries, name })
        }
    };
    let record = |n: u32| format!("{RECORD}{n}");
    let own = resident("own", None, record(1), (ms(2_500), ms(150), 20));
    stage.attacker("own", Some(TENANT), "CEL-08", false, own);
    let report = resident("report", Some("offline.report-asked"), REPORT.into(), (ms(4_200), ms(120), 18));
    stage.attacker("report", Some(TENANT), "CEL-08", false, report);
    let withdrawn = Some("offline.withdrawn-asked");
    let withdrawn = resident("withdrawn", withdrawn, record(UNLABELLED.0), (ms(6_100), ms(70), 14));
    stage.attacker("withdrawn", Some(TENANT), "CEL-08", false, withdrawn);
    // Of whom no datum may be seen in the clear, whosever it is.
    let clearance = resident("clearance", Some("offline.above-clearance-asked"), record(2), (ms(3_000), ms(150), 18));
    stage.attacker("clearance", None, "CEL-08", false, clearance);
    let revoked = resident("revoked", Some("offline.revoked-asked"), record(3), (ms(6_100), ms(70), 14));
    stage.renegade("revoked", TENANT, "CEL-08", HEARD, revoked);
    let stale = resident("stale", Some("offline.stale-asked"), record(1), (ms(8_100), ms(100), 14));
    stage.renegade("stale", TENANT, "CEL-08", PAST_BOUND, stale);
}

/// Somebody who asks the cell for one thing, again and again.
struct Resident {
    cell: NodeId,
    path: String,
    mark: Option<&'static str>,
    from: Duration,
    gap: Duration,
    tries: u32,
    name: &'static str,
}

impl Script for Resident {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(kit.wait(self.from), 1),
            Event::Tick(_) if self.tries > 0 && !kit.is_over() => {
                self.tries -= 1;
                debug_assert!(kit.principal().ends_with(self.name));
                if let (true, Some(mark)) = (kit.will_ask(), self.mark) {
                    kit.mark(mark);
                }
                kit.ask(self.cell, Method::Get, &self.path, Headers::default(), b"");
                kit.after(self.gap, 1);
            }
            _ => {}
        }
    }
}

/// One custodian, with a token and nobody beside him.
struct Lone {
    desk: NodeId,
    tries: u64,
}

impl Script for Lone {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(kit.wait(Duration::millis(2_400)), 1),
            Event::Tick(_) if self.tries < 12 && !kit.is_over() => {
                self.tries += 1;
                let sequence = 1 + self.tries % 2;
                // His own word twice, or once under the name of the other.
                let mut custody = custody_of(CELL, TENANT, sequence, &[CUSTODIANS[0], CUSTODIANS[0]]);
                if self.tries.is_multiple_of(3) {
                    custody.releases[1].custodian = CUSTODIANS[1].into();
                }
                if kit.will_ask() {
                    kit.mark("offline.one-at-the-desk");
                }
                let path = format!("{DESK}{CELL}/{TENANT}/{sequence}");
                kit.ask(self.desk, Method::Post, &path, Headers::default(), &custody.encode());
                kit.after(Duration::millis(200), 1);
            }
            _ => {}
        }
    }
}

/// Whoever would hear if the cell called somebody.
struct Uplink;

impl Script for Uplink {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        if let Event::Intercepted(_, _, word) = event {
            kit.heard("a call out of the offline cell", 200, "HEARD", format!("{word:?}").as_bytes().into());
        }
    }
}

/// Whoever carries the token from the custodians to the loader.
struct Porter {
    loot: Loot,
    /// What passed, by sequence.
    passed: Vec<Transfer>,
    /// Genuine ones that are let through in a while, by timer.
    held: BTreeMap<u64, (NodeId, NodeId, Wire)>,
    steps: u64,
}

/// How long the genuine one waits behind the others.
const HOLD: Duration = Duration::millis(180);

/// What the porter makes of a transfer, and the mark of plugging it in.
type Made = (&'static str, Transfer);

impl Porter {
    fn new(loot: Loot) -> Porter {
        Porter { loot, passed: Vec::new(), held: BTreeMap::new(), steps: 0 }
    }

    fn plugs(&mut self, kit: &mut Kit<'_, '_>, (from, to): (NodeId, NodeId), request: &Request) {
        let Some(genuine) = Transfer::decode(&request.body) else { return };
        let sequence = genuine.bundle.manifest.sequence;
        for (mark, transfer) in self.makes(kit.ctx.now(), &genuine) {
            self.steps += 1;
            if !kit.goes(self.steps) {
                continue;
            }
            kit.mark(mark);
            // An answer to it is nobody's.
            let id = request.id ^ self.steps << 40;
            let request = Request { id, body: transfer.encode().into(), ..request.clone() };
            kit.out.send_as(from, to, Wire::Http(Box::new(request)));
        }
        if self.passed.len() as u64 + 1 == sequence {
            self.passed.push(genuine);
        }
    }

    fn makes(&self, now: Instant, genuine: &Transfer) -> Vec<Made> {
        let sequence = genuine.bundle.manifest.sequence;
        let found = |name: &str| self.loot.token_of(name).and_then(|text| base64url_decode(&text));
        let found = |name: &str| found(name).and_then(|bytes| Transfer::decode(&bytes));
        let mut made = vec![
            ("offline.file-altered", tampered(genuine)),
            ("offline.signed-by-a-stranger", forged(genuine)),
            ("offline.key-self-certified", self_certified(genuine)),
            ("offline.file-missing", truncated(genuine)),
            ("offline.released-by-one", released_by_one(genuine)),
            ("offline.token-self-made", on_no_token(genuine)),
            ("offline.key-withheld", without_key(genuine)),
        ];
        if day_of(now, DAY) > 0 {
            made.push(("offline.key-of-another-day", by_thrown_away_key(genuine)));
        }
        // Not the last one, which a loader takes for a repeated question, but the one before it.
        let before = sequence.checked_sub(3).and_then(|n| self.passed.get(n as usize));
        made.extend(before.map(|t| ("offline.replayed", t.clone())));
        made.extend(found(NEXT).filter(|t| t.bundle.manifest.sequence > sequence).map(|t| ("offline.out-of-order", t)));
        made.extend(found(OF_GUEST).map(|t| ("offline.of-another-tenant", t)));
        if sequence == 1 {
            made.extend(found(FOR_OTHER).map(|t| ("offline.for-another-cell", t)));
        }
        made
    }
}

/// The same with another row, which nobody signed.
fn tampered(genuine: &Transfer) -> Transfer {
    let mut made = genuine.clone();
    for (name, content) in &mut made.bundle.files {
        if **name == *RECORDS {
            *content = altered(content);
        }
    }
    made
}

/// Rows of the same length with other content.
fn altered(content: &[u8]) -> models::ids::Bytes {
    let text = String::from_utf8_lossy(content);
    text.replacen("confidential", "conveniently", 1).into_bytes().into()
}

/// A bundle of the porter's own, in the place of the genuine one: everything in order but whose it is.
fn own(genuine: &Transfer, key: &models::crypto::Key, certificate: Certificate) -> Transfer {
    let files: Vec<File> = tampered(genuine).bundle.files;
    let bundle = Bundle::seal(genuine.bundle.manifest.clone(), files, key, certificate);
    Transfer { bundle, custody: genuine.custody.clone() }
}

/// Signed by the porter under the name of the genuine key.
fn forged(genuine: &Transfer) -> Transfer {
    let certificate = genuine.bundle.certificate.clone().expect("a genuine bundle has one");
    own(genuine, &key("attacker/porter", 0), certificate)
}

/// Signed by a key of which the porter says whose it is.
fn self_certified(genuine: &Transfer) -> Transfer {
    let day = genuine.bundle.certificate.as_ref().map_or(0, |certificate| certificate.day);
    let key = key("attacker/porter", 1);
    let certificate = Certificate::issue(&key, "offline/exporter/cell-a/new".into(), day, *key.public());
    own(genuine, &key, certificate)
}

/// Signed by the exporter's key of the first day, which lay in the bin.
fn by_thrown_away_key(genuine: &Transfer) -> Transfer {
    let (key, certificate) = Keys { cell: "cell-a".into(), rotation: DAY }.of_day(0);
    own(genuine, &key, certificate)
}

fn truncated(genuine: &Transfer) -> Transfer {
    let mut made = genuine.clone();
    made.bundle.files.pop();
    made
}

fn released_by_one(genuine: &Transfer) -> Transfer {
    let mut made = genuine.clone();
    made.custody.releases[1] = made.custody.releases[0].clone();
    made
}

fn on_no_token(genuine: &Transfer) -> Transfer {
    let manifest = &genuine.bundle.manifest;
    let statement = statement(&manifest.cell, &manifest.tenant, manifest.sequence);
    let mut made = genuine.clone();
    made.custody.attestation = attest(&key("attacker/porter", 2), TOKEN, &statement);
    made
}

fn without_key(genuine: &Transfer) -> Transfer {
    let mut made = genuine.clone();
    made.bundle.certificate = None;
    made
}

impl Script for Porter {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Intercepted(from, to, Wire::Http(request)) => {
                self.plugs(kit, (from, to), &request);
                self.steps += 1;
                self.held.insert(self.steps, (from, to, Wire::Http(request)));
                kit.after(HOLD, self.steps);
            }
            Event::Intercepted(from, to, other) => kit.out.send_as(from, to, other),
            Event::Tick(held) => {
                if let Some((from, to, word)) = self.held.remove(&held) {
                    kit.out.send_as(from, to, word);
                }
            }
            _ => {}
        }
    }
}
