//! Somebody who holds both tenants switches between them: a sound Envoy lets a person's pace through and no program's.

use super::bench::judged_with;
use super::{absent, component};
use crate::support::rows;
use serde_json::{Value, json};

/// Lua that serves the tenant which a cookie selects among those of the token, and counts changes of it for each
/// person. The counts are its worker's, and there is one.
const SWITCH: &str = r#"- name: switch
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  local active, switches = {}, {}
                  function envoy_on_request(handle)
                    local known = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
                    local claims = known ~= nil and known["claims"] or {}
                    if claims["tenants"] == nil then return end
                    local wanted = (handle:headers():get("cookie") or ""):match("tenant=([a-z]+)")
                    local granted = false
                    for _, id in pairs(claims["tenants"]) do granted = granted or id == wanted end
                    local who = claims["sub"]
                    if not granted then
                      handle:respond({[":status"] = "403"}, "")
                    elseif active[who] == wanted then
                      handle:headers():replace("x-tenant-id", wanted)
                    elseif (switches[who] or 0) >= 11 then
                      handle:respond({[":status"] = "429", ["retry-after"] = "60"}, "")
                    else
                      switches[who] = (switches[who] or 0) + 1
                      active[who] = wanted
                      handle:headers():replace("x-tenant-id", wanted)
                    end
                  end"#;

fn judge(slip: Option<(&str, &str)>) -> (i32, Value) {
    let table = "[gateway.switch]\nclaims = { tenants = [\"acme\", \"globex\"] }\nselects = \"cookie: \
                 tenant={id}\"\nper-min = 10";
    judged_with(SWITCH, slip, table, "destructive")
}

#[test]
fn a_sound_gateway_lets_nobody_switch_at_the_pace_of_a_program() {
    if absent() {
        return;
    }
    let (code, report) = judge(None);
    assert_eq!(code, 0, "{report:#}");
    assert!(component(&report)["judged"].to_string().contains("for two tenants in turn"), "{report:#}");
    assert!(rows(component(&report)).contains("TEN-07"), "{report:#}");
}

#[test]
fn each_slip_in_switching_is_found_or_never_green() {
    if absent() {
        return;
    }
    for (from, to, told) in [
        (">= 11", ">= 1000", "a person switches between tenants 22 times in "),
        ("active[who] == wanted then", "false then", "whoever may not switch is not served for the tenant that is"),
    ] {
        let (code, report) = judge(Some((from, to)));
        let found = component(&report)["findings"].as_array().cloned().unwrap_or_default();
        let right = code == 1 && found.len() == 1 && found[0]["what"].as_str().unwrap_or_default().starts_with(told);
        assert!(right && found[0]["requirements"] == json!(["TEN-07"]), "{to}: exit {code}\n{report:#}");
    }
    // A token that grants both and selects nothing shows no limit.
    let (code, report) = judge(Some((SWITCH, "# no switch")));
    let why = component(&report)["suspicions"][0]["what"].as_str().unwrap_or_default();
    assert!(code == 3 && why == "nobody can hold both tenants", "{report:#}");
}
