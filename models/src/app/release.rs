//! Releases of the service: what a new one brings, and what may be wrong with it (ROL-01, ROL-02).
//!
//! A release is code of the platform's own, and comes with a configuration of its own that is synchronised to the whole
//! cell. Newer configuration is understood by older code; newer code without its configuration fails every request,
//! which is why routes go back before the configuration does.

use sim::NodeId;
use std::rc::Rc;

/// Partition of every topic that belongs to the canary alone.
pub const CANARY_PARTITION: u32 = 1;

/// Name of the instance that is the canary, after its cell's.
pub const CANARY: &str = "appsvc-canary";

/// Whose facts these are.
pub const BY: &str = "release";
/// An instance runs this release from now on; 0 is none.
pub const REVISION: &str = "revision";
/// An instance works under the configuration of this release from now on.
pub const CONFIG: &str = "config";
/// An instance reads nothing any more that was kept before that many sweeps.
pub const SWEPT: &str = "swept";
/// The canary has taken a request; the value is the lower half of its trace.
pub const SERVED: &str = "served";

/// What is wrong with a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Defect {
    /// It keeps records that it has read in its memory by their numbers alone, for whoever asks for that number next.
    KeepsForAll,
    /// It fails so many of a hundred requests.
    Fails(u8),
}

/// A release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release {
    /// Counts releases: also the revision of the terms of service that its configuration shows.
    pub revision: u32,
    /// What is wrong with it, if anything.
    pub defect: Option<Defect>,
}

/// How an instance comes by its release.
#[derive(Clone, Debug)]
pub struct RolloutSpec {
    /// Who says which one it runs.
    pub by: NodeId,
    /// Whether it is the canary.
    pub is_canary: bool,
    /// Every release that there is after the first.
    pub releases: Rc<[Release]>,
}

impl RolloutSpec {
    /// What is wrong with a release.
    pub fn defect(&self, revision: u32) -> Option<Defect> {
        self.releases.iter().find(|release| release.revision == revision)?.defect
    }
}
