//! A server, databases made from the files beside this folder, and the binary that judges them.

use conformance::certify::asks;
use conformance::provision::{postgres, skip};
use models::catalogue::Probe;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// The password of every application role in a test.
pub const PASSWORD: &str = "s3cret-of-the-application";
/// Where the binary is told to look for it.
pub const VARIABLE: &str = "CELLPROOF_TEST_APP_PASSWORD";

/// A server for a test, or none, which is said.
pub fn server() -> Option<postgres::Server> {
    match postgres::server() {
        Ok(server) => {
            eprintln!("postgres: {}", server.how);
            Some(server)
        }
        Err(why) => {
            skip("postgres", &why);
            None
        }
    }
}

/// The rows that a judge notes for what it tried.
pub fn rows(component: &Value) -> BTreeSet<String> {
    let judged = component["judged"].as_array().expect("what was judged").iter();
    let of = |judged: &Value| judged["requirements"].as_array().expect("rows").clone();
    judged.flat_map(of).map(|row| row.as_str().expect("a row").to_owned()).collect()
}

/// The rows that are claimed to be asked of a component, but for those of which another test shows it.
pub fn claimed(probe: Probe, elsewhere: &[&str]) -> BTreeSet<String> {
    asks::of(probe).iter().filter(|row| !elsewhere.contains(row)).map(|row| (*row).to_owned()).collect()
}

/// A connection.
pub struct Sql {
    runtime: Runtime,
    client: Client,
}

impl Sql {
    /// By URL, perhaps to another database or as another role.
    pub fn open(url: &str, database: &str, role: Option<(&str, &str)>) -> Sql {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut config = Config::from_str(url).expect("a URL");
        config.dbname(database);
        if let Some((user, password)) = role {
            config.user(user).password(password);
        }
        let (client, connection) = runtime.block_on(config.connect(NoTls)).expect("a connection");
        runtime.spawn(async move {
            // Its end shows in the next statement.
            let _ = connection.await;
        });
        Sql { runtime, client }
    }

    /// Does a batch that must succeed.
    pub fn run(&self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|e| panic!("{e}\n{sql}"));
    }

    /// Does a batch: its rows as text, or what was refused.
    pub fn try_run(&self, sql: &str) -> Result<Vec<String>, String> {
        let answer = self.runtime.block_on(self.client.simple_query(sql));
        let told = |e: tokio_postgres::Error| match e.as_db_error() {
            Some(db) => format!("{}: {}", db.code().code(), db.message()),
            None => e.to_string(),
        };
        let row = |message: SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).unwrap_or("∅")).collect::<Vec<_>>().join(" | "))
            }
            SimpleQueryMessage::CommandComplete(n) => Some(format!("{n} touched")),
            _ => None,
        };
        Ok(answer.map_err(told)?.into_iter().filter_map(row).collect())
    }
}

/// A schema in a file, with what its head says.
pub struct Fixture {
    /// The file's name, without its end.
    pub name: String,
    text: String,
    number: usize,
}

/// Files of a folder, in order of name.
pub fn fixtures(folder: &str) -> Vec<Fixture> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(schemas().join(folder)).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    let base = if folder == "sound" { 500 } else { 100 };
    let fixture = |(i, path): (usize, PathBuf)| Fixture {
        name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
        text: fs::read_to_string(&path).expect("a schema"),
        number: base + i,
    };
    files.into_iter().enumerate().map(fixture).collect()
}

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres")
}

impl Fixture {
    /// What its head says after `word`.
    pub fn head(&self, word: &str) -> Option<String> {
        self.heads(word).into_iter().next()
    }

    fn heads(&self, word: &str) -> Vec<String> {
        let lead = format!("-- {word}: ");
        self.text.lines().filter_map(|line| line.strip_prefix(&lead)).map(|rest| self.fill(rest)).collect()
    }

    /// Names of this fixture put in.
    fn fill(&self, text: &str) -> String {
        let n = self.number;
        text.replace("{app}", &format!("app{n}"))
            .replace("{owner}", &format!("owner{n}"))
            .replace("{db}", &self.database())
    }

    /// Its database.
    pub fn database(&self) -> String {
        format!("db{}", self.number)
    }

    /// Its application's role.
    pub fn role(&self) -> String {
        format!("app{}", self.number)
    }

    /// Makes database and roles, anew.
    pub fn build(&self, url: &str) {
        let (database, role) = (self.database(), self.role());
        let owner = self.fill("{owner}");
        let root = Sql::open(url, "postgres", None);
        root.run(&format!("CREATE ROLE {owner} NOLOGIN"));
        root.run(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"));
        root.run(&format!("CREATE DATABASE {database} TEMPLATE template0"));
        let sql = Sql::open(url, &database, None);
        sql.run(&format!("GRANT ALL ON SCHEMA public TO {owner}; GRANT USAGE ON SCHEMA public TO {role}"));
        if let Some(base) = self.head("base") {
            let text = fs::read_to_string(schemas().join(format!("base/{base}.sql"))).expect("a base");
            sql.run(&self.fill(&text));
        }
        for batch in self.text.split("-- next\n") {
            sql.run(&self.fill(batch));
        }
    }

    /// The deployment that judges it.
    pub fn deployment(&self, url: &str) -> String {
        let config = Config::from_str(url).expect("a URL");
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let ids = self.head("tenants").unwrap_or_else(|| "acme globex".into());
        let users = self.head("users").unwrap_or_default();
        let mut users = users.split(' ').filter(|u| !u.is_empty());
        let mut text = format!("version = 1\nname = \"{}\"\n", self.name);
        text.push_str(&format!("mode = \"{}\"\n", self.head("mode").unwrap_or_else(|| "observe".into())));
        for id in ids.split(' ') {
            text.push_str(&format!("[[tenant]]\nid = \"{id}\"\n"));
            if let Some(user) = users.next() {
                text.push_str(&format!("values = {{ user = \"{user}\" }}\n"));
            }
        }
        text.push_str(&format!(
            "[postgres]\nurl = \"postgres://{}@127.0.0.1:{port}/{}\"\n",
            self.role(),
            self.database()
        ));
        text.push_str(&format!("password = {{ env = \"{VARIABLE}\" }}\n"));
        self.heads("deployment").iter().for_each(|line| text.push_str(&format!("{line}\n")));
        text
    }
}

/// How a judgement ended.
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Judges a deployment.
pub fn certify(deployment: &str, flags: &[&str]) -> Ended {
    certify_in(tempfile::tempdir().expect("a directory").path(), deployment, flags)
}

/// Judges a deployment whose file lies in `dir`.
pub fn certify_in(dir: &Path, deployment: &str, flags: &[&str]) -> Ended {
    let file = dir.join("deployment.toml");
    fs::write(&file, deployment).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    command.arg("certify").arg(&file).args(flags).env("NO_COLOR", "1").env(VARIABLE, PASSWORD).stdin(Stdio::null());
    let output = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
}

/// Judges a deployment, and reads the report.
pub fn report(deployment: &str) -> (i32, Value) {
    let ended = certify(deployment, &["--json"]);
    let report = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
    (ended.code, report)
}
