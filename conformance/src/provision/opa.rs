//! A private Open Policy Agent: the real program, from the path or from where `cargo xtask opa` puts the one that it
//! builds of Debian's sources. A tenth of a second.

use super::{Scratch, free_port, listens, program, python};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An agent.
#[derive(Debug)]
pub struct Server {
    /// Where its REST API answers, on loopback.
    pub port: u16,
    child: Child,
    _home: Scratch,
}

/// The program, if it is on this machine.
///
/// # Errors
/// Says that it is absent, and how it comes.
pub fn binary() -> Result<PathBuf, String> {
    let built = python::environment("opa").join("bin");
    program("opa", &[built]).ok_or_else(|| "opa is not on this machine; `cargo xtask opa` builds it".to_owned())
}

/// Starts one that has these policies (files or directories) and decides by `data`. A policy that is written in Rego v0
/// alone is one that it refuses, unless `v0` is set.
///
/// # Errors
/// Says what is absent, or what did not start.
pub fn server(policies: &[&Path], data: Option<&serde_json::Value>, v0: bool) -> Result<Server, String> {
    let binary = binary()?;
    let told = |e: std::io::Error| e.to_string();
    let home = Scratch::new("opa").map_err(told)?;
    let port = free_port().map_err(told)?;
    let mut command = Command::new(binary);
    command.args(["run", "--server", "--log-level=error", "--disable-telemetry"]);
    command.arg(format!("--addr=127.0.0.1:{port}")).args(v0.then_some("--v0-compatible")).args(policies);
    if let Some(data) = data {
        let file = home.0.join("data.json");
        fs::write(&file, data.to_string()).map_err(told)?;
        command.arg(file);
    }
    let log = fs::File::create(home.0.join("log")).map_err(told)?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
    let mut server = Server { port, child: child.map_err(|e| format!("failed to start opa: {e}"))?, _home: home };
    if listens(&mut server.child, port) {
        return Ok(server);
    }
    let log = fs::read_to_string(server._home.0.join("log")).unwrap_or_default();
    Err(format!("opa did not start: {log}"))
}

/// Runs a command of the program to its end, and answers what it printed.
///
/// # Errors
/// Says what is absent, or what the program said of its failure.
pub fn output(args: &[&OsStr]) -> Result<String, String> {
    let ended = Command::new(binary()?).args(args).stdin(Stdio::null()).output();
    let ended = ended.map_err(|e| format!("failed to start opa: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if ended.status.success() { Ok(text(&ended.stdout)) } else { Err(text(&ended.stderr) + &text(&ended.stdout)) }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps nothing, so it need not end in good order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
