//! The tenants file as somebody writes it who proposes another version.

use models::config::{Tenant, Tenants};
use std::fmt::Write as _;

/// The next version of a file, with these tenants.
pub fn file_of(tenants: &Tenants) -> String {
    let mut file = format!("version: {}\ntenants:\n", tenants.version + 1);
    tenants.tenants.iter().for_each(|tenant| file += &entry_of(tenant));
    file
}

/// The next version of a file, in which one tenant is different.
pub fn changed(tenants: &Tenants, tenant: &str, change: impl Fn(&mut Tenant)) -> String {
    let mut tenants = tenants.clone();
    tenants.tenants.iter_mut().filter(|t| *t.id == *tenant).for_each(change);
    file_of(&tenants)
}

/// One tenant's entry.
pub fn entry_of(tenant: &Tenant) -> String {
    let classes = tenant.data_classes.iter().map(|(kind, level)| format!("{kind}: {level}")).collect::<Vec<_>>();
    let mut entry = format!("  - id: {}\n    name: {}\n    region: {}\n", tenant.id, tenant.name, tenant.region);
    let owner = tenant.owner.as_ref().map(|owner| format!("    owner: {owner}\n")).unwrap_or_default();
    write!(
        entry,
        "{owner}    labels: [{}]\n    data_classes: {{ {} }}\n",
        tenant.labels.join(", "),
        classes.join(", ")
    )
    .expect("writing to memory does not fail");
    entry
}
