//! Policies in Rego, evaluated by `regorus`: ours, and any a user brings.
//!
//! A policy that does not compile, or lacks `allow` or `deny`, is refused: a policy that is undefined everywhere looks
//! to its caller like one with no objections. Evaluation is a pure function of (policy, data, controls, question), so
//! answers are kept in a bounded exact memo; calls and hits are counted, because a control whose library was never
//! really called proves nothing.

use super::abac::{CLASSIFICATION, LABEL, REGION_MATCH, TENANT_MATCH};
use super::data::PolicyData;
use super::filter;
use super::subject::{Unusable, as_opa_reads};
use crate::control::{Control, ControlSet, Controls};
use crate::wire::policy::{DataFilter, Decision, Denies, Deny, Input};
use regorus::{Engine, Value};
use serde_json::json;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;

/// The reference policy. Agrees with [`super::abac::decide`] and [`super::filter::filter`] on every question.
pub const REFERENCE: &str = include_str!("reference.rego");

/// Controls that a policy may read from `data.controls`, in the order of their bit in an off-mask.
const SWITCHES: [&Control; 4] = [&TENANT_MATCH, &REGION_MATCH, &LABEL, &CLASSIFICATION];

/// Entries of the memo. A run asks a few hundred distinct questions; a fuzzer must not fill memory.
const MEMO_MAX: usize = 16_384;

/// Why a policy was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PolicyError {
    /// It does not parse or compile.
    DoesNotCompile {
        /// Line, from 1; 0 when the library names no place.
        line: u32,
        /// Column, from 1.
        column: u32,
        /// The library's message.
        why: String,
    },
    /// It calls a function that we do not have: a builtin of OPA that was left out, or a misspelt name.
    NoFunction(String),
    /// It has no rule of this name in its package.
    NoRule(&'static str),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyError::DoesNotCompile { line, column, why } => {
                write!(f, "the policy does not compile: line {line}, column {column}: {why}")
            }
            PolicyError::NoFunction(name) => write!(f, "the policy calls `{name}`, which is not available"),
            PolicyError::NoRule(name) => write!(f, "the policy has no rule `{name}`"),
        }
    }
}

impl std::error::Error for PolicyError {}

impl PolicyError {
    /// Takes the library's message apart: it draws the place over several lines (`--> policy.rego:19:50`, the line,
    /// a caret) and ends in `error: why`.
    fn from_message(message: &str) -> PolicyError {
        let why = message.rsplit("error: ").next().unwrap_or(message).trim();
        if let Some(name) = why.strip_prefix("could not find function ") {
            return PolicyError::NoFunction(name.into());
        }
        let place = message.split(&format!("--> {FILE}:")).nth(1).and_then(|rest| rest.lines().next());
        let (line, column) = place.and_then(|place| place.split_once(':')).unwrap_or(("", ""));
        let number = |text: &str| text.trim().parse().unwrap_or(0);
        PolicyError::DoesNotCompile { line: number(line), column: number(column), why: why.into() }
    }
}

/// The name under which the library knows a policy.
const FILE: &str = "policy.rego";

/// How often the library was called, and how often the memo answered instead.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Calls {
    /// Real calls.
    pub real: u64,
    /// Answers from the memo.
    pub hits: u64,
}

/// A compiled policy with its data.
#[derive(Clone)]
pub struct RegoPolicy {
    /// The policy without data; each set of controls gets a clone of it, made when first needed.
    compiled: Engine,
    tenants: Value,
    rules: [String; 2],
    /// The rule that says what a list may show, where it has one.
    filter: Option<String>,
    engines: BTreeMap<u8, Engine>,
    memo: BTreeMap<(u8, Input), Decision>,
    filters: BTreeMap<(u8, Input), Option<DataFilter>>,
    calls: Calls,
    error: Option<PolicyError>,
}

impl RegoPolicy {
    /// The reference policy over `data`. Compiled once per thread.
    pub fn reference(data: &PolicyData) -> RegoPolicy {
        thread_local! {
            static COMPILED: OnceCell<RegoPolicy> = const { OnceCell::new() };
        }
        COMPILED.with(|compiled| {
            let compiled = compiled.get_or_init(|| {
                RegoPolicy::compile(REFERENCE, &PolicyData::default()).expect("the reference policy compiles")
            });
            RegoPolicy { tenants: data.to_json().into(), ..compiled.clone() }
        })
    }

    /// Compiles a policy over `data`. Its package is its own choice; in it there must be `allow`, and `deny` as a set
    /// of codes (`"LABEL"`) or of objects with a code (`{"code": "LABEL"}`).
    ///
    /// # Errors
    /// When it does not compile, or lacks a rule.
    pub fn compile(policy: &str, data: &PolicyData) -> Result<RegoPolicy, PolicyError> {
        let broken = |e: &dyn fmt::Display| PolicyError::from_message(&e.to_string());
        let mut engine = Engine::new();
        let meant = as_opa_reads(policy).map_err(|unusable| match unusable {
            Unusable::DoesNotCompile { place, why } => {
                PolicyError::DoesNotCompile { line: place.line, column: place.column, why }
            }
            Unusable::NeedsBuiltin { name, .. } => PolicyError::NoFunction(name),
        })?;
        let package = engine.add_policy(FILE.into(), meant).map_err(|e| broken(&e))?;
        let rules = [format!("{package}.allow"), format!("{package}.deny")];
        // The analysis of a policy happens at its first evaluation, on a question that any policy must bear.
        engine.set_input(Value::new_object());
        for (rule, name) in rules.iter().zip(["allow", "deny"]) {
            match engine.has_declared_rule_rooted_at(FILE, name) {
                Ok(true) => {}
                Ok(false) => return Err(PolicyError::NoRule(name)),
                Err(e) => return Err(broken(&e)),
            }
            engine.eval_rule(rule.clone()).map_err(|e| broken(&e))?;
        }
        let has_filter = engine.has_declared_rule_rooted_at(FILE, "filter").map_err(|e| broken(&e))?;
        let filter = has_filter.then(|| format!("{package}.filter"));
        Ok(RegoPolicy {
            compiled: engine,
            tenants: data.to_json().into(),
            rules,
            filter,
            engines: BTreeMap::new(),
            memo: BTreeMap::new(),
            filters: BTreeMap::new(),
            calls: Calls::default(),
            error: None,
        })
    }

    /// Decides. Which of the policy's controls are off it learns from `data.controls`; asking is not recorded here,
    /// because the answer must be the one that the native decision records.
    pub fn decide(&mut self, controls: &Controls, input: &Input) -> Decision {
        let off = mask(controls.off());
        let key = (off, input.clone());
        if let Some(known) = self.memo.get(&key) {
            self.calls.hits += 1;
            return *known;
        }
        let decision = self.evaluate(off, input.to_json().into());
        if self.memo.len() == MEMO_MAX {
            self.memo.clear();
        }
        self.memo.insert(key, decision);
        decision
    }

    /// What a list may show that this question is allowed: the policy's rule `filter`. `None` when there is none, or
    /// what it says is no filter.
    pub fn filter(&mut self, controls: &Controls, input: &Input) -> Option<DataFilter> {
        let key = (mask(controls.off()), input.clone());
        if let Some(known) = self.filters.get(&key) {
            self.calls.hits += 1;
            return known.clone();
        }
        let filter = self.filter_json(controls, &input.to_json());
        if self.filters.len() == MEMO_MAX {
            self.filters.clear();
        }
        self.filters.insert(key, filter.clone());
        filter
    }

    /// The same about a question as it came. Past the memo.
    pub fn filter_json(&mut self, controls: &Controls, question: &serde_json::Value) -> Option<DataFilter> {
        let rule = self.filter.clone()?;
        let off = mask(controls.off());
        self.calls.real += 1;
        let engine = self.engines.entry(off).or_insert_with(|| with_data(&self.compiled, &self.tenants, off));
        engine.set_input(question.clone().into());
        match engine.eval_rule(rule) {
            Ok(said) => filter::read(&serde_json::to_value(&said).ok()?),
            Err(e) => {
                self.error = Some(PolicyError::from_message(&e.to_string()));
                None
            }
        }
    }

    /// Decides about a question as it came, gaps, extra fields and wrong types included. Past the memo.
    pub fn decide_json(&mut self, controls: &Controls, question: &serde_json::Value) -> Decision {
        self.evaluate(mask(controls.off()), question.clone().into())
    }

    /// Why the last evaluation failed that did; its decision was [`Deny::PolicyError`].
    pub fn last_error(&self) -> Option<&PolicyError> {
        self.error.as_ref()
    }

    /// The same, taking down which of its lines are reached from now on.
    pub(super) fn covering(mut self) -> RegoPolicy {
        self.compiled.set_enable_coverage(true);
        self.engines.clear();
        self
    }

    /// Lines of the policy that were reached with every control on, and all that say something.
    ///
    /// # Errors
    /// The library does not know.
    pub(super) fn covered(&mut self) -> Result<(usize, usize), String> {
        let engine = self.engines.entry(0).or_insert_with(|| with_data(&self.compiled, &self.tenants, 0));
        let report = engine.get_coverage_report().map_err(|e| e.to_string())?;
        let of_policy = report.files.iter().filter(|file| file.path == FILE);
        Ok(of_policy.fold((0, 0), |(reached, all), file| {
            (reached + file.covered.len(), all + file.covered.len() + file.not_covered.len())
        }))
    }

    /// Real evaluations and memo hits so far.
    pub fn calls(&self) -> Calls {
        self.calls
    }

    fn evaluate(&mut self, off: u8, question: Value) -> Decision {
        self.calls.real += 1;
        let engine = self.engines.entry(off).or_insert_with(|| with_data(&self.compiled, &self.tenants, off));
        engine.set_input(question);
        let allow = engine.eval_rule(self.rules[0].clone());
        let deny = engine.eval_rule(self.rules[1].clone());
        match (allow, deny) {
            (Ok(allow), Ok(deny)) => match read_denies(&deny) {
                Some(denies) => Decision { allow: allow == Value::Bool(true), denies },
                None => Decision::deny(Deny::PolicyError),
            },
            (Err(e), _) | (_, Err(e)) => {
                self.error = Some(PolicyError::from_message(&e.to_string()));
                Decision::deny(Deny::PolicyError)
            }
        }
    }
}

impl fmt::Debug for RegoPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegoPolicy").field("rules", &self.rules).field("calls", &self.calls).finish()
    }
}

fn mask(off: ControlSet) -> u8 {
    let bit = |(i, control): (usize, &&Control)| u8::from(off.contains(control.slot)) << i;
    SWITCHES.iter().enumerate().map(bit).sum()
}

fn with_data(compiled: &Engine, tenants: &Value, off: u8) -> Engine {
    let switched_off = SWITCHES.iter().enumerate().filter(|(i, _)| off >> i & 1 == 1);
    let controls: serde_json::Map<_, _> = switched_off.map(|(_, c)| (c.id.to_string(), json!(false))).collect();
    let mut engine = compiled.clone();
    engine.clear_data();
    let added = engine.add_data(tenants.clone()).and_then(|()| engine.add_data(json!({"controls": controls}).into()));
    added.expect("two objects without a common key merge");
    engine
}

/// The codes of a `deny` rule; none when the rule is undefined, `None` when there is one that we do not know.
fn read_denies(deny: &Value) -> Option<Denies> {
    let mut denies = Denies::NONE;
    let reasons = match deny {
        Value::Undefined => return Some(denies),
        Value::Set(_) => deny.as_set().ok()?,
        _ => return None,
    };
    for reason in reasons.iter() {
        let code = match reason {
            Value::String(code) => code,
            _ => reason["code"].as_string().ok()?,
        };
        denies.add(Deny::from_code(code)?);
    }
    Some(denies)
}

/// Two policies that answer the same question differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Disagreement {
    /// The reference decision.
    pub native: Decision,
    /// The policy's.
    pub rego: Decision,
}

/// The disagreement between two decisions about one question, if there is one. Reasons count, not only the outcome: a
/// denial for the wrong reason sends the on-call engineer to the wrong place.
pub fn compare(native: Decision, rego: Decision) -> Option<Disagreement> {
    (native != rego).then_some(Disagreement { native, rego })
}

#[cfg(test)]
mod tests;
