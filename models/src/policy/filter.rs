//! What a list may show, by the reference policy and by any other (POL-05).
//!
//! A decision is about one resource, and a list finds rows that nobody has asked about one by one. So the policy says
//! beforehand which of them it would permit: the same labels and levels by which it decides, and the columns that are
//! no higher than what the tenant may have of a kind.

use super::abac;
use super::data::{PolicyData, read_level};
use crate::control::Controls;
use crate::wire::policy::{DataFilter, Input, KindFilter, Level};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The filter that goes with a yes; there is none with a no.
pub fn filter(controls: &Controls, data: &PolicyData, input: &Input) -> Option<DataFilter> {
    if !abac::decide(controls, data, input).allow {
        return None;
    }
    let tenant = data.tenant(input.tenant_id.as_ref()?)?;
    let compares = abac::compares_levels(controls);
    let kind = |(kind, class): &(Arc<str>, Level)| {
        let level = if compares { *class } else { Level::Restricted };
        let columns = data.columns().filter(|(_, column)| *column <= level).map(|(name, _)| name.clone()).collect();
        KindFilter { kind: kind.clone(), level, columns }
    };
    let labels = abac::looks_at_labels(controls).then(|| tenant.labels.clone());
    Some(DataFilter { labels, kinds: tenant.classes.iter().map(kind).collect() })
}

/// Reads what a policy says: `{"labels": […] or null, "kinds": {"audit": {"level": 2, "columns": […]}}}`. `None` when
/// it is anything else, which then permits nothing beyond the decision itself.
pub fn read(said: &Value) -> Option<DataFilter> {
    let labels = match said.get("labels")? {
        Value::Null => None,
        labels => Some(texts(labels)?),
    };
    let kind = |(kind, said): (&String, &Value)| {
        let (level, columns) = (read_level(said.get("level")?)?, texts(said.get("columns")?)?);
        Some(KindFilter { kind: kind.as_str().into(), level, columns })
    };
    let kinds: Option<Vec<KindFilter>> = said.get("kinds")?.as_object()?.iter().map(kind).collect();
    let mut kinds = kinds?;
    kinds.sort();
    Some(DataFilter { labels, kinds })
}

/// The inverse of [`read`].
pub fn to_json(filter: &DataFilter) -> Value {
    let kind = |k: &KindFilter| (k.kind.to_string(), json!({"level": k.level.rank(), "columns": k.columns}));
    json!({"labels": filter.labels, "kinds": filter.kinds.iter().map(kind).collect::<Map<String, Value>>()})
}

fn texts(list: &Value) -> Option<Vec<Arc<str>>> {
    list.as_array()?.iter().map(|text| text.as_str().map(Arc::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inputs;
    use crate::control::{Control, ControlSet};

    fn own(tenant: &str, region: &str, label: &str) -> Input {
        Input {
            authenticated: Some(true),
            tenant_id: Some(tenant.into()),
            resource_tenant: Some(tenant.into()),
            kind: Some("audit".into()),
            classification: Some(Level::Public),
            label: Some(label.into()),
            region: Some(region.into()),
        }
    }

    fn check(off: &[&Control], input: &Input, expected: Option<Value>) {
        let off = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
        let data = PolicyData::from_tenants(&Inputs::embedded().tenants);
        let said = filter(&Controls::with_off(off), &data, input);
        assert_eq!(said.as_ref().map(to_json), expected, "{input:?}");
        assert_eq!(said.as_ref().map(to_json).as_ref().and_then(read), said);
    }

    #[test]
    fn a_yes_comes_with_labels_levels_and_columns_of_its_tenant_and_a_no_with_nothing() {
        let acme = json!({"labels": ["confidential", "pii"], "kinds": {
            "agents": {"level": 1, "columns": []}, "audit": {"level": 2, "columns": ["contact"]}}});
        let beta = json!({"labels": ["internal"], "kinds": {
            "agents": {"level": 0, "columns": []}, "audit": {"level": 1, "columns": []}}});
        check(&[], &own("acme", "EU", "pii"), Some(acme));
        check(&[], &own("beta", "US", "internal"), Some(beta));
        check(&[], &own("acme", "US", "pii"), None);
        check(&[], &own("acme", "EU", "health"), None);
        check(&[], &Input { kind: None, ..own("acme", "EU", "pii") }, None);
    }

    #[test]
    fn what_the_policy_does_not_look_at_its_filter_does_not_withhold() {
        let labels = json!({"labels": null, "kinds": {
            "agents": {"level": 0, "columns": []}, "audit": {"level": 1, "columns": []}}});
        check(&[&abac::LABEL], &own("beta", "US", "internal"), Some(labels));
        let levels = json!({"labels": ["internal"], "kinds": {
            "agents": {"level": 3, "columns": ["contact"]}, "audit": {"level": 3, "columns": ["contact"]}}});
        check(&[&abac::CLASSIFICATION], &own("beta", "US", "internal"), Some(levels));
    }

    #[test]
    fn what_is_no_filter_is_none() {
        let whole = || json!({"labels": ["pii"], "kinds": {"audit": {"level": "internal", "columns": ["contact"]}}});
        assert!(read(&whole()).is_some_and(|f| f.shows("audit", "contact") && !f.shows("agents", "contact")));
        for place in ["/labels", "/labels/0", "/kinds", "/kinds/audit", "/kinds/audit/level", "/kinds/audit/columns"] {
            for spoiled in [json!(7), json!({"a": 1}), json!("no")] {
                let mut said = whole();
                *said.pointer_mut(place).expect(place) = spoiled.clone();
                let is_text = place == "/labels/0" && spoiled.is_string();
                assert_eq!(read(&said).is_some(), is_text, "{place}: {said}");
            }
        }
        assert_eq!(read(&Value::Null), None);
    }
}
