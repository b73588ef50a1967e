//! The judge stands in for the issuer, and is away: a sound Envoy refuses and recovers, and each slip is found.

use super::bench::Bench;
use super::{SOUND, absent, component};
use crate::support::rows;
use serde_json::{Value, json};
use std::net::TcpListener;

/// Keys that stand in the configuration, and the same fetched, for two seconds.
const LOCAL: &str = "local_jwks: { inline_string: '{\"keys\": [JWKS]}' }";
const FETCHED: &str = "remote_jwks: { http_uri: { uri: \"http://127.0.0.1:ISSUER/.well-known/jwks.json\", cluster: \
                       issuer, timeout: 1s }, cache_duration: 2s }";

/// Whoever decides is asked about each request.
const ASKED: &str = r#"- name: asked
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              failure_mode_allow: false
              http_service:
                server_uri: { uri: "http://127.0.0.1:ISSUER", cluster: issuer, timeout: 1s }
                path_prefix: /introspect"#;

/// The same by hand: whoever cannot be asked denies, and whoever says no is not heard.
const ASKED_AND_NOT_HEARD: &str = r#"- name: asked
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  function envoy_on_request(handle)
                    local word = handle:headers():get("authorization")
                    local head = { [":method"] = "GET", [":path"] = "/introspect", [":authority"] = "issuer",
                      ["authorization"] = word }
                    local answer = handle:httpCall("issuer", head, "", 1000)
                    if answer[":status"] ~= "200" and answer[":status"] ~= "403" then
                      handle:respond({[":status"] = "503"}, "")
                    end
                  end"#;

/// Where the issuer is.
const CLUSTER: &str = "  clusters:
  - name: issuer
    connect_timeout: 1s
    type: STATIC
    # of the issuer
    load_assignment:
      cluster_name: issuer
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ISSUER } } }
";

/// Once it has failed it is given up for ten minutes.
const GIVEN_UP: &str = "common_lb_config: { healthy_panic_threshold: { value: 0 } }
    outlier_detection: { consecutive_5xx: 1, base_ejection_time: 600s, max_ejection_percent: 100 }";

const KEYS: &[(&str, &str)] = &[(LOCAL, FETCHED)];
const WORD: &[(&str, &str)] = &[("# after tokens", ASKED)];

/// Fetches keys, or asks about each request, perhaps with a slip.
fn configuration(how: &[(&str, &str)], slip: Option<(&str, &str)>, port: u16) -> String {
    let whole = SOUND.replace("  clusters:\n", CLUSTER);
    let changes = how.iter().copied().chain(slip);
    let whole = changes.fold(whole, |whole, (from, to)| {
        assert!(whole.contains(from), "no {from}");
        whole.replace(from, to)
    });
    whole.replace("ISSUER", &port.to_string())
}

fn judge(bench: &Bench, how: &[(&str, &str)], slip: Option<(&str, &str)>) -> (i32, Value) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let server = bench.gateway(&configuration(how, slip, free.port()));
    let bound = if how == KEYS { "keys-last-s = 2" } else { "asks = \"/introspect\"" };
    let table = format!("[gateway.issuer]\nlisten = \"{free}\"\nrecovers-in-s = 4\n{bound}\n[gateway.token]");
    let deployment = bench.deployment("destructive", &server).replace("[gateway.token]", &table);
    bench.judge_as(&deployment.replace("flood = 300", "flood = 0"))
}

#[test]
fn a_sound_gateway_refuses_while_its_issuer_is_away_and_recovers() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    for how in [KEYS, WORD] {
        let (code, report) = judge(&bench, how, None);
        assert_eq!(code, 0, "{report:#}");
        assert!(rows(component(&report)).contains("IDN-09"), "{report:#}");
        let revoked = component(&report)["judged"].to_string().contains("then revoked");
        assert_eq!(revoked, how == WORD, "{report:#}");
    }
}

#[test]
fn each_slip_that_an_outage_shows_is_found_and_nothing_else_is() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    for (how, (from, to), object, breaks) in [
        (KEYS, ("cache_duration: 2s", "cache_duration: 600s"), "issuer, outage", "IDN-09"),
        (WORD, ("failure_mode_allow: false", "failure_mode_allow: true"), "issuer, outage", "IDN-09"),
        (WORD, ("# of the issuer", GIVEN_UP), "issuer, recovery", "IDN-09"),
        (WORD, (ASKED, ASKED_AND_NOT_HEARD), "token, revocation", "IDN-02"),
    ] {
        let (code, report) = judge(&bench, how, Some((from, to)));
        let found = component(&report)["findings"].as_array().cloned().unwrap_or_default();
        let right = code == 1
            && found.len() == 1
            && found[0]["object"] == object
            && found[0]["requirements"][0] == breaks
            && component(&report)["suspicions"] == json!([]);
        assert!(right, "{to}: exit {code}\n{report:#}");
    }
}

#[test]
fn a_gateway_that_asks_another_issuer_is_never_green() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let server = bench.gateway(SOUND);
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let table = format!("[gateway.issuer]\nlisten = \"{free}\"\n[gateway.token]");
    let deployment = bench.deployment("destructive", &server).replace("flood = 300", "flood = 0");
    let (code, report) = bench.judge_as(&deployment.replace("[gateway.token]", &table));
    let why = component(&report)["suspicions"][0]["why"].as_str().unwrap_or_default();
    assert!(code == 3 && why.starts_with("the gateway asked nothing at "), "{report:#}");
    let observed = deployment.replace("[gateway.token]", &table).replace("destructive", "observe");
    let (code, report) = bench.judge_as(&observed);
    let open = component(&report)["not_judged"].to_string();
    assert!(code == 0 && open.contains("whoever else has that issuer is refused meanwhile"), "{report:#}");
}
