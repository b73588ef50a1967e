//! The record of one tenant, built field by field: what is not copied here is in none of its files.
//!
//! Free text of a run (why a scenario broke, what an oracle saw) can hold anybody's words, so none is copied: the
//! vocabularies and numbers around it are. Other tenants appear as `peer-1`, `peer-2`, in the order in which this
//! record meets them. Runs are kept by the platform's own record, because their facts are everybody's.

use crate::standing::Standing;
use sim::record::{
    AblationRecord, Finding, GateRecord, NonInterference, PassRecord, ScenarioRecord, ScenarioVerdict, Serving,
};
use std::collections::BTreeSet;

/// Tenants of which a record holds figures, in order.
pub fn tenants(record: &GateRecord) -> BTreeSet<&str> {
    let measured = record.serving.iter().map(|(_, serving)| serving.tenant.as_str());
    measured.chain(record.slos.iter().map(|slo| slo.tenant.as_str())).collect()
}

/// The record of a tenant.
pub fn project(record: &GateRecord, tenant: &str) -> GateRecord {
    let mut roles = Roles { own: tenant, peers: Vec::new() };
    GateRecord {
        version: record.version,
        tool: record.tool.clone(),
        code: record.code.clone(),
        config: record.config.clone(),
        catalogue: record.catalogue.clone(),
        pins: record.pins.clone(),
        // What was typed names files of whoever typed it.
        command: "cellproof gate".into(),
        seed_base: record.seed_base.clone(),
        nonce: record.nonce.clone(),
        seeds: record.seeds,
        plan: record.plan.clone(),
        requirements: record.requirements.clone(),
        controls: record.controls.clone(),
        scenarios: record.scenarios.iter().map(|s| scenario(s, &mut roles)).collect(),
        slos: record.slos.iter().filter(|slo| slo.tenant == tenant).cloned().collect(),
        serving: record.serving.iter().filter(|(_, s)| s.tenant == tenant).cloned().collect(),
        not_covered: record.not_covered.clone(),
        exit: record.exit,
    }
}

/// Names of other tenants' roles.
struct Roles<'a> {
    own: &'a str,
    peers: Vec<String>,
}

impl Roles<'_> {
    fn of(&mut self, tenant: &str) -> String {
        if tenant == self.own {
            return tenant.to_owned();
        }
        let known = self.peers.iter().position(|peer| peer == tenant);
        let at = known.unwrap_or_else(|| {
            self.peers.push(tenant.to_owned());
            self.peers.len() - 1
        });
        format!("peer-{}", at + 1)
    }
}

fn scenario(s: &ScenarioRecord, roles: &mut Roles<'_>) -> ScenarioRecord {
    let skipped = ScenarioVerdict::Skipped("see the platform's record".into());
    ScenarioRecord {
        name: s.name.clone(),
        title: s.title.clone(),
        threat: s.threat.clone(),
        stride: s.stride.clone(),
        requirements: s.requirements.clone(),
        verdict: if matches!(s.verdict, ScenarioVerdict::Skipped(_)) { skipped } else { s.verdict.clone() },
        why: why(s),
        replay: None,
        canary: s.canary,
        marks_declared: s.marks_declared.clone(),
        passes: s.passes.iter().map(|p| pass(p, roles.own)).collect(),
        ablations: s.ablations.iter().map(|a| ablation(a, roles)).collect(),
        non_interference: s.non_interference.iter().filter(|n| n.tenant == roles.own).map(alike).collect(),
    }
}

/// That there are reasons, and whether they are about this tenant is for the platform's owner to tell.
fn why(s: &ScenarioRecord) -> Vec<String> {
    let count = s.why.len();
    let plural = if count == 1 { "reason stands" } else { "reasons stand" };
    let held = Standing::of(s).outward().exit == 0;
    if held || count == 0 { Vec::new() } else { vec![format!("{count} {plural} in the platform's own record")] }
}

fn pass(p: &PassRecord, own: &str) -> PassRecord {
    let serving: Vec<Serving> = p.serving.iter().filter(|s| s.tenant == own).cloned().collect();
    PassRecord {
        pass: p.pass,
        runs: p.runs,
        breaches: p.breaches,
        compared: p.compared,
        stale: p.stale,
        // How much the platform did altogether says how much the others did.
        events: 0,
        requests: serving.iter().map(|s| s.good + s.bad + s.excluded).sum(),
        simulated_ns: p.simulated_ns,
        serving,
        faults: p.faults.clone(),
        breach_bound_95: p.breach_bound_95,
        kept: Vec::new(),
    }
}

fn ablation(a: &AblationRecord, roles: &mut Roles<'_>) -> AblationRecord {
    AblationRecord {
        control: a.control.clone(),
        variant: a.variant.clone(),
        expected: a.expected,
        observed: a.observed,
        partner: a.partner.clone(),
        seeds_to_breach: a.seeds_to_breach,
        runs: a.runs,
        finding: a.finding.as_ref().map(|f| finding(f, roles)),
        token: a.token.clone(),
    }
}

fn finding(f: &Finding, roles: &mut Roles<'_>) -> Finding {
    let tenant = f.tenant.as_deref().map(|tenant| roles.of(tenant));
    // Clients, attackers and connectors are named after tenants; parts of the platform are not.
    let part = f.node.split('/').next().unwrap_or_default();
    let node = if matches!(part, "client" | "attacker" | "connector") { part } else { &f.node };
    let harmed = tenant.as_deref().unwrap_or("nobody in particular");
    Finding {
        requirement: f.requirement.clone(),
        oracle: f.oracle.clone(),
        vantage: f.vantage,
        message: format!("{} broke for {harmed} with its control off", f.requirement),
        tenant,
        node: node.to_owned(),
        at_ns: f.at_ns,
        cause: f.cause.clone(),
    }
}

fn alike(n: &NonInterference) -> NonInterference {
    let difference = n.difference.as_ref().map(|_| "the views differ: see the platform's own record".into());
    NonInterference {
        mode: n.mode,
        tenant: n.tenant.clone(),
        facts: n.facts,
        alike: n.alike,
        difference,
        token: n.token.clone(),
    }
}
