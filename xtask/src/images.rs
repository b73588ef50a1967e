//! `cargo xtask images`: the image that demonstrations and drills run their servers in, from Debian's packages.
//!
//! It is made where no registry can be reached: `debootstrap` brings a root file system, which stays in the target
//! directory, and `docker import` makes an image of it. What is there already, by the same recipe, is not made again.

use crate::debian::{self, Recipe, quietly};
use crate::exit::{Done, Exit};
use crate::{house, spawn};
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Names the image, for this command and for `cellproof`.
const NAME: &str = "CELLPROOF_IMAGE";
/// The name where nothing else is said.
const NAME_USUAL: &str = "cellproof-demo";
/// The release is the one whose packages the tests of `certify` were written against.
const RECIPE: Recipe = Recipe { suite: "bookworm", packages: "postgresql,redis-server,haproxy" };
/// What no server reads: half of the file system.
const UNREAD: &[&str] = &[
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./usr/share/info/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
    "./var/lib/postgresql/*/main",
];
/// The label that says by which recipe an image was made.
const LABEL: &str = "cellproof.recipe";

/// What was typed.
#[derive(PartialEq, Eq, Debug)]
struct Wanted {
    name: String,
    mirror: String,
}

impl Wanted {
    fn parse(args: &[String]) -> Result<Wanted, String> {
        let name = env::var(NAME).unwrap_or_else(|_| NAME_USUAL.to_owned());
        let mut wanted = Wanted { name, mirror: debian::mirror() };
        let mut rest = args.iter();
        while let Some(flag) = rest.next() {
            let place = match flag.as_str() {
                "--name" => &mut wanted.name,
                "--mirror" => &mut wanted.mirror,
                other => return Err(format!("`images` takes `--name NAME` and `--mirror URL`, but got `{other}`")),
            };
            *place = rest.next().ok_or_else(|| format!("`{flag}` needs a value"))?.clone();
        }
        Ok(wanted)
    }
}

/// Makes the image, unless it is there.
pub fn run(args: &[String]) -> Done {
    let wanted = Wanted::parse(args)?;
    let recipe = RECIPE.to_string();
    if !quietly(Command::new("docker").arg("version")) {
        println!("images: no engine of Docker answers, so nothing was made");
        return Ok(Exit::Nothing);
    }
    if labelled(&wanted.name).as_deref() == Some(recipe.as_str()) {
        println!("{} is there already, by the same recipe ({recipe}): {}", wanted.name, size(&wanted.name));
        return Ok(Exit::Fine);
    }
    let start = Instant::now();
    let root = RECIPE.root(&house::target(&house::root()?).join("images"), &wanted.mirror)?;
    import(&root, &recipe, &wanted.name)?;
    let took = start.elapsed().as_secs();
    println!("{} is made, of {}, in {took} s: {}", wanted.name, root.display(), size(&wanted.name));
    Ok(Exit::Fine)
}

/// Makes an image of a root file system.
fn import(root: &Path, recipe: &str, name: &str) -> Result<(), String> {
    let mut pack = Command::new("tar");
    pack.args(UNREAD.iter().map(|what| format!("--exclude={what}"))).arg("-C").arg(root).args(["-c", "."]);
    let mut import = Command::new("docker");
    // Docker's own syntax: a value with a space stands in quotes.
    import.args(["import", "--change", &format!("LABEL {LABEL}=\"{recipe}\""), "-", name]);
    eprintln!("$ {} | {}", spawn::shown(&pack), spawn::shown(&import));
    let told = |what: &str, e: std::io::Error| format!("failed to start `{what}`: {e}");
    let mut packing = pack.stdout(Stdio::piped()).spawn().map_err(|e| told("tar", e))?;
    let packed = packing.stdout.take().ok_or("`tar` has no output")?;
    let imported = import.stdin(packed).stdout(Stdio::null()).status().map_err(|e| told("docker", e));
    let packed = packing.wait().map_err(|e| format!("failed to wait for `tar`: {e}"))?;
    match imported?.success() && packed.success() {
        true => Ok(()),
        false => Err("the image was not made".into()),
    }
}

/// The recipe of an image; none if there is no such image, or none of ours.
fn labelled(name: &str) -> Option<String> {
    inspected(name, &format!("{{{{index .Config.Labels \"{LABEL}\"}}}}"))
}

/// How large an image is, in words.
fn size(name: &str) -> String {
    let bytes = inspected(name, "{{.Size}}").and_then(|text| text.parse::<u64>().ok());
    bytes.map_or_else(|| "of a size that nobody says".into(), |bytes| format!("{} MB", bytes / 1_000_000))
}

fn inspected(name: &str, format: &str) -> Option<String> {
    let mut inspect = Command::new("docker");
    inspect.args(["image", "inspect", "--format", format, name]).stderr(Stdio::null());
    let out = inspect.output().ok().filter(|out| out.status.success())?;
    Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_on_the_command_line_stands_before_any_other() {
        let parse = |args: &[&str]| Wanted::parse(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        let wanted = parse(&["--name", "mine", "--mirror", "http://there"]).expect("sound");
        assert_eq!(wanted, Wanted { name: "mine".into(), mirror: "http://there".into() });
        assert!(parse(&["--name"]).is_err_and(|why| why.contains("needs a value")));
        assert!(parse(&["--nmae", "x"]).is_err_and(|why| why.contains("`--nmae`")));
    }
}
