//! What a demonstration would leave if nobody ended it in good order: written down while it starts, and ended later by
//! `demo down`.
//!
//! A number of a process is used again by the system, so nothing is ended by its number alone: it must have started
//! when what was written down did.

use crate::provision::Process;
use crate::provision::docker::Engine;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

/// The file in a demonstration's directory, a process a line. It goes when the demonstration has ended.
const FILE: &str = "running.jsonl";
/// How long a process may take to end in good order.
const PATIENCE: Duration = Duration::from_secs(15);

/// A process that was started.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Running {
    name: String,
    pid: u32,
    /// When it started, in the system's own unit, since it booted (proc(5), field 22 of `stat`).
    started: u64,
    /// The directory that goes with it.
    home: Option<PathBuf>,
}

/// When a process started; none if there is none of that number, or one that has ended and nobody has asked about.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of a program stands in brackets, and may hold some itself.
    let mut after = stat.rsplit_once(')')?.1.split_whitespace();
    let state = after.next()?;
    let started = after.nth(18)?.parse().ok()?;
    (state != "Z").then_some(started)
}

/// What runs for the demonstration of a directory. It is dropped when nothing runs any more.
#[derive(Debug)]
pub struct Notes(PathBuf);

impl Notes {
    /// Begins with this very process, which takes everything else with it if it is let.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(dir: &Path) -> Result<Notes, String> {
        let notes = Notes(dir.join(FILE));
        notes.add("the demonstration", &Process { pid: process::id(), home: None })?;
        Ok(notes)
    }

    /// A process more.
    ///
    /// # Errors
    /// As [`Notes::begin`].
    pub fn add(&self, name: &str, process: &Process) -> Result<(), String> {
        let Some(started) = started(process.pid) else { return Ok(()) };
        let running = Running { name: name.to_owned(), pid: process.pid, started, home: process.home.clone() };
        let line = serde_json::to_string(&running).expect("text and numbers") + "\n";
        let file = fs::OpenOptions::new().create(true).append(true).open(&self.0);
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|e| format!("{}: {e}", self.0.display()))
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        // They may have gone with their directory.
        let _ = fs::remove_file(&self.0);
    }
}

/// Whose containers are: a directory, in full.
pub fn owner(dir: &Path) -> String {
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).display().to_string()
}

/// Ends whatever runs for the demonstration of a directory, and removes its containers; with no directory, removes the
/// containers and networks of all of them. Names what it ended.
///
/// # Errors
/// Something does not end, or cannot be read.
pub fn down(dir: Option<&Path>) -> Result<Vec<String>, String> {
    let mut ended = Vec::new();
    if let Some(dir) = dir {
        for running in read(dir)? {
            if end(&running)? {
                ended.push(format!("{} (process {})", running.name, running.pid));
            }
            if let Some(home) = running.home.filter(|home| is_ours(home)) {
                // It goes with a process that ended by itself.
                let _ = fs::remove_dir_all(home);
            }
        }
        drop(Notes(dir.join(FILE)));
    }
    // Where there is no engine there are no containers.
    if let Ok(engine) = Engine::found() {
        ended.extend(engine.remove(dir.map(owner).as_deref())?);
    }
    Ok(ended)
}

/// Whether a directory is one that a private server was given.
fn is_ours(home: &Path) -> bool {
    let name = home.file_name().unwrap_or_default().to_string_lossy();
    home.parent() == Some(env::temp_dir().as_path()) && name.starts_with("cellproof-")
}

fn read(dir: &Path) -> Result<Vec<Running>, String> {
    let path = dir.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(format!("{}: {e}", path.display())),
    };
    let line = |line| serde_json::from_str(line).map_err(|e| format!("{}: {e}", path.display()));
    text.lines().map(line).collect()
}

/// Ends a process, in good order if it will; whether it ran.
fn end(running: &Running) -> Result<bool, String> {
    let runs = || started(running.pid) == Some(running.started);
    if !runs() {
        return Ok(false);
    }
    // To a demonstration an interrupt is Ctrl-C, and PostgreSQL's own programs end it by that.
    for signal in ["-INT", "-KILL"] {
        let mut kill = Command::new("kill");
        let sent = kill.args([signal, &running.pid.to_string()]).stderr(Stdio::null()).status();
        sent.map_err(|e| format!("failed to start kill: {e}"))?;
        let until = Instant::now() + PATIENCE;
        while runs() && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
        if !runs() {
            return Ok(true);
        }
    }
    Err(format!("{} (process {}) does not end", running.name, running.pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_ended_and_what_has_its_number_by_now_is_not() {
        let home = tempfile::tempdir().expect("a directory");
        let mut child = Command::new("sleep").arg("600").spawn().expect("it starts");
        let process = Process { pid: child.id(), home: Some(home.path().to_owned()) };
        let file = home.path().join(FILE);
        let notes = Notes(file.clone());
        notes.add("sleeper", &process).expect("written");
        let text = fs::read_to_string(&file).expect("a file");
        let began = started(child.id()).expect("it runs");
        fs::write(&file, text.replace(&began.to_string(), &(began + 1).to_string())).expect("a file");
        assert_eq!(read(home.path()).expect("lines").iter().map(end).collect::<Vec<_>>(), [Ok(false)]);
        assert!(started(child.id()).is_some(), "it was another's");
        fs::write(&file, text).expect("a file");
        assert_eq!(read(home.path()).expect("lines").iter().map(end).collect::<Vec<_>>(), [Ok(true)]);
        assert!(!child.wait().expect("a child").success());
        assert!(!is_ours(home.path()), "a directory that no server was given stays");
        drop(notes);
        assert!(!file.exists());
    }
}
