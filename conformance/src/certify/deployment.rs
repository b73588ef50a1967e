//! `deployment.toml`: what is judged, as whom, and how far a judge may go.
//!
//! Every component is optional and addressed by URL. A secret never stands in the file: it is named by environment
//! variable or file, because files of deployments are committed, mailed and copied.

mod check;
pub mod files;
pub mod gateway;
pub mod issuer;
pub mod kafka;
pub mod masked;
pub mod metrics;
mod place;
pub mod policy;
mod resource;
mod secret;
pub mod trace;

pub use files::Files;
pub use gateway::Gateway;
pub use kafka::Kafka;
pub use metrics::Metrics;
pub use place::Place;
pub use policy::Policy;
pub use reports::assessment::Mode;
pub use resource::Resource;
pub use secret::Secret;
pub use trace::Trace;

use models::config::Problems;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// An annotated deployment, which `certify --init` prints.
pub const EXAMPLE: &str = include_str!("deployment/example.toml");

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Deployment {
    /// Version of this form: 1.
    pub version: Spanned<u32>,
    /// What the report calls it.
    pub name: String,
    /// How far a judge may go.
    #[serde(default)]
    pub mode: Mode,
    /// The two test tenants.
    #[serde(default)]
    pub tenant: Vec<Spanned<Tenant>>,
    /// A PostgreSQL server, if there is one to judge.
    pub postgres: Option<Postgres>,
    /// A Redis server, if there is one to judge.
    pub redis: Option<Redis>,
    /// A Kafka cluster, if there is one to judge.
    pub kafka: Option<Kafka>,
    /// A gateway, if there is one to judge.
    pub gateway: Option<Gateway>,
    /// A policy, if there is one to judge.
    pub policy: Option<Spanned<Policy>>,
    /// Figures, if there are any to judge.
    pub metrics: Option<Spanned<Metrics>>,
    /// Logs, if there are any to judge.
    pub trace: Option<Spanned<Trace>>,
    /// Exported logs and evidence, if there are any to judge.
    pub files: Option<Spanned<Files>>,
    /// Where relative paths start: the directory of the file.
    #[serde(skip)]
    pub home: PathBuf,
}

/// A test tenant: one that exists, has rows, and whose rows may be read by the judge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Its value in tenant columns.
    pub id: String,
    /// What else `act` may put in by name: `{user}`.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

impl Tenant {
    /// `text` with `{id}` and `{NAME}` replaced by what this tenant has.
    pub fn fill(&self, text: &str) -> String {
        let whole = text.replace("{id}", &self.id);
        self.values.iter().fold(whole, |whole, (name, value)| whole.replace(&format!("{{{name}}}"), value))
    }
}

/// A PostgreSQL server and how the application uses it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Postgres {
    /// `postgres://ROLE@HOST:PORT/DATABASE`, as the application connects, without its password.
    pub url: Spanned<String>,
    /// Where the password is.
    pub password: Option<Secret>,
    /// TLS 1.3 with own certificates; without it the connection is plain.
    pub tls: Option<Spanned<Tls>>,
    /// How the application becomes a tenant; found out by itself where policies ask for one setting.
    pub act: Option<Act>,
    /// Names of tenant columns; found out by themselves where policies ask for them.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Schema of a tenant, where each has its own: `tenant_{id}`.
    pub schemas: Option<String>,
    /// What is shared on purpose, and why.
    #[serde(default)]
    pub shared: Vec<Shared>,
    /// What the levels of columns are, if anything says.
    pub labels: Option<Spanned<Labels>>,
    /// A role that may read the catalogue, and no rows.
    pub catalogue: Option<Login>,
    /// Longest time of a statement.
    #[serde(default = "statement_timeout_ms")]
    pub statement_timeout_ms: u32,
    /// Longest wait for a lock.
    #[serde(default = "lock_timeout_ms")]
    pub lock_timeout_ms: u32,
}

/// A scan of a large table is cut off rather than felt.
fn statement_timeout_ms() -> u32 {
    5_000
}

/// Long enough for a lock that is about to be given back, too short for a queue to form behind us.
fn lock_timeout_ms() -> u32 {
    200
}

/// A Redis server and how the application uses it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Redis {
    /// `redis://HOST:PORT`, without a user and a password.
    pub url: Spanned<String>,
    /// The user of a tenant: `t_{id}`.
    pub user: String,
    /// Where the password of a tenant's user is: `{ env = "REDIS_{id}" }`.
    pub password: Option<Secret>,
    /// TLS 1.3 with own certificates; without it the connection is plain.
    pub tls: Option<Spanned<Tls>>,
    /// What keys of a tenant begin with: `t:{id}:`.
    pub keys: String,
    /// What channels of a tenant begin with; as keys by default.
    pub channels: Option<String>,
    /// The database of a tenant, where each has its own.
    pub database: Option<String>,
    /// The rest of the name of a key that every tenant has, to read its value.
    pub sample: Option<String>,
    /// What tenants share on purpose, and why.
    #[serde(default)]
    pub shared: Vec<Shared>,
}

/// Own certificates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The authority that signed the server's certificate, PEM.
    pub ca: PathBuf,
    /// A client certificate with its chain, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
}

/// How the application becomes a tenant, in a transaction; in this order.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// A role that it becomes by `SET LOCAL ROLE`.
    pub role: Option<String>,
    /// Settings, set until the end of the transaction.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Statements.
    #[serde(default)]
    pub statements: Vec<String>,
}

/// Something that tenants share on purpose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// As findings name it: `public.plans`.
    pub object: String,
    /// Why that is right; stands in the report.
    pub reason: String,
}

/// What the levels of columns are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// A query for them: relation (with its schema, unless that is `public`), column, and level, by its name or its
    /// number.
    pub query: String,
    /// The statement that gives a column a level, with places for `{relation}`, `{column}` and `{level}`: repairs are
    /// written by it.
    pub assign: Option<String>,
}

/// A second login.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The role.
    pub user: String,
    /// Where its password is.
    pub password: Option<Secret>,
}

impl Deployment {
    /// Reads and checks a file's text. `file` is how the user named it.
    ///
    /// # Errors
    /// Every mistake, with its place; nothing of a wrong file is used.
    pub fn parse(file: &str, text: &str) -> Result<Deployment, Problems> {
        let place = Place::new(file, text);
        let mut deployment: Deployment = toml::from_str(text).map_err(|e| place.of_error(&e))?;
        deployment.home = Path::new(file).parent().map(Path::to_owned).unwrap_or_default();
        let problems = check::check(&deployment, &place);
        if problems.0.is_empty() { Ok(deployment) } else { Err(problems) }
    }

    /// The two tenants: who acts, and whose rows it must not see.
    ///
    /// # Panics
    /// Never on a deployment that was parsed.
    pub fn tenants(&self) -> (&Tenant, &Tenant) {
        match self.tenant.as_slice() {
            [a, b] => (a.get_ref(), b.get_ref()),
            other => unreachable!("a checked deployment has two tenants, not {}", other.len()),
        }
    }
}

#[cfg(test)]
mod tests;
