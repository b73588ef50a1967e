//! The table `[trace]`: files that logs left, how they are read, and what whoever judges them has to know beforehand.

use super::place::Place;
use crate::trace::event::Time;
use crate::trace::facts::Routes;
use crate::trace::form::{self, Form};
use models::catalogue;
use models::config::InputError;
use models::oracles::cast::Member;
use models::oracles::{Cast, Forbidden, Principal};
use scenarios::stage::Terms;
use serde::Deserialize;
use sim::Instant;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;

/// The form of this product's own traces.
pub const OWN: &str = "cellproof";

/// A trace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Trace {
    /// The files, in the order in which they were written.
    #[serde(default)]
    pub file: Vec<Spanned<File>>,
    /// Forms of other logs, by name.
    #[serde(default)]
    pub forms: BTreeMap<String, Form>,
    /// What the trace holds whole: what is not there is then not merely left out.
    #[serde(default)]
    pub holds: Vec<Holds>,
    /// Tenants, where each lives.
    #[serde(default)]
    pub tenant: Vec<Resident>,
    /// Who sends requests, and what each is entitled to.
    #[serde(default)]
    pub principal: Vec<Spanned<Player>>,
    /// Records that nobody of their tenant may get.
    #[serde(default)]
    pub forbidden: Vec<Spanned<Barred>>,
    /// Tenants that were deleted.
    #[serde(default)]
    pub deleted: Vec<Deleted>,
    /// From which cell to which events are mirrored.
    pub mirrors: Option<Vec<[String; 2]>>,
    /// Tenants whose connector reads every event of theirs.
    #[serde(default)]
    pub connectors: Vec<String>,
    /// Topics whose events may go before they are read.
    #[serde(default)]
    pub edited: Vec<String>,
    /// Whether audit topics are inspected to their end.
    #[serde(default)]
    pub inspected: bool,
    /// How often a principal may switch tenants, in a minute.
    #[serde(default = "switches_per_min")]
    pub switches_per_min: u64,
    /// Bytes of a cache that a tenant keeps, whatever others do.
    #[serde(default)]
    pub cache_floor_bytes: u64,
    /// Paths of this deployment, and what they are called in the reference platform's contract.
    #[serde(default)]
    pub routes: BTreeMap<String, String>,
}

/// As the reference platform has it.
fn switches_per_min() -> u64 {
    10
}

/// A file of a trace.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// How it is read: `cellproof`, a built-in form, or one of `trace.forms`.
    pub form: String,
    /// What its lines do not say: `{ cell = "eu-1", region = "EU" }`.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
}

/// What a trace holds whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// Requests and their answers.
    Requests,
    /// What was audited of each request.
    Triples,
    /// Decisions of policy agents.
    Decisions,
    /// Events of the brokers.
    Events,
    /// Rows of the stores.
    Rows,
}

impl Holds {
    /// The kind of event without which it holds nothing of the sort, and the row that nothing is then said of.
    pub fn needs(self) -> (&'static str, &'static str) {
        match self {
            Holds::Requests => ("request.answered", "SRV-07"),
            Holds::Triples => ("audit.record", "SRV-07"),
            Holds::Decisions => ("decision.kept", "POL-04"),
            Holds::Events => ("event.stored", "EVT-03"),
            Holds::Rows => ("row.stored", "POL-06"),
        }
    }
}

/// A tenant, where it lives.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resident {
    /// Its id.
    pub id: String,
    /// The region that its data must stay in.
    pub region: String,
    /// The cell that serves it.
    pub cell: String,
}

/// Somebody who sends requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Player {
    /// As the log names it.
    pub name: String,
    /// The tenant that it belongs to, if it has any right at all.
    pub tenant: Option<String>,
    /// Further tenants that it was granted.
    #[serde(default)]
    pub also: Vec<String>,
    /// Whether it writes nothing but what it reads back.
    #[serde(default)]
    pub honest: bool,
    /// The row that is broken when it gets what it must not get.
    #[serde(default = "breach")]
    pub breach: String,
    /// From when on it must get nothing at all.
    pub entitled_until: Option<Time>,
}

fn breach() -> String {
    "TEN-02".to_owned()
}

/// A record that nobody of its tenant may get.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barred {
    /// Whose it is.
    pub tenant: String,
    /// Which.
    pub record: u32,
    /// From when on.
    #[serde(default)]
    pub from: Time,
    /// The row that is broken otherwise.
    pub requirement: String,
}

/// A tenant that was deleted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deleted {
    /// Which.
    pub tenant: String,
    /// When.
    pub at: Time,
}

/// The row of an id, as long as the process lives.
fn row(id: &str) -> Option<&'static str> {
    catalogue::row(id).map(|row| row.id)
}

impl Trace {
    /// The form of a name.
    pub fn form(&self, name: &str) -> Option<Form> {
        self.forms.get(name).cloned().or_else(|| form::built_in(name))
    }

    /// Routes, in order of what they are read from.
    pub fn routes(&self) -> Routes {
        self.routes.iter().map(|(from, to)| (from.clone(), to.clone())).collect()
    }

    /// What judges are told beforehand.
    pub fn terms(&self) -> Terms {
        let ways = |ways: &Vec<[String; 2]>| ways.iter().map(|[a, b]| (a.as_str().into(), b.as_str().into())).collect();
        Terms {
            cast: self.cast(),
            mirrors: self.mirrors.as_ref().map(ways),
            connectors: self.connectors.iter().map(|id| id.as_str().into()).collect(),
            edited: self.edited.iter().map(|topic| topic.as_str().into()).collect(),
            is_witnessed: self.inspected,
            keeps_decisions: self.holds.contains(&Holds::Decisions),
            switches_per_min: self.switches_per_min,
            cache_floor: self.cache_floor_bytes,
        }
    }

    fn cast(&self) -> Cast {
        let mut cast = Cast::default();
        for (index, tenant) in self.tenant.iter().enumerate() {
            cast.add_member(Member {
                id: tenant.id.as_str().into(),
                index: index as u32,
                region: tenant.region.as_str().into(),
                cell: tenant.cell.as_str().into(),
            });
        }
        for player in self.principal.iter().map(Spanned::get_ref) {
            cast.add(Principal {
                name: player.name.as_str().into(),
                tenant: player.tenant.as_deref().map(Into::into),
                also: player.also.iter().map(|id| id.as_str().into()).collect(),
                honest: player.honest,
                breach: row(&player.breach).unwrap_or("TEN-02"),
                never: player.entitled_until.is_some(),
                entitled_until: Instant(player.entitled_until.unwrap_or_default().0),
            });
        }
        for barred in self.forbidden.iter().map(Spanned::get_ref) {
            cast.forbid(Forbidden {
                tenant: barred.tenant.as_str().into(),
                record: barred.record,
                from: Instant(barred.from.0),
                requirement: row(&barred.requirement).unwrap_or("POL-01"),
            });
        }
        self.deleted.iter().for_each(|gone| cast.delete(gone.tenant.as_str().into(), Instant(gone.at.0)));
        cast
    }
}

/// What TOML and types do not say.
pub fn check(trace: &Trace, span: Range<usize>, place: &Place, found: &mut Vec<InputError>) {
    let mut wrong = |span, what: String, expected: &str| found.push(place.at(span, what, expected));
    if trace.file.is_empty() {
        wrong(span.clone(), "no file".into(), "[[trace.file]] with path and form");
    }
    if trace.tenant.is_empty() {
        wrong(span, "no tenant".into(), "[[trace.tenant]] with id, region and cell, for every tenant of the trace");
    }
    for file in &trace.file {
        let form = &file.get_ref().form;
        if form != OWN && trace.form(form).is_none() {
            let known: Vec<&str> = form::all().iter().map(|(name, _)| *name).collect();
            let expected = format!("{OWN}, {}, or a table [trace.forms.{form}]", known.join(", "));
            wrong(file.span(), format!("form {form:?}"), &expected);
        }
    }
    let rows = trace.principal.iter().map(|p| (p.span(), &p.get_ref().breach));
    let rows = rows.chain(trace.forbidden.iter().map(|f| (f.span(), &f.get_ref().requirement)));
    for (span, id) in rows {
        if row(id).is_none() {
            wrong(
                span,
                format!("requirement {id:?}"),
                "a row of the catalogue, as `cellproof list requirements` has it",
            );
        }
    }
}
