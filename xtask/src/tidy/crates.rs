//! Who stands where: the top of the checkout, the arrows between packages, files that nobody compiles, circles inside a
//! crate, and components that reach into each other.

use super::remark::Remark;
use crate::house;
use crate::imports;
use crate::manifest;
use crate::modules::{self, Crate};
use crate::source::Tree;
use std::collections::BTreeSet;

pub fn check(tree: &Tree) -> Vec<Remark> {
    let mut found = Vec::new();
    top(tree, &mut found);
    let houses = tree.packages().into_iter().map(|package| (package, modules::crates(tree, package)));
    let houses: Vec<(&str, Vec<Crate>)> = houses.collect();
    dead_files(tree, houses.iter().flat_map(|(_, crates)| crates), &mut found);
    for (package, crates) in houses {
        arrows(tree, package, &mut found);
        for krate in &crates {
            circles(tree, krate, &mut found);
            if package == "models" {
                neighbours(tree, krate, &mut found);
            }
        }
    }
    found
}

fn top(tree: &Tree, found: &mut Vec<Remark>) {
    let all = tree.sources.iter().map(|s| &s.path).chain(tree.others.iter().map(|o| &o.path));
    let names: BTreeSet<&str> = all.filter_map(|path| path.split('/').next()).collect();
    for name in names.iter().filter(|n| !n.starts_with('.') && !house::TOP.contains(n) && !house::LEFTOVERS.contains(n))
    {
        found.push(Remark::wrong(*name, "does not belong at the top of the checkout"));
    }
    for name in house::TOP.iter().filter(|n| !names.contains(*n)) {
        found.push(Remark::wrong(*name, "is missing at the top of the checkout"));
    }
}

fn arrows(tree: &Tree, package: &str, found: &mut Vec<Remark>) {
    let place = format!("{package}/Cargo.toml");
    let text = tree.other(&place).map_or("", |m| m.text.as_str());
    let Some((_, allowed)) = house::ARROWS.iter().find(|(name, _)| *name == package) else {
        found.push(Remark::wrong(
            place,
            "is not in the plan of the house: add it to xtask/src/house.rs with its arrows",
        ));
        return;
    };
    for name in manifest::dependencies(text) {
        // A package in a folder of another one carries both names: `sim/turmoil` is `sim-turmoil`.
        let ours = house::ARROWS.iter().any(|(package, _)| package.replace('/', "-") == name);
        // A package's tests may take the package itself, with a feature that only they need.
        if ours && name != package && !allowed.contains(&name.as_str()) {
            found.push(Remark::wrong(&place, format!("`{package}` must not depend on `{name}`")));
        } else if house::IMPORTS_NOBODY.contains(&package) {
            found.push(Remark::wrong(&place, format!("`{package}` imports nobody, but depends on `{name}`")));
        }
    }
}

/// A file may be compiled as part of another package, where a `#[path]` leads out of it.
fn dead_files<'a>(tree: &Tree, crates: impl Iterator<Item = &'a Crate>, found: &mut Vec<Remark>) {
    let alive: BTreeSet<&str> = crates.flat_map(|c| &c.modules).map(|m| m.file.as_str()).collect();
    let included = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        tree.sources.iter().any(|s| s.code.contains("include") && s.text.contains(&format!("{name}\")")))
    };
    for source in tree.sources.iter().filter(|s| tree.package_of(&s.path).is_some()) {
        if !alive.contains(source.path.as_str()) && !included(&source.path) {
            found.push(Remark::wrong(&source.path, "nobody compiles it: no `mod` line leads here"));
        }
    }
}

fn circles(tree: &Tree, krate: &Crate, found: &mut Vec<Remark>) {
    let graph = imports::graph(tree, krate);
    let knots = imports::circles(&imports::between_rooms(&graph, krate));
    let names = |circle: &[usize]| circle.iter().map(|n| name(krate, *n)).collect::<Vec<_>>().join(", ");
    for knot in knots.iter().filter(|knot| !stays(krate, knot)) {
        let place = &krate.modules[knot[0]].file;
        found.push(Remark::wrong(place, format!("modules import each other in a circle: {}", names(knot))));
    }
    for circle in
        imports::circles(&graph).iter().filter(|c| !knots.iter().any(|knot| knot.iter().any(|n| c.contains(n))))
    {
        let place = &krate.modules[circle[0]].file;
        found.push(Remark::look(place, format!("a module and its own parts need each other: {}", names(circle))));
    }
}

/// Whether the plan of the house keeps exactly this circle, with a reason.
fn stays(krate: &Crate, knot: &[usize]) -> bool {
    let members: Vec<String> = knot.iter().map(|n| name(krate, *n)).collect();
    let package = krate.modules[0].file.split('/').next().unwrap_or_default();
    house::KNOTS.iter().any(|(owner, kept, _)| *owner == package && members == *kept)
}

fn name(krate: &Crate, module: usize) -> String {
    match krate.modules[module].path.as_slice() {
        [] => "the root".to_owned(),
        path => path.join("::"),
    }
}

/// Components share protocol words and never know each other; only the roof knows several.
fn neighbours(tree: &Tree, krate: &Crate, found: &mut Vec<Remark>) {
    let room = |module: usize| krate.modules[module].path.first().map(String::as_str);
    for (from, targets) in imports::graph(tree, krate) {
        for to in targets {
            let (Some(here), Some(there)) = (room(from), room(to)) else { continue };
            let whole = name(krate, to);
            let free = here == there || house::FLOOR.contains(&there) || house::ROOF.contains(&here);
            if free || house::DOORS.iter().any(|(who, door, _)| *who == here && is_within(&whole, door)) {
                continue;
            }
            let place = &krate.modules[from].file;
            found.push(Remark::wrong(place, format!("`{here}` reaches into `{there}` ({whole})")));
        }
    }
}

/// Whether `module` is `door` or lies behind it.
fn is_within(module: &str, door: &str) -> bool {
    module.strip_prefix(door).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], wanted: &[&str]) {
        let found: Vec<String> = super::check(&Tree::of(files))
            .into_iter()
            .filter(|r| !r.says.contains("at the top"))
            .map(|r| format!("{} {}", r.place, r.says))
            .collect();
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for (says, part) in found.iter().zip(wanted) {
            assert!(says.contains(part), "{says} / {part}");
        }
    }

    #[test]
    fn the_top_holds_what_is_planned_and_nothing_else() {
        let found = super::check(&Tree::of(&[("README.md", ""), ("notes.md", ""), (".ci/run", "")]));
        let says = |name: &str| found.iter().filter(|r| r.place == name).map(|r| r.says.as_str()).collect::<Vec<_>>();
        assert_eq!(says("notes.md"), ["does not belong at the top of the checkout"]);
        assert_eq!(says("sim"), ["is missing at the top of the checkout"]);
        assert!(says("README.md").is_empty() && says(".ci").is_empty());
    }

    #[test]
    fn an_arrow_against_the_plan_is_named() {
        check(&[("models/Cargo.toml", "[dependencies]\nsim.workspace = true\nserde = \"1\"\n")], &[]);
        check(&[("reports/Cargo.toml", "[dev-dependencies]\nreports = { path = \".\" }\n")], &[]);
        check(
            &[("sim/Cargo.toml", "[dev-dependencies]\nmodels = { path = \"../models\" }\n")],
            &["depend on `models`"],
        );
        check(&[("xtask/Cargo.toml", "[dependencies]\nregex = \"1\"\n")], &["imports nobody"]);
        check(&[("other/Cargo.toml", "")], &["not in the plan"]);
    }

    #[test]
    fn a_file_that_nobody_compiles_is_named() {
        check(
            &[("sim/Cargo.toml", ""), ("sim/src/lib.rs", "mod a;"), ("sim/src/a.rs", ""), ("sim/src/b.rs", "")],
            &["sim/src/b.rs nobody compiles it"],
        );
        let shared = ("sim/examples/own/a.rs", "");
        check(&[("sim/Cargo.toml", ""), ("models/Cargo.toml", ""), shared], &["own/a.rs nobody compiles it"]);
        let user = ("models/examples/e.rs", "#[path = \"../../sim/examples/own/a.rs\"]\nmod a;");
        check(&[("sim/Cargo.toml", ""), ("models/Cargo.toml", ""), shared, user], &[]);
    }

    #[test]
    fn components_share_the_floor_and_only_the_roof_knows_several() {
        let lib = ("models/src/lib.rs", "mod cache; mod kafka; mod wire; mod platform;");
        let house = [
            ("models/Cargo.toml", ""),
            lib,
            ("models/src/cache.rs", "use crate::wire::Resp; use crate::kafka::Topic;"),
            ("models/src/kafka.rs", "use crate::wire;"),
            ("models/src/platform.rs", "use crate::{cache, kafka};"),
            ("models/src/wire.rs", ""),
        ];
        check(&house, &["`cache` reaches into `kafka`"]);
    }

    #[test]
    fn a_door_lets_through_whom_it_names_and_leads_no_further() {
        let house = |user: &'static str| {
            [
                ("models/Cargo.toml", ""),
                ("models/src/lib.rs", "mod app; mod idp; mod kafka;"),
                ("models/src/app.rs", user),
                ("models/src/idp.rs", ""),
                ("models/src/kafka.rs", "pub mod publisher; pub mod publishers;"),
                ("models/src/kafka/publisher.rs", ""),
                ("models/src/kafka/publishers.rs", ""),
            ]
        };
        check(&house("use crate::kafka::publisher::Publisher;"), &[]);
        check(&house("use crate::kafka::publishers;"), &["`app` reaches into `kafka`"]);
        check(&house("use crate::idp;"), &["`app` reaches into `idp`"]);
    }

    #[test]
    fn a_circle_stays_only_if_the_plan_names_all_of_it() {
        let house = |standby: &'static str, log: &'static str| {
            [
                ("models/Cargo.toml", ""),
                ("models/src/lib.rs", "mod postgres;"),
                ("models/src/postgres.rs", "mod log; mod primary; mod standby;"),
                ("models/src/postgres/log.rs", log),
                ("models/src/postgres/primary.rs", "use super::standby::Standby;"),
                ("models/src/postgres/standby.rs", standby),
            ]
        };
        check(&house("use super::primary::Primary;", ""), &[]);
        check(&house("use super::log::Log;", "use super::primary::Primary;"), &["in a circle"]);
    }
}
