//! `cellproof gate`: every scenario, proved; reports for CI, auditors and people; an exit code.

use super::sweep::{self, Order, Size};
use crate::args::{Gate, Profile};
use crate::exit::Done;
use crate::input;
use scenarios::catalogue;
use scenarios::gate::Demand;

/// Gates.
pub fn gate(args: &Gate) -> Done {
    let inputs = input::inputs(&args.files)?;
    let size = match (args.quick, args.full) {
        (true, _) => Size::Quick,
        (false, true) => Size::Full,
        (false, false) => Size::Normal,
    };
    let settings = sweep::settings(inputs, size, args.seeds);
    let demand = Demand { canary: true, coverage: args.profile != Profile::Default };
    let order = Order {
        demand,
        budget: args.time_budget,
        out: Some(&args.out),
        files: &args.files,
        json: args.json,
        threads: args.threads,
    };
    sweep::sweep(&settings, catalogue::ALL, &order)
}
