//! Column lineage of pipelines, as OpenLineage events tell it: every column has a level, and none is below what it was
//! made from (CLS-01).
//!
//! Of each dataset the last word counts: the last schema, the last tags, the last lineage of a run that completed. What
//! nobody labelled is read as the most restrictive, so whatever is made from it stands out as it does itself.

use super::{finding, text};
use crate::certify::deployment::files::Lineage;
use crate::certify::level;
use crate::certify::report::Component;
use crate::trace::event::object;
use models::wire::policy::Level;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const REQUIREMENTS: [&str; 1] = ["CLS-01"];

/// A dataset: its namespace and its name.
type Name = (String, String);

/// What was told of a dataset.
#[derive(Default)]
struct Dataset {
    columns: Vec<String>,
    /// What tags say of columns, and of the dataset itself (the empty name).
    said: BTreeMap<String, String>,
    /// Of each column what it is made from, and where that is told.
    made: BTreeMap<String, Vec<(Name, String)>>,
    /// What decides which rows there are.
    decided: Vec<(Name, String)>,
    /// Where its lineage stands.
    place: String,
}

/// Judges the lineage of a file of events.
pub fn judge(component: &mut Component, home: &Path, lineage: &Lineage) -> Result<(), String> {
    let file = lineage.path.display().to_string();
    let known = read(&text(home, &lineage.path)?, &file, &lineage.key)?;
    let told = |dataset: &Dataset| !dataset.made.is_empty() || !dataset.decided.is_empty();
    if !known.values().any(told) {
        return Err(format!("{file}: no completed run tells the lineage of a column, expected a facet columnLineage"));
    }
    let columns = labelled(component, &file, &known);
    component.judged(&format!("columns of {file} that have a level"), columns, &REQUIREMENTS);
    let derived = derived(component, lineage, &known);
    component.judged(&format!("columns of {file}, against what they are made from"), derived, &REQUIREMENTS);
    for declassified in &lineage.declassified {
        let why = format!("declassified on purpose: {}", declassified.reason);
        component.not_judged(format!("{} (CLS-01)", declassified.field), why);
    }
    Ok(())
}

/// Reads events, one a line.
fn read(text: &str, file: &str, key: &str) -> Result<BTreeMap<Name, Dataset>, String> {
    let mut known: BTreeMap<Name, Dataset> = BTreeMap::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{file}:{}", n + 1);
        let event = Value::Object(object(line).map_err(|why| format!("{place}: {why}"))?);
        // Events of datasets and of jobs have no type; of runs only those count that came to their end.
        if event["eventType"].as_str().is_some_and(|kind| kind != "COMPLETE") {
            continue;
        }
        let lists = ["inputs", "outputs"].map(|list| event[list].as_array().into_iter().flatten());
        for dataset in lists.into_iter().flatten().chain(event.get("dataset")) {
            let wrong = |what: &str| format!("{place}: {what}, as OpenLineage has it");
            let name = name(dataset).ok_or_else(|| wrong("a dataset without namespace and name"))?;
            let one = known.entry(name).or_default();
            let facets = &dataset["facets"];
            if let Some(fields) = facets["schema"]["fields"].as_array() {
                one.columns = fields.iter().filter_map(|field| field["name"].as_str()).map(str::to_owned).collect();
            }
            for tag in facets["tags"]["tags"].as_array().into_iter().flatten().filter(|tag| tag["key"] == key) {
                let (field, value) = (tag["field"].as_str().unwrap_or_default(), &tag["value"]);
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                one.said.insert(field.to_owned(), value);
            }
            if let Some(fields) = facets["columnLineage"]["fields"].as_object() {
                let unread = || wrong("an input field without namespace, name and field");
                let made = fields.iter().map(|(column, from)| Some((column.clone(), inputs(&from["inputFields"])?)));
                one.made = made.collect::<Option<_>>().ok_or_else(unread)?;
                one.decided = inputs(&facets["columnLineage"]["dataset"]).ok_or_else(unread)?;
                one.place = place.clone();
            }
        }
    }
    Ok(known)
}

fn name(dataset: &Value) -> Option<Name> {
    Some((dataset["namespace"].as_str()?.to_owned(), dataset["name"].as_str()?.to_owned()))
}

/// The columns of a list; none if one of them is not told whole.
fn inputs(list: &Value) -> Option<Vec<(Name, String)>> {
    let inputs = list.as_array().into_iter().flatten();
    inputs.map(|input| Some((name(input)?, input["field"].as_str()?.to_owned()))).collect()
}

/// A column in words.
fn words((namespace, name): &Name, column: &str) -> String {
    format!("{namespace}/{name}.{column}")
}

impl Dataset {
    /// What is said of a column: of itself, else of the whole dataset.
    fn said(&self, column: &str) -> Option<&str> {
        self.said.get(column).or_else(|| self.said.get("")).map(String::as_str)
    }

    fn level(&self, column: &str) -> Option<Level> {
        self.said(column).and_then(level::read)
    }

    /// Every column that was told of.
    fn all(&self) -> BTreeSet<&str> {
        let told = self.columns.iter().chain(self.made.keys()).chain(self.said.keys().filter(|name| !name.is_empty()));
        told.map(String::as_str).collect()
    }
}

/// Finds columns without a level; how many there are.
fn labelled(component: &mut Component, file: &str, known: &BTreeMap<Name, Dataset>) -> usize {
    let mut count = 0;
    for (name, dataset) in known {
        let all = dataset.all();
        count += all.len();
        let bare: Vec<&str> = all.into_iter().filter(|column| dataset.level(column).is_none()).collect();
        let Some(first) = bare.first() else { continue };
        let saw = match dataset.said(first) {
            Some(said) => format!("the first says {said:?}, which is no level"),
            None => "no tag says one".to_owned(),
        };
        let (object, columns) = (format!("{file}: {}/{}", name.0, name.1), bare.join(", "));
        component.find(finding(object, format!("columns without a level: {columns}"), REQUIREMENTS.to_vec(), saw));
    }
    count
}

/// Finds columns that are below what they are made from; how many were looked at.
fn derived(component: &mut Component, lineage: &Lineage, known: &BTreeMap<Name, Dataset>) -> usize {
    let level = |(dataset, column): &(Name, String)| {
        Level::of_data(known.get(dataset).and_then(|dataset| dataset.level(column)))
    };
    let mut count = 0;
    for (name, dataset) in known {
        for column in dataset.made.keys().map(String::as_str).chain(only_decided(dataset)) {
            let called = words(name, column);
            if lineage.declassified.iter().any(|declassified| declassified.field == called) {
                continue;
            }
            count += 1;
            // Without a level of its own it is found already.
            let Some(own) = dataset.level(column) else { continue };
            let made = dataset.made.get(column).into_iter().flatten();
            let highest = made.chain(&dataset.decided).max_by_key(|input| level(input));
            let Some(input) = highest.filter(|input| level(input) > own) else { continue };
            let how = match dataset.decided.contains(input) {
                true => "and its rows are chosen by",
                false => "and made from",
            };
            let what = format!("{called} is {own}, {how} {}, which is {}", words(&input.0, &input.1), level(input));
            let saw = "as the pipeline's own lineage has it".to_owned();
            component.find(finding(dataset.place.clone(), what, REQUIREMENTS.to_vec(), saw));
        }
    }
    count
}

/// Columns of which it is told what decides their rows, and not what they are made from.
fn only_decided(dataset: &Dataset) -> impl Iterator<Item = &str> {
    let others = dataset.columns.iter().filter(|column| !dataset.made.contains_key(*column));
    others.filter(|_| !dataset.decided.is_empty()).map(String::as_str)
}
