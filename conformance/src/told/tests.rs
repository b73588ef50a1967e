//! Every denial of every scenario names the control that said no.

use super::*;
use models::config::Inputs;
use scenarios::prove::{self, Order};
use sim::record::Pass;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_denial_names_the_control_that_said_no() {
    let inputs = Inputs::embedded();
    let mut named: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for scenario in scenarios::catalogue::ALL {
        let run = prove::execute(&inputs, &Order { keep: true, ..Order::new(scenario, Pass::Calm, 1) });
        for row in told(&run, &[], None).rows.iter().filter(|row| row.kind == Kind::Log) {
            let Some(Decided { allowed: false, why, by }) = &row.decided else { continue };
            let why = why.split(" (").next().unwrap_or(why).to_owned();
            named.entry(why).or_default().insert(by.map_or("no control", |slot| registry::ALL[slot as usize].id));
        }
    }
    let lines = named.iter().map(|(why, by)| format!("{why}: {}\n", by.iter().copied().collect::<Vec<_>>().join(", ")));
    insta::assert_snapshot!(lines.collect::<String>());
}
