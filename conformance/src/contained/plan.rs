//! Which of a story's faults have a counterpart in the demonstration, and what these may cost its tenants.
//!
//! The demonstration is one cell, without spare copies: a gateway, an application, a database and a cache. So it stands
//! for the cell of which it can show most, a fault counts where it takes the one that serves, and what it costs is read
//! off the demonstration's own design. What is left out is said: a drill that left something out proves nothing.

use models::config::{Inputs, costs::Operation};
use scenarios::drill::expect::{self, Expectation};
use scenarios::drill::incident::Kind;
use scenarios::drill::map::{self, Map, Node};
use scenarios::drill::story::{Incident, Story};
use scenarios::drill::toll::{ALL_PPM, Toll};
use sim::fault::{FaultSpec, Target};
use sim::{Duration, Instant};
use std::collections::BTreeSet;

/// What is struck.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// PostgreSQL.
    Database,
    /// Redis.
    Cache,
    /// The application, which is no container: it stands behind a relay.
    Application,
    /// HAProxy.
    Gateway,
}

impl Part {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Part::Database => "database",
            Part::Cache => "cache",
            Part::Application => "application",
            Part::Gateway => "gateway",
        }
    }
}

/// How it is struck.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Blow {
    /// It is killed, and started again.
    Dead,
    /// It is paused.
    Hung,
    /// Its network is taken away.
    Cut,
    /// Each of its answers comes so much later.
    Late(Duration),
}

/// A fault as it is carried out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Strike {
    /// From when on, since traffic began.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
    /// What is struck.
    pub part: Part,
    /// How.
    pub blow: Blow,
}

/// What is carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The cell that the demonstration stands for.
    pub cell: String,
    /// What is done, in order.
    pub strikes: Vec<Strike>,
    /// What has no counterpart, and why.
    pub left_out: Vec<String>,
}

/// Requests that are under way when something happens were asked at most so long before: the database's patience.
const UNDER_WAY: Duration = Duration::secs(1);
/// A container that is started again serves within that time, its database recovered, also on a machine that is busy.
const STARTS: Duration = Duration::secs(12);
/// What was paused or cut off serves again within that time.
const WAKES: Duration = Duration::secs(5);
/// Answers that the application waits for, to one request, when its cache has none.
const ROUND_TRIPS: u64 = 8;
/// As long as the application waits for its database.
const PATIENCE: Duration = Duration::millis(500);

impl Plan {
    /// The plan of a story.
    pub fn of(story: &Story, inputs: &Inputs) -> Plan {
        let map = Map::of(inputs);
        let plans = map.cells.iter().map(|cell| Plan::in_cell(story, &map, cell, inputs));
        plans.min_by_key(|plan| plan.left_out.len()).unwrap_or_else(|| unreachable!("a platform has cells"))
    }

    fn in_cell(story: &Story, map: &Map, cell: &str, inputs: &Inputs) -> Plan {
        let (mut strikes, mut left_out) = (BTreeSet::new(), Vec::new());
        let mut faults = story.faults.iter();
        for incident in &story.incidents {
            let own: Vec<&FaultSpec> = faults.by_ref().take(incident.faults).collect();
            let shown: Vec<Vec<Strike>> = own.iter().map(|f| strikes_of(f, incident, map, cell, inputs)).collect();
            // What strikes both copies alike strikes the one that there is.
            let alike = |a: &FaultSpec, b: &FaultSpec| {
                (&a.kind, a.from, a.until, a.strength) == (&b.kind, b.from, b.until, b.strength)
            };
            let is_shown = |fault: &FaultSpec| own.iter().zip(&shown).any(|(f, s)| alike(f, fault) && !s.is_empty());
            for fault in own.iter().filter(|fault| !is_shown(fault)) {
                let why = format!("{}: {}", incident.title, why_not(fault, map, cell));
                if !left_out.contains(&why) {
                    left_out.push(why);
                }
            }
            strikes.extend(shown.into_iter().flatten());
        }
        Plan { cell: cell.to_owned(), strikes: strikes.into_iter().collect(), left_out }
    }

    /// What is expected of each tenant, before anything runs.
    pub fn expectations(&self, tenants: &[&str], length: Instant, inputs: &Inputs) -> Vec<Expectation> {
        let tolls: Vec<Toll> = self.strikes.iter().filter_map(|strike| self.toll(strike)).collect();
        let traffic = (Instant::ZERO, length);
        let slos = &inputs.platform.slos;
        tenants.iter().map(|tenant| expect::of(tenant, &self.cell, &tolls, traffic, slos)).collect()
    }

    /// What a strike may cost; nothing, when another part does the work meanwhile.
    fn toll(&self, strike: &Strike) -> Option<Toll> {
        let recovers = match strike.blow {
            Blow::Dead => STARTS,
            Blow::Hung | Blow::Cut => WAKES,
            Blow::Late(_) => Duration::secs(2),
        };
        let without_cache = || {
            let meets = |other: &&Strike| other.from < strike.until && strike.from < other.until;
            self.strikes.iter().filter(meets).any(|other| other.part == Part::Cache)
        };
        let (why, is_slow) = match (strike.part, strike.blow) {
            (Part::Database, Blow::Late(by)) if Duration(by.0 * ROUND_TRIPS) >= PATIENCE => {
                ("answers later than the application waits", false)
            }
            (Part::Database, Blow::Late(_)) if without_cache() => ("is slow, and no cache spares it", true),
            (Part::Cache, _) | (Part::Database | Part::Application | Part::Gateway, Blow::Late(_)) => return None,
            (Part::Database, _) => ("is one, and a cache keeps what it said for seconds", false),
            (Part::Application, _) => ("is the only one", true),
            (Part::Gateway, _) => ("is the only way in", true),
        };
        Some(Toll {
            cell: self.cell.clone(),
            from: Instant(strike.from.0.saturating_sub(UNDER_WAY.0)),
            until: strike.until + recovers,
            fails_ppm: ALL_PPM,
            is_slow,
            why: format!("the {} {why}", strike.part.word()),
        })
    }
}

/// What stands in the demonstration for a node, if something does.
fn counterpart(node: &Node, incident: &Incident, map: &Map) -> Option<Part> {
    let is_first = map.roles(&node.cell, node.part).first() == Some(&node.role.as_str());
    match node.part {
        map::Part::Edge if is_first => Some(Part::Gateway),
        map::Part::App if is_first => Some(Part::Application),
        map::Part::Cache => Some(Part::Cache),
        // Leadership goes back and forth between the copies; here the leader is the only one.
        map::Part::Postgres if is_first || incident.kind == Some(Kind::PrimaryFailover) => Some(Part::Database),
        _ => None,
    }
}

fn nodes<'m>(target: &Target, map: &'m Map, cell: &str) -> Vec<&'m Node> {
    map.struck(target).into_iter().map(|i| &map.nodes[i]).filter(|node| node.cell == cell).collect()
}

/// A fault as it is carried out; nothing, where it cannot be.
fn strikes_of(fault: &FaultSpec, incident: &Incident, map: &Map, cell: &str, inputs: &Inputs) -> Vec<Strike> {
    let parts = |target: &Target| -> BTreeSet<Part> {
        nodes(target, map, cell).into_iter().filter_map(|node| counterpart(node, incident, map)).collect()
    };
    let strike = |part, blow| Strike { from: fault.from, until: fault.until, part, blow };
    if let Target::Link(from, to) = &fault.target {
        // Who is alone at its end loses the link to everybody, where the other end holds those who ask it.
        let single = |target: &Target| matches!(target, Target::Node(_)).then(|| parts(target).pop_first()).flatten();
        let ends = [(single(from), parts(to)), (single(to), parts(from))];
        let found = ends.into_iter().find_map(|(part, others)| {
            let needed = if part? == Part::Application { Part::Gateway } else { Part::Application };
            part.filter(|_| others.contains(&needed))
        });
        let blow = match fault.kind.as_str() {
            "partition" | "clog" => Blow::Cut,
            "delay" => Blow::Late(Duration::micros(fault.strength)),
            _ => return Vec::new(),
        };
        return found.into_iter().map(|part| strike(part, blow)).collect();
    }
    let costs = &inputs.platform.costs;
    let late = |part| {
        let once = match part {
            Part::Database => costs.of(Operation::PostgresRead),
            Part::Cache => costs.of(Operation::CacheGet),
            Part::Application => costs.of(Operation::AppHandle),
            Part::Gateway => return None,
        };
        Some(Blow::Late(Duration(once.0 * fault.strength.saturating_sub(1))))
    };
    let blow = |part: Part| match (fault.kind.as_str(), part) {
        ("crash", _) | ("wipe", Part::Cache | Part::Application | Part::Gateway) => Some(Blow::Dead),
        // The relay before the application ends connections, and cannot let them hang.
        ("pause", Part::Database | Part::Cache | Part::Gateway) => Some(Blow::Hung),
        ("slow" | "brown-out", _) => late(part),
        _ => None,
    };
    parts(&fault.target).into_iter().filter_map(|part| blow(part).map(|blow| strike(part, blow))).collect()
}

/// Why a fault is not carried out.
fn why_not(fault: &FaultSpec, map: &Map, cell: &str) -> String {
    let (from, to) = match &fault.target {
        Target::Link(from, to) => (&**from, Some(&**to)),
        other => (other, None),
    };
    let struck = nodes(from, map, cell);
    let parts: BTreeSet<map::Part> = struck.iter().map(|node| node.part).collect();
    if struck.is_empty() || to.is_some_and(|to| nodes(to, map, cell).is_empty()) {
        return format!("it is one cell, and stands for {cell}");
    }
    if fault.kind.starts_with("clock") {
        return "containers have the clock of their machine".into();
    }
    let reason = |part: &map::Part| match part {
        map::Part::Broker | map::Part::Controller => "its brokers are the reference model, and nobody asks them",
        map::Part::Postgres => "its database has no second copy",
        map::Part::App => "its application has no second copy",
        map::Part::Edge => "its gateway has no second copy",
        map::Part::Cache => "its cache cannot be struck like that",
        map::Part::Idp => "its gateway has the issuer's key, and asks nobody",
        _ => "it has nothing of the kind",
    };
    let reasons: BTreeSet<&str> = parts.iter().map(reason).collect();
    format!("{} on {}: {}", fault.kind, fault.target, reasons.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::drill::Drill;
    use scenarios::drill::document::Document;
    use sim::record::SloVerdict;

    fn plan(faults: &str) -> (Plan, Vec<Expectation>) {
        let inputs = Inputs::embedded();
        let text = format!(
            r#"{{"version": 1, "seed": "1", "length_ms": 60000,
                "incidents": [{{"title": "t", "faults": [{faults}]}}]}}"#
        );
        let document = Document::parse("drill.json", &text, &inputs, &Map::of(&inputs)).expect("sound");
        let drill = Drill::of(&inputs, document);
        let plan = Plan::of(&drill.story, &inputs);
        let expected = plan.expectations(&["acme"], drill.story.length, &inputs);
        (plan, expected)
    }

    fn fault(kind: &str, target: &str, strength: u64) -> String {
        format!(
            r#"{{"kind": "{kind}", "target": {target}, "from_ms": 20000, "until_ms": 25000, "strength": {strength}}}"#
        )
    }

    /// What is done, what is left out, and the windows in which requests may fail.
    fn check(faults: &str, strikes: &[(Part, Blow)], left_out: &[&str], windows: &[(u64, u64)]) {
        let (plan, expected) = plan(faults);
        let done: Vec<(Part, Blow)> = plan.strikes.iter().map(|strike| (strike.part, strike.blow)).collect();
        assert_eq!(done, strikes, "{plan:#?}");
        assert_eq!(plan.left_out, left_out);
        let said: Vec<(u64, u64)> = expected[0].windows.iter().map(|w| (w.from_s, w.until_s)).collect();
        assert_eq!(said, windows);
        assert_eq!(expected[0].success == SloVerdict::Met, windows.is_empty());
    }

    #[test]
    fn what_serves_is_struck_and_its_loss_has_a_price_where_nobody_takes_over() {
        check(&fault("crash", r#"{"node": "cell-b/cache"}"#, 0), &[(Part::Cache, Blow::Dead)], &[], &[]);
        let primary = fault("pause", r#"{"node": "cell-a/postgres-1"}"#, 0);
        check(&primary, &[(Part::Database, Blow::Hung)], &[], &[(19, 30)]);
        let cell = fault("crash", r#"{"group": "cell-a"}"#, 0);
        let all = [Part::Database, Part::Cache, Part::Application].map(|part| (part, Blow::Dead));
        check(&cell, &all, &[], &[(19, 37)]);
        let cut = r#"{"from": {"node": "cell-a/postgres-1"}, "to": {"group": "cell-a"}}"#;
        check(&fault("partition", cut, 0), &[(Part::Database, Blow::Cut)], &[], &[(19, 30)]);
    }

    #[test]
    fn both_copies_that_are_slow_are_the_one_that_there_is() {
        let both = ["cell-a/app-1", "cell-a/app-2"]
            .map(|role| fault("brown-out", &format!(r#"{{"node": "{role}"}}"#), 11))
            .join(", ");
        check(&both, &[(Part::Application, Blow::Late(Duration::micros(1_500)))], &[], &[]);
    }

    #[test]
    fn what_has_no_counterpart_is_left_out_with_its_reason() {
        let check = |kind: &str, target: &str, why: &str| check(&fault(kind, target, 9), &[], &[why], &[]);
        check(
            "crash",
            r#"{"node": "cell-a/kafka-2"}"#,
            "t: crash on cell-a/kafka-2: its brokers are the reference model, and nobody asks them",
        );
        check("clock-skew", r#"{"node": "cell-a/cache"}"#, "t: containers have the clock of their machine");
        check("crash", r#"{"node": "cell-a/app-2"}"#, "t: crash on cell-a/app-2: its application has no second copy");
        check(
            "partition",
            r#"{"from": {"group": "cell-a"}, "to": {"group": "cell-b"}}"#,
            "t: it is one cell, and stands for cell-a",
        );
    }
}
