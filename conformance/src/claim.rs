//! Whose a place is. A sweep goes on in a place that holds the same sweep, begins in an empty one, and writes over
//! another's results only when it is told to.
//!
//! What is written must be of one plan: a log, and beside it reports that were made from it or merged from its shards.

use crate::exit::{Refusal, usage};
use crate::log::frame::frame;
use crate::log::spans::Spans;
use crate::log::survey::survey;
use crate::log::{Header, Line};
use crate::place::{LOG, Pen, Place, TIMINGS};
use crate::summary::number;
use crate::terminal::complain;
use reports::{Format, GateRecord};

/// A place that was taken in hand for a sweep.
pub struct Claim {
    /// Writes the log; as long as it is held nobody else does.
    pub pen: Box<dyn Pen>,
    /// What is finished already, by position in the shard.
    pub finished: Spans,
}

/// Takes a place in hand for a sweep.
///
/// # Errors
/// It holds another sweep or another gate's reports, somebody is at work in it, or it cannot be written.
pub fn sweep(place: &Place, header: &Header, overwrite: bool) -> Result<Claim, Refusal> {
    place.make()?;
    // Asked first, so that a refusal leaves nothing behind.
    if !overwrite && place.log_parts()?.is_empty() {
        no_other_reports(place, header)?;
    }
    let mut pen = place.pen()?;
    let known = if overwrite { None } else { survey(place)? };
    let Some(known) = known else {
        match overwrite {
            true => forget_reports(place)?,
            false => no_other_reports(place, header)?,
        }
        pen.cut(0)?;
        pen.write(&frame(&Line::Header(Box::new(header.clone()))))?;
        pen.sync(true)?;
        return Ok(Claim { pen, finished: Spans::default() });
    };
    let shard = (known.header.shard != header.shard)
        .then(|| format!("shard {} there, {} here", known.header.shard, header.shard));
    same(place, header.terms.differences(&known.header.terms).into_iter().chain(shard).collect())?;
    if known.torn > 0 {
        complain(&format!("{place}: dropped {} bytes of a step that was not finished", number(known.torn)));
    }
    pen.cut(known.whole)?;
    let finished = known.finished.count();
    if finished > 0 {
        complain(&format!("{place} holds {} finished steps of this plan: going on from there", number(finished)));
    }
    Ok(Claim { pen, finished: known.finished })
}

/// Makes sure that merged reports may be written to a place, before any work is done for them.
///
/// # Errors
/// It holds another sweep, or another gate's reports.
pub fn free(place: &Place, header: &Header, overwrite: bool) -> Result<(), Refusal> {
    if overwrite {
        return Ok(());
    }
    if let Some(known) = survey(place)? {
        same(place, header.terms.differences(&known.header.terms))?;
    }
    no_other_reports(place, header)
}

/// Takes a place for merged reports, and forgets what it holds of another plan. One's own shard stays.
///
/// # Errors
/// It cannot be written.
pub fn reports(place: &Place, header: &Header) -> Result<(), Refusal> {
    place.make()?;
    let own = survey(place).is_ok_and(|known| known.is_none_or(|known| known.header.terms == header.terms));
    if !own {
        place.pen()?.cut(0)?;
        place.forget(&[LOG])?;
    }
    // Reports of the same plan are replaced one by one: there is no moment without them.
    if no_other_reports(place, header).is_err() {
        forget_reports(place)?;
    }
    Ok(())
}

fn same(place: &Place, differences: Vec<String>) -> Result<(), Refusal> {
    if differences.is_empty() {
        return Ok(());
    }
    Err(usage(format!(
        "{place} holds another sweep ({}): expected the same, or an empty place; give another --out, or --overwrite to \
         forget it",
        differences.join(", ")
    )))
}

/// Refuses when there are reports of another plan: a merge wrote them, or another version.
fn no_other_reports(place: &Place, header: &Header) -> Result<(), Refusal> {
    let name = Format::Json.file_name();
    let Some(bytes) = place.read(name)? else { return Ok(()) };
    let record = String::from_utf8(bytes).ok().and_then(|text| reports::load(&text).ok());
    let (command, terms) = (&header.command, &header.terms);
    let same = |r: &GateRecord| {
        (&r.command, &r.code, &r.config, &r.catalogue) == (command, &terms.code, &terms.config, &terms.catalogue)
    };
    if record.as_ref().is_some_and(same) {
        return Ok(());
    }
    let whose = |r: GateRecord| format!("`{}`, code {}", r.command, r.code.get(..12).unwrap_or(&r.code));
    Err(usage(format!(
        "{} is of another gate ({}): expected the same, or an empty place; give another --out, or --overwrite to \
         forget it",
        place.file(name),
        record.map_or("of another version".into(), whose)
    )))
}

fn forget_reports(place: &Place) -> Result<(), Refusal> {
    place.forget(&Format::ALL.map(Format::file_name))?;
    place.forget(&[TIMINGS])
}
