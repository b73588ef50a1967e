//! What a scenario says of events: who reads them at the brokers, which ways they take, who edits them, who remembers.

use super::{Acts, Stage};
use crate::actors::connector;
use models::config::{Inputs, PlatformConfig, Tenant};
use models::ids::TenantId;
use models::kafka::tamper::{Edit, Tampering};
use models::kafka::topic_name;
use models::oracles::spillover::Spillover;
use models::oracles::{Cast, Principal, audit, delivery, mirroring};
use models::platform::{self, Actor, DOMAINS, Directory, Mirrors};
use models::saas::Saas;
use models::wire::kafka::TopicName;
use sim::Instant;
use sim::oracle::Oracle;
use std::rc::Rc;
use std::sync::Arc;

/// What is deployed, and done, around the brokers.
pub(super) struct Events {
    /// Honest tenants with a connector.
    pub connectors: Vec<Tenant>,
    pub mirrors: Mirrors,
    /// Whether the mirrors are there to be judged.
    pub is_mirrored: bool,
    pub witnessed: bool,
    pub tampering: Vec<(Arc<str>, Tampering)>,
    /// Whose topics have the next version of their schema in its own cell alone.
    pub schema_ahead: Option<TenantId>,
}

impl Default for Events {
    fn default() -> Events {
        Events {
            connectors: Vec::new(),
            mirrors: Mirrors::default(),
            is_mirrored: true,
            witnessed: false,
            tampering: Vec::new(),
            schema_ahead: None,
        }
    }
}

impl Stage<'_> {
    /// Connectors of these tenants, which must be honest ones: each reads all its tenant's events at the brokers and
    /// adds some of its own.
    pub fn connectors(&mut self, ids: &str) {
        for id in ids.split_whitespace() {
            self.events.connectors.push(self.tenant(id));
        }
    }

    /// Adds an attacker who holds the certificate of a tenant's connector and stands where that does.
    pub fn insider(
        &mut self,
        name: &str,
        tenant: &str,
        breach: &'static str,
        never: bool,
        script: impl Fn(&Directory) -> Box<dyn crate::actors::Script> + 'static,
    ) {
        self.play(name, Some(tenant), Some(self.tenant(tenant)), (breach, never), Box::new(script));
    }

    /// Deploys the mirror back as well: events go both ways between the first two cells, under the same names.
    pub fn mirror_both_ways(&mut self) {
        self.events.mirrors = Mirrors::BothWays;
    }

    /// Events that the first cell does not take spill to the others, and are drained home; and the judge of that.
    pub fn spills(&mut self) {
        self.events.mirrors = Mirrors::Spilling;
        self.oracle(|cast| Box::new(Spillover::new(cast)));
    }

    /// The topics of a tenant have the next version of their schema in its own cell, and in no other.
    pub fn schema_ahead(&mut self, tenant: &str) {
        self.events.schema_ahead = Some(tenant.into());
    }

    /// Every cell has a witness of its audit topics, and tenants with a connector inspect theirs at the end.
    pub fn witnesses(&mut self) {
        self.events.witnessed = true;
    }

    /// Somebody with root on all brokers of a cell edits a log behind their backs: what happened before `until`, and
    /// with [`Edit::Truncate`] all that came after.
    pub fn tamper(&mut self, cell: &str, topic: TopicName, (at, until): (Instant, Instant), edit: Edit) {
        self.events.tampering.push((cell.into(), Tampering { at, until, topic, edit }));
    }
}

impl Events {
    /// Connectors as principals.
    pub fn principals(&self) -> impl Iterator<Item = Principal> {
        self.connectors.iter().map(|tenant| Principal {
            name: format!("{}{}", delivery::CONNECTOR, tenant.id).into(),
            tenant: Some(tenant.id.clone()),
            also: Vec::new(),
            honest: false,
            breach: "EVT-01",
            never: false,
            entitled_until: Instant::ZERO,
        })
    }

    /// Connectors in their places; `salt` is that of a tenant's data.
    pub fn seats(
        &self,
        platform: &PlatformConfig,
        inputs: &Inputs,
        acts: Acts,
        salt: impl Fn(&Tenant) -> u64,
    ) -> Vec<Actor> {
        let inspects_from = if self.witnessed { acts.verify_from } else { Instant::NEVER };
        let own = (acts.traffic_from, acts.traffic_until, inspects_from);
        let seat = |tenant: &Tenant| {
            let index = platform::index_of(&inputs.tenants, &tenant.id);
            connector::seat((platform, self.mirrors), tenant, index, own, salt(tenant))
        };
        self.connectors.iter().map(seat).collect()
    }

    /// Those who judge events: mirrors wherever they are, the rest where there is something to judge.
    pub fn judges(&self, platform: &PlatformConfig, cast: &Rc<Cast>) -> Vec<Box<dyn Oracle<Saas>>> {
        let ways = self.mirrors.ways(platform).into_iter();
        let ways = ways.map(|(source, target)| (source.id.clone(), target.id.clone())).collect();
        let mut judges: Vec<Box<dyn Oracle<Saas>>> = Vec::new();
        if self.is_mirrored {
            let ahead = self.schema_ahead.iter().flat_map(|t| DOMAINS.map(|domain| topic_name(t, domain)));
            let judge = mirroring::Mirroring::new(cast.clone(), ways, platform.slos.p95_mirror_lag).ahead(ahead);
            judges.push(Box::new(judge));
        }
        if !self.connectors.is_empty() {
            let tenants = self.connectors.iter().map(|t| t.id.clone());
            let edited = self.tampering.iter().map(|(_, t)| t.topic.clone()).collect();
            judges.push(Box::new(delivery::Delivery::new(cast.clone(), tenants, edited)));
        }
        if self.witnessed {
            judges.push(Box::new(audit::Audit::new(cast.clone())));
        }
        judges
    }
}
