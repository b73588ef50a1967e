//! A private HAProxy: `haproxy` with a configuration in a temporary directory, some tenths of a second.

use super::{Process, Scratch, free_port, install, listens, program};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A gateway.
#[derive(Debug)]
pub struct Server {
    /// Where it listens, on loopback: `EDGE` in the configuration.
    pub port: u16,
    child: Child,
    _home: Scratch,
}

/// The program, if it is on this machine or may be installed.
///
/// # Errors
/// Says what is absent.
pub fn binary() -> Result<PathBuf, String> {
    let found = || program("haproxy", &[PathBuf::from("/usr/sbin")]);
    match found() {
        Some(path) => Ok(path),
        None => {
            install("haproxy")?;
            found().ok_or_else(|| "the package haproxy brought no haproxy".to_owned())
        }
    }
}

/// Starts one with a configuration, in which `EDGE` is a free port and `HOME` its directory, which `files` are written
/// into.
///
/// # Errors
/// Says what is absent, or what did not start.
pub fn server(configuration: &str, files: &[(&str, &str)]) -> Result<Server, String> {
    let binary = binary()?;
    let told = |e: std::io::Error| e.to_string();
    let home = Scratch::new("haproxy").map_err(told)?;
    let port = free_port().map_err(told)?;
    let whole = configuration.replace("HOME", &home.0.display().to_string()).replace("EDGE", &port.to_string());
    let path = home.0.join("haproxy.cfg");
    fs::write(&path, whole).map_err(told)?;
    for (name, text) in files {
        fs::write(home.0.join(name), text).map_err(told)?;
    }
    let log = fs::File::create(home.0.join("log")).map_err(told)?;
    let mut command = Command::new(binary);
    // In the foreground: what we start is what we end.
    command.arg("-db").arg("-f").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let child = command.spawn().map_err(|e| format!("failed to start haproxy: {e}"))?;
    let mut server = Server { port, child, _home: home };
    if listens(&mut server.child, port) {
        return Ok(server);
    }
    let log = fs::read_to_string(server._home.0.join("log")).unwrap_or_default();
    Err(format!("haproxy did not start: {log}"))
}

impl Server {
    /// What runs.
    pub fn process(&self) -> Process {
        Process { pid: self.child.id(), home: Some(self._home.0.clone()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps nothing, so it need not end in good order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
