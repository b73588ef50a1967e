//! A judgement as a person reads it, in 80 columns: each finding with its proof and its repair, then what is open, what
//! was judged, and what was not.

use super::report::{Component, Finding, Report, Suspicion, Verdict};
use crate::exit::Exit;
use crate::terminal::{Paint, Tone, hang};

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// The whole.
pub fn report(report: &Report, paint: Paint) -> String {
    let [a, b] = &report.tenants;
    let mut out = format!("{}, mode {}: {a} acts, {b} must not be seen\n", report.name, report.mode.word());
    for component in &report.components {
        out.push('\n');
        out.push_str(&one(component, paint));
    }
    if !report.not_tested.is_empty() {
        out.push('\n');
        out.push_str(&hang("not tested   ", &report.not_tested.join(", "), COLUMNS));
    }
    out.push('\n');
    out.push_str(&last(report, paint));
    out
}

fn last(report: &Report, paint: Paint) -> String {
    let count = |of: fn(&Component) -> usize| report.components.iter().map(of).sum::<usize>();
    let (findings, open) = (count(|c| c.findings.len()), count(|c| c.suspicions.len()));
    let many = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let (tone, says) = match report.exit() {
        Exit::Held => (Tone::Good, "nothing was found, in what was judged".to_owned()),
        Exit::Broken => (Tone::Bad, many(findings, "finding")),
        _ if open > 0 => (Tone::Open, many(open, "suspicion") + ", not shown"),
        _ => (Tone::Open, "inconclusive".to_owned()),
    };
    paint.tone(tone, &format!("exit {}: {says}", report.exit().code())) + "\n"
}

fn one(component: &Component, paint: Paint) -> String {
    let title = format!("{}: {}", component.component, component.at);
    let mut out = paint.tone(Tone::Loud, title.trim_end_matches([':', ' '])) + "\n";
    if !component.server.is_empty() {
        out.push_str(&hang("server       ", &component.server, COLUMNS));
    }
    component.tenancy.iter().for_each(|said| out.push_str(&hang("tenants      ", said, COLUMNS)));
    for (n, shown) in component.findings.iter().enumerate() {
        out.push('\n');
        out.push_str(&finding(n + 1, shown, paint));
    }
    for suspicion in &component.suspicions {
        out.push('\n');
        out.push_str(&suspected(suspicion, paint));
    }
    if component.verdict == Verdict::Inconclusive
        && let Some(problem) = &component.problem
    {
        out.push('\n');
        out.push_str(&hang("problem      ", problem, COLUMNS));
    }
    out.push('\n');
    for judged in &component.judged {
        out.push_str(&hang(&format!("judged {:>5} ", judged.objects), &judged.what, COLUMNS));
    }
    for open in &component.not_judged {
        out.push_str(&hang("not judged   ", &format!("{}: {}", open.what, open.why), COLUMNS));
    }
    component.notes.iter().for_each(|note| out.push_str(&hang("note         ", note, COLUMNS)));
    let limits = &component.limits;
    let spared = format!(
        "{} statements, none longer than {} ms, none waiting for a lock longer than {} ms",
        limits.statements, limits.statement_timeout_ms, limits.lock_timeout_ms
    );
    out.push_str(&hang("spared       ", &spared, COLUMNS));
    out
}

fn finding(n: usize, finding: &Finding, paint: Paint) -> String {
    let head = format!("{} [{}]", finding.object, finding.requirements.join(" "));
    let mut out = format!("{n:>2}  {}\n", paint.tone(Tone::Bad, &head));
    out.push_str(&hang("    ", &finding.what, COLUMNS));
    let proof = &finding.proof;
    let who = proof.tenant.as_deref().unwrap_or("nobody");
    out.push_str(&hang(
        "    shown    ",
        &format!("as {who}, on a {} connection: {}", proof.connection, proof.saw),
        COLUMNS,
    ));
    proof.statements.iter().for_each(|sql| out.push_str(&hang("             ", &format!("{sql};"), COLUMNS)));
    let mut first = "    repair   ";
    for sql in &finding.repair {
        let end = if sql.starts_with("--") { "" } else { ";" };
        out.push_str(&hang(first, &format!("{sql}{end}"), COLUMNS));
        first = "             ";
    }
    if !finding.also.is_empty() {
        out.push_str(&hang("    also     ", &finding.also.join(", "), COLUMNS));
    }
    out
}

fn suspected(suspicion: &Suspicion, paint: Paint) -> String {
    let head = format!("{} [{}]", suspicion.object, suspicion.requirements.join(" "));
    let mut out = format!(" ?  {}\n", paint.tone(Tone::Open, &head));
    out.push_str(&hang("    ", &suspicion.what, COLUMNS));
    out.push_str(&hang("    not shown: ", &suspicion.why, COLUMNS));
    out
}
