//! What belongs to one tenant behind the gateway: the other reads, lists and changes nothing of it, and no answer tells
//! it from what is not there.
//!
//! Codes alone prove nothing: a service may answer 200 and say that there is nothing. So what the other tenant is told
//! is held against what it is told of a name that nobody has. Wherever the two differ it has learned something.

use super::told::{Told, asked, is_success};
use crate::certify::deployment::{Mode, Resource, Tenant};
use crate::certify::gateway::desk::{Attack, Desk, Kind};
use crate::certify::http::answer::Answer;
use crate::certify::http::request::{Protocol, Request};
use std::time::Duration;

const REQUIREMENTS: &[&str] = &["TEN-02"];
/// Ways to change one. The last may make one of the same name that is the intruder's own, behind which the owner's
/// would be safe from the others.
const CHANGES: [&str; 3] = ["DELETE", "PATCH", "PUT"];
/// Who tries.
const INTRUDER: usize = 0;
/// Whose it is.
const OWNER: usize = 1;

const REPAIR: &[&str] = &["look for it among what the tenant of the verified token has, in one condition of the \
                           query (row-level security does): what is another's is then not there, with the same answer"];

/// Pairs of answers whose times are compared.
const PAIRS: usize = 31;
/// So many of them must be longer (or shorter) for a difference: by chance that is so once in two million times.
const ALIKE_MIN: usize = 29;
/// By less in the median nobody learns anything over a network.
const DIFFERENCE_MIN: Duration = Duration::from_millis(1);

/// Tries each kind of resource; in mode `destructive` to change them too.
pub fn run(desk: &mut Desk, mode: Mode) {
    let resources = &desk.gateway.resource;
    if resources.is_empty() {
        let why = "the deployment has no table [[gateway.resource]]";
        return desk.component.not_judged("what belongs to a tenant behind the gateway (TEN-02)", why);
    }
    for resource in resources {
        let resource = resource.get_ref();
        let reads = Reads { resource, object: format!("resource {}", resource.item) };
        if let Err(why) = reads.run(desk) {
            desk.suspect(&reads.object, "whether it is the owner's alone is not shown", REQUIREMENTS, &why);
        }
        if let Err(why) = listed(desk, resource) {
            let object = format!("list {}", resource.list.as_deref().unwrap_or_default());
            desk.suspect(&object, "whose it shows is not shown", REQUIREMENTS, &why);
        }
        if let Err(why) = changed(desk, resource, mode) {
            let object = format!("resource {}, changes", resource.item);
            desk.suspect(&object, "whether it is the owner's alone is not shown", REQUIREMENTS, &why);
        }
    }
    desk.judged("what belongs to the other tenant: read, listed, changed, told from what is absent", REQUIREMENTS);
}

/// Removes what a judge that was killed left behind; how many there were.
pub fn clean(desk: &Desk) -> usize {
    let made = desk.gateway.resource.iter().map(|resource| resource.get_ref()).filter(|r| r.body.is_some());
    let names = made.flat_map(|resource| [resource.at(&resource.made), resource.at(&resource.absent)]);
    let tries = names.flat_map(|target| [INTRUDER, OWNER].map(|tenant| (target.clone(), tenant)));
    let answers = tries.filter_map(|(target, tenant)| removed(desk, &target, tenant).ok());
    answers.filter(|answer| is_success(answer.status)).count()
}

fn removed(desk: &Desk, target: &str, tenant: usize) -> Result<Answer, String> {
    asked(desk, &request(desk, target, tenant)?.by("DELETE"))
}

fn name(resource: &Resource, tenant: &Tenant) -> String {
    tenant.fill(&resource.name)
}

fn request(desk: &Desk, target: &str, tenant: usize) -> Result<Request, String> {
    Ok(desk.request(tenant)?.to(target))
}

/// Ways to look at one.
#[derive(Clone, Copy)]
enum Way {
    Get,
    Head,
    /// RFC 9110, section 13.1.2: the answer is 304 where there is one, whatever it is.
    UnlessThere,
    /// RFC 9110, section 13.1.1: 412 where there is none.
    IfThere,
}

impl Way {
    fn of(self, request: Request, protocol: Protocol) -> Request {
        match self {
            Way::Get => request,
            // Where an answer to HEAD ends is told by the end of the connection alone to who reads it as any other.
            Way::Head if protocol == Protocol::One => request.by("HEAD").with("connection: close"),
            Way::Head => request.by("HEAD"),
            Way::UnlessThere => request.with("if-none-match: *"),
            Way::IfThere => request.with("if-match: *"),
        }
    }
}

struct Reads<'a> {
    resource: &'a Resource,
    object: String,
}

impl Reads<'_> {
    fn run(&self, desk: &mut Desk) -> Result<(), String> {
        for way in [Way::Get, Way::Head, Way::UnlessThere, Way::IfThere] {
            if self.look(desk, way)? {
                return Ok(());
            }
        }
        self.time(desk)
    }

    /// Whether the time that an answer takes tells what its text does not.
    fn time(&self, desk: &mut Desk) -> Result<(), String> {
        let name = name(self.resource, desk.tenants[OWNER]);
        let of = |name: &str| request(desk, &self.resource.at(name), INTRUDER);
        let (others, absent) = (of(&name)?, of(&self.resource.absent)?);
        let times = match desk.link.timed(&desk.link.own, [&others, &absent], PAIRS) {
            Ok(times) => times,
            Err(why) => {
                let what = format!("by how much time answers about {} differ (TEN-02)", self.resource.item);
                desk.component.not_judged(what, why);
                return Ok(());
            }
        };
        desk.tried(1);
        let Some(more_us) = difference(&times) else { return Ok(()) };
        let saw = format!("of {PAIRS} times, in the median {more_us} µs more than about what is not there");
        let what = "the time of an answer tells what is another tenant's from what is not there";
        find(desk, &self.object, what, others, saw);
        Ok(())
    }

    fn told(&self, desk: &Desk, way: Way, name: &str, tenant: usize) -> Result<(Request, Answer, Told), String> {
        let request = way.of(request(desk, &self.resource.at(name), tenant)?, desk.link.own.protocol());
        let answer = asked(desk, &request)?;
        let told = Told::new(&answer, &request, name);
        Ok((request, answer, told))
    }

    /// Whether one way shows the intruder something.
    fn look(&self, desk: &mut Desk, way: Way) -> Result<bool, String> {
        let name = name(self.resource, desk.tenants[OWNER]);
        let absent = &self.resource.absent;
        let (_, own, mut there) = self.told(desk, way, &name, OWNER)?;
        if matches!(way, Way::Get) && !is_success(own.status) {
            let owner = &desk.tenants[OWNER].id;
            return Err(format!("{owner} is not shown its own {name}: status {}", own.status));
        }
        let (_, _, mut away) = self.told(desk, way, absent, OWNER)?;
        let (_, _, mut nothing) = self.told(desk, way, absent, INTRUDER)?;
        let (_, _, again) = self.told(desk, way, absent, INTRUDER)?;
        let (request, answer, mut learned) = self.told(desk, way, &name, INTRUDER)?;
        if nothing != again {
            // What is told of nothing differs by itself, so texts and headers cannot be compared.
            [&mut there, &mut away, &mut nothing, &mut learned].into_iter().for_each(Told::cut);
        }
        if there == away {
            return match way {
                Way::Get => Err(format!("its owner is told the same of {name} as of {absent}")),
                _ => Ok(false),
            };
        }
        desk.tried(1);
        if learned == nothing {
            return Ok(false);
        }
        let what = match is_success(learned.status) && learned.status == there.status {
            true => "what belongs to another tenant is shown",
            false => "an answer tells what is another tenant's from what is not there",
        };
        let says = match nothing.status == learned.status {
            true => "the same status with another text or other headers".to_owned(),
            false => format!("status {}", nothing.status),
        };
        let saw = format!("{}; of {absent} the same request says {says}", desk.saw(&request, &answer));
        find(desk, &self.object, what, request, saw);
        Ok(true)
    }
}

fn find(desk: &mut Desk, object: &str, what: &str, request: Request, saw: String) {
    let attack = Attack {
        object,
        what,
        requirements: REQUIREMENTS,
        repair: REPAIR,
        request,
        tenant: Some(INTRUDER),
        kind: Kind::Right,
    };
    desk.find(&attack, saw);
}

/// By how many microseconds the first of a pair takes longer, where that is no chance.
fn difference(times: &[[Duration; 2]]) -> Option<i64> {
    let us = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let mut more: Vec<i64> = times.iter().map(|[first, second]| us(*first) - us(*second)).collect();
    more.sort_unstable();
    let median = *more.get(more.len() / 2)?;
    let alike = more.iter().filter(|one| one.signum() == median.signum()).count();
    (alike >= ALIKE_MIN && median.abs() >= us(DIFFERENCE_MIN)).then_some(median)
}

/// Whether a list shows what is another tenant's, and its own.
fn listed(desk: &mut Desk, resource: &Resource) -> Result<(), String> {
    let Some(list) = &resource.list else {
        let what = format!("lists of {} (TEN-02)", resource.item);
        desk.component.not_judged(what, "the deployment names no list of it");
        return Ok(());
    };
    let request = request(desk, list, INTRUDER)?;
    let answer = asked(desk, &request)?;
    let [own, others] = [INTRUDER, OWNER].map(|tenant| name(resource, desk.tenants[tenant]));
    if !holds(&answer.body, &own) {
        return Err(format!("it does not show {own} to {}, whose it is", desk.tenants[INTRUDER].id));
    }
    desk.tried(1);
    if holds(&answer.body, &others) {
        let saw = format!("{}; {others} stands in it", desk.saw(&request, &answer));
        find(desk, &format!("list {list}"), "a list shows what belongs to another tenant", request, saw);
    }
    Ok(())
}

/// Whether a name stands in a text, and not as part of another one.
fn holds(text: &str, name: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(name)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + name.len()..].chars().next()))
}

/// Whether one can be changed by another tenant, and whether a list counts it. It is made before and removed after.
fn changed(desk: &mut Desk, resource: &Resource, mode: Mode) -> Result<(), String> {
    let what = format!("changes of {} (TEN-02)", resource.item);
    if resource.body.is_none() {
        desk.component.not_judged(what, "the deployment has no body to make one of");
        return Ok(());
    }
    if mode != Mode::Destructive {
        desk.component.not_judged(what, "that makes one and removes it: mode = \"destructive\", on staging");
        return Ok(());
    }
    let work = Work { resource, target: resource.at(&resource.made) };
    let counted = work.count(desk)?;
    let made = asked(desk, &work.request(desk, &work.target, OWNER, "PUT")?)?;
    let owner = &desk.tenants[OWNER].id;
    if !is_success(made.status) {
        return Err(format!("{owner} may not make {}: status {}", work.target, made.status));
    }
    let judged = work.judge(desk, counted);
    for target in [&work.target, &resource.at(&resource.absent)] {
        for tenant in [INTRUDER, OWNER] {
            // Who has none is told so, and that is as good.
            let _ = removed(desk, target, tenant);
        }
    }
    judged?;
    match asked(desk, &request(desk, &work.target, OWNER)?) {
        Ok(answer) if is_success(answer.status) => Err(format!("{} cannot be removed any more", work.target)),
        _ => Ok(()),
    }
}

/// One that the judge makes.
struct Work<'a> {
    resource: &'a Resource,
    target: String,
}

impl Work<'_> {
    fn request(&self, desk: &Desk, target: &str, tenant: usize, method: &str) -> Result<Request, String> {
        let request = request(desk, target, tenant)?.by(method);
        let Some(body) = self.resource.body.as_ref().filter(|_| method != "DELETE") else { return Ok(request) };
        let length = format!("content-length: {}", body.len());
        Ok(request.with(&format!("content-type: {}", self.resource.media)).with(&length).body(body))
    }

    /// What the intruder's list says, if it says the same twice.
    fn count(&self, desk: &Desk) -> Result<Option<String>, String> {
        let once = || self.list(desk).map(|listed| listed.map(|(_, body)| body));
        let first = once()?;
        Ok(if once()? == first { first } else { None })
    }

    fn list(&self, desk: &Desk) -> Result<Option<(Request, String)>, String> {
        let Some(list) = &self.resource.list else { return Ok(None) };
        let request = request(desk, list, INTRUDER)?;
        let answer = asked(desk, &request)?;
        let body = answer.body.replace(&request.marker, "");
        Ok(Some((request, body)))
    }

    fn judge(&self, desk: &mut Desk, counted: Option<String>) -> Result<(), String> {
        if let (Some(before), Some((request, now))) = (&counted, self.list(desk)?) {
            desk.tried(1);
            if *before != now {
                let object = format!("list {}", self.resource.list.as_deref().unwrap_or_default());
                let saw = format!("{} bytes before, {} after the other tenant made one more", before.len(), now.len());
                find(desk, &object, "a list tells how much another tenant has", request, saw);
            }
        } else if self.resource.list.is_some() {
            let what = format!("how much others have, by lists of {} (TEN-02)", self.resource.item);
            desk.component.not_judged(what, "it says something else each time");
        }
        let before = self.shown(desk)?;
        let mut codes = Vec::new();
        for method in CHANGES {
            let request = self.request(desk, &self.target, INTRUDER, method)?;
            let answer = asked(desk, &request)?;
            desk.tried(1);
            if self.shown(desk)? != before {
                let saw = format!("{}; its owner is answered otherwise since", desk.saw(&request, &answer));
                let what = "what belongs to another tenant is changed";
                find(desk, &format!("resource {}, changes", self.resource.item), what, request, saw);
                return Ok(());
            }
            codes.push((request, answer));
        }
        self.told_apart(desk, codes)
    }

    /// What the owner is shown of it.
    fn shown(&self, desk: &Desk) -> Result<Told, String> {
        let request = request(desk, &self.target, OWNER)?;
        Ok(Told::new(&asked(desk, &request)?, &request, &self.resource.made))
    }

    /// Whether a refusal says that there is one: the same was asked of what nobody has.
    fn told_apart(&self, desk: &mut Desk, codes: Vec<(Request, Answer)>) -> Result<(), String> {
        let absent = self.resource.at(&self.resource.absent);
        for (method, (request, answer)) in CHANGES.into_iter().zip(codes) {
            let nothing = asked(desk, &self.request(desk, &absent, INTRUDER, method)?)?;
            desk.tried(1);
            if nothing.status != answer.status {
                let saw = format!("{}; of what is not there it says {}", desk.saw(&request, &answer), nothing.status);
                let what = format!("{method} tells what is another tenant's from what is not there");
                find(desk, &format!("resource {}, changes", self.resource.item), &what, request, saw);
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_in_time_is_one_when_nearly_all_pairs_have_it() {
        let pairs = |slow: usize, us: u64| -> Vec<[Duration; 2]> {
            let pair = |n| [Duration::from_micros(if n < slow { 2_000 + us } else { 1_990 }), Duration::from_millis(2)];
            (0..PAIRS).map(pair).collect()
        };
        assert_eq!(difference(&pairs(29, 1_500)), Some(1_500));
        assert_eq!((difference(&pairs(28, 1_500)), difference(&pairs(31, 999))), (None, None));
        let faster: Vec<[Duration; 2]> = pairs(31, 1_500).into_iter().map(|[a, b]| [b, a]).collect();
        assert_eq!((difference(&faster), difference(&[])), (Some(-1_500), None));
    }

    #[test]
    fn a_name_is_not_found_in_a_longer_one() {
        assert!(holds("[\"inv-1\"]", "inv-1") && holds("inv-1", "inv-1") && holds("xinv-1 inv-1,", "inv-1"));
        assert!(!holds("[\"inv-17\"]", "inv-1") && !holds("my_inv-1", "inv-1"));
    }
}
