//! What the gate said without a control, and the table of it.
//!
//! Only exit code 1 is a bite: the gate named a broken requirement. Inconclusive, a crash or a hang is not.

use crate::exit::Exit;
use crate::spawn::Ended;
use std::fs;
use std::path::Path;

/// Lines of a log that are shown when something went wrong.
const TAIL_LINES: usize = 12;

/// How the gate took it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bite {
    /// Exit 0: nobody noticed.
    Green,
    /// Exit 1: a requirement is broken.
    Red,
    /// Any other end.
    Unclear(Ended),
    /// The control is enforced in so many places that there is no single text to take away.
    Scattered(usize),
}

impl Bite {
    /// Reads the end of the gate.
    pub fn of(ended: Ended) -> Bite {
        match ended {
            Ended::Code(0) => Bite::Green,
            Ended::Code(1) => Bite::Red,
            other => Bite::Unclear(other),
        }
    }

    fn word(self) -> String {
        match self {
            Bite::Green => "0".into(),
            Bite::Red => "1".into(),
            Bite::Unclear(Ended::Code(code)) => code.to_string(),
            Bite::Unclear(Ended::Signal) => "signal".into(),
            Bite::Unclear(Ended::TimedOut) => "timeout".into(),
            Bite::Scattered(places) => format!("{places} places"),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The control.
    pub name: String,
    /// How the gate took its removal.
    pub bite: Bite,
    /// The first requirement that the gate called broken.
    pub requirement: String,
    /// How long the gate took.
    pub seconds: f64,
    /// The end of what was printed.
    pub tail: String,
}

impl Row {
    /// A row for which no gate ran.
    pub fn unasked(name: &str, bite: Bite) -> Row {
        Row { name: name.to_owned(), bite, requirement: "-".into(), seconds: 0.0, tail: String::new() }
    }

    /// The line as it is printed.
    pub fn line(&self) -> String {
        format!("{:<32} {:>9}  {:<10} {:>7.1} s", self.name, self.bite.word(), self.requirement, self.seconds)
    }
}

/// Names every control whose removal was not noticed.
pub fn conclude(rows: &[Row]) -> Exit {
    let unnoticed: Vec<&Row> = rows.iter().filter(|r| r.bite != Bite::Red).collect();
    for row in &unnoticed {
        println!("\n`{}` can be taken away and the gate does not turn red ({})", row.name, row.bite.word());
        if row.bite != Bite::Green && !row.tail.is_empty() {
            println!("{}", row.tail);
        }
        println!("again: cargo xtask teeth --only {}", row.name);
    }
    println!("\nteeth: {} of {} controls are missed when they are gone", rows.len() - unnoticed.len(), rows.len());
    match (rows.is_empty(), unnoticed.is_empty()) {
        (true, _) => Exit::Nothing,
        (false, true) => Exit::Fine,
        (false, false) => Exit::Wrong,
    }
}

/// The first requirement on a line that speaks of a breach; else the first one that is named near the end.
pub fn requirement(text: &str) -> String {
    let breach = |line: &&str| {
        let line = line.to_lowercase();
        ["breach", "broken", "violat", "failed"].iter().any(|word| line.contains(word))
    };
    let last: Vec<&str> = text.lines().rev().take(40).collect();
    let spoken = text.lines().filter(breach).find_map(id);
    spoken.or_else(|| last.into_iter().rev().find_map(id)).unwrap_or("-").to_owned()
}

fn id(line: &str) -> Option<&str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').find(|word| {
        word.split_once('-').is_some_and(|(letters, digits)| {
            (2..=5).contains(&letters.len())
                && letters.bytes().all(|b| b.is_ascii_uppercase())
                && (2..=3).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_digit())
        })
    })
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_requirement_that_is_called_broken_is_shown() {
        let text = "AAA-01 held\nstride/x: breach of TEN-02 by acme\nCAC-01 breach\n";
        assert_eq!(requirement(text), "TEN-02");
        assert_eq!(requirement("seed 4\nCAC-01 something\n"), "CAC-01");
        assert_eq!(requirement("UTF-8 and SHA-256\n"), "SHA-256");
        assert_eq!(requirement(""), "-");
    }

    #[test]
    fn only_a_broken_requirement_is_a_bite() {
        let row = |ended| Row::unasked("a.b", Bite::of(ended));
        assert_eq!(conclude(&[row(Ended::Code(1))]), Exit::Fine);
        for ended in [Ended::Code(0), Ended::Code(3), Ended::Code(101), Ended::Signal, Ended::TimedOut] {
            assert_eq!(conclude(&[row(Ended::Code(1)), row(ended)]), Exit::Wrong, "{ended:?}");
        }
        assert_eq!(conclude(&[]), Exit::Nothing);
    }
}
