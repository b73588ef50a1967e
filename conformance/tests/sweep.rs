//! Sweeps that are killed, cut into shards, continued and put together, on the real binary: always the same reports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant, UNIX_EPOCH};
use std::{fs, io};
use tempfile::TempDir;

const REPORTS: [&str; 11] = [
    "report.json",
    "summary.md",
    "junit.xml",
    "report.html",
    "matrix.csv",
    "results.sarif",
    "objectives.openslo.yaml",
    "rules.yml",
    "samples.openmetrics",
    "assessment-results.json",
    "component-definition.json",
];
const LOG: &str = "sweep.log";
/// A plan of a few seconds.
const GATE: [&str; 4] = ["gate", "--quick", "--seeds", "1"];
/// Moments at which a sweep is killed.
const KILLS: usize = 20;

/// Where a gate lies that nobody interrupted, and how long it took. A test may be a process of its own: the first one
/// makes it, and the others find it.
static WHOLE: LazyLock<(PathBuf, Duration)> = LazyLock::new(|| {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sweep");
    fs::create_dir_all(&home).expect("a directory");
    let lock = fs::File::create(home.join("lock")).expect("a file");
    lock.lock().expect("a lock, which ends with this process at the latest");
    let binary = fs::metadata(env!("CARGO_BIN_EXE_cellproof")).expect("the binary");
    let changed = binary.modified().and_then(|at| at.duration_since(UNIX_EPOCH).map_err(io::Error::other));
    let made_by = format!("{} bytes of {:?}: ", binary.len(), changed.expect("a time"));
    let note = home.join("made");
    let known = fs::read_to_string(&note).unwrap_or_default();
    let took = known.strip_prefix(&made_by).and_then(|took| took.parse().ok()).map(Duration::from_millis);
    let took = took.unwrap_or_else(|| {
        let began = Instant::now();
        check(&home, &[&GATE[..], &["--out", "whole", "--overwrite"]].concat(), 0, "");
        let took = began.elapsed();
        fs::write(&note, format!("{made_by}{}", took.as_millis())).expect("a note");
        took
    });
    (home.join("whole"), took)
});

fn empty() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    command.args(args).current_dir(dir).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs, and checks the exit code and a part of what stands on standard error.
fn check(dir: &Path, args: &[&str], code: i32, complaint: &str) -> Output {
    let output = command(dir, args).output().expect("the binary starts");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}{err}", String::from_utf8_lossy(&output.stdout));
    assert!(err.contains(complaint), "{args:?}: {err}");
    output
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

/// The reports in a directory are those of the gate that nobody interrupted.
fn same_reports(dir: &Path) {
    for name in REPORTS {
        assert_eq!(read(dir.join(name)), read(WHOLE.0.join(name)), "{name} in {}", dir.display());
    }
}

/// What is whole in a log: everything up to the end of its last line. Every line is JSON, and no step stands twice.
fn whole_lines(log: &[u8]) -> (&[u8], BTreeSet<u64>) {
    let end = log.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let mut steps = BTreeSet::new();
    for (n, line) in log[..end].split_inclusive(|b| *b == b'\n').enumerate() {
        let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_else(|e| panic!("line {n}: {e}"));
        assert_eq!(value["header"].is_object(), n == 0, "line {n}");
        if n > 0 {
            assert!(steps.insert(value["step"]["index"].as_u64().expect("an index")), "line {n}: a step twice");
        }
    }
    (&log[..end], steps)
}

/// Waits as long as it takes for the log to grow to more than so many bytes, or for the child to end.
fn grown(child: &mut Child, log: &Path, bytes: usize) {
    while fs::metadata(log).map_or(0, |log| log.len()) <= bytes as u64 && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_sweep_that_is_killed_at_any_moment_goes_on_and_loses_nothing() {
    let dir = empty();
    let (args, out) = ([&GATE[..], &["--out", "out"]].concat(), dir.path().join("out"));
    let span = WHOLE.1 / 8;
    let steps = whole_lines(&read(WHOLE.0.join(LOG))).1.len();
    let (mut kills, mut amid, mut before) = (0, 0, Vec::new());
    for attempt in 1..400_u32 {
        let mut child =
            command(dir.path(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a child");
        // Half of the moments count from the start of the process, half from the end of a step.
        if attempt.is_multiple_of(2) {
            grown(&mut child, &out.join(LOG), before.len());
        }
        // Multiples of the golden ratio: spread over the span, and never twice the same moment.
        std::thread::sleep(span.mul_f64(f64::from(attempt) * 0.618_034 % 1.0));
        child.kill().expect("a child can be killed");
        // One that was quicker than we are was not killed.
        kills += usize::from(child.wait().expect("a child").code().is_none());
        let log = fs::read(out.join(LOG)).unwrap_or_default();
        let (whole, there) = whole_lines(&log);
        amid += usize::from((1..steps).contains(&there.len()));
        assert!(whole.starts_with(&before), "what was whole before attempt {attempt} was lost");
        before = whole.to_vec();
        for name in REPORTS {
            let report = fs::read(out.join(name)).ok();
            assert!(report.is_none_or(|r| r == read(WHOLE.0.join(name))), "{name} is torn");
        }
        if kills == KILLS {
            break;
        }
    }
    assert_eq!(kills, KILLS);
    assert!(amid > KILLS / 4, "{amid} of {KILLS} kills came between the first and the last step");
    check(dir.path(), &args, 0, "");
    same_reports(&out);
    let (log, reference) = (read(out.join(LOG)), read(WHOLE.0.join(LOG)));
    let lines = |log: &[u8]| log.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<BTreeSet<_>>();
    assert_eq!(lines(&log), lines(&reference), "the same steps, each once, to the byte");
    assert_eq!(log.len(), reference.len());
    let files: BTreeSet<String> =
        fs::read_dir(&out).expect("a directory").flatten().map(|e| e.file_name().to_string_lossy().into()).collect();
    let expected = REPORTS.iter().copied().chain([LOG, "timings.json"]).map(String::from);
    assert_eq!(files, expected.collect(), "no temporary file is left behind");
}

#[test]
fn shards_merge_to_the_reports_of_one_gate_in_any_split_and_order() {
    let dir = empty();
    for (n, threads) in [(2, "1"), (3, "2")] {
        for k in 0..n {
            let (shard, out) = (format!("{k}/{n}"), format!("s{k}of{n}"));
            let args = [&GATE[..], &["--shard", &shard, "--out", &out, "--threads", threads]].concat();
            let said = check(dir.path(), &args, 0, "").stdout;
            assert!(String::from_utf8_lossy(&said).starts_with(&format!("Shard {shard}: ")));
            assert!(!dir.path().join(out).join("report.json").exists(), "a shard has no report");
        }
    }
    for (i, shards) in [
        &["s0of2", "s1of2"][..],
        &["s2of3", "s0of3", "s1of3"],
        &["s1of3", "s1of2", "s0of2", "s0of2"],
        &["s1of2", "s0of3", "s1of3", "s2of3"],
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("merged{i}");
        check(dir.path(), &[&["merge"], shards, &["--out", &out]].concat(), 0, "");
        same_reports(&dir.path().join(out));
    }
    let missing = check(dir.path(), &["merge", "s0of3", "s2of3", "--out", "none"], 3, "shard 1/3, ").stderr;
    let missing = String::from_utf8_lossy(&missing);
    assert!(missing.ends_with("cellproof gate --quick --seeds 1 --shard 1/3 --out DIR\n"), "{missing}");
    assert!(!dir.path().join("none").exists(), "nothing was written");
    check(dir.path(), &["merge", "s0of3", "s2of3", "--out", "some", "--allow-missing"], 3, "count as left out");
    assert!(dir.path().join("some/report.json").exists());
    check(dir.path(), &["merge", "s0of2", "nowhere"], 2, "nowhere/sweep.log: no log of a sweep");
    // A finished merge is the gate's: another plan does not write over it, the same one may.
    check(dir.path(), &["gate", "--quick", "--seeds", "2", "--out", "merged0"], 2, "is of another gate");
    same_reports(&dir.path().join("merged0"));
    assert!(!dir.path().join("merged0").join(LOG).exists());
    check(dir.path(), &["merge", "s0of2", "s1of2", "--out", "merged0"], 0, "");
}

#[test]
fn another_plan_is_refused_and_a_finished_gate_is_never_written_over_by_chance() {
    let dir = empty();
    let one = ["gate", "--quick", "--seeds", "2", "--out", "out"];
    check(dir.path(), &one, 0, "");
    let files = || [LOG].iter().chain(&REPORTS).map(|name| read(dir.path().join("out").join(name))).collect::<Vec<_>>();
    let before = files();
    let other = ["gate", "--quick", "--seeds", "1", "--out", "out"];
    check(dir.path(), &other, 2, "swarm_seeds 2 there, 1 here): expected the same, or an empty place");
    let shard = [&one[..], &["--shard", "1/2"]].concat();
    check(dir.path(), &shard, 2, "out holds another sweep (shard 0/1 there, 1/2 here)");
    let profile = [&one[..], &["--profile", "gdpr"]].concat();
    check(dir.path(), &profile, 2, "demand canary and objectives there, canary and objectives and rows here");
    assert_eq!(files(), before);
    // As if other code had written it.
    let code: String = {
        let line = String::from_utf8(before[0].split_inclusive(|b| *b == b'\n').next().expect("a line").to_vec());
        let value: serde_json::Value = serde_json::from_str(&line.expect("UTF-8")).expect("JSON");
        value["header"]["terms"]["code"].as_str().expect("a digest").into()
    };
    let header = conformance::log::frame::whole(before[0].split_inclusive(|b| *b == b'\n').next().expect("a line"));
    let header = String::from_utf8(header.expect("whole")).expect("UTF-8").replace(&code, &"0".repeat(64));
    let foreign = conformance::log::frame::frame(&serde_json::from_str(&header).expect("a line"));
    fs::create_dir(dir.path().join("foreign")).expect("a directory");
    fs::write(dir.path().join("foreign").join(LOG), &foreign).expect("a file");
    check(
        dir.path(),
        &["merge", "foreign"],
        2,
        "foreign/sweep.log: made by another version of cellproof (code 000000000000",
    );
    check(
        dir.path(),
        &["merge", "out", "foreign"],
        2,
        "out and foreign are of two plans (code 000000000000 in foreign",
    );
    let into = [&one[..4], &["--out", "foreign"]].concat();
    check(dir.path(), &into, 2, "foreign holds another sweep (code 000000000000 there");
    assert_eq!(read(dir.path().join("foreign").join(LOG)), foreign);
    // Asked for, it is done.
    check(dir.path(), &[&other[..], &["--overwrite"]].concat(), 0, "");
    same_reports(&dir.path().join("out"));
}

#[test]
fn a_spoiled_log_is_refused_with_its_place_and_a_torn_one_goes_on() {
    let dir = empty();
    let args = [&GATE[..], &["--out", "out"]].concat();
    let out = dir.path().join("out");
    fs::create_dir(&out).expect("a directory");
    let log = read(WHOLE.0.join(LOG));
    let mut spoiled = log.clone();
    spoiled[log.len() / 2] ^= 1;
    fs::write(out.join(LOG), &spoiled).expect("a file");
    let refused = check(dir.path(), &args, 2, "cellproof: out/sweep.log: line ").stderr;
    assert_eq!(String::from_utf8_lossy(&refused).lines().count(), 1);
    check(dir.path(), &["merge", "out", "--out", "merged"], 2, "expected a step with its length and checksum");
    assert_eq!(read(out.join(LOG)), spoiled, "nothing whole was lost");
    fs::write(out.join(LOG), &log[..log.len() - 100]).expect("a file");
    check(dir.path(), &args, 0, "of a step that was not finished");
    same_reports(&out);
}

#[test]
fn what_cannot_be_written_is_told_and_what_was_written_stays() {
    let dir = empty();
    fs::create_dir_all(dir.path().join("taken").join(LOG)).expect("a directory");
    check(dir.path(), &[&GATE[..], &["--out", "taken"]].concat(), 2, "cellproof: failed to open taken/sweep.log: ");
    fs::write(dir.path().join("file"), "mine").expect("a file");
    for out in ["file", "file/below"] {
        check(
            dir.path(),
            &[&GATE[..], &["--out", out]].concat(),
            2,
            &format!("cellproof: failed to write into {out}: "),
        );
    }
    let explore = ["explore", "fuzz/cross-tenant", "--runs", "1", "--corpus", "file/below"];
    check(dir.path(), &explore, 2, "cellproof: failed to ");
    assert_eq!(read(dir.path().join("file")), b"mine");
    if !cfg!(unix) {
        return;
    }
    // A disk that is full after so many blocks of half a kilobyte.
    let gate =
        format!("ulimit -f 400; trap '' XFSZ; exec {} {} --out out", env!("CARGO_BIN_EXE_cellproof"), GATE.join(" "));
    let full = Command::new("sh").args(["-c", &gate]).current_dir(dir.path()).output().expect("a shell");
    let err = String::from_utf8_lossy(&full.stderr);
    assert_eq!(full.status.code(), Some(2), "{err}");
    assert!(err.starts_with("cellproof: failed to write out/sweep.log: "), "{err}");
    assert!(err.ends_with("what is finished is kept in out, and the same command goes on from there\n"), "{err}");
    let log = read(dir.path().join("out").join(LOG));
    let (whole, steps) = whole_lines(&log);
    assert_eq!(whole.len(), log.len(), "no line is torn");
    assert!(!steps.is_empty());
    check(dir.path(), &[&GATE[..], &["--out", "out"]].concat(), 0, "finished steps of this plan: going on from there");
    same_reports(&dir.path().join("out"));
}

#[test]
fn two_sweeps_never_write_into_one_directory() {
    let dir = empty();
    let args = [&GATE[..], &["--out", "out"]].concat();
    let mut first = command(dir.path(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a child");
    grown(&mut first, &dir.path().join("out").join(LOG), 0);
    check(dir.path(), &args, 2, "another cellproof is at work in out");
    assert_eq!(first.wait().expect("a child").code(), Some(0));
    same_reports(&dir.path().join("out"));
}

#[test]
fn a_time_budget_stops_a_sweep_and_the_same_command_goes_on() {
    let dir = empty();
    let args = [&GATE[..], &["--out", "out"]].concat();
    check(dir.path(), &[&args[..], &["--time-budget", "0s"]].concat(), 3, "");
    assert!(read(dir.path().join("out/report.json")).windows(8).any(|w| w == b"left out"));
    check(dir.path(), &[&GATE[..], &["--shard", "0/2", "--out", "s0", "--time-budget", "0s"]].concat(), 3, "");
    check(dir.path(), &args, 0, "");
    same_reports(&dir.path().join("out"));
}
