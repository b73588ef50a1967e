//! What tests noted of the machine: what they used, and what they skipped.

use std::collections::BTreeSet;
use std::fmt;

/// Everything that was used and skipped, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    used: BTreeSet<(String, String)>,
    skipped: BTreeSet<(String, String)>,
}

impl Ledger {
    /// Reads lines of a kind, a name and a sentence, with tabs between.
    pub fn read(text: &str) -> Result<Ledger, String> {
        let mut ledger = Ledger::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split('\t').collect();
            let [kind, what, how] = words[..] else { return Err(format!("tests noted what is no note: {line}")) };
            let entry = (what.to_owned(), how.to_owned());
            match kind {
                "used" => ledger.used.insert(entry),
                "skipped" => ledger.skipped.insert(entry),
                _ => return Err(format!("tests noted what is no note: {line}")),
            };
        }
        Ok(ledger)
    }

    /// What was skipped and does not stand in a list of `NAME: WHY`. Empty lines and comments with `#` say nothing.
    pub fn unexpected(&self, allowed: &str) -> Result<BTreeSet<&str>, String> {
        let lines = allowed.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let names = lines.map(|line| match line.split_once(": ") {
            Some((name, why)) if !why.trim().is_empty() => Ok(name),
            _ => Err(format!("`{line}` allows a skip and does not say why: NAME: WHY is expected")),
        });
        let names: BTreeSet<&str> = names.collect::<Result<_, _>>()?;
        Ok(self.skipped.iter().map(|(what, _)| what.as_str()).filter(|what| !names.contains(what)).collect())
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, entries) in [("used", &self.used), ("skipped", &self.skipped)] {
            for (what, how) in entries {
                writeln!(f, "{title:<8} {what:<16} {how}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_without_permission_is_unexpected() {
        let noted = "used\tenvoy\tsomewhere\nskipped\tkafka\tno broker\nused\tenvoy\tsomewhere\n";
        let ledger = Ledger::read(noted).expect("these are notes");
        assert_eq!(ledger.to_string(), "used     envoy            somewhere\nskipped  kafka            no broker\n");
        assert_eq!(ledger.unexpected("# none\n"), Ok(BTreeSet::from(["kafka"])));
        assert_eq!(ledger.unexpected("kafka: no package has a broker\n"), Ok(BTreeSet::new()));
        assert!(ledger.unexpected("kafka\n").is_err_and(|why| why.contains("say why")));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        assert!(Ledger::read("envoy somewhere").is_err());
        assert!(Ledger::read("lost\tenvoy\tsomewhere").is_err());
    }
}
