//! Tokens that are bound to a client's certificate: a sound Envoy takes them from nobody else.

use super::bench::judged_with;
use super::{absent, component};
use serde_json::{Value, json};

/// Lua that holds the digest in a token against that of the client's certificate, in the alphabet of tokens.
const BOUND: &str = r#"- name: bound
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  local all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                  function envoy_on_request(handle)
                    local known = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
                    local claims = known ~= nil and known["claims"] or {}
                    local bound = type(claims["cnf"]) == "table" and claims["cnf"]["x5t#S256"] or nil
                    local digest = handle:streamInfo():downstreamSslConnection():sha256PeerCertificateDigest()
                    local out, number, count = "", 0, 0
                    for pair in digest:gmatch("%x%x") do
                      number, count = number * 256 + tonumber(pair, 16), count + 8
                      while count >= 6 do
                        count = count - 6
                        local high = math.floor(number / 2 ^ count)
                        out, number = out .. all:sub(high + 1, high + 1), number - high * 2 ^ count
                      end
                    end
                    local last = number * 2 ^ (6 - count)
                    out = out .. all:sub(last + 1, last + 1)
                    if bound ~= out then handle:respond({[":status"] = "401"}, "") end
                  end"#;

fn judge(slip: Option<(&str, &str)>) -> (i32, Value) {
    let table = "[gateway.bound]\ncertificate = \"other.pem\"\nkey = \"other.key\"";
    judged_with(BOUND, slip, table, "observe")
}

#[test]
fn a_token_is_nothing_in_the_hands_of_another_client() {
    if absent() {
        return;
    }
    let (code, report) = judge(None);
    assert_eq!(code, 0, "{report:#}");
    let tried = component(&report)["judged"].as_array().expect("a list").iter();
    let tried: Vec<&Value> = tried.filter(|judged| judged["requirements"] == json!(["IDN-02"])).collect();
    assert!(tried.len() == 2 && tried.iter().all(|judged| judged["objects"] == 4), "{tried:#?}");
    for (from, to, what) in [
        (BOUND, "# unbound", "a token that is bound to another client is let through"),
        ("bound ~= out", "bound == nil", "a token that is bound to another client is let through"),
        ("bound ~= out", "bound ~= nil and bound ~= out", "a token that is bound to nobody is let through"),
    ] {
        let (code, report) = judge(Some((from, to)));
        let found = component(&report)["findings"].as_array().cloned().unwrap_or_default();
        let right = code == 1 && found.len() == 1 && found[0]["object"] == "token, binding" && found[0]["what"] == what;
        assert!(right && found[0]["requirements"] == json!(["IDN-02"]), "{to}: exit {code}\n{report:#}");
    }
    // Whoever is refused with a token of its own shows nothing by being refused with another's.
    let (code, report) = judge(Some(("bound ~= out", "true")));
    assert!(code == 3 && component(&report)["problem"].as_str().is_some_and(|why| why.contains("401")), "{report:#}");
}
