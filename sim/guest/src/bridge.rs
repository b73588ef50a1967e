//! The machine that stands where the gateway's would, and the desk between it and the tasks beside it.

use models::config::PlatformConfig;
use models::mesh::verify::{ChainMemo, PeerExpectation};
use models::platform::sidecar::{Sidecar, SidecarSpec};
use models::platform::trust_domain;
use models::saas::Saas;
use models::wire::Wire;
use models::wire::http::{Reason, Request, Response};
use models::wire::svid::SpiffeId;
use sim::node::Boot;
use sim::world::WorldSpec;
use sim::{Ctx, Input, Lineage, Machine, NodeId, Outbox};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use tokio::sync::{Notify, oneshot};

/// Puts a user's gateway in the place of the node `role` in front of `cell`, and returns the desk at which that node's
/// machine meets the tasks of its host ([`attend`](crate::attend)).
///
/// # Errors
/// Nobody plays one of the roles that it takes.
pub fn instead_of_gateway(
    spec: &mut WorldSpec<Saas>,
    config: &PlatformConfig,
    (role, cell): (&str, &str),
) -> Result<Rc<Desk>, String> {
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
    Ok(desk)
}

/// What the machine and the tasks beside it hand each other.
#[derive(Default)]
pub struct Desk {
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

    /// The next request of a client, with the number under which its answer is expected.
    pub(crate) async fn next(&self) -> (u64, Box<Request>) {
        loop {
            let next = self.asked.borrow_mut().pop_front();
            match next {
                Some(next) => return next,
                None => self.wake.notified().await,
            }
        }
    }

    /// Lays down the gateway's answer. The machine has to be told.
    pub(crate) fn answer(&self, number: u64, response: Response) {
        self.answered.borrow_mut().push_back((number, Box::new(response)));
    }

    /// Lays down what the gateway asks the service. The machine has to be told, by the number that is returned.
    pub(crate) fn call(&self, request: Request) -> (u64, oneshot::Receiver<Box<Response>>) {
        let number = self.number();
        let (sender, waits) = oneshot::channel();
        self.called.borrow_mut().insert(number, sender);
        self.calls.borrow_mut().push_back((number, Box::new(request)));
        (number, waits)
    }

    /// The host was started anew: nobody waits any more for what was on the desk.
    fn clear(&self) {
        self.asked.borrow_mut().clear();
        self.answered.borrow_mut().clear();
        self.calls.borrow_mut().clear();
        self.called.borrow_mut().clear();
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
        desk.clear();
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
