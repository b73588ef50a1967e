//! Prometheus: `promtool`, which checks rules and samples and evaluates rules over samples without a server; and a
//! private server with a configuration in a temporary directory, some tenths of a second.

use super::{Scratch, free_port, install, listens, program};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Where it answers, on loopback.
    pub port: u16,
    child: Child,
    _home: Scratch,
}

/// A program of the package, if it is on this machine or may be installed.
fn found(name: &str) -> Result<PathBuf, String> {
    let found = || program(name, &[PathBuf::from("/usr/bin")]);
    match found() {
        Some(path) => Ok(path),
        None => {
            install("prometheus")?;
            found().ok_or_else(|| format!("the package prometheus brought no {name}"))
        }
    }
}

/// `promtool`, if it is on this machine or may be installed.
///
/// # Errors
/// Says what is absent.
pub fn promtool() -> Result<PathBuf, String> {
    found("promtool")
}

/// The server's program, if it is on this machine or may be installed.
///
/// # Errors
/// Says what is absent.
pub fn binary() -> Result<PathBuf, String> {
    found("prometheus")
}

/// Starts one that asks `target` (`HOST:PORT`) for its figures, every second, and has these rules.
///
/// # Errors
/// Says what is absent, or what did not start.
pub fn server(target: &str, rules: &str) -> Result<Server, String> {
    let binary = binary()?;
    let told = |e: std::io::Error| e.to_string();
    let home = Scratch::new("prometheus").map_err(told)?;
    let port = free_port().map_err(told)?;
    let whole = format!(
        "global: {{ scrape_interval: 1s }}\nrule_files: [rules.yml]\nscrape_configs: [{{ job_name: service, \
         static_configs: [{{ targets: [\"{target}\"] }}] }}]\n"
    );
    fs::write(home.0.join("rules.yml"), rules).map_err(told)?;
    let path = home.0.join("prometheus.yml");
    fs::write(&path, whole).map_err(told)?;
    let log = fs::File::create(home.0.join("log")).map_err(told)?;
    let mut command = Command::new(binary);
    command.arg(format!("--config.file={}", path.display())).arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.arg(format!("--storage.tsdb.path={}", home.0.join("data").display()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let child = command.spawn().map_err(|e| format!("failed to start prometheus: {e}"))?;
    let mut server = Server { port, child, _home: home };
    if listens(&mut server.child, port) {
        return Ok(server);
    }
    let log = fs::read_to_string(server._home.0.join("log")).unwrap_or_default();
    Err(format!("prometheus did not start: {}", log.lines().last().unwrap_or_default()))
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps nothing, so it need not end in good order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
