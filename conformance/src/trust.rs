//! The list of keys that `verify` believes: read only after its signature was checked, and believed only in its time.

use crate::args::Believe;
use crate::exit::{Refusal, usage};
use crate::{input, when};
use models::config::Problems;
use models::config::read::{Reader, Table};
use models::config::tree::{self, At, Node};
use reports::evidence::envelope::ENVELOPE_MAX;
use reports::evidence::trust::text;
use reports::evidence::{PublicKey, Role, Trust, Trusted};
use std::sync::Arc;

/// Version of the format.
const VERSION: u64 = 1;

/// The list that the root key signed, if it counts, and the time that it was asked for.
///
/// # Errors
/// A file cannot be read, somebody else signed the list or nobody, it does not count (any more), or every mistake in it
/// with its place.
pub fn load(args: &Believe) -> Result<(u64, Trust), Refusal> {
    let now = args.now.unwrap_or_else(when::now);
    let (text, root) = signed_text(args)?;
    Ok((now, counting(&args.trust.display().to_string(), &text, &root, now, args.trust_serial)?))
}

/// The text that the root key signed, and that key.
///
/// # Errors
/// As for [`load`], before the text is read.
pub fn signed_text(args: &Believe) -> Result<(String, PublicKey), Refusal> {
    let root = PublicKey::parse(&input::read(&args.root)?);
    let root = root.map_err(|e| usage(format!("{}: {e}", args.root.display())))?;
    let bytes = input::bounded(&args.trust, ENVELOPE_MAX as u64)?;
    let text = text(&bytes, &root).map_err(|unfit| {
        let signed = "expected a list that `cellproof trust sign` signed with that key";
        usage(format!("{} is not to be believed: {unfit}; {signed}", args.trust.display()))
    })?;
    Ok((text, root))
}

/// A list as it is written, if it would count at this time under this root key.
///
/// # Errors
/// Every mistake in it with its place, or why it does not count.
pub fn counting(name: &str, text: &str, root: &PublicKey, now: u64, serial_min: u64) -> Result<Trust, Refusal> {
    let trust = parse(name, text);
    let trust = trust.map_err(|problems| input::mistaken(&problems, "the list of keys; nothing else was done"))?;
    match trust.counts(root, now, serial_min) {
        Ok(()) => Ok(trust),
        Err(unfit) => Err(usage(format!("{name} is not to be believed: {unfit}"))),
    }
}

fn parse(file: &str, text: &str) -> Result<Trust, Problems> {
    let tree = tree::from_toml(file, text)?;
    let mut r = Reader::new(file);
    let mut trust = Trust { serial: 0, issued_at: 0, expires_at: 0, logged: false, keys: Vec::new() };
    if let Some(mut top) = r.table(&tree, "the list of keys") {
        top.integer(&mut r, "version", VERSION..=VERSION);
        trust.serial = top.integer(&mut r, "serial", 1..=u64::MAX);
        trust.issued_at = top.get(&mut r, "issued").map_or(0, |node| time(&mut r, node));
        trust.expires_at = top.get(&mut r, "expires").map_or(0, |node| time(&mut r, node));
        trust.logged = top.optional("logged").is_some_and(|node| flag(&mut r, node));
        for node in top.list(&mut r, "keys") {
            let Some(table) = r.table(node, "a key") else { continue };
            let place = table.place();
            let Some(trusted) = key(&mut r, table) else { continue };
            if trust.keys.iter().any(|known| known.key == trusted.key) {
                r.problem(place, "a key a second time", "each key once, in one role");
            }
            trust.keys.push(trusted);
        }
        top.finish(&mut r);
    }
    r.finish(trust)
}

fn key(r: &mut Reader, mut table: Table<'_>) -> Option<Trusted> {
    let name = table.text(r, "name").to_string();
    let roles: Vec<Arc<str>> = Role::ALL.map(|role| role.as_str().into()).to_vec();
    let role = Role::parse(&table.one_of(r, "role", &roles));
    let resources = if role.is_some_and(Role::has_resources) { table.texts(r, "resources") } else { Vec::new() };
    let resources = resources.iter().map(|uri| uri.to_string()).collect();
    let key = table.get(r, "public").and_then(|node| {
        let text = r.text(node, "public")?;
        PublicKey::parse(text)
            .map_err(|e| r.problem((node.line, node.column), e.to_string(), "a public key in PEM"))
            .ok()
    });
    let not_before = table.get(r, "not_before").map(|node| time(r, node));
    let not_after = table.get(r, "not_after").map(|node| time(r, node));
    let revoked = table.optional("revoked").map(|node| time(r, node));
    table.finish(r);
    let (key, role) = (key?, role?);
    Some(Trusted { name, key, role, resources, not_before: not_before?, not_after: not_after?, revoked })
}

fn flag(r: &mut Reader, node: &At<Node>) -> bool {
    let Node::Boolean(flag) = node.value else {
        r.problem((node.line, node.column), node.value.describe(), "true or false (logged)");
        return false;
    };
    flag
}

fn time(r: &mut Reader, node: &At<Node>) -> u64 {
    let Some(text) = r.text(node, "a time") else { return 0 };
    when::parse(text).unwrap_or_else(|expected| {
        let expected = expected.trim_start_matches("expected ").to_owned();
        r.problem((node.line, node.column), format!("time {text:?}"), expected);
        0
    })
}

/// How a list begins that counts for a quarter of a year: as long as a revocation may be held back.
pub fn head(now: u64) -> String {
    const QUARTER_S: u64 = 92 * 86_400;
    let (issued, expires) = (when::text(now), when::text(now + QUARTER_S));
    format!("version = {VERSION}\nserial = 1\nissued = \"{issued}\"\nexpires = \"{expires}\"\n")
}

/// What has to be added to a list so that a key is believed for a year.
pub fn entry(name: &str, key: &PublicKey, role: Role, now: u64) -> String {
    const YEAR_S: u64 = 365 * 86_400;
    let resources = if role.has_resources() { "resources = [\"urn:example:production\"]\n" } else { "" };
    format!(
        "[[keys]]\nname = {name:?}\nrole = \"{role}\"\n{resources}not_before = \"{}\"\nnot_after = \"{}\"\n\
         public = \"\"\"\n{}\"\"\"\n",
        when::text(now),
        when::text(now + YEAR_S),
        key.pem(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use reports::evidence::SigningKey;
    use reports::evidence::key::Algorithm;

    const NOW: u64 = 1_795_597_200;

    fn sound() -> String {
        let (key, _) = SigningKey::generate(Algorithm::Ed25519);
        head(NOW) + &entry("the pipeline", key.public(), Role::Run, NOW)
    }

    #[test]
    fn an_entry_is_read_as_it_is_written() {
        let trust = parse("trust.toml", &sound()).expect("sound");
        let [trusted] = trust.keys.as_slice() else { panic!("one key") };
        assert_eq!((trusted.name.as_str(), trusted.role, trusted.not_before), ("the pipeline", Role::Run, NOW));
        assert_eq!((trust.serial, trust.issued_at, trust.expires_at - NOW), (1, NOW, 92 * 86_400));
        assert_eq!((trusted.not_after - trusted.not_before, trusted.revoked), (365 * 86_400, None));
    }

    #[test]
    fn a_mistake_has_its_place() {
        let sound = sound();
        let check = |from: &str, to: &str, says: &str| {
            let said = parse("trust.toml", &sound.replace(from, to)).expect_err(says).to_string();
            assert!(said.contains(says), "{said}");
        };
        check("version = 1", "version = 2", "trust.toml:1:11: integer 2");
        check(
            "\"run\"",
            "\"ran\"",
            "trust.toml:7:8: unknown role \"ran\", expected one of run, certifier, assessor, log",
        );
        check("serial = 1", "serial = 0", "trust.toml:2:10: integer 0, expected a whole number of at least 1 (serial)");
        check("2026-11-25T", "2026-11-35T", "trust.toml:3:10: time \"2026-11-35T09:00:00Z\"");
        check("BEGIN PUBLIC", "BEGIN PRIVATE", "trust.toml:10:10: not a PEM file");
        check("name", "nome", "unknown key `nome`");
        let twice = format!("{sound}{}", &sound[sound.find("[[keys]]").expect("an entry")..]);
        assert!(parse("t", &twice).expect_err("twice").to_string().contains("a key a second time"));
    }
}
