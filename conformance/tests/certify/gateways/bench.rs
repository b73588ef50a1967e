//! An issuer's keys, certificates, a service behind, and an Envoy before it that is judged.

use super::{SOUND, in_http};
use crate::support::{Ended, certify_in};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance::provision::authority::{Authority, pem};
use conformance::provision::{envoy, haproxy};
use rcgen::{KeyPair, PublicKeyData};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A service that keeps what it got. It is as lenient as a service can be.
pub struct Service {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What a service answers to a head and a body.
type Answering = dyn Fn(&str, &str) -> String + Send + Sync;

/// An answer that says what was got.
pub fn echo(head: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len())
}

impl Service {
    /// One that answers everything with what it got.
    pub fn start() -> Service {
        Service::answering(Arc::new(|head: &str, _: &str| echo(head)))
    }

    pub fn answering(answering: Arc<Answering>) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answering) = (kept.clone(), answering.clone());
                // A connection ends with the gateway that opened it.
                thread::spawn(move || serve(stream, &kept, &*answering));
            }
        });
        Service { port, seen }
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<String>>, answering: &Answering) -> Option<()> {
    let mut read = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let end = loop {
            if let Some(at) = read.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut buffer).ok()? {
                0 => return None,
                n => read.extend_from_slice(&buffer[..n]),
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        read.drain(..end);
        kept.lock().expect("no panic").push(head.clone());
        let lower = head.to_ascii_lowercase();
        if lower.contains("\r\nupgrade: h2c") {
            stream
                .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
                .ok()?;
            continue;
        }
        let length = lower.lines().find_map(|l| l.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        let body_end = |read: &[u8]| match length {
            Some(length) if read.len() >= length => Some(length),
            None if lower.contains("transfer-encoding: chunked") => {
                read.windows(5).position(|w| w == b"0\r\n\r\n").map(|at| at + 5)
            }
            None => Some(0),
            Some(_) => None,
        };
        while body_end(&read).is_none() {
            match stream.read(&mut buffer).ok()? {
                0 => return None,
                n => read.extend_from_slice(&buffer[..n]),
            }
        }
        let body: Vec<u8> = read.drain(..body_end(&read)?).collect();
        let answer = answering(&head, &String::from_utf8_lossy(&body));
        stream.write_all(answer.as_bytes()).ok()?;
    }
}

/// An issuer's keys, certificates, and the deployment that names them.
pub struct Bench {
    /// Where its files lie.
    pub dir: tempfile::TempDir,
    files: Vec<(String, String)>,
    jwk: [String; 3],
    /// What the gateway stands before.
    pub service: Service,
    /// The issuer's key.
    pub issuer: KeyPair,
}

/// A sound Envoy with one more filter, which may have a slip, judged by a deployment with one more table.
pub fn judged_with(filter: &str, slip: Option<(&str, &str)>, table: &str, mode: &str) -> (i32, Value) {
    let whole = SOUND.replace("# after tokens", filter);
    let whole = slip.map_or(whole.clone(), |(from, to)| {
        assert!(whole.contains(from), "no {from}");
        whole.replace(from, to)
    });
    let bench = Bench::new();
    let server = bench.gateway(&whole);
    let deployment = bench.deployment(mode, &server).replace("[gateway.token]", &format!("{table}\n[gateway.token]"));
    let deployment = deployment.replace("flood = 300", "flood = 0");
    // What is wrong in one protocol is wrong in the other, and asking in both takes twice as long.
    bench.judge_as(&if slip.is_some() { in_http(&deployment, "\"1.1\"") } else { deployment })
}

/// The public half of a key on P-256.
fn jwk(key: &KeyPair, id: &str) -> String {
    let point = &key.public_key_raw()[1..];
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (x, y) = (text(&point[..32]), text(&point[32..]));
    json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": id, "x": x, "y": y}).to_string()
}

impl Bench {
    pub fn new() -> Bench {
        Bench::before(Service::start())
    }

    pub fn before(service: Service) -> Bench {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect(name);
        let ours = Authority::new("ours");
        let (certificate, key) = ours.sign("localhost", &["127.0.0.1"]);
        let (client, client_key) = ours.sign("client", &["client.example"]);
        let names = ["issuer", "retired", "foreign"];
        let keys = names.map(|_| KeyPair::generate().expect("a key"));
        for (name, key) in names.iter().zip(&keys) {
            write(&format!("{name}.key"), &pem("PRIVATE KEY", &key.serialize_der()));
        }
        let mut named = names.iter().zip(&keys).map(|(name, key)| jwk(key, name));
        let jwk = std::array::from_fn(|_| named.next().expect("three keys"));
        drop(named);
        let [issuer, ..] = keys;
        write("ca.pem", &ours.pem());
        write("client.pem", &client);
        write("client.key", &client_key);
        let (other, other_key) = ours.sign("other", &["other.example"]);
        write("other.pem", &other);
        write("other.key", &other_key);
        let files = [("server.pem", certificate), ("server.key", key), ("ca.pem", ours.pem())];
        let files = files.map(|(name, text)| (name.to_owned(), text)).to_vec();
        Bench { dir, files, jwk, service, issuer }
    }

    pub fn gateway(&self, configuration: &str) -> envoy::Server {
        let [issuer, retired, foreign] = &self.jwk;
        let whole = configuration
            .replace("BACKEND", &self.service.port.to_string())
            .replace("JWKS", issuer)
            .replace("RETIRED", retired)
            .replace("FOREIGN", foreign);
        let files: Vec<(&str, &str)> = self.files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        envoy::server(&whole, &files).unwrap_or_else(|why| panic!("{why}"))
    }

    pub fn haproxy(&self, configuration: &str) -> haproxy::Server {
        let file =
            |name: &str| self.files.iter().find(|(n, _)| n == name).map(|(_, text)| text.as_str()).expect("a file");
        let both = format!("{}{}", file("server.pem"), file("server.key"));
        let public = pem("PUBLIC KEY", &PublicKeyData::subject_public_key_info(&self.issuer));
        let files = [("both.pem", both.as_str()), ("ca.pem", file("ca.pem")), ("issuer.pub", &public)];
        let whole = configuration.replace("BACKEND", &self.service.port.to_string());
        haproxy::server(&whole, &files).unwrap_or_else(|why| panic!("{why}"))
    }

    pub fn deployment(&self, mode: &str, server: &envoy::Server) -> String {
        self.deployment_at(mode, server.port, Some(server.side))
    }

    pub fn deployment_at(&self, mode: &str, port: u16, side: Option<u16>) -> String {
        let plain = side.map(|side| format!("plain = \"http://127.0.0.1:{side}\"\n")).unwrap_or_default();
        format!(
            r#"version = 1
name = "staging"
mode = "{mode}"
[[tenant]]
id = "acme"
[[tenant]]
id = "globex"
[gateway]
url = "https://127.0.0.1:{port}/v1/query"
tls = {{ ca = "ca.pem", certificate = "client.pem", key = "client.key" }}
{plain}region = {{ claim = "region", foreign = "us-east" }}
forbidden = "/admin/tenants"
tenant-cookie = "tenant"
shows = "x-tenant-id: {{id}}"
flood = 300
[gateway.token]
key = {{ file = "issuer.key" }}
key-id = "issuer"
claims = {{ iss = "https://idp.example", aud = "switchboard", tenant = "{{id}}", region = "eu-west" }}
leeway-s = 60
lifetime-s-max = 3600
[[gateway.refused-key]]
key = {{ file = "retired.key" }}
key-id = "retired"
why = "retired"
[[gateway.refused-key]]
key = {{ file = "foreign.key" }}
key-id = "foreign"
why = "foreign"
"#
        )
    }

    pub fn judge(&self, mode: &str, server: &envoy::Server) -> (i32, Value) {
        self.judge_as(&self.deployment(mode, server))
    }

    pub fn judge_as(&self, deployment: &str) -> (i32, Value) {
        let ended = self.certify(deployment, "--json");
        let report = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
        (ended.code, report)
    }

    pub fn certify(&self, deployment: &str, flag: &str) -> Ended {
        let home = tempfile::tempdir_in(self.dir.path()).expect("a directory");
        for entry in fs::read_dir(self.dir.path()).expect("a directory").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), home.path().join(entry.file_name())).expect("a copy");
            }
        }
        certify_in(home.path(), deployment, &[flag])
    }
}
