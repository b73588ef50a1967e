//! Names of objects, as a service reads them from a request (STO-08): `{tenant_id}/{domain}/{product}/{name}`.
//!
//! A name has one spelling, and one that has another is refused instead of normalised: whatever stands between two
//! parsers that normalise differently is a way out of a prefix. That a name begins with the caller's tenant is asked
//! afterwards, of the very bytes that the store will be asked for.

use crate::control;
use crate::control::{Control, Controls};
use serde::Deserialize;
use serde_json::json;

/// A name that has a second spelling is refused.
pub const PATH: Control = control!(
    "objects.path",
    upholds: ["STO-08", "TEN-02"],
    off: "the name is looked at as it came, then decoded until nothing is left to decode and resolved like a file's, \
          as gateways in front of file systems do",
);

/// A tenant's prefix ends with its separator.
pub const PREFIX: Control = control!(
    "objects.prefix",
    upholds: ["STO-08", "TEN-02"],
    off: "a name is the tenant's that begins with its id, as with `startswith(tenant)`: `acme-corp/…` is also acme's",
);

/// The archive: what is put there is kept until its time is over (write once).
pub const ARCHIVE: &str = "archive";

/// Longest name, in bytes: S3's limit for a key.
pub const NAME_BYTES_MAX: usize = 1024;
/// Longest part of a name, in bytes: what most file systems take, and what S3 gateways in front of them pass on.
pub const PART_BYTES_MAX: usize = 255;
/// Parts of a name, at least: tenant, domain, product, and a name of its own.
pub const PARTS_MIN: usize = 4;

/// Why a name was refused. Codes are stable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refused {
    /// Longer than [`NAME_BYTES_MAX`], or a part longer than [`PART_BYTES_MAX`].
    TooLong,
    /// Fewer parts than [`PARTS_MIN`].
    TooShort,
    /// Two separators in a row, or one at either end.
    EmptyPart,
    /// `.` or `..`.
    DotPart,
    /// A part that ends in a dot, which some file systems drop.
    TrailingDot,
    /// `%` and what follows: some other spelling of something.
    Encoded,
    /// A backslash: a separator to some.
    Backslash,
    /// A control character, a blank, or punctuation that means something elsewhere.
    Character,
    /// A letter that is not ASCII: many have look-alikes that fold into separators and dots.
    NotAscii,
    /// Not in the tenant's prefix.
    ForeignPrefix,
}

impl Refused {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Refused::TooLong => "too-long",
            Refused::TooShort => "too-short",
            Refused::EmptyPart => "empty-part",
            Refused::DotPart => "dot-part",
            Refused::TrailingDot => "trailing-dot",
            Refused::Encoded => "encoded",
            Refused::Backslash => "backslash",
            Refused::Character => "character",
            Refused::NotAscii => "not-ascii",
            Refused::ForeignPrefix => "foreign-prefix",
        }
    }
    /// The requirements that demand it.
    pub const fn requirements(self) -> &'static [&'static str] {
        match self {
            Refused::ForeignPrefix => PREFIX.upholds,
            _ => PATH.upholds,
        }
    }
}

/// The key that the store is asked for when `tenant` names an object so.
///
/// # Errors
/// The name has a second spelling, or lies outside the tenant's prefix.
pub fn key_of(controls: &Controls, tenant: &str, name: &str) -> Result<String, Refused> {
    admit(controls, tenant, name, |name| spelled(name, PARTS_MIN))
}

/// The prefix that the store is asked to list when `tenant` names it so. It may end with a separator, and in the middle
/// of a part.
///
/// # Errors
/// As with [`key_of`].
pub fn prefix_of(controls: &Controls, tenant: &str, prefix: &str) -> Result<String, Refused> {
    admit(controls, tenant, prefix, |prefix| spelled(prefix.strip_suffix('/').unwrap_or(prefix), 1))
}

fn admit(
    controls: &Controls,
    tenant: &str,
    name: &str,
    spelled: impl FnOnce(&str) -> Result<(), Refused>,
) -> Result<String, Refused> {
    let strict = controls.on(&PATH);
    if strict {
        spelled(name)?;
    }
    // Asked first: whoever is refused here is refused for the prefix, by however many characters it is missed.
    let whole = controls.on(&PREFIX);
    let rest = name.strip_prefix(tenant).ok_or(Refused::ForeignPrefix)?;
    if whole && !rest.starts_with('/') {
        return Err(Refused::ForeignPrefix);
    }
    Ok(if strict { name.to_owned() } else { resolved(name) })
}

/// Whether a name has no second spelling.
fn spelled(name: &str, parts_min: usize) -> Result<(), Refused> {
    if name.len() > NAME_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    for byte in name.bytes() {
        match byte {
            b'%' => return Err(Refused::Encoded),
            b'\\' => return Err(Refused::Backslash),
            0x80.. => return Err(Refused::NotAscii),
            b'/' | b'-' | b'.' | b'_' => {}
            _ if byte.is_ascii_alphanumeric() => {}
            _ => return Err(Refused::Character),
        }
    }
    for part in name.split('/') {
        match part {
            "" => return Err(Refused::EmptyPart),
            "." | ".." => return Err(Refused::DotPart),
            _ if part.ends_with('.') => return Err(Refused::TrailingDot),
            _ if part.len() > PART_BYTES_MAX => return Err(Refused::TooLong),
            _ => {}
        }
    }
    if name.split('/').count() < parts_min { Err(Refused::TooShort) } else { Ok(()) }
}

/// What a careless gateway makes of a name: everything decoded, folded and resolved.
fn resolved(name: &str) -> String {
    let mut name = name.to_owned();
    loop {
        let decoded = folded(&unescaped(&name));
        if decoded == name {
            break;
        }
        name = decoded;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let end = if name.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    parts.join("/") + end
}

/// Percent escapes as lenient decoders read them: overlong UTF-8 is what it stands for, and what is none stays.
fn unescaped(name: &str) -> String {
    let bytes = name.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let next = || bytes.get(at + 3..).and_then(escape);
        match (escape(&bytes[at..]), next()) {
            (Some(high @ 0xc0..=0xc1), Some(low @ 0x80..=0xbf)) => {
                out.push((high & 1) << 6 | low & 0x3f);
                at += 6;
            }
            (Some(byte), _) => {
                out.push(byte);
                at += 3;
            }
            (None, _) => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn escape(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16);
    Some((digit(*high)? << 4 | digit(*low)?) as u8)
}

/// Look-alikes as NFKC folds them (Unicode Standard Annex #15): full-width forms, and leaders of dots.
fn folded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '\u{ff0e}' | '\u{2024}' => out.push('.'),
            '\u{2025}' => out.push_str(".."),
            '\u{ff0f}' => out.push('/'),
            '\u{ff3c}' => out.push('\\'),
            letter => out.push(letter),
        }
    }
    out
}

/// A line of `cellproof model object-path`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The tenant of the principal, as its token proves it.
    tenant: String,
    /// What it names: `acme/documents/reports/7`.
    path: String,
    /// Whether it wants to list what begins so.
    #[serde(default)]
    list: bool,
}

/// Answers one JSON line with one line, every control on: the `key` that the store is asked for, or a `reason` with
/// `requirements`.
///
/// # Errors
/// When the line is no such case.
pub fn answer_json(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    if case.tenant.is_empty() {
        return Err("`tenant` is empty, expected the id of a tenant".into());
    }
    let of = if case.list { prefix_of } else { key_of };
    let answer = match of(&Controls::all_on(), &case.tenant, &case.path) {
        Ok(key) => json!({"allowed": true, "key": key}),
        Err(refused) => {
            json!({"allowed": false, "reason": refused.code(), "requirements": refused.requirements()})
        }
    };
    Ok(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sim::ControlSet;

    const OWN: &str = "acme/documents/reports/7";
    const VICTIM: &str = "acme-corp/documents/reports/7";

    fn off(control: &Control) -> Controls {
        Controls::with_off(ControlSet::EMPTY.with(control.slot))
    }

    fn check(name: &str, expected: Result<&str, Refused>) {
        assert_eq!(key_of(&Controls::all_on(), "acme", name).as_deref().map_err(|e| *e), expected, "{name}");
    }

    /// Refused with every control on, and a way to the victim's object without the strict reading.
    fn check_traversal(name: &str, expected: Refused) {
        check(name, Err(expected));
        assert_eq!(key_of(&off(&PATH), "acme", name).as_deref(), Ok(VICTIM), "{name}");
    }

    #[test]
    fn every_way_up_and_out_is_refused_and_is_one() {
        check_traversal("acme/../acme-corp/documents/reports/7", Refused::DotPart);
        check_traversal("acme/documents/../../acme-corp/documents/reports/7", Refused::DotPart);
        check_traversal("acme/./../acme-corp/documents/reports/7", Refused::DotPart);
        check_traversal("acme//..//../acme-corp/documents/reports/7", Refused::EmptyPart);
        check_traversal("acme/%2e%2e/acme-corp/documents/reports/7", Refused::Encoded);
        check_traversal("acme/%2E%2e%2Facme-corp/documents/reports/7", Refused::Encoded);
        check_traversal("acme/%252e%252e/acme-corp/documents/reports/7", Refused::Encoded);
        check_traversal("acme/%25252e%25252e/acme-corp/documents/reports/7", Refused::Encoded);
        check_traversal("acme/%c0%ae%c0%ae/acme-corp/documents/reports/7", Refused::Encoded);
        check_traversal("acme/%EF%BC%8E%EF%BC%8E/acme-corp/documents/reports/7", Refused::Encoded);
        check_traversal("acme/\u{ff0e}\u{ff0e}\u{ff0f}acme-corp/documents/reports/7", Refused::NotAscii);
        check_traversal("acme/\u{2025}/acme-corp/documents/reports/7", Refused::NotAscii);
        check_traversal("acme/..\\acme-corp/documents/reports/7", Refused::Backslash);
    }

    #[test]
    fn a_neighbours_name_that_begins_alike_is_nobody_elses() {
        check(VICTIM, Err(Refused::ForeignPrefix));
        assert_eq!(key_of(&off(&PREFIX), "acme", VICTIM).as_deref(), Ok(VICTIM));
        assert_eq!(key_of(&off(&PREFIX), "acme", "beta/documents/reports/7"), Err(Refused::ForeignPrefix));
        check("ACME/documents/reports/7", Err(Refused::ForeignPrefix));
        check("/acme/documents/reports/7", Err(Refused::EmptyPart));
        for (prefix, expected) in [
            ("acme", Err(Refused::ForeignPrefix)),
            ("acme-", Err(Refused::ForeignPrefix)),
            ("acme/", Ok("acme/")),
            ("acme/doc", Ok("acme/doc")),
            ("acme//", Err(Refused::EmptyPart)),
            ("", Err(Refused::EmptyPart)),
        ] {
            let got = prefix_of(&Controls::all_on(), "acme", prefix);
            assert_eq!(got.as_deref().map_err(|e| *e), expected, "{prefix}");
        }
    }

    #[test]
    fn a_name_says_domain_product_and_object_in_plain_letters() {
        check(OWN, Ok(OWN));
        check("acme/archive/audit/2026-11-26.v1_a", Ok("acme/archive/audit/2026-11-26.v1_a"));
        check("acme/documents/7", Err(Refused::TooShort));
        check("acme/documents/reports/", Err(Refused::EmptyPart));
        check("acme/documents/reports/7.", Err(Refused::TrailingDot));
        check("acme/documents/reports/a b", Err(Refused::Character));
        check("acme/documents/reports/a\0", Err(Refused::Character));
        check("acme/documents/reports/a:b", Err(Refused::Character));
        check("acme/documents/reports/ä", Err(Refused::NotAscii));
        check(&format!("acme/documents/reports/{}", "x".repeat(256)), Err(Refused::TooLong));
        check(&format!("acme{}", "/x".repeat(511)), Err(Refused::TooLong));
    }

    #[test]
    fn a_refusal_says_why_and_who_demands_it() {
        let answer = answer_json(r#"{"tenant":"acme","path":"acme/../acme-corp/documents/reports/7"}"#);
        let refused = r#"{"allowed":false,"reason":"dot-part","requirements":["STO-08","TEN-02"]}"#;
        assert_eq!(answer.as_deref(), Ok(refused));
        let answer = answer_json(r#"{"tenant":"acme","path":"acme/documents/","list":true}"#);
        assert_eq!(answer.as_deref(), Ok(r#"{"allowed":true,"key":"acme/documents/"}"#));
        assert!(answer_json(r#"{"tenant":"","path":"x"}"#).is_err());
        assert!(answer_json(r#"{"path":"x"}"#).is_err_and(|e| e.contains("tenant")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_is_admitted_stays_in_its_prefix_however_it_is_read(
            name in "(acme|acme-corp|/|\\.|%2e|%2F|[a-z]|\\PC){1,12}",
        ) {
            if let Ok(key) = key_of(&Controls::all_on(), "acme", &name) {
                prop_assert!(key.starts_with("acme/"));
                prop_assert_eq!(resolved(&key), key);
            }
        }
    }
}
