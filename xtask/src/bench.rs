//! `cargo xtask bench`: the benches of the workspace, and the engines beside each other. Figures live here and never in
//! tests.

use crate::built::Built;
use crate::engines::{MADSIM, apart};
use crate::exit::{Done, Exit};
use crate::{house, spawn};
use std::path::Path;

/// The engines, in the order in which they are asked how fast they are.
const ENGINES: &[&str] = &["kernel", "madsim", "turmoil"];

/// What each is asked for. The last is what only the kernel is asked for.
const WORKLOADS: &[&[&str]] = &[&["sparse", "5"], &["sparse", "20"], &["sparse", "50"], &["chain"], &["sparse", "500"]];

/// Times that each is asked; the median counts.
const TIMES: usize = 3;

/// Runs the benches; `engines` stands for the table of engines alone, and other arguments go to `cargo bench`.
pub fn run(args: &[String]) -> Done {
    let root = house::root()?;
    match args {
        [one] if one == "engines" => engines(&root)?,
        [] => {
            engines(&root)?;
            return benches(&root, args);
        }
        _ => return benches(&root, args),
    }
    Ok(Exit::Fine)
}

fn benches(root: &Path, args: &[String]) -> Done {
    let passed = spawn::succeeds(spawn::cargo(root).args(["bench", "--workspace"]).args(args))?;
    Ok(if passed { Exit::Fine } else { Exit::Wrong })
}

/// What a program said: engine, workload, nodes, simulated milliseconds, messages, microseconds of the wall.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Pace {
    engine: String,
    workload: String,
    simulated_ms: u64,
    messages: u64,
    wall_us: u64,
}

impl Pace {
    fn read(line: &str) -> Option<Pace> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [engine, workload, nodes, simulated, messages, wall] = words[..] else { return None };
        let workload = if workload == "sparse" { format!("{nodes} nodes") } else { workload.to_owned() };
        let number = |text: &str| text.parse::<u64>().ok();
        let (simulated_ms, messages, wall_us) = (number(simulated)?, number(messages)?, number(wall)?.max(1));
        Some(Pace { engine: engine.to_owned(), workload, simulated_ms, messages, wall_us })
    }

    /// Simulated time over real time.
    fn ratio(&self) -> u64 {
        self.simulated_ms * 1_000 / self.wall_us
    }

    fn per_second(&self) -> u64 {
        self.messages * 1_000_000 / self.wall_us
    }
}

/// Asks every engine, one after the other on the same machine, and prints a table.
fn engines(root: &Path) -> Result<(), String> {
    let built = Built::release(root, &[])?;
    let mut paces: Vec<Pace> = Vec::new();
    for (i, workload) in WORKLOADS.iter().enumerate() {
        let last = i + 1 == WORKLOADS.len();
        for engine in ENGINES {
            let hosted: &[&[&str]] = if *engine == "kernel" { &[&[]] } else { &[&[], &["hosted"]] };
            for extra in hosted.iter().filter(|_| !last || *engine == "kernel") {
                let mut asked = Vec::new();
                for _ in 0..TIMES {
                    let mut command = match *engine {
                        "kernel" => built.example("pace"),
                        "turmoil" => built.example("turmoil_pace"),
                        _ => apart(root, MADSIM, "pace", &[]),
                    };
                    let said = spawn::output(command.args(*workload).args(*extra))?;
                    let said = String::from_utf8_lossy(&said).into_owned();
                    asked.push(Pace::read(&said).ok_or(format!("{engine} said `{said}`"))?);
                }
                asked.sort_by_key(|pace| pace.wall_us);
                paces.push(asked[TIMES / 2].clone());
            }
        }
    }
    println!("{}", machine());
    print!("{}", table(&paces));
    Ok(())
}

/// One row a workload and engine, in Markdown.
fn table(paces: &[Pace]) -> String {
    let mut text = "| workload | engine | messages/s | simulated : real | kernel is faster by |\n".to_owned();
    text += "|---|---|---|---|---|\n";
    for pace in paces {
        let kernel = paces.iter().find(|other| other.engine == "kernel" && other.workload == pace.workload);
        let times = kernel.map_or(0, |kernel| kernel.per_second() / pace.per_second().max(1));
        let times = if pace.engine == "kernel" { String::new() } else { format!("{times}×") };
        let (rate, ratio) = (spaced(pace.per_second()), spaced(pace.ratio()));
        text += &format!("| {} | {} | {rate} | {ratio} : 1 | {times} |\n", pace.workload, pace.engine);
    }
    text
}

/// A number in groups of three digits.
fn spaced(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// The processor, as the system names it.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} ({cores} cores), one of them used; median of {TIMES}", name.unwrap_or("a processor without a name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_how_much_faster_the_kernel_is() {
        let pace = |line| Pace::read(line).expect("it is a line");
        let paces = [pace("kernel sparse 50 60000 30000 10000"), pace("madsim sparse 50 60000 30000 200000")];
        assert_eq!(paces[0].ratio(), 6_000);
        assert!(table(&paces).contains("| 50 nodes | madsim | 150 000 | 300 : 1 | 20× |"), "{}", table(&paces));
        assert_eq!(Pace::read("kernel sparse fifty"), None);
        assert_eq!(spaced(1_234_567), "1 234 567");
    }
}
