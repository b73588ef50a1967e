//! What a judge leaves behind: nothing, however it ends; and what it costs a server that is at work.

use crate::support::{Fixture, PASSWORD, Sql, VARIABLE, certify, fixtures, report, server};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Everything that could have been left: rows, relations, functions, roles, settings, prepared transactions.
const EVERYTHING: &str = "SELECT (SELECT md5(string_agg(o::text, ',' ORDER BY o::text)) FROM orders o), \
    (SELECT md5(string_agg(c::text, ',' ORDER BY c::text)) FROM customers c), \
    (SELECT md5(string_agg(oid::text || relname || coalesce(relacl::text, ''), ',' ORDER BY oid)) FROM pg_class \
     WHERE relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast|temp)')), \
    (SELECT md5(string_agg(oid::text, ',' ORDER BY oid)) FROM pg_proc), \
    (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_policy), (SELECT count(*) FROM pg_prepared_xacts), \
    (SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp')";

const OURS: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cellproof-certify'";

fn usual(url: &str, name: &str) -> (Fixture, String) {
    let all = fixtures("defective");
    let fixture = all.into_iter().find(|f| f.name == name).expect("a schema");
    fixture.build(url);
    let deployment = fixture.deployment(url).replace("mode = \"observe\"", "mode = \"rollback\"");
    (fixture, deployment)
}

/// Waits until a query answers `wanted`, ten seconds at most.
fn becomes(sql: &Sql, query: &str, wanted: impl Fn(&str) -> bool) -> String {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = sql.try_run(query).expect(query)[0].clone();
        if wanted(&answer) || Instant::now() > until {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_left_behind_after_a_normal_end_an_interrupt_and_a_kill() {
    let Some(server) = server() else { return };
    let (fixture, deployment) = usual(&server.url, "delete_open");
    let sql = Sql::open(&server.url, &fixture.database(), None);
    let before = sql.try_run(EVERYTHING).expect("a fingerprint");
    assert_eq!(report(&deployment).0, 1);
    assert_eq!(sql.try_run(EVERYTHING).expect("a fingerprint"), before, "after a normal end");
    // A statement that takes long enough to be killed in: every policy of this table sleeps.
    sql.run(
        "CREATE FUNCTION slow() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN true; END $$",
    );
    sql.run("CREATE POLICY slow ON orders AS RESTRICTIVE USING (slow())");
    let before = sql.try_run(EVERYTHING).expect("a fingerprint");
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("deployment.toml");
    fs::write(&file, &deployment).expect("a file");
    for signal in ["INT", "KILL"] {
        let mut child = start(&file);
        let at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cellproof-certify' \
                       AND state = 'active' AND wait_event = 'PgSleep'";
        assert_ne!(becomes(&sql, at_work, |n| n != "0"), "0", "{signal}: it never worked");
        let killed = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(killed.expect("kill starts").success());
        assert!(!child.wait().expect("an end").success());
        if signal == "KILL" {
            let ended = certify(&deployment, &["--clean"]);
            assert!(ended.code == 0 && ended.out.starts_with("postgres: "), "{}{}", ended.out, ended.err);
        }
        assert_eq!(becomes(&sql, OURS, |n| n == "0"), "0", "{signal}: connections were left");
        assert_eq!(sql.try_run(EVERYTHING).expect("a fingerprint"), before, "after {signal}");
    }
}

fn start(file: &std::path::Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    command.arg("certify").arg(file).env(VARIABLE, PASSWORD);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
}

#[test]
fn a_table_that_is_locked_is_not_waited_for_and_its_writers_are_not_held_up() {
    let Some(server) = server() else { return };
    let (fixture, deployment) = usual(&server.url, "truncate");
    let holder = Sql::open(&server.url, &fixture.database(), None);
    holder.run("BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE");
    let (code, locked) = report(&deployment);
    let suspicions = &locked["components"][0]["suspicions"];
    let why = suspicions[0]["why"].as_str().unwrap_or_default();
    assert!(code == 3 && why.contains("lock timeout"), "{locked:#}");
    assert_eq!(locked["components"][0]["limits"]["lock_timeout_ms"], 200);
    holder.run("ROLLBACK");
    assert_eq!(report(&deployment).0, 1);
}

#[test]
fn triggers_that_reach_outside_keep_a_table_from_being_written() {
    let Some(server) = server() else { return };
    let (fixture, deployment) = usual(&server.url, "check_true");
    let sql = Sql::open(&server.url, &fixture.database(), None);
    sql.run(
        "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('orders', NEW.note); \
         RETURN NEW; END $$; CREATE TRIGGER tell AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION tell()",
    );
    let (code, report) = report(&deployment);
    let not_judged = report["components"][0]["not_judged"].to_string();
    assert!(not_judged.contains("a trigger in plpgsql reaches outside the transaction"), "{not_judged}");
    // What the policies say is still suspected.
    assert_eq!((code, report["components"][0]["suspicions"][0]["object"].as_str()), (3, Some("public.orders")));
}

#[test]
fn two_hundred_tables_are_judged_within_a_minute() {
    let Some(server) = server() else { return };
    let (fixture, deployment) = usual(&server.url, "rls_off");
    let sql = Sql::open(&server.url, &fixture.database(), None);
    sql.run(&format!(
        "DO $$ BEGIN FOR n IN 1..200 LOOP \
         EXECUTE format('CREATE TABLE t%s (tenant_id text NOT NULL, id uuid DEFAULT gen_random_uuid(), body text, \
           PRIMARY KEY (tenant_id, id))', n); \
         EXECUTE format('ALTER TABLE t%s ENABLE ROW LEVEL SECURITY', n); \
         EXECUTE format('ALTER TABLE t%s FORCE ROW LEVEL SECURITY', n); \
         EXECUTE format('CREATE POLICY fence ON t%s USING (tenant_id = current_setting(''app.tenant_id'', true))', n); \
         EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON t%s TO {}', n); \
         EXECUTE format('INSERT INTO t%s (tenant_id, body) SELECT t, ''row of '' || t \
           FROM unnest(ARRAY[''acme'', ''globex'']) t, \
           generate_series(1, 50)', n); END LOOP; END $$",
        fixture.role()
    ));
    let began = Instant::now();
    let (code, report) = report(&deployment);
    let took = began.elapsed();
    let findings = report["components"][0]["findings"].as_array().map_or(0, Vec::len);
    assert_eq!((code, findings), (1, 1), "{report:#}");
    eprintln!("203 tables in mode rollback: {took:?}, {} statements", report["components"][0]["limits"]["statements"]);
    assert!(took < Duration::from_secs(60), "{took:?}");
}
