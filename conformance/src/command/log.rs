//! `cellproof log`: publishes what was sealed in an append-only log, proves it, and checks a log.

use crate::args::{AppendLog, CheckLog, Log, NewLog, ProveLog};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::export_log::{ExportLog, Pen, Seen};
use crate::logged::Logged;
use crate::published::{credible, whole};
use crate::terminal::say;
use crate::{input, trust, when};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use reports::evidence::Trust;
use reports::evidence::log::{Entry, Opening, PROOF_MAX};
use reports::text::plural;
use sim::chain::{Checkpoint, Digest, Growth};
use std::collections::BTreeSet;

/// Does what was typed.
pub fn log(args: &Log) -> Done {
    match args {
        Log::New(args) => new(args),
        Log::Append(args) => append(args),
        Log::Proof(args) => prove(args),
        Log::Check(args) => look(args),
    }
}

fn new(args: &NewLog) -> Done {
    let key = input::signing_key(&args.key)?;
    if args.seen.exists() {
        return Err(usage(format!("{} is there already, for another log", args.seen.display())));
    }
    let log = ExportLog::found(&args.log, &args.origin, key)?;
    Seen::new(&args.seen, &log)?;
    let (dir, seen) = (args.log.display(), args.seen.display());
    say(&format!("A log without entries in {dir}. Keep {seen} with the key: it is what the key signed last.\n"));
    Ok(Exit::Held)
}

fn append(args: &AppendLog) -> Done {
    let files = distinct(&args.files)?;
    let mut log = ExportLog::open(&args.log)?;
    let origin = log.checkpoint().origin.clone();
    let pen = Pen::take(&args.log, &origin, input::signing_key(&args.key)?)?;
    let mut seen = Seen::read(&args.seen)?;
    let at = args.now.unwrap_or_else(when::now);
    let (fresh, old): (Vec<Logged>, Vec<Logged>) = files.into_iter().partition(|file| file.proof().is_none());
    let mut batch: Vec<(Entry, Option<(usize, Opening)>)> = Vec::new();
    for (which, file) in fresh.iter().enumerate() {
        let opening = Opening { at, salt: random()? };
        batch.push((opening.entry(file.envelope()), Some((which, opening))));
    }
    // How many were published, and in which order, says something about tenants.
    while !batch.len().is_multiple_of(usize::from(args.pad)) {
        batch.push((Entry { at, commitment: Digest(random()?) }, None));
    }
    batch.sort_by_key(|(entry, _)| entry.commitment);
    let entries: Vec<Entry> = batch.iter().map(|(entry, _)| entry.clone()).collect();
    let first = if entries.is_empty() { log.checkpoint().root.size } else { log.append(&pen, &mut seen, &entries)? };
    for (index, (_, of)) in (first..).zip(&batch) {
        let Some((which, opening)) = of else { continue };
        fresh[*which].prove(&log.prove(index, opening, fresh[*which].envelope())?)?;
    }
    let already = if old.is_empty() { String::new() } else { format!(", {} there already", old.len()) };
    say(&format!(
        "{} logged{already}. {origin} has {}.\n",
        plural(fresh.len() as u64, "file"),
        entries_of(log.checkpoint().root.size)
    ));
    Ok(Exit::Held)
}

fn entries_of(size: u64) -> String {
    if size == 1 { "1 entry".into() } else { format!("{size} entries") }
}

fn random() -> Result<[u8; 32], Refusal> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| usage("the system has no randomness to give"))?;
    Ok(bytes)
}

fn distinct(files: &[std::path::PathBuf]) -> Result<Vec<Logged>, Refusal> {
    let mut known = BTreeSet::new();
    let mut read = Vec::new();
    for file in files {
        let logged = Logged::read(file)?;
        if !known.insert(Digest::of(logged.envelope())) {
            return Err(usage(format!("{} is given a second time", file.display())));
        }
        read.push(logged);
    }
    Ok(read)
}

fn prove(args: &ProveLog) -> Done {
    let log = ExportLog::open(&args.log)?;
    if let Some(since) = &args.since {
        say(&log.grown_from(&Seen::read(since)?)?);
        return Ok(Exit::Held);
    }
    for file in distinct(&args.files)? {
        let (proof, opening) = file.opened()?;
        file.prove(&log.prove(proof.index(), &opening, file.envelope())?)?;
    }
    let (files, size) = (plural(args.files.len() as u64, "file"), log.checkpoint().root.size);
    say(&format!("{files} proved in {}, which has {}.\n", log.checkpoint().origin, entries_of(size)));
    Ok(Exit::Held)
}

fn look(args: &CheckLog) -> Done {
    let (now, trust) = trust::load(&args.believe)?;
    let mut seen = args.seen.as_deref().filter(|file| file.exists()).map(Seen::read).transpose()?;
    if args.log.is_file() {
        return grown(args, &trust, now, seen);
    }
    let log = whole(&args.log, &args.files, seen.as_ref(), &trust, now)?;
    match (&mut seen, &args.seen) {
        (Some(seen), _) => seen.remember(&log)?,
        (None, Some(file)) => drop(Seen::new(file, &log)?),
        (None, None) => {}
    }
    let Checkpoint { origin, root } = log.checkpoint();
    let since = seen.map_or(String::new(), |_| ", and it only grew since it was seen last".into());
    let is_carrier = |file: &&std::path::PathBuf| Logged::read(file).is_ok();
    let carriers = args.files.iter().filter(is_carrier).count() as u64;
    let found = if carriers == 0 { String::new() } else { format!(" {} in it.", plural(carriers, "file")) };
    say(&format!("{origin}: {}, all under its signature{since}.{found}\n", entries_of(root.size)));
    Ok(Exit::Held)
}

/// The checkpoint of a growth, when it goes on from what was seen.
fn grown(args: &CheckLog, trust: &Trust, now: u64, seen: Option<Seen>) -> Done {
    let name = args.log.display();
    let mut seen = seen.ok_or_else(|| usage(format!("{name} shows growth: --seen FILE says from where")))?;
    if let Some(file) = args.files.first() {
        return Err(usage(format!("{name} shows growth alone: for {} give the log itself", file.display())));
    }
    let text = String::from_utf8(input::bounded(&args.log, PROOF_MAX as u64)?).ok();
    let growth = text.and_then(|text| Growth::parse(&text).ok());
    let growth = growth.ok_or_else(|| usage(format!("{name} is neither a log nor what `log proof --since` prints")))?;
    let checkpoint = credible(&args.log, growth.checkpoint(), trust, now, now)?;
    seen.grows_to(&checkpoint, growth.checkpoint(), &growth)?;
    let Checkpoint { origin, root } = checkpoint;
    say(&format!("{origin} only grew since it was seen last, to {}.\n", entries_of(root.size)));
    Ok(Exit::Held)
}
