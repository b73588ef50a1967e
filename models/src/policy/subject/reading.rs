//! What a module says of itself, read from the library's syntax tree: its package, its rules, what it calls, which
//! input it looks at, which codes it writes.
//!
//! The tree is read as JSON, by its words; a node of a kind that is not known here has parts like any other. Nothing is
//! evaluated: a call that no question happens to reach is seen all the same.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What one module says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    /// The package, segment by segment, without `data`.
    pub package: Vec<String>,
    /// Names of its rules and functions.
    pub rules: BTreeSet<String>,
    /// What a rule is when nothing else gives it a value, as JSON.
    pub defaults: BTreeMap<String, String>,
    /// What it calls, each with the first line and column.
    pub calls: BTreeMap<Vec<String>, (u32, u32)>,
    /// Local names of what it imports.
    pub imports: BTreeMap<String, Vec<String>>,
    /// Input that it looks at, as dotted paths up to the first variable: `resource.label`.
    pub inputs: BTreeSet<String>,
    /// Texts beside the key `code` anywhere in it.
    pub codes: BTreeSet<String>,
    /// Names that stand in a negation and nowhere else in their rule, each with the first line and column: `_` in
    /// `not deny[_]`. What is no rule and no import has no value there.
    pub negated: BTreeMap<String, (u32, u32)>,
    /// Its negations of calls and comparisons.
    pub negations: Vec<Negation>,
}

/// A negation, and what has to have a value for it to hold. `not x < y` does not hold in OPA where there is no `x`: its
/// compiler takes what is called with, or compared, out of the negation. Positions are bytes of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Negation {
    /// Where it stands.
    pub at: Range<usize>,
    /// Where what it needs stands.
    pub needs: Vec<Range<usize>>,
}

impl Reading {
    /// Reads one element of the library's JSON.
    pub fn new(module: &Value) -> Reading {
        let text = module["source"]["contents"].as_str().unwrap_or("");
        let tree = &module["ast"];
        let mut reading = Reading { package: path(&tree["package"]["refr"]), ..Reading::default() };
        for import in tree["imports"].as_array().into_iter().flatten() {
            let target = path(&import["refr"]);
            let name = span_text(&import["as"], text).map(str::to_owned).or_else(|| target.last().cloned());
            reading.imports.extend(name.map(|name| (name, target)));
        }
        for rule in tree["rules"].as_array().into_iter().flatten() {
            reading.rule(rule);
            let mut names = Names::default();
            names.walk(rule, text, false);
            let Names { negated, elsewhere } = names;
            reading.negated.extend(negated.into_iter().filter(|(name, _)| !elsewhere.contains(name)));
        }
        reading
    }

    /// The package as it is written.
    pub fn package_name(&self) -> String {
        self.package.join(".")
    }

    fn rule(&mut self, rule: &Value) {
        let default = &rule["Default"];
        let head = if default.is_object() { default } else { head(&rule["Spec"]["head"]) };
        if let Some(name) = path(&head["refr"]).into_iter().next() {
            if default.is_object() {
                self.defaults.insert(name.clone(), constant(&default["value"]));
            }
            self.rules.insert(name);
        }
        self.walk(rule);
    }

    fn walk(&mut self, node: &Value) {
        match node {
            Value::Object(fields) => {
                if let Some(call) = fields.get("Call") {
                    let place = place(leftmost(&call["fcn"]));
                    self.calls.entry(path(&call["fcn"])).or_insert(place);
                }
                if let Some((negation, at)) = fields.get("NotExpr").and_then(|n| Some((n, bytes(&n["span"])?))) {
                    let mut needs = Vec::new();
                    needed(&negation["expr"], false, &mut needs);
                    self.negations.extend((!needs.is_empty()).then_some(Negation { at, needs }));
                }
                if fields.keys().any(|kind| kind == "RefDot" || kind == "RefBrack") {
                    let path = path(node);
                    if path.first().is_some_and(|first| first == "input") && path.len() > 1 {
                        self.inputs.insert(path[1..].join("."));
                    }
                }
                if let Some(entries) = fields.get("Object").and_then(|object| object["fields"].as_array()) {
                    self.codes.extend(entries.iter().filter_map(code));
                }
                fields.values().for_each(|part| self.walk(part));
            }
            Value::Array(parts) => parts.iter().for_each(|part| self.walk(part)),
            _ => {}
        }
    }
}

/// The head of a rule, whatever its kind.
fn head(head: &Value) -> &Value {
    ["Compr", "Set", "Func"].into_iter().map(|kind| &head[kind]).find(|h| h.is_object()).unwrap_or(&Value::Null)
}

/// A reference, segment by segment, up to the first segment that is no fixed text.
fn path(node: &Value) -> Vec<String> {
    if let Some(name) = node["Var"]["value"].as_str() {
        return vec![name.to_owned()];
    }
    let (inner, segment) = match (&node["RefDot"], &node["RefBrack"]) {
        (dot @ Value::Object(_), _) => (&dot["refr"], dot["field"][1].as_str()),
        (_, bracket @ Value::Object(_)) => (&bracket["refr"], bracket["index"]["String"]["value"].as_str()),
        _ => return Vec::new(),
    };
    let mut whole = path(inner);
    // Behind a variable nothing is fixed any more; its place stays empty, so that what follows is not taken for more.
    match segment {
        Some(segment) if !whole.last().is_some_and(String::is_empty) => whole.push(segment.to_owned()),
        _ if whole.last().is_some_and(String::is_empty) => {}
        _ => whole.push(String::new()),
    }
    whole
}

/// What OPA's compiler takes out of an expression, and so out of its negation (`rewriteDynamics`, `rewriteExprTerms`):
/// what is called with, indexed by or compared, but for the sides of an equation that are plain references. `is_part`
/// says that the expression is itself such a part.
fn needed(node: &Value, is_part: bool, into: &mut Vec<Range<usize>>) {
    let Some((kind, fields)) = node.as_object().and_then(|one| one.iter().next()) else { return };
    let parts = |names: &[&str]| names.iter().map(|name| &fields[*name]).collect::<Vec<_>>();
    let lists = |name: &str| fields[name].as_array().into_iter().flatten().collect::<Vec<_>>();
    let mut is_taken = is_part;
    match kind.as_str() {
        "Var" => {}
        "RefDot" => needed(&fields["refr"], false, into),
        "RefBrack" => {
            needed(&fields["refr"], false, into);
            needed(&fields["index"], true, into);
        }
        "Call" => lists("params").into_iter().for_each(|part| needed(part, true, into)),
        "BoolExpr" | "AssignExpr" => {
            let is_equation = kind == "AssignExpr" || fields["op"] == "Eq";
            for side in parts(&["lhs", "rhs"]) {
                let is_plain = ["Var", "RefDot", "RefBrack"].iter().any(|kind| side[kind].is_object());
                needed(side, !(is_equation && is_plain), into);
            }
        }
        "ArithExpr" | "BinExpr" | "UnaryExpr" | "Membership" => {
            let all = parts(&["lhs", "rhs", "expr", "key", "value", "collection"]);
            all.into_iter().for_each(|part| needed(part, true, into));
        }
        "Array" | "Set" => {
            is_taken = false;
            lists("items").into_iter().for_each(|part| needed(part, true, into));
        }
        "Object" => {
            is_taken = false;
            let entries = lists("fields").into_iter().filter_map(Value::as_array).flatten();
            entries.for_each(|part| needed(part, true, into));
        }
        _ => is_taken = false,
    }
    into.extend(bytes(&fields["span"]).filter(|_| is_taken));
}

fn bytes(span: &Value) -> Option<Range<usize>> {
    let at = |key: &str| span[key].as_u64().and_then(|n| usize::try_from(n).ok());
    Some(at("start")?..at("end")?)
}

/// Where the names of a rule stand.
#[derive(Default)]
struct Names {
    negated: BTreeMap<String, (u32, u32)>,
    elsewhere: BTreeSet<String>,
}

impl Names {
    fn walk(&mut self, node: &Value, text: &str, in_negation: bool) {
        match node {
            Value::Object(fields) => {
                if let Some(var) = fields.get("Var") {
                    let name = var["value"].as_str().unwrap_or_default();
                    match in_negation {
                        true => drop(self.negated.entry(name.to_owned()).or_insert_with(|| place(&var["span"]))),
                        // Each wildcard is a name of its own.
                        false if name == "_" => {}
                        false => drop(self.elsewhere.insert(name.to_owned())),
                    }
                }
                if let Some(every) = fields.get("Every") {
                    let declared = ["key", "value"].iter().filter_map(|key| span_text(&every[key], text));
                    self.elsewhere.extend(declared.map(str::to_owned));
                }
                for (kind, part) in fields {
                    // What is called is no variable, and what a comprehension looks for it finds by itself.
                    match kind.as_str() {
                        "fcn" => {}
                        "NotExpr" => self.walk(part, text, true),
                        "ArrayCompr" | "SetCompr" | "ObjectCompr" => self.walk(part, text, false),
                        _ => self.walk(part, text, in_negation),
                    }
                }
            }
            Value::Array(parts) => parts.iter().for_each(|part| self.walk(part, text, in_negation)),
            _ => {}
        }
    }
}

fn leftmost(node: &Value) -> &Value {
    match ["RefDot", "RefBrack"].into_iter().map(|kind| &node[kind]).find(|r| r.is_object()) {
        Some(reference) => leftmost(&reference["refr"]),
        None => &node["Var"]["span"],
    }
}

fn place(span: &Value) -> (u32, u32) {
    let number = |key: &str| span[key].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    (number("line"), number("col"))
}

fn span_text<'t>(span: &Value, text: &'t str) -> Option<&'t str> {
    text.get(bytes(span)?)
}

/// `"code": "LABEL"` in an object.
fn code(entry: &Value) -> Option<String> {
    let (key, value) = (&entry[1]["String"]["value"], &entry[2]["String"]["value"]);
    if key == "code" { value.as_str().map(str::to_owned) } else { None }
}

/// A constant as it is shown; what is none is only said to be something.
fn constant(node: &Value) -> String {
    let simple = ["Bool", "Number", "String"].into_iter().map(|kind| &node[kind]["value"]).find(|v| !v.is_null());
    simple.map_or_else(|| "an expression".to_owned(), Value::to_string)
}
