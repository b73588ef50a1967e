//! The autoscaler of a cell: as many instances of its service as the load needs, in time and without flapping (SRV-05).
//!
//! [`scaler`] decides, from figures alone; [`machine`] is the node that gathers them, gives the orders, and tells the
//! gateways who is ready. What an instance is while it starts and while it drains is the service's own business
//! (`app::instance`).

pub mod machine;
pub mod scaler;

pub use machine::{Autoscaler, AutoscalerSpec};
pub use scaler::Settings;

#[cfg(test)]
mod tests;
