//! Assessments: a judge's signed word on what was found in a real deployment, for one resource and not for long.
//!
//! An assessment is a DSSE envelope around an in-toto test result about the report of `cellproof certify`. Of the
//! report it holds the digest, rows of the catalogue and counts: neither objects, nor statements, nor anything of a
//! tenant. A component that could not be reached is inconclusive in it, and one that was not named is not tested.
//!
//! - [`statement`] what an assessment says;
//! - [`mod@open`] every rule that it must keep.
//!
//! Knows nothing of servers, nor of how anything was judged.

pub mod open;
pub mod statement;

#[cfg(test)]
pub(crate) mod tests;

pub use open::{Assessed, Wanted, open};
pub use statement::{Asked, Assessment, Mode, NotJudged, Verdict, assessment, issue};
