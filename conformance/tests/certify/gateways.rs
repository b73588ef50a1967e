//! A real Envoy is judged: nothing is found in a sound one, and nothing but honest requests reaches the service behind;
//! each planted defect is found, with exactly what it breaks.

mod bench;
mod bound;
mod door;
mod masked;
mod outages;
mod planted;
mod resources;
mod streams;
mod switches;
mod travel;

use crate::support::{claimed, rows};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bench::Bench;
use conformance::provision::{envoy, haproxy, skip};
use models::catalogue::Probe;
use planted::{OTHER_STYLE, PLANTED, Planted, UNDER_LOAD};
use serde_json::{Value, json};
use std::fs;

/// The published form of a report.
const SCHEMA: &str = include_str!("../../../reports/schemas/certify.schema.json");
/// A sound configuration.
const SOUND: &str = include_str!("../gateway/envoy.yaml");
/// Another one, of another make.
const HAPROXY: &str = include_str!("../gateway/haproxy.cfg");

fn absent() -> bool {
    match envoy::binary() {
        Ok(_) => false,
        Err(why) => {
            skip("envoy", &why);
            true
        }
    }
}

/// A deployment that says what is spoken.
fn in_http(deployment: &str, spoken: &str) -> String {
    deployment.replacen("[gateway]\n", &format!("[gateway]\nhttp = [{spoken}]\n"), 1)
}

fn component(report: &Value) -> &Value {
    &report["components"][0]
}

#[test]
fn nothing_is_found_in_a_sound_gateway_and_nothing_but_honest_requests_reaches_the_service() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let server = bench.gateway(SOUND);
    let (code, report) = bench.judge("destructive", &server);
    assert_eq!(code, 0, "{report:#}\n{}", server.log());
    let tried: u64 = component(&report)["judged"]
        .as_array()
        .expect("what was tried")
        .iter()
        .map(|j| j["objects"].as_u64().expect("a number"))
        .sum();
    // How much of a flood is left when the other tenant has asked often enough depends on how fast both are.
    assert!(tried > 150, "{tried}: {report:#}");
    assert_eq!(rows(component(&report)), claimed(Probe::Gateway, &["CLS-02", "CLS-03", "IDN-09", "TEN-02"]));
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    assert_eq!(reports::sample::schema::disagreements(&schema, &report), Vec::<String>::new());
    for head in bench.service.seen() {
        assert!(head.starts_with("GET /v1/query"), "{head}");
        assert!(!head.contains("x-forwarded-client-cert") && !head.contains("us-east"), "{head}");
        let tenants: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("x-tenant-id: ")).collect();
        assert!(tenants == ["acme"] || tenants == ["globex"], "{head}");
    }
}

impl Planted {
    fn configuration(&self) -> String {
        self.configuration_of(SOUND)
    }

    fn configuration_of(&self, sound: &str) -> String {
        self.changes.iter().fold(sound.to_owned(), |whole, (from, to)| {
            assert!(whole.contains(from), "{}: no {from}", self.name);
            whole.replace(from, to)
        })
    }

    /// What is wrong with what was found, if something is.
    fn wrong(&self, bench: &Bench, mode: &str) -> Option<String> {
        let server = bench.gateway(&self.configuration());
        // What is wrong in one protocol is wrong in the other, and asking in both takes twice as long.
        let (code, report) = bench.judge_as(&in_http(&bench.deployment(mode, &server), "\"1.1\""));
        let found = component(&report)["findings"].as_array().cloned().unwrap_or_default();
        let right = found.len() == 1
            && code == 1
            && found[0]["object"] == self.object
            && found[0]["requirements"][0] == self.breaks
            && component(&report)["suspicions"] == json!([])
            && !found[0]["repair"].as_array().expect("a repair").is_empty()
            && found[0]["proof"]["statements"][0].as_str().expect("a request").starts_with("GET ");
        (!right).then(|| format!("{}: exit {code}, {} findings\n{report:#}\n{}", self.name, found.len(), server.log()))
    }
}

#[test]
fn each_planted_defect_is_found_with_what_it_breaks_and_nothing_else_is() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let wrong: Vec<String> = PLANTED.iter().filter_map(|planted| planted.wrong(&bench, "observe")).collect();
    assert!(PLANTED.len() >= 25 && wrong.is_empty(), "{} are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Defects that a judge who only observes does not see.
fn under_load(planted: &[Planted]) {
    if absent() {
        return;
    }
    let bench = Bench::new();
    for planted in planted {
        let server = bench.gateway(&planted.configuration());
        let (code, report) = bench.judge("observe", &server);
        assert_eq!(code, 0, "{}: {report:#}", planted.name);
    }
    let wrong: Vec<String> = planted.iter().filter_map(|planted| planted.wrong(&bench, "destructive")).collect();
    assert!(wrong.is_empty(), "{} are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_limit_that_is_one_for_all_is_found_under_load_alone() {
    let (_, shared) = UNDER_LOAD.split_first().expect("some");
    under_load(&shared[..1]);
}

#[test]
fn each_planted_defect_of_limits_is_found_under_load_alone() {
    under_load(UNDER_LOAD);
}

#[test]
fn a_gateway_that_lets_nobody_through_is_inconclusive_and_never_green() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let server = bench.gateway(SOUND);
    let deployment = bench.deployment("observe", &server);
    let inconclusive = |deployment: &str, told: &str| {
        let (code, report) = bench.judge_as(deployment);
        let problem = component(&report)["problem"].as_str().unwrap_or_default();
        assert!(code == 3 && problem.contains(told), "{told}: {report:#}");
    };
    inconclusive(
        &deployment.replace("aud = \"switchboard\"", "aud = \"other\""),
        "of acme is not let through: status 403",
    );
    inconclusive(&deployment.replace("issuer.key", "retired.key"), "of acme is not let through: status 401");
    inconclusive(&deployment.replace("issuer.key", "nowhere.key"), "file nowhere.key: ");
    inconclusive(
        &deployment.replace("{ file = \"issuer.key\" }", "{ file = \"ca.pem\" }"),
        "file ca.pem: no private key in PKCS#8",
    );
    let unnamed = deployment.replace("shows = \"x-tenant-id: {id}\"", "tenant-header = \"x-other\"");
    inconclusive(&unnamed, "does not show its tenant (in the header x-other; give");
    let port = format!(":{}/", server.port);
    inconclusive(&deployment.replace(&port, ":1/"), "failed to reach https://127.0.0.1:1/v1/query as acme: ");
    let everybody = bench.gateway(&SOUND.replace("prefix: /admin", "prefix: /"));
    inconclusive(&bench.deployment("observe", &everybody), "of acme is not let through: status 403");
    drop(server);
    inconclusive(&deployment, "failed to reach ");
}

#[test]
fn supplied_tokens_are_judged_as_far_as_they_go_and_never_told() {
    if absent() {
        return;
    }
    let bench = Bench::new();
    let server = bench.gateway(SOUND);
    let head = json!({"alg": "ES256", "kid": "issuer"}).to_string();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    for id in ["acme", "globex"] {
        let claims = json!({"iss": "https://idp.example", "aud": "switchboard", "tenant": id, "region": "eu-west",
            "iat": now, "exp": now + 300});
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(&head), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = fixed(&rcgen::SigningKey::sign(&bench.issuer, message.as_bytes()).expect("a signature"));
        let whole = format!("{message}.{}\n", URL_SAFE_NO_PAD.encode(signature));
        fs::write(bench.dir.path().join(format!("{id}.jwt")), whole).expect("a token");
    }
    let supplied = |server: &envoy::Server| {
        let minted = bench.deployment("observe", server);
        let from = minted.find("key = { file = \"issuer.key\" }").expect("a key");
        let to = minted.find("leeway-s").expect("a leeway");
        format!("{}supplied = {{ file = \"{{id}}.jwt\" }}\n{}", &minted[..from], &minted[to..])
    };
    let (code, report) = bench.judge_as(&supplied(&server));
    assert_eq!(code, 0, "{report:#}");
    let open = component(&report)["not_judged"].as_array().expect("a list");
    let open: Vec<&str> = open.iter().filter_map(|o| o["what"].as_str()).collect();
    assert!(open.iter().any(|what| what.starts_with("tokens with a wrong issuer")), "{open:?}");
    let planted = PLANTED.iter().find(|p| p.object == "token, signature").expect("one");
    let (_, found) = bench.judge_as(&supplied(&bench.gateway(&planted.configuration())));
    let told = found.to_string();
    for id in ["acme", "globex"] {
        let token = fs::read_to_string(bench.dir.path().join(format!("{id}.jwt"))).expect("a token");
        let signature = token.trim().rsplit('.').next().expect("a signature");
        assert!(!told.contains(signature), "{told}");
    }
    assert_eq!(component(&found)["findings"][0]["object"], "token, signature", "{found:#}");
}

/// A signature in DER, as ECDSA has it in tokens: two numbers of 32 bytes.
fn fixed(der: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let length = der[at + 1] as usize;
        let bytes = &der[at + 2..at + 2 + length];
        let bytes = &bytes[bytes.len().saturating_sub(32)..];
        let mut out = vec![0; 32 - bytes.len()];
        out.extend_from_slice(bytes);
        (out, at + 2 + length)
    };
    let (r, next) = number(2);
    let (s, _) = number(next);
    [r, s].concat()
}

#[test]
fn a_gateway_of_another_make_is_judged_alike() {
    if let Err(why) = haproxy::binary() {
        return skip("haproxy", &why);
    }
    let bench = Bench::new();
    let server = bench.haproxy(HAPROXY);
    let (code, report) = bench.judge_as(&bench.deployment_at("destructive", server.port, None));
    assert_eq!(code, 0, "{report:#}");
    for planted in OTHER_STYLE {
        let server = bench.haproxy(&planted.configuration_of(HAPROXY));
        let deployment = bench.deployment_at("destructive", server.port, None);
        let (code, report) = bench.judge_as(&in_http(&deployment, "\"1.1\""));
        let found = component(&report)["findings"].as_array().cloned().unwrap_or_default();
        let right = code == 1
            && found.len() == 1
            && found[0]["object"] == planted.object
            && found[0]["requirements"][0] == planted.breaks;
        assert!(right, "{}: exit {code}\n{report:#}", planted.name);
    }
}
