//! `shrink` as it is typed: from the token of a failure to a story and a command, and from its file back to the run.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Exit code and standard output; nothing may be said on standard error.
fn cellproof(dir: &Path, args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cellproof"))
        .args(args)
        .current_dir(dir)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    (output.status.code().expect("no signal"), String::from_utf8(output.stdout).expect("UTF-8"))
}

/// What has to be typed after `cellproof replay`, from the last line.
fn named(said: &str) -> String {
    let last = said.lines().last().expect("a last line");
    last.strip_prefix("cellproof replay ").unwrap_or_else(|| panic!("the last line replays: {said}")).to_owned()
}

#[test]
fn a_failure_becomes_a_short_story_that_replays_from_token_and_from_file() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let failed = ["run", "stride/spoofing-rogue-workload", "--ablate", "mesh.svid-chain", "--seed", "1"];
    let (code, said) = cellproof(dir.path(), &failed);
    assert_eq!(code, 1);
    let token = named(&said);

    let (code, said) = cellproof(dir.path(), &["shrink", &token]);
    assert_eq!(code, 1, "{said}");
    for part in ["BROKEN     IDN-05 without mesh.svid-chain", "attacker/self-signed", "nothing more can be left out"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let small = named(&said);
    let (code, said) = cellproof(dir.path(), &["replay", &small]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("The same run as the token's, to the last fact."), "{said}");
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 0, "a short token needs no file");

    // The same into a file, and with a budget that ends early: going on from there leads to a run as small.
    let (code, said) = cellproof(dir.path(), &["shrink", &token, "--runs", "30", "--out", "some.replay"]);
    assert_eq!((code, named(&said).as_str()), (1, "some.replay"));
    assert!(said.contains("the budget ended it"), "{said}");
    let (code, said) = cellproof(dir.path(), &["shrink", "some.replay", "--out", "rest.replay"]);
    assert_eq!((code, named(&said).as_str()), (1, "rest.replay"), "{said}");
    let (code, said) = cellproof(dir.path(), &["replay", "rest.replay"]);
    assert_eq!((code, named(&said).as_str()), (1, "rest.replay"));
    assert!(said.contains("The same run as the token's, to the last fact."), "{said}");
    let text = fs::read_to_string(dir.path().join("rest.replay")).expect("it was written");
    assert!(text.contains("\"about\": \"all of cell-b but the named\""), "{text}");
}

#[test]
fn a_run_that_held_leaves_nothing_to_shrink() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (code, said) = cellproof(dir.path(), &["run", "stride/spoofing-rogue-workload", "--seed", "1"]);
    assert_eq!(code, 0);
    let (code, said) = cellproof(dir.path(), &["shrink", &named(&said)]);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("Nothing to shrink: this run breaks no requirement.\n"), "{said}");
}
