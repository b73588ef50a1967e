//! The plan of the house, as data: who stands on which floor, what may lie at the top, how long is too long.
//!
//! A new arrow between crates or a new floor inside `models` is one line here, and the commit says why it is needed.

use std::path::{Path, PathBuf};

/// What must lie at the top of the checkout. Hidden files may lie there too.
pub const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "conformance",
    "fuzz",
    "models",
    "reports",
    "scenarios",
    "sim",
    "xtask",
];

/// What a build or a run leaves at the top; never committed, never read.
pub const LEFTOVERS: &[&str] = &["target", "cellproof-out"];

/// Folders that no command reads, wherever they lie.
pub const UNREAD: &[&str] = &[".git", "target", "cellproof-out", "corpus", "artifacts", "node_modules"];

/// Which packages of the house a package may depend on, tests included. A package that is not listed is not planned.
pub const ARROWS: &[(&str, &[&str])] = &[
    ("sim", &[]),
    // It stands between a user's code and the reference platform, on whatever sockets an engine has.
    ("sim/guest", &["models", "sim"]),
    // It carries the reference platform's words and opens TLS with its SVIDs; scenarios are what its example runs.
    ("sim/turmoil", &["models", "scenarios", "sim", "sim-guest"]),
    // Outside the workspace: it runs the forms of scenarios on madsim, and nobody depends on it.
    ("sim/madsim", &["models", "scenarios", "sim", "sim-guest"]),
    ("models", &["sim"]),
    ("scenarios", &["models", "sim"]),
    ("reports", &["sim"]),
    ("conformance", &["models", "reports", "scenarios", "sim", "sim-turmoil"]),
    ("fuzz", &["models", "sim"]),
    ("xtask", &[]),
];

/// Packages that depend on nothing at all.
pub const IMPORTS_NOBODY: &[&str] = &["xtask"];

/// Packages where a run must be a function of its seed: no clock, no thread, no unordered iteration.
pub const DETERMINISTIC: &[&str] = &["sim", "models", "scenarios"];

/// Modules of `models` that every component may import.
pub const FLOOR: &[&str] = &["control", "crypto", "fact", "ids", "luck", "marker", "planted", "saas", "wire"];

/// Modules of `models` that may import everything: they know the whole platform, and no component knows them.
pub const ROOF: &[&str] = &["catalogue", "config", "oracles", "platform"];

/// What a component may take from another one: who, the module and what lies in it, and why. Nothing else crosses.
pub const DOORS: &[(&str, &str, &str)] = &[
    ("app", "cache", "a service is linked with the client library of its cache, which builds keys and fences reads"),
    ("app", "kafka::publisher", "a service is linked with the client library of its broker"),
    ("app", "kafka::spillover", "which goes to another cell's brokers when its own do not answer"),
    ("app", "objects::client", "a service is linked with the client library of its object store, which reads names"),
    ("app", "console", "a service is linked with the analysis of what operators want to run"),
    ("app", "graph::client", "a service is linked with the driver of its graph database, which guards statements"),
    ("app", "breaker", "a breaker is a library of the caller: a ring that takes `now`"),
    ("app", "retry", "the allowance that came with a request is spent by the hop that retries"),
    ("gateway", "retry", "a budget for retries is a library of the caller"),
    ("mirror", "kafka::route", "a mirror is a client of two clusters and finds leaders as every client does"),
    ("witness", "kafka::route", "a witness reads audit topics and finds leaders as every client does"),
    ("offline", "kafka::route", "an exporter reads topics and finds leaders as every client does"),
    ("offline", "policy", "an offline cell carries the policy's decision with it: there is no agent to ask"),
    ("offline", "postgres", "an offline cell restores a dump into a database of its own, fences included"),
    ("gitops", "policy::suite", "a pipeline runs the tests that a policy bundle ships"),
    ("gitops", "policy::data", "what a tenants file means to the policy is compiled from it when it is merged"),
    ("gitops", "config", "a version of tenants.yaml is reviewed by the reader of all others"),
    ("kube", "config::read", "what an id of a tenant looks like is said in one place"),
    ("policy", "config", "the data of a policy bundle is compiled from tenants.yaml"),
];

/// Circles that stay, by package and members, and why no line between them would be honest.
pub const KNOTS: &[(&str, &[&str], &str)] = &[(
    "models",
    &["postgres::primary", "postgres::standby"],
    "promotion turns a standby into a primary and rejoining turns it back: each is made from the other",
)];

/// Folders of `scenarios/src`; every file in them is a scenario.
pub const GROUPS: &[&str] = &["stride", "abuse", "analytics", "reuse", "chaos", "fuzz", "ops", "canary"];

/// Generated lists. They name everything by nature, so the search for circles passes them over.
pub const LISTS: &[&str] = &["models/src/control/ids.rs", "models/src/registry.rs", "scenarios/src/catalogue/list.rs"];

/// Columns of a line of Rust.
pub const COLUMNS_MAX: usize = 120;
/// Lines of a file: past the first look for the second noun, past the second it is an error.
pub const FILE_LINES: (usize, usize) = (400, 700);
/// Lines of a function: one screen, and what no reader holds in the head any more.
pub const FUNCTION_LINES: (usize, usize) = (70, 100);

/// Words banned in [`DETERMINISTIC`] packages, and why. Clippy bans the same by type; this net also holds where clippy
/// is not installed, and in code that is compiled out.
pub const BANNED: &[(&str, &str)] = &[
    ("HashMap", "its order differs from run to run: use BTreeMap"),
    ("HashSet", "its order differs from run to run: use BTreeSet"),
    ("RandomState", "its keys differ from process to process"),
    ("Instant::now", "time comes in as `now: sim::Instant`"),
    ("SystemTime", "time comes in as `now: sim::Instant`"),
    ("thread_rng", "draws come from the seed, keyed by purpose and cause"),
    ("rand::random", "draws come from the seed, keyed by purpose and cause"),
    ("tokio::spawn", "models are sans-IO: no runtime"),
    ("thread::spawn", "a world runs on one thread"),
    ("thread::sleep", "time comes in as `now: sim::Instant`"),
];

/// The top of the checkout: where cargo says that this package lies, else the nearest workspace above.
pub fn root() -> Result<PathBuf, String> {
    if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR")
        && let Some(root) = Path::new(&package).parent()
        && root.join("xtask").is_dir()
    {
        return Ok(root.to_owned());
    }
    let here = std::env::current_dir().map_err(|e| format!("failed to find the working directory: {e}"))?;
    here.ancestors()
        .find(|dir| dir.join("xtask/src/house.rs").is_file())
        .map(Path::to_owned)
        .ok_or_else(|| format!("{} is not inside a checkout of this project", here.display()))
}

/// Where builds go: `CARGO_TARGET_DIR`, else `target` at the top.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}
