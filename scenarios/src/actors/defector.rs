//! A defector: a workload that the mesh enrolled like any other, and that was broken into later.
//!
//! Its certificate is genuine: it asks its CA for one as every workload does, and for the next one when it is taken
//! back. With what it has it dials a workload and speaks as the gateway does.

use super::attacker::{Event, Kit, Script};
use super::pod::Pod;
use models::mesh::handshake::Identity;
use models::wire::Wire;
use models::wire::svid::{KeyName, SpiffeId, SvidRequest, SvidWord};
use sim::{Duration, NodeId};
use std::sync::Arc;

/// What a defector is.
pub struct Defector {
    /// Its CA.
    pub ca: NodeId,
    /// The id that it may hold.
    pub id: SpiffeId,
    /// Life of the certificates that it asks for.
    pub lifetime: Duration,
    /// The pod that it becomes, once it has a certificate.
    pub become_pod: Box<dyn Fn(Identity) -> Pod>,
    /// The pod that it is.
    pub pod: Option<Pod>,
    /// Certificates that it got.
    pub certificates: u32,
}

/// No token of a pod's.
const ASK: u64 = 17;
/// How often it asks: it has nothing to lose.
const ASK_EVERY: Duration = Duration::millis(400);

impl Defector {
    /// A defector that has nothing yet.
    pub fn new(
        ca: NodeId,
        id: SpiffeId,
        lifetime: Duration,
        become_pod: impl Fn(Identity) -> Pod + 'static,
    ) -> Defector {
        Defector { ca, id, lifetime, become_pod: Box::new(become_pod), pod: None, certificates: 0 }
    }

    fn ask(&self, kit: &mut Kit<'_, '_>) {
        let role = kit.principal();
        let key = KeyName { role: role.clone(), index: self.certificates };
        let request = SvidRequest { workload: role, spiffe_id: self.id.clone(), key, lifetime: self.lifetime };
        kit.out.send(self.ca, Wire::Svid(Box::new(SvidWord::Ask(Arc::new(request)))));
        kit.after(ASK_EVERY, ASK);
    }
}

impl Script for Defector {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start | Event::Tick(ASK) => self.ask(kit),
            Event::Word(from, Wire::Svid(word)) if from == self.ca => {
                let SvidWord::Issued(svid) = *word else { return };
                self.certificates += 1;
                let identity = Identity::new(&svid);
                match &mut self.pod {
                    Some(pod) => pod.identity = identity,
                    None => self.pod.insert((self.become_pod)(identity)).step(kit, Event::Start),
                }
            }
            other => {
                if let Some(pod) = &mut self.pod {
                    pod.step(kit, other);
                }
            }
        }
    }

    fn identity(&self) -> Option<&Identity> {
        self.pod.as_ref()?.identity()
    }
}
