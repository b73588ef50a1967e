//! Your own gateway against the reference platform on madsim: a hyper server, hosted in place of the platform's
//! gateway, and one attack scenario run at it. `cargo run --example bring_your_own_gateway` in this package's folder
//! prints what the scenario finds.

#[path = "../../guest/examples/own/gateway.rs"]
pub mod gateway;

use gateway::{Check, PLACE, SEED, serve};
use scenarios::compare::Told;
use sim::control::ControlSet;
use sim_madsim::guest;
use std::rc::Rc;

/// What the gateway has of madsim.
mod net {
    pub use madsim::net::{TcpListener, TcpStream};
    pub use madsim::task::spawn_local;
    pub use sim_madsim::since_epoch;
}

/// Runs the forgers of tokens at a gateway with this check.
pub fn attack(check: Check) -> Told {
    gateway::attack("madsim", |inputs, mut set| {
        let own: guest::Gateway = Rc::new(move |listener, service| Box::pin(serve(listener, service, check)));
        let guest = guest::instead_of_gateway(&mut set.spec, &inputs.platform, PLACE, own);
        let guests = [(PLACE.0.to_owned(), guest.expect("everybody is there"))].into();
        sim_madsim::run_with(set.spec, (set.draws, SEED), ControlSet::EMPTY, None, guests)
    })
}

#[cfg_attr(test, allow(dead_code, reason = "the test of this file looks at the same two runs"))]
fn main() {
    gateway::show(attack);
}
