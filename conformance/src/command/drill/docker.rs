//! `cellproof drill --on docker`: what is done on containers and what is left out, told beforehand; then what was
//! measured, beside what was said and beside the simulation.

use super::{again, exit, record, text};
use crate::args::Drill as Args;
use crate::command::demo::image;
use crate::contained::plan::Plan;
use crate::contained::{self, Ended, Measured, strike};
use crate::exit::{Done, Exit, usage};
use crate::place::Place;
use crate::terminal::{Paint, hang, say};
use models::config::Inputs;
use scenarios::drill::expect::Objective;
use scenarios::drill::outcome::{self, Outcome};
use scenarios::drill::{Drill, Ran};
use serde_json::json;
use sim::record::SloVerdict;

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// A verdict of the simulation on an objective of the cell that the demonstration stands for.
type Simulated = (Objective, SloVerdict);

/// Tells the drill, carries it out, and compares.
pub fn drill(args: &Args, drill: &Drill, inputs: &Inputs, place: Option<&Place>) -> Done {
    let image = image(args.image.as_deref());
    let plan = Plan::of(&drill.story, inputs);
    let mut here = drill.clone();
    here.expectations = plan.expectations(&contained::tenants(), drill.story.length, inputs);
    let paint = Paint::stdout();
    let tell = |line: &str| {
        if !args.json {
            say(line)
        }
    };
    tell(&text::before(&here, paint));
    tell(&before(&plan, &image));
    if plan.strikes.is_empty() && !plan.left_out.is_empty() {
        say("exit 3: nothing of it has a counterpart, so nothing was run\n");
        return Ok(Exit::Inconclusive);
    }
    tell("Carried out\n");
    let ended = contained::run(&image, (drill.seed, &drill.story, &plan), |line| tell(&format!("{line}\n")));
    let measured = match ended.map_err(usage)? {
        Ended::Whole(measured) => measured,
        Ended::Interrupted => {
            say("exit 3: interrupted; all of it was taken down\n");
            return Ok(Exit::Inconclusive);
        }
    };
    let serving = |tenant: &str| measured.serving.iter().find(|seen| seen.tenant == tenant);
    let slos = &inputs.platform.slos;
    let compared = here.expectations.iter().map(|said| outcome::compare(said, serving(&said.tenant), slos));
    let outcomes: Vec<Outcome> = compared.flatten().collect();
    let simulation = drill.run(inputs, &[]);
    let simulated = Objective::ALL.map(|objective| (objective, simulated(&simulation.outcomes, &plan.cell, objective)));
    let (mut ran, ended) = (Ran { outcomes, ..simulation }, ending(&plan, &measured));
    if !drill.is_drawn() {
        // The token would draw another story from the same seed.
        ran.record.token.clear();
    }
    let exit = apart(&ran.outcomes, &simulated, &plan).max(exit(&ran)).max(ended);
    let again = format!("{} --on docker", again(args, drill));
    let written = written(&here, &ran, exit, &again, (&image, &plan, &measured, &simulated));
    if let Some(place) = place {
        place.write(super::FILE, written.as_bytes())?;
    }
    tell(&after(&plan, &measured, &simulated));
    say(&if args.json { written } else { text::after(&here, &ran, exit, &again, paint) });
    Ok(exit)
}

/// What is done and what is not.
fn before(plan: &Plan, image: &str) -> String {
    let mut out = format!("On containers of {image}, which stand for {}\n", plan.cell);
    for strike in &plan.strikes {
        let (from, until) = (strike.from.0 as f64 / 1e9, strike.until.0 as f64 / 1e9);
        out.push_str(&format!("{from:>8.3} s – {until:.3} s  {}\n", strike::words(strike, true)));
    }
    for why in &plan.left_out {
        out.push_str(&hang("  left out  ", why, COLUMNS));
    }
    out.push('\n');
    out
}

/// The verdict on an objective that the simulation gives all tenants of a cell; a miss of one is a miss.
fn simulated(outcomes: &[Outcome], cell: &str, objective: Objective) -> SloVerdict {
    let about = |o: &&Outcome| o.cell == cell && o.objective == objective;
    let seen: Vec<SloVerdict> = outcomes.iter().filter(about).map(|o| o.seen).collect();
    match seen.as_slice() {
        [] => SloVerdict::NoData,
        all if all.contains(&SloVerdict::Missed) => SloVerdict::Missed,
        all if all.iter().all(|verdict| *verdict == SloVerdict::Met) => SloVerdict::Met,
        _ => SloVerdict::Inconclusive,
    }
}

/// How what is no objective ends it: a wrong answer breaks a promise, and what was not done proves nothing.
fn ending(plan: &Plan, measured: &Measured) -> Exit {
    match () {
        () if !measured.wrong.is_empty() => Exit::Broken,
        () if plan.left_out.is_empty() && measured.failed.is_empty() => Exit::Held,
        () => Exit::Inconclusive,
    }
}

/// Where both saw the same story and decide differently, one of them is wrong.
fn apart(outcomes: &[Outcome], simulated: &[Simulated], plan: &Plan) -> Exit {
    let decided = |verdict| matches!(verdict, SloVerdict::Met | SloVerdict::Missed);
    let contradicts = |o: &Outcome| {
        simulated.iter().any(|(objective, verdict)| {
            *objective == o.objective && decided(o.seen) && decided(*verdict) && o.seen != *verdict
        })
    };
    let is_apart = plan.left_out.is_empty() && outcomes.iter().any(contradicts);
    if is_apart { Exit::Inconclusive } else { Exit::Held }
}

/// What the table does not say.
fn after(plan: &Plan, measured: &Measured, simulated: &[Simulated]) -> String {
    let verdicts: Vec<String> =
        simulated.iter().map(|(objective, verdict)| format!("{} {verdict}", objective.requirement())).collect();
    let mut out = format!("\nSimulated, tenants of {}: {}\n", plan.cell, verdicts.join(", "));
    for wrong in &measured.wrong {
        out.push_str(&hang("WRONG  ", wrong, COLUMNS));
    }
    for failed in &measured.failed {
        out.push_str(&hang("not done  ", failed, COLUMNS));
    }
    out.push('\n');
    out
}

/// The drill as a file, with what was done and what was not.
fn written(
    here: &Drill,
    ran: &Ran,
    exit: Exit,
    again: &str,
    (image, plan, measured, simulated): (&str, &Plan, &Measured, &[Simulated]),
) -> String {
    let done = plan.strikes.iter().map(|strike| {
        let ms = |at: sim::Instant| at.0 / 1_000_000;
        json!({ "what": strike::words(strike, true), "from_ms": ms(strike.from), "until_ms": ms(strike.until) })
    });
    let simulated = simulated.iter().map(|(objective, verdict)| json!({ "objective": objective, "verdict": verdict }));
    let containers = json!({
        "image": image,
        "cell": plan.cell,
        "done": done.collect::<Vec<_>>(),
        "left_out": plan.left_out,
        "failed": measured.failed,
        "wrong": measured.wrong,
        "simulated": simulated.collect::<Vec<_>>(),
    });
    record::with_containers(here, ran, exit, again, containers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(left_out: &[&str]) -> Plan {
        let left_out = left_out.iter().map(|why| (*why).to_owned()).collect();
        Plan { cell: "cell-a".into(), strikes: Vec::new(), left_out }
    }

    fn measured(wrong: &[&str], failed: &[&str]) -> Measured {
        let [wrong, failed] = [wrong, failed].map(|list| list.iter().map(|what| (*what).to_owned()).collect());
        Measured { serving: Vec::new(), wrong, failed }
    }

    #[test]
    fn what_was_left_out_or_failed_is_never_green_and_a_wrong_answer_is_red() {
        assert_eq!(ending(&plan(&[]), &measured(&[], &[])), Exit::Held);
        assert_eq!(ending(&plan(&["a clock"]), &measured(&[], &[])), Exit::Inconclusive);
        assert_eq!(ending(&plan(&[]), &measured(&[], &["a kill"])), Exit::Inconclusive);
        assert_eq!(ending(&plan(&["a clock"]), &measured(&["another's"], &[])), Exit::Broken);
    }
}
