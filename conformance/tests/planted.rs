//! Planted defects: a token says which one its run had, and no replay passes quietly without it.
#![cfg(feature = "planted")]

use std::process::Command;

/// Exit code, standard output and standard error.
fn cellproof(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cellproof"))
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

#[test]
fn a_token_of_a_planted_defect_replays_with_that_defect_and_with_no_other() {
    let run = ["run", "stride/spoofing-stolen-token", "--seed", "1", "--faults"];
    let planted = "gateway.known-is-good";
    let (code, said, _) = cellproof(&[&run[..], &["--planted", planted]].concat());
    assert_eq!(code, 1, "{said}");
    let last = said.lines().last().expect("a last line");
    let typed = last.strip_prefix("cellproof replay ").unwrap_or_else(|| panic!("the last line replays: {said}"));
    let (token, flag) = typed.split_once(' ').expect("the defect has to be typed again");
    assert_eq!(flag, format!("--planted {planted}"));
    let (code, said, _) = cellproof(&["replay", token, "--planted", planted]);
    assert!(code == 1 && said.contains("The same run as the token's, to the last fact."), "{said}");
    for other in [&[][..], &["--planted", "policy.fresh-by-arrival"]] {
        let (code, said, _) = cellproof(&[&["replay", token], other].concat());
        assert!(code == 3 && said.contains(&format!("made with --planted {planted}: give the same.")), "{said}");
    }
    let (_, said, _) = cellproof(&run);
    let clean = said.split_whitespace().find(|word| word.starts_with("cp1.")).expect("a token");
    let (code, said, _) = cellproof(&["replay", clean, "--planted", planted]);
    assert!(code == 3 && said.contains("made without a planted defect: give none."), "{said}");
}

#[test]
fn a_defect_that_nobody_knows_is_refused_by_name() {
    let (code, _, err) = cellproof(&["run", "chaos/cell-loss", "--planted", "no.such"]);
    assert_eq!(code, 2);
    assert!(err.contains("no such defect: `cellproof list planted` names them"), "{err}");
}

#[test]
fn a_build_with_planted_defects_signs_nothing() {
    let sign = || sim::chain::dsse::Envelope::sign("text/plain", b"held", "key", |bytes| bytes.to_vec());
    assert!(std::panic::catch_unwind(sign).is_err());
}
