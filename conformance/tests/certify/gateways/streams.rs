//! The same gateways in HTTP/2: nothing is found in a sound one by either protocol, and what is wrong there alone is
//! found.

use super::bench::Bench;
use super::door::{self, Slip};
use super::planted::{IN_HTTP2, IN_HTTP2_OTHER_STYLE, Planted, SIDE};
use super::{HAPROXY, SOUND, absent, component, in_http};
use conformance::provision::{haproxy, skip};
use serde_json::{Value, json};

/// What a client offers is read before a chain of filters is chosen.
const INSPECTOR: &str = "    listener_filters:
    - name: inspector
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector
";

const BOTH: &str = "\"1.1\", \"2\"";

/// An Envoy that has a second chain of filters for HTTP/2, in which the defect lies.
fn of_two_chains(planted: &Planted) -> String {
    let begin = SOUND.find("    filter_chains:\n").expect("chains");
    let end = SOUND.find("  # more listeners").expect("an end");
    let (lead, chain) = SOUND[begin..end].split_at("    filter_chains:\n    - ".len());
    let second = planted.configuration_of(chain).replace(" &filters", "");
    let chosen = "    - filter_chain_match: { application_protocols: [h2] }\n      ";
    format!("{}{INSPECTOR}{lead}{chain}{chosen}{second}{}", &SOUND[..begin], &SOUND[end..])
}

fn told<'r>(report: &'r Value, list: &str, field: &str) -> Vec<&'r str> {
    let all = component(report)[list].as_array().expect("a list").iter();
    all.filter_map(|one| if field.is_empty() { one.as_str() } else { one[field].as_str() }).collect()
}

/// Whether this and nothing else was found, in HTTP/2.
fn is_right(code: i32, report: &Value, object: &str, breaks: &str) -> bool {
    let found = component(report)["findings"].as_array().cloned().unwrap_or_default();
    code == 1
        && found.len() == 1
        && found[0]["object"] == object
        && found[0]["requirements"][0] == breaks
        && found[0]["what"].as_str().expect("words").ends_with(", over HTTP/2")
        && found[0]["proof"]["statements"][0].as_str().expect("a request").ends_with(" HTTP/2")
        && component(report)["suspicions"] == json!([])
}

#[test]
fn a_sound_gateway_is_judged_in_both_protocols_at_twice_the_price_at_most() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let server = bench.gateway(SOUND);
    let deployment = bench.deployment("observe", &server);
    let judge = |deployment: &str| {
        let (code, report) = bench.judge_as(deployment);
        assert_eq!(code, 0, "{report:#}\n{}", server.log());
        report
    };
    let both = judge(&deployment);
    let note = "judged over HTTP/1.1 and HTTP/2; the server chooses HTTP/2 in TLS (ALPN)";
    assert!(told(&both, "notes", "").contains(&note), "{both:#}");
    let one = judge(&in_http(&deployment, "\"1.1\""));
    assert!(told(&one, "not_judged", "why").contains(&"the deployment names HTTP/1.1 alone"), "{one:#}");
    let two = judge(&in_http(&deployment, "\"2\""));
    assert!(told(&two, "not_judged", "why").contains(&"the deployment names HTTP/2 alone"), "{two:#}");
    let sent = |report: &Value| component(report)["limits"]["statements"].as_u64().expect("a number");
    assert!(sent(&both) <= 2 * sent(&one), "{} of {}", sent(&both), sent(&one));
    let tried = told(&both, "judged", "what");
    for what in told(&one, "judged", "what") {
        let again = format!("{what}, over HTTP/2");
        assert!(tried.contains(&what) && tried.contains(&again.as_str()), "{what}: {tried:?}");
    }
}

#[test]
fn each_defect_of_an_envoy_in_http2_alone_is_found_there_and_nothing_else_is() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let none = Planted { name: "none", changes: &[], object: "", breaks: "" };
    let (code, report) = bench.judge("observe", &bench.gateway(&of_two_chains(&none)));
    assert_eq!(code, 0, "{report:#}");
    for planted in IN_HTTP2 {
        let server = bench.gateway(&of_two_chains(planted));
        let (code, report) = bench.judge("observe", &server);
        let right = is_right(code, &report, planted.object, planted.breaks);
        assert!(right, "{}: exit {code}\n{report:#}\n{}", planted.name, server.log());
    }
    // Whoever asks in HTTP/1.1 alone sees nothing of it.
    let server = bench.gateway(&of_two_chains(&IN_HTTP2[0]));
    let (code, report) = bench.judge_as(&in_http(&bench.deployment("observe", &server), "\"1.1\""));
    assert_eq!(code, 0, "{report:#}");
}

#[test]
fn each_rule_of_a_haproxy_that_says_one_protocol_and_means_both_is_found() {
    if let Err(why) = haproxy::binary() {
        return skip("haproxy", &why);
    }
    let bench = Bench::new();
    for planted in IN_HTTP2_OTHER_STYLE {
        let server = bench.haproxy(&planted.configuration_of(HAPROXY));
        let mode = if planted.object == "rate limit" { "destructive" } else { "observe" };
        let (code, report) = bench.judge_as(&bench.deployment_at(mode, server.port, None));
        let right = is_right(code, &report, planted.object, planted.breaks);
        assert!(right, "{}: exit {code}\n{report:#}", planted.name);
    }
}

#[test]
fn what_is_wrong_in_both_protocols_is_one_finding() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let (code, report) = bench.judge("observe", &bench.gateway(&SOUND.replace("[switchboard]", "[]")));
    let found = component(&report)["findings"].as_array().expect("a list");
    assert_eq!((code, found.len()), (1, 1), "{report:#}");
    assert_eq!(found[0]["proof"]["statements"][0], "GET /v1/query HTTP/1.1");
    assert!(found[0]["also"].to_string().contains("for another audience is let through, over HTTP/2"), "{report:#}");
}

#[test]
fn a_port_without_tls_that_speaks_nothing_but_http2_is_found() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let begin = SOUND.find("      filters: &filters\n").expect("filters");
    let end = SOUND.find("  # more listeners").expect("an end");
    let filters = SOUND[begin..end]
        .replace(" &filters", "")
        .replace("stat_prefix: edge", "stat_prefix: side\n          codec_type: HTTP2");
    let side = SIDE.replace("[{ filters: *filters }]", "\n    -\n").trim_end().to_owned();
    let server = bench.gateway(&SOUND.replace("# more listeners", &format!("{side}\n{filters}")));
    let (code, report) = bench.judge("observe", &server);
    assert!(is_right(code, &report, "listener without TLS", "IDN-07"), "exit {code}\n{report:#}\n{}", server.log());
}

#[test]
fn a_gateway_that_does_not_speak_what_it_was_asked_for_is_never_green() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let silent = SOUND.replace("            alpn_protocols: [h2, http/1.1]\n", "");
    let server = bench.gateway(&silent.replace("stat_prefix: edge", "stat_prefix: edge\n          codec_type: HTTP1"));
    let deployment = bench.deployment("observe", &server);
    let (code, report) = bench.judge_as(&in_http(&deployment, BOTH));
    assert_eq!((code, told(&report, "suspicions", "object")), (3, vec!["HTTP/2"]), "{report:#}");
    assert!(told(&report, "notes", "").contains(&"judged over HTTP/1.1"), "{report:#}");
    let (code, report) = bench.judge_as(&deployment);
    assert!(code == 0 && told(&report, "not_judged", "why").contains(&"the server does not speak it"), "{report:#}");
    // One that takes it without saying so, as Envoy and HAProxy do.
    let server = bench.gateway(&silent);
    let deployment = bench.deployment("observe", &server);
    let (code, report) = bench.judge_as(&deployment);
    let open = told(&report, "not_judged", "why").join("; ");
    assert!(code == 0 && open.contains("does not offer it (ALPN) and takes it from whoever speaks it"), "{report:#}");
    let (code, report) = bench.judge_as(&in_http(&deployment, BOTH));
    let note = "judged over HTTP/1.1 and HTTP/2; HTTP/2 by prior knowledge, because TLS does not offer it";
    assert!(code == 0 && told(&report, "notes", "").contains(&note), "{report:#}");
}

#[test]
fn each_slip_of_a_door_that_makes_lines_of_fields_is_found() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    // It takes whichever host the door takes.
    let behind = SOUND.replace("# more listeners", SIDE).replace("domains: [\"127.0.0.1:EDGE\"]", "domains: [\"*\"]");
    let server = bench.gateway(&behind);
    let judge = |slip| {
        let port = door::start(server.side, slip);
        let whole = bench.deployment_at("observe", port, None).replace("https://127", "http://127");
        let tls = whole.lines().find(|line| line.starts_with("tls = ")).expect("a line").to_owned();
        bench.judge_as(&in_http(&whole.replace(&format!("{tls}\n"), ""), "\"2\""))
    };
    let (code, report) = judge(None);
    assert_eq!(code, 0, "{report:#}");
    for (slip, object) in [
        (Slip::Long, "requests in HTTP/2, form"),
        (Slip::Beside, "requests in HTTP/2, host"),
        (Slip::Remembered, "requests, on one connection"),
        (Slip::Breaks, "requests in HTTP/2, line breaks"),
        (Slip::UpperCase, "requests in HTTP/2, form"),
        (Slip::Late, "requests in HTTP/2, form"),
        (Slip::Unknown, "requests in HTTP/2, form"),
        (Slip::Twice, "requests in HTTP/2, form"),
        (Slip::Empty, "requests in HTTP/2, form"),
        (Slip::Connection, "requests in HTTP/2, form"),
        (Slip::Coding, "requests in HTTP/2, smuggling"),
        (Slip::Short, "requests in HTTP/2, smuggling"),
    ] {
        let (code, report) = judge(Some(slip));
        let found = told(&report, "findings", "object");
        let right = code == 1 && found.contains(&object) && found.iter().all(|object| object.starts_with("requests"));
        assert!(right, "{slip:?}: exit {code}\n{report:#}");
    }
}
