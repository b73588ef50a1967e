//! Each defective Redis is found with what it breaks, and its repair repairs it; nothing is found in sound ones, and
//! nothing is written.

use crate::support::{certify_in, claimed, rows};
use conformance::provision::redis;
use conformance::provision::skip;
use models::catalogue::Probe;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The published form of a report.
const SCHEMA: &str = include_str!("../../../reports/schemas/certify.schema.json");

struct Fixture {
    name: String,
    text: String,
}

fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redis").join(folder);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    let fixture = |path: PathBuf| Fixture {
        name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
        text: fs::read_to_string(&path).expect("a configuration"),
    };
    files.into_iter().map(fixture).collect()
}

impl Fixture {
    fn heads(&self, word: &str) -> Vec<&str> {
        let lead = format!("# {word}: ");
        self.text.lines().filter_map(|line| line.strip_prefix(lead.as_str())).collect()
    }

    fn head(&self, word: &str) -> Option<&str> {
        self.heads(word).into_iter().next()
    }

    fn tenants(&self) -> Vec<&str> {
        self.head("tenants").unwrap_or("acme globex").split(' ').collect()
    }

    fn deployment(&self, port: u16) -> String {
        let mut text = format!("version = 1\nname = \"{}\"\n", self.name);
        let mut databases = self.head("database").unwrap_or("0 0").split(' ');
        for id in self.tenants() {
            let database = databases.next().expect("two databases");
            text.push_str(&format!("[[tenant]]\nid = \"{id}\"\nvalues = {{ db = \"{database}\" }}\n"));
        }
        text.push_str(&format!("[redis]\nurl = \"redis://127.0.0.1:{port}\"\nkeys = \"t:{{id}}:\"\n"));
        text.push_str("password = { file = \"password-{id}\" }\nsample = \"cart\"\n");
        let lines = self.heads("deployment");
        if !lines.iter().any(|line| line.starts_with("user = ")) {
            text.push_str("user = \"t_{id}\"\n");
        }
        lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        text
    }

    /// Where the passwords of its users lie.
    fn home(&self) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        let one = self.head("deployment") == Some("user = \"t_acme\"");
        for id in self.tenants() {
            let password = format!("{}-password", if one { "acme" } else { id });
            fs::write(dir.path().join(format!("password-{id}")), password).expect("a password");
        }
        dir
    }

    fn judge(&self, port: u16) -> (i32, Value) {
        let ended = certify_in(self.home().path(), &self.deployment(port), &["--json"]);
        let report = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{}: {e}: {}", self.name, ended.err));
        (ended.code, report)
    }
}

/// Does a command as the operator, in the protocol's own words.
fn operator(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(format!("AUTH operator operator\r\n{command}\r\n").as_bytes()).expect("a command");
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next().expect("an answer").expect("a line"), "+OK");
    lines.next().expect("an answer").expect("a line")
}

fn start(fixture: &Fixture) -> redis::Server {
    let server = redis::server(&fixture.text, &[]).unwrap_or_else(|why| panic!("{}: {why}", fixture.name));
    for id in fixture.tenants() {
        assert_eq!(operator(server.port, &format!("SET t:{id}:cart anvils-of-{id}")), "+OK");
    }
    server
}

fn findings(report: &Value) -> Vec<Value> {
    report["components"][0]["findings"].as_array().cloned().unwrap_or_default()
}

#[test]
fn each_defective_cache_is_found_and_its_repair_holds() {
    if let Err(why) = redis::binary() {
        return skip("redis", &why);
    }
    let all = fixtures("defective");
    assert!(all.len() >= 12, "{}", all.len());
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let mut wrong = Vec::new();
    for fixture in all {
        let server = start(&fixture);
        let keys = operator(server.port, "DBSIZE");
        let (code, report) = fixture.judge(server.port);
        assert_eq!(reports::sample::schema::disagreements(&schema, &report), Vec::<String>::new(), "{}", fixture.name);
        let found = findings(&report);
        let [finding] = found.as_slice() else {
            wrong.push(format!("{}: {} findings\n{report:#}", fixture.name, found.len()));
            continue;
        };
        let object = fixture.head("object").expect("an object");
        if code != 1
            || finding["object"] != object
            || finding["requirements"][0] != fixture.head("breaks").expect("a row")
        {
            wrong.push(format!("{}: exit {code}\n{finding:#}", fixture.name));
        }
        assert_eq!(operator(server.port, "DBSIZE"), keys, "{}: keys were left", fixture.name);
        if fixture.head("repair") == Some("by hand") {
            continue;
        }
        for statement in finding["repair"].as_array().expect("a repair").iter().filter_map(Value::as_str) {
            let statement = statement.replace("BYTES", "64mb").replace("PASSWORD", "globex-password");
            let answer = operator(server.port, &statement);
            assert_eq!(answer, "+OK", "{}: {statement}", fixture.name);
            if statement.starts_with("CONFIG SET maxmemory ") {
                operator(server.port, "CONFIG SET maxmemory-policy noeviction");
            }
        }
        let (code, after) = fixture.judge(server.port);
        if code != 0 {
            wrong.push(format!("{}: exit {code} after {}\n{after:#}", fixture.name, finding["repair"]));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn nothing_is_found_in_a_sound_cache_and_nothing_is_written() {
    if let Err(why) = redis::binary() {
        return skip("redis", &why);
    }
    let mut asked = BTreeSet::new();
    for fixture in fixtures("sound") {
        let server = start(&fixture);
        let keys = operator(server.port, "DBSIZE");
        let (code, report) = fixture.judge(server.port);
        assert_eq!(code, 0, "{}: {report:#}", fixture.name);
        assert_eq!(operator(server.port, "DBSIZE"), keys, "{}: keys were left", fixture.name);
        let said = report["components"][0]["server"].as_str().unwrap_or_default();
        assert!(said.starts_with("Redis "), "{}: {said}", fixture.name);
        asked.extend(rows(&report["components"][0]));
    }
    assert_eq!(asked, claimed(Probe::Redis, &[]));
}

#[test]
fn a_cache_that_cannot_be_entered_is_inconclusive() {
    if let Err(why) = redis::binary() {
        return skip("redis", &why);
    }
    let fixture = fixtures("sound").into_iter().find(|f| f.name == "usual").expect("the usual configuration");
    let server = start(&fixture);
    let deployment = fixture.deployment(server.port);
    let inconclusive = |text: &str, told: &str| {
        let ended = certify_in(fixture.home().path(), text, &[]);
        let flat = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ended.code == 3 && flat.contains(told), "{told}: {}{}", ended.out, ended.err);
    };
    inconclusive(&deployment.replace("t_{id}", "x_{id}"), "x_acme: WRONGPASS");
    inconclusive(&deployment.replace("password-{id}", "nowhere-{id}"), "file nowhere-acme: ");
    inconclusive(&deployment.replace("t:{id}:", "u:{id}:"), "acme may not even read a key of its own (u:acme:");
    let port = server.port;
    drop(server);
    inconclusive(&deployment, &format!("failed to connect to 127.0.0.1:{port} as t_{{id}}: "));
}
