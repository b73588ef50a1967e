//! What one shard of a sweep prints: how much of it is finished, and what already went wrong.
//!
//! A shard judges nothing but what no other shard can take back: a requirement that is broken stays broken.

use crate::exit::Exit;
use crate::summary::{number, seconds};
use crate::terminal::{Paint, Tone, hang};
use reports::text;
use scenarios::sweep::Shard;
use sim::record::{ScenarioRecord, ScenarioVerdict};
use std::time::Duration;

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// Broken scenarios that are shown.
const SHOWN_MAX: usize = 8;

/// A shard, for now or for good.
pub struct Ended<'a> {
    /// Which.
    pub shard: Shard,
    /// Its steps.
    pub steps: u64,
    /// Those that were not done.
    pub missing: u64,
    /// Those that did not end, or ended differently the second time.
    pub unsure: u64,
    /// What the steps of this shard alone say about each scenario.
    pub records: &'a [ScenarioRecord],
    /// Where its log is.
    pub place: String,
    /// Wall clock of this attempt.
    pub took: Duration,
}

impl Ended<'_> {
    fn broken(&self) -> Vec<&ScenarioRecord> {
        let broken = |s: &&ScenarioRecord| !s.canary && s.verdict == ScenarioVerdict::Breach;
        self.records.iter().filter(broken).collect()
    }

    /// 1 when a requirement is broken, 3 when steps are missing or did not end well, else 0.
    pub fn exit(&self) -> Exit {
        match (self.broken().is_empty(), self.missing + self.unsure) {
            (false, _) => Exit::Broken,
            (true, 0) => Exit::Held,
            (true, _) => Exit::Inconclusive,
        }
    }

    /// What is printed. The last line of a failure runs it again.
    pub fn told(&self, paint: Paint) -> String {
        let (shard, place) = (self.shard, &self.place);
        let (done, all) = (number(self.steps - self.missing), number(self.steps));
        let head = format!("Shard {shard}: {done} of {all} steps are finished, in {place}, {}.", seconds(self.took));
        let exit = self.exit();
        let (tone, more) = match exit {
            Exit::Held => (Tone::Good, "; when all shards do: cellproof merge DIR…"),
            Exit::Inconclusive if self.missing > 0 => (Tone::Open, ": the same command goes on where this one ended"),
            Exit::Inconclusive => (Tone::Open, ": a step fell, or gave two results; `merge` names it"),
            Exit::Broken | Exit::Usage => (Tone::Bad, ""),
        };
        let end = hang("", &format!("{}{more}", exit.words()), COLUMNS);
        let mut out = hang("", &head, COLUMNS) + &paint.tone(tone, end.trim_end()) + "\n";
        for s in self.broken().into_iter().take(SHOWN_MAX) {
            out.push_str(&format!("\n{}\n", s.name));
            s.why.iter().take(3).for_each(|why| out.push_str(&hang("  - ", &text::clean(why), COLUMNS)));
            let again = s.replay.clone().unwrap_or_else(|| format!("cellproof run {}", s.name));
            out.push_str(&format!("{}\n", text::replay_command(&again)));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(missing: u64, unsure: u64, broken: bool, exit: u8, last: &str) {
        let mut records = reports::sample::held().scenarios;
        let own = records.iter_mut().find(|s| !s.canary).expect("a scenario");
        if broken {
            (own.verdict, own.replay) = (ScenarioVerdict::Breach, Some("cellproof replay cp1.x".into()));
        }
        let shard = "1/4".parse().expect("a shard");
        let (place, took) = ("s1".into(), Duration::from_secs(3));
        let ended = Ended { shard, steps: 315, missing, unsure, records: &records, place, took };
        let told = ended.told(Paint::PLAIN);
        assert_eq!((ended.exit().code(), told.lines().last()), (exit, Some(last)), "{told}");
        assert!(told.starts_with(&format!("Shard 1/4: {} of 315 steps", 315 - missing)), "{told}");
    }

    #[test]
    fn a_shard_ends_green_only_when_it_is_finished_and_nothing_broke() {
        check(0, 0, false, 0, "exit 0: everything that ran held; when all shards do: cellproof merge DIR…");
        check(7, 0, false, 3, "exit 3: inconclusive: the same command goes on where this one ended");
        check(0, 1, false, 3, "exit 3: inconclusive: a step fell, or gave two results; `merge` names it");
        check(7, 1, true, 1, "cellproof replay cp1.x");
    }
}
