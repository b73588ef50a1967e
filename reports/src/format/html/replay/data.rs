//! The data of a replay page: columns of small numbers over tables of texts, as JSON that cannot leave its element.
//!
//! A run has tens of thousands of rows and few different texts, so a column is short and a browser reads it at once.
//! Columns that stand for "none" count from one.

use crate::replay::{ControlText, Replay, Row, Told, parting};
use crate::text::clean;
use serde_json::{Value, json};
use sim::record::Requirement;
use std::collections::BTreeMap;

/// Texts or lists, each once.
struct Table<T>(BTreeMap<T, usize>, Vec<T>);

impl<T: Ord + Clone> Table<T> {
    fn new() -> Table<T> {
        Table(BTreeMap::new(), Vec::new())
    }
    fn place(&mut self, item: T) -> usize {
        *self.0.entry(item.clone()).or_insert_with(|| {
            self.1.push(item);
            self.1.len() - 1
        })
    }
}

/// The whole page's data, ready to stand between the tags of a script element.
///
/// `<` is written as an escape, so no text can end the element or begin a comment in it; JSON knows no other way out.
pub fn embedded(replay: &Replay) -> String {
    let (mut texts, mut lists, mut causes) = (Table::new(), Table::new(), Table::new());
    let mut runs = Vec::new();
    for told in [Some(&replay.run), replay.twin.as_ref()].into_iter().flatten() {
        runs.push(run(replay, told, &mut texts, &mut lists, &mut causes));
    }
    let parts = replay.twin.as_ref().and_then(|twin| parting(&replay.run, twin));
    let requirement = |r: &Requirement| json!({"id": r.id, "text": clean(&r.text)});
    let control = |c: &ControlText| json!({"id": c.id, "upholds": c.upholds, "off": clean(&c.off)});
    let data = json!({
        "texts": texts.1,
        "lists": lists.1,
        "causes": causes.1,
        "tenants": replay.tenants.iter().map(|t| clean(t)).collect::<Vec<_>>(),
        "controls": replay.controls.iter().map(control).collect::<Vec<_>>(),
        "requirements": replay.requirements.iter().map(requirement).collect::<Vec<_>>(),
        "runs": runs,
        "parts": parts,
    });
    data.to_string().replace('<', "\\u003c")
}

fn run(
    replay: &Replay,
    told: &Told,
    texts: &mut Table<String>,
    lists: &mut Table<Vec<u16>>,
    causes: &mut Table<String>,
) -> Value {
    let mut columns: [Vec<u64>; 11] = Default::default();
    let mut last = 0;
    let some = |n: Option<u64>| n.map_or(0, |n| n + 1);
    for row in &told.rows {
        let decided = row.decided.as_ref();
        let values = [
            row.at_ns - last,
            causes.place(format!("{:016x}", row.cause)) as u64,
            some(row.from.map(u64::from)),
            some(row.node.map(u64::from)),
            row.kind as u64,
            texts.place(clean(&row.what)) as u64,
            decided.map_or(0, |d| if d.allowed { 1 } else { 2 }),
            some(decided.map(|d| texts.place(clean(&d.why)) as u64)),
            some(decided.and_then(|d| d.by).map(u64::from)),
            if row.asked.is_empty() { 0 } else { lists.place(row.asked.clone()) as u64 + 1 },
            some(row.tenant.map(u64::from)),
        ];
        last = row.at_ns;
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    let [at, cause, from, node, kind, what, verdict, why, by, asked, tenant] = columns;
    let is_attack = |row: &&Row| told.is_attacker(row.from) || told.is_attacker(row.node);
    let mut attack: Vec<usize> =
        told.rows.iter().filter(is_attack).map(|row| causes.place(format!("{:016x}", row.cause))).collect();
    attack.sort_unstable();
    attack.dedup();
    let off = told.record.ablations.iter().filter_map(|id| replay.controls.iter().position(|c| c.id == *id));
    let requirement = |finding: u32| {
        let id = &told.record.findings.get(finding as usize)?.requirement;
        replay.requirements.iter().position(|r| r.id == *id)
    };
    let breaks: Vec<(usize, usize)> =
        told.rows.iter().enumerate().filter_map(|(i, row)| Some((i, requirement(row.finding?)?))).collect();
    let faults: Vec<Value> =
        told.record.faults.iter().map(|f| json!([f.fault, f.target, f.from_ns, f.until_ns])).collect();
    json!({
        "nodes": told.nodes.iter().map(|n| clean(n)).collect::<Vec<_>>(),
        "off": off.collect::<Vec<_>>(),
        "end": told.record.simulated_ns,
        "attack": attack,
        "breaks": breaks,
        "faults": faults,
        "at": at, "cause": cause, "from": from, "node": node, "kind": kind, "what": what,
        "verdict": verdict, "why": why, "by": by, "asked": asked, "tenant": tenant,
    })
}
