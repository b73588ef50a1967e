//! A user's own gateway in place of the reference's: async code that serves HTTP/1.1 on simulated TCP.
//!
//! It listens on the loopback of the gateway's host and calls the service behind it by another loopback port, as beside
//! a sidecar. The sidecar is the reference platform's: it brings clients' requests as bytes, and carries the gateway's
//! own over the mesh. So the user's code knows neither the mesh nor the simulation, except for the sockets it is given.
//! Which sockets these are is the engine's to say ([`Net`]).

#![forbid(unsafe_code)]

mod bridge;
mod net;

pub use bridge::{Desk, instead_of_gateway};
pub use net::{Gateway, Net, attend};
