//! Changes of a policy's repository: two people stood by each, or it is found.

use super::files::certify;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The commit of a number.
fn oid(n: u64) -> String {
    format!("{n:040x}")
}

fn review(who: &str, state: &str, at: &str, version: u64) -> Value {
    let commit = json!({"oid": oid(version)});
    json!({"author": {"login": who}, "state": state, "submittedAt": at, "commit": commit, "body": "fine"})
}

/// A change that is commit `n` of the branch: two commits of its author, the second of which was approved.
fn change(n: u64, author: &str, reviews: Vec<Value>) -> Value {
    let authors = json!([{"login": author, "name": "x"}]);
    let commit = |version: u64| json!({"oid": oid(version), "authors": authors, "messageHeadline": "x"});
    json!({"number": n, "author": {"login": author, "is_bot": false, "id": "x"}, "reviews": reviews,
        "commits": [commit(100 * n), commit(100 * n + 1)], "mergeCommit": {"oid": oid(n)}})
}

fn approved(n: u64, author: &str, by: &str) -> Value {
    change(n, author, vec![review(by, "APPROVED", "2026-11-02T10:00:00Z", 100 * n + 1)])
}

const ACCOUNTS: &str =
    "[people]\nann = [\"ann\", \"ann-work\"]\nbob = [\"bob\"]\ncy = [\"cy\"]\n[services]\nbob-bot = \"bob\"\n";

/// What a deployment has.
struct Repository {
    changes: Vec<Value>,
    history: Vec<String>,
    ran: Vec<u64>,
    table: String,
}

impl Repository {
    /// Four commits, the first of which is older than the rule.
    fn sound() -> Repository {
        let line = |n: u64| if n == 1 { oid(1) } else { format!("{} {}", oid(n), oid(n - 1)) };
        let table = format!(
            "[files]\n[[files.changes]]\nmerged = \"merged.json\"\nhistory = \"history.txt\"\naccounts = \
             \"accounts.toml\"\nran = \"ran.txt\"\nsince = \"{}\"\nhead = \"{}\"\n",
            oid(1),
            oid(4)
        );
        let changes = vec![approved(4, "cy", "ann-work"), approved(3, "bob", "ann"), approved(2, "ann", "bob")];
        Repository { changes, history: (1..=4).rev().map(line).collect(), ran: vec![2, 4], table }
    }

    fn judge(&self, dir: &Path) -> (i32, Value) {
        let write = |name: &str, text: &str| fs::write(dir.join(name), text).expect(name);
        write("merged.json", &json!(self.changes).to_string());
        write("history.txt", &(self.history.join("\n") + "\n"));
        write("accounts.toml", ACCOUNTS);
        write("ran.txt", &self.ran.iter().map(|n| oid(*n) + "\n").collect::<String>());
        certify(dir, &self.table)
    }
}

#[test]
fn changes_that_two_people_stood_by_are_sound() {
    let dir = tempfile::tempdir().expect("a directory");
    let (code, component) = Repository::sound().judge(dir.path());
    assert_eq!((code, &component["suspicions"]), (0, &json!([])), "{component:#}");
    let judged = component["judged"].as_array().expect("a list").iter();
    let judged: Vec<(&Value, &Value)> = judged.map(|judged| (&judged["objects"], &judged["requirements"])).collect();
    assert_eq!(judged, [(&json!(3), &json!(["POL-03"])), (&json!(2), &json!(["POL-03"]))]);
    assert!(!component["not_judged"].to_string().contains("POL-03"), "{component:#}");
}

type Slip = fn(&mut Repository);

#[test]
fn each_way_around_four_eyes_is_found_with_what_is_wrong() {
    let slips: [(&str, &str, Slip); 14] = [
        ("change #2 of merged.json", "nobody approved it", |r| r.changes[2] = change(2, "ann", Vec::new())),
        ("change #2 of merged.json", "nobody approved it but its authors, or who is nobody", |r| {
            r.changes[2] = approved(2, "ann", "ann");
        }),
        ("change #2 of merged.json", "nobody approved it but its authors, or who is nobody", |r| {
            r.changes[2] = approved(2, "ann", "ann-work");
        }),
        ("change #2 of merged.json", "nobody approved it but its authors, or who is nobody", |r| {
            r.changes[2] = approved(2, "ann", "bob-bot");
        }),
        ("change #2 of merged.json", "nobody approved it but its authors, or who is nobody", |r| {
            r.changes[2] = approved(2, "ann", "ghost");
        }),
        // Who approves wrote a part of it.
        ("change #2 of merged.json", "nobody approved it but its authors, or who is nobody", |r| {
            r.changes[2]["commits"][1]["authors"] = json!([{"login": "ann"}, {"login": "bob"}]);
        }),
        ("change #2 of merged.json", "nobody approved it as it was merged", |r| {
            r.changes[2]["reviews"][0]["commit"]["oid"] = json!(oid(200));
        }),
        ("change #2 of merged.json", "nobody approved it", |r| {
            let all = r.changes[2]["reviews"].as_array_mut().expect("a list");
            all.insert(0, review("bob", "CHANGES_REQUESTED", "2026-11-02T11:00:00Z", 201));
        }),
        ("change #2 of merged.json", "nobody approved it", |r| {
            r.changes[2]["reviews"][0]["state"] = json!("COMMENTED");
        }),
        ("change #2 of merged.json", "too few approved it", |r| {
            r.table.push_str("approvals = 2\n");
            for (n, by) in [(0, "bob"), (1, "cy")] {
                let again = review(
                    by,
                    "APPROVED",
                    "2026-11-02T12:00:00Z",
                    r.changes[n]["number"].as_u64().unwrap_or(0) * 100 + 1,
                );
                r.changes[n]["reviews"].as_array_mut().expect("a list").push(again);
            }
        }),
        ("commit 000000000000", "it came onto the branch by no change that was merged", |r| _ = r.changes.remove(1)),
        ("history.txt:1", "commits are left out behind it", |r| _ = r.history.remove(1)),
        ("history.txt", "it ends otherwise than somebody else keeps it", |r| {
            r.history.remove(0);
            r.ran = vec![2];
        }),
        ("ran.txt:2", "what ran was never merged", |r| r.ran[1] = 9),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    for (n, (object, what, slip)) in slips.into_iter().enumerate() {
        let mut repository = Repository::sound();
        slip(&mut repository);
        let (code, component) = repository.judge(dir.path());
        let found = component["findings"].as_array().cloned().unwrap_or_default();
        let right =
            code == 1 && found.len() == 1 && (&found[0]["object"], &found[0]["what"]) == (&json!(object), &json!(what));
        assert!(right && found[0]["requirements"] == json!(["POL-03"]), "slip {n}: exit {code}\n{component:#}");
    }
}

#[test]
fn what_cannot_be_told_is_never_green() {
    let dir = tempfile::tempdir().expect("a directory");
    let told = |change: Slip, why: &str| {
        let mut repository = Repository::sound();
        change(&mut repository);
        let (code, component) = repository.judge(dir.path());
        let all = format!("{}{}", component["problem"], component["suspicions"]);
        assert!(code == 3 && all.contains(why), "{why}: exit {code}\n{component:#}");
    };
    told(|r| r.table = r.table.replace(&format!("head = \"{}\"\n", oid(4)), ""), "nobody states its end");
    told(|r| r.table = r.table.replace(&oid(1), &oid(77)), "history.txt: it does not reach back to 000000000000");
    told(|r| r.history[1] = oid(3), "history.txt:2: a commit without its parents, expected them behind it");
    told(|r| r.history[1] = "v1.2".to_owned(), "history.txt:2: no commit, expected what `git log");
    told(|r| r.changes.push(json!({"number": "x"})), "expected what `gh pr list");
    told(|r| r.ran.clear(), "ran.txt: nothing ran, expected a commit a line");
    // Without accounts nobody knows whose they are, and that is said.
    let mut repository = Repository::sound();
    repository.table = repository.table.replace("accounts = \"accounts.toml\"\n", "");
    let (code, component) = repository.judge(dir.path());
    let open = component["not_judged"].to_string();
    assert!(code == 0 && open.contains("by another account of the author (POL-03)"), "{component:#}");
}
