//! A transparency log, as its publisher, a tenant and a stranger with a copy of it type it.

use super::{BELIEVE, add_key, edit_list, held, proved, refused, sign_list};
use std::fs;
use std::path::Path;

const APPEND: [&str; 6] = ["log", "append", "log", "--key", "log.key.pem", "--seen"];

/// A directory with bundles of a proof, a log, and its key in the list.
fn published() -> tempfile::TempDir {
    let dir = proved();
    let path = dir.path();
    held(path, &["bundle", "proof", "--key", "pipeline.key.pem", "--out", "out"]);
    add_key(path, "log", &["--role", "log"]);
    edit_list(path, |list| list.replace("\"log\"\nrole", "\"example.com/exports\"\nrole"));
    sign_list(path);
    let new = ["log", "new", "log", "--origin", "example.com/exports", "--key", "log.key.pem", "--seen", "log.seen"];
    held(path, &new);
    dir
}

fn append(dir: &Path, files: &[&str]) -> String {
    held(dir, &[&APPEND[..], &["log.seen"], files].concat())
}

fn check(files: &[&'static str]) -> Vec<&'static str> {
    [&["log", "check", "log"][..], files, &BELIEVE].concat()
}

fn verify(bundle: &'static str) -> Vec<&'static str> {
    [&["verify", bundle][..], &BELIEVE].concat()
}

/// Everything below a directory, by path.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry").path();
        let there = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &there);
        } else {
            fs::copy(&entry, &there).expect("a copy");
        }
    }
}

#[test]
fn a_bundle_carries_its_proof_and_shows_offline_that_it_was_published() {
    let dir = published();
    let dir = dir.path();
    assert!(!held(dir, &verify("out/acme.bundle.tar")).contains("logged "));
    let said = append(dir, &["out/acme.bundle.tar", "out/beta.bundle.tar"]);
    assert_eq!(said, "2 files logged. example.com/exports has 16 entries.\n");
    let said = held(dir, &verify("out/acme.bundle.tar"));
    assert!(said.contains("\nlogged    20") && said.contains(" of example.com/exports\n"), "{said}");
    let said = held(dir, &check(&["out/acme.bundle.tar", "out/beta.bundle.tar"]));
    assert_eq!(said, "example.com/exports: 16 entries, all under its signature. 2 files in it.\n");
    // Once more adds nothing; another file adds sixteen, and a renewed proof leads to them.
    let said = append(dir, &["out/acme.bundle.tar"]);
    assert_eq!(said, "0 files logged, 1 there already. example.com/exports has 16 entries.\n");
    append(dir, &["out/gamma.bundle.tar"]);
    let old = fs::read(dir.join("out/acme.bundle.tar")).expect("a bundle");
    held(dir, &["log", "proof", "log", "out/acme.bundle.tar"]);
    assert_ne!(fs::read(dir.join("out/acme.bundle.tar")).expect("a bundle"), old);
    held(dir, &verify("out/acme.bundle.tar"));
    held(dir, &check(&["out/acme.bundle.tar", "out/beta.bundle.tar", "out/gamma.bundle.tar"]));
}

#[test]
fn where_the_list_demands_a_log_nothing_counts_without_a_proof_and_no_proof_serves_two() {
    let dir = published();
    let dir = dir.path();
    append(dir, &["out/acme.bundle.tar", "out/beta.bundle.tar"]);
    edit_list(dir, |list| {
        list.replace("\n\n[[keys]]\nname = \"pipeline\"", "\nlogged = true\n\n[[keys]]\nname = \"pipeline\"")
    });
    sign_list(dir);
    held(dir, &verify("out/acme.bundle.tar"));
    refused(
        dir,
        &verify("out/gamma.bundle.tar"),
        "log: no proof that it is in a log, and the list of keys demands one",
    );
    let proof_of = |bundle: &str| {
        let bytes = fs::read(dir.join(bundle)).expect("a bundle");
        reports::evidence::bundle::Parts::of(&bytes).expect("a bundle")
    };
    let (acme, beta) = (proof_of("out/acme.bundle.tar"), proof_of("out/beta.bundle.tar"));
    let replayed = reports::evidence::bundle::Parts { proof: acme.proof, ..beta };
    fs::write(dir.join("out/beta.bundle.tar"), replayed.bytes()).expect("a bundle");
    refused(dir, &verify("out/beta.bundle.tar"), "log: example.com/exports does not hold this");
}

#[test]
fn nothing_that_is_published_says_anything_about_a_tenant() {
    let dir = published();
    let dir = dir.path();
    append(dir, &["out/acme.bundle.tar"]);
    let one = fs::read_to_string(dir.join("log/index.json")).expect("an index");
    assert_eq!(one.matches("commitment").count(), 16, "one bundle shows as sixteen entries");
    for name in ["acme", "beta", "gamma", "bundle"] {
        assert!(!one.contains(name), "{one}");
    }
    // The same bundle in another log is another entry: nobody can try guesses against a log.
    let parts = |log: &str| fs::read_to_string(dir.join(log).join("index.json")).expect("an index");
    let new = ["log", "new", "two", "--origin", "example.com/two", "--key", "log.key.pem", "--seen", "two.seen"];
    held(dir, &new);
    held(dir, &["bundle", "proof", "--key", "pipeline.key.pem", "--out", "out"]);
    held(dir, &["log", "append", "two", "--key", "log.key.pem", "--seen", "two.seen", "out/acme.bundle.tar"]);
    let commitments = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("commitment")).map(str::to_owned).collect()
    };
    let (one, two) = (commitments(&one), commitments(&parts("two")));
    assert!(one.iter().all(|entry| !two.contains(entry)) && two.len() == 16);
    assert!(one.is_sorted() && two.is_sorted(), "the order of a publication says nothing");
}

#[test]
fn a_log_that_shrank_or_was_rewritten_is_refused_by_its_publisher_and_by_whoever_saw_it() {
    let dir = published();
    let dir = dir.path();
    append(dir, &["out/acme.bundle.tar"]);
    copy(&dir.join("log"), &dir.join("yesterday"));
    let remember = check(&["--seen", "mine.seen"]);
    held(dir, &remember);
    append(dir, &["out/beta.bundle.tar"]);
    assert!(held(dir, &remember).contains("and it only grew since it was seen last"));

    // Yesterday's backup comes back.
    fs::rename(dir.join("log"), dir.join("today")).expect("moved");
    copy(&dir.join("yesterday"), &dir.join("log"));
    let more = [&APPEND[..], &["log.seen", "out/gamma.bundle.tar"]].concat();
    refused(dir, &more, "the log shrank: it had 32 entries by log.seen, and has 16");
    refused(dir, &remember, "the log shrank: it had 32 entries by mine.seen, and has 16");
    refused(dir, &check(&["out/beta.bundle.tar"]), "the log shrank: it had 32 entries by out/beta.bundle.tar");

    // Somebody with the key publishes another history of the same length from there.
    fs::copy(dir.join("log/checkpoint"), dir.join("forged.seen")).expect("a copy");
    held(dir, &[&APPEND[..], &["forged.seen", "out/gamma.bundle.tar"]].concat());
    held(dir, &check(&["out/gamma.bundle.tar"]));
    let rewritten = "the log was rewritten: its first 32 entries are not those of ";
    refused(dir, &remember, rewritten);
    refused(dir, &check(&["out/beta.bundle.tar"]), rewritten);
    refused(dir, &check(&["today/checkpoint"]), "both checkpoints together prove it");
    let next = [&APPEND[..], &["log.seen", "trust.json"]].concat();
    refused(dir, &next, rewritten);
    held(dir, &check(&["yesterday/checkpoint"]));
}

#[test]
fn growth_is_proved_to_somebody_who_has_an_old_checkpoint_and_no_log() {
    let dir = published();
    let dir = dir.path();
    append(dir, &["out/acme.bundle.tar"]);
    fs::copy(dir.join("log/checkpoint"), dir.join("mine.seen")).expect("a copy");
    append(dir, &["out/beta.bundle.tar", "out/gamma.bundle.tar"]);
    let growth = held(dir, &["log", "proof", "log", "--since", "mine.seen"]);
    assert!(growth.starts_with("old 16\n") && growth.contains("\n\nexample.com/exports\n32\n"), "{growth}");
    fs::write(dir.join("growth"), &growth).expect("a file");
    let see = [&["log", "check", "growth", "--seen", "mine.seen"][..], &BELIEVE].concat();
    let hash = growth.lines().nth(1).expect("a hash");
    fs::write(dir.join("growth"), growth.replacen(hash, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1))
        .expect("a file");
    refused(dir, &see, "the log did not grow from mine.seen to this checkpoint");
    fs::write(dir.join("growth"), &growth).expect("a file");
    assert_eq!(held(dir, &see), "example.com/exports only grew since it was seen last, to 32 entries.\n");
    assert_eq!(fs::read(dir.join("mine.seen")).expect("seen"), fs::read(dir.join("log/checkpoint")).expect("signed"));
    refused(dir, &see, "the log did not grow from mine.seen");
}

#[test]
fn a_file_of_a_log_that_was_altered_is_named() {
    let dir = published();
    let dir = dir.path();
    append(dir, &["out/acme.bundle.tar", "out/beta.bundle.tar"]);
    let alter = |file: &str, at: usize, says: &str| {
        let file = dir.join("log").join(file);
        let bytes = fs::read(&file).expect("a file");
        let mut edited = bytes.clone();
        edited[at] ^= 1;
        fs::write(&file, edited).expect("a file");
        refused(dir, &check(&[]), says);
        fs::write(&file, bytes).expect("a file");
    };
    // The last digit of the first entry's time, which is a digit still: commitments are random, and a flipped `a` or
    // `f` is no hexadecimal digit.
    alter("tile/entries/000.p/16", 31, "the log is damaged: tile/0/000.p/16 is not as its entries are");
    alter("tile/entries/000.p/16", 0, "the log is damaged: tile/entries/000.p/16 holds not the 16 entries");
    alter("tile/0/000.p/16", 99, "the log is damaged: tile/0/000.p/16 is not as its entries are");
    alter("index.json", 200, "index.json is not as the log is");
    alter("checkpoint", 21, "log is not to be believed: log: ");
    fs::remove_file(dir.join("log/tile/0/000.p/16")).expect("removed");
    refused(dir, &check(&[]), "failed to read log/tile/0/000.p/16");
}

#[test]
fn only_the_key_of_the_log_signs_for_it() {
    let dir = published();
    let dir = dir.path();
    let with = |key: &'static str| ["log", "append", "log", "--key", key, "--seen", "log.seen", "out/acme.bundle.tar"];
    refused(dir, &with("pipeline.key.pem"), "log: its checkpoint is not by this key");
    refused(dir, &with("log.pub.pem"), "not a PEM file with one PRIVATE KEY");
    refused(dir, &["keys", "new", "--out", "p", "--role", "log", "--p256"], "leave --p256 away");
    append(dir, &["out/acme.bundle.tar"]);
    edit_list(dir, |list| {
        list.replace("example.com/exports\"", "example.com/exports\"\nrevoked = \"2020-01-01T00:00:00Z\"")
    });
    sign_list(dir);
    refused(dir, &verify("out/acme.bundle.tar"), "log: signed by the key of example.com/exports, which is revoked");
    refused(dir, &check(&[]), "which is revoked");
    edit_list(dir, |list| list.replace("example.com/exports", "example.com/other"));
    sign_list(dir);
    refused(dir, &verify("out/acme.bundle.tar"), "log: the list of keys names no log \"example.com/exports\"");
}

#[test]
fn what_cannot_be_logged_is_refused_before_anything_is_written() {
    let dir = published();
    let dir = dir.path();
    let with = |file: &'static str| [&APPEND[..], &["log.seen", file]].concat();
    refused(dir, &with("out/none.bundle.tar"), "failed to read out/none.bundle.tar");
    refused(dir, &with("trust.toml"), "trust.toml is neither a bundle nor a signed file: outer archive: not a tar");
    let twice = [&APPEND[..], &["log.seen", "out/acme.bundle.tar", "out/acme.bundle.tar"]].concat();
    refused(dir, &twice, "out/acme.bundle.tar is given a second time");
    refused(
        dir,
        &["log", "proof", "log", "out/acme.bundle.tar"],
        "out/acme.bundle.tar has no proof: it is in no log yet",
    );
    let again = ["log", "new", "log", "--origin", "example.com/x", "--key", "log.key.pem", "--seen", "x.seen"];
    refused(dir, &again, "log holds a log already; a log is never begun anew");
    assert!(
        fs::read_to_string(dir.join("log/checkpoint")).expect("a checkpoint").starts_with("example.com/exports\n0\n")
    );
    // A signed envelope is logged as well, with its proof beside it.
    append(dir, &["trust.json"]);
    assert!(
        fs::read_to_string(dir.join("trust.json.tlog-proof")).expect("a proof").starts_with("c2sp.org/tlog-proof@v1\n")
    );
    held(dir, &check(&["trust.json"]));
}

#[test]
fn a_certified_deployment_has_a_log_that_is_whole() {
    let dir = published();
    let dir = dir.path();
    append(dir, &["out/acme.bundle.tar"]);
    let deployment = |seen: &str| {
        let tenants = "version = 1\nname = \"exports\"\n[[tenant]]\nid = \"acme\"\n[[tenant]]\nid = \"beta\"\n";
        let index = "path = \"log\"\ntrust = \"trust.json\"\nroot = \"root.pub.pem\"\n";
        format!("{tenants}[files]\n[[files.index]]\n{index}{seen}")
    };
    let judge = |seen: &str| {
        fs::write(dir.join("deployment.toml"), deployment(seen)).expect("a deployment");
        super::cellproof(dir, &["certify", "deployment.toml"])
    };
    assert_eq!(judge("seen = \"log.seen\"\n").0, 0);
    let (code, said, _) = judge("files = [\"out/acme.bundle.tar\"]\n");
    assert_eq!(code, 0, "{said}");
    assert_eq!(judge("").0, 3);
    let (code, said, _) = judge("files = [\"out/beta.bundle.tar\"]\n");
    assert!(code == 1 && said.contains("[GOV-04]") && said.contains("is in no log yet"), "{said}");
    let file = dir.join("log/tile/entries/000.p/16");
    let mut edited = fs::read(&file).expect("a tile");
    edited[31] ^= 1;
    fs::write(&file, edited).expect("a tile");
    let (code, said, _) = judge("seen = \"log.seen\"\n");
    assert!(code == 1 && said.contains("the log is damaged"), "{said}");
}
