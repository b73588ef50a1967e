//! A private PostgreSQL: `initdb` and `pg_ctl` in a temporary directory, a second or two.
//!
//! PostgreSQL refuses to run as root, so root starts it as the account that Debian's package makes. Roles must show
//! their password over TCP, as they do in a deployment.

use super::{Process, Scratch, account, free_port, install, is_root, program, run, used};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs};

/// The URL of a server that is there already: of a superuser, with its password.
pub const URL: &str = "CELLPROOF_TEST_POSTGRES";
/// The superuser of a private server.
pub const SUPERUSER: &str = "super";
/// Its password: the server listens on loopback and lives for seconds.
pub const PASSWORD: &str = "provisioned";

/// A server.
#[derive(Debug)]
pub struct Server {
    /// `postgres://SUPERUSER:PASSWORD@HOST:PORT/postgres`.
    pub url: String,
    /// How it was found, in words.
    pub how: String,
    private: Option<Private>,
}

#[derive(Debug)]
struct Private {
    pg_ctl: PathBuf,
    data: PathBuf,
    user: Option<(u32, u32)>,
    _home: Scratch,
}

/// Finds a server, or starts one.
///
/// # Errors
/// Says what is absent, or what did not start.
pub fn server() -> Result<Server, String> {
    if let Ok(url) = env::var(URL) {
        let how = format!("the server that {URL} names");
        used("postgres", &how);
        return Ok(Server { url, how, private: None });
    }
    let bin = match binaries() {
        Some(bin) => bin,
        None => {
            install("postgresql")?;
            binaries().ok_or("the package postgresql brought no initdb")?
        }
    };
    start(&bin)
}

/// The directory with `initdb`, of the newest version if Debian has several.
fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok();
    let mut found: Vec<PathBuf> = versions.into_iter().flatten().flatten().map(|e| e.path().join("bin")).collect();
    found.sort();
    found.reverse();
    let initdb = program("initdb", &found)?;
    let whole = fs::canonicalize(initdb).ok()?;
    whole.parent().map(PathBuf::from)
}

fn start(bin: &std::path::Path) -> Result<Server, String> {
    let told = |e: std::io::Error| e.to_string();
    let home = Scratch::new("postgres").map_err(told)?;
    let user = match is_root() {
        true => Some(account("postgres").ok_or("PostgreSQL does not run as root, and there is no account postgres")?),
        false => None,
    };
    let (data, secret) = (home.0.join("data"), home.0.join("password"));
    fs::write(&secret, PASSWORD).map_err(told)?;
    if let Some((uid, gid)) = user {
        for path in [&home.0, &secret] {
            chown(path, Some(uid), Some(gid)).map_err(told)?;
        }
    }
    let mut initdb = as_user(&bin.join("initdb"), user);
    initdb.args(["-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]);
    initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile"]).arg(&secret).arg("-D").arg(&data);
    run(&mut initdb)?;
    let port = free_port().map_err(told)?;
    let options = format!(
        "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={} -c fsync=off -c wal_level=logical \
         -c max_connections=100 -c shared_buffers=32MB -c autovacuum=off",
        home.0.display()
    );
    let mut pg_ctl = as_user(&bin.join("pg_ctl"), user);
    pg_ctl.args(["-w", "-s", "-D"]).arg(&data).arg("-l").arg(home.0.join("log")).arg("-o").arg(options).arg("start");
    // The server keeps what it inherits open: pipes of ours would never end.
    let started = pg_ctl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().map_err(told)?;
    if !started.success() {
        let log = fs::read_to_string(home.0.join("log")).unwrap_or_default();
        return Err(format!("pg_ctl: {started}: {}", log.lines().last().unwrap_or_default()));
    }
    let private = Private { pg_ctl: bin.join("pg_ctl"), data, user, _home: home };
    let how = format!("a private server, from {}", bin.display());
    let url = format!("postgres://{SUPERUSER}:{PASSWORD}@127.0.0.1:{port}/postgres");
    Ok(Server { url, how, private: Some(private) })
}

fn as_user(program: &std::path::Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    // The directory that the tests run in may be closed to the account.
    command.current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

impl Server {
    /// The port of a private server.
    pub fn port(&self) -> Option<u16> {
        self.url.rsplit(':').next()?.split('/').next()?.parse().ok()
    }

    /// What runs, of a private server: it names itself by its first line in a file of its own.
    pub fn process(&self) -> Option<Process> {
        let private = self.private.as_ref()?;
        let told = fs::read_to_string(private.data.join("postmaster.pid")).ok()?;
        let pid = told.lines().next()?.trim().parse().ok()?;
        Some(Process { pid, home: Some(private._home.0.clone()) })
    }

    /// Writes a file into the data directory of a private server, for its eyes alone.
    ///
    /// # Errors
    /// Says what could not be written.
    pub fn file(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let private = self.private.as_ref().ok_or("the server is not a private one")?;
        let path = private.data.join(name);
        let told = |e: std::io::Error| format!("{}: {e}", path.display());
        fs::write(&path, text).map_err(told)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(told)?;
        if let Some((uid, gid)) = private.user {
            chown(&path, Some(uid), Some(gid)).map_err(told)?;
        }
        Ok(path)
    }

    /// Stops a private server, as a machine that fails does.
    pub fn stop(&mut self) {
        if let Some(private) = self.private.take() {
            let mut stop = as_user(&private.pg_ctl, private.user);
            // Its directory goes with it, so it need not end in good order.
            let _ = run(stop.args(["-w", "-s", "-m", "immediate", "-D"]).arg(&private.data).arg("stop"));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
