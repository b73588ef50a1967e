//! `cellproof gate`: every scenario, proved; reports for CI, auditors and people; an exit code.

use super::sweep::{self, Order, Size};
use crate::args::{Gate, Profile};
use crate::corpus;
use crate::exit::Done;
use crate::input;
use crate::place::Place;
use scenarios::catalogue;
use scenarios::gate::Demand;
use scenarios::prove::Settings;
use scenarios::sweep::Plan;
use sim::record::OpenRows;

/// Gates.
pub fn gate(args: &Gate) -> Done {
    let given = input::given(&args.files)?;
    let size = match (args.quick, args.full) {
        (true, _) => Size::Quick,
        (false, true) => Size::Full,
        (false, false) => Size::Normal,
    };
    let corpus = args.corpus.as_deref().map(corpus::all).transpose()?.unwrap_or_default();
    let settings = sweep::settings(given.inputs.clone(), size, args.seeds, args.nonce.as_deref());
    let settings = Settings { corpus, ..settings };
    let profile = args.profile.data();
    let rows = if profile.open == OpenRows::Refused { profile.rows.clone() } else { Vec::new() };
    let demand = Demand { canary: true, objectives: true, rows };
    let plan = Plan::new(settings, catalogue::ALL, demand);
    let order = Order {
        command: command(args),
        budget: args.time_budget,
        out: Some(Place::of(args.out.as_os_str())?),
        shard: args.shard,
        overwrite: args.overwrite,
        files: &args.files,
        json: args.json,
        threads: args.threads,
    };
    sweep::sweep(&plan, &given, &order)
}

/// What one types for this plan: everything that decides a result, and nothing that does not.
fn command(args: &Gate) -> String {
    let mut command = String::from("cellproof gate");
    for (flag, set) in [("--quick", args.quick), ("--full", args.full)] {
        if set {
            command += &format!(" {flag}");
        }
    }
    if let Some(seeds) = args.seeds {
        command += &format!(" --seeds {seeds}");
    }
    if args.profile != Profile::Default {
        command += &format!(" --profile {}", args.profile.data().name);
    }
    if let Some(nonce) = &args.nonce {
        command += &format!(" --nonce {}", input::quoted(nonce));
    }
    if let Some(corpus) = &args.corpus {
        command += &format!(" --corpus {}", input::quoted(&corpus.display().to_string()));
    }
    command + &input::flags(&args.files)
}
