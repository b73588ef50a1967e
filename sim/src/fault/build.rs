//! From a specification to the fault at work.

use super::{Ends, Fault, FaultSpec, Hands, clock, clog, crash, disk, link, partition, slow};

/// Builds the fault that a specification describes.
///
/// # Errors
/// The kind is unknown, or the target selects no node.
pub fn build(spec: &FaultSpec, hands: &dyn Hands) -> Result<Box<dyn Fault>, String> {
    if hands.nodes(&spec.target).is_empty() {
        return Err(format!("fault {} strikes {}, where there is no node", spec.kind, spec.target));
    }
    let ends = Ends::of(&spec.target, hands);
    let target = spec.target.clone();
    Ok(match spec.kind.as_str() {
        "loss" | "delay" | "duplicate" | "reorder" | "corrupt" | "bandwidth" => {
            Box::new(link::LinkFault::new(&spec.kind, ends, spec.strength))
        }
        "partition" => Box::new(partition::Partition { ends, both: true }),
        "partition-one-way" => Box::new(partition::Partition { ends, both: false }),
        "clog" => Box::new(clog::Clog { ends, until: spec.until }),
        "swizzle-clog" => Box::new(clog::Swizzle::new(target, spec.from, spec.until, spec.strength)),
        "crash" => Box::new(crash::Crash { target, wipe: false }),
        "wipe" => Box::new(crash::Crash { target, wipe: true }),
        "pause" => Box::new(crash::Pause { target }),
        "slow" | "brown-out" => Box::new(slow::Slow { target, factor: spec.strength.max(1) }),
        "clock-skew" => Box::new(clock::ClockFault { target, skew_ms: spec.strength as i64, drift_ppm: 0 }),
        "clock-lag" => Box::new(clock::ClockFault { target, skew_ms: -(spec.strength as i64), drift_ppm: 0 }),
        "clock-drift" => Box::new(clock::ClockFault { target, skew_ms: 0, drift_ppm: spec.strength as i32 }),
        "lost-sync" => Box::new(disk::DiskFault::new(target, disk::Damage::LostSync, spec.strength)),
        "torn-write" => Box::new(disk::DiskFault::new(target, disk::Damage::TornWrite, spec.strength)),
        "bit-rot" => Box::new(disk::DiskFault::new(target, disk::Damage::BitRot, spec.strength)),
        "disk-full" => Box::new(disk::DiskFault::new(target, disk::Damage::Full, spec.strength)),
        other => return Err(format!("unknown fault `{other}`")),
    })
}
