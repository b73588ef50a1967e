//! Which login the service takes to the database: the shared one, or that of the slice that a tenant is pinned to.
//!
//! Routing is all there is to it. The same instances of the service serve every slice of their cell, with the same
//! statements; which tables these find is settled by the login.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::sql::Login;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A pinned tenant's statements go to its slice (TEN-04).
pub const SLICE_ROUTING: Control = control!(
    "app.slice-routing",
    upholds: ["TEN-04"],
    off: "the service takes the shared login for every tenant, as when a slice was created and the service's own \
          configuration was not told",
);

/// Logins of pinned tenants.
#[derive(Clone, Debug, Default)]
pub struct Slices(pub Rc<BTreeMap<TenantId, Login>>);

impl Slices {
    /// The login for a tenant's statements; `None` is the shared one.
    pub fn login(&self, controls: &Controls, tenant: &TenantId) -> Option<Login> {
        self.0.get(tenant).filter(|_| controls.on(&SLICE_ROUTING)).cloned()
    }
}
