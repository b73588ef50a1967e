//! The kernel alone: events per second of worlds whose machines do next to nothing.
//!
//! An event is an input that a machine handled.

#[path = "../tests/toy/mod.rs"]
mod toy;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use toy::workload;

fn kernel(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernel");
    let specs = [("notes", (|| workload::sparse(50, 60)) as fn() -> _), ("chain", || workload::chain(6_000))];
    for (name, spec) in specs {
        group.throughput(Throughput::Elements(toy::run(spec(), 1).events));
        group.bench_function(name, |b| b.iter(|| black_box(workload::arrived(&toy::run(spec(), 1)))));
    }
    group.finish();
}

criterion_group!(benches, kernel);
criterion_main!(benches);
