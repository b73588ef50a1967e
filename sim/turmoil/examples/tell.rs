//! Runs the engine forms of scenarios on turmoil and prints what each run told, one line of JSON a run.

use scenarios::compare::runs::Wanted;
use sim_turmoil::mesh::Mesh;
use sim_turmoil::{Order, run};
use std::process::ExitCode;
use std::rc::Rc;

fn main() -> ExitCode {
    let done = Wanted::parse(std::env::args().skip(1)).and_then(|wanted| {
        wanted.each(
            "turmoil",
            |job| {
                let (spec, draws, guests) = (job.set.spec, job.set.draws, Default::default());
                let order = Order { spec, draws, off: job.off, seed: job.seed, defect: job.defect, guests };
                run(order, Rc::new(Mesh::new(job.off)))
            },
            |told| println!("{}", serde_json::to_string(&told).expect("what is told can be written")),
        )
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("turmoil: {why}");
            ExitCode::from(2)
        }
    }
}
