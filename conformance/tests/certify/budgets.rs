//! Promises beside requests, and what is told of a budget that burns: rules in three styles are sound, and each slip in
//! one of them is found.

use crate::figures::{DEPLOYMENT, WELL, judge as judge_figures, met, pages};
use crate::support::{certify_in, rows};
use conformance::provision::{prometheus, skip};
use reports::{Format, render, sample};
use serde_json::{Value, json};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Jobs of both tenants; the index, and the lag of audits, of everybody.
const BESIDE: &str = r#"# TYPE jobs_finished_total counter
jobs_finished_total{tenant="acme",cell="eu-1",state="done"} 9980
jobs_finished_total{tenant="acme",cell="eu-1",state="failed"} 20
jobs_finished_total{tenant="globex",cell="eu-1",state="done"} 4000
# TYPE index_probes_total counter
index_probes_total{result="ok"} 43180
index_probes_total{result="down"} 10
# TYPE diff_audit_lag_seconds histogram
diff_audit_lag_seconds_bucket{le="30"} 900
diff_audit_lag_seconds_bucket{le="60"} 990
diff_audit_lag_seconds_bucket{le="+Inf"} 1000
"#;

const TABLES: &str = r#"[metrics.jobs]
counter = "jobs_finished_total"
outcome-label = "state"
good = ["done"]
[metrics.index]
counter = "index_probes_total"
outcome-label = "result"
good = ["ok"]
[metrics.audit-lag]
histogram = "diff_audit_lag_seconds"
"#;

#[test]
fn jobs_the_index_and_audits_are_judged_by_what_is_promised_of_them() {
    let (text, deployment) = (format!("{WELL}{BESIDE}"), format!("{DEPLOYMENT}{TABLES}"));
    let (code, component) = judge_figures(&text, &deployment);
    assert_eq!((code, met(&component)), (0, 8), "{component:#}");
    let asked = rows(&component);
    assert!(["SLO-03", "SLO-04", "SLO-05"].iter().all(|row| asked.contains(*row)), "{asked:?}");
    for (from, to, object, breaks) in [
        ("\"failed\"} 20", "\"failed\"} 300", "SLO-03, acme in eu-1", "SLO-03"),
        ("\"down\"} 10", "\"down\"} 200", "SLO-04, the platform", "SLO-04"),
        ("le=\"60\"} 990", "le=\"60\"} 910", "SLO-05, the platform", "SLO-05"),
    ] {
        let (code, component) = judge_figures(&text.replace(from, to), &deployment);
        let found = component["findings"].as_array().expect("findings");
        let right = code == 1 && found.len() == 1 && found[0]["object"] == object;
        assert!(right && found[0]["requirements"] == json!([breaks, "SLO-06"]), "{to}: {component:#}");
    }
    for (from, to, told) in [
        ("jobs_finished_total{tenant=\"globex\"", "jobs_finished_total{tenant=\"other\"", "is of globex"),
        ("jobs_finished_total{tenant", "jobs_finished_total{customer", "has the label tenant"),
        ("index_probes_total{result=\"ok\"} 43180", "", "events-min"),
        ("le=\"60\"", "le=\"61\"", "ends at 60 s"),
    ] {
        let (code, component) = judge_figures(&text.replace(from, to), &deployment);
        assert!(code == 3 && component["suspicions"].to_string().contains(told), "{told}: {component:#}");
    }
}

/// Rules as many write them: a ratio recorded for each window, and two alerts of two pairs.
fn by_hand() -> String {
    let mut rules = String::from("groups:\n- name: budget\n  rules:\n");
    for window in ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] {
        let of = |code: &str| format!("sum by (tenant, cell) (rate(http_requests_total{code}[{window}]))");
        let ratio = format!("{} / {}", of("{code=~\"5..\"}"), of(""));
        rules += &format!("  - {{ record: 'errors:ratio_{window}', expr: '{ratio}' }}\n");
    }
    let pair = |factor: &str, long: &str, short: &str| {
        format!("(errors:ratio_{long} > {factor} * 0.001 and errors:ratio_{short} > {factor} * 0.001)")
    };
    let page = format!("{} or {}", pair("14.4", "1h", "5m"), pair("6", "6h", "30m"));
    let ticket = format!("{} or {}", pair("3", "1d", "2h"), pair("1", "3d", "6h"));
    rules += &format!("  - {{ alert: BurnsFast, expr: '{page}', for: 2m, labels: {{ severity: page }} }}\n");
    rules + &format!("  - {{ alert: BurnsSlowly, expr: '{ticket}', for: 15m, labels: {{ severity: ticket }} }}\n")
}

/// One rule for each tenant, cell and pair, with both ratios in it, as generators write them.
fn one_by_one() -> String {
    let mut rules = String::from("groups:\n- name: budget\n  rules:\n");
    for tenant in ["acme", "globex"] {
        for (factor, long, short) in [("14.4", "1h", "5m"), ("6", "6h", "30m"), ("3", "1d", "2h"), ("1", "3d", "6h")] {
            let of = |code: &str, window: &str| {
                format!("sum(increase(http_requests_total{{tenant=\"{tenant}\",cell=\"eu-1\"{code}}}[{window}]))")
            };
            let burns =
                |window: &str| format!("{} / {} > {factor} * 0.001", of(",code!~\"2..|4..\"", window), of("", window));
            let both = format!("{} and {}", burns(long), burns(short));
            let labels = format!("{{ tenant: {tenant}, cell: eu-1, long: {long} }}");
            rules += &format!("  - {{ alert: BudgetBurn, expr: '{both}', labels: {labels} }}\n");
        }
    }
    rules
}

const ALERTS: &str = "[metrics.alerts]\nrules = \"rules.yml\"\n";

/// How the rules that `cellproof report --format rules` prints are told where requests count.
const OUR_OWN: &str = r#"good = ['cellproof_slo_events_total{slo="SLO-01",tenant="{tenant}",cell="{cell}"}']
bad = ['cellproof_slo_events_total{slo="SLO-01",tenant="{tenant}",cell="{cell}"}',
       'cellproof_slo_bad_events_total{slo="SLO-01",tenant="{tenant}",cell="{cell}"}']
"#;

fn judge(rules: &str, deployment: &str) -> (i32, Value) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("metrics.txt"), WELL).expect("figures");
    fs::write(dir.path().join("rules.yml"), rules).expect("rules");
    let ended = certify_in(dir.path(), deployment, &["--json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
    (ended.code, report["components"][0].clone())
}

fn absent() -> bool {
    match prometheus::promtool() {
        Ok(_) => false,
        Err(why) => {
            skip("promtool", &why);
            true
        }
    }
}

#[test]
fn rules_of_three_styles_tell_of_each_burn_in_time_and_of_nothing_else() {
    if absent() {
        return;
    }
    let own = render(&sample::hours(), Format::Rules);
    for (style, rules, more) in
        [("by hand", by_hand(), ""), ("one by one", one_by_one(), ""), ("our own", own, OUR_OWN)]
    {
        let (code, component) = judge(&rules, &format!("{DEPLOYMENT}{ALERTS}{more}"));
        assert_eq!(code, 0, "{style}: {component:#}");
        let judged = component["judged"].to_string();
        assert!(judged.contains("budgets that were made to burn") && rows(&component).contains("SLO-06"), "{judged}");
    }
}

#[test]
fn each_slip_in_rules_is_found_by_one_finding() {
    if absent() {
        return;
    }
    let pair = "(errors:ratio_6h > 6 * 0.001 and errors:ratio_30m > 6 * 0.001)";
    let (silent, early, late) = ("told in time and by name", "not told before its rate", "ends when the burn does");
    for (slip, from, to, kind) in [
        ("a factor that is too high", "14.4", "60", silent),
        ("a factor that is too low", "14.4", "10", early),
        ("a pair that is left out", pair, "errors:ratio_6h > 2", silent),
        ("no short window", " and errors:ratio_5m > 14.4 * 0.001", "", late),
        ("no short window of a ticket", " and errors:ratio_6h > 1 * 0.001", "", late),
        ("a window that is too long", "[1h]", "[12h]", silent),
        ("alerts without a tenant", "by (tenant, cell)", "by (cell)", silent),
        ("alerts without a cell", "by (tenant, cell)", "by (tenant)", silent),
        ("the budget of 99 %", "0.001", "0.01", silent),
        ("the budget of 99.99 %", "0.001", "0.0001", early),
        ("one tenant alone", "http_requests_total{code", "http_requests_total{tenant=\"acme\",code", silent),
        ("an hour of patience", "for: 2m", "for: 1h", silent),
        ("another metric", "http_requests_total{code", "http_request_total{code", silent),
        ("a word that no code has", "5..", "fail.*", silent),
    ] {
        let whole = by_hand();
        assert!(whole.contains(from), "{slip}: no {from}");
        let (code, component) = judge(&whole.replace(from, to), &format!("{DEPLOYMENT}{ALERTS}"));
        let found = component["findings"].as_array().expect("findings");
        let object = format!("alerts, error budget: {kind}");
        let right = code == 1 && found.iter().any(|found| found["object"] == object.as_str());
        assert!(right && found[0]["requirements"] == json!(["SLO-06"]), "{slip}: {component:#}");
        assert!(found.len() == 1 || kind == early, "{slip}: {component:#}");
    }
}

#[test]
fn rules_that_cannot_be_run_are_never_green() {
    if absent() {
        return;
    }
    for (rules, deployment, told) in [
        ("groups: nothing".to_owned(), format!("{DEPLOYMENT}{ALERTS}"), "promtool: "),
        (by_hand(), format!("{DEPLOYMENT}{}", ALERTS.replace("rules.yml", "nowhere.yml")), "nowhere.yml: "),
        (by_hand(), format!("{DEPLOYMENT}{ALERTS}").replace("http_requests_total", "requests"), "no place to try"),
    ] {
        let (code, component) = judge(&rules, &deployment);
        let open = component["suspicions"].to_string();
        assert!(code == 3 && open.contains(told), "{told}: {component:#}");
    }
    let (code, component) = judge("", DEPLOYMENT);
    assert!(code == 0 && component["not_judged"].to_string().contains("[metrics.alerts]"), "{component:#}");
}

#[test]
fn the_rules_of_a_real_prometheus_are_tried() {
    if let Err(why) = prometheus::binary() {
        return skip("prometheus", &why);
    }
    let service = pages(|_| WELL.to_owned());
    let judge_live = |rules: &str| {
        let server = prometheus::server(&format!("127.0.0.1:{service}"), rules).unwrap_or_else(|why| panic!("{why}"));
        let at = format!("url = \"http://127.0.0.1:{}\"", server.port);
        let deployment = format!("{DEPLOYMENT}[metrics.alerts]\n").replace("file = \"metrics.txt\"", &at);
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let (code, component) = judge("", &deployment);
            // It asks for figures when it gets round to it.
            if met(&component) == 4 || Instant::now() > until {
                return (code, component);
            }
            thread::sleep(Duration::from_millis(500));
        }
    };
    let (code, component) = judge_live(&by_hand());
    assert_eq!(code, 0, "{component:#}");
    let (code, component) = judge_live(&by_hand().replace("14.4", "60"));
    assert!(code == 1 && component["findings"][0]["requirements"] == json!(["SLO-06"]), "{component:#}");
    let (code, component) = judge_live("groups: []\n");
    assert!(code == 3 && component["suspicions"][0]["why"] == "the Prometheus has no rules", "{component:#}");
}
