//! What a log holds: its header, which steps are finished, and where the whole lines end.
//!
//! A last line that is not whole was being written when the process died, and is no mistake. Anything else that is not
//! whole is: lines only ever follow whole ones, so what comes before a whole line was once whole itself.

use super::frame::{self, Piece, Pieces};
use super::spans::Spans;
use super::{Header, Line, VERSION};
use crate::exit::{Refusal, usage};
use crate::place::Place;
use scenarios::sweep::Shard;
use serde::Deserialize;

/// A log, looked through.
pub struct Survey {
    /// Its first line.
    pub header: Header,
    /// The same as in the header.
    pub shard: Shard,
    /// Finished steps, by their position in the shard.
    pub finished: Spans,
    /// Bytes of the last part up to where its whole lines end.
    pub whole: u64,
    /// Bytes after them: an unfinished line.
    pub torn: u64,
}

/// A line whose record is not read.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Glance {
    Header(Versioned),
    Step(Indexed),
}

#[derive(Deserialize)]
pub(super) struct Versioned {
    version: u32,
}

#[derive(Deserialize)]
pub(super) struct Indexed {
    pub(super) index: u64,
}

/// Looks through the log at a place. There may be none, or nothing whole in it.
///
/// # Errors
/// It cannot be read, is no log, is one of another version, or was altered. Says which file, where, and what was
/// expected.
pub fn survey(place: &Place) -> Result<Option<Survey>, Refusal> {
    let parts = place.log_parts()?;
    let mut found: Option<Survey> = None;
    for (n, part) in parts.iter().enumerate() {
        let file = place.file(part);
        let last = n + 1 == parts.len();
        let mut look = Look { file: &file, found, broken: None, lines: 0, whole: 0 };
        let mut pieces = Pieces::new(place.open(part)?);
        while let Some(piece) = pieces.read().map_err(|e| usage(format!("failed to read {file}: {e}")))? {
            look.piece(piece, pieces.at)?;
        }
        found = look.end(pieces.at, last)?;
    }
    Ok(found)
}

/// One part, being looked through.
struct Look<'a> {
    file: &'a str,
    found: Option<Survey>,
    /// Number of the first line that is not whole, from 1, and where it begins.
    broken: Option<(u64, u64)>,
    lines: u64,
    whole: u64,
}

impl Look<'_> {
    fn piece(&mut self, piece: Piece, end: u64) -> Result<(), Refusal> {
        self.lines += 1;
        match piece {
            Piece::Whole(json) if self.broken.is_none() => {
                self.whole = end;
                self.line(&json)
            }
            Piece::Whole(_) => Err(self.altered()),
            Piece::Broken(line) if self.lines == 1 && !frame::begins(&line) => {
                Err(usage(format!("{}: no log of a sweep: expected a header in its first line", self.file)))
            }
            Piece::Broken(_) => {
                self.broken = self.broken.or(Some((self.lines, self.whole)));
                Ok(())
            }
        }
    }

    fn altered(&self) -> Refusal {
        let (line, byte) = self.broken.unwrap_or((self.lines, self.whole));
        usage(format!(
            "{}: line {line}, from byte {byte}, is not what was written: expected a step with its length and checksum; \
             nothing was changed; mend the file, or begin anew with --overwrite or another --out",
            self.file
        ))
    }

    fn line(&mut self, json: &[u8]) -> Result<(), Refusal> {
        let strange = |what: String| usage(format!("{}: line {}: {what}", self.file, self.lines));
        match (serde_json::from_slice(json), self.lines) {
            (Ok(Glance::Header(Versioned { version })), 1) if version != VERSION => {
                Err(strange(format!("a log of version {version}, expected {VERSION}: use the cellproof that wrote it")))
            }
            (Ok(Glance::Header(_)), 1) => {
                let header = match serde_json::from_slice(json) {
                    Ok(Line::Header(header)) => *header,
                    Ok(Line::Step(_)) => return Err(strange("expected a header".into())),
                    Err(e) => return Err(strange(format!("a header of another version of cellproof: {e}"))),
                };
                let shard = header.shard().map_err(strange)?;
                match &self.found {
                    Some(found) if found.header != header => Err(strange("a part of another sweep".into())),
                    Some(_) => Ok(()),
                    None => {
                        self.found = Some(Survey { header, shard, finished: Spans::default(), whole: 0, torn: 0 });
                        Ok(())
                    }
                }
            }
            (Ok(Glance::Step(Indexed { index })), 2..) => {
                let Some(found) = &mut self.found else { return Err(self.altered()) };
                let position = found.shard.position(index);
                let position = position.ok_or(format!("step {index}, expected one of shard {}", found.shard));
                if found.finished.insert(position.map_err(strange)?) {
                    return Ok(());
                }
                Err(strange(format!("step {index} for the second time, expected each once")))
            }
            (Ok(Glance::Header(_)), _) => Err(strange("a second header, expected a step".into())),
            (Ok(Glance::Step(_)), _) => Err(strange("a step, expected a header".into())),
            (Err(e), _) => Err(strange(format!("neither header nor step: {e}"))),
        }
    }

    /// The part ends. Only the last one may end in the middle of a line.
    fn end(mut self, len: u64, last: bool) -> Result<Option<Survey>, Refusal> {
        if self.broken.is_some() && !last {
            return Err(self.altered());
        }
        if let Some(found) = &mut self.found {
            (found.whole, found.torn) = (self.whole, len - self.whole);
        }
        Ok(self.found)
    }
}
