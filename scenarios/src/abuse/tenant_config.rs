//! Abuse: another version of the tenants file is proposed with a mistake in it, and a colleague approves it unread.
//!
//! Some are slips and some are not: an entry that nobody sees below the one that everybody knows, a tenant that belongs
//! to nobody, a word that sounds like one. What they have in common is that a machine can tell.

use crate::actors::tenants_file::{changed, entry_of, file_of};
use crate::actors::{Insider, Intruder, Wish};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::config::Tenant;
use models::fact::Fact;
use models::gitops::tenants::{KNOWN_WORDS, NEW_OWNER, UNIQUE_ID, WHOLE_FILE};
use models::oracles::configuration::Configuration;
use models::platform::Directory;
use models::policy::suite::REFERENCE_TESTS;
use models::wire::admin::{TENANTS_PATH, TenantsProposal};
use models::wire::http::Method;
use models::wire::policy::Level;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/tenant-config",
    title: "Of a tenants file with a mistake nothing is applied, and whoever proposed it is told where it is",
    threat: "Members of the platform team propose versions of the tenants file, and a colleague approves each of them \
             unread: a region, a label and a class that nobody knows; a second entry for a tenant, which permits it \
             more; a new tenant that belongs to nobody; and a mistake in one entry beside a change in another. \
             Principals of these tenants wait for each to take effect. A version without a mistake takes effect.",
    stride: None,
    requirements: &["TEN-03"],
    variants: &[
        Variant { name: "unknown-region", mark: "tenants.region-approved", controls: &[sole(&KNOWN_WORDS)] },
        Variant { name: "unknown-label", mark: "tenants.label-approved", controls: &[sole(&KNOWN_WORDS)] },
        Variant { name: "unknown-class", mark: "tenants.class-approved", controls: &[sole(&KNOWN_WORDS)] },
        Variant { name: "duplicate-id", mark: "tenants.duplicate-approved", controls: &[sole(&UNIQUE_ID)] },
        Variant { name: "no-owner", mark: "tenants.no-owner-approved", controls: &[sole(&NEW_OWNER)] },
        Variant { name: "half", mark: "tenants.half-approved", controls: &[sole(&WHOLE_FILE)] },
        // A mistake is told with its line, and what has none takes effect.
        Variant { name: "told", mark: "tenants.mistake-told", controls: &[] },
        Variant { name: "valid", mark: "tenants.valid-served", controls: &[] },
    ],
    canary: false,
    build,
};

const TENANT: &str = "acme-corp";
/// Whose entry has a region that nobody knows.
const MISPLACED: &str = "gamma";
const NOWHERE: &str = "MOON";
/// Belongs to nobody.
const UNOWNED: &str = "nova";
/// When each is proposed. A version is the whole file, so that one which was taken ends the one before.
const FIRST: Duration = Duration::millis(1_500);
const SECOND: Duration = Duration::millis(2_400);
const THIRD: Duration = Duration::millis(3_500);
const FOURTH: Duration = Duration::millis(5_200);
const LAST: Duration = Duration::millis(7_000);

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta gamma", Duration::millis(80));
    stage.platform(|platform| platform.ttls.policy_poll = Duration::millis(300));
    stage.pipelines();
    stage.usual_weather();
    // What the network loses for seconds between a pipeline and its config service is found seconds later.
    for kind in ["loss", "swizzle-clog"] {
        stage.without(kind);
    }
    stage.oracle(|cast| Box::new(Configuration::new(cast)));
    let region = changed(&stage.inputs.tenants, MISPLACED, |tenant| tenant.region = NOWHERE.into());
    proposer(stage, "unknown-region", (FIRST, region), "tenants.region-approved", None);
    permitted(stage, "unknown-label", THIRD, ("audit", "secret"), "tenants.label-approved");
    permitted(stage, "unknown-class", FOURTH, ("ledger", "internal"), "tenants.class-approved");
    duplicate(stage);
    unowned(stage);
    half(stage);
    permitted(stage, "valid", LAST, ("audit", "pii"), "tenants.valid-approved");
    let served = format!("GET /v1/records/{}", record_of("valid"));
    stage.mark_when(
        "tenants.valid-served",
        move |fact| matches!(fact, Fact::Answered(a) if *a.what == *served && a.status == 200),
    );
    stage.mark_when("tenants.mistake-told", is_told);
}

/// Whether somebody is told where a mistake stands: `file:line:column`.
fn is_told(fact: &Fact) -> bool {
    let Fact::Answered(answer) = fact else { return false };
    let place = answer.body.strip_prefix(b"tenants.yaml:").and_then(|rest| rest.first());
    answer.status == 400 && answer.what.ends_with(TENANTS_PATH) && place.is_some_and(u8::is_ascii_digit)
}

/// The record that a version would permit to the tenant.
fn record_of(name: &str) -> u32 {
    let all = ["unknown-label", "unknown-class", "duplicate-id", "half", "valid"];
    900 + all.iter().position(|n| *n == name).expect("it is one of them") as u32
}

/// A version that permits the tenant a record of this kind and label, and a principal of it that waits for that.
fn permitted(
    stage: &mut Stage<'_>,
    name: &'static str,
    at: Duration,
    (kind, label): (&'static str, &'static str),
    mark: &'static str,
) {
    let file = changed(&stage.inputs.tenants, TENANT, |tenant| {
        tenant.data_classes.entry(kind.into()).or_insert(Level::Internal);
        if !tenant.labels.iter().any(|known| **known == *label) {
            tenant.labels.push(label.into());
        }
    });
    withheld(stage, name, (kind, label));
    proposer(stage, name, (at, file), mark, Some(record_of(name)));
}

/// The record that a version would permit.
fn withheld(stage: &mut Stage<'_>, name: &str, (kind, label): (&str, &str)) {
    stage.special(TENANT, record_of(name), (kind, 1, label));
    if name != "valid" {
        stage.forbid(TENANT, record_of(name), Instant::ZERO, "TEN-03");
    }
}

/// The tenant stands in the file a second time, further down, and may have more there.
fn duplicate(stage: &mut Stage<'_>) {
    let mut again = stage.inputs.tenants.get(TENANT).cloned().expect("the stage has asked for it");
    again.labels.push("health".into());
    let file = file_of(&stage.inputs.tenants) + &entry_of(&again);
    withheld(stage, "duplicate-id", ("audit", "health"));
    proposer(stage, "duplicate-id", (FIRST, file), "tenants.duplicate-approved", Some(record_of("duplicate-id")));
}

/// One entry has a mistake, another one a change that nobody would object to by itself.
fn half(stage: &mut Stage<'_>) {
    let mut tenants = stage.inputs.tenants.clone();
    for tenant in &mut tenants.tenants {
        match &*tenant.id {
            MISPLACED => tenant.region = NOWHERE.into(),
            TENANT => tenant.labels.push("financial".into()),
            _ => {}
        }
    }
    withheld(stage, "half", ("audit", "financial"));
    proposer(stage, "half", (SECOND, file_of(&tenants)), "tenants.half-approved", Some(record_of("half")));
}

/// A tenant that is new and belongs to nobody, and somebody with a login for it, who should be served nothing. The
/// variant is about the latter: what is seen, is seen there.
fn unowned(stage: &mut Stage<'_>) {
    let sample = stage.inputs.tenants.get(TENANT).cloned().expect("the stage has asked for it");
    let nova = Tenant { id: UNOWNED.into(), name: "Nova".into(), owner: None, ..sample };
    let file = file_of(&stage.inputs.tenants) + &entry_of(&nova);
    proposer(stage, "of-nobody", (FIRST, file), "tenants.no-owner-approved", None);
    stage
        .attacker("no-owner", Some(UNOWNED), "TEN-03", true, move |d| Box::new(asker(d, UNOWNED, "/v1/records/count")));
}

/// Somebody who proposes a version, and a principal of the tenant that goes on asking for a record, if one is given.
fn proposer(
    stage: &mut Stage<'_>,
    name: &'static str,
    (at, file): (Duration, String),
    mark: &'static str,
    record: Option<u32>,
) {
    stage.attacker(name, Some(TENANT), "TEN-03", false, move |d| {
        let path = record.map_or("/v1/whoami".into(), |record| format!("/v1/records/{record}"));
        Box::new(insider(d, (at, file.clone()), mark, asker(d, TENANT, &path)))
    });
}

fn insider(d: &Directory, (at, file): (Duration, String), mark: &'static str, asker: Intruder) -> Insider {
    let proposal = TenantsProposal {
        author: "ann".into(),
        file: file.into(),
        tests: REFERENCE_TESTS.into(),
        signature: "".into(),
    };
    let mut insider = Insider::new(d.node("cell-a/gitops"), Wish::tenants(proposal), &["bob"], mark, asker);
    insider.wait = at;
    insider
}

/// A principal of the tenant that goes on asking for one thing.
fn asker(d: &Directory, tenant: &str, path: &str) -> Intruder {
    let asker = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), tenant, "EU", "tenants.record-asked");
    let mut asker = asker.asking(&[(Method::Get, path, "")]);
    (asker.tries, asker.gap) = (64, Duration::millis(120));
    asker
}
