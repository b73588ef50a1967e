//! The table `[gateway]`: where a gateway listens, whose tokens it takes, and what shows that it let a request through.

use super::issuer::{self, Issuer};
use super::masked::{self, Masked};
use super::place::Place;
use super::resource::{self, Resource};
use super::{Mode, Secret, Tenant, Tls, secret};
use crate::certify::http::request::Protocol;
use models::config::InputError;
use serde::Deserialize;
use std::path::PathBuf;
use toml::{Spanned, Table};
use url::Url;

/// A gateway, as clients see it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gateway {
    /// `https://HOST:PORT/PATH` or `http://…`: a request that every tenant may make, by GET.
    pub url: Spanned<String>,
    /// What is spoken there: `["1.1", "2"]`. If left out, HTTP/1.1, and HTTP/2 where the server chooses it in TLS.
    pub http: Option<Spanned<Vec<Protocol>>>,
    /// TLS with own certificates: with `https`, and only then.
    pub tls: Option<Spanned<Tls>>,
    /// `http://HOST:PORT`, where nothing may answer without TLS.
    pub plain: Option<Spanned<String>>,
    /// The tenants' tokens.
    pub token: Spanned<Token>,
    /// Keys that sign no token any more, or never did here.
    #[serde(default)]
    pub refused_key: Vec<Spanned<RefusedKey>>,
    /// What shows that a request was let through.
    #[serde(default)]
    pub passed: Passed,
    /// What an answer shows of its tenant, where no header does: `tenant={id}`, somewhere in its body.
    pub shows: Option<String>,
    /// The header of requests and answers that names the tenant.
    #[serde(default = "tenant_header")]
    pub tenant_header: String,
    /// The header of answers that names the region.
    #[serde(default = "region_header")]
    pub region_header: String,
    /// A cookie by which a client selects a tenant, if there is one.
    pub tenant_cookie: Option<String>,
    /// Regions, where a token names one.
    pub region: Option<Region>,
    /// A path that the test tenants may not reach: `/admin/tenants`.
    pub forbidden: Option<Spanned<String>>,
    /// How somebody who holds both test tenants selects one.
    pub switch: Option<Spanned<Switch>>,
    /// The test issuer, where the judge stands in for it.
    pub issuer: Option<Spanned<Issuer>>,
    /// Another client, where a token counts from that one alone which it was issued to.
    pub bound: Option<Spanned<Bound>>,
    /// How the gateway learns where a client is.
    pub travel: Option<Spanned<Travel>>,
    /// What belongs to one tenant.
    #[serde(default)]
    pub resource: Vec<Spanned<Resource>>,
    /// What is masked for those who may not see it.
    #[serde(default)]
    pub masked: Vec<Spanned<Masked>>,
    /// How many requests a flood is, in mode `destructive`.
    #[serde(default = "flood")]
    pub flood: Spanned<u32>,
    /// From which size of a header on a request is oversized.
    #[serde(default = "header_kib_max")]
    pub header_kib_max: u32,
}

impl Gateway {
    /// What is spoken first.
    pub fn first(&self) -> Protocol {
        if self.names(Protocol::One) == Some(false) { Protocol::Two } else { Protocol::One }
    }

    /// Whether a protocol is spoken, where the deployment says which are.
    pub fn names(&self, protocol: Protocol) -> Option<bool> {
        self.http.as_ref().map(|named| named.get_ref().contains(&protocol))
    }
}

fn tenant_header() -> String {
    "x-tenant-id".to_owned()
}

fn region_header() -> String {
    "x-region".to_owned()
}

/// Enough for limits of a hundred a second, and over in a second or two.
fn flood() -> Spanned<u32> {
    Spanned::new(0..0, 300)
}

/// Twice what gateways take as they come: Envoy 60 KiB, HAProxy 16, nginx 32.
fn header_kib_max() -> u32 {
    128
}

/// Where tokens come from: minted, or supplied.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Token {
    /// A token of each tenant, as it is: `{ env = "TOKEN_{id}" }`.
    pub supplied: Option<Secret>,
    /// The private key of a test issuer that the gateway believes, PKCS#8 in PEM.
    pub key: Option<Secret>,
    /// Its algorithm.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Its id.
    pub key_id: Option<String>,
    /// Claims of an honest token; `exp`, `iat` and `nbf` are put in.
    #[serde(default)]
    pub claims: Table,
    /// Which of them names the tenant.
    #[serde(default = "tenant_claim")]
    pub tenant_claim: String,
    /// How long an honest token lives.
    #[serde(default = "lifetime_s")]
    pub lifetime_s: u32,
    /// How far clocks may be apart.
    #[serde(default = "leeway_s")]
    pub leeway_s: u32,
    /// The longest lifetime that the gateway itself must enforce, if it must.
    pub lifetime_s_max: Option<u32>,
}

fn tenant_claim() -> String {
    "tenant".to_owned()
}

fn lifetime_s() -> u32 {
    300
}

/// What gateways allow as they come.
fn leeway_s() -> u32 {
    60
}

/// Algorithms of RFC 7518 and RFC 8037 that a key may have.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256.
    #[default]
    ES256,
    /// ECDSA on P-384.
    ES384,
    /// RSA, PKCS#1 v1.5.
    RS256,
    /// RSA, PSS.
    PS256,
    /// Ed25519.
    EdDSA,
}

/// A key whose tokens must be refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RefusedKey {
    /// PKCS#8 in PEM.
    pub key: Secret,
    /// Its algorithm.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Its id.
    pub key_id: Option<String>,
    /// What it is.
    pub why: Why,
}

/// Why a key is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// It was rotated out (IDN-04).
    Retired,
    /// It belongs to another issuer, or to another environment (IDN-01).
    Foreign,
}

/// What shows that a request was let through: an answer that echoes what was sent, always, and one of these.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passed {
    /// A header that the service behind sets. Status codes do not count then.
    pub header: Option<String>,
    /// Status codes, or classes of them: `2xx`. By default 2xx and 3xx.
    pub status: Option<Vec<Spanned<String>>>,
}

impl Passed {
    /// Whether a status alone shows it.
    pub fn by_status(&self, status: u16) -> bool {
        match (&self.header, &self.status) {
            (_, Some(all)) => all.iter().any(|form| fits(form.get_ref(), status)),
            (Some(_), None) => false,
            (None, None) => (200..400).contains(&status),
        }
    }
}

fn fits(form: &str, status: u16) -> bool {
    match form.strip_suffix("xx") {
        Some(class) => class.parse() == Ok(status / 100),
        None => form.parse() == Ok(status),
    }
}

/// A person who holds both test tenants.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Switch {
    /// What such a token claims beside an honest one: `{ tenants = ["acme", "globex"] }`.
    pub claims: Table,
    /// The line of a request that selects a tenant: `cookie: tenant={id}`.
    pub selects: String,
    /// How many switches a minute are allowed.
    pub per_min: u32,
}

/// Another client than the deployment's own, with a certificate that the gateway takes: tokens are bound to those
/// (RFC 8705, section 3).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Its certificate with its chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Places that nobody can be at within a second, as the gateway is told of them: by whoever stands before it and is
/// believed, for whom the judge stands in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Travel {
    /// The lines of requests that say so: `["x-client-place: 52.5,13.4", "x-client-place: 35.7,139.7"]`.
    pub places: [String; 2],
    /// How soon a token that was at both is refused, in seconds.
    #[serde(default = "notices_in_s")]
    pub notices_in_s: u32,
}

/// As the reference platform has it.
fn notices_in_s() -> u32 {
    1
}

/// Regions in tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// The claim that names it.
    pub claim: String,
    /// A region that the gateway does not serve.
    pub foreign: String,
}

/// What TOML and types do not say.
pub fn check(gateway: &Gateway, tenants: &[&Tenant], place: &Place, mode: Mode, found: &mut Vec<InputError>) {
    gateway.resource.iter().for_each(|resource| resource::check(resource, tenants, place, found));
    let mints = gateway.token.get_ref().key.is_some();
    gateway.masked.iter().for_each(|masked| masked::check(masked, mints, place, found));
    let mut wrong = |span, what: &str, expected: &str| found.push(place.at(span, what, expected));
    let form = "https://HOST:PORT/PATH or http://HOST:PORT/PATH";
    match Url::parse(gateway.url.get_ref()) {
        Ok(url) if url.password().is_some() || !url.username().is_empty() => {
            wrong(gateway.url.span(), "a user or a password in the URL", "a table [gateway.token]");
        }
        Ok(url) if url.scheme() == "https" && gateway.tls.is_none() => {
            let expected = "a table [gateway.tls] with the authority that signed it, as { ca = \"ca.pem\" }";
            wrong(gateway.url.span(), "https without certificates", expected);
        }
        Ok(url) if url.scheme() == "http" && gateway.tls.is_some() => {
            wrong(gateway.url.span(), "certificates for a URL of http", "https, or no table [gateway.tls]");
        }
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.host_str().is_some() => {}
        _ => wrong(gateway.url.span(), "no URL of a gateway", form),
    }
    if let Some(plain) = &gateway.plain
        && !Url::parse(plain.get_ref()).is_ok_and(|url| url.scheme() == "http" && url.host_str().is_some())
    {
        wrong(plain.span(), "no URL without TLS", "http://HOST:PORT");
    }
    if let Some(named) = gateway.http.as_ref().filter(|named| named.get_ref().is_empty()) {
        wrong(named.span(), "no protocol", "\"1.1\", \"2\" or both");
    }
    if let Some(path) = &gateway.forbidden {
        let segments = path.get_ref().strip_prefix('/').unwrap_or_default();
        if !segments.starts_with(|c: char| c.is_ascii_alphabetic()) || segments.contains(['?', '#', '%']) {
            wrong(path.span(), "no path of letters", "a path without a query, as /admin/tenants");
        }
    }
    for status in gateway.passed.status.iter().flatten() {
        let form = status.get_ref().strip_suffix("xx").map_or(status.get_ref().clone(), |class| format!("{class}00"));
        if !form.parse().is_ok_and(|n: u16| (100..600).contains(&n)) {
            wrong(status.span(), "no status code", "200, or a class: 2xx");
        }
    }
    if *gateway.flood.get_ref() > 0 && mode == Mode::Destructive && *gateway.flood.get_ref() < 20 {
        wrong(
            gateway.flood.span(),
            "a flood of less than 20 requests",
            "more than a limit lets through, or 0 for none",
        );
    }
    check_token(gateway, place, found);
    check_clients(gateway, place, found);
    if let Some(switch) = &gateway.switch {
        let mut wrong = |what: &str, expected: &str| found.push(place.at(switch.span(), what, expected));
        if gateway.token.get_ref().key.is_none() {
            wrong("claims of a supplied token", "key in [gateway.token], to mint with");
        }
        if !switch.get_ref().selects.contains(": ") || !switch.get_ref().selects.contains("{id}") {
            wrong("a line that selects nothing", "selects = \"cookie: tenant={id}\"");
        }
    }
    if let Some(issuer) = &gateway.issuer {
        issuer::check(issuer, gateway.token.get_ref().key.is_some(), place, found);
    }
}

fn check_clients(gateway: &Gateway, place: &Place, found: &mut Vec<InputError>) {
    if let Some(bound) = &gateway.bound
        && gateway.tls.as_ref().is_none_or(|tls| tls.get_ref().certificate.is_none())
    {
        let expected = "certificate and key of the deployment's own client in [gateway.tls]";
        found.push(place.at(bound.span(), "tokens that are bound to no certificate", expected));
    }
    if let Some(travel) = &gateway.travel {
        let [from, to] = &travel.get_ref().places;
        if from == to || [from, to].into_iter().any(|line| !line.contains(": ")) {
            let expected = "places = [\"x-client-place: 52.5,13.4\", \"x-client-place: 35.7,139.7\"]";
            found.push(place.at(travel.span(), "no two places", expected));
        }
        if gateway.token.get_ref().key.is_none() {
            found.push(place.at(
                travel.span(),
                "travels with a supplied token",
                "key in [gateway.token], to mint with",
            ));
        }
    }
}

fn check_token(gateway: &Gateway, place: &Place, found: &mut Vec<InputError>) {
    let token = gateway.token.get_ref();
    let mut wrong = |what: &str, expected: &str| found.push(place.at(gateway.token.span(), what, expected));
    match (&token.supplied, &token.key) {
        (None, None) => wrong("no token", &format!("supplied or key, as {}", secret::EXPECTED)),
        (Some(_), Some(_)) => wrong("tokens that are minted and supplied", "supplied or key, and not both"),
        (Some(_), None) if !token.claims.is_empty() => wrong("claims of a supplied token", "key, to mint with"),
        (Some(_), None) => {}
        (None, Some(_)) => {
            for (claim, why) in [("iss", "its issuer"), ("aud", "its audience"), (&*token.tenant_claim, "its tenant")] {
                if !token.claims.contains_key(claim) {
                    wrong(&format!("a token without {claim}"), &format!("{why} in claims, as {claim} = \"…\""));
                }
            }
            if let Some(region) = gateway.region.as_ref().filter(|r| !token.claims.contains_key(&r.claim)) {
                let claim = &region.claim;
                wrong(&format!("a token without {claim}"), &format!("its region in claims, as {claim} = \"…\""));
            }
            if token.claims.keys().any(|name| ["exp", "iat", "nbf"].contains(&name.as_str())) {
                wrong("times among the claims", "lifetime-s: a time that stands in a file has passed soon");
            }
        }
    }
    if token.lifetime_s_max.is_some_and(|longest| longest < token.lifetime_s) {
        wrong("honest tokens that live longer than lifetime-s-max", "lifetime-s within it");
    }
}
