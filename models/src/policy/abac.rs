//! The reference decision: attribute-based access control as the governance document's §3.2 *means* it (POL-01).
//!
//! Allowed is only what no reason speaks against. Every reason is found, not only the first; but a question with a gap
//! is not judged at all, because a comparison with nothing has no meaning, and the document's sample shows what comes
//! of it: a resource without a label passes its label rule.

use super::data::PolicyData;
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::policy::{Decision, Denies, Deny, Input};
use serde_json::{Map, Value, json};

/// The resource must be the tenant's own.
pub const TENANT_MATCH: Control = control!("policy.tenant-match", upholds: ["POL-01", "TEN-02"],
    off: "the rule that compares the proved tenant with the resource's is missing, as in a policy copied from a \
          single-tenant service");

/// The request must be served in the tenant's region.
pub const REGION_MATCH: Control = control!("policy.region-match", upholds: ["POL-01", "POL-06"],
    off: "the rule that compares the serving region with the tenant's is missing, as when residency is left to \
          routing");

/// The resource's label must be permitted to the tenant.
pub const LABEL: Control = control!("policy.label", upholds: ["POL-01"],
    off: "labels are not looked at, as when the label rule never fires because its operand is undefined");

/// The resource's level must not exceed the tenant's class for its kind.
pub const CLASSIFICATION: Control = control!("policy.classification", upholds: ["POL-01", "CLS-05"],
    off: "the level is not compared with the tenant's class, as when a rule compares a name with an integer");

/// Decides. Allocates nothing, and asks for a control only where it decides something.
pub fn decide(controls: &Controls, data: &PolicyData, input: &Input) -> Decision {
    let Input {
        authenticated: Some(authenticated),
        tenant_id: Some(tenant_id),
        resource_tenant: Some(resource_tenant),
        kind: Some(kind),
        classification: Some(classification),
        label: Some(label),
        region: Some(region),
    } = input
    else {
        return Decision::deny(Deny::Malformed);
    };
    let mut denies = Denies::NONE;
    if !authenticated {
        denies.add(Deny::Unauthenticated);
    }
    if tenant_id != resource_tenant && controls.on(&TENANT_MATCH) {
        denies.add(Deny::TenantMismatch);
    }
    let Some(tenant) = data.tenant(tenant_id) else {
        denies.add(Deny::UnknownTenant);
        return Decision::from_denies(denies);
    };
    if *region != tenant.region && controls.on(&REGION_MATCH) {
        denies.add(Deny::Residency);
    }
    if !tenant.permits_label(label) && looks_at_labels(controls) {
        denies.add(Deny::Label);
    }
    match tenant.class(kind) {
        None => denies.add(Deny::UnknownKind),
        Some(class) if *classification > class && compares_levels(controls) => denies.add(Deny::Classification),
        Some(_) => {}
    }
    Decision::from_denies(denies)
}

/// Whether labels decide anything.
pub(super) fn looks_at_labels(controls: &Controls) -> bool {
    controls.on(&LABEL)
}

/// Whether levels decide anything.
pub(super) fn compares_levels(controls: &Controls) -> bool {
    controls.on(&CLASSIFICATION)
}

/// Answers one line of JSON, a question in the document's shape, with every control on.
///
/// The answer holds `allow`, `deny` (codes in the document's form) and `requirements` (ids that demand the denial).
///
/// # Errors
/// When the line is no JSON; a question with gaps is answered, with no.
pub fn answer_json(line: &str, data: &PolicyData) -> Result<Value, String> {
    let question: Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
    Ok(to_json(decide(&Controls::all_on(), data, &Input::from_json(&question))))
}

/// A decision as answers carry it.
pub fn to_json(decision: Decision) -> Value {
    let deny: Vec<Value> = decision.denies.iter().map(|deny| json!({"code": deny.code()})).collect();
    let mut requirements: Vec<&str> = decision.denies.iter().flat_map(|deny| deny.requirements()).copied().collect();
    requirements.sort();
    requirements.dedup();
    let fields = [("allow", json!(decision.allow)), ("deny", json!(deny)), ("requirements", json!(requirements))];
    Value::Object(fields.into_iter().map(|(k, v)| (k.to_string(), v)).collect::<Map<String, Value>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inputs;
    use crate::control::ControlSet;
    use crate::wire::policy::Level;
    use Deny::*;

    fn own() -> Input {
        Input {
            authenticated: Some(true),
            tenant_id: Some("acme".into()),
            resource_tenant: Some("acme".into()),
            kind: Some("audit".into()),
            classification: Some(Level::Confidential),
            label: Some("pii".into()),
            region: Some("EU".into()),
        }
    }

    fn codes(off: &[&Control], input: &Input) -> Vec<Deny> {
        let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
        let data = PolicyData::from_tenants(&Inputs::embedded().tenants);
        let decision = decide(&Controls::with_off(off), &data, input);
        assert_eq!(decision.allow, decision.denies.is_empty());
        decision.denies.iter().collect()
    }

    fn check(change: impl Fn(&mut Input), expected: &[Deny]) {
        let mut input = own();
        change(&mut input);
        assert_eq!(codes(&[], &input), expected, "{input:?}");
    }

    #[test]
    fn each_reason_has_its_code_and_all_of_them_are_found() {
        check(|_| {}, &[]);
        check(|i| i.authenticated = Some(false), &[Unauthenticated]);
        check(|i| i.resource_tenant = Some("acme-corp".into()), &[TenantMismatch]);
        check(|i| i.region = Some("US".into()), &[Residency]);
        check(|i| i.region = Some("eu".into()), &[Residency]);
        check(|i| i.label = Some("health".into()), &[Label]);
        check(|i| i.kind = Some("documents".into()), &[UnknownKind]);
        check(|i| i.classification = Some(Level::Restricted), &[Classification]);
        check(|i| i.tenant_id = Some("ghost".into()), &[TenantMismatch, UnknownTenant]);
        check(|i| i.tenant_id = Some("beta".into()), &[TenantMismatch, Residency, Label, Classification]);
    }

    #[test]
    fn a_question_with_any_gap_is_denied() {
        check(|i| i.authenticated = None, &[Malformed]);
        check(|i| i.tenant_id = None, &[Malformed]);
        check(|i| i.resource_tenant = None, &[Malformed]);
        check(|i| i.kind = None, &[Malformed]);
        check(|i| i.classification = None, &[Malformed]);
        check(|i| i.label = None, &[Malformed]);
        check(|i| i.region = None, &[Malformed]);
        check(|i| *i = Input::default(), &[Malformed]);
    }

    #[test]
    fn each_control_removes_its_own_comparison_and_no_other() {
        let worst = Input { tenant_id: Some("beta".into()), ..own() };
        let all = [
            (&TENANT_MATCH, TenantMismatch),
            (&REGION_MATCH, Residency),
            (&LABEL, Label),
            (&CLASSIFICATION, Classification),
        ];
        for (control, code) in all {
            let rest: Vec<Deny> = codes(&[], &worst).into_iter().filter(|deny| *deny != code).collect();
            assert_eq!(codes(&[control], &worst), rest, "{}", control.id);
        }
    }

    #[test]
    fn with_every_control_off_strangers_and_gaps_are_still_denied() {
        let off = [&TENANT_MATCH, &REGION_MATCH, &LABEL, &CLASSIFICATION];
        assert_eq!(codes(&off, &Input { authenticated: Some(false), ..own() }), [Unauthenticated]);
        assert_eq!(codes(&off, &Input { tenant_id: Some("ghost".into()), ..own() }), [UnknownTenant]);
        assert_eq!(codes(&off, &Input { kind: Some("documents".into()), ..own() }), [UnknownKind]);
        assert_eq!(codes(&off, &Input { label: None, ..own() }), [Malformed]);
    }

    #[test]
    fn a_control_is_asked_for_only_where_it_decides() {
        let controls = Controls::all_on();
        let data = PolicyData::from_tenants(&Inputs::embedded().tenants);
        assert!(decide(&controls, &data, &own()).allow);
        assert_eq!(controls.consulted(), ControlSet::EMPTY);
        assert!(!decide(&controls, &data, &Input { region: Some("US".into()), ..own() }).allow);
        assert_eq!(controls.consulted(), ControlSet::EMPTY.with(REGION_MATCH.slot));
    }

    #[test]
    fn a_line_of_json_is_answered_with_codes_and_requirements() {
        let data = PolicyData::from_tenants(&Inputs::embedded().tenants);
        let answer = |line: &str| answer_json(line, &data).map(|v| v.to_string());
        let line = own().to_json().to_string();
        assert_eq!(answer(&line).as_deref(), Ok(r#"{"allow":true,"deny":[],"requirements":[]}"#));
        let named = line.replace("\"classification\":2", "\"classification\":\"confidential\"");
        assert_eq!(answer(&named), answer(&line));
        let abroad = line.replace("EU", "US");
        let expected = r#"{"allow":false,"deny":[{"code":"RESIDENCY"}],"requirements":["POL-01","POL-06"]}"#;
        assert_eq!(answer(&abroad).as_deref(), Ok(expected));
        assert_eq!(answer("{}").map(|a| a.contains("MALFORMED")), Ok(true));
        assert!(answer("{").is_err_and(|e| e.starts_with("not JSON: ")));
    }
}
