//! The control plane's way between cells: what is merged in the repository's cell is deployed in the others (CEL-03).
//!
//! A pipeline elsewhere follows: it is told of merges as they happen, asks again and again for what it has not heard
//! of, and knows by its own clock until when it had everything. What it deploys is never called newer than that.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::admin::{Merge, Merges};
use sim::{Duration, Instant, NodeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A follower gets what it has not heard of.
pub const CATCH_UP: Control = control!("gitops.catch-up", upholds: ["CEL-03"],
    off: "a merge is told once, when it happens, as by a hook: what got lost on the way stays unknown there");
/// Config of which nobody knows any more whether it is the newest is somebody's business.
pub const STALE_ALARM: Control = control!("gitops.stale-alarm", upholds: ["CEL-03"],
    off: "a pipeline that has lost the repository goes on in silence, and what it deployed looks as new as ever");

/// What a pipeline reports when it has had no news past the bound.
pub const STALE: &str = "config-stale";

/// Where a pipeline stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Beside the repository: people propose here, and these follow.
    Home(Vec<NodeId>),
    /// Elsewhere: what that one has merged is deployed here.
    Follows(NodeId),
}

/// What was merged, and who knows how much of it.
pub struct Sync {
    standing: Standing,
    /// Everything that was merged, in order.
    merges: Vec<Merge>,
    /// How much of it each follower was told.
    told: BTreeMap<NodeId, usize>,
    /// When the news were asked for that are awaited, by request.
    asked: BTreeMap<u64, Instant>,
    /// Until when everything that was merged is known here.
    as_of: Option<Instant>,
    alarmed_at: Option<Instant>,
}

impl Sync {
    /// Knows what the disk has.
    pub fn new(standing: Standing, merges: Vec<Merge>) -> Sync {
        Sync { standing, merges, told: BTreeMap::new(), asked: BTreeMap::new(), as_of: None, alarmed_at: None }
    }

    /// Whom it follows, if anybody.
    pub fn leader(&self) -> Option<NodeId> {
        match self.standing {
            Standing::Follows(leader) => Some(leader),
            Standing::Home(_) => None,
        }
    }

    /// Something was merged. Returns who is told what.
    pub fn merged(&mut self, merge: Merge) -> Vec<(NodeId, Merges)> {
        self.merges.push(merge);
        let Standing::Home(followers) = self.standing.clone() else { return Vec::new() };
        followers.into_iter().map(|to| (to, self.rest(to, self.merges.len() - 1))).collect()
    }

    fn rest(&mut self, to: NodeId, since: usize) -> Merges {
        self.told.insert(to, self.merges.len());
        Merges { since, merges: self.merges[since..].to_vec() }
    }

    /// What a follower has not heard of that knows of so many merges.
    pub fn news_for(&mut self, controls: &Controls, follower: NodeId, known: usize) -> Merges {
        let told = self.told.get(&follower).copied().unwrap_or(0);
        let since = if controls.on(&CATCH_UP) { known } else { known.max(told) };
        self.rest(follower, since.min(self.merges.len()))
    }

    /// News are asked for, for what comes after so many merges.
    pub fn asks(&mut self, now: Instant, request: u64) -> usize {
        self.asked.insert(request, now);
        self.merges.len()
    }

    /// When the news were asked for that a request has brought, if it was one for news: what was merged until then is
    /// known once they are kept.
    pub fn answered(&mut self, request: u64) -> Option<Instant> {
        let at = self.asked.remove(&request)?;
        self.asked.retain(|other, _| *other > request);
        Some(at)
    }

    /// What of these is new here. A gap means that something got lost, which is asked for.
    pub fn unknown(&self, news: &Merges) -> Vec<Merge> {
        let known = self.merges.len().checked_sub(news.since);
        known.and_then(|known| news.merges.get(known..)).map(<[Merge]>::to_vec).unwrap_or_default()
    }

    /// Everything is known here that was merged until then.
    pub fn complete(&mut self, as_of: Instant) {
        self.as_of = self.as_of.max(Some(as_of));
    }

    /// Until when everything that was merged is known here; for a follower that has heard of it.
    pub fn as_of(&self) -> Option<Instant> {
        self.leader().and(self.as_of)
    }

    /// How long it has been without news, if that is too long and was not said within the bound.
    pub fn alarm(&mut self, controls: &Controls, now: Instant, bound: Duration) -> Option<Duration> {
        self.leader()?;
        let without = now.since(self.as_of.unwrap_or(Instant::ZERO));
        let is_said = self.alarmed_at.is_some_and(|at| now.since(at) < bound);
        if without <= bound || is_said || !controls.on(&STALE_ALARM) {
            return None;
        }
        self.alarmed_at = Some(now);
        Some(without)
    }
}

/// The text of a request for what comes after so many merges.
pub fn ask(known: usize) -> Vec<u8> {
    known.to_string().into_bytes()
}

/// Reads it.
pub fn asked(body: &Arc<[u8]>) -> Option<usize> {
    std::str::from_utf8(body).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    const LEADER: NodeId = NodeId(1);
    const FOLLOWER: NodeId = NodeId(2);

    fn merge(n: u32) -> Merge {
        Merge::Tenants(format!("version {n}").into())
    }

    /// Of three merges the second is lost on its way; what the follower knows in the end.
    fn known_after_a_loss(controls: &Controls) -> usize {
        let mut home = Sync::new(Standing::Home(vec![FOLLOWER]), Vec::new());
        let mut there = Sync::new(Standing::Follows(LEADER), Vec::new());
        for n in 0..3 {
            let told = home.merged(merge(n)).remove(0).1;
            if n != 1 {
                there.unknown(&told).into_iter().for_each(|merge| drop(there.merged(merge)));
            }
        }
        let known = there.asks(Instant(9), 7);
        let news = home.news_for(controls, FOLLOWER, known);
        let at = there.answered(7).expect("it was asked");
        there.unknown(&news).into_iter().for_each(|merge| drop(there.merged(merge)));
        there.complete(at);
        assert_eq!(there.as_of(), Some(Instant(9)), "by the clock of whoever asked, when it asked");
        there.merges.len()
    }

    #[test]
    fn a_follower_gets_what_was_lost_on_its_way_and_without_the_control_never() {
        assert_eq!(known_after_a_loss(&Controls::all_on()), 3);
        let off = ControlSet::EMPTY.with(CATCH_UP.slot);
        assert_eq!(known_after_a_loss(&Controls::with_off(off)), 1);
    }

    #[test]
    fn what_is_known_already_is_not_new_and_a_gap_is_not_filled_by_guessing() {
        let there = Sync::new(Standing::Follows(LEADER), vec![merge(0), merge(1)]);
        let news = |since, count: u32| Merges { since, merges: (0..count).map(|n| merge(since as u32 + n)).collect() };
        assert_eq!(there.unknown(&news(0, 2)), Vec::new());
        assert_eq!(there.unknown(&news(1, 2)), vec![merge(2)]);
        assert_eq!(there.unknown(&news(3, 1)), Vec::new());
    }

    #[test]
    fn silence_past_the_bound_is_said_once_a_bound_and_not_at_home() {
        let on = Controls::all_on();
        let bound = Duration::secs(2);
        let at = |s: u64| Instant::ZERO + Duration::secs(s);
        let mut there = Sync::new(Standing::Follows(LEADER), Vec::new());
        there.complete(at(1));
        let said: Vec<bool> = (1..8).map(|s| there.alarm(&on, at(s), bound).is_some()).collect();
        assert_eq!(said, [false, false, false, true, false, true, false]);
        let off = Controls::with_off(ControlSet::EMPTY.with(STALE_ALARM.slot));
        assert_eq!(there.alarm(&off, at(30), bound), None);
        let mut home = Sync::new(Standing::Home(Vec::new()), Vec::new());
        assert_eq!(home.alarm(&on, at(30), bound), None);
    }
}
