//! The summary of a hand-made record, as a terminal shows it.

use super::*;
use reports::{Format, sample};

fn show(record: &GateRecord) -> String {
    let files = Format::ALL.map(|format| format.file_name().to_owned()).to_vec();
    let written = Some(("cellproof-out".to_owned(), files));
    let around = Around { took: Duration::from_millis(41_300), written };
    summary(&text::presentable(record.clone()), &around, Paint::PLAIN)
}

#[test]
fn a_gate_with_one_of_everything() {
    insta::assert_snapshot!(show(&sample::record()));
}

#[test]
fn a_gate_that_held() {
    insta::assert_snapshot!(show(&sample::held()));
}

#[test]
fn a_line_fits_a_terminal_unless_it_is_a_command() {
    for record in [sample::record(), sample::held()] {
        for line in show(&record).lines().filter(|line| !line.starts_with("cellproof ")) {
            assert!(width(line) <= COLUMNS, "{line}");
        }
    }
}

#[test]
fn the_last_line_of_a_failed_gate_runs_the_failure_again() {
    let shown = show(&sample::record());
    assert!(shown.trim_end().lines().last().is_some_and(|line| line.starts_with("cellproof replay cp1.")), "{shown}");
    assert!(show(&sample::held()).trim_end().ends_with("exit 0: everything that ran held"));
}
