//! Files and names that come in. Everything is checked before anything runs.

use crate::args::Files;
use crate::exit::{Refusal, usage};
use models::config::{Inputs, PLATFORM_TOML, Problems, TENANTS_YAML};
use reports::evidence::SigningKey;
use reports::text::plural;
use scenarios::catalogue;
use scenarios::scenario::Scenario;
use sim::control::Control;
use sim::planted::planted;
use std::fs;
use std::io::Read;
use std::path::Path;

/// What was read, and the text of each file that was given.
pub struct Given {
    /// Platform and tenants.
    pub inputs: Inputs,
    /// Text of the platform file.
    pub platform: Option<String>,
    /// Text of the tenants file.
    pub tenants: Option<String>,
}

/// Reads platform and tenants; what is not given is the embedded reference.
///
/// # Errors
/// As for [`given`].
pub fn inputs(files: &Files) -> Result<Inputs, Refusal> {
    given(files).map(|given| given.inputs)
}

/// Reads platform and tenants, and keeps the texts.
///
/// # Errors
/// A file that cannot be read, or every mistake in it as `file:line:column: what, expected what`.
pub fn given(files: &Files) -> Result<Given, Refusal> {
    let (platform_name, platform) = text(files.platform.as_deref(), "platform.toml")?;
    let (tenants_name, tenants) = text(files.tenants.as_deref(), "tenants.yaml")?;
    let platform_text = platform.as_deref().unwrap_or(PLATFORM_TOML);
    let tenants_text = tenants.as_deref().unwrap_or(TENANTS_YAML);
    let inputs = parsed((&platform_name, platform_text), (&tenants_name, tenants_text))?;
    Ok(Given { inputs, platform, tenants })
}

/// Platform and tenants from texts, each with the name that problems are told under.
///
/// # Errors
/// Every mistake, as for [`given`].
pub fn parsed(platform: (&str, &str), tenants: (&str, &str)) -> Result<Inputs, Refusal> {
    // One line a problem, each with its place; a lone line gets no program name before it either.
    Inputs::parse(platform, tenants).map_err(|problems| mistaken(&problems, "the input; nothing was run"))
}

/// The texts behind [`inputs`], when one of them is not the embedded reference.
///
/// # Errors
/// A file that cannot be read.
pub fn texts(files: &Files) -> Result<Option<(String, String)>, Refusal> {
    if files.platform.is_none() && files.tenants.is_none() {
        return Ok(None);
    }
    let (_, platform) = text(files.platform.as_deref(), "platform.toml")?;
    let (_, tenants) = text(files.tenants.as_deref(), "tenants.yaml")?;
    let platform = platform.unwrap_or_else(|| PLATFORM_TOML.into());
    Ok(Some((platform, tenants.unwrap_or_else(|| TENANTS_YAML.into()))))
}

/// Refuses for every mistake of a file; `said` goes on after their number: `the drill; nothing was run`.
pub fn mistaken(problems: &Problems, said: &str) -> Refusal {
    usage(format!("{problems}\n{} in {said}", plural(problems.0.len() as u64, "problem")))
}

/// The text of a file.
///
/// # Errors
/// One line: which file, and what the system said.
pub fn read(file: &Path) -> Result<String, Refusal> {
    fs::read_to_string(file).map_err(|e| usage(format!("failed to read {}: {e}", file.display())))
}

/// The bytes of a file, and one more than `most` of a larger one: enough to refuse it by.
///
/// # Errors
/// As for [`read`].
pub fn bounded(file: &Path, most: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let read = fs::File::open(file).and_then(|open| open.take(most.saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|e| usage(format!("failed to read {}: {e}", file.display())))?;
    Ok(bytes)
}

/// A private key, made by `keys new`.
///
/// # Errors
/// As for [`read`], or it is no key, or a defect is planted: such a process signs nothing.
pub fn signing_key(file: &Path) -> Result<SigningKey, Refusal> {
    if let Some(defect) = planted() {
        return Err(usage(format!("the defect {} is planted: nothing is signed", defect.name)));
    }
    SigningKey::parse(&read(file)?).map_err(|e| usage(format!("{}: {e}", file.display())))
}

/// The name that mistakes are told with, and the text of a file that was given.
fn text(file: Option<&Path>, name: &str) -> Result<(String, Option<String>), Refusal> {
    let Some(path) = file else { return Ok((name.into(), None)) };
    Ok((path.display().to_string(), Some(read(path)?)))
}

/// What has to be typed again for the same run: the input files, and the defect that was planted.
pub fn flags(files: &Files) -> String {
    let flag = |name: &str, file: &Option<std::path::PathBuf>| {
        file.as_ref().map_or(String::new(), |path| format!(" {name} {}", quoted(&path.display().to_string())))
    };
    let planted = planted().map_or(String::new(), |defect| format!(" --planted {}", defect.name));
    flag("--platform", &files.platform) + &flag("--tenants", &files.tenants) + &planted
}

/// An argument as a shell takes it.
pub fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// Scenarios by name, each once; a name that ends in `/` stands for its group.
///
/// # Errors
/// Every name that is unknown, each with what was probably meant.
pub fn scenarios(names: &[String]) -> Result<Vec<&'static Scenario>, Refusal> {
    let mut found: Vec<&'static Scenario> = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        let group: Vec<&Scenario> =
            catalogue::ALL.iter().copied().filter(|s| name.ends_with('/') && s.name.starts_with(name)).collect();
        match (group.is_empty(), catalogue::find(name)) {
            (false, _) => found.extend(group),
            (true, Ok(scenario)) => found.push(scenario),
            (true, Err(message)) => unknown.push(message),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|s| seen.insert(s.name));
    if unknown.is_empty() { Ok(found) } else { Err(usage(unknown.join("\n"))) }
}

/// Controls by id, each once.
///
/// # Errors
/// Every id that is unknown, each with what was probably meant.
pub fn controls(ids: &[String]) -> Result<Vec<&'static Control>, Refusal> {
    let mut found: Vec<&'static Control> = Vec::new();
    let mut unknown = Vec::new();
    for id in ids {
        match catalogue::control(id) {
            Ok(control) if found.iter().all(|c| c.slot != control.slot) => found.push(control),
            Ok(_) => {}
            Err(message) => unknown.push(message),
        }
    }
    if unknown.is_empty() { Ok(found) } else { Err(usage(unknown.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_shown_as_a_shell_takes_them() {
        for (argument, shown) in [("a/b-c.toml", "a/b-c.toml"), ("two words", "'two words'"), ("it's", r"'it'\''s'")] {
            assert_eq!(quoted(argument), shown);
        }
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn every_unknown_name_is_told() {
        let refused = controls(&["cache.key-namespce".into(), "nonsense".into()]).unwrap_err();
        let lines: Vec<&str> = refused.message.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("unknown control \"cache.key-namespce\", did you mean \"cache.key-namespace\"?"));
    }
}
