//! A private Redis: `redis-server` with a configuration in a temporary directory, some hundredths of a second.

use super::{Process, Scratch, free_port, install, program};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Where it listens, on loopback.
    pub port: u16,
    /// The port that stands for `TLSPORT` in the configuration.
    pub tls_port: u16,
    child: Child,
    _home: Scratch,
}

/// The program, if it is on this machine or may be installed.
///
/// # Errors
/// Says what is absent.
pub fn binary() -> Result<PathBuf, String> {
    let found = || program("redis-server", &[PathBuf::from("/usr/bin")]);
    match found() {
        Some(path) => Ok(path),
        None => {
            install("redis-server")?;
            found().ok_or_else(|| "the package redis-server brought no redis-server".to_owned())
        }
    }
}

/// Starts a server with lines of configuration. `TLSPORT` in them is a free port, `HOME` its directory, which `files`
/// are written into.
///
/// # Errors
/// Says what is absent, or what did not start.
pub fn server(configuration: &str, files: &[(&str, &str)]) -> Result<Server, String> {
    let binary = binary()?;
    let home = Scratch::new("redis").map_err(|e| e.to_string())?;
    let port = free_port().map_err(|e| e.to_string())?;
    let tls_port = free_port().map_err(|e| e.to_string())?;
    let at = home.0.display();
    let own = format!("bind 127.0.0.1\nport {port}\ndir {at}\nsave \"\"\nappendonly no\nlogfile {at}/log\n");
    let given = configuration.replace("HOME", &at.to_string()).replace("TLSPORT", &tls_port.to_string());
    let whole = own + &given;
    let path = home.0.join("redis.conf");
    fs::write(&path, whole).map_err(|e| e.to_string())?;
    for (name, text) in files {
        fs::write(home.0.join(name), text).map_err(|e| e.to_string())?;
    }
    let mut command = Command::new(binary);
    command.arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|e| format!("failed to start redis-server: {e}"))?;
    let mut server = Server { port, tls_port, child, _home: home };
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if server.child.try_wait().ok().flatten().is_some() || Instant::now() > until {
            let log = fs::read_to_string(server._home.0.join("log")).unwrap_or_default();
            return Err(format!("redis-server did not start: {}", log.lines().last().unwrap_or_default()));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(server)
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
