//! A copy of the checkout that costs nothing the second time.
//!
//! A file is written only when its bytes differ, so that cargo, which looks at times, rebuilds only what changed.

use crate::house;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Makes `to` equal to `from`, without what no command reads.
pub fn mirror(from: &Path, to: &Path) -> Result<(), String> {
    folder(from, to).map_err(|e| format!("failed to copy {} to {}: {e}", from.display(), to.display()))
}

fn folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    let mut kept = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if house::UNREAD.iter().any(|unread| name == *unread) {
            continue;
        }
        let (source, copy) = (entry.path(), to.join(&name));
        if fs::metadata(&source)?.is_dir() {
            folder(&source, &copy)?;
        } else {
            let bytes = fs::read(&source)?;
            if fs::read(&copy).ok().as_ref() != Some(&bytes) {
                fs::write(&copy, bytes)?;
            }
        }
        kept.insert(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if kept.contains(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_follows_its_source_and_leaves_equal_files_alone() {
        let place = std::env::temp_dir().join(format!("xtask-copy-{}", std::process::id()));
        let (from, to) = (place.join("from"), place.join("to"));
        let write = |path: &str, text: &str| fs::write(from.join(path), text).expect("the folder is ours");
        let read = |path: &str| fs::read_to_string(to.join(path)).ok();
        fs::create_dir_all(from.join("a/target")).expect("the folder is ours");
        write("a/x.rs", "one");
        write("a/y.rs", "two");
        write("a/target/z", "built");
        mirror(&from, &to).expect("both are ours");
        assert_eq!((read("a/x.rs").as_deref(), read("a/target/z")), (Some("one"), None));
        let stamp = |path: &str| fs::metadata(to.join(path)).and_then(|m| m.modified()).ok();
        let before = stamp("a/x.rs");
        fs::remove_file(from.join("a/y.rs")).expect("it was there");
        write("a/n.rs", "new");
        mirror(&from, &to).expect("both are ours");
        assert_eq!((read("a/y.rs"), read("a/n.rs").as_deref()), (None, Some("new")));
        assert_eq!(stamp("a/x.rs"), before);
        fs::remove_dir_all(&place).ok();
    }
}
