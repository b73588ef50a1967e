//! What a fact costs: canonical bytes, the running digest, and keeping it.

#[path = "../tests/toy/mod.rs"]
mod toy;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sim::journal::{Finished, Journal, decode};
use sim::{Instant, NodeId};
use std::hint::black_box;
use toy::{Saw, Toy, What};

const FACTS: u64 = 100_000;

fn write(keep: bool) -> Finished<Toy> {
    let mut journal = Journal::<Toy>::new(keep);
    for id in 0..FACTS {
        let at = Instant(id * 1_000);
        journal.append(at, NodeId(id as u32 % 7), id / 5, &Saw { what: What::Got, id, local: at });
    }
    journal.finish()
}

fn journal(c: &mut Criterion) {
    let mut group = c.benchmark_group("journal");
    group.throughput(Throughput::Elements(FACTS));
    group.bench_function("append-and-digest", |b| b.iter(|| black_box(write(false).digest)));
    group.bench_function("append-digest-and-keep", |b| b.iter(|| black_box(write(true).digest)));
    let kept = write(true);
    group.bench_function("encode", |b| b.iter(|| black_box(kept.encode())));
    let bytes = kept.encode();
    group.bench_function("decode", |b| b.iter(|| black_box(decode(&bytes).map(|facts| facts.len()))));
    group.finish();
}

criterion_group!(benches, journal);
criterion_main!(benches);
