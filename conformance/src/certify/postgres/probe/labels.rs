//! Columns have levels, and what a view makes of them is as sensitive as the most sensitive of what it was made from
//! (CLS-01).
//!
//! The levels are what the deployment says they are; what a view is made from, its definition says. A column without a
//! level is read as the most restrictive.

use crate::certify::deployment::Labels;
use crate::certify::level;
use crate::certify::postgres::bench::{Bench, REUSED};
use crate::certify::postgres::catalogue::{Catalogue, Relation, literal};
use crate::certify::postgres::lineage::{self, Named, Names, Source};
use crate::certify::postgres::link::Wrong;
use crate::certify::postgres::visit::Hands;
use crate::certify::report::Finding;
use models::wire::policy::Level;
use std::collections::BTreeMap;

const REQUIREMENTS: [&str; 1] = ["CLS-01"];

/// What is said of columns.
struct Told {
    /// Of each column, as it is said.
    said: BTreeMap<Source, String>,
    /// Relations are named with their schemas.
    qualified: bool,
    /// Levels are numbers.
    numbered: bool,
}

/// Looks at every relation that can be read, and at what each view is made from.
pub fn run(bench: &mut Bench) {
    let Some(labels) = bench.postgres.labels.as_ref().map(|labels| labels.get_ref()) else {
        let why = "the deployment has no table [postgres.labels]";
        return bench.component.not_judged("levels of columns (CLS-01)", why);
    };
    let told = match read(bench, labels) {
        Ok(told) => told,
        Err(why) => return bench.component.suspect("labels", "levels of columns are not shown", &REQUIREMENTS, &why),
    };
    let catalogue = bench.catalogue.clone();
    // What holds of a whole holds of its partitions.
    let readable = |r: &&Relation| r.rights.select && r.parent.is_none();
    let relations: Vec<Relation> = catalogue.relations.iter().filter(readable).cloned().collect();
    let columns: usize = relations.iter().map(|relation| readable_columns(relation).count()).sum();
    bench.component.judged("columns that have a level", columns, &REQUIREMENTS);
    relations.iter().for_each(|relation| unlabelled(bench, labels, &told, relation));
    let views: Vec<&Relation> = relations.iter().filter(|r| r.definition.is_some()).collect();
    let made = views.iter().map(|view| readable_columns(view).count()).sum();
    bench.component.judged("columns of views, against what they are made from", made, &REQUIREMENTS);
    views.iter().for_each(|view| derived(bench, labels, &told, view));
    if !views.is_empty() {
        let why = "the definition of a view says what it gives to a function, and not what that reads besides";
        bench.component.not_judged("what functions read that views call (CLS-01)", why);
    }
}

fn readable_columns(relation: &Relation) -> impl Iterator<Item = &str> {
    relation.columns.iter().filter(|column| column.select).map(|column| column.name.as_str())
}

/// Asks for the levels: relation, column, level.
fn read(bench: &Bench, labels: &Labels) -> Result<Told, String> {
    let pool = bench.pool.clone();
    let wrong = |why: Wrong| format!("{} ({})", why.message, why.code);
    let mut visit = bench.visit(&pool, Some(bench.a), Hands::Bound).map_err(wrong)?;
    let rows = visit.rows(&labels.query).map_err(wrong)?;
    let mut told = Told { said: BTreeMap::new(), qualified: false, numbered: false };
    for row in rows {
        let [Some(relation), Some(column), Some(level)] = &row[..] else {
            return Err("the query of [postgres.labels] answers other than relation, column and level".to_owned());
        };
        told.qualified |= relation.contains('.');
        told.numbered |= level.parse::<u64>().is_ok();
        let relation = if relation.contains('.') { relation.clone() } else { format!("public.{relation}") };
        told.said.insert((relation, column.clone()), level.clone());
    }
    match told.said.is_empty() {
        true => Err("the query of [postgres.labels] answers nothing".to_owned()),
        false => Ok(told),
    }
}

impl Told {
    fn level(&self, source: &Source) -> Option<Level> {
        self.said.get(source).and_then(|said| level::read(said))
    }

    /// A relation as it is called where it is labelled.
    fn called<'r>(&self, label: &'r str) -> &'r str {
        if self.qualified { label } else { label.strip_prefix("public.").unwrap_or(label) }
    }

    /// The statement that gives a column a level, if the deployment says how.
    fn assigning(&self, labels: &Labels, (relation, column): &Source, level: Level) -> String {
        let as_said = if self.numbered { level.rank().to_string() } else { level.name().to_owned() };
        match &labels.assign {
            Some(template) => template
                .replace("{relation}", &literal(self.called(relation)))
                .replace("{column}", &literal(column))
                .replace("{level}", &literal(&as_said)),
            None => format!("-- label {relation}.{column} as {level}"),
        }
    }

    /// What is said of these columns of a relation, as a proof asks for it.
    fn asking(&self, labels: &Labels, relation: &str, columns: &[&str]) -> String {
        let columns: Vec<String> = columns.iter().map(|column| literal(column)).collect();
        format!(
            "SELECT name, level FROM ({}) AS labels (relation, name, level) WHERE relation = {} AND name IN ({}) \
             ORDER BY name",
            labels.query.trim_end_matches([';', ' ']),
            literal(self.called(relation)),
            columns.join(", ")
        )
    }
}

/// Finds what nobody labelled in a relation.
fn unlabelled(bench: &mut Bench, labels: &Labels, told: &Told, relation: &Relation) {
    let label = relation.label();
    let bare = readable_columns(relation).filter(|column| told.level(&(label.clone(), (*column).to_owned())).is_none());
    let bare: Vec<&str> = bare.collect();
    if bare.is_empty() || bench.is_shared(&label) {
        return;
    }
    let repair = bare.iter().map(|column| {
        let source = (label.clone(), (*column).to_owned());
        told.assigning(labels, &source, Level::of_data(None))
    });
    let proof = bench.proof(
        Some(bench.a),
        REUSED,
        &[told.asking(labels, &label, &bare)],
        format!("no level of {}", bare.join(", ")),
    );
    let repair = repair.collect();
    let (what, requirements) = ("it has columns without a level".to_owned(), REQUIREMENTS.to_vec());
    bench.component.find(Finding { object: label, what, requirements, proof, repair, also: Vec::new() });
}

/// Finds what a view calls less than it was made from.
fn derived(bench: &mut Bench, labels: &Labels, told: &Told, view: &Relation) {
    let (label, definition) = (view.label(), view.definition.as_deref().unwrap_or_default());
    let catalogue = bench.catalogue.clone();
    let made = match lineage::of(definition, &Read { catalogue: &catalogue, view }) {
        Ok(made) if made.columns.len() == view.columns.len() => made,
        Ok(made) => return unread(bench, &label, &format!("{} columns are read in it", made.columns.len())),
        Err(why) => return unread(bench, &label, &why),
    };
    let level = |source: &Source| Level::of_data(told.level(source));
    let mut below: Vec<(Source, Level, String)> = Vec::new();
    for (column, (_, sources)) in view.columns.iter().zip(&made.columns).filter(|(column, _)| column.select) {
        let own = (label.clone(), column.name.clone());
        // What has no level is found already.
        let Some(is) = told.level(&own) else { continue };
        let highest = sources.iter().chain(&made.decided).max_by_key(|source| level(source));
        if let Some(source) = highest.filter(|source| level(source) > is) {
            let how = if sources.contains(source) { "is made from" } else { "has rows that are chosen by" };
            let (relation, name) = source;
            let saw = format!("{} is {is} and {how} {relation}.{name}, which is {}", column.name, level(source));
            below.push((own, level(source), saw));
        }
    }
    let Some(_) = below.first() else { return };
    let names: Vec<&str> = below.iter().map(|((_, column), ..)| column.as_str()).collect();
    let saw = below.iter().map(|(.., saw)| saw.as_str()).collect::<Vec<_>>().join("; ");
    let proof = bench.proof(Some(bench.a), REUSED, &[told.asking(labels, &label, &names)], saw);
    let repair = below.iter().map(|(own, level, _)| told.assigning(labels, own, *level)).collect();
    let what = "it shows columns as less sensitive than what they are made from".to_owned();
    let requirements = REQUIREMENTS.to_vec();
    bench.component.find(Finding { object: label, what, requirements, proof, repair, also: Vec::new() });
}

fn unread(bench: &mut Bench, label: &str, why: &str) {
    bench.component.suspect(label, "what its columns are made from does not show", &REQUIREMENTS, why);
}

/// What names in a view's definition stand for: relations that it reads, and what is the server's.
struct Read<'a> {
    catalogue: &'a Catalogue,
    view: &'a Relation,
}

impl Names for Read<'_> {
    fn relation(&self, schema: Option<&str>, name: &str) -> Option<Named> {
        if matches!(schema, Some("pg_catalog" | "information_schema")) {
            return Some(Named::Server);
        }
        let mut read = self.view.reads.iter().filter_map(|oid| self.catalogue.relation(*oid));
        let found = read.find(|r| r.name == name && schema.is_none_or(|schema| r.schema == schema));
        let columns = |r: &Relation| r.columns.iter().map(|column| column.name.clone()).collect();
        match found {
            Some(relation) => Some(Named::Relation(relation.label(), columns(relation))),
            None => (schema.is_none() && name.starts_with("pg_")).then_some(Named::Server),
        }
    }

    fn is_own_function(&self, name: &str) -> bool {
        self.catalogue.functions.iter().any(|f| f.call.rsplit('.').next() == Some(name))
    }
}
