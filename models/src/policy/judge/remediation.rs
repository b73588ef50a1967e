//! Judging a policy of auto-remediation (§3.7) against [`remediation::decide`] (GOV-05).
//!
//! Bounds and cooldown are asked of every policy, because the document gives their input. Rollback, dry run and
//! auto-revert are asked of a policy that looks at them or offers them; what was not asked is said. An action for which
//! the requirement states no trigger may be taken whenever anything is wrong, and must cool down like any other.

use super::{Finding, Judge, Shown, Tally};
use crate::policy::remediation::{self, ACTIONS, COOLDOWN_NS, GREEN_NS, PAUSE_ROLLOUT, ROLLBACK, TRIGGERS};
use crate::policy::subject::{Answers, NOW_NS, Reading};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

const SECOND: u64 = 1_000_000_000;

/// Judges the rules `action` and `revert` of one package.
#[derive(Clone, Debug)]
pub struct Remediation {
    questions: Arc<Vec<Value>>,
    package: Vec<String>,
    rules: Vec<&'static str>,
    unasked: Vec<&'static str>,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Wrong {
    /// The trigger is there, and nothing happens.
    Idle,
    /// It acts again before the cooldown is over.
    Cooling,
    /// The cooldown is over, and it still does not act.
    Stuck,
    /// A bound was not exceeded.
    Untriggered,
    /// A metric is no number.
    Blind,
    /// It pauses what is to be rolled back.
    BeforeRollback,
    /// It acts in a dry run.
    DryRun,
    /// Nobody knows that action.
    Outside,
    /// It takes back what it does at the same time.
    Oscillates,
    /// It takes back too early.
    RevertsEarly,
    /// It never takes back.
    NeverReverts,
    /// It fails instead of answering.
    Fails,
    /// It answers what no caller can read.
    Unreadable,
}

type Class = (Wrong, String);

impl Remediation {
    /// A judge of `reading`'s package.
    pub fn new(reading: &Reading) -> Remediation {
        let has = |rule: &&str| reading.rules.contains(*rule);
        let reads = |path: &str| reading.inputs.iter().any(|input| input == path);
        let action = ["action", "actions"].into_iter().find(|rule| has(rule));
        let revert = ["revert"].into_iter().find(|rule| has(rule) && reads("slo.green_since"));
        let (rollback, dry_run) = (reads("rollout.rollback"), reads("dry_run"));
        let unasked = [
            (!rollback, "rollback beats pause: it does not look at input.rollout.rollback"),
            (!dry_run, "dry run: it does not look at input.dry_run"),
            (revert.is_none(), "auto-revert: it has no rule `revert` that looks at input.slo.green_since"),
            (true, "canary first, change annotations, evidence: nothing that a policy answers"),
        ];
        Remediation {
            questions: Arc::new(questions(rollback, dry_run, revert.is_some())),
            package: reading.package.clone(),
            rules: action.into_iter().chain(revert).collect(),
            unasked: unasked.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect(),
        }
    }

    /// The rules asked.
    pub fn rules(&self) -> &[&'static str] {
        &self.rules
    }

    /// What GOV-05 demands and this policy could not be asked.
    pub fn unasked(&self) -> &[&'static str] {
        &self.unasked
    }

    /// What is wrong with one answer.
    fn faults(question: &Value, said: &BTreeSet<String>) -> Vec<Class> {
        let expected = remediation::decide(question, NOW_NS);
        let mut faults = Vec::new();
        for action in said.iter().filter(|action| !expected.contains(action.as_str())) {
            if let Some(wrong) = unexpected(question, action) {
                faults.push((wrong, action.clone()));
            }
        }
        for action in expected.iter().filter(|action| !said.contains(**action)) {
            let cooled = question.pointer(&format!("/last/{action}")).is_some();
            faults.push((if cooled { Wrong::Stuck } else { Wrong::Idle }, (*action).to_owned()));
        }
        faults
    }

    /// What is wrong with what is taken back.
    fn revert_faults(question: &Value, said: &BTreeSet<String>, reverted: &BTreeSet<String>) -> Vec<Class> {
        let expected = remediation::revert(question, NOW_NS);
        let oscillates = said.intersection(reverted).map(|action| (Wrong::Oscillates, action.clone()));
        let early = reverted.difference(&expected).map(|action| (Wrong::RevertsEarly, action.clone()));
        let late = expected.difference(reverted).map(|action| (Wrong::NeverReverts, action.clone()));
        oscillates.chain(early).chain(late).collect()
    }
}

/// Why an action that the reference does not take is wrong; `None` where the requirement leaves it open.
fn unexpected(question: &Value, action: &str) -> Option<Wrong> {
    let is = |at: &str| question.pointer(at) == Some(&Value::Bool(true));
    if !ACTIONS.contains(&action) {
        return Some(Wrong::Outside);
    }
    if is("/dry_run") {
        return Some(Wrong::DryRun);
    }
    if is("/rollout/rollback") && action == PAUSE_ROLLOUT {
        return Some(Wrong::BeforeRollback);
    }
    let trigger = TRIGGERS.iter().find(|(name, _)| *name == action).map(|(_, bounds)| *bounds);
    let all = || TRIGGERS.iter().flat_map(|(_, bounds)| bounds.iter());
    match trigger {
        Some(bounds) if bounds.iter().any(|(at, _)| !is_number(question, at)) => Some(Wrong::Blind),
        Some(bounds) if !bounds.iter().all(|(at, bound)| remediation::exceeds(question, at, *bound)) => {
            Some(Wrong::Untriggered)
        }
        None if action == ROLLBACK => Some(Wrong::Untriggered),
        // No trigger is stated: in the calm there is none, whatever it would be.
        None if all().all(|(at, bound)| is_number(question, at) && !remediation::exceeds(question, at, *bound)) => {
            Some(Wrong::Untriggered)
        }
        _ => remediation::is_cooling(question, action, NOW_NS).then_some(Wrong::Cooling),
    }
}

fn is_number(question: &Value, at: &str) -> bool {
    question.pointer(at).is_some_and(Value::is_number)
}

/// Every combination of the metrics around their bounds, of when actions were last taken, and of what else is asked.
fn questions(rollback: bool, dry_run: bool, revert: bool) -> Vec<Value> {
    let none = || [None, Some(Value::Null)];
    let burns: Vec<_> =
        [json!(0), json!(1.9), json!(2.0), json!(2.1), json!(14.4), json!("3"), json!([])].map(Some).into();
    let latencies: Vec<_> = [json!(100), json!(300), json!(301), json!(900), json!("400")].map(Some).into();
    let loads: Vec<_> = [json!(10), json!(70), json!(71), json!("95")].map(Some).into();
    let flags = |asked: bool| if asked { vec![Some(json!(false)), Some(json!(true))] } else { vec![None] };
    let mut out = Vec::new();
    for burn in burns.into_iter().chain(none()) {
        for latency in latencies.iter().cloned().chain(none()) {
            for load in loads.iter().cloned().chain(none()) {
                for last in lasts() {
                    for back in flags(rollback) {
                        for dry in flags(dry_run) {
                            out.push(question([&burn, &latency, &load], &last, &back, &dry));
                        }
                    }
                }
            }
        }
    }
    if revert {
        out.extend(reverts());
    }
    out
}

fn question(metrics: [&Option<Value>; 3], last: &Option<Value>, back: &Option<Value>, dry: &Option<Value>) -> Value {
    let mut question = json!({"slo": {}, "capacity": {}});
    let mut set = |part: &str, key: &str, value: &Option<Value>| {
        if let Some(value) = value {
            question[part][key] = value.clone();
        }
    };
    set("slo", "burnrate", metrics[0]);
    set("slo", "latency_p95", metrics[1]);
    set("capacity", "cpu", metrics[2]);
    set("rollout", "rollback", back);
    if let Some(last) = last {
        question["last"] = last.clone();
    }
    if let Some(dry) = dry {
        question["dry_run"] = dry.clone();
    }
    question
}

/// When actions were last taken: never, one of them, all of them; just before and just after the cooldown, and in the
/// future of a clock that is behind.
fn lasts() -> Vec<Option<Value>> {
    let ago = [300 * SECOND, COOLDOWN_NS - SECOND, COOLDOWN_NS + SECOND];
    let mut out = vec![None, Some(json!({}))];
    for at in ago.into_iter().map(|ago| NOW_NS - ago).chain([NOW_NS + 60 * SECOND]) {
        out.extend(TRIGGERS.iter().map(|(action, _)| Some(json!({ *action: at }))));
        out.push(Some(ACTIONS.into_iter().map(|action| (action.to_owned(), Value::from(at))).collect::<Value>()));
    }
    out
}

/// The question with its times moved from the clock that stands still to one that says `now_ns`.
fn moved(question: &Value, now_ns: u64) -> Cow<'_, Value> {
    if now_ns == NOW_NS {
        return Cow::Borrowed(question);
    }
    let move_on = |at: &mut Value| {
        if let Some(then) = at.as_u64() {
            *at = now_ns.saturating_add_signed(then as i64 - NOW_NS as i64).into();
        }
    };
    let mut question = question.clone();
    question.pointer_mut("/slo/green_since").into_iter().for_each(move_on);
    let last = question.pointer_mut("/last").and_then(Value::as_object_mut);
    last.into_iter().flat_map(Map::values_mut).for_each(move_on);
    Cow::Owned(question)
}

fn reverts() -> Vec<Value> {
    let green = [GREEN_NS + SECOND, GREEN_NS - SECOND, SECOND].map(|ago| Some(NOW_NS - ago));
    let mut out = Vec::new();
    for since in green.into_iter().chain([None, Some(NOW_NS + SECOND)]) {
        for burn in [0, 9] {
            for active in [json!({}), json!({"pause_rollout": 1}), json!({"pause_rollout": 1, "scale_out": 1})] {
                let mut question = json!({"slo": {"burnrate": burn, "latency_p95": 100}, "capacity": {"cpu": 10}});
                question["active"] = active;
                if let Some(since) = since {
                    question["slo"]["green_since"] = since.into();
                }
                out.push(question);
            }
        }
    }
    out
}

impl Judge for Remediation {
    type Class = Class;

    fn len(&self) -> usize {
        self.questions.len()
    }

    fn ask(&self, n: usize, subject: &mut dyn Answers, tally: &mut Tally<Class>) {
        let question = &self.questions[n];
        let expected = remediation::decide(question, NOW_NS);
        let distance = distance(question);
        let mut note = |(wrong, action): Class, why: Option<String>, said: String| {
            let hint = if wrong == Wrong::Blind { blind(question, &action) } else { None };
            tally.note((wrong, action), why.or(hint), distance, question, (list(&expected), said));
        };
        let asked = moved(question, subject.now_ns());
        let values = match subject.ask(&self.package, &self.rules, &asked) {
            Ok(values) => values,
            Err(why) => return note((Wrong::Fails, String::new()), Some(why.clone()), format!("fails: {why}")),
        };
        let said = match values[0].as_ref().map_or_else(|| Some(BTreeSet::new()), names) {
            Some(said) => said,
            None => {
                let what = values[0].as_ref().map(Value::to_string).unwrap_or_default();
                return note((Wrong::Unreadable, String::new()), None, format!("{} is {what}", self.rules[0]));
            }
        };
        for class in Remediation::faults(question, &said) {
            note(class, None, list(&said));
        }
        if let Some(reverted) = values.get(1) {
            let reverted = reverted.as_ref().and_then(names).unwrap_or_default();
            for class in Remediation::revert_faults(question, &said, &reverted) {
                note(class, None, format!("{}; takes back {}", list(&said), list(&reverted)));
            }
        }
    }

    fn findings(&self, tally: Tally<Class>) -> Vec<Finding> {
        let classes = tally.into_classes();
        // What never acts does not act after its cooldown either.
        let is_explained =
            |(wrong, action): &Class| *wrong == Wrong::Stuck && classes.contains_key(&(Wrong::Idle, action.clone()));
        let kept = classes.iter().filter(|(class, _)| !is_explained(class));
        kept.map(|(class, shown)| finding(class, shown)).collect()
    }
}

/// Names in a set, a list, or an object's keys; a name alone, or beside the key `action`.
fn names(value: &Value) -> Option<BTreeSet<String>> {
    let name = |entry: &Value| entry.as_str().or_else(|| entry["action"].as_str()).map(str::to_owned);
    match value {
        Value::Array(entries) => entries.iter().map(name).collect(),
        Value::Object(table) => {
            Some(table.iter().filter(|(_, on)| **on == Value::Bool(true)).map(|(k, _)| k.clone()).collect())
        }
        _ => None,
    }
}

fn list<T: AsRef<str>>(names: &BTreeSet<T>) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Metrics and conditions that are not as on a calm day.
fn distance(question: &Value) -> usize {
    let all = TRIGGERS.iter().flat_map(|(_, bounds)| bounds.iter());
    let odd = all.filter(|(at, bound)| !is_number(question, at) || remediation::exceeds(question, at, *bound)).count();
    let last = question["last"].as_object().map_or(0, serde_json::Map::len);
    odd + last + usize::from(question["dry_run"] == true) + usize::from(question["rollout"]["rollback"] == true)
}

/// Which metric is no number, and how.
fn blind(question: &Value, action: &str) -> Option<String> {
    let (_, bounds) = TRIGGERS.iter().find(|(name, _)| *name == action)?;
    let (at, _) = bounds.iter().find(|(at, _)| !is_number(question, at))?;
    let how = match question.pointer(at) {
        None => "missing",
        Some(Value::Null) => "null",
        Some(_) => "no number",
    };
    Some(format!("{} is {how}", at[1..].replace('/', ".")))
}

fn finding((wrong, action): &Class, shown: &Shown) -> Finding {
    let what = match wrong {
        Wrong::Idle => format!("does not take {action}, whose trigger is there"),
        Wrong::Cooling => format!("takes {action} again within its cooldown of 10 min"),
        Wrong::Stuck => format!("does not take {action} after its cooldown of 10 min is over"),
        Wrong::Untriggered => format!("takes {action} without its trigger"),
        Wrong::Blind => format!("takes {action} without knowing: {}", shown.notes.join(", ")),
        Wrong::BeforeRollback => format!("takes {action} while a rollback is due"),
        Wrong::DryRun => format!("takes {action} in a dry run"),
        Wrong::Outside => format!("takes {action}, which nobody has agreed on"),
        Wrong::Oscillates => format!("takes {action} and takes it back at once"),
        Wrong::RevertsEarly => format!("takes {action} back before it was green for 15 min"),
        Wrong::NeverReverts => format!("does not take {action} back after 15 min of green"),
        Wrong::Fails => format!("fails instead of answering: {}", shown.notes.join("; ")),
        Wrong::Unreadable => "answers what no caller can read".to_owned(),
    };
    let requirements = if *wrong == Wrong::BeforeRollback { vec!["GOV-05", "ROL-02"] } else { vec!["GOV-05"] };
    Finding {
        what,
        requirements,
        question: shown.question().clone(),
        reference: shown.reference.clone(),
        policy: shown.policy.clone(),
        questions: shown.questions,
    }
}
