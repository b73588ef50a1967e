//! Chaos: a logical replica in another region, cut off from its publisher, given up by it, and then led by another node
//! of the pair, which lacks what the first had not shipped.

use crate::actors::pod::{Caller, Errand};
use crate::actors::{Defector, Fleet, Pod, Reports};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::fact::{Answer, Fact};
use models::oracles::logical_replica::{READS, WRITES};
use models::platform::replica::{FLEET, REPORTS, ReplicaPlan};
use models::platform::{self, Directory, trust_domain};
use models::postgres::machine::publisher::INVALIDATED;
use models::postgres::publication::{MOVES_OUT, PUBLICATION_FILTER};
use models::postgres::slot::WAITS_FOR_STANDBY;
use models::postgres::subscriber::{LAG, SLOT_GONE};
use models::postgres::subscription::{COPY_ANEW, LAG_ALARM, REPLICA_POLICIES, SELECT_ONLY, STALENESS_BOUND};
use models::wire::sql::{Statement, Value};
use models::wire::svid::SpiffeId;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/logical-replica",
    title: "A logical replica abroad shows each tenant its own rows, none that is bound elsewhere, and none for newer \
            than it is",
    threat: "Cell B reads a logical replica of cell A's devices. The link between them is cut for so long that the \
             publisher gives the slot up; then the primary loses power behind a dead link to its standby, while \
             nothing reaches the replica either, and the successor knows of no slot. Devices are bound to the region \
             and set free again all the time. Reports of one tenant ask for every row, try to write, and take erased \
             rows for there.",
    stride: None,
    requirements: &["STO-05"],
    variants: &[
        Variant { name: "bound", mark: "replica.bound-written", controls: &[sole(&PUBLICATION_FILTER)] },
        Variant { name: "moved-out", mark: "replica.moved-out", controls: &[sole(&MOVES_OUT)] },
        Variant { name: "foreign", mark: "replica.all-asked", controls: &[sole(&REPLICA_POLICIES)] },
        Variant { name: "planted", mark: "replica.row-planted", controls: &[sole(&SELECT_ONLY)] },
        Variant { name: "stale", mark: "replica.asked-while-apart", controls: &[sole(&STALENESS_BOUND)] },
        Variant { name: "unnoticed", mark: "replica.lagged", controls: &[sole(&LAG_ALARM)] },
        Variant { name: "taken-back", mark: "replica.unshipped-written", controls: &[sole(&WAITS_FOR_STANDBY)] },
        Variant { name: "successor", mark: "replica.successor-asked", controls: &[sole(&COPY_ANEW)] },
        // What was given up is copied anew, and reports are served.
        Variant { name: "given-up", mark: "replica.slot-given-up", controls: &[] },
        Variant { name: "read", mark: "replica.served", controls: &[] },
    ],
    canary: false,
    build,
};

/// Primary and replica lose each other for longer than log is kept for it.
const APART: (Instant, Instant) = (Instant(1_800_000_000), Instant(3_200_000_000));
/// Nothing that the primary writes reaches its standby: shorter than what makes it go on alone.
const UNSHIPPED: (Instant, Instant) = (Instant(3_600_000_000), Instant(4_050_000_000));
/// A change that is meant from here on is not shipped any more when it reaches the primary, or is waited for there.
const UNDER_WAY: Instant = Instant(3_560_000_000);
/// Then it loses power, until the standby has been promoted.
const DARK: (Instant, Instant) = (Instant(4_000_000_000), Instant(5_400_000_000));
/// From then on nothing reaches the replica either, however much the successor writes.
const BLIND: (Instant, Instant) = (DARK.0, Instant(6_900_000_000));
/// Nothing is planned after this.
const HEALED: Instant = Instant(7_000_000_000);
/// The last change of a device.
const LAST: Instant = Instant(8_000_000_000);
/// How long a change may take then, and how long a replica may be behind before somebody has said so.
const BOUND: Duration = Duration::millis(1_500);
const UNNOTICED: Duration = Duration::millis(1_900);
const PLAN: ReplicaPlan = ReplicaPlan { keep_bytes: 6 << 10, alarm_after: Duration::millis(600) };
/// What the longest opening of a circuit takes from the time in which service has to be back.
const CIRCUIT: Duration = Duration::secs(4);
/// How old reports take rows: one that has to be quick, and the others.
const YOUNG: Duration = Duration::millis(600);
const OLD: Duration = Duration::millis(2_000);

const PUBLISHERS: [&str; 2] = ["cell-a/postgres-1", "cell-a/postgres-2"];
const REPLICA: &str = "cell-b/postgres-replica";
const LIFETIME: Duration = Duration::secs(600);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp", Duration::millis(120));
    stage.tenants("beta", Duration::millis(60));
    // The service may have asked the primary in vain just before it was back.
    stage.acts.recover_longer(CIRCUIT);
    stage.logical_replica(PLAN, HEALED, (BOUND, UNNOTICED));
    faults(stage);
    for (name, tenant) in [("fleet", "acme"), ("other-fleet", "acme-corp")] {
        let index = platform::index_of(&stage.inputs.tenants, tenant);
        workload(stage, (name, tenant, "cell-a", FLEET), Duration::millis(20), move |d| {
            let doors = PUBLISHERS.iter().map(|role| d.node(role)).collect();
            Box::new(Fleet::new((tenant, index), "EU", doors, LAST))
        });
    }
    reports(stage);
    marks(stage);
}

fn faults(stage: &mut Stage<'_>) {
    stage.usual_weather();
    // The pair has lost one node already.
    stage.without("torn-write");
    stage.allow(Allowance {
        kind: "crash",
        targets: vec![Target::Node(REPLICA.into())],
        length: (Duration::millis(200), Duration::millis(800)),
        strength: (0, 0),
        on_ppm: 300_000,
        takes_copy: false,
    });
    let node = |role: &str| Target::Node(role.into());
    for (publisher, (from, until)) in [(0, APART), (0, BLIND), (1, BLIND)] {
        let link = Target::link(node(PUBLISHERS[publisher]), node(REPLICA));
        stage.fault("partition", link, from, until, 0);
    }
    let shipping = Target::link(node(PUBLISHERS[0]), node(PUBLISHERS[1]));
    stage.fault("partition", shipping, UNSHIPPED.0, UNSHIPPED.1, 0);
    stage.fault("crash", node(PUBLISHERS[0]), DARK.0, DARK.1, 0);
}

/// Who reads the replica: each for a tenant, and so old. Two have statements of their own: one names no tenant, and
/// one writes.
fn reports(stage: &mut Stage<'_>) {
    let always = (Instant::ZERO, Instant::NEVER);
    let apart = (APART.0 + Duration::millis(1_000), APART.1);
    let planted = stage.own_marker("acme-corp");
    let text = "INSERT INTO devices (tenant_id, id, body) VALUES ('acme-corp', 90000, $1) \
                RETURNING id, residency, version, body";
    let plant = Statement::new(text, vec![Value::text(&planted)]);
    let everything = Statement::new("SELECT id, residency, version, body FROM devices ORDER BY id", Vec::new());
    let all = [
        ("read", "acme", OLD, "replica.asked", always, None),
        ("stale", "acme", YOUNG, "replica.asked-while-apart", apart, None),
        ("foreign", "acme-corp", OLD, "replica.all-asked", always, Some(everything)),
        ("planted", "acme-corp", OLD, "replica.row-planted", always, Some(plant)),
    ];
    for (name, tenant, at_most, mark, (from, until), statement) in all {
        workload(stage, (name, tenant, "cell-b", REPORTS), Duration::millis(150), move |d| {
            let reports = Reports::new(tenant, d.node(REPLICA), at_most, (mark, from, until));
            Box::new(match &statement {
                Some(statement) => reports.saying(statement.clone()),
                None => reports,
            })
        });
    }
}

/// A workload of a cell, with a certificate of its own, that goes to databases on behalf of a tenant.
fn workload(
    stage: &mut Stage<'_>,
    (name, tenant, cell, path): (&'static str, &'static str, &'static str, &'static str),
    gap: Duration,
    caller: impl Fn(&Directory) -> Box<dyn Caller> + 'static,
) {
    stage.enrol(name, cell, path, None);
    stage.attacker(name, Some(tenant), "STO-05", false, move |d| {
        let id = SpiffeId::new(&trust_domain(cell), path).expect("the path is written here");
        let callers = std::cell::RefCell::new(Some(caller(d)));
        let door = d.node(if path == FLEET { PUBLISHERS[0] } else { REPLICA });
        Box::new(Defector::new(d.node(&format!("{cell}/mesh-ca")), id, LIFETIME, move |identity| {
            let caller = callers.take().expect("a workload is enrolled once");
            let mut pod = Pod::at_store(door, identity, Errand::Caller(caller), "replica.dialled");
            (pod.wait, pod.tries, pod.gap) = (Duration::millis(900), u32::MAX, gap);
            pod
        }))
    });
}

fn marks(stage: &mut Stage<'_>) {
    stage.mark_when("replica.bound-written", written(0, |a| String::from_utf8_lossy(&a.body).contains("|EU|")));
    stage.mark_when("replica.moved-out", written(2, |a| a.what.ends_with(" to EU")));
    stage.mark_when(
        "replica.lagged",
        |fact| matches!(fact, Fact::Reported { by: "replica", what: LAG, value, .. } if *value > 1_000),
    );
    stage.mark_when("replica.slot-given-up", |fact| matches!(fact, Fact::Reported { what: INVALIDATED, .. }));
    stage.mark_when("replica.served", |fact| {
        matches!(fact, Fact::Answered(a)
            if a.what.starts_with(READS) && a.status == 200 && *a.principal == *"attacker/read" && !a.body.is_empty())
    });
    stage.mark_when_both("replica.unshipped-written", is_promoted, |fact| {
        matches!(fact, Fact::Answered(a) if WRITES.iter().any(|verb| a.what.starts_with(verb)) && a.status == 0
            && (UNDER_WAY..DARK.0).contains(&a.intended))
    });
    let mut promoted = false;
    stage.mark_when("replica.successor-asked", move |fact| {
        promoted |= is_promoted(fact);
        promoted && matches!(fact, Fact::Reported { by: "replica", what: SLOT_GONE, value: 0, .. })
    });
}

/// Whether a fact says that such a change was done.
fn written(verb: usize, such: fn(&Answer) -> bool) -> impl FnMut(&Fact) -> bool + 'static {
    move |fact| {
        matches!(fact, Fact::Answered(answer)
            if answer.status == 200 && answer.what.starts_with(WRITES[verb]) && such(answer))
    }
}

fn is_promoted(fact: &Fact) -> bool {
    matches!(fact, Fact::Reported { what: "promoted", about, .. } if **about == *PUBLISHERS[1])
}
