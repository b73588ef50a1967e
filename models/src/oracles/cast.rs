//! Who plays: principals, what each is entitled to, and which tenant lives where.

use crate::ids::TenantId;
use sim::Instant;
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
    /// Requests that were meant to start before this are not held against it: until then it was entitled.
    pub entitled_until: Instant,
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

/// A record of a tenant that the tenant's own principals must not get: its label or level is not permitted to them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forbidden {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its number within the tenant.
    pub record: u32,
    /// Requests that were meant to start before this do not count: until then it was permitted.
    pub from: Instant,
    /// The requirement that is broken when one of them gets it.
    pub requirement: &'static str,
}

/// All principals and tenants of a run.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    principals: BTreeMap<Arc<str>, Principal>,
    members: Vec<Member>,
    forbidden: Vec<Forbidden>,
    deleted: Vec<(TenantId, Instant)>,
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
    /// Adds a record that nobody of its tenant may get.
    pub fn forbid(&mut self, forbidden: Forbidden) {
        self.forbidden.push(forbidden);
    }
    /// A tenant is deleted at this instant: what its former owner was promised ends there.
    pub fn delete(&mut self, tenant: TenantId, at: Instant) {
        self.deleted.push((tenant, at));
    }
    /// Whether the tenant is deleted by then.
    pub fn is_deleted(&self, tenant: &str, at: Instant) -> bool {
        self.deleted.iter().any(|(id, from)| **id == *tenant && at >= *from)
    }
    /// Why a record is forbidden to its own tenant's principals, if it is.
    pub fn forbidden(&self, tenant: &str, record: u32) -> Option<&Forbidden> {
        self.forbidden.iter().find(|f| f.record == record && *f.tenant == *tenant)
    }
    /// The principal of a name.
    pub fn principal(&self, name: &str) -> Option<&Principal> {
        self.principals.get(name)
    }
    /// All principals, in order of name.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.principals.values()
    }
    /// All records that nobody of their tenant may get.
    pub fn all_forbidden(&self) -> &[Forbidden] {
        &self.forbidden
    }
    /// Tenants that are deleted, and when.
    pub fn deleted(&self) -> &[(TenantId, Instant)] {
        &self.deleted
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
    /// The tenant whose object this is: the first part of its key.
    pub fn object_owner(&self, key: &str) -> Option<&Member> {
        self.by_id(key.split('/').next()?)
    }
    /// The tenant whose topic this is: `tenant.{id}.{domain}`, also behind a mirror's `{cell}.` prefix.
    pub fn topic_owner(&self, topic: &str) -> Option<&Member> {
        let rest = topic.split_once("tenant.")?.1;
        let id = rest.rsplit_once('.')?.0;
        self.by_id(id)
    }
}
