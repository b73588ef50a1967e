//! `cellproof policy`: somebody's Rego, asked about a whole small space and compared with the reference decision.
//!
//! What is asked is what the policy offers: `allow` and `deny` (§3.2), `action` (§3.7). The files of a directory are
//! compiled together, as OPA does. Threads take ranges of questions and change no result.

mod text;

use crate::args::Policy;
use crate::examine::report::{Problem, Verdict};
use crate::examine::{examine, gather};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::terminal::say;

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
