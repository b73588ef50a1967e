//! The assessment of a judgement: what became of each row of the catalogue at each component, with counts.
//!
//! Neither objects nor statements are repeated, and the two test tenants stand in what is as {a} and {b}: an assessment
//! is shown to people who must not read the report. A row is *clean* only where `certify` asks all of it that it can
//! ([`asks`]), nothing that it names was left out, and something was there to try it on.

use super::asks;
use super::report::{Component, Report};
use models::catalogue::{self, Row as Requirement};
use reports::assessment::statement::{self, DAY_S, OWN_VERSION, Own, Row, VALID_DAYS};
use reports::assessment::{Asked, NotJudged};
use reports::when;

/// Entries that are told of what was not judged, for each component: the report tells all.
const NOT_JUDGED_MAX: usize = 64;

/// Length from which on the id of a tenant says something about somebody: shorter ones are found everywhere.
const ID_MIN: usize = 3;

/// What the judge adds.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What was judged: a URI for a deployment or an environment.
    pub resource: &'a str,
    /// When, in seconds since 1970.
    pub judged_at: u64,
    /// What judged: `cellproof 0.1.0`.
    pub tool: &'a str,
}

/// What a report says, as far as it is signed.
pub fn assessed(report: &Report, terms: &Terms<'_>) -> Own {
    Own {
        version: OWN_VERSION,
        resource: terms.resource.into(),
        deployment: report.name.clone(),
        mode: report.mode,
        tool: terms.tool.into(),
        judged_at: when::text(terms.judged_at),
        expires_at: when::text(terms.judged_at + u64::from(VALID_DAYS) * DAY_S),
        exit: report.exit().code(),
        components: report.components.iter().map(|c| component(c, &report.tenants)).collect(),
        not_tested: report.not_tested.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn component(judged: &Component, tenants: &[String; 2]) -> statement::Component {
    let hidden = |text: &str| hidden(text, tenants);
    let all = judged.not_judged.len();
    let told = judged.not_judged.iter().take(NOT_JUDGED_MAX);
    let mut not_judged: Vec<NotJudged> =
        told.map(|open| NotJudged { what: hidden(&open.what), why: hidden(&open.why) }).collect();
    if all > NOT_JUDGED_MAX {
        let what = format!("{} more", all - NOT_JUDGED_MAX);
        not_judged.push(NotJudged { what, why: "the report names them".into() });
    }
    statement::Component {
        component: judged.component.into(),
        at: hidden(&judged.at),
        server: judged.server.clone(),
        verdict: judged.verdict,
        problem: judged.problem.as_deref().map(hidden),
        findings: count(judged.findings.len()),
        suspicions: count(judged.suspicions.len()),
        rows: catalogue::rows().iter().filter_map(|known| row(judged, known)).collect(),
        not_judged,
    }
}

/// What became of a row; nothing where it has nothing to do with the component.
fn row(judged: &Component, known: &Requirement) -> Option<Row> {
    let bears = |rows: &[&str]| rows.contains(&known.id);
    let tried: Vec<usize> =
        judged.judged.iter().filter(|tried| bears(&tried.requirements)).map(|tried| tried.objects).collect();
    let findings = judged.findings.iter().filter(|finding| bears(&finding.requirements)).count();
    let suspicions = judged.suspicions.iter().filter(|suspicion| bears(&suspicion.requirements)).count();
    let is_left_out = judged.not_judged.iter().any(|open| open.what.contains(known.id));
    let is_asked = asks::component(judged.component).iter().any(|probe| asks::of(*probe).contains(&known.id));
    // What blames no row may be about any of them.
    let is_open = judged.problem.is_some()
        || judged.findings.iter().any(|finding| finding.requirements.is_empty())
        || judged.suspicions.iter().any(|suspicion| suspicion.requirements.is_empty());
    let asked = match (findings, suspicions, tried.iter().sum::<usize>()) {
        (1.., _, _) => Asked::Findings,
        (0, 1.., _) => Asked::Inconclusive,
        _ if is_open => Asked::Inconclusive,
        (0, 0, 0) => Asked::NotJudged,
        _ if is_left_out || !is_asked => Asked::Partly,
        _ => Asked::Clean,
    };
    let is_told = is_asked || is_left_out || !tried.is_empty() || findings + suspicions > 0;
    is_told.then(|| Row {
        id: known.id.into(),
        asked,
        probes: count(tried.len()),
        objects: count(tried.iter().sum()),
        findings: count(findings),
        suspicions: count(suspicions),
    })
}

/// A text in which nobody is named: ids of the test tenants, where they stand by themselves, are {a} and {b}.
fn hidden(text: &str, tenants: &[String; 2]) -> String {
    let mut ids: Vec<(&str, &str)> = vec![(&tenants[0], "{a}"), (&tenants[1], "{b}")];
    // One id may begin with the other.
    ids.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
    ids.into_iter().filter(|(id, _)| id.len() >= ID_MIN).fold(text.to_owned(), |text, (id, name)| {
        let mut parts = text.split(id);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for after in parts {
            let is_within = out.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
            out.push_str(if is_within { id } else { name });
            out.push_str(after);
        }
        out
    })
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::deployment::Mode;
    use super::super::report::{Finding, Limits, Proof};
    use super::*;

    fn begun(name: &'static str) -> Component {
        let limits = Limits { statement_timeout_ms: 0, lock_timeout_ms: 0, statements: 0 };
        Component::new(name, "cache:6379 as t_acme".into(), limits)
    }

    fn standing(component: Component, id: &str) -> Option<Asked> {
        let known = catalogue::row(id).expect("a row of the catalogue");
        row(&component.conclude(), known).map(|row| row.asked)
    }

    fn finding(requirements: Vec<&'static str>) -> Finding {
        let proof = Proof { tenant: None, connection: "fresh", statements: Vec::new(), saw: String::new() };
        Finding { object: "x".into(), what: String::new(), requirements, proof, repair: Vec::new(), also: Vec::new() }
    }

    #[test]
    fn a_row_is_clean_only_where_all_of_it_was_tried_on_something() {
        let mut redis = begun("redis");
        assert_eq!(standing(redis.clone(), "CAC-01"), Some(Asked::NotJudged), "certify asks it, and did not");
        assert_eq!(standing(redis.clone(), "EVT-01"), None, "nobody asks it of a cache");
        redis.judged("keys", 0, &["CAC-01"]);
        assert_eq!(standing(redis.clone(), "CAC-01"), Some(Asked::NotJudged), "there was nothing to try it on");
        redis.judged("keys", 3, &["CAC-01", "CAC-04"]);
        assert_eq!(standing(redis.clone(), "CAC-01"), Some(Asked::Clean));
        assert_eq!(standing(redis.clone(), "CAC-04"), Some(Asked::Partly), "certify does not claim to ask it in full");
        redis.not_judged("channels (CAC-01)", "both are one user");
        assert_eq!(standing(redis.clone(), "CAC-01"), Some(Asked::Partly));
        redis.suspect("y", "odd", &["CAC-01"], "not shown");
        assert_eq!(standing(redis.clone(), "CAC-01"), Some(Asked::Inconclusive));
        redis.find(finding(vec!["CAC-01"]));
        assert_eq!(standing(redis, "CAC-01"), Some(Asked::Findings));
    }

    #[test]
    fn what_blames_no_row_or_could_not_be_reached_leaves_every_row_undecided() {
        let judged = || {
            let mut redis = begun("redis");
            redis.judged("keys", 3, &["CAC-01"]);
            redis
        };
        assert_eq!(standing(judged().unjudged("failed to connect"), "CAC-01"), Some(Asked::Inconclusive));
        assert_eq!(standing(begun("redis").unjudged("failed to connect"), "CAC-02"), Some(Asked::Inconclusive));
        let mut blamed = judged();
        blamed.find(finding(Vec::new()));
        assert_eq!(standing(blamed, "CAC-01"), Some(Asked::Inconclusive));
        let mut owed = judged();
        owed.suspect("y", "owed", &[], "it may still come");
        assert_eq!(standing(owed, "CAC-01"), Some(Asked::Inconclusive));
    }

    #[test]
    fn nobody_is_named_and_no_report_is_repeated() {
        let mut redis = begun("redis").unjudged("acme-corp sees no key of acme, and acmeist is a word");
        redis.not_judged("keys of t:acme:cart", "t_acme-corp may not");
        redis.find(finding(vec!["CAC-01"]));
        let tenants = ["acme".to_owned(), "acme-corp".to_owned()];
        let report = Report::new("shop", Mode::Observe, tenants, vec![redis.conclude()]);
        let terms = Terms { resource: "urn:example:production", judged_at: 0, tool: "cellproof 0.1.0" };
        let own = assessed(&report, &terms);
        let told = &own.components[0];
        assert_eq!(told.problem.as_deref(), Some("{b} sees no key of {a}, and acmeist is a word"));
        assert_eq!((told.at.as_str(), told.not_judged[0].what.as_str()), ("cache:6379 as t_{a}", "keys of t:{a}:cart"));
        assert_eq!((own.exit, own.concluded(), told.findings), (1, 1, 1));
        assert!(own.not_tested.contains(&"postgres".to_owned()) && !own.not_tested.contains(&"redis".to_owned()));
    }

    #[test]
    fn of_much_that_was_not_judged_the_number_is_told() {
        let mut redis = begun("redis");
        (0..70).for_each(|n| redis.not_judged(format!("table {n}"), "empty"));
        let told = component(&redis.conclude(), &["one".into(), "other".into()]);
        assert_eq!((told.not_judged.len(), told.not_judged[64].what.as_str()), (65, "6 more"));
    }
}
