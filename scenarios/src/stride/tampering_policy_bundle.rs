//! Tampering: the mirror through which policy bundles reach the agents is in hostile hands.
//!
//! It is a workload of the mesh and ends the encrypted hop on both sides, so only the bundle itself can say whose it
//! is. It passes everything on and adds bundles of its own making; a compromised agent host would do no better.

use crate::actors::attacker::{Event, Kit, Script};
use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::config::{Tenant, Tenants};
use models::luck;
use models::policy::agent::{BUNDLE_DIGEST, BUNDLE_REVISION, BUNDLE_SIGNATURE};
use models::policy::bundle::Signer;
use models::policy::data::PolicyData;
use models::wire::Wire;
use models::wire::http::Method;
use models::wire::policy::{BundleContent, SignedBundle};
use sim::fault::Target;
use sim::seed::below;
use sim::swarm::Allowance;
use sim::{Duration, Instant, NodeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/tampering-policy-bundle",
    title: "No forged, altered or old policy bundle ever decides",
    threat: "The mirror between config service and policy agents was broken into. It offers bundles without a \
             signature, under its own key, and under the trusted key's name; it swaps the files of a genuine bundle \
             on its first way through; and it replays a correctly signed bundle from before a permission was \
             withdrawn, also to an agent that has just restarted. A tenant's principal waits for each to take effect.",
    stride: Some('T'),
    requirements: &["POL-02"],
    variants: &[
        Variant { name: "foreign-signed", mark: "bundle.foreign-signed", controls: &[sole(&BUNDLE_SIGNATURE)] },
        Variant { name: "altered", mark: "bundle.altered", controls: &[sole(&BUNDLE_DIGEST)] },
        Variant { name: "rolled-back", mark: "bundle.rolled-back", controls: &[sole(&BUNDLE_REVISION)] },
    ],
    canary: false,
    build,
};

const TENANT: &str = "acme-corp";
/// Never permitted, save by a policy that permits everything.
const UNDER_FORGED: (u32, &str) = (901, "health");
/// Never permitted, save by the data that the mirror puts into a genuine bundle.
const UNDER_ALTERED: (u32, &str) = (902, "pii");
/// Permitted by revision 1.
const UNDER_OLD: (u32, &str) = (903, "financial");

/// Revision 2 is in force: the permission for [`UNDER_OLD`] is withdrawn.
const WITHDRAWN_AT: Instant = Instant(2_000_000_000);
/// The withdrawal is said again so often that after this the agent has heard of it. Replays die of age only when the
/// policy's bound is over, long after the run: so only the revision can tell an old bundle.
const HEARD: Duration = Duration::millis(1_500);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.platform(|platform| platform.ttls.policy_poll = Duration::millis(300));
    stage.policy(Instant::ZERO, |tenants| permit(tenants, UNDER_OLD.1));
    stage.policy(WITHDRAWN_AT, |_| {});
    stage.usual_weather();
    // An agent that restarts remembers what it had, and asks nobody.
    stage.allow(Allowance {
        kind: "crash",
        targets: vec![Target::Node("cell-a/policy".into())],
        length: (Duration::millis(100), Duration::millis(900)),
        strength: (0, 0),
        on_ppm: 500_000,
        takes_copy: false,
    });
    stage.attacker("mirror", None, "POL-02", true, |_| Box::new(Mirror::default()));
    stage.position("cell-a/config", "cell-a/policy", "mirror");
    asker(stage, "foreign-signed", UNDER_FORGED, Instant::ZERO);
    asker(stage, "altered", UNDER_ALTERED, Instant::ZERO);
    asker(stage, "rolled-back", UNDER_OLD, WITHDRAWN_AT + HEARD);
}

/// A principal that keeps asking for the one record that its bundle would release.
fn asker(stage: &mut Stage<'_>, name: &'static str, (record, label): (u32, &str), forbidden_from: Instant) {
    stage.special(TENANT, record, ("audit", 1, label));
    stage.forbid(TENANT, record, forbidden_from, "POL-02");
    stage.attacker(name, Some(TENANT), "POL-02", false, move |d| {
        let path = format!("/v1/records/{record}");
        let (idp, gateway) = (d.node("cell-a/idp"), d.node("edge-a"));
        let mut asker = Intruder::new(idp, gateway, TENANT, "EU", "bundle.asked")
            .asking(&[(Method::Get, &path, "")])
            .crafting(|token| Some(bearer(token)));
        asker.tries = 100;
        asker.gap = Duration::millis(80);
        Box::new(asker)
    });
}

fn permit(tenants: &mut Tenants, label: &str) {
    let of_tenant = |tenant: &&mut Tenant| *tenant.id == *TENANT;
    tenants.tenants.iter_mut().filter(of_tenant).for_each(|tenant| tenant.labels.push(label.into()));
}

/// What the insider would like the policy to say.
const ALLOW_ALL: &str = "package switchboard\ndefault allow := true\ndeny contains \"LABEL\" if false\n";

/// The mirror.
#[derive(Default)]
struct Mirror {
    /// The last bundle of each revision that passed.
    passed: BTreeMap<u64, Arc<SignedBundle>>,
    turns: u64,
}

impl Script for Mirror {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Intercepted(from, to, Wire::Bundle(bundle)) => self.serve(kit, from, to, bundle),
            Event::Intercepted(from, to, other) => kit.out.send_as(from, to, other),
            _ => {}
        }
    }
}

impl Mirror {
    /// Passes a bundle on, and what it makes of it: the very first copy of the newer revision loses its own files.
    fn serve(&mut self, kit: &mut Kit<'_, '_>, from: NodeId, to: NodeId, genuine: Arc<SignedBundle>) {
        let revision = genuine.manifest.revision;
        let offer = |kit: &mut Kit<'_, '_>, bundle: SignedBundle| {
            kit.out.send_as(from, to, Wire::Bundle(Arc::new(bundle)));
        };
        let is_first = self.passed.insert(revision, genuine.clone()).is_none();
        if revision < 2 {
            return offer(kit, (*genuine).clone());
        }
        if is_first {
            kit.mark("bundle.altered");
            offer(kit, SignedBundle { content: altered(&genuine.content), ..(*genuine).clone() });
            return offer(kit, (*genuine).clone());
        }
        // Once everybody has heard of it, every other time the genuine one is kept back: an agent that has just
        // restarted is offered nothing but the others.
        self.turns += 1;
        if self.turns % 2 == 1 || kit.ctx.now() < WITHDRAWN_AT + HEARD {
            offer(kit, (*genuine).clone());
        }
        kit.mark("bundle.foreign-signed");
        let forged = forged(&genuine, below(kit.draw(luck::ATTACK), 3));
        offer(kit, forged);
        if let Some(old) = self.passed.get(&1) {
            kit.mark("bundle.rolled-back");
            offer(kit, (**old).clone());
        }
    }
}

/// The genuine policy over data with one permission more.
fn altered(genuine: &BundleContent) -> Arc<BundleContent> {
    let data = PolicyData::from_json(genuine.data()).expect("a genuine bundle's data is data");
    let mut json = data.to_json();
    if let Some(labels) = json["tenants"][TENANT]["labels"].as_array_mut() {
        labels.push(UNDER_ALTERED.1.into());
    }
    Arc::new(BundleContent::new(genuine.policy().clone(), json.to_string()))
}

/// A bundle of the mirror's own, one revision on: unsigned, under its own key's name, or under the trusted one's.
fn forged(genuine: &SignedBundle, how: u64) -> SignedBundle {
    let content = Arc::new(BundleContent::new(ALLOW_ALL, genuine.content.data().clone()));
    let name: Arc<str> = if how == 1 { "mirror-signer".into() } else { genuine.key_id.clone() };
    let signer = Signer::from_seed(name, &[66; 32]);
    let mut forged = signer.sign(genuine.manifest.revision + 1, genuine.manifest.issued_at, &content);
    if how == 0 {
        forged.signature = None;
    }
    forged
}
