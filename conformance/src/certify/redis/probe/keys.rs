//! Keys of the other tenant: read by every door that a cache has, and written in a transaction that is discarded.

use crate::certify::redis::desk::{Desk, glob};
use crate::certify::redis::link::text;

/// Asks for them.
pub fn run(desk: &mut Desk) {
    let (own, other) = (desk.link.user(0).to_owned(), desk.link.user(1).to_owned());
    let object = format!("user {own}, keys");
    let key = desk.key(desk.b);
    let key = key.as_str();
    desk.component.judged("keys of the other tenant, read and written", 7, &["CAC-01", "TEN-02"]);
    if let Some(pattern) = desk.redis.database.clone() {
        // The other tenant's database, if a user may go there; its keys are asked for there.
        let _ = desk.own.ask(&["SELECT", &desk.b.fill(&pattern)]);
    }
    let script = format!("return redis.call('GET', '{key}')");
    let reads: [&[&str]; 4] = [&["GET", key], &["EXISTS", key], &["STRLEN", key], &["EVAL", &script, "0"]];
    let writes: [&[&str]; 3] = [&["SET", key, "x"], &["DEL", key], &["EXPIRE", key, "1"]];
    let read = reads.into_iter().find(|words| desk.own.ask(words).is_ok());
    let written = writes.into_iter().find(|words| desk.own.would(words).is_ok_and(|would| would));
    let what = match (read, written) {
        (None, None) => return back(desk),
        (Some(_), Some(_)) => "it reads and writes keys of another tenant",
        (Some(_), None) => "it reads keys of another tenant",
        (None, Some(_)) => "it writes keys of another tenant",
    };
    let mut commands: Vec<&[&str]> = Vec::new();
    let mut saw = Vec::new();
    if let Some(words) = read {
        commands.push(words);
        saw.push("the server answered the read, and did not refuse it".to_owned());
    }
    if let Some(words) = written {
        commands.extend([&["MULTI"][..], words, &["DISCARD"][..]]);
        saw.push("it queued the write, which was discarded".to_owned());
    }
    let sample = desk.redis.sample.clone().map(|sample| desk.b.fill(&desk.redis.keys) + &sample);
    let sample_words: [&str; 2] = ["GET", sample.as_deref().unwrap_or_default()];
    if read.is_some()
        && sample.is_some()
        && let Ok(value) = desk.own.ask(&sample_words)
        && !text(&value).is_empty()
    {
        commands.push(&sample_words);
        saw.push(format!("a value of {} bytes that {} keeps there was read", text(&value).len(), desk.b.id));
    }
    let proof = desk.proof(Some(desk.a), &commands, saw.join("; "));
    let fence = glob(&desk.a.fill(&desk.redis.keys));
    let (what, repair) = if own == other {
        let what = format!("{what}: both tenants are the same user, and only the client library keeps them apart");
        (what, vec![format!("-- a user for each tenant, fenced to its keys: ACL SETUSER NAME ~{fence}*")])
    } else {
        (what.to_owned(), vec![format!("ACL SETUSER {own} resetkeys ~{fence}*")])
    };
    let requirements = if desk.redis.database.is_some() { ["TEN-04", "CAC-01"] } else { ["CAC-01", "TEN-02"] };
    desk.find(&object, what, &requirements, proof, repair);
    back(desk);
}

/// To the database that the tenant has.
fn back(desk: &mut Desk) {
    if let Some(pattern) = &desk.redis.database {
        let _ = desk.own.ask(&["SELECT", &desk.a.fill(pattern)]);
    }
}
