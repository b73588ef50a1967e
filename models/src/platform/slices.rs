//! Slices of a cell's data plane: who is pinned to one, and by which login the service reaches it.

use super::Deployment;
use crate::config::{Cell, Slice};
use crate::ids::TenantId;
use crate::wire::sql::Login;

/// Tenants that are pinned to a slice of a cell.
pub(super) fn of<'a>(deployment: &'a Deployment, cell: &'a Cell) -> impl Iterator<Item = (TenantId, &'a Slice)> {
    let here = deployment.all_tenants.tenants.iter().filter(|tenant| tenant.region == cell.region);
    here.filter_map(|tenant| Some((tenant.id.clone(), tenant.slice.as_ref()?)))
}

/// The login of a slice. Simulation only: the link is sealed, and who may know the password is what is under test.
pub fn login(slice: &Slice) -> Login {
    Login { role: format!("{}_login", slice.schema).into(), password: format!("pw-{}", slice.schema).into() }
}
