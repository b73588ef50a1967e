//! Chaos: a cell's brokers do not take its tenants' events for a while, again and again, each time for another reason.
//!
//! What cannot stay goes to the cell next door, or where that is lost as well and the tenant's region permits it,
//! abroad; and it comes home. Each bad stretch is the condition under which one guard decides.

use crate::scenario::{Scenario, Variant, sole};
use crate::stage::{Acts, Stage};
use models::config::Cell;
use models::fact::Fact;
use models::kafka::idempotence::IDEMPOTENT_PRODUCER;
use models::kafka::spillover::{DRAIN_FIRST, KNOWN_AGAIN, ORDER_FENCE, SPILL_REGION};
use models::mirror::sink::DEDUPE;
use models::mirror::source::RESUME_OFFSET;
use models::saas::{home_of_spilled, is_bound_topic};
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};
use std::collections::BTreeSet;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/event-spillover",
    title: "Events that their cell does not take spill where they may, and come home once and in order",
    threat: "A producer no longer hears its brokers, then they lose power, then it is cut off from them. Its events \
             spill to the cell next door, or abroad if they may leave their region, and are drained home, while that \
             cell is cut off, the drain dies, its acknowledgements go missing, and brokers at home answer again before \
             it is done. Nothing may be missing, doubled or overtaken at home afterwards, and nothing that is bound to \
             a region may have left it.",
    stride: None,
    requirements: &["EVT-03", "EVT-04", "EVT-05", "EVT-09", "POL-06"],
    variants: &[
        Variant {
            name: "answers-lost",
            mark: "spillover.kept-at-both",
            controls: &[sole(&KNOWN_AGAIN), sole(&IDEMPOTENT_PRODUCER)],
        },
        Variant { name: "both-lost", mark: "spillover.abroad", controls: &[sole(&SPILL_REGION)] },
        Variant { name: "cut-off", mark: "spillover.while-cut-off", controls: &[sole(&ORDER_FENCE)] },
        Variant { name: "early-return", mark: "spillover.drain-behind", controls: &[sole(&DRAIN_FIRST)] },
        Variant {
            name: "broken-drain",
            mark: "spillover.drain-broken",
            controls: &[sole(&DEDUPE), sole(&RESUME_OFFSET)],
        },
    ],
    canary: false,
    build,
};

/// What the brokers at home answer does not reach a producer: it sends, they keep, and it does not know.
const UNHEARD: (Instant, Instant) = (Instant(1_200_000_000), Instant(3_600_000_000));
/// Meanwhile acknowledgements of the drain go missing.
const UNACKNOWLEDGED: (Instant, Instant) = (Instant(2_300_000_000), Instant(3_800_000_000));
/// All brokers at home lose power,
const DARK: (Instant, Instant) = (Instant(4_700_000_000), Instant(6_300_000_000));
/// and before they are missed, the cell next door is lost from sight.
const ALONE: (Instant, Instant) = (Instant(4_400_000_000), Instant(6_400_000_000));
/// A producer is cut off from brokers that are well: what spills is drained at once.
const CUT_OFF: (Instant, Instant) = (Instant(8_400_000_000), Instant(10_900_000_000));
/// The drain's sending half loses power while events spill,
const DRAIN_DOWN: (Instant, Instant) = (Instant(9_700_000_000), Instant(10_100_000_000));
/// and then does not reach home, which the producer does again.
const DRAIN_CUT: (Instant, Instant) = (Instant(10_150_000_000), Instant(12_000_000_000));

fn build(stage: &mut Stage<'_>) {
    let at = |ms| Instant::ZERO + Duration::millis(ms);
    stage.acts = Acts {
        safety_until: at(12_200),
        traffic_until: at(14_000),
        verify_from: at(14_500),
        end: at(17_500),
        ..stage.acts
    };
    stage.platform(|platform| {
        let mut near = Cell { id: "cell-c".into(), ..platform.cells[0].clone() };
        near.sizes.app_instances = 1;
        platform.cells.push(near);
    });
    stage.tenants("acme acme-corp", Duration::millis(60));
    stage.tenants("beta", Duration::millis(120));
    stage.connectors("acme acme-corp");
    stage.spills();
    weather(stage);
    let node = |role: &str| Target::Node(role.into());
    let group = |name: &str| Target::Group(name.into());
    let (producer, brokers) = ("connector/acme", (1..=3).map(|i| format!("cell-a/kafka-{i}")));
    for broker in brokers {
        let way = Target::link(node(&broker), node(producer));
        stage.fault("partition-one-way", way.clone(), UNHEARD.0, UNHEARD.1, 0);
        stage.fault("partition", way, CUT_OFF.0, CUT_OFF.1, 0);
        stage.fault("crash", node(&broker), DARK.0, DARK.1, 0);
    }
    let drain = || Target::link(node("cell-a/drain-in-cell-c"), node("cell-c/drain-out"));
    stage.fault_if_it_comes_to_that("partition-one-way", drain(), UNACKNOWLEDGED, 0);
    stage.fault("partition", Target::link(group("cell-a"), group("cell-c")), ALONE.0, ALONE.1, 0);
    stage.fault("crash", node("cell-c/drain-out"), DRAIN_DOWN.0, DRAIN_DOWN.1, 0);
    stage.fault_if_it_comes_to_that("partition", drain(), DRAIN_CUT, 0);
    marks(stage);
}

/// The usual, but that nobody loses power whom the story takes it from at its own time.
fn weather(stage: &mut Stage<'_>) {
    stage.usual_weather();
    stage.without("crash");
    stage.without("torn-write");
    let node = |role: &str| Target::Node(role.into());
    let group = |name: &str| Target::Group(name.into());
    let ms = Duration::millis;
    let mut allow = |kind, targets: Vec<Target>, length, strength, takes_copy| {
        stage.allow(Allowance { kind, targets, length, strength, on_ppm: 300_000, takes_copy });
    };
    let drains = ["cell-a/drain-in-cell-c", "cell-a/drain-in-cell-b", "cell-b/drain-out"].map(node);
    allow("crash", drains.into(), (ms(200), ms(600)), (0, 0), false);
    allow("crash", vec![node("cell-a/app-1"), node("cell-a/cache")], (ms(1_500), ms(4_000)), (0, 0), false);
    allow("crash", vec![node("cell-b/kafka-2")], (ms(1_500), ms(4_000)), (0, 0), true);
    let near = || vec![Target::link(group("cell-a"), group("cell-c")), Target::link(group("cell-c"), group("cell-a"))];
    // Little passes between the two but while events spill, so what strikes it must last, and strike often.
    allow("reorder", near(), (ms(6_000), ms(8_000)), (200_000, 500_000), false);
    allow("duplicate", near(), (ms(6_000), ms(8_000)), (200_000, 500_000), false);
}

fn marks(stage: &mut Stage<'_>) {
    let spilled_to = |fact: &Fact, cell: &str| match fact {
        Fact::EventStored { place, topic, request, .. } if *place.cell == *cell => {
            home_of_spilled(topic).map(|home| (home, *request))
        }
        _ => None,
    };
    let mut at_home = BTreeSet::new();
    stage.mark_when("spillover.kept-at-both", move |fact| {
        if let Fact::EventStored { place, topic, request, .. } = fact
            && *place.cell == *"cell-a"
        {
            at_home.insert((topic.to_string(), *request));
        }
        spilled_to(fact, "cell-c").is_some_and(|event| at_home.contains(&event))
    });
    stage.mark_when("spillover.abroad", move |fact| {
        spilled_to(fact, "cell-b").is_some_and(|(home, _)| !is_bound_topic(&home))
    });
    stage.mark_when("spillover.while-cut-off", |fact| {
        matches!(fact, Fact::Answered(a) if a.what.starts_with("PRODUCE ") && *a.principal == *"connector/acme"
            && a.status == 202 && a.intended >= CUT_OFF.0 && a.intended + a.took < CUT_OFF.1)
    });
    for (mark, ms) in [("spillover.drain-broken", 300), ("spillover.drain-behind", 500)] {
        stage.mark_when(mark, move |fact| {
            matches!(fact, Fact::Reported { by: "mirror", what: "lag-ms", about, value }
                if **about == *"cell-a" && *value >= ms)
        });
    }
}
