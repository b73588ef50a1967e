//! The part of a cell's Kubernetes that the platform's own resources live in (crosscutting document: *CRDs include
//! tenant_id in spec*; TEN-06).
//!
//! A tenant writes reports into its namespace. [`server`] is the API that it writes to, and asks before it stores
//! anything; [`admission`] is whom it asks; [`reporter`] is the controller that does what a report says, for the tenant
//! that the report names. Role-based access ends at the namespace: what stands in a spec only admission looks at.

pub mod admission;
pub mod reporter;
pub mod server;

#[cfg(test)]
mod tests;
