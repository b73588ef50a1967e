//! What an offline cell holds: rows behind their fences, edges, topics, and what it decides by. All of it came in
//! bundles, and the next bundle of a tenant takes its place (CEL-08).

use super::bundle::{Bundle, EDGES, PEOPLE, POLICIES, POLICY_DATA, RECORDS};
use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::sha256;
use crate::ids::{Bytes, TenantId};
use crate::policy::data::PolicyData;
use crate::postgres::engine::Engine;
use crate::postgres::pool::Pool;
use crate::postgres::reference::APP;
use crate::wire::policy::Level;
use crate::wire::sql::{Reply, Row, Statement, Value};
use serde::{Deserialize, Serialize};
use sim::Instant;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Rows come with what fences them.
pub const ROW_POLICIES: Control = control!(
    "offline.row-policies",
    upholds: ["CEL-08"],
    off: "the data section of the dump is restored and its policies are not, so nothing fences one tenant's rows off",
);

/// The newest bundle's policy decides.
pub const NEWEST_POLICY: Control = control!(
    "offline.newest-policy",
    upholds: ["CEL-08"],
    off: "the policy that the cell was set up with stays, and the ones in later bundles lie beside it",
);

/// Who the newest bundle names may log in, and nobody else.
pub const NEWEST_PEOPLE: Control = control!(
    "offline.newest-people",
    upholds: ["CEL-08"],
    off: "accounts are added and never taken away, as with an import that knows no deletions",
);

/// Somebody who may log in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Name.
    pub name: Arc<str>,
    /// For which tenant.
    pub tenant: TenantId,
    /// SHA-256 of the certificate that it shows.
    pub certificate: [u8; 32],
    /// Up to which level it sees data unmasked.
    pub clearance: Level,
}

/// What a tenant is decided by.
#[derive(Clone, Debug)]
pub struct Held {
    /// When the last bundle was made.
    pub made_at: Instant,
    /// Who may do what.
    pub policy: PolicyData,
    /// Who may log in.
    pub people: Vec<Person>,
}

/// A row as it is served.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it is.
    pub kind: Arc<str>,
    /// Its level; what is none is read as the highest.
    pub level: Level,
    /// Its label.
    pub label: Arc<str>,
    /// Its content.
    pub body: Arc<str>,
}

/// The stores of an offline cell.
pub struct Stores {
    engine: Engine,
    pool: Pool,
    /// Files that are kept as they came, by tenant and name: edges and topics.
    files: BTreeMap<TenantId, Vec<(Arc<str>, Bytes)>>,
    held: BTreeMap<TenantId, Held>,
}

/// The database is set up without fences: those come with the rows.
const UNFENCED: &str =
    "ALTER TABLE records NO FORCE ROW LEVEL SECURITY; ALTER TABLE records DISABLE ROW LEVEL SECURITY";
/// What fences rows, as a dump has it.
pub const FENCES: &str = "ALTER TABLE records ENABLE ROW LEVEL SECURITY; ALTER TABLE records FORCE ROW LEVEL SECURITY";

const ONE: &str = "SELECT kind, level, label, body FROM records WHERE tenant_id = $1 AND id = $2";
/// A report that somebody wrote in haste: it names no tenant, so the fences are all that stands between tenants.
const ALL: &str = "SELECT kind, level, label, body FROM records ORDER BY tenant_id, id LIMIT 200";

impl Default for Stores {
    fn default() -> Stores {
        let mut engine = Engine::reference();
        engine.bootstrap(UNFENCED).expect("the owner's own statements run");
        let pool = Pool::open(&mut engine, 1, APP).expect("the service may log in");
        Stores { engine, pool, files: BTreeMap::new(), held: BTreeMap::new() }
    }
}

impl Stores {
    /// Puts what a bundle brought in the place of what the tenant had.
    ///
    /// # Errors
    /// A file cannot be read; the rows stay what they were.
    pub fn restore(&mut self, controls: &Controls, bundle: &Bundle) -> Result<(), String> {
        let tenant = &bundle.manifest.tenant;
        let text = |name: &str| {
            let content = bundle.file(name).map_or(&[][..], |content| content);
            std::str::from_utf8(content).map_err(|e| format!("{name} is not UTF-8: {e}"))
        };
        let rows = text(RECORDS)?.lines().map(|line| row_of(line).ok_or("a row has no seven fields".to_owned()));
        let script = replacement(tenant, &rows.collect::<Result<Vec<_>, _>>()?);
        let held = self.held_by(controls, bundle, text(POLICY_DATA)?, text(PEOPLE)?)?;
        self.engine.bootstrap(&script).map_err(|e| format!("{RECORDS}: {e:?}"))?;
        if controls.on(&ROW_POLICIES) {
            self.engine.bootstrap(text(POLICIES)?).map_err(|e| format!("{POLICIES}: {e:?}"))?;
        }
        let is_kept = |name: &str| name == EDGES || name.starts_with("kafka/");
        let kept = bundle.files.iter().filter(|(name, _)| is_kept(name)).cloned().collect();
        self.files.insert(tenant.clone(), kept);
        self.held.insert(tenant.clone(), held);
        Ok(())
    }

    fn held_by(&self, controls: &Controls, bundle: &Bundle, policy: &str, people: &str) -> Result<Held, String> {
        let mut people: Vec<Person> = match people {
            "" => Vec::new(),
            people => serde_json::from_str(people).map_err(|e| format!("{PEOPLE}: {e}"))?,
        };
        let mut policy = match policy {
            "" => PolicyData::default(),
            policy => PolicyData::from_json(policy).map_err(|e| format!("{POLICY_DATA}: {e}"))?,
        };
        // Nobody brings people of another tenant in.
        people.retain(|person| person.tenant == bundle.manifest.tenant);
        if let Some(before) = self.held.get(&bundle.manifest.tenant) {
            if !controls.on(&NEWEST_POLICY) {
                policy = before.policy.clone();
            }
            if !controls.on(&NEWEST_PEOPLE) {
                let gone = |person: &&Person| people.iter().all(|p| p.certificate != person.certificate);
                let more: Vec<Person> = before.people.iter().filter(gone).cloned().collect();
                people.extend(more);
            }
        }
        Ok(Held { made_at: bundle.manifest.made_at, policy, people })
    }

    /// Who shows this certificate, and what its tenant is decided by.
    pub fn person(&self, certificate: &[u8; 32]) -> Option<(&Person, &Held)> {
        let of = |held: &Held| held.people.iter().position(|person| person.certificate == *certificate);
        self.held.values().find_map(|held| of(held).map(|at| (&held.people[at], held)))
    }

    /// One record, as the tenant's session sees it.
    pub fn record(&mut self, controls: &Controls, tenant: &TenantId, owner: &str, id: i64) -> Option<Record> {
        let params = vec![Value::Text(owner.into()), Value::Int(id)];
        self.rows(controls, tenant, Statement::new(ONE, params)).into_iter().next()
    }

    /// All records that the tenant's session sees.
    pub fn records(&mut self, controls: &Controls, tenant: &TenantId) -> Vec<Record> {
        self.rows(controls, tenant, Statement::new(ALL, Vec::new()))
    }

    fn rows(&mut self, controls: &Controls, tenant: &TenantId, statement: Statement) -> Vec<Record> {
        let outcome = self.pool.run(&mut self.engine, controls, 0, Some(tenant), &[statement]);
        match outcome.replies.into_iter().next() {
            Some(Reply::Rows { rows, .. }) => rows.iter().filter_map(record_of).collect(),
            _ => Vec::new(),
        }
    }

    /// What lies here of a tenant, as SHA-256 of the files that would say the same: read back from the stores.
    pub fn contents(&self, tenant: &str) -> Vec<(Arc<str>, [u8; 32])> {
        let rows =
            self.engine.scan_store().filter(|(table, row)| table == "records" && row[0].as_text() == Some(tenant));
        let mut rows: Vec<&Row> = rows.map(|(_, row)| row).collect();
        rows.sort_by_key(|row| row[1].as_int());
        let records: String = rows.iter().map(|row| line_of(row)).collect();
        let files = self.files.get(tenant).into_iter().flatten();
        let held = self.held.get(tenant);
        let people = held.map(|held| people_file(&held.people)).unwrap_or_default();
        let policy = held.map(|held| policy_file(&held.policy)).unwrap_or_default();
        let mut contents: Vec<(Arc<str>, [u8; 32])> = vec![
            (RECORDS.into(), sha256(records.as_bytes())),
            (POLICY_DATA.into(), sha256(policy.as_bytes())),
            (PEOPLE.into(), sha256(people.as_bytes())),
        ];
        contents.extend(files.map(|(name, content)| (name.clone(), sha256(content))));
        contents.sort();
        contents
    }
}

/// The file of a tenant's people.
pub fn people_file(people: &[Person]) -> String {
    serde_json::to_string(people).expect("people are JSON")
}

/// The file of a policy's data.
pub fn policy_file(policy: &PolicyData) -> String {
    policy.to_json().to_string()
}

fn record_of(row: &Row) -> Option<Record> {
    let level = row[1].as_int().and_then(|rank| u64::try_from(rank).ok()).and_then(Level::from_rank);
    Some(Record {
        kind: row[0].as_text()?.into(),
        level: Level::of_data(level),
        label: row[2].as_text()?.into(),
        body: row[3].as_text()?.into(),
    })
}

/// A row as a line of a dump: `id kind level label version contact body`, with tabs between, escaped as `COPY` does.
pub fn line_of(row: &[Value]) -> String {
    let mut line = String::new();
    let columns = [1, 2, 3, 4, 6, 7, 5].map(|at| &row[at]);
    for (n, value) in columns.into_iter().enumerate() {
        if n > 0 {
            line.push('\t');
        }
        match (value.as_int(), value.as_text()) {
            (Some(number), _) => write!(line, "{number}").expect("writing to memory does not fail"),
            (_, text) => escape(text.unwrap_or_default(), &mut line),
        }
    }
    line.push('\n');
    line
}

fn escape(text: &str, line: &mut String) {
    for letter in text.chars() {
        match letter {
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\\' => line.push_str("\\\\"),
            letter => line.push(letter),
        }
    }
}

fn unescaped(text: &str) -> String {
    let (mut out, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('t') => out.push('\t'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                other => out.extend(other),
            },
            letter => out.push(letter),
        }
    }
    out
}

/// The fields of a line, in the order of the columns after the tenant's.
fn row_of(line: &str) -> Option<[String; 7]> {
    let mut fields = line.split('\t').map(unescaped);
    let mut next = || fields.next();
    let (id, kind, level, label) = (next()?, next()?, next()?, next()?);
    let (version, contact, body) = (next()?, next()?, next()?);
    let numbers = [&id, &level, &version].iter().all(|n| n.parse::<i64>().is_ok());
    numbers.then_some([id, kind, level, label, body, version, contact])
}

/// What puts rows in the place of a tenant's.
fn replacement(tenant: &str, rows: &[[String; 7]]) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let tenant = quoted(tenant);
    let mut script = format!("DELETE FROM records WHERE tenant_id = {tenant}");
    for (n, [id, kind, level, label, body, version, contact]) in rows.iter().enumerate() {
        let before = if n == 0 {
            "; INSERT INTO records (tenant_id, id, kind, level, label, body, version, contact) VALUES "
        } else {
            ", "
        };
        let [kind, label, body, contact] = [kind, label, body, contact].map(|text| quoted(text));
        write!(script, "{before}({tenant}, {id}, {kind}, {level}, {label}, {body}, {version}, {contact})")
            .expect("writing to memory does not fail");
    }
    script
}

#[cfg(test)]
mod tests {
    use super::super::bundle::{Keys, Manifest};
    use super::*;
    use sim::{ControlSet, Duration};

    fn person(tenant: &str, n: u8) -> Person {
        let name = format!("{tenant}-{n}").as_str().into();
        Person { name, tenant: tenant.into(), certificate: [n; 32], clearance: Level::Internal }
    }

    fn bundle(tenant: &str, bodies: &[&str], people: &[Person], labels: &[&str]) -> Bundle {
        let row = |(id, body): (usize, &&str)| {
            let text = |text: &str| Value::Text(text.into());
            let values = [text(tenant), Value::Int(id as i64), text("audit"), Value::Int(2), text("pii"), text(body)];
            line_of(&[&values[..], &[Value::Int(7), text("a@b")]].concat())
        };
        let records: String = bodies.iter().enumerate().map(row).collect();
        let policy = serde_json::json!({"tenants": {tenant: {
            "region": "EU", "labels": labels, "data_classes": {"audit": "confidential"}}}});
        let policy = policy_file(&PolicyData::from_json(&policy.to_string()).expect("it is policy data"));
        let file = |name: &str, content: &str| (Arc::from(name), Bytes::from(content.as_bytes()));
        let files = vec![
            file(RECORDS, &records),
            file(POLICIES, FENCES),
            file(EDGES, "acme\tHOLDS\t0\n"),
            file(POLICY_DATA, &policy),
            file(PEOPLE, &people_file(people)),
            file("kafka/tenant.acme.audit.tsv", "0\t00ff\n"),
        ];
        let (key, certificate) = Keys { cell: "cell-a".into(), rotation: Duration::secs(1) }.of_day(0);
        let manifest = Manifest {
            cell: "cell-offline".into(),
            tenant: tenant.into(),
            sequence: 1,
            previous: [0; 32],
            made_at: Instant(1),
            key_id: "".into(),
            files: Vec::new(),
        };
        Bundle::seal(manifest, files, &key, certificate)
    }

    fn off(control: &Control) -> Controls {
        Controls::with_off(ControlSet::EMPTY.with(control.slot))
    }

    #[test]
    fn what_was_restored_reads_back_as_the_files_that_brought_it() {
        let bundle =
            bundle("acme", &["plain", "a\tb\\n\nc\r'; DROP TABLE records; --", ""], &[person("acme", 1)], &["pii"]);
        let mut stores = Stores::default();
        stores.restore(&Controls::all_on(), &bundle).expect("it can be restored");
        let files = bundle.files.iter().filter(|(name, _)| **name != *POLICIES);
        let mut expected: Vec<_> = files.map(|(name, content)| (name.clone(), sha256(content))).collect();
        expected.sort();
        assert_eq!(stores.contents("acme"), expected);
        let record = stores.record(&Controls::all_on(), &"acme".into(), "acme", 1).expect("it is there");
        assert_eq!((&*record.body, record.level), ("a\tb\\n\nc\r'; DROP TABLE records; --", Level::Confidential));
    }

    #[test]
    fn rows_come_with_their_fences_and_without_them_show_to_everybody() {
        for (controls, seen) in [(Controls::all_on(), 2), (off(&ROW_POLICIES), 3)] {
            let mut stores = Stores::default();
            stores.restore(&controls, &bundle("acme", &["a", "b"], &[], &[])).expect("it can be restored");
            stores.restore(&controls, &bundle("acme-corp", &["c"], &[], &[])).expect("it can be restored");
            assert_eq!(stores.records(&controls, &"acme".into()).len(), seen);
            assert_eq!(stores.record(&controls, &"acme".into(), "acme-corp", 0).is_some(), seen == 3);
        }
    }

    #[test]
    fn people_and_policy_are_the_newest_bundles_and_never_another_tenants() {
        let first = bundle("acme", &[], &[person("acme", 1), person("acme", 2), person("beta", 3)], &["pii"]);
        let next = bundle("acme", &[], &[person("acme", 1)], &[]);
        for (controls, gone, permits) in
            [(Controls::all_on(), true, false), (off(&NEWEST_PEOPLE), false, false), (off(&NEWEST_POLICY), true, true)]
        {
            let mut stores = Stores::default();
            for bundle in [&first, &next] {
                stores.restore(&controls, bundle).expect("it can be restored");
                assert!(stores.person(&[3; 32]).is_none(), "of another tenant");
            }
            assert_eq!(stores.person(&[2; 32]).is_none(), gone);
            let (_, held) = stores.person(&[1; 32]).expect("who stays");
            assert_eq!(held.policy.tenant("acme").expect("its own").permits_label("pii"), permits);
        }
    }

    #[test]
    fn files_that_cannot_be_read_leave_the_rows_as_they_were() {
        let mut stores = Stores::default();
        stores.restore(&Controls::all_on(), &bundle("acme", &["a"], &[], &[])).expect("it can be restored");
        let mut broken = bundle("acme", &["b"], &[], &[]);
        broken.files[0].1 = Bytes::from(&b"no row"[..]);
        assert!(stores.restore(&Controls::all_on(), &broken).is_err());
        assert_eq!(stores.records(&Controls::all_on(), &"acme".into()).len(), 1);
    }
}
