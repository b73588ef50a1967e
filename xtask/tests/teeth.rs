//! Teeth on a house of two rooms: one control that the gate misses when it is gone, and one that nobody misses.
//!
//! The small house has no dependencies, so each of its builds takes a second.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FILES: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"models\", \"conformance\"]\n[profile.teeth]\ninherits = \"dev\"\n",
    ),
    ("models/Cargo.toml", "[package]\nname = \"models\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    (
        "models/src/lib.rs",
        "//! Small.\npub mod cache;\npub struct Control(&'static str);\npub struct Controls;\nimpl Controls {\n    \
         pub fn on(&self, control: &Control) -> bool { !control.0.is_empty() }\n}\n\
         #[macro_export]\nmacro_rules! control { ($id:literal) => { $crate::Control::new($id) }; }\n\
         impl Control { pub const fn new(id: &'static str) -> Control { Control(id) } }\n",
    ),
    (
        "models/src/cache.rs",
        "//! Keys.\nuse crate::{Control, Controls, control};\n\
         pub const KEY: Control = control!(\"cache.key\");\n\
         pub const DECOR: Control = control!(\"cache.decor\");\n\
         pub fn key(controls: &Controls, tenant: &str) -> String {\n    \
             let _ = controls.on(&DECOR);\n    \
             if controls.on(&KEY) { format!(\"{tenant}:k\") } else { \"k\".to_owned() }\n}\n",
    ),
    (
        "conformance/Cargo.toml",
        "[package]\nname = \"conformance\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [[bin]]\nname = \"cellproof\"\npath = \"src/main.rs\"\n[dependencies]\nmodels = { path = \"../models\" }\n",
    ),
    (
        "conformance/src/main.rs",
        "//! A gate.\nuse models::{Controls, cache::key};\nfn main() {\n    \
         if key(&Controls, \"acme\") == key(&Controls, \"beta\") {\n        \
             println!(\"breach of TEN-02: beta reads what acme wrote\");\n        std::process::exit(1);\n    }\n}\n",
    ),
    ("xtask/README", "its folder marks the top of the checkout\n"),
];

struct House(PathBuf);

impl House {
    fn new(name: &str) -> House {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("house-{name}-{}", std::process::id()));
        for (path, text) in FILES {
            let file = top.join(path);
            fs::create_dir_all(file.parent().expect("it is below the top")).expect("the folder is ours");
            fs::write(file, text).expect("the folder is ours");
        }
        House(top)
    }

    fn teeth(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg("teeth")
            .args(args)
            .current_dir(&self.0)
            .env("CARGO_MANIFEST_DIR", self.0.join("xtask"))
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .expect("it was just built")
    }

    fn check(&self, args: &[&str], code: i32, parts: &[&str]) {
        let output = self.teeth(args);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{said}");
        for part in parts {
            assert!(said.contains(part), "`{part}` is missing in\n{said}");
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn a_control_that_nobody_misses_is_named_and_the_checkout_is_only_read() {
    let house = House::new("missed");
    house.check(&["--only", "cache.key"], 0, &["cache.key", "TEN-02", "1 of 1 controls are missed"]);
    house.check(&[], 1, &["`cache.decor` can be taken away", "1 of 2 controls", "again: cargo xtask teeth --only"]);
    for (path, text) in FILES {
        assert_eq!(fs::read_to_string(house.0.join(path)).as_deref().ok(), Some(*text), "{path}");
    }
}

#[test]
fn a_gate_that_is_red_beforehand_proves_nothing() {
    let house = House::new("red");
    fs::write(house.0.join("conformance/src/main.rs"), "//! Red.\nfn main() { std::process::exit(1) }\n")
        .expect("ours");
    house.check(&[], 3, &["nothing is proved"]);
}

#[test]
fn an_unknown_control_is_bad_usage() {
    House::new("unknown").check(&["--only", "cache.nothing"], 2, &["there is no control `cache.nothing`"]);
}
