//! The log of one tenant: rows in a chain, each signed, and what a reading of them shows.
//!
//! Three questions. Do the rows follow from each other; did the registrar make them; and are they all there, because a
//! chain does not see its own end.

use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{Key, base64url, base64url_decode, hex, sha256};
use crate::wire::sql::{Row, Value};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Each row is computed again from its content and the row before it.
pub const CHAIN: Control = control!(
    "request-log.chain",
    upholds: ["STO-10"],
    off: "rows are counted and their signatures checked, and nobody computes what it is that was signed",
);

/// Each row was signed by the registrar.
pub const SIGNATURE: Control = control!(
    "request-log.signature",
    upholds: ["STO-10"],
    off: "a chain that computes is believed, whoever computed it",
);

/// The log goes on from what the registrar wrote last.
pub const HEAD: Control = control!(
    "request-log.head",
    upholds: ["STO-10"],
    off: "a log ends where it ends: one that lost its tail is a valid, shorter log",
);

/// What the first row follows.
const GENESIS: &str = "";

/// A row of `request_log`, without the tenant that it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Counts the tenant's rows, from 1.
    pub seq: i64,
    /// When, in nanoseconds, by the registrar's clock.
    pub at_ns: i64,
    /// Who asked.
    pub actor: Arc<str>,
    /// For what.
    pub request: Arc<str>,
    /// Hash of the row before.
    pub previous: Arc<str>,
    /// Its own.
    pub hash: Arc<str>,
    /// The registrar's signature of that, in base64url.
    pub signature: Arc<str>,
}

/// The end of a tenant's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Number of the last row; 0 when there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: Arc<str>,
}

impl Default for Head {
    fn default() -> Head {
        Head { seq: 0, hash: GENESIS.into() }
    }
}

/// What a reading showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Everything is as it was written.
    Intact,
    /// This row is not what was written, or does not follow from the one before.
    Altered(i64),
    /// The log ends before this row, which was written.
    Short(i64),
}

impl Entry {
    /// A row after `head`, without a signature.
    pub fn chained(tenant: &str, head: &Head, at_ns: i64, (actor, request): (&str, &str)) -> Entry {
        let seq = head.seq + 1;
        let hash = link(tenant, seq, at_ns, (actor, request), &head.hash).into();
        let (actor, request, previous) = (actor.into(), request.into(), head.hash.clone());
        Entry { seq, at_ns, actor, request, previous, hash, signature: "".into() }
    }

    /// The same row, signed.
    #[must_use]
    pub fn signed(mut self, key: &Key) -> Entry {
        self.signature = base64url(&key.sign(self.hash.as_bytes())).into();
        self
    }

    /// The end of a log that ends with it.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash.clone() }
    }

    /// Its columns after the tenant's, as `request_log` has them.
    pub fn values(&self) -> Vec<Value> {
        let text = |s: &Arc<str>| Value::Text(s.clone());
        let mut values = vec![Value::Int(self.seq), Value::Int(self.at_ns)];
        values.extend([&self.actor, &self.request, &self.previous, &self.hash, &self.signature].map(text));
        values
    }

    /// Reads [`Entry::values`] back; `None` when a column is of another type.
    pub fn read(row: &Row) -> Option<Entry> {
        let [seq, at_ns, rest @ ..] = &row[..] else { return None };
        let [actor, request, previous, hash, signature] = rest else { return None };
        let text = |value: &Value| value.as_text().map(Arc::from);
        Some(Entry {
            seq: seq.as_int()?,
            at_ns: at_ns.as_int()?,
            actor: text(actor)?,
            request: text(request)?,
            previous: text(previous)?,
            hash: text(hash)?,
            signature: text(signature)?,
        })
    }
}

/// Every part with its length before it, so that no two rows share their bytes.
fn link(tenant: &str, seq: i64, at_ns: i64, (actor, request): (&str, &str), previous: &str) -> String {
    let mut bytes = Vec::new();
    for part in [tenant, actor, request, previous] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(&at_ns.to_le_bytes());
    hex(&sha256(&bytes))
}

/// Reads a tenant's log from its first row. `known` is how far it went when the reading began; `believed` are rows
/// whose signatures were checked before.
pub fn verify(
    controls: &Controls,
    (tenant, rows): (&str, &[Entry]),
    key: &[u8; 32],
    known: &Head,
    believed: &mut BTreeSet<(Arc<str>, Arc<str>)>,
) -> Verdict {
    let mut head = Head::default();
    for row in rows {
        if controls.on(&CHAIN) {
            let follows = row.seq == head.seq + 1 && row.previous == head.hash;
            let computed = link(tenant, row.seq, row.at_ns, (&row.actor, &row.request), &row.previous);
            if !follows || computed != *row.hash {
                return Verdict::Altered(row.seq);
            }
        }
        if controls.on(&SIGNATURE) && !is_signed(row, key, believed) {
            return Verdict::Altered(row.seq);
        }
        head = row.head();
    }
    if controls.on(&HEAD) { goes_on(rows, known) } else { Verdict::Intact }
}

/// Whether a log that was at `known` may have become these rows.
fn goes_on(rows: &[Entry], known: &Head) -> Verdict {
    let last = rows.last().map_or(0, |row| row.seq);
    match rows.iter().find(|row| row.seq == known.seq) {
        _ if last < known.seq => Verdict::Short(last + 1),
        Some(row) if row.hash != known.hash => Verdict::Altered(row.seq),
        _ => Verdict::Intact,
    }
}

fn is_signed(row: &Entry, key: &[u8; 32], believed: &mut BTreeSet<(Arc<str>, Arc<str>)>) -> bool {
    let named = (row.hash.clone(), row.signature.clone());
    if believed.contains(&named) {
        return true;
    }
    let Some(signature) = base64url_decode(&row.signature) else { return false };
    let genuine = UnparsedPublicKey::new(&ED25519, key).verify(row.hash.as_bytes(), &signature).is_ok();
    genuine && believed.insert(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;
    use crate::crypto;

    fn log(key: Option<&Key>, requests: &[&str]) -> Vec<Entry> {
        let mut head = Head::default();
        let entry = |request: &&str| {
            let entry = Entry::chained("acme", &head, 7, ("acme", request));
            head = entry.head();
            key.map_or(entry.clone(), |key| entry.signed(key))
        };
        requests.iter().map(entry).collect()
    }

    /// What a reading shows of rows `a` to `d` after an edit, with these controls off.
    fn check(off: &[&Control], edit: impl Fn(&mut Vec<Entry>), expected: Verdict) {
        let key = crypto::key("registrar", 0);
        let mut rows = log(Some(&key), &["a", "b", "c", "d"]);
        let known = rows[3].head();
        edit(&mut rows);
        let controls = Controls::with_off(off.iter().fold(ControlSet::EMPTY, |set, c| set.with(c.slot)));
        let verdict = verify(&controls, ("acme", &rows), key.public(), &known, &mut BTreeSet::new());
        assert_eq!(verdict, expected, "{:?}", off.iter().map(|c| c.id).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_edited_swapped_cut_or_made_up_is_noticed_and_each_by_its_own_check() {
        check(&[], |_| (), Verdict::Intact);
        let edited = |rows: &mut Vec<Entry>| rows[1].request = "z".into();
        check(&[], edited, Verdict::Altered(2));
        check(&[&CHAIN], edited, Verdict::Intact);
        let swapped = |rows: &mut Vec<Entry>| {
            rows.swap(1, 2);
            (rows[1].seq, rows[2].seq) = (2, 3);
        };
        check(&[], swapped, Verdict::Altered(2));
        check(&[&CHAIN], swapped, Verdict::Intact);
        let cut = |rows: &mut Vec<Entry>| rows.truncate(2);
        check(&[], cut, Verdict::Short(3));
        check(&[&HEAD], cut, Verdict::Intact);
        let made_up = |rows: &mut Vec<Entry>| *rows = log(None, &["a", "z", "c", "d", "e"]);
        check(&[], made_up, Verdict::Altered(1));
        check(&[&CHAIN, &SIGNATURE], made_up, Verdict::Altered(4));
        check(&[&SIGNATURE], made_up, Verdict::Altered(4));
        check(&[&HEAD], made_up, Verdict::Altered(1));
        check(&[&SIGNATURE, &HEAD], made_up, Verdict::Intact);
    }

    #[test]
    fn rows_of_another_tenant_and_columns_of_another_type_are_none() {
        let key = crypto::key("registrar", 0);
        let rows = log(Some(&key), &["a"]);
        let of = |tenant| {
            let (on, known) = (Controls::all_on(), Head::default());
            verify(&on, (tenant, &rows), key.public(), &known, &mut BTreeSet::new())
        };
        assert_eq!((of("acme"), of("beta")), (Verdict::Intact, Verdict::Altered(1)));
        let row: Row = rows[0].values().into();
        assert_eq!(Entry::read(&row).as_ref(), Some(&rows[0]));
        assert_eq!(Entry::read(&row[1..].to_vec().into()), None);
    }
}
