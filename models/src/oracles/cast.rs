//! Who plays: principals, what each is entitled to, and which tenant lives where.

use crate::ids::TenantId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Somebody who sends requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// Unique name, `client/acme` or `attacker/replayed-token`.
    pub name: Arc<str>,
    /// The tenant it belongs to, if it has any right at all.
    pub tenant: Option<TenantId>,
    /// Further tenants that it was granted.
    pub also: Vec<TenantId>,
    /// Whether it is an honest client, whose service is measured.
    pub honest: bool,
    /// The requirement that is broken when it gets what it must not get.
    pub breach: &'static str,
    /// Whether every success is a breach: it holds nothing that entitles it.
    pub never: bool,
}

impl Principal {
    /// Whether it may act for the tenant.
    pub fn holds(&self, tenant: &str) -> bool {
        self.tenant.iter().chain(&self.also).any(|held| **held == *tenant)
    }
}

/// A tenant, as oracles know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Id.
    pub id: TenantId,
    /// Its index in leak markers.
    pub index: u32,
    /// The region its data must stay in.
    pub region: Arc<str>,
    /// The cell that serves it.
    pub cell: Arc<str>,
}

/// All principals and tenants of a run.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    principals: BTreeMap<Arc<str>, Principal>,
    members: Vec<Member>,
}

impl Cast {
    /// Adds a tenant.
    pub fn add_member(&mut self, member: Member) {
        self.members.push(member);
    }
    /// Adds a principal.
    pub fn add(&mut self, principal: Principal) {
        self.principals.insert(principal.name.clone(), principal);
    }
    /// The principal of a name.
    pub fn principal(&self, name: &str) -> Option<&Principal> {
        self.principals.get(name)
    }
    /// The tenant of a leak marker's index.
    pub fn by_index(&self, index: u32) -> Option<&Member> {
        self.members.iter().find(|m| m.index == index)
    }
    /// The tenant of an id.
    pub fn by_id(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|m| &*m.id == id)
    }
    /// All tenants.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
    /// The tenant whose topic this is: `tenant.{id}.{domain}`, also behind a mirror's `{cell}.` prefix.
    pub fn topic_owner(&self, topic: &str) -> Option<&Member> {
        let rest = topic.split_once("tenant.")?.1;
        let id = rest.rsplit_once('.')?.0;
        self.by_id(id)
    }
}
