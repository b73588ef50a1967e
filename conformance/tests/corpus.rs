//! What `explore` kept is what `gate --corpus` runs first: part of the plan, of the log, and of every report.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GATE: [&str; 6] = ["gate", "--quick", "--seeds", "1", "--corpus", "corpus"];

/// Runs, and checks the exit code and a part of what stands on standard error.
fn check(dir: &Path, args: &[&str], code: i32, complaint: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    let output = command.args(args).current_dir(dir).env("NO_COLOR", "1").output().expect("the binary starts");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}{err}", String::from_utf8_lossy(&output.stdout));
    assert!(err.contains(complaint), "{args:?}: {err}");
    output
}

/// The corpus of a short exploration, and how many entries it has.
fn explored(dir: &Path) -> usize {
    check(dir, &["explore", "fuzz/cross-tenant", "--runs", "24", "--corpus", "corpus"], 0, "");
    entries(dir).len()
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let folder = dir.join("corpus/fuzz_cross-tenant");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
    files.sort();
    files
}

fn report(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("report.json")).expect("a report")).expect("JSON")
}

#[test]
fn a_gate_runs_what_was_kept_first_and_shards_of_it_merge() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let kept = explored(dir.path());
    assert!(kept > 1);
    let said = check(dir.path(), &[&GATE[..], &["--out", "out"]].concat(), 0, "").stdout;
    let told = format!("Corpus: {kept} runs replayed first, 0 broken.");
    assert!(String::from_utf8_lossy(&said).contains(&told), "{}", String::from_utf8_lossy(&said));
    let record = report(&dir.path().join("out"));
    let scenarios = record["scenarios"].as_array().expect("scenarios");
    for scenario in scenarios {
        let passes = scenario["passes"].as_array().expect("passes");
        let of = |name: &str| passes.iter().find(|p| p["pass"] == name).map(|p| p["runs"].as_u64());
        let is_explored = scenario["name"] == "fuzz/cross-tenant";
        assert_eq!(of("corpus"), is_explored.then_some(Some(kept as u64)), "{}", scenario["name"]);
        assert_eq!(of("swarm"), Some(Some(1)), "chosen runs do not count as seeds: {}", scenario["name"]);
    }
    let log = fs::read_to_string(dir.path().join("out/sweep.log")).expect("a log");
    let firsts = log.lines().filter(|line| (0..kept).any(|i| line.contains(&format!("\"index\":{i},"))));
    assert_eq!(firsts.filter(|line| line.contains("fuzz/cross-tenant corpus ")).count(), kept);
    for k in ["0/2", "1/2"] {
        check(dir.path(), &[&GATE[..], &["--shard", k, "--out", &k.replace('/', "of")]].concat(), 0, "");
    }
    // Whoever merges needs no corpus: it lies in the logs.
    fs::rename(dir.path().join("corpus"), dir.path().join("away")).expect("ours");
    check(dir.path(), &["merge", "1of2", "0of2", "--out", "merged"], 0, "");
    assert_eq!(report(&dir.path().join("merged")), record);
    // Without it the plan is another one.
    check(dir.path(), &["gate", "--quick", "--seeds", "1", "--out", "out"], 2, "corpus ");
}

#[test]
fn a_corpus_that_is_not_whole_is_refused_and_nothing_is_changed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let gate = [&GATE[..], &["--out", "out"]].concat();
    check(dir.path(), &gate, 2, "failed to read the corpus corpus: ");
    fs::create_dir(dir.path().join("corpus")).expect("ours");
    check(dir.path(), &gate, 2, "corpus: the corpus is empty, expected what `cellproof explore` keeps");
    explored(dir.path());
    let all = entries(dir.path());
    let whole = fs::read(&all[0]).expect("an entry");
    // Cut short by a disk that was full, changed by one that rots, and written over by somebody.
    let mut rotten = whole.clone();
    let seed = whole.windows(7).position(|w| w == b"kernel.").expect("a token") + 7;
    rotten[seed] = if rotten[seed] == b'7' { b'8' } else { b'7' };
    for (damage, why) in [
        (whole[..20].to_vec(), ":1: token has "),
        (rotten, ":1: the entry is damaged: its digest is "),
        (b"hello\n".to_vec(), ":1: `hello"),
        (vec![0xff, 0xfe], "failed to read "),
    ] {
        fs::write(&all[0], &damage).expect("ours");
        let said = check(dir.path(), &gate, 2, why).stderr;
        let name = all[0].strip_prefix(dir.path()).expect("below it").display().to_string();
        assert!(String::from_utf8_lossy(&said).contains(&name), "{}", String::from_utf8_lossy(&said));
        assert!(!dir.path().join("out").exists(), "nothing was run");
        check(dir.path(), &["explore", "fuzz/cross-tenant", "--runs", "1", "--corpus", "corpus"], 2, why);
        assert_eq!((entries(dir.path()), fs::read(&all[0]).expect("an entry")), (all.clone(), damage));
    }
    fs::write(&all[0], &whole).expect("ours");
    fs::create_dir(dir.path().join("corpus/chaos_former")).expect("ours");
    check(dir.path(), &gate, 2, "corpus/chaos_former: no scenario has this corpus; remove the folder");
}
