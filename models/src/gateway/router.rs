//! A case for `cellproof model router`: which tenant a request is served for, where, and what the router writes.
//!
//! The head of the request goes through the codec that the gateway reads with, and the answer's headers through the one
//! that it writes with: two cookies, a padded name or a smuggled line are judged as bytes, not as a table of texts.

use super::edge::{Edge, HealthPolicy, RESIDENCY_FAILOVER, Unserved};
use super::framing::REQUEST_FRAMING;
use super::headers::{
    RESIDENCY, RegionRefused, TENANT_HEADER, TenantRefused, effective_tenant, is_selection, residency, stamp,
};
use crate::control::Controls;
use crate::ids::{Bytes, TenantId};
use crate::wire::http::codec::{HOST, Limits, decode_request, encode_response};
use crate::wire::http::{Headers, Peer, Reason, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sim::Instant;
use sim::seed::name_hash;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One request, and what the router knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    token: Proved,
    /// Header lines of the request, in order; a name may occur twice.
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// Tenant to region.
    tenants: BTreeMap<TenantId, Arc<str>>,
    /// Region of the cell that the router stands in.
    region: Arc<str>,
    /// Cells that it can reach; none means one cell, its own.
    #[serde(default)]
    cells: Vec<CaseCell>,
}

/// What the verified token proves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proved {
    tenant: TenantId,
    /// Tenants that the bearer may select; its own always.
    #[serde(default)]
    tenants: Vec<TenantId>,
    #[serde(default)]
    region: Option<Arc<str>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseCell {
    id: Arc<str>,
    region: Arc<str>,
    #[serde(default = "yes")]
    up: bool,
}

const fn yes() -> bool {
    true
}

/// A request that is not served: a stable name, and the requirements that demand it.
type Refusal = (&'static str, &'static [&'static str]);

/// Answers one JSON line with one line, every control on: `served` with tenant, region, cell and the headers that the
/// router writes, or a `reason` with `requirements`.
///
/// # Errors
/// When the line is no such case.
pub fn answer_json(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let text = head(&case.headers)?;
    let answer = match decode_request(text.as_bytes(), Peer::default(), &Limits::STRICT) {
        Ok(Some((request, _))) => route(&case, &request.headers),
        Ok(None) | Err(_) => Err(("malformed-head", REQUEST_FRAMING.upholds)),
    };
    Ok(match answer {
        Ok(served) => served.to_string(),
        Err((reason, requirements)) => {
            json!({"served": false, "reason": reason, "requirements": requirements}).to_string()
        }
    })
}

/// The request as bytes. A line break inside a header would make two lines of one: that is a mistake of the case.
fn head(headers: &[(String, String)]) -> Result<String, String> {
    let mut text = format!("GET / HTTP/1.1\r\nhost: {HOST}\r\nx-request-id: 1\r\n");
    for (name, value) in headers {
        if name.contains(['\r', '\n']) || value.contains(['\r', '\n']) {
            return Err(format!("header {name:?} holds a line break, expected one line each"));
        }
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    Ok(text + "\r\n")
}

fn route(case: &Case, headers: &Headers) -> Result<Value, Refusal> {
    let controls = Controls::all_on();
    let tenant = effective_tenant(&controls, headers, &case.token.tenant, &case.token.tenants);
    let tenant = tenant.map_err(|refused| match refused {
        TenantRefused::NotGranted => ("not-granted", TENANT_HEADER.upholds),
        TenantRefused::Ambiguous => ("ambiguous-selection", TENANT_HEADER.upholds),
    })?;
    let region = case.tenants.get(&tenant).ok_or(("unknown-tenant", TENANT_HEADER.upholds))?;
    residency(&controls, region, case.token.region.as_deref(), &case.region).map_err(|refused| match refused {
        RegionRefused::NoClaim => ("no-region-claim", RESIDENCY.upholds),
        RegionRefused::TokenElsewhere => ("token-of-another-region", RESIDENCY.upholds),
        RegionRefused::CellElsewhere => ("cell-of-another-region", RESIDENCY.upholds),
    })?;
    let cell = cell(case, &controls, &tenant, region)?;
    let mut response = Response::new(1, Reason::Ok).with_body(Bytes::from([]));
    stamp(&controls, &mut response, &tenant, region, is_selection(headers));
    let mut served = json!({"served": true, "tenant": *tenant, "region": **region, "headers": written(&response)});
    if let Some(cell) = cell {
        served["cell"] = (*cell.id).into();
    }
    Ok(served)
}

fn cell<'a>(
    case: &'a Case,
    controls: &Controls,
    tenant: &TenantId,
    region: &str,
) -> Result<Option<&'a CaseCell>, Refusal> {
    let Some(home) = case.cells.iter().position(|c| *c.region == *region) else {
        let unreachable = ("region-unreachable", RESIDENCY_FAILOVER.upholds);
        return if case.cells.is_empty() { Ok(None) } else { Err(unreachable) };
    };
    let regions: Vec<Arc<str>> = case.cells.iter().map(|c| c.region.clone()).collect();
    let mut edge = Edge::new(Instant::ZERO, HealthPolicy::DEFAULT, &regions);
    for (at, _) in case.cells.iter().enumerate().filter(|(_, c)| !c.up) {
        for n in 1..=u64::from(HealthPolicy::DEFAULT.down_after) {
            edge.check_answered(at, Instant(n), false);
        }
    }
    match edge.route(Instant(9), controls, home, region, name_hash(tenant)) {
        Ok(at) => Ok(Some(&case.cells[at])),
        Err(Unserved::RegionDown) => Err(("region-down", RESIDENCY_FAILOVER.upholds)),
        Err(Unserved::EverythingDown) => Err(("everything-down", &["CEL-01"])),
    }
}

/// The headers that say whose an answer is, as they leave the gateway. A tenant whose name no header can carry is
/// served without them.
fn written(response: &Response) -> Value {
    let mut bytes = Vec::new();
    if encode_response(response, &mut bytes).is_err() {
        return Value::Object(Map::new());
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.split("\r\n").filter_map(|line| line.split_once(": "));
    let ours = lines.filter(|(name, _)| matches!(*name, "x-tenant-id" | "x-region" | "set-cookie"));
    Value::Object(ours.map(|(name, value)| (name.to_owned(), value.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(headers: &str, region: &str, rest: &str) -> Value {
        let line = format!(
            r#"{{"token":{{"tenant":"acme","tenants":["acme","globex"],"region":"EU"}},"headers":{headers},
               "tenants":{{"acme":"EU","globex":"EU","beta":"US"}},"region":"{region}"{rest}}}"#
        );
        serde_json::from_str(&answer_json(&line).expect(&line)).expect("an answer is JSON")
    }

    fn check(headers: &str, expected: &str) {
        let answer = ask(headers, "EU", "");
        let said = answer["tenant"].as_str().or(answer["reason"].as_str());
        assert_eq!(said, Some(expected), "{headers}: {answer}");
        assert_eq!(answer["served"] == false, answer["requirements"].is_array());
    }

    #[test]
    fn a_claim_selects_among_the_grants_as_bytes_say_it() {
        check("[]", "acme");
        check(r#"[["x-tenant-id","globex"]]"#, "globex");
        check(r#"[["cookie","a=b; x-tenant-id=globex"]]"#, "globex");
        check(r#"[["x-tenant-id","beta"]]"#, "not-granted");
        check(r#"[["x-tenant-id","acme"],["cookie","x-tenant-id=globex"]]"#, "ambiguous-selection");
        check(r#"[["x-tenant-id","acme"],["X-Tenant-Id","globex"]]"#, "malformed-head");
        check(r#"[["x_tenant_id","acme"]]"#, "malformed-head");
        check(r#"[["content-length","1"],["transfer-encoding","chunked"]]"#, "malformed-head");
    }

    #[test]
    fn the_router_writes_whose_an_answer_is_and_makes_a_selection_stick() {
        let plain = ask("[]", "EU", "");
        assert_eq!(plain["headers"], json!({"x-tenant-id": "acme", "x-region": "EU"}));
        let selected = ask(r#"[["x-tenant-id","globex"]]"#, "EU", "");
        let cookie = "x-tenant-id=globex; Path=/; Max-Age=604800; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(selected["headers"]["set-cookie"], cookie);
    }

    #[test]
    fn residency_is_judged_before_anything_is_served() {
        assert_eq!(ask("[]", "US", "")["reason"], "cell-of-another-region");
        let cells = |up: bool| format!(r#","cells":[{{"id":"a","region":"EU","up":{up}}},{{"id":"b","region":"US"}}]"#);
        assert_eq!(ask("[]", "EU", &cells(true))["cell"], "a");
        let down = ask("[]", "EU", &cells(false));
        assert_eq!((&down["reason"], &down["requirements"]), (&json!("region-down"), &json!(["CEL-01", "POL-06"])));
    }

    #[test]
    fn a_line_that_is_no_case_says_what_was_expected() {
        assert!(answer_json("{}").is_err_and(|e| e.contains("missing field `token`")));
        let broken = r#"{"token":{"tenant":"a"},"headers":[["a","b\r\nc: d"]],"tenants":{},"region":"EU"}"#;
        assert!(answer_json(broken).is_err_and(|e| e.contains("holds a line break")));
    }
}
