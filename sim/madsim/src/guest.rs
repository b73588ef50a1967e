//! A user's own gateway in place of the reference's, on madsim's sockets.

use crate::engine::{Guest, Seat};
use madsim::net::{TcpListener, TcpStream};
use models::config::PlatformConfig;
use models::saas::Saas;
use models::wire::Wire;
use sim::world::WorldSpec;
use sim_guest::{Net, attend};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

/// A user's gateway: serves on the listener, and calls the service behind it at the address.
pub type Gateway = sim_guest::Gateway<TcpListener>;

/// Puts a user's gateway in the place of the node `role` in front of `cell`, and returns the guest for that role.
///
/// # Errors
/// Nobody plays one of the roles that it takes.
pub fn instead_of_gateway(
    spec: &mut WorldSpec<Saas>,
    config: &PlatformConfig,
    place: (&str, &str),
    gateway: Gateway,
) -> Result<Guest<Saas>, String> {
    let desk = sim_guest::instead_of_gateway(spec, config, place)?;
    Ok(Rc::new(move |seat| Box::pin(attend(Sockets(seat), desk.clone(), gateway.clone()))))
}

/// The sockets and tasks of a node of madsim.
struct Sockets(Seat<Saas>);

impl Net for Sockets {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn bind(at: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind(at).await
    }

    async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
        listener.accept().await.map(|(stream, _)| stream)
    }

    async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(to).await
    }

    fn spawn(task: impl Future<Output = ()> + 'static) {
        madsim::task::spawn_local(task);
    }

    fn tell(&self, word: Wire) {
        self.0.tell(word);
    }
}
