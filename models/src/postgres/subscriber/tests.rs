//! A pair, its arbiter, a replica that follows it, and somebody who writes to the one and reads the other.

use super::*;
use crate::control::{Control, ControlSet};
use crate::ids::TenantId;
use crate::postgres::machine::arbiter::ArbiterNode;
use crate::postgres::machine::publisher::{INACTIVE, INVALIDATED, PublicationSpec};
use crate::postgres::machine::{DbCosts, DbNode, DbSpec};
use crate::postgres::publication::Publication;
use crate::postgres::reference::{APP, DEVICES};
use crate::postgres::subscription::{LAG_ALARM, STALENESS_BOUND};
use crate::wire::sql::Statement;
use sim::choice::Choices;
use sim::fault::{FaultSpec, Target};
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Lineage, Quantiles};
use sim::world::{World, WorldSpec};

const TERM: Duration = Duration::millis(600);
const ONE: NodeId = NodeId(0);
const TWO: NodeId = NodeId(1);
const ARBITER: NodeId = NodeId(2);
const REPLICA: NodeId = NodeId(3);
/// Devices that are written, one every fiftieth of a second.
const DEVICES_WRITTEN: u64 = 80;
/// When the replica is read, and how often.
const READS_MS: [u64; 3] = [2_900, 3_000, 6_000];

/// Writes a device to whoever leads, again and again, and reads the replica.
struct Writer(u64);

impl Machine<Saas> for Writer {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let tenant: Option<TenantId> = Some("acme".into());
        let said = |what, value| Fact::Reported { by: "toy", what, about: "devices".into(), value };
        match input {
            Input::Timer { token: 0 } => {
                let text = "INSERT INTO devices (tenant_id, id, body) VALUES ('acme', $1, 'x') ON CONFLICT DO NOTHING";
                let statements = vec![Statement::new(text, vec![Value::Int(self.0 as i64)])];
                let call = Transaction { tenant, login: None, statements };
                for node in [ONE, TWO] {
                    out.send(node, Wire::Sql(self.0, Box::new(call.clone())));
                }
                if ctx.now() < Instant(5_000_000_000) && self.0 < DEVICES_WRITTEN {
                    out.timer_for(Lineage::root(7, ctx.now().0), Duration::millis(50), 0);
                }
            }
            Input::Timer { .. } => {
                let statements = vec![Statement::new("SELECT count(*) FROM devices", Vec::new())];
                let call = Transaction { tenant, login: None, statements };
                out.send(REPLICA, Wire::SqlAtMost(0, Duration::millis(500), Box::new(call)));
            }
            Input::Message { from, message: Wire::SqlAnswer(_, outcome) } if from == REPLICA => {
                let count = outcome.replies.first().and_then(|reply| reply.rows().first()?[0].as_int());
                out.fact(count.map_or_else(|| said("refused", 0), |count| said("read", count as u64)));
            }
            Input::Message { message: Wire::SqlAnswer(id, outcome), .. }
                if outcome.error().is_none() && id == self.0 =>
            {
                self.0 += 1;
                out.fact(said("kept", id));
            }
            _ => {}
        }
    }
}

fn nodes(keep_bytes: u64) -> Vec<(&'static str, Boot<Saas>)> {
    let mut base = Engine::reference();
    base.bootstrap(DEVICES).expect("the schema is valid");
    let base = Rc::new(base);
    let place = |store| Place { store, cell: "cell".into(), region: "US".into() };
    let publication = Rc::new(Publication::new(&base, "devices", "residency = 'any'").expect("the filter is valid"));
    let database = |role: &'static str, peer, leads| -> Boot<Saas> {
        let spec = DbSpec {
            role: role.into(),
            peer,
            arbiter: ARBITER,
            leads,
            base: base.clone(),
            sessions: 4,
            login: APP,
            term: TERM,
            place: place("postgres"),
            costs: DbCosts { begin: Duration::ZERO, statement: Duration::ZERO, commit: Duration::ZERO },
            reborn: None,
            publication: Some(PublicationSpec {
                publication: publication.clone(),
                subscriber: REPLICA,
                name: "replica".into(),
                keep_bytes,
                alarm_after: Duration::millis(500),
            }),
        };
        Rc::new(move |ctx, out| Box::new(DbNode::boot(&spec, ctx, out)))
    };
    let spec = SubscriberSpec {
        place: place("postgres-replica"),
        base: Rc::new(Engine::replica()),
        publishers: vec![ONE, TWO],
        every: Duration::millis(50),
        oldest: Duration::secs(10),
        alarm_after: Duration::millis(500),
        cost: (Duration::ZERO, Duration::ZERO),
    };
    let writer: Boot<Saas> = Rc::new(|_, out| {
        out.timer(Duration::millis(900), 0);
        READS_MS.iter().for_each(|ms| out.timer_for(Lineage::root(8, *ms), Duration::millis(*ms), 1));
        Box::new(Writer(1))
    });
    vec![
        ("one", database("one", TWO, true)),
        ("two", database("two", ONE, false)),
        ("arbiter", Rc::new(|ctx, _| Box::new(ArbiterNode::boot(TERM, ctx)))),
        ("replica", Rc::new(move |ctx, out| Box::new(Subscriber::boot(&spec, ctx, out)))),
        ("writer", writer),
    ]
}

/// How often each of these was reported, and the last number with it.
struct Told(Vec<(&'static str, u64)>);

impl Told {
    fn count(&self, what: &str) -> usize {
        self.0.iter().filter(|(told, _)| *told == what).count()
    }
    fn last(&self, what: &str) -> Option<u64> {
        self.0.iter().rfind(|(told, _)| *told == what).map(|(_, value)| *value)
    }
    /// The replica shows, at the end, every device that anybody was told is kept.
    fn shows_all(&self) -> bool {
        self.count("kept") > 40 && self.last("read") == Some(self.count("kept") as u64)
    }
}

/// Six seconds of it, under these faults.
fn told(keep_bytes: u64, faults: &[(&str, Target, u64, u64)], off: &[&Control]) -> Told {
    let fault = |(kind, target, from, until): &(&str, Target, u64, u64)| FaultSpec {
        kind: (*kind).into(),
        target: target.clone(),
        from: Instant(from * 1_000_000),
        until: Instant(until * 1_000_000),
        strength: 0,
    };
    let node = |(role, boot): (&str, Boot<Saas>)| NodeSpec {
        role: role.into(),
        group: "g".into(),
        zone: role.into(),
        workers: 1,
        queue_max: 999,
        sync_ns: Quantiles::constant(1_000_000),
        boot,
    };
    let link = LinkSpec { latency_ns: Quantiles::constant(2_000_000) };
    let spec = WorldSpec {
        nodes: nodes(keep_bytes).into_iter().map(node).collect(),
        local: link.clone(),
        remote: link,
        links: vec![],
        faults: faults.iter().map(fault).collect(),
        positions: vec![],
        spares: vec![],
        safety_until: Instant(6_500_000_000),
        end: Instant(6_500_000_000),
        oracles: vec![],
        keep: true,
    };
    let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
    let outcome = World::new(spec, Draws::new(1, Choices::default()), off).run();
    let reported = |fact: &Fact| match fact {
        Fact::Reported { what, value, .. } => Some((*what, *value)),
        _ => None,
    };
    Told(outcome.journal.entries.iter().filter_map(|entry| reported(&entry.fact)).collect())
}

fn apart(from: u64, until: u64) -> [(&'static str, Target, u64, u64); 2] {
    let link = |role: &str| Target::link(Target::Node(role.into()), Target::Node("replica".into()));
    ["one", "two"].map(|role| ("partition", link(role), from, until))
}

const PLENTY: u64 = 1 << 20;

#[test]
fn a_replica_is_copied_once_and_goes_on_where_its_disk_says() {
    let crash = ("crash", Target::Node("replica".into()), 2_000, 2_300);
    let told = told(PLENTY, &[crash], &[]);
    assert!(told.shows_all(), "{:?}", told.0);
    assert_eq!((told.count(COPIED), told.count(INVALIDATED), told.count(CONFLICT)), (1, 0, 0), "{:?}", told.0);
}

#[test]
fn what_is_kept_for_it_while_it_is_cut_off_is_told_later_and_beyond_that_it_is_copied_anew() {
    let faults = apart(1_500, 3_100);
    let kept = told(PLENTY, &faults, &[]);
    assert!(kept.shows_all() && kept.count(COPIED) == 1 && kept.count(SLOT_GONE) == 1, "{:?}", kept.0);
    // Reads in between are refused, for they take rows half a second old; and both ends say that something is wrong.
    assert!(kept.count("refused") == 2 && kept.count(BEHIND) > 0 && kept.count(INACTIVE) > 0, "{:?}", kept.0);
    let lost = told(1 << 10, &faults, &[&STALENESS_BOUND, &LAG_ALARM]);
    assert!(lost.shows_all() && lost.count(INVALIDATED) == 1 && lost.count(COPIED) == 2, "{:?}", lost.0);
    assert_eq!((lost.count("refused"), lost.count(BEHIND), lost.count(INACTIVE)), (0, 0, 0), "{:?}", lost.0);
    let left = told(1 << 10, &faults, &[&COPY_ANEW]);
    assert!(!left.shows_all() && left.count("read") > 0, "{:?}", left.0);
}

#[test]
fn after_a_failover_it_finds_the_successor_and_is_copied_anew() {
    let crash = ("crash", Target::Node("one".into()), 2_000, 6_500);
    let told = told(PLENTY, &[crash], &[]);
    assert_eq!((told.count("promoted"), told.count(COPIED), told.last(SLOT_GONE)), (1, 2, Some(0)), "{:?}", told.0);
    assert!(told.last("read") == Some(told.count("kept") as u64), "{:?}", told.0);
}
