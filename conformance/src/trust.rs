//! The trust file: whose signatures `verify` believes.

use crate::exit::Refusal;
use crate::{input, when};
use models::config::Problems;
use models::config::read::{Reader, Table};
use models::config::tree::{self, At, Node};
use reports::evidence::{PublicKey, Role, Trust, Trusted};
use std::path::Path;
use std::sync::Arc;

/// Version of the format.
const VERSION: u64 = 1;

/// Reads a trust file.
///
/// # Errors
/// It cannot be read, or every mistake in it with its place.
pub fn load(file: &Path) -> Result<Trust, Refusal> {
    let trust = parse(&file.display().to_string(), &input::read(file)?);
    trust.map_err(|problems| input::mistaken(&problems, "the trust file; nothing was verified"))
}

fn parse(file: &str, text: &str) -> Result<Trust, Problems> {
    let tree = tree::from_toml(file, text)?;
    let mut r = Reader::new(file);
    let mut trust = Trust::default();
    if let Some(mut top) = r.table(&tree, "the trust file") {
        top.integer(&mut r, "version", VERSION..=VERSION);
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
    let roles: Vec<Arc<str>> = [Role::Run, Role::Certifier].map(|role| role.as_str().into()).to_vec();
    let role = Role::parse(&table.one_of(r, "role", &roles));
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
    Some(Trusted { name, key: key?, role: role?, not_before: not_before?, not_after: not_after?, revoked })
}

fn time(r: &mut Reader, node: &At<Node>) -> u64 {
    let Some(text) = r.text(node, "a time") else { return 0 };
    when::parse(text).unwrap_or_else(|expected| {
        let expected = expected.trim_start_matches("expected ").to_owned();
        r.problem((node.line, node.column), format!("time {text:?}"), expected);
        0
    })
}

/// What has to be added to a trust file so that a key is believed for a year.
pub fn entry(name: &str, key: &PublicKey, role: Role, now: u64) -> String {
    const YEAR_S: u64 = 365 * 86_400;
    format!(
        "[[keys]]\nname = {name:?}\nrole = \"{role}\"\nnot_before = \"{}\"\nnot_after = \"{}\"\n\
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

    fn sound() -> String {
        let (key, _) = SigningKey::generate(Algorithm::Ed25519);
        format!("version = 1\n{}", entry("the pipeline", key.public(), Role::Run, 1_795_597_200))
    }

    #[test]
    fn an_entry_is_read_as_it_is_written() {
        let trust = parse("trust.toml", &sound()).expect("sound");
        let [trusted] = trust.keys.as_slice() else { panic!("one key") };
        assert_eq!(
            (trusted.name.as_str(), trusted.role, trusted.not_before),
            ("the pipeline", Role::Run, 1_795_597_200)
        );
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
        check("\"run\"", "\"ran\"", "trust.toml:4:8: unknown role \"ran\", expected one of run, certifier");
        check("2026-11-25T", "2026-11-35T", "trust.toml:5:14: time \"2026-11-35T09:00:00Z\"");
        check("BEGIN PUBLIC", "BEGIN PRIVATE", "trust.toml:7:10: not a PEM file");
        check("name", "nome", "unknown key `nome`");
        let twice = format!("{sound}{}", sound.trim_start_matches("version = 1\n"));
        assert!(parse("t", &twice).expect_err("twice").to_string().contains("a key a second time"));
    }
}
