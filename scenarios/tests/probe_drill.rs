//! Scratch.
use models::config::Inputs;
use models::fact::Fact;
use scenarios::drill;
use scenarios::prove::{Order, execute};
use sim::record::Pass;
use std::collections::BTreeMap;

#[test]
fn probe() {
    let inputs = Inputs::embedded();
    let seeds = std::env::var("SEEDS").unwrap_or("1..2".into());
    let (a, b) = seeds.split_once("..").unwrap();
    let table = std::env::var("TABLE").is_ok();
    for seed in a.parse::<u64>().unwrap()..b.parse().unwrap() {
        let t = std::time::Instant::now();
        let run = execute(&inputs, &Order { keep: table, ..Order::new(&drill::SCENARIO, Pass::Calm, seed) });
        let draws = sim::seed::Draws::new(seed, Default::default());
        let story = drill::story::draw(&draws, &drill::map::Map::of(&inputs));
        println!(
            "seed {seed} length {} took {:?} events {} sent {} good {}",
            story.length,
            t.elapsed(),
            run.record.events,
            run.record.requests_sent,
            run.record.requests_good
        );
        let mut it = story.faults.iter();
        for i in &story.incidents {
            println!("  {} {}", i.kind.name(), i.title);
            for f in it.by_ref().take(i.faults) {
                println!("      {:>10} {} {}..{} x{}", f.kind, f.target, f.from, f.until, f.strength);
            }
        }
        for f in run.record.findings.iter().take(4) {
            println!("  FINDING {} {} {}", f.requirement, f.at_ns as f64 / 1e9, f.message);
        }
        println!(
            "  findings {} pending {:?} errors {:?}",
            run.record.findings.len(),
            run.record.pending,
            run.record.errors
        );
        for s in &run.record.serving {
            let bad: Vec<String> = s
                .windows
                .iter()
                .enumerate()
                .filter(|(_, w)| w.1 > 0)
                .map(|(i, w)| format!("{i}:{}/{}", w.1, w.0 + w.1))
                .collect();
            println!(
                "  {:>9} good {} bad {} excl {} p95 {} | {}",
                s.tenant,
                s.good,
                s.bad,
                s.excluded,
                s.latency.quantile(9500),
                bad.join(" ")
            );
        }
        if table {
            let mut sums: BTreeMap<(String, u64), BTreeMap<String, u64>> = BTreeMap::new();
            for e in &run.journal.entries {
                if let Fact::Answered(a) = &e.fact
                    && a.principal.starts_with("client/")
                    && !(200..300).contains(&a.status)
                {
                    *sums
                        .entry((a.principal.to_string(), a.intended.0 / 1_000_000_000))
                        .or_default()
                        .entry(format!(
                            "{} {} {}",
                            a.status,
                            a.reason,
                            a.what.split(['/', '?']).take(3).collect::<Vec<_>>().join("/")
                        ))
                        .or_default() += 1;
                }
            }
            for ((who, s), what) in sums {
                println!("    {who} {s}s {what:?}");
            }
            for e in &run.journal.entries {
                if let Fact::Reported { by, what, about, value } = &e.fact
                    && *by != "mirror"
                {
                    println!("    {} {} reports {by} {what} {about} {value}", e.at, run.roles[e.node.0 as usize]);
                }
            }
        }
    }
}
