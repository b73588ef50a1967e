//! Evidence bundles: what was proved for one tenant, signed, and checked by somebody who trusts a key and nobody else.
//!
//! A bundle is an outer tar of two files: `payload.tar.zst`, a BagIt bag of reports, and `seal.json`, a DSSE envelope
//! over the payload *file's* SHA-256, because a compressed stream survives some flipped bits. Everything in the payload
//! is made from a record that was built for this tenant by [`project()`]: what is not copied into it is in no file.
//!
//! - [`key`] signing keys, public keys, their ids;
//! - [`envelope`] one way to write what is signed;
//! - [`trust`] whose keys a verifier believes, for what, and until when, by the word of one key that it was given;
//! - [`statement`] what a seal says, in the in-toto framework;
//! - [`mod@project`] the record of one tenant;
//! - [`bag`] files in a bag, a bag in a tar: one way to write each, so that anything else is refused;
//! - [`log`] the public index of all that was sealed, which says nothing about anybody;
//! - [`bundle`] making one; [`open`] taking one apart, with every rule that it must keep.

pub mod bag;
pub mod bundle;
pub mod envelope;
pub mod key;
pub mod log;
pub mod open;
pub mod project;
pub mod statement;
pub mod trust;
pub mod unfit;

#[cfg(test)]
mod tests;

pub use bundle::{Draft, Leak, make};
pub use key::{PublicKey, SigningKey};
pub use open::{Opened, Rules, open};
pub use project::project;
pub use statement::{Seal, Verdict};
pub use trust::{Role, Trust, Trusted};
pub use unfit::Unfit;
