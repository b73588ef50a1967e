//! How fast madsim is on two small workloads, for a table beside other engines:
//! `pace [sparse NODES | chain] [hosted]`.
//!
//! By itself it runs what somebody would write for madsim: a task a node, datagrams, sleeps. *hosted* runs the machines
//! of the kernel's own workloads as the comparison of engines does. The line is that of the kernel's `pace`.

#![expect(clippy::disallowed_methods, reason = "it measures how long the engine takes, outside of any run")]

#[path = "../../../tests/toy/mod.rs"]
mod toy;

use madsim::Config;
use madsim::net::Endpoint;
use madsim::runtime::{Handle, Runtime};
use madsim::time::{TimeHandle, sleep};
use sim::ControlSet;
use sim::choice::Choices;
use sim::seed::Draws;
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use toy::workload;

/// Simulated seconds of the sparse workload, and requests of the chain.
const SECONDS: u64 = 60;
const REQUESTS: u64 = 20_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (name, nodes, hosted) = match words[..] {
        ["sparse", nodes] => ("sparse", nodes.parse().ok(), false),
        ["sparse", nodes, "hosted"] => ("sparse", nodes.parse().ok(), true),
        ["chain"] => ("chain", Some(workload::HOPS), false),
        ["chain", "hosted"] => ("chain", Some(workload::HOPS), true),
        _ => ("", None, false),
    };
    let Some(nodes) = nodes.filter(|nodes| *nodes > 1) else {
        eprintln!("pace: say `sparse NODES` or `chain`, and `hosted` for the kernel's own machines");
        return ExitCode::from(2);
    };
    let begun = Instant::now();
    let (simulated, arrived) = match (name, hosted) {
        (_, true) => host(name, nodes),
        ("sparse", false) => native(nodes, 0.02, sparse),
        (_, false) => native(nodes, 0.0, chain),
    };
    let engine = if hosted { "madsim-hosted" } else { "madsim" };
    println!("{engine} {name} {nodes} {simulated} {arrived} {}", begun.elapsed().as_micros());
    ExitCode::SUCCESS
}

/// The machines of the kernel's workload.
fn host(name: &str, nodes: u32) -> (u64, u64) {
    let spec = if name == "sparse" { workload::sparse(nodes, SECONDS) } else { workload::chain(REQUESTS) };
    let draws = Draws::new(1, Choices::default());
    let mut spec = spec;
    // The end is when a run ends here, not when there is nothing left to do.
    spec.end = spec.end.min(sim::Instant(1_000_000_000_000));
    let outcome = sim_madsim::run(spec, (draws, 1), ControlSet::EMPTY, None);
    (outcome.ended.0 / 1_000_000, workload::arrived(&outcome))
}

/// The part of a node in a workload: who it is, how many there are, where to count what arrives.
type Part = fn(u32, u32, Arc<AtomicU64>) -> std::pin::Pin<Box<dyn Future<Output = ()>>>;

/// Runs a workload that is written for madsim, with this part of datagrams lost. It ends with the first node's part.
fn native(nodes: u32, loss: f64, part: Part) -> (u64, u64) {
    let mut config = Config::default();
    config.net.packet_loss_rate = loss;
    config.net.send_latency = Duration::from_millis(1)..Duration::from_millis(3);
    let runtime = Runtime::with_seed_and_config(1, config);
    let count = Arc::new(AtomicU64::new(0));
    let simulated = Cell::new(0);
    runtime.block_on(async {
        let begun = TimeHandle::current().now_instant();
        for i in (0..nodes).rev() {
            let count = count.clone();
            let start = move || part(i, nodes, count.clone());
            Handle::current().create_node().name(format!("n{i}")).ip(address(i).ip()).init(start).build();
        }
        while !Handle::current().is_exit("n0") {
            sleep(Duration::from_secs(1)).await;
        }
        simulated.set((TimeHandle::current().now_instant() - begun).as_millis() as u64);
    });
    (simulated.get(), count.load(Ordering::Relaxed))
}

fn address(i: u32) -> SocketAddr {
    (Ipv4Addr::from(0x0a00_0001 + i), 1).into()
}

/// Sends ten datagrams a second to the next node, and counts what arrives.
fn sparse(i: u32, nodes: u32, count: Arc<AtomicU64>) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let endpoint = Endpoint::bind(address(i)).await.expect("nobody else listens here");
        let receiver = endpoint.clone();
        madsim::task::spawn(async move {
            let mut note = [0; 8];
            while receiver.recv_from(0, &mut note).await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        for id in 0..SECONDS * 10 {
            sleep(Duration::from_millis(100)).await;
            endpoint.send_to(address((i + 1) % nodes), 0, &id.to_le_bytes()).await.expect("it is sent");
        }
        sleep(Duration::from_secs(1)).await;
    })
}

/// The first asks and waits for the answer; the others pass on what they get.
fn chain(i: u32, nodes: u32, count: Arc<AtomicU64>) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let endpoint = Endpoint::bind(address(i)).await.expect("nobody else listens here");
        let mut note = [0; 8];
        if i > 0 {
            while endpoint.recv_from(0, &mut note).await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
                endpoint.send_to(address((i + 1) % nodes), 0, &note).await.expect("it is sent");
            }
            return;
        }
        for id in 0..REQUESTS {
            endpoint.send_to(address(1), 0, &id.to_le_bytes()).await.expect("it is sent");
            endpoint.recv_from(0, &mut note).await.expect("the answer comes");
            count.fetch_add(1, Ordering::Relaxed);
        }
    })
}
