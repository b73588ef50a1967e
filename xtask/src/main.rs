//! The workshop: one file a command, this one only dispatches.
//!
//! It spawns cargo and reads text. It imports nobody: no crate of the house, none from outside, so that it builds in
//! seconds and still runs when everything else is broken.

mod bench;
mod built;
mod ci;
mod codegen;
mod controls;
mod debian;
mod engines;
mod exit;
mod house;
mod images;
mod imports;
mod manifest;
mod modules;
mod numbers;
mod opa;
mod planted;
mod product;
mod source;
mod spawn;
mod teeth;
mod test;
mod tidy;

use exit::{Done, Exit};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  test [ARGS…]           every test of the workspace (cargo-nextest when installed, then the doc tests)
  ci [--full]            what a change must pass: format, clippy, tidy, tests, a gate and its reports
                         --full adds a gate by a release build, teeth, planted defects, fuzzing (60 s a target),
                         benches that compile, determinism, and engines
  tidy                   the rules of the house that a compiler does not check
  codegen [--check]      refresh the generated lists: controls, scenarios, the matrix in README.md
  teeth [--only CONTROL]… [--seeds N] [--jobs N]
                         remove each control's code in turn and demand that the gate turns red
  planted [DEFECT…] [--experiment]
                         plant each defect of models/src/planted.rs in turn: the gate or exploring must find it
                         --experiment compares exploring with plain random seeds on the rare ones
  engines [SCENARIO…] [--seed N] [--defect lose:N|swap:N]
                         the engine form of every scenario on every engine, and where they disagree with the kernel;
                         --defect seeds a defect in the others' adapters, and then they must in every run
  engines --planted [DEFECT…]
                         planted defects that show in a form on the kernel must show on the other engines
  images [--name NAME] [--mirror URL]
                         the image for `cellproof demo up --on docker` and drills, by `debootstrap` from Debian's
                         packages, unless it is there; NAME is else $CELLPROOF_IMAGE or cellproof-demo
  opa [--mirror URL]     the Open Policy Agent that tests of `certify` ask, by `debootstrap` from Debian's sources,
                         unless it is there
  bench [engines|ARGS…]  the engines beside each other, and cargo bench --workspace; `engines` is the first alone
  numbers [--build]      lines, files, circles, dependencies; --build also times a clean release build

Exit codes: 0 fine, 1 something is wrong, 2 bad usage or an unreadable checkout, 3 nothing ran.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(exit) => exit.into(),
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(args: &[String]) -> Done {
    let Some((command, rest)) = args.split_first() else {
        eprint!("{HELP}");
        return Err("a command is missing".into());
    };
    if rest.iter().take_while(|a| *a != "--").any(|a| a == "--help" || a == "-h") {
        print!("{HELP}");
        return Ok(Exit::Fine);
    }
    match command.as_str() {
        "test" => test::run(rest),
        "ci" => ci::run(rest),
        "tidy" => tidy::run(rest),
        "codegen" => codegen::run(rest),
        "teeth" => teeth::run(rest),
        "planted" => planted::run(rest),
        "engines" => engines::run(rest),
        "images" => images::run(rest),
        "opa" => opa::run(rest),
        "bench" => bench::run(rest),
        "numbers" => numbers::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(Exit::Fine)
        }
        other => Err(format!("there is no command `{other}`; `cargo xtask --help` lists them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str], wanted: Result<Exit, ()>) {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        assert_eq!(dispatch(&args).map_err(|_| ()), wanted, "xtask {args:?}");
    }

    #[test]
    fn help_is_fine_and_an_unknown_word_is_bad_usage() {
        check(&["--help"], Ok(Exit::Fine));
        check(&["tidy", "--help"], Ok(Exit::Fine));
        check(&["tydi"], Err(()));
        check(&["tidy", "--fast"], Err(()));
        check(&["codegen", "--chekc"], Err(()));
        check(&["teeth", "--only"], Err(()));
        check(&["teeth", "--seeds", "many"], Err(()));
        check(&["planted", "--fast"], Err(()));
        check(&["ci", "--ful"], Err(()));
        check(&["engines", "--defect"], Err(()));
        check(&["images", "--name"], Err(()));
        check(&["opa", "--miror", "x"], Err(()));
        check(&[], Err(()));
    }
}
