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
use models::fact::Fact;
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
    reader(stage, ("stored", "masking.stored-asked", "CLS-02"), internal, &all);
    // Two characters, and four of more than one byte each.
    reader(stage, ("short", "masking.short-asked", "CLS-02"), internal, &[customer(0), customer(1)]);
    reader(stage, ("unnamed", "masking.unnamed-asked", "CLS-02"), restricted, &all);
    let guesses = ["email=a@b", "name=Q", "iban=77", "diagnosis=none", "nickname=nick"];
    let guesses: Vec<String> = guesses.iter().map(|guess| format!("/v1/customers?{guess}")).collect();
    reader(stage, ("condition", "masking.condition-asked", "CLS-02"), internal, &guesses);
    reader(stage, ("cached", "masking.after-colleague", "CLS-03"), internal, &all);
    reader(stage, ("unlabelled", "masking.unlabelled-asked", "CLS-04"), confidential, &all);
    reader(stage, ("unmaskable", "masking.unmaskable-asked", "CLS-04"), internal, &all);
    reader(stage, ("cleared", "masking.cleared-asked", "CLS-03"), confidential, &all);
    reader(stage, (NAMED, "masking.named-asked", "CLS-03"), restricted, &all);
    header(stage, &all);
    served(stage, "masking.cleared-served", "attacker/cleared", "\"name\":\"Q\"");
    served(stage, "masking.named-served", "attacker/named", "\"diagnosis\":\"ZQMARKXJ");
}

fn customer(n: u32) -> String {
    format!("/v1/customers/{n}")
}

/// Somebody of the tenant with a token for this level.
fn reader(
    stage: &mut Stage<'_>,
    (name, mark, breach): (&'static str, &'static str, &'static str),
    level: Level,
    paths: &[String],
) {
    let paths = paths.to_vec();
    stage.attacker(name, Some(TENANT), breach, false, move |d| {
        let asks: Vec<_> = paths.iter().map(|path| (Method::Get, path.as_str(), "")).collect();
        let mut reader = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), TENANT, "EU", mark).asking(&asks);
        (reader.clearance, reader.wait) = (level.name(), Duration::millis(1_000));
        (reader.tries, reader.gap) = (40, Duration::millis(110));
        Box::new(reader)
    });
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

/// The mark of an answer to a principal with this text in it.
fn served(stage: &mut Stage<'_>, mark: &'static str, principal: &'static str, text: &'static str) {
    stage.mark_when(mark, move |fact| match fact {
        Fact::Answered(a) if a.status == 200 && *a.principal == *principal => {
            a.body.windows(text.len()).any(|window| window == text.as_bytes())
        }
        _ => false,
    });
}
