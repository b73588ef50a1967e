//! Mistakes in a deployment are told with their places; secrets are never told.

use super::*;
use crate::certify::http::request::Protocol;

const TENANTS: &str = "version = 1\nname = \"x\"\n[[tenant]]\nid = \"a\"\n[[tenant]]\nid = \"b\"\n";

fn wrong(text: &str) -> String {
    Deployment::parse("d.toml", text).expect_err(text).to_string()
}

#[test]
fn the_example_is_a_deployment_as_it_stands_and_with_its_options() {
    let plain = Deployment::parse("d.toml", EXAMPLE).expect("the example");
    assert_eq!((plain.mode, plain.tenants().0.id.as_str()), (Mode::Observe, "acme"));
    let lines = EXAMPLE.lines().map(|line| {
        let is_key = |l: &&str| l.contains(" = ") && l.starts_with(|c: char| c.is_lowercase());
        let option = line.strip_prefix("# ").filter(|l| is_key(l) || l.starts_with('['));
        option.filter(|l| !l.starts_with("act = { role") && !l.starts_with("act = { statements")).unwrap_or(line)
    });
    let all = Deployment::parse("d.toml", &lines.collect::<Vec<_>>().join("\n")).expect("all options");
    assert!(all.redis.is_some_and(|redis| redis.tls.is_some()));
    let kafka = all.kafka.expect("a Kafka");
    assert!(kafka.operator.is_some() && kafka.plain.is_some() && kafka.racks.as_deref() == Some("{region}"));
    assert!(all.policy.is_some_and(|policy| policy.get_ref().path.is_some()));
    let metrics = all.metrics.expect("figures");
    assert!(metrics.get_ref().success.is_some() && metrics.get_ref().latency.is_some());
    let gateway = all.gateway.expect("a gateway");
    assert!(gateway.tls.is_some() && gateway.forbidden.is_some() && gateway.refused_key.len() == 1);
    assert_eq!(gateway.token.get_ref().claims.len(), 4);
    assert_eq!((gateway.first(), gateway.names(Protocol::Two)), (Protocol::One, Some(true)));
    let postgres = all.postgres.expect("postgres");
    assert!(postgres.tls.is_some() && postgres.catalogue.is_some() && postgres.shared.len() == 1);
    assert!(postgres.labels.is_some_and(|labels| labels.get_ref().assign.is_some()));
    assert!(gateway.masked.len() == 1 && gateway.masked[0].get_ref().named.is_some());
    assert!(all.files.is_some_and(|files| files.get_ref().lineage.len() == 1));
    assert_eq!(postgres.schemas.as_deref(), Some("tenant_{id}"));
    assert_eq!(all.tenant[1].get_ref().fill("{user}@{id}"), "u-23@globex");
}

#[test]
fn a_mistake_is_told_with_file_line_and_column() {
    let url = |url: &str| format!("{TENANTS}[postgres]\nurl = \"{url}\"\n");
    for (text, told) in [
        ("version = 1\nname = 7\n".to_owned(), "d.toml:2:8: invalid type: integer `7`, expected a string"),
        (format!("{TENANTS}[postgres\n"), "d.toml:7:10: "),
        (format!("{TENANTS}[postgres]\nurl = \"x\"\nhost = 1\n"), "d.toml:9:1: unknown field `host`, expected one of"),
        (url("mysql://h/d"), "d.toml:8:7: no URL of a PostgreSQL server, expected postgres://ROLE@HOST:PORT/DATABASE"),
        (url("postgres://h/d"), "d.toml:8:7: a URL without a role, expected"),
        (url("postgres://r@h"), "d.toml:8:7: a URL without a database, expected"),
        (url("postgres://r@h/d?sslmode=require"), "d.toml:8:7: sslmode in the URL, expected a table [postgres.tls]"),
        (format!("{}tls = {{ ca = \"c\", key = \"k\" }}\n", url("postgres://r@h/d")), "d.toml:9:7: half a client"),
        (TENANTS.replace("\"b\"", "\"a\""), "d.toml:5:1: tenant \"a\" a second time, expected another tenant"),
        ("version = 2\nname = \"x\"\n".to_owned(), "d.toml:1:11: version 2, expected 1"),
    ] {
        let all = wrong(&text);
        assert!(all.lines().any(|line| line.starts_with(told)), "{told}\n{all}");
    }
}

#[test]
fn a_mistake_in_a_kafka_is_told_with_file_line_and_column() {
    let with = |url: &str, lines: &str| format!("{TENANTS}[kafka]\nurl = \"{url}\"\n{lines}\n");
    let (url, topics) = ("kafka://h:1", "topics = \"t.{id}.\"");
    let operator = |lines: &str| format!("{topics}\n[kafka.operator]\n{lines}");
    for (text, told) in [
        (with("http://h", topics), "d.toml:8:7: no URL of a Kafka broker, expected kafka://HOST:PORT"),
        (with("kafka://u:p@h", topics), "d.toml:8:7: a user or a password in the URL, expected user, and password"),
        (with(url, "topics = \"events\""), "d.toml:9:10: topics without a tenant in their name, expected what tells"),
        (with(url, &format!("{topics}\nuser = \"u\"")), "d.toml:8:7: half a login, expected user and password"),
        (with(url, &format!("{topics}\npassword = \"p\"")), "d.toml:10:12: a secret stands in the file"),
        (with(url, &operator("user = \"u\"")), "d.toml:10:1: half an operator, expected"),
        (with(url, &operator("")), "d.toml:10:1: an operator without a name, expected"),
        (
            with(url, topics).replace("name = \"x\"", "name = \"x\"\nmode = \"destructive\""),
            "d.toml:9:7: mode \"destructive\" without an operator, expected a table [kafka.operator]",
        ),
    ] {
        let all = wrong(&text);
        assert!(all.lines().any(|line| line.starts_with(told)), "{told}\n{all}");
    }
}

#[test]
fn a_mistake_in_a_gateway_is_told_with_file_line_and_column() {
    let token = "[gateway.token]\nkey = { env = \"K\" }\nclaims = { iss = \"i\", aud = \"a\", tenant = \"{id}\" }\n";
    let with = |lines: &str, token: &str| format!("{TENANTS}[gateway]\n{lines}\n{token}");
    let url = "url = \"http://h/q\"";
    let masked = |slips: &[(&str, &str)]| {
        let sound = "[[gateway.masked]]\nitems = [\"/c/7\", \"/c/8\"]\nfields = { n = \"name\" }\n\
                     uncleared = { c = 1 }\ncleared = { c = 2 }\nfind = \"/c?{field}={value}\"\nsays = [\"x: y\"]\n";
        let slipped = slips.iter().fold(sound.to_owned(), |text, (from, to)| text.replace(from, to));
        format!("{token}{slipped}")
    };
    let resource = |item: &str, name: &str| {
        format!("[[gateway.resource]]\nitem = \"{item}\"\nname = \"{name}\"\nabsent = \"nobody\"\n")
    };
    for (text, told) in [
        (with("url = \"ftp://h\"", token), "d.toml:8:7: no URL of a gateway, expected https://HOST:PORT/PATH"),
        (with("url = \"http://u:p@h/\"", token), "d.toml:8:7: a user or a password in the URL"),
        (with("url = \"https://h/\"", token), "d.toml:8:7: https without certificates, expected a table [gateway.tls]"),
        (with(&format!("{url}\ntls = {{ ca = \"c\" }}"), token), "d.toml:8:7: certificates for a URL of http"),
        (with(&format!("{url}\nplain = \"https://h\""), token), "d.toml:9:9: no URL without TLS"),
        (with(&format!("{url}\nhttp = []"), token), "d.toml:9:8: no protocol, expected \"1.1\", \"2\" or both"),
        (with(&format!("{url}\nhttp = [\"3\"]"), token), "d.toml:9:9: unknown variant `3`, expected `1.1` or `2`"),
        (with(&format!("{url}\nforbidden = \"/?a\""), token), "d.toml:9:13: no path of letters"),
        (with(&format!("{url}\npassed = {{ status = [\"9xx\"] }}"), token), "d.toml:9:22: no status code"),
        (with(url, ""), "d.toml:7:1: missing field `token`"),
        (with(url, "[gateway.token]\n"), "d.toml:9:1: no token, expected supplied or key"),
        (with(url, &token.replace("iss", "issuer")), "d.toml:9:1: a token without iss"),
        (with(url, &token.replace("aud =", "exp = 1, aud =")), "d.toml:9:1: times among the claims"),
        (with(url, &token.replace("{ env = \"K\" }", "\"hunter2\"")), "d.toml:10:7: a secret stands in the file"),
        (
            with(&format!("{url}\nregion = {{ claim = \"region\", foreign = \"x\" }}"), token),
            "d.toml:10:1: a token without region",
        ),
        (
            with(url, &format!("{token}[gateway.bound]\ncertificate = \"c\"\nkey = \"k\"")),
            "d.toml:12:1: tokens that are",
        ),
        (with(url, &format!("{token}[gateway.travel]\nplaces = [\"a: b\", \"a: b\"]")), "d.toml:12:1: no two places"),
        (with(url, &masked(&[("/c/7", "/c/8")])), "d.toml:12:1: no paths of two items, expected items = "),
        (with(url, &masked(&[("{ n = \"name\" }", "{}")])), "d.toml:12:1: nothing that is masked"),
        (with(url, &masked(&[("\"name\"", "\"restricted\"")])), "d.toml:12:1: restricted fields that nobody is named"),
        (with(url, &masked(&[("\"name\"", "\"secret\"")])), "d.toml:14:16: unknown variant `secret`, expected one of"),
        (with(url, &masked(&[("c = 2", "c = 1")])), "d.toml:12:1: the same claims for who may see and who may not"),
        (with(url, &masked(&[("={value}", "")])), "d.toml:12:1: a search without a field or a value"),
        (with(url, &masked(&[("x: y", "x")])), "d.toml:12:1: a line that is no header"),
        (with(url, &format!("{token}{}", resource("/r", "r-{id}"))), "d.toml:12:1: an item without a path or a name"),
        (with(url, &format!("{token}{}", resource("/r/{name}", "r"))), "d.toml:12:1: a name for two, expected another"),
        (with(url, &format!("{token}{}", resource("/r/{name}", "{id}/r"))), "d.toml:12:1: the name \"a/r\", expected"),
    ] {
        let all = wrong(&text);
        assert!(all.lines().any(|line| line.starts_with(told)), "{told}\n{all}");
        assert!(!all.contains("hunter2"), "{all}");
    }
}

#[test]
fn a_statement_that_assigns_no_level_is_told() {
    let labels = "[postgres.labels]\nquery = \"SELECT a, b, c FROM d\"\nassign = \"UPDATE d SET c = {level}\"\n";
    let told = wrong(&format!("{TENANTS}[postgres]\nurl = \"postgres://r@h/d\"\n{labels}"));
    assert!(
        told.starts_with("d.toml:9:1: a statement that assigns no level to a column, expected places for"),
        "{told}"
    );
}

#[test]
fn a_secret_in_the_file_is_refused_with_the_reason_and_not_repeated() {
    let with = |line: &str| wrong(&format!("{TENANTS}[postgres]\nurl = \"postgres://r@h/d\"\n{line}\n"));
    let literal = with("password = \"hunter2\"");
    assert!(literal.starts_with("d.toml:9:12: a secret stands in the file, expected { env"), "{literal}");
    let url = wrong(&format!("{TENANTS}[postgres]\nurl = \"postgres://r:hunter2@h/d\"\n"));
    assert!(url.starts_with("d.toml:8:7: a password in the URL, expected password = { env"), "{url}");
    assert!(!literal.contains("hunter2") && !url.contains("hunter2"));
    assert!(with("password = { env = \"A\", file = \"b\" }").contains("a secret in two places"));
    let missing = Secret::Env("CELLPROOF_NO_SUCH_VARIABLE".into()).reveal(Path::new("")).expect_err("none");
    assert!(missing.starts_with("environment variable CELLPROOF_NO_SUCH_VARIABLE: "), "{missing}");
}
