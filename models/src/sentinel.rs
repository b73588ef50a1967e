//! The sentinel: notices that a token is in two hands, and has it taken back (IDN-02).
//!
//! A token cannot say who holds it. What it can be seen by is use: from a second client, at two places between which
//! nobody travels so fast, or, of a refresh token, a second time. [`watch`] is the rules, [`machine`] the node.

pub mod machine;
pub mod watch;
