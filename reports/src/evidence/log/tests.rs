//! What a log may say, and everything that somebody could make it say.

use super::super::key::{Algorithm, SigningKey};
use super::*;
use sim::chain::Tree;
use std::sync::OnceLock;

const ORIGIN: &str = "example.com/exports";
const AT: u64 = 1_800_000_000;
const NOW: u64 = AT + 60;

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate(Algorithm::Ed25519).0)
}

fn trusted(key: &SigningKey) -> Trusted {
    let (name, key, role) = (ORIGIN.into(), key.public().clone(), Role::Log);
    Trusted { name, key, role, resources: Vec::new(), not_before: AT, not_after: AT, revoked: None }
}

fn whom(keys: Vec<Trusted>) -> Trust {
    Trust { serial: 1, issued_at: AT, expires_at: NOW, logged: true, keys }
}

fn trust() -> Trust {
    whom(vec![trusted(key())])
}

fn opening(n: u8) -> Opening {
    Opening { at: AT, salt: [n; 32] }
}

/// A log of these envelopes, in order, each under its own salt.
fn log_of(envelopes: &[&str]) -> Tree {
    let mut tree = Tree::new();
    for (n, envelope) in (0..).zip(envelopes) {
        tree.append(opening(n).entry(envelope.as_bytes()).bytes());
    }
    tree
}

fn signed(tree: &Tree, origin: &str, key: &SigningKey) -> Note {
    let name = NoteKey::ed25519(origin, key.public().ed25519().expect("an Ed25519 key")).expect("a name");
    let checkpoint = Checkpoint { origin: origin.into(), root: tree.root() };
    checkpoint.sign(name, |text| key.sign(text)).expect("a checkpoint")
}

fn proof_in(tree: &Tree, index: u8, note: Note) -> String {
    let inclusion = tree.prove_inclusion(index.into()).expect("an entry");
    LogProof::new(&opening(index).bytes(), inclusion, note).expect("of one tree").to_string()
}

fn check(proof: &str, envelope: &str, trust: &Trust, now: u64) -> Result<Listed, String> {
    listed(proof.as_bytes(), envelope.as_bytes(), trust, now).map_err(|unfit| unfit.to_string())
}

#[test]
fn what_was_logged_shows_it_offline() {
    let tree = log_of(&["a", "b", "c"]);
    for (index, envelope) in [(0, "a"), (1, "b"), (2, "c")] {
        let shown = check(&proof_in(&tree, index, signed(&tree, ORIGIN, key())), envelope, &trust(), NOW);
        let expected = Listed { origin: ORIGIN.into(), index: index.into(), at: AT, root: tree.root() };
        assert_eq!(shown, Ok(expected));
    }
}

#[test]
fn the_proof_of_another_bundle_is_refused() {
    let tree = log_of(&["a", "b"]);
    let proof = proof_in(&tree, 0, signed(&tree, ORIGIN, key()));
    let said = check(&proof, "b", &trust(), NOW).expect_err("replayed");
    assert_eq!(said, "log: example.com/exports does not hold this: the proof does not lead to the root");
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let tree = log_of(&["a", "b", "c", "d", "e"]);
    let proof = proof_in(&tree, 2, signed(&tree, ORIGIN, key()));
    for at in 0..proof.len() {
        let mut edited = proof.clone().into_bytes();
        edited[at] ^= 1 << (at % 7);
        assert!(listed(&edited, b"c", &trust(), NOW).is_err(), "byte {at}: {}", String::from_utf8_lossy(&edited));
    }
}

#[test]
fn only_the_key_of_the_log_in_its_time_is_believed() {
    let tree = log_of(&["a"]);
    let proof = proof_in(&tree, 0, signed(&tree, ORIGIN, key()));
    let with = |change: fn(&mut Trusted)| {
        let mut log = trusted(key());
        change(&mut log);
        whom(vec![log])
    };
    let says = |proof: &str, trust: &Trust, now, what: &str| {
        let said = check(proof, "a", trust, now).expect_err(what);
        assert!(said.contains(what), "{said}");
    };
    says(&proof, &whom(Vec::new()), NOW, "the list of keys names no log \"example.com/exports\"");
    says(&proof, &with(|t| t.role = Role::Run), NOW, "the list of keys names no log");
    says(&proof, &with(|t| t.name = "example.com/other".into()), NOW, "names no log");
    says(&proof, &with(|t| t.revoked = Some(NOW)), NOW, "which is revoked");
    says(&proof, &with(|t| t.not_after = AT - 1), NOW, "outside of its validity");
    says(&proof, &trust(), AT - 1, "logged at 2027-01-15T08:00:00Z, which is in the future");
    let (thief, _) = SigningKey::generate(Algorithm::Ed25519);
    says(&proof_in(&tree, 0, signed(&tree, ORIGIN, &thief)), &trust(), NOW, "no key that is known of");
}

#[test]
fn a_new_key_of_a_log_takes_over_from_an_old_one() {
    let (new, _) = SigningKey::generate(Algorithm::Ed25519);
    let both = whom(vec![trusted(&new), trusted(key())]);
    let tree = log_of(&["a"]);
    for signer in [key(), &new] {
        assert!(check(&proof_in(&tree, 0, signed(&tree, ORIGIN, signer)), "a", &both, NOW).is_ok());
    }
}

#[test]
fn two_histories_of_one_size_are_a_split_view() {
    let (one, other) = (log_of(&["a", "b"]), log_of(&["a", "x"]));
    let shown =
        |tree: &Tree| check(&proof_in(tree, 0, signed(tree, ORIGIN, key())), "a", &trust(), NOW).expect("sound");
    let (one, other) = (shown(&one), shown(&other));
    assert_eq!(one_view(&one, &one), Ok(()));
    let said = one_view(&one, &other).expect_err("two histories").to_string();
    assert_eq!(said, "log: split view: example.com/exports signed two histories of 2 entries");
    // A longer tree is no contradiction by itself: only the log can show that it grew out of the shorter one.
    assert_eq!(one_view(&one, &shown(&log_of(&["a", "b", "c"]))), Ok(()));
}

#[test]
fn an_entry_is_written_in_one_way_and_says_nothing_without_its_salt() {
    let entry = opening(1).entry(b"a");
    assert_eq!(Entry::parse(&entry.bytes()), Some(entry.clone()));
    let text = String::from_utf8(entry.bytes()).expect("text");
    let longer = text.replace(' ', "  ");
    for other in [text.trim_end(), &longer, &text.to_uppercase(), &text.replace("/v1 ", "/v1 0"), ""] {
        assert_eq!(Entry::parse(other.as_bytes()), None, "{other:?}");
    }
    assert!(text.len() <= ENTRY_MAX);
    // Equal envelopes make unequal entries of equal length, and an entry that fills up is one of them.
    let again = opening(2).entry(b"a");
    assert_ne!(again.commitment, entry.commitment);
    let filler = Entry { at: AT, commitment: Digest([7; 32]) };
    assert_eq!((again.bytes().len(), filler.bytes().len()), (text.len(), text.len()));
}

#[test]
fn the_index_shows_the_newest_entries_and_what_was_signed() {
    let tree = log_of(&["a", "b", "c"]);
    let note = signed(&tree, ORIGIN, key());
    let newest = VecDeque::from([opening(1).entry(b"b"), opening(2).entry(b"c")]);
    let checkpoint = Checkpoint { origin: ORIGIN.into(), root: tree.root() };
    let text = index(&checkpoint, &note, &newest);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&value["size"], &value["entries"][0]["index"]), (&"3".into(), &"1".into()));
    assert_eq!(value["entries"][1]["commitment"], json!(newest[1].commitment));
    let schema = include_str!("../../../schemas/export-index.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).expect("JSON");
    assert_eq!(crate::sample::schema::disagreements(&schema, &value), [""; 0]);
}
