//! How fast turmoil is on two small workloads, for a table beside other engines:
//! `pace [sparse NODES | chain] [hosted]`.
//!
//! By itself it runs what somebody would write for turmoil: a host a node, datagrams, sleeps, a tick of a millisecond.
//! *hosted* runs the machines of the kernel's own workloads as the comparison of engines does, over connections. The
//! line is that of the kernel's `pace`. It simulates less than the others do: rates are what is compared.

#![expect(clippy::disallowed_methods, reason = "it measures how long the engine takes, outside of any run")]

#[path = "../../tests/toy/mod.rs"]
mod toy;

use sim::ControlSet;
use sim::choice::Choices;
use sim::seed::Draws;
use sim_turmoil::{Order, Speech, run};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::task::spawn_local;
use tokio::time::sleep;
use toy::{Note, Toy, workload};
use turmoil::net::UdpSocket;
use turmoil::{Builder, Sim};

/// Simulated seconds of the sparse workload, and requests of the chain.
const SECONDS: u64 = 10;
const REQUESTS: u64 = 2_000;

/// Where everybody listens.
const PORT: u16 = 9;

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
    let done = match (name, hosted) {
        (_, true) => Ok(host(name, nodes)),
        ("sparse", false) => sparse(nodes),
        (_, false) => chain(nodes),
    };
    let took = begun.elapsed().as_micros();
    match done {
        Ok((simulated, arrived)) => {
            let engine = if hosted { "turmoil-hosted" } else { "turmoil" };
            println!("{engine} {name} {nodes} {simulated} {arrived} {took}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("pace: turmoil stopped: {why}");
            ExitCode::from(2)
        }
    }
}

/// A note as bytes: its number.
struct Notes;

impl Speech<Toy> for Notes {
    fn encode(&self, note: &Note) -> Result<Vec<u8>, String> {
        Ok(note.id.to_be_bytes().to_vec())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Note, String> {
        let id = bytes.try_into().map_err(|_| format!("a note has eight bytes, and not {}", bytes.len()))?;
        Ok(Note { id: u64::from_be_bytes(id), damaged: false })
    }
}

/// The machines of the kernel's workload.
fn host(name: &str, nodes: u32) -> (u64, u64) {
    let mut spec = if name == "sparse" { workload::sparse(nodes, SECONDS) } else { workload::chain(REQUESTS) };
    // turmoil ticks on when there is nothing left to do, so the end comes before.
    spec.end = spec.end.min(sim::Instant(REQUESTS * CHAIN_MS * 1_000_000));
    let (draws, guests) = (Draws::new(1, Choices::default()), Default::default());
    let outcome = run(Order { spec, draws, off: ControlSet::EMPTY, seed: 1, defect: None, guests }, Rc::new(Notes));
    (outcome.ended.0 / 1_000_000, workload::arrived(&outcome))
}

/// A request of the chain takes no less: five words, each of two milliseconds on the average.
const CHAIN_MS: u64 = 10;

fn build<'a>(loss: f64) -> Sim<'a> {
    let mut builder = Builder::new();
    builder
        .epoch(UNIX_EPOCH)
        .rng_seed(1)
        .tick_duration(Duration::from_millis(1))
        .simulation_duration(Duration::MAX)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(3))
        // turmoil loses a message by breaking the link, which the next message repairs.
        .fail_rate(loss)
        .repair_rate(1.0);
    builder.build()
}

fn name(i: u32) -> String {
    format!("n{i}")
}

fn milliseconds(sim: &Sim<'_>) -> u64 {
    sim.elapsed().as_millis() as u64
}

/// What a workload gave: simulated milliseconds, and messages that arrived.
type Done = turmoil::Result<(u64, u64)>;

/// Each node sends ten datagrams a second to the next one, and counts what arrives; 2 % are lost.
fn sparse(nodes: u32) -> Done {
    let mut sim = build(0.02);
    let count = Rc::new(Cell::new(0));
    let addresses: Vec<IpAddr> = (0..nodes).map(|i| sim.lookup(name(i))).collect();
    for i in 0..nodes {
        let (count, next) = (count.clone(), addresses[((i + 1) % nodes) as usize]);
        sim.client(name(i), async move {
            let socket = Rc::new(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?);
            let receiver = socket.clone();
            spawn_local(async move {
                let mut note = [0; 8];
                while receiver.recv_from(&mut note).await.is_ok() {
                    count.set(count.get() + 1);
                }
            });
            for id in 0..SECONDS * 10 {
                sleep(Duration::from_millis(100)).await;
                socket.send_to(&id.to_be_bytes(), (next, PORT)).await?;
            }
            sleep(Duration::from_secs(1)).await;
            Ok(())
        });
    }
    sim.run()?;
    Ok((milliseconds(&sim), count.get()))
}

/// The first asks and waits for the answer; the others pass on what they get.
fn chain(nodes: u32) -> Done {
    let mut sim = build(0.0);
    let count = Rc::new(Cell::new(0));
    let addresses: Vec<IpAddr> = (0..nodes).map(|i| sim.lookup(name(i))).collect();
    for i in 1..nodes {
        let (count, next) = (count.clone(), addresses[((i + 1) % nodes) as usize]);
        sim.host(name(i), move || {
            let count = count.clone();
            async move {
                let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
                let mut note = [0; 8];
                loop {
                    socket.recv_from(&mut note).await?;
                    count.set(count.get() + 1);
                    socket.send_to(&note, (next, PORT)).await?;
                }
            }
        });
    }
    let (counted, next) = (count.clone(), addresses[1]);
    sim.client(name(0), async move {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        let mut note = [0; 8];
        for id in 0..REQUESTS {
            socket.send_to(&id.to_be_bytes(), (next, PORT)).await?;
            socket.recv_from(&mut note).await?;
            counted.set(counted.get() + 1);
        }
        Ok(())
    });
    sim.run()?;
    Ok((milliseconds(&sim), count.get()))
}
