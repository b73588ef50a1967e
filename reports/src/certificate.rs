//! Certificates: a certifier's signed word on what the evidence of a gate supports, for one resource and not for long.
//!
//! A certificate is a DSSE envelope around an in-toto statement with the SLSA verification summary as its predicate, so
//! that admission controllers and policy engines read it; what that predicate has no word for stands in one member of
//! ours. It claims nothing that its evidence does not show: a row that was not judged, or could not be decided, is
//! named, and never passed. What was found in a real deployment comes in by [`crate::assessment`].
//!
//! - [`statement`] what a certificate says;
//! - [`conclude`] which levels and rows a record supports;
//! - [`mod@issue`] from opened bundles to a certificate, and what has drifted from what it pins;
//! - [`mod@open`] every rule that a certificate must keep.

pub mod conclude;
pub mod issue;
pub mod open;
pub mod statement;

#[cfg(test)]
mod tests;

pub use conclude::{Conclusion, Judge, Probed};
pub use issue::{Case, Terms, certificate, drift, issue, pins};
pub use open::{Believed, Wanted, open};
pub use statement::{Certificate, Outcome, RowStanding};
