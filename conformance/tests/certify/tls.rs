//! The door: TLS with own certificates, and a server that admits what it should not.

use crate::support::{Sql, certify, certify_in, fixtures, report, server};
use conformance::provision::authority::Authority;
use conformance::provision::postgres::Server;
use conformance::provision::redis;
use conformance::provision::skip;
use std::path::Path;

/// Lets a private server speak TLS, and admit by `rules`.
fn set_up(server: &Server, authority: &Authority, rules: &str) {
    let (certificate, key) = authority.sign("localhost", &["127.0.0.1", "localhost"]);
    for (name, text) in [("server.crt", &certificate), ("server.key", &key), ("ca.crt", &authority.pem())] {
        server.file(name, text).expect(name);
    }
    admit(server, rules);
    let sql = Sql::open(&server.url, "postgres", None);
    sql.run("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'");
    sql.run("ALTER SYSTEM SET ssl = on");
    sql.run("SELECT pg_reload_conf()");
}

fn admit(server: &Server, rules: &str) {
    let always = "local all all trust\nhost all super 127.0.0.1/32 scram-sha-256\n";
    server.file("pg_hba.conf", &format!("{always}{rules}\n")).expect("rules");
    let sql = Sql::open(&server.url, "postgres", None);
    sql.run("SELECT pg_reload_conf()");
    // The server reads it when it gets round to it.
    std::thread::sleep(std::time::Duration::from_millis(300));
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).expect(name);
}

#[test]
fn tls_is_spoken_with_own_certificates_and_a_door_that_is_half_open_is_found() {
    let Some(server) = server() else { return };
    if server.file("probe", "").is_err() {
        return eprintln!("skipped: the rules of a server that is not ours are not ours to change");
    }
    let all = fixtures("sound");
    let usual = all.iter().find(|f| f.name == "usual").expect("the usual schema");
    usual.build(&server.url);
    let (ours, strangers) = (Authority::new("ours"), Authority::new("a stranger's"));
    set_up(&server, &ours, "hostssl all all 127.0.0.1/32 scram-sha-256");
    let dir = tempfile::tempdir().expect("a directory");
    let (certificate, key) = ours.sign(&usual.role(), &[]);
    for (name, text) in
        [("ca.pem", &ours.pem()), ("other.pem", &strangers.pem()), ("client.pem", &certificate), ("client.key", &key)]
    {
        write(dir.path(), name, text);
    }
    let plain = usual.deployment(&server.url);
    let at = dir.path().display();
    let with = |files: &str| format!("{plain}tls = {{ {} }}\n", files.replace("DIR", &at.to_string()));
    let alone = with("ca = \"DIR/ca.pem\"");
    let both = with("ca = \"DIR/ca.pem\", certificate = \"DIR/client.pem\", key = \"DIR/client.key\"");
    let inconclusive = |deployment: &str, told: &str| {
        let ended = certify(deployment, &[]);
        let flat = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ended.code == 3 && flat.contains(told), "{told}: {}{}", ended.out, ended.err);
    };

    assert_eq!(report(&alone).0, 0, "{:#}", report(&alone).1);
    inconclusive(&plain, "no encryption");
    inconclusive(&with("ca = \"DIR/other.pem\""), "invalid peer certificate: UnknownIssuer");
    inconclusive(&with("ca = \"DIR/client.key\""), "no certificate in it");
    inconclusive(
        &with("ca = \"DIR/ca.pem\", certificate = \"DIR/client.pem\", key = \"DIR/ca.pem\""),
        "no private key",
    );

    admit(&server, "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full");
    inconclusive(&alone, "certificate");
    assert_eq!(report(&both).0, 0, "{:#}", report(&both).1);

    for (rule, what) in [
        ("host all all 127.0.0.1/32 scram-sha-256", "it admits connections without TLS"),
        ("hostssl all all 127.0.0.1/32 trust", "it admits any password: the line that answers says trust"),
    ] {
        admit(&server, rule);
        let (code, found) = report(&alone);
        let finding = &found["components"][0]["findings"][0];
        assert_eq!((code, finding["what"].as_str()), (1, Some(what)), "{found:#}");
        assert_eq!(finding["requirements"][0], "IDN-05");
    }
}

#[test]
fn a_cache_is_entered_by_tls_and_a_port_without_it_is_found() {
    if let Err(why) = redis::binary() {
        return skip("redis", &why);
    }
    let ours = Authority::new("ours");
    let (certificate, key) = ours.sign("localhost", &["127.0.0.1"]);
    let users = include_str!("../redis/sound/usual.conf");
    let configuration = format!(
        "{users}tls-port TLSPORT\ntls-cert-file HOME/server.crt\ntls-key-file HOME/server.key\n\
         tls-ca-cert-file HOME/ca.crt\ntls-auth-clients no\n"
    );
    let files = [("server.crt", certificate.as_str()), ("server.key", &key), ("ca.crt", &ours.pem())];
    let server = redis::server(&configuration, &files).expect("a server");
    let dir = tempfile::tempdir().expect("a directory");
    write(dir.path(), "ca.pem", &ours.pem());
    write(dir.path(), "other.pem", &Authority::new("a stranger's").pem());
    let judge = |authority: &str| {
        let deployment = format!(
            "version = 1\nname = \"x\"\n[[tenant]]\nid = \"acme\"\n[[tenant]]\nid = \"globex\"\n[redis]\n\
             url = \"redis://127.0.0.1:{}\"\nuser = \"t_{{id}}\"\nkeys = \"t:{{id}}:\"\n\
             password = {{ file = \"password-{{id}}\" }}\ntls = {{ ca = \"{authority}\" }}\n",
            server.tls_port
        );
        for id in ["acme", "globex"] {
            write(dir.path(), &format!("password-{id}"), &format!("{id}-password"));
        }
        certify_in(dir.path(), &deployment, &[])
    };
    let entered = judge("ca.pem");
    assert_eq!(entered.code, 1, "{}{}", entered.out, entered.err);
    let told = format!("it admits connections without TLS at port {}", server.port);
    assert!(entered.out.contains(" 1  port [IDN-05]") && entered.out.contains(&told), "{}", entered.out);
    assert!(entered.out.ends_with("exit 1: 1 finding\n"), "{}", entered.out);
    let refused = judge("other.pem");
    assert!(refused.code == 3 && refused.out.contains("UnknownIssuer"), "{}{}", refused.out, refused.err);
}
