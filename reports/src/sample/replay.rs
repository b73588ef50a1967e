//! A hand-made run to step through: an attacker asks again and again, is blocked, and gets through where a control is
//! off. Its texts are as hostile as texts can be.

use crate::replay::{ControlText, Decided, Kind, Replay, Row, Told};
use sim::record::{Finding, Pass, Requirement, RunRecord, Vantage};
use std::collections::BTreeMap;

/// What somebody asks for who hopes that the page obeys.
pub const HOSTILE: &str =
    "GET /</script><script>window.obeyed=1</script><!--<img src=x onerror='window.obeyed=1'>\u{202e}";

/// Rows of one request.
const ROWS: u64 = 8;

/// A run of so many requests, every fourth of them an attacker's, without one control; and its twin with it.
pub fn replay(requests: u64) -> Replay {
    let upholds = |id: &str, requirement: &str, off: &str| ControlText {
        id: id.into(),
        upholds: vec![requirement.into()],
        off: off.into(),
    };
    let promise = |id: &str, text: &str| Requirement { id: id.into(), group: id[..3].into(), text: text.into() };
    Replay {
        tool: "cellproof 0.1.0".into(),
        title: "No <b>name</b> is markup".into(),
        threat: format!("Somebody asks for {HOSTILE}."),
        command: "cellproof replay cp1.sample".into(),
        warning: None,
        run: told(requests, true),
        twin: Some(told(requests, false)),
        controls: vec![
            upholds("gateway.rate-limit", "TEN-05", "nobody counts"),
            upholds("policy.tenant-match", "TEN-02", "the tenants are not compared"),
        ],
        requirements: vec![promise("TEN-02", "Tenants are apart."), promise("TEN-05", "Shares are fair.")],
        tenants: vec!["acme".into(), "globex".into()],
    }
}

fn told(requests: u64, open: bool) -> Told {
    let nodes = ["client/acme", "attacker/<i>globex</i>", "edge-a", "cell-a/app-1", "cell-a/policy"];
    let rows: Vec<Row> = (0..requests).flat_map(|n| request(n, open)).collect();
    let at = |row: &Row| (row.at_ns, row.cause);
    let found = rows.iter().filter(|row| row.finding.is_some()).map(at).map(|(at_ns, cause)| Finding {
        requirement: "TEN-02".into(),
        oracle: "isolation".into(),
        vantage: Vantage::Client,
        tenant: Some("acme".into()),
        node: nodes[1].into(),
        at_ns,
        cause: format!("{cause:016x}"),
        message: format!("{} received a record of acme", nodes[1]),
    });
    let record = RunRecord {
        scenario: "sample/replay".into(),
        pass: if open { Pass::Ablation } else { Pass::Calm },
        engine: "kernel".into(),
        seed: "1".into(),
        ablations: if open { vec!["policy.tenant-match".into()] } else { Vec::new() },
        token: "cp1.sample".into(),
        digest: "00".repeat(32),
        events: 5 * requests,
        simulated_ns: requests * 1_000_000,
        facts: 3 * requests,
        requests_sent: requests,
        requests_good: requests,
        findings: found.collect(),
        marks: BTreeMap::from([("asked".to_owned(), requests)]),
        faults: Vec::new(),
        consulted: Vec::new(),
        library_calls: BTreeMap::new(),
        pending: Vec::new(),
        errors: Vec::new(),
        serving: Vec::new(),
    };
    Told { record, nodes: nodes.map(String::from).to_vec(), rows }
}

/// One request: asked, carried in, decided, answered.
fn request(n: u64, open: bool) -> Vec<Row> {
    let hostile = n % 4 == 3;
    let who = u32::from(hostile);
    let allowed = !hostile || open;
    let decided = Decided {
        allowed,
        why: if allowed { "policy: ALLOW (acme)".into() } else { "policy: TENANT_MISMATCH (globex)".into() },
        by: (!allowed).then_some(1),
    };
    let at = |step: u64| n * 1_000_000 + step * 1_000;
    let row = |step: u64, from: Option<u32>, node: u32, kind: Kind, what: &str| Row {
        at_ns: at(step),
        cause: n + 1,
        from,
        node: Some(node),
        kind,
        what: what.into(),
        decided: None,
        asked: Vec::new(),
        tenant: None,
        finding: None,
    };
    let what = if hostile { HOSTILE } else { "GET /records/1" };
    let answer = if allowed { "200 ok" } else { "403 denied" };
    let mut rows = vec![
        Row { tenant: Some(who), ..row(0, None, who, Kind::Client, &format!("asks {what}")) },
        Row { asked: vec![0], ..row(1, Some(who), 2, Kind::Message, what) },
        row(2, Some(2), 3, Kind::Message, what),
        Row {
            decided: Some(decided.clone()),
            asked: if hostile { vec![1] } else { Vec::new() },
            ..row(3, Some(3), 4, Kind::Message, "policy question")
        },
        Row { decided: Some(decided), ..row(3, None, 4, Kind::Log, "policy decides") },
        row(4, Some(4), 3, Kind::Message, "policy decision"),
        row(5, Some(3), who, Kind::Message, answer),
        Row { tenant: Some(who), ..row(5, None, who, Kind::Client, &format!("gets {answer}")) },
    ];
    debug_assert_eq!(rows.len() as u64, ROWS);
    if hostile && open && n == 3 {
        let told = "BROKEN TEN-02: a record of acme was received";
        rows[7] = Row { finding: Some(0), tenant: Some(0), ..row(5, None, who, Kind::Broken, told) };
    }
    rows
}
