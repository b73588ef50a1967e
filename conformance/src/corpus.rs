//! The corpus on disk: one token a file, in a folder for each scenario.
//!
//! A file is named by the digest of what it holds, so that damage shows; it is written beside its place and then
//! renamed, so that it is whole or not there. A corpus with one bad file is refused as a whole, before anything in it
//! is changed: what is whole stays.

use crate::exit::{Refusal, usage};
use crate::input;
use models::crypto::sha256;
use scenarios::catalogue;
use scenarios::explore::{Corpus, Entry};
use scenarios::prove::Kept;
use scenarios::token::Token;
use sim::record::Pass;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Ending of an entry's file.
const ENDING: &str = "token";

fn folder(dir: &Path, scenario: &str) -> PathBuf {
    dir.join(scenario.replace('/', "_"))
}

/// What a run is, apart from what it was made with and led to: other code leaves it the same entry.
fn name(token: &Token) -> String {
    let words = format!("{}.{}.{}", token.scenario, token.seed, sim::choice::encode(&token.overrides));
    sha256(words.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The entries of a scenario, in order of their names. A folder that is not there is an empty one.
///
/// # Errors
/// A file that cannot be read or is damaged, by name, with what was expected.
pub fn read(dir: &Path, scenario: &str) -> Result<Corpus, Refusal> {
    let entries = tokens(dir, scenario)?.into_iter().map(|token| {
        let text = token.to_string();
        Entry::kept(token.seed, token.overrides, text)
    });
    Ok(Corpus::of(entries.collect()))
}

/// All entries, in order of their scenarios and names: what a gate replays.
///
/// # Errors
/// As for [`read`]; there is no entry at all; or a folder is of no scenario, so that its runs would not be made.
pub fn all(dir: &Path) -> Result<Vec<Kept>, Refusal> {
    let failed = |e: io::Error| usage(format!("failed to read the corpus {}: {e}", dir.display()));
    let listed = fs::read_dir(dir).map_err(failed)?.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let mut folders: Vec<PathBuf> = listed.into_iter().map(|e| e.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let mut entries = Vec::new();
    for own in folders {
        let Some(scenario) = catalogue::ALL.iter().find(|s| folder(dir, s.name) == own) else {
            let what = "no scenario has this corpus; remove the folder to go on without it";
            return Err(usage(format!("{}: {what}", own.display())));
        };
        let kept = |token: Token| Kept { scenario: token.scenario, seed: token.seed, overrides: token.overrides };
        entries.extend(tokens(dir, scenario.name)?.into_iter().map(kept));
    }
    if entries.is_empty() {
        return Err(usage(format!("{}: the corpus is empty, expected what `cellproof explore` keeps", dir.display())));
    }
    Ok(entries)
}

/// The tokens of a scenario, in order of their names.
///
/// # Errors
/// As for [`read`].
pub fn tokens(dir: &Path, scenario: &str) -> Result<Vec<Token>, Refusal> {
    let folder = folder(dir, scenario);
    let failed = |e: io::Error| usage(format!("failed to read {}: {e}", folder.display()));
    let listed = match fs::read_dir(&folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(failed)?,
    };
    let mut files =
        listed.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<PathBuf>>>().map_err(failed)?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == ENDING));
    files.sort();
    files.iter().map(|file| whole(file, scenario)).collect()
}

fn whole(file: &Path, scenario: &str) -> Result<Token, Refusal> {
    let bad = |why: String| usage(format!("{}:1: {why}; remove the file to go on without it", file.display()));
    let text = input::read(file)?;
    let token = Token::parse(&text).map_err(bad)?;
    if token.scenario != scenario || token.pass != Pass::Swarm || !token.ablations.is_empty() {
        return Err(bad(format!("expected a token of {scenario} under swarm faults with every control on")));
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    if name(&token) != stem {
        return Err(bad(format!("the entry is damaged: its digest is {}, expected {stem}", name(&token))));
    }
    Ok(token)
}

/// Puts the fewest entries that show everything in place of what was there. New ones are written first.
///
/// # Errors
/// A file that cannot be written. Nothing that was there is removed then.
pub fn write(dir: &Path, scenario: &str, corpus: &Corpus) -> Result<usize, Refusal> {
    let folder = folder(dir, scenario);
    let failed = |path: &Path, e: io::Error| usage(format!("failed to write {}: {e}", path.display()));
    fs::create_dir_all(&folder).map_err(|e| failed(&folder, e))?;
    let mut kept = BTreeSet::new();
    for entry in corpus.minimised() {
        let token = Token::parse(&entry.token).map_err(usage)?;
        let token = Token { overrides: entry.overrides.clone(), ..token };
        let (file, temporary) = (folder.join(name(&token)), folder.join(format!(".{}.tmp", name(&token))));
        let file = file.with_extension(ENDING);
        let written = fs::write(&temporary, format!("{token}\n")).and_then(|()| fs::rename(&temporary, &file));
        written.map_err(|e| failed(&file, e))?;
        kept.insert(file);
    }
    for token in tokens(dir, scenario)? {
        let file = folder.join(name(&token)).with_extension(ENDING);
        if !kept.contains(&file) {
            fs::remove_file(&file).map_err(|e| failed(&file, e))?;
        }
    }
    Ok(kept.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::token::Digests;

    const SCENARIO: &str = "fuzz/cross-tenant";

    fn token(seed: u64) -> String {
        let digests = Digests::short("aa", "bb", "cc", "dd");
        let (scenario, engine) = (SCENARIO.into(), "kernel".into());
        let (ablations, overrides) = (Vec::new(), Default::default());
        Token { scenario, pass: Pass::Swarm, engine, seed, ablations, overrides, digests }.to_string()
    }

    fn filled() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for seed in [3, 4] {
            let token = Token::parse(&token(seed)).expect("a token");
            let folder = folder(dir.path(), SCENARIO);
            fs::create_dir_all(&folder).expect("ours");
            fs::write(folder.join(name(&token)).with_extension(ENDING), token.to_string()).expect("ours");
        }
        dir
    }

    #[test]
    fn what_was_written_is_read_in_one_order() {
        let dir = filled();
        let seeds: BTreeSet<u64> =
            tokens(dir.path(), SCENARIO).expect("it is whole").iter().map(|token| token.seed).collect();
        assert_eq!(seeds, [3, 4].into());
        assert!(tokens(dir.path(), "chaos/cell-loss").expect("nothing is there").is_empty());
    }

    #[test]
    fn one_damaged_entry_is_named_and_nothing_is_changed() {
        let dir = filled();
        let file = fs::read_dir(folder(dir.path(), SCENARIO)).expect("ours").next().expect("two").expect("ours").path();
        for (damage, why) in [
            (token(9), "the entry is damaged: its digest is "),
            ("cp1.torn".into(), "token has 2 fields, expected 8"),
            (token(3).replace("swarm", "calm"), "expected a token of fuzz/cross-tenant under swarm faults"),
        ] {
            fs::write(&file, damage).expect("ours");
            let refused = tokens(dir.path(), SCENARIO).expect_err("it is damaged");
            assert!(refused.message.contains(why), "{}", refused.message);
            assert!(refused.message.starts_with(&format!("{}:1: ", file.display())), "{}", refused.message);
            let corpus = Corpus::default();
            write(dir.path(), SCENARIO, &corpus).expect_err("it is damaged");
            assert_eq!(fs::read_dir(folder(dir.path(), SCENARIO)).expect("ours").count(), 2);
        }
    }
}
