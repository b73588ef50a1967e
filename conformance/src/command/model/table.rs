//! The models that can be asked: adding one is one entry here and one schema beside it.

use super::jwt::jwt;
use models::breaker;
use models::cache;
use models::config::{self, Inputs};
use models::control::Controls;
use models::gateway::{rate_limit, router};
use models::graph;
use models::kafka;
use models::mesh;
use models::objects::path;
use models::offline;
use models::policy::{PolicyData, abac};
use models::postgres::{case, rls_predicate};
use std::sync::OnceLock;

/// One model.
pub struct Entry {
    /// As it is typed.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// JSON Schema of a line, with examples.
    pub schema: &'static str,
    /// Answers a line with a line, every control on.
    pub answer: fn(&str) -> Result<String, String>,
}

/// Every model, in order of name.
pub const MODELS: &[Entry] = &[
    Entry {
        name: "abac",
        about: "may this tenant do that? the platform's policy, on the embedded tenants",
        schema: include_str!("schema/abac.json"),
        answer: abac,
    },
    Entry {
        name: "breaker",
        about: "which calls does a circuit breaker let through?",
        schema: include_str!("schema/breaker.json"),
        answer: |line| breaker::answer_json(line, &Controls::all_on()).map_err(|e| e.to_string()),
    },
    Entry {
        name: "cypher-guard",
        about: "which statement runs on a shared graph in place of this one, if any may?",
        schema: include_str!("schema/cypher-guard.json"),
        answer: graph::case::answer_json,
    },
    Entry {
        name: "jwt",
        about: "does the gateway accept this access token, under these keys, at this time?",
        schema: include_str!("schema/jwt.json"),
        answer: jwt,
    },
    Entry {
        name: "kafka-acl",
        about: "may this principal do that with these topics and groups?",
        schema: include_str!("schema/kafka-acl.json"),
        answer: kafka::acl::case::answer,
    },
    Entry {
        name: "object-path",
        about: "which key does this name mean to the object store, if it may mean one to this tenant?",
        schema: include_str!("schema/object-path.json"),
        answer: path::answer_json,
    },
    Entry {
        name: "offline-bundle",
        about: "does an air-gapped cell load this bundle, in this custody, after the last one?",
        schema: include_str!("schema/offline-bundle.json"),
        answer: offline::case::answer_json,
    },
    Entry {
        name: "rate-limit",
        about: "which requests does a tenant's rate limiter admit?",
        schema: include_str!("schema/rate-limit.json"),
        answer: |line| rate_limit::answer_json(line, &Controls::all_on()).map_err(|e| e.to_string()),
    },
    Entry {
        name: "redis-acl",
        about: "may these users run these commands on a Redis with ACLs, and if not, what do they lack?",
        schema: include_str!("schema/redis-acl.json"),
        answer: cache::acl::case::answer,
    },
    Entry {
        name: "rls",
        about: "what do these statements, by these roles, see, change, or get refused, on this schema?",
        schema: include_str!("schema/rls.json"),
        answer: case::answer,
    },
    Entry {
        name: "rls-predicate",
        about: "does row-level security let this role see, write or change this row?",
        schema: include_str!("schema/rls-predicate.json"),
        answer: |line| Ok(rls_predicate::answer_json(line)?.to_string()),
    },
    Entry {
        name: "router",
        about: "for which tenant is this request served, where, and what does the router write?",
        schema: include_str!("schema/router.json"),
        answer: router::answer_json,
    },
    Entry {
        name: "spiffe-id",
        about: "is this a SPIFFE id, and whose?",
        schema: include_str!("schema/spiffe-id.json"),
        answer: mesh::case::answer_id,
    },
    Entry {
        name: "tenants-config",
        about: "may this version of the tenants file follow that one, and which tenants does it change?",
        schema: include_str!("schema/tenants-config.json"),
        answer: config::case::answer_json,
    },
    Entry {
        name: "x509-svid",
        about: "is this peer believed, by its certificates, under these trust bundles, at this time?",
        schema: include_str!("schema/x509-svid.json"),
        answer: mesh::case::answer_peer,
    },
];

fn abac(line: &str) -> Result<String, String> {
    static DATA: OnceLock<PolicyData> = OnceLock::new();
    let data = DATA.get_or_init(|| PolicyData::from_tenants(&Inputs::embedded().tenants));
    Ok(abac::answer_json(line, data)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_order() {
        assert!(MODELS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
