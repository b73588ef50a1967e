//! One rate of burning, tried by `promtool test rules`: series are made up, and what rings is asked.

use serde_json::{Value, json};
use sim::measure::{AlertRule, BurnRate, Objective};
use sim::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, process};

/// What is made up for a window of the workbook, because a month of minutes takes minutes to evaluate.
struct Grain {
    /// The window.
    long_s: u64,
    /// Calm before the burn: so much that no longer window fills up with it.
    calm_s: u64,
    /// Between two samples while it burns. In the calm there is one every half hour.
    step_s: u64,
    /// How often rules are evaluated.
    every_s: u64,
}

const GRAINS: [Grain; 4] = [
    Grain { long_s: 3_600, calm_s: 86_400, step_s: 60, every_s: 300 },
    Grain { long_s: 21_600, calm_s: 216_000, step_s: 60, every_s: 600 },
    Grain { long_s: 86_400, calm_s: 172_800, step_s: 300, every_s: 1_800 },
    Grain { long_s: 259_200, calm_s: 172_800, step_s: 300, every_s: 3_600 },
];

/// Between two samples in the calm.
const CALM_STEP_S: u64 = 1_800;
/// Requests of a tenant in a second: enough for whatever least number an alert asks for.
const REQUESTS: f64 = 1_000.0;
/// How much faster than allowed the one burns: it shows before the window is over, with time for a rule to wait.
const FASTER: f64 = 1.5;
/// How much slower than allowed its neighbour burns. No other of the four rules may tell of it either.
const SLOWER: f64 = 0.8;

/// The series that rules go by, with `{tenant}` and `{cell}`, and the labels by which alerts name both.
#[derive(Clone, Debug)]
pub struct Names {
    /// Series in which a request that went well counts.
    pub good: Vec<String>,
    /// Series in which one counts that did not.
    pub bad: Vec<String>,
    /// The label of the tenant.
    pub tenant: String,
    /// The label of the cell, if there is one.
    pub cell: Option<String>,
}

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Nobody is told in time.
    Silent,
    /// Somebody is told of who burns slower than that.
    Early,
    /// It rings on when the burn is over.
    Late,
}

impl Kind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Silent => "told in time and by name",
            Kind::Early => "not told before its rate",
            Kind::Late => "ends when the burn does",
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What kind.
    pub kind: Kind,
    /// In words.
    pub what: String,
    /// Whose budget.
    pub tenant: String,
    /// The series that showed it.
    pub series: String,
    /// When.
    pub at: String,
    /// What was seen.
    pub saw: String,
}

/// A rate, and its windows.
pub struct Trial {
    rate: f64,
    budget: f64,
    short_s: u64,
    grain: &'static Grain,
}

/// Questions, by number: of whom, what is wrong if the answer is no, and when it is asked.
pub type Asked = BTreeMap<usize, (Who, Kind, u64)>;
/// Who burns, who is near, and the cell.
type Who = (String, String, String);

fn seconds(time: Duration) -> u64 {
    time.as_nanos() / 1_000_000_000
}

impl Trial {
    /// A rate of the workbook.
    ///
    /// # Errors
    /// Even if every request fails the budget does not burn so fast.
    pub fn new(rule: AlertRule, period: Duration, promised: Objective) -> Result<Trial, String> {
        BurnRate::spending(rule.share_ppm, period, rule.long).map_err(|e| e.to_string())?;
        let (long_s, short_s) = (seconds(rule.long), seconds(rule.short));
        let rate = f64::from(rule.share_ppm) * seconds(period) as f64 / long_s as f64 / 1e6;
        let budget = f64::from(promised.budget_ppm()) / 1e6;
        let grain = GRAINS.iter().find(|grain| grain.long_s == long_s).ok_or("a window that nothing is made up for")?;
        match rate * budget * FASTER < 1.0 {
            true => Ok(Trial { rate, budget, short_s, grain }),
            false => Err(format!("a budget of {promised} cannot burn {rate} times as fast as it may")),
        }
    }

    fn over_s(&self) -> u64 {
        self.grain.calm_s + self.grain.long_s
    }

    /// Asks what must be so of one place that burns.
    pub fn ask(&self, asked: &mut Asked, (tenant, near, cell): (&str, &str, &str)) {
        let who = (tenant.to_owned(), near.to_owned(), cell.to_owned());
        let mut ask = |kind, at| asked.insert(asked.len(), (who.clone(), kind, at));
        ask(Kind::Silent, self.over_s());
        ask(Kind::Early, self.over_s());
        // A day of this fills more than a third of three days, which may be told for longer.
        if self.grain.long_s != 86_400 {
            ask(Kind::Late, self.over_s() + self.short_s + self.grain.every_s);
        }
    }

    /// Runs the rules.
    ///
    /// # Errors
    /// They are none, or the program says something else.
    pub fn run(&self, promtool: &Path, rules: &str, names: &Names, asked: &Asked) -> Result<Vec<Fault>, String> {
        let dir = env::temp_dir().join(format!("cellproof-alerts-{}-{}", process::id(), self.grain.long_s));
        let told = |e: std::io::Error| format!("{}: {e}", dir.display());
        fs::create_dir_all(&dir).map_err(told)?;
        fs::write(dir.join("rules.yml"), rules).map_err(told)?;
        // JSON is YAML.
        fs::write(dir.join("test.yml"), self.file(names, asked).to_string()).map_err(told)?;
        let mut command = Command::new(promtool);
        command.args(["test", "rules", "test.yml"]).current_dir(&dir).stdin(Stdio::null());
        let output = command.output().map_err(|e| format!("failed to start promtool: {e}"))?;
        // What is left of it disturbs nobody.
        let _ = fs::remove_dir_all(&dir);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let failed = said.match_indices(QUESTION).filter_map(|(at, lead)| number(&said[at + lead.len()..]));
        let failed: Vec<usize> = failed.collect();
        if failed.is_empty() && !output.status.success() {
            return Err(format!("promtool: {}", said.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        let failed = failed.iter().filter_map(|n| asked.get(n));
        Ok(failed.map(|(who, kind, at)| self.fault(names, who, *kind, *at)).collect())
    }

    fn file(&self, names: &Names, asked: &Asked) -> Value {
        let mut tests: BTreeMap<&Who, Vec<Value>> = BTreeMap::new();
        for (n, (who, kind, at)) in asked {
            let (tenant, near, cell) = who;
            let rings = |tenant: &str| {
                let of_cell = names.cell.as_ref().map(|label| format!(",{label}=\"{cell}\"")).unwrap_or_default();
                format!("count(ALERTS{{alertstate=\"firing\",{}=\"{tenant}\"{of_cell}}})", names.tenant)
            };
            let (rings, wanted) = match kind {
                Kind::Silent => (rings(tenant), true),
                Kind::Early => (rings(near), false),
                Kind::Late => (rings(tenant), false),
            };
            let expected: &[Value] = if wanted { &[json!({"labels": "{}", "value": n})] } else { &[] };
            tests.entry(who).or_default().push(json!({
                "expr": format!("{QUESTION}{n}) and on() {rings}"),
                "eval_time": format!("{at}s"),
                "exp_samples": expected,
            }));
        }
        let tests: Vec<Value> = tests
            .into_iter()
            .map(|(who, asked)| {
                let interval = format!("{}s", self.grain.step_s);
                json!({"interval": interval, "input_series": self.series(names, who), "promql_expr_test": asked})
            })
            .collect();
        let every = format!("{}s", self.grain.every_s);
        json!({"rule_files": ["rules.yml"], "evaluation_interval": every, "tests": tests})
    }

    /// The counters of who burns and of who is near.
    fn series(&self, names: &Names, (tenant, near, cell): &Who) -> Vec<Value> {
        let mut all = Vec::new();
        for (tenant, times) in [(tenant, FASTER), (near, SLOWER)] {
            let requests = REQUESTS * self.grain.step_s as f64;
            let bad = requests * self.rate * self.budget * times;
            // A series may count both what went well and what did not.
            let mut parts: BTreeMap<String, [f64; 2]> = BTreeMap::new();
            let put = |names: &[String], calm: f64, burning: f64, parts: &mut BTreeMap<String, [f64; 2]>| {
                for name in names {
                    let [a, b] = parts.entry(name.replace("{tenant}", tenant).replace("{cell}", cell)).or_default();
                    *a += calm;
                    *b += burning;
                }
            };
            put(&names.good, requests, requests - bad, &mut parts);
            put(&names.bad, 0.0, bad, &mut parts);
            all.extend(parts.into_iter().map(|(name, each)| json!({"series": name, "values": self.values(each)})));
        }
        all
    }

    /// A counter that grows by the one in a step of calm, by the other while it burns, and calmly again.
    fn values(&self, [calm, burning]: [f64; 2]) -> String {
        let Grain { long_s, calm_s, step_s: step, every_s } = *self.grain;
        let steps = long_s / step;
        let apart = CALM_STEP_S / step;
        let mut out = String::new();
        for at in 0..calm_s / CALM_STEP_S {
            out.push_str(&format!("{} _x{} ", calm * (at * apart) as f64, apart - 1));
        }
        let begun = calm * (calm_s / step) as f64;
        let over = begun + burning * steps as f64;
        let after = (self.short_s + 4 * every_s) / step;
        out + &format!("{begun}+{burning}x{steps} {}+{calm}x{}", over + calm, after - 1)
    }

    fn fault(&self, names: &Names, (tenant, near, cell): &Who, kind: Kind, at: u64) -> Fault {
        let (rate, long, short) = (self.rate, span(self.grain.long_s), span(self.short_s));
        let place = |tenant: &str| if cell.is_empty() { tenant.to_owned() } else { format!("{tenant} in {cell}") };
        let bad = names.bad.first().cloned().unwrap_or_default();
        let (times, whom) = if kind == Kind::Early { (SLOWER, near) } else { (FASTER, tenant) };
        let share = self.rate * self.budget * times * 100.0;
        let (what, saw) = match kind {
            Kind::Silent => (
                format!("{long} of burning more than {rate} times as fast as allowed is not told of ({long}, {short})"),
                format!("no alert that is firing names {}", place(tenant)),
            ),
            Kind::Early => (
                format!("an alert rings at less than {rate} times as fast as allowed over {long}"),
                format!("an alert that is firing names {}", place(near)),
            ),
            Kind::Late => (
                format!("what rang at {rate} times as fast as allowed rings on {short} after it is over"),
                format!("an alert that is firing still names {}", place(tenant)),
            ),
        };
        let series = format!(
            "{}: {share:.3} % of its requests, for {long} after a calm",
            bad.replace("{tenant}", whom).replace("{cell}", cell)
        );
        Fault { kind, what, tenant: whom.clone(), series, at: span(at), saw }
    }
}

/// How a question begins; its number follows.
const QUESTION: &str = "vector(";

fn number(text: &str) -> Option<usize> {
    text.split(')').next()?.parse().ok()
}

/// A span in the largest unit that holds it whole.
fn span(seconds: u64) -> String {
    [(86_400, "d"), (3_600, "h"), (60, "m")]
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit))
        .map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}
