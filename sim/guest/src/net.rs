//! The tasks beside the machine: the user's gateway, what brings it requests, and what takes its calls.

use crate::bridge::Desk;
use models::ids::Bytes;
use models::wire::Wire;
use models::wire::http::codec::{Limits, decode_request, decode_response, encode_request, encode_response};
use models::wire::http::{Peer, Reason, Request, Response};
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Where the user's gateway listens, on its own loopback.
const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Where it finds the service behind it.
const SERVICE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

/// The sockets and tasks of an engine, on the host that the gateway has.
pub trait Net: 'static {
    /// What connections are accepted from.
    type Listener: 'static;
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// Listens at an address of the host's own.
    fn bind(at: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>>;

    /// Waits for a connection.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Opens a connection.
    fn connect(to: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Begins a task that ends with the host.
    fn spawn(task: impl Future<Output = ()> + 'static);

    /// Gives the machine of the host a word, as from its own node.
    fn tell(&self, word: Wire);
}

/// A user's gateway: serves on the listener, and calls the service behind it at the address.
pub type Gateway<L> = Rc<dyn Fn(L, SocketAddr) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Runs the gateway, and carries requests and answers between it and the machine of its host.
pub async fn attend<N: Net>(net: N, desk: Rc<Desk>, gateway: Gateway<N::Listener>) {
    let (Ok(listener), Ok(service)) = (N::bind(GATEWAY).await, N::bind(SERVICE).await) else { return };
    let net = Rc::new(net);
    N::spawn(gateway(listener, SERVICE));
    N::spawn(egress(net.clone(), desk.clone(), service));
    loop {
        let (number, request) = desk.next().await;
        N::spawn(ask(net.clone(), desk.clone(), number, request));
    }
}

/// Brings one request to the user's gateway, and its answer back.
async fn ask<N: Net>(net: Rc<N>, desk: Rc<Desk>, number: u64, request: Box<Request>) {
    let failed = || Response::new(number, Reason::UpstreamFailed).with_body(Bytes::from([]));
    desk.answer(number, exchange::<N>(&request).await.unwrap_or_else(failed));
    net.tell(Wire::Probe(number));
}

async fn exchange<N: Net>(request: &Request) -> Option<Response> {
    let mut bytes = Vec::new();
    encode_request(request, &mut bytes).ok()?;
    let mut stream = N::connect(GATEWAY).await.ok()?;
    send(&mut stream, &bytes).await?;
    let mut read = Vec::new();
    loop {
        if let Some((response, _)) = decode_response(&read, &Limits::STRICT).ok()? {
            return Some(response);
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// Takes the gateway's calls to the service.
async fn egress<N: Net>(net: Rc<N>, desk: Rc<Desk>, listener: N::Listener) {
    while let Ok(stream) = N::accept(&listener).await {
        let (net, desk) = (net.clone(), desk.clone());
        N::spawn(async move {
            // Whoever hangs up, or speaks no HTTP, is not served any further.
            let _ = calls(&*net, &desk, stream).await;
        });
    }
}

async fn calls<N: Net>(net: &N, desk: &Desk, mut stream: N::Stream) -> Option<()> {
    let mut read = Vec::new();
    loop {
        while let Some((request, taken)) = decode_request(&read, Peer::default(), &Limits::STRICT).ok()? {
            read.drain(..taken);
            let id = request.id;
            let (number, waits) = desk.call(request);
            net.tell(Wire::Probe(number));
            let mut bytes = Vec::new();
            encode_response(&Response { id, ..*waits.await.ok()? }, &mut bytes).ok()?;
            send(&mut stream, &bytes).await?;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// An engine may keep what is written until it is flushed.
async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}
