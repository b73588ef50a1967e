//! A policy in Rego, from its files or at a live Open Policy Agent, asked about a whole small space and compared with
//! the reference decision: the judgement of `cellproof policy`, told as findings.
//!
//! An agent that hangs or fails decides nothing: that is inconclusive, whatever it said before.

mod agent;
pub(super) mod bundle;
mod signature;
mod suite;

use super::deployment::{Deployment, Policy};
use super::http::PATIENCE_MS;
use super::report::{Component, Finding, Limits, Proof};
use crate::examine::gather::{self, Data};
use crate::examine::report::{Asked, Report, Shown};
use crate::examine::{examine, examine_live};
use crate::exit::Refusal;
use agent::Agent;
use bundle::Bundle;
use models::policy::judge;
use models::policy::subject::{Reading, Subject};
use serde_json::json;
use std::path::Path;

/// Judges `policy`. What cannot be asked is inconclusive.
pub fn judge(deployment: &Deployment, policy: &Policy) -> Component {
    let limits = Limits { statement_timeout_ms: PATIENCE_MS, lock_timeout_ms: 0, statements: 0 };
    let at = match (&policy.path, &policy.url) {
        (Some(path), _) => path.display().to_string(),
        (None, url) => url.as_ref().map(|url| url.get_ref().clone()).unwrap_or_default(),
    };
    let mut component = Component::new("policy", at, limits);
    let judged = match &policy.path {
        Some(path) => from_files(policy, &deployment.home.join(path), &deployment.home, &mut component),
        None => from_agent(policy, &deployment.home, &mut component),
    };
    match judged {
        Err(why) => component.unjudged(why).conclude(),
        Ok(report) => {
            tell(&mut component, &report);
            match report.problem {
                Some(problem) => component.unjudged(problem.to_string()).conclude(),
                None => component.conclude(),
            }
        }
    }
}

fn from_files(policy: &Policy, path: &Path, home: &Path, component: &mut Component) -> Result<Report, String> {
    let given = policy.data.as_ref().map(|data| home.join(data));
    let told = |refusal: Refusal| refusal.message;
    if !path.is_dir() && !bundle::is_archive(path) {
        component.not_judged("tests of the policy (POL-07)", "a single file ships none; give the bundle");
        component
            .not_judged("signature and revision of the policy (POL-02)", "a single file has none; give the bundle");
        let modules = gather::modules(path).map_err(told)?;
        return Ok(examine(&modules, &gather::data(path, given.as_deref()).map_err(told)?));
    }
    let bundle = Bundle::read(path)?;
    let modules = bundle.modules()?;
    let data = data_of(&bundle, given.as_deref())?;
    match &policy.signature {
        Some(wanted) => signature::judge(component, &bundle, wanted.get_ref(), home)?,
        None => component.not_judged(
            "signature and revision of the bundle (POL-02)",
            "the deployment names no key in [policy.signature]",
        ),
    }
    suite::judge(component, &bundle.name, &modules, &data.seen);
    Ok(examine(&modules, &data))
}

/// The data that a bundle is judged over: what is given, or else its own, or else the embedded.
pub(super) fn data_of(bundle: &Bundle, given: Option<&Path>) -> Result<Data, String> {
    match (given, bundle.data()) {
        (Some(given), _) => gather::data(given, Some(given)).map_err(|refusal| refusal.message),
        (None, Err(why)) => Err(why),
        (None, Ok(None)) => Ok(gather::embedded()),
        (None, Ok(Some((from, text)))) => {
            let (known, seen) = judge::data(&text).map_err(|e| format!("{from}: {e}"))?;
            Ok(Data { known, seen, from })
        }
    }
}

fn from_agent(policy: &Policy, home: &Path, component: &mut Component) -> Result<Report, String> {
    let url = policy.url.as_ref().ok_or("neither path nor url")?;
    let mut agent = Agent::new(url.get_ref())?;
    let data = match &policy.data {
        Some(file) => gather::data(home, Some(&home.join(file))).map_err(|refusal| refusal.message)?,
        None => its_data(&mut agent)?,
    };
    let packages = packages(policy, &mut agent, &data)?;
    let report = examine_live(&packages, &data, &mut agent);
    component.limits.statements = agent.asked;
    component.server = "answers as an Open Policy Agent".to_owned();
    let asked = packages.iter().map(|reading| format!("asked at {}", agent.target(&reading.package)));
    component.tenancy.extend(asked);
    component.notes.extend(agent.clockless.take().map(|why| {
        format!("whether cooldowns are kept was asked by our own clock, because the agent does not tell its own: {why}")
    }));
    match agent.failure {
        Some(why) => Err(format!("after {} questions it decided nothing any more: {why}", agent.asked)),
        None => Ok(report),
    }
}

/// The tenants that the agent decides by.
fn its_data(agent: &mut Agent) -> Result<Data, String> {
    let Some(tenants) = agent.data("tenants")? else {
        return Err("the agent has no data.tenants; give the table that it decides by as data".to_owned());
    };
    let text = json!({ "tenants": tenants }).to_string();
    let (known, seen) = judge::data(&text).map_err(|e| format!("data.tenants of the agent: {e}"))?;
    Ok(Data { known, seen, from: "data.tenants of the agent".to_owned() })
}

/// What there is to ask, from the agent's own policies, or as the deployment says.
fn packages(policy: &Policy, agent: &mut Agent, data: &Data) -> Result<Vec<Reading>, String> {
    let named: Option<Vec<String>> =
        policy.package.as_ref().map(|package| package.get_ref().split('.').map(str::to_owned).collect());
    let shown = agent.modules();
    let found = match (&shown, &named) {
        (Ok(modules), _) if !modules.is_empty() => match Subject::load(modules, &data.seen) {
            Ok(subject) => subject.packages().into_values().collect(),
            // It compiles there; what is not understood here is no fault of the policy.
            Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    };
    let wanted = |reading: &Reading| named.as_ref().is_none_or(|package| reading.package == *package);
    let mut found: Vec<Reading> = found.into_iter().filter(|r| wanted(r) && !judge::duties(r).is_empty()).collect();
    if let (true, Some(package)) = (found.is_empty(), named) {
        let rules = policy.rules.iter().cloned().collect();
        found.push(Reading { package, rules, ..Reading::default() });
    }
    if found.is_empty() {
        let why = shown.err().map(|why| format!(" ({why})")).unwrap_or_default();
        return Err(format!(
            "the agent shows no package with a rule allow, deny or action{why}; give package and rules"
        ));
    }
    for reading in &found {
        let is_there = agent.decide(&reading.package, &json!({}))?.is_some();
        if !is_there {
            let package = reading.package.join(".");
            return Err(format!("the agent has no package {package}: undefined for every question"));
        }
    }
    Ok(found)
}

fn tell(component: &mut Component, report: &Report) {
    component.tenancy.push(format!("tenants are those of {}", report.data));
    for file in report.modules.iter().filter(|file| file.dialects == ["v0"]) {
        component.notes.push(format!("{} is Rego v0 only: OPA 1.0 and later refuse it", file.file));
    }
    for asked in &report.packages {
        let requirements: &[&str] = if asked.duty == "access" { &["POL-01", "CLS-05", "POL-06"] } else { &["GOV-05"] };
        let what = format!("questions to package {} ({})", asked.package, asked.duty);
        component.judged(&what, asked.questions, requirements);
        for what in &asked.unasked {
            component.not_judged(what.clone(), format!("package {}", asked.package));
        }
        let found = asked.findings.iter().enumerate().map(|(n, shown)| finding(asked, n + 1, shown));
        component.findings.extend(found);
    }
}

fn finding(asked: &Asked, n: usize, shown: &Shown) -> Finding {
    let rules: Vec<&str> = asked.rules.iter().map(|rule| rule.name.as_str()).collect();
    let more = if shown.questions > 1 { format!("; {} questions show it", shown.questions) } else { String::new() };
    Finding {
        object: format!("package {}, difference {n}", asked.package),
        what: shown.what.clone(),
        requirements: shown.requirements.clone(),
        proof: Proof {
            tenant: None,
            connection: "fresh",
            statements: vec![format!("ask {}", rules.join(", ")), format!("input {}", shown.input)],
            saw: format!("the policy says {}, the reference {}{more}", shown.policy, shown.reference),
        },
        repair: vec![format!("-- decide as the reference does: {}", shown.reference)],
        also: Vec::new(),
    }
}
