//! No row claims what no run shows: with the control off, the row itself breaks.

use models::catalogue;
use models::config::Inputs;
use rayon::prelude::*;
use scenarios::claims::{self, State};
use scenarios::prove::{Order, execute};
use sim::record::Pass;
use std::collections::BTreeMap;

/// Seeds for every claim; and for a row that none of its controls has broken by then, where luck decides whether an
/// attack meets a weak moment, as many as a gate gives it.
const SEEDS: [u64; 2] = [8, 64];

/// A scenario with controls off.
type Without = (&'static str, Vec<&'static str>);

/// The rows, of those wanted, that break in one of so many seeds.
fn broken((name, off): &Without, mut wanted: Vec<&'static str>, seeds: u64) -> Vec<&'static str> {
    let scenario = scenarios::catalogue::find(name).expect("a scenario");
    let inputs = Inputs::embedded();
    let mut seen = Vec::new();
    for seed in 0..seeds {
        let order = off.iter().fold(Order::new(scenario, Pass::Ablation, seed), |order, id| {
            order.without(scenarios::catalogue::control(id).expect("a control"))
        });
        let run = execute(&inputs, &order).record;
        let is_broken = |row: &str| run.findings.iter().any(|f| f.requirement == row);
        seen.extend(wanted.extract_if(.., |row| is_broken(row)));
        if wanted.is_empty() {
            break;
        }
    }
    seen
}

#[test]
fn a_row_that_is_called_modelled_breaks_itself_when_a_control_of_it_is_off() {
    // One set of runs for each set of controls that is off, asked about every row for which it is declared.
    let mut tries: BTreeMap<Without, Vec<&'static str>> = BTreeMap::new();
    let modelled: Vec<_> = catalogue::rows().iter().filter(|row| claims::state(row) == State::Modelled).collect();
    for row in &modelled {
        for ablation in claims::ablations(row.id).iter().filter(|a| a.breaches()) {
            let off = ablation.off().iter().map(|c| c.id).collect();
            let rows = tries.entry((ablation.scenario.name, off)).or_default();
            if !rows.contains(&row.id) {
                rows.push(row.id);
            }
        }
    }
    let mut open: Vec<&str> = modelled.iter().map(|row| row.id).collect();
    for seeds in SEEDS {
        let asked = tries.par_iter().filter(|(_, rows)| rows.iter().any(|row| open.contains(row)));
        let seen: Vec<&str> = asked.flat_map_iter(|(off, rows)| broken(off, rows.clone(), seeds)).collect();
        open.retain(|row| !seen.contains(row));
    }
    assert_eq!(open, Vec::<&str>::new(), "called modelled, and no run without a control breaks them");
    println!("{} rows are modelled, and each breaks without a control of it", modelled.len());
}
