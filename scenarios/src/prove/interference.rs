//! Non-interference: what a tenant sees does not depend on the others.
//!
//! *Value*: only the other tenants' value bytes differ (equal length, same keys, same shapes): the view, bytes and
//! times, must be identical. *Presence*: another tenant is absent: ids, contents, decisions must match; times may move.

use super::{Finished, Order, Settings, execute};
use crate::scenario::Scenario;
use crate::stage::Disguise;
use models::config::Inputs;
use models::fact::{Answer, Fact};
use models::ids::TenantId;
use models::saas::Saas;
use sim::journal::Finished as Journal;
use sim::record::{NonInterference, Pass};

/// Salt of the second run's data; any number but the first run's will do.
const OTHER_SALT: u64 = 0x5a17;

/// Seeds of pairs lie apart from those of the sweep.
pub(super) const FIRST_SEED: u64 = 1_000;

/// The order of the second run of a pair: what the pass changes follows from who plays in the calm run, so the token of
/// such a run needs to carry no more than others do.
pub fn disguised(inputs: &Inputs, scenario: &'static Scenario, mode: Pass, seed: u64) -> Order {
    pair(inputs, scenario, mode, seed).1
}

/// The first run of a pair, and the order of the second.
fn pair(inputs: &Inputs, scenario: &'static Scenario, mode: Pass, seed: u64) -> (Finished, Order) {
    let base = Order { keep: true, ..Order::new(scenario, Pass::Calm, seed) };
    let left = execute(inputs, &base);
    let tenants = honest(&left.journal);
    let viewer: TenantId = tenants.first().cloned().unwrap_or_else(|| "".into());
    let mut disguise = Disguise { viewer: Some(viewer.clone()), ..Disguise::default() };
    match mode {
        Pass::Presence => disguise.absent = tenants.last().filter(|t| **t != viewer).cloned(),
        _ => disguise.salt = OTHER_SALT,
    }
    (left, Order { pass: mode, disguise, ..base })
}

/// Compares two runs of the `n`-th pair.
pub(super) fn look(settings: &Settings, scenario: &'static Scenario, mode: Pass, n: u32) -> NonInterference {
    let seed = settings.seed_base.wrapping_add(FIRST_SEED + u64::from(n));
    let (left, order) = pair(&settings.inputs, scenario, mode, seed);
    let viewer = order.disguise.viewer.clone().unwrap_or_else(|| "".into());
    let right = execute(&settings.inputs, &order);
    let (a, b) = (view(&left.journal, &viewer), view(&right.journal, &viewer));
    let difference = match mode {
        Pass::Presence => differs(&a, &b, |x, y| {
            (&x.what, x.status, x.reason, &x.tenant, &x.region) == (&y.what, y.status, y.reason, &y.tenant, &y.region)
                && x.body == y.body
        }),
        _ => differs(&a, &b, |x, y| x == y),
    };
    NonInterference {
        mode,
        tenant: viewer.to_string(),
        facts: a.len() as u64,
        alike: difference.is_none() && !a.is_empty(),
        difference: difference.or_else(|| a.is_empty().then(|| "the view is empty".into())),
        token: right.record.token,
    }
}

fn honest(journal: &Journal<Saas>) -> Vec<TenantId> {
    let mut tenants: Vec<TenantId> = Vec::new();
    for entry in &journal.entries {
        if let Fact::Answered(answer) = &entry.fact
            && let Some(tenant) = answer.principal.strip_prefix("client/")
            && !tenants.iter().any(|t| **t == *tenant)
        {
            tenants.push(tenant.into());
        }
    }
    tenants.sort();
    tenants
}

/// What the tenant's honest client saw, in order of its own requests.
fn view<'a>(journal: &'a Journal<Saas>, tenant: &TenantId) -> Vec<&'a Answer> {
    let mut view: Vec<&Answer> = journal
        .entries
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Answered(answer) if answer.principal.strip_prefix("client/") == Some(tenant) => Some(&**answer),
            _ => None,
        })
        .collect();
    view.sort_by_key(|answer| (answer.intended, answer.request));
    view
}

fn differs(a: &[&Answer], b: &[&Answer], alike: impl Fn(&Answer, &Answer) -> bool) -> Option<String> {
    let show = |x: &Answer| format!("{} {} {} after {} ({} B)", x.what, x.status, x.reason, x.took, x.body.len());
    for (x, y) in a.iter().zip(b) {
        if !alike(x, y) {
            return Some(format!("{} | {}", show(x), show(y)));
        }
    }
    (a.len() != b.len()).then(|| format!("{} answers | {} answers", a.len(), b.len()))
}
