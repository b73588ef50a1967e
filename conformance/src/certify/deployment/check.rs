//! What TOML and types do not say about a deployment.

use super::place::Place;
use super::{Deployment, Mode, Postgres, Redis, Tls, files, gateway, kafka, metrics, policy, secret, trace};
use models::config::{InputError, Problems};
use std::str::FromStr;
use tokio_postgres::Config;
use toml::Spanned;
use url::Url;

/// Every mistake, in order of place.
pub fn check(deployment: &Deployment, place: &Place) -> Problems {
    let mut found = Vec::new();
    if *deployment.version.get_ref() != 1 {
        found.push(place.at(deployment.version.span(), format!("version {}", deployment.version.get_ref()), "1"));
    }
    tenants(deployment, place, &mut found);
    deployment.postgres.iter().for_each(|postgres| check_postgres(postgres, place, &mut found));
    deployment.redis.iter().for_each(|redis| check_redis(redis, place, &mut found));
    if let Some(table) = &deployment.kafka {
        check_tls(table.tls.as_ref(), place, &mut found);
        kafka::check(table, place, deployment.mode, &mut found);
    }
    if let Some(table) = &deployment.gateway {
        check_tls(table.tls.as_ref(), place, &mut found);
        let tenants: Vec<_> = deployment.tenant.iter().map(|tenant| tenant.get_ref()).collect();
        gateway::check(table, &tenants, place, deployment.mode, &mut found);
    }
    if let Some(table) = &deployment.metrics {
        metrics::check(table.get_ref(), table.span(), place, &mut found);
    }
    if let Some(table) = &deployment.policy {
        policy::check(table.get_ref(), table.span(), place, &mut found);
    }
    if let Some(table) = &deployment.trace {
        trace::check(table.get_ref(), table.span(), place, &mut found);
    }
    if let Some(table) = &deployment.files {
        files::check(table.get_ref(), table.span(), place, &mut found);
    }
    if !has_component(deployment) {
        let tables = "[postgres], [redis], [kafka], [gateway], [policy], [metrics], [trace] or [files]";
        let expected = format!("at least one: a table {tables}");
        found.push(place.at(0..0, "no component", expected));
    }
    if deployment.mode == Mode::Destructive && deployment.gateway.is_none() && deployment.kafka.is_none() {
        let expected = "\"observe\" or \"rollback\": only a gateway and a Kafka have probes that need more";
        found.push(place.at(0..0, "mode \"destructive\"", expected));
    }
    found.sort();
    Problems(found)
}

fn has_component(deployment: &Deployment) -> bool {
    let Deployment { postgres, redis, kafka, gateway, policy, metrics, trace, files, .. } = deployment;
    let servers = postgres.is_some() || redis.is_some() || kafka.is_some() || gateway.is_some();
    servers || policy.is_some() || metrics.is_some() || trace.is_some() || files.is_some()
}

fn tenants(deployment: &Deployment, place: &Place, found: &mut Vec<InputError>) {
    match deployment.tenant.as_slice() {
        [a, b] if a.get_ref().id == b.get_ref().id => {
            found.push(place.at(b.span(), format!("tenant {:?} a second time", b.get_ref().id), "another tenant"));
        }
        [_, _] => {}
        other => {
            let expected = "two tables [[tenant]]: one acts, and must not see the other";
            let span = other.get(2).map_or(0..0, |third| third.span());
            found.push(place.at(span, format!("{} tenants", other.len()), expected));
        }
    }
    for tenant in deployment.tenant.iter().filter(|t| t.get_ref().id.is_empty()) {
        found.push(place.at(tenant.span(), "an empty tenant id", "what stands in tenant columns"));
    }
}

fn check_postgres(postgres: &Postgres, place: &Place, found: &mut Vec<InputError>) {
    let url = postgres.url.get_ref();
    let mut wrong = |what: &str, expected: &str| found.push(place.at(postgres.url.span(), what, expected));
    let form = "postgres://ROLE@HOST:PORT/DATABASE";
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return wrong("no URL of a PostgreSQL server", form);
    }
    match Config::from_str(url) {
        // The parser quotes what it did not understand, which may be a piece of a password.
        Err(_) => wrong("a URL that cannot be read", form),
        Ok(config) => {
            if config.get_password().is_some() {
                wrong("a password in the URL", &format!("password = {}", secret::EXPECTED));
            }
            if config.get_user().is_none() {
                wrong("a URL without a role", &format!("the application's role: {form}"));
            }
            if config.get_dbname().is_none() {
                wrong("a URL without a database", form);
            }
            if url.contains("sslmode=") {
                wrong("sslmode in the URL", "a table [postgres.tls], with the certificates that it takes");
            }
        }
    }
    if let Some(labels) = &postgres.labels
        && let Some(assign) = &labels.get_ref().assign
        && ["{relation}", "{column}", "{level}"].iter().any(|part| !assign.contains(part))
    {
        let expected = "places for {relation}, {column} and {level}";
        found.push(place.at(labels.span(), "a statement that assigns no level to a column", expected));
    }
    check_tls(postgres.tls.as_ref(), place, found);
}

fn check_redis(redis: &Redis, place: &Place, found: &mut Vec<InputError>) {
    let mut wrong = |what: &str, expected: &str| found.push(place.at(redis.url.span(), what, expected));
    let form = "redis://HOST:PORT";
    match Url::parse(redis.url.get_ref()) {
        Ok(url) if url.scheme() == "redis" => {
            if url.password().is_some() || !url.username().is_empty() {
                wrong("a user or a password in the URL", &format!("user, and password = {}", secret::EXPECTED));
            }
            if url.host_str().is_none() {
                wrong("a URL without a host", form);
            }
        }
        Ok(url) if url.scheme() == "rediss" => {
            wrong("rediss in the URL", "redis, and a table [redis.tls] with the certificates that it takes");
        }
        _ => wrong("no URL of a Redis server", form),
    }
    check_tls(redis.tls.as_ref(), place, found);
}

fn check_tls(tls: Option<&Spanned<Tls>>, place: &Place, found: &mut Vec<InputError>) {
    if let Some(tls) = tls
        && tls.get_ref().certificate.is_some() != tls.get_ref().key.is_some()
    {
        found.push(place.at(tls.span(), "half a client certificate", "certificate and key, or neither"));
    }
}
