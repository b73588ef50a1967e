//! Information disclosure: what is concealed of customers, asked for as something that was made from it.
//!
//! Nobody here asks for a column that is masked to them. They ask for insights: tables with columns of their own, which
//! no label speaks of. What such a column is follows from what it was made from, whatever shape its pipeline has.

use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::app::derived::{DECIDING_INPUTS, HIGH_WATER_MARK};
use models::wire::policy::Level;
use sim::Duration;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/disclosure-derived-data",
    title: "What is derived is as sensitive as the most sensitive of what it was made from, in any shape of a pipeline",
    threat: "Principals with genuine tokens of the tenant ask for insights that were made from what they may not see: \
             a join that writes contacts beside days, a union that puts diagnoses below segments, the greatest \
             diagnosis of each country, the contact of the row before within a window, what a function makes of a \
             country and a name, and the customers of a ward, of which no column is concealed and whose choice is.",
    stride: Some('I'),
    requirements: &["CLS-01"],
    variants: &[
        Variant { name: "join", mark: "derived.join-asked", controls: &[sole(&HIGH_WATER_MARK)] },
        Variant { name: "union", mark: "derived.union-asked", controls: &[sole(&HIGH_WATER_MARK)] },
        Variant { name: "aggregate", mark: "derived.aggregate-asked", controls: &[sole(&HIGH_WATER_MARK)] },
        Variant { name: "window", mark: "derived.window-asked", controls: &[sole(&HIGH_WATER_MARK)] },
        Variant { name: "function", mark: "derived.function-asked", controls: &[sole(&HIGH_WATER_MARK)] },
        Variant { name: "choice", mark: "derived.choice-asked", controls: &[sole(&DECIDING_INPUTS)] },
        // Who may see what an insight was made from may see the insight.
        Variant { name: "cleared", mark: "derived.cleared-served", controls: &[] },
        Variant { name: "named", mark: "derived.named-served", controls: &[] },
    ],
    canary: false,
    build,
};

/// Whose customers they are.
const TENANT: &str = "acme";

/// Who asks for which insight, and under which mark they stand before the door.
const ASKS: [(&str, &str, &str); 6] = [
    ("join", "guests", "derived.join-asked"),
    ("union", "traits", "derived.union-asked"),
    ("aggregate", "worst", "derived.aggregate-asked"),
    ("window", "previous", "derived.window-asked"),
    ("function", "tags", "derived.function-asked"),
    ("choice", "oncology", "derived.choice-asked"),
];

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.usual_weather();
    let (confidential, restricted) = (Level::Confidential, Level::Restricted);
    let mut readers: Vec<_> = ASKS.iter().map(|(name, ..)| (*name, Level::Internal, None)).collect();
    readers.extend([("cleared", confidential, None), ("named", restricted, Some(TENANT))]);
    stage.customers(&readers);
    let path = |insight: &str| format!("/v1/insights/{insight}");
    for (name, insight, mark) in ASKS {
        stage.reader((name, TENANT, Level::Internal), (mark, "CLS-01"), &[path(insight)]);
    }
    let cleared = ["guests", "previous", "tags"].map(path);
    stage.reader(("cleared", TENANT, confidential), ("derived.cleared-asked", "CLS-01"), &cleared);
    let named = ["oncology", "traits", "worst"].map(path);
    stage.reader(("named", TENANT, restricted), ("derived.named-asked", "CLS-01"), &named);
    stage.mark_when_shown("derived.cleared-served", "cleared", "\"guest\":\"100/");
    stage.mark_when_shown("derived.named-served", "named", "\"worst\":\"ZQMARKXJ");
}
