//! Demonstrations and drills in real containers, by the real binary: they serve as those on loopback do, a story's
//! faults cost what was said, and however they end nothing of them is left.

use conformance::demo::left;
use conformance::provision::docker::{Engine, IMAGE, IMAGE_USUAL};
use conformance::provision::skip;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::{env, fs};

/// The engine, if it is there with the image; if not, that is said.
fn engine() -> Option<Arc<Engine>> {
    let image = env::var(IMAGE).unwrap_or_else(|_| IMAGE_USUAL.to_owned());
    let found = Engine::found().and_then(|engine| engine.has(&image).map(|()| engine));
    found.inspect_err(|why| skip("containers", why)).ok()
}

fn cellproof(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    command.current_dir(dir).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Somebody at work, and what it says.
struct Working(Child, BufReader<ChildStdout>);

impl Working {
    fn start(command: &mut Command) -> Working {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Working(child, out)
    }

    /// What it says up to a line with these words.
    fn until(&mut self, words: &str) -> Vec<String> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|line: &String| !line.contains(words)) {
            let mut line = String::new();
            let n = self.1.read_line(&mut line).expect("a line");
            assert!(n > 0, "it ended without {words:?}: {heard:#?}");
            heard.push(line);
        }
        heard
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    }

    fn ends(&mut self) -> Option<i32> {
        self.0.wait().expect("a child").code()
    }
}

/// Nobody is left behind by a test that fails.
impl Drop for Working {
    fn drop(&mut self) {
        // Whoever has ended needs no signal.
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

/// What the engine has of a directory's; none of it is there afterwards.
fn rest(engine: &Engine, dir: &Path) -> Vec<String> {
    engine.remove(Some(&left::owner(dir))).expect("the engine answers")
}

#[test]
fn nothing_is_found_in_containers_and_nothing_is_left_of_them() {
    let Some(engine) = engine() else { return };
    let home = tempfile::tempdir().expect("a directory");
    let mut up = Working::start(cellproof(home.path()).args(["demo", "up", "--dir", "demo", "--on", "docker"]));
    up.until("Ctrl-C ends it");
    let output =
        cellproof(home.path()).args(["certify", "demo/deployment.toml", "--json"]).output().expect("it starts");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
    let components = report["components"].as_array().expect("components");
    let found: Vec<&Value> = components.iter().flat_map(|c| c["findings"].as_array().expect("findings")).collect();
    assert_eq!((output.status.code(), found.len(), components.len()), (Some(0), 0, 4), "{report:#}");
    up.signal("-INT");
    assert_eq!(up.ends(), Some(0));
    assert_eq!(rest(&engine, &home.path().join("demo")), Vec::<String>::new());
}

#[test]
fn what_a_demonstration_leaves_that_is_killed_goes_down_with_a_word() {
    let Some(engine) = engine() else { return };
    let home = tempfile::tempdir().expect("a directory");
    let mut up = Working::start(cellproof(home.path()).args(["demo", "up", "--dir", "demo", "--on", "docker"]));
    up.until("Ctrl-C ends it");
    up.signal("-KILL");
    assert_eq!(up.ends(), None);
    let down = || cellproof(home.path()).args(["demo", "down", "--dir", "demo"]).output().expect("it starts");
    let output = down();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let ended: Vec<String> = said(&output).lines().map(str::to_owned).collect();
    assert_eq!(ended.len(), 4, "three containers and their network: {ended:#?}");
    assert_eq!(rest(&engine, &home.path().join("demo")), Vec::<String>::new());
    assert_eq!(said(&down()), "Nothing of it ran.\n");
}

/// A cache is lost, then a leader; a cell has both.
const LOST: &str = r#"{"version": 1, "seed": "3", "length_ms": 34000, "incidents": [
  {"title": "the cache goes", "faults": [
    {"kind": "crash", "target": {"node": "cell-a/cache"}, "from_ms": 7000, "until_ms": 10000}]},
  {"kind": "primary-failover", "title": "the leader goes", "faults": [
    {"kind": "crash", "target": {"node": "cell-a/postgres-1"}, "from_ms": 16000, "until_ms": 22000}]}]}"#;

#[test]
fn a_story_costs_on_containers_what_was_said_before_it_began() {
    let Some(_) = engine() else { return };
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("lost.json"), LOST).expect("a file");
    let args = ["drill", "--import", "lost.json", "--on", "docker", "--out", "out"];
    let output = cellproof(home.path()).args(args).output().expect("it starts");
    let told = said(&output);
    let at = |what: &str| told.find(what).unwrap_or_else(|| panic!("no {what:?} in {told}"));
    assert!(at("\nExpected\n") < at("Carried out") && at("database started again") < at("\nSeen\n"));
    let text = fs::read_to_string(home.path().join("out/drill.json")).expect("a file");
    let drill: Value = serde_json::from_str(&text).expect("JSON");
    let done = drill["outcome"]["containers"]["done"].as_array().expect("a list");
    assert_eq!(done.len(), 2, "{drill:#}");
    let objectives = drill["outcome"]["objectives"].as_array().expect("a list");
    for of_tenant in objectives.chunks(2) {
        // Without its database it has what the cache kept, and that for two seconds.
        assert!(of_tenant[0]["inside"]["bad"].as_u64().expect("a number") > 50, "{:#}", of_tenant[0]);
    }
    // How fast an engine starts a server again is the machine's business: a busy one is worse than was said, and then
    // the drill has to say so.
    let is_worse = objectives.iter().any(|objective| objective["comparison"] == "worse");
    assert_eq!(output.status.code(), Some(i32::from(is_worse)), "{told}");
}

#[test]
fn a_drill_that_is_interrupted_takes_its_platform_with_it() {
    let Some(engine) = engine() else { return };
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("lost.json"), LOST).expect("a file");
    let mut drill = Working::start(
        cellproof(home.path()).args(["drill", "--import", "lost.json", "--on", "docker"]).env("TMPDIR", home.path()),
    );
    let dir = home.path().join(format!("cellproof-drill-{}", drill.0.id()));
    drill.until("Carried out");
    drill.until("cache killed");
    assert!(dir.is_dir());
    drill.signal("-INT");
    assert_eq!(drill.ends(), Some(3));
    assert!(!dir.exists());
    assert_eq!(rest(&engine, &dir), Vec::<String>::new());
}

#[test]
fn what_has_no_counterpart_is_said_and_nothing_is_started_for_it() {
    let home = tempfile::tempdir().expect("a directory");
    let away = LOST.replace("cell-a/cache", "cell-a/kafka-1").replace("cell-a/postgres-1", "cell-a/idp");
    fs::write(home.path().join("away.json"), away).expect("a file");
    let output =
        cellproof(home.path()).args(["drill", "--import", "away.json", "--on", "docker"]).output().expect("it starts");
    let told = said(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("left out  the cache goes: crash on cell-a/kafka-1"), "{told}");
    assert!(told.ends_with("nothing was run\n"), "{told}");
}
