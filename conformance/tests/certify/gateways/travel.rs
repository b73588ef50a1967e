//! A token that is in two places at once: a sound Envoy refuses it, and nobody else's.

use super::bench::judged_with;
use super::{absent, component};
use crate::support::rows;
use serde_json::{Value, json};

/// Lua that remembers where each person was, and whom it caught travelling. What it remembers is its worker's, and
/// there is one.
const TRAVEL: &str = r#"- name: travel
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  local places, caught = {}, {}
                  function envoy_on_request(handle)
                    local known = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
                    local who = known ~= nil and known["claims"] and known["claims"]["sub"] or nil
                    local place = handle:headers():get("x-client-place")
                    if who == nil or place == nil then return end
                    if places[who] ~= nil and places[who] ~= place then caught[who] = true end
                    places[who] = place
                    if caught[who] then handle:respond({[":status"] = "401"}, "") end
                  end"#;

fn judge(slip: Option<(&str, &str)>) -> (i32, Value) {
    let table = "[gateway.travel]\nplaces = [\"x-client-place: Berlin\", \"x-client-place: Tokyo\"]";
    judged_with(TRAVEL, slip, table, "destructive")
}

#[test]
fn a_token_in_two_places_at_once_is_refused_and_nobody_elses_is() {
    if absent() {
        return;
    }
    let (code, report) = judge(None);
    assert_eq!(code, 0, "{report:#}");
    assert!(rows(component(&report)).contains("IDN-02"), "{report:#}");
    assert!(component(&report)["judged"].to_string().contains("in two places at once"), "{report:#}");
    for (from, to) in [
        (TRAVEL, "# nobody looks"),
        // It is refused at the second place, and goes on at the first.
        ("caught[who] = true end", "handle:respond({[\":status\"] = \"401\"}, \"\") return end"),
    ] {
        let (code, report) = judge(Some((from, to)));
        let found = component(&report)["findings"].as_array().cloned().unwrap_or_default();
        let right = code == 1 && found.len() == 1 && found[0]["object"] == "token, travel";
        assert!(right && found[0]["requirements"] == json!(["IDN-02"]), "{to}: exit {code}\n{report:#}");
    }
    // Whoever refuses everybody by then has noticed nothing.
    let (code, report) = judge(Some(("if caught[who]", "if next(caught) ~= nil")));
    let why = component(&report)["suspicions"][0]["why"].as_str().unwrap_or_default();
    assert!(code == 3 && why.starts_with("who stayed is refused too"), "{report:#}");
}
