//! Files of traces as lines, each with its place. A line that cannot be read is told with what was expected; a trace
//! with such a line was not read, whatever the others say.

use super::canonical;
use super::event::{self, Line, What};
use super::form::Form;
use serde_json::{Map, Value};
use sim::chain::Digest;
use std::fmt;
use std::sync::Arc;

/// Mistakes of one file that are told one by one; the others are counted.
const MISTAKES_MAX: usize = 8;

/// A line of a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Where {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A line that was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// Where it stands.
    pub at: Where,
    /// What it says.
    pub line: Line,
    /// As it is spelled, for digests.
    pub members: Map<String, Value>,
}

impl Read {
    /// SHA-256 of the line.
    pub fn digest(&self) -> Digest {
        canonical::digest(&self.members)
    }
}

/// A trace: every line of every file, in the order of the files.
#[derive(Clone, Default, Debug)]
pub struct Trace {
    /// The lines.
    pub lines: Vec<Read>,
    /// What could not be read.
    pub mistakes: Vec<String>,
    /// Lines of other logs that their form knows nothing about, by file.
    pub foreign: Vec<(Arc<str>, u64)>,
    /// Files of the documented form itself: their lines stand in order of time.
    pub ordered: Vec<Arc<str>>,
}

impl Trace {
    /// Adds a file of the documented form.
    pub fn own(&mut self, file: &str, text: &str) {
        let file: Arc<str> = file.into();
        self.ordered.push(file.clone());
        let mut wrong = Vec::new();
        let mut first = true;
        for (n, text) in text.lines().enumerate() {
            let at = Where { file: file.clone(), line: n as u32 + 1 };
            let read = event::object(text).and_then(|members| Ok((Line::of(&members)?, members)));
            match read {
                Err(why) => wrong.push(format!("{at}: {why}")),
                Ok((line, _)) if first && !matches!(line.what, What::Began { .. }) => {
                    wrong.push(format!("{at}: {}, expected trace.began first", line.what.kind()));
                }
                Ok((line, _)) if !first && matches!(line.what, What::Began { .. }) => {
                    wrong.push(format!("{at}: trace.began a second time, expected one file a trace"));
                }
                Ok((line, members)) => self.lines.push(Read { at, line, members }),
            }
            first = false;
        }
        if first {
            wrong.push(format!("{file}: no line, expected trace.began"));
        }
        self.mistaken(wrong);
    }

    /// Adds a file of another make, by its form; `with` is what the deployment knows about it.
    pub fn other(&mut self, file: &str, text: &str, form: &Form, with: &Map<String, Value>) {
        let file: Arc<str> = file.into();
        let (mut wrong, mut foreign, mut known) = (Vec::new(), 0, 0);
        for (line, source) in form.sources(text) {
            let at = Where { file: file.clone(), line };
            let made = source.and_then(|source| form.events(source, with));
            match made {
                Err(why) => wrong.push(format!("{at}: {why}")),
                Ok(made) if made.is_empty() => foreign += 1,
                Ok(made) => {
                    for members in made {
                        known += 1;
                        match Line::of(&members) {
                            Ok(line) => self.lines.push(Read { at: at.clone(), line, members }),
                            Err(why) => wrong.push(format!("{at}: as the form makes it: {why}")),
                        }
                    }
                }
            }
        }
        if known == 0 && wrong.is_empty() {
            wrong.push(format!("{file}: no line of {foreign} is one that the form knows"));
        }
        if foreign > 0 {
            self.foreign.push((file, foreign));
        }
        self.mistaken(wrong);
    }

    fn mistaken(&mut self, mut wrong: Vec<String>) {
        let more = wrong.len().saturating_sub(MISTAKES_MAX);
        wrong.truncate(MISTAKES_MAX);
        if more > 0 {
            wrong.push(format!("and {more} more"));
        }
        self.mistakes.extend(wrong);
    }
}
