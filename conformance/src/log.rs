//! The log of a sweep: which steps are finished, and what they left behind.
//!
//! A file of lines, each whole by itself ([`frame`]): first a header that says which plan it is of, then one line a
//! finished step, in the order in which they ended. It only grows, by one write a step, so a process may be killed at
//! any moment: what was whole stays whole, and an unfinished last line is cut off by whoever goes on. Nothing in it
//! tells when, where, or on how many threads a step was done, so two logs of one step hold the same bytes.
//!
//! [`survey`] finds out what a log holds, [`reading`] reads one or many in the order of the plan, [`spans`] is how a
//! set of finished steps is kept small.

pub mod frame;
pub mod reading;
pub mod spans;
pub mod survey;

use crate::exit::{Refusal, usage};
use models::config::{Inputs, PLATFORM_TOML, TENANTS_YAML};
use scenarios::prove::Done;
use scenarios::sweep::{Plan, Shard, Terms};
use serde::{Deserialize, Serialize};

/// Version of the form. Part of every header, and looked at before anything else.
pub const VERSION: u32 = 1;

/// What a line holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The first.
    Header(Box<Header>),
    /// Every other.
    Step(Box<Entry>),
}

/// Of which plan, and which part of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`].
    pub version: u32,
    /// `k/n`.
    pub shard: String,
    /// What one types for this plan, without where it goes and who does which part.
    pub command: String,
    /// What every replay of its runs has to be given: the input files, as they were typed.
    pub flags: String,
    /// Text of the platform file, when it is not the embedded one: whoever merges needs no file.
    pub platform: Option<String>,
    /// Text of the tenants file, likewise.
    pub tenants: Option<String>,
    /// What the plan is made of.
    pub terms: Terms,
}

/// A finished step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its index in the plan.
    pub index: u64,
    /// Its name, for people and against mix-ups.
    pub name: String,
    /// What it left behind.
    pub done: Done,
}

impl Header {
    /// Its part of the plan.
    ///
    /// # Errors
    /// What stands there is none.
    pub fn shard(&self) -> Result<Shard, String> {
        self.shard.parse().map_err(|e| format!("shard `{}`: {e}", self.shard))
    }

    /// Makes the plan again.
    ///
    /// # Errors
    /// This build cannot: it is of another version than the one that wrote the log. Says what differs.
    pub fn plan(&self) -> Result<Plan, Refusal> {
        let platform = self.platform.as_deref().unwrap_or(PLATFORM_TOML);
        let tenants = self.tenants.as_deref().unwrap_or(TENANTS_YAML);
        let other = |what: String| {
            usage(format!("made by another version of cellproof ({what}): use the one that ran the sweep"))
        };
        let inputs = Inputs::parse(("platform.toml", platform), ("tenants.yaml", tenants))
            .map_err(|problems| other(problems.to_string().replace('\n', "; ")))?;
        let plan = self.terms.plan(inputs).map_err(other)?;
        let differences = plan.terms().differences(&self.terms);
        if differences.is_empty() { Ok(plan) } else { Err(other(differences.join(", "))) }
    }
}

#[cfg(test)]
mod tests;
