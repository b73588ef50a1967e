//! Which requirements a trace can show to be broken, by which events, and what it cannot show.
//!
//! A row that is not here speaks of something that no event of the form records.

use scenarios::stage::Terms;

/// How far a trace can judge a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// As far as a simulation judges it by the same oracle.
    Judged,
    /// Only in part.
    Partly,
}

/// What a deployment says beforehand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// Principals that hold nothing: `entitled-until`.
    Strangers,
    /// Records that nobody of their tenant may get: `[[trace.forbidden]]`.
    Forbidden,
    /// From which cell to which events are carried: `mirrors`.
    Mirrors,
    /// Tenants with a connector: `connectors`.
    Connectors,
    /// What a cache keeps for each tenant: `cache-floor-bytes`.
    Floor,
}

impl Told {
    /// How it is said.
    pub fn words(self) -> &'static str {
        match self {
            Told::Strangers => "a principal with entitled-until",
            Told::Forbidden => "[[trace.forbidden]]",
            Told::Mirrors => "mirrors",
            Told::Connectors => "connectors",
            Told::Floor => "cache-floor-bytes",
        }
    }

    /// Whether these terms say it.
    pub fn is_in(self, terms: &Terms) -> bool {
        match self {
            Told::Strangers => terms.cast.principals().any(|principal| principal.never),
            Told::Forbidden => !terms.cast.all_forbidden().is_empty(),
            Told::Mirrors => terms.mirrors.is_some(),
            Told::Connectors => !terms.connectors.is_empty(),
            Told::Floor => terms.cache_floor > 0,
        }
    }
}

/// What a trace says of a row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    /// The row.
    pub requirement: &'static str,
    /// How far.
    pub reach: Reach,
    /// The kinds of events without which nothing is said.
    pub needs: &'static [&'static str],
    /// What the deployment has to say beforehand, if anything.
    pub told: Option<Told>,
    /// What is judged.
    pub what: &'static str,
    /// What is not.
    pub open: &'static str,
}

const fn judged(requirement: &'static str, needs: &'static [&'static str], what: &'static str) -> Coverage {
    Coverage { requirement, reach: Reach::Judged, needs, told: None, what, open: "" }
}

const fn partly(
    requirement: &'static str,
    needs: &'static [&'static str],
    what: &'static str,
    open: &'static str,
) -> Coverage {
    Coverage { requirement, reach: Reach::Partly, needs, told: None, what, open }
}

impl Coverage {
    const fn told(self, told: Told) -> Coverage {
        Coverage { told: Some(told), ..self }
    }
}

/// Every row that a trace speaks of, in the order of the catalogue.
pub const COVERAGE: &[Coverage] = &[
    partly(
        "TEN-01",
        &["request.answered"],
        "who holds nothing that entitles it is never served",
        "which token proved the tenant: a log has no tokens",
    )
    .told(Told::Strangers),
    partly(
        "TEN-02",
        &["request.answered"],
        "no answer, delivery, returned row, stored row, event or object names another tenant's record",
        "what a log does not name: counts, errors, times, and records that the recorder left out",
    ),
    judged("TEN-07", &["request.answered"], "answers name a granted tenant and its region; the pace of switches"),
    partly(
        "IDN-01",
        &["request.answered"],
        "principals without a valid token are never served",
        "which check refused them",
    )
    .told(Told::Strangers),
    partly("IDN-02", &["request.answered"], "a token is useless after its end", "whether a theft was noticed")
        .told(Told::Strangers),
    partly(
        "POL-01",
        &["request.answered"],
        "records that nobody of a tenant may get (trace.forbidden) reach none of its principals",
        "decisions on everything else: `certify` asks the policy itself",
    )
    .told(Told::Forbidden),
    partly("POL-02", &["config.applied"], "no agent goes back to an older revision", "signatures, and staleness"),
    partly(
        "POL-04",
        &["decision.kept", "request.answered"],
        "every answer of the service rests on a kept decision",
        "whether decisions reach a SIEM: [[files.decisions]] asks for its copy",
    ),
    partly(
        "POL-06",
        &["row.stored"],
        "rows and objects lie in their tenant's region; principals of another region are never served",
        "data that no store logged",
    ),
    partly(
        "STO-04",
        &["request.answered"],
        "an acknowledged write is found by a later read that asks the store itself",
        "writes that nobody read again; leases and fences",
    ),
    judged("STO-08", &["object.stored"], "what is kept until a time is neither replaced nor removed before"),
    partly(
        "STO-09",
        &["request.answered"],
        "a read of one record gives that record",
        "altered bytes: content is not logged",
    ),
    judged("CAC-02", &["entry.evicted"], "no tenant loses for another one what its floor keeps").told(Told::Floor),
    partly(
        "EVT-01",
        &["delivery"],
        "connectors get every event of their tenant, pass none over, and are shown no other topics",
        "rights that nobody used: `certify` would ask the brokers",
    )
    .told(Told::Connectors),
    judged("EVT-03", &["event.stored", "request.answered"], "acknowledged events are kept, once, in their place")
        .told(Told::Mirrors),
    judged("EVT-04", &["event.stored", "request.answered"], "acknowledged events reach the other cell, once")
        .told(Told::Mirrors),
    judged("EVT-05", &["event.stored"], "events of bound topics lie in no other region"),
    judged("EVT-06", &["event.stored"], "what the other cell keeps is what was produced").told(Told::Mirrors),
    partly(
        "EVT-07",
        &["event.stored"],
        "audit topics are whole and unaltered as they are recorded, and as they are inspected later",
        "that the recorder saw everything that was audited",
    ),
    partly("EVT-08", &["event.stored"], "somebody is told of dead letters that pile up", "quotas, and room"),
    partly(
        "SRV-07",
        &["request.received", "request.answered"],
        "every request has one answer, one audit record that agrees with both, and a trace of its own",
        "what happens between gateway and service",
    ),
    partly("CLS-05", &["request.answered"], "as POL-01, for records by their level", "the order of levels itself")
        .told(Told::Forbidden),
];

impl Coverage {
    /// Why nothing is said of the row by a trace that holds these kinds of events, judged by these terms.
    pub fn lacks(&self, kinds: impl Fn(&str) -> bool, terms: &Terms) -> Option<String> {
        let missing: Vec<&str> = self.needs.iter().copied().filter(|kind| !kinds(kind)).collect();
        if !missing.is_empty() {
            return Some(format!("no events {}", missing.join(", ")));
        }
        let untold = self.told.filter(|told| !told.is_in(terms))?;
        Some(format!("the deployment says nothing of {}", untold.words()))
    }
}

/// As a table, with how many rows of the catalogue no trace can judge.
pub fn table() -> String {
    let mut out = String::new();
    for row in COVERAGE {
        let reach = if row.reach == Reach::Judged { "judged" } else { "partly" };
        let open = if row.open.is_empty() { String::new() } else { format!(". Not: {}", row.open) };
        let told = row.told.map_or(String::new(), |told| format!("; {}", told.words()));
        let needs = row.needs.join(", ");
        out.push_str(&format!("{:<7} {reach:<7} {}{open} [{needs}{told}]\n", row.requirement, row.what));
    }
    let all = models::catalogue::rows().len();
    out.push_str(&format!("{} of {all} rows are not judged by a trace.\n", all - COVERAGE.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_catalogue_in_its_order() {
        let position = |row: &Coverage| models::catalogue::rows().iter().position(|r| r.id == row.requirement);
        let positions: Vec<usize> = COVERAGE.iter().map(|row| position(row).expect(row.requirement)).collect();
        assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
        assert!(COVERAGE.iter().all(|row| (row.reach == Reach::Partly) != row.open.is_empty()));
    }
}
