//! Canary: an application that answers every list with a row of another tenant. A gate that lets it pass is blind.

use crate::scenario::{Scenario, Variant};
use crate::stage::Stage;
use models::platform::KnownBad;
use sim::Duration;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "canary/foreign-row",
    title: "A deployment that leaks must be found",
    threat: "The application is deployed with a known defect: every list also returns a row of another tenant. This \
             scenario must fail; its breach does not count against the gate, its absence does.",
    stride: None,
    requirements: &["TEN-02"],
    variants: &[Variant { name: "list", mark: "canary.listed", controls: &[] }],
    canary: true,
    build,
};

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme beta", Duration::millis(120));
    stage.known_bad(KnownBad::ForeignRowInLists);
    stage.mark_when("canary.listed", |fact| {
        matches!(fact, models::fact::Fact::Answered(a) if a.what.starts_with("GET /v1/records?") && a.status == 200)
    });
}
