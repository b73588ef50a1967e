//! The subcommands, one a file.

pub mod bundle;
pub mod certificate;
mod certify;
mod demo;
pub mod drill;
pub mod explore;
pub mod gate;
mod host;
#[cfg(feature = "planted")]
mod hunt;
pub mod keys;
pub mod list;
pub mod log;
pub mod merge;
pub mod model;
pub mod policy;
pub mod replay;
pub mod report;
pub mod run;
pub mod shrink;
mod sweep;
mod trace;
pub mod trust;
pub mod verify;

use crate::args::{Args, Command};
use crate::exit::{Done, Exit};
use crate::terminal::say;
use clap::CommandFactory;

/// Does what was typed.
pub fn dispatch(command: Command) -> Done {
    match command {
        Command::List(args) => list::list(&args),
        Command::Run(args) => run::run(&args),
        Command::Gate(args) => gate::gate(&args),
        Command::Merge(args) => merge::merge(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Drill(args) => drill::drill(&args),
        Command::Explore(args) => explore::explore(&args),
        #[cfg(feature = "planted")]
        Command::Hunt(args) => hunt::hunt(&args),
        Command::Shrink(args) => shrink::shrink(&args),
        Command::Report(args) => report::report(&args),
        Command::Keys(args) => keys::keys(&args),
        Command::Trust(args) => trust::trust(&args),
        Command::Bundle(args) => bundle::bundle(&args),
        Command::Log(args) => log::log(&args),
        Command::Certificate(args) => certificate::certificate(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::Model(args) => model::model(&args),
        Command::Policy(args) => policy::policy(&args),
        Command::Certify(args) => certify::certify(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Host(args) => host::host(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "cellproof", &mut script);
            say(&String::from_utf8_lossy(&script));
            Ok(Exit::Held)
        }
        Command::Man => {
            let mut page = Vec::new();
            // Writing into memory cannot fail.
            let _ = clap_mangen::Man::new(Args::command()).render(&mut page);
            say(&String::from_utf8_lossy(&page));
            Ok(Exit::Held)
        }
    }
}
