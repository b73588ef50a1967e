//! How fast turmoil is on the two small workloads that the kernel and madsim are measured by:
//! `turmoil_pace [sparse NODES | chain] [hosted]`.
//!
//! By itself it runs what somebody would write for turmoil: a host a node, UDP, sleeps, a tick of a millisecond.
//! *hosted* runs the machines of the kernel's own workloads as the comparison of engines does, in frames over TCP. The
//! line is that of the kernel's `pace`.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "it measures an engine, outside of any run")]

#[path = "../../tests/toy/mod.rs"]
mod toy;

use sim::ControlSet;
use sim::choice::Choices;
use sim::seed::Draws;
use sim_turmoil::{Order, Speech};
use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use toy::{Note, Toy, workload};
use turmoil::net::UdpSocket;
use turmoil::{Builder, Result, Sim};

/// Simulated seconds of the sparse workload, and requests of the chain: fewer than of the kernel, which is faster.
const SECONDS: u64 = 60;
const REQUESTS: u64 = 2_000;
/// Where every host listens.
const PORT: u16 = 1;

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
        eprintln!("turmoil_pace: say `sparse NODES` or `chain`, and `hosted` for the kernel's own machines");
        return ExitCode::from(2);
    };
    let begun = Instant::now();
    let done = match (name, hosted) {
        (_, true) => Ok(host(name, nodes)),
        ("sparse", false) => sparse(nodes),
        (_, false) => chain(nodes),
    };
    let (simulated, arrived) = match done {
        Ok(done) => done,
        Err(why) => {
            eprintln!("turmoil_pace: {why}");
            return ExitCode::from(2);
        }
    };
    let engine = if hosted { "turmoil-hosted" } else { "turmoil" };
    println!("{engine} {name} {nodes} {simulated} {arrived} {}", begun.elapsed().as_micros());
    ExitCode::SUCCESS
}

/// The words of the toy, as bytes.
struct Spoken;

impl Speech<Toy> for Spoken {
    fn encode(&self, word: &Note) -> std::result::Result<Vec<u8>, String> {
        let mut bytes = word.id.to_le_bytes().to_vec();
        bytes.push(u8::from(word.damaged));
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> std::result::Result<Note, String> {
        let (id, damaged) = bytes.split_first_chunk::<8>().ok_or("a note has nine bytes")?;
        Ok(Note { id: u64::from_le_bytes(*id), damaged: damaged == [1] })
    }
}

/// The machines of the kernel's workload.
fn host(name: &str, nodes: u32) -> (u64, u64) {
    let mut spec = if name == "sparse" { workload::sparse(nodes, SECONDS) } else { workload::chain(REQUESTS) };
    // The end is when a run ends here, not when there is nothing left to do: three milliseconds a word, five words.
    spec.end = spec.end.min(sim::Instant(REQUESTS * 20_000_000));
    let (draws, guests) = (Draws::new(1, Choices::default()), Default::default());
    let order = Order { spec, draws, off: ControlSet::EMPTY, seed: 1, defect: None, guests };
    let outcome = sim_turmoil::run(order, Rc::new(Spoken));
    (outcome.ended.0 / 1_000_000, workload::arrived(&outcome))
}

/// A simulation whose links take one to three milliseconds.
fn simulation<'a>(loss: f64, end: Duration) -> Sim<'a> {
    let mut builder = Builder::new();
    builder
        .rng_seed(1)
        .tick_duration(Duration::from_millis(1))
        .simulation_duration(end)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(3))
        // A link breaks with the datagram that is lost, and is whole for the next one.
        .fail_rate(loss)
        .repair_rate(1.0);
    builder.build()
}

fn name_of(i: u32) -> String {
    format!("n{i}")
}

/// Every host sends ten datagrams a second to the next one, and counts what arrives.
fn sparse(nodes: u32) -> Result<(u64, u64)> {
    let count = Rc::new(Cell::new(0));
    let mut sim = simulation(0.02, Duration::from_secs(SECONDS + 5));
    for i in 0..nodes {
        let count = count.clone();
        sim.client(name_of(i), async move {
            let socket = Rc::new(UdpSocket::bind(("0.0.0.0", PORT)).await?);
            let receiver = socket.clone();
            tokio::task::spawn_local(async move {
                let mut note = [0; 8];
                while receiver.recv_from(&mut note).await.is_ok() {
                    count.set(count.get() + 1);
                }
            });
            // By then every host listens.
            for id in 0..SECONDS * 10 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                socket.send_to(&id.to_le_bytes(), (name_of((i + 1) % nodes), PORT)).await?;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        });
    }
    sim.run()?;
    Ok((sim.elapsed().as_millis() as u64, count.get()))
}

/// The first asks and waits for the answer; the others pass on what they get.
fn chain(nodes: u32) -> Result<(u64, u64)> {
    let count = Rc::new(Cell::new(0));
    let mut sim = simulation(0.0, Duration::from_secs(3600));
    for i in 1..nodes {
        let count = count.clone();
        sim.host(name_of(i), move || {
            let count = count.clone();
            async move {
                let socket = UdpSocket::bind(("0.0.0.0", PORT)).await?;
                let mut note = [0; 8];
                loop {
                    socket.recv_from(&mut note).await?;
                    count.set(count.get() + 1);
                    socket.send_to(&note, (name_of((i + 1) % nodes), PORT)).await?;
                }
            }
        });
    }
    let counted = count.clone();
    sim.client(name_of(0), async move {
        let socket = UdpSocket::bind(("0.0.0.0", PORT)).await?;
        let mut note = [0; 8];
        // A host that does not listen yet loses what it is sent.
        tokio::time::sleep(Duration::from_millis(10)).await;
        for id in 0..REQUESTS {
            socket.send_to(&id.to_le_bytes(), (name_of(1), PORT)).await?;
            socket.recv_from(&mut note).await?;
            counted.set(counted.get() + 1);
        }
        Ok(())
    });
    sim.run()?;
    Ok((sim.elapsed().as_millis() as u64, count.get()))
}
