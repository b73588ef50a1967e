//! The mesh CA at work: one machine a cell, role `cell-a/mesh-ca`, that issues SVIDs and spreads trust bundles.
//!
//! It attests by connection: which workload asks is what its node says, never what the word claims. Its keys are named
//! and so survive a crash; a certificate is handed out only once its number is on the disk, because what is forgotten
//! can never be taken back.

use super::ca::{Ca, CaConfig};
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::svid::{KeyName, SpiffeId, Svid, SvidRequest, SvidWord, TrustBundle, TrustDomain};
use sim::disk::{FileId, Write};
use sim::seed::mix;
use sim::{Ctx, Duration, Input, Instant, Lineage, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often they are asked while one of them was never heard.
pub const FEDERATE_RETRY: Duration = Duration::millis(300);

const TICK: u64 = 1;
/// Certificates issued, one a record.
const ISSUED: FileId = 0;

/// How an authority is deployed.
#[derive(Clone, Debug)]
pub struct CaMachineSpec {
    /// Trust domain, keys and lifetimes.
    pub config: CaConfig,
    /// Whose connection comes from which node: node to role. A role is the workload's name in `workloads`.
    pub peers: BTreeMap<NodeId, Arc<str>>,
    /// Which role may hold which id; several entries for a role are several ids.
    pub workloads: Vec<(Arc<str>, SpiffeId)>,
    /// Authorities of other cells: node, and the only trust domain that it may speak for.
    pub federation: BTreeMap<NodeId, TrustDomain>,
    /// Workloads that are taken back, with when (local clock): each of their certificates that is alive then is
    /// revoked, none is issued after. Others may hold the same id.
    pub revocations: Vec<(Instant, Arc<str>)>,
    /// How often other cells' authorities are asked for their bundles.
    pub federate_every: Duration,
    /// Worker time of issuing.
    pub issue_cost: Duration,
    /// Worker time of answering with a bundle.
    pub bundle_cost: Duration,
}

impl CaMachineSpec {
    /// The usual authority of `trust_domain`: nobody registered, no federation (or every 5 s), 300 µs a certificate.
    pub fn new(trust_domain: &str) -> CaMachineSpec {
        CaMachineSpec {
            config: CaConfig::new(trust_domain),
            peers: BTreeMap::new(),
            workloads: Vec::new(),
            federation: BTreeMap::new(),
            revocations: Vec::new(),
            federate_every: Duration::secs(5),
            issue_cost: Duration::micros(300),
            bundle_cost: Duration::micros(20),
        }
    }
}

/// An authority at work.
pub struct CaMachine {
    spec: CaMachineSpec,
    ca: Ca,
    boot: u64,
    asked: u64,
    rotates_at: Instant,
    issued: Vec<Issued>,
    /// Certificates that wait for the disk, by the token of the sync.
    unsynced: BTreeMap<u64, (NodeId, Lineage, Issued)>,
    revoked: usize,
    federated: BTreeMap<NodeId, Arc<TrustBundle>>,
}

/// A certificate, and to which workload it was issued.
struct Issued {
    role: Arc<str>,
    svid: Arc<Svid>,
}

impl CaMachine {
    /// Boots from its named keys and its disk, and asks the other cells' authorities for their bundles.
    pub fn boot(spec: &CaMachineSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> CaMachine {
        let mut spec = spec.clone();
        spec.revocations.sort_by_key(|(at, _)| *at);
        let mut ca = Ca::new(Instant::ZERO, spec.config.clone());
        for (role, id) in &spec.workloads {
            ca.register(role, id.clone());
        }
        let rotates_at = Instant::ZERO + spec.config.intermediate_lifetime.scale(1, 2);
        let boot = ctx.lineage().cause;
        let issued: Vec<Issued> = ctx.disk().read(ISSUED).iter().filter_map(|r| recall(r)).collect();
        ca.resume_after(issued.iter().map(|issued| issued.svid.serial).max().unwrap_or(0));
        let (unsynced, federated) = (BTreeMap::new(), BTreeMap::new());
        let mut machine = CaMachine { spec, ca, boot, asked: 0, rotates_at, issued, unsynced, revoked: 0, federated };
        machine.tick(ctx.now(), out);
        machine
    }

    fn tick(&mut self, now: Instant, out: &mut Outbox<Saas>) {
        while self.rotates_at <= now {
            self.ca.rotate_intermediate(self.rotates_at);
            self.rotates_at += Duration(self.spec.config.intermediate_lifetime.scale(1, 2).0.max(1_000_000_000));
        }
        self.take_back(now, out);
        self.issued.retain(|issued| now.unix_seconds() <= issued.svid.not_after);
        self.asked += 1;
        let own = Lineage::root(mix(self.boot, TICK), self.asked);
        for node in self.spec.federation.keys() {
            out.resend(*node, own.child(u64::from(node.0)), Wire::Svid(Box::new(SvidWord::AskBundle)));
        }
        let complete = self.federated.len() == self.spec.federation.len();
        let mut after = if complete { self.spec.federate_every } else { FEDERATE_RETRY };
        if let Some((at, _)) = self.spec.revocations.get(self.revoked) {
            after = after.min(at.since(now));
        }
        out.timer_for(own.child(u64::MAX), after, TICK);
    }

    /// Revokes what is due. An operator's decision: it stands in the audit trail with the certificates that it killed.
    fn take_back(&mut self, now: Instant, out: &mut Outbox<Saas>) {
        while let Some((at, role)) = self.spec.revocations.get(self.revoked)
            && *at <= now
        {
            let of_role = self.issued.iter().filter(|issued| issued.role == *role);
            let value = of_role.map(|issued| self.ca.revoke(now, &issued.svid)).count() as u64;
            self.ca.unregister(role);
            // What the disk does not have yet was not handed out, and never will be.
            self.unsynced.retain(|_, (_, _, issued)| issued.role != *role);
            out.fact(Fact::Reported { by: "mesh-ca", what: "svid-revoked", about: role.clone(), value });
            self.revoked += 1;
        }
    }

    fn asked_for_svid(&mut self, ctx: &mut Ctx<'_, Saas>, from: NodeId, request: &SvidRequest, out: &mut Outbox<Saas>) {
        out.busy(self.spec.issue_cost);
        let result = match self.spec.peers.get(&from) {
            Some(role) => {
                let attested = SvidRequest { workload: role.clone(), ..request.clone() };
                let issued = self.ca.issue(ctx.now(), &attested);
                issued.map(|svid| Issued { role: role.clone(), svid: Arc::new(svid) }).map_err(|denial| denial.code())
            }
            None => Err("not-attested"),
        };
        let reason = *result.as_ref().err().unwrap_or(&"issued");
        let subject = request.spiffe_id.as_str().into();
        out.fact(Fact::Decided { by: "mesh-ca", allowed: result.is_ok(), reason, subject });
        match result {
            Ok(issued) => {
                let serial = issued.svid.serial;
                out.write(ISSUED, Write::Append(record(&issued)));
                self.unsynced.insert(serial, (from, ctx.lineage(), issued));
                out.sync(serial);
            }
            Err(reason) => out.send(from, Wire::Svid(Box::new(SvidWord::Refused(reason)))),
        }
    }

    /// Hands out what the disk has. What it did not keep was never issued, and its workload asks again.
    fn synced(&mut self, serial: u64, ok: bool, out: &mut Outbox<Saas>) {
        if let Some((from, lineage, issued)) = self.unsynced.remove(&serial).filter(|_| ok) {
            out.send_for(lineage, from, Wire::Svid(Box::new(SvidWord::Issued(issued.svid.clone()))));
            self.issued.push(issued);
        }
    }

    fn asked_for_bundles(&mut self, ctx: &mut Ctx<'_, Saas>, from: NodeId, out: &mut Outbox<Saas>) {
        out.busy(self.spec.bundle_cost);
        let own = self.ca.bundle(ctx.now());
        let bundles = std::iter::once(own).chain(self.federated.values().cloned());
        bundles.for_each(|bundle| out.send(from, Wire::Svid(Box::new(SvidWord::Bundle(bundle)))));
    }

    /// Keeps another authority's bundle. It speaks for its own domain only: else one cell could vouch for all.
    fn told_bundle(&mut self, from: NodeId, bundle: Arc<TrustBundle>) {
        let speaks = self.spec.federation.get(&from).is_some_and(|domain| *domain == bundle.trust_domain);
        let older = self.federated.get(&from).is_some_and(|known| known.sequence > bundle.sequence);
        if speaks && !older {
            self.federated.insert(from, bundle);
        }
    }
}

impl Machine<Saas> for CaMachine {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Svid(word) } => match *word {
                SvidWord::Ask(request) => self.asked_for_svid(ctx, from, &request, out),
                SvidWord::AskBundle => self.asked_for_bundles(ctx, from, out),
                SvidWord::Bundle(bundle) => self.told_bundle(from, bundle),
                SvidWord::Issued(_) | SvidWord::Refused(_) => {}
            },
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            Input::Timer { token: TICK } => self.tick(ctx.now(), out),
            Input::Synced { token, ok } => self.synced(token, ok, out),
            _ => {}
        }
    }
}

/// What must be known of a certificate to take it back: number, end, workload, id, and who signed it.
fn record(Issued { role, svid }: &Issued) -> Box<[u8]> {
    let (role, id) = (role.as_bytes(), svid.id.as_str().as_bytes());
    let signer = svid.chain.get(1).map_or(&[][..], |der| der);
    let [role_len, id_len] = [role, id].map(|text| (text.len() as u64).to_le_bytes());
    [&svid.serial.to_le_bytes(), &svid.not_after.to_le_bytes(), &role_len, role, &id_len, id, signer].concat().into()
}

/// Reads a record; `None` when the disk damaged it. The leaf itself was not kept: nobody needs it to revoke it.
fn recall(record: &[u8]) -> Option<Issued> {
    let (serial, rest) = record.split_first_chunk::<8>()?;
    let (not_after, rest) = rest.split_first_chunk::<8>()?;
    let (role, rest) = text(rest)?;
    let (id, signer) = text(rest)?;
    let svid = Svid {
        chain: [Arc::from([]), Arc::from(signer)].into(),
        key: KeyName { role: "".into(), index: 0 },
        id: SpiffeId::parse(id).ok()?,
        serial: u64::from_le_bytes(*serial),
        not_after: u64::from_le_bytes(*not_after),
    };
    Some(Issued { role: role.into(), svid: Arc::new(svid) })
}

/// A text with its length before it, and what follows.
fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests;
