//! What a comparison of many programs adds up to.

use crate::answer::Answer;
use crate::difference::{Compared, Difference, Sort};
use std::collections::BTreeMap;
use std::{env, fmt};

/// Sums.
#[derive(Default)]
pub struct Tally {
    /// Programs.
    pub programs: usize,
    /// Statements, those that make the schema among them.
    pub statements: usize,
    /// Statements that both answered and that were compared.
    pub compared: usize,
    /// Statements that the model has not, by its words.
    pub lacking: BTreeMap<String, usize>,
    /// Compared statements of the programs' own sessions, by verb: all, succeeded, returned or changed rows.
    pub verbs: BTreeMap<String, [usize; 3]>,
    /// Errors by SQLSTATE.
    pub errors: BTreeMap<String, usize>,
    /// Statements that policies decided.
    pub decided: usize,
    /// Errors with the same message, and all.
    pub messages: (usize, usize),
    /// Differences by kind, with the first of each.
    pub differences: BTreeMap<Sort, (usize, Difference)>,
}

impl Tally {
    /// Adds a program.
    pub fn add(&mut self, program: Compared) {
        self.programs += 1;
        self.statements += program.said.len();
        self.compared += program.compared;
        for lacking in program.said.iter().filter_map(|s| s.lacking.as_ref()) {
            *self.lacking.entry(class(lacking)).or_default() += 1;
        }
        for (verb, answer, decided) in program.answers {
            let [all, succeeded, rows] = self.verbs.entry(verb).or_default();
            *all += 1;
            self.decided += usize::from(decided);
            match answer {
                Answer::Error(sqlstate, _) => *self.errors.entry(sqlstate).or_default() += 1,
                Answer::Rows(_, found) => {
                    *succeeded += 1;
                    *rows += usize::from(!found.is_empty());
                }
                Answer::Done(count) => {
                    *succeeded += 1;
                    *rows += usize::from(count > 0);
                }
            }
        }
        self.messages = (self.messages.0 + program.messages.0, self.messages.1 + program.messages.1);
        if let Some(difference) = program.difference {
            self.differences.entry(difference.sort()).or_insert_with(|| (0, difference)).0 += 1;
        }
    }

    /// Adds what another thread has found.
    pub fn join(&mut self, other: Tally) {
        self.programs += other.programs;
        self.statements += other.statements;
        self.compared += other.compared;
        self.decided += other.decided;
        self.messages = (self.messages.0 + other.messages.0, self.messages.1 + other.messages.1);
        other.lacking.into_iter().for_each(|(what, n)| *self.lacking.entry(what).or_default() += n);
        other.errors.into_iter().for_each(|(what, n)| *self.errors.entry(what).or_default() += n);
        for (verb, counts) in other.verbs {
            let sums = self.verbs.entry(verb).or_default();
            sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        }
        for (sort, (n, difference)) in other.differences {
            self.differences.entry(sort).or_insert_with(|| (0, difference)).0 += n;
        }
    }

    /// How many programs ended with a difference.
    pub fn different(&self) -> usize {
        self.differences.values().map(|(n, _)| n).sum()
    }

    /// Statements that the model has not.
    pub fn not_modelled(&self) -> usize {
        self.lacking.values().sum()
    }

    /// All, succeeded, and with rows, of the programs' own statements.
    pub fn own(&self) -> [usize; 3] {
        self.verbs.values().fold([0; 3], |[a, b, c], [x, y, z]| [a + x, b + y, c + z])
    }
}

/// What is not modelled, without the names and numbers in it.
fn class(message: &str) -> String {
    message.split_whitespace().take(4).collect::<Vec<_>>().join(" ")
}

/// A number that the environment gives.
pub fn number(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, expected a number")),
        Err(_) => default,
    }
}

/// A share in per cent, with one decimal.
pub fn percent(part: usize, of: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / of.max(1) as f64)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unseen = self.statements - self.compared - self.not_modelled();
        let [own, succeeded, rows] = self.own();
        writeln!(f, "{} programs, {} statements", self.programs, self.statements)?;
        writeln!(f, "compared: {} ({})", self.compared, percent(self.compared, self.statements))?;
        writeln!(f, "not modelled: {} ({})", self.not_modelled(), percent(self.not_modelled(), self.statements))?;
        writeln!(f, "in a program after its first difference: {unseen}")?;
        writeln!(
            f,
            "of {own} compared beside the schemas': {} succeeded, {} returned or changed rows",
            percent(succeeded, own),
            percent(rows, own)
        )?;
        writeln!(f, "decided by policies: {} ({})", self.decided, percent(self.decided, own))?;
        writeln!(f, "errors with the same message: {} of {}", self.messages.0, self.messages.1)?;
        writeln!(f, "programs with a difference: {}", self.different())?;
        let verbs: Vec<String> =
            self.verbs.iter().map(|(v, [all, good, rows])| format!("{v} {all}/{good}/{rows}")).collect();
        writeln!(f, "by verb, all/succeeded/with rows: {}", verbs.join(", "))?;
        let errors: Vec<String> = self.errors.iter().map(|(e, n)| format!("{e} {n}")).collect();
        writeln!(f, "errors: {}", errors.join(", "))?;
        let mut lacking: Vec<(&String, &usize)> = self.lacking.iter().collect();
        lacking.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        for (what, n) in lacking.into_iter().take(14) {
            writeln!(f, "  not modelled {n:6}  {what}")?;
        }
        Ok(())
    }
}
