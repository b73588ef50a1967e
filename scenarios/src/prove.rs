//! The passes that decide a scenario's verdict.
//!
//! Guards on and calm; guards on under faults drawn from many seeds; each control off in turn on the same choice map,
//! and pairs where two layers are declared; pairs of runs that must look alike to a tenant. Everything that ran is
//! counted, and a scenario that did not reach its marks is vacuous, whatever else it shows.
//!
//! The work falls into [`step`]s that depend on nothing else; what they left behind is [`fold`]ed, and [`judge`]d in
//! the end. Which steps there are, and who does them, is [`crate::sweep`]'s.

mod ablation;
mod engine;
pub mod fold;
mod interference;
mod kept;
mod run;
pub mod step;
pub mod sums;
mod verdict;

pub use engine::{Engine, KERNEL};
pub use fold::{Fold, merge_serving};
pub use interference::disguised;
pub use kept::Kept;
pub use run::{Finished, Order, execute, execute_on, execute_staged, terms, token};
pub use step::{Done, Job};
pub use verdict::judge;

use models::config::Inputs;

/// How a gate is run. A profile or a flag changes these numbers, never what a simulation does.
#[derive(Clone)]
pub struct Settings {
    /// Platform and tenants.
    pub inputs: Inputs,
    /// First seed of every range.
    pub seed_base: u64,
    /// What the first seed was made from ([`sim::seed::base`]); empty when it was not.
    pub nonce: String,
    /// Calm seeds per scenario: what the objectives are judged by.
    pub calm_seeds: u64,
    /// Swarm seeds per scenario.
    pub swarm_seeds: u64,
    /// Swarm seeds without which a scenario proves nothing, when a time budget cuts the sweep short.
    pub swarm_floor: u64,
    /// Seeds per ablation; stops at the first breach. Where the scenario declares a breach, eight times as many.
    pub ablation_seeds: u32,
    /// Non-interference pairs per mode.
    pub interference_pairs: u32,
    /// Every n-th swarm seed is run twice and compared.
    pub compare_every: u64,
    /// Whether controls are ablated at all (a quick look does not).
    pub ablate: bool,
    /// Runs that an exploration kept.
    pub corpus: Vec<Kept>,
}
