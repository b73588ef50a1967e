//! Policies that somebody brings, of whatever make: read, compiled, and asked.
//!
//! Each module is tried as Rego v1 and as Rego v0; it is asked as v1 where it can be, because that is what OPA does
//! since 1.0. Builtin errors are undefined and not fatal, as in OPA. The clock stands still at [`NOW_NS`].

mod dialect;
pub mod own_tests;
mod reading;

pub use reading::Reading;

use regorus::{Engine, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What `time.now_ns()` says: 2026-01-05T12:00:00Z.
pub const NOW_NS: u64 = 1_767_614_400_000_000_000;

/// A file of Rego.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Module {
    /// As its mistakes are told.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// A module that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// Its file.
    pub file: String,
    /// Whether it parses as Rego v1.
    pub v1: bool,
    /// Whether it parses as Rego v0.
    pub v0: bool,
    /// What it says.
    pub reading: Reading,
}

/// A place in a module; lines and columns count from 1, and 0 means that the library names none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// Why policies cannot be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unusable {
    /// A module does not parse or compile.
    DoesNotCompile {
        /// Where.
        place: Place,
        /// What was expected, in the library's words; as v1 and as v0 where the two differ.
        why: String,
    },
    /// It calls a builtin of OPA that is not there.
    NeedsBuiltin {
        /// Where it is called first.
        place: Place,
        /// Its name.
        name: String,
    },
}

/// Policies that compile, over their data.
#[derive(Clone)]
pub struct Subject {
    texts: Vec<Module>,
    modules: Vec<Loaded>,
    engine: Engine,
}

/// First segments under which OPA has builtins: a call under them that nobody defines is one of OPA's, or will be.
const BUILTIN_NAMESPACES: [&str; 27] = [
    "array",
    "base64",
    "base64url",
    "bits",
    "crypto",
    "glob",
    "graph",
    "graphql",
    "hex",
    "http",
    "io",
    "json",
    "net",
    "numbers",
    "object",
    "opa",
    "providers",
    "rand",
    "rego",
    "regex",
    "semver",
    "strings",
    "time",
    "units",
    "urlquery",
    "uuid",
    "yaml",
];

/// Whoever answers questions about a package: policies that were compiled here, or an agent that has them elsewhere.
pub trait Answers {
    /// The values of `rules` of `package` for a question; `None` for one that is undefined.
    ///
    /// # Errors
    /// Why there is no answer.
    fn ask(
        &mut self,
        package: &[String],
        rules: &[&str],
        question: &serde_json::Value,
    ) -> Result<Vec<Option<serde_json::Value>>, String>;

    /// What `time.now_ns()` says there: the clock of what was compiled here stands still.
    fn now_ns(&mut self) -> u64 {
        NOW_NS
    }
}

impl Answers for Subject {
    fn ask(
        &mut self,
        package: &[String],
        rules: &[&str],
        question: &serde_json::Value,
    ) -> Result<Vec<Option<serde_json::Value>>, String> {
        Subject::ask(self, package, rules, question)
    }
}

impl Subject {
    /// Reads and compiles `modules` together, over `data`.
    ///
    /// # Errors
    /// The first module that does not parse or compile, or calls what is not there.
    pub fn load(modules: &[Module], data: &serde_json::Value) -> Result<Subject, Unusable> {
        let loaded = modules.iter().map(dialect::read).collect::<Result<Vec<_>, _>>()?;
        check_calls(modules, &loaded)?;
        check_negations(modules, &loaded)?;
        // As they are written, for the places of what is wrong; then as OPA means them.
        compiled(modules, &loaded, data)?;
        let meant = |(module, read): (&Module, &Loaded)| Module {
            text: dialect::lifted(&module.text, &read.reading),
            ..module.clone()
        };
        let meant: Vec<Module> = modules.iter().zip(&loaded).map(meant).collect();
        let engine = compiled(&meant, &loaded, data)?;
        Ok(Subject { texts: modules.to_vec(), modules: loaded, engine })
    }

    /// The modules, in the order given.
    pub fn modules(&self) -> &[Loaded] {
        &self.modules
    }

    /// The packages, with what their modules say together.
    pub fn packages(&self) -> BTreeMap<Vec<String>, Reading> {
        let mut packages: BTreeMap<Vec<String>, Reading> = BTreeMap::new();
        for module in &self.modules {
            let reading = &module.reading;
            let whole = packages.entry(reading.package.clone()).or_default();
            whole.package.clone_from(&reading.package);
            whole.rules.extend(reading.rules.iter().cloned());
            whole.defaults.extend(reading.defaults.clone());
            whole.inputs.extend(reading.inputs.iter().cloned());
            whole.codes.extend(reading.codes.iter().cloned());
        }
        // What a package reads through another one, it reads.
        let everything: BTreeSet<String> = packages.values().flat_map(|p| p.inputs.iter().cloned()).collect();
        packages.values_mut().for_each(|package| package.inputs.clone_from(&everything));
        packages
    }

    /// The values of `rules` of `package` for a question; `None` for one that is undefined.
    ///
    /// # Errors
    /// Why the policy fails on it, without the place.
    pub fn ask(
        &mut self,
        package: &[String],
        rules: &[&str],
        question: &serde_json::Value,
    ) -> Result<Vec<Option<serde_json::Value>>, String> {
        let quoted = |segment: &String| format!("[{}]", serde_json::Value::from(segment.as_str()));
        let path: String = package.iter().map(quoted).collect();
        let parts: Vec<String> = rules.iter().map(|rule| format!("[x | x := data{path}[\"{rule}\"]]")).collect();
        self.engine.set_input(question.clone().into());
        let answer = self.engine.eval_query(format!("[{}]", parts.join(", ")), false);
        let answer = answer.map_err(|e| last_line(&e.to_string()).to_owned())?;
        let value = answer.result.first().and_then(|r| r.expressions.first()).map(|e| e.value.clone());
        let value = value.and_then(|v| serde_json::to_value(&v).ok()).unwrap_or_default();
        Ok((0..rules.len()).map(|i| value[i].get(0).cloned()).collect())
    }

    /// What an error of an evaluation says of the policy itself: a recursion is one for every question.
    ///
    /// # Errors
    /// The module that does not compile.
    pub fn check(&mut self, package: &[String], rules: &[&str]) -> Result<(), Unusable> {
        let quoted = |segment: &String| format!("[{}]", serde_json::Value::from(segment.as_str()));
        let path: String = package.iter().map(quoted).collect();
        for rule in rules {
            self.engine.set_input(Value::new_object());
            let said = self.engine.eval_query(format!("x := data{path}[\"{rule}\"]"), false);
            if let Err(e) = said
                && last_line(&e.to_string()).starts_with("recursion")
            {
                return Err(does_not_compile(&self.texts, &e.to_string()));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("modules", &self.modules).finish_non_exhaustive()
    }
}

/// The text of a module in Rego v1 as the library must be given it to read it as OPA does; unchanged when it does not
/// parse.
///
/// # Errors
/// What OPA refuses and the library takes.
pub fn as_opa_reads(text: &str) -> Result<String, Unusable> {
    let module = Module { file: String::new(), text: text.to_owned() };
    let Ok(read) = dialect::read(&module) else { return Ok(module.text) };
    let text = dialect::lifted(&module.text, &read.reading);
    check_negations(&[module], &[read]).map(|()| text)
}

/// All modules together over `data`, ready to be asked.
fn compiled(modules: &[Module], loaded: &[Loaded], data: &serde_json::Value) -> Result<Engine, Unusable> {
    let mut engine = engine();
    for (module, read) in modules.iter().zip(loaded) {
        dialect::add(&mut engine, module, read)?;
    }
    let fault = |e: &dyn fmt::Display| does_not_compile(modules, &e.to_string());
    engine.add_data(data.clone().into()).map_err(|e| fault(&e))?;
    engine.set_input(Value::new_object());
    // The analysis of all modules happens before the first query, whatever it asks.
    engine.eval_query("true".into(), false).map_err(|e| fault(&e))?;
    Ok(engine)
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(false);
    let clock = engine.add_extension("time.now_ns".into(), 0, Box::new(|_: Vec<Value>| Ok(Value::from(NOW_NS))));
    clock.expect("the library is built without a clock of its own");
    engine
}

/// Every function that is called exists: in a module, or as a builtin.
fn check_calls(texts: &[Module], modules: &[Loaded]) -> Result<(), Unusable> {
    let mut probe = engine();
    for (text, module) in texts.iter().zip(modules) {
        let reading = &module.reading;
        for (name, (line, column)) in &reading.calls {
            let Some(first) = name.first() else { continue };
            let own = |m: &Loaded| m.reading.package == reading.package && m.reading.rules.contains(first);
            let imported = reading.imports.get(first).and_then(|target| target.first());
            // A call through an import or through `data` is the library's to resolve, modules at hand.
            if first == "data" || imported.is_some_and(|root| root == "data") || modules.iter().any(own) {
                continue;
            }
            let (first, name) = (first.as_str(), name.join("."));
            let said = probe.eval_query(format!("{name}()"), false).err().map(|e| e.to_string());
            if !said.is_some_and(|e| e.contains("could not find function")) {
                continue;
            }
            let place = text.place(*line, *column);
            return Err(if BUILTIN_NAMESPACES.contains(&first) && name.contains('.') {
                Unusable::NeedsBuiltin { place, name }
            } else {
                Unusable::DoesNotCompile { place, why: format!("no function is called `{name}`") }
            });
        }
    }
    Ok(())
}

/// Every name in a negation has a value from somewhere else. The library takes such a name out of the negation, which
/// then holds when *something* is not so; OPA refuses the module (`rego_unsafe_var_error`).
fn check_negations(texts: &[Module], modules: &[Loaded]) -> Result<(), Unusable> {
    for (text, module) in texts.iter().zip(modules) {
        let reading = &module.reading;
        let is_rule = |name: &String| {
            let mut own = modules.iter().filter(|m| m.reading.package == reading.package);
            own.any(|m| m.reading.rules.contains(name))
        };
        for (name, (line, column)) in &reading.negated {
            if ["input", "data"].contains(&name.as_str()) || reading.imports.contains_key(name) || is_rule(name) {
                continue;
            }
            let why = format!("var {name} is unsafe: nothing but a negation asks for it; negate a rule of its own");
            return Err(Unusable::DoesNotCompile { place: text.place(*line, *column), why });
        }
    }
    Ok(())
}

impl Module {
    /// The place that the library calls so: it counts a tab as four columns.
    fn place(&self, line: u32, column: u32) -> Place {
        let text = self.text.lines().nth((line as usize).saturating_sub(1)).unwrap_or("");
        let mut at = 1;
        let before = text.chars().take_while(|c| {
            let is_before = at < column;
            at += if *c == '\t' { 4 } else { 1 };
            is_before
        });
        // Past the end of its line a place stands for the end.
        let characters = before.count() as u32 + u32::from(column > 0);
        Place { file: self.file.clone(), line, column: characters }
    }
}

fn does_not_compile(modules: &[Module], message: &str) -> Unusable {
    let place = place_in(modules, message);
    let why = last_line(message);
    let why = match why.strip_prefix("could not find function ") {
        Some(name) => format!("no function is called `{name}`"),
        None => why.to_owned(),
    };
    Unusable::DoesNotCompile { place, why }
}

/// The library's own sentence: it draws the place over several lines and ends in `error: why`.
fn last_line(message: &str) -> &str {
    let why = message.rsplit("error: ").next().unwrap_or(message).trim();
    why.lines().next().unwrap_or(why).trim_end_matches(':')
}

/// `--> file:19:50`, the first of them.
fn place_in(modules: &[Module], message: &str) -> Place {
    let found = modules.iter().find_map(|module| {
        let (_, rest) = message.split_once(&format!("--> {}:", module.file))?;
        let (line, column) = rest.lines().next()?.split_once(':')?;
        Some(module.place(line.trim().parse().ok()?, column.trim().parse().ok()?))
    });
    let file = || modules.first().map(|m| m.file.clone()).unwrap_or_default();
    found.unwrap_or_else(|| Place { file: file(), line: 0, column: 0 })
}

#[cfg(test)]
mod tests;
