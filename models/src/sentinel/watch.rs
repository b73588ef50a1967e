//! Rules about the uses of one login: the first client is its client, and nobody is at two places at once.
//!
//! Knows no clock and no network: it is told who used what, where and when.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::signals::TokenUse;
use sim::{Duration, Instant, NodeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A token that two clients use is in two hands.
pub const SECOND_CLIENT: Control = control!("sentinel.second-client", upholds: ["IDN-02"],
    off: "uses are not compared by client, as where a bearer token that was not bound is whoever's who bears it");
/// Nobody is at two places at once.
pub const IMPOSSIBLE_TRAVEL: Control = control!("sentinel.impossible-travel", upholds: ["IDN-02"],
    off: "uses are not compared by place and time, as where each gateway sees only its own");

/// Logins and tokens that are looked after at once; who comes after that pushes out whose end is nearest.
const WATCHED_MAX: usize = 65_536;

/// Why a token is thought to be in wrong hands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anomaly {
    /// A second client used it.
    SecondClient,
    /// It was used at two places too far apart.
    ImpossibleTravel,
}

impl Anomaly {
    /// Stable code, for reports.
    pub const fn code(self) -> &'static str {
        match self {
            Anomaly::SecondClient => "token-second-client",
            Anomaly::ImpossibleTravel => "token-impossible-travel",
        }
    }
}

#[derive(Debug)]
struct Known {
    client: Option<[u8; 32]>,
    place: NodeId,
    at: Instant,
    exp: u64,
}

/// What is known of the tokens in use.
#[derive(Debug)]
pub struct Watch {
    /// Between two gateways nobody travels faster.
    travel: Duration,
    known: BTreeMap<Arc<str>, Known>,
}

impl Watch {
    /// Nobody was seen yet; between two places one travels for at least so long.
    pub fn new(travel: Duration) -> Watch {
        Watch { travel, known: BTreeMap::new() }
    }

    /// A token was used: whether there is anything strange about it. The client counts, and not the token, where a
    /// login has had several.
    pub fn used(&mut self, now: Instant, controls: &Controls, place: NodeId, used: &TokenUse) -> Option<Anomaly> {
        let key = used.session.clone().unwrap_or_else(|| used.jti.clone());
        self.forget(now);
        let Some(known) = self.known.get_mut(&key) else {
            self.known.insert(key, Known { client: used.client, place, at: now, exp: used.exp });
            return None;
        };
        known.exp = known.exp.max(used.exp);
        let second = known.client != used.client;
        let travels = known.place != place && now.since(known.at) < self.travel;
        (known.place, known.at) = (place, now);
        if second && controls.on(&SECOND_CLIENT) {
            return Some(Anomaly::SecondClient);
        }
        if travels && controls.on(&IMPOSSIBLE_TRAVEL) {
            return Some(Anomaly::ImpossibleTravel);
        }
        None
    }

    fn forget(&mut self, now: Instant) {
        if self.known.len() < WATCHED_MAX {
            return;
        }
        let now = now.unix_seconds();
        self.known.retain(|_, known| known.exp >= now);
        while self.known.len() >= WATCHED_MAX {
            let nearest = self.known.iter().min_by_key(|(key, known)| (known.exp, (*key).clone()));
            let Some(key) = nearest.map(|(key, _)| key.clone()) else { return };
            self.known.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    /// Uses by client, place and second; what is thought of each.
    fn check(controls: &Controls, uses: &[(u8, u32, u64)], expected: &[Option<Anomaly>]) {
        let mut watch = Watch::new(Duration::secs(60));
        let seen: Vec<Option<Anomaly>> = uses
            .iter()
            .map(|(client, place, second)| {
                let used = TokenUse { jti: "t".into(), session: None, client: Some([*client; 32]), exp: u64::MAX };
                watch.used(Instant::ZERO + Duration::secs(*second), controls, NodeId(*place), &used)
            })
            .collect();
        assert_eq!(seen, expected, "{uses:?}");
    }

    #[test]
    fn a_second_client_is_strange_and_a_place_that_one_cannot_have_reached() {
        let (on, off) = (Controls::all_on(), |c: &Control| Controls::with_off(ControlSet::EMPTY.with(c.slot)));
        let (second, travel) = (Some(Anomaly::SecondClient), Some(Anomaly::ImpossibleTravel));
        check(&on, &[(1, 1, 0), (1, 1, 1), (1, 1, 900)], &[None, None, None]);
        check(&on, &[(1, 1, 0), (2, 1, 900)], &[None, second]);
        check(&on, &[(1, 1, 0), (1, 2, 59)], &[None, travel]);
        check(&on, &[(1, 1, 0), (1, 2, 60)], &[None, None]);
        check(&off(&SECOND_CLIENT), &[(1, 1, 0), (2, 1, 1), (2, 2, 2)], &[None, None, travel]);
        check(&off(&IMPOSSIBLE_TRAVEL), &[(1, 1, 0), (1, 2, 1), (2, 2, 2)], &[None, None, second]);
    }
}
