//! A hand-made record with one of everything, for tests and for looking at reports: every verdict, a mismatch, a
//! canary, hostile names, objectives of five tenants in two cells. No run has ever produced it.

mod replay;
mod scenarios;
pub mod schema;
mod serving;

pub use replay::{HOSTILE, replay};

use sim::record::{ControlRecord, GateRecord, PlanRecord, RECORD_VERSION, Requirement};
use std::collections::BTreeMap;

/// The record.
pub fn record() -> GateRecord {
    let (slos, serving) = serving::all();
    GateRecord {
        version: RECORD_VERSION,
        tool: "cellproof 0.1.0".into(),
        code: digest(1),
        config: digest(2),
        catalogue: digest(3),
        pins: pins(),
        command: "cellproof gate --seeds 128 --out cellproof-out".into(),
        seed_base: "9007199254740993".into(),
        nonce: String::new(),
        seeds: 128,
        plan: Some(plan()),
        requirements: REQUIREMENTS.iter().map(requirement).collect(),
        controls: CONTROLS.iter().map(control).collect(),
        scenarios: scenarios::all(),
        slos,
        serving,
        not_covered: ["TEN-06", "IDN-03", "SRV-05", "CEL-06", "GOV-07", "GOV-11"].map(String::from).to_vec(),
        exit: 1,
    }
}

fn plan() -> PlanRecord {
    PlanRecord {
        seed_first: "9007199254740993".into(),
        calm_seeds: 8,
        swarm_seeds: 128,
        swarm_seeds_min: 32,
        alpha: 0.05,
        events_min: 100,
        stop_rule: "All seeds of the plan, whatever they show.".into(),
        assumptions: [
            "Every bound holds over the pinned generator of scenarios, and not over production.",
            "The unit of analysis is the seed.",
        ]
        .map(String::from)
        .to_vec(),
    }
}

/// A record in which everything held: the same platform on a good day.
pub fn held() -> GateRecord {
    let mut record = record();
    record.scenarios.retain(|s| s.verdict == sim::record::ScenarioVerdict::Held || s.canary);
    record.slos.retain(|s| s.verdict == sim::record::SloVerdict::Met);
    record.not_covered.clear();
    let judged: Vec<String> = record.scenarios.iter().flat_map(|s| s.requirements.clone()).collect();
    record.requirements.retain(|r| judged.contains(&r.id));
    record.exit = 0;
    record
}

/// A record of one tenant over hours, with alerts that rang and stopped, and others that ring.
pub fn hours() -> GateRecord {
    let (slos, serving) = serving::hours();
    GateRecord { slos, serving, ..held() }
}

fn pins() -> BTreeMap<String, String> {
    let names = ["controls", "mutants", "objectives", "plan", "platform", "tenants"];
    let digests = names.into_iter().zip((4..).map(digest));
    let toolchain = ("toolchain", "rustc 1.95.0".to_owned());
    digests.chain([toolchain]).map(|(name, pin)| (name.to_owned(), pin)).collect()
}

/// 64 hex digits that look like a digest.
fn digest(n: u64) -> String {
    (0..4).map(|i| format!("{:016x}", mix(n * 4 + i))).collect()
}

/// An arbitrary but fixed number (the finaliser of SplitMix64).
fn mix(n: u64) -> u64 {
    let x = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn requirement((id, text): &(&str, &str)) -> Requirement {
    let group = id.split('-').next().unwrap_or(id);
    Requirement { id: id.to_string(), group: group.into(), text: text.to_string() }
}

fn control((id, upholds, off): &(&str, &str, &str)) -> ControlRecord {
    let upholds = upholds.split(' ').map(String::from).collect();
    ControlRecord { id: id.to_string(), upholds, off: off.to_string() }
}

const REQUIREMENTS: [(&str, &str); 27] = [
    (
        "TEN-01",
        "The effective tenant of every service call is proved by the verified token. A cookie or header may only \
         select among tenants that the token grants; there is no default tenant.",
    ),
    (
        "TEN-02",
        "No cross-tenant read, write, delete, count, or existence oracle on any path. Isolation holds at the \
         service layer and at the store: two layers.",
    ),
    (
        "TEN-05",
        "Per-tenant resource limits: one tenant's load cannot push another tenant past its SLO (noisy neighbour).",
    ),
    (
        "TEN-06",
        "Custom resources carry `tenant_id` in their spec; admission rejects one without it or with another \
         tenant's.",
    ),
    (
        "IDN-01",
        "JWT validation: signature by a pinned algorithm, issuer, audience, expiry with bounded leeway, tenant \
         claim, region claim; any failure is denied.",
    ),
    (
        "IDN-02",
        "Tokens are short-lived; a stolen token is useless after expiry, for another audience, from another client \
         binding, or in another region.",
    ),
    (
        "IDN-03",
        "Login paths: OIDC code flow, portal BFF (the browser never holds the access token), CLI device flow; \
         internal JWT for service calls.",
    ),
    ("IDN-05", "mTLS on every hop; peer SVID chain, validity window, trust domain and SPIFFE id are all checked."),
    (
        "IDN-08",
        "A compromised pod's identity cannot call admin APIs. Two layers: identity and namespace isolation | OPA \
         ABAC and service RBAC.",
    ),
    (
        "POL-01",
        "ABAC: allow only if authenticated, tenant match, region match, classification ≤ the tenant's class, label \
         permitted. Missing or unknown input is denied.",
    ),
    (
        "POL-04",
        "Every decision is logged (input digest, revision, result) and reaches the SIEM; a sensitive query cannot \
         be denied later by its tenant.",
    ),
    (
        "POL-06",
        "Residency: data and requests of a tenant stay in its region; failover never moves a residency-bound \
         tenant's data out of its region.",
    ),
    (
        "STO-01",
        "Row-level security: enabled and forced on every tenant table; USING and WITH CHECK on every command; \
         unset tenant → no rows.",
    ),
    (
        "STO-04",
        "Postgres HA: a committed write survives crash and failover; no split brain; fencing of the old primary.",
    ),
    (
        "STO-07",
        "Cypher and SQL submitted by operators: policy-managed allowlist, query analysis, sandbox; exfiltration \
         refused and logged.",
    ),
    (
        "CAC-01",
        "Key namespace per tenant, enforced by the client library and by ACL key patterns: two layers; no crafted \
         id, delimiter or collision crosses it.",
    ),
    (
        "CAC-02",
        "Eviction guardrails: one tenant cannot evict another's working set below its floor; p95 stays < 1.5 s.",
    ),
    ("EVT-05", "Residency filter on the mirror: EU-only topics never leave."),
    ("SRV-02", "Retry budgets tied to the SLO error budget: no retry storm under any fault."),
    (
        "SRV-04",
        "WAF and rate limits hold a coordinated spike: legitimate tenants keep 99.9 % and p95 < 1.5 s; shed load \
         gets 429 with Retry-After.",
    ),
    ("SRV-05", "Autoscaling with predictive scaling reacts inside its bound without flapping."),
    (
        "CEL-05",
        "Offline loader verifies checksum and signature, refuses replayed, reordered, truncated, tampered or \
         foreign bundles.",
    ),
    ("CEL-06", "Dual custody and hardware-token attestation on transfer; one custodian alone cannot release."),
    ("GOV-07", "Policy simulator: what would this SLO policy or quota have done (what-if)."),
    ("GOV-11", "Cohort traffic replay against a canary."),
    ("SLO-01", "API success ≥ 99.9 %."),
    ("SLO-02", "p95 query latency < 1.5 s."),
];

const CONTROLS: [(&str, &str, &str); 30] = [
    ("app.tenant-check", "TEN-02", "a handler trusts the row it was given and does not compare its tenant"),
    ("breaker.open", "SRV-02", "the breaker counts failures but never opens"),
    ("cache.acl-pattern", "CAC-01 TEN-02", "the cache user may touch every key, as with `~*` in an ACL file"),
    ("cache.epoch-fence", "CAC-01", "a re-created key may return the former owner's bytes"),
    ("cache.key-encoding", "CAC-01", "ids are joined with `:` and not escaped, so a crafted id spans two fields"),
    (
        "cache.key-namespace",
        "CAC-01 TEN-02",
        "keys are built without the tenant, as when two services share one Redis prefix",
    ),
    ("cache.tenant-floor", "CAC-02", "eviction takes the oldest key, whoever owns it"),
    ("edge.residency-failover", "POL-06", "a region without healthy cells fails over to any cell that answers"),
    ("gateway.client-binding", "IDN-02", "a token works from any client certificate"),
    ("gateway.jwt-algorithm", "IDN-01", "the token's own header chooses the algorithm"),
    ("gateway.jwt-audience", "IDN-01 IDN-02", "a token for any audience of the issuer is accepted"),
    ("gateway.jwt-expiry", "IDN-01 IDN-02", "expired tokens are accepted"),
    ("gateway.jwt-issuer", "IDN-01", "any issuer whose key is known is accepted"),
    ("gateway.jwt-signature", "IDN-01", "claims are read without verifying the signature"),
    ("gateway.load-shedding", "SRV-04 TEN-05", "requests queue without bound instead of being shed"),
    ("gateway.rate-limit", "SRV-04 TEN-05", "no tenant is limited"),
    ("gateway.residency", "POL-06", "the region claim is not compared with the cell"),
    ("gateway.retry-budget", "SRV-02", "every failed call is retried three times"),
    ("gateway.tenant-header", "TEN-01", "a client's own x-tenant-id is passed on"),
    ("mesh.spiffe-id", "IDN-05 IDN-08", "any workload of the trust domain may call any other"),
    ("mesh.svid-chain", "IDN-05", "the peer's certificate chain is not verified"),
    ("mesh.trust-domain", "IDN-05 IDN-08", "certificates of a foreign trust domain are accepted"),
    ("mirror.residency-filter", "EVT-05 POL-06", "the mirror copies every topic it can read"),
    ("policy.classification", "POL-01", "the data's class is not compared with the tenant's"),
    ("policy.fail-closed", "POL-01", "an error in the policy agent counts as allow"),
    ("policy.region-match", "POL-01 POL-06", "the region of the resource is not compared"),
    ("policy.tenant-match", "POL-01 TEN-02", "the tenant of the resource is not compared"),
    ("postgres.fencing", "STO-04", "the old primary keeps taking writes after a failover"),
    ("postgres.force-rls", "STO-01 TEN-02", "the table's owner is exempt from its policies"),
    ("postgres.row-security", "STO-01 TEN-02", "row-level security is not enabled on tenant tables"),
];
