//! Hash chains: of lines that link themselves, and of a topic that a witness linked.

use super::{finding, text};
use crate::certify::deployment::files::{Chain, Witnessed};
use crate::certify::report::Component;
use crate::trace::canonical;
use crate::trace::event::object;
use models::control::Controls;
use models::witness::book::{Book, Entry, Verdict};
use serde_json::{Map, Value};
use sim::chain::Digest;
use sim::chain::hash_chain::link;
use std::path::Path;

/// A chain of lines.
pub fn linked(component: &mut Component, home: &Path, chain: &Chain) -> Result<(), String> {
    let name = chain.path.display().to_string();
    let text = text(home, &chain.path)?;
    let digest = |given: Option<&toml::Spanned<String>>| given.and_then(|digits| digits.get_ref().parse().ok());
    let mut head: Digest = digest(chain.genesis.as_ref()).unwrap_or(Digest::ZERO);
    let mut length = 0;
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{name}:{}", n + 1);
        let members = object(line).map_err(|why| format!("{place}: {why}"))?;
        match follows(&members, chain, head).map_err(|why| format!("{place}: {why}"))? {
            Ok(next) => head = next,
            Err(what) => {
                let saw = format!("the chain leads to {head} before this line");
                component.find(finding(place, what.to_owned(), vec!["EVT-07", "STO-10"], saw));
                return Ok(());
            }
        }
        length += 1;
    }
    component.judged(
        &format!("lines of {name}, each linked to those before it"),
        length as usize,
        &["EVT-07", "STO-10"],
    );
    ended(component, &name, chain, length, head);
    Ok(())
}

/// The digest that a line leads to, or what is wrong with it.
fn follows(members: &Map<String, Value>, chain: &Chain, head: Digest) -> Result<Result<Digest, &'static str>, String> {
    let member = |name: &str| {
        let text = members.get(name).and_then(Value::as_str);
        text.ok_or_else(|| format!("no member `{name}`, expected 64 hexadecimal digits"))
    };
    let found = member(&chain.link)?;
    let bytes = canonical::line(members, &[&chain.link]);
    let next = match &chain.previous {
        None => link(head, &bytes),
        Some(previous) => {
            if member(previous)? != head.to_string() {
                return Ok(Err("it names another line as the one before it"));
            }
            Digest::of(&bytes)
        }
    };
    Ok(if found == next.to_string() { Ok(next) } else { Err("it does not follow from what stands before it") })
}

fn ended(component: &mut Component, name: &str, chain: &Chain, length: u64, head: Digest) {
    let is_other = chain.head.as_ref().is_some_and(|kept| *kept.get_ref() != head.to_string());
    if is_other || chain.length.is_some_and(|kept| kept != length) {
        let saw = format!("{length} lines, which lead to {head}");
        let what = "it ends otherwise than somebody else keeps it".to_owned();
        component.find(finding(name.to_owned(), what, vec!["EVT-07", "STO-10"], saw));
    }
    if chain.head.is_none() && chain.length.is_none() {
        let why =
            "give head or length, as somebody else keeps them: a chain that lost its tail is a valid, shorter one";
        component.suspect(name, "nobody states its end", &["EVT-07", "STO-10"], why);
    }
}

/// A topic, held against what a witness noted of it.
pub fn witnessed(component: &mut Component, home: &Path, topic: &Witnessed) -> Result<(), String> {
    let name = topic.path.display().to_string();
    let mut book = Book::default();
    for (place, members) in lines(home, &topic.book)? {
        let offset = number(&place, &members, "offset")?;
        let digits = members.get("link").and_then(Value::as_str).and_then(|digits| digits.parse().ok());
        let link = digits.ok_or_else(|| format!("{place}: no member `link`, expected 64 hexadecimal digits"))?;
        if offset < book.end() {
            let what = format!("offset {offset} after {}", book.end().saturating_sub(1));
            component.find(finding(place, what, vec!["EVT-07"], "the witness notes offsets in their order".into()));
            return Ok(());
        }
        book.recall(Entry { offset, link });
    }
    if book.is_empty() {
        return Err(format!("{}: nothing was witnessed", topic.book.display()));
    }
    let (controls, mut reading, mut last) = (Controls::all_on(), book.reading(), None);
    for (place, members) in lines(home, &topic.path)? {
        let offset = number(&place, &members, "offset")?;
        if last.is_some_and(|last| offset <= last) {
            let what = format!("offset {offset} where a later one than {} follows", last.unwrap_or_default());
            component.find(finding(place, what, vec!["EVT-07"], "a topic has its events in their order".into()));
            return Ok(());
        }
        last = Some(offset);
        let payload = members.get("payload").and_then(Value::as_str);
        let payload = payload.ok_or_else(|| format!("{place}: no member `payload`, expected text"))?;
        if offset < book.end() {
            reading.take(&controls, &book, payload.as_bytes());
        }
    }
    let (what, offset) = match reading.finish(&controls, &book) {
        Verdict::Intact => {
            component.judged(&format!("events of {name}, as they were witnessed"), book.len(), &["EVT-07"]);
            return Ok(());
        }
        Verdict::Altered(offset) => ("is another one than was witnessed, or lies elsewhere", offset),
        Verdict::Incomplete(offset) => ("was witnessed, and is gone with all after it", offset),
    };
    let saw = format!("{} of the witness's book", topic.book.display());
    component.find(finding(format!("{name} at offset {offset}"), format!("the event {what}"), vec!["EVT-07"], saw));
    Ok(())
}

type Placed = (String, Map<String, Value>);

fn lines(home: &Path, path: &Path) -> Result<Vec<Placed>, String> {
    let text = text(home, path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(n, line)| {
            let place = format!("{}:{}", path.display(), n + 1);
            let members = object(line).map_err(|why| format!("{place}: {why}"))?;
            Ok((place, members))
        })
        .collect()
}

fn number(place: &str, members: &Map<String, Value>, name: &str) -> Result<u64, String> {
    members
        .get(name)
        .and_then(Value::as_u64)
        .ok_or_else(|| format!("{place}: no member `{name}`, expected a whole number"))
}
