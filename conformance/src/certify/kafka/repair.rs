//! What repairs a cluster, in the words of its own tools: `kafka-acls.sh`, `kafka-configs.sh`, `server.properties`.
//!
//! Every tool is told `--bootstrap-server` besides. Which rule is to blame only an operator is told.

use super::estate::{Estate, Rule};
use crate::kafka::{Kind, PREFIXED, operation_name};

/// The lines that take away what allows `principal` the `operations` on `name`, and give back what it needs at `home`.
pub fn rules(
    estate: Option<&Estate>,
    principal: &str,
    about: (Kind, &str),
    operations: &[i8],
    home: &str,
) -> Vec<String> {
    let (kind, name) = about;
    let Some(estate) = estate else {
        let option = kind.option();
        if kind == Kind::Cluster {
            return vec![format!("-- rules of {principal}: none with {option}")];
        }
        return vec![format!(
            "-- rules of {principal}: {option} {home} --resource-pattern-type prefixed, and no other"
        )];
    };
    if let Some(line) = of_brokers(estate, principal) {
        return vec![line];
    }
    let Ok(all) = &estate.rules else {
        return vec![format!("-- rules of {principal}, which the operator may not read")];
    };
    let blamed: Vec<&Rule> = all
        .iter()
        .filter(|rule| rule.principal == principal || rule.principal == "User:*")
        .filter(|rule| rule.is_about(kind, name) && operations.iter().any(|operation| rule.allows(*operation)))
        .collect();
    let mut lines = Vec::new();
    for rule in &blamed {
        lines.push(line("remove", &rule.principal, rule));
    }
    // What the same rule allowed at home, where no other one does.
    for rule in blamed.iter().filter(|rule| kind != Kind::Cluster && is_at_home(rule, home)) {
        let needed =
            Rule { name: home.to_owned(), pattern: PREFIXED, principal: principal.to_owned(), ..(*rule).clone() };
        let kept =
            all.iter().any(|other| !blamed.contains(&other) && other.principal == principal && covers(other, &needed));
        let added = line("add", principal, &needed);
        if !kept && !lines.contains(&added) {
            lines.push(added);
        }
    }
    if lines.is_empty() {
        let open = "allow.everyone.if.no.acl.found";
        return vec![match estate.property(open) {
            Some("true") => format!("-- in server.properties: {open}=false"),
            _ => format!("-- what allows {principal} this, which the operator is not shown"),
        }];
    }
    lines
}

/// Whether a rule is about all names that begin with `home`.
fn is_at_home(rule: &Rule, home: &str) -> bool {
    rule.name == "*" || (rule.pattern == PREFIXED && home.starts_with(&rule.name))
}

fn covers(rule: &Rule, needed: &Rule) -> bool {
    rule.kind == needed.kind && rule.allows(needed.operation) && is_at_home(rule, &needed.name)
}

/// A line of the brokers' own file that lets everybody, or this one, do everything.
fn of_brokers(estate: &Estate, principal: &str) -> Option<String> {
    let authorizer = "authorizer.class.name";
    if estate.property(authorizer).is_some_and(str::is_empty) {
        let standard = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        return Some(format!("-- in server.properties: {authorizer}={standard}"));
    }
    let supers = estate.property("super.users")?;
    let others: Vec<&str> = supers.split(';').filter(|user| *user != principal).collect();
    let is_super = supers.split(';').any(|user| user == principal);
    is_super.then(|| format!("-- in server.properties: super.users={}", others.join(";")))
}

fn line(verb: &str, principal: &str, rule: &Rule) -> String {
    let about = match rule.kind {
        Kind::Cluster => rule.kind.option().to_owned(),
        kind => {
            let pattern = if rule.pattern == PREFIXED { "prefixed" } else { "literal" };
            format!("{} '{}' --resource-pattern-type {pattern}", kind.option(), rule.name)
        }
    };
    let operation = operation_name(rule.operation);
    format!("kafka-acls.sh --{verb} --allow-principal '{principal}' --operation {operation} {about}")
}

/// A line that sets a topic's property.
pub fn topic(name: &str, property: &str, value: &str) -> String {
    format!("kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config {property}={value}")
}

/// A line that gives a user a quota: a megabyte a second, to begin with.
pub fn quota(user: &str) -> String {
    format!("kafka-configs.sh --alter --entity-type users --entity-name {user} --add-config producer_byte_rate=1048576")
}

/// A line of the brokers' own file.
pub fn broker(property: &str, value: &str) -> String {
    format!("-- in server.properties: {property}={value}")
}
