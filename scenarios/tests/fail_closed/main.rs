//! Fail closed, request by request: with any of identity provider, key set, policy source, policy agent or mesh
//! authority down, cut off, slow or talking nonsense, no request passes that would not have passed before; and
//! everybody who may is served again within a bound, without a restart.
//!
//! "Before" is a twin: the same seed without the fault. What was taken back while the news of it could not come may
//! pass as long as the configuration states, which is counted apart. `CELLPROOF_SEEDS` says how many seeds each fault
//! gets (3 unless given), `CELLPROOF_SEED` where they begin.
//!
//! ```text
//! CELLPROOF_SEEDS=100 cargo test --release -p scenarios --test fail_closed -- --nocapture
//! ```

mod garble;
mod story;
mod twins;

use models::app::machine::undecided::POLICY_REQUIRED;
use models::config::Inputs;
use models::gateway::token::JWKS_STALE;
use models::mesh::verify::SVID_VALIDITY;
use models::policy::agent::FAIL_CLOSED;
use rayon::prelude::*;
use sim::control::Control;
use std::env;
use story::{Case, Dependency, cases};
use twins::{Difference, compare};

/// Seeds of each fault, in a run that is told nothing else: each has another kind of nonsense.
const SEEDS: u64 = 3;

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, no number")))
}

/// What the seeds of a fault differ in, together.
fn together(case: Case, off: &[&'static Control]) -> Difference {
    let inputs = Inputs::embedded();
    let (from, seeds) = (number("CELLPROOF_SEED", 0), number("CELLPROOF_SEEDS", SEEDS));
    let each: Vec<Difference> =
        (from..from + seeds).into_par_iter().map(|seed| compare(&inputs, case, seed, off)).collect();
    let mut sum = Difference::default();
    for one in each {
        sum.struck += one.struck;
        sum.paired += one.paired;
        sum.honest += one.honest;
        sum.shifted += one.shifted;
        sum.passed += one.passed;
        sum.closed += one.closed;
        sum.in_bound += one.in_bound;
        sum.opened.extend(one.opened);
        sum.recovered = sum.recovered.max(one.recovered);
        sum.wrong.extend(one.wrong);
    }
    sum
}

fn row(case: Case, sum: &Difference) -> String {
    format!(
        "{:<17} {:<8} {:>7} {:>8} {:>8} {:>7} {:>9} {:>7} {:>11} ms",
        format!("{:?}", case.dependency),
        format!("{:?}", case.trouble),
        sum.struck,
        sum.paired + sum.shifted,
        sum.passed,
        sum.closed,
        sum.in_bound,
        sum.opened.len(),
        sum.recovered.as_millis(),
    )
}

const HEAD: &str = "what              how       struck requests   passed  closed  in bound  opened   recovered in";

#[test]
fn whatever_is_out_of_order_nobody_passes_who_did_not_before_and_everybody_is_served_again_without_a_restart() {
    println!("{HEAD}");
    let mut wrong = Vec::new();
    let (mut requests, mut honest) = (0, 0);
    for case in cases() {
        let sum = together(case, &[]);
        println!("{}", row(case, &sum));
        requests += sum.paired + sum.shifted;
        honest += sum.honest;
        if sum.closed == 0 {
            wrong.push(format!("{case:?}: nothing was closed"));
        }
        if sum.recovered > case.dependency.recovery() {
            wrong.push(format!("{case:?}: somebody is not served {:?} after it", sum.recovered));
        }
        wrong.extend(sum.opened);
        wrong.extend(sum.wrong);
    }
    println!("{} faults, {requests} requests compared, {honest} of them of honest tenants", cases().len());
    for dependency in Dependency::ALL {
        let bound = dependency.recovery().as_millis();
        println!("after {dependency:?} everybody is served again within {bound} ms, and nobody was restarted for it");
    }
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

/// What keeps each dependency's absence closed.
fn closes(dependency: Dependency) -> &'static Control {
    match dependency {
        Dependency::IdentityProvider | Dependency::KeySet => &JWKS_STALE,
        Dependency::BundleSource => &FAIL_CLOSED,
        Dependency::PolicyAgent => &POLICY_REQUIRED,
        Dependency::Authority => &SVID_VALIDITY,
    }
}

#[test]
fn without_the_control_that_closes_it_somebody_passes_who_did_not_before() {
    let mut unnoticed = Vec::new();
    for case in cases() {
        let control = closes(case.dependency);
        let sum = together(case, &[control]);
        println!("without {:<22} {:?} {:?}: {} pass", control.id, case.dependency, case.trouble, sum.opened.len());
        if sum.opened.is_empty() {
            unnoticed.push(case);
        }
    }
    assert_eq!(unnoticed, Vec::<Case>::new(), "nobody passes without what keeps these closed");
}
