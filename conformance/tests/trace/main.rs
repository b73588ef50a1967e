//! Traces: what simulations export is judged by the same oracles and found clean; what is damaged is rejected.

mod changes;
mod damage;
mod decisions;
mod files;
mod forms;
mod lineage;
mod simulated;
mod support;
