//! Figures are held against what was promised, and whatever says nothing is never MET and says why.

use crate::support::{certify_in, claimed, rows};
use conformance::provision::{prometheus, skip};
use models::catalogue::Probe;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

/// The published form of a report.
const SCHEMA: &str = include_str!("../../../reports/schemas/certify.schema.json");

/// Requests of two tenants in a cell, all well: text in the format of Prometheus.
pub const WELL: &str = r#"# HELP http_requests_total Requests
# TYPE http_requests_total counter
http_requests_total{tenant="acme",cell="eu-1",code="200",instance="a"} 20000
http_requests_total{tenant="acme",cell="eu-1",code="200",instance="b"} 20000
http_requests_total{tenant="acme",cell="eu-1",code="500",instance="a"} 3
http_requests_total{tenant="acme",cell="eu-1",code="403",instance="a"} 900
http_requests_total{tenant="globex",cell="eu-1",code="200",instance="a"} 30000
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{tenant="acme",cell="eu-1",le="0.5"} 30000
http_request_duration_seconds_bucket{tenant="acme",cell="eu-1",le="1.5"} 39000
http_request_duration_seconds_bucket{tenant="acme",cell="eu-1",le="+Inf"} 40000
http_request_duration_seconds_bucket{tenant="globex",cell="eu-1",le="0.5"} 29000
http_request_duration_seconds_bucket{tenant="globex",cell="eu-1",le="1.5"} 30000
http_request_duration_seconds_bucket{tenant="globex",cell="eu-1",le="+Inf"} 30000
# TYPE memory_bytes gauge
memory_bytes{tenant="acme",cell="eu-1",code="200"} 1e9
"#;

pub const DEPLOYMENT: &str = r#"version = 1
name = "staging"
[[tenant]]
id = "acme"
[[tenant]]
id = "globex"
[metrics]
file = "metrics.txt"
cell-label = "cell"
[metrics.success]
counter = "http_requests_total"
outcome-label = "code"
good = ["2xx"]
excluded = ["401", "403"]
[metrics.latency]
histogram = "http_request_duration_seconds"
"#;

pub fn judge(text: &str, deployment: &str) -> (i32, Value) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("metrics.txt"), text).expect("figures");
    let ended = certify_in(dir.path(), deployment, &["--json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    assert_eq!(reports::sample::schema::disagreements(&schema, &report), Vec::<String>::new(), "{report:#}");
    (ended.code, report["components"][0].clone())
}

/// Notes of what is MET.
pub fn met(component: &Value) -> usize {
    let notes = component["notes"].as_array().expect("notes");
    notes.iter().filter(|note| note.as_str().is_some_and(|note| note.contains(": MET"))).count()
}

#[test]
fn what_was_kept_is_met_and_what_was_not_is_a_finding() {
    let (code, component) = judge(WELL, DEPLOYMENT);
    assert_eq!((code, met(&component)), (0, 4), "{component:#}");
    let elsewhere = ["SLO-03", "SLO-04", "SLO-05", "SLO-06", "SRV-04", "TEN-05"];
    assert_eq!(rows(&component), claimed(Probe::Prometheus, &elsewhere), "{component:#}");

    let failing = WELL.replace("code=\"500\",instance=\"a\"} 3", "code=\"500\",instance=\"a\"} 300");
    let (code, component) = judge(&failing, DEPLOYMENT);
    let finding = &component["findings"][0];
    assert_eq!(
        (code, met(&component), finding["object"].as_str()),
        (1, 3, Some("SLO-01, acme in eu-1")),
        "{component:#}"
    );
    assert_eq!(finding["requirements"], serde_json::json!(["SLO-01", "SLO-06"]));
    assert!(finding["what"].as_str().expect("text").ends_with(": MISSED"), "{finding:#}");
    assert!(finding["repair"].to_string().contains("500: 300"), "{finding:#}");

    let slow = WELL.replace("le=\"1.5\"} 39000", "le=\"1.5\"} 37000");
    let (code, component) = judge(&slow, DEPLOYMENT);
    assert_eq!((code, component["findings"][0]["object"].as_str()), (1, Some("SLO-02, acme in eu-1")), "{component:#}");
}

#[test]
fn one_tenants_flood_that_reaches_another_is_told_so() {
    let flood = format!("{WELL}http_requests_total{{tenant=\"acme\",cell=\"eu-1\",code=\"429\"}} 70000\n");
    let (code, component) = judge(&flood, DEPLOYMENT);
    assert_eq!((code, met(&component)), (0, 4), "{component:#}");
    assert!(component["judged"].to_string().contains("TEN-05"), "{component:#}");

    let reached = format!("{flood}http_requests_total{{tenant=\"globex\",cell=\"eu-1\",code=\"503\"}} 3000\n");
    let (code, component) = judge(&reached, DEPLOYMENT);
    let finding = &component["findings"][0];
    assert_eq!((code, finding["object"].as_str()), (1, Some("SLO-01, globex in eu-1")), "{component:#}");
    assert_eq!(finding["requirements"], serde_json::json!(["SLO-01", "SLO-06", "SRV-04", "TEN-05"]));
    // The flood itself is refused, which is neither good nor bad.
    assert_eq!(component["findings"].as_array().map(Vec::len), Some(1), "{component:#}");
}

/// Figures and a deployment, the promise that is not seen, and what is said of it.
type Silent = ((String, String), &'static str, &'static str);

/// Metrics and labels that are named wrongly.
fn misnamed() -> Vec<Silent> {
    let named = |from: &str, to: &str| (WELL.to_owned(), DEPLOYMENT.replace(from, to));
    vec![
        (
            named("http_requests_total", "http_request_total"),
            "SLO-01",
            "there is no metric http_request_total: there are http_request_duration_seconds_bucket, http_req",
        ),
        (
            named("http_request_duration_seconds", "request_seconds"),
            "SLO-02",
            "there is no metric request_seconds_bucket: there are",
        ),
        (named("http_requests_total", "memory_bytes"), "SLO-01", "memory_bytes is a gauge, expected a counter"),
        (
            named("cell-label", "tenant-label = \"customer\"\ncell-label"),
            "SLO-01",
            "no series of http_requests_total has the label customer: they are cell, code, instance, tenant",
        ),
        (
            named("cell-label = \"cell\"", "cell-label = \"zone\""),
            "SLO-01",
            "no series of http_requests_total has the label zone",
        ),
        (
            named("outcome-label = \"code\"", "outcome-label = \"status\""),
            "SLO-01",
            "has no label status: they are cell, code, instance, tenant",
        ),
        (
            named("[metrics.latency]", "[metrics.latency]\nat-most-s = 1.0"),
            "SLO-02",
            "ends at 1 s, so nothing says how many took longer: they end at 0.5, 1.5, inf",
        ),
    ]
}

/// Figures that are none.
fn unusable() -> Vec<Silent> {
    let figures = |from: &str, to: &str| (WELL.replace(from, to), DEPLOYMENT.to_owned());
    vec![
        (figures("le=\"+Inf\"", "le=\"9\""), "SLO-02", "has no bucket +Inf"),
        (figures("le=\"1.5\"} 39000", "le=\"1.5\"} 100"), "SLO-02", "do not grow: they are no histogram"),
        (figures("} 20000", "} NaN"), "SLO-01", "counts NaN, which is no count"),
        (figures("} 20000", "} -1"), "SLO-01", "counts -1, which is no count"),
        (
            figures("tenant=\"globex\"", "tenant=\"umbrella\""),
            "SLO-01",
            "no series of http_requests_total is of globex: there are acme, umbrella",
        ),
        (
            figures("} 30000\n# TYPE http_request_d", "} 0\n# TYPE http_request_d"),
            "SLO-01",
            "nothing was counted, or less than events-min",
        ),
        (
            figures("} 30000\n# TYPE http_request_d", "} 99\n# TYPE http_request_d"),
            "SLO-01",
            "nothing was counted, or less than events-min",
        ),
        (
            figures("} 30000\n# TYPE http_request_d", "} 2000\n# TYPE http_request_d"),
            "SLO-01",
            "the interval lies across what is promised",
        ),
        (
            (String::new(), DEPLOYMENT.to_owned()),
            "SLO-01",
            "there is no metric http_requests_total: there is none at all",
        ),
    ]
}

#[test]
fn whatever_says_nothing_is_never_met_and_says_why() {
    for ((text, deployment), requirement, told) in misnamed().into_iter().chain(unusable()) {
        let (code, component) = judge(&text, &deployment);
        let open = component["suspicions"].as_array().expect("a list");
        let told_so = open.iter().any(|open| {
            open["requirements"][0] == requirement && open["why"].as_str().is_some_and(|why| why.contains(told))
        });
        assert!(code == 3 && told_so && component["verdict"] == "inconclusive", "{told}: {component:#}");
    }
}

#[test]
fn a_total_outage_is_missed_and_says_that_it_is_one() {
    for (outage, told) in [
        (WELL.replace("code=\"200\"", "code=\"503\""), "a total outage, unless good (2xx) names none of the outcomes"),
        (WELL.replace("code=\"200\"", "code=\"ok\""), "outcomes that are bad: 500: 3, ok: 40 000"),
    ] {
        let (code, component) = judge(&outage, DEPLOYMENT);
        let findings = component["findings"].as_array().expect("findings");
        assert!(code == 1 && findings.len() == 2, "{component:#}");
        assert!(findings[0]["repair"].to_string().replace('\u{202f}', " ").contains(told), "{told}: {component:#}");
    }
}

#[test]
fn what_is_no_text_of_figures_is_told_with_its_line() {
    let (code, component) = judge(&WELL.replace("} 20000", "} many"), DEPLOYMENT);
    let problem = component["problem"].as_str().unwrap_or_default();
    assert!(code == 3 && problem.starts_with("metrics.txt:3: expected a number, and not \"many\""), "{component:#}");
    let (code, component) = judge("", &DEPLOYMENT.replace("metrics.txt", "nowhere.txt"));
    let problem = component["problem"].as_str().unwrap_or_default();
    assert!(code == 3 && problem.starts_with("nowhere.txt: "), "{component:#}");
}

/// A server of one page for each request.
pub fn pages(body: impl Fn(&str) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 4096];
            let n = stream.read(&mut buffer).unwrap_or(0);
            let asked = String::from_utf8_lossy(&buffer[..n]).into_owned();
            let body = body(asked.split(' ').nth(1).unwrap_or_default());
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    port
}

#[test]
fn a_prometheus_is_asked_for_what_grew_in_a_window() {
    let vector =
        |rows: &str| format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":[{rows}]}}}}");
    let row = |labels: &str, value: &str| format!("{{\"metric\":{{{labels}}},\"value\":[1,\"{value}\"]}}");
    let one = move |target: &str| {
        let both = |rest: &str, value: &str| {
            let of = |id: &str| row(&format!("\"tenant\":\"{id}\",\"cell\":\"eu-1\"{rest}"), value);
            format!("{},{}", of("acme"), of("globex"))
        };
        match target {
            t if t.starts_with("/api/v1/query?query=increase%28http_requests_total%5B30d%5D%29") => {
                vector(&both(",\"code\":\"200\"", "39999.6"))
            }
            t if t.contains("http_request_duration_seconds_bucket") => {
                vector(&format!("{},{}", both(",\"le\":\"1.5\"", "39999.5"), both(",\"le\":\"+Inf\"", "40000.2")))
            }
            t if t.contains("label/__name__/values") => {
                "{\"status\":\"success\",\"data\":[\"up\",\"http_requests_total\"]}".to_owned()
            }
            _ => vector(""),
        }
    };
    let port = pages(one);
    let at = |port: u16| {
        DEPLOYMENT.replace("file = \"metrics.txt\"", &format!("url = \"http://127.0.0.1:{port}\"\nwindow = \"30d\""))
    };
    let (code, component) = judge("", &at(port));
    assert_eq!((code, met(&component)), (0, 4), "{component:#}");
    let misspelt = at(port)
        .replace("http_requests_total", "http_reqs")
        .replace("[metrics.latency]\nhistogram = \"http_request_duration_seconds\"\n", "");
    let (code, component) = judge("", &misspelt);
    let why = component["suspicions"][0]["why"].as_str().unwrap_or_default();
    assert!(code == 3 && why == "there is no metric http_reqs: there are http_requests_total, up", "{component:#}");
    let fails = pages(|_| "{\"status\":\"error\",\"error\":\"query timed out\"}".to_owned());
    let (code, component) = judge("", &at(fails));
    assert!(
        code == 3 && component["problem"].as_str().unwrap_or_default().ends_with(": query timed out"),
        "{component:#}"
    );
    let page = pages(|_| "<html>".to_owned());
    let (code, component) = judge("", &at(page));
    assert!(
        code == 3 && component["problem"].as_str().unwrap_or_default().contains("it is no Prometheus"),
        "{component:#}"
    );
}

#[test]
fn a_real_prometheus_is_asked_and_says_what_it_has_instead() {
    if let Err(why) = prometheus::binary() {
        return skip("prometheus", &why);
    }
    let service = pages(|_| WELL.to_owned());
    let server =
        prometheus::server(&format!("127.0.0.1:{service}"), "groups: []\n").unwrap_or_else(|why| panic!("{why}"));
    let at = DEPLOYMENT.replace("file = \"metrics.txt\"", &format!("url = \"http://127.0.0.1:{}\"", server.port));
    let until = Instant::now() + Duration::from_secs(60);
    let (mut code, mut component) = judge("", &at);
    // It asks for figures when it gets round to it.
    while code != 0 && Instant::now() < until {
        thread::sleep(Duration::from_millis(500));
        (code, component) = judge("", &at);
    }
    assert_eq!((code, met(&component)), (0, 4), "{component:#}");
    let (code, component) = judge("", &at.replace("http_requests_total", "http_request_total"));
    let why = component["suspicions"][0]["why"].as_str().unwrap_or_default();
    let told =
        "there is no metric http_request_total: there are http_request_duration_seconds_bucket, http_requests_total";
    assert!(code == 3 && why.starts_with(told), "{component:#}");
}
