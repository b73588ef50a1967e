//! Customers behind an Envoy, of whom not everybody may see everything: of a sound service nothing is found, and each
//! slip of one is.

use super::bench::{Bench, Service, echo};
use super::{SOUND, absent, component, in_http};
use crate::support::rows;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use models::crypto::{hex, sha256};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// How a service goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slip {
    None,
    ShowsWhatIsStored,
    CutsShortOnes,
    ShowsContactsInPart,
    GreetsByName,
    CachesByPath,
    ShowsRestrictedByRole,
    BelievesHeaders,
    FindsByWhatIsConcealed,
    MasksForAll,
}

/// Number, name, identifier, contact, business, restricted.
const CUSTOMERS: [[&str; 6]; 2] = [
    ["7", "Ada Lovelace", "DE89370400440532013000", "ada@mail.example", "12 %", "a long diagnosis"],
    ["8", "Zoë 慧", "77", "zoe@mail.example", "9 %", "another diagnosis"],
];
const FIELDS: [&str; 6] = ["id", "name", "iban", "email", "discount", "diagnosis"];
const LEVELS: [u8; 6] = [0, 2, 2, 2, 2, 3];

/// Who asks, as far as the service believes it.
struct Reader {
    level: u8,
    is_named: bool,
}

impl Reader {
    /// By the token, which the gateway has verified.
    fn of(slip: Slip, head: &str) -> Reader {
        let line = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let token = line("authorization: Bearer ").unwrap_or_default();
        let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let claimed = claims["clearance"].as_str().unwrap_or_default().to_owned();
        let said = line("x-clearance: ").filter(|_| slip == Slip::BelievesHeaders).unwrap_or(claimed);
        let level = ["public", "internal", "confidential", "restricted"].iter().position(|name| *name == said);
        Reader { level: level.unwrap_or(0) as u8, is_named: claims["sub"] == "dr-grey" }
    }

    fn sees(&self, slip: Slip, level: u8) -> bool {
        match level {
            3 if slip == Slip::ShowsRestrictedByRole => self.level >= 2,
            3 => self.level == 3 && self.is_named,
            _ => level <= self.level && slip != Slip::MasksForAll || slip == Slip::ShowsWhatIsStored,
        }
    }
}

fn masked(slip: Slip, field: &str, value: &str) -> Option<String> {
    let characters: Vec<char> = value.chars().collect();
    match field {
        "name" => Some(hex(&sha256(value.as_bytes())[..8])),
        "iban" if characters.len() <= 4 && slip == Slip::CutsShortOnes => Some(value.to_owned()),
        "iban" if characters.len() <= 4 => Some("****".to_owned()),
        "iban" => Some(format!("****{}", characters[characters.len() - 4..].iter().collect::<String>())),
        "email" if slip == Slip::ShowsContactsInPart => Some(format!("{}***@mail.example", characters[0])),
        "email" => Some("[REDACTED]".to_owned()),
        "discount" => None,
        _ => Some("********".to_owned()),
    }
}

fn customer(slip: Slip, reader: &Reader, customer: &[&str; 6]) -> Value {
    let mut shown = Map::new();
    for ((field, level), value) in FIELDS.iter().zip(LEVELS).zip(customer) {
        match reader.sees(slip, level) {
            true => _ = shown.insert((*field).to_owned(), json!(value)),
            false => _ = masked(slip, field, value).map(|masked| shown.insert((*field).to_owned(), json!(masked))),
        }
    }
    if slip == Slip::GreetsByName {
        shown.insert("title".to_owned(), json!(format!("The file of {}", customer[1])));
    }
    Value::Object(shown)
}

fn service(slip: Slip) -> Service {
    let cache: Mutex<BTreeMap<String, String>> = Mutex::default();
    let answering = move |head: &str, _: &str| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        let Some(asked) = target.strip_prefix("/v1/customers") else { return echo(head) };
        let reader = Reader::of(slip, head);
        let made = || match (asked.strip_prefix('/'), asked.strip_prefix('?')) {
            (Some(id), _) => CUSTOMERS.iter().find(|c| c[0] == id).map(|c| customer(slip, &reader, c).to_string()),
            (_, Some(condition)) => found(slip, &reader, condition),
            _ => None,
        };
        let body = match slip {
            Slip::CachesByPath => {
                let mut cache = cache.lock().expect("no panic");
                cache
                    .get(target)
                    .cloned()
                    .or_else(|| made().inspect(|body| _ = cache.insert(target.into(), body.clone())))
            }
            _ => made(),
        };
        let (status, body) = body.map_or(("403 Forbidden", "no".to_owned()), |body| ("200 OK", body));
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    Service::answering(Arc::new(answering))
}

/// Those of whom a field says something, if the reader may ask by it.
fn found(slip: Slip, reader: &Reader, condition: &str) -> Option<String> {
    let (field, value) = url::form_urlencoded::parse(condition.as_bytes()).next()?;
    let at = FIELDS.iter().position(|known| *known == field)?;
    if !reader.sees(slip, LEVELS[at]) && slip != Slip::FindsByWhatIsConcealed {
        return None;
    }
    let all = CUSTOMERS.iter().filter(|c| c[at] == value).map(|c| customer(slip, reader, c));
    Some(Value::Array(all.collect()).to_string())
}

const TABLE: &str = r#"[[gateway.masked]]
items = ["/v1/customers/7", "/v1/customers/8"]
fields = { name = "name", iban = "identifier", email = "contact", discount = "business", "/diagnosis" = "restricted" }
uncleared = { clearance = "internal" }
cleared = { clearance = "confidential" }
named = { clearance = "restricted", sub = "dr-grey" }
find = "/v1/customers?{field}={value}"
says = ["x-clearance: restricted"]
[gateway.token]"#;

fn judge(slip: Slip, http: &str) -> (i32, Value) {
    let bench = Bench::before(service(slip));
    let server = bench.gateway(SOUND);
    let deployment = bench.deployment("observe", &server).replace("[gateway.token]", TABLE);
    bench.judge_as(&in_http(&deployment, http))
}

#[test]
fn of_a_sound_service_nothing_is_found_and_its_report_holds_no_value() {
    if absent() {
        return;
    }
    let (code, report) = judge(Slip::None, "\"1.1\", \"2\"");
    assert_eq!(code, 0, "{report:#}");
    let asked = rows(component(&report));
    assert!(asked.contains("CLS-02") && asked.contains("CLS-03"), "{report:#}");
    let tried = component(&report)["judged"].as_array().expect("a list").iter();
    let tried: Vec<&Value> = tried.filter(|judged| judged["requirements"] == json!(["CLS-02", "CLS-03"])).collect();
    // Two items read twice, one line, and conditions on four fields: in each protocol.
    assert!(tried.len() == 2 && tried.iter().all(|judged| judged["objects"] == 9), "{tried:#?}");
}

const ITEM: &str = "fields of /v1/customers/7";
const SHOWN: &str = "a field above the reader's clearance is shown";

/// A slip, what must be found, and the row that it breaks.
type Case = (Slip, &'static str, &'static str);

const CASES: [Case; 8] = [
    (Slip::ShowsWhatIsStored, SHOWN, "CLS-02"),
    (Slip::CutsShortOnes, SHOWN, "CLS-02"),
    (Slip::ShowsContactsInPart, SHOWN, "CLS-02"),
    (Slip::GreetsByName, SHOWN, "CLS-02"),
    (Slip::CachesByPath, "what was masked for somebody with a lower clearance is given to one with a higher", "CLS-03"),
    (Slip::ShowsRestrictedByRole, "a restricted field is shown to somebody who is not named for it", "CLS-02"),
    (Slip::BelievesHeaders, "a client's own word raises its clearance", "CLS-02"),
    (Slip::FindsByWhatIsConcealed, "who may not see a field is told of whom it says something", "CLS-02"),
];

#[test]
fn each_slip_in_masking_is_found_with_what_it_breaks_and_no_report_holds_a_value() {
    if absent() {
        return;
    }
    for (slip, what, row) in CASES {
        let (code, report) = judge(slip, "\"1.1\"");
        let found = component(&report)["findings"].as_array().cloned().unwrap_or_default();
        let right = code == 1
            && found.len() == 1
            && (&found[0]["object"], &found[0]["what"]) == (&json!(ITEM), &json!(what))
            && found[0]["requirements"] == json!([row])
            && component(&report)["suspicions"] == json!([]);
        assert!(right, "{slip:?}: exit {code}\n{report:#}");
        let text = report.to_string();
        for value in CUSTOMERS.iter().flat_map(|c| &c[1..]).filter(|value| value.len() > 4) {
            assert!(!text.contains(value), "{slip:?}: the report holds {value}");
        }
    }
}

#[test]
fn a_service_that_shows_nobody_anything_is_inconclusive() {
    if absent() {
        return;
    }
    let (code, report) = judge(Slip::MasksForAll, "\"1.1\"");
    let why = component(&report)["suspicions"][0]["why"].as_str().unwrap_or_default();
    assert!(code == 3 && why.contains("who is cleared"), "{report:#}");
}
