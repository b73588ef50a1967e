//! What is worth knowing and breaks nothing by itself, and what only another role could see.

use crate::certify::postgres::bench::Bench;
use crate::certify::postgres::catalogue::{Kind, literal};
use crate::certify::postgres::visit::Hands;

/// Minor versions before which row security had a hole that was published, by major version.
const MENDED: &[(u32, u32, &str)] = &[
    (12, 21, "CVE-2024-10976"),
    (13, 17, "CVE-2024-10976"),
    (14, 14, "CVE-2024-10976"),
    (15, 9, "CVE-2024-10976, before 15.4 also CVE-2023-39418"),
    (16, 5, "CVE-2024-10976"),
    (17, 1, "CVE-2024-10976"),
];

/// Notes them.
pub fn run(bench: &mut Bench) {
    let catalogue = bench.catalogue.clone();
    let (major, minor) = (catalogue.version / 10_000, catalogue.version % 10_000);
    if let Some((_, mended, what)) = MENDED.iter().find(|(m, fixed, _)| *m == major && minor < *fixed) {
        let what =
            format!("{major}.{minor} has a published hole in row security that {major}.{mended} closes ({what})");
        bench.component.suspect("the server", &what, &["STO-01"], "the hole was not tried");
    }
    let owned = catalogue.relations.iter().filter(|r| r.kind == Kind::Table && r.row_security && r.active);
    let owned: Vec<String> = owned.filter(|r| r.owned).map(|r| r.label()).collect();
    if !owned.is_empty() {
        let note =
            format!("the application owns {}, and could empty them or switch row security off", owned.join(", "));
        bench.component.notes.push(note);
    }
    ask(bench);
    let more = "host-based rules (IDN-05), settings of the server that are hidden, rows of relations in schemas that \
                it may not use";
    match &bench.postgres.catalogue {
        Some(login) => match bench.link.as_role(&login.user, login.password.as_ref(), &bench.home.clone()) {
            Ok(link) => rules(bench, &link),
            Err(why) => {
                bench.component.not_judged(format!("what the catalogue role {} could see (IDN-05)", login.user), why)
            }
        },
        None => bench.component.not_judged(more, "the application's role is not shown them; a catalogue role would be"),
    }
}

fn ask(bench: &mut Bench) {
    let pool = bench.pool.clone();
    let Ok(mut visit) = bench.visit(&pool, Some(bench.a), Hands::Bound) else { return };
    let mut notes = Vec::new();
    let list = |rows: Vec<Vec<Option<String>>>| {
        rows.into_iter().filter_map(|r| r.into_iter().next().flatten()).collect::<Vec<_>>().join(", ")
    };
    let defaults = "SELECT DISTINCT coalesce(n.nspname, 'every schema') FROM pg_default_acl d LEFT JOIN pg_namespace n \
                    ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) x WHERE d.defaclobjtype = 'r' \
                    AND (x.grantee = 0 OR pg_has_role(x.grantee, 'USAGE')) AND x.grantee <> d.defaclrole ORDER BY 1";
    let schemas = list(visit.rows(defaults).unwrap_or_default());
    if !schemas.is_empty() {
        notes.push(format!("new tables in {schemas} are granted to the application before anybody has fenced them"));
    }
    let publications = list(visit.rows("SELECT pubname FROM pg_publication ORDER BY 1").unwrap_or_default());
    if !publications.is_empty() {
        notes.push(format!("publications carry rows of all tenants to whoever subscribes: {publications}"));
    }
    drop(visit);
    let sizes = "anybody may read how many rows a table has over all tenants (pg_class.reltuples, EXPLAIN): no \
     setting of \
                 PostgreSQL hides that";
    notes.push(sizes.to_owned());
    bench.component.notes.extend(notes);
}

/// Host-based rules, by a role that may read them.
fn rules(bench: &mut Bench, link: &crate::certify::postgres::link::Link) {
    let sql = format!(
        "SELECT line_number, type, auth_method FROM pg_hba_file_rules WHERE error IS NULL AND type IN ('host', \
         'hostnossl', 'hostssl') \
         AND (auth_method IN ('trust', 'password') OR (type <> 'hostssl' AND {})) \
         AND (user_name && ARRAY['all', {}]) ORDER BY 1",
        if bench.link.has_tls() { "auth_method <> 'reject'" } else { "false" },
        literal(bench.link.user())
    );
    match link.open().and_then(|session| session.rows(&sql).map_err(|wrong| wrong.message)) {
        Ok(rows) => {
            bench.component.judged("host-based rules", 1, &["IDN-05"]);
            for row in rows {
                let text = |i: usize| row[i].clone().unwrap_or_default();
                let what = format!("line {} admits the application by {} with {}", text(0), text(1), text(2));
                bench.component.suspect("pg_hba.conf", &what, &["IDN-05"], "another line before it may answer first");
            }
        }
        Err(why) => bench.component.not_judged(format!("host-based rules, as {} (IDN-05)", link.user()), why),
    }
}
