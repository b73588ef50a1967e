//! The whole platform with all controls and the digest: events and honest requests per second on one core.
//!
//! Setting the stage (signing keys, schema, first records) is part of every run, so it is part of the time; *boot*
//! shows what it costs alone. An event is an input that a model machine handled.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use models::config::Inputs;
use scenarios::catalogue;
use scenarios::prove::{Order, execute};
use scenarios::scenario::Scenario;
use scenarios::stage::Acts;
use sim::record::Pass;
use sim::{Duration, Instant};
use std::hint::black_box;

/// A minute of honest traffic of four tenants and nobody else, as dense as the platform serves: a request that is
/// refused at the door is cheap, and would flatter the figure.
static HONEST: Scenario = Scenario {
    name: "bench/honest",
    title: "Honest traffic",
    threat: "none",
    stride: None,
    requirements: &[],
    variants: &[],
    canary: false,
    build: |stage| {
        stage.tenants("acme acme-corp beta delta", Duration::millis(5));
        stage.acts = Acts {
            safety_until: Instant(60_000_000_000),
            traffic_until: Instant(60_800_000_000),
            verify_from: Instant(61_000_000_000),
            end: Instant(64_000_000_000),
            ..stage.acts
        };
    },
};

/// The same platform with no traffic at all, ended before anything happens.
static BOOT: Scenario = Scenario {
    name: "bench/boot",
    title: "Boot",
    threat: "none",
    stride: None,
    requirements: &[],
    variants: &[],
    canary: false,
    build: |stage| {
        stage.tenants("acme acme-corp beta delta", Duration::millis(5));
        stage.acts.end = Instant::ZERO;
    },
};

fn platform(c: &mut Criterion) {
    let inputs = Inputs::embedded();
    let fuzz = catalogue::find("fuzz/cross-tenant").expect("it is in the catalogue");
    let mut group = c.benchmark_group("platform");
    group.sample_size(10);
    for (name, scenario) in [("fuzz", fuzz), ("honest", &HONEST)] {
        let order = Order::new(scenario, Pass::Calm, 1);
        let record = execute(&inputs, &order).record;
        assert!(record.requests_good * 1_000 >= record.requests_sent * 999, "{name} is not served");
        for (what, n) in [("events", record.events), ("requests", record.requests_sent)] {
            group.throughput(Throughput::Elements(n));
            group.bench_function(BenchmarkId::new(name, what), |b| {
                b.iter(|| black_box(execute(&inputs, &order).record.events));
            });
        }
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("boot", |b| b.iter(|| black_box(execute(&inputs, &Order::new(&BOOT, Pass::Calm, 1)).trail)));
    group.finish();
}

criterion_group!(benches, platform);
criterion_main!(benches);
