//! Reports: everything a reader gets to see, made from one [`GateRecord`] and nothing else.
//!
//! Start with [`write_all`], or [`render`] for one format. A report is a pure function of the record: no clock, no
//! host name, no path, so the same record gives the same bytes. Whatever is shown can be shown again from
//! `report.json`, which is the record itself.
//!
//! - [`verdict`] how a scenario, a canary and a whole gate are said;
//! - [`matrix`] the views that formats share: requirement × scenario, control × scenario, totals, the bound;
//! - [`slo`] objectives and serving figures by condition; [`series`] the same as monitoring sees it;
//! - [`evidence`] signed bundles, one for each tenant, and their verifier; [`assessment`] what was found in a real
//!   deployment, signed; [`certificate`] what both support;
//! - [`format`](mod@format) one file a format; [`text`] numbers and untrusted words; [`when`] times;
//! - [`mod@write`] whole files or none.
//!
//! Knows nothing of live state, of models, or of how a verdict was reached.

#![forbid(unsafe_code)]

pub mod assessment;
pub mod certificate;
pub mod evidence;
pub mod format;
pub mod matrix;
pub mod plan;
pub mod replay;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod series;
pub mod slo;
pub mod standing;
pub mod text;
pub mod verdict;
pub mod when;
pub mod write;

pub use format::json::{ReadError, load};
pub use format::{Format, render, render_all};
pub use write::write_all;

/// The record that reports are made from.
pub use sim::record::GateRecord;
