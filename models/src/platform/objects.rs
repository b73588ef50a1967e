//! The object store of a cell, and a service's way to it.

use super::mesh::{APP, EXPORTER, Workload};
use super::parts::{Parts, place};
use super::{Deployment, index_of};
use crate::config::{Cell, Operation};
use crate::crypto::sha256;
use crate::objects::client::Library;
use crate::objects::machine::{First, ObjectStore, ObjectStoreSpec};
use crate::objects::path::ARCHIVE;
use crate::objects::url::Secret;
use crate::saas::Saas;
use sim::node::Boot;
use std::rc::Rc;

/// Path of the store's id.
pub(super) const OBJECTS: &str = "/ns/data/sa/objects";

/// Objects that every tenant begins with, by domain: each of the product `reports`, the first one in the archive as
/// well.
pub const FIRST_OBJECTS: u32 = 3;
/// Numbers of objects in leak markers begin here: above all records.
pub const MARKED_FROM: u32 = 700_000;

/// Name of the `n`-th object that a tenant begins with.
pub fn first_key(tenant: &str, domain: &str, n: u32) -> String {
    format!("{tenant}/{domain}/reports/{n}")
}

/// The domain of ordinary objects.
pub const DOCUMENTS: &str = "documents";

/// Role of a cell's store.
pub fn role(cell: &str) -> String {
    format!("{cell}/objects")
}

/// The store of a cell as a workload. It is open: links are used from outside the mesh.
pub(super) fn workload(deployment: &Deployment, cell: &Cell) -> Option<Workload> {
    deployment.objects.then(|| Workload {
        role: role(&cell.id),
        cell: cell.id.to_string(),
        path: OBJECTS.into(),
        calls: Vec::new(),
        accepts: (vec![cell.id.to_string()], vec![APP.into(), EXPORTER.into()]),
        tells_callers: true,
        open: true,
        sealed: Vec::new(),
    })
}

/// The secret of a cell, worthless outside a simulation.
fn secret(cell: &Cell) -> Secret {
    Secret::new(&sha256(format!("cellproof simulation link secret of {}", cell.id).as_bytes()))
}

/// A service's way to the store of its cell, where there is one.
pub(super) fn library(parts: &Parts<'_>, cell: &Cell) -> Option<Library> {
    let store = parts.directory.find(&role(&cell.id)).filter(|_| parts.deployment.objects)?;
    Some(Library { store, secret: secret(cell), link_life: parts.deployment.config.tokens.signed_url })
}

pub(super) fn boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let spec = ObjectStoreSpec {
        place: place("objects", cell),
        base: base(parts.deployment, cell),
        retention: config.ttls.archive,
        secret: secret(cell),
        thumbprints: parts.thumbprints.clone(),
        cost: (config.costs.of(Operation::ObjectGet), config.costs.of(Operation::ObjectPut)),
    };
    let spec = Rc::new(spec);
    Rc::new(move |ctx, out| Box::new(ObjectStore::boot(&spec, ctx, out)))
}

/// What the tenants of a cell begin with. The last object of each is named after what it holds, so that its name alone
/// gives it away.
fn base(deployment: &Deployment, cell: &Cell) -> Vec<First> {
    let mut base = Vec::new();
    for (tenant, salt) in deployment.tenants.iter().filter(|(tenant, _)| tenant.region == cell.region) {
        debug_assert!(index_of(&deployment.all_tenants, &tenant.id) < u32::MAX >> 8);
        for n in 0..FIRST_OBJECTS {
            let marker = (deployment.datum)(&tenant.id, *salt, MARKED_FROM + n, 0).encode();
            let object = |key: String| First { key: key.into(), body: marker.as_bytes().into() };
            base.push(object(first_key(&tenant.id, DOCUMENTS, n)));
            if n == 0 {
                base.push(object(first_key(&tenant.id, ARCHIVE, n)));
            }
            if n + 1 == FIRST_OBJECTS {
                base.push(object(format!("{}/{DOCUMENTS}/names/{}", tenant.id, marker.as_str())));
            }
        }
    }
    base
}
