//! A judgement as a person reads it, in 80 columns: each finding with its proof and its repair, then what is open, what
//! was judged, and what was not.

use super::report::{Component, Finding, Proof, Report, Suspicion, Verdict};
use crate::exit::Exit;
use crate::terminal::{Paint, Tone, hang};
use reports::text::plural;

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
        out.push_str(&finding(n + 1, shown, Words::of(component), paint));
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
    if limits.statement_timeout_ms == 0 {
        if limits.statements == 0 {
            return out;
        }
        out.push_str(&hang("read         ", &plural(limits.statements, Words::of(component).one), COLUMNS));
        return out;
    }
    let sent = plural(limits.statements, Words::of(component).one);
    let mut spared = format!("{sent}, none longer than {} ms", limits.statement_timeout_ms);
    if limits.lock_timeout_ms > 0 {
        spared.push_str(&format!(", none waiting for a lock longer than {} ms", limits.lock_timeout_ms));
    }
    out.push_str(&hang("spared       ", &spared, COLUMNS));
    out
}

/// How a component's own language is told.
#[derive(Clone, Copy)]
struct Words {
    /// What was sent.
    one: &'static str,
    /// What ends a line of it.
    end: &'static str,
    /// Whether it matters which connection that was.
    has_sessions: bool,
}

impl Words {
    fn of(component: &Component) -> Words {
        match component.component {
            "gateway" | "kafka" => Words { one: "request", end: "", has_sessions: false },
            "files" => Words { one: "file", end: "", has_sessions: false },
            "trace" => Words { one: "event", end: "", has_sessions: false },
            "policy" | "metrics" => Words { one: "question", end: "", has_sessions: false },
            _ => Words { one: "statement", end: ";", has_sessions: true },
        }
    }

    /// Who acted, and what was seen.
    fn shown(self, proof: &Proof) -> String {
        match (self.has_sessions, proof.tenant.as_deref()) {
            (true, who) => {
                format!("as {}, on a {} connection: {}", who.unwrap_or("nobody"), proof.connection, proof.saw)
            }
            (false, Some(who)) => format!("as {who}: {}", proof.saw),
            (false, None) => proof.saw.clone(),
        }
    }
}

fn finding(n: usize, finding: &Finding, words: Words, paint: Paint) -> String {
    let head = format!("{} [{}]", finding.object, finding.requirements.join(" "));
    let mut out = format!("{n:>2}  {}\n", paint.tone(Tone::Bad, &head));
    out.push_str(&hang("    ", &finding.what, COLUMNS));
    let proof = &finding.proof;
    out.push_str(&hang("    shown    ", &words.shown(proof), COLUMNS));
    let end = words.end;
    proof.statements.iter().for_each(|line| out.push_str(&hang("             ", &format!("{line}{end}"), COLUMNS)));
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
