//! The demonstration, by the real binary: nothing is found in it as it is, each defect that it may have is found with
//! what it breaks, and when it has ended nothing of it runs.

use conformance::demo::defects::DEFECTS;
use conformance::provision::{haproxy, postgres, redis, skip};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{fs, net::TcpStream};

/// Whether a server is not on this machine, which is said.
fn absent() -> bool {
    let found = [postgres::server().map(drop), redis::binary().map(drop), haproxy::binary().map(drop)];
    let missing = found.into_iter().find_map(Result::err);
    missing.inspect(|why| skip("the demonstration", why)).is_some()
}

/// A demonstration that has started, and where its servers listen.
struct Up {
    child: Child,
    ports: Vec<u16>,
}

fn up(dir: &Path, defects: &[&str]) -> Up {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    command.args(["demo", "up", "--dir"]).arg(dir).args(defects.iter().flat_map(|name| ["--defect", name]));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary starts");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines().map(|line| line.expect("a line"));
    let told: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C ends it")).collect();
    let port =
        |line: &String| line.split("127.0.0.1:").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    let ports: Vec<u16> = told.iter().filter_map(port).collect();
    assert_eq!(ports.len(), 5, "{told:#?}");
    Up { child, ports }
}

impl Up {
    /// Ends it as somebody at a terminal does, and looks whether anything is left.
    fn end(mut self) {
        interrupt(&self.child);
        assert_eq!(self.child.wait().expect("a child").code(), Some(0));
        for port in &self.ports {
            assert!(TcpStream::connect(("127.0.0.1", *port)).is_err(), "somebody still listens at {port}");
        }
    }
}

/// Nobody is left behind by a test that fails.
impl Drop for Up {
    fn drop(&mut self) {
        interrupt(&self.child);
        // It has told why the test fails, or has ended already.
        let _ = self.child.wait();
    }
}

fn interrupt(child: &Child) {
    // Whoever has ended needs no signal.
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
}

/// What `certify` says: its exit code, and each finding's object and first requirement.
fn certified(dir: &Path) -> (Option<i32>, Vec<(String, String)>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    let output = command.arg("certify").arg(dir.join("deployment.toml")).arg("--json").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let components = report["components"].as_array().expect("components").iter();
    let findings = components.flat_map(|component| component["findings"].as_array().expect("findings"));
    let found = findings.map(|found| (text(&found["object"]), text(&found["requirements"][0]))).collect();
    (output.status.code(), found, report)
}

#[test]
fn nothing_is_found_in_a_sound_platform_and_nothing_of_it_is_left() {
    if absent() {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("demo");
    let up = up(&dir, &[]);
    let (code, found, report) = certified(&dir);
    assert_eq!((code, found), (Some(0), vec![]), "{report:#}");
    let judged: Vec<&str> =
        report["components"].as_array().expect("components").iter().filter_map(|c| c["component"].as_str()).collect();
    assert_eq!(judged, ["postgres", "redis", "kafka", "gateway"]);
    up.end();
}

#[test]
fn the_servers_of_one_that_is_killed_go_down_with_a_word() {
    if absent() {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("demo");
    let mut up = up(&dir, &[]);
    up.child.kill().expect("it runs");
    up.child.wait().expect("a child");
    let listens = |port: &&u16| TcpStream::connect(("127.0.0.1", **port)).is_ok();
    assert_eq!(up.ports.iter().filter(listens).count(), 3, "brokers and application end with it");
    let mut down = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    let output = down.args(["demo", "down", "--dir"]).arg(&dir).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), said.lines().count()), (Some(0), 3), "{said}");
    assert_eq!(up.ports.iter().filter(listens).count(), 0);
}

#[test]
fn every_defect_is_found_with_what_it_breaks_and_nothing_else_is() {
    if absent() {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("demo");
    let names: Vec<&str> = DEFECTS.iter().map(|defect| defect.name).collect();
    let up = up(&dir, &names);
    let (code, found, report) = certified(&dir);
    let wanted: BTreeSet<_> = DEFECTS.iter().map(|d| (d.object.to_owned(), d.breaks.to_owned())).collect();
    assert_eq!((code, found.len()), (Some(1), DEFECTS.len()), "{found:#?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), wanted, "{report:#}");
    up.end();
}

#[test]
fn a_defect_that_is_not_known_and_a_directory_that_is_there_start_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let refused = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
        let output = command.args(["demo", "up"]).args(args).current_dir(home.path()).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = refused(&["--defect", "database.nothing"]);
    assert!(said.contains("no defect database.nothing: expected one of database.owner-not-forced, "), "{said}");
    fs::write(home.path().join("taken"), "").expect("a file");
    let said = refused(&["--dir", "taken"]);
    assert!(said.contains("taken: File exists"), "{said}");
    let left: Vec<_> = fs::read_dir(home.path()).expect("a directory").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["taken"]);
}
