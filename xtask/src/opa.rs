//! `cargo xtask opa`: the real Open Policy Agent that tests ask, built of Debian's sources.
//!
//! Debian has the sources and no program. They are compiled in a root file system of their own, with its compiler, and
//! the program goes to where tests look for it (`conformance::provision::opa`). It needs nothing of that system to run.

use crate::debian::{self, Recipe, quietly};
use crate::exit::{Done, Exit};
use crate::{house, spawn};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The release is the one that has the sources.
const RECIPE: Recipe =
    Recipe { suite: "sid", packages: "ca-certificates,golang-go,golang-github-open-policy-agent-opa-dev" };
/// Builds it inside of the root file system. Its tables are printed by a library of which the release has a newer
/// edition than it was written for, so that comes from the release before. The lists of a mirror may be older than they
/// say they are good for.
const BUILD: &str = "\
    set -e
    echo \"deb $1 trixie main\" > /etc/apt/sources.list.d/older.list
    apt-get -qq -o Acquire::Check-Valid-Until=false update
    cd /tmp
    apt-get -qq download golang-github-olekukonko-tablewriter-dev/trixie
    dpkg -x golang-github-olekukonko-tablewriter-dev_*.deb /older
    cd /usr/share/gocode/src/github.com/open-policy-agent/opa
    export GOROOT=/usr/lib/go GOPATH=/older/usr/share/gocode:/usr/share/gocode GO111MODULE=off HOME=/root
    GOTELEMETRY=off GOFLAGS=-buildvcs=false CGO_ENABLED=0 go build -o /opa .";

/// Builds it, unless it is there.
pub fn run(args: &[String]) -> Done {
    let mirror = match args {
        [] => debian::mirror(),
        [flag, mirror] if flag == "--mirror" => mirror.clone(),
        other => return Err(format!("`opa` takes `--mirror URL`, but got `{}`", other.join(" "))),
    };
    let program = place().join("opa");
    if quietly(Command::new(&program).arg("version")) {
        println!("{} is there already", program.display());
        return Ok(Exit::Fine);
    }
    let root = RECIPE.root(&house::target(&house::root()?).join("opa"), &mirror)?;
    if !spawn::succeeds(Command::new("chroot").arg(&root).args(["sh", "-c", BUILD, "sh", &mirror]))? {
        return Err("the agent was not built".into());
    }
    put(&root.join("opa"), &program)?;
    println!("{} is built", program.display());
    Ok(if quietly(Command::new(&program).arg("version")) { Exit::Fine } else { Exit::Wrong })
}

/// The directory in which tests look for it.
fn place() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_else(|| "/root".into())).join(".cache");
    cache.unwrap_or_else(home).join("cellproof/opa/bin")
}

fn put(from: &Path, to: &Path) -> Result<(), String> {
    let told = |e: std::io::Error| format!("failed to write {}: {e}", to.display());
    fs::create_dir_all(to.parent().expect("it has a directory")).map_err(told)?;
    fs::copy(from, to).map(|_| ()).map_err(told)
}
