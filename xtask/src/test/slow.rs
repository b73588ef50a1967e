//! Tests that take minutes: they run where there is time, and everywhere else it is said that they do not.

use std::path::Path;

/// Their names, one a line; what begins with `#` says why they are slow.
pub const LIST: &str = "xtask/slow-tests.txt";

/// Reads the list.
pub fn read(root: &Path) -> Result<Vec<String>, String> {
    let file = root.join(LIST);
    let text = std::fs::read_to_string(&file).map_err(|e| format!("failed to read {}: {e}", file.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(Into::into).collect())
}

/// What tells the runner to leave them out.
pub fn without(slow: &[String], nextest: bool) -> Vec<String> {
    let all = || std::iter::once(super::ALL.to_owned());
    if nextest {
        return all().chain(["-E".to_owned(), format!("not ({})", expression(slow))]).collect();
    }
    let skips = slow.iter().flat_map(|name| ["--skip".to_owned(), name.clone()]);
    all().chain(["--".to_owned()]).chain(skips).collect()
}

/// What tells the runner to run nothing else.
pub fn alone(slow: &[String], nextest: bool) -> Vec<String> {
    if nextest {
        return vec!["-E".to_owned(), expression(slow), super::ALL.to_owned()];
    }
    ["--tests", super::ALL, "--"].into_iter().map(String::from).chain(slow.iter().cloned()).collect()
}

fn expression(slow: &[String]) -> String {
    let names: Vec<String> = slow.iter().map(|name| format!("test(={name})")).collect();
    names.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_told_the_same() {
        let slow = ["a::b".to_owned(), "c".to_owned()];
        assert_eq!(without(&slow, true), ["--no-fail-fast", "-E", "not (test(=a::b) | test(=c))"]);
        assert_eq!(without(&slow, false), ["--no-fail-fast", "--", "--skip", "a::b", "--skip", "c"]);
        assert_eq!(alone(&slow, true), ["-E", "test(=a::b) | test(=c)", "--no-fail-fast"]);
        assert_eq!(alone(&slow, false), ["--tests", "--no-fail-fast", "--", "a::b", "c"]);
    }

    #[test]
    fn every_name_on_the_list_is_a_test_of_this_house() {
        let root = crate::house::root().expect("the tests run in the house");
        let slow = read(&root).expect("the list is there");
        assert!(!slow.is_empty());
        let tree = crate::source::Tree::read(&root).expect("the house can be read");
        for name in slow {
            let last = name.rsplit("::").next().expect("a name has an end");
            let test = format!("fn {last}()");
            assert!(tree.sources.iter().any(|file| file.text.contains(&test)), "nobody has a test {name}");
        }
    }
}
