//! Rego v0 or v1: the newest dialect that takes a module, and the mistake of the one that its author meant.

use super::{Loaded, Module, Place, Reading, Unusable, last_line, place_in};
use regorus::Engine;

/// Adds a module in the newest dialect that takes it.
///
/// # Errors
/// It is of neither.
pub(super) fn add(engine: &mut Engine, module: &Module) -> Result<Loaded, Unusable> {
    let loaded = |v1: bool, v0: bool| Loaded { file: module.file.clone(), v1, v0, reading: Reading::default() };
    let new = match parse(&mut Engine::new(), module, false) {
        Ok(()) => {
            // Without these imports the words of v1 are plain names in v0, and mean something else.
            let imports = ["import rego.v1", "import future.keywords"];
            let both =
                imports.iter().any(|i| module.text.contains(i)) && parse(&mut Engine::new(), module, true).is_ok();
            insert(engine, module, false)?;
            return Ok(loaded(true, both));
        }
        Err(new) => new,
    };
    if is_mixed(&module.text) {
        return Err(parse_fault(module, &new, None));
    }
    if let Err(old) = parse(&mut Engine::new(), module, true) {
        return Err(parse_fault(module, &new, Some(&old)));
    }
    insert(engine, module, true)?;
    Ok(loaded(false, true))
}

fn parse(engine: &mut Engine, module: &Module, v0: bool) -> Result<(), String> {
    engine.set_rego_v0(v0);
    engine.add_policy(module.file.clone(), module.text.clone()).map(|_| ()).map_err(|e| e.to_string())
}

/// Adds a module that parses, in a form that the library evaluates as OPA does.
fn insert(engine: &mut Engine, module: &Module, v0: bool) -> Result<(), Unusable> {
    let fault = |e: String| parse_fault(module, &e, None);
    let now = Module { text: closed(module, v0).map_err(fault)?, ..module.clone() };
    parse(engine, &now, v0).map_err(fault)
}

/// A module's text with its negations closed.
///
/// In OPA `not deny[_]` holds when nothing is denied; the library takes the wildcard out of the negation, which then
/// holds when *something* is not denied, and never for an empty set. The same, written so that nothing can be taken
/// out, is `count([1 | deny[_]]) == 0`. Lines stay where they are.
///
/// # Errors
/// The module does not parse; in the library's words.
pub(super) fn closed(module: &Module, v0: bool) -> Result<String, String> {
    let mut now = module.clone();
    loop {
        let mut alone = Engine::new();
        parse(&mut alone, &now, v0)?;
        let negations = readings(&alone).into_iter().next().unwrap_or_default().negations;
        let Some(&(from, to)) = negations.first() else { return Ok(now.text) };
        let inner = now.text.get(from..to).and_then(|negation| negation.strip_prefix("not"));
        let Some(inner) = inner else { return Ok(now.text) };
        now.text = format!("{}count([1 | {}]) == 0{}", &now.text[..from], inner.trim(), &now.text[to..]);
    }
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
