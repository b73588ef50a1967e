//! The object store: one prefix a tenant, write-once archives, and links that are signed.
//!
//! Every object lies under `{tenant_id}/{domain}/{product}/`. A service that is linked with [`client`] asks for one
//! tenant at a time, and the store grants that tenant's prefix and nothing else; whoever has no session needs a link
//! that the service signed. The store knows nothing of services: a caller is an id that the mesh proved.

pub mod client;
pub mod grant;
pub mod machine;
pub mod path;
pub mod shelf;
pub mod url;
