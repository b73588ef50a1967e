//! The same seeds in other processes, in other surroundings: the same digests.
//!
//! Surroundings are time zone, locale, number of threads, working directory, and things that a hash seed or an
//! allocator would be taken from. The system clock is shifted only where the tool `faketime` is on the path; where it
//! is not, the test says so, and the clock is one thing that was not shifted.

use std::process::Command;

/// Digests of four seeds of one scenario, under these variables, run by `wrapper` if there is one.
fn digests(env: &[(&str, &str)], wrapper: &[&str]) -> String {
    let args = ["run", "stride/disclosure-cache-bleed", "--seeds", "0..4", "--digests"];
    let binary = env!("CARGO_BIN_EXE_cellproof");
    let line: Vec<&str> = wrapper.iter().copied().chain([binary]).chain(args).collect();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(line[0])
        .args(&line[1..])
        .current_dir(dir.path())
        .env_remove("TZ")
        .env("NO_COLOR", "1")
        .envs(env.iter().copied())
        .output()
        .expect("the binary starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{line:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), 4, "{said}");
    said
}

#[test]
fn digests_do_not_depend_on_surroundings() {
    let plain = digests(&[], &[]);
    for env in [
        &[("RAYON_NUM_THREADS", "1")][..],
        &[("RAYON_NUM_THREADS", "2"), ("TZ", "Pacific/Kiritimati"), ("LC_ALL", "tr_TR.UTF-8")],
        &[("RAYON_NUM_THREADS", "7"), ("TZ", "America/St_Johns"), ("LANG", "C"), ("LC_ALL", "C")],
        &[("HOME", "/nonexistent"), ("USER", "nobody"), ("MALLOC_PERTURB_", "165"), ("MALLOC_ARENA_MAX", "1")],
    ] {
        assert_eq!(digests(env, &[]), plain, "{env:?}");
    }
}

#[test]
fn digests_do_not_depend_on_the_system_clock() {
    if Command::new("faketime").arg("--version").output().is_err() {
        eprintln!("not tested: `faketime` is not on the path, so the system clock was not shifted");
        return;
    }
    let plain = digests(&[], &[]);
    assert_eq!(digests(&[], &["faketime", "2038-01-20 00:00:00"]), plain);
    assert_eq!(digests(&[("TZ", "Asia/Kathmandu")], &["faketime", "1999-12-31 23:59:58"]), plain);
}
