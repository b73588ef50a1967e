//! What can be typed. The doc comments here are the help text.

mod demo;
mod evidence;

pub use demo::{Demo, Down, On, Up};
pub use evidence::{
    AppendLog, Believe, Bundle, Certificate, CheckLog, Edition, KeyKind, Keys, Log, NewKey, NewLog, ProveLog,
    SignTrust, Verify,
};

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use scenarios::sweep::Shard;
use scenarios::token::file::EXTENSION;
use std::path::PathBuf;
use std::time::Duration;

/// Proves that a multi-tenant, multi-region platform keeps its promises, by seeded simulation.
#[derive(Parser, Debug)]
#[command(name = "cellproof", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 all held, 1 a requirement is broken, 2 wrong usage or input, 3 inconclusive.")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Plant a defect first (`list planted` names them).
    #[cfg(feature = "planted")]
    #[arg(long, value_name = "DEFECT", global = true, value_parser = defect)]
    pub planted: Option<&'static sim::planted::Defect>,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show what there is: scenarios, controls, requirements, faults, marks.
    List(List),
    /// Prove some scenarios; or run one seed, or run without a control.
    Run(Run),
    /// Prove every scenario and leave reports: what gates a release.
    Gate(Gate),
    /// Put the shards of a gate together: the reports that one gate would have written, to the byte.
    Merge(Merge),
    /// Run a token again and show what happened.
    Replay(Replay),
    /// Search for failures: runs made from what earlier runs showed.
    Explore(Explore),
    /// Look for the planted defect as a gate does, then as `explore` does, and shrink what was found.
    #[cfg(feature = "planted")]
    Hunt(Hunt),
    /// Make a run that failed as small as it can be, and tell its story.
    Shrink(Shrink),
    /// Draw a story of correlated faults, say what it may cost, run it, and compare.
    Drill(Drill),
    /// Show a finished gate's record in another format.
    Report(Report),
    /// Make keys that sign evidence.
    #[command(subcommand)]
    Keys(Keys),
    /// Sign the list of keys that verifiers believe, or show one.
    #[command(subcommand)]
    Trust(Edition),
    /// Make a signed evidence bundle for each tenant of a finished gate.
    Bundle(Bundle),
    /// Publish what was sealed in an append-only log, prove that it is there, and check a log.
    #[command(subcommand)]
    Log(Log),
    /// Issue a certificate on what bundles of a gate and assessments support, under a profile and not for long.
    Certificate(Certificate),
    /// Check a bundle, an assessment or a certificate: whose word it is, whether it was altered, and what it says.
    Verify(Verify),
    /// Ask a reference model: JSON lines in, JSON lines out.
    Model(Model),
    /// Compare a policy in Rego, access or auto-remediation, with the reference on a whole small space of questions.
    Policy(Policy),
    /// Judge a real deployment against the same requirements: its servers, policy, figures, logs and evidence.
    Certify(Certify),
    /// Print what `certify` takes as a trace: its schema, the forms of other logs, and what can be judged by it.
    Trace(Trace),
    /// Serve a reference model over the wire protocol of what it models, until it is ended.
    #[command(subcommand)]
    Host(Host),
    /// Start a small platform of real servers with chosen defects, to try `certify` on.
    #[command(subcommand)]
    Demo(Demo),
    /// Print a completion script.
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(hide = true)]
    Man,
}

/// What to list.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub enum Topic {
    /// Scenarios, with what happens in them.
    #[default]
    Scenarios,
    /// Controls, with what the platform does without them.
    Controls,
    /// The requirement catalogue.
    Requirements,
    /// Faults that a scenario or the swarm may inject.
    Faults,
    /// Marks that scenarios must reach.
    Marks,
    /// Defects that can be planted.
    #[cfg(feature = "planted")]
    Planted,
}

/// Arguments of `list`.
#[derive(Group, Debug)]
pub struct List {
    /// What to list.
    #[arg(value_enum, default_value_t)]
    pub topic: Topic,
    /// Print a JSON array of objects.
    #[arg(long)]
    pub json: bool,
}

/// Input files, shared by all commands that run something.
#[derive(Group, Clone, Default, Debug)]
pub struct Files {
    /// The platform under test, instead of the embedded reference.
    #[arg(long, value_name = "FILE")]
    pub platform: Option<PathBuf>,
    /// Its tenants, instead of the embedded ones.
    #[arg(long, value_name = "FILE")]
    pub tenants: Option<PathBuf>,
}

/// What runs the machines.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub enum Engine {
    /// The kernel: the reference, and the source of evidence.
    #[default]
    Kernel,
    /// Every word as bytes over simulated TCP, and mutual TLS by rustls: single runs, some tens of times slower.
    Turmoil,
}

/// Seeds from `A` up to, not including, `B`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seeds {
    /// First seed.
    pub from: u64,
    /// One past the last.
    pub until: u64,
}

/// Arguments of `run`.
#[derive(Group, Debug)]
pub struct Run {
    /// Scenarios by name; a name that ends in `/` stands for its whole group.
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Run this seed only, and show what was found.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,
    /// Run the seeds from A up to B (B excluded), and show what was found.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<Seeds>,
    /// Input files.
    #[command(flatten)]
    pub files: Files,
    /// What runs the machines.
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// Switch a control off; give it twice for two layers.
    #[arg(long, value_name = "CONTROL")]
    pub ablate: Vec<String>,
    /// What a verifier gave: the seeds of the proof come from it.
    #[arg(long, value_name = "TEXT", value_parser = nonce)]
    pub nonce: Option<String>,
    /// With --seed or --seeds: draw faults from the seed.
    #[arg(long)]
    pub faults: bool,
    /// Keep finished steps here, go on from them, and write reports here: a directory, or a URL as for `gate`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Forget what the directory holds, and begin anew.
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// Print the record as JSON.
    #[arg(long)]
    pub json: bool,
    /// With --seed, --seeds or --ablate: write the first run that went wrong, or the first of all, as a page to step
    /// through, beside its twin with other controls.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// With --seed, --seeds or --ablate: write the first run that went wrong, or the first of all, as a trace, and
    /// beside it, as FILE.toml, the deployment with which `certify` judges it.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Print one line `SEED DIGEST` a run, in order of seed, and nothing else.
    #[arg(long, conflicts_with_all = ["json", "html", "trace"])]
    pub digests: bool,
    /// Worker threads; all cores by default. Changes no result.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Calm and four swarm seeds, no ablations: a quick look.
    #[arg(long)]
    pub quick: bool,
}

/// A named selection of rows and floors. It never changes what a simulation does.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub enum Profile {
    /// Every scenario; rows without one are named, and accepted.
    #[default]
    Default,
    /// FedRAMP High.
    FedrampHigh,
    /// CJIS Security Policy.
    Cjis,
    /// GDPR.
    Gdpr,
    /// CCPA.
    Ccpa,
    /// SOC 2.
    Soc2,
    /// HIPAA.
    Hipaa,
    /// EU AI Act.
    EuAiAct,
}

impl Profile {
    /// What it selects.
    ///
    /// # Panics
    /// When the catalogue has no profile of this name, which a test of this file excludes.
    pub fn data(self) -> &'static sim::record::Profile {
        let name = self.to_possible_value();
        let found = name.and_then(|name| models::catalogue::profile::find(name.get_name()));
        found.expect("every name is in the catalogue")
    }
}

/// Arguments of `gate`.
#[derive(Group, Debug)]
pub struct Gate {
    /// Swarm seeds per scenario [default: 128; 4 with --quick, 1024 with --full].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub seeds: Option<u64>,
    /// Begin no further step after this time: `90s`, `5m`, `1h`. Too few runs are inconclusive; the same command goes
    /// on with the rest.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub time_budget: Option<Duration>,
    /// A named profile demands that a scenario judges every row that it selects.
    #[arg(long, value_enum, default_value_t)]
    pub profile: Profile,
    /// What a verifier gave: the seeds come from it, so nobody can have picked them.
    #[arg(long, value_name = "TEXT", value_parser = nonce)]
    pub nonce: Option<String>,
    /// Eight times the seeds everywhere: for a night, not for a commit.
    #[arg(long, conflicts_with = "quick")]
    pub full: bool,
    /// Calm and four swarm seeds, no ablations: a quick look.
    #[arg(long)]
    pub quick: bool,
    /// Do only part k of n, k from 0, and keep what it finds for `merge`.
    #[arg(long, value_name = "k/n", conflicts_with = "json")]
    pub shard: Option<Shard>,
    /// Replay first what `explore` kept here. Its runs are part of the plan; a damaged entry is refused.
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Where finished steps and reports go: a directory, or file:///PATH, s3://BUCKET/PATH, gs://…, az://… (all but
    /// the first two need the feature `object-store`). A gate that was stopped goes on from what is there.
    #[arg(long, value_name = "DIR", default_value = "cellproof-out")]
    pub out: PathBuf,
    /// Forget what the directory holds, and begin anew; without it another plan's results are never written over.
    #[arg(long)]
    pub overwrite: bool,
    /// Input files.
    #[command(flatten)]
    pub files: Files,
    /// Worker threads; all cores by default. Changes no result.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Print the record as JSON instead of the summary.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `merge`.
#[derive(Group, Debug)]
pub struct Merge {
    /// What `gate --shard k/n --out DIR` left: directories or URLs, in any order.
    #[arg(required = true, value_name = "DIR")]
    pub dirs: Vec<PathBuf>,
    /// Where reports go: a directory or a URL, as for `gate`.
    #[arg(long, value_name = "DIR", default_value = "cellproof-out")]
    pub out: PathBuf,
    /// Judge what is there: missing steps count as left out by a time budget, and too few are inconclusive.
    #[arg(long)]
    pub allow_missing: bool,
    /// Write over the reports of another gate.
    #[arg(long)]
    pub overwrite: bool,
    /// Print the record as JSON instead of the summary.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `replay`.
#[derive(Group, Debug)]
pub struct Replay {
    /// A token, a `.replay` file, or a file that holds a token.
    #[arg(value_name = "TOKEN|FILE")]
    pub token: String,
    /// Show nothing later than this: `3.2s`, `1500ms`.
    #[arg(long, value_name = "T", value_parser = span)]
    pub until: Option<Duration>,
    /// Switch a control off besides those of the token: see what it alone was stopping.
    #[arg(long, value_name = "CONTROL")]
    pub ablate: Vec<String>,
    /// Show everything, not only what attackers and findings caused.
    #[arg(long)]
    pub all: bool,
    /// Write the run as a page to step through, beside its twin with other controls.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Input files that the token was made with.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `explore`.
#[derive(Group, Debug)]
pub struct Explore {
    /// Scenarios by name, or groups by `group/`; all of them by default.
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Decides every edit; the same seed and corpus explore the same runs.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Runs per scenario.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub runs: u64,
    /// Begin no further round after this time, shared by all scenarios: `90s`, `5m`, `1h`.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub time_budget: Option<Duration>,
    /// Where runs worth keeping are kept; `gate --corpus` replays them.
    #[arg(long, value_name = "DIR", default_value = "cellproof-corpus")]
    pub corpus: PathBuf,
    /// Take fresh seeds only, as a sweep does: to compare with.
    #[arg(long)]
    pub random: bool,
    /// Input files.
    #[command(flatten)]
    pub files: Files,
    /// Worker threads; all cores by default. Changes no result.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Arguments of `shrink`.
#[derive(Group, Debug)]
pub struct Shrink {
    /// A token, a `.replay` file, or a file that holds a token.
    #[arg(value_name = "TOKEN|FILE")]
    pub token: String,
    /// Make at most about so many runs.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: u64,
    /// Begin no further run after this time: `30s`, `5m`. What was found by then can be shrunk further.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub time_budget: Option<Duration>,
    /// Write the result into this `.replay` file, instead of printing a token where it is short.
    #[arg(long, value_name = "FILE", value_parser = replay_file)]
    pub out: Option<PathBuf>,
    /// Worker threads; all cores by default. Changes no result, unless the time budget ends it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Input files that the token was made with.
    #[command(flatten)]
    pub files: Files,
}

/// Plans that `drill --export` writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Plan {
    /// A Workflow for Chaos Mesh.
    ChaosMesh,
    /// Proxies and calls for toxiproxy.
    Toxiproxy,
    /// The timeline that `drill --import` reads.
    Json,
}

/// Arguments of `drill`.
#[derive(Group, Debug)]
#[command(after_help = "Exit codes: 0 it cost no more than was said, 1 it cost more or broke a requirement, \
                  2 wrong usage or input, 3 too little was seen to say.")]
pub struct Drill {
    /// The seed that draws the story [default: 1].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Simulate a timeline instead: one that was exported, or written down after a real drill.
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    pub import: Option<PathBuf>,
    /// Write the story as a plan for another tool (chaos-mesh, toxiproxy, json) and run nothing.
    #[arg(long, num_args = 2, value_names = ["FORMAT", "FILE"], conflicts_with_all = ["ablate", "json", "out"])]
    pub export: Vec<String>,
    /// Switch a control off; give it twice for two layers.
    #[arg(long, value_name = "CONTROL")]
    pub ablate: Vec<String>,
    /// Carry the story out on the demonstration's containers, in its own time, and hold what is measured against what
    /// was said and against the simulation. What has no counterpart there is left out, and proves nothing.
    #[arg(long, value_name = "ENGINE", conflicts_with_all = ["export", "ablate", "months"])]
    pub on: Option<On>,
    /// With --on: the image, which `cargo xtask images` makes [default: $CELLPROOF_IMAGE, else cellproof-demo].
    #[arg(long, value_name = "NAME", requires = "on")]
    pub image: Option<String>,
    /// Instead of one story, draw so many months that each lose a cell, measure what that costs its tenants, and bound
    /// it (CEL-01); 59 is the least that can show 5 %.
    #[arg(long, value_name = "N", conflicts_with_all = ["import", "export", "ablate", "out", "json"],
          value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub months: Option<u64>,
    /// With --months: how many of them are simulated from end to end as well, to check the rest by.
    #[arg(long, value_name = "N", requires = "months", default_value_t = 3)]
    pub whole: u64,
    /// Write drill.json here: a directory, or a URL as for `gate`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the drill as JSON.
    #[arg(long)]
    pub json: bool,
    /// Input files.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `hunt`.
#[cfg(feature = "planted")]
#[derive(Group, Debug)]
pub struct Hunt {
    /// Compare exploring with plain random seeds instead, on the scenario nearest to the defect: from so many base
    /// seeds each.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub experiment: u64,
    /// Runs that each may make; exploring a scenario takes so many in its default budget.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub runs: u64,
}

/// Formats of `report`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// One self-contained page.
    Html,
    /// A summary for a pull request.
    Md,
    /// JUnit XML.
    Junit,
    /// The record itself.
    Json,
    /// The matrices, one fact a line.
    Csv,
    /// SARIF 2.1.0: what is broken or open, for whatever shows findings beside code.
    Sarif,
    /// OpenSLO v1: what is promised to each tenant in each cell.
    #[value(name = "openslo")]
    OpenSlo,
    /// Recording and alerting rules for Prometheus.
    Rules,
    /// What was counted for each objective, second by second, as OpenMetrics.
    Samples,
    /// OSCAL assessment results: observations and findings.
    OscalResults,
    /// OSCAL component definition: what the reference model implements.
    OscalComponents,
}

/// Arguments of `report`.
#[derive(Group, Debug)]
pub struct Report {
    /// A directory (or URL, as for `gate`) with the `report.json` of a gate.
    pub dir: PathBuf,
    /// Print this format; without it all files in the directory are written again.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
}

/// Arguments of `model`.
#[derive(Group, Debug)]
pub struct Model {
    /// The model to ask.
    #[arg(required_unless_present_any = ["list", "schema"])]
    pub name: Option<String>,
    /// List the models.
    #[arg(long, conflicts_with_all = ["name", "schema"])]
    pub list: bool,
    /// Print the JSON Schema of a model's lines.
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    pub schema: Option<String>,
}

/// Arguments of `certify`.
#[derive(Group, Debug)]
pub struct Certify {
    /// What to judge, as whom, and how far to go: a TOML file.
    #[arg(value_name = "DEPLOYMENT", required_unless_present = "init")]
    pub deployment: Option<PathBuf>,
    /// Print an annotated deployment to start from.
    #[arg(long, conflicts_with = "deployment")]
    pub init: bool,
    /// Take away what a judge that was killed left on the servers, and judge nothing.
    #[arg(long, conflicts_with = "init")]
    pub clean: bool,
    /// Print the report as JSON.
    #[arg(long, conflicts_with_all = ["init", "clean"])]
    pub json: bool,
    /// Leave the report there, certify.json; and with --key what may be shown of it, assessment.json, signed.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["init", "clean"])]
    pub out: Option<PathBuf>,
    /// The private key of the assessor, made by `keys new --role assessor`.
    #[arg(long, value_name = "FILE", requires = "resource", requires = "out")]
    pub key: Option<PathBuf>,
    /// What is judged: the URI that certificates on it name.
    #[arg(long, value_name = "URI", requires = "key")]
    pub resource: Option<String>,
    /// Sign as of this time instead of now: `2026-11-25T09:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = crate::when::parse, requires = "key")]
    pub now: Option<u64>,
}

/// Arguments of `trace`.
#[derive(Group, Debug)]
#[group(required = true, multiple = false)]
pub struct Trace {
    /// Print the JSON Schema of a line.
    #[arg(long)]
    pub schema: bool,
    /// List the built-in forms of other logs.
    #[arg(long)]
    pub forms: bool,
    /// Print one of them, to start an own one from.
    #[arg(long, value_name = "NAME")]
    pub form: Option<String>,
    /// Print which requirements a trace can show to be broken, and by which events.
    #[arg(long)]
    pub coverage: bool,
}

/// What to host.
#[derive(Subcommand, Debug)]
pub enum Host {
    /// A Kafka cluster: to try clients and `certify` on, never to keep anything.
    Kafka {
        /// Its properties, users, rules, topics and quotas: a TOML file.
        #[arg(value_name = "CLUSTER.toml")]
        cluster: PathBuf,
    },
}

/// Arguments of `policy`.
#[derive(Group, Debug)]
#[command(after_help = "Exit codes: 0 agrees, 1 disagrees, 2 does not compile, 3 needs a builtin that is not there.")]
pub struct Policy {
    /// A file of Rego, or a directory whose `.rego` files are compiled together.
    #[arg(value_name = "FILE.rego|DIR")]
    pub path: PathBuf,
    /// The policy's data, `{"tenants": {…}}` or its table alone in JSON, or a `tenants.yaml`; by default the
    /// `data.json` or `tenants.json` in DIR, or else the embedded tenants.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Print the judgement as JSON.
    #[arg(long)]
    pub json: bool,
    /// Worker threads; all cores by default. Changes no result.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Reads a nonce: printable, so that it can be said on a telephone, and never empty, which would say nothing.
fn nonce(text: &str) -> Result<String, String> {
    let fits = (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.into()) } else { Err("expected 1 to 256 printable ASCII characters without blanks".into()) }
}

/// Reads `A..B`.
fn seeds(text: &str) -> Result<Seeds, String> {
    let parsed = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match parsed {
        Some((from, until)) if from < until => Ok(Seeds { from, until }),
        Some((from, until)) => Err(format!("{from}..{until} holds no seed: expected A..B with A < B, B excluded")),
        None => Err("expected A..B, two whole numbers; B is excluded".into()),
    }
}

/// A defect by its name.
#[cfg(feature = "planted")]
fn defect(name: &str) -> Result<&'static sim::planted::Defect, String> {
    models::planted::find(name).ok_or_else(|| "no such defect: `cellproof list planted` names them".into())
}

/// A file that will be known as what it is when it is read again.
fn replay_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let fits = path.extension().is_some_and(|end| end == EXTENSION);
    if fits { Ok(path) } else { Err(format!("expected a name that ends in `.{EXTENSION}`")) }
}

/// Reads a span: a number with up to nine places, and `ms`, `s` (also when missing), `m` or `h`.
fn span(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let ns: u128 = match unit {
        "ms" => 1_000_000,
        "s" | "" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(format!("unknown unit `{unit}`: expected ms, s, m or h")),
    };
    let (whole, places) = number.split_once('.').unwrap_or((number, ""));
    let sound = !whole.is_empty() && whole.len() <= 9 && places.len() <= 9 && !places.contains('.');
    if !sound {
        return Err("expected a time such as 90s, 5m or 1.5h".into());
    }
    let digits: u128 = format!("{whole}{places}").parse().map_err(|_| "expected a number".to_owned())?;
    let total = digits * ns / 10u128.pow(places.len() as u32);
    Ok(Duration::from_nanos(u64::try_from(total).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_profile_has_its_data_and_can_be_typed() {
        let typed: Vec<&str> = Profile::value_variants().iter().map(|p| p.data().name.as_str()).collect();
        let mut known: Vec<&str> = models::catalogue::profile::all().iter().map(|p| p.name.as_str()).collect();
        known.sort_by_key(|name| typed.iter().position(|t| t == name));
        assert_eq!(typed, known);
    }

    #[test]
    fn a_nonce_can_be_said_and_is_never_empty() {
        assert!(nonce("n-17").is_ok() && nonce(&"x".repeat(256)).is_ok());
        assert!([&"x".repeat(257), "", "a b", "ä", "a\n"].iter().all(|text| nonce(text).is_err()));
    }

    #[test]
    fn spans_are_read_exactly() {
        let check = |text, expected| assert_eq!(span(text).ok(), expected, "{text}");
        check("90s", Some(Duration::from_secs(90)));
        check("5m", Some(Duration::from_secs(300)));
        check("1.5h", Some(Duration::from_secs(5_400)));
        check("3.25", Some(Duration::from_millis(3_250)));
        check("1500ms", Some(Duration::from_millis(1_500)));
        for text in ["", "s", "5 m", "-1s", "1.2.3s", "5d", "1e3s", "."] {
            check(text, None);
        }
    }

    #[test]
    fn a_range_of_seeds_excludes_its_end_and_is_never_empty() {
        assert_eq!(seeds("0..3"), Ok(Seeds { from: 0, until: 3 }));
        assert_eq!(seeds("0..18446744073709551615").map(|s| s.until), Ok(u64::MAX));
        for text in ["3..3", "4..3", "3", "a..b", "..", "0..=3", "-1..3"] {
            assert!(seeds(text).is_err(), "{text}");
        }
    }
}
