//! What a session with the store may touch: one tenant's prefix (STO-08, TEN-02).
//!
//! The second layer behind the names that a service reads: it holds when the service asks for the wrong key.

use crate::control;
use crate::control::{Control, Controls};

/// The grant of a session ends with its separator.
pub const GRANT: Control = control!(
    "objects.grant",
    upholds: ["STO-08", "TEN-02"],
    off: "the session's policy names `bucket/acme*` instead of `bucket/acme/*`, and so every tenant whose id begins \
          like that",
);

/// Whether a session of `tenant` may touch this key, or list what begins like it.
pub fn covers(controls: &Controls, tenant: &str, key: &str) -> bool {
    let rest = key.strip_prefix(tenant);
    rest.is_some_and(|rest| rest.starts_with('/') || !controls.on(&GRANT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    #[test]
    fn a_session_covers_its_prefix_and_without_the_separator_its_neighbours() {
        let (on, off) = (Controls::all_on(), Controls::with_off(ControlSet::EMPTY.with(GRANT.slot)));
        for (key, with, without) in [
            ("acme/a/b/c", true, true),
            ("acme/", true, true),
            ("acme", false, true),
            ("acme-corp/a/b/c", false, true),
            ("beta/a/b/c", false, false),
            ("", false, false),
        ] {
            assert_eq!((covers(&on, "acme", key), covers(&off, "acme", key)), (with, without), "{key}");
        }
    }
}
