//! Two workloads, their CAs and somebody on the link between them, in a world of their own.

use super::*;
use crate::control::{Control, ControlSet};
use crate::fact::Fact;
use crate::luck;
use crate::mesh::ca::Window;
use crate::mesh::forge;
use crate::mesh::handshake::Identity;
use crate::mesh::machine::{CaMachine, CaMachineSpec};
use crate::mesh::session::TRANSPORT_SEAL;
use crate::mesh::verify::{REVOCATION, SPIFFE_ID, SVID_CHAIN, SVID_VALIDITY, TRUST_DOMAIN};
use crate::mesh::version::{EDGE_TLS_VERSION, KAFKA_TLS_VERSION};
use crate::wire::svid::{KeyName, SvidRequest};
use crate::wire::tls::Versions;
use sim::choice::Choices;
use sim::fault::{FaultSpec, Target};
use sim::network::LinkSpec;
use sim::node::NodeSpec;
use sim::seed::{Draws, Quantiles};
use sim::world::{Outcome, World, WorldSpec};
use std::rc::Rc;

const A: &str = "cell-a.cellproof.test";
const B: &str = "cell-b.cellproof.test";
const CA_A: NodeId = NodeId(0);
const CA_B: NodeId = NodeId(1);
const CALLER: NodeId = NodeId(2);
const SERVER: NodeId = NodeId(3);
const THIEF: NodeId = NodeId(4);
const CALLS: u64 = 10;
const NONE: [u64; 0] = [];

/// Calls the server once in 500 ms, two numbers at a time, says that it is somebody else, and reports each answer.
struct Caller(u64);
/// Echoes and reports, calls as well as who is said to have connected.
struct Server;

fn report(what: &'static str, value: u64) -> Fact {
    Fact::Reported { by: "toy", what, about: "".into(), value }
}

impl Machine<Saas> for Caller {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { .. } => {
                out.send(SERVER, Wire::Connected(id(A, "/ns/data/sa/liar")));
                out.send(SERVER, Wire::Probe(self.0));
                out.send(SERVER, Wire::Probe(self.0 + 1));
                self.0 += 2;
                if self.0 < CALLS {
                    out.timer(Duration::millis(500), 1);
                }
            }
            Input::Message { message: Wire::ProbeAnswer(n), .. } => out.fact(report("answer", n)),
            _ => {}
        }
    }
}

impl Machine<Saas> for Server {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Probe(n) } => {
                out.fact(report("served", n));
                out.send(from, Wire::ProbeAnswer(n));
            }
            Input::Message { from: CALLER, message: Wire::Connected(who) } => {
                out.fact(report("is-app", u64::from(who == id(A, "/ns/app/sa/app"))));
            }
            _ => {}
        }
    }
}

fn id(domain: &str, path: &str) -> SpiffeId {
    SpiffeId::new(domain, path).unwrap()
}

/// What a test may change.
struct Setup {
    caller: SidecarSpec,
    server: SidecarSpec,
    ca_a: CaMachineSpec,
    ca_b: CaMachineSpec,
    faults: Vec<FaultSpec>,
    off: ControlSet,
    thief: Option<Boot<Saas>>,
    position: bool,
    /// Whether the server is a door that clients come to.
    door: bool,
}

fn setup() -> Setup {
    let memo = ChainMemo::default();
    let (app, db) = (id(A, "/ns/app/sa/app"), id(A, "/ns/data/sa/db"));
    let mut caller = SidecarSpec::new("caller", app.clone(), CA_A, memo.clone());
    caller.peers.insert(SERVER, PeerExpectation::exactly(A, &["/ns/data/sa/db"]));
    let mut server = SidecarSpec::new("server", db.clone(), CA_A, memo);
    server.accepts = PeerExpectation::exactly(A, &["/ns/app/sa/app"]);
    for spec in [&mut caller, &mut server] {
        spec.names = BTreeMap::from([(CALLER, "caller".into()), (SERVER, "server".into()), (THIEF, "thief".into())]);
    }
    let mut ca_a = CaMachineSpec::new(A);
    ca_a.peers = BTreeMap::from([(CALLER, "caller".into()), (SERVER, "server".into())]);
    ca_a.workloads = vec![("caller".into(), app), ("server".into(), db)];
    ca_a.federation.insert(CA_B, B.into());
    let mut ca_b = CaMachineSpec::new(B);
    ca_b.peers = ca_a.peers.clone();
    ca_b.federation.insert(CA_A, A.into());
    let (faults, off) = (Vec::new(), ControlSet::EMPTY);
    Setup { caller, server, ca_a, ca_b, faults, off, thief: None, position: false, door: false }
}

fn node(role: &str, boot: Boot<Saas>) -> NodeSpec<Saas> {
    NodeSpec {
        role: role.into(),
        group: "cell-a".into(),
        zone: "zone".into(),
        workers: 1,
        queue_max: 100,
        sync_ns: Quantiles::constant(1),
        boot,
    }
}

fn ca(spec: CaMachineSpec) -> Boot<Saas> {
    Rc::new(move |ctx, out| Box::new(CaMachine::boot(&spec, ctx, out)))
}

fn meshed(spec: SidecarSpec, inner: Boot<Saas>) -> Boot<Saas> {
    Rc::new(move |ctx, out| Box::new(Sidecar::boot(&spec, &inner, ctx, out)))
}

struct Nobody;
impl Machine<Saas> for Nobody {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, _: Input<Saas>, _: &mut Outbox<Saas>) {}
}

fn run(setup: Setup) -> Outcome<Saas> {
    let Setup { caller, server, ca_a, ca_b, faults, off, thief, position, door } = setup;
    let caller_inner: Boot<Saas> = Rc::new(|_, out| {
        out.timer(Duration::ZERO, 1);
        Box::new(Caller(0))
    });
    let server_inner: Boot<Saas> = match door {
        true => Rc::new(|_, _| Box::new(Door)),
        false => Rc::new(|_, _| Box::new(Server)),
    };
    let link = LinkSpec { latency_ns: Quantiles::new(&[500_000, 2_000_000]) };
    let positions = [("caller", "server"), ("server", "caller")].map(|(a, b)| (a.into(), b.into(), "thief".into()));
    let spec = WorldSpec {
        nodes: vec![
            node("ca-a", ca(ca_a)),
            node("ca-b", ca(ca_b)),
            node("caller", meshed(caller, caller_inner)),
            node("server", meshed(server, server_inner)),
            node("thief", thief.unwrap_or_else(|| Rc::new(|_, _| Box::new(Nobody)))),
        ],
        local: link.clone(),
        remote: link,
        links: vec![],
        faults,
        positions: if position { positions.to_vec() } else { vec![] },
        spares: vec![],
        safety_until: Instant(20_000_000_000),
        end: Instant(20_000_000_000),
        oracles: vec![],
        keep: true,
    };
    let outcome = World::new(spec, Draws::new(1, Choices::default()), off).run();
    assert_eq!(outcome.errors, Vec::<String>::new());
    outcome
}

fn reported(outcome: &Outcome<Saas>, wanted: &str) -> Vec<u64> {
    let value = |fact: &Fact| match fact {
        Fact::Reported { by: "toy", what, value, .. } if *what == wanted => Some(*value),
        _ => None,
    };
    outcome.journal.entries.iter().filter_map(|e| value(&e.fact)).collect()
}

/// Denials of the mesh, with the node that stated them.
fn denials(outcome: &Outcome<Saas>) -> Vec<(NodeId, &'static str)> {
    let denial = |node, fact: &Fact| match fact {
        Fact::Decided { by: "mesh" | "kafka", allowed: false, reason, .. } => Some((node, *reason)),
        _ => None,
    };
    outcome.journal.entries.iter().filter_map(|e| denial(e.node, &e.fact)).collect()
}

fn opened(outcome: &Outcome<Saas>) -> usize {
    let is_open = |fact: &Fact| matches!(fact, Fact::Decided { by: "mesh", allowed: true, reason: "MTLS_OPEN", .. });
    outcome.journal.entries.iter().filter(|e| is_open(&e.fact)).count()
}

fn without(control: &Control) -> ControlSet {
    ControlSet::EMPTY.with(control.slot)
}

fn all() -> Vec<u64> {
    (0..CALLS).collect()
}

fn fault(kind: &str, target: Target, from_ms: u64, until_ms: u64, strength: u64) -> FaultSpec {
    let at = |ms| Instant(ms * 1_000_000);
    FaultSpec { kind: kind.into(), target, from: at(from_ms), until: at(until_ms), strength }
}

/// The attack of `setup` reaches the server never, and with `control` off.
fn check_attack(setup: impl Fn() -> Setup, expected: (NodeId, &'static str), control: &Control) {
    let with = run(setup());
    assert_eq!(reported(&with, "served"), NONE, "{}", control.id);
    assert!(denials(&with).contains(&expected), "{}: {:?}", control.id, denials(&with));
    let without = run(Setup { off: without(control), ..setup() });
    assert!(!reported(&without, "served").is_empty(), "{}: {:?}", control.id, denials(&without));
}

#[test]
fn a_link_opens_before_the_first_message_and_then_stands() {
    let outcome = run(setup());
    assert_eq!(reported(&outcome, "served"), all(), "in order, those that waited for the identity included");
    assert_eq!(reported(&outcome, "answer"), all());
    assert_eq!(denials(&outcome), []);
    assert_eq!(opened(&outcome), 2, "one handshake, stated at both ends");
    assert_eq!(outcome.trail, run(setup()).trail);
}

#[test]
fn a_workload_that_asks_is_told_who_connects_by_certificate_and_by_nobody_else() {
    let told = |tells_callers| {
        let mut s = setup();
        s.server.tells_callers = tells_callers;
        reported(&run(s), "is-app")
    };
    assert_eq!((told(true), told(false)), (vec![1], vec![]));
}

#[test]
fn nothing_passes_without_a_link() {
    let thief: Boot<Saas> = Rc::new(|_, out| {
        out.send(SERVER, Wire::Probe(77));
        Box::new(Nobody)
    });
    let outcome = run(Setup { thief: Some(thief.clone()), ..setup() });
    assert!(!reported(&outcome, "served").contains(&77));
    assert_eq!(denials(&outcome), [(SERVER, NO_SESSION)]);
    let mut open = Setup { thief: Some(thief), ..setup() };
    open.server.open_to.insert(THIEF);
    assert!(reported(&run(open), "served").contains(&77), "a client at an edge");
}

#[test]
fn a_peer_of_another_service_is_refused_by_whichever_end_sees_it() {
    let other_client = || {
        let mut s = setup();
        s.server.accepts = PeerExpectation::exactly(A, &["/ns/app/sa/billing"]);
        s
    };
    check_attack(other_client, (SERVER, "spiffe-id"), &SPIFFE_ID);
    let other_server = || {
        let mut s = setup();
        s.caller.peers.insert(SERVER, PeerExpectation::exactly(A, &["/ns/data/sa/cache"]));
        s
    };
    check_attack(other_server, (CALLER, "spiffe-id"), &SPIFFE_ID);
}

/// The caller belongs to cell b.
fn foreign_caller() -> Setup {
    let mut s = setup();
    let app = id(B, "/ns/app/sa/app");
    s.caller.id = app.clone();
    s.caller.ca = CA_B;
    s.ca_b.workloads = vec![("caller".into(), app)];
    s
}

#[test]
fn a_workload_of_another_trust_domain_is_refused_unless_expected() {
    check_attack(foreign_caller, (SERVER, "trust-domain"), &TRUST_DOMAIN);
    let mut s = foreign_caller();
    s.server.accepts.trust_domains.push(B.into());
    let outcome = run(s);
    assert_eq!(reported(&outcome, "served"), all(), "a federated peer: {:?}", denials(&outcome));
}

#[test]
fn an_authority_that_nobody_federates_with_is_not_believed() {
    let unknown = || {
        let mut s = foreign_caller();
        s.ca_a.federation.clear();
        s
    };
    let outcome = run(unknown());
    assert_eq!(reported(&outcome, "served"), NONE);
    assert!(denials(&outcome).contains(&(SERVER, "svid-chain")));
}

/// A machine with a certificate of its own making that speaks the handshake and then calls, as the caller would.
struct Impostor {
    identity: Identity,
    nonce: u64,
    versions: Versions,
}

impl Machine<Saas> for Impostor {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { .. } => {
                let hello = Handshake::ClientHello { nonce: self.nonce, versions: self.versions };
                out.send(SERVER, Wire::Handshake(Box::new(hello)));
            }
            Input::Message { message: Wire::Handshake(said), .. } => {
                if let Handshake::ServerProof { nonce: server, version: chosen, .. } = *said {
                    let hellos = Hellos { client: self.nonce, server, offered: self.versions, chosen };
                    out.send(SERVER, Wire::Handshake(Box::new(self.identity.client_proof(&hellos))));
                    out.send(SERVER, Wire::Probe(77));
                }
            }
            _ => {}
        }
    }
}

/// A world in which only an impostor calls, with what `make` makes of a genuine authority.
fn impostor(at_ms: u64, make: impl Fn(&mut crate::mesh::ca::Ca) -> crate::wire::svid::Svid + 'static) -> Setup {
    speaking(Versions::New, at_ms, make)
}

/// The same, with a library that speaks these versions.
fn speaking(
    versions: Versions,
    at_ms: u64,
    make: impl Fn(&mut crate::mesh::ca::Ca) -> crate::wire::svid::Svid + 'static,
) -> Setup {
    let mut s = setup();
    s.caller.peers.clear();
    s.caller.sealed.insert(SERVER);
    s.thief = Some(Rc::new(move |_, out| {
        let mut ca = crate::mesh::ca::Ca::new(Instant::ZERO, crate::mesh::ca::CaConfig::new(A));
        let svid = make(&mut ca);
        out.timer(Duration::millis(at_ms), 1);
        Box::new(Impostor { identity: Identity::new(&svid), nonce: 9, versions })
    }));
    s
}

fn thiefs_key() -> KeyName {
    KeyName { role: "thief".into(), index: 0 }
}

#[test]
fn a_self_made_or_dead_certificate_opens_no_link() {
    let window = || Window::from(Instant::ZERO, Duration::secs(1), Duration::secs(600));
    let app = || id(A, "/ns/app/sa/app");
    let self_made = || impostor(1_000, move |_| forge::self_signed(&app(), &thiefs_key(), window()));
    check_attack(self_made, (SERVER, "svid-chain"), &SVID_CHAIN);
    let dead = || {
        impostor(5_000, move |ca| {
            ca.register("caller", app());
            let (workload, key) = ("caller".into(), thiefs_key());
            let lifetime = Duration::secs(2);
            ca.issue(Instant::ZERO, &SvidRequest { workload, spiffe_id: app(), key, lifetime }).unwrap()
        })
    };
    check_attack(dead, (SERVER, "expired"), &SVID_VALIDITY);
}

#[test]
fn a_genuine_peer_that_speaks_nothing_newer_than_1_2_opens_no_link_with_a_broker() {
    let old = |place| {
        let mut s = speaking(Versions::Old, 1_000, |ca| {
            let app = id(A, "/ns/app/sa/app");
            ca.register("caller", app.clone());
            let (workload, key, lifetime) = ("caller".into(), thiefs_key(), Duration::secs(600));
            ca.issue(Instant::ZERO, &SvidRequest { workload, spiffe_id: app, key, lifetime }).unwrap()
        });
        s.server.place = place;
        s
    };
    check_attack(|| old(Place::Broker), (SERVER, "protocol-version"), &KAFKA_TLS_VERSION);
    for control in [&EDGE_TLS_VERSION, &KAFKA_TLS_VERSION] {
        let inside = run(Setup { off: without(control), ..old(Place::Inside) });
        assert_eq!(reported(&inside, "served"), NONE, "{}", control.id);
    }
}

/// A client at an edge: it says hello with what it speaks, and asks for something whatever the answer is.
struct Outsider(Option<Versions>);

impl Machine<Saas> for Outsider {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        if let Input::Timer { token } = input {
            match (token, self.0) {
                (1, Some(versions)) => {
                    out.send(SERVER, Wire::Handshake(Box::new(Handshake::ClientHello { nonce: 5, versions })));
                }
                (2, _) => out.send(SERVER, Wire::HttpText(77, [].into())),
                _ => {}
            }
        }
    }
}

/// Reports who asks for something.
struct Door;

impl Machine<Saas> for Door {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        if let Input::Message { message: Wire::HttpText(n, _), .. } = input {
            out.fact(report("served", n));
        }
    }
}

#[test]
fn a_client_at_the_edge_is_served_in_a_session_of_1_3_and_in_no_other() {
    let edge = |hello: Option<Versions>, asks_for_tls, off| {
        let mut s = setup();
        s.caller.peers.clear();
        s.server.open_to.insert(THIEF);
        (s.server.place, s.server.asks_clients_for_tls, s.off) = (Place::Edge, asks_for_tls, off);
        s.door = true;
        s.thief = Some(Rc::new(move |_, out| {
            out.timer(Duration::millis(1_000), 1);
            out.timer(Duration::millis(1_100), 2);
            Box::new(Outsider(hello))
        }));
        reported(&run(s), "served")
    };
    let on = ControlSet::EMPTY;
    assert_eq!(edge(Some(Versions::New), true, on), [77]);
    assert_eq!(edge(Some(Versions::Both), true, on), [77]);
    assert_eq!(edge(Some(Versions::Old), true, on), NONE);
    assert_eq!(edge(None, true, on), NONE, "no session");
    assert_eq!(edge(None, false, on), [77], "where sessions are taken for granted");
    assert_eq!(edge(Some(Versions::Old), true, without(&EDGE_TLS_VERSION)), [77]);
    assert_eq!(edge(None, true, without(&EDGE_TLS_VERSION)), NONE);
}

#[test]
fn a_crashed_server_is_met_again_by_a_new_handshake() {
    let crash = fault("crash", Target::Node("server".into()), 700, 900, 0);
    let outcome = run(Setup { faults: vec![crash], ..setup() });
    let served = reported(&outcome, "served");
    assert!(served.starts_with(&[0, 1, 2, 3]) && served.ends_with(&[6, 7, 8, 9]), "{served:?}");
    assert!(denials(&outcome).iter().all(|d| *d == (SERVER, NO_SESSION)), "{:?}", denials(&outcome));
    assert_eq!(opened(&outcome), 4);
}

#[test]
fn lost_words_of_a_handshake_cost_time_and_nothing_else() {
    let cut = fault("partition", Target::Node("server".into()), 0, 1_700, 0);
    let outcome = run(Setup { faults: vec![cut], ..setup() });
    assert_eq!(reported(&outcome, "served"), all(), "what waited leaves in order");
    assert_eq!(denials(&outcome), []);
}

#[test]
fn what_waits_too_long_is_dropped_and_that_is_stated() {
    let cut = fault("partition", Target::Node("server".into()), 0, 3_900, 0);
    let outcome = run(Setup { faults: vec![cut], ..setup() });
    assert_eq!(reported(&outcome, "served"), NONE);
    assert_eq!(denials(&outcome), [(CALLER, "handshake-timeout")]);
}

#[test]
fn doubled_words_change_nothing() {
    let doubled = fault("duplicate", Target::Link(Box::new(Target::All), Box::new(Target::All)), 0, 10_000, 1_000_000);
    let outcome = run(Setup { faults: vec![doubled], ..setup() });
    let mut served = reported(&outcome, "served");
    served.dedup();
    served.sort_unstable();
    served.dedup();
    assert_eq!(served, all());
    assert_eq!(denials(&outcome), []);
}

#[test]
fn certificates_are_renewed_and_links_reopened_without_a_lost_message() {
    let mut s = setup();
    for spec in [&mut s.caller, &mut s.server] {
        (spec.lifetime, spec.renew_before) = (Duration::secs(3), Duration::secs(1));
        spec.refresh = Duration::millis(500);
    }
    let outcome = run(s);
    assert_eq!(reported(&outcome, "served"), all());
    assert_eq!(reported(&outcome, "answer"), all());
    assert_eq!(denials(&outcome), []);
    assert!(opened(&outcome) > 2);
}

#[test]
fn a_link_ends_with_the_certificate_that_it_was_opened_with() {
    let mut s = setup();
    (s.caller.lifetime, s.caller.renew_before) = (Duration::secs(1), Duration::millis(300));
    s.faults = vec![fault("partition", Target::Node("ca-a".into()), 200, 20_000, 0)];
    let stale = run(s);
    assert_eq!(reported(&stale, "served"), [0, 1, 2, 3, 4, 5, 6, 7], "until the second after its last one begins");
    assert_eq!(denials(&stale), [(SERVER, NO_SESSION), (SERVER, NO_SESSION)]);
}

#[test]
fn a_certificate_that_is_taken_back_cuts_the_standing_link() {
    let revoked = |off| {
        let mut s = setup();
        s.ca_a.revocations = vec![(Instant(1_100_000_000), "caller".into())];
        s.server.refresh = Duration::millis(100);
        s.off = off;
        run(s)
    };
    let outcome = revoked(ControlSet::EMPTY);
    assert_eq!(reported(&outcome, "served"), [0, 1, 2, 3, 4, 5]);
    assert!(denials(&outcome).contains(&(SERVER, "revoked")), "{:?}", denials(&outcome));
    assert_eq!(reported(&revoked(without(&REVOCATION)), "served"), all());
}

/// Holds the position between the two and changes every call on its way.
struct Forger {
    replay: bool,
    strip: bool,
}

impl Machine<Saas> for Forger {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let Input::Intercepted { from, to, message } = input else { return };
        let forged = match message.clone() {
            Wire::Sealed(mut sealed) if self.strip || !self.replay => {
                if let Wire::Probe(n) = &mut sealed.0 {
                    *n += 100;
                }
                if self.strip { sealed.0 } else { Wire::Sealed(sealed) }
            }
            same => same,
        };
        if self.replay && matches!(message, Wire::Sealed(_)) {
            out.send_as(from, to, message);
        }
        let _ = ctx.draw(luck::ATTACK);
        out.send_as(from, to, forged);
    }
}

fn sealed(forger: Option<(bool, bool)>) -> Setup {
    let mut s = setup();
    s.caller.sealed.insert(SERVER);
    s.server.sealed.insert(CALLER);
    s.position = forger.is_some();
    s.thief = forger.map(|(replay, strip)| -> Boot<Saas> { Rc::new(move |_, _| Box::new(Forger { replay, strip })) });
    s
}

#[test]
fn a_sealed_link_carries_everything_and_nothing_changed() {
    let outcome = run(sealed(None));
    assert_eq!((reported(&outcome, "served"), reported(&outcome, "answer")), (all(), all()));
    for (replay, strip, reason) in [(false, false, "SEAL_FORGED"), (false, true, "SEAL_FORGED")] {
        check_attack(|| sealed(Some((replay, strip))), (SERVER, reason), &TRANSPORT_SEAL);
    }
    let replayed = run(sealed(Some((true, false))));
    assert_eq!(reported(&replayed, "served"), all(), "each once");
    assert!(denials(&replayed).contains(&(SERVER, "SEAL_REPLAYED")));
    let bare = run(Setup { off: without(&TRANSPORT_SEAL), ..sealed(Some((true, false))) });
    assert_eq!(reported(&bare, "served").len() as u64, 2 * CALLS);
}

/// Holds the position between the two and lets everything pass but the second proof of a client.
struct Loser(u32);

impl Machine<Saas> for Loser {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let Input::Intercepted { from, to, message } = input else { return };
        let is_proof = matches!(&message, Wire::Handshake(said) if matches!(**said, Handshake::ClientProof { .. }));
        self.0 += u32::from(is_proof);
        if !(is_proof && self.0 == 2) {
            out.send_as(from, to, message);
        }
    }
}

#[test]
fn a_peer_that_restarts_and_whose_proof_is_lost_is_told_so_by_the_first_seal_that_does_not_fit() {
    let mut s = sealed(None);
    s.position = true;
    s.thief = Some(Rc::new(|_, _| Box::new(Loser(0))));
    s.faults = vec![fault("crash", Target::Node("caller".into()), 700, 900, 0)];
    let outcome = run(s);
    let (before, after) = (vec![0, 1, 2, 3], (2..CALLS).collect::<Vec<_>>());
    assert_eq!(reported(&outcome, "served"), [before, after].concat(), "the two that nobody could open are lost");
    assert_eq!(denials(&outcome), [(SERVER, "SEAL_FORGED"); 3], "they, and the word beside them");
}

#[test]
fn what_is_not_in_the_mesh_is_called_untouched() {
    let mut out_of_mesh = setup();
    out_of_mesh.caller.peers.clear();
    out_of_mesh.server.open_to.insert(CALLER);
    let outcome = run(out_of_mesh);
    assert_eq!(reported(&outcome, "served"), all());
    assert_eq!(opened(&outcome), 0);
}
