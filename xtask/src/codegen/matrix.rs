//! The table in README.md: scenario, what happens in it, requirements, and the controls that it tries.
//!
//! Read loosely from the text of each scenario: requirement ids from its `requirements` field, else from its opening
//! comment; a control wherever the file names it, by id or by const. A scenario that says less has emptier cells.

use super::catalogue::Story;
use super::generated::Generated;
use crate::controls::{self, Declared};
use crate::imports;
use crate::source::{Source, Tree, closing, words};
use std::collections::BTreeSet;
use std::fmt::Write;

const README: &str = "README.md";
const BEGIN: &str = "<!-- matrix:begin -->";
const END: &str = "<!-- matrix:end -->";

/// The README with a fresh table; nothing when it has no place for one.
pub fn plan(tree: &Tree, stories: &[Story]) -> Result<Option<Generated>, String> {
    let Some(readme) = tree.other(README) else { return Ok(None) };
    let Some(begin) = readme.text.find(BEGIN) else { return Ok(None) };
    let Some(end) = readme.text[begin..].find(END).map(|n| begin + n) else {
        return Err(format!("{README} has `{BEGIN}` and no `{END}`"));
    };
    let table = table(stories, &controls::declared(tree));
    let text = format!("{}{BEGIN}\n{table}{}", &readme.text[..begin], &readme.text[end..]);
    Ok(Some(Generated::new(tree, README, text)))
}

fn table(stories: &[Story], controls: &[Declared]) -> String {
    let listed: Vec<&Story> = stories.iter().filter(|s| s.listed).collect();
    if listed.is_empty() {
        return "No scenario yet.\n".to_owned();
    }
    let mut out =
        String::from("| scenario | what happens | STRIDE | requirements | controls |\n|---|---|---|---|---|\n");
    for story in listed {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            story.name(),
            title(story.source),
            letter(story.source),
            requirements(story.source).join(" "),
            used(story.source, controls).iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" ")
        );
    }
    out
}

fn title(source: &Source) -> String {
    let said = field(source, "title").unwrap_or_default();
    // A title that goes on in the next line ends the line with a backslash.
    let said = said.trim().trim_matches('"').replace("\\\n", " ").replace('|', "\\|");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The letter in `stride: Some('S')`.
fn letter(source: &Source) -> String {
    let said = field(source, "stride").unwrap_or_default();
    said.split('\'').nth(1).unwrap_or_default().to_owned()
}

fn requirements(source: &Source) -> Vec<String> {
    let mut found = ids(&field(source, "requirements").unwrap_or_default());
    if found.is_empty() {
        let opening: Vec<&str> = source.text.lines().take_while(|l| l.starts_with("//!")).collect();
        found = ids(&opening.join("\n"));
    }
    found.into_iter().collect()
}

/// The text of `name: …` up to the comma that ends it.
fn field(source: &Source, name: &str) -> Option<String> {
    let code = source.live.as_bytes();
    for at in words(&source.live, name) {
        let Some(colon) = source.live[at + name.len()..].find(|c: char| !c.is_whitespace()) else { continue };
        let begin = at + name.len() + colon;
        if code[begin] != b':' || code.get(begin + 1) == Some(&b':') {
            continue;
        }
        let mut end = begin + 1;
        while end < code.len() && !matches!(code[end], b',' | b'}' | b')' | b';') {
            end = if matches!(code[end], b'[' | b'(' | b'{') { closing(&source.live, end) } else { end + 1 };
        }
        return Some(source.text[begin + 1..end].to_owned());
    }
    None
}

/// Ids of requirements in `text`: letters, a hyphen, digits.
fn ids(text: &str) -> BTreeSet<String> {
    let is_id = |word: &&str| {
        word.split_once('-').is_some_and(|(letters, digits)| {
            (2..=5).contains(&letters.len())
                && letters.bytes().all(|b| b.is_ascii_uppercase())
                && (2..=3).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_digit())
        })
    };
    text.split(|c: char| !c.is_alphanumeric() && c != '-').filter(is_id).map(str::to_owned).collect()
}

/// Controls that the scenario names outside its tests, by id or by const.
pub fn used(source: &Source, controls: &[Declared]) -> Vec<String> {
    let tests = source.text.find("#[cfg(test)]").unwrap_or(source.text.len());
    let said = &source.text[..tests];
    let twins = |name: &str| controls.iter().filter(|c| c.name == name).count() > 1;
    let imported = imports::named(&source.live);
    // Two components may choose the same name: then the path counts by which this file has it.
    let is_imported = |c: &Declared| {
        let path = format!("{}::{}", c.module.replacen("crate", "models", 1), c.name);
        imported.iter().any(|import| import.join("::") == path)
    };
    let by_const = |c: &Declared| {
        let near = c.module.rsplit("::").next().unwrap_or_default();
        let path = format!("{near}::{}", c.name);
        words(&source.live, &path).next().is_some()
            || (words(&source.live, &c.name).next().is_some() && (!twins(&c.name) || is_imported(c)))
    };
    let by_id = |c: &Declared| said.contains(&format!("\"{}\"", c.id)) || said.contains(&format!("`{}`", c.id));
    controls.iter().filter(|c| by_id(c) || by_const(c)).map(|c| c.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codegen::catalogue;

    fn tree(readme: &str) -> Tree {
        Tree::of(&[
            (README, readme),
            ("models/Cargo.toml", ""),
            ("models/src/lib.rs", "pub mod cache;"),
            (
                "models/src/cache.rs",
                "pub const KEY: Control = control!(\"cache.key\");\n\
                 pub const ACL: Control = control!(\"cache.acl\");",
            ),
            (
                "scenarios/src/stride/disclosure_cache_bleed.rs",
                "//! A neighbour reads (AUD-09).\n\
                 pub const SCENARIO: Scenario = Scenario {\n    title: \"A bleed\",\n    \
                 stride: Some('I'),\n    requirements: &[\"TEN-02\", \"CAC-01\"],\n    \
                 variants: &[Variant { controls: &[sole(&cache::KEY)] }],\n};\n",
            ),
            (
                "scenarios/src/canary/always_red.rs",
                "//! Must fail (SIM-11).\npub const SCENARIO: Scenario = canary();\n",
            ),
        ])
    }

    #[test]
    fn the_table_stands_between_its_marks_and_the_rest_is_untouched() {
        let tree = tree("before\n<!-- matrix:begin -->\nold\n<!-- matrix:end -->\nafter\n");
        let file = plan(&tree, &catalogue::scenarios(&tree)).expect("both marks").expect("a place for it");
        assert!(file.stale);
        let lines: Vec<&str> = file.text.lines().collect();
        assert_eq!(lines[..2], ["before", BEGIN]);
        assert_eq!(lines[4], "| `canary/always-red` |  |  | SIM-11 |  |");
        assert_eq!(lines[5], "| `stride/disclosure-cache-bleed` | A bleed | I | CAC-01 TEN-02 | `cache.key` |");
        assert_eq!(lines[6..], [END, "after"]);
    }

    #[test]
    fn of_two_controls_of_one_name_the_one_that_is_imported_is_meant() {
        let control = |id: &str| format!("pub const KEY: Control = control!(\"{id}\");");
        let (one, other) = (control("cache.key"), control("offline.key"));
        let scenario = "use models::offline::{self, KEY};\nfn f() { sole(&KEY); }\n";
        let tree = Tree::of(&[
            ("models/Cargo.toml", ""),
            ("models/src/lib.rs", "pub mod cache; pub mod offline;"),
            ("models/src/cache.rs", &one),
            ("models/src/offline.rs", &other),
            ("scenarios/src/stride/a.rs", scenario),
        ]);
        let source = tree.source("scenarios/src/stride/a.rs").expect("it is there");
        assert_eq!(used(source, &controls::declared(&tree)), ["offline.key"]);
    }

    #[test]
    fn a_readme_without_marks_is_left_alone_and_half_a_place_is_refused() {
        let none = tree("nothing");
        assert!(matches!(plan(&none, &catalogue::scenarios(&none)), Ok(None)));
        let half = tree(BEGIN);
        assert!(plan(&half, &catalogue::scenarios(&half)).is_err());
    }
}
