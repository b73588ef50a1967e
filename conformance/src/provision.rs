//! Real servers, a browser, and programs that read what we write, for tests and demonstrations. Servers in this order:
//! one whose URL the environment gives, one whose binaries are on the machine and are started privately, one whose
//! package is installed because the environment asks for that.
//!
//! A private server listens on loopback alone, lives in a temporary directory, and is gone with the value that holds
//! it. What is absent is a reason in words: whoever asked must say it aloud, or fail.

pub mod authority;
pub mod chromium;
pub mod docker;
pub mod envoy;
pub mod haproxy;
pub mod librdkafka;
pub mod opa;
pub mod postgres;
pub mod prometheus;
pub mod python;
pub mod redis;
pub mod tansu;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, io, process, thread};

/// Set to anything: install missing packages, as root on Debian.
pub const INSTALL: &str = "CELLPROOF_INSTALL";
/// Set to anything: what is absent fails instead of being skipped.
pub const REQUIRE: &str = "CELLPROOF_REQUIRE";

/// Names a file to which a line is added for everything that was used, and everything that was skipped: `cargo xtask
/// test` reads it, because tests that pass are not heard.
pub const LEDGER: &str = "CELLPROOF_PROVISION_LEDGER";

/// Says that a test does not run, and why; or fails, where the environment demands it.
///
/// # Panics
/// [`REQUIRE`] is set.
pub fn skip(what: &str, why: &str) {
    assert!(env::var_os(REQUIRE).is_none(), "{what}: {why}");
    eprintln!("skipped: {what}: {why}");
    note("skipped", what, why);
}

/// Notes what a test uses of the machine, and where it was found.
fn used(what: &str, how: &str) {
    note("used", what, how);
}

fn note(kind: &str, what: &str, how: &str) {
    let Some(path) = env::var_os(LEDGER) else { return };
    let line = format!("{kind}\t{what}\t{}\n", how.replace(['\t', '\n'], " "));
    let file = fs::OpenOptions::new().create(true).append(true).open(&path);
    // One write, so that lines of several processes do not mix.
    let written = file.and_then(|mut file| io::Write::write_all(&mut file, line.as_bytes()));
    written.unwrap_or_else(|why| panic!("{}: {why}", Path::new(&path).display()));
}

/// A process that was started, for whoever has to end it when we cannot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The directory that goes with it.
    pub home: Option<PathBuf>,
}

/// A directory that is removed with the value.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> io::Result<Scratch> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("cellproof-{name}-{}-{n}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A port on loopback that nobody has, at this moment.
///
/// # Errors
/// There is none.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// How long a gateway may take to listen; several start at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a program listens, before it ends or patience does.
fn listens(child: &mut Child, port: u16) -> bool {
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if child.try_wait().ok().flatten().is_some() || Instant::now() > until {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Runs a command to its end, without its chatter.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("failed to start {name}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name}: {}: {}", output.status, said.trim()))
}

/// Installs a package, where the environment asks for that.
fn install(package: &str) -> Result<(), String> {
    if env::var_os(INSTALL).is_none() {
        return Err(format!("{package} is not on this machine, and {INSTALL} is not set"));
    }
    run(Command::new("apt-get").args(["install", "-y", "-qq", "--no-install-recommends", package]))?;
    used(package, "installed by package name");
    Ok(())
}

/// A program on the path, or in one of `places`.
fn program(name: &str, places: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let all = env::split_paths(&path).chain(places.iter().cloned());
    let found = all.map(|dir| dir.join(name)).find(|file| file.is_file())?;
    used(name, &found.display().to_string());
    Some(found)
}

/// User and group of an account.
fn account(name: &str) -> Option<(u32, u32)> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut ids = line.split(':').skip(2);
    Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
}

/// Whether this process is root.
fn is_root() -> bool {
    let owner = |path: &Path| fs::metadata(path).map(|m| std::os::unix::fs::MetadataExt::uid(&m));
    owner(Path::new("/proc/self")).is_ok_and(|uid| uid == 0)
}
