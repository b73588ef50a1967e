//! The story that is told twice: a platform of two cells, people who may, people who may not, and people who lose a
//! permission while what would tell of that is out of order.

use crate::garble::Garbler;
use models::idp::forge;
use models::idp::keys::SigningKey;
use models::mesh::ca::{Ca, CaConfig, Window};
use models::mesh::forge as mesh_forge;
use models::mesh::handshake::Identity;
use models::platform::{self, ISSUER, trust_domain};
use models::wire::http::{Headers, Method};
use models::wire::oidc::{Audience, Claims};
use models::wire::svid::{KeyName, SpiffeId, Svid};
use scenarios::actors::{Defector, Intruder, Pod, bearer};
use scenarios::scenario::Scenario;
use scenarios::stage::{Acts, Stage};
use sim::fault::Target;
use sim::{Duration, Instant};

/// What security hangs on, and is out of order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dependency {
    /// Whoever issues tokens, and publishes the keys that they are signed with.
    IdentityProvider,
    /// The published keys alone: on the way to the gateway.
    KeySet,
    /// Whoever hands out policy bundles: on the way to the agent.
    BundleSource,
    /// Whoever decides by them.
    PolicyAgent,
    /// The authority of the mesh.
    Authority,
}

/// How it is out of order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trouble {
    /// It has no power: connections are refused.
    Down,
    /// Nothing passes to it or from it.
    CutOff,
    /// It answers, and the answers take [`SLOW`].
    Slow,
    /// It answers, and what it says is none of its words.
    Garbage,
}

/// One fault of the proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Case {
    /// What is out of order.
    pub dependency: Dependency,
    /// How.
    pub trouble: Trouble,
}

/// The faults begin.
pub const FROM: Instant = Instant(2_000_000_000);
/// Something is taken back: a signing key, a permission, a workload.
pub const WITHDRAWN_AT: Instant = Instant(2_500_000_000);
/// The last word that a fault touches is through.
pub const HEALED_AT: Instant = Instant(9_000_000_000);
/// How long an answer takes that is slow; those behind it wait. So the last of them are through at [`HEALED_AT`].
pub const SLOW: Duration = Duration::secs(6);

/// How long a fetched key is believed.
const JWKS: Duration = Duration::millis(1_500);
/// How long a policy decides.
const STALE: Duration = Duration::millis(1_500);
/// How long a certificate of the mesh lives.
const SVID: Duration = Duration::secs(4);
/// What a fetch may be late, and a request be on its way; certificates end with whole seconds.
const SLACK: Duration = Duration::millis(400);

/// Record and label that are permitted until [`WITHDRAWN_AT`].
const LOST: (u32, &str) = (904, "financial");
/// Record and label that never are.
const NEVER: (u32, &str) = (905, "health");

/// What strangers ask for.
const RECORDS: [&str; 3] = ["/v1/records/0", "/v1/records/1", "/v1/records?limit=5"];
const GATEWAY: &str = "/ns/edge/sa/gateway";

/// The story as the machinery knows it; its stage is set by [`set`].
pub static STORY: Scenario = Scenario {
    name: "proof/fail-closed",
    title: "What security hangs on is out of order, and nobody gets in by that",
    threat: "Each of five dependencies is down, cut off, slow or talks nonsense, while permissions are withdrawn.",
    stride: None,
    requirements: &["IDN-06", "IDN-09", "POL-02"],
    variants: &[],
    canary: false,
    build: |_| {},
};

impl Dependency {
    /// All.
    pub const ALL: [Dependency; 5] = [
        Dependency::IdentityProvider,
        Dependency::KeySet,
        Dependency::BundleSource,
        Dependency::PolicyAgent,
        Dependency::Authority,
    ];

    /// How long what was known of it before may go on deciding: the stated bound.
    pub fn bound(self) -> Duration {
        match self {
            Dependency::IdentityProvider | Dependency::KeySet => JWKS + SLACK,
            Dependency::BundleSource | Dependency::PolicyAgent => STALE + SLACK,
            Dependency::Authority => SVID + SLACK,
        }
    }

    /// After this everybody who may is served again, and nothing but the dependency itself was started anew. Where
    /// certificates have died links are opened anew, and a damaged one is replaced only when the next is due.
    pub fn recovery(self) -> Duration {
        Duration::millis(if self == Dependency::Authority { 3_000 } else { 1_500 })
    }

    /// Whether a principal loses meanwhile what it had: with a signing key everybody whose token it signed.
    pub fn takes_from(self, principal: &str) -> bool {
        match self {
            Dependency::IdentityProvider | Dependency::KeySet => {
                principal == "attacker/thief" || principal.starts_with("client/")
            }
            Dependency::BundleSource | Dependency::PolicyAgent => principal == "attacker/asker",
            Dependency::Authority => principal == "attacker/defector",
        }
    }

    /// The two ends, in a cell.
    fn ends(self, cell: &str) -> (Target, Target) {
        let node = |name: &str| Target::Node(format!("cell-{cell}/{name}"));
        match self {
            Dependency::IdentityProvider => (node("idp"), Target::All),
            Dependency::KeySet => (node("idp"), Target::Node(format!("edge-{cell}"))),
            Dependency::BundleSource => (node("config"), node("policy")),
            Dependency::PolicyAgent => (node("policy"), Target::All),
            Dependency::Authority => (node("mesh-ca"), Target::All),
        }
    }

    /// Links on which it can be made to talk nonsense, in a cell.
    fn links(self, cell: &str, tenants: [&str; 2]) -> Vec<(String, String)> {
        let here = |name: &str| format!("cell-{cell}/{name}");
        let edge = format!("edge-{cell}");
        let (from, to) = match self {
            Dependency::IdentityProvider => {
                let clients = tenants.iter().map(|tenant| format!("client/{tenant}"));
                ("idp", clients.chain([edge]).collect())
            }
            Dependency::KeySet => ("idp", vec![edge]),
            Dependency::BundleSource => ("config", vec![here("policy")]),
            Dependency::PolicyAgent => ("policy", vec![here("app-1"), here("app-2")]),
            Dependency::Authority => {
                let workloads = ["app-1", "app-2", "policy", "cache", "postgres-1"].map(here);
                ("mesh-ca", workloads.into_iter().chain([edge]).collect())
            }
        };
        to.into_iter().map(|to: String| (here(from), to)).collect()
    }
}

/// Every fault of the proof. Keys have no power of their own to lose.
pub fn cases() -> Vec<Case> {
    let troubles = [Trouble::Down, Trouble::CutOff, Trouble::Slow, Trouble::Garbage];
    let all = Dependency::ALL
        .into_iter()
        .flat_map(|dependency| troubles.into_iter().map(move |trouble| Case { dependency, trouble }));
    let powerless = [Dependency::KeySet, Dependency::BundleSource];
    all.filter(|case| case.trouble != Trouble::Down || !powerless.contains(&case.dependency)).collect()
}

/// Sets the stage of one of the twins: the same for both, but for the fault itself.
pub fn set(stage: &mut Stage<'_>, case: Case, is_faulted: bool) {
    let at = |ms: u64| Instant(ms * 1_000_000);
    stage.acts = Acts {
        traffic_from: at(800),
        safety_until: at(10_000),
        traffic_until: at(13_000),
        verify_from: at(13_500),
        end: at(16_000),
    };
    stage.tenants("acme acme-corp beta delta", Duration::millis(80));
    stage.platform(|platform| {
        platform.ttls.jwks = JWKS;
        platform.ttls.policy_poll = Duration::millis(250);
        platform.ttls.policy_stale = STALE;
        platform.tokens.svid = SVID;
        platform.tokens.svid_renew_before = Duration::millis(1_500);
        platform.tokens.trust_bundle = Duration::millis(500);
    });
    withdrawal(stage, case.dependency);
    strangers(stage);
    let seed = stage.draws.seed();
    stage.attacker("garbler", None, "IDN-09", true, move |_| {
        let until = if is_faulted { HEALED_AT } else { FROM };
        Box::new(Garbler { window: (FROM, until), kind: seed % 3 })
    });
    for (cell, tenants) in [("a", ["acme", "acme-corp"]), ("b", ["beta", "delta"])] {
        // Whoever stands on a link takes its words off it, and a fault of the link would not meet them.
        let garbles = case.trouble == Trouble::Garbage;
        for (from, to) in case.dependency.links(cell, tenants).into_iter().filter(|_| garbles) {
            stage.position(&from, &to, "garbler");
        }
        if is_faulted {
            fault(stage, case, cell);
        }
    }
}

fn fault(stage: &mut Stage<'_>, Case { dependency, trouble }: Case, cell: &str) {
    let (it, others) = dependency.ends(cell);
    match trouble {
        Trouble::Down => stage.fault("crash", it, FROM, HEALED_AT, 0),
        Trouble::CutOff => stage.fault("partition", Target::link(it, others), FROM, HEALED_AT, 0),
        Trouble::Slow => stage.fault("delay", Target::link(it, others), FROM, HEALED_AT - SLOW, SLOW.0 / 1_000),
        Trouble::Garbage => {}
    }
}

/// What is taken back at [`WITHDRAWN_AT`], and who goes on using it.
fn withdrawal(stage: &mut Stage<'_>, dependency: Dependency) {
    match dependency {
        Dependency::IdentityProvider | Dependency::KeySet => {
            stage.signing_key_stolen(WITHDRAWN_AT);
            intruder(stage, "thief", &["/v1/records/1"], |token, now| {
                Some(signed(&forge::renewed(&forge::claims_of(token)?, now.unix_seconds())))
            });
        }
        Dependency::BundleSource | Dependency::PolicyAgent => {
            stage.special("acme-corp", LOST.0, ("audit", 1, LOST.1));
            stage.policy(Instant::ZERO, |tenants| {
                tenants.tenants.iter_mut().for_each(|tenant| tenant.labels.push(LOST.1.into()));
            });
            stage.policy(WITHDRAWN_AT, |_| {});
            intruder(stage, "asker", &["/v1/records/904"], |token, _| Some(bearer(token)));
        }
        Dependency::Authority => {
            stage.enrol("defector", "cell-a", GATEWAY, Some(WITHDRAWN_AT));
            stage.attacker("defector", Some("acme"), "IDN-06", false, |d| {
                let door = d.node("cell-a/app-1");
                Box::new(Defector::new(d.node("cell-a/mesh-ca"), id("cell-a"), SVID, move |identity| {
                    pod(Pod::new(door, identity, "acme", "fail-closed.dialled"))
                }))
            });
        }
    }
}

/// Those who may not, whatever is out of order.
fn strangers(stage: &mut Stage<'_>) {
    intruder(stage, "nobody", &RECORDS, |_, _| Some(Headers::default()));
    intruder(stage, "forger", &RECORDS, |token, _| Some(bearer(&forge::edited(token, |c| c.tenant = "acme".into())?)));
    intruder(stage, "too-late", &RECORDS, |token, now| {
        Some(signed(&forge::expired(&forge::claims_of(token)?, now.unix_seconds(), 30)))
    });
    intruder(stage, "elsewhere", &RECORDS, |token, _| {
        let claims = forge::claims_of(token)?;
        Some(signed(&Claims { aud: Audience::One(platform::ANALYTICS_AUDIENCE.into()), ..claims }))
    });
    stage.special("acme-corp", NEVER.0, ("audit", 1, NEVER.1));
    intruder(stage, "unpermitted", &["/v1/records/905"], |token, _| Some(bearer(token)));
    rogue(stage, "self-signed", |key| {
        mesh_forge::self_signed(&id("cell-a"), key, Window::from(Instant::ZERO, Duration::secs(5), Duration::secs(600)))
    });
    rogue(stage, "dead-svid", |key| {
        let mut authority = Ca::new(Instant::ZERO, CaConfig::new(&trust_domain("cell-a")));
        let dead = Window::from(Instant::ZERO, Duration::secs(5), Duration::ZERO);
        mesh_forge::misissued(&mut authority, &id("cell-a"), key, dead)
    });
}

/// Somebody at cell A's edge from before the faults until after them.
fn intruder(
    stage: &mut Stage<'_>,
    name: &'static str,
    paths: &'static [&'static str],
    craft: impl Fn(&std::sync::Arc<str>, Instant) -> Option<Headers> + Clone + 'static,
) {
    stage.attacker(name, Some("acme-corp"), "IDN-09", false, move |d| {
        let asks: Vec<(Method, &str, &str)> = paths.iter().map(|path| (Method::Get, *path, "")).collect();
        let mark = "fail-closed.asked";
        let it = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", mark).asking(&asks);
        let mut it = it.crafting_at(craft.clone());
        (it.wait, it.tries, it.gap) = (Duration::millis(1_200), 95, Duration::millis(120));
        Box::new(it)
    });
}

/// A pod at the door of a service with a certificate that is worth nothing.
fn rogue(stage: &mut Stage<'_>, name: &'static str, show: impl Fn(&KeyName) -> Svid + 'static) {
    stage.attacker(name, None, "IDN-05", false, move |d| {
        let svid = show(&KeyName { role: format!("attacker/{name}").into(), index: 0 });
        Box::new(pod(Pod::new(d.node("cell-a/app-1"), Identity::new(&svid), "acme", "fail-closed.dialled")))
    });
}

fn pod(mut pod: Pod) -> Pod {
    (pod.wait, pod.tries, pod.gap) = (Duration::millis(1_200), 60, Duration::millis(200));
    pod
}

/// Signed by the key that is taken back at [`WITHDRAWN_AT`], if any is.
fn signed(claims: &Claims) -> Headers {
    let key = SigningKey::new(&platform::idp_key_role(ISSUER), 0, Instant::ZERO);
    bearer(&forge::signed_by(&key, claims))
}

fn id(cell: &str) -> SpiffeId {
    SpiffeId::new(&trust_domain(cell), GATEWAY).expect("the path is written here")
}
