//! Shrinking of real runs: what is left is small, fails in the same way for the same reason, and replays.

use models::config::Inputs;
use scenarios::catalogue;
use scenarios::prove::{Finished, Order, execute, token};
use scenarios::shrink::{Counts, Failure, Overrides, Refused, Shrunk, Story, Verdict, about, shrink};
use scenarios::token::Token;
use scenarios::token::file::ReplayFile;
use sim::record::Pass;
use std::sync::LazyLock;

static INPUTS: LazyLock<Inputs> = LazyLock::new(Inputs::embedded);

fn order(scenario: &str, pass: Pass, seed: u64, off: &[&str]) -> Order {
    let scenario = catalogue::find(scenario).expect("it is in the catalogue");
    let off = off.iter().map(|id| catalogue::control(id).expect("it is a control")).collect();
    Order { off, ..Order::new(scenario, pass, seed) }
}

fn on(threads: usize, order: &Order, runs_max: u64) -> Shrunk {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    pool.install(|| {
        let failure = Failure::new(&INPUTS, order).expect("it fails");
        shrink(&failure, &order.overrides, runs_max, &()).expect("it fails")
    })
}

fn kept(order: &Order, overrides: &Overrides) -> Finished {
    execute(&INPUTS, &Order { keep: true, overrides: overrides.clone(), ..order.clone() })
}

/// Shrinks, and checks all that must hold of a result. Returns it with its run.
fn check(order: &Order, requirement: &str, percent_max: u64) -> (Shrunk, Finished) {
    let shrunk = on(2, order, 2_000);
    assert!(shrunk.finished, "{} runs were not enough", shrunk.runs);
    let (before, after) = (kept(order, &order.overrides), kept(order, &shrunk.best.overrides));
    // It fails in the same way, makes no mistake, and is as small as was said.
    let of = |run: &Finished| {
        let finding = run.record.findings.iter().find(|f| f.requirement == requirement);
        finding.map(|f| (f.oracle.clone(), f.tenant.clone()))
    };
    assert!(of(&after).is_some() && of(&after) == of(&before), "{:?}", after.record.findings);
    assert_eq!(after.record.errors, [""; 0]);
    assert_eq!(after.record.events, shrunk.best.size.events);
    assert!(
        after.record.events * 100 <= before.record.events * percent_max,
        "{} of {} events are left",
        after.record.events,
        before.record.events
    );
    // The controls are what makes the difference, as before.
    for control in &order.off {
        let off = order.off.iter().copied().filter(|c| c.slot != control.slot).collect();
        let guarded = kept(&Order { off, ..order.clone() }, &shrunk.best.overrides);
        assert_eq!(of(&guarded), None, "{} does not stop it any more", control.id);
    }
    (shrunk, after)
}

#[test]
fn an_ablation_is_shrunk_to_the_attack_that_its_control_stops() {
    let order = order("stride/spoofing-rogue-workload", Pass::Ablation, 1, &["mesh.svid-chain"]);
    let (shrunk, run) = check(&order, "IDN-05", 2);
    let counts = Counts::of(&run, &shrunk.best.overrides);
    assert_eq!((counts.attackers, counts.attacks, counts.requests, counts.faults), (1, 1, 0, 0));
    let story = Story::of(&run, &shrunk.best.overrides);
    assert_eq!(story.cast, ["attacker/self-signed"]);
    assert!(story.lines.iter().any(|line| line.what.starts_with("to cell-a/app-1: ")), "{story:?}");
    assert!(story.lines.last().is_some_and(|line| line.broken && line.what.starts_with("BROKEN IDN-05")));
}

#[test]
fn a_defect_that_the_swarm_found_is_shrunk_to_one_list() {
    let order = order("canary/foreign-row", Pass::Swarm, 1, &[]);
    let (shrunk, run) = check(&order, "TEN-02", 3);
    let story = Story::of(&run, &shrunk.best.overrides);
    assert_eq!(story.cast, ["client/beta"]);
    assert!(story.lines.iter().any(|line| line.what.starts_with("GET /v1/records?limit=5: ")), "{story:?}");
}

#[test]
fn faults_that_an_attack_does_not_need_are_dropped_and_the_one_that_it_needs_stays() {
    let needless = order("fuzz/cross-tenant", Pass::Swarm, 3, &["postgres.force-rls"]);
    assert!(kept(&needless, &Overrides::new()).struck.len() >= 2);
    let (_, run) = check(&needless, "STO-01", 3);
    assert_eq!(run.struck, []);
    let needed = order("chaos/intercell-partition", Pass::Ablation, 1, &["mirror.dedupe"]);
    let (shrunk, run) = check(&needed, "EVT-04", 10);
    assert_eq!(run.struck.len(), 1);
    let story = Story::of(&run, &shrunk.best.overrides);
    assert!(story.lines.iter().any(|line| line.who.starts_with("fault on ")), "{story:?}");
}

#[test]
fn threads_change_nothing_and_a_budget_is_gone_on_from() {
    let order = order("stride/spoofing-stolen-token", Pass::Ablation, 1, &["gateway.jwt-expiry"]);
    let whole = on(1, &order, 2_000);
    assert_eq!(on(2, &order, 2_000), whole);
    let some = on(2, &order, 40);
    assert!(!some.finished && some.best.size > whole.best.size);
    let rest = on(2, &Order { overrides: some.best.overrides.clone(), ..order.clone() }, 2_000);
    assert!(rest.finished && rest.best.size < some.best.size);
    // What cannot be shrunk further is left as it is.
    let again = on(2, &Order { overrides: whole.best.overrides.clone(), ..order }, 2_000);
    assert_eq!(again.best, whole.best);
}

#[test]
fn a_result_survives_token_and_file_and_every_override_is_named() {
    let order = order("stride/spoofing-rogue-workload", Pass::Ablation, 1, &["mesh.spiffe-id"]);
    let shrunk = on(2, &order, 2_000);
    let smallest = Order { overrides: shrunk.best.overrides.clone(), ..order.clone() };
    let run = kept(&smallest, &shrunk.best.overrides);
    let token = token(&INPUTS, &smallest, &run.record.digest);
    assert_eq!(Token::parse(&token.to_string()).as_ref(), Ok(&token));
    let file = ReplayFile::new(&token, |at| about(&run, at));
    assert!(file.overrides.iter().all(|o| o.about.is_some()), "{:?}", file.overrides);
    assert_eq!(ReplayFile::parse(&file.text()).and_then(|file| file.token()), Ok(token));
}

#[test]
fn what_does_not_fail_by_itself_is_refused() {
    let refused = |order: Order| Failure::new(&INPUTS, &order).err();
    assert_eq!(refused(order("stride/spoofing-rogue-workload", Pass::Calm, 1, &[])), Some(Refused::Held));
    assert_eq!(refused(order("stride/spoofing-rogue-workload", Pass::Value, 1, &[])), Some(Refused::Pair));
}

#[test]
fn of_two_failures_the_one_that_needs_both_controls_to_be_off_is_shrunk() {
    // Without row security a report already shows foreign rows, to other tenants' principals than those that are meant.
    let both = order("fuzz/cross-tenant", Pass::Ablation, 1, &["policy.tenant-match", "postgres.row-security"]);
    let failure = Failure::new(&INPUTS, &both).expect("it fails");
    let one = order("fuzz/cross-tenant", Pass::Ablation, 1, &["postgres.row-security"]);
    let other = Failure::new(&INPUTS, &one).expect("it fails");
    assert!(matches!(&failure.verdict, Verdict::Broken { requirement, .. } if requirement == "TEN-02"));
    assert_ne!(failure.verdict, other.verdict);
}
