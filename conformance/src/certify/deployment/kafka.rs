//! `[kafka]`: a cluster, who its tenants are there, and what their names begin with.

use super::place::Place;
use super::{Mode, Secret, Shared, Tls, secret};
use models::config::InputError;
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;
use url::Url;

/// A Kafka cluster and how the application uses it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Kafka {
    /// `kafka://HOST:PORT` of any broker, without a user and a password.
    pub url: Spanned<String>,
    /// The user of a tenant, by SASL/PLAIN; without it the client certificate alone says who it is.
    pub user: Option<String>,
    /// Where the password of a tenant's user is: `{ env = "KAFKA_{id}" }`.
    pub password: Option<Secret>,
    /// How rules name a tenant; `User:` and its user by default.
    pub principal: Option<String>,
    /// TLS 1.3 with own certificates; names of files may have a tenant's values in them.
    pub tls: Option<Spanned<Tls>>,
    /// Where a listener without TLS might be: `kafka://HOST:PORT`.
    pub plain: Option<Spanned<String>>,
    /// What topics of a tenant begin with: `tenant.{id}.`.
    pub topics: Spanned<String>,
    /// What its consumer groups begin with; as topics by default.
    pub groups: Option<String>,
    /// What its transactional ids begin with; as topics by default.
    pub transactional_ids: Option<String>,
    /// The rest of the name of a topic that every tenant has.
    pub sample: Option<String>,
    /// The rest of the name of a group that every tenant has.
    pub group: Option<String>,
    /// Topics that hold many tenants.
    #[serde(default)]
    pub platform: Vec<String>,
    /// Topics whose records must stay, which hold many tenants too.
    #[serde(default)]
    pub audit: Vec<String>,
    /// What the rack of every broker begins with that keeps a topic of a tenant: `{region}`.
    pub racks: Option<String>,
    /// Fewest replicas of a topic.
    #[serde(default = "replicas_min")]
    pub replicas_min: u16,
    /// Smallest `min.insync.replicas`.
    #[serde(default = "in_sync_min")]
    pub in_sync_min: u16,
    /// Kibibytes of a flood, in mode destructive; 0 for none.
    #[serde(default = "flood_kib")]
    pub flood_kib: u32,
    /// Who may describe everything; in mode destructive, make and remove marked topics too.
    pub operator: Option<Spanned<Operator>>,
    /// What tenants share on purpose, and why.
    #[serde(default)]
    pub shared: Vec<Shared>,
}

/// A broker may fail while another one is being replaced.
fn replicas_min() -> u16 {
    3
}

/// One copy besides the leader's, or an acknowledgement is as good as one disk.
fn in_sync_min() -> u16 {
    2
}

/// More than a second of any quota that holds a tenant back; little enough to be removed at once.
fn flood_kib() -> u32 {
    16 * 1024
}

/// Who may describe everything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Its user, by SASL/PLAIN.
    pub user: Option<String>,
    /// Where its password is.
    pub password: Option<Secret>,
    /// Its client certificate with its chain, PEM; the tenants' authority is its own.
    pub certificate: Option<PathBuf>,
    /// The certificate's key, PEM.
    pub key: Option<PathBuf>,
}

/// How a URL of a broker is written.
const FORM: &str = "kafka://HOST:PORT";

/// What is wrong with the table.
pub fn check(table: &Kafka, place: &Place, mode: Mode, found: &mut Vec<InputError>) {
    check_url(&table.url, place, found);
    table.plain.iter().for_each(|plain| check_url(plain, place, found));
    let span = table.url.span();
    if table.user.is_some() != table.password.is_some() {
        let expected = "user and password, or neither and a client certificate";
        found.push(place.at(span.clone(), "half a login", expected));
    }
    if !table.topics.get_ref().contains('{') {
        let expected = "what tells tenants apart: \"tenant.{id}.\"";
        found.push(place.at(table.topics.span(), "topics without a tenant in their name", expected));
    }
    if let Some(operator) = &table.operator {
        let Operator { user, password, certificate, key } = operator.get_ref();
        let span = operator.span();
        if user.is_some() != password.is_some() || certificate.is_some() != key.is_some() {
            let expected = "user and password, and certificate and key, whole or not at all";
            found.push(place.at(span, "half an operator", expected));
        } else if user.is_none() && certificate.is_none() {
            found.push(place.at(span, "an operator without a name", "user and password, or certificate and key"));
        }
    } else if mode == Mode::Destructive {
        let expected = "a table [kafka.operator], which makes the marked topics that are written to, and removes them";
        found.push(place.at(span, "mode \"destructive\" without an operator", expected));
    }
}

fn check_url(url: &Spanned<String>, place: &Place, found: &mut Vec<InputError>) {
    let mut wrong = |what: &str, expected: &str| found.push(place.at(url.span(), what, expected));
    match Url::parse(url.get_ref()) {
        Ok(parsed) if parsed.scheme() == "kafka" => {
            if parsed.password().is_some() || !parsed.username().is_empty() {
                wrong("a user or a password in the URL", &format!("user, and password = {}", secret::EXPECTED));
            }
            if parsed.host_str().is_none_or(str::is_empty) {
                wrong("a URL without a host", FORM);
            }
        }
        _ => wrong("no URL of a Kafka broker", FORM),
    }
}
