//! A private cluster of librdkafka: the broker that Confluent tests its clients with, one process of Python with the
//! package `confluent-kafka`, which has it inside. Some tenths of a second.
//!
//! It keeps what Apache Kafka says of names that nobody has and of where logs end, which a Tansu does not. It knows no
//! request that makes or removes a topic: one is made when a client asks about it, with four partitions. A batch that
//! comes twice it takes twice.

use super::python;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The version that tests are known to pass with.
const PACKAGE: &str = "confluent-kafka==2.16.1";
/// Partitions of a topic that it makes by itself.
pub const PARTITIONS: usize = 4;
/// Runs the cluster until its input ends, and says where it listens.
const SCRIPT: &str = r#"
import sys, confluent_kafka
client = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
for broker in client.list_topics(timeout=20).brokers.values():
    print(f"kafka://{broker.host}:{broker.port} {confluent_kafka.libversion()[0]}", flush=True)
sys.stdin.read()
"#;

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Where it is.
    pub url: String,
    /// Which it is.
    pub how: String,
    child: Child,
}

/// The Python that has the package, if it is on this machine or may be installed.
fn binary() -> Result<PathBuf, String> {
    python::brought("librdkafka", PACKAGE, |venv| {
        let python = venv.join("bin/python");
        has_package(&python).then_some(python)
    })
}

fn has_package(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import confluent_kafka"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Starts one.
///
/// # Errors
/// Says what is absent, or what did not start.
pub fn server() -> Result<Server, String> {
    let mut command = Command::new(binary()?);
    command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| format!("failed to start librdkafka: {e}"))?;
    let mut said = String::new();
    if let Some(out) = child.stdout.take() {
        // What is not said shows in what was.
        let _ = BufReader::new(out).read_line(&mut said);
    }
    let mut server = Server { url: String::new(), how: String::new(), child };
    let (url, version) = said.trim().split_once(' ').ok_or("librdkafka did not start")?;
    server.url = url.to_owned();
    server.how = format!("a private cluster of librdkafka {version} ({PACKAGE})");
    super::used("librdkafka", &server.how);
    Ok(server)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps nothing, so it need not end in good order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
