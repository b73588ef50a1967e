//! The model `jwt`: the gateway's token check, asked with a key set and a time of one's own.

use models::control::Controls;
use models::gateway::token::{TokenDenial, TokenMemo, TokenPolicy, TokenVerifier};
use serde::Deserialize;
use serde_json::{Value, json};
use sim::time::EPOCH_UNIX_S;
use sim::{Duration, Instant};
use std::sync::Arc;

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

/// Answers a line: the claims, or why the token is refused and which requirements demand that.
///
/// # Errors
/// When the line is no such case.
pub fn jwt(line: &str) -> Result<String, String> {
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
    let controls = Controls::all_on();
    let keys = verifier.set_jwks(now, &controls, &case.issuer, &case.jwks.to_string());
    keys.map_err(|fault| format!("`jwks` is no key set: {fault:?}"))?;
    let answer = match verifier.verify(now, &controls, &case.token, certificate.as_ref()) {
        Ok(claims) => json!({"valid": true, "claims": *claims}),
        Err(denial) => {
            let requirements = denial.requirements();
            let mut answer = json!({"valid": false, "reason": denial.code(), "requirements": requirements});
            if let TokenDenial::MissingClaim(claim) = denial {
                answer["claim"] = claim.into();
            }
            answer
        }
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
    fn a_token_is_judged_at_the_time_of_the_line() {
        let jwks = json!({"keys": []});
        let line = |now: u64, token: &str| {
            json!({"token": token, "jwks": jwks, "issuer": "https://idp", "audience": "api", "now": now}).to_string()
        };
        let now = EPOCH_UNIX_S + 60;
        let refused = r#"{"reason":"malformed","requirements":["IDN-01"],"valid":false}"#;
        assert_eq!(jwt(&line(now, "nonsense")).as_deref(), Ok(refused));
        assert!(jwt(&line(5, "nonsense")).is_err(), "before the epoch of every run");
        assert!(jwt("{}").is_err());
    }
}
