//! Parts of the platform that only some scenarios need: nobody else pays for them.

use super::Stage;
use models::oracles::decisions::Decisions;
use models::oracles::retention::Retention;
use models::platform::offline::OfflinePlan;

impl Stage<'_> {
    /// Deploys a portal a cell, where people log in.
    pub fn portals(&mut self) {
        self.portals = true;
    }

    /// Deploys an object store a cell, and the judge of what it keeps.
    pub fn objects(&mut self) {
        self.objects = true;
        self.oracle(|cast| Box::new(Retention::new(cast)));
    }

    /// Deploys an exporter of offline bundles, and the cell that lives on them. It needs an object store.
    pub fn offline(&mut self, plan: OfflinePlan) {
        self.offline = Some(plan);
    }

    /// Deploys a SIEM a cell, which keeps the decisions of its policy agent, and the judge of that.
    pub fn keeps_decisions(&mut self) {
        self.kept_decisions = true;
        self.oracle(|cast| Box::new(Decisions::new(cast)));
    }

    /// Deploys the pipeline that policies come through.
    pub fn pipelines(&mut self) {
        self.pipelines = true;
    }
}
