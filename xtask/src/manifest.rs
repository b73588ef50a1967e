//! The little of a `Cargo.toml` that the workshop needs: names of dependencies, and paths of targets.
//!
//! Read line by line, not parsed: cargo itself has already refused a manifest that is not TOML.

/// Names of everything that the manifest depends on, in all its tables of dependencies.
pub fn dependencies(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    let mut depth = 0i32;
    for line in text.lines().map(uncommented) {
        if depth == 0 && line.starts_with('[') {
            let table = line.trim_matches(['[', ']']);
            let (head, last) = table.rsplit_once('.').unwrap_or(("", table));
            inside = last.ends_with("dependencies") && !table.starts_with("workspace");
            // `[dependencies.name]`: the table itself is the dependency.
            if head.ends_with("dependencies") && !head.starts_with("workspace") {
                names.push(last.trim_matches('"').to_owned());
            }
            continue;
        }
        if inside
            && depth == 0
            && let Some((key, _)) = line.split_once('=')
        {
            let name = key.split('.').next().unwrap_or(key).trim().trim_matches('"');
            names.push(name.to_owned());
        }
        depth += balance(line);
    }
    names.sort();
    names.dedup();
    names
}

/// The `path` of every target: library, binaries, tests, benches, examples.
pub fn target_paths(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut inside = false;
    for line in text.lines().map(uncommented) {
        if line.starts_with('[') {
            let table = line.trim_matches(['[', ']']);
            inside = matches!(table, "lib" | "bin" | "test" | "bench" | "example");
        } else if inside && let Some(("path", value)) = line.split_once('=').map(|(k, v)| (k.trim(), v)) {
            paths.push(value.trim().trim_matches('"').to_owned());
        }
    }
    paths
}

fn uncommented(line: &str) -> &str {
    line.split_once(" #").map_or(line, |(before, _)| before).trim().trim_start_matches('\u{feff}')
}

fn balance(line: &str) -> i32 {
    line.chars().fold(0, |depth, c| match c {
        '[' | '{' => depth + 1,
        ']' | '}' => depth - 1,
        _ => depth,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_dependency_is_seen() {
        let text = "[package]\nname = \"x\"\n[dependencies]\nsim.workspace = true\nserde = { version = \"1\",\n \
                    features = [\"a\"] }\n[dev-dependencies.models]\npath = \"../models\"\n\
                    [target.'cfg(unix)'.dependencies]\nlibc = \"1\" # why\n[features]\nfuzzing = []\n";
        assert_eq!(dependencies(text), ["libc", "models", "serde", "sim"]);
    }

    #[test]
    fn the_workspace_list_is_not_a_dependency_of_anyone() {
        assert!(dependencies("[workspace.dependencies]\nserde = \"1\"\n").is_empty());
    }

    #[test]
    fn paths_of_targets_are_found_and_others_are_not() {
        let text =
            "[lib]\npath = \"src.rs\"\n[[bin]]\nname = \"a\"\npath = \"b/a.rs\"\n[dependencies]\npath = \"no\"\n";
        assert_eq!(target_paths(text), ["src.rs", "b/a.rs"]);
    }
}
