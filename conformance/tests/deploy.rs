//! What stands in `deploy/` is what the command line takes: the arguments parse, and the shards that are made are the
//! shards that are merged.

use clap::Parser;
use conformance::args::{Args, Command, Gate, Merge};
use serde_json::Value;
use std::collections::BTreeSet;

fn documents(file: &str) -> Vec<Value> {
    let path = format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn parsed<'a>(arguments: impl Iterator<Item = &'a str>) -> Command {
    Args::try_parse_from(std::iter::once("cellproof").chain(arguments)).unwrap_or_else(|e| panic!("{e}")).command
}

fn gate(command: Command) -> Gate {
    if let Command::Gate(gate) = command { gate } else { panic!("not a gate: {command:?}") }
}

fn merge(command: Command) -> Merge {
    if let Command::Merge(merge) = command { merge } else { panic!("not a merge: {command:?}") }
}

/// The shards are 0 to n - 1 of n, each in its own place, and exactly these places are merged.
fn check(shards: &[Gate], merge: &Merge) {
    let n = shards.len();
    for (k, gate) in shards.iter().enumerate() {
        assert_eq!(gate.shard.map(|s| s.to_string()), Some(format!("{k}/{n}")));
    }
    let out = |path: &std::path::PathBuf| path.to_str().expect("UTF-8").to_owned();
    let left: BTreeSet<String> = shards.iter().map(|gate| out(&gate.out)).collect();
    assert_eq!(left.len(), n);
    assert_eq!(merge.dirs.iter().map(out).collect::<BTreeSet<_>>(), left);
    assert!(!merge.allow_missing && !left.contains(&out(&merge.out)));
}

#[test]
fn the_kubernetes_jobs_make_and_merge_the_same_shards() {
    let container = |job: &Value| job["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    let words = |args: &Value, k: u64| -> Vec<String> {
        let word = |arg: &Value| arg.as_str().expect("a word").replace("$(JOB_COMPLETION_INDEX)", &k.to_string());
        args.as_array().expect("arguments").iter().map(word).collect()
    };
    let shards = documents("shards.yaml").into_iter().find(|d| d["kind"] == "Job").expect("a job");
    assert_eq!(shards["spec"]["completionMode"], "Indexed");
    let completions = shards["spec"]["completions"].as_u64().expect("a number");
    let args = container(&shards);
    let gates: Vec<Gate> = (0..completions).map(|k| gate(parsed(words(&args, k).iter().map(String::as_str)))).collect();
    let merging = words(&container(&documents("merge.yaml")[0]), 0);
    check(&gates, &merge(parsed(merging.iter().map(String::as_str))));
}

#[test]
fn the_matrix_of_a_ci_makes_and_merges_the_same_shards() {
    let workflow = documents("github-actions.yaml").remove(0);
    let run = |job: &str| -> String {
        let steps = workflow["jobs"][job]["steps"].as_array().expect("steps").iter();
        let mut runs = steps.filter_map(|step| step["run"].as_str()?.strip_prefix("cargo run --release --locked -- "));
        runs.next().expect("a step that runs the product").to_owned()
    };
    let matrix = &workflow["jobs"]["shard"]["strategy"]["matrix"]["k"];
    let shards: Vec<Gate> = matrix
        .as_array()
        .expect("a matrix")
        .iter()
        .map(|k| gate(parsed(run("shard").replace("${{ matrix.k }}", &k.to_string()).split(' '))))
        .map(|gate| Gate { out: format!("shards/shard-{}", gate.shard.map_or(String::new(), number)).into(), ..gate })
        .collect();
    check(&shards, &merge(parsed(run("merge").split(' '))));
}

/// Artifacts are named by k.
fn number(shard: scenarios::sweep::Shard) -> String {
    shard.to_string().split('/').next().unwrap_or_default().to_owned()
}
