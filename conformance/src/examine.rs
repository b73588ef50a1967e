//! Somebody's policy, asked about a whole small space and compared with the reference decision.
//!
//! Start at [`gather`] (which files, over which data) and [`report`] (what was found).

pub mod gather;
pub mod report;

use gather::Data;
use models::policy::judge::access::Access;
use models::policy::judge::remediation::Remediation;
use models::policy::judge::{self, Duty, Finding, Judge, Tally};
use models::policy::subject::{Answers, Module, Reading, Subject, Unusable};
use rayon::prelude::*;
use report::{Asked, Report};

/// Questions that a thread takes at once.
const AT_ONCE: usize = 512;

/// Everything that there is to say of the modules.
pub fn examine(modules: &[Module], data: &Data) -> Report {
    let mut report = Report::new(data);
    let mut subject = match Subject::load(modules, &data.seen) {
        Ok(subject) => subject,
        Err(unusable) => return report.unusable(unusable),
    };
    report.modules(subject.modules());
    let packages = subject.packages();
    for reading in packages.values() {
        for duty in judge::duties(reading) {
            match sit(duty, reading, data, &mut Who::Here(&mut subject)) {
                Ok(asked) => report.packages.push(asked),
                Err(unusable) => return report.unusable(unusable),
            }
        }
    }
    report.conclude(subject.modules())
}

/// Everything that there is to say of policies that somebody else has, from their readings. Whether every answer was
/// had is for whoever gives them to know.
pub fn examine_live(packages: &[Reading], data: &Data, answers: &mut dyn Answers) -> Report {
    let mut report = Report::new(data);
    for reading in packages {
        for duty in judge::duties(reading) {
            if let Ok(asked) = sit(duty, reading, data, &mut Who::Elsewhere(answers)) {
                report.packages.push(asked);
            }
        }
    }
    report.conclude(&[])
}

/// Who is asked.
enum Who<'w> {
    /// Policies compiled here, by ranges on many threads.
    Here(&'w mut Subject),
    /// Somebody who answers one question after the other.
    Elsewhere(&'w mut dyn Answers),
}

impl Who<'_> {
    fn check(&mut self, package: &[String], rules: &[&str]) -> Result<(), Unusable> {
        match self {
            Who::Here(subject) => subject.check(package, rules),
            Who::Elsewhere(_) => Ok(()),
        }
    }

    fn findings<J: Judge>(&mut self, judge: &J) -> Vec<Finding> {
        match self {
            Who::Here(subject) => ask(judge, subject),
            Who::Elsewhere(answers) => judge.findings(judge::ask(judge, *answers, 0..judge.len())),
        }
    }
}

fn sit(duty: Duty, reading: &Reading, data: &Data, who: &mut Who<'_>) -> Result<Asked, Unusable> {
    match duty {
        Duty::Access => {
            let judge = Access::new(reading, &data.known);
            who.check(&reading.package, judge.rules())?;
            let mut asked = Asked::new("access", reading, judge.rules(), who.findings(&judge), judge.len());
            asked.tenants = judge.space().tenants().to_vec();
            asked.combinations = Some(judge.space().product_len());
            let ungiven = Access::ungiven(reading).into_iter();
            asked.unasked = ungiven.map(|input| format!("input.{input}: it is not in the document's input")).collect();
            Ok(asked)
        }
        Duty::Remediation => {
            let judge = Remediation::new(reading);
            who.check(&reading.package, judge.rules())?;
            let mut asked = Asked::new("remediation", reading, judge.rules(), who.findings(&judge), judge.len());
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
