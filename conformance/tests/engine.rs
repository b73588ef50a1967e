//! A run on turmoil, as it is typed: it ends as on the kernel, and its token replays it to the last fact.

use std::process::Command;

fn cellproof(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    let output = command.args(args).env("NO_COLOR", "1").output().expect("the binary starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("no signal"), String::from_utf8(text).expect("UTF-8"))
}

/// Runs, checks how it ends, and replays what its last line says.
fn check(args: &[&str], code: i32) {
    let (ended, said) = cellproof(args);
    assert_eq!(ended, code, "{args:?}: {said}");
    let token = said.lines().last().and_then(|line| line.strip_prefix("cellproof replay ")).expect("a token");
    assert!(token.contains(".turmoil."), "{token}");
    let (again, told) = cellproof(&["replay", token]);
    assert_eq!(again, code, "{told}");
    assert!(told.contains("The same run as the token's, to the last fact."), "{told}");
    let (refused, why) = cellproof(&["shrink", token]);
    assert_eq!((refused, why.starts_with("cellproof: token is of engine `turmoil`")), (2, true), "{why}");
}

#[test]
fn a_whole_scenario_holds_on_turmoil_and_its_token_replays_it() {
    check(&["run", "stride/spoofing-rogue-workload", "--engine", "turmoil", "--seed", "1"], 0);
}

#[test]
fn without_its_control_it_breaks_on_turmoil_too() {
    let attack = ["run", "stride/spoofing-rogue-workload", "--engine", "turmoil", "--ablate", "mesh.svid-validity"];
    check(&attack, 1);
}

#[test]
fn proofs_stay_on_the_kernel() {
    let (code, said) = cellproof(&["run", "stride/spoofing-rogue-workload", "--engine", "turmoil", "--quick"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.starts_with("cellproof: --quick goes with a proof"), "{said}");
}
