//! Files that come in, and the directory that reports go to. Everything is checked before anything runs.

use crate::args::Files;
use crate::exit::{Refusal, usage};
use models::config::{Inputs, PLATFORM_TOML, TENANTS_YAML};
use scenarios::catalogue;
use scenarios::scenario::Scenario;
use sim::control::Control;
use std::fs;
use std::path::Path;

/// Reads platform and tenants; what is not given is the embedded reference.
///
/// # Errors
/// A file that cannot be read, or every mistake in it as `file:line:column: what, expected what`.
pub fn inputs(files: &Files) -> Result<Inputs, Refusal> {
    let (platform, platform_text) = text(files.platform.as_deref(), "platform.toml", PLATFORM_TOML)?;
    let (tenants, tenants_text) = text(files.tenants.as_deref(), "tenants.yaml", TENANTS_YAML)?;
    parsed((&platform, &platform_text), (&tenants, &tenants_text))
}

/// Platform and tenants from texts, each with the name that problems are told under.
///
/// # Errors
/// Every mistake, as for [`inputs`].
pub fn parsed(platform: (&str, &str), tenants: (&str, &str)) -> Result<Inputs, Refusal> {
    Inputs::parse(platform, tenants).map_err(|problems| {
        // One line a problem, each with its place; a lone line gets no program name before it either.
        usage(format!("{problems}\n{}", count(problems.0.len())))
    })
}

/// The texts behind [`inputs`], when one of them is not the embedded reference.
///
/// # Errors
/// A file that cannot be read.
pub fn texts(files: &Files) -> Result<Option<(String, String)>, Refusal> {
    if files.platform.is_none() && files.tenants.is_none() {
        return Ok(None);
    }
    let (_, platform) = text(files.platform.as_deref(), "platform.toml", PLATFORM_TOML)?;
    let (_, tenants) = text(files.tenants.as_deref(), "tenants.yaml", TENANTS_YAML)?;
    Ok(Some((platform, tenants)))
}

fn count(problems: usize) -> String {
    format!("{problems} problem{} in the input; nothing was run", if problems == 1 { "" } else { "s" })
}

fn text(file: Option<&Path>, name: &str, embedded: &str) -> Result<(String, String), Refusal> {
    let Some(path) = file else { return Ok((name.into(), embedded.into())) };
    let name = path.display().to_string();
    Ok((name.clone(), fs::read_to_string(path).map_err(|e| usage(format!("failed to read {name}: {e}")))?))
}

/// What has to be typed again for the same input.
pub fn flags(files: &Files) -> String {
    let flag = |name: &str, file: &Option<std::path::PathBuf>| {
        file.as_ref().map_or(String::new(), |path| format!(" {name} {}", quoted(&path.display().to_string())))
    };
    flag("--platform", &files.platform) + &flag("--tenants", &files.tenants)
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

/// The command as it was typed.
pub fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|a| quoted(&a.to_string_lossy()));
    std::iter::once("cellproof".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
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

/// Makes the directory if it is missing, and makes sure that a file can be written into it.
///
/// # Errors
/// One line. Nothing is left behind in a directory that was there before.
pub fn writable(dir: &Path) -> Result<(), Refusal> {
    let probe = dir.join(format!(".cellproof.{}.tmp", std::process::id()));
    let tried = fs::create_dir_all(dir).and_then(|()| fs::write(&probe, b"")).and_then(|()| fs::remove_file(&probe));
    tried.map_err(|e| usage(format!("failed to write into {}: {e}", dir.display())))
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

    #[test]
    fn a_file_stands_where_a_directory_should_be() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let refused = writable(file.path()).unwrap_err();
        assert_eq!(refused.exit.code(), 2);
        assert!(refused.message.starts_with("failed to write into "), "{}", refused.message);
    }
}
