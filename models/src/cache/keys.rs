//! How the client library names cache entries, and the key pattern an operator grants for them.
//!
//! Escaping matters even where ACLs hold, because an ACL user covers more than one kind of key. The attack that
//! [`KEY_ENCODING`] alone stops: the platform's own user may touch `@platform:*`. Under it lie sessions,
//! `@platform:session:{tenant}:{id}`, and public pages, `@platform:{name}`, whose name comes from the URL. Tenant acme
//! asks for the public page named `session:globex:7`; joined raw, that *is* the key of globex's session 7, and the
//! page's body is globex's session. No tenant is spoofed, the ACL user is the right one, the epoch is current.
//!
//! Second variant, for stolen credentials: the name of a tenant is text that somebody chose at sign-up. Raw, the keys
//! of tenant `acme:corp` lie under `acme:*`, which user `acme` may touch, and the pattern for a tenant named `a*` is
//! `a*:*`.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::{Bytes, TenantId};

/// The client library puts the tenant in front of the key.
pub const KEY_NAMESPACE: Control = control!(
    "cache.key-namespace",
    upholds: ["CAC-01", "TEN-02"],
    off: "keys are built without the tenant, as when a service written for one customer is reused for many",
);

/// Parts of a key are escaped, so that no delimiter, glob character or non-ASCII byte of a name reaches the key.
pub const KEY_ENCODING: Control = control!(
    "cache.key-encoding",
    upholds: ["CAC-01"],
    off: "parts are joined raw, as with format!(\"{tenant}:{id}\"): a crafted name equals another owner's key",
);

/// Between the parts of a key. Every part escapes it.
const DELIMITER: u8 = b':';
/// First part of the platform's own keys. `@` is escaped in names, so no tenant's key can start with it.
const PLATFORM: &[u8] = b"@platform";

/// A tenant, in its present incarnation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantId,
    /// Counted up by the control plane when the tenant is deleted, re-created, moved or rolled back. A count per
    /// tenant, not a global one: it separates incarnations of one name, not tenants.
    pub epoch: u64,
}

/// What an entry is about. User-controlled text may stand in every field but `family`.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// A tenant's own entry: `{tenant}:{family}:{id}`, under the tenant's ACL user.
    Tenant {
        /// The owner.
        owner: &'a Owner,
        /// Kind of entry, a constant of the service: `profile`.
        family: &'static str,
        /// Which one.
        id: &'a str,
    },
    /// What the platform keeps about a tenant before it may act for it: `@platform:session:{tenant}:{id}`.
    Session {
        /// Whose session it is.
        owner: &'a Owner,
        /// Which session.
        id: &'a str,
    },
    /// A page that everybody may see: `@platform:{name}`. Shares the ACL user of sessions.
    Public {
        /// Name of the page, from the URL.
        name: &'a str,
    },
}

/// The key of an entry, as it is sent to the server.
pub fn key_bytes(controls: &Controls, key: Key<'_>) -> Bytes {
    let mut out = Vec::with_capacity(64);
    match key {
        Key::Tenant { owner, family, id } => {
            if controls.on(&KEY_NAMESPACE) {
                part(controls, &owner.tenant, &mut out);
                out.push(DELIMITER);
            }
            out.extend_from_slice(family.as_bytes());
            out.push(DELIMITER);
            part(controls, id, &mut out);
        }
        Key::Session { owner, id } => {
            out.extend_from_slice(PLATFORM);
            out.extend_from_slice(b":session:");
            part(controls, &owner.tenant, &mut out);
            out.push(DELIMITER);
            part(controls, id, &mut out);
        }
        Key::Public { name } => {
            out.extend_from_slice(PLATFORM);
            out.push(DELIMITER);
            part(controls, name, &mut out);
        }
    }
    out.into()
}

/// The key pattern that the ACL user of `tenant` is given: its namespace, separator included.
pub fn tenant_pattern(controls: &Controls, tenant: &str) -> Bytes {
    let mut out = Vec::with_capacity(32);
    part(controls, tenant, &mut out);
    out.extend_from_slice(b":*");
    out.into()
}

/// The key pattern of the platform's own ACL user.
pub fn platform_pattern() -> Bytes {
    (*b"@platform:*").into()
}

/// The namespace under which the server books the memory of `tenant`'s entries.
pub fn tenant_namespace(controls: &Controls, tenant: &str) -> Bytes {
    let mut out = Vec::with_capacity(32);
    part(controls, tenant, &mut out);
    out.into()
}

/// Appends one part. Letters, digits, `-`, `_` and `.` stand for themselves, every other byte becomes `%XX`: an
/// injective map whose image holds neither the delimiter nor a glob character. Confusables are told apart by their
/// bytes; nothing is normalised or case-folded, since folding is what merges names.
fn part(controls: &Controls, text: &str, out: &mut Vec<u8>) {
    if controls.on(&KEY_ENCODING) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
                out.push(byte);
            } else {
                out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        return;
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;
    use proptest::prelude::*;

    fn owner(tenant: &str) -> Owner {
        Owner { tenant: tenant.into(), epoch: 1 }
    }
    fn check(controls: &Controls, key: Key<'_>, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&key_bytes(controls, key)), expected);
    }

    #[test]
    fn names_are_escaped_part_by_part() {
        let on = Controls::all_on();
        check(&on, Key::Tenant { owner: &owner("acme"), family: "profile", id: "corp:1" }, "acme:profile:corp%3A1");
        check(&on, Key::Tenant { owner: &owner("acme:corp"), family: "profile", id: "1" }, "acme%3Acorp:profile:1");
        check(&on, Key::Public { name: "session:globex:7" }, "@platform:session%3Aglobex%3A7");
        check(&on, Key::Tenant { owner: &owner("acmе"), family: "p", id: "%3A" }, "acm%D0%B5:p:%253A");
        assert_eq!(&*tenant_pattern(&on, "a*"), b"a%2A:*");
    }

    #[test]
    fn without_encoding_a_public_name_is_the_key_of_a_session() {
        let off = Controls::with_off(ControlSet::EMPTY.with(KEY_ENCODING.slot));
        let globex = owner("globex");
        let session = key_bytes(&off, Key::Session { owner: &globex, id: "7" });
        assert_eq!(session, key_bytes(&off, Key::Public { name: "session:globex:7" }));
    }

    #[test]
    fn without_the_namespace_two_tenants_share_a_key() {
        let off = Controls::with_off(ControlSet::EMPTY.with(KEY_NAMESPACE.slot));
        check(&off, Key::Tenant { owner: &owner("acme"), family: "profile", id: "7" }, "profile:7");
    }

    fn name() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            proptest::sample::select(vec!["a", "c", ":", "%", "3A", "*", "@", "session", "é"]),
            0..5,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn different_names_never_share_a_key_and_no_pattern_covers_a_strangers_key(
            a in name(), b in name(), i in name(), j in name()
        ) {
            let on = Controls::all_on();
            let (first, second) = (owner(&a), owner(&b));
            let keys = [
                key_bytes(&on, Key::Tenant { owner: &first, family: "session", id: &i }),
                key_bytes(&on, Key::Session { owner: &first, id: &i }),
                key_bytes(&on, Key::Public { name: &i }),
            ];
            let others = [
                key_bytes(&on, Key::Tenant { owner: &second, family: "session", id: &j }),
                key_bytes(&on, Key::Session { owner: &second, id: &j }),
                key_bytes(&on, Key::Public { name: &j }),
            ];
            for (x, key) in keys.iter().enumerate() {
                for (y, other) in others.iter().enumerate() {
                    let same_name = x == y && i == j && (x == 2 || a == b);
                    prop_assert_eq!(key == other, same_name);
                }
            }
            let pattern = super::super::acl::Glob::new(&tenant_pattern(&on, &a));
            prop_assert_eq!(pattern.matches(&others[0]), a == b);
            prop_assert!(!pattern.matches(&others[1]) && !pattern.matches(&others[2]));
        }
    }
}
