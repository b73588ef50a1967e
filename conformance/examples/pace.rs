//! How fast the kernel is on two small workloads, for a table beside other engines: `pace [sparse NODES | chain]`.
//!
//! *sparse*: each node sends ten notes a second to its neighbour, of which 2 % are lost. *chain*: one request after the
//! other through four services and back. Prints one line: engine, workload, nodes, simulated milliseconds, notes that
//! arrived, microseconds that it took.

#[path = "../../sim/tests/toy/mod.rs"]
mod toy;

use std::process::ExitCode;
use std::time::Instant;
use toy::workload;

/// Simulated seconds of the sparse workload, and requests of the chain.
const SECONDS: u64 = 60;
const REQUESTS: u64 = 200_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (name, spec, nodes) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sparse", nodes] => match nodes.parse() {
            Ok(nodes) if nodes > 1 => ("sparse", workload::sparse(nodes, SECONDS), nodes),
            _ => return usage(),
        },
        ["chain"] => ("chain", workload::chain(REQUESTS), 5),
        _ => return usage(),
    };
    let begun = Instant::now();
    let outcome = toy::run(spec, 1);
    let took = begun.elapsed();
    let simulated = outcome.ended.0 / 1_000_000;
    println!("kernel {name} {nodes} {simulated} {} {}", workload::arrived(&outcome), took.as_micros());
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("pace: say `sparse NODES` or `chain`");
    ExitCode::from(2)
}
