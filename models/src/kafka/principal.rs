//! Who may connect to a broker: rules and quotas of a principal.

use super::acl::Rule;
use super::quota::{Quota, Rate};
use crate::ids::TenantId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Somebody who may connect.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Name from the client certificate.
    pub name: Arc<str>,
    /// What it may do.
    pub rules: Vec<Rule>,
    /// `producer_byte_rate`, if it has a quota.
    pub rate: Option<Rate>,
    /// The same for each client that it names, if it produces for many and has no quota of its own.
    pub client_rate: Option<Rate>,
}

/// A principal at work.
#[derive(Debug)]
pub(super) struct Known {
    pub rules: Vec<Rule>,
    quota: Option<Quota>,
    client_rate: Option<Rate>,
    clients: BTreeMap<TenantId, Quota>,
}

impl Known {
    /// With full buckets.
    pub fn new(rules: Vec<Rule>, rate: Option<Rate>, client_rate: Option<Rate>) -> Known {
        Known { rules, quota: rate.map(Quota::new), client_rate, clients: BTreeMap::new() }
    }

    /// The quota that a produce on behalf of `client` is charged to.
    pub fn quota(&mut self, client: Option<&TenantId>) -> Option<&mut Quota> {
        if self.quota.is_some() {
            return self.quota.as_mut();
        }
        let (client, rate) = (client?, self.client_rate?);
        // Who may name clients is a service of the platform: there are as many as tenants.
        Some(self.clients.entry(client.clone()).or_insert_with(|| Quota::new(rate)))
    }
}
