//! The reference model of a Kafka cluster, behind Kafka's own protocol: `cellproof host kafka`.
//!
//! Start at [`cluster`] (the model at work) and [`session`] (a connection). What a client's data go through is the
//! model; here are doors, numbers, and what the model has no word for: configurations, rules and quotas as they are
//! asked for, and membership of groups. A cluster lives in memory and ends with its process. Each broker listens at a
//! port of its own: the first at the one of its listener, the others at those that follow.
//!
//! Not here: transactions beyond their ids, compression, record headers, expiry of group members, consumer quotas.

mod admin;
mod caller;
mod cluster;
pub mod config;
mod data;
mod describe;
mod door;
mod estate;
mod groups;
mod records;
mod session;

use crate::certify::deployment::Secret;
use config::Config;
use door::Door;
use estate::Estate;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// How often brokers look at what is due: a waiting fetch is answered this late at most.
const TICK: Duration = Duration::from_millis(20);

/// A cluster that listens, until it is dropped.
pub struct Host {
    /// Where each listener's first broker is, by the name of its protocol.
    pub addresses: Vec<(String, SocketAddr)>,
    estate: Arc<Estate>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// Starts a cluster.
    ///
    /// # Errors
    /// Says which property, file or port is in the way.
    pub fn start(config: Config) -> Result<Host, String> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let doors = door::all(&config)?;
        let reveal = |(user, secret): (&String, &Secret)| Ok((user.clone(), secret.reveal(&config.home)?));
        let passwords = config.users.iter().map(reveal).collect::<Result<_, String>>()?;
        let mut bound = Vec::new();
        for door in doors {
            let sockets = runtime.block_on(bind(&door, config.broker.len().max(1)))?;
            bound.push((door, sockets));
        }
        let addresses = bound.iter().map(|(door, sockets)| (door.name.clone(), sockets[0].1)).collect();
        let (doors, sockets): (Vec<Door>, Vec<Sockets>) = bound.into_iter().unzip();
        let places = sockets.iter().map(|sockets| sockets.iter().map(|(_, at)| *at).collect()).collect();
        let estate = Arc::new(Estate::open(config, doors, places, passwords));
        let (stop, stopped) = oneshot::channel();
        let serving = estate.clone();
        let run = move || serve(&runtime, &serving, sockets, stopped);
        let thread = std::thread::Builder::new().name("kafka".into()).spawn(run).map_err(|e| e.to_string())?;
        Ok(Host { addresses, estate, stop: Some(stop), thread: Some(thread) })
    }

    /// The port of a listener's first broker.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.addresses.iter().find(|(known, _)| known == name).map(|(_, address)| address.port())
    }

    /// What there is: topics with the ends of their logs, groups, rules and quotas. Before and after, to compare.
    pub fn census(&self) -> Vec<String> {
        self.estate.state().census()
    }

    /// Waits until it ends by itself, which it does not.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Sockets = Vec<(TcpListener, SocketAddr)>;

async fn bind(door: &Door, brokers: usize) -> Result<Sockets, String> {
    let mut sockets = Vec::new();
    for broker in 0..brokers {
        let port = if door.port == 0 { 0 } else { door.port + broker as u16 };
        let failed = |e: std::io::Error| format!("failed to listen at {}:{port}: {e}", door.host);
        let socket = TcpListener::bind((door.host.as_str(), port)).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        sockets.push((socket, address));
    }
    Ok(sockets)
}

fn serve(runtime: &Runtime, estate: &Arc<Estate>, sockets: Vec<Sockets>, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        for (listener, sockets) in sockets.into_iter().enumerate() {
            for (broker, (socket, _)) in sockets.into_iter().enumerate() {
                tokio::spawn(accept(estate.clone(), listener, broker, socket));
            }
        }
        let ticking = estate.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                ticking.state().cluster.tick();
            }
        });
        // Whoever held the other end has gone.
        let _ = stopped.await;
    });
}

async fn accept(estate: Arc<Estate>, listener: usize, broker: usize, socket: TcpListener) {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(session::serve(estate.clone(), listener, broker, stream));
            }
            // Too many open files, at most: others may close theirs.
            Err(_) => tokio::time::sleep(TICK).await,
        }
    }
}
