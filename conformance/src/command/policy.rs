//! `cellproof policy`: somebody's Rego, asked about a whole small space and compared with the reference decision.
//!
//! What is asked is what the policy offers: `allow` and `deny` (§3.2), `action` (§3.7). The files of a directory are
//! compiled together, as OPA does. Threads take ranges of questions and change no result.

mod gather;
mod report;
mod text;

use crate::args::Policy;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::terminal::say;
use gather::Data;
use models::policy::judge::access::Access;
use models::policy::judge::remediation::Remediation;
use models::policy::judge::{self, Duty, Finding, Judge, Tally};
use models::policy::subject::{Reading, Subject, Unusable};
use rayon::prelude::*;
use report::{Asked, Problem, Report, Verdict};

/// Questions that a thread takes at once.
const AT_ONCE: usize = 512;

/// Judges, and shows what was found.
pub fn policy(args: &Policy) -> Done {
    let modules = gather::modules(&args.path)?;
    let data = gather::data(&args.path, args.data.as_deref())?;
    let report = on_threads(args.threads, || examine(&modules, &data))?;
    let shown = if args.json { report.json() } else { text::report(&report) };
    say(&shown);
    match (report.verdict, report.problem) {
        (Verdict::Agrees, _) => Ok(Exit::Held),
        (Verdict::Disagrees, _) => Ok(Exit::Broken),
        (Verdict::NeedsBuiltin, problem) => Err(refusal(Exit::Inconclusive, problem)),
        (Verdict::DoesNotCompile | Verdict::NothingToAsk, problem) => Err(refusal(Exit::Usage, problem)),
    }
}

fn refusal(exit: Exit, problem: Option<Problem>) -> Refusal {
    Refusal { exit, message: problem.map(|p| p.to_string()).unwrap_or_default() }
}

fn on_threads<T: Send>(threads: Option<u16>, work: impl FnOnce() -> T + Send) -> Result<T, Refusal> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.map_or(0, usize::from)).build();
    Ok(pool.map_err(|e| usage(format!("failed to start threads: {e}")))?.install(work))
}

/// Everything that there is to say of the modules.
fn examine(modules: &[models::policy::subject::Module], data: &Data) -> Report {
    let mut report = Report::new(data);
    let mut subject = match Subject::load(modules, &data.seen) {
        Ok(subject) => subject,
        Err(unusable) => return report.unusable(unusable),
    };
    report.modules(subject.modules());
    let packages = subject.packages();
    for reading in packages.values() {
        for duty in judge::duties(reading) {
            match sit(duty, reading, data, &mut subject) {
                Ok(asked) => report.packages.push(asked),
                Err(unusable) => return report.unusable(unusable),
            }
        }
    }
    report.conclude(subject.modules())
}

fn sit(duty: Duty, reading: &Reading, data: &Data, subject: &mut Subject) -> Result<Asked, Unusable> {
    match duty {
        Duty::Access => {
            let judge = Access::new(reading, &data.known);
            subject.check(&reading.package, judge.rules())?;
            let mut asked = Asked::new("access", reading, judge.rules(), ask(&judge, subject), judge.len());
            asked.tenants = judge.space().tenants().to_vec();
            asked.combinations = Some(judge.space().product_len());
            let ungiven = Access::ungiven(reading).into_iter();
            asked.unasked = ungiven.map(|input| format!("input.{input}: it is not in the document's input")).collect();
            Ok(asked)
        }
        Duty::Remediation => {
            let judge = Remediation::new(reading);
            subject.check(&reading.package, judge.rules())?;
            let mut asked = Asked::new("remediation", reading, judge.rules(), ask(&judge, subject), judge.len());
            asked.unasked = judge.unasked().iter().map(|what| (*what).to_owned()).collect();
            Ok(asked)
        }
    }
}

/// Asks every question, in ranges.
fn ask<J: Judge>(judge: &J, subject: &Subject) -> Vec<Finding> {
    let ranges: Vec<_> = (0..judge.len()).step_by(AT_ONCE).map(|from| from..judge.len().min(from + AT_ONCE)).collect();
    let tallies = ranges.into_par_iter().map_with(subject.clone(), |subject, range| judge::ask(judge, subject, range));
    let whole = tallies.reduce(Tally::default, |mut whole, part| {
        whole.merge(part);
        whole
    });
    judge.findings(whole)
}
