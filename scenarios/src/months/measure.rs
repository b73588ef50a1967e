//! What losses cost, request by request: each by itself, or all those of a month in the month.

use super::draw::{Loss, MONTH, Month};
use crate::prove::{KERNEL, Order, execute_staged};
use crate::scenario::Scenario;
use crate::stage::{Acts, Stage};
use models::config::{Cell, Inputs};
use models::fact::Fact;
use models::oracles::availability::counts;
use models::platform::home_cell;
use models::saas::Saas;
use sim::fault::Target;
use sim::oracle::{Oracle, Seen};
use sim::record::{Finding, Pass};
use sim::{Duration, Instant, Vantage};
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What stands beside the lost cell in its region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reserve {
    /// Nothing: the platform as configured, when it has one cell a region.
    Alone,
    /// One more cell of the same size in every region.
    Neighbour,
}

impl Reserve {
    /// Both; the last is the one that something is promised for.
    pub const ALL: [Reserve; 2] = [Reserve::Alone, Reserve::Neighbour];
}

/// The cell that is lost, and who is asked about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The cell.
    pub cell: String,
    /// Its tenants, three at most.
    pub tenants: Vec<String>,
    /// A tenant of another region, if there is one.
    pub abroad: Option<String>,
}

impl Place {
    /// The first cell of the platform that is anybody's home.
    ///
    /// # Panics
    /// When there is no tenant.
    pub fn first(inputs: &Inputs) -> Place {
        let (platform, tenants) = (&inputs.platform, &inputs.tenants.tenants);
        let home = |cell: &Cell| tenants.iter().any(|t| home_cell(platform, t) == cell.id);
        let cell = platform.cells.iter().find(|cell| home(cell)).expect("a platform has tenants");
        let own = tenants.iter().filter(|t| t.region == cell.region).take(3).map(|t| t.id.to_string()).collect();
        let abroad = tenants.iter().find(|t| t.region != cell.region).map(|t| t.id.to_string());
        Place { cell: cell.id.to_string(), tenants: own, abroad }
    }

    fn all(&self) -> String {
        self.tenants.iter().chain(&self.abroad).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// What losses cost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cost {
    /// Time of everything that the tenant lost who lost most: its failed requests, each for the time that it asks once
    /// in.
    pub failed_ms: u64,
    /// Failed requests of tenants of the cell.
    pub failed: u64,
    /// Those among them that were told that nobody may serve them (503).
    pub told: u64,
    /// Failed requests of the tenant of another region.
    pub failed_abroad: u64,
}

/// How often a tenant asks around a loss.
const GAP_OF_LOSS: Duration = Duration::millis(1_000);
/// How often it asks in a whole month, of which the most part is silent.
const GAP_OF_MONTH: Duration = Duration::secs(10);
/// Before a loss, and after it: whatever a cold cell costs is over by then.
const BEFORE: Duration = Duration::secs(60);
const AFTER: Duration = Duration::secs(300);

static SCENARIO: Scenario = Scenario {
    name: "months/losses",
    title: "Losses of a cell, and what they cost",
    threat: "A cell loses power, and comes back from its disks.",
    stride: None,
    requirements: &["CEL-01"],
    variants: &[],
    canary: false,
    build: |_| {},
};

/// What one loss costs by itself.
pub fn loss(inputs: &Inputs, place: &Place, reserve: Reserve, loss: &Loss) -> Cost {
    let alone = Loss { at: BEFORE, ..*loss };
    run(inputs, place, reserve, (loss.seed, &[alone]), (BEFORE + loss.dark + AFTER, GAP_OF_LOSS))
}

/// What the losses of a month cost, in the month.
pub fn month(inputs: &Inputs, place: &Place, reserve: Reserve, month: &Month) -> Cost {
    run(inputs, place, reserve, (month.seed, &month.losses), (MONTH, GAP_OF_MONTH))
}

fn run(
    inputs: &Inputs,
    place: &Place,
    reserve: Reserve,
    (seed, losses): (u64, &[Loss]),
    (length, gap): (Duration, Duration),
) -> Cost {
    let ledger = Rc::new(RefCell::new(BTreeMap::new()));
    let judge = Counter { ledger: ledger.clone() };
    let order = Order::new(&SCENARIO, Pass::Calm, seed);
    execute_staged(&KERNEL, inputs, &order, |stage| {
        thin(stage, &place.all(), gap, length);
        if reserve == Reserve::Neighbour {
            stage.platform(neighbours);
        }
        for loss in losses {
            let from = Instant::ZERO + loss.at;
            stage.fault("crash", Target::Group(place.cell.clone()), from, from + loss.dark, 0);
        }
        stage.oracle(move |_| Box::new(judge));
    });
    let ledger = ledger.borrow();
    let of = |tenant: &String| ledger.get(tenant).copied().unwrap_or_default();
    let own: Vec<Failed> = place.tenants.iter().map(of).collect();
    Cost {
        failed_ms: own.iter().map(|f| f.all).max().unwrap_or(0) * gap.as_millis(),
        failed: own.iter().map(|f| f.all).sum(),
        told: own.iter().map(|f| f.told).sum(),
        failed_abroad: place.abroad.iter().map(|tenant| of(tenant).all).sum(),
    }
}

/// Thin traffic for a long time, on a platform that keeps house as seldom as one in operation.
pub fn thin(stage: &mut Stage<'_>, tenants: &str, gap: Duration, length: Duration) {
    stage.platform(|platform| {
        platform.housekeeping.slower = 20;
        platform.tokens.trust_bundle = Duration::secs(300);
        platform.ttls.policy_poll = Duration::secs(60);
        platform.ttls.policy_stale = Duration::secs(600);
    });
    // A record can be told from its former versions some two thousand times.
    stage.records(60);
    stage.tenants(tenants, gap);
    stage.others_idle();
    let until = Instant::ZERO + length;
    stage.acts = Acts {
        safety_until: until,
        traffic_until: until,
        verify_from: until + Duration::millis(200),
        end: until + Duration::secs(3),
        ..stage.acts
    };
}

/// One more cell in every region, of the size of the first.
fn neighbours(platform: &mut models::config::PlatformConfig) {
    let regions = platform.vocabulary.regions.clone();
    for region in regions {
        let Some(first) = platform.cells_in(&region).next().cloned() else { continue };
        let id = format!("{}-reserve", first.id).into();
        platform.cells.push(Cell { id, ..first });
    }
}

/// Failed requests of a tenant.
#[derive(Clone, Copy, Default)]
struct Failed {
    /// All of them.
    all: u64,
    /// Those that were told that nobody may serve them (503).
    told: u64,
}

/// Counts the failed requests of each honest tenant.
struct Counter {
    ledger: Rc<RefCell<BTreeMap<String, Failed>>>,
}

impl Oracle<Saas> for Counter {
    fn name(&self) -> &'static str {
        "failed"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, _findings: &mut Vec<Finding>) {
        let Fact::Answered(answer) = seen.fact else { return };
        let Some(tenant) = answer.principal.strip_prefix("client/") else { return };
        // An edge whose keys are stale refuses good tokens: here that is no mistake of the tenant's.
        if counts(answer.status) == Some(false) || matches!(answer.status, 401 | 403) {
            let mut ledger = self.ledger.borrow_mut();
            let failed = ledger.entry(tenant.to_owned()).or_default();
            failed.all += 1;
            failed.told += u64::from(answer.status == 503);
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
