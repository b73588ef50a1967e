//! The command lines of `cellproof` that the workshop types. They stand here and nowhere else.

/// The gate that every change runs. `--out DIR` follows.
pub const GATE: &[&str] = &["gate"];

/// The gate for one removed control. `--seeds N` and `--out DIR` follow.
///
/// With ablations: where two layers hold, taking one away shows only in the verdict of the other.
pub const GATE_FEW: &[&str] = &["gate"];

/// Swarm seeds of that gate, when nothing else is asked for.
pub const SEEDS_FEW: u32 = 2;

/// Prints one line `SEED DIGEST` for each run.
pub const DIGESTS: &[&str] = &["run", "stride/disclosure-cache-bleed", "--seeds", "0..1000", "--digests"];

/// The number of worker threads of a run.
pub const THREADS: &str = "RAYON_NUM_THREADS";

/// What a gate leaves in its `--out` folder.
pub const REPORTS: &[&str] = &[
    "report.json",
    "summary.md",
    "junit.xml",
    "report.html",
    "matrix.csv",
    "results.sarif",
    "objectives.openslo.yaml",
    "rules.yml",
    "samples.openmetrics",
    "assessment-results.json",
    "component-definition.json",
];
