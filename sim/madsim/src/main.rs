//! Runs the engine forms of scenarios on madsim and prints what each run told, one line of JSON a run.

use scenarios::compare::runs::Wanted;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = Wanted::parse(std::env::args().skip(1)).and_then(|wanted| {
        wanted.each(
            "madsim",
            |job| sim_madsim::run(job.set.spec, (job.set.draws, job.seed), job.off, job.defect),
            |told| println!("{}", serde_json::to_string(&told).expect("what is told can be written")),
        )
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("madsim: {why}");
            ExitCode::from(2)
        }
    }
}
