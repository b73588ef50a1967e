//! Who may do what: the decision of the governance document's §3.2, natively and in Rego, and how policy reaches the
//! points that enforce it.
//!
//! Start at [`abac`], the reference decision, and [`filter`], what goes with a yes. [`rego`] evaluates policies in Rego
//! and must agree with both, [`judge`] asks whether somebody's policy, a [`subject`], does; [`bundle`] signs, verifies
//! and loads them; [`service`] hands them out, [`admin`] says who may replace them, and [`suite`] runs the tests that
//! they ship; [`agent`] is the enforcement point's side. [`remediation`] is the document's other policy, §3.7. Nothing
//! here knows who asks.

pub mod abac;
pub mod admin;
pub mod agent;
pub mod bundle;
pub mod data;
pub mod filter;
pub mod input;
pub mod judge;
pub mod ledger;
pub mod machine;
pub mod mode;
pub mod rego;
pub mod remediation;
pub mod service;
pub mod subject;
pub mod suite;

pub use agent::{Agent, Answer};
pub use bundle::{Loader, Refusal, Signer, TrustedKey};
pub use data::{PolicyData, TenantPolicy};
pub use rego::{Disagreement, RegoPolicy, compare};
