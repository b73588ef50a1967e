//! Two authorities and somebody who asks, in a world of their own.

use super::*;
use sim::choice::Choices;
use sim::control::ControlSet;
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Quantiles};
use sim::world::{World, WorldSpec};
use std::rc::Rc;

const A: &str = "cell-a.cellproof.test";
const B: &str = "cell-b.cellproof.test";

struct Asker;

impl Machine<Saas> for Asker {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        let ask = |workload: &str, domain: &str, path: &str| {
            let spiffe_id = SpiffeId::new(domain, path).unwrap();
            let key = crate::wire::svid::KeyName { role: "asker".into(), index: 0 };
            let request = SvidRequest { workload: workload.into(), spiffe_id, key, lifetime: Duration::secs(60) };
            Wire::Svid(Box::new(SvidWord::Ask(Arc::new(request))))
        };
        let says = |what, about: &str| Fact::Reported { by: "toy", what, about: about.into(), value: 0 };
        match input {
            Input::Timer { token: 1 } => {
                out.send(NodeId(0), ask("asker", A, "/ns/a/sa/asker"));
                out.send(NodeId(0), ask("other", A, "/ns/a/sa/other"));
                out.send(NodeId(1), ask("asker", B, "/ns/a/sa/asker"));
                out.send(NodeId(0), Wire::Svid(Box::new(SvidWord::AskBundle)));
            }
            Input::Timer { .. } => out.send(NodeId(0), ask("asker", A, "/ns/a/sa/asker")),
            Input::Message { message: Wire::Svid(word), .. } => out.fact(match *word {
                SvidWord::Issued(svid) => says("issued", svid.id.as_str()),
                SvidWord::Refused(why) => says("refused", why),
                SvidWord::Bundle(bundle) => says("bundle", &bundle.trust_domain),
                _ => return,
            }),
            _ => {}
        }
    }
}

/// What the asker and the authorities say when the asker of cell a is taken back at this instant; a sync takes so long.
fn said(revoked_at: Instant, sync: Duration, faults: Vec<sim::fault::FaultSpec>) -> Vec<String> {
    let of = |domain: &str, other: NodeId, other_domain: &str| {
        let mut spec = CaMachineSpec::new(domain);
        spec.federation.insert(other, other_domain.into());
        for role in ["asker", "other"] {
            spec.workloads.push((role.into(), SpiffeId::new(domain, &format!("/ns/a/sa/{role}")).unwrap()));
        }
        spec
    };
    let mut a = of(A, NodeId(1), B);
    a.peers.insert(NodeId(2), "asker".into());
    a.revocations.push((revoked_at, "asker".into()));
    let ca =
        |spec: CaMachineSpec| -> Boot<Saas> { Rc::new(move |ctx, out| Box::new(CaMachine::boot(&spec, ctx, out))) };
    let asker: Boot<Saas> = Rc::new(|_, out| {
        out.timer(Duration::secs(1), 1);
        out.timer(Duration::secs(2), 2);
        Box::new(Asker)
    });
    let node = |role: &str, boot| NodeSpec {
        role: role.into(),
        group: "g".into(),
        zone: "z".into(),
        workers: 1,
        queue_max: 9,
        sync_ns: Quantiles::constant(sync.0),
        boot,
    };
    let link = LinkSpec { latency_ns: Quantiles::constant(1_000_000) };
    let spec = WorldSpec {
        nodes: vec![node("a", ca(a)), node("b", ca(of(B, NodeId(0), A))), node("asker", asker)],
        local: link.clone(),
        remote: link,
        links: vec![],
        faults,
        positions: vec![],
        spares: vec![],
        safety_until: Instant(9_000_000_000),
        end: Instant(9_000_000_000),
        oracles: vec![],
        keep: true,
    };
    let outcome = World::new(spec, Draws::new(1, Choices::default()), ControlSet::EMPTY).run();
    let said = |fact: &Fact| match fact {
        Fact::Reported { by: "toy", what, about, .. } => Some(format!("{what} {about}")),
        Fact::Reported { what: "svid-revoked", value, .. } => Some(format!("revoked {value}")),
        _ => None,
    };
    let mut said: Vec<String> = outcome.journal.entries.iter().filter_map(|e| said(&e.fact)).collect();
    said.sort();
    said
}

const REFUSED: [&str; 3] = ["refused not-attested", "refused not-registered", "refused not-registered"];

#[test]
fn an_authority_attests_by_connection_and_hands_out_federated_bundles() {
    // What was issued before a crash is taken back after it.
    let crash = sim::fault::FaultSpec {
        kind: "crash".into(),
        target: sim::fault::Target::Node("a".into()),
        from: Instant(1_200_000_000),
        until: Instant(1_300_000_000),
        strength: 0,
    };
    let issued = format!("issued spiffe://{A}/ns/a/sa/asker");
    let (own, federated) = (format!("bundle {A}"), format!("bundle {B}"));
    let expected = [&[&*own, &*federated, &*issued], &REFUSED[..], &["revoked 1"]].concat();
    assert_eq!(said(Instant(1_500_000_000), Duration::nanos(1), vec![crash]), expected);
}

#[test]
fn a_certificate_on_its_way_to_the_disk_is_taken_back_too() {
    let (own, federated) = (format!("bundle {A}"), format!("bundle {B}"));
    let expected = [&[&*own, &*federated], &REFUSED[..], &["revoked 0"]].concat();
    assert_eq!(said(Instant(1_005_000_000), Duration::millis(10), vec![]), expected);
}
