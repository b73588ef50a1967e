//! `matrix.csv`: the matrices in long form, one fact a line (RFC 4180), for spreadsheets and scripts.
//!
//! Long and not wide, so that three matrices of different shape live in one file and a pivot table rebuilds any of
//! them. A cell that a spreadsheet would take for a formula gets an apostrophe in front.

use crate::matrix::{self, as_declared};
use crate::{slo, verdict::Standing};
use sim::record::{AblationRecord, GateRecord};

const HEADER: [&str; 6] = ["matrix", "row", "column", "variant", "verdict", "detail"];

/// All matrices. Lines end in CR LF, as the RFC says.
pub fn render(record: &GateRecord) -> String {
    let mut out = String::new();
    line(&mut out, HEADER);
    for s in &record.scenarios {
        line(&mut out, ["scenario", &s.name, "", "", Standing::of(s).word(), &s.why.join(" ")]);
    }
    for row in matrix::requirements(record) {
        for (s, cell) in record.scenarios.iter().zip(&row.cells) {
            if let Some(standing) = cell {
                line(&mut out, ["requirement", row.id, &s.name, "", standing.word(), ""]);
            }
        }
    }
    for id in matrix::not_covered(record) {
        line(&mut out, ["requirement", id, "", "", "not covered", ""]);
    }
    for row in matrix::controls(record) {
        for (s, cell) in record.scenarios.iter().zip(&row.cells) {
            for a in cell {
                let verdict = a.observed.to_string();
                line(&mut out, ["control", row.id, &s.name, &a.variant, &verdict, &detail(a)]);
            }
        }
    }
    for s in &record.slos {
        let row = format!("{} @ {}", s.tenant, s.cell);
        let interval = slo::interval(s).unwrap_or_else(|| "nothing measured".into());
        let budget = slo::budget(s);
        let budget = if budget.is_empty() { budget } else { format!("; budget spent {budget}") };
        let detail = format!("{}: {interval}; {}{budget}", s.objective, slo::rests_on(s));
        line(&mut out, ["slo", &row, &s.requirement, &s.condition, &s.verdict.to_string(), &detail]);
    }
    out
}

fn detail(a: &AblationRecord) -> String {
    let partner = a.partner.as_ref().map_or(String::new(), |p| format!("with {p}"));
    match (as_declared(a), partner.is_empty()) {
        (true, _) => partner,
        (false, true) => format!("declared {}", a.expected),
        (false, false) => format!("declared {}; {partner}", a.expected),
    }
}

fn line(out: &mut String, cells: [&str; 6]) {
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_cell(out, cell);
    }
    out.push_str("\r\n");
}

fn push_cell(out: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@']);
    if !formula && !cell.contains([',', '"', '\n', '\r', ';']) && cell.trim() == cell {
        return out.push_str(cell);
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&cell.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &str, expected: &str) {
        let mut out = String::new();
        push_cell(&mut out, cell);
        assert_eq!(out, expected);
    }

    #[test]
    fn cells_are_quoted_when_they_have_to_be_and_formulas_are_disarmed() {
        check("plain", "plain");
        check("a,b", "\"a,b\"");
        check("say \"hi\"", "\"say \"\"hi\"\"\"");
        check("=HYPERLINK(1)", "\"'=HYPERLINK(1)\"");
        check("@acme", "\"'@acme\"");
    }
}
