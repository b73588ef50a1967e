//! SRV-04 over ten simulated minutes: one tenant sends twenty times what its cell is usually asked for.

use models::config::{Inputs, Operation};
use scenarios::prove::{KERNEL, Order, execute_staged};
use scenarios::stage::{Acts, Stage};
use scenarios::stride::denial_gateway_flood::{SCENARIO, Spike, set};
use sim::record::{Pass, RunRecord};
use sim::{Duration, Instant};

/// The cell is asked for 33 requests a second by its two tenants, so the flood sends 667.
const GAP: Duration = Duration::micros(1_500);
const FROM: Instant = Instant(2_000_000_000);

/// A flood of so many seconds without the controls named.
fn flood(seconds: u64, off: &[&str]) -> RunRecord {
    let length = Duration::secs(seconds);
    let until = FROM + length;
    let acts = Acts {
        traffic_from: Instant(800_000_000),
        safety_until: until,
        traffic_until: until + Duration::secs(3),
        verify_from: until + Duration::millis(3_500),
        end: until + Duration::secs(6),
    };
    let order = off.iter().fold(Order::new(&SCENARIO, Pass::Calm, 1), |order, id| {
        order.without(scenarios::catalogue::control(id).expect("a control"))
    });
    let build = |stage: &mut Stage<'_>| {
        stage.acts = acts;
        let requests = (length.0 / GAP.0) as u32;
        set(stage, &Spike { window: (FROM, until), gap: GAP, requests, good_ppm: 999_000 });
        // A database that begins three hundred transactions a second: ten times what is usual, half of the flood.
        stage.platform(|platform| platform.costs.set(Operation::PostgresBegin, Duration::millis(3)));
    };
    execute_staged(&KERNEL, &Inputs::embedded(), &order, build).record
}

fn breaches(run: &RunRecord) -> Vec<&str> {
    run.findings.iter().map(|f| f.requirement.as_str()).collect()
}

#[test]
fn neighbours_of_a_flood_keep_three_nines_for_ten_minutes_and_not_without_its_limits() {
    let held = flood(600, &[]);
    assert_eq!(breaches(&held), Vec::<&str>::new(), "{:?}", held.findings);
    let shots = held.marks.get("flood.shot").copied().unwrap_or(0);
    assert!(shots >= 400_000, "{shots} shots of the flood arrived");
    let open = flood(30, &["gateway.rate-limit", "gateway.load-shedding"]);
    assert!(breaches(&open).contains(&"SRV-04"), "{:?}", open.findings);
    println!("{shots} requests of the flood, {} events; {}", held.events, open.findings[0].message);
}
