//! The catalogue in a handful of statements, whatever the number of tables.

use super::{Catalogue, Column, ForeignKey, Function, Kind, Policy, Preset, Relation, Rights, Role, Trigger, Unique};
use super::{literal, quoted};
use crate::certify::postgres::link::Wrong;
use crate::certify::postgres::visit::Visit;
use std::collections::BTreeMap;

/// Schemas that are the server's own.
const FOREIGN: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'";

/// One row, read from left to right.
struct Row(std::vec::IntoIter<Option<String>>);

impl Row {
    fn maybe(&mut self) -> Option<String> {
        self.0.next().flatten()
    }
    fn text(&mut self) -> String {
        self.maybe().unwrap_or_default()
    }
    fn yes(&mut self) -> bool {
        self.text() == "t"
    }
    fn number<T: std::str::FromStr + Default>(&mut self) -> T {
        self.text().parse().unwrap_or_default()
    }
    fn letter(&mut self) -> char {
        self.text().chars().next().unwrap_or(' ')
    }
    fn numbers<T: std::str::FromStr>(&mut self) -> Vec<T> {
        let text = self.text();
        text.split([' ', ',', '{', '}']).filter_map(|n| n.parse().ok()).collect()
    }
}

/// Reads all of it, as the tenant of the visit.
///
/// # Errors
/// What the server refused.
pub fn load(visit: &mut Visit) -> Result<Catalogue, Wrong> {
    let version = read(visit, "SELECT current_setting('server_version_num')", |mut r| r.number())?.pop().unwrap_or(0);
    let mut relations = relations(visit, version)?;
    let index: BTreeMap<u32, usize> = relations.iter().enumerate().map(|(i, r)| (r.oid, i)).collect();
    columns(visit, &mut relations, &index)?;
    keys(visit, &mut relations, &index)?;
    policies(visit, &mut relations, &index)?;
    triggers(visit, &mut relations, &index)?;
    reads(visit, &mut relations, &index)?;
    let functions = functions(visit)?;
    let mut all = roles(visit)?;
    let login = all.iter().position(|(is_login, _)| *is_login).map(|i| all.remove(i).1);
    let roles = all.into_iter().map(|(_, role)| role).collect();
    Ok(Catalogue { version, relations, functions, login, roles, presets: presets(visit)? })
}

fn read<T>(visit: &mut Visit, sql: &str, each: impl Fn(Row) -> T) -> Result<Vec<T>, Wrong> {
    Ok(visit.rows(sql)?.into_iter().map(|row| each(Row(row.into_iter()))).collect())
}

fn relations(visit: &mut Visit, version: u32) -> Result<Vec<Relation>, Wrong> {
    let right = |name: &str| format!("has_table_privilege(c.oid, '{name}')");
    // A right on one column is enough to read, and to write a row.
    let any = |name: &str| format!("has_any_column_privilege(c.oid, '{name}')");
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity, row_security_active(c.oid), o.rolname, \
         pg_has_role(c.relowner, 'USAGE'), \
         (SELECT min(i.inhparent::bigint) FROM pg_inherits i WHERE i.inhrelid = c.oid), \
         CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, \
         EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type <> '1'), {}, {}, {}, {}, {}, {}, {} \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {FOREIGN} AND has_schema_privilege(n.oid, 'USAGE') \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') \
         ORDER BY n.nspname, c.relname",
        any("SELECT"),
        any("INSERT"),
        any("UPDATE"),
        right("DELETE"),
        right("TRUNCATE"),
        any("REFERENCES"),
        right("TRIGGER")
    );
    let _ = version;
    read(visit, &sql, |mut r| Relation {
        oid: r.number(),
        schema: r.text(),
        name: r.text(),
        kind: match r.letter() {
            'v' => Kind::View,
            'm' => Kind::Materialised,
            'f' => Kind::Foreign,
            _ => Kind::Table,
        },
        row_security: r.yes(),
        active: r.yes(),
        owner: r.text(),
        owned: r.yes(),
        parent: r.maybe().and_then(|n| n.parse().ok()),
        definition: r.maybe(),
        ruled: r.yes(),
        rights: Rights {
            select: r.yes(),
            insert: r.yes(),
            update: r.yes(),
            delete: r.yes(),
            truncate: r.yes(),
            references: r.yes(),
            trigger: r.yes(),
        },
        reads: Vec::new(),
        columns: Vec::new(),
        foreign_keys: Vec::new(),
        uniques: Vec::new(),
        policies: Vec::new(),
        triggers: Vec::new(),
    })
}

fn columns(visit: &mut Visit, relations: &mut [Relation], index: &BTreeMap<u32, usize>) -> Result<(), Wrong> {
    let right = |name: &str| format!("has_column_privilege(c.oid, a.attnum, '{name}')");
    let sql = format!(
        "SELECT c.oid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
         a.atthasdef OR a.attidentity <> '', a.attgenerated <> '' OR a.attidentity = 'a', {}, {}, {} \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {FOREIGN} \
         ORDER BY c.oid, a.attnum",
        right("SELECT"),
        right("INSERT"),
        right("UPDATE")
    );
    let all = read(visit, &sql, |mut r| {
        let oid: u32 = r.number();
        let column = Column {
            number: r.number(),
            name: r.text(),
            kind: r.text(),
            not_null: r.yes(),
            fills_itself: r.yes(),
            generated: r.yes(),
            select: r.yes(),
            insert: r.yes(),
            update: r.yes(),
        };
        (oid, column)
    })?;
    for (oid, column) in all {
        if let Some(i) = index.get(&oid) {
            relations[*i].columns.push(column);
        }
    }
    Ok(())
}

fn keys(visit: &mut Visit, relations: &mut [Relation], index: &BTreeMap<u32, usize>) -> Result<(), Wrong> {
    let sql = "SELECT conrelid, conname, conkey, confrelid, confkey FROM pg_constraint WHERE contype = 'f' \
               ORDER BY conrelid, conname";
    let all = read(visit, sql, |mut r| {
        let from: u32 = r.number();
        (from, ForeignKey { name: r.text(), columns: r.numbers(), target: r.number(), at: r.numbers() })
    })?;
    for (from, key) in all {
        if let Some(i) = index.get(&from) {
            relations[*i].foreign_keys.push(key);
        }
    }
    let sql = "SELECT i.indrelid, c.relname, i.indkey, pg_get_expr(i.indexprs, i.indrelid), \
               EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u')) \
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indisunique ORDER BY i.indrelid, \
               c.relname";
    let all = read(visit, sql, |mut r| {
        let of: u32 = r.number();
        (of, Unique { name: r.text(), columns: r.numbers(), expressions: r.maybe(), constraint: r.yes() })
    })?;
    for (of, unique) in all {
        if let Some(i) = index.get(&of) {
            relations[*i].uniques.push(unique);
        }
    }
    Ok(())
}

fn policies(visit: &mut Visit, relations: &mut [Relation], index: &BTreeMap<u32, usize>) -> Result<(), Wrong> {
    let sql = "SELECT p.polrelid, p.polname, p.polcmd, p.polpermissive, \
               EXISTS (SELECT FROM unnest(p.polroles) AS r WHERE r = 0 OR pg_has_role(r, 'USAGE')), \
               pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), \
               (SELECT array_agg(DISTINCT d.refobjsubid) FROM pg_depend d WHERE d.classid = 'pg_policy'::regclass \
                AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.polrelid \
                AND d.refobjsubid > 0) FROM pg_policy p ORDER BY p.polrelid, p.polname";
    let all = read(visit, sql, |mut r| {
        let of: u32 = r.number();
        let policy = Policy {
            name: r.text(),
            command: r.letter(),
            permissive: r.yes(),
            holds: r.yes(),
            using: r.maybe(),
            check: r.maybe(),
            columns: r.numbers(),
        };
        (of, policy)
    })?;
    for (of, policy) in all {
        if let Some(i) = index.get(&of) {
            relations[*i].policies.push(policy);
        }
    }
    Ok(())
}

fn triggers(visit: &mut Visit, relations: &mut [Relation], index: &BTreeMap<u32, usize>) -> Result<(), Wrong> {
    let sql = "SELECT t.tgrelid, l.lanname, l.lanpltrusted, p.prosrc FROM pg_trigger t \
               JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang \
               WHERE NOT t.tgisinternal ORDER BY t.tgrelid, t.tgname";
    let all = read(visit, sql, |mut r| {
        let on: u32 = r.number();
        (on, Trigger { language: r.text(), trusted: r.yes(), source: r.text() })
    })?;
    for (on, trigger) in all {
        if let Some(i) = index.get(&on) {
            relations[*i].triggers.push(trigger);
        }
    }
    Ok(())
}

fn reads(visit: &mut Visit, relations: &mut [Relation], index: &BTreeMap<u32, usize>) -> Result<(), Wrong> {
    let sql = "SELECT DISTINCT w.ev_class, d.refobjid FROM pg_rewrite w JOIN pg_depend d ON d.objid = w.oid \
               AND d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass \
               WHERE d.refobjid <> w.ev_class ORDER BY 1, 2";
    for (view, table) in read(visit, sql, |mut r| (r.number::<u32>(), r.number::<u32>()))? {
        if let Some(i) = index.get(&view) {
            relations[*i].reads.push(table);
        }
    }
    Ok(())
}

fn functions(visit: &mut Visit) -> Result<Vec<Function>, Wrong> {
    let sql = format!(
        "SELECT p.oid, format('%I.%I', n.nspname, p.proname), \
         n.nspname || '.' || p.proname || '(' || (SELECT coalesce(string_agg(format_type(a.t, NULL), ',' ORDER \
         BY a.i), '') \
          FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, i)) || ')', p.prosecdef, p.provolatile, \
          p.proleakproof, \
         l.lanname, l.lanpltrusted, p.prosrc, \
         (SELECT string_agg(format_type(a.t, NULL), chr(31) ORDER BY a.i) \
          FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, i)), \
         (SELECT string_agg(a.t, chr(31) ORDER BY a.i) FROM unnest(p.proargnames) WITH ORDINALITY AS a (t, i)), \
         format_type(p.prorettype, NULL), array_to_string(p.proconfig, ';'), p.prokind = 'f' \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') \
         AND has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE') \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
         WHERE {FOREIGN} AND p.prokind IN ('f', 'p') ORDER BY 3"
    );
    let split = |text: String| text.split('\u{1f}').filter(|t| !t.is_empty()).map(str::to_owned).collect();
    read(visit, &sql, |mut r| Function {
        oid: r.number(),
        call: r.text(),
        signature: r.text(),
        definer: r.yes(),
        volatility: r.letter(),
        leakproof: r.yes(),
        language: r.text(),
        trusted: r.yes(),
        source: r.text(),
        arguments: split(r.text()),
        names: split(r.text()),
        returns: r.text(),
        settings: r.text(),
        callable: r.yes(),
    })
}

fn roles(visit: &mut Visit) -> Result<Vec<(bool, Role)>, Wrong> {
    let sql = "SELECT rolname = session_user, rolname, rolsuper, rolbypassrls, rolreplication FROM pg_roles \
               WHERE pg_has_role(session_user, oid, 'MEMBER') AND (rolname = session_user OR \
               NOT (SELECT s.rolsuper FROM pg_roles s WHERE s.rolname = session_user)) ORDER BY rolname";
    read(visit, sql, |mut r| {
        let is_login = r.yes();
        (is_login, Role { name: r.text(), superuser: r.yes(), bypass: r.yes(), replication: r.yes() })
    })
}

fn presets(visit: &mut Visit) -> Result<Vec<Preset>, Wrong> {
    let sql = "SELECT d.datname, r.rolname, split_part(c, '=', 1) FROM pg_db_role_setting s \
               LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole, \
               unnest(s.setconfig) AS c WHERE (d.datname = current_database() OR s.setdatabase = 0) \
               AND (r.rolname = session_user OR s.setrole = 0) ORDER BY 1, 2, 3";
    read(visit, sql, |mut r| {
        let (database, role, name) = (r.maybe(), r.maybe(), r.text());
        let reset = format!("RESET {}", name.split('.').map(quoted).collect::<Vec<_>>().join("."));
        match (database, role) {
            (Some(database), None) => Preset {
                repair: format!("ALTER DATABASE {} {reset}", quoted(&database)),
                object: format!("database {database}"),
                name,
            },
            (database, role) => {
                let within = database.map(|d| format!(" IN DATABASE {}", quoted(&d))).unwrap_or_default();
                let role = role.unwrap_or_else(|| "ALL".to_owned());
                let shown = if role == "ALL" { role.clone() } else { quoted(&role) };
                Preset { repair: format!("ALTER ROLE {shown}{within} {reset}"), object: format!("role {role}"), name }
            }
        }
    })
}

/// Who holds rights on a relation that the acting role comes by: itself, its groups, or everybody.
///
/// # Errors
/// What the server refused.
pub fn grantees(visit: &mut Visit, relation: &str) -> Result<Vec<String>, Wrong> {
    acl(
        visit,
        "SELECT c.relacl FROM pg_class c WHERE c.oid = $::regclass UNION ALL SELECT a.attacl FROM pg_attribute a \
         WHERE a.attrelid = $::regclass AND a.attacl IS NOT NULL",
        relation,
    )
}

/// The same of a schema.
///
/// # Errors
/// What the server refused.
pub fn schema_grantees(visit: &mut Visit, schema: &str) -> Result<Vec<String>, Wrong> {
    acl(visit, "SELECT n.nspacl FROM pg_namespace n WHERE n.nspname = $", schema)
}

/// The same of a function, by its number.
///
/// # Errors
/// What the server refused.
pub fn function_grantees(visit: &mut Visit, oid: u32) -> Result<Vec<String>, Wrong> {
    acl(visit, "SELECT p.proacl FROM pg_proc p WHERE p.oid = $::oid", &oid.to_string())
}

/// The same of a large object.
///
/// # Errors
/// What the server refused.
pub fn large_object_grantees(visit: &mut Visit, oid: &str) -> Result<Vec<String>, Wrong> {
    acl(visit, "SELECT m.lomacl FROM pg_largeobject_metadata m WHERE m.oid = $::oid", oid)
}

fn acl(visit: &mut Visit, from: &str, object: &str) -> Result<Vec<String>, Wrong> {
    let from = from.replace('$', &literal(object));
    let sql = format!(
        "SELECT DISTINCT CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END \
         FROM ({from}) AS l (acl) CROSS JOIN LATERAL aclexplode(l.acl) AS x LEFT JOIN pg_roles r ON r.oid = x.grantee \
         WHERE x.grantee = 0 OR (pg_has_role(x.grantee, 'USAGE') AND x.grantee <> x.grantor) ORDER BY 1"
    );
    read(visit, &sql, |mut r| r.text())
}
