//! Chaos: honest load grows ninefold, swings around a threshold, and for a while nobody says how large it is.
//!
//! An instance takes a second to start, in which the load grows by what two of them can do; so whoever orders instances
//! for the load that is there is late by all that it grows meanwhile. How much a platform can do is a question of time.

use crate::scenario::{Scenario, Variant, sole};
use crate::stage::{Acts, Stage};
use models::app::instance::{BY, DRAIN, READY, STARTING, STOPPING};
use models::autoscaler::Settings;
use models::autoscaler::machine::{BY as AUTOSCALER, NO_FIGURES, READINESS};
use models::autoscaler::scaler::{ABSENT_METRICS, PREDICTION, STABILISATION};
use models::config::{Component, Operation};
use models::fact::Fact;
use models::gateway::shed::FOLLOWS_INSTANCES;
use models::oracles::scaling::ScalingPromise;
use sim::fault::Target;
use sim::swarm::Allowance;
use sim::{Duration, Instant};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "chaos/load-ramp",
    title: "Instances are there when the load is, stay while nobody knows it, and do not come and go with every wave",
    threat: "In four seconds customers of cell A ask nine times as much as before, which is far more than its \
             instances can do, and each new one takes a second to start. Then the gateway's figures are cut off from \
             the autoscaler, and the policy agent answers late, which is no reason to turn anybody away. In cell B \
             load swings around what one instance more or less is for. Customers are served all the time but for less \
             than the bound, nothing that was accepted is lost when an instance comes or goes, and none is taken away \
             that was ordered just before.",
    stride: None,
    requirements: &["SRV-05"],
    variants: &[
        Variant { name: "ramp", mark: "load-ramp.outgrown", controls: &[sole(&PREDICTION)] },
        Variant { name: "late-policy", mark: "load-ramp.answered-late", controls: &[sole(&FOLLOWS_INSTANCES)] },
        Variant { name: "not-ready", mark: "load-ramp.ordered", controls: &[sole(&READINESS)] },
        Variant { name: "no-figures", mark: "load-ramp.no-figures", controls: &[sole(&ABSENT_METRICS)] },
        Variant { name: "waves", mark: "load-ramp.swung", controls: &[sole(&STABILISATION)] },
        Variant { name: "under-way", mark: "load-ramp.stopped-under-way", controls: &[sole(&DRAIN)] },
    ],
    canary: false,
    build,
};

/// Customers of each cell, who ask equally often.
const CUSTOMERS: u64 = 2;
/// Load grows from the first to the second …
const RAMP: (Instant, Instant) = (Instant(1_400_000_000), Instant(5_400_000_000));
/// … requests per second of all customers of cell A together, …
const GROWS: (u64, u64) = (40, 360);
/// … and falls back at once.
const FALLS: Instant = Instant(10_400_000_000);
/// The gateway's figures do not reach the autoscaler.
const UNHEARD: (Instant, Instant) = (Instant(5_800_000_000), Instant(9_400_000_000));
/// Cell A's policy agent answers late, …
const LATE: (Instant, Instant) = (Instant(6_200_000_000), Instant(9_200_000_000));
/// … by so many microseconds: with that requests take three times as long as in the calm, and nothing is full.
const LATE_US: u64 = 120_000;
/// Cell B's load swings between these, in requests per second, …
const SWINGS: (u64, u64) = (90, 180);
/// … so many times, …
const WAVES: u64 = 4;
/// … each as long as this from its beginning to the next.
const WAVE: Duration = Duration::millis(1_600);
/// After the load outgrew what there was there is enough again within this: the start of an instance, and a scrape.
const BOUND: Duration = Duration::millis(1_200);
/// And so many are served in any stretch of that length: with a forecast 300 runs of 300 keep it, without one seven do.
/// Chance alone takes a forecast below nine in ten once in some hundred runs.
const SERVED_PPM: u64 = 800_000;
/// What a request takes of an instance, which has four workers: forty a second, of which 32 are its target.
const WORK: Duration = Duration::millis(100);
const WORKERS: u32 = 4;

/// Longer than usual: a window of stabilisation passes after the load has fallen. The instances that always stand have
/// started when it begins.
const ACTS: Acts = Acts {
    traffic_from: Instant(1_000_000_000),
    safety_until: Instant(9_800_000_000),
    traffic_until: Instant(13_500_000_000),
    verify_from: Instant(14_000_000_000),
    end: Instant(16_500_000_000),
};

fn build(stage: &mut Stage<'_>) {
    let (of_a, of_b) = ("acme acme-corp", "beta delta");
    stage.acts = ACTS;
    stage.tenants(of_a, gap(GROWS.0));
    stage.tenants(of_b, gap(SWINGS.0));
    stage.paces(of_a, &ramp());
    stage.paces(of_b, &waves());
    stage.capacity(Component::App, WORKERS, 512);
    stage.platform(|platform| platform.costs.set(Operation::AppHandle, WORK));
    let settings = Settings { instances_min: 5, instances_max: 14, ..Settings::DEFAULT };
    let promise = ScalingPromise {
        bound: BOUND,
        served_ppm: SERVED_PPM,
        within: Duration::millis(1_500),
        settles: settings.stabilisation,
        window: (stage.acts.traffic_from, stage.acts.traffic_until),
    };
    stage.autoscaler(settings, promise);
    let node = |role: &str| Target::Node(role.into());
    let figures = Target::link(node("edge-a"), node("cell-a/autoscaler"));
    stage.fault("partition-one-way", figures, UNHEARD.0, UNHEARD.1, 0);
    let decisions = Target::link(node("cell-a/policy"), Target::Group("cell-a".into()));
    stage.fault("delay", decisions, LATE.0, LATE.1, LATE_US);
    marks(stage, settings);
    weather(stage);
}

/// The mean gap of each customer of a cell, when they ask so often together.
fn gap(per_s: u64) -> Duration {
    Duration(1_000_000_000 * CUSTOMERS / per_s)
}

/// From the beginning of the ramp to its end in steps that no scrape can tell from a line, and the way back.
fn ramp() -> Vec<(Instant, Duration)> {
    const STEPS: u64 = 40;
    let ((from, until), (low, high)) = (RAMP, GROWS);
    let step = |i: u64| (from + until.since(from).scale(i, STEPS), gap(low + (high - low) * i / STEPS));
    (1..=STEPS).map(step).chain([(FALLS, gap(low))]).collect()
}

/// Up for half a wave, down for the other half. The first is half as high: what it asks for stands, and the next finds
/// what it has made the autoscaler expect.
fn waves() -> Vec<(Instant, Duration)> {
    let (low, high) = SWINGS;
    let wave = |n: u64| {
        let up = RAMP.0 + WAVE * n;
        let high = if n == 0 { low.midpoint(high) } else { high };
        [(up, gap(high)), (up + WAVE.scale(1, 2), gap(low))]
    };
    (0..WAVES).flat_map(wave).collect()
}

fn marks(stage: &mut Stage<'_>, settings: Settings) {
    // More in a fifth of a second than the fewest instances can do in it.
    const FIFTH: u64 = 200_000_000;
    let room = u64::from(settings.instances_min) * u64::from(WORKERS) * FIFTH / WORK.0;
    let (mut at, mut asked) = (0, 0);
    stage.mark_when("load-ramp.outgrown", move |fact| {
        let Fact::Answered(answer) = fact else { return false };
        if !answer.principal.starts_with("client/acme") {
            return false;
        }
        let now = answer.intended.0 / FIFTH;
        (at, asked) = if now > at { (now, 1) } else { (at, asked + u64::from(now == at)) };
        asked == room
    });
    stage.mark_when("load-ramp.answered-late", |fact| {
        let Fact::Answered(answer) = fact else { return false };
        let is_late = answer.status == 200 && answer.took > WORK + Duration::micros(LATE_US);
        is_late && (LATE.0..LATE.1).contains(&answer.intended) && answer.principal.starts_with("client/acme")
    });
    stage.mark_when("load-ramp.ordered", beyond("cell-a", STARTING, settings));
    stage.mark_when("load-ramp.swung", beyond("cell-b", READY, settings));
    stage.mark_when(
        "load-ramp.no-figures",
        |fact| matches!(fact, Fact::Reported { by: AUTOSCALER, what: NO_FIGURES, about, .. } if **about == *"cell-a"),
    );
    stage.mark_when("load-ramp.stopped-under-way", |fact| {
        matches!(fact, Fact::Reported { by: BY, what: STOPPING, value: 1.., .. })
    });
}

/// Whether an instance of the cell that does not always stand says so.
fn beyond(cell: &'static str, said: &'static str, settings: Settings) -> impl FnMut(&Fact) -> bool + 'static {
    let first = format!("{cell}/app-");
    move |fact| {
        let Fact::Reported { by: BY, what, about, .. } = fact else { return false };
        let number = about.strip_prefix(&first).and_then(|number| number.parse::<u32>().ok());
        *what == said && number.is_some_and(|number| number > settings.instances_min)
    }
}

/// Faults that take nothing of what instances can do, and lose nothing of what clients ask: both would be counted
/// against who orders instances. What autoscalers ask and order may be lost, late, doubled and out of order.
fn weather(stage: &mut Stage<'_>) {
    let ms = Duration::millis;
    let inside = |cell: &str| Target::link(Target::Group(cell.into()), Target::Group(cell.into()));
    let links = || vec![inside("cell-a"), inside("cell-b")];
    let autoscalers = |cell: &str| Target::Node(format!("{cell}/autoscaler"));
    let orders = || ["cell-a", "cell-b"].map(|cell| Target::link(autoscalers(cell), Target::Group(cell.into())));
    let mut allow = |kind, targets: Vec<Target>, strength| {
        let (length, on_ppm, takes_copy) = ((ms(1_500), ms(4_000)), 300_000, false);
        stage.allow(Allowance { kind, targets, length, strength, on_ppm, takes_copy });
    };
    allow("delay", links(), (300, 4_000));
    allow("duplicate", links(), (20_000, 200_000));
    allow("reorder", links(), (20_000, 200_000));
    allow("loss", orders().to_vec(), (20_000, 200_000));
    allow("slow", vec![Target::Node("cell-a/cache".into())], (2, 5));
}
