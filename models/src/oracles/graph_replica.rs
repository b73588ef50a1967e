//! STO-11: a replica in another cell holds what its database holds and may tell, and nothing less for long.
//!
//! Judged by what both stores state. What is bound to a region is judged elsewhere; here it is what has to arrive, what
//! must not be there because the database does not have it, and whether the lag that there was has been reported.

use super::{Cast, FINDINGS_MAX};
use crate::fact::Fact;
use crate::graph::replica::LAG;
use crate::graph::store::RECORD;
use crate::ids::{Bytes, TenantId};
use crate::saas::Saas;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

type Nodes = BTreeMap<(TenantId, Bytes), Instant>;

/// Judges a replica.
pub struct GraphReplica {
    cast: Rc<Cast>,
    /// Until here faults may keep the two apart.
    healed: Instant,
    /// How long a node may take.
    bound: Duration,
    database: Nodes,
    replica: Nodes,
    /// What has reached the replica before: what is stated again says nothing of lag.
    arrived: BTreeSet<(TenantId, Bytes)>,
    reported_ms: u64,
    lag: Duration,
    late: Vec<(TenantId, Duration)>,
}

impl GraphReplica {
    /// A judge who expects that from `healed` on nothing takes longer than `bound`.
    pub fn new(cast: Rc<Cast>, healed: Instant, bound: Duration) -> GraphReplica {
        let (database, replica, arrived) = (Nodes::new(), Nodes::new(), BTreeSet::new());
        let (lag, late) = (Duration::ZERO, Vec::new());
        GraphReplica { cast, healed, bound, database, replica, arrived, reported_ms: 0, lag, late }
    }

    /// Whether a node that the database has had since then is late now.
    fn is_late(&self, since: Instant, now: Instant) -> bool {
        now.since(since.max(self.healed)) > self.bound && now > self.healed
    }

    fn finding(end: Instant, tenant: Option<&TenantId>, message: String) -> Finding {
        Finding {
            requirement: "STO-11".into(),
            oracle: "graph-replica".into(),
            vantage: Vantage::Store,
            tenant: tenant.map(|tenant| tenant.to_string()),
            node: "graph-replica".into(),
            at_ns: end.0,
            cause: format!("{:016x}", 0),
            message,
        }
    }
}

impl Oracle<Saas> for GraphReplica {
    fn name(&self) -> &'static str {
        "graph-replica"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Store, Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, _findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::GraphOpened { place } if place.store == "graph" => self.database.clear(),
            Fact::GraphOpened { place } if place.store == "graph-replica" => self.replica.clear(),
            Fact::NodeStored { place, tenant, label, body } if **label != *RECORD => {
                let node = (tenant.clone(), body.clone());
                match place.store {
                    "graph" if self.cast.by_id(tenant).is_some() => {
                        self.database.entry(node).or_insert(seen.at);
                    }
                    "graph-replica" => {
                        if let Some(since) = self.database.get(&node).filter(|_| !self.arrived.contains(&node)) {
                            self.lag = self.lag.max(seen.at.since(*since));
                            if self.is_late(*since, seen.at) {
                                self.late.push((tenant.clone(), seen.at.since(*since)));
                            }
                        }
                        self.arrived.insert(node.clone());
                        self.replica.insert(node, seen.at);
                    }
                    _ => {}
                }
            }
            Fact::Reported { by: "graph-replica", what: LAG, value, .. } => {
                self.reported_ms = self.reported_ms.max(*value);
            }
            _ => {}
        }
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        let mut found = Vec::new();
        for (tenant, took) in &self.late {
            found.push(GraphReplica::finding(end, Some(tenant), format!("a node reached the replica after {took}")));
        }
        for (node, since) in &self.database {
            if !self.replica.contains_key(node) && self.is_late(*since, end) {
                let message = format!("a node that is there since {since} never reached the replica");
                found.push(GraphReplica::finding(end, Some(&node.0), message));
            }
        }
        for node in self.replica.keys().filter(|node| !self.database.contains_key(*node)) {
            let message = "the replica holds a node that its database does not have".to_owned();
            found.push(GraphReplica::finding(end, Some(&node.0), message));
        }
        if self.reported_ms == 0 && self.lag > Duration::secs(1) {
            let message = format!("the replica was {} behind, and nothing was reported", self.lag);
            found.push(GraphReplica::finding(end, None, message));
        }
        findings.extend(found.into_iter().take(FINDINGS_MAX));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
