//! Your own gateway against the reference platform on turmoil: a hyper server, hosted in place of the platform's
//! gateway, and one attack scenario run at it. `cargo run -p sim-turmoil --example bring_your_own_gateway` prints what
//! the scenario finds.

#[path = "../../guest/examples/own/gateway.rs"]
pub mod gateway;

use gateway::{Check, PLACE, SEED, serve};
use scenarios::compare::Told;
use sim::control::ControlSet;
use sim_turmoil::mesh::Mesh;
use sim_turmoil::{Order, guest, run};
use std::rc::Rc;

/// What the gateway has of turmoil.
mod net {
    pub use tokio::task::spawn_local;
    pub use turmoil::net::{TcpListener, TcpStream};
    pub use turmoil::since_epoch;
}

/// Runs the forgers of tokens at a gateway with this check.
pub fn attack(check: Check) -> Told {
    gateway::attack("turmoil", |inputs, mut set| {
        let own: guest::Gateway = Rc::new(move |listener, service| Box::pin(serve(listener, service, check)));
        let guest = guest::instead_of_gateway(&mut set.spec, &inputs.platform, PLACE, own);
        let guests = [(PLACE.0.to_owned(), guest.expect("everybody is there"))].into();
        let (spec, draws, off) = (set.spec, set.draws, ControlSet::EMPTY);
        run(Order { spec, draws, off, seed: SEED, defect: None, guests }, Rc::new(Mesh::new(off)))
    })
}

#[cfg_attr(test, allow(dead_code, reason = "the test of this file looks at the same two runs"))]
fn main() {
    gateway::show(attack);
}
