//! The swarm plan: each seed draws which faults are on at all, where, when, how long and how strong.
//!
//! Faults come in stretches and subsets, not as even noise, and only inside the envelope that the promises under test
//! name. What was planned is dropped by its own address ([`crate::absence::fault`]) and never by another plan, so that
//! one fault less leaves all others as they were.

use crate::fault::{FaultSpec, Target};
use crate::seed::{Draws, PLAN, below, chance_ppm, mix, name_hash};
use crate::time::{Duration, Instant};

/// One kind of fault that may be drawn.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// One of [`crate::fault::KINDS`].
    pub kind: &'static str,
    /// Where it may strike; one is drawn.
    pub targets: Vec<Target>,
    /// Shortest and longest stretch.
    pub length: (Duration, Duration),
    /// Weakest and strongest, in the kind's own unit.
    pub strength: (u64, u64),
    /// Probability, in parts per million, that a seed has it.
    pub on_ppm: u64,
    /// Whether it takes a durable copy away: at most [`Envelope::copies_max`] of these are on in one run.
    pub takes_copy: bool,
}

/// What may be drawn for one scenario.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Kinds that may be drawn, each at most once a seed.
    pub allowances: Vec<Allowance>,
    /// The window in which faults begin and end.
    pub window: (Instant, Instant),
    /// How many durable copies may be storage-faulted in one run.
    pub copies_max: u32,
}

/// The faults of a seed.
pub fn plan(draws: &Draws, envelope: &Envelope) -> Vec<FaultSpec> {
    let (open, close) = envelope.window;
    let room = close.since(open);
    let mut copies = 0;
    let mut plan = Vec::new();
    for (i, allowance) in envelope.allowances.iter().enumerate() {
        let cause = mix(name_hash(allowance.kind), i as u64);
        let draw = |n: u64| draws.draw(PLAN, cause, n);
        if !chance_ppm(draw(0), allowance.on_ppm) || allowance.targets.is_empty() {
            continue;
        }
        if allowance.takes_copy {
            copies += 1;
            if copies > envelope.copies_max {
                continue;
            }
        }
        let (short, long) = allowance.length;
        let length = Duration(short.0 + below(draw(1), long.0.saturating_sub(short.0) + 1)).min(room);
        let from = open + Duration(below(draw(2), room.0 - length.0 + 1));
        let (weak, strong) = allowance.strength;
        plan.push(FaultSpec {
            kind: allowance.kind.into(),
            target: allowance.targets[below(draw(3), allowance.targets.len() as u64) as usize].clone(),
            from,
            until: from + length,
            strength: weak + below(draw(4), strong.saturating_sub(weak) + 1),
        });
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Choices;

    fn envelope() -> Envelope {
        let allow = |kind, takes_copy| Allowance {
            kind,
            targets: vec![Target::All, Target::Node("a".into())],
            length: (Duration::millis(10), Duration::millis(90)),
            strength: (1, 5),
            on_ppm: 500_000,
            takes_copy,
        };
        Envelope {
            allowances: vec![allow("loss", false), allow("crash", true), allow("wipe", true), allow("pause", false)],
            window: (Instant(1_000_000), Instant(50_000_000)),
            copies_max: 1,
        }
    }

    #[test]
    fn a_plan_stays_inside_its_envelope_and_seeds_differ() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let plan = plan(&Draws::new(seed, Choices::default()), &envelope());
            assert!(plan.iter().filter(|f| f.kind == "crash" || f.kind == "wipe").count() <= 1);
            assert!(plan.iter().all(|f| f.from >= Instant(1_000_000) && f.until <= Instant(50_000_000)));
            seen.insert(plan.iter().map(|f| f.kind.clone()).collect::<Vec<_>>());
        }
        assert!(seen.len() >= 8, "only {} subsets in 200 seeds", seen.len());
    }
}
