//! The models that can be asked: adding one is one entry here and one schema beside it.

use models::breaker;
use models::config::Inputs;
use models::control::Controls;
use models::gateway::rate_limit;
use models::gateway::token::{TokenDenial, TokenMemo, TokenPolicy, TokenVerifier};
use models::policy::{PolicyData, abac};
use models::postgres::rls_predicate;
use serde::Deserialize;
use serde_json::{Value, json};
use sim::time::EPOCH_UNIX_S;
use sim::{Duration, Instant};
use std::sync::{Arc, OnceLock};

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
        name: "jwt",
        about: "does the gateway accept this access token, under these keys, at this time?",
        schema: include_str!("schema/jwt.json"),
        answer: jwt,
    },
    Entry {
        name: "rate-limit",
        about: "which requests does a tenant's rate limiter admit?",
        schema: include_str!("schema/rate-limit.json"),
        answer: |line| rate_limit::answer_json(line, &Controls::all_on()).map_err(|e| e.to_string()),
    },
    Entry {
        name: "rls-predicate",
        about: "does row-level security let this role see, write or change this row?",
        schema: include_str!("schema/rls-predicate.json"),
        answer: |line| Ok(rls_predicate::answer_json(line)?.to_string()),
    },
];

fn abac(line: &str) -> Result<String, String> {
    static DATA: OnceLock<PolicyData> = OnceLock::new();
    let data = DATA.get_or_init(|| PolicyData::from_tenants(&Inputs::embedded().tenants));
    Ok(abac::answer_json(line, data)?.to_string())
}

/// A token, the keys to verify it with, and what the gateway expects.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    token: Arc<str>,
    jwks: Value,
    issuer: String,
    audience: String,
    /// Seconds since the Unix epoch.
    now: u64,
    /// SHA-256 of the client certificate of the connection, 64 hex digits.
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    leeway_s: Option<u64>,
}

fn jwt(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let since = case.now.checked_sub(EPOCH_UNIX_S).filter(|s| *s < u64::MAX / 2_000_000_000);
    let since = since.ok_or_else(|| format!("`now` is {}, expected seconds from {EPOCH_UNIX_S} on", case.now))?;
    let now = Instant::ZERO + Duration::secs(since);
    let mut policy = TokenPolicy::new(&case.issuer, &case.audience);
    if let Some(leeway_s) = case.leeway_s {
        policy.leeway = Duration::secs(leeway_s.min(86_400));
    }
    let certificate = case.certificate.as_deref().map(thumbprint).transpose()?;
    let mut verifier = TokenVerifier::new(policy, TokenMemo::default());
    let keys = verifier.set_jwks(now, &case.issuer, &case.jwks.to_string());
    keys.map_err(|fault| format!("`jwks` is no key set: {fault:?}"))?;
    let answer = match verifier.verify(now, &Controls::all_on(), &case.token, certificate.as_ref()) {
        Ok(claims) => json!({"valid": true, "claims": *claims}),
        Err(denial @ TokenDenial::MissingClaim(claim)) => {
            json!({"valid": false, "reason": denial.code(), "claim": claim})
        }
        Err(denial) => json!({"valid": false, "reason": denial.code()}),
    };
    Ok(answer.to_string())
}

fn thumbprint(hex: &str) -> Result<[u8; 32], String> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|d| d as u8);
    let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.ok_or_else(|| "`certificate` is not a SHA-256 digest in 64 hex digits".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_order() {
        assert!(MODELS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn a_token_is_judged_at_the_time_of_the_line() {
        let jwks = json!({"keys": []});
        let line = |now: u64, token: &str| {
            json!({"token": token, "jwks": jwks, "issuer": "https://idp", "audience": "api", "now": now}).to_string()
        };
        let now = EPOCH_UNIX_S + 60;
        assert_eq!(jwt(&line(now, "nonsense")).as_deref(), Ok(r#"{"reason":"malformed","valid":false}"#));
        assert!(jwt(&line(5, "nonsense")).is_err(), "before the epoch of every run");
        assert!(jwt("{}").is_err());
    }
}
