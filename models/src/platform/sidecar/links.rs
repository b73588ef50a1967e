//! The links that stand: a small sorted table, looked at for every message.
//!
//! A lookup touches node and expiry only; what a link is made of lies behind a box.

use crate::control::Controls;
use crate::mesh::session::{SealFault, Session};
use crate::wire::svid::{Chain, Seal};
use sim::{Instant, NodeId};

/// Links of one direction of connecting, by peer.
#[derive(Default)]
pub(super) struct Links(Vec<Link>);

struct Link {
    peer: NodeId,
    until: Instant,
    may_call: bool,
    details: Box<Details>,
}

struct Details {
    chain: Chain,
    session: Option<Session>,
    /// Of the link that this one replaced: what was on its way then is still good.
    previous: Option<Session>,
}

impl Links {
    #[inline]
    fn find(&self, peer: NodeId) -> Option<&Link> {
        self.0.binary_search_by_key(&peer, |l| l.peer).ok().map(|i| &self.0[i])
    }
    /// Whether a link with `peer` stands.
    #[inline]
    pub(super) fn stands(&self, peer: NodeId, now: Instant) -> bool {
        self.find(peer).is_some_and(|l| now < l.until)
    }
    /// Whether a link stands that calls of our own may ride on.
    #[inline]
    pub(super) fn may_call(&self, peer: NodeId, now: Instant) -> bool {
        self.find(peer).is_some_and(|l| l.may_call && now < l.until)
    }
    /// Puts a link up, in place of an older one.
    pub(super) fn put(&mut self, peer: NodeId, until: Instant, may_call: bool, chain: Chain, session: Option<Session>) {
        let at = self.0.binary_search_by_key(&peer, |l| l.peer);
        let previous = at.ok().and_then(|i| self.0[i].details.session.take());
        let link = Link { peer, until, may_call, details: Box::new(Details { chain, session, previous }) };
        match at {
            Ok(i) => self.0[i] = link,
            Err(i) => self.0.insert(i, link),
        }
    }
    /// Takes a link down. Says whether there was one.
    pub(super) fn cut(&mut self, peer: NodeId) -> bool {
        let at = self.0.binary_search_by_key(&peer, |l| l.peer);
        at.is_ok_and(|i| {
            self.0.remove(i);
            true
        })
    }
    /// Seals with the link's session, if it has one.
    pub(super) fn seal(&mut self, peer: NodeId, bytes: &[u8]) -> Option<Seal> {
        let i = self.0.binary_search_by_key(&peer, |l| l.peer).ok()?;
        self.0[i].details.session.as_mut().map(|session| session.seal(bytes))
    }
    /// Opens with the link's session or its predecessor's; `None` when there is none.
    pub(super) fn open(
        &mut self,
        controls: &Controls,
        peer: NodeId,
        bytes: &[u8],
        seal: &Seal,
    ) -> Option<Result<(), SealFault>> {
        let i = self.0.binary_search_by_key(&peer, |l| l.peer).ok()?;
        let Details { session, previous, .. } = &mut *self.0[i].details;
        let mut verdict = None;
        for session in [session, previous].into_iter().flatten() {
            let opened = session.open(controls, bytes, seal);
            if opened.is_ok() {
                return Some(opened);
            }
            // A repetition is the more telling fault: it was sealed with this very session.
            verdict = verdict.max(Some(opened));
        }
        verdict
    }
    /// Peers whose link ends before `at`; all of them for [`Instant::NEVER`].
    pub(super) fn ending_before(&self, at: Instant) -> Vec<NodeId> {
        self.0.iter().filter(|l| l.until < at || at == Instant::NEVER).map(|l| l.peer).collect()
    }
    /// What each peer showed.
    pub(super) fn shown(&self) -> Vec<(NodeId, Chain)> {
        self.0.iter().map(|l| (l.peer, l.details.chain.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stands_until_its_end_and_not_longer() {
        let mut links = Links::default();
        let chain: Chain = [].into();
        links.put(NodeId(7), Instant(100), false, chain.clone(), None);
        links.put(NodeId(3), Instant(50), true, chain, None);
        let stands = |links: &Links, at| [3, 7].map(|n| links.stands(NodeId(n), Instant(at)));
        assert_eq!(stands(&links, 49), [true, true]);
        assert_eq!(stands(&links, 50), [false, true]);
        assert_eq!(stands(&links, 100), [false, false]);
        assert!(links.may_call(NodeId(3), Instant(0)) && !links.may_call(NodeId(7), Instant(0)));
        assert_eq!(links.ending_before(Instant(60)), [NodeId(3)]);
        assert!(links.cut(NodeId(3)) && !links.cut(NodeId(3)));
    }
}
