//! A tenant's connector, its neighbour's, the controller, an API and its webhook, in a world of their own.

use super::admission::{TENANT_MATCH, Webhook};
use super::server::{EVERY_WRITE, FAIL_CLOSED, Server, ServerSpec};
use crate::control::{Control, ControlSet};
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::{Method, Request};
use crate::wire::kube::{ALL_REPORTS, reports_of};
use crate::wire::svid::SpiffeId;
use serde_json::{Value, json};
use sim::choice::Choices;
use sim::fault::{FaultSpec, Target};
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Quantiles};
use sim::world::{World, WorldSpec};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::rc::Rc;

const API: NodeId = NodeId(0);
const WEBHOOK: NodeId = NodeId(1);
const GAP: Duration = Duration::millis(500);

/// What somebody asks for, one after the other.
type Calls = Vec<(Method, String, String)>;

/// Says by which certificate it comes, then makes its calls, and reports the status of each answer.
struct Caller {
    id: SpiffeId,
    calls: Calls,
    made: usize,
}

impl Machine<Saas> for Caller {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { .. } => {
                let Some((method, path, body)) = self.calls.get(self.made).cloned() else { return };
                self.made += 1;
                out.send(API, Wire::Connected(self.id.clone()));
                let mut request = Request::new(self.made as u64, method, path.into());
                request.body = body.as_bytes().into();
                out.send(API, Wire::Http(Box::new(request)));
                out.timer(GAP, 1);
            }
            Input::Message { message: Wire::HttpAnswer(response), .. } => {
                let about = String::from_utf8_lossy(&response.body).into();
                out.fact(Fact::Reported { by: "toy", what: "answer", about, value: response.status.into() });
            }
            _ => {}
        }
    }
}

fn id(path: &str) -> SpiffeId {
    SpiffeId::new("cell-a.test", path).expect("paths are written here")
}

fn node(role: &str, boot: Boot<Saas>) -> NodeSpec<Saas> {
    let sync_ns = Quantiles::constant(1);
    NodeSpec { role: role.into(), group: "cell-a".into(), zone: "z".into(), workers: 1, queue_max: 100, sync_ns, boot }
}

/// Status and content of the answers that a caller of this path gets.
fn answers(path: &str, calls: Calls, off: &[&Control], dark: bool) -> Vec<(u64, String)> {
    let spec = ServerSpec {
        admission: WEBHOOK,
        tenants: BTreeMap::from(["acme", "acme-corp"].map(|t| (id(&format!("/t/{t}")).as_str().into(), t.into()))),
        controller: id("/controller").as_str().into(),
        patience: Duration::millis(200),
        cost: Duration::ZERO,
    };
    let caller = id(path);
    let link = LinkSpec { latency_ns: Quantiles::new(&[500_000, 2_000_000]) };
    let end = Instant(20_000_000_000);
    let crash = FaultSpec {
        kind: "crash".into(),
        target: Target::Node("webhook".into()),
        from: Instant::ZERO,
        until: end,
        strength: 0,
    };
    let world = WorldSpec {
        nodes: vec![
            node("api", Rc::new(move |ctx, out| Box::new(Server::boot(&spec, ctx, out)))),
            node("webhook", Rc::new(|_, _| Box::new(Webhook::boot(Duration::ZERO)))),
            node(
                "caller",
                Rc::new(move |_, out| {
                    out.timer(GAP, 1);
                    Box::new(Caller { id: caller.clone(), calls: calls.clone(), made: 0 })
                }),
            ),
        ],
        local: link.clone(),
        remote: link,
        links: vec![],
        faults: if dark { vec![crash] } else { vec![] },
        positions: vec![],
        spares: vec![],
        safety_until: end,
        end,
        oracles: vec![],
        keep: true,
    };
    let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
    let outcome = World::new(world, Draws::new(1, Choices::default()), off).run();
    assert_eq!(outcome.errors, Vec::<String>::new());
    let answer = |fact: &Fact| match fact {
        Fact::Reported { by: "toy", about, value, .. } => Some((*value, about.to_string())),
        _ => None,
    };
    outcome.journal.entries.iter().filter_map(|e| answer(&e.fact)).collect()
}

fn statuses(path: &str, calls: &[(Method, &str, &str)], off: &[&Control], dark: bool) -> Vec<u64> {
    let calls = calls.iter().map(|(m, p, b)| (*m, (*p).to_owned(), (*b).to_owned())).collect();
    answers(path, calls, off, dark).into_iter().map(|(status, _)| status).collect()
}

const OWN: &str = r#"{"metadata": {"name": "daily"}, "spec": {"tenant_id": "acme"}}"#;
const FOREIGN: &str = r#"{"metadata": {"name": "daily"}, "spec": {"tenant_id": "acme-corp"}}"#;

#[test]
fn a_tenant_writes_and_reads_in_its_own_namespace() {
    let (own, one) = (reports_of("acme"), format!("{}/daily", reports_of("acme")));
    let foreign = reports_of("acme-corp");
    let calls: [(Method, &str, &str); 10] = [
        (Method::Get, &one, ""),
        (Method::Post, &own, OWN),
        (Method::Post, &own, OWN),
        (Method::Put, &one, OWN),
        (Method::Get, &one, ""),
        (Method::Post, &own, "nonsense"),
        (Method::Post, &own, r#"{"metadata": {"name": "../daily"}, "spec": {}}"#),
        (Method::Post, &foreign, OWN),
        (Method::Get, ALL_REPORTS, ""),
        (Method::Put, &format!("{one}/status"), "{}"),
    ];
    let expected = [404, 201, 409, 200, 200, 400, 400, 403, 403, 403];
    assert_eq!(statuses("/t/acme", &calls, &[], false), expected);
    assert_eq!(statuses("/t/stranger", &calls[..2], &[], false), [403, 403]);
}

#[test]
fn what_is_written_is_the_spec_and_its_generation_counts() {
    let (own, one) = (reports_of("acme"), format!("{}/daily", reports_of("acme")));
    let sent = r#"{"metadata": {"name": "daily", "generation": 9, "namespace": "beta"},
        "spec": {"tenant_id": "acme"}, "status": {"generation": 9, "rows": ["made up"]}}"#;
    let calls = vec![
        (Method::Post, own, sent.to_owned()),
        (Method::Put, one.clone(), sent.to_owned()),
        (Method::Get, one, String::new()),
    ];
    let (_, stored) = answers("/t/acme", calls, &[], false).pop().expect("three answers");
    let stored: Value = serde_json::from_str(&stored).expect("an object");
    let metadata = json!({"namespace": "acme", "name": "daily", "generation": 2});
    let expected = json!({"kind": "Report", "metadata": metadata, "spec": {"tenant_id": "acme"}, "status": null});
    assert_eq!(stored, expected);
}

#[test]
fn the_controller_reads_everything_and_writes_what_it_found() {
    let status = format!("{}/daily/status", reports_of("acme"));
    let calls =
        [(Method::Get, ALL_REPORTS, ""), (Method::Put, &status, "{}"), (Method::Post, &reports_of("acme"), OWN)];
    assert_eq!(statuses("/controller", &calls, &[], false), [200, 404, 403]);
}

#[test]
fn every_write_is_reviewed_and_without_a_review_nothing_is_written() {
    let (own, one) = (reports_of("acme"), format!("{}/daily", reports_of("acme")));
    let changed: [(Method, &str, &str); 2] = [(Method::Post, &own, OWN), (Method::Put, &one, FOREIGN)];
    assert_eq!(statuses("/t/acme", &changed, &[], false), [201, 403]);
    assert_eq!(statuses("/t/acme", &changed, &[&EVERY_WRITE], false), [201, 200]);
    assert_eq!(statuses("/t/acme", &changed, &[&TENANT_MATCH], false), [201, 200]);
    let foreign = [(Method::Post, &*own, FOREIGN)];
    assert_eq!(statuses("/t/acme", &foreign, &[], false), [403]);
    assert_eq!(statuses("/t/acme", &foreign, &[], true), [503]);
    assert_eq!(statuses("/t/acme", &foreign, &[&FAIL_CLOSED], true), [201]);
}
