//! Many steps, in parallel, anywhere: what there is to do, who does which part, and one result however it was done.
//!
//! The [`Plan`] is fixed before anything runs, and every step has its index in it. Steps depend on nothing else, so
//! they are done on any number of threads, in any number of attempts, and by any number of [`Shard`]s on other
//! machines; what they leave behind is folded in the order of the plan, so the record of a gate is the same to the last
//! byte.
//!
//! Knows no file and no clock: whoever takes the finished steps ([`Desk`]) keeps them, and may end the sweep.

mod in_order;
mod plan;
mod shard;

pub use in_order::InOrder;
pub use plan::{Plan, Terms};
pub use shard::Shard;

use crate::prove::Done;
use rayon::prelude::*;
use sim::record::ScenarioRecord;
use std::sync::Mutex;

/// Takes what is finished.
pub trait Desk: Sync {
    /// Whether no further step should begin. A step that was not done is counted, never passed over.
    fn enough(&self) -> bool {
        false
    }
    /// A step begins. What is answered is handed back when it ends: the reading of a clock, for those who have one.
    fn begins(&self) -> u64 {
        0
    }
    /// A step has ended. Told by the thread that did it; steps end in no particular order.
    fn take(&self, index: u64, began: u64, done: Done);
}

/// Does steps on all threads of the pool, begun in the order that they are given in.
pub fn run(plan: &Plan, steps: impl Iterator<Item = u64> + Send, desk: &dyn Desk) {
    steps.par_bridge().for_each(|index| {
        if !desk.enough() {
            let began = desk.begins();
            desk.take(index, began, plan.work(index));
        }
    });
}

/// Proves everything in one go, with nobody watching.
pub fn prove(plan: &Plan) -> Vec<ScenarioRecord> {
    struct Memory<'a>(Mutex<InOrder<'a>>);
    impl Desk for Memory<'_> {
        fn take(&self, index: u64, _began: u64, done: Done) {
            self.0.lock().expect("nobody panics while folding").add(index, done);
        }
    }
    let desk = Memory(Mutex::new(InOrder::new(plan)));
    run(plan, 0..plan.len(), &desk);
    desk.0.into_inner().expect("nobody panics while folding").finish()
}
