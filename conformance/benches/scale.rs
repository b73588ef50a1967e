//! What more tenants, more time and more cores cost the whole platform, in one run of one process, as one table.
//!
//! Figures, and no assertions about them: a machine that is busy with something else measures that. `--quick` leaves
//! out what takes minutes; `sweep`, `nodes`, `tenants` or `month` names the parts to do, all by default.

use models::config::{Inputs, PLATFORM_TOML, TENANTS_YAML};
use rayon::prelude::*;
use scenarios::catalogue;
use scenarios::months::measure::thin;
use scenarios::prove::{Order, execute};
use scenarios::scenario::Scenario;
use scenarios::stage::{Acts, Stage};
use sim::record::{Pass, RunRecord};
use sim::{Duration, Instant};
use std::fmt::Write;

/// Tenants that ask, whatever the number of those that exist.
const ACTIVE: &str = "acme acme-corp beta delta";
const DAY_S: u64 = 24 * 60 * 60;

const fn scenario(name: &'static str, build: fn(&mut Stage<'_>)) -> Scenario {
    let (title, threat) = ("Honest traffic", "none");
    Scenario { name, title, threat, stride: None, requirements: &[], variants: &[], canary: false, build }
}

/// Honest traffic from one second on, then silence of three.
fn traffic(stage: &mut Stage<'_>, gap: Duration, seconds: u64) {
    stage.tenants(ACTIVE, gap);
    stage.others_idle();
    let until = Instant::ZERO + Duration::secs(seconds);
    stage.acts = Acts {
        safety_until: until,
        traffic_until: until,
        verify_from: until + Duration::millis(200),
        end: until + Duration::secs(3),
        ..stage.acts
    };
}

/// Thin traffic for days.
fn stretch(stage: &mut Stage<'_>, days: u64) {
    thin(stage, ACTIVE, Duration::secs(20), Duration::secs(days * DAY_S));
}

/// Tenants in a crowd, each with a client of its own: with the platform's own nodes that makes some five hundred.
const CROWD: usize = 450;

/// So many tenants that ask as much together as the four do elsewhere.
fn crowd(stage: &mut Stage<'_>, seconds: u64) {
    let few = ACTIVE.split_whitespace().count();
    let gap = Duration::millis(5) * (CROWD / few) as u64;
    let known = Inputs::embedded().tenants.tenants.len();
    for n in known..known + CROWD - few {
        stage.tenants(&tenant(n), gap);
    }
    traffic(stage, gap, seconds);
}

fn tenant(n: usize) -> String {
    format!("tenant-{n:05}")
}

static CROWD_BRIEF: Scenario = scenario("bench/crowd-brief", |stage| crowd(stage, 5));
static CROWD_LONG: Scenario = scenario("bench/crowd-long", |stage| crowd(stage, 35));
static BRIEF: Scenario = scenario("bench/brief", |stage| traffic(stage, Duration::millis(5), 5));
static LONG: Scenario = scenario("bench/long", |stage| traffic(stage, Duration::millis(5), 35));
static MONTH: Scenario = scenario("bench/month", |stage| stretch(stage, 30));
static DAY: Scenario = scenario("bench/day", |stage| stretch(stage, 1));

/// The reference platform with so many tenants, half of them in each region.
fn inputs(tenants: usize) -> Inputs {
    let mut yaml = TENANTS_YAML.to_owned();
    let known = Inputs::embedded().tenants.tenants.len();
    for n in known..tenants {
        let region = if n % 2 == 0 { "EU" } else { "US" };
        write!(
            yaml,
            "\n  - id: {}\n    name: Tenant {n}\n    owner: bench\n    region: {region}\n    \
             labels: [internal]\n    data_classes: {{ audit: internal, agents: internal }}\n",
            tenant(n)
        )
        .expect("a string takes everything");
    }
    // A floor for each of ten thousand tenants must fit into one cache.
    let platform = PLATFORM_TOML.replace("cache_floor_bytes = 1048576", "cache_floor_bytes = 4096");
    Inputs::parse(("platform.toml", &platform), ("tenants.yaml", &yaml)).unwrap_or_else(|why| panic!("{why}"))
}

/// Runs it, and returns what it was with the seconds that it took.
fn timed(inputs: &Inputs, scenario: &'static Scenario) -> (RunRecord, f64) {
    let began = std::time::Instant::now();
    let record = execute(inputs, &Order::new(scenario, Pass::Calm, 1)).record;
    let took = began.elapsed().as_secs_f64();
    assert!(record.errors.is_empty(), "{:?}", record.errors);
    (record, took)
}

/// A request that is refused at the door is cheap, and would flatter the figure.
fn assert_served(name: &str, good: u64, sent: u64) {
    assert!(good * 1_000 >= sent * 999, "{name}: only {good} of {sent} requests are served");
}

/// What an event costs: two lengths of the same run, so that setting the stage is not in it.
struct Cost {
    events: u64,
    /// Nanoseconds.
    each: f64,
    /// Seconds that setting the stage takes.
    stage_s: f64,
}

impl Cost {
    fn of(inputs: &Inputs, brief: &'static Scenario, long: &'static Scenario) -> Cost {
        let ((brief, brief_s), (long, long_s)) = (timed(inputs, brief), timed(inputs, long));
        let events = long.events - brief.events;
        let good = long.requests_good - brief.requests_good;
        assert_served(&long.scenario, good, long.requests_sent - brief.requests_sent);
        let each = (long_s - brief_s) * 1e9 / events as f64;
        Cost { events, each, stage_s: brief_s - each * brief.events as f64 / 1e9 }
    }
}

/// Cost of an event with so many tenants, four of whom ask.
fn tenants(counts: &[usize]) {
    println!("\ntenants  stage s  events      ns/event  of {}", counts[0]);
    let mut first = None;
    for count in counts {
        let Cost { events, each, stage_s } = Cost::of(&inputs(*count), &BRIEF, &LONG);
        let base = *first.get_or_insert(each);
        println!("{count:>7}  {stage_s:>7.2}  {events:>10}  {each:>8.0}  {:>4.2}", each / base);
    }
}

/// Cost of an event where four clients ask, and where a crowd does.
fn nodes() {
    println!("\nnodes  events      ns/event  of the first");
    let mut first = None;
    for (brief, long) in [(&BRIEF, &LONG), (&CROWD_BRIEF, &CROWD_LONG)] {
        // The same tenants exist in both, so that the number of nodes alone differs.
        let inputs = inputs(Inputs::embedded().tenants.tenants.len() + CROWD);
        let nodes = execute(&inputs, &Order::new(brief, Pass::Calm, 1)).roles.len();
        let Cost { events, each, .. } = Cost::of(&inputs, brief, long);
        let base = *first.get_or_insert(each);
        println!("{nodes:>5}  {events:>10}  {each:>8.0}  {:>12.2}", each / base);
    }
}

/// A long stretch of thin traffic on one core.
fn long(name: &str, scenario: &'static Scenario) {
    let (record, took) = timed(&Inputs::embedded(), scenario);
    assert_served(name, record.requests_good, record.requests_sent);
    let simulated = record.simulated_ns as f64 / 1e9;
    println!(
        "\n{name}: {:.1} M events, {} requests, {took:.1} s, {:.0} times as fast as time, {:.2} M events/s",
        record.events as f64 / 1e6,
        record.requests_sent,
        simulated / took,
        record.events as f64 / took / 1e6
    );
}

/// Highest resident memory since it was last forgotten, in KiB; none where the system does not tell.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// Seeds a second by number of cores, and whether memory grows with the number of seeds.
fn sweep(seeds: u64) {
    let inputs = Inputs::embedded();
    let scenario = catalogue::find("fuzz/cross-tenant").expect("it is in the catalogue");
    println!("\nthreads  seeds  seeds/s  of one thread  peak MiB");
    let mut one = None;
    for (threads, seeds) in [(1, seeds), (1, 4 * seeds), (2, 4 * seeds)] {
        // Forgetting the peak needs no more than one's own process.
        _ = std::fs::write("/proc/self/clear_refs", "5");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
        let began = std::time::Instant::now();
        let run = |seed| execute(&inputs, &Order::new(scenario, Pass::Swarm, seed)).record.events;
        let events: u64 = pool.install(|| (0..seeds).into_par_iter().map(run).sum());
        let rate = seeds as f64 / began.elapsed().as_secs_f64();
        assert!(events > 0);
        let base = *one.get_or_insert(rate);
        let peak = peak_kib().map_or("?".to_owned(), |kib| format!("{:.0}", kib as f64 / 1024.0));
        println!("{threads:>7}  {seeds:>5}  {rate:>7.0}  {:>13.2}  {peak:>8}", rate / base);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |what: &str| args.iter().any(|arg| arg == what);
    let quick = has("--quick");
    let all = !["sweep", "nodes", "tenants", "month"].iter().any(|part| has(part));
    if all || has("sweep") {
        sweep(if quick { 50 } else { 500 });
    }
    if all || has("nodes") {
        nodes();
    }
    if all || has("tenants") {
        tenants(if quick { &[10, 100] } else { &[10, 1_000, 10_000] });
    }
    if all || has("month") {
        if quick { long("one day", &DAY) } else { long("30 days", &MONTH) }
    }
}
