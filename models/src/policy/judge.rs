//! Judging somebody's policy: does it answer as the reference does?
//!
//! Every tenant of the data asks for what it may just have; then one field of that question is changed, and
//! if that shows nothing, two. A policy that errs nearly always errs on such a neighbour, and the neighbour shows
//! where: the simplest disagreements come first. Changes include what a real caller gets wrong: a field missing, null,
//! of another type.

use super::abac;
use super::data::{PolicyData, TenantPolicy};
use super::rego::{Disagreement, PolicyError, RegoPolicy, compare};
use crate::control::Controls;
use crate::wire::policy::{Input, Level};
use serde_json::{Value, json};

/// What became of a policy.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Judgement {
    /// Questions asked.
    pub questions: u64,
    /// Questions answered differently.
    pub disagreements: u64,
    /// The first of them, simplest first, up to the given limit.
    pub examples: Vec<Example>,
    /// Why evaluations failed, if some did.
    pub error: Option<PolicyError>,
}

/// A question that a policy answers differently.
#[derive(Clone, PartialEq, Debug)]
pub struct Example {
    /// What was changed against a question that is allowed: JSON pointers; empty when nothing was.
    pub changed: Vec<&'static str>,
    /// The question.
    pub question: Value,
    /// The two answers.
    pub answers: Disagreement,
}

/// Tenants whose questions are asked; more would ask the same again.
const TENANTS_MAX: usize = 8;

/// Asks `policy` about the tenants of `data`, and keeps up to `limit` examples of disagreement.
pub fn judge(policy: &mut RegoPolicy, data: &PolicyData, limit: usize) -> Judgement {
    let mut judgement = Judgement::default();
    let questions: Vec<Value> = data.tenants().take(TENANTS_MAX).map(|(id, tenant)| own(id, tenant)).collect();
    let changes = changes(data);
    for question in &questions {
        ask(&mut judgement, policy, data, limit, &[], question.clone());
    }
    for question in &questions {
        for change in &changes {
            ask(&mut judgement, policy, data, limit, &[change.0], changed(question, &[change]));
        }
    }
    // Two changes at once only say more when one alone shows nothing.
    let questions = if judgement.disagreements == 0 { questions } else { Vec::new() };
    for question in &questions {
        for (i, first) in changes.iter().enumerate() {
            for second in changes[i + 1..].iter().filter(|second| second.0 != first.0) {
                let places = [first.0, second.0];
                ask(&mut judgement, policy, data, limit, &places, changed(question, &[first, second]));
            }
        }
    }
    judgement.error = policy.last_error().cloned();
    judgement
}

fn ask(
    judgement: &mut Judgement,
    policy: &mut RegoPolicy,
    data: &PolicyData,
    limit: usize,
    changed: &[&'static str],
    question: Value,
) {
    let controls = Controls::all_on();
    judgement.questions += 1;
    let native = abac::decide(&controls, data, &Input::from_json(&question));
    let Some(answers) = compare(native, policy.decide_json(&controls, &question)) else { return };
    judgement.disagreements += 1;
    let example = Example { changed: changed.to_vec(), question, answers };
    let at = judgement.examples.partition_point(|other| simplicity(other) <= simplicity(&example));
    judgement.examples.insert(at, example);
    judgement.examples.truncate(limit);
}

/// Few changes, then another outcome and not only another reason, then few reasons.
fn simplicity(example: &Example) -> (usize, bool, usize) {
    let Disagreement { native, rego } = example.answers;
    (example.changed.len(), native.allow == rego.allow, native.denies.iter().count())
}

/// The most that a tenant may have of its first kind.
fn own(id: &str, tenant: &TenantPolicy) -> Value {
    let (kind, level) = tenant.classes.first().map_or(("", Level::Public), |(kind, level)| (&**kind, *level));
    let label = tenant.labels.first().map_or("", |label| &**label);
    json!({
        "subject": {"authenticated": true},
        "tenant": {"id": id},
        "resource": {"tenant": id, "kind": kind, "classification": level.rank(), "label": label},
        "context": {"region": *tenant.region},
    })
}

/// One change of a question: a JSON pointer and its new value; `None` takes the field out.
type Change = (&'static str, Option<Value>);

fn changed(question: &Value, changes: &[&Change]) -> Value {
    let mut question = question.clone();
    for (place, value) in changes {
        let (parent, key) = place.rsplit_once('/').expect("a JSON pointer begins with a slash");
        let Some(parent) = question.pointer_mut(parent).and_then(Value::as_object_mut) else { continue };
        match value {
            Some(value) => parent.insert(key.into(), value.clone()),
            None => parent.remove(key),
        };
    }
    question
}

/// Every single change worth trying: the data's own words in the wrong place, words nobody knows, and gaps.
fn changes(data: &PolicyData) -> Vec<Change> {
    let distinct = |words: Vec<&str>| {
        let mut words: Vec<Value> = words.into_iter().map(Value::from).collect();
        words.dedup();
        words.truncate(3);
        words.push("nobody".into());
        words
    };
    let mut labels: Vec<&str> = data.tenants().flat_map(|(_, t)| t.labels.iter().map(|l| &**l)).collect();
    let mut kinds: Vec<&str> = data.tenants().flat_map(|(_, t)| t.classes.iter().map(|(k, _)| &**k)).collect();
    let mut regions: Vec<&str> = data.tenants().map(|(_, t)| &*t.region).collect();
    for words in [&mut labels, &mut kinds, &mut regions] {
        words.sort();
    }
    let ids = distinct(data.tenants().map(|(id, _)| &**id).collect());
    let levels = [0, 1, 2, 3].map(Value::from).into_iter().chain(["internal", "top"].map(Value::from));
    let places: [(&'static str, Vec<Value>); 7] = [
        ("/subject/authenticated", vec![false.into(), "no".into()]),
        ("/tenant/id", ids.clone()),
        ("/resource/tenant", ids),
        ("/resource/kind", distinct(kinds)),
        ("/resource/classification", levels.chain([false.into(), (-1).into(), 4.into()]).collect()),
        ("/resource/label", distinct(labels)),
        ("/context/region", distinct(regions)),
    ];
    let mut changes: Vec<Change> = Vec::new();
    for (place, values) in places {
        changes.extend(values.into_iter().map(|value| (place, Some(value))));
        changes.extend([(place, None), (place, Some(Value::Null)), (place, Some(json!([])))]);
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inputs;
    use crate::policy::rego::REFERENCE;

    fn check(from: &str, to: &str) -> Judgement {
        assert!(REFERENCE.contains(from), "{from}");
        let data = PolicyData::from_tenants(&Inputs::embedded().tenants);
        let mut few = data.to_json();
        few["tenants"].as_object_mut().expect("an object").retain(|id, _| ["acme", "beta"].contains(&id.as_str()));
        let data = PolicyData::from_json(&few.to_string()).expect("the data of two tenants");
        let mut policy = RegoPolicy::compile(&REFERENCE.replacen(from, to, 1), &data).expect(to);
        judge(&mut policy, &data, 3)
    }

    #[test]
    fn the_reference_policy_agrees_with_itself() {
        let judgement = check("package switchboard", "package switchboard");
        assert!(judgement.questions > 1_000);
        assert_eq!((judgement.disagreements, judgement.examples, judgement.error), (0, vec![], None));
    }

    #[test]
    fn each_slip_is_found_and_shown_at_its_simplest() {
        let slips = [
            ("input.tenant.id == input.resource.tenant", "true", "/resource/tenant"),
            ("input.context.region == tenant.region", "true", "/context/region"),
            ("input.resource.label in tenant.labels", "true", "/resource/label"),
            ("is_string(input.resource.label)", "true", "/resource/label"),
            ("object.keys(tenant.data_classes)", "{\"audit\", \"agents\", \"nobody\"}", "/resource/kind"),
            ("level in {rank, name}", "level == rank", "/resource/classification"),
            (") <= level_of(", ") < level_of(", ""),
            ("not input.subject.authenticated", "false", "/subject/authenticated"),
        ];
        for (from, to, place) in slips {
            let judgement = check(from, to);
            let first = judgement.examples.first().unwrap_or_else(|| panic!("{from} -> {to} was not found"));
            assert_eq!(first.changed.first().copied().unwrap_or(""), place, "{from} -> {to}: {first:?}");
            assert!(first.changed.len() <= 1 && judgement.examples.len() <= 3);
        }
    }
}
