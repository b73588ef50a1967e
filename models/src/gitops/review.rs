//! What may be merged: a change that was tested, and that somebody else than its author stands by.
//!
//! Four eyes belong to two people. An alias of the author's is the author, and a service account has no eyes.

use super::people::{Account, People};
use crate::control;
use crate::control::{Control, Controls};
use crate::policy::suite::Report;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A change needs approvals of others than its author.
pub const FOUR_EYES: Control = control!("gitops.four-eyes", upholds: ["POL-03"],
    off: "whoever may push may merge, as with branch protection that does not bind administrators");
/// Approvals are counted by people.
pub const APPROVER_IDENTITY: Control = control!("gitops.approver-identity", upholds: ["POL-03"],
    off: "approvals are counted by account, as code hosts do: an alias or a bot of the author's is somebody else");
/// A policy ships tests, and they show enough.
pub const BUNDLE_TESTS: Control = control!("gitops.bundle-tests", upholds: ["POL-07"],
    off: "the test job is green when nothing failed: of a policy without tests nothing fails");

/// A change on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The account that proposed it.
    pub author: Arc<str>,
    /// Accounts that approved it.
    pub approvals: BTreeSet<Arc<str>>,
    /// What its tests showed; none when they could not be run.
    pub tests: Option<Report>,
}

/// Why a change is not merged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Its tests could not be run, or one failed.
    TestFailed,
    /// Its tests show too little.
    Untested,
    /// Too few others stand by it.
    Unapproved,
}

impl Refused {
    /// Stable name, for facts.
    pub const fn code(self) -> &'static str {
        match self {
            Refused::TestFailed => "TEST_FAILED",
            Refused::Untested => "UNTESTED",
            Refused::Unapproved => "UNAPPROVED",
        }
    }
}

/// Whether a change may be merged, with so many approvals.
///
/// # Errors
/// What it lacks.
pub fn may_merge(controls: &Controls, people: &People, required: usize, change: &Change) -> Result<(), Refused> {
    let Some(tests) = change.tests.as_ref().filter(|tests| tests.failed.is_empty()) else {
        return Err(Refused::TestFailed);
    };
    if !tests.is_enough() && controls.on(&BUNDLE_TESTS) {
        return Err(Refused::Untested);
    }
    if approvals(controls, people, change) < required.max(1) && controls.on(&FOUR_EYES) {
        return Err(Refused::Unapproved);
    }
    Ok(())
}

/// Others who stand by a change.
fn approvals(controls: &Controls, people: &People, change: &Change) -> usize {
    let Some(author) = people.account(&change.author) else { return 0 };
    let others: Vec<&Account> = change.approvals.iter().filter_map(|name| people.account(name)).collect();
    let by_account = others.iter().filter(|other| other.name != author.name).count();
    let counts = |other: &&&Account| other.is_human && other.person != author.person;
    let by_person: BTreeSet<&str> = others.iter().filter(counts).map(|other| &*other.person).collect();
    if by_person.len() != by_account && !controls.on(&APPROVER_IDENTITY) { by_account } else { by_person.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    fn people() -> People {
        let account = |(name, person, is_human): (&str, &str, bool)| {
            let public = *crate::crypto::key(&format!("account/{name}"), 0).public();
            Account { name: name.into(), person: person.into(), is_human, public }
        };
        let all = [("ann", "ann", true), ("ann-2", "ann", true), ("ann-bot", "ann", false), ("bob", "bob", true)];
        People::new(all.into_iter().chain([("bob-bot", "bob", false), ("bob-2", "bob", true)]).map(account))
    }

    fn report(run: usize) -> Option<Report> {
        let lines = if run == 0 { (0, 40) } else { (40, 40) };
        Some(Report { run, failed: Vec::new(), lines, unraised: Vec::new() })
    }

    fn check(off: &[&Control], required: usize, by: &[&str], run: usize, expected: Result<(), Refused>) {
        let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
        let approvals = by.iter().map(|name| Arc::from(*name)).collect();
        let change = Change { author: "ann".into(), approvals, tests: report(run) };
        assert_eq!(may_merge(&Controls::with_off(off), &people(), required, &change), expected, "{by:?}");
    }

    #[test]
    fn four_eyes_belong_to_two_people() {
        check(&[], 1, &["bob"], 9, Ok(()));
        for nobody in [&[][..], &["ann"], &["ann-2"], &["ann-bot"], &["bob-bot"], &["ghost"], &["ann-2", "bob-bot"]] {
            check(&[], 1, nobody, 9, Err(Refused::Unapproved));
        }
        check(&[], 2, &["bob", "bob-2"], 9, Err(Refused::Unapproved));
        check(&[], 0, &[], 9, Err(Refused::Unapproved));
        check(&[&APPROVER_IDENTITY], 1, &["ann-2"], 9, Ok(()));
        check(&[&APPROVER_IDENTITY], 1, &["bob-bot"], 9, Ok(()));
        check(&[&APPROVER_IDENTITY], 1, &["ann"], 9, Err(Refused::Unapproved));
        check(&[&FOUR_EYES], 1, &[], 9, Ok(()));
    }

    #[test]
    fn a_policy_without_tests_is_not_merged_whoever_stands_by_it() {
        check(&[], 1, &["bob"], 0, Err(Refused::Untested));
        check(&[&BUNDLE_TESTS], 1, &["bob"], 0, Ok(()));
        check(&[&BUNDLE_TESTS], 1, &[], 0, Err(Refused::Unapproved));
        let broken = Change { author: "ann".into(), approvals: BTreeSet::new(), tests: None };
        assert_eq!(may_merge(&Controls::all_on(), &people(), 1, &broken), Err(Refused::TestFailed));
    }
}
