//! Changes of a policy's repository, as a code host tells of them: somebody else than its authors stood by each as it
//! was merged, and nothing came onto the branch, or ran, but by one (POL-03).
//!
//! Who counts is the model's to say, as in a simulation. What a model has no word for stands here: who wrote a part of
//! a change is its author, and who approved an earlier version of it has not seen this one.

use super::{finding, text};
use crate::certify::deployment::files::Changes;
use crate::certify::report::Component;
use models::control::Controls;
use models::gitops::people::{Account, People};
use models::gitops::review::{Change, may_merge};
use models::policy::suite::Report;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

const ROW: &str = "POL-03";

/// Digits of a commit that are told.
const SHORT: usize = 12;

/// A merged change, as `gh pr list --json` has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Merged {
    number: u64,
    author: Login,
    reviews: Vec<Review>,
    commits: Vec<Commit>,
    merge_commit: Option<Oid>,
}

/// An account; one that is gone has no name.
#[derive(Default, Deserialize)]
struct Login {
    #[serde(default)]
    login: String,
    #[serde(default)]
    is_bot: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    author: Option<Login>,
    state: String,
    submitted_at: Option<String>,
    commit: Option<Oid>,
}

#[derive(Deserialize)]
struct Commit {
    oid: String,
    #[serde(default)]
    authors: Vec<Login>,
}

#[derive(Deserialize)]
struct Oid {
    oid: String,
}

/// Whose accounts are whose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accounts {
    people: BTreeMap<String, BTreeSet<String>>,
    /// Service accounts, and who answers for each.
    #[serde(default)]
    services: BTreeMap<String, String>,
}

/// Judges them.
pub fn judge(component: &mut Component, home: &Path, table: &Changes) -> Result<(), String> {
    let name = table.merged.display().to_string();
    let expected = "expected what `gh pr list --state merged --json number,author,reviews,commits,mergeCommit` writes";
    let merged: Vec<Merged> =
        serde_json::from_str(&text(home, &table.merged)?).map_err(|e| format!("{name}: {e}; {expected}"))?;
    let history = history(component, home, table)?;
    let people = match &table.accounts {
        Some(file) => known(&file.display().to_string(), &text(home, file)?)?,
        None => {
            let why = "the deployment names no accounts, which say whose they are";
            component.not_judged(format!("approvals of {name} by another account of the author (POL-03)"), why);
            seen(&merged)
        }
    };
    let by_commit: BTreeMap<&str, &Merged> =
        merged.iter().filter_map(|change| Some((change.merge_commit.as_ref()?.oid.as_str(), change))).collect();
    let mut judged = 0;
    for oid in &history.new {
        match by_commit.get(oid.as_str()) {
            Some(change) => {
                judged += 1;
                if let Err((what, saw)) = change.stands(&people, table.approvals) {
                    component.find(finding(format!("change #{} of {name}", change.number), what, vec![ROW], saw));
                }
            }
            None => {
                let what = "it came onto the branch by no change that was merged".to_owned();
                let saw = format!("{} names it, and no mergeCommit of {name}", table.history.display());
                component.find(finding(format!("commit {}", short(oid)), what, vec![ROW], saw));
            }
        }
    }
    if history.new.is_empty() {
        return Err(format!("{}: no commit, expected one a line", table.history.display()));
    }
    component.judged(&format!("changes of {name}, each with who stands by it"), judged, &[ROW]);
    ran(component, home, table, &history)
}

fn short(oid: &str) -> &str {
    oid.get(..SHORT).unwrap_or(oid)
}

/// A branch, newest first.
struct History {
    /// Those that are judged.
    new: Vec<String>,
    /// All of them.
    all: BTreeSet<String>,
}

/// A commit of a branch, and the one before it if there is one.
struct Line<'t> {
    place: String,
    oid: &'t str,
    parent: Option<&'t str>,
}

/// The lines of a branch. All but the oldest name the commit before them.
fn lines<'t>(name: &str, text: &'t str) -> Result<Vec<Line<'t>>, String> {
    let is_oid = |text: &&str| matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let mut lines: Vec<Line> = Vec::new();
    for (n, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let (place, oids) = (format!("{name}:{n}"), line.split_whitespace().collect::<Vec<_>>());
        if !oids.iter().all(is_oid) {
            return Err(format!("{place}: no commit, expected what `git log --first-parent --format='%H %P'` writes"));
        }
        lines.push(Line { place, oid: oids[0], parent: oids.get(1).copied() });
    }
    let older = lines.len().saturating_sub(1);
    match lines[..older].iter().find(|line| line.parent.is_none()) {
        Some(line) => Err(format!("{}: a commit without its parents, expected them behind it", line.place)),
        None => Ok(lines),
    }
}

/// Reads a branch, each commit of which names the one before it, so none can be left out of the middle.
fn history(component: &mut Component, home: &Path, table: &Changes) -> Result<History, String> {
    let name = table.history.display().to_string();
    let text = text(home, &table.history)?;
    let lines = lines(&name, &text)?;
    let mut history = History { new: Vec::new(), all: BTreeSet::new() };
    let mut is_new = true;
    for (at, line) in lines.iter().enumerate() {
        is_new = is_new && table.since.as_deref() != Some(line.oid);
        if is_new {
            history.new.push(line.oid.to_owned());
        }
        history.all.insert(line.oid.to_owned());
        if let (Some(next), Some(parent)) = (lines.get(at + 1), line.parent)
            && next.oid != parent
        {
            let saw = format!("its parent is {}, and the next line says {}", short(parent), short(next.oid));
            let what = "commits are left out behind it".to_owned();
            component.find(finding(line.place.clone(), what, vec![ROW], saw));
        }
    }
    if let Some(since) = table.since.as_ref().filter(|_| is_new) {
        return Err(format!("{name}: it does not reach back to {}", short(since)));
    }
    let newest = history.new.first().cloned().unwrap_or_default();
    match &table.head {
        Some(head) if *head != newest => {
            let saw = format!("its newest commit is {}, and {} is kept", short(&newest), short(head));
            component.find(finding(name, "it ends otherwise than somebody else keeps it".to_owned(), vec![ROW], saw));
        }
        Some(_) => {}
        None => {
            let why = "give head, as somebody else keeps it: a branch that lost its newest commits is a shorter one";
            component.suspect(&name, "nobody states its end", &[ROW], why);
        }
    }
    Ok(history)
}

/// Whether what ran was merged.
fn ran(component: &mut Component, home: &Path, table: &Changes, history: &History) -> Result<(), String> {
    let Some(file) = &table.ran else {
        let why = "the deployment names no file of what ran";
        component.not_judged(format!("whether what ran is on {} (POL-03)", table.history.display()), why);
        return Ok(());
    };
    let text = text(home, file)?;
    let revisions = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
    let mut told = 0;
    for (n, revision) in revisions {
        told += 1;
        if !history.all.contains(revision) {
            let what = "what ran was never merged".to_owned();
            let saw = format!("revision {}", short(revision));
            component.find(finding(format!("{}:{n}", file.display()), what, vec![ROW], saw));
        }
    }
    if told == 0 {
        return Err(format!("{}: nothing ran, expected a commit a line", file.display()));
    }
    component.judged(&format!("revisions of {} that ran, held against the branch", file.display()), told, &[ROW]);
    Ok(())
}

fn account(name: &str, person: &str, is_human: bool) -> Account {
    // Names are the code host's to prove: here are no statements that a key signed.
    Account { name: name.into(), person: person.into(), is_human, public: [0; 32] }
}

/// Accounts as a file has them.
fn known(name: &str, text: &str) -> Result<People, String> {
    let Accounts { people, services } = toml::from_str(text).map_err(|e| format!("{name}: {e}"))?;
    let mut all: BTreeMap<String, Account> = BTreeMap::new();
    let humans = people.iter().flat_map(|(person, names)| names.iter().map(move |name| account(name, person, true)));
    for one in humans.chain(services.iter().map(|(name, person)| account(name, person, false))) {
        let (account, person) = (one.name.to_string(), one.person.clone());
        if !people.contains_key(&*person) {
            return Err(format!("{name}: {person} answers for {account}, expected somebody of [people]"));
        }
        if let Some(other) = all.insert(account.clone(), one) {
            return Err(format!("{name}: {account} is {}'s and {person}'s, expected one owner", other.person));
        }
    }
    Ok(People::new(all.into_values()))
}

/// Accounts as the changes show them: each a person of its own, but for those that say that they are none.
fn seen(merged: &[Merged]) -> People {
    let logins = merged.iter().flat_map(Merged::logins).filter(|login| !login.login.is_empty());
    let is_human = |login: &Login| !login.is_bot && !login.login.ends_with("[bot]");
    People::new(logins.map(|login| account(&login.login, &login.login, is_human(login))))
}

/// What becomes of an approval.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Approval {
    Counts,
    /// By whoever wrote a part of it, under whatever name.
    OfAnAuthor,
    /// By an account behind which nobody stands, or that nobody knows.
    OfNobody,
    /// Of an earlier version.
    Stale,
}

impl Approval {
    fn words(self) -> &'static str {
        match self {
            Approval::Counts => "counts",
            Approval::OfAnAuthor => "is an author",
            Approval::OfNobody => "is no person that is known",
            Approval::Stale => "approved an earlier version",
        }
    }
}

impl Merged {
    fn logins(&self) -> impl Iterator<Item = &Login> {
        let authors = self.commits.iter().flat_map(|commit| &commit.authors);
        [&self.author].into_iter().chain(authors).chain(self.reviews.iter().filter_map(|review| review.author.as_ref()))
    }

    /// Who approves it in the end, and which version: a later word of the same account replaces an earlier one.
    fn approvals(&self) -> BTreeMap<&str, Option<&str>> {
        let mut reviews: Vec<&Review> = self.reviews.iter().collect();
        reviews.sort_by(|a, b| a.submitted_at.cmp(&b.submitted_at));
        let mut approvals = BTreeMap::new();
        for review in reviews {
            let Some(who) = review.author.as_ref().map(|author| author.login.as_str()) else { continue };
            match review.state.as_str() {
                "APPROVED" => _ = approvals.insert(who, review.commit.as_ref().map(|commit| commit.oid.as_str())),
                "CHANGES_REQUESTED" | "DISMISSED" => _ = approvals.remove(who),
                _ => {}
            }
        }
        approvals
    }

    fn approval(&self, people: &People, who: &str, version: Option<&str>) -> Approval {
        let Some(account) = people.account(who).filter(|account| account.is_human) else { return Approval::OfNobody };
        let authors = self.commits.iter().flat_map(|commit| &commit.authors).chain([&self.author]);
        let persons = authors.filter_map(|login| people.account(&login.login)).map(|account| &account.person);
        if persons.into_iter().any(|person| *person == account.person) {
            return Approval::OfAnAuthor;
        }
        let last = self.commits.last().map(|commit| commit.oid.as_str());
        if version.is_some() && version != last { Approval::Stale } else { Approval::Counts }
    }

    /// Whether enough others stand by it as it was merged.
    ///
    /// # Errors
    /// What is wrong, and what was seen.
    fn stands(&self, people: &People, required: u32) -> Result<(), (String, String)> {
        let all: Vec<(&str, Approval)> =
            self.approvals().into_iter().map(|(who, version)| (who, self.approval(people, who, version))).collect();
        let counted = all.iter().filter(|(_, approval)| *approval == Approval::Counts);
        let change = Change {
            author: self.author.login.as_str().into(),
            approvals: counted.map(|(who, _)| Arc::from(*who)).collect(),
            // Another row asks for them.
            tests: Some(Report { run: 1, failed: Vec::new(), lines: (1, 1), unraised: Vec::new() }),
        };
        if may_merge(&Controls::all_on(), people, required as usize, &change).is_ok() {
            return Ok(());
        }
        let has = |wanted: Approval| all.iter().any(|(_, approval)| *approval == wanted);
        let what = if all.is_empty() {
            "nobody approved it"
        } else if has(Approval::Counts) {
            "too few approved it"
        } else if has(Approval::Stale) {
            "nobody approved it as it was merged"
        } else {
            "nobody approved it but its authors, or who is nobody"
        };
        let told: Vec<String> = all.iter().map(|(who, approval)| format!("{who} {}", approval.words())).collect();
        let told = if told.is_empty() { "no approval".to_owned() } else { told.join(", ") };
        Err((what.to_owned(), format!("by {}: {told}; {required} needed", self.author.login)))
    }
}
