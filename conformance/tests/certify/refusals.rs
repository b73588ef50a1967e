//! What stands in the way is said, and is never green.

use crate::support::{Sql, certify, fixtures, report, server};

#[test]
fn what_cannot_be_judged_is_inconclusive_and_says_why() {
    let Some(mut server) = server() else { return };
    let all = fixtures("sound");
    let usual = all.iter().find(|f| f.name == "usual").expect("the usual schema");
    usual.build(&server.url);
    let deployment = usual.deployment(&server.url);
    let check = |text: &str, told: &str| {
        let ended = certify(text, &[]);
        assert_eq!(ended.code, 3, "{told}\n{}{}", ended.out, ended.err);
        let flat = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(told), "{told}\n{}", ended.out);
        assert!(ended.out.ends_with("exit 3: inconclusive\n"), "{}", ended.out);
        assert!(ended.out.lines().all(|line| line.chars().count() <= 80), "{}", ended.out);
    };
    let other = |from: &str, to: &str| deployment.replace(from, to);
    check(&other("CELLPROOF_TEST_APP_PASSWORD", "PATH"), "password authentication failed for user");
    check(&other("CELLPROOF_TEST_APP_PASSWORD", "NO_SUCH_VARIABLE"), "environment variable NO_SUCH_VARIABLE: ");
    let port = format!("@127.0.0.1:{}", server.port().expect("a port"));
    check(&other(&port, "@127.0.0.1:1"), "failed to connect to 127.0.0.1:1/db");
    check(&other(&format!("/{}", usual.database()), "/nowhere"), "database \"nowhere\" does not exist");
    let tls = format!("{deployment}tls = {{ ca = \"{}\" }}\n", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    check(&tls, "no certificate in it");
    check(
        &format!("{deployment}columns = [\"nobody\"]\n"),
        "no relation has a tenant column nobody that takes \"acme\"",
    );
    check(&other("\"globex\"", "\"umbrella\""), "umbrella sees no row of its own in any relation");
    check(
        &format!("{deployment}act = {{ role = \"nobody\" }}\n"),
        "failed to become acme: role \"nobody\" does not exist",
    );
    let sql = Sql::open(&server.url, &usual.database(), None);
    sql.run("CREATE ROLE beggar LOGIN PASSWORD 's3cret-of-the-application'");
    check(&other(&format!("{}@", usual.role()), "beggar@"), "the application's role may read no relation at all");
    drop(sql);
    server.stop();
    check(&deployment, "failed to connect to ");
}

#[test]
fn a_schema_without_a_tenant_column_or_a_way_to_act_is_told_what_to_give() {
    let Some(server) = server() else { return };
    let all = fixtures("sound");
    let usual = all.iter().find(|f| f.name == "usual").expect("the usual schema");
    usual.build(&server.url);
    let sql = Sql::open(&server.url, &usual.database(), None);
    sql.run("ALTER TABLE orders RENAME tenant_id TO a; ALTER TABLE customers RENAME tenant_id TO b");
    let (code, renamed) = report(&usual.deployment(&server.url));
    let problem = renamed["components"][0]["problem"].as_str().unwrap_or_default().to_owned();
    let told = "no relation has a tenant column customer_id that takes \"acme\": give it as columns = [\"NAME\"]";
    assert!(code == 3 && problem.starts_with(told), "{problem}");
    sql.run("DROP POLICY fence ON orders; DROP POLICY fence ON customers; DROP POLICY fence ON tenants");
    let (code, unfenced) = report(&usual.deployment(&server.url));
    let problem = unfenced["components"][0]["problem"].as_str().unwrap_or_default().to_owned();
    assert!(code == 3 && problem.starts_with("no policy asks for a setting"), "{problem}");
}

#[test]
fn a_deployment_that_is_none_ends_with_2_and_nothing_is_judged() {
    for (text, told) in [
        ("version = 1\nname = 7\n", ":2:8: invalid type"),
        ("version = 1\nname = \"x\"\n", "no component, expected at least one: a table [postgres]"),
    ] {
        let ended = certify(text, &[]);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{}", ended.err);
        assert!(ended.err.contains(told) && ended.err.contains("nothing was judged"), "{}", ended.err);
    }
}
