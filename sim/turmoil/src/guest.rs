//! A user's own gateway in place of the reference's: tokio code that serves HTTP/1.1 on simulated TCP.
//!
//! It listens on the loopback of the gateway's host and calls the service behind it by another loopback port, as beside
//! a sidecar. The sidecar is the reference platform's: it brings clients' requests as bytes, and carries the gateway's
//! own by mutual TLS. So the user's code knows neither the mesh nor the simulation, except for the sockets it is given.

use crate::engine::{Guest, Seat};
use models::config::PlatformConfig;
use models::ids::Bytes;
use models::mesh::verify::{ChainMemo, PeerExpectation};
use models::platform::sidecar::{Sidecar, SidecarSpec};
use models::platform::trust_domain;
use models::saas::Saas;
use models::wire::Wire;
use models::wire::http::codec::{Limits, decode_request, decode_response, encode_request, encode_response};
use models::wire::http::{Peer, Reason, Request, Response};
use models::wire::svid::SpiffeId;
use sim::node::Boot;
use sim::world::WorldSpec;
use sim::{Ctx, Input, Lineage, Machine, NodeId, Outbox};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio::task::spawn_local;
use turmoil::net::{TcpListener, TcpStream};

/// Where the user's gateway listens, on its own loopback.
const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Where it finds the service behind it.
const SERVICE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

/// A user's gateway: serves on the listener, and calls the service behind it at the address.
pub type Gateway = Rc<dyn Fn(TcpListener, SocketAddr) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Puts a user's gateway in the place of the node `role` in front of `cell`, and returns the guest for that role.
///
/// # Errors
/// Nobody plays one of the roles that it takes.
pub fn instead_of_gateway(
    spec: &mut WorldSpec<Saas>,
    config: &PlatformConfig,
    (role, cell): (&str, &str),
    gateway: Gateway,
) -> Result<Guest<Saas>, String> {
    let roles: Vec<String> = spec.nodes.iter().map(|node| node.role.clone()).collect();
    let find = |role: &str| {
        let found = roles.iter().position(|r| r == role).map(|i| NodeId(i as u32));
        found.ok_or_else(|| format!("nobody plays {role}"))
    };
    let (node, app, ca) = (find(role)?, find(&format!("{cell}/app-1"))?, find(&format!("{cell}/mesh-ca"))?);
    let domain = trust_domain(cell);
    let id = SpiffeId::new(&domain, "/ns/edge/sa/gateway").expect("the id of a gateway");
    let mut sidecar = SidecarSpec::new(role, id, ca, ChainMemo::default());
    sidecar.lifetime = config.tokens.svid;
    sidecar.renew_before = config.tokens.svid_renew_before;
    sidecar.refresh = config.tokens.trust_bundle;
    sidecar.peers = [(app, PeerExpectation::exactly(&domain, &["/ns/apps/sa/orchestrator"]))].into();
    let named = |i: usize| (NodeId(i as u32), roles[i].as_str().into());
    sidecar.names = (0..roles.len()).map(named).collect();
    let outside = |i: &usize| roles[*i].starts_with("client/") || roles[*i].starts_with("attacker/");
    sidecar.open_to = (0..roles.len()).filter(outside).map(|i| NodeId(i as u32)).collect();
    let desk = Rc::new(Desk::default());
    let at = desk.clone();
    let bridge: Boot<Saas> = Rc::new(move |_, _| Box::new(Bridge::new(at.clone(), app)));
    spec.nodes[node.0 as usize].boot = Rc::new(move |ctx, out| Box::new(Sidecar::boot(&sidecar, &bridge, ctx, out)));
    Ok(Rc::new(move |seat| Box::pin(attend(Rc::new(seat), desk.clone(), gateway.clone()))))
}

/// What the machine and the tasks beside it hand each other.
#[derive(Default)]
struct Desk {
    /// Requests of clients, for the gateway.
    asked: RefCell<VecDeque<(u64, Box<Request>)>>,
    wake: Notify,
    /// The gateway's answers.
    answered: RefCell<VecDeque<(u64, Box<Response>)>>,
    /// What the gateway asks the service.
    calls: RefCell<VecDeque<(u64, Box<Request>)>>,
    /// Calls under way.
    called: RefCell<BTreeMap<u64, oneshot::Sender<Box<Response>>>>,
    numbers: Cell<u64>,
}

impl Desk {
    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }
}

/// The machine that stands where the gateway's would.
struct Bridge {
    desk: Rc<Desk>,
    app: NodeId,
    /// Who asked what, by the number that the request has beyond this place.
    open: BTreeMap<u64, (NodeId, u64, Lineage)>,
}

impl Bridge {
    fn new(desk: Rc<Desk>, app: NodeId) -> Bridge {
        desk.asked.borrow_mut().clear();
        desk.answered.borrow_mut().clear();
        desk.calls.borrow_mut().clear();
        desk.called.borrow_mut().clear();
        Bridge { desk, app, open: BTreeMap::new() }
    }

    /// Takes what the tasks have left on the desk.
    fn collect(&mut self, out: &mut Outbox<Saas>) {
        for (number, request) in std::mem::take(&mut *self.desk.calls.borrow_mut()) {
            let lineage = self.open.get(&request.id).map_or(Lineage::root(number, 0), |open| open.2);
            out.send_for(lineage, self.app, Wire::Http(Box::new(Request { id: number, ..*request })));
        }
        for (number, response) in std::mem::take(&mut *self.desk.answered.borrow_mut()) {
            if let Some((client, id, lineage)) = self.open.remove(&number) {
                out.send_for(lineage, client, Wire::HttpAnswer(Box::new(Response { id, ..*response })));
            }
        }
    }

    fn answer(&self, response: Box<Response>) {
        if let Some(waits) = self.desk.called.borrow_mut().remove(&response.id) {
            // Whoever no longer waits has hung up.
            let _ = waits.send(response);
        }
    }
}

impl Machine<Saas> for Bridge {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Probe(_) } if from == ctx.node() => self.collect(out),
            Input::Message { from, message: Wire::Http(mut request) } => {
                let number = self.desk.number();
                self.open.insert(number, (from, request.id, ctx.lineage()));
                request.id = number;
                self.desk.asked.borrow_mut().push_back((number, request));
                self.desk.wake.notify_one();
            }
            Input::Message { message: Wire::HttpAnswer(response), .. } => self.answer(response),
            Input::Refused { message: Wire::Http(request), .. } => {
                self.answer(Box::new(Response::new(request.id, Reason::UpstreamFailed)));
            }
            _ => {}
        }
    }
}

/// The tasks beside the machine: the user's gateway, what brings it requests, what takes its calls.
async fn attend(seat: Rc<Seat<Saas>>, desk: Rc<Desk>, gateway: Gateway) {
    let (Ok(listener), Ok(service)) = (TcpListener::bind(GATEWAY).await, TcpListener::bind(SERVICE).await) else {
        return;
    };
    spawn_local(gateway(listener, SERVICE));
    spawn_local(egress(seat.clone(), desk.clone(), service));
    loop {
        let next = desk.asked.borrow_mut().pop_front();
        match next {
            Some((number, request)) => drop(spawn_local(ask(seat.clone(), desk.clone(), number, request))),
            None => desk.wake.notified().await,
        }
    }
}

/// Brings one request to the user's gateway, and its answer back.
async fn ask(seat: Rc<Seat<Saas>>, desk: Rc<Desk>, number: u64, request: Box<Request>) {
    let answer = exchange(&request).await;
    let failed = || Response::new(number, Reason::UpstreamFailed).with_body(Bytes::from([]));
    desk.answered.borrow_mut().push_back((number, Box::new(answer.unwrap_or_else(failed))));
    seat.tell(Wire::Probe(number));
}

async fn exchange(request: &Request) -> Option<Response> {
    let mut bytes = Vec::new();
    encode_request(request, &mut bytes).ok()?;
    let mut stream = TcpStream::connect(GATEWAY).await.ok()?;
    stream.write_all(&bytes).await.ok()?;
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
async fn egress(seat: Rc<Seat<Saas>>, desk: Rc<Desk>, listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        spawn_local(call(seat.clone(), desk.clone(), stream));
    }
}

async fn call(seat: Rc<Seat<Saas>>, desk: Rc<Desk>, mut stream: TcpStream) -> Option<()> {
    let mut read = Vec::new();
    loop {
        while let Some((request, taken)) = decode_request(&read, Peer::default(), &Limits::STRICT).ok()? {
            read.drain(..taken);
            let number = desk.number();
            let (sender, waits) = oneshot::channel();
            let id = request.id;
            desk.called.borrow_mut().insert(number, sender);
            desk.calls.borrow_mut().push_back((number, Box::new(request)));
            seat.tell(Wire::Probe(number));
            let response = Response { id, ..*waits.await.ok()? };
            let mut bytes = Vec::new();
            encode_response(&response, &mut bytes).ok()?;
            stream.write_all(&bytes).await.ok()?;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}
