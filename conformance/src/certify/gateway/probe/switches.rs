//! A person who holds both tenants switches between them at a person's pace, and not at a program's.

use crate::certify::deployment::Mode;
use crate::certify::deployment::gateway::Switch;
use crate::certify::gateway::desk::{Attack, Desk, Kind};
use crate::certify::gateway::token::{Token, filled};
use crate::certify::http::answer::Outcome;
use crate::certify::http::request::{Request, marker};
use std::time::{Duration, Instant};

/// What is to blame.
const OBJECT: &str = "tenants, switching";
const REQUIREMENTS: &[&str] = &["TEN-07"];
/// What a minute's limit is for.
const MINUTE: Duration = Duration::from_secs(60);

/// Switches, in mode `destructive`.
pub fn run(desk: &mut Desk, mode: Mode) {
    let what = "limits on switching tenants (TEN-07)";
    let Some(switch) = desk.gateway.switch.as_ref().map(|switch| switch.get_ref().clone()) else {
        return desk.component.not_judged(what, "the deployment has no table [gateway.switch]");
    };
    if mode != Mode::Destructive {
        return desk.component.not_judged(what, "that takes load: mode = \"destructive\", on staging");
    }
    match person(desk, &switch) {
        Ok(person) => switching(desk, &switch, &person),
        Err(why) => desk.suspect(OBJECT, "nobody can hold both tenants", REQUIREMENTS, &why),
    }
    desk.judged("requests of one person for two tenants in turn", REQUIREMENTS);
}

/// A token that grants both tenants, of somebody who has not switched yet.
fn person(desk: &Desk, switch: &Switch) -> Result<Token, String> {
    let tenant = desk.tenants[0];
    desk.mint.altered(|claims| {
        claims.insert("sub".into(), marker().into());
        claims.extend(switch.claims.iter().map(|(name, value)| (name.clone(), filled(value, tenant))));
    })
}

fn switching(desk: &mut Desk, switch: &Switch, person: &Token) {
    let began = Instant::now();
    let to = |desk: &Desk, tenant: usize| desk.bearing(person).with(&desk.tenants[tenant].fill(&switch.selects));
    let most = 2 * switch.per_min as usize + 2;
    let (mut switched, mut active, mut refused) = (0, 0, None);
    for n in 0..=most {
        let request = to(desk, n % 2);
        desk.tried(1);
        let outcome = desk.link.ask(&desk.link.own, &request);
        match served(desk, &request, &outcome, n % 2) {
            true => (switched, active) = (n, n % 2),
            false => {
                refused = Some(outcome);
                break;
            }
        }
    }
    let took = began.elapsed();
    match refused {
        None if took < MINUTE => {
            let what = format!("a person switches between tenants {switched} times in {} s", took.as_secs() + 1);
            let saw = format!("each answer shows the tenant that was selected; {} a minute are stated", switch.per_min);
            find(desk, &what, to(desk, active), saw);
        }
        None => {
            let why = format!("{switched} switches took {} s: too slow to meet a limit", took.as_secs());
            desk.suspect(OBJECT, "the limit is not shown", REQUIREMENTS, &why);
        }
        Some(outcome) if switched == 0 => {
            let why = format!("selecting {} is refused: {}", desk.tenants[1 - active].id, outcome.words());
            desk.suspect(OBJECT, "nobody can hold both tenants", REQUIREMENTS, &why);
        }
        Some(_) => stays(desk, &to(desk, active), active),
    }
}

fn served(desk: &Desk, request: &Request, outcome: &Outcome, tenant: usize) -> bool {
    outcome.answered().is_some_and(|answer| desk.passed(request, answer) && desk.shows(answer, tenant))
}

/// Whoever may not switch is served for the tenant that is active.
fn stays(desk: &mut Desk, request: &Request, active: usize) {
    desk.tried(1);
    let outcome = desk.link.ask(&desk.link.own, request);
    if !served(desk, request, &outcome, active) {
        let what = "whoever may not switch is not served for the tenant that is active either";
        find(desk, what, request.clone(), outcome.words());
    }
}

fn find(desk: &mut Desk, what: &str, request: Request, saw: String) {
    let repair = &["count changes of the selected tenant for each person, and refuse with 429 beyond the limit"];
    let (object, requirements, tenant, kind) = (OBJECT, REQUIREMENTS, Some(0), Kind::Right);
    desk.find(&Attack { object, what, requirements, repair, request, tenant, kind }, saw);
}
