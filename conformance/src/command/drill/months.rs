//! `cellproof drill --months`: what the loss of a cell does to months, in both readings of CEL-01.

use crate::exit::Exit;
use crate::terminal::{Paint, Tone, hang, say};
use models::config::Inputs;
use reports::text::percent;
use scenarios::months::measure::Reserve;
use scenarios::months::{ASSUMPTIONS, Answer, CONFIDENCE, LIMIT, MONTHS_MIN, Reading, answer};

/// Columns of a terminal.
const COLUMNS: usize = 80;
/// How far the budget that a whole month shows may lie from the sum of its losses, as a share of the budget.
const APART_MAX: f64 = 0.1;

/// Draws, measures, and says what may be claimed.
pub fn months(inputs: &Inputs, seed: u64, count: u64, whole: u64) -> Exit {
    let answer = answer(inputs, seed, count, whole);
    let exit = exit(&answer);
    say(&text(&answer, seed, exit, Paint::stdout()));
    exit
}

/// Judged is what somebody could take over: a cell without a neighbour in its region is told of apart.
fn exit(answer: &Answer) -> Exit {
    let Some(reading) = answer.absorbed() else { return Exit::Inconclusive };
    let share = reading.missed as f64 / reading.months as f64;
    if share >= LIMIT || reading.spent >= LIMIT || reading.failed_abroad > 0 {
        return Exit::Broken;
    }
    let apart = answer.checked.iter().any(|c| (c.by_losses - c.as_whole).abs() > APART_MAX);
    match reading.missed_bound < LIMIT && reading.spent_bound < LIMIT && !apart {
        true => Exit::Held,
        false => Exit::Inconclusive,
    }
}

fn text(answer: &Answer, seed: u64, exit: Exit, paint: Paint) -> String {
    let count = answer.readings.first().map_or(0, |reading| reading.months);
    let head = format!("{count} months that lose {}, seed {seed}", answer.cell);
    let mut out = format!("{}\n", paint.tone(Tone::Loud, &head));
    let budget =
        format!("Tenants {}; {:.0} s of everything may fail in a month.", answer.tenants.join(", "), answer.budget_s);
    out.push_str(&hang("", &budget, COLUMNS));
    for reading in &answer.readings {
        out.push_str(&told(reading, &answer.cell));
    }
    out.push_str("\nWhole months against the sum of their losses, with a neighbour\n");
    for checked in &answer.checked {
        let (sum, whole) = (percent(checked.by_losses), percent(checked.as_whole));
        out.push_str(&format!(
            "  month {:>3}: {sum:>8} of the budget by losses, {whole:>8} as a whole\n",
            checked.month
        ));
    }
    out.push_str("\nWhat every figure rests on\n");
    for assumption in ASSUMPTIONS {
        out.push_str(&hang("  - ", assumption, COLUMNS));
    }
    if count < MONTHS_MIN {
        let few = format!("{count} months are too few to show {} at {}.", percent(LIMIT), percent(CONFIDENCE));
        out.push_str(&hang("", &few, COLUMNS));
    }
    out.push_str(&format!("\n{}\n", exit.words()));
    out
}

fn told(reading: &Reading, cell: &str) -> String {
    let Reading { months, losses, missed, .. } = reading;
    let head = match reading.reserve {
        Reserve::Alone => format!("{cell} alone in its region: nobody takes over, and the loss is told apart"),
        Reserve::Neighbour => format!("{cell} with a neighbour in its region, which takes over"),
    };
    let at = percent(CONFIDENCE);
    let lines = [
        format!("{losses} losses in {months} months"),
        format!(
            "missed: {missed} of {months} months; P(a month is missed | it loses the cell) ≤ {} at {at}",
            percent(reading.missed_bound)
        ),
        format!(
            "budget: a month with a loss spends {} of it, the average month {} (≤ {} at {at})",
            percent(reading.spent_given_loss),
            percent(reading.spent),
            percent(reading.spent_bound)
        ),
        format!(
            "of the requests that failed {} were told why (503); {} failed in the other region",
            percent(reading.refused_aloud),
            reading.failed_abroad
        ),
    ];
    let lines: String = lines.iter().map(|line| hang("  ", line, COLUMNS)).collect();
    format!("\n{head}\n{lines}")
}
