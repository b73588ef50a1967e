//! The air-gapped way: a signed bundle a day, carried by two people on a hardware token, and the cell that lives on it.
//!
//! An [`exporter`] makes one bundle a tenant and day, under the key of that day, and stages it in the archive of the
//! object store. Two [`custody`] holders together get it out. The [`cell`] at the other end believes nothing but what
//! its [`loader`] has found to be the next bundle of one of its tenants, and asks nobody.

pub mod bundle;
pub mod case;
pub mod cell;
pub mod custody;
pub mod exporter;
pub mod gather;
pub mod loader;
pub mod stores;
