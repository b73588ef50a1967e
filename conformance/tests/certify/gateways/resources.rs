//! Records of two tenants behind an Envoy: of a sound service nothing is found, and each slip of one is.

use super::bench::{Bench, Service, echo};
use super::{SOUND, absent, component, in_http};
use crate::support::rows;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How a service goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slip {
    None,
    ReadsByName,
    RefusesByName,
    LooksByName,
    ConditionByName,
    SearchesByName,
    ListsAll,
    CountsAll,
    PutsByName,
    DeletesByName,
    NamesAreUnique,
    KeepsWhatIsRemoved,
}

/// Records: tenant and name, and what was put there.
type Records = BTreeMap<(String, String), String>;

/// A service that keeps records of tenants.
struct Store {
    records: Arc<Mutex<Records>>,
    service: Service,
}

impl Store {
    fn start(slip: Slip) -> Store {
        let of = |tenant: &str| ((tenant.to_owned(), format!("inv-{tenant}")), format!("{{\"of\": \"{tenant}\"}}"));
        let records = Arc::new(Mutex::new(Records::from([of("acme"), of("globex")])));
        let kept = records.clone();
        let answering = move |head: &str, body: &str| {
            let mut asked = head.split(' ');
            let (method, target) = (asked.next().unwrap_or_default(), asked.next().unwrap_or_default());
            match target.strip_prefix("/v1/records") {
                None => echo(head),
                Some(name) => {
                    let mut records = kept.lock().expect("no panic");
                    let asked = Asked { slip, method, head, name: name.trim_start_matches('/') };
                    asked.answer(&mut records, body)
                }
            }
        };
        Store { records, service: Service::answering(Arc::new(answering)) }
    }
}

struct Asked<'a> {
    slip: Slip,
    method: &'a str,
    head: &'a str,
    name: &'a str,
}

impl Asked<'_> {
    fn answer(&self, records: &mut Records, body: &str) -> String {
        let has = |line: &str| self.head.to_ascii_lowercase().contains(line);
        let tenant = self.head.lines().find_map(|line| line.strip_prefix("x-tenant-id: ")).unwrap_or_default();
        let own = (tenant.to_owned(), self.name.to_owned());
        let by_name = records.keys().find(|(_, name)| name == self.name).cloned();
        let found = |slip: Slip| if self.slip == slip { by_name.clone() } else { Some(own.clone()) };
        let shown = |slip: Slip| found(slip).and_then(|key| records.get(&key).cloned());
        let is_others = by_name.as_ref().is_some_and(|key| key.0 != tenant);
        match self.method {
            "GET" if self.name.is_empty() => self.list(records, tenant),
            "GET" if has("if-none-match: *") && shown(Slip::ConditionByName).is_some() => told("304 Not Modified", ""),
            "GET" if has("if-match: *") && !records.contains_key(&own) => told("412 Precondition Failed", ""),
            "GET" if self.slip == Slip::RefusesByName && is_others => told("403 Forbidden", "no"),
            "GET" => {
                if self.slip == Slip::SearchesByName && is_others {
                    // It fetches what it then does not show.
                    thread::sleep(Duration::from_millis(8));
                }
                self.shown(shown(Slip::ReadsByName))
            }
            "HEAD" => {
                let whole = self.shown(shown(Slip::LooksByName));
                whole[..whole.find("\r\n\r\n").map_or(whole.len(), |at| at + 4)].to_owned()
            }
            "PUT" if self.slip == Slip::NamesAreUnique && is_others => told("409 Conflict", "taken"),
            "PUT" => {
                let key = found(Slip::PutsByName).unwrap_or(own);
                let answer =
                    if records.insert(key, format!("{body} by {tenant}")).is_some() { "200 OK" } else { "201 Created" };
                told(answer, "")
            }
            "DELETE" if self.slip == Slip::KeepsWhatIsRemoved => told("204 No Content", ""),
            "DELETE" => match found(Slip::DeletesByName).and_then(|key| records.remove(&key)) {
                Some(_) => told("204 No Content", ""),
                None => self.shown(None),
            },
            _ => told("405 Method Not Allowed", ""),
        }
    }

    fn shown(&self, record: Option<String>) -> String {
        let trace = self.head.lines().find_map(|line| line.strip_prefix("x-cellproof-probe: ")).unwrap_or_default();
        let none =
            || told("404 Not Found", &json!({"error": format!("no record {}", self.name), "trace": trace}).to_string());
        record.map_or_else(none, |record| told("200 OK", &record))
    }

    fn list(&self, records: &Records, tenant: &str) -> String {
        let all = records.keys().filter(|(owner, _)| self.slip == Slip::ListsAll || owner == tenant);
        let names: Vec<&String> = all.map(|(_, name)| name).collect();
        let total = if self.slip == Slip::CountsAll { records.len() } else { names.len() };
        told("200 OK", &json!({"names": names, "total": total}).to_string())
    }
}

fn told(status: &str, body: &str) -> String {
    let length = if status.starts_with("204") || status.starts_with("304") {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    format!("HTTP/1.1 {status}\r\n{length}\r\n{body}")
}

const TABLE: &str = r#"[[gateway.resource]]
item = "/v1/records/{name}"
name = "inv-{id}"
absent = "inv-nobody"
list = "/v1/records"
body = '{"note": "of a test"}'
[gateway.token]"#;

struct Judged {
    code: i32,
    report: Value,
    left: Records,
}

fn judge(slip: Slip, mode: &str, http: &str) -> Judged {
    let Store { records, service } = Store::start(slip);
    let bench = Bench::before(service);
    let server = bench.gateway(SOUND);
    let deployment = bench.deployment(mode, &server).replace("[gateway.token]", TABLE);
    let deployment = in_http(&deployment.replace("flood = 300", "flood = 0"), http);
    let (code, report) = bench.judge_as(&deployment);
    let left = records.lock().expect("no panic").clone();
    Judged { code, report, left }
}

#[test]
fn of_a_sound_service_nothing_is_found_and_nothing_is_left() {
    if absent() {
        return;
    }
    let Judged { code, report, left } = judge(Slip::None, "destructive", "\"1.1\", \"2\"");
    assert_eq!(code, 0, "{report:#}");
    assert!(rows(component(&report)).contains("TEN-02"), "{report:#}");
    let tried = component(&report)["judged"].as_array().expect("a list").iter();
    let tried: Vec<&Value> = tried.filter(|judged| judged["requirements"] == json!(["TEN-02"])).collect();
    // Four ways to look at one, its time, a list, a count, three changes, and what they tell: in each protocol.
    assert!(tried.len() == 2 && tried.iter().all(|judged| judged["objects"] == 13), "{tried:#?}");
    let left: Vec<String> = left.into_keys().map(|(_, name)| name).collect();
    assert_eq!(left, ["inv-acme", "inv-globex"]);
}

const ITEM: &str = "resource /v1/records/{name}";
const LIST: &str = "list /v1/records";
const CHANGES: &str = "resource /v1/records/{name}, changes";
const SHOWN: &str = "what belongs to another tenant is shown";
const APART: &str = "an answer tells what is another tenant's from what is not there";
const TIME: &str = "the time of an answer tells what is another tenant's from what is not there";
const CHANGED: &str = "what belongs to another tenant is changed";

/// A slip, the mode that shows it, and what must be found of what.
type Case = (Slip, &'static str, &'static str, &'static str);

/// One of each kind.
const SOME: [Case; 2] =
    [(Slip::ReadsByName, "observe", ITEM, SHOWN), (Slip::PutsByName, "destructive", CHANGES, CHANGED)];
const OTHERS: [Case; 8] = [
    (Slip::RefusesByName, "observe", ITEM, APART),
    (Slip::LooksByName, "observe", ITEM, SHOWN),
    (Slip::ConditionByName, "observe", ITEM, APART),
    (Slip::SearchesByName, "observe", ITEM, TIME),
    (Slip::ListsAll, "observe", LIST, "a list shows what belongs to another tenant"),
    (Slip::CountsAll, "destructive", LIST, "a list tells how much another tenant has"),
    (Slip::DeletesByName, "destructive", CHANGES, CHANGED),
    (Slip::NamesAreUnique, "destructive", CHANGES, "PUT tells what is another tenant's from what is not there"),
];

fn each_is_found(cases: &[Case]) {
    for (slip, mode, object, what) in cases {
        let Judged { code, report, left } = judge(*slip, mode, "\"1.1\"");
        let found = component(&report)["findings"].as_array().cloned().unwrap_or_default();
        let right = code == 1
            && found.len() == 1
            && (&found[0]["object"], &found[0]["what"]) == (&json!(object), &json!(what))
            && found[0]["requirements"] == json!(["TEN-02"])
            && component(&report)["suspicions"] == json!([]);
        assert!(right, "{slip:?}: exit {code}\n{report:#}");
        assert!(left.keys().all(|(_, name)| name.starts_with("inv-") && name != "inv-nobody"), "{slip:?}: {left:?}");
    }
}

#[test]
fn a_slip_of_each_kind_is_found_with_what_it_breaks_and_nothing_else_is() {
    if !absent() {
        each_is_found(&SOME);
    }
}

#[test]
fn each_slip_of_a_service_is_found_with_what_it_breaks_and_nothing_else_is() {
    if !absent() {
        each_is_found(&OTHERS);
    }
}

#[test]
fn what_shows_nothing_is_never_green() {
    if absent() {
        return;
    }
    let Judged { code, report, left } = judge(Slip::KeepsWhatIsRemoved, "destructive", "\"1.1\"");
    let why = component(&report)["suspicions"][0]["why"].as_str().unwrap_or_default();
    assert!(code == 3 && why == "/v1/records/cellproof-written cannot be removed any more", "{report:#}");
    assert!(left.keys().any(|(_, name)| name == "cellproof-written"), "{left:?}");
    // A list in which its own are missing, and one that nobody has.
    let bench = Bench::before(Store::start(Slip::None).service);
    let server = bench.gateway(SOUND);
    let with = |table: &str| bench.deployment("observe", &server).replace("[gateway.token]", table);
    let (code, report) = bench.judge_as(&with(&TABLE.replace("inv-{id}", "other-{id}")));
    let why = component(&report)["suspicions"].to_string();
    assert!(code == 3 && why.contains("globex is not shown its own other-globex: status 404"), "{report:#}");
    assert!(why.contains("it does not show other-acme to acme, whose it is"), "{why}");
    // A service that repeats whatever it is asked shows nobody's.
    let (code, report) = bench.judge_as(&with(&TABLE.replace("/v1/records/{name}", "/v1/other/{name}")));
    let why = component(&report)["suspicions"].to_string();
    assert!(code == 3 && why.contains("its owner is told the same of inv-globex as of inv-nobody"), "{report:#}");
}

#[test]
fn what_a_killed_judge_left_is_removed() {
    if absent() {
        return;
    }
    let Store { records, service } = Store::start(Slip::None);
    let left = ("globex".to_owned(), "cellproof-written".to_owned());
    records.lock().expect("no panic").insert(left, "{}".to_owned());
    let bench = Bench::before(service);
    let server = bench.gateway(SOUND);
    let deployment = bench.deployment("destructive", &server).replace("[gateway.token]", TABLE);
    let ended = bench.certify(&deployment, "--clean");
    let told = "gateway: 1 marked resources of earlier judges removed; nothing else is ever left";
    assert_eq!((ended.code, ended.out.lines().next()), (0, Some(told)), "{}", ended.err);
    assert_eq!(records.lock().expect("no panic").len(), 2);
}
