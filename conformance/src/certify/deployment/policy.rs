//! The table `[policy]`: the files of a policy, or an agent that has it.

use super::gateway::Algorithm;
use super::place::Place;
use models::config::InputError;
use serde::Deserialize;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;
use url::Url;

/// A policy in Rego.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// A file of Rego, or a bundle: its directory, or its archive (`.tar.gz`).
    pub path: Option<PathBuf>,
    /// Who signs bundles.
    pub signature: Option<Spanned<Signature>>,
    /// `http://HOST:PORT` of an Open Policy Agent.
    pub url: Option<Spanned<String>>,
    /// The table of tenants that decisions rest on; found beside the policy, or asked of the agent, by default.
    pub data: Option<PathBuf>,
    /// The package to judge, where the agent has several or does not show its policies: `switchboard.access`.
    pub package: Option<Spanned<String>>,
    /// Rules of that package, where the agent does not show its policies.
    #[serde(default = "rules")]
    pub rules: Vec<String>,
}

/// The signature that a bundle must have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The public key in PEM, as agents are given it.
    pub key: PathBuf,
    /// Its algorithm, and the only one that is taken.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// The bundle before, to see that revisions go on.
    pub previous: Option<PathBuf>,
}

fn rules() -> Vec<String> {
    ["allow", "deny"].map(str::to_owned).to_vec()
}

/// What TOML and types do not say.
pub fn check(policy: &Policy, span: Range<usize>, place: &Place, found: &mut Vec<InputError>) {
    let mut wrong = |span, what: &str, expected: &str| found.push(place.at(span, what, expected));
    if let (Some(signature), None) = (&policy.signature, &policy.path) {
        wrong(signature.span(), "a signature of what an agent has", "path: the bundle that the agent is given");
    }
    match (&policy.path, &policy.url) {
        (Some(_), None) => {
            if let Some(package) = &policy.package {
                wrong(package.span(), "a package of files", "url: every package of the files is judged");
            }
        }
        (None, Some(url)) => {
            if !Url::parse(url.get_ref()).is_ok_and(|url| url.scheme() == "http" && url.host_str().is_some()) {
                wrong(url.span(), "no URL of an agent", "http://HOST:PORT");
            }
        }
        (None, None) => wrong(span, "no policy", "path or url"),
        (Some(_), Some(_)) => wrong(span, "a policy in two places", "path or url, and not both"),
    }
}
