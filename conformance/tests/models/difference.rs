//! A program on the model and on the server: where they differ, and the smallest program that still shows it.

use crate::answer::Answer;
use crate::postgres_model::{Model, Said};
use crate::postgres_server::Database;
use crate::program::{Program, SUPERUSER, Step};
use models::control::ControlSet;
use std::fmt;

/// Programs that are tried to make one smaller.
const ATTEMPTS_MAX: usize = 300;

/// A statement that model and server answer differently.
pub struct Difference {
    /// The program up to and with that statement, without those that are not modelled.
    pub program: Program,
    /// The model's answer.
    pub model: Answer,
    /// The server's answer.
    pub server: Answer,
}

/// What kind of difference it is: the statement's verb, and the two kinds of answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sort {
    /// The statement's first word.
    pub verb: String,
    /// The model's answer: a SQLSTATE, `rows` or `done`.
    pub model: String,
    /// The server's.
    pub server: String,
}

impl Difference {
    /// Its kind.
    pub fn sort(&self) -> Sort {
        let verb = self.program.steps.last().map(|s| s.verb().to_owned()).unwrap_or_default();
        Sort { verb, model: self.model.brief().into(), server: self.server.brief().into() }
    }

    /// Leaves out statements as long as the last one differs in the same way.
    pub fn shrunk(mut self, database: &mut Database, off: ControlSet) -> Difference {
        let sort = self.sort();
        let mut attempts = 0;
        loop {
            let before = self.program.steps.len();
            let mut at = before.saturating_sub(1);
            while at > 0 && attempts < ATTEMPTS_MAX {
                at -= 1;
                attempts += 1;
                let mut smaller = self.program.clone();
                smaller.steps.remove(at);
                if let Some(found) = compare(&smaller, database, off).difference
                    && found.program.steps.len() == smaller.steps.len()
                    && found.sort() == sort
                {
                    self = found;
                }
            }
            if self.program.steps.len() == before || attempts >= ATTEMPTS_MAX {
                return self;
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  model:  {}\n  server: {}", self.program, self.model, self.server)
    }
}

/// A program that was compared.
pub struct Compared {
    /// What the model said, statement by statement.
    pub said: Vec<Said>,
    /// How many statements were compared before the end, or before the first difference.
    pub compared: usize,
    /// Those among them that are the program's own and not its schema's, and their answers.
    pub answers: Vec<(String, Answer, bool)>,
    /// Errors whose message is the same too, and all errors.
    pub messages: (usize, usize),
    /// The first difference.
    pub difference: Option<Difference>,
}

/// Runs a program on both.
pub fn compare(program: &Program, database: &mut Database, off: ControlSet) -> Compared {
    let mut model = Model::new(off);
    let said: Vec<Said> = program.steps.iter().map(|step| model.judged(step)).collect();
    let modelled: Vec<(&Step, &Said)> = program.steps.iter().zip(&said).filter(|(_, s)| s.answers.is_some()).collect();
    let steps: Vec<&Step> = modelled.iter().map(|(step, _)| *step).collect();
    let found = database.run(&steps);
    let (mut compared, mut answers, mut messages, mut difference) = (0, Vec::new(), (0, 0), None);
    for (at, ((step, said), server)) in modelled.iter().zip(found).enumerate() {
        let model = said.answers.as_deref().unwrap_or_default();
        if let Some((model, server)) = differ(model, &server) {
            let steps = steps[..=at].iter().map(|s| (*s).clone()).collect();
            difference = Some(Difference { program: Program { seed: program.seed, steps }, model, server });
            break;
        }
        compared += 1;
        if let (Some(Answer::Error(_, ours)), Some(Answer::Error(_, theirs))) = (model.last(), server.last()) {
            messages.0 += usize::from(ours == theirs);
            messages.1 += 1;
        }
        if step.session != SUPERUSER
            && let Some(last) = server.last()
        {
            answers.push((step.verb().to_owned(), last.clone(), said.decided));
        }
    }
    Compared { said, compared, answers, messages, difference }
}

/// The first answers that disagree. After an error in a text of several commands the server's driver gives no more than
/// the error.
fn differ(model: &[Answer], server: &[Answer]) -> Option<(Answer, Answer)> {
    let none = Answer::Rows(vec!["no answer".into()], vec![]);
    let failed = |answers: &[Answer]| answers.last().filter(|a| a.sqlstate().is_some()).cloned();
    if let (Some(ours), Some(theirs)) = (failed(model), failed(server)) {
        return (!ours.agrees(&theirs)).then_some((ours, theirs));
    }
    let pairs = (0..model.len().max(server.len())).map(|at| (model.get(at), server.get(at)));
    let mut different = pairs.filter(|(a, b)| a.zip(*b).is_none_or(|(a, b)| !a.agrees(b)));
    different.next().map(|(a, b)| (a.unwrap_or(&none).clone(), b.unwrap_or(&none).clone()))
}
