//! Information disclosure: columns of a tenant's own customers, shown to principals of that tenant who are not cleared
//! for them.
//!
//! Everybody here holds a genuine token of the tenant, and the rows are the tenant's own: no tenant filter, row policy
//! or level of a record stands between. What does is decided for each column, when a result is made for somebody.

use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::app::customers::MASKED_CONDITIONS;
use models::app::masking::{
    COLUMN_MASKING, MASKING_FAILS_CLOSED, NAMED_PRINCIPALS, SHORT_IDENTIFIERS, UNLABELLED_RESTRICTED,
};
use models::app::reader::CACHED_BY_CLEARANCE;
use models::gateway::headers::{CALLER_CLAIMS, FORWARDED_HEADERS};
use models::platform::customers::FIRST;
use models::wire::http::Method;
use models::wire::http::surrogate::{CLEARANCE, SUBJECT};
use models::wire::policy::Level;
use sim::Duration;
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/disclosure-masked-columns",
    title: "Nobody sees more of a customer than their clearance permits, in no answer, no condition and no cache",
    threat: "Principals with genuine tokens of the tenant read its customers: one by one and often, until they know \
             what stands where; customers whose identifiers are too short to hide anything behind four characters; \
             with headers that say a higher clearance, or somebody else's name; with a clearance for restricted data \
             that nobody has named them for; by guessing what a concealed column says and asking who it says it of; \
             right after a colleague who may see it all; columns that no label speaks of; and values that the masker \
             does not know how to mask.",
    stride: Some('I'),
    requirements: &["CLS-02", "CLS-03", "CLS-04"],
    variants: &[
        Variant { name: "stored", mark: "masking.stored-asked", controls: &[sole(&COLUMN_MASKING)] },
        Variant { name: "short", mark: "masking.short-asked", controls: &[sole(&SHORT_IDENTIFIERS)] },
        Variant {
            name: "header",
            mark: "masking.header-sent",
            controls: &[layered(&CALLER_CLAIMS, &FORWARDED_HEADERS), layered(&FORWARDED_HEADERS, &CALLER_CLAIMS)],
        },
        Variant { name: "unnamed", mark: "masking.unnamed-asked", controls: &[sole(&NAMED_PRINCIPALS)] },
        Variant { name: "condition", mark: "masking.condition-asked", controls: &[sole(&MASKED_CONDITIONS)] },
        Variant { name: "cached", mark: "masking.after-colleague", controls: &[sole(&CACHED_BY_CLEARANCE)] },
        Variant { name: "unlabelled", mark: "masking.unlabelled-asked", controls: &[sole(&UNLABELLED_RESTRICTED)] },
        Variant { name: "unmaskable", mark: "masking.unmaskable-asked", controls: &[sole(&MASKING_FAILS_CLOSED)] },
        // Who is cleared is shown what is stored, and who is named what is restricted: nothing is masked at rest.
        Variant { name: "cleared", mark: "masking.cleared-served", controls: &[] },
        Variant { name: "named", mark: "masking.named-served", controls: &[] },
    ],
    canary: false,
    build,
};

/// Whose customers they are.
const TENANT: &str = "acme";
/// Who is named for what is restricted.
const NAMED: &str = "named";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.usual_weather();
    let (internal, confidential, restricted) = (Level::Internal, Level::Confidential, Level::Restricted);
    stage.customers(&[
        ("stored", internal, None),
        ("short", internal, None),
        ("header", internal, None),
        ("unnamed", restricted, None),
        ("condition", internal, None),
        ("cached", internal, None),
        ("unlabelled", confidential, None),
        ("unmaskable", internal, None),
        ("cleared", confidential, None),
        (NAMED, restricted, Some(TENANT)),
    ]);
    let all: Vec<String> = (0..FIRST).map(customer).collect();
    stage.reader(("stored", TENANT, internal), ("masking.stored-asked", "CLS-02"), &all);
    // Two characters, and four of more than one byte each.
    stage.reader(("short", TENANT, internal), ("masking.short-asked", "CLS-02"), &[customer(0), customer(1)]);
    stage.reader(("unnamed", TENANT, restricted), ("masking.unnamed-asked", "CLS-02"), &all);
    let guesses = ["email=a@b", "name=Q", "iban=77", "diagnosis=none", "nickname=nick"];
    let guesses: Vec<String> = guesses.iter().map(|guess| format!("/v1/customers?{guess}")).collect();
    stage.reader(("condition", TENANT, internal), ("masking.condition-asked", "CLS-02"), &guesses);
    stage.reader(("cached", TENANT, internal), ("masking.after-colleague", "CLS-03"), &all);
    stage.reader(("unlabelled", TENANT, confidential), ("masking.unlabelled-asked", "CLS-04"), &all);
    stage.reader(("unmaskable", TENANT, internal), ("masking.unmaskable-asked", "CLS-04"), &all);
    stage.reader(("cleared", TENANT, confidential), ("masking.cleared-asked", "CLS-03"), &all);
    stage.reader((NAMED, TENANT, restricted), ("masking.named-asked", "CLS-03"), &all);
    header(stage, &all);
    stage.mark_when_shown("masking.cleared-served", "cleared", "\"name\":\"Q\"");
    stage.mark_when_shown("masking.named-served", NAMED, "\"diagnosis\":\"ZQMARKXJ");
}

fn customer(n: u32) -> String {
    format!("/v1/customers/{n}")
}

/// Somebody who says that they are the one who is named, and cleared for everything.
fn header(stage: &mut Stage<'_>, paths: &[String]) {
    let paths = paths.to_vec();
    stage.attacker("header", Some(TENANT), "CLS-02", false, move |d| {
        let claim = |token: &Arc<str>| {
            let mut headers = bearer(token);
            let named: Arc<str> = format!("attacker/{NAMED}").into();
            headers.other.extend([(CLEARANCE.into(), Level::Restricted.name().into()), (SUBJECT.into(), named)]);
            Some(headers)
        };
        let asks: Vec<_> = paths.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
        let liar = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), TENANT, "EU", "masking.header-sent");
        let mut liar = liar.asking(&asks).crafting(claim);
        (liar.clearance, liar.tries, liar.gap) = (Level::Internal.name(), 30, Duration::millis(150));
        Box::new(liar)
    });
}
