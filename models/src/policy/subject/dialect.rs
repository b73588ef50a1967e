//! Rego v0 or v1: the newest dialect that takes a module, and the mistake of the one that its author meant.

use super::reading::Negation;
use super::{Loaded, Module, Place, Reading, Unusable, last_line, place_in};
use regorus::Engine;

/// Reads a module in the newest dialect that takes it.
///
/// # Errors
/// It is of neither.
pub(super) fn read(module: &Module) -> Result<Loaded, Unusable> {
    let loaded = |v1: bool, v0: bool, reading: Reading| Loaded { file: module.file.clone(), v1, v0, reading };
    let new = match alone(module, false) {
        Ok(reading) => {
            // Without these imports the words of v1 are plain names in v0, and mean something else.
            let imports = ["import rego.v1", "import future.keywords"];
            let both = imports.iter().any(|i| module.text.contains(i)) && alone(module, true).is_ok();
            return Ok(loaded(true, both, reading));
        }
        Err(new) => new,
    };
    if is_mixed(&module.text) {
        return Err(parse_fault(module, &new, None));
    }
    match alone(module, true) {
        Ok(reading) => Ok(loaded(false, true, reading)),
        Err(old) => Err(parse_fault(module, &new, Some(&old))),
    }
}

fn alone(module: &Module, v0: bool) -> Result<Reading, String> {
    let mut engine = Engine::new();
    parse(&mut engine, module, v0)?;
    Ok(readings(&engine).into_iter().next().unwrap_or_default())
}

fn parse(engine: &mut Engine, module: &Module, v0: bool) -> Result<(), String> {
    engine.set_rego_v0(v0);
    engine.add_policy(module.file.clone(), module.text.clone()).map(|_| ()).map_err(|e| e.to_string())
}

/// Adds a module that was read, as it is written.
pub(super) fn add(engine: &mut Engine, module: &Module, read: &Loaded) -> Result<(), Unusable> {
    parse(engine, module, !read.v1).map_err(|e| parse_fault(module, &e, None))
}

/// The text of a module in a form that the library evaluates as OPA does.
///
/// In OPA `not x < y` does not hold where `x` or `y` has no value, though `not x == y` does: its compiler takes what is
/// compared out of the negation. The library leaves it there. The same, written so that it is out of it, is
/// `count([1 | a := x; b := y; not x < y]) == 1`. Lines stay where they are.
pub(super) fn lifted(text: &str, reading: &Reading) -> String {
    let mut edits: Vec<(usize, String)> = Vec::new();
    for Negation { at, needs } in &reading.negations {
        let needs = needs.iter().enumerate().filter_map(|(n, part)| {
            // What stands on several lines would move those below it.
            text.get(part.clone()).map(|part| format!("lifted__{n} := {}; ", part.replace('\n', " ")))
        });
        edits.push((at.start, format!("count([1 | {}", needs.collect::<String>())));
        edits.push((at.end, "]) == 1".to_owned()));
    }
    // From the end on, so that places stay what they are. What begins at the same place is written from the inside out.
    edits.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let mut text = text.to_owned();
    edits.into_iter().for_each(|(at, edit)| text.insert_str(at, &edit));
    text
}

/// Whether the words of v1 are used and not imported: a v0 that takes them for names is not what its author wrote.
fn is_mixed(text: &str) -> bool {
    let imported = |word: &str| {
        ["import rego.v1".to_owned(), format!("import future.keywords.{word}"), "import future.keywords\n".into()]
            .iter()
            .any(|import| text.contains(import))
    };
    let mut words = std::collections::BTreeSet::new();
    for line in text.lines() {
        // Every other piece between quotation marks is a text; a comment ends the line.
        for code in line.split(['"', '`']).step_by(2) {
            let (code, comment) = code.split_once('#').map_or((code, false), |(code, _)| (code, true));
            words.extend(code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.'));
            if comment {
                break;
            }
        }
    }
    ["if", "every"].iter().any(|word| words.contains(word) && !imported(word))
}

/// What the modules of an engine say, in the order in which they were added.
pub(super) fn readings(engine: &Engine) -> Vec<Reading> {
    let tree = engine.get_ast_as_json().ok().and_then(|json| serde_json::from_str::<serde_json::Value>(&json).ok());
    tree.as_ref().and_then(|t| t.as_array()).into_iter().flatten().map(Reading::new).collect()
}

/// The mistake of the dialect that got further; the author most likely meant that one.
fn parse_fault(module: &Module, new: &str, old: Option<&str>) -> Unusable {
    let found = |message: &str| (place_in(std::slice::from_ref(module), message), last_line(message).to_owned());
    let (new_place, new_why) = found(new);
    let at = |place: &Place| (place.line, place.column);
    let old = old.map(found).filter(|(place, _)| at(place) > at(&new_place));
    let (place, why, dialect) = match old {
        Some((place, why)) => (place, why, "v0"),
        None => (new_place, new_why, "v1"),
    };
    let trap = trap(&module.text, &place).map(|hint| format!(" ({hint})")).unwrap_or_default();
    Unusable::DoesNotCompile { place, why: format!("{why}, as Rego {dialect}{trap}") }
}

/// What the author probably meant, for words that look like Rego and are none.
fn trap(text: &str, place: &Place) -> Option<&'static str> {
    let line = text.lines().nth((place.line as usize).checked_sub(1)?)?;
    let rest: String = line.chars().skip((place.column as usize).checked_sub(1)?).collect();
    let after = |word: &str| rest.trim_start().strip_prefix(word).map(|rest| rest.chars().next());
    let begins = |word: &str| after(word).is_some_and(|next| !next.is_some_and(char::is_alphanumeric));
    let traps = [
        ("notin", "there is no operator `notin`: write `not x in y`"),
        ("&&", "there is no `&&`: the expressions of a body, one a line or with `;` between, must all hold"),
        ("||", "there is no `||`: write the rule twice"),
        ("and", "there is no `and`: the expressions of a body, one a line or with `;` between, must all hold"),
        ("or", "there is no `or`: write the rule twice"),
    ];
    traps.into_iter().find(|(word, _)| begins(word)).map(|(_, hint)| hint)
}
