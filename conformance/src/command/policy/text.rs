//! A judgement as a person reads it: what was asked, each class of disagreement with its simplest input, the verdict.

use crate::examine::report::{Asked, File, Report, Rule, Shown, Verdict};
use crate::terminal::hang;

/// Columns of a terminal.
const COLUMNS: usize = 100;

/// The whole; empty when nothing was asked, which standard error explains.
pub fn report(report: &Report) -> String {
    if report.problem.is_some() {
        return String::new();
    }
    let mut out = String::new();
    report.modules.iter().for_each(|file| out.push_str(&module(file)));
    for asked in &report.packages {
        out.push('\n');
        out.push_str(&package(asked, &report.data));
    }
    let findings: usize = report.packages.iter().map(|p| p.findings.len()).sum();
    let questions: usize = report.packages.iter().map(|p| p.questions).sum();
    out.push_str(&match (report.verdict, findings) {
        (Verdict::Disagrees, 1) => "\nexit 1: it differs from the reference in 1 way\n".to_owned(),
        (Verdict::Disagrees, n) => format!("\nexit 1: it differs from the reference in {n} ways\n"),
        _ => format!("\nexit 0: it answers all {questions} questions as the reference does\n"),
    });
    out
}

fn module(file: &File) -> String {
    let dialects = match file.dialects.as_slice() {
        ["v0"] => "Rego v0 only: OPA 1.0 and later refuse it without --v0-compatible".to_owned(),
        dialects => format!("Rego {}", dialects.join(" and ")),
    };
    format!("{}: package {}, {dialects}\n", file.file, file.package)
}

fn package(asked: &Asked, data: &str) -> String {
    let rule = |rule: &Rule| match &rule.default {
        Some(default) => format!("{} (default {default})", rule.name),
        None => rule.name.clone(),
    };
    let rules: Vec<String> = asked.rules.iter().map(rule).collect();
    let mut out = hang("asked     ", &rules.join(", "), COLUMNS);
    if !asked.codes.is_empty() {
        out.push_str(&hang("codes     ", &asked.codes.join(", "), COLUMNS));
    }
    let of = match asked.combinations {
        Some(n) => format!(
            "{} questions, {n} of them every combination over {}; data: {data}",
            asked.questions,
            asked.tenants.join(" and "),
        ),
        None => format!("{} questions", asked.questions),
    };
    out.push_str(&hang("questions ", &of, COLUMNS));
    for what in &asked.unasked {
        out.push_str(&hang("not asked ", what, COLUMNS));
    }
    for (n, shown) in asked.findings.iter().enumerate() {
        out.push('\n');
        out.push_str(&finding(n + 1, shown));
    }
    out
}

fn finding(n: usize, shown: &Shown) -> String {
    let mut out = hang(&format!("{n:>2}  "), &format!("{} [{}]", shown.what, shown.requirements.join(" ")), COLUMNS);
    out.push_str(&format!("    input      {}\n", shown.input));
    out.push_str(&format!("    reference  {}\n", shown.reference));
    out.push_str(&format!("    policy     {}\n", shown.policy));
    if shown.questions > 1 {
        out.push_str(&format!("    and {} questions more\n", shown.questions - 1));
    }
    out
}
