//! Who may call whom: identities of all workloads, and the sidecar in front of each.

use super::sidecar::{Sidecar, SidecarSpec};
use super::{Directory, GATEWAY};
use crate::config::{Costs, Operation, Tokens};
use crate::mesh::verify::{ChainMemo, PeerExpectation};
use crate::mesh::version::Place;
use crate::saas::Saas;
use crate::wire::svid::SpiffeId;
use sim::NodeId;
use sim::node::Boot;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Path of the service's id: who may call policy, stores and brokers.
pub(super) const APP: &str = "/ns/apps/sa/orchestrator";

/// Path of the id of the API that tenants write resources to.
pub(super) const KUBE_API: &str = "/ns/control/sa/kube-api";

/// Path of a broker's id.
pub(super) const BROKER: &str = "/ns/data/sa/kafka";

/// Path of the id of an exporter of offline bundles, which reads databases, brokers and the object store.
pub(super) const EXPORTER: &str = "/ns/control/sa/exporter";

/// Path of the id of a logical replica, which follows the databases of another cell.
pub(super) const REPLICA: &str = "/ns/data/sa/postgres-replica";

/// The trust domain of a cell.
pub fn trust_domain(cell: &str) -> String {
    format!("{cell}.cellproof.test")
}

/// A workload: its role, its cell, the path of its id, and the roles that it calls.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub role: String,
    pub cell: String,
    pub path: String,
    pub calls: Vec<String>,
    /// Paths of those who may call it, in which cells.
    pub accepts: (Vec<String>, Vec<String>),
    /// Whether it is told who connects.
    pub tells_callers: bool,
    /// Whether anybody may send to it: a gateway, which asks for tokens instead.
    pub open: bool,
    /// Peers with which every message is sealed.
    pub sealed: Vec<String>,
}

/// All workloads of a deployment, with what a sidecar needs.
pub(super) struct Mesh {
    pub workloads: Vec<Workload>,
    pub memo: ChainMemo,
    pub names: Rc<BTreeMap<NodeId, Arc<str>>>,
    pub clients: BTreeSet<NodeId>,
    /// Whether clients open TLS sessions with gateways.
    pub edge_tls: bool,
    pub tokens: Tokens,
}

impl Mesh {
    fn of(&self, role: &str) -> &Workload {
        let found = self.workloads.iter().find(|w| w.role == role);
        found.unwrap_or_else(|| panic!("{role} is called through the mesh and is no workload"))
    }

    /// The id of a workload.
    pub fn id(&self, workload: &Workload) -> SpiffeId {
        SpiffeId::new(&trust_domain(&workload.cell), &workload.path).expect("paths of workloads are written here")
    }

    /// Workloads of other cells that may call a node, by trust domain and path: replicas that follow it, and producers
    /// whose events spill. Nothing else of those cells may.
    fn followers(&self, role: &str) -> Vec<(Arc<str>, Arc<str>)> {
        let called = self.of(role);
        let spills = |w: &Workload| called.path == BROKER && w.cell != called.cell;
        let follows = |w: &&Workload| (w.path == REPLICA || spills(w)) && w.calls.iter().any(|name| name == role);
        let all = self.workloads.iter().filter(follows);
        all.map(|w| (trust_domain(&w.cell).as_str().into(), w.path.as_str().into())).collect()
    }

    /// Puts a sidecar in front of a workload's machine.
    pub fn wrap(&self, role: &str, directory: &Directory, costs: &Costs, inner: Boot<Saas>) -> Boot<Saas> {
        let workload = self.of(role);
        let ca = directory.node(&format!("{}/mesh-ca", workload.cell));
        let mut spec = SidecarSpec::new(role, self.id(workload), ca, self.memo.clone());
        let expect = |peer: &Workload| PeerExpectation::exactly(&trust_domain(&peer.cell), &[&peer.path]);
        spec.peers = workload.calls.iter().map(|r| (directory.node(r), expect(self.of(r)))).collect();
        let (cells, paths) = &workload.accepts;
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut accepts = PeerExpectation::exactly("", &paths);
        accepts.trust_domains = cells.iter().map(|cell| trust_domain(cell).as_str().into()).collect();
        accepts.also = self.followers(role);
        spec.accepts = accepts;
        spec.tells_callers = workload.tells_callers;
        spec.names = (*self.names).clone();
        spec.sealed = workload.sealed.iter().map(|r| directory.node(r)).collect();
        spec.lifetime = self.tokens.svid;
        spec.renew_before = self.tokens.svid_renew_before;
        spec.refresh = self.tokens.trust_bundle;
        // Providers of tokens and keys answer from outside the mesh; clients stand outside by nature.
        spec.open_to = match workload.open {
            true => self.clients.clone(),
            false => BTreeSet::new(),
        };
        spec.place = match &*workload.path {
            GATEWAY => Place::Edge,
            BROKER => Place::Broker,
            _ => Place::Inside,
        };
        spec.asks_clients_for_tls = self.edge_tls && spec.place == Place::Edge;
        spec.handshake_cost = costs.of(Operation::MeshHandshake).scale(1, 4);
        spec.seal_cost = costs.of(Operation::MeshSeal);
        Rc::new(move |ctx, out| Box::new(Sidecar::boot(&spec, &inner, ctx, out)))
    }
}
