//! Cases for `cellproof model spiffe-id` and `cellproof model x509-svid`: is this an id, is this peer believed?
//!
//! What is asked is what a workload asks at a handshake, with every control on and the time of the line. That the peer
//! holds the leaf's key is no part of a certificate and not asked here.

use super::trust::BundleFault;
use super::verify::{ChainMemo, PathRule, PeerDenial, PeerExpectation, PeerVerifier};
use crate::control::Controls;
use crate::crypto::hex;
use crate::ids::Bytes;
use crate::wire::svid::{Chain, SpiffeId, TrustBundle, TrustDomain};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sim::time::EPOCH_UNIX_S;
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdCase {
    id: String,
}

/// A chain, whom to believe, and who may be at the other end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeerCase {
    /// Certificates, the leaf first: base64 of the DER form, with or without PEM lines around it.
    chain: Vec<String>,
    /// SPIFFE bundle documents by trust domain.
    bundles: BTreeMap<TrustDomain, Value>,
    /// Revocation lists by trust domain, in base64 of the DER form.
    #[serde(default)]
    revoked: BTreeMap<TrustDomain, Vec<String>>,
    /// Trust domains from which a peer may come; without it, those of the bundles.
    #[serde(default)]
    trust_domains: Option<Vec<TrustDomain>>,
    /// Paths that a peer may have; without it and without `under`, any.
    #[serde(default)]
    paths: Option<Vec<Arc<str>>>,
    /// Paths that a peer may have, or have one below, by whole segments.
    #[serde(default)]
    under: Option<Vec<Arc<str>>>,
    /// Seconds since the Unix epoch.
    now: u64,
}

/// Answers one JSON line `{"id": "spiffe://…"}`: its parts, or the rule that it breaks.
///
/// # Errors
/// When the line is no such case.
pub fn answer_id(line: &str) -> Result<String, String> {
    let case: IdCase = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let answer = match SpiffeId::parse(&case.id) {
        Ok(id) => {
            let service = id.service().map(|(ns, sa)| json!({"namespace": ns, "account": sa}));
            json!({
                "valid": true, "trust_domain": id.trust_domain(), "path": id.path(), "service": service,
                "tenant": id.tenant(),
            })
        }
        Err(fault) => json!({
            "valid": false, "reason": fault.code(), "clause": fault.clause(), "requirements": ["IDN-05"],
        }),
    };
    Ok(answer.to_string())
}

/// Answers one JSON line, a chain with the bundles to judge it by: the peer's id, or why it is not believed.
///
/// # Errors
/// When the line is no such case.
pub fn answer_peer(line: &str) -> Result<String, String> {
    let case: PeerCase = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let chain: Chain = case.chain.iter().map(|text| der("chain", text)).collect::<Result<_, _>>()?;
    let mut verifier = PeerVerifier::new(ChainMemo::default());
    for (domain, document) in &case.bundles {
        let bundle = bundle(domain, document, case.revoked.get(domain))?;
        verifier.set_bundle(bundle).map_err(|fault| match fault {
            BundleFault::Malformed => format!("`bundles` of {domain}: a certificate or revocation list cannot be read"),
            BundleFault::Older => format!("`bundles` of {domain}: a bundle twice"),
        })?;
    }
    let since = case.now.checked_sub(EPOCH_UNIX_S).filter(|s| *s < u64::MAX / 2_000_000_000);
    let since = since.ok_or_else(|| format!("`now` is {}, expected seconds from {EPOCH_UNIX_S} on", case.now))?;
    let now = Instant::ZERO + Duration::secs(since);
    let answer = match verifier.verify_peer(now, &Controls::all_on(), &chain, &expectation(&case)?) {
        Ok(peer) => json!({
            "valid": true, "id": peer.id.as_str(), "trust_domain": peer.id.trust_domain(), "path": peer.id.path(),
            "leaf_sha256": hex(&peer.leaf_digest),
        }),
        Err(denial) => {
            let requirements = denial.requirements();
            let mut answer = json!({"valid": false, "reason": denial.code(), "requirements": requirements});
            if let PeerDenial::Path(fault) = denial {
                answer["path"] = fault.code().into();
            }
            answer
        }
    };
    Ok(answer.to_string())
}

fn expectation(case: &PeerCase) -> Result<PeerExpectation, String> {
    let trust_domains = case.trust_domains.clone().unwrap_or_else(|| case.bundles.keys().cloned().collect());
    let paths = match (&case.paths, &case.under) {
        (Some(_), Some(_)) => return Err("`paths` and `under`, expected one of them".into()),
        (Some(paths), None) => PathRule::Exact(paths.clone()),
        (None, Some(under)) => PathRule::Under(under.clone()),
        // Every path begins with a slash, so everything lies under nothing.
        (None, None) => PathRule::Under(vec!["".into()]),
    };
    Ok(PeerExpectation { trust_domains, paths, also: Vec::new() })
}

fn bundle(domain: &str, document: &Value, revoked: Option<&Vec<String>>) -> Result<Arc<TrustBundle>, String> {
    let bundle = TrustBundle::from_json(domain, &document.to_string());
    let mut bundle = bundle.ok_or_else(|| format!("`bundles` of {domain}: no SPIFFE bundle"))?;
    bundle.revoked = revoked.into_iter().flatten().map(|text| der("revoked", text)).collect::<Result<_, _>>()?;
    Ok(Arc::new(bundle))
}

fn der(field: &str, text: &str) -> Result<Bytes, String> {
    let bare: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(bare).map(Bytes::from).map_err(|e| format!("`{field}` is not base64 of DER: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::ca::{Ca, CaConfig};
    use crate::wire::svid::{KeyName, Svid, SvidRequest};

    const START: Instant = Instant(3_600_000_000_000);
    const KAFKA: &str = "/ns/data/sa/kafka";

    fn issued() -> (Ca, Svid) {
        let mut ca = Ca::new(START, CaConfig::new("cell-a.test"));
        let id = SpiffeId::new("cell-a.test", KAFKA).expect("an id");
        ca.register("pod", id.clone());
        let key = KeyName { role: "kafka".into(), index: 0 };
        let lifetime = Duration::secs(3600);
        let request = SvidRequest { workload: "pod".into(), spiffe_id: id, key, lifetime };
        let svid = ca.issue(START, &request).expect("an SVID");
        (ca, svid)
    }

    fn line(ca: &mut Ca, svid: &Svid, more: Value) -> String {
        let document: Value = serde_json::from_str(&ca.bundle(START).to_json()).expect("a bundle");
        let chain: Vec<String> = svid.chain.iter().map(|der| STANDARD.encode(der)).collect();
        let mut case = json!({"chain": chain, "bundles": {"cell-a.test": document}, "now": START.unix_seconds() + 60});
        case.as_object_mut().expect("a case").extend(more.as_object().expect("a table").clone());
        case.to_string()
    }

    #[test]
    fn an_id_is_taken_apart_or_the_rule_it_breaks_is_named() {
        let ask = |id: &str| answer_id(&json!({"id": id}).to_string()).expect("a case");
        let whole = ask("spiffe://cell-a.test/ns/data/sa/kafka/tenant/acme");
        assert!(whole.contains(r#""tenant":"acme""#) && whole.contains(r#""account":"kafka""#), "{whole}");
        assert!(ask("spiffe://cell-a.test:443/x").contains(r#""clause":"SPIFFE-ID 2.1""#));
        assert!(answer_id(r#"{"name":"x"}"#).is_err());
    }

    #[test]
    fn a_peer_is_believed_or_the_reason_and_its_requirement_are_named() {
        let (mut ca, svid) = issued();
        let mut ask = |more: Value| -> Value {
            let said = answer_peer(&line(&mut ca, &svid, more)).expect("a case");
            serde_json::from_str(&said).expect("an answer is JSON")
        };
        assert_eq!(ask(json!({}))["id"], "spiffe://cell-a.test/ns/data/sa/kafka");
        assert_eq!(ask(json!({"paths": [KAFKA]}))["valid"], true);
        for (more, reason, requirement) in [
            (json!({"paths": ["/ns/data/sa/postgres"]}), "spiffe-id", "IDN-08"),
            (json!({"trust_domains": ["cell-b.test"]}), "trust-domain", "IDN-08"),
            (json!({"now": START.unix_seconds() + 3_601}), "expired", "IDN-06"),
            (json!({"bundles": {}}), "svid-chain", "IDN-05"),
            (json!({"chain": []}), "chain-length", "IDN-05"),
        ] {
            let said = ask(more.clone());
            let requirements = said["requirements"].as_array().expect("ids");
            assert_eq!(said["reason"], reason, "{more}");
            assert!(requirements.contains(&json!(requirement)), "{more}: {said}");
        }
    }

    #[test]
    fn a_revocation_list_and_pem_lines_are_read() {
        let (mut ca, svid) = issued();
        ca.revoke(START, &svid);
        let lists: Vec<String> = ca.bundle(START).revoked.iter().map(|der| STANDARD.encode(der)).collect();
        let said = answer_peer(&line(&mut ca, &svid, json!({"revoked": {"cell-a.test": lists}}))).expect("a case");
        assert!(said.contains(r#""reason":"revoked""#), "{said}");
        let armoured =
            |der: &Bytes| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
        let chain: Vec<String> = svid.chain.iter().map(armoured).collect();
        let said = answer_peer(&line(&mut ca, &svid, json!({"chain": chain}))).expect("a case");
        assert!(said.contains(r#""valid":true"#), "{said}");
    }

    #[test]
    fn a_line_that_is_no_case_says_what_was_expected() {
        let (mut ca, svid) = issued();
        for (more, complaint) in [
            (json!({"now": 5}), "`now` is 5"),
            (json!({"chain": ["!"]}), "`chain` is not base64"),
            (json!({"bundles": {"x.test": {}}}), "`bundles` of x.test: no SPIFFE bundle"),
            (json!({"paths": [], "under": []}), "expected one of them"),
        ] {
            let refused = answer_peer(&line(&mut ca, &svid, more.clone())).expect_err("no case");
            assert!(refused.contains(complaint), "{more}: {refused}");
        }
    }
}
