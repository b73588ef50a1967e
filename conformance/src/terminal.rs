//! Standard output and standard error: colour only where a person looks, and no complaint about a closed pipe.
//!
//! `cellproof list | head` ends quietly: whoever closed the pipe has seen enough.

use clap::builder::styling::{AnsiColor, Style};
use std::io::{self, IsTerminal, Write};

/// Writes text to standard output, whole.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    // A pipe that was closed, or a full disk behind a redirection, leaves nobody to tell.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Says what went wrong, on standard error.
pub fn complain(message: &str) {
    let mut err = io::stderr().lock();
    let prefix = if message.contains('\n') { "" } else { "cellproof: " };
    let _ = writeln!(err, "{prefix}{message}");
}

/// How words are coloured, or that they are not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Paint {
    on: bool,
}

/// What a colour says. It never says it alone: a word stands there too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Proved.
    Good,
    /// Broken.
    Bad,
    /// Nothing proved.
    Open,
    /// Beside the point.
    Quiet,
    /// Headings and totals.
    Loud,
}

impl Paint {
    /// Plain words.
    pub const PLAIN: Paint = Paint { on: false };

    /// For standard output: coloured on a terminal, unless `NO_COLOR` holds anything (no-color.org) or it is dumb.
    pub fn stdout() -> Paint {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Paint { on: wanted && !dumb && io::stdout().is_terminal() }
    }

    /// The text in its tone. Pad before painting: the marks have no width, but a formatter counts them.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Open => AnsiColor::Yellow.on_default(),
            Tone::Quiet => Style::new().dimmed(),
            Tone::Loud => Style::new().bold(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// Characters of a text, which is how wide it is: no wide script is printed here.
pub fn width(text: &str) -> usize {
    text.chars().count()
}

/// The text in at most `max` characters; what was cut shows as an ellipsis.
pub fn clip(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(max.saturating_sub(1)).collect();
    cut.trim_end().to_owned() + "…"
}

/// The text in lines of at most `max` characters, broken between words; a longer word keeps its line to itself.
///
/// A no-break space keeps a number together and is shown as a blank: what a terminal shows is searched and copied.
pub fn wrap(text: &str, max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= max => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| line.replace(['\u{a0}', '\u{202f}'], " ")).collect()
}

/// Lines of at most `max` characters, the first after `first` and the others after as many blanks.
pub fn hang(first: &str, text: &str, max: usize) -> String {
    let indent = width(first);
    let mut out = String::new();
    for (i, line) in wrap(text, max.saturating_sub(indent)).iter().enumerate() {
        let lead = if i == 0 { first.to_owned() } else { " ".repeat(indent) };
        out.push_str(&format!("{lead}{line}\n"));
    }
    out
}

/// Rows in columns, two blanks apart; `right` names the columns of numbers. The last column is never padded.
pub fn columns(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..count).map(|c| rows.iter().filter_map(|r| r.get(c)).map(|cell| width(cell)).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cell = |(c, text): (usize, &String)| {
            let blanks = " ".repeat(widths[c] - width(text));
            if right.contains(&c) { blanks + text } else { text.clone() + &blanks }
        };
        row.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_hangs() {
        assert_eq!(hang("why  ", "one two three", 12), "why  one two\n     three\n");
        assert_eq!(wrap("averyverylongword x", 5), ["averyverylongword", "x"]);
        assert_eq!(wrap("took 1\u{202f}234\u{a0}s", 8), ["took", "1 234 s"]);
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("abc", 3), "abc");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "1".into(), "x".into()], vec!["bbb".into(), "22".into(), String::new()]];
        assert_eq!(columns(&rows, &[1]), ["a     1  x", "bbb  22"]);
    }

    #[test]
    fn plain_words_carry_no_marks() {
        assert_eq!(Paint::PLAIN.tone(Tone::Bad, "breach"), "breach");
        assert_eq!(Paint { on: true }.tone(Tone::Good, "held"), "\u{1b}[32mheld\u{1b}[0m");
    }
}
