//! The flat tables of `platform.toml`: limits, bounds in time, token lifetimes, dependencies.
//!
//! One macro lists field, kind and key side by side, because a setting that is declared in one place and read in
//! another is how a limit ends up in the wrong unit.

use super::read::{Reader, Table};
use super::tree::{At, Node};
use serde::Serialize;
use sim::Duration;
use std::sync::Arc;

macro_rules! settings {
    (@type span) => { Duration };
    (@type count) => { u64 };
    (@type name) => { Arc<str> };
    (@read $t:ident, $r:ident, span, $key:literal) => { $t.span($r, $key) };
    (@read $t:ident, $r:ident, name, $key:literal) => { $t.text($r, $key) };
    (@read $t:ident, $r:ident, count, $key:literal, $range:expr) => { $t.integer($r, $key, $range) };
    ($(#[$meta:meta])* $name:ident {
        $($(#[$doc:meta])* $field:ident: $kind:ident $key:literal $($range:expr)?;)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Debug, Serialize)]
        pub struct $name {
            $($(#[$doc])* pub $field: settings!(@type $kind),)+
        }
        impl $name {
            pub(super) fn read(r: &mut Reader, mut t: Table) -> $name {
                let read = $name { $($field: settings!(@read t, r, $kind, $key $(, $range)?),)+ };
                t.finish(r);
                read
            }
        }
    };
}
pub(super) use settings;

const PPM: std::ops::RangeInclusive<u64> = 1..=1_000_000;
/// Any count that a sum of a few cannot overflow.
pub(super) const ANY: std::ops::RangeInclusive<u64> = 1..=1_000_000_000_000;

settings! {
    /// Limits per tenant and client.
    Limits {
        /// Steady requests per second of one tenant.
        tenant_requests_per_s: count "tenant_requests_per_s" ANY;
        /// Requests that a tenant may make at once.
        tenant_burst: count "tenant_burst" ANY;
        /// Steady requests per second of one client.
        client_requests_per_s: count "client_requests_per_s" ANY;
        /// Requests that a client may make at once.
        client_burst: count "client_burst" ANY;
        /// Tenant switches per minute of one session (TEN-07).
        tenant_switches_per_min: count "tenant_switches_per_min" ANY;
        /// Requests of one tenant that are worked on at once (TEN-05).
        tenant_inflight: count "tenant_inflight" ANY;
        /// Bytes per second that a tenant may produce (EVT-08).
        kafka_bytes_per_s: count "kafka_bytes_per_s" ANY;
        /// Bytes that a tenant's topics may hold.
        kafka_retained_bytes: count "kafka_retained_bytes" ANY;
        /// Cache bytes of a tenant that others cannot evict (CAC-02).
        cache_floor_bytes: count "cache_floor_bytes" ANY;
        /// Nesting of a GraphQL query (SRV-06).
        graphql_depth: count "graphql_depth" ANY;
        /// Cost of a GraphQL query.
        graphql_cost: count "graphql_cost" ANY;
        /// Bytes of a request.
        request_bytes: count "request_bytes" ANY;
        /// How many others must stand by a change of the policy (POL-03).
        policy_approvals: count "policy_approvals" 1..=16;
        /// Retries as a share of requests (SRV-02).
        retry_budget_ppm: count "retry_budget_ppm" PPM;
    }
}

settings! {
    /// How often components look after themselves while nobody asks for anything.
    Housekeeping {
        /// Heartbeats, leases, probes and polls take this many times as long as in the reference, whose runs last for
        /// seconds.
        slower: count "slower" 1..=1_000;
    }
}

impl Housekeeping {
    /// What takes `reference` there, here.
    pub fn every(&self, reference: Duration) -> Duration {
        reference * self.slower
    }
}

settings! {
    /// How long something may be used.
    Ttls {
        /// An object of an archive: that long nobody replaces or removes it (STO-08).
        archive: span "archive_s";
        /// An entry of the cache.
        cache_entry: span "cache_entry_s";
        /// An entry of the edge cache, when that is on.
        edge_cache: span "edge_cache_s";
        /// A fetched key set: it is fetched again at half of this, and older than this opens nothing (IDN-09).
        jwks: span "jwks_s";
        /// A last-known-good answer (SRV-09).
        last_good: span "last_good_s";
        /// Time between two polls of an enforcement point for its policy.
        policy_poll: span "policy_poll_s";
        /// Age at which a policy no longer decides (POL-02).
        policy_stale: span "policy_stale_s";
        /// How far two honest clocks may differ.
        clock_skew: span "clock_skew_s";
        /// Max-Age of the tenant selection (TEN-01).
        tenant_cookie: span "tenant_cookie_s";
        /// How long a retry is recognised.
        idempotency_key: span "idempotency_key_s";
        /// Lag of a read replica that is still served (STO-05, STO-11).
        read_replica_lag: span "read_replica_lag_s";
    }
}

settings! {
    /// Lifetimes of tokens, keys and certificates.
    Tokens {
        /// An access token.
        access: span "access_s";
        /// A token between services.
        internal: span "internal_s";
        /// A refresh token.
        refresh: span "refresh_s";
        /// A device code (RFC 8628).
        device_code: span "device_code_s";
        /// A signed URL (ANA-05).
        signed_url: span "signed_url_s";
        /// Tolerance in the check of times.
        leeway: span "leeway_s";
        /// Time between two keys that sign tokens (IDN-04).
        signing_key: span "signing_key_s";
        /// How long a retired signing key still verifies: at least as long as what it signed last.
        retired_key: span "retired_key_s";
        /// A workload's certificate.
        svid: span "svid_s";
        /// How long before its end a workload asks for the next.
        svid_renew_before: span "svid_renew_before_s";
        /// An intermediate of the mesh CA.
        intermediate: span "intermediate_s";
        /// Time between two fetches of trust bundles and revocation lists, by workloads from their CA and between CAs:
        /// a workload that is taken back is refused after one of them at home, after two in another cell (IDN-06).
        trust_bundle: span "trust_bundle_s";
    }
}

settings! {
    /// The air-gapped cell.
    Offline {
        /// Its id.
        id: name "id";
        /// The cell whose bundles it loads.
        fed_by: name "fed_by";
        /// Time between two bundles (CEL-04).
        bundle_every: span "bundle_every_s";
        /// Time between two exporter keys.
        key_rotation: span "key_rotation_s";
        /// Age at which the bundled policy no longer decides (CEL-08).
        policy_stale: span "policy_stale_s";
        /// How many must agree to release a bundle (CEL-06).
        custodians: count "custodians" 2..=16;
    }
}

settings! {
    /// When a circuit breaker opens and closes (SRV-01).
    Breaker {
        /// Span over which calls are counted.
        window: span "window_ms";
        /// With fewer calls in the window it stays closed.
        requests_min: count "requests_min" 1..=1_000_000;
        /// Share of failures at which it opens.
        failures_ppm: count "failures_ppm" PPM;
        /// How long it fails fast.
        open: span "open_ms";
        /// How many calls it lets through when half open; all must succeed.
        probes: count "probes" 1..=1_000;
    }
}

/// An external dependency behind a breaker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Dependency {
    /// `redis`.
    pub name: Arc<str>,
    /// A call without answer counts as failed after this.
    pub timeout: Duration,
    /// Its breaker.
    pub breaker: Breaker,
}

/// The dependencies that SRV-01 names; each must be configured, none other exists.
pub const DEPENDENCIES: [&str; 6] = ["starrocks", "redis", "timescaledb", "notification", "intelligence", "kserve"];

pub(super) fn read_dependencies(r: &mut Reader, nodes: &[At<Node>], place: (u32, u32)) -> Vec<Dependency> {
    let known: Vec<Arc<str>> = DEPENDENCIES.iter().map(|d| Arc::from(*d)).collect();
    let mut read: Vec<Dependency> = Vec::new();
    let mut named: Vec<Arc<str>> = Vec::new();
    for node in nodes {
        let Some(mut t) = r.table(node, "a dependency") else { continue };
        let name = t.one_of(r, "name", &known);
        if !name.is_empty() && named.contains(&name) {
            r.problem(t.place(), format!("dependency {name:?} a second time"), "each dependency once");
        }
        named.push(Arc::clone(&name));
        let timeout = t.span(r, "timeout_ms");
        let breaker = t.table(r, "breaker").map(|t| Breaker::read(r, t));
        t.finish(r);
        if let Some(breaker) = breaker {
            read.push(Dependency { name, timeout, breaker });
        }
    }
    let absent: Vec<&str> = DEPENDENCIES.into_iter().filter(|d| !named.iter().any(|n| **n == **d)).collect();
    if !absent.is_empty() {
        r.problem(place, format!("dependencies without {}", absent.join(", ")), known.join(", "));
    }
    read
}
