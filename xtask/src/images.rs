//! `cargo xtask images`: the image that demonstrations and drills run their servers in, from Debian's packages.
//!
//! It is made where no registry can be reached: `debootstrap` brings a root file system, which stays in the target
//! directory, and `docker import` makes an image of it. What is there already, by the same recipe, is not made again.

use crate::exit::{Done, Exit};
use crate::{house, spawn};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

/// Names the image, for this command and for `cellproof`.
const NAME: &str = "CELLPROOF_IMAGE";
/// The name where nothing else is said.
const NAME_USUAL: &str = "cellproof-demo";
/// Names the mirror of Debian, where nothing is said on the command line.
const MIRROR: &str = "CELLPROOF_MIRROR";
/// The mirror where nothing else is said.
const MIRROR_USUAL: &str = "http://deb.debian.org/debian";

/// The release: the one whose packages the tests of `certify` were written against.
const SUITE: &str = "bookworm";
/// What is installed beside what every Debian has.
const PACKAGES: &str = "postgresql,redis-server,haproxy";
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
        let usual = |name: &str, usual: &str| env::var(name).unwrap_or_else(|_| usual.to_owned());
        let mut wanted = Wanted { name: usual(NAME, NAME_USUAL), mirror: usual(MIRROR, MIRROR_USUAL) };
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
    let recipe = format!("{SUITE} {PACKAGES}");
    if !quietly(Command::new("docker").arg("version")) {
        println!("images: no engine of Docker answers, so nothing was made");
        return Ok(Exit::Nothing);
    }
    if labelled(&wanted.name).as_deref() == Some(recipe.as_str()) {
        println!("{} is there already, by the same recipe ({recipe}): {}", wanted.name, size(&wanted.name));
        return Ok(Exit::Fine);
    }
    let start = Instant::now();
    let root = root_file_system(&house::target(&house::root()?).join("images"), &recipe, &wanted.mirror)?;
    import(&root, &recipe, &wanted.name)?;
    let took = start.elapsed().as_secs();
    println!("{} is made, of {}, in {took} s: {}", wanted.name, root.display(), size(&wanted.name));
    Ok(Exit::Fine)
}

/// The root file system by a recipe, made in `home` unless it is there: it is whole once its recipe lies beside it.
fn root_file_system(home: &Path, recipe: &str, mirror: &str) -> Result<PathBuf, String> {
    let (root, said) = (home.join("root"), home.join("recipe"));
    if fs::read_to_string(&said).is_ok_and(|text| text == recipe) {
        println!("{} is there already, by the same recipe", root.display());
        return Ok(root);
    }
    if !quietly(Command::new("sh").args(["-c", "command -v debootstrap && [ \"$(id -u)\" = 0 ]"])) {
        return Err("making a root file system needs root, and the package `debootstrap`: \
                    `apt-get install debootstrap`"
            .into());
    }
    // One that broke off may still have file systems of the kernel in it, which are not ours to remove.
    let remove = spawn::succeeds(Command::new("rm").args(["-rf", "--one-file-system"]).arg(&root).arg(&said))?;
    fs::create_dir_all(home).map_err(|e| format!("failed to make {}: {e}", home.display()))?;
    let mut make = Command::new("debootstrap");
    make.args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE]).arg(&root).arg(mirror);
    if !remove || !spawn::succeeds(make.stdout(Stdio::null()))? {
        return Err(format!("`debootstrap` failed; {} says why", root.join("debootstrap/debootstrap.log").display()));
    }
    fs::write(&said, recipe).map_err(|e| format!("failed to write {}: {e}", said.display()))?;
    Ok(root)
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

fn quietly(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
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

    #[test]
    fn a_root_file_system_by_the_same_recipe_is_not_made_again() {
        let home = env::temp_dir().join(format!("xtask-images-{}", std::process::id()));
        fs::create_dir_all(&home).expect("a directory");
        fs::write(home.join("recipe"), "ours").expect("a file");
        assert_eq!(root_file_system(&home, "ours", "http://nowhere.invalid"), Ok(home.join("root")));
        fs::remove_dir_all(&home).expect("a directory");
    }
}
