//! The replay page of a run: finds its twin, and puts both into one file.
//!
//! The twin of a run without some controls is the same run with all of them; that of a run with all of them is the same
//! run without the first control that this scenario expects to be alone in stopping an attack, and is, with this seed.

use crate::exit::{Exit, Refusal};
use crate::told::told;
use models::config::Inputs;
use reports::format::html;
use reports::replay::{ControlText, Replay};
use reports::write::write_atomically;
use scenarios::prove::{self, Engine, Finished, Order};
use sim::Instant;
use sim::control::Control;
use sim::record::{AblationVerdict, Pass};
use std::collections::BTreeSet;
use std::path::Path;

/// Controls that are tried for a twin: each costs a run.
const TRIES: usize = 12;

/// What a page is made from.
pub struct Page<'a> {
    /// What ran it.
    pub engine: &'a Engine,
    /// Platform and tenants.
    pub inputs: &'a Inputs,
    /// What was ordered.
    pub order: &'a Order,
    /// What came of it, kept.
    pub run: &'a Finished,
    /// What has to be typed to see it again.
    pub command: String,
    /// What was said when it was compared with its token.
    pub warning: Option<String>,
    /// Nothing later is told.
    pub until: Option<Instant>,
}

impl Page<'_> {
    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    /// Whatever the file system says, with the file.
    pub fn write(&self, file: &Path) -> Result<(), Refusal> {
        let page = html::replay::render(&self.replay());
        write_atomically(file, page.as_bytes())
            .map_err(|e| Refusal { exit: Exit::Usage, message: format!("failed to write {}: {e}", file.display()) })
    }

    /// The run and its twin, told.
    pub fn replay(&self) -> Replay {
        let tenants: Vec<String> = self.inputs.tenants.tenants.iter().map(|tenant| tenant.id.to_string()).collect();
        let tell = |run: &Finished| told(run, &tenants, self.until);
        let scenario = self.order.scenario;
        let (run, twin) = (tell(self.run), self.twin().as_ref().map(tell));
        let upheld: BTreeSet<&str> = [Some(&run), twin.as_ref()]
            .into_iter()
            .flatten()
            .flat_map(|told| told.rows.iter().flat_map(|row| &row.asked))
            .flat_map(|slot| models::registry::ALL[*slot as usize].upholds.iter().copied())
            .collect();
        let concerned = |id: &str| {
            let mut findings = [Some(&run), twin.as_ref()].into_iter().flatten().flat_map(|told| &told.record.findings);
            upheld.contains(id) || scenario.requirements.contains(&id) || findings.any(|f| f.requirement == id)
        };
        Replay {
            tool: concat!("cellproof ", env!("CARGO_PKG_VERSION")).into(),
            title: scenario.title.into(),
            threat: scenario.threat.into(),
            command: self.command.clone(),
            warning: self.warning.clone(),
            controls: models::registry::ALL.iter().map(|control| text(control)).collect(),
            requirements: models::catalogue::requirements().into_iter().filter(|r| concerned(&r.id)).collect(),
            tenants: tenants.clone(),
            run,
            twin,
        }
    }

    fn twin(&self) -> Option<Finished> {
        let with = |off: Vec<&'static Control>, keep: bool| {
            let pass = match (self.order.pass, off.is_empty()) {
                (Pass::Ablation, true) => Pass::Calm,
                (Pass::Calm, false) => Pass::Ablation,
                (pass, _) => pass,
            };
            let order = Order { off, pass, keep, ..self.order.clone() };
            prove::execute_on(self.engine, self.inputs, &order)
        };
        if !self.order.off.is_empty() {
            return Some(with(Vec::new(), true));
        }
        // What is broken already needs no control off to be broken.
        if !self.run.record.findings.is_empty() {
            return None;
        }
        let expected = self.order.scenario.variants.iter().flat_map(|variant| variant.controls);
        let sole = expected.filter(|e| e.verdict == AblationVerdict::SoleBlocker).map(|e| e.control);
        let breaks = |control: &&'static Control| !with(vec![*control], false).record.findings.is_empty();
        sole.take(TRIES).find(breaks).map(|control| with(vec![control], true))
    }
}

fn text(control: &Control) -> ControlText {
    ControlText {
        id: control.id.into(),
        upholds: control.upholds.iter().map(|id| (*id).to_owned()).collect(),
        off: control.off.into(),
    }
}
